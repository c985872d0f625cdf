"""WooCommerce: verify the call, name the delivery, parse the body.

Facts: class-wc-webhook.php of WooCommerce and its REST API reference (wp-api-v3). A body is the REST resource as it
stood when the background job ran, not when the event happened; nothing is ever sent again; money has its tax beside it.
"""

import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import ValidationError

from shopwire.models import (
    Change,
    Contact,
    ContactChange,
    Delivery,
    Entity,
    Item,
    Nothing,
    Order,
    OrderChange,
    OrderDeleted,
    Parcel,
    Rank,
    Shop,
    Status,
    Webhook,
)
from shopwire.models.base import MOST_DIGITS, BadValue, first, milliseconds
from shopwire.models.contact import person
from shopwire.platforms.base import (
    Body,
    NotVerified,
    Platform,
    Unreadable,
    Unsigned,
    base64_signature,
    one_line,
    same,
    short_hash,
    unreadable,
)
from shopwire.platforms.woocommerce import bodies

# WooCommerce's statuses (REST reference, "Order properties"); a plugin's own are in progress unless `statuses` says
# otherwise.
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
_RANKS = {
    Status.INITIALIZED: Rank.CREATED,
    Status.IN_PROGRESS: Rank.PAID,
    Status.DELIVERED: Rank.DELIVERED,
    Status.CANCELLED: Rank.CLOSED,
}
# Nobody has bought anything yet; the checkout block makes one for each visitor (woocommerce#66995).
_DRAFTS = frozenset({"checkout-draft", "auto-draft", "new", "draft"})
_CUSTOMER_ROLES = frozenset({"customer", "subscriber"})
# `created_via` of WooCommerce's own point of sale: in its app, and by its REST API.
_TILLS = frozenset({"point-of-sale", "pos-rest-api"})
_NOTHING = Decimal(0)
# WordPress stores a secret typed into a form with these written as entities, and decodes them before it signs.
_ENTITIES = re.compile(
    r"&(lt|gt|quot|amp|#0*39|#0*60|#0*62|#0*34|#0*38|(?i:#x0*27|#x0*3c|#x0*3e|#x0*22|#x0*26));"  # names as they are
)
_CHARACTERS = {"lt": "<", "gt": ">", "quot": '"', "amp": "&", 39: "'", 60: "<", 62: ">", 34: '"', 38: "&"}
_CODE = re.compile(r"[a-z0-9_]{1,64}")

B = TypeVar("B", bound=Body)


class WooCommerce(Platform):
    """WooCommerce's webhooks, full bodies."""

    name = "woocommerce"
    kept_headers = ("x-wc-webhook-",)

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        headers = webhook.headers
        if "form-urlencoded" in headers.get("content-type", "").lower() and not any(
            name.startswith("x-wc-") for name in headers
        ):
            # deliver_ping(): `webhook_id=N`, unsigned; anything but 200 brings it again and leaves the webhook pending.
            raise Unsigned("the ping of a new webhook")
        given = headers.get("x-wc-webhook-signature", "")
        if not given:
            raise NotVerified("X-WC-Webhook-Signature is missing: only WooCommerce's own calls carry it")
        secrets = [secret.get_secret_value() for secret in shop.secrets]
        candidates = dict.fromkeys((*secrets, *map(_decoded, secrets)))
        if not same(given, *(base64_signature(secret, webhook.body) for secret in candidates)):
            raise NotVerified("the signature does not match: `secrets` must hold the webhook's own Secret")
        source = headers.get("x-wc-webhook-source")
        if shop.store and source and _site(source) != _site(shop.store):
            raise NotVerified("another store's webhook: X-WC-Webhook-Source is not the shop's `store`")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        headers = webhook.headers
        resource, event = headers.get("x-wc-webhook-resource", ""), headers.get("x-wc-webhook-event", "")
        topic = headers.get("x-wc-webhook-topic", "") or f"{resource}.{event}".strip(".")
        parse = _TOPICS.get(topic)
        try:
            change = parse(webhook, shop) if parse else Nothing("unknown topic")
        except BadValue as error:  # readable parts that make no order: a sum of too many digits
            raise unreadable(error) from None
        return [Delivery(topic or "none", _key(webhook, change), change)]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> dict[str, str]:
        resource, _, event = topic.partition(".")
        return {
            "content-type": "application/json",
            "user-agent": "WooCommerce/11.0.1 Hookshot (WordPress/7.0)",
            "x-wc-webhook-source": shop.store or f"https://{shop.id}.example/",
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-resource": resource,
            "x-wc-webhook-event": event,
            "x-wc-webhook-signature": base64_signature(_decoded(shop.secrets[0].get_secret_value()), body),
            "x-wc-webhook-id": str(_WEBHOOK_IDS.get(topic, 99)),
            "x-wc-webhook-delivery-id": uuid.uuid4().hex,
        }


