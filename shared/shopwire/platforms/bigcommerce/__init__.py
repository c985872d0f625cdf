"""BigCommerce: verify a call, name its delivery, fetch what it announces.

`webhooks` reads the bodies of webhooks, which name an entity and contain nothing of it. `fetch` asks BigCommerce's API
for it; `orders`, `carts`, `people` and `money` read the answers, and `bodies` has their types. These are imported when
the first webhook of a BigCommerce shop is fetched, so that the functions start as fast for every other platform.

Sources: BigCommerce's documentation of webhooks (docs/integrations/webhooks), and the references of its API.
"""

import json
import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar

from shopwire.errors import NotVerified, Unreadable
from shopwire.models import Change, Delivery, Reason, Shop, ThinChange, Webhook
from shopwire.platforms import standard_webhooks
from shopwire.platforms.access import ApiAccess, PlatformApi
from shopwire.platforms.base import Kind, Platform, Retries, SampleFields, Secret, Signature, SignedCall, Topic
from shopwire.platforms.bigcommerce import webhooks
from shopwire.platforms.parts import with_fields
from shopwire.platforms.signatures import same, secrets_of

_HASH = r"[a-z0-9]{1,32}"
_STORE = re.compile(rf"(?:https?://)?(?:stores/|store-)?({_HASH})(?:\.mybigcommerce\.com)?/?")
_is_token = re.compile(r"[!-~]{1,255}").fullmatch

_ORDER = ("order", "products", "shipments", "coupons", "refunds", "customer")
_CART = ("cart", "customer")


