"""Shopify: verify the call, name the delivery, parse the body.

Facts: Shopify's pages "Verify webhook deliveries", "Ignore duplicates" and the webhook topic reference. The order of
deliveries is nobody's promise, one change causes several topics, and the topic itself is not signed: it only picks the
parser. `shopify_orders` reads what is bought, `shopify_bodies` has the bodies' types.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import ValidationError

from shopwire.models import (
    Change,
    ContactChange,
    Delivery,
    Entity,
    Nothing,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Redaction,
    Shop,
    ShopRedaction,
    Webhook,
)
from shopwire.models.base import BadValue, milliseconds
from shopwire.models.contact import person
from shopwire.platforms.base import NotVerified, Platform, Unreadable, base64_signature, same, short_hash, unreadable
from shopwire.platforms.shopify import bodies, orders

# Topics whose body says which shop it is about (Shopify, "Privacy law compliance").
_NAME_THEIR_SHOP = frozenset({"customers/redact", "customers/data_request", "shop/redact"})

_SIGNAL = "signal: orders/updated brings the state"


class Shopify(Platform):
    """Shopify's webhooks, full bodies."""

    name = "shopify"
    kept_headers = ("x-shopify-", "shopify-")

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        given = _header(webhook, "hmac-sha256")
        if not given:
            raise NotVerified("X-Shopify-Hmac-Sha256 is missing: only Shopify's own calls carry it")
        if not same(given, *(base64_signature(secret.get_secret_value(), webhook.body) for secret in shop.secrets)):
            # Webhooks made by hand have another secret than the app (Shopify, "Verify webhook deliveries").
            raise NotVerified(
                "the signature does not match: `secrets` must hold the app's client secret, or, for a webhook made in"
                " the admin, the one shown on Settings > Notifications > Webhooks"
            )
        # One app's secret signs for all its shops, and the header is unsigned: a body that names its shop decides too.
        for domain in (_header(webhook, "shop-domain"), _signed_domain(webhook)):
            if shop.store and domain and domain.lower() != shop.store.lower():
                raise NotVerified("another store's webhook: it names another shop than the shop's `store`")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        topic = _header(webhook, "topic")
        parse = _TOPICS.get(topic)
        id = _header(webhook, "event-id") or _header(webhook, "webhook-id") or short_hash(webhook.body)
        # One event causes several topics under one event id, hence the topic in the key.
        try:
            change = parse(webhook, shop) if parse else Nothing("unknown topic")
        except (ValidationError, BadValue) as error:  # the body is not as documented, or its parts make no order
            raise unreadable(error) from None
        return [Delivery(topic or "none", f"{topic}:{id}", change)]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "user-agent": "Shopify-Captain-Hook",
            "x-shopify-topic": topic,
            "x-shopify-hmac-sha256": base64_signature(shop.secrets[0].get_secret_value(), body),
            "x-shopify-shop-domain": shop.store or f"{shop.id}.myshopify.com",
            "x-shopify-api-version": "2026-10",
            "x-shopify-webhook-id": str(uuid.uuid4()),
            "x-shopify-event-id": str(uuid.uuid4()),
            "x-shopify-triggered-at": datetime.fromtimestamp(now / 1000, UTC).isoformat().replace("+00:00", "Z"),
        }


def _header(webhook: Webhook, name: str) -> str:
    # Newer deliveries drop the "x-" (Shopify's own libraries accept both).
    return webhook.headers.get(f"shopify-{name}") or webhook.headers.get(f"x-shopify-{name}") or ""


def _signed_domain(webhook: Webhook) -> str | None:
    if _header(webhook, "topic") not in _NAME_THEIR_SHOP:
        return None
    try:
        return bodies.OfShop.model_validate_json(webhook.body).shop_domain
    except ValidationError:
        return None  # `read` will say what is wrong with it


