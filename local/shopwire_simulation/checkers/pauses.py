"""Checks that `retry` leaves a paused API alone until one probe shows that the pause may end.

`webhook` tries what just arrived also during a pause, so only `retry` is checked. The API of a shop's platform has a
pause of its own. Only a failure of the very API, asked for the very shop, is a reason for a pause.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shopwire_simulation.checkers.observations import ReportEntity, ReportViolation
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.table_layout import PAUSE_PROBED, PAUSE_UNTIL, api_of, is_state_key
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import SECOND

_SEEN_MS = 10 * SECOND
"""An environment sees a pause 5 s after it began, and two clocks differ by at most 5 s."""
_SKEW_MS = 5 * SECOND
_FAILED = "failed_apis"
"""The note of an invocation with the APIs that failed."""


@dataclass(slots=True)
class _Pause:
    began_at: int
    until: int
    prober: Invocation | None = None


class PauseChecker:
    """Follows the pauses of each shop and of its platform's API, as the table has them."""

    def __init__(self, now: Callable[[], int], report: ReportViolation, report_entity: ReportEntity) -> None:
        self._now = now
        self._report = report
        self._report_entity = report_entity
        self._pauses: dict[str, _Pause] = {}

    def on_write(
        self, invocation: Invocation | None, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> None:
        """Note a write of the table."""
        if after is None or not is_state_key(after["pk"]["S"]):
            return
        api = api_of(after["pk"]["S"])
        if PAUSE_UNTIL not in after:
            self._pauses.pop(api, None)
            return
        until = int(after[PAUSE_UNTIL]["N"])
        is_moved = before is None or before.get(PAUSE_UNTIL) != after[PAUSE_UNTIL]
        # The end is moved to the past if the message that was to probe caused no request.
        begins = is_moved and PAUSE_PROBED not in after and until > self._now() + _SKEW_MS
        if begins and invocation and api not in invocation.notes.get(_FAILED, ()):
            self._report_entity("wedged", api.partition("#")[0], "", f"{api} is paused, although its API works", None)
        pause = self._pauses.setdefault(api, _Pause(self._now(), until))
        if PAUSE_PROBED not in after:
            if is_moved and (pause.prober or pause.until <= self._now()):
                pause.began_at = self._now()  # it is another pause, of which the prober of the last one knows nothing
            pause.prober = None
        elif before and before.get(PAUSE_UNTIL) != after[PAUSE_UNTIL]:
            pause.prober = invocation
        pause.until = until

    @staticmethod
    def on_failure(api: str, invocation: Invocation) -> None:
        """Note a call that failed for now. `api` is as in `table_layout.api_of`."""
        invocation.notes.setdefault(_FAILED, set()).add(api)

    def on_call(self, api: str, announcement: Announcement, invocation: Invocation) -> None:
        """Check a call of an API. `api` is as in `table_layout.api_of`."""
        pause = self._pauses.get(api)
        if (
            pause is not None
            and invocation.name == "retry"
            and invocation is not pause.prober
            and invocation.notes["claimed_at"] > pause.began_at + _SEEN_MS
            and self._now() < pause.until - _SKEW_MS
        ):
            whose = "platform" if "#" in api else "shop"
            self._report("wedged", announcement, f"called the API during the pause of its {whose}")
