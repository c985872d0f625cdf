"""The webhooks that built functions are measured with: Shopify's samples with other ids and times, signed anew.

Events as API Gateway makes them, of the moment in which they are asked for: shopwire's time budget runs from then. The
same for shopwire and for what it is measured against.
"""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from shopwire import platforms
from shopwire_dev.demo_shops import demo_settings, parse_shops
from shopwire_dev.gateway import make_event
from shopwire_testkit.samples import folder

SHOP = "demo-shopify"
_START = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)


def order(number: int, minute: int, topic: str = "orders/updated") -> bytes:
    """The event of an order as it stood at a minute: each minute another one of its note."""
    body = _sample("orders_updated") | {
        "id": 7_000_000_000_000 + number,
        "updated_at": (_START + timedelta(minutes=minute)).isoformat(),
        "note": f"minute {minute}",
    }
    return _signed(topic, body, f"order {number} {minute}")


def customer(number: int) -> bytes:
    """The event of a customer who was changed."""
    body = _sample("customers_update") | {"id": 8_000_000_000_000 + number, "email": f"person.{number}@example.com"}
    return _signed("customers/update", body, f"customer {number}")


def ignored(number: int) -> bytes:
    """The event of a topic that only says that something changed."""
    return _signed("orders/edited", _sample("orders_edited"), f"edited {number}")


def mixed(count: int) -> Iterator[bytes]:
    """So many events of an everyday mix, seven an order: made, changed, the same change once more (duplicate), the same
    state under another topic (unchanged), the state before (stale), his customer, a topic without meaning."""
    for number in range(count):
        one, kind = divmod(number, 7)
        yield (
            order(one, 0, "orders/create"),
            order(one, 1),
            order(one, 1),
            order(one, 1, "orders/paid"),
            order(one, 0),
            customer(one),
            ignored(one),
        )[kind]


@cache
def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((folder("shopify") / f"{name}.json").read_bytes())
    return sample


def _signed(topic: str, body: dict[str, Any], delivery: str) -> bytes:
    raw = json.dumps(body, ensure_ascii=False).encode()
    shop = parse_shops({SHOP: demo_settings()[SHOP]})[SHOP]
    headers = platforms.get(shop.platform).sign(topic, raw, shop, time.time_ns() // 1_000_000)
    # The platform's id of the delivery: a repeated one has the same.
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{topic} {delivery}"))
    headers |= {name: id for name in headers if name.lower() == "x-shopify-webhook-id"}
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()} | {
        "HTTP_CONTENT_LENGTH": str(len(raw)),
        "HTTP_HOST": "example.com",
        "REQUEST_METHOD": "POST",
        "RAW_URI": f"/webhooks/{SHOP}",
    }
    return json.dumps(make_event(environ, raw)).encode()
