"""BigCommerce's orders: status, items, parcels, contact. `money` has the amounts.

Sources: reference "Orders V2"; "Order statuses" for the numbers, which stay the same if a shop renames a status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from shopwire.errors import Unreadable
from shopwire.models import Change, Item, Order, OrderChange, OrderSkipped, Parcel, Rank, Reason, Shop, Status
from shopwire.models.base import first, usable_currency, usable_token
from shopwire.models.shop import IGNORE
from shopwire.models.text import readable
from shopwire.platforms.bigcommerce import bodies, money, people
from shopwire.platforms.parts import RANKS, amount, one_line

_INCOMPLETE, _SHIPPED, _PARTIALLY_SHIPPED = 0, 2, 3
_STATUSES = {
    1: (Status.INITIALIZED, Rank.CREATED),  # Pending
    2: (Status.IN_PROGRESS, Rank.SHIPPED),  # Shipped, "but receipt has not been confirmed"
    3: (Status.IN_PROGRESS, Rank.PARTLY_SHIPPED),  # Partially Shipped
    4: (Status.CANCELLED, Rank.CLOSED),  # Refunded
    5: (Status.CANCELLED, Rank.CLOSED),  # Cancelled
    6: (Status.CANCELLED, Rank.CLOSED),  # Declined
    7: (Status.INITIALIZED, Rank.CREATED),  # Awaiting Payment
    8: (Status.IN_PROGRESS, Rank.PAID),  # Awaiting Pickup
    9: (Status.IN_PROGRESS, Rank.PAID),  # Awaiting Shipment
    10: (Status.DELIVERED, Rank.DELIVERED),  # Completed: the nearest to "delivered" that there is
    11: (Status.IN_PROGRESS, Rank.PAID),  # Awaiting Fulfillment: "payment has been confirmed"
    12: (Status.IN_PROGRESS, Rank.PAID),  # Manual Verification Required
    13: (Status.IN_PROGRESS, Rank.PAID),  # Disputed
    14: (Status.IN_PROGRESS, Rank.PAID),  # Partially Refunded
}
_TEST_GATEWAY = "test payment gateway"  # `payment_method` of an order without real money


@dataclass(frozen=True, slots=True)
class Parts:
    """What the API has of an order in resources of their own."""

    products: Sequence[bodies.Product] = ()
    shipments: Sequence[bodies.Shipment] = ()
    coupons: Sequence[bodies.Coupon] = ()
    refunds: Sequence[bodies.Refund] = ()
    customer: bodies.Customer | None = None


def skipped(body: bodies.Order, shop: Shop) -> OrderSkipped | None:
    """Return the order as one that is not sent; None if it is sent."""
    setting = _setting(body, shop)
    if setting == IGNORE:
        return OrderSkipped(body.id, Reason.STATUS_IGNORED)
    # "An incomplete order happens when a shopper reached the payment page, but did not complete the transaction."
    if body.status_id == _INCOMPLETE and setting is None:
        return OrderSkipped(body.id, Reason.DRAFT)
    return None


def _setting(body: bodies.Order, shop: Shop) -> str | None:
    """Return what `statuses` says about the order's status. It may name the number, or the name in any case."""
    if not shop.statuses:
        return None
    settings = {name.strip().casefold(): setting for name, setting in shop.statuses.items()}
    names = (str(body.status_id), body.custom_status, body.status)
    return next((found for name in names if name and (found := settings.get(name.strip().casefold()))), None)


def has_shipments(body: bodies.Order, products: Sequence[bodies.Product]) -> bool:
    """Return whether anything of the order says that something was sent."""
    return (
        body.status_id in (_SHIPPED, _PARTIALLY_SHIPPED)
        or bool(body.items_shipped)
        or any(line.quantity_shipped for line in products)
    )


def may_have_coupons(body: bodies.Order) -> bool:
    """Return whether the order may have a coupon for free shipping, which takes nothing off the lines."""
    return people.shipping_address(body) is not None and not amount(body.shipping_cost_inc_tax)


