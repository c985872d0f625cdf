"""A shop of the generic platform for tests, its sample bodies by name, and short ways to read a body."""

import json
from typing import Any

from shopwire import platforms
from shopwire.errors import InvalidBody
from shopwire.models import Delivery, Order, OrderChange, Shop, Webhook
from shopwire_testkit.samples import samples, signed_webhook

GENERIC = platforms.get("generic")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the specification's own example
NOW = 1_795_800_000_000  # 2026-11-27T18:40:00Z
BODIES = {sample.name: json.loads(sample.body) for sample in samples("generic")}
PLAIN = BODIES["order"]


def shop(**settings: Any) -> Shop:
    """Return a shop with other settings."""
    fields = {"id": "my-shop", "platform": "generic", "secrets": (SECRET,), "esputnik_key": "key", "region": "UA"}
    return Shop(**fields | settings)


SHOP = shop()


def call(body: dict[str, Any] | bytes, of: Shop = SHOP, now: int = NOW) -> Webhook:
    """Return the signed call of a body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    type = body.get("type", "order") if isinstance(body, dict) else "order"
    return signed_webhook(GENERIC, type, raw, of, now)


def deliver(body: dict[str, Any] | bytes, of: Shop = SHOP) -> Delivery:
    """Return the delivery of a body."""
    (delivery,) = GENERIC.read(call(body, of), of)
    return delivery


def read(body: dict[str, Any] | bytes, of: Shop = SHOP) -> Any:
    """Return the change that a body means."""
    return deliver(body, of).change


def order(of: Shop = SHOP, sample: str = "order", **changes: Any) -> Order:
    """Return the order of a sample with other fields at the top of its body."""
    change = read(BODIES[sample] | changes, of)
    assert isinstance(change, OrderChange), change
    return change.order


def mistakes(body: dict[str, Any] | bytes, of: Shop = SHOP) -> dict[str, str]:
    """Return the mistakes of a body, by field; none if it has none."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        GENERIC.read(Webhook(call({"type": "order"}).headers, raw, NOW), of)
    except InvalidBody as error:
        return {mistake.field: mistake.problem for mistake in error.mistakes}
    return {}
