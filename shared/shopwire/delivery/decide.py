"""What follows from a change and from the ledger entry of its entity. Pure: nothing is read, written or sent.

`webhook` settles a `Done` without taking the lease. Every other decision is executed by `handle` under the lease.
`shopwire map` and the inspector's dry run use the same function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import singledispatch
from typing import Any

from shopwire.delivery.task import DAY_MS, Outcome, Policy
from shopwire.errors import Ignored, PermanentFailure, Unmappable
from shopwire.mapper import (
    SentOrder,
    Step,
    cart_content,
    cart_steps,
    fact_steps,
    order_reference,
    order_steps,
    view_steps,
)
from shopwire.models import (
    NOBODY,
    AccountDeleted,
    CartChange,
    Change,
    Contact,
    ContactChange,
    Entity,
    Nothing,
    Order,
    OrderChange,
    OrderDeleted,
    OrderSkipped,
    Parcel,
    ParcelArrived,
    Reason,
    Redaction,
    Shop,
    ShopRedaction,
    Status,
    ThinChange,
    ViewChange,
)
from shopwire.models.base import milliseconds, plausible
from shopwire.stores.contact_record import ContactState
from shopwire.stores.entry import Entry, EntryUpdate, uncertain

_PARCELS_KEPT = 50  # an entry stays small, however many parcels an order has

# The gateway dates a webhook, and the function a fetch. Their clocks differ by less than this.
_CLOCKS_DIFFER_MS = 3_000

Plan = Callable[[Contact, str | None], Sequence[Step]]
"""(contact, recycleStateId of the cart that became the order) -> the requests in sending order. Raises Unmappable."""


@dataclass(frozen=True, slots=True)
class Done:
    """No request follows.

    Args:
        update: what the entry records.
    """

    outcome: Outcome
    update: EntryUpdate = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Park:
    """A person must look at it."""

    reason: Reason
    update: EntryUpdate = field(default_factory=dict)
    details: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """Requests follow.

    Args:
        contact: the contact that the change names.
        contact_ref: the contact to use if the change names none, or one that the API cannot create: a reference of the
            store of contacts.
        created_at: when the order, cart or view was created, UTC ms. What is older than an erasure belongs to the
            erased person. None if unknown.
        plan: makes the requests.
        update: what the entry records.
        records_contact: the entry refers to the contact from now on.
        contact_by_platform: the platform names the contact of a cart, so no visitor replaces it.
        only_for_owner: a visitor sends the cart of the contact that the platform named. If the visitor is another
            contact, it is ignored.
        already_sent_to: the contact that this content was sent for already, as a reference.
        converts_cart: the cart that became the order. It is marked as converted first.
        claims_cart: the visitor's cart. Its later changes belong to the same contact.
        is_fact: it is a fact. It uses the contact of the entry as it is recorded.
    """

    contact: Contact
    contact_ref: str | None
    created_at: int | None
    plan: Plan
    update: EntryUpdate = field(default_factory=dict)
    records_contact: bool = False
    contact_by_platform: bool = False
    only_for_owner: bool = False
    already_sent_to: str | None = None
    converts_cart: Entity | None = None
    claims_cart: Entity | None = None
    is_fact: bool = False


@dataclass(frozen=True, slots=True)
class SyncContact:
    """The customer's own change is sent to the API, unless the API has it already.

    Args:
        state: what is recorded about the contact; None if it was not read yet. It may be old by now, because every
            write of the contact fails if the record or an identity is not as it was read.
    """

    change: ContactChange
    state: ContactState | None = None


@dataclass(frozen=True, slots=True)
class DeleteContact:
    """The contact of a deleted account is deleted at the API, which can restore it.

    Args:
        update: what the entry records, whatever becomes of the request.
    """

    change: AccountDeleted
    update: EntryUpdate = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Erase:
    """An erasure request is executed."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """The state is fetched from the platform's API under the lease. What follows is decided then."""


Decision = Done | Park | Send | SyncContact | DeleteContact | Erase | Fetch


@dataclass(frozen=True, slots=True)
class _Case:
    entry: Entry
    shop: Shop
    policy: Policy
    received_at: int
    cart_contact_ref: str | None
    seen_at: int


