"""What each kind of change does while the lease of its entity is held: decide, send, and note what the API took.

Each function answers with the outcome that is to be settled, or raises what stands in `work`. What it learned so far
goes into `notes` (the ledger entry's attributes) at once: after a failure they are written too, so that the next try
goes on where this one stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from shopwire.delivery.erase import Redactor
from shopwire.delivery.send import Sender
from shopwire.delivery.task import Clock, Ignored, NeverThis, Notes, NotNow, NotSeen, Outcome, Policy, Work
from shopwire.mapper import (
    OrderKnown,
    Unmappable,
    cart_content,
    cart_event,
    contact_digest,
    contact_request,
    fact_event,
    order_events,
    order_reference,
    recycle_state_id,
    view_event,
)
from shopwire.models import (
    CartChange,
    Contact,
    ContactChange,
    Entity,
    Order,
    OrderChange,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Redaction,
    ShopRedaction,
    Status,
    ViewChange,
)
from shopwire.models.base import milliseconds
from shopwire.stores.contacts import People, without
from shopwire.stores.entry import Entry
from shopwire.stores.ledger import Ledger, Refused
from shopwire.stores.parked import ParkedStore

_DAY = 86_400_000
_CART_BUSY = 1_000
_PARCELS_KEPT = 50  # an entry stays small, whatever an order is


class _TakesMore(Exception):
    """It cannot be foreseen."""


class _NoSender:
    """In the place of a sender: names people, and does nothing else."""

    def __init__(self, name: Callable[[str, Contact], str | None]) -> None:
        self.name = name

    @property
    def people(self) -> "_NoSender":
        return self

    def __getattr__(self, name: str) -> Any:
        raise _TakesMore


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries one change whose lease is held."""

    sender: Sender
    ledger: Ledger
    parked: ParkedStore
    redactor: Redactor
    policy: Policy
    clock: Clock

    def carry(self, work: Work, entry: Entry, notes: Notes) -> Outcome:
        """Bring the API to where the change says.

        Raises:
            NotNow, NeverThis, TableDown.
        """
        try:
            return _KINDS[type(work.delivery.change)](self, work, entry, notes)
        except Ignored as reason:
            return Outcome("ignored", str(reason))
        except Unmappable as reason:
            if str(reason) == "anonymous":
                return Outcome("ignored", "anonymous")
            raise NeverThis(str(reason)) from None

    def foresee(self, work: Work, entry: Entry, notes: Notes) -> Outcome | None:
        """What `carry` would answer, where that follows from the entry alone: nobody is read, nothing is sent. None
        where it takes more, as every wish to be forgotten does."""
        if work.forgets:
            return None
        try:
            return replace(self, sender=cast(Sender, _NoSender(self.sender.people.name))).carry(work, entry, notes)
        except (_TakesMore, NeverThis, NotNow):
            return None

    def _order(self, work: Work, entry: Entry, notes: Notes) -> Outcome:
        assert isinstance(work.delivery.change, OrderChange)
        snapshot, shop = work.delivery.change.order, work.shop
        if snapshot.test and shop.ignore_test_orders:
            raise Ignored("test order")
        deleted = _still_deleted(snapshot, entry)
        order = snapshot.with_facts(frozenset(entry.arrived), deleted=deleted)
        born, known = milliseconds(order.created_at), entry.order_known
        age = work.received_at - born
        if known is None and shop.old_order_days and age > shop.old_order_days * _DAY:
            raise Ignored("old order")
        recent = age < self.policy.new_order
        learned: Notes = {
            "person": self.sender.people.name(shop.id, order.contact),
            "reference": order_reference(order),
            "open_parcels": [parcel.id for parcel in order.parcels if not parcel.delivered][:_PARCELS_KEPT]
            if order.wholly_shipped and order.parcels
            else None,
        }
        if entry.deleted_at is not None and not deleted:
            learned["deleted_at"] = None
        # Of an order that changes nothing nobody is asked; a new one has a plan always.
        people = self._person(work, order.contact, born) if known is None else None
        notes |= learned
        state = self._converted(work, order) if known is None and order.cart_token else None
        plan = order_events(order, shop, known, recent=recent, recycle_state_id=state)
        if not plan:
            return Outcome("unchanged")
        people = people or self._person(work, order.contact, born)
        self.sender.introduce(work, order.contact, people, born)
        for step in plan:
            self.sender.send(work, step.request)
            notes["known"] = _known(step.known)
        self._unpark_facts(entry, notes)
        return Outcome("delivered")

    def _parcel_arrived(self, work: Work, entry: Entry, notes: Notes) -> Outcome:
        change = work.delivery.change
        assert isinstance(change, ParcelArrived)
        arrived = {*entry.arrived, change.parcel.id}
        notes["arrived"] = sorted(arrived)[-_PARCELS_KEPT:]
        if entry.open_parcels is None and entry.order_known:
            raise Ignored("parcel noted: the order is not wholly shipped")
        if not arrived.issuperset(entry.open_parcels or ()):
            raise Ignored("parcel noted: others are on their way")
        return self._fact(work, entry, notes, Status.DELIVERED, change.parcel)

    def _order_deleted(self, work: Work, entry: Entry, notes: Notes) -> Outcome:
        notes["deleted_at"] = work.received_at
        return self._fact(work, entry, notes, Status.CANCELLED)

    def _fact(self, work: Work, entry: Entry, notes: Notes, status: Status, parcel: Parcel | None = None) -> Outcome:
        known = entry.order_known
        if known is None:
            if entry.version is None:
                raise NotSeen("order not seen")
            raise Ignored("the order was not sent")
        if known.status in (status, Status.CANCELLED):
            return Outcome("unchanged")
        people = self.sender.people.by_name(work.shop.id, entry.person or "")
        if people.redacted_at is not None and not people.known:
            raise Ignored("redacted")
        if not people.known:
            # The customer changed his address since: the order's own must be made known again, beside the new one.
            known_now = self.sender.people.find(work.shop.id, people.recorded)
            self.sender.introduce(work, people.recorded, known_now, born=None)
        request = fact_event(status, work.entity.id, people.recorded, entry.reference, work.shop, parcel)
        self.sender.send(work, request)
        notes["known"] = _known(OrderKnown(status, known.digest, known.content))
        return Outcome("delivered")

    def _cart(self, work: Work, entry: Entry, notes: Notes) -> Outcome:
        assert isinstance(work.delivery.change, CartChange)
        cart = work.delivery.change.cart
        if entry.converted:
            raise Ignored("the cart became an order")
        changed_at = milliseconds(cart.updated_at)
        # A platform may be a day late itself. A shop without limit on old orders takes old samples too.
        if work.shop.old_order_days and work.received_at - changed_at > self.policy.age_limit("cart"):
            raise Ignored("too old")
        born = milliseconds(cart.created_at) if cart.created_at else changed_at
        people, contact = self._visitor(work, cart.contact, entry.person, born)
        content = cart_content(cart)
        if entry.known.get("digest") == content and entry.person == people.name:
            return Outcome("unchanged")
        self.sender.introduce(work, contact, people, born)
        notes["person"] = people.name
        self.sender.send(work, cart_event(cart, contact))
        notes["known"] = {"digest": content, "state": recycle_state_id(cart)}
        return Outcome("delivered")

    def _contact(self, work: Work, entry: Entry, notes: Notes) -> Outcome:
        change = work.delivery.change
        assert isinstance(change, ContactChange)
        people = self._person(work, change.contact, change.created_at)
        digest = contact_digest(change.contact)
        if entry.known.get("digest") == digest and people.known:
            return Outcome("unchanged")
        own = without(change.contact, people.strangers)
        noted, shop, store = people.is_noted(self.clock()), work.shop.id, self.sender.people
        # Whoever dies between the request and the note of it leaves in doubt whom the API finds by these: an event that
        # names him finds out first.
        store.link(shop, own, people.former, self.clock())
        store.doubt(shop, people.former)
        if not noted:
            store.doubt(shop, [one for one in own.identities if one in people.met])
        self.sender.send(work, contact_request(own))
        last = noted or self.sender.remember(work, own, change.created_at) <= people.met
        if not (store.unlearn(shop, people.former) and last):
            # An order told of him meanwhile, perhaps after us and with what it knew: the customer's own word counts.
            self.sender.send(work, contact_request(own))
        notes["known"] = {"digest": digest}
        return Outcome("delivered")

    def _view(self, work: Work, entry: Entry, notes: Notes) -> Outcome:
        assert isinstance(work.delivery.change, ViewChange)
        view, cart, now = work.delivery.change.view, work.cart, self.clock()
        owner = self.ledger.look(work.shop.id, cart, now).person if cart else None
        born = milliseconds(view.seen_at)
        people, contact = self._visitor(work, view.contact, owner, born)
        request = view_event(view, contact)
        self.sender.introduce(work, contact, people, born)
        if cart and people.name and people.name != owner:
            # The visitor says who he is and which cart is his: from now on that cart's changes are his too.
            self.ledger.name_owner(work.shop.id, cart, people.name, now)
        self.sender.send(work, request)
        return Outcome("delivered")

    def _person(self, work: Work, contact: Contact, born: int | None) -> People:
        people = self.sender.people.find(work.shop.id, contact)
        if people.forgotten(born):
            raise Ignored("redacted")
        return people

    def _visitor(self, work: Work, contact: Contact, owner: str | None, born: int) -> tuple[People, Contact]:
        """Who it was: the one that the change names, else the one that its cart is known to belong to."""
        if contact.key:
            people = self._person(work, contact, born)
            if contact.reachable or people.known or owner is None:
                return people, contact
        if owner is None:
            raise Ignored("anonymous")
        people = self.sender.people.by_name(work.shop.id, owner)
        if people.forgotten(born):
            raise Ignored("redacted")
        return people, people.recorded

    def _converted(self, work: Work, order: Order) -> str | None:
        try:
            owner = self.sender.people.name(work.shop.id, order.contact)
            return self.ledger.convert(work.shop.id, Entity("cart", order.cart_token or ""), owner, self.clock())
        except Refused:
            raise NotNow("a change of its cart is being sent", after=_CART_BUSY) from None

    def _unpark_facts(self, entry: Entry, notes: Notes) -> None:
        for id in entry.unseen_facts:
            self.parked.remove(id)
        if entry.unseen_facts:
            notes["unseen_facts"] = None


_KINDS: dict[type, Callable[[Carrier, Work, Entry, Notes], Outcome]] = {
    OrderChange: Carrier._order,
    ParcelArrived: Carrier._parcel_arrived,
    OrderDeleted: Carrier._order_deleted,
    CartChange: Carrier._cart,
    ContactChange: Carrier._contact,
    ViewChange: Carrier._view,
    Redaction: lambda carrier, work, entry, notes: carrier.redactor.forget_person(work, notes),
    ShopRedaction: lambda carrier, work, entry, notes: carrier.redactor.forget_shop(work),
}


def _still_deleted(order: Order, entry: Entry) -> bool:
    # What a fact made true stays true until the platform takes it back: by saying so, or by changing the order after it
    # had deleted it (a snapshot on its way since before changes nothing).
    if entry.deleted_at is None or order.restored:
        return False
    return milliseconds(order.updated_at) <= entry.deleted_at


def _known(known: OrderKnown) -> dict[str, str]:
    status = {"status": str(known.status)} if known.status else {}
    return status | {"digest": known.digest, "content": known.content}
