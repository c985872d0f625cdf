"""A Shopify shop for tests, its sample bodies by name, and short ways to read a body."""

import json
from dataclasses import replace
from typing import Any

from shopwire import platforms
from shopwire.models import Cart, Contact, Delivery, Order, OrderChange, Shop, Webhook
from shopwire_testkit.samples import samples

SHOPIFY = platforms.get("shopify")
SHOP = Shop(
    id="shop", platform="shopify", secrets=("secret",), esputnik_key="key", region="UA", store="demo.myshopify.com"
)
RECEIVED_AT = 1_798_761_600_000
"""2027-01-01T00:00:00Z, UTC ms: later than all samples."""
BODIES = {sample.name: sample.body for sample in samples("shopify")}
PLAIN = json.loads(BODIES["orders/create"])


def deliver(topic: str, body: bytes | Any, of: Shop = SHOP, **headers: str) -> Delivery:
    """Return the delivery of a body. Headers are named with "_" in place of "-"."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"x-shopify-topic": topic} | {name.replace("_", "-"): value for name, value in headers.items()}
    (delivery,) = SHOPIFY.read(Webhook(named, raw, RECEIVED_AT), of)
    return delivery


def read(topic: str, body: bytes | Any, of: Shop = SHOP) -> Any:
    """Return the change that a body means."""
    return deliver(topic, body, of).change


def read_sample(name: str, of: Shop = SHOP) -> Any:
    """Return the change that a sample means, such as "orders/updated--refunded"."""
    return read(name.partition("--")[0], BODIES[name], of)


def buyer(snapshot: Order | Cart) -> Contact:
    """Return the addresses, the id and the names of a buyer, without the rest of the contact."""
    return replace(snapshot.contact, address=None, language=None, consent=None)


def order(**changes: Any) -> Order:
    """Return the order of the plain sample with other fields at the top of its body."""
    change = read("orders/updated", PLAIN | changes)
    assert isinstance(change, OrderChange)
    return change.order
