"""Checks that `retry` leaves a paused shop alone until one probe shows that the pause may end.

`webhook` tries what just arrived also during a pause, so only `retry` is checked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shopwire_simulation.checkers.observations import ReportViolation
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.table_layout import PAUSE_PROBED, PAUSE_UNTIL, is_state_key, shop_of
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import SECOND

_SEEN_MS = 10 * SECOND
"""An environment sees a pause 5 s after it began, and two clocks differ by at most 5 s."""
_SKEW_MS = 5 * SECOND


@dataclass(slots=True)
class _Pause:
    began_at: int
    until: int
    prober: Invocation | None = None


class PauseChecker:
    """Follows the pauses of each shop, as the table has them."""

    def __init__(self, now: Callable[[], int], report: ReportViolation) -> None:
        self._now = now
        self._report = report
        self._pauses: dict[str, _Pause] = {}

    def on_write(
        self, invocation: Invocation | None, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> None:
        """Note a write of the table."""
        if after is None or not is_state_key(after["pk"]["S"]):
            return
        shop = shop_of(after["pk"]["S"])
        if PAUSE_UNTIL not in after:
            self._pauses.pop(shop, None)
            return
        until = int(after[PAUSE_UNTIL]["N"])
        pause = self._pauses.setdefault(shop, _Pause(self._now(), until))
        if PAUSE_PROBED not in after:
            pause.prober = None
        elif before and before.get(PAUSE_UNTIL) != after[PAUSE_UNTIL]:
            pause.prober = invocation
        pause.until = until

    def on_call(self, announcement: Announcement, invocation: Invocation) -> None:
        """Check a call of the API."""
        pause = self._pauses.get(announcement.shop)
        if (
            pause is not None
            and invocation.name == "retry"
            and invocation is not pause.prober
            and invocation.notes["claimed_at"] > pause.began_at + _SEEN_MS
            and self._now() < pause.until - _SKEW_MS
        ):
            self._report("wedged", announcement, "called the API during the pause of its shop")
