"""The circuit breaker of each shop: failures in a row send its webhooks to the queue first, then pause the shop."""

from contextlib import suppress

from shopwire.delivery.task import Clock, Policy, Task
from shopwire.errors import RetryLater, TableUnavailable
from shopwire.esputnik import Verdict
from shopwire.stores.pauses import Pauses

_FAILURES_TO_PAUSE = 5
_FAILURES_TO_QUEUE_FIRST = 3


class Circuit:
    """Counts each shop's failures in a row, in this Lambda environment, and pauses shops for all of them."""

    def __init__(self, pauses: Pauses, policy: Policy, clock: Clock) -> None:
        self._pauses = pauses
        self._policy = policy
        self._clock = clock
        self._failed_entities: dict[str, list[str]] = {}
        self._queue_first_until: dict[str, int] = {}

    def queue_first(self, shop: str) -> bool:
        """Return whether the shop failed so often just now that its webhooks go to the queue without an attempt."""
        return self._queue_first_until.get(shop, 0) > self._clock()

    def record_success(self, shop: str) -> None:
        """Record that the API accepted a request of the shop, which ends any pause."""
        self._failed_entities.pop(shop, None)
        self._queue_first_until.pop(shop, None)
        with suppress(TableUnavailable):  # the request is accepted all the same
            self._pauses.record_success(shop, self._clock())

    def record_failure(self, task: Task, failure: RetryLater) -> None:
        """Count a failure of the API against the shop.

        The shop is paused if its key is wrong, if it is throttled, or if five requests of several entities failed in a
        row. One entity that fails again and again says nothing about its shop.
        """
        if failure.answer is None:
            return
        shop, now = task.shop.id, self._clock()
        failed = self._failed_entities.setdefault(shop, [])
        failed.append(task.entity_key)
        del failed[:-_FAILURES_TO_PAUSE]
        wrong_key = failure.answer.verdict is Verdict.UNAUTHORIZED
        fault_of_shop = wrong_key or failure.answer.verdict is Verdict.THROTTLED
        if fault_of_shop or len(failed) >= _FAILURES_TO_QUEUE_FIRST:
            self._queue_first_until[shop] = now + 6 * self._policy.retry_base_ms
        with suppress(TableUnavailable):  # without a pause each message backs off by itself
            if fault_of_shop:
                self._pauses.pause(shop, failure.reason, now, failure.wait_ms, may_end_soon=not wrong_key)
            elif len(failed) >= _FAILURES_TO_PAUSE and len(set(failed)) > 1:
                failed.clear()
                self._pauses.pause(shop, failure.reason, now, may_end_soon=True)