class BigCommerce(Platform):
    """BigCommerce's webhooks, whose state must be fetched."""

    name = "bigcommerce"
    title = "BigCommerce"
    documentation = "https://developer.bigcommerce.com/docs/integrations/webhooks"
    topics = (
        Topic("store/order/created", Kind.SIGNAL, webhooks.order),
        Topic("store/order/updated", Kind.SIGNAL, webhooks.order),  # after every change
        Topic("store/order/statusUpdated", Kind.SIGNAL, webhooks.order, connect=False),
        Topic("store/order/archived", Kind.FACT, webhooks.archived_order, destroys=True),
        Topic("store/order/refund/created", Kind.SIGNAL, webhooks.order),
        Topic("store/order/transaction/created", Kind.SIGNAL, webhooks.part_of_order, connect=False),
        Topic("store/order/transaction/updated", Kind.SIGNAL, webhooks.part_of_order, connect=False),
        Topic("store/shipment/created", Kind.SIGNAL, webhooks.part_of_order),
        Topic("store/shipment/updated", Kind.SIGNAL, webhooks.part_of_order),
        Topic("store/shipment/deleted", Kind.SIGNAL, webhooks.part_of_order),
        Topic("store/cart/created", Kind.SIGNAL, webhooks.cart, connect=False),  # "updated" comes with it
        Topic("store/cart/updated", Kind.SIGNAL, webhooks.cart),  # after every change of the items, and only of them
        Topic("store/cart/lineItem/created", Kind.SIGNAL, webhooks.cart, connect=False),
        Topic("store/cart/lineItem/updated", Kind.SIGNAL, webhooks.cart, connect=False),
        Topic("store/cart/lineItem/deleted", Kind.SIGNAL, webhooks.cart, connect=False),
        Topic("store/cart/couponApplied", Kind.SIGNAL, webhooks.cart),
        # An hour after the last change. It is the first that comes after a guest typed an address at the checkout.
        Topic("store/cart/abandoned", Kind.SIGNAL, webhooks.cart),
        Topic("store/cart/converted", Kind.SIGNAL, webhooks.converted_cart, connect=False),  # the order says it too
        Topic("store/cart/deleted", Kind.SNAPSHOT, webhooks.deleted_cart),
        Topic("store/customer/created", Kind.SIGNAL, webhooks.customer),
        Topic("store/customer/updated", Kind.SIGNAL, webhooks.customer),  # not after a change of the addresses
        Topic("store/customer/address/created", Kind.SIGNAL, webhooks.customer_address),
        Topic("store/customer/address/updated", Kind.SIGNAL, webhooks.customer_address),
        Topic("store/customer/address/deleted", Kind.SIGNAL, webhooks.customer_address),
        # Only for shops with `deleted_accounts = "delete"`.
        Topic("store/customer/deleted", Kind.FACT, webhooks.deleted_customer, connect=False, destroys=True),
        Topic("store/subscriber/created", Kind.SIGNAL, webhooks.subscriber),
        Topic("store/subscriber/updated", Kind.SIGNAL, webhooks.subscriber),
        # It names a number that the API does not know any more, so the consent has no owner.
        Topic("store/subscriber/deleted", Kind.UNUSED, reason=Reason.CONSENT_NOT_SAID, connect=False),
        Topic("store/app/uninstalled", Kind.UNUSED, reason=Reason.APP_UNINSTALLED, connect=False),
        Topic("store/hook/deliveryException", Kind.SIGNAL, webhooks.delivery_exception, connect=False),
    )
    fetches: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "store/order/": _ORDER,
        "store/shipment/": _ORDER,
        "store/cart/converted": _ORDER,
        "store/cart/": _CART,
        "store/customer/": ("customer",),
        "store/subscriber/": ("subscriber",),
    }
    kept_headers = ("webhook-id",)
    shown_headers = ("webhook-id", "webhook-timestamp")
    signature = Signature(headers=(standard_webhooks.SIGNATURE,), max_age_seconds=standard_webhooks.TOLERANCE_SECONDS)
    secret = Secret(
        made_by="platform",
        where="the client secret of the app or API account that made the webhook",
        serves_many_shops=True,
    )
    # "Callback retry mechanism". No number is documented for the time-out.
    retries = Retries(
        delays_seconds=(60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400),
        timeout_seconds=5,
        gives_up="After the 11th retry, some 48 hours later, BigCommerce deactivates the webhook until it is set to"
        " active again; so it does after 90 days without any event.",
    )
    sample_fields = SampleFields(
        ids=("data.id", "data.orderId", "data.order_id", "data.cartId", "data.address.customer_id"),
        changed=("created_at",),
        every_call_is_new=True,
    )
    store_example = "stores/abc123def4"
    store_form = _HASH
    demo_store = "stores/demo"

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        if not self._has_secret_header(webhook, shop):
            standard_webhooks.check_call(webhook, shop, self.secret.where)
        with suppress(Unreadable):  # `read` reports what is wrong with the body
            self.check_store(shop, webhooks.envelope(webhook.body).producer)

    def _has_secret_header(self, webhook: Webhook, shop: Shop) -> bool:
        """Return whether the call has the header that was given when the webhook was made ("Security").

        Webhooks are signed with the secret of the app that made them. A shop that made them in another way knows no
        secret, and gave them a header of their own.
        """
        name = shop.api.get("header")
        if not isinstance(name, str) or not name.strip():
            return False
        given = webhook.headers.get(name.strip().lower())
        if given is None:
            return False
        if not same(given, *secrets_of(shop)):
            raise NotVerified(
                Reason.SIGNATURE_MISMATCH,
                "the header that the setting `api.header` names has another value than the shop's `secrets`",
            )
        return True

    def normal_store(self, name: str) -> str:
        # `producer` is "stores/<hash>". People copy the hash out of the API's path, or the store's permanent address.
        found = _STORE.fullmatch(name.strip().lower())
        return found[1] if found else name.strip().lower()

    def topic_of(self, webhook: Webhook) -> str:
        with suppress(Unreadable):
            return webhooks.topic_of(webhooks.envelope(webhook.body).scope)
        return ""

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        topic = webhooks.topic_of(webhooks.envelope(webhook.body).scope)
        return [Delivery(topic or "none", webhooks.key_of(webhook), self.change(topic, webhook, shop))]

    def api_access(self, shop: Shop) -> ApiAccess:
        stores = [self.normal_store(name) for name in shop.stores]
        if len(stores) != 1 or not re.fullmatch(_HASH, stores[0]):
            raise ValueError(f"`store` must be the one store whose API is asked, such as {self.store_example}")
        token = shop.api.get("token")
        if not isinstance(token, str) or not _is_token(token):
            raise ValueError("`api.token` must be the access token of the API account, because webhooks carry no state")
        return ApiAccess(f"https://api.bigcommerce.com/stores/{stores[0]}", {"X-Auth-Token": token})

    def fetch(self, change: ThinChange, shop: Shop, api: PlatformApi) -> Change:
        from shopwire.platforms.bigcommerce import fetch  # other platforms need none of it

        return fetch.fetch(change, shop, api)

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        store = self.normal_store(shop.stores[0]) if shop.stores else ""
        body = _enveloped(body, topic, store)
        id = f"msg_{uuid.uuid4().hex}"
        return SignedCall(standard_webhooks.signed_headers(secrets_of(shop)[0], id, now, body), body)


def _enveloped(body: bytes, topic: str, store: str) -> bytes:
    """Return the body with topic and store in its envelope. The scope of a channel stays, if it is of the topic."""
    fields = {"producer": f"stores/{store}"} if store else {}
    try:
        scope = json.loads(body)["scope"]
    except (ValueError, KeyError, TypeError, RecursionError):
        scope = None
    if not isinstance(scope, str) or webhooks.topic_of(scope) != topic:
        fields["scope"] = topic
    return with_fields(body, fields)
