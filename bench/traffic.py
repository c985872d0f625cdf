"""Generate Shopify webhooks in the shares of mix.json, from the project's own samples.

Each webhook is built so that shopwire's outcome is the one that its share is named after. `bench.cost` counts the
actual outcomes."""

import json
import random
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from shopwire import platforms
from shopwire.models import Shop
from shopwire_testkit.samples import folder

Body = dict[str, Any]

# A duplicate repeats one of the last calls, because a ledger entry keeps only its last delivery keys.
_RECENT_CALLS = 50


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the webhook URL.

    Args:
        headers: the call's headers.
        body: the call's body.
        api_fails: the API's first response for this webhook has status 503.
    """

    headers: Mapping[str, str]
    body: bytes
    api_fails: bool = False


@dataclass(slots=True)
class _Customer:
    email: str
    phone: str | None
    id: int


@dataclass(slots=True)
class _Entity:
    """The current state of an order, checkout or customer."""

    topic: str
    body: Body
    changes: int = 0
    earlier: Body = field(default_factory=dict)


@cache
def sample(name: str) -> Body:
    """Return a sample body of Shopify. Callers must not change it."""
    body: Body = json.loads((folder("shopify") / f"{name}.json").read_text(encoding="utf-8"))
    return body


class Traffic:
    """Generates the calls of a shop.

    Args:
        mix: the contents of mix.json.
        outcomes: percentage of each outcome.
        shop: the shop.
        seed: seed of the random choices.
    """

    def __init__(self, mix: Mapping[str, Any], outcomes: Mapping[str, int], shop: Shop, seed: int = 6) -> None:
        self._rng = random.Random(seed)
        self._mix = mix
        self._outcomes = outcomes
        self._shop = shop
        self._last_number = 0
        self._customers: list[_Customer] = []
        self._orders: list[_Entity] = []
        self._carts: list[_Entity] = []
        self._recent: deque[Call] = deque(maxlen=_RECENT_CALLS)

    def initial_calls(self, now: int) -> Iterator[Call]:
        """Yield the calls that create the first orders and carts."""
        for _ in range(100):
            yield self._delivered("order_created_for_a_new_person", now)
            yield self._delivered("cart_of_a_new_person", now)

    def next_call(self, now: int) -> Call:
        """Return the next call, with the given time in UTC milliseconds."""
        outcome = self._draw(self._outcomes)
        match outcome:
            case "delivered":
                return self._delivered(self._draw(self._mix["delivered"]), now)
            case "queued":
                order = self._changed_order(now)
                return self._call(order.topic, order.body, api_fails=True)
            case "unchanged":
                order = self._rng.choice(self._orders)
                order.body = order.body | {"updated_at": shopify_time(now)}
                return self._call("orders/updated", order.body)
            case "duplicate":
                return self._rng.choice(self._recent)
            case "stale":
                order = self._rng.choice([order for order in self._orders if order.earlier])
                return self._call("orders/updated", order.earlier)
        return self._ignored(self._draw(self._mix["ignored"]), now)

    def _draw(self, shares: Mapping[str, int]) -> str:
        return self._rng.choices(list(shares), list(shares.values()))[0]

    def _delivered(self, kind: str, now: int) -> Call:
        match kind:
            case "order_created" | "order_created_for_a_new_person":
                entity = self._new_order(now, self._customer(new="new" in kind))
            case "cart" | "cart_of_a_new_person":
                entity = self._changed_cart(now, new="new" in kind)
            case "contact":
                entity = self._changed_contact(now)
            case _:
                entity = self._changed_order(now)
        call = self._call(entity.topic, entity.body)
        self._recent.append(call)
        return call

    def _customer(self, *, new: bool) -> _Customer:
        if not new:
            return self._rng.choice(self._customers)
        number = self._next_number()
        has_phone = self._rng.randrange(100) < self._mix["phone_percent"]
        customer = _Customer(f"buyer{number}@example.com", f"+38050{number:07}" if has_phone else None, 10**12 + number)
        self._customers.append(customer)
        return customer

    def _new_order(self, now: int, customer: _Customer) -> _Entity:
        number = self._next_number()
        body = _with_customer(sample("orders_create"), customer) | {
            "id": 6 * 10**12 + number,
            "name": f"#{number}",
            "order_number": number,
            "cart_token": f"bought{number}",
            "created_at": shopify_time(now),
            "updated_at": shopify_time(now),
        }
        order = _Entity("orders/create", body)
        self._orders.append(order)
        return order

    def _changed_order(self, now: int) -> _Entity:
        order = self._rng.choice(self._orders)
        order.topic, order.changes, order.earlier = "orders/updated", order.changes + 1, order.body
        order.body = order.body | {"updated_at": shopify_time(now), "note": f"Change {order.changes}"}
        return order

    def _changed_cart(self, now: int, *, new: bool) -> _Entity:
        if new or self._rng.random() < 0.3:
            number = self._next_number()
            customer = self._customer(new=new)
            body = _with_customer(sample("checkouts_update"), customer) | {
                "token": f"checkout{number}",
                "cart_token": f"cart{number}",
                "sms_marketing_phone": None,
                "created_at": shopify_time(now),
            }
            self._carts.append(_Entity("checkouts/update", body))
            cart = self._carts[-1]
        else:
            cart = self._rng.choice(self._carts)
        cart.changes += 1
        first, *others = cart.body["line_items"]
        lines = [first | {"quantity": 1 + cart.changes}, *others]
        cart.body = cart.body | {"line_items": lines, "updated_at": shopify_time(now)}
        return cart

    def _changed_contact(self, now: int) -> _Entity:
        customer = self._rng.choice(self._customers)
        body = _with_customer(sample("customers_update"), customer) | {
            "id": customer.id,
            "first_name": f"Name {self._next_number()}",
            "updated_at": shopify_time(now),
        }
        return _Entity("customers/update", body)

    def _ignored(self, kind: str, now: int) -> Call:
        if kind == "signal":
            return self._call("refunds/create", sample("refunds_create"))
        body = sample("carts_update") | {"token": f"visitor{self._next_number()}", "updated_at": shopify_time(now)}
        return self._call("carts/update", body)

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _call(self, topic: str, body: Body, *, api_fails: bool = False) -> Call:
        id = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        return signed_call(topic, body, self._shop, id, api_fails=api_fails)


def signed_call(topic: str, body: Body, shop: Shop, id: str, *, api_fails: bool = False) -> Call:
    """Return a signed call. Shopify writes JSON without spaces and with as few escapes as possible."""
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    signed = platforms.get("shopify").sign(topic, raw, shop, 0)
    return Call(dict(signed.headers) | {"x-shopify-event-id": id, "x-shopify-webhook-id": id}, raw, api_fails)


def _with_customer(sample: Body, customer: _Customer) -> Body:
    identity = {"email": customer.email, "phone": customer.phone}
    changed: Body = {"contact_email": customer.email, **identity}
    if "addresses" in sample:
        changed["addresses"] = []  # every customer would have the phone of the sample
    for name in ("billing_address", "shipping_address", "default_address"):
        if isinstance(sample.get(name), dict):
            changed[name] = sample[name] | {"phone": None}
    if isinstance(sample.get("customer"), dict):
        address = (sample["customer"].get("default_address") or {}) | {"phone": None}
        changed["customer"] = sample["customer"] | identity | {"id": customer.id, "default_address": address}
    return sample | changed


def shopify_time(now: int) -> str:
    """Return a time (UTC milliseconds) in Shopify's format."""
    return datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
