"""WooCommerce's orders and customers: items, contact, parcels, status. `money` has the amounts.

Sources: WooCommerce's REST API reference (wp-api-v3), and what running shops send.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
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
    OrderSkipped,
    Parcel,
    Reason,
    Shop,
    Status,
    Webhook,
)
from shopwire.models.base import first, milliseconds, usable_id
from shopwire.models.contact import person
from shopwire.models.phone import Phone
from shopwire.models.shop import IGNORE
from shopwire.models.text import readable
from shopwire.platforms import parts
from shopwire.platforms.parts import RANKS, Body, one_line, received_at
from shopwire.platforms.repair import entries_of
from shopwire.platforms.woocommerce import bodies, money, people

# REST reference, "Order properties". The statuses of plugins are in progress, unless `statuses` says otherwise.
_STATUSES = {
    "pending": Status.INITIALIZED,
    "processing": Status.IN_PROGRESS,
    "on-hold": Status.IN_PROGRESS,
    "completed": Status.DELIVERED,
    # Two widespread tracking plugins: Advanced Shipment Tracking, and Orders Tracking of VillaTheme.
    "delivered": Status.DELIVERED,
    "cancelled": Status.CANCELLED,
    "failed": Status.CANCELLED,
    "refunded": Status.CANCELLED,
    "trash": Status.CANCELLED,
    "deleted": Status.CANCELLED,
}
# Nothing was bought yet. The checkout block creates such an order for each visitor (woocommerce#66995).
_DRAFTS = frozenset({"checkout-draft", "auto-draft", "new", "draft"})
# WordPress's own roles of people who work on the site, and WooCommerce's shop manager. Plugins add roles for wholesale,
# members and vendors, so every other role is a customer's.
_STAFF_ROLES = frozenset({"administrator", "editor", "author", "contributor", "shop_manager"})
# `created_via` of WooCommerce's own point of sale: in its app, and by its REST API.
_POINT_OF_SALE = frozenset({"point-of-sale", "pos-rest-api"})
_ZERO = Decimal(0)
# WooCommerce deletes the drafts of its checkout block once a day, when they are a day old (DraftOrders.php).
_DRAFT_LIFE = timedelta(days=3)
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
        return OrderSkipped(body.id, Reason.DRAFT)
    currency = first((body.currency,))
    if not currency:
        raise Unreadable("currency", "missing")
    setting = shop.statuses.get(word) or shop.statuses.get(f"wc-{word}")
    if setting == IGNORE:
        return OrderSkipped(body.id, Reason.STATUS_IGNORED)
    status = Status(setting) if setting else _STATUSES.get(word, Status.IN_PROGRESS)
    if body.parent_id not in (None, "", "0") and shop.sub_orders == "skip":
        return OrderSkipped(body.id, Reason.SUB_ORDER)
    created = _moment("date_created_gmt", body.date_created_gmt, body.date_created)
    if created is None:
        raise Unreadable("date_created_gmt", "missing")
    amounts = money.amounts(body, currency)
    if amounts.wholly_refunded:
        status = Status.CANCELLED
    return OrderChange(
        Order(
            id=body.id,
            number=usable_id(body.number),
            created_at=created,
            bought_at=_bought_at(body, created) if status is Status.IN_PROGRESS else None,
            updated_at=_moment("date_modified_gmt", body.date_modified_gmt, body.date_modified) or created,
            status=status,
            rank=RANKS[status],
            status_words=word,
            currency=currency,
            total=amounts.total,
            shipping=amounts.shipping,
            discount=amounts.discount,
            taxes=amounts.taxes,
            fees=amounts.fees,
            refunded=amounts.refunded,
            contact=people.described_buyer(_buyer(body, shop), body, created, webhook.received_at),
            items=_items(body, amounts, shop),
            parcels=_parcels(body),
            coupons=tuple(coupon.code for coupon in body.coupon_lines or () if coupon.code),
            url=first((body.payment_url,)) if status is Status.INITIALIZED else None,
            payment_method=first((body.payment_method_title,)),
            delivery_method=first(line.method_title for line in body.shipping_lines or ()),
            delivery_address=_address_line(body.shipping),
            note=first((body.customer_note,)),
            source="offline" if body.created_via in _POINT_OF_SALE else "online",
            restored=restored,
            erased=_is_erased(body.billing),
        )
    )


def _bought_at(body: bodies.Order, created: datetime) -> datetime | None:
    """Return when a draft was bought. The draft of a block checkout lives some days, and keeps its date.

    Only of an order in progress: cash on delivery is paid when the order is completed.
    """
    paid = _moment("date_paid_gmt", body.date_paid_gmt, body.date_paid)
    return paid if paid and timedelta(0) < paid - created <= _DRAFT_LIFE else None


def _is_erased(billing: bodies.Address | None) -> bool:
    # wp_privacy_anonymize_data() writes this address in place of the one that it erases.
    return bool(billing and billing.email and billing.email.strip().lower().endswith("@site.invalid"))


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


def _items(body: bodies.Order, amounts: money.Amounts, shop: Shop) -> tuple[Item, ...]:
    items = []
    for line, cost in zip(body.line_items or (), amounts.costs, strict=True):
        id = _item_id(line, shop)
        if cost is None or not id:
            continue
        image = first((line.image.src,)) if line.image else None
        items.append(Item(id=id, name=first((line.name,)), quantity=line.quantity, cost=cost, image_url=image))
    return tuple(items)


def _item_id(line: bodies.Line, shop: Shop) -> str | None:
    # 0 means none: no variation, or a deleted product.
    variation, product = (None if id == "0" else id for id in (line.variation_id, line.product_id))
    name = readable(line.name)
    choices = {
        "variant": (variation, product, name),
        "product": (product, name),
        "sku": (line.sku, variation, product, name),
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
        emails=(billing.email, shipping.email),
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
    if body.role and body.role.strip().lower() in _STAFF_ROLES:
        return Nothing(Reason.STAFF_ACCOUNT, Entity("contact", body.id))
    created = _moment("date_created_gmt", body.date_created_gmt, body.date_created)
    changed = _moment("date_modified_gmt", body.date_modified_gmt, body.date_modified) or created
    if changed is None:
        # An account that WP-CLI or an import made may have no dates. The topic is not signed, so a body without any
        # sign of a customer is none.
        if body.email is None and body.role is None:
            raise Unreadable("date_modified_gmt", "missing")
        changed = received_at(webhook)
    billing, shipping = body.billing or _NO_ADDRESS, body.shipping or _NO_ADDRESS
    contact = person(
        emails=(body.email, billing.email, shipping.email),
        phones=(Phone(billing.phone, billing.country), Phone(shipping.phone, shipping.country)),
        region=shop.region,
        countries=(billing.country, shipping.country),
        customer_id=body.id,
        first_names=(body.first_name, billing.first_name, shipping.first_name),
        last_names=(body.last_name, billing.last_name, shipping.last_name),
    )
    contact = people.described_customer(contact, body, changed, webhook.received_at)
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


def _address_line(address: bodies.Address | None) -> str | None:
    if address is None:
        return None
    parts = (address.address_1, address.address_2, address.city, address.state, address.postcode, address.country)
    return one_line(parts)
