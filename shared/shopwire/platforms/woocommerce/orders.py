"""WooCommerce's orders and customers: items, amounts, contact, parcels, status.

Sources: WooCommerce's REST API reference (wp-api-v3), and what running shops send. Amounts are without tax. The
tax of each is a field of its own.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from shopwire.errors import Unreadable
from shopwire.models import (
    Change,
    Contact,
    ContactChange,
    Entity,
    Item,
    Nothing,
    Order,
    OrderChange,
    Parcel,
    Reason,
    Shop,
    Status,
    Webhook,
)
from shopwire.models.base import MAX_DIGITS, first, milliseconds, usable_id
from shopwire.models.contact import person
from shopwire.models.phone import Phone
from shopwire.platforms import parts
from shopwire.platforms.parts import RANKS, Body, MoneyOrEmpty, amount, one_line
from shopwire.platforms.repair import entries_of
from shopwire.platforms.woocommerce import bodies

# REST reference, "Order properties". The statuses of plugins are in progress, unless `statuses` says otherwise.
_STATUSES = {
    "pending": Status.INITIALIZED,
    "processing": Status.IN_PROGRESS,
    "on-hold": Status.IN_PROGRESS,
    "completed": Status.DELIVERED,
    "cancelled": Status.CANCELLED,
    "failed": Status.CANCELLED,
    "refunded": Status.CANCELLED,
    "trash": Status.CANCELLED,
    "deleted": Status.CANCELLED,
}
# Nothing was bought yet. The checkout block creates such an order for each visitor (woocommerce#66995).
_DRAFTS = frozenset({"checkout-draft", "auto-draft", "new", "draft"})
_CUSTOMER_ROLES = frozenset({"customer", "subscriber"})
# `created_via` of WooCommerce's own point of sale: in its app, and by its REST API.
_POINT_OF_SALE = frozenset({"point-of-sale", "pos-rest-api"})
_ZERO = Decimal(0)
_ERROR_CODE = re.compile(r"[a-z0-9_]{1,64}")
_NO_ADDRESS = bodies.Address()

B = TypeVar("B", bound=Body)


def parse(model: type[B], webhook: Webhook) -> B | Nothing:
    """Return the body as `model`; Nothing if WooCommerce sent an error in its place.

    Raises:
        Unreadable: it is neither.
    """
    try:
        return parts.parse(model, webhook.body)
    except Unreadable as error:
        try:
            failure = parts.parse(bodies.Error, webhook.body)
        except Unreadable:
            raise error from None
        details = {"error_code": failure.code} if _ERROR_CODE.fullmatch(failure.code) else {}
        return Nothing(Reason.ERROR_BODY, details=details)


def order(webhook: Webhook, shop: Shop, *, restored: bool = False) -> Change:
    """Return the snapshot of an order; Nothing for a draft or an error.

    Args:
        restored: whether the order was in the trash before.

    Raises:
        Unreadable, InvalidValue: the body is not an order.
    """
    body = _order_body(webhook)
    if isinstance(body, Nothing):
        return body
    # The database and plugins write "wc-shipped", the REST resource "shipped". `statuses` may use either.
    word = (body.status or "").strip().removeprefix("wc-")
    if not word:
        raise Unreadable("status", "missing")
    if word in _DRAFTS and word not in shop.statuses:
        return Nothing(Reason.DRAFT, Entity("order", body.id))
    currency = first((body.currency,))
    if not currency:
        raise Unreadable("currency", "missing")
    status = shop.statuses.get(word) or shop.statuses.get(f"wc-{word}") or _STATUSES.get(word, Status.IN_PROGRESS)
    created = _moment("date_created_gmt", body.date_created_gmt, body.date_created)
    if created is None:
        raise Unreadable("date_created_gmt", "missing")
    with_tax = bool(body.prices_include_tax)
    refunds = [total for refund in body.refunds or () if (total := amount(refund.total)) is not None]
    # A refund does not lower `total`. The refunds' own totals are negative.
    refunded = -sum(refunds, _ZERO)
    left = body.total - refunded if refunds else body.total
    return OrderChange(
        Order(
            id=body.id,
            number=usable_id(body.number),
            created_at=created,
            updated_at=_moment("date_modified_gmt", body.date_modified_gmt, body.date_modified) or created,
            status=status,
            rank=RANKS[status],
            status_words=word,
            currency=currency,
            # A cancelled or refunded order of which nothing is left is sent with what it cost before.
            total=body.total if status is Status.CANCELLED and not left else left,
            shipping=_sum(body.shipping_total, body.shipping_tax if with_tax else None),
            discount=_sum(body.discount_total, body.discount_tax if with_tax else None),
            taxes=None if with_tax else amount(body.total_tax),
            refunded=refunded if refunds else None,
            contact=_buyer(body, shop),
            items=(*_items(body, shop, with_tax), *_fees(body, with_tax)),
            parcels=_parcels(body),
            coupons=tuple(coupon.code for coupon in body.coupon_lines or () if coupon.code),
            url=first((body.payment_url,)) if status is Status.INITIALIZED else None,
            payment_method=first((body.payment_method_title,)),
            delivery_method=first(line.method_title for line in body.shipping_lines or ()),
            delivery_address=_address_line(body.shipping),
            note=first((body.customer_note,)),
            source="offline" if body.created_via in _POINT_OF_SALE else "online",
            restored=restored,
        )
    )


def _order_body(webhook: Webhook) -> bodies.Order | Nothing:
    try:
        return parse(bodies.Order, webhook)
    except Unreadable:
        with suppress(Unreadable):
            return parts.parse(bodies.LegacyOrder, webhook.body).order
        raise


def restored_order(webhook: Webhook, shop: Shop) -> Change:
    """Return an order that came back from the trash. Raises as `order`."""
    return order(webhook, shop, restored=True)


def _items(body: bodies.Order, shop: Shop, with_tax: bool) -> tuple[Item, ...]:
    items = []
    for place, line in enumerate(body.line_items or ()):
        id = _item_id(line, shop)
        if line.quantity <= 0 or not id:
            continue
        # `price` is without tax and has the noise of a float, so the line's total is divided instead.
        paid = line.total + (amount(line.total_tax) or _ZERO) if with_tax else line.total
        cost = paid / line.quantity
        if cost.adjusted() >= MAX_DIGITS:
            raise Unreadable(f"line_items.{place}.quantity", "too_small_for_the_total")
        image = first((line.image.src,)) if line.image else None
        items.append(Item(id=id, name=first((line.name,)), quantity=line.quantity, cost=cost, image_url=image))
    return tuple(items)


def _fees(body: bodies.Order, with_tax: bool) -> tuple[Item, ...]:
    """Return the fees as items under their names, so that the items add up to the total."""
    items = []
    for fee in body.fee_lines or ():
        price = _sum(fee.total, fee.total_tax if with_tax else None)
        if price:
            # WooCommerce itself shows a fee without a name as "Fee".
            name = first((fee.name, "Fee")) or ""
            items.append(Item(id=name[:255], name=name, quantity=Decimal(1), cost=price))
    return tuple(items)


def _item_id(line: bodies.Line, shop: Shop) -> str | None:
    # 0 means none: no variation, or a deleted product.
    variation, product = (None if id == "0" else id for id in (line.variation_id, line.product_id))
    choices = {
        "variant": (variation, product, line.name),
        "product": (product, line.name),
        "sku": (line.sku, variation, product, line.name),
    }
    id = first(choices[shop.item_id])
    return id[:255] if id else None


def _parcels(body: bodies.Order) -> tuple[Parcel, ...]:
    """Return the parcels that the Shipment Tracking plugin stores in the order's meta data. WooCommerce has none."""
    found = []
    for meta in body.meta_data or ():
        if meta.key != "_wc_shipment_tracking_items":
            continue
        entries = entries_of(meta.value) or meta.value
        for entry in entries if isinstance(entries, list) else ():
            fields = _texts(entry)
            id = fields.get("tracking_id") or fields.get("tracking_number")
            if id:
                found.append(
                    Parcel(
                        id=id[:255],
                        tracking_number=fields.get("tracking_number"),
                        tracking_url=fields.get("custom_tracking_link") or fields.get("tracking_link"),
                        carrier=fields.get("tracking_provider") or fields.get("custom_tracking_provider"),
                    )
                )
    return tuple(found)