def decide(
    change: Change,
    entry: Entry,
    shop: Shop,
    policy: Policy,
    received_at: int,
    cart_contact_ref: str | None = None,
    *,
    seen_at: int | None = None,
) -> Decision:
    """Return what follows from a change.

    Args:
        entry: the ledger entry of the change's entity.
        received_at: when the webhook arrived, UTC ms.
        cart_contact_ref: the contact of the visitor's cart, for a view.
        seen_at: when the state was fetched, UTC ms; None: it arrived with the webhook.
    """
    if entry.erased_at is not None and not _is_created_after(change, entry.erased_at):
        return Done(_ignored(Reason.ERASED))
    # The API may have accepted another change, which got no answer and did not come again yet.
    is_uncertain = entry.unanswered and entry.sent and change.version not in (None, entry.attempted_version)
    if is_uncertain:
        entry = replace(entry, sent=uncertain(entry.sent))
    try:
        case = _Case(entry, shop, policy, received_at, cart_contact_ref, received_at if seen_at is None else seen_at)
        decision = _decide(change, case)
    except Unmappable as error:
        return unmappable(error)
    if is_uncertain and isinstance(decision, Send):
        return replace(decision, update=decision.update | {"sent": entry.sent})
    return decision


def _is_created_after(change: Change, at: int) -> bool:
    return isinstance(change, OrderChange) and milliseconds(change.order.created_at) > at


def unmappable(error: Unmappable) -> Done | Park:
    """Return what follows if no request can be made: an anonymous change is ignored, every other one parked."""
    if error.reason is Reason.ANONYMOUS:
        return Done(_ignored(Reason.ANONYMOUS))
    return Park(error.reason, details={"field": error.field} if error.field else {})


def unreachable(contact: Contact) -> Ignored | PermanentFailure:
    """Return what to raise for a contact that the API cannot create: it names no address, or none that can be used."""
    reason = contact.unreachable_reason
    return Ignored(reason) if reason is Reason.ANONYMOUS else PermanentFailure(reason)


@singledispatch
def _decide(change: Any, case: _Case) -> Decision:
    raise TypeError(type(change).__name__)


@_decide.register
def _order(change: OrderChange, case: _Case) -> Decision:
    entry, shop, snapshot = case.entry, case.shop, change.order
    if snapshot.test and shop.ignore_test_orders:
        return Done(_ignored(Reason.TEST_ORDER))
    deleted = _is_still_deleted(snapshot, entry, case.seen_at)
    order = _dated(snapshot, entry, case.seen_at).with_facts(frozenset(entry.arrived_parcels), deleted=deleted)
    created_at, sent = milliseconds(order.created_at), SentOrder.of(entry.sent)
    age_ms = case.received_at - created_at
    if sent is None and shop.old_order_days and age_ms > shop.old_order_days * DAY_MS:
        return Done(_ignored(Reason.OLD_ORDER))
    if order.contact.key is None and not order.erased and entry.contact_ref and sent:
        return _without_person(order, sent, case)
    update: EntryUpdate = {
        "order_reference": order_reference(order),
        "open_parcels": _open_parcels(order),
    }
    if entry.deleted_at is not None and not deleted:
        update["deleted_at"] = None
    recent = entry.skipped or case.received_at - _bought_at(order) < case.policy.new_order_ms
    if entry.skipped:
        update["skipped"] = None
    is_first = sent is None or not sent.is_opened
    if is_first:

        def plan(contact: Contact, recycle_state_id: str | None) -> Sequence[Step]:
            return order_steps(order, shop, sent, recent=recent, recycle_state_id=recycle_state_id)

    else:
        try:
            steps = order_steps(order, shop, sent, recent=recent)
        except Unmappable as error:
            outcome = unmappable(error)
            return Done(outcome.outcome, update) if isinstance(outcome, Done) else outcome
        if not steps:
            return Done(Outcome("unchanged"), update)

        def plan(contact: Contact, recycle_state_id: str | None) -> Sequence[Step]:
            return steps

    cart = Entity.of_cart(order.cart_token) if is_first and order.cart_token else None
    return Send(
        contact=order.contact,
        contact_ref=None,
        created_at=created_at,
        plan=plan,
        update=update,
        records_contact=True,
        converts_cart=cart,
    )


