"""The kinds of faults, and the schedule that says when each is active. The seed decides the schedule before the run.

Each kind of fault is active in windows of virtual time, or happens with a probability at each opportunity.
"""

import random
from bisect import bisect_right
from collections.abc import Collection

from shopwire_testkit.durations import DAY, HOUR, MINUTE, SECOND

# kind -> shortest and longest duration of a window, and the number of windows per day.
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
    "api_busy": (1 * MINUTE, 40 * MINUTE, 4),
    "api_busy_after": (1 * MINUTE, 40 * MINUTE, 4),
    "api_remembers": (1 * MINUTE, 20 * MINUTE, 4),
    "platform_down": (5 * SECOND, 40 * MINUTE, 6),
    "platform_slow": (5 * SECOND, 10 * MINUTE, 4),
    "platform_limited": (1 * MINUTE, 20 * MINUTE, 4),
    "platform_behind": (5 * MINUTE, 40 * MINUTE, 12),
}

# kind -> probability at each opportunity.
_PROBABILITIES = {
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
    # As "overrun", but often.
    "overruns": 1 / 8,
    "cold_start": 0.02,
    "poison_refused": 1 / 150,
    "poison_failing": 1 / 800,
    "poison_killing": 1 / 1500,
    # One request takes so long that others of the same person or order are sent, accepted and recorded meanwhile.
    "api_straggler": 1 / 100,
    # For each order: all its snapshots are held back, so that its facts arrive first.
    "facts_first": 1 / 40,
    # For each customer: all changes of the account are held back, so that its deletion arrives first.
    "deletions_first": 1 / 4,
    "api_races": 1 / 4,
    "skew": 1.0,
    "rotation": 1.0,
    # For each entry of a batch.
    "queue_partial": 3 / 10,
    "ledger_partial": 1 / 10,
}

# kind -> factor for its probability in a compressed run, which has less time for the same number of faults.
_COMPRESSED_FACTORS = {
    "duplicate": 4,
    "late": 3,
    "crash": 8,
    "no_answer": 8,
    "standstill": 8,
    "overrun": 8,
    "poison_refused": 8,
    "poison_failing": 8,
    "api_straggler": 6,
    "facts_first": 4,
}

# kind -> duration. Only the enumerated injections and some burst runs use these kinds, because a short story must meet
# them for certain. Each is on for the duration, then off for as long, and so on for an hour from the first webhook.
_FLAPPING = {
    "api_flapping": 40 * SECOND,
    "api_unsteady_flapping": 10 * MINUTE,
    "queue_flapping": 25 * SECOND,
    "api_sluggish_flapping": 5 * MINUTE,
    "queue_out": HOUR,
}
SEND_TWICE = "send_twice"
"""Each webhook comes a second time within seconds. Only the enumerated injections use this kind too."""

FAULT_KINDS = tuple(sorted((*_WINDOWS, *_PROBABILITIES.keys() - {"api_races", "deletions_first", "overruns"})))
"""The kinds that `--faults` takes."""


class FaultSchedule:
    """Says which faults are active, and counts how often each had an effect.

    Args:
        kinds: the kinds of faults that may happen.
        start: virtual time before which no fault begins (UTC milliseconds).
        end: virtual time at which all faults end.
        first_webhook_at: virtual time of the first webhook.
        compression: how many times shorter and more frequent the windows are. Above 1 the probabilities are higher too.
    """

    def __init__(
        self,
        rng: random.Random,
        kinds: Collection[str],
        start: int,
        end: int,
        first_webhook_at: int,
        compression: int = 1,
    ) -> None:
        self._kinds = frozenset(kinds)
        self._end = end
        self.is_compressed = compression > 1
        """Whether the stories take minutes, not days."""
        factors = _COMPRESSED_FACTORS if compression > 1 else {}
        self._probabilities = {kind: value * factors.get(kind, 1) for kind, value in _PROBABILITIES.items()}
        self._windows = {
            kind: _draw_windows(rng, kind, start, end, compression) for kind in _WINDOWS if kind in self._kinds
        }
        for kind in self._kinds.intersection(_FLAPPING):
            duration = _FLAPPING[kind]
            starts = range(first_webhook_at, first_webhook_at + HOUR, 2 * duration)
            self._windows[kind] = [(at, at + duration) for at in starts]
        self.counts: dict[str, int] = {}
        """How often each kind of fault had an effect."""

    def is_active(self, kind: str, now: int) -> bool:
        """Return True if a window of the kind is open, and count the fault."""
        windows = self._windows.get(kind)
        if not windows or now >= self._end:
            return False
        index = bisect_right(windows, (now, now + DAY * 365)) - 1
        return index >= 0 and now < windows[index][1] and self._count(kind)

    def is_open(self, kinds: Collection[str], since: int, until: int) -> bool:
        """Return True if a window of one of these kinds is open at any moment of a time. Count nothing."""
        return any(begin <= until and end >= since for kind in kinds for begin, end in self._windows.get(kind, ()))

    def happens(self, kind: str, now: int, rng: random.Random) -> bool:
        """Return True with the kind's probability, and count the fault."""
        if kind not in self._kinds or now >= self._end or rng.random() >= self._probabilities[kind]:
            return False
        return self._count(kind)

    def has_ended(self, now: int) -> bool:
        """Return True if no fault can happen any more."""
        return now >= self._end

    def includes(self, kind: str) -> bool:
        """Return True if faults of this kind may happen in the run."""
        return kind in self._kinds

    def _count(self, kind: str) -> bool:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return True


def _draw_windows(rng: random.Random, kind: str, start: int, end: int, compression: int) -> list[tuple[int, int]]:
    shortest, longest, per_day = _WINDOWS[kind]
    count = max(1, round(per_day * compression**1.25 * (end - start) / DAY))
    windows = []
    for _ in range(count):
        begin = rng.randrange(start, end)
        # Most outages are short, so the duration is drawn on a logarithmic scale.
        duration = int(shortest * (longest / shortest) ** rng.random()) // compression
        windows.append((begin, min(begin + duration, end)))
    return sorted(windows)
