"""Events for the built functions, made from Shopify's samples with other IDs and times.

They are events of API Gateway with the current time, because shopwire's time budget starts at that time. All candidates
receive the same events.
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
    """Return the event of an order's state at a minute. Each minute's state has another note."""
    body = _sample("orders_updated") | {
        "id": 7_000_000_000_000 + number,
        "updated_at": (_START + timedelta(minutes=minute)).isoformat(),
        "note": f"minute {minute}",
    }
    return _signed(topic, body, f"order {number} {minute}")


def customer(number: int) -> bytes:
    """Return the event of a change of a customer."""
    body = _sample("customers_update") | {"id": 8_000_000_000_000 + number, "email": f"person.{number}@example.com"}
    return _signed("customers/update", body, f"customer {number}")


def ignored(number: int) -> bytes:
    """Return the event of a signal: it says that something changed, but not what."""
    return _signed("orders/edited", _sample("orders_edited"), f"edited {number}")


def mixed(count: int) -> Iterator[bytes]:
    """Yield `count` events of a typical mix, seven per order.

    They are: the order is created, it changes, the same delivery again (duplicate), the same state with another topic
    (unchanged), the earlier state (stale), a change of the customer, and a signal.
    """
    for event_number in range(count):
        number, kind = divmod(event_number, 7)
        yield (
            order(number, 0, "orders/create"),
            order(number, 1),
            order(number, 1),
            order(number, 1, "orders/paid"),
            order(number, 0),
            customer(number),
            ignored(number),
        )[kind]


@cache
def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((folder("shopify") / f"{name}.json").read_bytes())
    return sample


def _signed(topic: str, body: dict[str, Any], delivery: str) -> bytes:
    raw = json.dumps(body, ensure_ascii=False).encode()
    shop = parse_shops({SHOP: demo_settings()[SHOP]})[SHOP]
    signed = platforms.get(shop.platform).sign(topic, raw, shop, time.time_ns() // 1_000_000)
    headers = dict(signed.headers)
    # A repeated delivery has the same delivery ID, so the ID is derived from the arguments.
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{topic} {delivery}"))
    headers |= {name: id for name in headers if name.lower() == "x-shopify-webhook-id"}
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()} | {
        "HTTP_CONTENT_LENGTH": str(len(raw)),
        "HTTP_HOST": "example.com",
        "REQUEST_METHOD": "POST",
        "RAW_URI": f"/webhooks/{SHOP}",
    }
    return json.dumps(make_event(environ, raw)).encode()
