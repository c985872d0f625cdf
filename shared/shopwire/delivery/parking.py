"""Parking: a webhook that needs a person becomes a row of the table, and its entity's lease is given back."""

from shopwire.delivery.attempts import attempted
from shopwire.delivery.task import UNKNOWN, Clock, Outcome, Subject, Task
from shopwire.errors import PermanentFailure
from shopwire.message import Message
from shopwire.models import Reason, Redaction
from shopwire.stores.contacts import ContactStore
from shopwire.stores.entry import EntryUpdate, uncertain
from shopwire.stores.ledger import Claim, Ledger
from shopwire.stores.parked import ParkedStore

MAX_CRASHES = 3
"""A change that killed the function this often is parked."""
_PARKED_FACTS_KEPT = 16


class Parking:
    """Parks webhooks. Every method may raise TableUnavailable."""

    def __init__(self, store: ParkedStore, ledger: Ledger, contacts: ContactStore, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._contacts = contacts
        self._clock = clock

    def park(self, task: Task, claim: Claim, update: EntryUpdate, failure: PermanentFailure) -> Outcome:
        """Park a change whose lease is held, then give the lease back.

        The key is not settled, because a duplicate or a replay must get through after a correction.

        A change that waited while its person was erased is ignored instead. The erasure looks through the parked
        webhooks after it wrote what this reads, so one of the two sees the other.
        """
        now = self._clock()
        outcome = Outcome("parked", failure.reason, failure.details)
        id = self._store.put(task.message, task.delivery.topic, task.entity, failure.reason, now, failure.details)
        if self._is_erased(task):
            self._store.remove(id)
            outcome = Outcome("ignored", Reason.ERASED)
        elif failure.reason is Reason.ORDER_NOT_SEEN:
            # The order's first snapshot applies the fact, and removes the parked row.
            others = [other for other in claim.entry.parked_facts if other != id]
            update["parked_facts"] = [*others, id][-_PARKED_FACTS_KEPT:]
        if claim.entry.unanswered and claim.entry.sent and "accepted" not in update:
            # The API may have accepted the request of an earlier attempt.
            update["sent"] = uncertain(claim.entry.sent)
        self._ledger.release(claim, update | attempted(task, update), now)
        self._ledger.clear_pending(task.entity_key, task.key)
        return outcome

    def _is_erased(self, task: Task) -> bool:
        if isinstance(task.change, Redaction):
            return False  # it is the erasure request, which a person must see
        contact = task.change.contact
        return bool(contact.identities) and self._contacts.find(task.shop.id, contact).is_erased(task.received_at)

    def park_unread(self, message: Message, failure: PermanentFailure, subject: Subject = UNKNOWN) -> Outcome:
        """Park a webhook whose change is not known, so that there is no lease.

        Args:
            subject: its topic and its entity, for people who look at it.
        """
        self._store.put(message, *subject, failure.reason, self._clock(), failure.details)
        return Outcome("parked", failure.reason, failure.details)
