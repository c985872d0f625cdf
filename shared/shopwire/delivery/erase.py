"""Erasure requests for a person or for all of a shop: tombstones first, then what is stored, then what the API has.

A webhook that arrives late, or waits, must find the tombstones, so nothing goes before them. Nothing is sent here
except erasures.

A request that was executed before may be a captured one that is sent again, because its signature never expires. It is
not executed again unless a person replays it (`replay`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from shopwire.delivery.contacts import Contacts
from shopwire.delivery.task import Clock, Outcome, Task, adapter_of
from shopwire.errors import NewerMessageFormat, PermanentFailure, RetryLater
from shopwire.mapper import ApiRequest, erase_requests
from shopwire.message import unpack
from shopwire.models import Contact, Entity, Reason, Redaction, Shop, ShopRedaction
from shopwire.stores.contact_record import ContactRecord
from shopwire.stores.contacts import ContactStore
from shopwire.stores.entry import EntryUpdate
from shopwire.stores.erasures import ErasureStore
from shopwire.stores.ledger import Ledger
from shopwire.stores.outbox import Outbox
from shopwire.stores.parked import ParkedStore
from shopwire.stores.pauses import Pauses
from shopwire.stores.table import Table


@dataclass(frozen=True, slots=True)
class Eraser:
    """Executes erasure requests."""

    api: Contacts
    contacts: ContactStore
    executed: ErasureStore
    pauses: Pauses
    ledger: Ledger
    parked: ParkedStore
    outbox: Outbox
    table: Table
    clock: Clock

    def write_tombstones(self, task: Task) -> None:
        """Write the tombstones of an erasure request, before everything else. No lease is needed.

        Raises:
            TableUnavailable.
        """
        if self.repetition(task) is None:
            self._write_tombstones(task)

    def repetition(self, task: Task) -> Outcome | None:
        """Return what becomes of a request that was executed before; None if it is to be executed.

        Its signed body is the same, byte for byte. Nothing of it is executed again: either there is nothing left to
        erase, or only a person can tell whether it is a new request.

        Raises:
            TableUnavailable.
        """
        change, shop = task.change, task.shop.id
        executed_key = self.executed.executed_key(shop, task.message.webhook.body)
        if executed_key is None:
            return None
        # A shop's data are not looked through, so a repeated request for a shop is always parked.
        has_nothing = isinstance(change, Redaction) and self.contacts.find(shop, change.contact).record is None
        if executed_key == task.key or has_nothing:
            return Outcome("duplicate")
        return Outcome("parked", Reason.REPEATED_ERASURE)

    def _write_tombstones(self, task: Task) -> tuple[ContactRecord, ...]:
        """Return the contacts to erase, as far as they are recorded; none for a shop."""
        change = task.change
        if isinstance(change, Redaction):
            return self.contacts.erase(task.shop.id, change.contact, task.received_at, self.clock())
        if isinstance(change, ShopRedaction):
            self.pauses.erase(task.shop.id, task.received_at)
        return ()

    def requests(self, task: Task) -> list[ApiRequest]:
        """Return the requests that `erase` would send now. Nothing is written.

        Raises:
            TableUnavailable.
        """
        change = task.change
        if not isinstance(change, Redaction):
            return []
        return _requests(task, change, self.contacts.related_contacts(task.shop.id, change.contact))

    def clear_erasure_list(self, task: Task) -> None:
        """Remove the list of contacts from the tombstones, because a request that was executed arrived again.

        Raises:
            TableUnavailable.
        """
        if isinstance(task.change, Redaction):
            self.contacts.clear_erasure_list(task.shop.id, task.change.contact)

    def erase(self, task: Task, update: EntryUpdate) -> Outcome:
        """Execute an erasure request whose lease is held.

        Raises:
            RetryLater: there is more to look through than the time allows, the API did not answer, or a newer release
                wrote something that waits.
            PermanentFailure, TableUnavailable.
        """
        if outcome := self.repetition(task):
            if outcome.reason:
                raise PermanentFailure(outcome.reason)
            return outcome
        if isinstance(task.change, Redaction):
            self._erase_person(task, task.change)
            update |= dict.fromkeys(("sent", "accepted", "contact_ref", "order_reference"))
        else:
            self._erase_shop(task)
        self.executed.record(task.shop.id, task.message.webhook.body, task.key)
        return Outcome("delivered")

    def _erase_person(self, task: Task, change: Redaction) -> None:
        shop = task.shop.id
        records = self._write_tombstones(task)
        contacts = [change.contact, *(record.contact for record in records)]
        for order_id in change.order_ids:
            self._check_time(task)
            self.ledger.erase(shop, Entity("order", order_id), task.received_at, self.clock())
        for parked in self.parked.list(shop):
            self._check_time(task)
            if concerns(change, contacts, parked.packed, task.shop):
                self.parked.remove(parked.id)
        for waiting in self.outbox.of_shop(shop):
            self._check_time(task)
            if concerns(change, contacts, waiting.packed, task.shop):
                self.outbox.remove(waiting)
                self.ledger.clear_pending(waiting.entity_key, waiting.key)
        self.api.erase(task, _requests(task, change, records))
        self.contacts.clear_erasure_list(shop, change.contact)

    def _erase_shop(self, task: Task) -> None:
        # This reads the whole table, so `webhook` queues the request: no platform waits for the answer.
        shop = task.shop.id
        self._write_tombstones(task)
        for waiting in self.outbox.of_shop(shop):
            self._check_time(task)
            self.outbox.remove(waiting)
        kept = {task.entity_key, self.pauses.key(shop).pk}
        for key in self.table.scan_keys(f"{shop}#"):
            self._check_time(task)
            if key.pk not in kept and not key.pk.startswith(self.executed.prefix(shop)):
                self.table.delete(key)

    def _check_time(self, task: Task) -> None:
        """Stop in time: a request that is cut off by the function's timeout would count as a crash."""
        if self.clock() > task.send_until:
            raise RetryLater(Reason.MORE_TO_ERASE)


