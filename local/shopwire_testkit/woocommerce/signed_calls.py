"""The headers with which WooCommerce calls a webhook's URL, written from its source and not from the adapter.

Source: class-wc-webhook.php of WooCommerce, `deliver`, `generate_signature` and `get_new_delivery_id`. The signature is
the base64 of the HMAC-SHA256 of the raw body. The id of a delivery is a hash of the webhook's id and the second, so the
deliveries of one webhook in one second share it.
"""

import base64
import hashlib
import hmac


def signed_headers(topic: str, body: bytes, secret: str, shop: str, store: str, at: int, number: int) -> dict[str, str]:
    """Return the headers of a call.

    Args:
        shop: the id of the shop.
        store: the platform's own name of the shop, or "" for a shop that has none in its settings.
        at: when the call is made (UTC milliseconds).
    """
    resource, _, event = topic.partition(".")
    webhook_id = int(hashlib.md5(topic.encode(), usedforsecurity=False).hexdigest()[:4], 16)
    delivery_id = hashlib.md5(f"{shop} {webhook_id}{at // 1000}".encode(), usedforsecurity=False).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "WooCommerce/10.6.1 Hookshot (WordPress/7.0)",
        "X-WC-Webhook-Source": store or f"https://{shop}.example/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode(),
        "X-WC-Webhook-ID": str(webhook_id),
        "X-WC-Webhook-Delivery-ID": delivery_id,
    }
