"""An order becomes orderCreated, orderUpdated, orderDelivered or orderCancelled.

What is sent follows from the order as it stands and from what the API has of it, not from the webhook's topic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Self

from shopwire.mapper.params import (
    Params,
    Step,
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

# These statuses are announced by events of their own.
_TRANSITIONS = {Status.DELIVERED: "orderDelivered", Status.CANCELLED: "orderCancelled"}

# If one of these params changed too, an orderUpdated is sent before the event of a transition: totals and items.
_CONTENT = frozenset({"totalCost", "currency", "shipping", "discount", "taxes", "items"})

_ZERO = Decimal(0)

# Params of the order's last snapshot that the event of a fact repeats.
_REFERENCE = ("externalCustomerId", "totalCost", "date", "currency", "orderNumber")


@dataclass(frozen=True, slots=True)
class SentOrder:
    """What the API has of an order.

    Args:
        status: the status that was last announced; None while the event that announces it is still to be sent.
        digest: stands for all params but the status.
        content: stands for totals and items.
    """

    status: Status | None
    digest: str
    content: str

    @classmethod
    def of(cls, record: Mapping[str, str]) -> Self | None:
        """Return what a ledger entry recorded; None if the API has nothing of the order."""
        if not record:
            return None
        status = record.get("status")
        return cls(Status(status) if status else None, record["digest"], record["content"])

    @property
    def record(self) -> dict[str, str]:
        """What the ledger entry records."""
        status = {"status": str(self.status)} if self.status else {}
        return status | {"digest": self.digest, "content": self.content}


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
    params = _params(order, contact_key(order.contact))
    target = _sent(order, params)
    key = order.id if shop.key_value == "order" else contact_key(order.contact)
    transition = _TRANSITIONS.get(order.status)
    steps = []
    if sent is None:
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


def sent_with_another_status(order: Order) -> SentOrder:
    """Return what the API has if it has this order with another status and the same content otherwise."""
    return replace(_sent(order, _params(order, "")), status=None, digest="")


def order_reference(order: Order) -> dict[str, str]:
    """Return what the event of a later fact repeats of this order. Whose order it is is recorded elsewhere."""
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
    """Return orderDelivered or orderCancelled for a fact, for the contact that the order was last sent for.

    Args:
        reference: `order_reference` of the order's last snapshot, or the part of it that is known.
        sent: what the API has of the order.

    Raises:
        Unmappable: nothing identifies a person.
    """
    key = contact_key(contact)
    params = identifiers(contact) + present(
        (
            ("externalOrderId", order_id),
            # The order of a guest stays a guest's, even if the person is known as a customer too.
            ("externalCustomerId", reference.get("externalCustomerId") or key),
            ("status", status),
            *((name, reference.get(name)) for name in _REFERENCE[1:]),
            *_tracking(parcel),
        )
    )
    request = event(_TRANSITIONS[status], order_id if shop.key_value == "order" else key, params)
    return [Step(request, replace(sent, status=status).record)]


def _params(order: Order, key: str) -> Params:
    contact = order.contact
    pairs: Params = identifiers(contact)
    pairs += present(
        (
            ("externalOrderId", order.id),
            ("externalCustomerId", contact.customer_id or key),
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


def _sent(order: Order, params: Params) -> SentOrder:
    return SentOrder(
        status=order.status,
        digest=digest([pair for pair in params if pair[0] != "status"]),
        content=digest([pair for pair in params if pair[0] in _CONTENT]),
    )
