"""A simulated shop of the generic format announces what one customer does there, as its own code would send it.

The bodies follow docs/platforms/generic.md. The meaning of each body is recorded with it for the reference model.
Nothing here knows how shopwire reads the body.
"""

from typing import Any

from shopwire_testkit.announcements import CartState, Comeback, CustomerState, Erasure, Story, cart_entity
from shopwire_testkit.customer_journey import CustomerJourney
from shopwire_testkit.durations import HOUR, MINUTE
from shopwire_testkit.generic.signed_calls import signed_headers
from shopwire_testkit.generic.simulated_orders import (
    OrderLifecycle,
    contact_of,
    described,
    encode_json,
    shown_of,
    written,
)
from shopwire_testkit.shop_data import Basket, CartContent, money
from shopwire_testkit.storefront.simulated_visitor import Browser
from shopwire_testkit.story_recorder import StoryRecorder

_DISCOUNT = "1.00"
"""What is taken off one unit of a product in a cart."""

__all__ = ["SHOPS", "signed_headers", "simulate_customer"]

SHOPS: tuple[dict[str, Any], ...] = (
    {},
    {"item_id": "product", "orders": "both", "shipped_is_delivered": True, "id_prefix": "own-"},
)
"""Settings in which the simulated shops differ."""


def simulate_customer(recorder: StoryRecorder, serial: int) -> Story:
    """Return the story of one customer. `serial` is a number that no other customer of the run has."""
    _CustomerJourney(recorder, serial).run()
    return recorder.story()


class _CustomerJourney(CustomerJourney):
    def __init__(self, recorder: StoryRecorder, serial: int) -> None:
        super().__init__(recorder, serial)
        self.registered = recorder.chance(0.6)
        self.customer = recorder.add_customer(serial, next(self.shop.customer_ids) if self.registered else None)
        self.browser = Browser(recorder, self.customer, serial)
        self.created_at = recorder.now
        self.orders: list[int] = []

    def run(self) -> None:
        recorder = self.recorder
        if self.registered and recorder.chance(0.8):
            self._announce_customer()
        while not recorder.is_over:
            recorder.wait(4 * HOUR)
            share = self.rng.random()
            if share < 0.5:
                self._order(None)
            elif share < 0.8:
                self._fill_cart()
            elif self.registered:
                self.changes += 1
                recorder.change_customer(self.customer, self.serial, self.changes)
                self._announce_customer()
            if recorder.chance(0.3):
                break
        if self.registered and recorder.happens("leaving", 0.06):
            self._ask_for_erasure()

    def _account(self, created_at: int, version: int) -> dict[str, Any]:
        return {
            "type": "contact",
            "version": written(version),
            "created_at": written(created_at),
            "contact": contact_of(self.customer, self.rng, self.shop.settings.region),
        }

    def _announce_customer(self) -> None:
        recorder, customer, version = self.recorder, self.customer, (self.recorder.now, 0)
        body = encode_json(self._account(self.created_at, recorder.now))
        details = {"address": {"address": customer.street}, "languageCode": "uk-UA"}
        meaning = CustomerState(str(customer.id), version, customer.person(), details=details)
        for _ in range(1 + recorder.chance(0.2)):
            recorder.announce("contact", body, f"contact {customer.id}", meaning, version)

    def _order(self, token: str | None, content: CartContent | None = None) -> None:
        guest = not self.registered or self.recorder.chance(0.2)
        order = OrderLifecycle(self.recorder, self.customer, token, content or {}, guest=guest)
        self.orders.append(order.id)
        order.run()

    def _fill_cart(self) -> None:
        """Fill a cart, which names its customer from some change on, and perhaps buy it."""
        recorder = self.recorder
        self.carts += 1
        token = recorder.add_cart(f"{self.serial:024x}{self.carts:08x}")
        basket, named = Basket(self.rng, len(self.shop.products)), self.registered and recorder.chance(0.5)
        for _ in range(self.rng.randrange(1, 6)):
            content = basket.change()
            named = named or recorder.chance(0.2)
            self._announce_cart(token, content, named=named)
            if recorder.chance(0.3):
                self.browser.view(token, signed=self.registered and recorder.chance(0.6))
            recorder.wait(20 * MINUTE)
            if recorder.is_over:
                return
        if content and recorder.chance(0.6):
            self._order(token, content)

    def _announce_cart(self, token: str, content: CartContent, *, named: bool) -> None:
        recorder, shop, version = self.recorder, self.shop, (self.recorder.now, 0)
        lines = [(shop.products[n], quantity) for n, quantity in content.items()]
        items = [
            {
                "id": product.variant or product.product,
                "product_id": product.product,
                "sku": product.sku,
                **described(product),
                "quantity": quantity,
                "price": money(product.price),
                "discount": _DISCOUNT,
            }
            for product, quantity in lines
        ]
        products = tuple(
            {
                "productId": product.item_id(shop.settings.item_id),
                "quantity": quantity,
                "price": money(product.price),
                "discount": _DISCOUNT,
                # What a product of a cart has beside the documented fields is a list (eSputnik's page of cartUpdated).
                **{name: [text] if name in ("url", "imageUrl") else text for name, text in shown_of(product).items()},
            }
            for product, quantity in lines
        )
        contact = contact_of(self.customer, self.rng, shop.settings.region) if named else None
        url = f"https://sim.example/cart/{token}"
        body = {"type": "cart", "version": written(recorder.now), "token": token, "currency": shop.currency, "url": url}
        params = {"currencyCode": shop.currency, "restoreUrl": url}
        meaning = CartState(token, version, self.customer.person() if named else None, products, params=params)
        recorder.announce(
            "cart", encode_json(body | {"items": items, "contact": contact}), cart_entity(token), meaning, version
        )

    def _ask_for_erasure(self) -> None:
        recorder, customer = self.recorder, self.customer
        recorder.wait(8 * HOUR)
        phone = f"+{customer.phone}" if customer.phone else None
        identity = {"id": customer.id, "email": customer.email, "phone": phone}
        body = {"type": "erase", "contact": identity, "orders": self.orders}
        identities = [value for value in (customer.email, customer.phone, customer.api_id) if value]
        comeback = Comeback(
            topic="contact",
            registration=lambda at: encode_json(self._account(at, at)),
            next_request=encode_json(body | {"orders": [*self.orders, 1]}),
        )
        meaning = Erasure(tuple(identities), tuple(map(str, self.orders)), comeback if customer.email else None)
        recorder.announce("erase", encode_json(body), f"contact {customer.id}", meaning, None)
