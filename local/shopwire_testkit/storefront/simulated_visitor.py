"""A visitor's browser: what the storefront's script tells of him, as the recipes of docs/storefront.md have it.

A visit comes at once or never: no platform sends it again, and what comes later is another visit. What each means is
said beside it for the truth; nothing here knows how shopwire reads it.
"""

import hmac
import json
from collections.abc import Mapping
from typing import Any

from shopwire_testkit.announcements import CartState, Person, Visit
from shopwire_testkit.inventing import MINUTE, SECOND, Customer, Pen, money

_CART_RESTS = SECOND
"""The script waits that long for more before it tells a cart."""

Content = Mapping[int, int]
"""What is in a cart: the number of a good -> how many."""


class Browser:
    """One customer's. `serial` is nobody else's in the whole run."""

    def __init__(self, pen: Pen, customer: Customer, serial: int) -> None:
        self._pen = pen
        self._customer = customer
        self._serial = serial
        self._visits = 0

    def look_round(self, token: str, *, signed: bool) -> None:
        """A page, a product or a category is seen, with the cart's token.

        Args:
            signed: the page names him, with the shop's signature.
        """
        pen, rng, shop = self._pen, self._pen.rng, self._pen.market.shop
        pen.wait(MINUTE)
        good = rng.choice(pen.market.goods)
        topic, seen = rng.choice(
            (
                ("page", {"url": f"https://sim.example/pages/{rng.randrange(50)}"}),
                ("product", {"product": {"id": good.id(shop.item_id), "price": money(good.price)}}),
                ("category", {"category": {"id": good.title}}),
            )
        )
        who, person = self._proof(signed=signed)
        self._visits += 1
        body = _written({"type": topic, "cart_token": token, "currency": pen.market.currency, **who, **seen})
        pen.say(topic, body, f"view {self._serial}-{self._visits}", Visit(token, person), None, storefront=True)

    def cart(self, token: str, content: Content, *, signed: bool) -> None:
        """The cart has changed. Its version is the moment when the browser tells it: it has no other."""
        pen, shop = self._pen, self._pen.market.shop
        items = [(pen.market.goods[n], quantity) for n, quantity in content.items()]
        told = [
            {"id": good.id(shop.item_id), "quantity": quantity, "price": money(good.price), "name": good.title}
            for good, quantity in items
        ]
        products = tuple({"productId": one["id"], "quantity": one["quantity"], "price": one["price"]} for one in told)
        who, person = self._proof(signed=signed)
        cart = {"token": token, "items": told}
        body = _written({"type": "cart", "cart_token": token, "currency": pen.market.currency, **who, "cart": cart})
        pen.now += _CART_RESTS
        version = (pen.now, 0)
        meaning = CartState(token, version, person, products)
        pen.say("cart", body, f"cart {token}", meaning, version, storefront=True, at=pen.now)
        pen.now += SECOND  # it has arrived before anything else is done

    def _proof(self, *, signed: bool) -> tuple[dict[str, Any], Person | None]:
        secret = self._pen.market.shop.storefront_secret
        person = self._customer.named_by_browser() if secret and signed else None
        if not (person and secret):
            return {}, None
        kind, value = ("email", person.email) if person.email else ("phone", f"+{person.phone}")
        signature = hmac.new(secret.get_secret_value().encode(), f"{kind}:{value}".encode(), "sha256").hexdigest()
        return {"contact": {kind: value}, "signature": signature}, person


def _written(body: dict[str, Any]) -> bytes:
    """JSON as browsers write it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