def _requests(task: Task, change: Redaction, records: Sequence[ContactRecord]) -> list[ApiRequest]:
    recorded = [each for record in records for each in _recorded(record)]
    return erase_requests(change.contact, recorded, change.order_ids, task.shop.id_prefix)


def _recorded(record: ContactRecord) -> list[tuple[Contact, int | None]]:
    """Return the contacts that the API may have of a record, each with the API's id if that is known.

    Until the API has what is recorded, it may have the addresses at the contact of a guest, without the customer id.
    """
    contact = record.contact
    if record.is_synced or not contact.customer_id:
        return [(contact, record.api_id)]
    return [(Contact(customer_id=contact.customer_id), None), (contact.without(["customer_id"]), record.api_id)]


def concerns(request: Redaction, contacts: Collection[Contact], packed: str, shop: Shop) -> bool:
    """Return whether a waiting webhook concerns the erased person.

    What the platform reads in it decides. If that names no person (a parcel's webhook may contain an address all the
    same), or if it cannot be read, the addresses in the body decide.

    Raises:
        RetryLater: a newer release wrote it, and only that release can tell.
    """
    try:
        message = unpack(packed)
    except NewerMessageFormat:
        raise RetryLater(Reason.NEWER_FORMAT) from None
    except ValueError:
        return False
    try:
        changes = [delivery.change for delivery in adapter_of(message, shop).read(message.webhook, shop)]
    except Exception:
        changes = []
    orders = {Entity("order", id) for id in request.order_ids}
    if any(change.entity in orders for change in changes):
        return True
    people = [change.contact for change in changes if change.contact.key and not isinstance(change, Redaction)]
    if people:
        identities = {identity for contact in contacts for identity in contact.identities}
        return any(identities.intersection(person.identities) for person in people)
    body = message.webhook.body.lower()
    return any(value.encode() in body for contact in contacts for value in (contact.email, contact.phone) if value)
