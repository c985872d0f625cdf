"""Everything that puts a webhook somewhere durable, so that it may be answered 2xx although it was not sent.

The ledger's mark says where the webhook belongs. If that place does not accept it, the next one in the table does:

| the mark says | first | then |
|---|---|---|
| queue | queue | outbox, and the mark is moved there |
| outbox, because an earlier change waits there | outbox | queue, although it may overtake |
| nothing, because the ledger is out of reach | queue | - |

If no place accepts it, the answer is 503 and the platform sends the webhook again.
"""

from contextlib import suppress

from shopwire.delivery.attempts import attempted
from shopwire.delivery.parking import Parking
from shopwire.delivery.task import UNKNOWN, Clock, Outcome, Policy, Subject, Task
from shopwire.errors import (
    NothingDurable,
    PermanentFailure,
    RetryLater,
    StoreUnavailable,
    TableUnavailable,
    TooLarge,
)
from shopwire.message import Message
from shopwire.models import Entity, Reason
from shopwire.retry_queue import RetryQueue
from shopwire.stores.entry import EntryUpdate, Place, entity_key
from shopwire.stores.ledger import Claim, Ledger
from shopwire.stores.outbox import Outbox

_PLACES: dict[Place | None, tuple[Place, ...]] = {
    "queue": ("queue", "outbox"),
    "outbox": ("outbox", "queue"),
    None: ("queue",),
}


class Deferral:
    """Makes webhooks wait. Every method may raise NothingDurable."""

    def __init__(
        self, ledger: Ledger, queue: RetryQueue, outbox: Outbox, parking: Parking, policy: Policy, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._outbox = outbox
        self._parking = parking
        self._policy = policy
        self._clock = clock

    def defer(self, task: Task, claim: Claim, update: EntryUpdate, failure: RetryLater) -> Outcome:
        """Release the lease of a change that failed for now, and put its webhook into the queue."""
        now = self._clock()
        later = task.message.later(now + self._policy.wait_ms(failure, tries=0, age_ms=0))
        try:
            # One write releases the lease and sets the mark, so that no other change gets in between.
            self._ledger.defer(claim, update | attempted(task, update, failure), now)
        except TableUnavailable:
            return self.unmarked(task, failure)
        return self._store(task, later, "queue", Outcome("queued", failure.reason, failure.details))

    def wait_behind(self, task: Task, reason: Reason) -> Outcome:
        """Mark a change as waiting, without its lease, and put its webhook where the change before it waits."""
        try:
            place = self._ledger.mark_pending(task.shop.id, task.entity, task.key, self._clock())
        except TableUnavailable:
            return self.unmarked(task)
        if place == "outbox":
            reason = Reason.EARLIER_CHANGE_PENDING
        return self._store(task, task.message, place, Outcome("queued", reason))

    def unmarked(self, task: Task, failure: RetryLater | PermanentFailure | None = None) -> Outcome:
        """Put a webhook into the queue without a mark, because the ledger is out of reach. `retry` waits for the
        ledger.

        Args:
            failure: why the webhook was not delivered before the ledger failed.
        """
        outcome = Outcome("queued", failure.reason if failure else Reason.LEDGER_UNAVAILABLE)
        return self._store(task, task.message, None, outcome)

    def park(self, task: Task, claim: Claim, update: EntryUpdate, failure: PermanentFailure) -> Outcome:
        """Park a change whose lease is held."""
        try:
            return self._parking.park(task, claim, update, failure)
        except TableUnavailable:
            return self.unmarked(task, failure)

    def park_unread(self, message: Message, failure: PermanentFailure, subject: Subject = UNKNOWN) -> Outcome:
        """Park a webhook whose change is not known. Args as for `Parking.park_unread`."""
        try:
            return self._parking.park_unread(message, failure, subject)
        except TableUnavailable:
            # There is no entity, so the webhook gets a group of its own.
            group = entity_key(message.shop, Entity("view", str(message.received_at)))
            try:
                self._queue.put(message, group)
            except (StoreUnavailable, TooLarge):
                raise NothingDurable from None
            return Outcome("queued", failure.reason, failure.details)

    def _store(self, task: Task, message: Message, mark: Place | None, outcome: Outcome) -> Outcome:
        for place in _PLACES[mark]:
            try:
                if place == "queue":
                    self._queue.put(message, task.entity_key)
                else:
                    self._outbox.put(message, task.entity_key, task.key, self._clock())
            except (StoreUnavailable, TooLarge):
                continue
            if place == "outbox" and mark == "queue":
                with suppress(TableUnavailable):  # it waits all the same; a later change may overtake it in the queue
                    self._ledger.move_to_outbox(task.entity_key, task.key)
            return outcome
        if mark == "queue":
            with suppress(TableUnavailable):  # otherwise the mark expires, or the next settled change removes it
                self._ledger.clear_pending(task.entity_key, task.key)
        raise NothingDurable
