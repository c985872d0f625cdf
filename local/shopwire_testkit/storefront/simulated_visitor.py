"""A simulated visitor's browser sends what the storefront script sends, by the recipes in docs/storefront.md.

A visit is sent once and never repeated, because no platform sends it. The meaning of each body is recorded with
it for the reference model. Nothing here knows how shopwire reads the body.
"""

import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shopwire_testkit.announcements import CartState, Person, Visit, cart_entity
from shopwire_testkit.customers import Customer
from shopwire_testkit.durations import DAY, MINUTE, SECOND
from shopwire_testkit.shop_data import CartContent, money
from shopwire_testkit.story_recorder import StoryRecorder

_CART_DELAY = SECOND
"""The script waits this long for more changes before it sends a cart."""
_VALID_DAYS = 3
"""A page may come from a cache: its signature is valid on its day and on the two days after it."""

_Kind = tuple[str, str, dict[str, Any], dict[str, Any]]
"""A kind of visit: its topic, the type of its event, fields of its body, and the params that they mean."""


class Browser:
    """The browser of one customer.

    Args:
        serial: a number that no other customer of the run has.
        is_other_customer: the tokens that it sends are of another customer's carts.
    """

    def __init__(
        self, recorder: StoryRecorder, customer: Customer, serial: int, *, is_other_customer: bool = False
    ) -> None:
        self._recorder = recorder
        self._customer = customer
        self._serial = serial
        self._is_other_customer = is_other_customer
        self._visits = 0

    def view(self, token: str, *, signed: bool) -> None:
        """View a page, product or category, add to the wish list, or search. The visit carries the cart's token.

        Args:
            signed: the page names the customer, with the shop's signature.
        """
        recorder, rng, shop = self._recorder, self._recorder.rng, self._recorder.shop
        recorder.wait(MINUTE)
        product = rng.choice(shop.products)
        url = f"https://sim.example/pages/{rng.randrange(50)}"
        id, price, number = product.item_id(shop.settings.item_id), money(product.price), self._serial + self._visits
        category = ({"category": {"id": product.title}}, {"category": {"productCategoryId": product.title}})
        # The kinds take turns, so that a kind more does not change the random numbers of all stories.
        if number % 2:
            kinds: tuple[_Kind, ...] = (
                ("page", "pageViewed", {"url": url}, {"page": {"location": url}}),
                _product_view("product", "productViewed", id, price, in_stock=None),
                ("category", "productCategoryViewed", *category),
            )
        else:
            kinds = (
                _search(product.title, found=(False, True, None)[number // 2 % 3]),
                _product_view("wishlist", "productAddedToWishlist", id, price, in_stock=number % 4 == 0),
                ("category", "productCategoryViewed", *category),
            )
        topic, event_type, fields, params = rng.choice(kinds)
        contact, person = self._signed_contact(signed=signed)
        self._visits += 1
        body = _encode({"type": topic, "cart_token": token, "currency": shop.currency, **contact, **fields})
        if topic != "search":
            params = params | {"currencyCode": shop.currency}
        meaning = Visit(token, person, self._is_other_customer, event_type, params)
        recorder.announce(topic, body, f"view {self._serial}-{self._visits}", meaning, None, storefront=True)

    def change_cart(self, token: str, content: CartContent, *, signed: bool) -> None:
        """Change the cart. Its version is the time when the browser sends it, because the body carries no other."""
        recorder, shop = self._recorder, self._recorder.shop
        lines = [(shop.products[n], quantity) for n, quantity in content.items()]
        items = [
            {
                "id": product.item_id(shop.settings.item_id),
                "quantity": quantity,
                "price": money(product.price),
                "name": product.title,
            }
            for product, quantity in lines
        ]
        products = tuple(
            {"productId": item["id"], "name": item["name"], "quantity": item["quantity"], "price": item["price"]}
            for item in items
        )
        contact, person = self._signed_contact(signed=signed)
        cart = {"token": token, "items": items}
        body = _encode({"type": "cart", "cart_token": token, "currency": shop.currency, **contact, "cart": cart})
        recorder.now += _CART_DELAY
        version = (recorder.now, 0)
        params = {"currencyCode": shop.currency}
        meaning = CartState(token, version, person, products, by_other_customer=self._is_other_customer, params=params)
        recorder.announce("cart", body, cart_entity(token), meaning, version, storefront=True, at=recorder.now)
        recorder.now += SECOND  # the cart arrives before the customer does anything else

    def _signed_contact(self, *, signed: bool) -> tuple[dict[str, Any], Person | None]:
        """Return the body's fields that name the customer, and the person they mean."""
        shop = self._recorder.shop.settings
        person = self._customer.visitor() if shop.storefront_secret and signed else None
        if not person:
            return {}, None
        kind, value = ("email", person.email) if person.email else ("phone", f"+{person.phone}")
        rendered_at = self._recorder.now - self._visits % _VALID_DAYS * DAY
        signature = visitor_signature(shop.storefront_secret[-1].get_secret_value(), shop.id, kind, value, rendered_at)
        return {"contact": {kind: value}, "signature": signature}, person


def visitor_signature(secret: str, shop: str, kind: str, value: str, at: int) -> str:
    """Return the signature that a page of the shop has, if it was rendered then (UTC milliseconds)."""
    day = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d")
    return hmac.new(secret.encode(), f"{shop}:{kind}:{value}:{day}".encode(), "sha256").hexdigest()


def _product_view(topic: str, event_type: str, id: str, price: str, *, in_stock: bool | None) -> _Kind:
    stock, is_in_stock = ({}, {}) if in_stock is None else ({"in_stock": in_stock}, {"isInStock": int(in_stock)})
    params = {"product": {"productId": id, "price": Decimal(price), **is_in_stock}}
    return topic, event_type, {"product": {"id": id, "price": price, **stock}}, params


def _search(text: str, *, found: bool | None) -> _Kind:
    """Return the search of a visitor who types the text with white space around it."""
    fields: dict[str, Any] = {"search": {"text": f" {text}\n"} | ({} if found is None else {"found": found})}
    return "search", "searchRequest", fields, {"search": text} | ({} if found is None else {"isFound": str(int(found))})


def _encode(body: dict[str, Any]) -> bytes:
    """Return JSON as browsers write it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