def _open_parcels(order: Order) -> list[str] | None:
    if not (order.wholly_shipped and order.parcels):
        return None
    under_way = [parcel.id for parcel in order.parcels if not parcel.delivered]
    # Of more parcels it would not be known when the last one arrives. Then only a snapshot can say it.
    return under_way if len(under_way) <= _PARCELS_KEPT else None


def _without_person(order: Order, sent: SentOrder, case: _Case) -> Send:
    """Return what follows if a known order names no person this time: it goes to the person it was sent for."""
    entry, shop = case.entry, case.shop
    customer_id = entry.order_reference.get("externalCustomerId")
    reference = order_reference(replace(order, contact=Contact(customer_id=customer_id)))

    def plan(contact: Contact, recycle_state_id: str | None) -> Sequence[Step]:
        # The order of a guest stays a guest's, even if the person is known as a customer too.
        person = replace(contact, customer_id=customer_id or (None if contact.reachable else contact.customer_id))
        return order_steps(replace(order, contact=person), shop, sent, recent=False)

    return Send(
        contact=order.contact,
        contact_ref=entry.contact_ref,
        created_at=milliseconds(order.created_at),
        plan=plan,
        update={"order_reference": reference, "open_parcels": _open_parcels(order)},
    )


def _bought_at(order: Order) -> int:
    return milliseconds(max(order.created_at, order.bought_at) if order.bought_at else order.created_at)


def _dated(order: Order, entry: Entry, seen_at: int) -> Order:
    """Return the order with a plausible date: if its own is in the future, the one that was sent before, or now."""
    created_at = milliseconds(order.created_at)
    if plausible(created_at, seen_at) == created_at:
        return order
    sent = entry.order_reference.get("date")
    date = datetime.fromisoformat(sent) if sent else datetime.fromtimestamp(seen_at / 1000, UTC)
    return replace(order, created_at=date)


def _is_still_deleted(order: Order, entry: Entry, seen_at: int) -> bool:
    # A fact stays true until the platform takes it back: it says so, or it changes the order after it deleted it. A
    # snapshot from before the deletion changes nothing.
    if entry.deleted_at is None or order.restored:
        return False
    changed_at = milliseconds(order.updated_at)
    return changed_at <= entry.deleted_at or plausible(changed_at, seen_at) != changed_at


@_decide.register
def _parcel_arrived(change: ParcelArrived, case: _Case) -> Decision:
    entry = case.entry
    arrived = {*entry.arrived_parcels, change.parcel.id}
    update: EntryUpdate = {"arrived_parcels": sorted(arrived)[-_PARCELS_KEPT:]}
    if entry.open_parcels is None and entry.sent:
        return Done(_ignored(Reason.PARTLY_SHIPPED), update)
    if not arrived.issuperset(entry.open_parcels or ()):
        return Done(_ignored(Reason.PARCELS_UNDERWAY), update)
    return _fact(change.order_id, Status.DELIVERED, case, update, change.parcel)


@_decide.register
def _order_skipped(change: OrderSkipped, case: _Case) -> Decision:
    is_new = case.entry.version is None and not (case.entry.sent or case.entry.skipped)
    return Done(_ignored(change.reason), {"skipped": True} if is_new else {})


