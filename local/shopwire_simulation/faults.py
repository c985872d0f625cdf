"""What goes wrong and when: windows of virtual time for each kind of fault, drawn from the seed before the run."""

import random
from bisect import bisect_right
from collections.abc import Collection

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

# kind -> how long it lasts at least and at most, and how often it comes in a day.
_WINDOWS = {
    "api_down": (5 * SECOND, 40 * MINUTE, 6),
    "api_slow": (5 * SECOND, 10 * MINUTE, 4),
    "api_sluggish": (1 * MINUTE, 20 * MINUTE, 6),
    "api_throttled": (5 * SECOND, 5 * MINUTE, 4),
    "api_throttled_after": (5 * SECOND, 5 * MINUTE, 4),
    "api_error": (5 * SECOND, 20 * MINUTE, 4),
    "api_unauthorized": (10 * MINUTE, 70 * MINUTE, 2),
    "api_unsteady": (5 * MINUTE, 20 * MINUTE, 4),
    "api_lost_answer": (5 * SECOND, 5 * MINUTE, 6),
    "queue_down": (5 * SECOND, 40 * MINUTE, 6),
    "queue_lost_answer": (5 * SECOND, 5 * MINUTE, 6),
    "ledger_down": (5 * SECOND, 30 * MINUTE, 6),
    "ledger_throttled": (5 * SECOND, 5 * MINUTE, 6),
    "ledger_lost_answer": (5 * SECOND, 5 * MINUTE, 6),
    "ledger_slow": (5 * MINUTE, 40 * MINUTE, 4),
    "queue_slow": (5 * MINUTE, 40 * MINUTE, 4),
    "settings_down": (1 * MINUTE, 60 * MINUTE, 4),
    "wrong_key": (26 * HOUR, 44 * HOUR, 0.3),
    "replay": (1 * MINUTE, 10 * MINUTE, 12),
}

# kind -> how likely at each chance it has.
_CHANCES = {
    "duplicate": 0.08,
    "late": 0.10,
    "very_late": 0.01,
    "forged": 1 / 100,
    "forged_visit": 1 / 8,
    "unreadable": 1 / 150,
    "crash": 1 / 400,
    "no_answer": 1 / 200,
    "standstill": 1 / 400,
    "overrun": 1 / 800,
    "cold_start": 0.02,
    "poison_refused": 1 / 400,
    "poison_failing": 1 / 800,
    "poison_killing": 1 / 1500,
    "skew": 1.0,
    "rotation": 1.0,
}

# How many times more likely what strikes by chance is where all is in a hurry.
_IN_A_HURRY = {
    "duplicate": 4,
    "late": 3,
    "crash": 8,
    "no_answer": 8,
    "standstill": 8,
    "overrun": 8,
    "poison_refused": 8,
    "poison_failing": 8,
}

# What only the enumerated crashes use, since a short story must meet it for certain: on and off by turns of so many
# milliseconds, for the first hour since its first announcement.
_TURNS = {
    "api_by_turns": 40 * SECOND,
    "api_unsteady_by_turns": 10 * MINUTE,
    "queue_by_turns": 25 * SECOND,
    "api_sluggish_by_turns": 5 * MINUTE,
    "queue_out": HOUR,
}
EVERY_TWICE = "every_twice"
"""Like those: every webhook comes a second time within seconds."""

KINDS = tuple(sorted((*_WINDOWS, *_CHANCES)))


class Faults:
    """Which faults are on.

    Args:
        kinds: those that may come.
        first: when the first webhook is announced.
        hurry: how many times shorter and more frequent what lasts is; what strikes by chance is more likely then, too.
        start, end: the virtual time (UTC milliseconds) in which they come; afterwards all is well.
    """

    def __init__(
        self, rng: random.Random, kinds: Collection[str], start: int, end: int, first: int, hurry: int = 1
    ) -> None:
        self._kinds = frozenset(kinds)
        self._end = end
        more = _IN_A_HURRY if hurry > 1 else {}
        self._chances = {kind: chance * more.get(kind, 1) for kind, chance in _CHANCES.items()}
        self._windows = {kind: _draw(rng, kind, start, end, hurry) for kind in _WINDOWS if kind in self._kinds}
        for kind in self._kinds.intersection(_TURNS):
            self._windows[kind] = [(at, at + _TURNS[kind]) for at in range(first, first + HOUR, 2 * _TURNS[kind])]
        self.counts: dict[str, int] = {}
        """How often each kind struck."""

    def on(self, kind: str, now: int) -> bool:
        """Whether a fault that lasts is on; counts as a strike."""
        windows = self._windows.get(kind)
        if not windows or now >= self._end:
            return False
        place = bisect_right(windows, (now, now + DAY * 365)) - 1
        return place >= 0 and now < windows[place][1] and self._strike(kind)

    def chance(self, kind: str, now: int, rng: random.Random) -> bool:
        """Whether a fault that strikes by chance does so this time."""
        if kind not in self._kinds or now >= self._end or rng.random() >= self._chances[kind]:
            return False
        return self._strike(kind)

    def lasting(self, now: int) -> bool:
        """Whether the time of faults is not over yet."""
        return now < self._end

    def is_possible(self, kind: str) -> bool:
        return kind in self._kinds

    def _strike(self, kind: str) -> bool:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return True


def _draw(rng: random.Random, kind: str, start: int, end: int, hurry: int) -> list[tuple[int, int]]:
    shortest, longest, a_day = _WINDOWS[kind]
    count = max(1, round(a_day * hurry**1.25 * (end - start) / DAY))
    windows = []
    for _ in range(count):
        begin = rng.randrange(start, end)
        # Most outages are short: the length is drawn on a logarithmic scale.
        length = int(shortest * (longest / shortest) ** rng.random()) // hurry
        windows.append((begin, min(begin + length, end)))
    return sorted(windows)
