"""Wishes to be forgotten: a person's, or all of a shop. Tombstones first, then what is kept, then what the API has.

What comes late or waits must find the tombstones, so nothing here goes before them. Nothing is sent here but erasures.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from shopwire.delivery.send import Sender
from shopwire.delivery.task import Clock, Notes, NotNow, Outcome, Work, platform_of
from shopwire.mapper import erase_requests
from shopwire.message import NewerFormat, unpack
from shopwire.models import (
    CartChange,
    Change,
    Contact,
    ContactChange,
    Entity,
    OrderChange,
    Redaction,
    Shop,
    ShopRedaction,
    ViewChange,
)
from shopwire.stores.ledger import Ledger
from shopwire.stores.outbox import Outbox
from shopwire.stores.parked import ParkedStore
from shopwire.stores.table import Table, TableDown


@dataclass(frozen=True, slots=True)
class Redactor:
    """Fulfils a wish to be forgotten."""

    sender: Sender
    ledger: Ledger
    parked: ParkedStore
    outbox: Outbox
    table: Table
    clock: Clock

    def raise_tombstones(self, work: Work) -> tuple[Contact, ...]:
        """Before anything else of a wish to be forgotten: what comes late or waits must find it. Answers who it is, as
        far as anything on record says: nobody for a shop's wish. Needs no lease.

        Raises:
            TableDown.
        """
        change = work.delivery.change
        if isinstance(change, Redaction):
            return self.sender.people.redact(work.shop.id, change.contact, work.received_at, self.clock())
        if isinstance(change, ShopRedaction):
            self.sender.pauses.redact(work.shop.id, work.received_at)
        return ()

    def lay_to_rest(self, work: Work) -> None:
        """A wish to be forgotten came again after it was granted, and raised its tombstones again: they need not say
        any more whom to erase."""
        change = work.delivery.change
        if isinstance(change, Redaction):
            with suppress(TableDown):
                self.sender.people.erased(work.shop.id, change.contact)

    def forget_person(self, work: Work, notes: Notes) -> Outcome:
        """Forget who is named, with what is parked or waits of him. The lease is held.

        Raises:
            NotNow: time is over before all is looked through, no answer, or what waits was written by a newer shopwire.
            NeverThis, TableDown.
        """
        change, shop = work.delivery.change, work.shop.id
        assert isinstance(change, Redaction)
        found = self.raise_tombstones(work)
        for order_id in change.order_ids:
            self._in_time(work)
            self.ledger.forget(shop, Entity("order", order_id))
        for parked in self.parked.list(shop):
            self._in_time(work)
            if _is_about(change, found, parked.packed, work.shop):
                self.parked.remove(parked.id)
        for waiting in self.outbox.of_shop(shop):
            self._in_time(work)
            if _is_about(change, found, waiting.packed, work.shop):
                self.outbox.remove(waiting)
                self.ledger.done_waiting(waiting.entity_key, waiting.key)
        for request in erase_requests(*found):
            self.sender.send(work, request)
        self.sender.people.erased(shop, change.contact)
        notes |= dict.fromkeys(("known", "person", "reference"))
        return Outcome("delivered")

    def forget_shop(self, work: Work) -> Outcome:
        """Forget everything kept for the shop. The lease is held.

        Reads the whole table, so it never runs while a platform waits for the answer: `direct` queues it.

        Raises:
            NotNow: time is over before all is deleted; the next try goes on.
            TableDown.
        """
        shop = work.shop.id
        self.raise_tombstones(work)
        for waiting in self.outbox.of_shop(shop):
            self._in_time(work)
            self.outbox.remove(waiting)
        for key in self.table.scan_keys(f"{shop}#"):
            self._in_time(work)
            if key.pk not in (work.entity_key, f"{shop}#served"):
                self.table.delete(key)
        return Outcome("delivered")

    def _in_time(self, work: Work) -> None:
        """Of a shop that was paused for long a great deal may wait. Whoever went on until the function is ended would
        be taken for what kills it."""
        if self.clock() > work.send_until:
            raise NotNow("more is to be deleted")


def _is_about(forgotten: Redaction, found: Collection[Contact], packed: str, shop: Shop) -> bool:
    """Whether what waits is this person's: by what the platform reads in it; by the addresses in it where that names
    nobody (a parcel's webhook has an address all the same) or can't be read.

    Raises:
        NotNow: only a newer shopwire can say whose it is; the wish waits for that one.
    """
    try:
        message = unpack(packed)
    except NewerFormat:
        raise NotNow("what waits was written by a newer shopwire") from None
    except ValueError:
        return False
    try:
        changes = [delivery.change for delivery in platform_of(message, shop).read(message.webhook, shop)]
    except Exception:
        changes = []
    orders = {Entity("order", id) for id in forgotten.order_ids}
    if any(change.entity in orders for change in changes):
        return True
    people = [person for change in changes if (person := _person_of(change)).key]
    if people:
        identities = {identity for one in found for identity in one.identities}
        return any(identities.intersection(person.identities) for person in people)
    body = message.webhook.body.lower()
    return any(value.encode() in body for one in found for value in (one.email, one.phone) if value)


def _person_of(change: Change) -> Contact:
    match change:
        case OrderChange():
            return change.order.contact
        case CartChange():
            return change.cart.contact
        case ViewChange():
            return change.view.contact
        case ContactChange():
            return change.contact
    return Contact()
