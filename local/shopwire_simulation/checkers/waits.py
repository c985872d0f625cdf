"""Checks how long a change waits after the API answered 409 or 429.

After 409 the same request is not sent again within a minute, because the API may begin its minute again. After 429 a
change waits as long as Retry-After says. Without Retry-After, or if the API asks for a second or two, the change is
tried again within seconds: the API throttles an account only until the second is over, so that is no reason to pause
the shop for longer.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.observations import ChangeKey, ReportViolation
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Invocation
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import HOUR, MINUTE, SECOND

_REPEATED_MS = MINUTE
_MIN_THROTTLED_MS = SECOND
# The longest wait after 429 is 16 s. The rest is for the queue.
_MAX_THROTTLED_MS = 45 * SECOND
_SHORT_RETRY_AFTER_MS = 5 * SECOND
# Throttling that goes on for half a minute may pause the shop.
_CONTINUES_MS = 30 * SECOND
_CONTINUES_COUNT = 5
# A shop whose key is wrong is tried once an hour, by a message that may wait in SQS for another 15 minutes.
_PROBED_MS = HOUR + 15 * MINUTE
# One function's clock may be 2.5 s slow and another's as much fast.
_SKEW_MS = 5 * SECOND
# An outage makes changes wait for other reasons. After one, a pause may last.
_SLOW_STORES = ("ledger_slow", "queue_slow")
_OUTAGES = (
    "api_down",
    "api_slow",
    "api_sluggish",
    "api_throttled",
    "api_throttled_after",
    "api_error",
    "api_unauthorized",
    "api_unsteady",
    "api_lost_answer",
    "api_remembers",
    "api_flapping",
    "api_unsteady_flapping",
    "api_sluggish_flapping",
    "queue_down",
    "queue_lost_answer",
    "queue_flapping",
    "queue_out",
    "queue_slow",
    "ledger_down",
    "ledger_lost_answer",
    "ledger_slow",
    "ledger_throttled",
    "settings_down",
    "wrong_key",
    "platform_down",
    "platform_slow",
    "platform_limited",
    "platform_behind",
)


@dataclass(frozen=True, slots=True)
class _Failure:
    at: int
    status: int
    retry_after_ms: int
    request: bytes
    invocation: Invocation


class WaitChecker:
    """Follows the failed calls of each change.

    Args:
        faults: says when other faults were possible.
        met_trouble: returns True if an invocation that worked on an entity of a shop since then (UTC milliseconds)
            crashed or found a store down.
        replayed_keys: keys of the changes that were replayed by hand.
        has_copies: returns True if a change was received more than once. Each copy waits in the queue by itself, and
            knows nothing of an answer that another one got.
        time_limits: shop -> how long its platform waits for an answer, in milliseconds.
    """

    def __init__(
        self,
        faults: FaultSchedule,
        met_trouble: Callable[[str, str, int], bool],
        excuses: ExcuseCounter,
        replayed_keys: Collection[ChangeKey],
        has_copies: Callable[[Announcement, ChangeKey], bool],
        time_limits: Mapping[str, int],
        now: Callable[[], int],
        report: ReportViolation,
    ) -> None:
        self._faults = faults
        self._met_trouble = met_trouble
        self._excuses = excuses
        self._replayed_keys = replayed_keys
        self._has_copies = has_copies
        self._time_limits = time_limits
        self._now = now
        self._report = report
        self._failures: dict[ChangeKey, _Failure] = {}
        """The last failed call of each change."""
        self._accepted: dict[bytes, tuple[int, ChangeKey]] = {}
        """When each request was accepted last, and for which change."""
        self._throttled: dict[str, list[int]] = {}
        """When each shop was throttled lately."""
        self._paused_at: dict[str, int] = {}
        """When there was last a reason to pause each shop."""

    def answer_problem(self, announcement: Announcement, invocation: Invocation) -> str | None:
        """Return what is wrong with the time that the answer to a webhook took; None if it came in time.

        A browser does not wait. Stores that are slow or down take their own time.
        """
        took = self._now() - invocation.started_at
        # The function's clock may be slow, and its time budget begins when the gateway got the request.
        skew = _SKEW_MS // 2 if self._faults.includes("skew") else 0
        if announcement.storefront or took <= self._time_limits[announcement.shop] + skew:
            return None
        if invocation.stood_still or invocation.overran or invocation.killed or _met_store_outage(invocation):
            return None
        if self._faults.is_open(_SLOW_STORES, invocation.started_at, self._now()):
            return None
        return f"answered after {took} ms, although the platform does not wait so long"

    def on_failure(
        self,
        announcement: Announcement,
        invocation: Invocation,
        path: str,
        body: bytes,
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        """Note a call that failed for now. `path` is method and path; status 0 means no answer."""
        now, shop = self._now(), announcement.shop
        retry_after_ms = int(headers.get("retry-after", 0)) * SECOND
        if status == 429 and retry_after_ms < _SHORT_RETRY_AFTER_MS:
            throttled = [at for at in self._throttled.get(shop, ()) if at > now - 10 * MINUTE]
            self._throttled[shop] = [*throttled, now]
            if len(throttled) + 1 >= _CONTINUES_COUNT and now - throttled[0] >= _CONTINUES_MS:
                self._paused_at[shop] = now
        elif status != 409:
            self._paused_at[shop] = now
        key, request = invocation.notes["key"], _digest(path, body)
        accepted_at, of_change = self._accepted.get(request, (0, key))
        if status == 409 and of_change != key and now - accepted_at <= _REPEATED_MS:
            return  # another webhook sent the same contact, so the answer says that the API has it
        self._failures[key] = _Failure(now, status, retry_after_ms, request, invocation)

    def on_accepted(self, invocation: Invocation, path: str, body: bytes) -> None:
        """Note a request that the API accepted. `path` is method and path."""
        self._accepted[_digest(path, body)] = (self._now(), invocation.notes["key"])

    def on_platform_failure(self, shop: str) -> None:
        """Note that the API of the shop's platform failed, which is a reason to pause what is fetched from it."""
        self._paused_at[shop] = self._now()

    def on_call(self, announcement: Announcement, invocation: Invocation, path: str, body: bytes) -> None:
        """Check that the change waited long enough since its last call failed, and not too long."""
        key = invocation.notes["key"]
        failure = self._failures.pop(key, None)
        if failure is None or key in self._replayed_keys:
            return
        if problem := self._wait_problem(announcement, invocation, key, failure, _digest(path, body)):
            if self._met_trouble(announcement.shop, announcement.entity, failure.at - HOUR):
                self._excuses.use("crashed")
            else:
                self._report("wedged", announcement, problem)

    def _wait_problem(
        self, announcement: Announcement, invocation: Invocation, key: ChangeKey, failure: _Failure, request: bytes
    ) -> str | None:
        """Return what is wrong with the time since the change's last failure; None if it waited as it should."""
        waited, seconds = self._now() - failure.at, (self._now() - failure.at) // SECOND
        skew = _SKEW_MS if self._faults.includes("skew") else 0
        may_be_early = self._has_copies(announcement, key)
        if failure.status == 409:
            # Within one invocation the same request follows only if the 409 says that an unanswered one was accepted.
            is_same = failure.request == request and failure.invocation is not invocation
            if is_same and waited < _REPEATED_MS - skew and not (may_be_early and self._excuses.use("copies")):
                return f"the same request again {seconds} s after the answer 409"
        elif failure.status == 429:
            if waited < max(failure.retry_after_ms, _MIN_THROTTLED_MS) - skew:
                if not (may_be_early and self._excuses.use("copies")):
                    return f"tried again {waited} ms after the answer 429"
            elif waited > failure.retry_after_ms + _MAX_THROTTLED_MS and not (
                self._may_be_paused(announcement, failure) and self._excuses.use("paused")
            ):
                return f"tried again only {seconds} s after the answer 429"
        return None

    def _may_be_paused(self, announcement: Announcement, failure: _Failure) -> bool:
        return (
            failure.retry_after_ms >= _SHORT_RETRY_AFTER_MS
            or self._paused_at.get(announcement.shop, 0) > failure.at - _PROBED_MS
            or self._faults.is_open(_OUTAGES, failure.at, self._now())
        )


def _met_store_outage(invocation: Invocation) -> bool:
    return any(note.endswith("_down") for note in invocation.notes)


def _digest(path: str, body: bytes) -> bytes:
    return hashlib.sha256(path.encode() + body).digest()
