"""Shopify: verify a call, name its delivery, parse its body.

`orders` reads orders, carts and checkouts, `people` addresses, languages and consents; `bodies` has the types of the
bodies. Sources: Shopify's pages "Verify webhook deliveries" and "Ignore duplicates", and its webhook topic reference.

Shopify promises no order of deliveries, and one change causes several topics. The topic is not signed, so it only
selects the parser.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from shopwire.errors import Unreadable
from shopwire.models import (
    AccountDeleted,
    Change,
    ContactChange,
    Delivery,
    Entity,
    Nothing,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Reason,
    Redaction,
    Shop,
    ShopRedaction,
    Webhook,
)
from shopwire.models.base import check_id, milliseconds
from shopwire.models.change import EntityKind
from shopwire.models.contact import person
from shopwire.models.phone import Phone
from shopwire.platforms.base import Kind, Platform, Retries, SampleFields, Secret, Signature, SignedCall, Topic, host_of
from shopwire.platforms.parts import parse
from shopwire.platforms.shopify import bodies, orders, people
from shopwire.platforms.signatures import base64_signature, secrets_of, short_hash


def _customer(webhook: Webhook, shop: Shop) -> Change:
    body = parse(bodies.CustomerAlone, webhook.body)
    changed = body.updated_at or body.created_at
    if changed is None:
        raise Unreadable("updated_at", "missing")
    address = body.default_address or orders.NO_ADDRESSEE
    contact = person(
        emails=(body.email,),
        phones=(
            Phone(body.phone, address.country_code),
            *(Phone(other.phone, other.country_code) for other in (address, *(body.addresses or ()))),
        ),
        region=shop.region,
        countries=(other.country_code for other in body.addresses or ()),
        customer_id=body.id,
        first_names=(body.first_name, address.first_name),
        last_names=(body.last_name, address.last_name),
    )
    contact = people.described_customer(contact, body, webhook.received_at)
    created = milliseconds(body.created_at) if body.created_at else None
    return ContactChange(contact, body.id, milliseconds(changed), created)


def _account_deleted(webhook: Webhook, shop: Shop) -> Change:
    if shop.deleted_accounts == "keep":
        return Nothing(Reason.ACCOUNT_DELETED)
    return AccountDeleted(bodies.DeletedCustomer.model_validate_json(webhook.body).id)


def _redaction(webhook: Webhook, shop: Shop) -> Change:
    body = parse(bodies.Redaction, webhook.body)
    customer = body.customer
    phones = (Phone(customer.phone),)
    contact = person(emails=(customer.email,), phones=phones, region=shop.region, customer_id=customer.id)
    if not contact.key:
        raise Unreadable("customer.id", "missing")
    # A guest has no id. The entity is in keys and log lines, where a hash of the address could be guessed.
    return Redaction(contact, customer.id or f"guest-{short_hash(webhook.body)}", tuple(body.orders_to_redact))


def _fulfillment(webhook: Webhook, shop: Shop) -> Change:
    body = parse(bodies.FulfillmentAlone, webhook.body)
    if not body.order_id:
        raise Unreadable("order_id", "missing")
    check_id(order_id=body.order_id)
    if body.shipment_status in orders.ARRIVED and body.status not in orders.NO_PARCEL:
        return ParcelArrived(body.order_id, orders.parcel(body))
    return Nothing(Reason.SIGNAL, Entity("order", body.order_id))


def _fulfillment_event(webhook: Webhook, shop: Shop) -> Change:
    body = parse(bodies.FulfillmentEvent, webhook.body)
    if body.status in orders.ARRIVED:
        return ParcelArrived(body.order_id, Parcel(id=body.fulfillment_id, delivered=True))
    return Nothing(Reason.NOT_DELIVERED_YET, Entity("order", body.order_id))


def _order_deleted(webhook: Webhook, shop: Shop) -> Change:
    return OrderDeleted(parse(bodies.DeletedOrder, webhook.body).id)


def _refund(webhook: Webhook, shop: Shop) -> Change:
    order_id = parse(bodies.RefundAlone, webhook.body).order_id
    return Nothing(Reason.SIGNAL, Entity("order", order_id))


def _edit(webhook: Webhook, shop: Shop) -> Change:
    order_id = parse(bodies.OrderEdit, webhook.body).order_edit.order_id
    return Nothing(Reason.SIGNAL, Entity("order", order_id))


def _shop_redaction(webhook: Webhook, shop: Shop) -> Change:
    parse(bodies.ShopRedaction, webhook.body)
    return ShopRedaction()


def _signed_domain(webhook: Webhook) -> str | None:
    try:
        return parse(bodies.OfShop, webhook.body).shop_domain
    except Unreadable:
        return None  # `read` reports what is wrong with the body


class Shopify(Platform):
    """Shopify's webhooks, with full bodies."""

    name = "shopify"
    title = "Shopify"
    documentation = "https://shopify.dev/docs/apps/build/webhooks"
    topics = (
        Topic("orders/create", Kind.SNAPSHOT, orders.order),
        Topic("orders/updated", Kind.SNAPSHOT, orders.order),
        Topic("orders/paid", Kind.SNAPSHOT, orders.order),
        Topic("orders/cancelled", Kind.SNAPSHOT, orders.order),
        Topic("orders/fulfilled", Kind.SNAPSHOT, orders.order),
        Topic("orders/partially_fulfilled", Kind.SNAPSHOT, orders.order),
        Topic("orders/edited", Kind.SIGNAL, _edit, connect=False),
        Topic("orders/delete", Kind.FACT, _order_deleted, destroys=True),
        Topic("refunds/create", Kind.SIGNAL, _refund, connect=False),
        # Facts when they say "delivered"; signals otherwise.
        Topic("fulfillments/create", Kind.FACT, _fulfillment),
        Topic("fulfillments/update", Kind.FACT, _fulfillment),
        Topic("fulfillment_events/create", Kind.FACT, _fulfillment_event),
        Topic("carts/create", Kind.SNAPSHOT, orders.cart),  # names no person
        Topic("carts/update", Kind.SNAPSHOT, orders.cart),  # names no person
        Topic("checkouts/create", Kind.SNAPSHOT, orders.checkout),  # names the person of the cart
        Topic("checkouts/update", Kind.SNAPSHOT, orders.checkout),  # names the person of the cart
        Topic("checkouts/delete", Kind.UNUSED, reason=Reason.CHECKOUT_DELETED, connect=False),
        Topic("customers/create", Kind.SNAPSHOT, _customer),
        Topic("customers/update", Kind.SNAPSHOT, _customer),
        Topic("customers_email_marketing_consent/update", Kind.SNAPSHOT, people.email_consent),
        Topic("customers_marketing_consent/update", Kind.SNAPSHOT, people.sms_consent),
        # Only for shops with `deleted_accounts = "delete"`.
        Topic("customers/delete", Kind.FACT, _account_deleted, connect=False, destroys=True),
        # The bodies of these three name their shop (Shopify, "Privacy law compliance").
        Topic("customers/redact", Kind.FACT, _redaction, destroys=True, store_of=_signed_domain),
        Topic("customers/data_request", Kind.UNUSED, reason=Reason.DATA_REQUEST, store_of=_signed_domain),
        Topic("shop/redact", Kind.FACT, _shop_redaction, destroys=True, store_of=_signed_domain),
        Topic("app/uninstalled", Kind.UNUSED, reason=Reason.APP_UNINSTALLED, connect=False),
    )
    kept_headers = ("x-shopify-", "shopify-")
    shown_headers = ("x-shopify-", "shopify-")
    # Newer deliveries omit the "x-". Shopify's own libraries accept both.
    signature = Signature(headers=("x-shopify-hmac-sha256", "shopify-hmac-sha256"))
    secret = Secret(
        made_by="platform",
        where="the app's client secret, or, for a webhook made in the admin, the one shown on"
        " Settings > Notifications > Webhooks",
        serves_many_shops=True,
    )
    # "Updates to webhook retry mechanism", changelog of 2024-09-10: 8 retries within 4 hours.
    retries = Retries(
        delays_seconds=(60, 120, 300, 600, 1200, 2400, 4200, 5400),
        timeout_seconds=5,
        gives_up="After 8 failures in a row Shopify deletes a subscription that was made through the Admin API.",
    )
    sample_fields = SampleFields(
        ids=("id", "customer_id", "token", "cart_token", "checkout_token"),
        changed=(
            "updated_at",
            "created_at",
            "email_marketing_consent.consent_updated_at",
            "sms_marketing_consent.consent_updated_at",
        ),
    )
    entities: ClassVar[Mapping[str, tuple[EntityKind, str]]] = {
        "orders/": ("order", "id"),
        "refunds/": ("order", "order_id"),
        "fulfillments/": ("order", "order_id"),
        "fulfillment_events/": ("order", "order_id"),
        "customers/": ("contact", "id"),
    }
    store_example = "my-shop.myshopify.com"
    # A call names this domain, also if the shop has one of its own ("Webhooks: headers").
    store_form = r"[a-z0-9][a-z0-9-]*\.myshopify\.com"
    demo_store = "demo.myshopify.com"

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        given, body = _header(webhook, "hmac-sha256"), webhook.body
        # Webhooks made in the admin have another secret than the app ("Verify webhook deliveries").
        self.check_signature(given, [base64_signature(secret, body) for secret in secrets_of(shop)])
        # One app's secret signs for all its shops, and the header is not signed: a body that names its shop counts too.
        topic = self.topic(_header(webhook, "topic"))
        store_of = topic.store_of if topic else None
        signed_domain = store_of(webhook) if store_of else None
        self.check_store(shop, _header(webhook, "shop-domain"), signed_domain, required=store_of is None)

    def normal_store(self, name: str) -> str:
        return host_of(name)  # `store` may be the address of the admin, as people copy it

    def topic_of(self, webhook: Webhook) -> str:
        return _header(webhook, "topic")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        topic = self.topic_of(webhook)
        id = _header(webhook, "event-id") or _header(webhook, "webhook-id")
        # One event causes several topics with the same event id, and a later state may come under the same one.
        key = f"{topic}:{id}:{short_hash(webhook.body)}"
        return [Delivery(topic or "none", key, self.change(topic, webhook, shop))]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        triggered = datetime.fromtimestamp(now / 1000, UTC).isoformat().replace("+00:00", "Z")
        headers = {
            "content-type": "application/json",
            "user-agent": "Shopify-Captain-Hook",
            "x-shopify-topic": topic,
            "x-shopify-hmac-sha256": base64_signature(secrets_of(shop)[0], body),
            "x-shopify-shop-domain": shop.stores[0] if shop.stores else f"{shop.id}.myshopify.com",
            "x-shopify-api-version": "2026-10",
            "x-shopify-webhook-id": str(uuid.uuid4()),
            "x-shopify-event-id": str(uuid.uuid4()),
            "x-shopify-triggered-at": triggered,
        }
        return SignedCall(headers, body)


def _header(webhook: Webhook, name: str) -> str:
    return webhook.headers.get(f"shopify-{name}") or webhook.headers.get(f"x-shopify-{name}") or ""
