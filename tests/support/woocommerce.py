"""A WooCommerce shop for tests, its sample bodies by name, and short ways to read a body."""

import json
from typing import Any

from shopwire import platforms
from shopwire.models import Delivery, Order, OrderChange, Shop, Webhook
from shopwire_testkit.samples import samples

WOO = platforms.get("woocommerce")
SECRET = "тихо & секретно"
RECEIVED_AT = 1_798_761_600_000
"""2027-01-01T00:00:00Z, UTC ms: later than all samples."""
BODIES = {sample.name: sample.body for sample in samples("woocommerce")}
PLAIN = json.loads(BODIES["order.updated"])


def shop(**settings: Any) -> Shop:
    """Return a WooCommerce shop with other settings."""
    fields = {"id": "woo-shop", "platform": "woocommerce", "secrets": (SECRET,), "esputnik_key": "key", "region": "UA"}
    return Shop(**fields | settings)


SHOP = shop()


def deliver(topic: str, body: bytes | dict[str, Any], of: Shop = SHOP, **headers: str) -> Delivery:
    """Return the delivery of a body, with other headers than `sign` makes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (delivery,) = WOO.read(Webhook({**WOO.sign(topic, raw, of, 0).headers, **headers}, raw, RECEIVED_AT), of)
    return delivery


def read(topic: str, body: bytes | dict[str, Any], of: Shop = SHOP) -> Any:
    """Return the change that a body means."""
    return deliver(topic, body, of).change


def order(name: str = "order.updated", of: Shop = SHOP, **changes: Any) -> Order:
    """Return the order of a sample with other fields at the top of its body."""
    change = read("order.updated", {**json.loads(BODIES[name]), **changes}, of)
    assert isinstance(change, OrderChange), change
    return change.order


def line(**changes: Any) -> dict[str, Any]:
    """Return the first line of the plain sample with other fields."""
    return {**PLAIN["line_items"][0], **changes}
