"""Counts per minute for the charts: outcomes, waiting webhooks, and the age of the oldest one.

All times are UTC milliseconds, and the caller provides the current time.
"""

from dataclasses import dataclass, field

CHART_MINUTES = 30
"""Number of minutes in a chart."""
_MINUTE_MS = 60_000
GROUPS = ("delivered", "waiting", "parked", "refused", "unsent")
"""The groups of outcomes that counters and charts show."""
_GROUP = {
    "delivered": "delivered",
    "queued": "waiting",
    "in progress": "waiting",
    "waiting": "waiting",
    "parked": "parked",
    "unverified": "refused",
    "invalid": "refused",
    "unavailable": "refused",
    "refused": "refused",
}


def outcome_group(outcome: str) -> str:
    """Return the group of an outcome. Every outcome that deliberately sends nothing is "unsent"."""
    return _GROUP.get(outcome, "unsent")


@dataclass(slots=True)
class Minute:
    """The counts of one minute."""

    outcomes: dict[str, int] = field(default_factory=dict)
    """Group of outcomes -> number of webhooks."""
    max_waiting: int = 0
    """The highest number of waiting webhooks in this minute."""
    max_age_ms: int = 0
    """The highest age of a waiting webhook in this minute."""


class Minutes:
    """The counts of the last minutes. A minute without events has the number of webhooks that still waited in it."""

    def __init__(self) -> None:
        self._minutes: dict[int, Minute] = {}
        self._waiting = 0
        self._oldest_since: int | None = None
        self._last_minute: int | None = None

    def count(self, outcome: str, now: int) -> None:
        """Count one webhook with this outcome."""
        self._fill(now)
        counts = self._minute(now).outcomes
        name = outcome_group(outcome)
        counts[name] = counts.get(name, 0) + 1

    def set_waiting(self, now: int, waiting: int, oldest_since: int | None) -> None:
        """Set the number of waiting webhooks, and the time since which the oldest one waits."""
        self._fill(now)
        self._waiting, self._oldest_since = waiting, oldest_since
        self._note_waiting(now)

    def last(self, now: int) -> list[Minute]:
        """Return the minutes that a chart shows, oldest first."""
        self._fill(now)
        newest = now // _MINUTE_MS
        return [self._minutes.get(minute, Minute()) for minute in range(newest - CHART_MINUTES + 1, newest + 1)]

    def _fill(self, now: int) -> None:
        """Fill the minutes since the last event, and drop the minutes before the chart."""
        newest = now // _MINUTE_MS
        start = newest if self._last_minute is None else max(self._last_minute, newest - CHART_MINUTES)
        for minute in range(start, newest):
            self._note_waiting(minute * _MINUTE_MS + _MINUTE_MS - 1)
        self._note_waiting(now)
        self._last_minute = max(newest, start)
        for old in [minute for minute in self._minutes if minute < newest - CHART_MINUTES]:
            del self._minutes[old]

    def _note_waiting(self, now: int) -> None:
        minute = self._minute(now)
        minute.max_waiting = max(minute.max_waiting, self._waiting)
        if self._oldest_since is not None:
            minute.max_age_ms = max(minute.max_age_ms, now - self._oldest_since)

    def _minute(self, now: int) -> Minute:
        return self._minutes.setdefault(now // _MINUTE_MS, Minute())