def _customer(webhook: Webhook, shop: Shop) -> Change:
    body = bodies.CustomerAlone.model_validate_json(webhook.body)
    changed = body.updated_at or body.created_at
    if changed is None:
        raise Unreadable("updated_at: missing")
    address = orders.addressee(body.default_address)
    contact = person(
        emails=(body.email,),
        phones=(body.phone, address.phone),
        region=shop.region,
        customer_id=body.id,
        first_names=(body.first_name, address.first_name),
        last_names=(body.last_name, address.last_name),
    )
    born = milliseconds(body.created_at) if body.created_at else None
    return ContactChange(contact, body.id, milliseconds(changed), born)


def _redaction(webhook: Webhook, shop: Shop) -> Change:
    body = bodies.Redaction.model_validate_json(webhook.body)
    customer = body.customer
    contact = person(emails=(customer.email,), phones=(customer.phone,), region=shop.region, customer_id=customer.id)
    return Redaction(contact, customer.id, tuple(body.orders_to_redact or ()))


def _fulfillment(webhook: Webhook, shop: Shop) -> Change:
    body = bodies.Fulfillment.model_validate_json(webhook.body)
    if not body.order_id:
        raise Unreadable("order_id: missing")
    if body.shipment_status == "delivered" and body.status not in orders.NO_PARCEL:
        return ParcelArrived(body.order_id, orders.parcel(body))
    return Nothing(_SIGNAL, Entity("order", body.order_id))


def _fulfillment_event(webhook: Webhook, shop: Shop) -> Change:
    body = bodies.FulfillmentEvent.model_validate_json(webhook.body)
    if body.status == "delivered":
        return ParcelArrived(body.order_id, Parcel(id=body.fulfillment_id, delivered=True))
    return Nothing("signal: not delivered yet", Entity("order", body.order_id))


def _deleted(webhook: Webhook, shop: Shop) -> Change:
    return OrderDeleted(bodies.Named.model_validate_json(webhook.body).id)


def _refund(webhook: Webhook, shop: Shop) -> Change:
    return Nothing(_SIGNAL, Entity("order", bodies.OfOrder.model_validate_json(webhook.body).order_id))


def _edit(webhook: Webhook, shop: Shop) -> Change:
    return Nothing(_SIGNAL, Entity("order", bodies.OrderEdit.model_validate_json(webhook.body).order_edit.order_id))


def _shop_redaction(webhook: Webhook, shop: Shop) -> Change:
    return ShopRedaction()


def _ignored(reason: str) -> Callable[[Webhook, Shop], Change]:
    return lambda webhook, shop: Nothing(reason)


# Shopify's topics (webhook topic reference), with what each is.
_TOPICS: dict[str, Callable[[Webhook, Shop], Change]] = {
    "orders/create": orders.order,  # snapshot
    "orders/updated": orders.order,  # snapshot
    "orders/paid": orders.order,  # snapshot
    "orders/cancelled": orders.order,  # snapshot
    "orders/fulfilled": orders.order,  # snapshot
    "orders/partially_fulfilled": orders.order,  # snapshot
    "orders/edited": _edit,  # signal
    "orders/delete": _deleted,  # fact
    "refunds/create": _refund,  # signal
    "fulfillments/create": _fulfillment,  # signal, or fact when it says delivered
    "fulfillments/update": _fulfillment,  # signal, or fact when it says delivered
    "fulfillment_events/create": _fulfillment_event,  # fact when delivered
    "carts/create": orders.cart,  # snapshot without a person
    "carts/update": orders.cart,  # snapshot without a person
    "checkouts/create": orders.checkout,  # snapshot, names the cart's person
    "checkouts/update": orders.checkout,  # snapshot, names the cart's person
    "checkouts/delete": _ignored("a deleted checkout says nothing of the cart"),
    "customers/create": _customer,  # snapshot
    "customers/update": _customer,  # snapshot
    "customers/delete": _ignored("a deleted account is no wish to be forgotten: customers/redact is"),
    "customers/redact": _redaction,  # fact
    "customers/data_request": _ignored(
        "the shop answers a data request itself: nothing but hashes and ids is kept here"
    ),
    "shop/redact": _shop_redaction,  # fact
    "app/uninstalled": _ignored("the shop's subscriptions are gone: disconnect it"),
}
Shopify.topics = tuple(_TOPICS)