def _key(webhook: Webhook, change: Change) -> str:
    # The Delivery-ID is a hash of webhook id and second: five orders of one second share it (get_new_delivery_id()).
    headers = webhook.headers
    parts = [headers.get("x-wc-webhook-id", ""), short_hash(webhook.body)]
    if isinstance(change, OrderChange | ContactChange):
        parts[1:1] = [change.entity.id, str(change.version)]
    else:
        # `{"id": N}` has the same bytes when an order is deleted again after it was restored.
        parts.append(headers.get("x-wc-webhook-delivery-id", ""))
    return ":".join(parts)


def _decoded(secret: str) -> str:
    """As wp_specialchars_decode(ENT_QUOTES) does."""

    def character(match: re.Match[str]) -> str:
        name = match.group(1).lower()
        if not name.startswith("#"):
            return _CHARACTERS[name]
        return _CHARACTERS[int(name[2:], 16) if name[1] == "x" else int(name[1:])]

    return _ENTITIES.sub(character, secret)


def _site(url: str) -> str:
    return re.sub(r"^https?://", "", url.strip().lower()).rstrip("/")


def _body(model: type[B], webhook: Webhook) -> B | Nothing:
    try:
        return model.model_validate_json(webhook.body)
    except ValidationError as error:
        try:
            failure = bodies.Error.model_validate_json(webhook.body)
        except ValidationError:
            raise unreadable(error) from None
        return Nothing(f"error body: {failure.code}" if _CODE.fullmatch(failure.code) else "error body")


def _order(webhook: Webhook, shop: Shop, *, restored: bool = False) -> Change:
    body = _order_body(webhook)
    if isinstance(body, Nothing):
        return body
    # The database and plugins write "wc-shipped", the REST resource "shipped"; a shop's `statuses` may have either.
    word = (body.status or "").strip().removeprefix("wc-")
    if not word:
        raise Unreadable("status: missing")
    if word in _DRAFTS and word not in shop.statuses:
        return Nothing("draft", Entity("order", body.id))
    currency = first((body.currency,))
    if not currency:
        raise Unreadable("currency: missing")
    status = shop.statuses.get(word) or shop.statuses.get(f"wc-{word}") or _STATUSES.get(word, Status.IN_PROGRESS)
    created = _moment("date_created_gmt", body.date_created_gmt, body.date_created)
    if created is None:
        raise Unreadable("date_created_gmt: missing")
    with_tax = bool(body.prices_include_tax)
    refunds = [amount for one in body.refunds or () if (amount := _amount(one.total)) is not None]
    # `total` never falls after a refund; the refunds' own totals are negative.
    taken_back = sum(refunds, _NOTHING)
    left = body.total + taken_back if refunds else body.total
    return OrderChange(
        Order(
            id=body.id,
            number=body.number,
            created_at=created,
            updated_at=_moment("date_modified_gmt", body.date_modified_gmt, body.date_modified) or created,
            status=status,
            rank=_RANKS[status],
            status_words=word,
            currency=currency,
            # When nothing is left of a cancelled or refunded order: what it cost before.
            total=body.total if status is Status.CANCELLED and not left else left,
            shipping=_sum(body.shipping_total, body.shipping_tax if with_tax else None),
            discount=_sum(body.discount_total, body.discount_tax if with_tax else None),
            taxes=None if with_tax else _amount(body.total_tax),
            refunded=-taken_back if refunds else None,
            contact=_buyer(body, shop),
            items=(*_items(body, shop, with_tax), *_fees(body, with_tax)),
            parcels=_parcels(body),
            coupons=tuple(one.code for one in body.coupon_lines or () if one.code),
            url=first((body.payment_url,)) if status is Status.INITIALIZED else None,
            payment_method=first((body.payment_method_title,)),
            delivery_method=first(one.method_title for one in body.shipping_lines or ()),
            delivery_address=_address_line(body.shipping),
            note=first((body.customer_note,)),
            source="offline" if body.created_via in _TILLS else "online",
            restored=restored,
        )
    )


def _order_body(webhook: Webhook) -> bodies.Order | Nothing:
    try:
        return _body(bodies.Order, webhook)
    except Unreadable:
        with suppress(ValidationError):
            return bodies.LegacyOrder.model_validate_json(webhook.body).order
        raise


def _restored(webhook: Webhook, shop: Shop) -> Change:
    return _order(webhook, shop, restored=True)


def _items(body: bodies.Order, shop: Shop, with_tax: bool) -> tuple[Item, ...]:
    items = []
    for place, line in enumerate(body.line_items or ()):
        id = _item_id(line, shop)
        if line.quantity <= 0 or not id:
            continue
        # `price` is without tax and has float noise: what one unit cost follows from the line's total.
        paid = line.total + (_amount(line.total_tax) or _NOTHING) if with_tax else line.total
        cost = paid / line.quantity
        if cost.adjusted() >= MOST_DIGITS:
            raise Unreadable(f"line_items.{place}.quantity: too small for the total")
        image = first((line.image.src,)) if line.image else None
        items.append(Item(id=id, name=first((line.name,)), quantity=line.quantity, cost=cost, image_url=image))
    return tuple(items)


