"""An order becomes orderCreated, orderUpdated, orderDelivered or orderCancelled, a request to v1/orders, or both.

The shop's setting `orders` chooses. Where both are sent, v1/orders goes first, as the vendor advises. v1/orders is also
used for an order whose items do not fit into an event. What is sent follows from the order as it stands and from what
the API has of it, not from the webhook's topic.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Self

from shopwire.mapper.api_rules import is_key
from shopwire.mapper.fit import fits, fitting, with_short_texts, with_value
from shopwire.mapper.order_resource import orders_request
from shopwire.mapper.params import (
    Params,
    Step,
    contact_key,
    digest,
    event,
    hashed_key,
    identifiers,
    json_text,
    plain,
    prefixed,
    present,
    rounded,
)
from shopwire.models import Contact, Item, Order, Parcel, Shop, Status
from shopwire.models.order import quantum
from shopwire.models.text import readable, usable_link

# These statuses are announced by events of their own.
_TRANSITIONS = {Status.DELIVERED: "orderDelivered", Status.CANCELLED: "orderCancelled"}

# If one of these params changed too, an orderUpdated is sent before the event of a transition: totals and items.
_CONTENT = frozenset({"totalCost", "currency", "shipping", "discount", "taxes", "fees", "duties", "tips", "items"})

_ZERO = Decimal(0)

# What the event of an order may have beside its params: the longest type, and the id of the cart that became the order.
_LONGEST_TYPE = "orderDelivered"
_CART_STATE = ("recycleStateId", "0" * 32)

_LONG_NAME = 50
# A line takes at least 52 of the 20,000 bytes, so the lines of an order with more cannot be sent.
_MOST_ITEMS = 384

# Params of the order's last snapshot that the event of a fact repeats.
_REFERENCE = ("externalCustomerId", "totalCost", "date", "currency", "orderNumber")


@dataclass(frozen=True, slots=True)
class SentOrder:
    """What the API has of an order.

    Args:
        status: the status that was last announced; None while the event that announces it is still to be sent.
        digest: stands for all params but the status.
        content: stands for totals and items.
        stored: stands for what v1/orders accepted last: the status, and all other content. None if the order was not
            sent through v1/orders, or was sent otherwise since.
    """

    status: Status | None
    digest: str
    content: str
    stored: str | None = None

    @classmethod
    def of(cls, record: Mapping[str, str]) -> Self | None:
        """Return what a ledger entry recorded; None if the API has nothing of the order."""
        if not record:
            return None
        status = record.get("status")
        content = record.get("digest", ""), record.get("content", "")
        return cls(Status(status) if status else None, *content, record.get("stored"))

    @property
    def is_opened(self) -> bool:
        """Whether an event of the order was accepted, or the shop sends none. Otherwise its first event must follow."""
        return bool(self.content) or self.status is not None

    @property
    def record(self) -> dict[str, str]:
        """What the ledger entry records."""
        fields = {"status": self.status, "digest": self.digest, "content": self.content, "stored": self.stored}
        return {name: str(value) for name, value in fields.items() if value}


def order_steps(
    order: Order, shop: Shop, sent: SentOrder | None, *, recent: bool, recycle_state_id: str | None = None
) -> list[Step]:
    """Return the requests that bring the API from `sent` (None: it has nothing of the order) to the order as it stands.

    Args:
        recent: whether an order that the API does not have may start the workflows of a new order.
        recycle_state_id: of the cart that became this order; the order's first event carries it.

    Raises:
        Unmappable: nothing identifies a person.
    """
    key = contact_key(prefixed(order.contact, shop.id_prefix))
    if shop.key_value == "order":
        key = _order_key(shop.id_prefix + order.id)
    whole = _whole_params(order, shop.id_prefix)
    params = _fitting(order, key, whole)
    target = _sent(order, params)
    transition = _TRANSITIONS.get(order.status)
    steps = []
    if shop.orders != "events" or (params is not whole and _lacks_items(order, params)):
        stored = _stored(order.status, target.digest if params is whole else _digest(whole))
        target = replace(target, stored=stored)
        sent_through = sent.stored if sent else None
        sent = replace(sent or SentOrder(None, "", ""), stored=stored)
        if sent_through != stored:
            accepted = target if shop.orders == "orders" else sent
            steps.append(Step(orders_request(whole), accepted.record))
        if shop.orders == "orders":
            return steps
    elif sent and sent.stored:
        sent = replace(sent, stored=None)
    if sent is None or not sent.is_opened:
        sent = replace(target, status=None if transition else target.status)
        first = params + present((("recycleStateId", recycle_state_id),))
        steps.append(Step(event("orderCreated" if recent else "orderUpdated", key, first), sent.record))
    announce = transition is not None and sent.status is not order.status
    if (sent.content != target.content) if announce else (sent != target):
        sent = replace(target, status=sent.status) if announce else target
        steps.append(Step(event("orderUpdated", key, params), sent.record))
    if announce and transition:
        steps.append(Step(event(transition, key, params), target.record))
    return steps


def sent_with_another_status(order: Order, id_prefix: str = "") -> SentOrder:
    """Return what the API has if it has this order with another status and the same content otherwise."""
    key = contact_key(prefixed(order.contact, id_prefix)) if order.contact.key else ""
    return replace(_sent(order, _fitting(order, key, _whole_params(order, id_prefix))), status=None, digest="")


def order_reference(order: Order) -> dict[str, str]:
    """Return what the event of a later fact repeats of this order, with the platform's own ids.

    Whose order it is is recorded elsewhere.
    """
    values = (
        order.contact.customer_id,
        plain(order.total),
        order.created_at.isoformat(),
        order.currency,
        order.number,
    )
    return dict(present(zip(_REFERENCE, values, strict=True)))


def fact_steps(
    status: Status,
    order_id: str,
    contact: Contact,
    reference: Mapping[str, str],
    sent: SentOrder,
    shop: Shop,
    parcel: Parcel | None = None,
) -> list[Step]:
    """Return the requests of a fact, for the contact that the order was last sent for.

    They go the way of the order's snapshots: orderDelivered or orderCancelled, v1/orders, or both. v1/orders gets what
    it requires, which the ledger entry recorded. Everything else of the order, such as its items, stays as it is.

    Args:
        reference: `order_reference` of the order's last snapshot, or the part of it that is known.
        sent: what the API has of the order.

    Raises:
        Unmappable: nothing identifies a person.
    """
    # The order of a guest stays a guest's, even if the person is known as a customer too.
    customer_id = reference.get("externalCustomerId") or (None if contact.reachable else contact.customer_id)
    order_id = shop.id_prefix + order_id
    key = _order_key(order_id) if shop.key_value == "order" else contact_key(prefixed(contact, shop.id_prefix))
    state = identifiers(prefixed(replace(contact, customer_id=customer_id), shop.id_prefix)) + present(
        (
            ("externalOrderId", order_id),
            ("status", status),
            *((name, reference.get(name)) for name in _REFERENCE[1:-1]),
        )
    )
    steps = []
    if shop.orders != "events" or sent.stored:
        stored = _stored(status, (sent.stored or "").partition(" ")[2])
        sent_through, sent = sent.stored, replace(sent, stored=stored)
        if sent_through != stored:
            accepted = replace(sent, status=status) if shop.orders == "orders" else sent
            steps.append(Step(orders_request(state), accepted.record))
        if shop.orders == "orders":
            return steps
    if not sent.is_opened:
        return steps  # the snapshot that waits sends the order's first event, and then that of the fact
    whole = state + present(((_REFERENCE[-1], reference.get(_REFERENCE[-1])), *_tracking(parcel)))
    params = fitting(_TRANSITIONS[status], key, (whole, with_short_texts(whole, very=True)))
    steps.append(Step(event(_TRANSITIONS[status], key, params), replace(sent, status=status).record))
    return steps


def _order_key(order_id: str) -> str:
    return order_id if is_key(order_id) else hashed_key(order_id)


def _fitting(order: Order, key: str, whole: Params) -> Params:
    """Return the params of the order's events, shortened if they would not fit. They are the same for all events."""
    if fits(_LONGEST_TYPE, key, [*whole, _CART_STATE]):
        return whole
    variants = ([*params, _CART_STATE] for params in _smaller(order, whole))
    return fitting(_LONGEST_TYPE, key, variants)[:-1]


