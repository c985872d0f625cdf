"""WooCommerce: verify a call, name its delivery, parse its body.

`orders` reads orders and customers, `people` their addresses, languages and consents; `bodies` has the types of the
bodies. Sources: class-wc-webhook.php of WooCommerce, and its REST API reference (wp-api-v3).

A body is the REST resource at the time when WordPress's background job ran, not when the event happened. WooCommerce
never sends a webhook again.
"""

import re
import uuid
from collections.abc import Mapping
from typing import ClassVar

from shopwire.errors import UnsignedCall
from shopwire.models import (
    AccountDeleted,
    Change,
    ContactChange,
    Delivery,
    Entity,
    Nothing,
    OrderChange,
    OrderDeleted,
    Reason,
    Shop,
    Webhook,
)
from shopwire.models.change import EntityKind
from shopwire.platforms.base import (
    Kind,
    Ping,
    Platform,
    Retries,
    SampleFields,
    Secret,
    Signature,
    SignedCall,
    Topic,
    host_of,
)
from shopwire.platforms.signatures import base64_signature, secrets_of, short_hash
from shopwire.platforms.woocommerce import bodies, orders

# WordPress stores these characters of a secret as entities, and decodes them before it signs.
_ENTITIES = re.compile(r"&(lt|gt|quot|amp|#0*39|#0*60|#0*62|#0*34|#0*38|(?i:#x0*27|#x0*3c|#x0*3e|#x0*22|#x0*26));")
_CHARACTERS = {"lt": "<", "gt": ">", "quot": '"', "amp": "&", 39: "'", 60: "<", 62: ">", 34: '"', 38: "&"}


def _order_deleted(webhook: Webhook, shop: Shop) -> Change:
    body = orders.parse(bodies.Deleted, webhook)
    return body if isinstance(body, Nothing) else OrderDeleted(body.id)


def _account_deleted(webhook: Webhook, shop: Shop) -> Change:
    if shop.deleted_accounts == "keep":
        named = orders.parse(bodies.Named, webhook)
        return named if isinstance(named, Nothing) else Nothing(Reason.ACCOUNT_DELETED, Entity("contact", named.id))
    body = orders.parse(bodies.Deleted, webhook)
    return body if isinstance(body, Nothing) else AccountDeleted(body.id)


class WooCommerce(Platform):
    """WooCommerce's webhooks, with full bodies."""

    name = "woocommerce"
    title = "WooCommerce"
    documentation = "https://woocommerce.com/document/webhooks/"
    topics = (
        Topic("order.created", Kind.SNAPSHOT, orders.order),
        Topic("order.updated", Kind.SNAPSHOT, orders.order),
        Topic("order.restored", Kind.SNAPSHOT, orders.restored_order),  # takes a deletion back
        # Also when the order is moved to the trash.
        Topic("order.deleted", Kind.FACT, _order_deleted, destroys=True),
        Topic("customer.created", Kind.SNAPSHOT, orders.customer),
        Topic("customer.updated", Kind.SNAPSHOT, orders.customer),
        # Only for shops with `deleted_accounts = "delete"`.
        Topic("customer.deleted", Kind.FACT, _account_deleted, connect=False, destroys=True),
    )
    kept_headers = ("x-wc-webhook-",)
    shown_headers = ("x-wc-",)
    signature = Signature(headers=("x-wc-webhook-signature",))
    # A secret from `shopwire secret new` contains no character that WordPress would decode before it signs.
    secret = Secret(made_by="shop", where="the webhook's own Secret")
    # deliver() in class-wc-webhook.php: one attempt with a time-out of 60 s.
    retries = Retries(
        delays_seconds=(),
        timeout_seconds=60,
        gives_up="The 7th failure in a row disables the webhook until a person enables it again.",
    )
    sample_fields = SampleFields(ids=("id",), changed=("date_modified_gmt", "date_created_gmt"))
    # deliver_ping() sends `webhook_id=N` unsigned. Any answer but 200 leaves the webhook pending.
    ping = Ping("ping", {"content-type": "application/x-www-form-urlencoded"}, b"webhook_id=1")
    entities: ClassVar[Mapping[str, tuple[EntityKind, str]]] = {
        "order.": ("order", "id"),
        "customer.": ("contact", "id"),
    }
    store_example = "https://my-shop.example/"
    store_form = r"[a-z0-9.-]+(:[0-9]+)?"

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        headers = webhook.headers
        if "form-urlencoded" in headers.get("content-type", "").lower() and not any(
            name.startswith("x-wc-") for name in headers
        ):
            raise UnsignedCall
        secrets = secrets_of(shop)
        candidates = dict.fromkeys((*secrets, *map(_decoded, secrets)))
        self.check_signature(
            headers.get("x-wc-webhook-signature", ""), [base64_signature(secret, webhook.body) for secret in candidates]
        )
        self.check_store(shop, headers.get("x-wc-webhook-source"))

    def normal_store(self, name: str) -> str:
        # deliver() in class-wc-webhook.php sends home_url('/'), which language plugins change ("/uk/", "?lang=en"). The
        # signature has proved the shop, so only the host counts.
        return host_of(name)

    def topic_of(self, webhook: Webhook) -> str:
        headers = webhook.headers
        resource, event = headers.get("x-wc-webhook-resource", ""), headers.get("x-wc-webhook-event", "")
        return headers.get("x-wc-webhook-topic", "") or f"{resource}.{event}".strip(".")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        topic = self.topic_of(webhook)
        change = self.change(topic, webhook, shop)
        return [Delivery(topic or "none", _key(webhook, change), change)]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        resource, _, event = topic.partition(".")
        names = self.topic_names()
        headers = {
            "content-type": "application/json",
            "user-agent": "WooCommerce/11.0.1 Hookshot (WordPress/7.0)",
            "x-wc-webhook-source": shop.stores[0] if shop.stores else f"https://{shop.id}.example/",
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-resource": resource,
            "x-wc-webhook-event": event,
            "x-wc-webhook-signature": base64_signature(_decoded(secrets_of(shop)[0]), body),
            # Each topic has a webhook of its own in the shop.
            "x-wc-webhook-id": str(names.index(topic) + 1 if topic in names else 99),
            "x-wc-webhook-delivery-id": uuid.uuid4().hex,
        }
        return SignedCall(headers, body)


def _key(webhook: Webhook, change: Change) -> str:
    # The Delivery-ID is a hash of webhook id and second, so orders of the same second share it (get_new_delivery_id()).
    headers = webhook.headers
    parts = [headers.get("x-wc-webhook-id", ""), short_hash(webhook.body)]
    if not isinstance(change, OrderChange | ContactChange):
        # `{"id": N}` has the same bytes if an order is deleted again after it was restored.
        parts.append(headers.get("x-wc-webhook-delivery-id", ""))
    return ":".join(parts)


def _decoded(secret: str) -> str:
    """Return the secret as wp_specialchars_decode(ENT_QUOTES) would."""

    def character(match: re.Match[str]) -> str:
        name = match.group(1).lower()
        if not name.startswith("#"):
            return _CHARACTERS[name]
        digits = name.lstrip("#x0")  # Python reads no number of thousands of digits, even if they are zeros
        return _CHARACTERS[int(digits, 16) if name[1] == "x" else int(digits)]

    return _ENTITIES.sub(character, secret)
