"""A simulated Shopify shop: one customer's life there, as the platform's webhooks tell it.

Bodies follow the platform's documented resources, with the fields that matter and a few that don't. What each means is
said beside it for the truth; nothing here knows how shopwire reads it.
"""

import base64
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from shopwire_testkit.announcements import CartState, CustomerState, Forgotten, Story
from shopwire_testkit.inventing import HOUR, MINUTE, Basket, Good, Pen, money
from shopwire_testkit.shopify.simulated_bodies import dump, postal
from shopwire_testkit.shopify.simulated_orders import OrderLife
from shopwire_testkit.storefront.simulated_visitor import Browser


def live(pen: Pen, serial: int) -> Story:
    """One customer's life."""
    life = _Life(pen, serial)
    life.run()
    return pen.story()


class _Life:
    def __init__(self, pen: Pen, serial: int) -> None:
        self.pen = pen
        self.rng = pen.rng
        self.market = pen.market
        self.serial = serial
        self.registered = pen.chance(0.7)
        self.customer = pen.meet(serial, next(self.market.customers) if self.registered else None)
        self.browser = Browser(pen, self.customer, serial)
        self.born = pen.second
        self.orders: list[int] = []
        self.carts = 0
        self.changes = 0

    def run(self) -> None:
        pen = self.pen
        if self.registered and pen.chance(0.8):
            self._customer("customers/create")
        while not pen.over:
            pen.wait(4 * HOUR)
            act = self.rng.random()
            if act < 0.40:
                self._order(None, guest=not self.registered or pen.chance(0.2))
            elif act < 0.75:
                self._cart_life()
            elif act < 0.85:
                self._noise()
            elif self.registered:
                self._change_customer()
            if pen.chance(0.25):
                break
        if self.registered and pen.chance(0.06):
            self._redact()

    # -- customers

    def _customer(self, topic: str) -> None:
        pen, one = self.pen, self.customer
        body = {
            "id": one.id,
            "admin_graphql_api_id": f"gid://shopify/Customer/{one.id}",
            "email": one.spelt(self.rng),
            "created_at": self.market.local(self.born),
            "updated_at": self.market.local(pen.now),
            "first_name": one.first_name,
            "last_name": one.last_name,
            "state": "enabled",
            "note": None,
            "verified_email": True,
            "tags": "",
            "currency": self.market.currency,
            "phone": f"+{one.phone}" if one.phone else None,
            "default_address": postal(one, None),
        }
        raw, version = dump(body), (pen.second, 0)
        meaning = CustomerState(str(one.id), version, one.person())
        pen.say(topic, raw, f"contact {one.id}", meaning, version)
        if topic == "customers/create" and pen.chance(0.3):
            pen.say("customers/update", raw, f"contact {one.id}", meaning, version)

    def _change_customer(self) -> None:
        self.changes += 1
        self.pen.alter(self.customer, self.serial, self.changes)
        self._customer("customers/update")

    def _redact(self) -> None:
        pen, one = self.pen, self.customer
        pen.wait(8 * HOUR)
        who = {"id": one.id, "email": one.email, "phone": f"+{one.phone}" if one.phone else None}
        shop = {"shop_id": 548380, "shop_domain": self.market.shop.store or "sim.myshopify.com"}
        if pen.chance(0.3):
            asked = shop | {"customer": who, "orders_requested": self.orders, "data_request": {"id": 9999}}
            pen.say("customers/data_request", dump(asked), f"contact {one.id}", None, None)
            pen.wait(MINUTE)
        identities = [value for value in (one.email, one.phone, str(one.id)) if value]
        body = shop | {"customer": who, "orders_to_redact": self.orders}
        pen.say("customers/redact", dump(body), f"contact {one.id}", Forgotten(tuple(identities)), None)

    def _noise(self) -> None:
        notices: tuple[tuple[str, dict[str, Any]], ...] = (
            ("products/update", {"id": 501, "title": "Чайник", "handle": "a/b"}),
            ("inventory_levels/update", {"inventory_item_id": 9, "available": 3}),
            ("checkouts/delete", {"id": next(self.market.things), "presentment_currency": "USD"}),
            ("themes/publish", {"id": 7, "role": "main"}),
        )
        topic, body = self.rng.choice(notices)
        self.pen.say(topic, dump(body), "shop", None, None)

    def _order(self, token: str | None, *, guest: bool, goods: Iterable[tuple[Good, int]] = ()) -> None:
        order = OrderLife(self.pen, self.customer, list(goods), token, guest=guest)
        self.orders.append(order.id)
        order.run()

    # -- carts and checkouts

    def _cart_life(self) -> None:
        pen, rng = self.pen, self.rng
        self.carts += 1
        seed = f"gcp-us-east1:{self.serial:08d}{self.carts:04d}"
        token = base64.b64encode(seed.encode()).decode().rstrip("=")
        if pen.chance(0.3):
            token = f"{self.serial:028x}{self.carts:04x}"  # the tokens of older shops
        began, guest = pen.now, not self.registered or pen.chance(0.3)
        # A shop whose pages are its own tells the carts by the script; of one cart, nobody tells both ways.
        by_script = pen.chance(0.25)
        basket = Basket(rng, len(self.market.goods), unchanged=0.1)
        named = False
        for step in range(rng.randrange(2, 8)):
            content = basket.change()
            if content and step and pen.chance(0.4):
                topic = "checkouts/update" if named else "checkouts/create"
                self._checkout(topic, token, began, content, guest=guest, over=False)
                named = True
            elif by_script:
                self.browser.cart(token, content, signed=pen.chance(0.5))
            else:
                self._cart("carts/update" if step else "carts/create", token, began, content)
            if pen.chance(0.35):
                self.browser.look_round(token, signed=pen.chance(0.6))
            pen.wait(40 * MINUTE)
            if pen.over:
                return
        if content and pen.chance(0.65):
            self._order(token, guest=guest, goods=self._goods(content))
            if pen.chance(0.3) and not pen.over:
                pen.wait(10 * MINUTE)
                left = content if pen.chance(0.5) else {}
                if by_script:
                    self.browser.cart(token, left, signed=not guest)
                else:
                    self._cart("carts/update", token, began, left)
            if named and pen.chance(0.3) and not pen.over:
                pen.wait(10 * MINUTE)
                self._checkout("checkouts/update", token, began, content, guest=guest, over=True)

    def _products(self, content: dict[int, int]) -> tuple[dict[str, Any], ...]:
        goods = ((self.market.goods[n], quantity) for n, quantity in content.items())
        rule = self.market.shop.item_id
        return tuple(
            {"productId": good.id(rule), "quantity": quantity, "price": money(good.price)} for good, quantity in goods
        )

    def _cart(self, topic: str, token: str, began: int, content: dict[int, int]) -> None:
        pen = self.pen
        body: dict[str, Any] = {
            "id": token,
            "token": token,
            "line_items": [
                {
                    "id": good.variant or good.product,
                    "properties": {},
                    "quantity": quantity,
                    "variant_id": good.variant,
                    "product_id": good.product,
                    "key": f"{good.variant}:33f1",
                    "discounted_price": money(good.price),
                    "discounts": [],
                    "gift_card": False,
                    "line_price": money(good.price * quantity),
                    "original_line_price": money(good.price * quantity),
                    "original_price": money(good.price),
                    "price": money(good.price),
                    "sku": good.sku,
                    "title": good.title,
                    "total_discount": "0.00",
                }
                for good, quantity in self._goods(content)
            ],
            "note": None,
            "updated_at": _zulu(pen.now),
            "created_at": _zulu(began),
        }
        version = (pen.now, 0)
        meaning = CartState(token, version, None, self._products(content))
        pen.say(topic, dump(body), f"cart {token}", meaning, version)

    def _checkout(
        self, topic: str, token: str, began: int, content: dict[int, int], *, guest: bool, over: bool
    ) -> None:
        pen, one, market = self.pen, self.customer, self.market
        body = {
            "id": self.serial * 1000 + self.carts,
            "token": f"c{self.serial:020x}{self.carts:04x}",
            "cart_token": token,
            "email": one.spelt(self.rng),
            "phone": one.dialled(self.rng, market.shop.region),
            "sms_marketing_phone": None,
            "gateway": None,
            "created_at": market.local(began),
            "updated_at": market.local(pen.now),
            "completed_at": market.local(pen.now) if over else None,
            "currency": market.currency,
            "presentment_currency": market.currency,
            "taxes_included": True,
            "note_attributes": [],
            "line_items": [
                {
                    "key": f"k{n}",
                    "applied_discounts": [],
                    "discount_allocations": [],
                    "variant_id": good.variant,
                    "product_id": good.product,
                    "title": good.title,
                    "presentment_title": good.title,
                    "sku": good.sku,
                    "quantity": quantity,
                    "price": money(good.price),
                    "line_price": money(good.price * quantity),
                    "properties": None,
                }
                for n, (good, quantity) in enumerate(self._goods(content))
            ],
            "total_price": money(sum(good.price * quantity for good, quantity in self._goods(content))),
            "abandoned_checkout_url": f"https://sim.example/checkouts/{self.serial}/recover?key=k&locale=uk",
            "shipping_address": [],
            "customer": None if guest else {"id": one.id, "email": one.email, "first_name": one.first_name},
        }
        version = (pen.second, 0)
        meaning = CartState(token, version, one.person(guest=guest), self._products(content), over)
        pen.say(topic, dump(body), f"cart {token}", meaning, version)

    def _goods(self, content: dict[int, int]) -> Iterator[tuple[Good, int]]:
        return ((self.market.goods[n], quantity) for n, quantity in content.items())


def _zulu(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1000:03d}Z"
