"""Checks that no genuine webhook is refused, unless what its check needs was really out of reach at that moment."""

from collections.abc import Callable

from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.observations import ReportViolation
from shopwire_simulation.scheduler import Invocation
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import SECOND

_REREAD_MS = 40 * SECOND
"""After a failed reading, an environment reads a shop's settings again at most every 30 s. Its invocation may last
10 s."""


class RefusalChecker:
    """Follows the answers to genuine webhooks."""

    def __init__(self, excuses: ExcuseCounter, now: Callable[[], int], report: ReportViolation) -> None:
        self._excuses = excuses
        self._now = now
        self._report = report
        self._settings_failed_at: dict[str, int] = {}
        """When the settings of each shop could not be read last."""

    def on_answer(self, announcement: Announcement, invocation: Invocation) -> None:
        """Note whether the invocation could read the settings. Also called for forged webhooks."""
        if failed_at := invocation.notes.get("settings_down"):
            self._settings_failed_at[announcement.shop] = failed_at

    def on_refusal(self, announcement: Announcement, invocation: Invocation, status: int) -> None:
        """Check an answer other than 200 to a genuine webhook."""
        notes = invocation.notes
        if status == 503:
            if notes.get("settings_down"):
                self._excuses.use("settings_out_of_reach")
            elif notes.get("ledger_down") and notes.get("queue_down"):
                self._excuses.use("no_durable_store")
            else:
                self._report("lost", announcement, "answered with 503 although a durable store could be reached")
        elif status == 401 and self._now() - self._settings_failed_at.get(announcement.shop, 0) < _REREAD_MS:
            self._excuses.use("settings_out_of_reach")
        else:
            self._report("lost", announcement, f"answered with {status}")
