"""A shop with a storefront for tests, the sample visits by name, and short ways to read a visit."""

import json
from datetime import UTC, datetime
from typing import Any

from shopwire import platforms
from shopwire.models import Shop, Webhook
from shopwire_testkit.samples import samples

STOREFRONT = platforms.get("storefront")
SECRET = "demo-shopify-storefront"
SHOP = Shop(
    id="front-shop",
    platform="shopify",
    secrets=("the-platforms-secret",),
    esputnik_key="key",
    region="UA",
    storefront_secret=SECRET,
    origins=("https://shop.example", "shopapp://"),
)
NOW = 1_790_000_000_000
SEEN_AT = datetime.fromtimestamp(NOW / 1000, UTC)
BODIES = {sample.name: sample.body for sample in samples("storefront")}


def webhook(body: bytes | dict[str, Any], **headers: str) -> Webhook:
    """Return the call of a browser."""
    return Webhook(headers, body if isinstance(body, bytes) else json.dumps(body).encode(), NOW)


def read(body: bytes | dict[str, Any]) -> Any:
    """Return the change that a visit means."""
    (delivery,) = STOREFRONT.read(webhook(body), SHOP)
    return delivery.change


def visit(**changes: Any) -> dict[str, Any]:
    """Return the anonymous visit of a page with other fields."""
    return {**json.loads(BODIES["page--anonymous"]), **changes}
