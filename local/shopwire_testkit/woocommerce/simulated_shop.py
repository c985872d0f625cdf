"""A simulated WooCommerce shop: one customer's life there, as the plugin's webhooks tell it.

What each body means is said beside it for the truth; nothing here knows how shopwire reads it.
"""

from typing import Any

from shopwire_testkit.announcements import CustomerState, Story
from shopwire_testkit.inventing import HOUR, MINUTE, Basket, Pen, utc
from shopwire_testkit.storefront.simulated_visitor import Browser
from shopwire_testkit.woocommerce.simulated_orders import OrderLife, dump, local


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
        self.registered = pen.chance(0.6)
        self.customer = pen.meet(serial, next(self.market.customers) if self.registered else None)
        self.staff = self.registered and pen.chance(0.04)
        self.browser = Browser(pen, self.customer, serial)
        self.born = pen.second
        self.changes = 0
        self.carts = 0

    def run(self) -> None:
        pen = self.pen
        if self.registered and (self.staff or pen.chance(0.8)):
            self._customer("customer.created")
        while not pen.over and not self.staff:
            pen.wait(4 * HOUR)
            act = self.rng.random()
            if act < 0.5:
                self._order()
            elif act < 0.75:
                self._cart_life()
            elif act < 0.85:
                self._noise()
            elif self.registered:
                self.changes += 1
                pen.alter(self.customer, self.serial, self.changes)
                self._customer("customer.updated")
            if pen.chance(0.3):
                break

    def _customer(self, topic: str) -> None:
        pen, one, market = self.pen, self.customer, self.market
        phone = one.dialled(self.rng, market.shop.region) or ""
        named = {"first_name": one.first_name, "last_name": one.last_name}
        body: dict[str, Any] = {
            "id": one.id,
            "date_created": local(pen, self.born),
            "date_created_gmt": utc(self.born),
            "date_modified": local(pen, pen.now),
            "date_modified_gmt": utc(pen.now),
            "email": one.spelt(self.rng) or "",
            **named,
            "role": "shop_manager" if self.staff else self.rng.choice(("customer", "customer", "subscriber")),
            "username": f"user{self.serial}",
            "billing": named | {"email": one.email or "", "phone": phone, "address_1": one.street, "country": "UA"},
            "shipping": named | {"address_1": one.street, "country": "UA"},
            "is_paying_customer": False,
            "avatar_url": "https://secure.gravatar.com/avatar/0?s=96&d=mm",
            "meta_data": [],
        }
        version = (pen.second, 0)
        raw, meaning = dump(body), CustomerState(str(one.id), version, one.person(), self.staff)
        pen.say(topic, raw, f"contact {one.id}", meaning, version)
        if pen.chance(0.2):
            pen.say("customer.updated", raw, f"contact {one.id}", meaning, version)

    def _order(self) -> None:
        OrderLife(self.pen, self.customer, guest=not self.registered or self.pen.chance(0.2)).run()

    def _cart_life(self) -> None:
        """WooCommerce has no webhook for carts, and no order says which cart it came from: the browser tells all of it,
        and that the cart is empty once it is bought. Who is not logged in is nobody; a page from a cache names nobody
        either, so that only the cart's token says whose it is."""
        pen, rng = self.pen, self.rng
        self.carts += 1
        token = f"{self.serial:024x}{self.carts:08x}"
        basket = Basket(rng, len(self.market.goods))
        for _ in range(rng.randrange(1, 6)):
            content = basket.change()
            self.browser.cart(token, content, signed=self.registered and pen.chance(0.6))
            if pen.chance(0.35):
                self.browser.look_round(token, signed=self.registered and pen.chance(0.6))
            pen.wait(20 * MINUTE)
            if pen.over:
                return
        if content and pen.chance(0.6):
            self.browser.cart(token, {}, signed=self.registered and pen.chance(0.6))
            self._order()

    def _noise(self) -> None:
        error = {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}
        notices: tuple[tuple[str, dict[str, Any]], ...] = (
            ("product.updated", {"id": 501, "name": "Чайник", "status": "publish"}),
            ("coupon.created", {"id": 9, "code": "ten"}),
            ("action.woocommerce_add_to_cart", {"action": "woocommerce_add_to_cart", "arg": "0c1d"}),
            ("order.updated", error),
        )
        topic, body = self.rng.choice(notices)
        self.pen.say(topic, dump(body), "shop", None, None)