def _lacks_items(order: Order, params: Params) -> bool:
    """Return whether the order has items, and its events have no room for them."""
    return bool(order.items) and not any(name == "items" for name, _ in params)


def _smaller(order: Order, whole: Params) -> Iterator[Params]:
    """Yield smaller and smaller params: what messages and segments need least goes first, the items go last."""
    short = with_short_texts(whole)
    if len(order.items) <= _MOST_ITEMS:
        items = [replace(item, description=None) for item in order.items]
        yield with_value(whole, "items", _items(items, order.currency))
        yield with_value(short, "items", _items(items, order.currency))
        items = [replace(item, url=None, image_url=None) for item in items]
        yield with_value(short, "items", _items(items, order.currency))
        items = [replace(item, category=None) for item in items]
        yield with_value(short, "items", _items(items, order.currency))
        for length in (_LONG_NAME, 0):
            items = [replace(item, name=(readable(item.name) or "")[:length].rstrip()) for item in items]
            yield with_value(short, "items", _items(items, order.currency))
    yield with_value(short, "items", None)
    yield with_value(with_short_texts(whole, very=True), "items", None)


def _whole_params(order: Order, id_prefix: str) -> Params:
    contact = prefixed(order.contact, id_prefix)
    pairs: Params = identifiers(contact)
    pairs += present(
        (
            ("externalOrderId", id_prefix + order.id),
            # A refund may be higher than what was paid. The API ignores an order with a negative total.
            ("totalCost", plain(max(order.total, _ZERO))),
            ("status", order.status),
            ("date", order.created_at.isoformat()),
            ("currency", order.currency),
            ("firstName", contact.first_name),
            ("lastName", contact.last_name),
            ("shipping", plain(order.shipping)),
            ("discount", plain(order.discount)),
            ("taxes", plain(order.taxes)),
            ("fees", plain(order.fees)),
            ("duties", plain(order.duties)),
            ("tips", plain(order.tips)),
            ("restoreUrl", order.url),
            ("statusDescription", order.status_words),
            ("storeId", order.store_id),
            ("source", order.source),
            ("deliveryMethod", order.delivery_method),
            ("paymentMethod", order.payment_method),
            ("deliveryAddress", order.delivery_address),
            ("additionalInfo", order.note),
            ("items", _items(order.items, order.currency)),
            ("orderNumber", order.number),
            *_tracking(_shown_parcel(order)),
            ("couponCode", ", ".join(order.coupons)),
            ("cancelReason", order.cancel_reason),
            ("refundedAmount", plain(order.refunded)),
        )
    )
    return pairs