def _fees(body: bodies.Order, with_tax: bool) -> tuple[Item, ...]:
    """A fee is part of the total and no product: a line without any id, so that the items add up to the total."""
    items = []
    for fee in body.fee_lines or ():
        amount = _sum(fee.total, fee.total_tax if with_tax else None)
        if amount:
            # WooCommerce itself shows an unnamed one as "Fee".
            name = first((fee.name, "Fee")) or ""
            items.append(Item(id=name[:255], name=name, quantity=Decimal(1), cost=amount))
    return tuple(items)


def _item_id(line: bodies.Line, shop: Shop) -> str | None:
    # 0 stands for none: no variation, a deleted product.
    variation, product = (None if id == "0" else id for id in (line.variation_id, line.product_id))
    choices = {
        "variant": (variation, product, line.name),
        "product": (product, line.name),
        "sku": (line.sku, variation, product, line.name),
    }
    id = first(choices[shop.item_id])
    return id[:255] if id else None


def _parcels(body: bodies.Order) -> tuple[Parcel, ...]:
    """What the Shipment Tracking plugin keeps in the order's meta data; WooCommerce itself knows no parcels."""
    found = []
    for meta in body.meta_data or ():
        if meta.key != "_wc_shipment_tracking_items" or not isinstance(meta.value, list):
            continue
        for entry in meta.value:
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
    """What an entry of meta data says in words or numbers."""
    if not isinstance(entry, dict):
        return {}
    scalars = {name: value for name, value in entry.items() if isinstance(value, str | int) and value is not True}
    return {name: text for name, value in scalars.items() if value and (text := str(value).strip())}


def _buyer(body: bodies.Order, shop: Shop) -> Contact:
    billing = body.billing or bodies.Billing()
    return person(
        emails=(billing.email,),
        phones=(billing.phone,),
        region=shop.region,
        customer_id=None if body.customer_id == "0" else body.customer_id,
        first_names=(billing.first_name,),
        last_names=(billing.last_name,),
    )


def _customer(webhook: Webhook, shop: Shop) -> Change:
    body = _body(bodies.Customer, webhook)
    if isinstance(body, Nothing):
        return body
    if body.role and body.role not in _CUSTOMER_ROLES:
        return Nothing("staff account", Entity("contact", body.id))
    created = _moment("date_created_gmt", body.date_created_gmt, body.date_created)
    changed = _moment("date_modified_gmt", body.date_modified_gmt, body.date_modified) or created
    if changed is None:
        raise Unreadable("date_modified_gmt: missing")
    billing = body.billing or bodies.Billing()
    contact = person(
        emails=(body.email, billing.email),
        phones=(billing.phone,),
        region=shop.region,
        customer_id=body.id,
        first_names=(body.first_name, billing.first_name),
        last_names=(body.last_name, billing.last_name),
    )
    return ContactChange(contact, body.id, milliseconds(changed), milliseconds(created) if created else None)


def _deleted(webhook: Webhook, shop: Shop) -> Change:
    body = _body(bodies.Named, webhook)
    return body if isinstance(body, Nothing) else OrderDeleted(body.id)


def _account_deleted(webhook: Webhook, shop: Shop) -> Change:
    body = _body(bodies.Named, webhook)
    if isinstance(body, Nothing):
        return body
    return Nothing("a deleted account is no wish to be forgotten", Entity("contact", body.id))


def _moment(name: str, gmt: datetime | None, local: datetime | None) -> datetime | None:
    """`*_gmt` is UTC without saying so. Shop-local time says nothing of its zone: it serves only where the other is
    missing."""
    value = gmt or local
    if value is None:
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, on the other side of the world
        raise Unreadable(f"{name}: no date") from None


def _amount(part: bodies.Money) -> Decimal | None:
    return part if isinstance(part, Decimal) else None


def _sum(part: bodies.Money, tax: bodies.Money) -> Decimal | None:
    amount, more = _amount(part), _amount(tax)
    return amount if amount is None or more is None else amount + more


def _address_line(address: bodies.Billing | None) -> str | None:
    if address is None:
        return None
    parts = (address.address_1, address.address_2, address.city, address.state, address.postcode, address.country)
    return one_line(parts)


# WooCommerce's topics, with what each is.
_TOPICS: dict[str, Callable[[Webhook, Shop], Change]] = {
    "order.created": _order,  # snapshot
    "order.updated": _order,  # snapshot
    "order.restored": _restored,  # snapshot that takes a deletion back
    "order.deleted": _deleted,  # fact: trashed counts as deleted
    "customer.created": _customer,  # snapshot
    "customer.updated": _customer,  # snapshot
    "customer.deleted": _account_deleted,
}
_WEBHOOK_IDS = {topic: number for number, topic in enumerate(_TOPICS, start=1)}
WooCommerce.topics = tuple(_TOPICS)