def order(body: bodies.Order, parts: Parts, shop: Shop, cart_id: str | None = None) -> Change:
    """Return the snapshot of an order.

    Args:
        cart_id: the cart that became the order, if the webhook says so.

    Raises:
        Unreadable, InvalidValue: the answers are not what the API documents.
    """
    # "The currency code of the transactional currency the shopper pays in"; `currency_code` is what they looked at.
    currency = usable_currency((body.default_currency_code, body.currency_code))
    if not currency:
        raise Unreadable("default_currency_code", "missing")
    amounts = money.amounts(body, parts.products, parts.coupons, parts.refunds, currency)
    quantities = [quantity for quantity, _ in amounts.lines]
    wholly_shipped = _is_wholly_shipped(body, parts.products, quantities)
    status, rank = _status(body, parts.products, shop, wholly_shipped=wholly_shipped)
    # An archived order is a deleted one that can come back. If its first fetch is after that, it is a cancelled order.
    if amounts.wholly_refunded or body.is_deleted:
        status, rank = Status.CANCELLED, Rank.CLOSED
    shipping = people.shipping_address(body)
    return OrderChange(
        Order(
            id=body.id,
            number=body.id,
            created_at=body.date_created,
            updated_at=body.date_modified or body.date_created,
            status=status,
            rank=rank,
            status_words=first((body.custom_status, body.status)),
            currency=currency,
            total=amounts.total,
            shipping=amounts.shipping,
            discount=amounts.discount,
            taxes=amounts.taxes,
            fees=amounts.fees,
            refunded=amounts.refunded,
            contact=people.buyer(body, parts.customer, shop),
            items=_items(parts.products, amounts, shop),
            parcels=tuple(_parcel(shipment) for shipment in money.in_order(parts.shipments)),
            wholly_shipped=wholly_shipped,
            coupons=_coupons(parts),
            payment_method=first((body.payment_method,)),
            delivery_method=_delivery_method(body),
            delivery_address=_address_line(shipping),
            note=first((body.customer_message,)),
            source="offline" if (body.external_source or "").strip().upper().startswith("POS") else "online",
            cart_token=usable_token(body.cart_id) or usable_token(cart_id),
            test=(body.payment_method or "").strip().lower() == _TEST_GATEWAY,
        )
    )


def _status(
    body: bodies.Order, products: Sequence[bodies.Product], shop: Shop, *, wholly_shipped: bool
) -> tuple[Status, Rank]:
    setting = _setting(body, shop)
    if setting:
        status = Status(setting)
        return status, RANKS[status]
    status, rank = _STATUSES.get(body.status_id, (Status.IN_PROGRESS, Rank.PAID))
    if status is not Status.IN_PROGRESS:
        return status, rank
    # "Partially Refunded" and "Disputed" do not say whether the order was sent before.
    if wholly_shipped:
        rank = max(rank, Rank.SHIPPED)
    elif any(line.quantity_shipped for line in products):
        rank = max(rank, Rank.PARTLY_SHIPPED)
    if wholly_shipped and shop.shipped_is_delivered:
        return Status.DELIVERED, Rank.DELIVERED
    return status, rank


def _is_wholly_shipped(body: bodies.Order, products: Sequence[bodies.Product], quantities: Sequence[Decimal]) -> bool:
    if body.status_id == _SHIPPED:
        return True
    to_ship = [
        (line.quantity_shipped or 0, quantity)
        for line, quantity in zip(products, quantities, strict=True)
        if quantity > 0 and (line.type or "physical") == "physical"
    ]
    return bool(to_ship) and all(shipped >= quantity for shipped, quantity in to_ship)


def _items(products: Sequence[bodies.Product], amounts: money.Amounts, shop: Shop) -> tuple[Item, ...]:
    items = []
    for line, (quantity, cost) in zip(products, amounts.lines, strict=True):
        id = _item_id(line, shop)
        if quantity > 0 and id:
            items.append(Item(id=id, name=first((line.name,)), quantity=quantity, cost=cost))
    return tuple(items)


def _item_id(line: bodies.Product, shop: Shop) -> str | None:
    return item_id(line.variant_id, line.product_id, line.sku, line.name, shop)


def item_id(
    variant_id: str | None, product_id: str | None, sku: str | None, name: str | None, shop: Shop
) -> str | None:
    """Return the id of a product as the shop wants it; the name of what is in no catalogue."""
    # A custom product, and a gift certificate, have 0.
    variant, product = (None if id == "0" else id for id in (variant_id, product_id))
    choices = {
        "variant": (variant, product, readable(name)),
        "product": (product, readable(name)),
        "sku": (sku, variant, product, readable(name)),
    }
    id = first(choices[shop.item_id])
    return id[:255] if id else None


def _parcel(shipment: bodies.Shipment) -> Parcel:
    return Parcel(
        id=shipment.id,
        tracking_number=first((shipment.tracking_number,)),
        tracking_url=first((shipment.tracking_link, shipment.generated_tracking_link)),
        carrier=first((shipment.shipping_provider_display_name, shipment.shipping_provider, shipment.tracking_carrier)),
    )


def _coupons(parts: Parts) -> tuple[str, ...]:
    of_lines = (each.code for line in parts.products for each in line.applied_discounts or ())
    codes = [code for code in (*(coupon.code for coupon in parts.coupons), *of_lines) if code]
    return tuple(dict.fromkeys(codes))


def _delivery_method(body: bodies.Order) -> str | None:
    if body.consignments is None:
        return None
    shipping = (each.shipping_method for each in body.consignments.shipping or ())
    pickups = (each.pickup_method_display_name for each in body.consignments.pickups or ())
    # "None" is the method of an order that was made without one, as in the control panel.
    return first(method for method in (*shipping, *pickups) if method and method.strip() != "None")


def _address_line(address: bodies.Address | None) -> str | None:
    if address is None:
        return None
    return one_line((address.street_1, address.street_2, address.city, address.state, address.zip, address.country))
