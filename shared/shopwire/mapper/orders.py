"""An order to orderCreated, orderUpdated, orderDelivered, orderCancelled.

Pure. What goes out follows from the order as it stands and from what the API knows of it, not from the webhook's topic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from shopwire.mapper.params import (
    ApiRequest,
    Params,
    contact_key,
    digest,
    event,
    identifiers,
    json_text,
    plain,
    present,
    rounded,
)
from shopwire.models import Contact, Item, Order, Parcel, Shop, Status
from shopwire.models.order import quantum

# The statuses that an event of their own announces.
_TRANSITIONS = {Status.DELIVERED: "orderDelivered", Status.CANCELLED: "orderCancelled"}

# The params whose change sends an orderUpdated ahead of a transition: totals and items.
_CONTENT = frozenset({"totalCost", "currency", "shipping", "discount", "taxes", "items"})

_NOTHING = Decimal(0)

# What an event made of a fact repeats of the order's last snapshot.
_REFERENCE = ("externalCustomerId", "totalCost", "date", "currency", "orderNumber")


@dataclass(frozen=True, slots=True)
class OrderKnown:
    """What the API knows of an order. `status` is the last one announced: None while its own event is still due."""

    status: Status | None
    digest: str
    content: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A request, and what the API knows of the order once it was taken."""

    request: ApiRequest
    known: OrderKnown


def order_events(
    order: Order, shop: Shop, known: OrderKnown | None, *, recent: bool, recycle_state_id: str | None = None
) -> list[Planned]:
    """The requests that bring the API from `known` (None: it does not know the order) to the order as it stands.

    Args:
        recent: whether an order seen for the first time may start the workflows of a new one.
        recycle_state_id: of the cart that became this order; goes with the order's first event.

    Raises:
        Unmappable: the order names no person.
    """
    params = _params(order, contact_key(order.contact))
    target = _knowledge(order, params)
    key = order.id if shop.key_value == "order" else contact_key(order.contact)
    transition = _TRANSITIONS.get(order.status)
    plan = []
    if known is None:
        known = replace(target, status=None if transition else target.status)
        first = params + present((("recycleStateId", recycle_state_id),))
        plan.append(Planned(event("orderCreated" if recent else "orderUpdated", key, first), known))
    announce = transition is not None and known.status is not order.status
    if (known.content != target.content) if announce else (known != target):
        known = replace(target, status=known.status) if announce else target
        plan.append(Planned(event("orderUpdated", key, params), known))
    if announce and transition:
        plan.append(Planned(event(transition, key, params), target))
    return plan


def known_otherwise(order: Order) -> OrderKnown:
    """What the API knows that has this order with another status and the same content otherwise."""
    return replace(_knowledge(order, _params(order, "")), status=None, digest="")


def order_reference(order: Order) -> dict[str, str]:
    """What a later fact's event repeats of this order; whose it is stands elsewhere."""
    values = (
        order.contact.customer_id,
        plain(order.total),
        order.created_at.isoformat(),
        order.currency,
        order.number,
    )
    return dict(present(zip(_REFERENCE, values, strict=True)))


def fact_event(
    status: Status,
    order_id: str,
    contact: Contact,
    reference: Mapping[str, str],
    shop: Shop,
    parcel: Parcel | None = None,
) -> ApiRequest:
    """orderDelivered or orderCancelled out of a fact, for the person that the order was last sent for.

    Args:
        reference: `order_reference` of the order's last snapshot, or as much of it as is known.

    Raises:
        Unmappable: the contact names nobody.
    """
    key = contact_key(contact)
    params = identifiers(contact) + present(
        (
            ("externalOrderId", order_id),
            # A guest's order stays a guest's, though the person may be known as a customer too.
            ("externalCustomerId", reference.get("externalCustomerId") or key),
            ("status", status),
            *((name, reference.get(name)) for name in _REFERENCE[1:]),
            *_tracking(parcel),
        )
    )
    return event(_TRANSITIONS[status], order_id if shop.key_value == "order" else key, params)


def _params(order: Order, key: str) -> Params:
    contact = order.contact
    pairs: Params = identifiers(contact)
    pairs += present(
        (
            ("externalOrderId", order.id),
            ("externalCustomerId", contact.customer_id or key),
            # More given back than was paid: the API ignores an order that costs less than nothing.
            ("totalCost", plain(max(order.total, _NOTHING))),
            ("status", order.status),
            ("date", order.created_at.isoformat()),
            ("currency", order.currency),
            ("firstName", contact.first_name),
            ("lastName", contact.last_name),
            ("shipping", plain(order.shipping)),
            ("discount", plain(order.discount)),
            ("taxes", plain(order.taxes)),
            ("restoreUrl", order.url),
            ("statusDescription", order.status_words),
            ("storeId", order.store_id),
            ("source", order.source),
            ("deliveryMethod", order.delivery_method),
            ("paymentMethod", order.payment_method),
            ("deliveryAddress", order.delivery_address),
            ("additionalInfo", order.note),
            ("items", _items(order)),
            ("orderNumber", order.number),
            *_tracking(_shown_parcel(order)),
            ("couponCode", ", ".join(order.coupons)),
            ("cancelReason", order.cancel_reason),
            ("refundedAmount", plain(order.refunded)),
        )
    )
    return pairs


def _shown_parcel(order: Order) -> Parcel | None:
    # A message has room for one parcel: the last that can be followed.
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


def _items(order: Order) -> str | None:
    step = quantum(order.currency)
    return json_text([_item(item, step) for item in order.items]) if order.items else None


def _item(item: Item, step: Decimal) -> dict[str, Any]:
    fields = {
        "externalItemId": item.id,
        "name": item.name,
        "category": item.category,
        "quantity": item.quantity,
        "url": item.url,
        "imageUrl": item.image_url,
        "description": item.description,
        "cost": rounded(item.cost, step),
    }
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def _knowledge(order: Order, params: Params) -> OrderKnown:
    return OrderKnown(
        status=order.status,
        digest=digest([pair for pair in params if pair[0] != "status"]),
        content=digest([pair for pair in params if pair[0] in _CONTENT]),
    )
