"""The headers with which Shopify calls a webhook's URL, written from its documentation and not from the adapter.

Source: shopify.dev, "Structure of a webhook" and "Verify webhook deliveries". The signature is the base64 of the
HMAC-SHA256 of the raw body, with the app's secret.
"""

import base64
import hmac
import uuid
from datetime import UTC, datetime


def signed_headers(topic: str, body: bytes, secret: str, shop: str, store: str, at: int, number: int) -> dict[str, str]:
    """Return the headers of a call.

    Args:
        shop: the id of the shop.
        store: the platform's own name of the shop, or "" for a shop that has none in its settings.
        at: when the call is made first (UTC milliseconds).
    """
    triggered_at = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode(),
        "X-Shopify-Shop-Domain": store or f"{shop}.myshopify.com",
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
        "X-Shopify-Event-Id": str(uuid.uuid4()),
        "X-Shopify-Triggered-At": triggered_at,
    }
