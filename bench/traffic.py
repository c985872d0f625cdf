"""The webhooks of the cost's fixed mix: Shopify's, made of the project's own samples, in the shares that mix.json says.

Each is made so that shopwire answers it as its share is called; what it did answer is counted by `cost`.
"""

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

# Duplicates come soon; an order of which much is written keeps its last keys only.
_RECENT = 50


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the webhook URL. `fails`: the API answers its request 503, once."""

    headers: Mapping[str, str]
    body: bytes
    fails: bool = False


@dataclass(slots=True)
class _Person:
    email: str
    phone: str | None
    id: int


@dataclass(slots=True)
class _Thing:
    """An order, checkout or customer as it stands."""

    topic: str
    body: Body
    person: _Person
    changes: int = 0
    earlier: Body = field(default_factory=dict)


@cache
def sample(name: str) -> Body:
    """A sample body of Shopify's, to be changed in copies only."""
    body: Body = json.loads((folder("shopify") / f"{name}.json").read_text(encoding="utf-8"))
    return body


class Traffic:
    """Makes the calls of a shop.

    Args:
        mix: mix.json.
        outcomes: percent of each outcome.
    """

    def __init__(self, mix: Mapping[str, Any], outcomes: Mapping[str, int], shop: Shop, seed: int = 6) -> None:
        self._rng = random.Random(seed)
        self._mix = mix
        self._outcomes = outcomes
        self._shop = shop
        self._next = 0
        self._people: list[_Person] = []
        self._orders: list[_Thing] = []
        self._carts: list[_Thing] = []
        self._recent: deque[Call] = deque(maxlen=_RECENT)

    def begin(self, now: int) -> Iterator[Call]:
        """What was before: some orders and carts."""
        for _ in range(100):
            yield self._delivered("order_created_for_a_new_person", now)
            yield self._delivered("cart_of_a_new_person", now)

    def one(self, now: int) -> Call:
        """The next call, at this moment (UTC milliseconds)."""
        outcome = self._drawn(self._outcomes)
        match outcome:
            case "delivered":
                return self._delivered(self._drawn(self._mix["delivered"]), now)
            case "queued":
                order = self._changed_order(now)
                return self._call(order.topic, order.body, fails=True)
            case "unchanged":
                order = self._rng.choice(self._orders)
                order.body = order.body | {"updated_at": time(now)}
                return self._call("orders/updated", order.body)
            case "duplicate":
                return self._rng.choice(self._recent)
            case "stale":
                order = self._rng.choice([one for one in self._orders if one.earlier])
                return self._call("orders/updated", order.earlier)
        return self._ignored(self._drawn(self._mix["ignored"]), now)

    def _drawn(self, shares: Mapping[str, int]) -> str:
        return self._rng.choices(list(shares), list(shares.values()))[0]

    def _delivered(self, kind: str, now: int) -> Call:
        match kind:
            case "order_created" | "order_created_for_a_new_person":
                thing = self._new_order(now, self._person(new="new" in kind))
            case "cart" | "cart_of_a_new_person":
                thing = self._changed_cart(now, new="new" in kind)
            case "contact":
                thing = self._changed_contact(now)
            case _:
                thing = self._changed_order(now)
        call = self._call(thing.topic, thing.body)
        self._recent.append(call)
        return call

    def _person(self, *, new: bool) -> _Person:
        if not new:
            return self._rng.choice(self._people)
        number = self._number()
        has_phone = self._rng.randrange(100) < self._mix["phone_percent"]
        person = _Person(f"buyer{number}@example.com", f"+38050{number:07}" if has_phone else None, 10**12 + number)
        self._people.append(person)
        return person

    def _new_order(self, now: int, person: _Person) -> _Thing:
        number = self._number()
        body = _of_person(sample("orders_create"), person) | {
            "id": 6 * 10**12 + number,
            "name": f"#{number}",
            "order_number": number,
            "cart_token": f"bought{number}",
            "created_at": time(now),
            "updated_at": time(now),
        }
        order = _Thing("orders/create", body, person)
        self._orders.append(order)
        return order

    def _changed_order(self, now: int) -> _Thing:
        order = self._rng.choice(self._orders)
        order.topic, order.changes, order.earlier = "orders/updated", order.changes + 1, order.body
        order.body = order.body | {"updated_at": time(now), "note": f"Change {order.changes}"}
        return order

    def _changed_cart(self, now: int, *, new: bool) -> _Thing:
        if new or self._rng.random() < 0.3:
            number = self._number()
            person = self._person(new=new)
            body = _of_person(sample("checkouts_update"), person) | {
                "token": f"checkout{number}",
                "cart_token": f"cart{number}",
                "sms_marketing_phone": None,
                "created_at": time(now),
            }
            self._carts.append(_Thing("checkouts/update", body, person))
            cart = self._carts[-1]
        else:
            cart = self._rng.choice(self._carts)
        cart.changes += 1
        first, *others = cart.body["line_items"]
        lines = [first | {"quantity": 1 + cart.changes}, *others]
        cart.body = cart.body | {"line_items": lines, "updated_at": time(now)}
        return cart

    def _changed_contact(self, now: int) -> _Thing:
        person = self._rng.choice(self._people)
        body = _of_person(sample("customers_update"), person) | {
            "id": person.id,
            "first_name": f"Name {self._number()}",
            "updated_at": time(now),
        }
        return _Thing("customers/update", body, person)

    def _ignored(self, kind: str, now: int) -> Call:
        if kind == "signal":
            return self._call("refunds/create", sample("refunds_create"))
        body = sample("carts_update") | {"token": f"nobodys{self._number()}", "updated_at": time(now)}
        return self._call("carts/update", body)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _call(self, topic: str, body: Body, *, fails: bool = False) -> Call:
        id = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        return call(topic, body, self._shop, id, fails=fails)


def call(topic: str, body: Body, shop: Shop, id: str, *, fails: bool = False) -> Call:
    """A signed call of Shopify's, as it writes JSON: no spaces, no escapes but what must be."""
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = platforms.get("shopify").sign(topic, raw, shop, 0)
    return Call(headers | {"x-shopify-event-id": id, "x-shopify-webhook-id": id}, raw, fails)


def _of_person(sample: Body, person: _Person) -> Body:
    mine = {"email": person.email, "phone": person.phone}
    changed: Body = {"contact_email": person.email, **mine}
    for name in ("billing_address", "shipping_address", "default_address"):
        if isinstance(sample.get(name), dict):
            changed[name] = sample[name] | {"phone": None}
    if isinstance(sample.get("customer"), dict):
        address = (sample["customer"].get("default_address") or {}) | {"phone": None}
        changed["customer"] = sample["customer"] | mine | {"id": person.id, "default_address": address}
    return sample | changed


def time(now: int) -> str:
    """As Shopify writes a time."""
    return datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