def _is_taken_back(case: _Case) -> bool:
    """Return whether the shop changed a deleted order or account again, so that the deletion no longer holds.

    The deletion was parked, and is replayed. It has no time but that of its arrival, from which the platform's clock
    may differ.
    """
    version = case.entry.version
    return version is not None and plausible(version // 10, case.received_at) != version // 10


@_decide.register
def _order_deleted(change: OrderDeleted, case: _Case) -> Decision:
    if _is_taken_back(case):
        return Done(Outcome("superseded"))
    return _fact(change.order_id, Status.CANCELLED, case, {"deleted_at": case.received_at})


def _fact(order_id: str, status: Status, case: _Case, update: EntryUpdate, parcel: Parcel | None = None) -> Decision:
    entry, sent = case.entry, SentOrder.of(case.entry.sent)
    if sent is None:
        if entry.version is None and not entry.skipped:
            return Park(Reason.ORDER_NOT_SEEN, update)
        return Done(_ignored(Reason.ORDER_NOT_SENT), update)
    if sent.status in (status, Status.CANCELLED):
        return Done(Outcome("unchanged"), update)

    def plan(contact: Contact, recycle_state_id: str | None) -> Sequence[Step]:
        return fact_steps(status, order_id, contact, entry.order_reference, sent, case.shop, parcel)

    return Send(
        contact=NOBODY,
        contact_ref=entry.contact_ref or "",
        created_at=None,
        plan=plan,
        update=update,
        is_fact=True,
    )


@_decide.register
def _cart(change: CartChange, case: _Case) -> Decision:
    entry, cart = case.entry, change.cart
    if entry.converted:
        return Done(_ignored(Reason.CART_CONVERTED))
    changed_at = milliseconds(cart.updated_at)
    # A platform may deliver a day late. A shop without a limit on old orders accepts old samples too.
    if case.shop.old_order_days and case.received_at - changed_at > case.policy.age_limit_ms("cart"):
        return Done(_ignored(Reason.TOO_OLD))
    if cart.contact.key is None and entry.contact_ref is None:
        return unmappable(Unmappable(cart.contact.unreachable_reason))
    return Send(
        contact=cart.contact,
        contact_ref=entry.contact_ref,
        created_at=milliseconds(cart.created_at) if cart.created_at else changed_at,
        plan=lambda contact, recycle_state_id: cart_steps(cart, contact, case.shop.id_prefix),
        records_contact=True,
        contact_by_platform=not change.by_visitor,
        only_for_owner=change.by_visitor and entry.contact_by_platform,
        already_sent_to=entry.contact_ref if entry.sent.get("digest") == cart_content(cart) else None,
    )


@_decide.register
def _view(change: ViewChange, case: _Case) -> Decision:
    view = change.view
    if view.contact.key is None and case.cart_contact_ref is None:
        return Done(_ignored(Reason.ANONYMOUS))
    return Send(
        contact=view.contact,
        contact_ref=case.cart_contact_ref,
        created_at=milliseconds(view.seen_at),
        plan=lambda contact, recycle_state_id: view_steps(view, contact, case.shop.id_prefix),
        claims_cart=Entity.of_cart(view.cart_token) if view.cart_token else None,
    )


@_decide.register
def _contact(change: ContactChange, case: _Case) -> Decision:
    if change.is_before_deletion(case.entry.deleted_at):
        return Done(_ignored(Reason.ACCOUNT_DELETED))
    return SyncContact(change)


@_decide.register
def _account_deleted(change: AccountDeleted, case: _Case) -> Decision:
    if _is_taken_back(case):
        return Done(Outcome("superseded"))
    # A customer's change from before the deletion arrives late, and must not bring the contact back.
    return DeleteContact(change, {"deleted_at": case.received_at})


@_decide.register
def _redaction(change: Redaction, case: _Case) -> Decision:
    return Erase()


@_decide.register
def _shop_redaction(change: ShopRedaction, case: _Case) -> Decision:
    return Erase()


@_decide.register
def _thin(change: ThinChange, case: _Case) -> Decision:
    # What was fetched after the webhook arrived contains what it announces, unless a copy answered that is behind: then
    # it is certain only if the known state is not older than the announced one, or some time has passed.
    passed_ms, version = case.entry.fetched_at - case.received_at, case.entry.version
    is_known = version is not None and version // 10 >= change.announced_at
    behind_ms = 0 if is_known else case.policy.copies_behind_ms
    return Done(Outcome("superseded")) if passed_ms > _CLOCKS_DIFFER_MS + behind_ms else Fetch()


@_decide.register
def _nothing(change: Nothing, case: _Case) -> Decision:
    return Done(Outcome("ignored", change.reason, change.details))


def _ignored(reason: Reason) -> Outcome:
    return Outcome("ignored", reason)