def _texts(entry: Any) -> dict[str, str]:
    """Return the text and number fields of an entry of meta data, as text."""
    if not isinstance(entry, dict):
        return {}
    scalars = {name: value for name, value in entry.items() if isinstance(value, str | int) and value is not True}
    return {name: text for name, value in scalars.items() if value and (text := str(value).strip())}


def _buyer(body: bodies.Order, shop: Shop) -> Contact:
    billing, shipping = body.billing or _NO_ADDRESS, body.shipping or _NO_ADDRESS
    return person(
        emails=(billing.email,),
        phones=(Phone(billing.phone, billing.country), Phone(shipping.phone, shipping.country)),
        region=shop.region,
        countries=(billing.country, shipping.country),
        customer_id=body.customer_id,
        first_names=(billing.first_name, shipping.first_name),
        last_names=(billing.last_name, shipping.last_name),
    )


def customer(webhook: Webhook, shop: Shop) -> Change:
    """Return the snapshot of a customer; Nothing for an account of the shop's staff, or an error.

    Raises:
        Unreadable, InvalidValue: the body is not a customer.
    """
    body = parse(bodies.Customer, webhook)
    if isinstance(body, Nothing):
        return body
    if body.role and body.role not in _CUSTOMER_ROLES:
        return Nothing(Reason.STAFF_ACCOUNT, Entity("contact", body.id))
    created = _moment("date_created_gmt", body.date_created_gmt, body.date_created)
    changed = _moment("date_modified_gmt", body.date_modified_gmt, body.date_modified) or created
    if changed is None:
        raise Unreadable("date_modified_gmt", "missing")
    billing, shipping = body.billing or _NO_ADDRESS, body.shipping or _NO_ADDRESS
    contact = person(
        emails=(body.email, billing.email),
        phones=(Phone(billing.phone, billing.country), Phone(shipping.phone, shipping.country)),
        region=shop.region,
        countries=(billing.country, shipping.country),
        customer_id=body.id,
        first_names=(body.first_name, billing.first_name, shipping.first_name),
        last_names=(body.last_name, billing.last_name, shipping.last_name),
    )
    return ContactChange(contact, body.id, milliseconds(changed), milliseconds(created) if created else None)


def _moment(name: str, gmt: datetime | None, local: datetime | None) -> datetime | None:
    """Return the moment. `*_gmt` is UTC without an offset. The shop's local time has no offset either, so it is used
    only if the other is missing."""
    value = gmt or local
    if value is None:
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, in another time zone
        raise Unreadable(name, "date_out_of_range") from None


def _sum(part: MoneyOrEmpty, tax: MoneyOrEmpty) -> Decimal | None:
    net, tax = amount(part), amount(tax)
    return net if net is None or tax is None else net + tax


def _address_line(address: bodies.Address | None) -> str | None:
    if address is None:
        return None
    parts = (address.address_1, address.address_2, address.city, address.state, address.postcode, address.country)
    return one_line(parts)
