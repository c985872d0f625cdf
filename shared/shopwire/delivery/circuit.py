"""The circuit breaker of each shop: failures in a row send its webhooks to the queue first, then pause the shop.

The API of a shop's platform has a circuit breaker of its own (`pauses.platform_of`), which holds back what is fetched.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from shopwire.delivery.task import Clock, Policy
from shopwire.errors import RetryLater, TableUnavailable
from shopwire.esputnik import Verdict
from shopwire.stores.pauses import Pauses

_FAILURES_TO_PAUSE = 5
_FAILURES_TO_QUEUE_FIRST = 3
# The API throttles an account until the second is over, so some 429 are usual while much is sent. They pause the shop
# if the API itself asks for a longer wait, or if nothing else came for so long.
_LONG_THROTTLING_MS = 5_000
_THROTTLING_TO_PAUSE_MS = 30_000
# Two 429 that are further apart say nothing about the time between them.
_THROTTLING_GAP_MS = 300_000


@dataclass(slots=True)
class _Failures:
    """The failures of a shop since the API last accepted a request of it. Times are UTC milliseconds.

    Args:
        entities: the entities of the last failures that were no throttling.
        throttled: how many requests were throttled in a row.
        throttled_since: when the first of them was.
        throttled_at: when the last of them was.
    """

    entities: list[str] = field(default_factory=list)
    throttled: int = 0
    throttled_since: int = 0
    throttled_at: int = 0


class Circuit:
    """Counts each shop's failures in a row, in this Lambda environment, and pauses shops for all of them."""

    def __init__(self, pauses: Pauses, policy: Policy, clock: Clock) -> None:
        self._pauses = pauses
        self._policy = policy
        self._clock = clock
        self._failures: dict[str, _Failures] = {}
        self._queue_first_until: dict[str, int] = {}
        self.heard: Counter[str] = Counter()
        """How often the API of each shop accepted a request, failed, or did not answer."""

    def queue_first(self, shop: str) -> bool:
        """Return whether the shop failed so often just now that its webhooks go to the queue without an attempt."""
        return self._queue_first_until.get(shop, 0) > self._clock()

    def record_success(self, shop: str) -> None:
        """Record that the API accepted a request of the shop, which ends any pause."""
        self.heard[shop] += 1
        self._failures.pop(shop, None)
        self._queue_first_until.pop(shop, None)
        with suppress(TableUnavailable):  # the request is accepted all the same
            self._pauses.record_success(shop, self._clock())

    def record_failure(self, shop: str, entity_key: str, failure: RetryLater) -> None:
        """Count a failure of the API against the shop.

        Args:
            entity_key: the entity whose change failed.

        The shop is paused if its key is wrong, if throttling continues, or if five requests of several entities failed
        in a row. One entity that fails again and again says nothing about its shop, and a repeated request (409) was no
        failure at all.
        """
        if failure.answer is None:
            return
        self.heard[shop] += 1
        if failure.answer.verdict is Verdict.REPEATED:
            return
        now = self._clock()
        failures = self._failures.setdefault(shop, _Failures())
        wrong_key = failure.answer.verdict is Verdict.UNAUTHORIZED
        throttled = failure.answer.verdict is Verdict.THROTTLED
        if throttled:
            _count_throttling(failures, now)
        else:
            failures.entities.append(entity_key)
            del failures.entities[:-_FAILURES_TO_PAUSE]
        long_throttling = throttled and failure.wait_ms >= _LONG_THROTTLING_MS
        in_a_row = failures.throttled + len(failures.entities)
        if wrong_key or long_throttling or in_a_row >= _FAILURES_TO_QUEUE_FIRST:
            self._queue_first_until[shop] = now + 6 * self._policy.retry_base_ms
        with suppress(TableUnavailable):  # without a pause each message backs off by itself
            if wrong_key or long_throttling:
                self._pauses.pause(shop, failure.reason, now, failure.wait_ms, may_end_soon=not wrong_key)
            elif throttled:
                if self._throttling_continues(shop, failures, now):
                    self._pauses.pause(shop, failure.reason, now, may_end_soon=True)
            elif len(failures.entities) >= _FAILURES_TO_PAUSE and len(set(failures.entities)) > 1:
                failures.entities.clear()
                self._pauses.pause(shop, failure.reason, now, may_end_soon=True)

    def _throttling_continues(self, shop: str, failures: _Failures, now: int) -> bool:
        lasts = now - failures.throttled_since >= _THROTTLING_TO_PAUSE_MS
        if lasts and failures.throttled >= _FAILURES_TO_PAUSE:
            return True
        return self._pauses.state(shop, now).until is not None  # it was the probe, or an attempt during the pause


def _count_throttling(failures: _Failures, now: int) -> None:
    if now - failures.throttled_at > _THROTTLING_GAP_MS:
        failures.throttled, failures.throttled_since = 0, now
    failures.throttled += 1
    failures.throttled_at = now