def _shown_parcel(order: Order) -> Parcel | None:
    # A message shows one parcel: the last one that can be tracked.
    return next((parcel for parcel in reversed(order.parcels) if parcel.tracking_number or parcel.tracking_url), None)


def _tracking(parcel: Parcel | None) -> Params:
    if parcel is None:
        return []
    return present(
        (
            ("trackingNumber", parcel.tracking_number),
            ("trackingUrl", parcel.tracking_url),
            ("carrier", parcel.carrier),
        )
    )


def _items(items: Sequence[Item], currency: str) -> str | None:
    step = quantum(currency)
    return json_text([_item(item, step) for item in items]) if items else None


def _item(item: Item, step: Decimal) -> dict[str, Any]:
    fields = {
        "externalItemId": item.id,
        "name": item.name and readable(item.name),
        "category": item.category and readable(item.category),
        "quantity": item.quantity,
        "url": item.url and usable_link(item.url),
        "imageUrl": item.image_url and usable_link(item.image_url),
        "description": item.description and readable(item.description),
        "cost": rounded(item.cost, step),
    }
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def _sent(order: Order, params: Params) -> SentOrder:
    return SentOrder(
        status=order.status,
        digest=_digest(params),
        content=digest([pair for pair in params if pair[0] in _CONTENT]),
    )


def _digest(params: Params) -> str:
    return digest([pair for pair in params if pair[0] != "status"])


def _stored(status: Status, content: str) -> str:
    return f"{status} {content}"
