"""Counts by minute, for the charts: outcomes, how many wait, how old the oldest of them is. The clock is given."""

from dataclasses import dataclass, field

SHOWN = 30
"""Minutes that a chart shows."""
_MINUTE = 60_000
GROUPS = ("delivered", "waiting", "parked", "refused", "unsent")
"""What counters and charts tell apart; everything that was deliberately not sent is "unsent"."""
_GROUP = {
    "delivered": "delivered",
    "queued": "waiting",
    "on its way": "waiting",
    "waiting": "waiting",
    "parked": "parked",
    "unverified": "refused",
    "unavailable": "refused",
    "refused": "refused",
}


def group(outcome: str) -> str:
    """The group of an outcome."""
    return _GROUP.get(outcome, "unsent")


@dataclass(slots=True)
class Minute:
    """One minute. `depth` is the most that waited in it, `oldest` the greatest age of what waited (milliseconds)."""

    outcomes: dict[str, int] = field(default_factory=dict)
    depth: int = 0
    oldest: int = 0


class Minutes:
    """The last minutes; those in which nothing happened are filled from what waited since."""

    def __init__(self) -> None:
        self._minutes: dict[int, Minute] = {}
        self._depth = 0
        self._since: int | None = None
        self._last: int | None = None

    def count(self, outcome: str, now: int) -> None:
        """Something came to that outcome."""
        self._fill(now)
        counts = self._minute(now).outcomes
        name = group(outcome)
        counts[name] = counts.get(name, 0) + 1

    def note(self, now: int, depth: int, since: int | None) -> None:
        """So many wait now, the oldest of them since then."""
        self._fill(now)
        self._depth, self._since = depth, since
        self._stand(now)

    def last(self, now: int) -> list[Minute]:
        """The minutes that a chart shows, the oldest first."""
        self._fill(now)
        newest = now // _MINUTE
        return [self._minutes.get(one, Minute()) for one in range(newest - SHOWN + 1, newest + 1)]

    def _fill(self, now: int) -> None:
        newest = now // _MINUTE
        start = newest if self._last is None else max(self._last, newest - SHOWN)
        for minute in range(start, newest):
            self._stand(minute * _MINUTE + _MINUTE - 1)
        self._stand(now)
        self._last = max(newest, start)
        for old in [one for one in self._minutes if one < newest - SHOWN]:
            del self._minutes[old]

    def _stand(self, now: int) -> None:
        minute = self._minute(now)
        minute.depth = max(minute.depth, self._depth)
        if self._since is not None:
            minute.oldest = max(minute.oldest, now - self._since)

    def _minute(self, now: int) -> Minute:
        return self._minutes.setdefault(now // _MINUTE, Minute())
