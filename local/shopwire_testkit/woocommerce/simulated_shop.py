"""A simulated WooCommerce shop announces what one customer does there, as webhooks of the plugin.

The meaning of each body is recorded with it for the reference model. Nothing here knows how shopwire reads the body.
"""

from dataclasses import replace
from typing import Any

from shopwire_testkit.announcements import AccountDeletion, CustomerState, Story
from shopwire_testkit.customer_journey import CustomerJourney
from shopwire_testkit.customers import Customer
from shopwire_testkit.durations import HOUR, MINUTE
from shopwire_testkit.shop_data import SHARED_KEY, Basket, utc_time
from shopwire_testkit.storefront.simulated_visitor import Browser
from shopwire_testkit.story_recorder import StoryRecorder
from shopwire_testkit.woocommerce.signed_calls import signed_headers
from shopwire_testkit.woocommerce.simulated_orders import OrderLifecycle, encode_json, local_time

__all__ = ["SHOPS", "signed_headers", "simulate_customer"]

SHOPS: tuple[dict[str, Any], ...] = (
    {},
    # The customers of the second shop live in another country than the shop.
    {
        "statuses": {"shipped": "DELIVERED"},
        "orders": "both",
        "region": "PL",
        "esputnik_key": SHARED_KEY,
        "id_prefix": "woo-",
        "deleted_accounts": "delete",
    },
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
        self.staff = self.registered and recorder.chance(0.04)
        self.browser = Browser(recorder, self.customer, serial)
        self.created_at = recorder.second
        self.relative: Customer | None = None

    def run(self) -> None:
        recorder = self.recorder
        if self.registered and not self.staff and self.customer.email and self.registers_at_checkout():
            typed = recorder.as_typed_at_checkout(self.customer, self.serial)
            recorder.announce_beside(lambda: self._announce_customer("customer.created"))
            OrderLifecycle(recorder, typed, guest=False).run()
        elif self.registered and (self.staff or recorder.chance(0.8)):
            self._announce_customer("customer.created")
        while not recorder.is_over and not self.staff:
            recorder.wait(4 * HOUR)
            share = self.rng.random()
            if share < 0.5:
                self._order()
            elif share < 0.75:
                self._fill_cart()
            elif share < 0.85:
                self._announce_ignored()
            elif self.registered:
                self._change_customer()
            else:
                self._register()
            if recorder.chance(0.06):
                self._let_relative_buy()
            if recorder.chance(0.3):
                break
        if self.registered and not self.staff and recorder.happens("leaving", 0.1):
            self._delete_account()

    def _announce_customer(self, topic: str) -> None:
        recorder, customer = self.recorder, self.customer
        phone = customer.typed_phone(self.rng, "UA") or ""
        names = {"first_name": customer.first_name, "last_name": customer.last_name}
        address = {"address_1": customer.street, "country": "UA"}
        fields: dict[str, Any] = {
            "id": customer.id,
            "date_created": local_time(recorder, self.created_at),
            "date_created_gmt": utc_time(self.created_at),
            "date_modified": local_time(recorder, recorder.now),
            "date_modified_gmt": utc_time(recorder.now),
            "email": customer.typed_email(self.rng) or "",
            **names,
            "role": "shop_manager" if self.staff else self.rng.choice(("customer", "customer", "subscriber")),
            "username": f"user{self.serial}",
            "billing": names | {"email": customer.email or "", "phone": phone} | address,
            "shipping": names | address,
            "is_paying_customer": False,
            "avatar_url": "https://secure.gravatar.com/avatar/0?s=96&d=mm",
            "meta_data": [{"id": 9, "key": "trp_language", "value": "uk_UA"}],
        }
        version = (recorder.second, 0)
        details = {"address": {"address": customer.street}, "languageCode": "uk-UA"}
        meaning = CustomerState(str(customer.id), version, customer.person(), self.staff, details)
        body = encode_json(fields)
        recorder.announce(topic, body, f"contact {customer.id}", meaning, version)
        if recorder.chance(0.2):
            recorder.announce("customer.updated", body, f"contact {customer.id}", meaning, version)

    def _change_customer(self) -> None:
        """Change the customer, who may forget it and buy as a guest with the earlier e-mail address."""
        recorder, before = self.recorder, replace(self.customer, id=None)
        self.changes += 1
        recorder.change_customer(self.customer, self.serial, self.changes)
        self._announce_customer("customer.updated")
        if before.email != self.customer.email and recorder.chance(0.7):
            recorder.wait(MINUTE, same_second=self.same_moment_rng.random() < 0.4)
            OrderLifecycle(recorder, before, guest=True).run()

    def _register(self) -> None:
        """Let the guest make an account. If its webhook is not sent, later orders show the new customer id."""
        recorder = self.recorder
        self.registered, self.created_at = True, recorder.second
        recorder.register_customer(self.customer, self.serial, next(self.shop.customer_ids))
        if recorder.chance(0.6):
            self._announce_customer("customer.created")
        else:
            self._order()

    def _let_relative_buy(self) -> None:
        """Let a relative with the same phone buy as a guest."""
        if self.customer.email and self.customer.phone:
            self.relative = self.relative or self.recorder.add_relative(self.customer, self.serial)
            OrderLifecycle(self.recorder, self.relative, guest=True).run()

    def _delete_account(self) -> None:
        """Delete the customer's account. Some customers buy again later, as guests."""
        recorder, customer = self.recorder, self.customer
        recorder.wait()
        if recorder.chance(0.5):  # saved once more, a moment before
            self._announce_customer("customer.updated")
            recorder.wait(MINUTE)
        deletes_contact = self.shop.settings.deleted_accounts == "delete"
        meaning = AccountDeletion(customer.api_id or "") if deletes_contact else None
        recorder.announce("customer.deleted", encode_json({"id": customer.id}), f"contact {customer.id}", meaning, None)
        if recorder.chance(0.3) and not recorder.is_over:
            recorder.wait()
            OrderLifecycle(recorder, customer, guest=True).run()

    def _order(self) -> None:
        OrderLifecycle(self.recorder, self.customer, guest=not self.registered or self.recorder.chance(0.2)).run()

    def _fill_cart(self) -> None:
        """Fill a cart, and perhaps buy it.

        WooCommerce has no webhook for carts, and an order does not say from which cart it was made. Therefore the
        browser sends all changes of the cart, and an empty cart once it is bought. A visitor who is not logged in is
        anonymous. A page from a cache names no customer either, so only the cart's token says whose cart it is.
        """
        recorder, rng = self.recorder, self.rng
        self.carts += 1
        token = recorder.add_cart(f"{self.serial:024x}{self.carts:08x}")
        basket = Basket(rng, len(self.shop.products))
        for _ in range(rng.randrange(1, 6)):
            content = basket.change()
            self.browser.change_cart(token, content, signed=self.registered and recorder.chance(0.6))
            if recorder.chance(0.35):
                self.browser.view(token, signed=self.registered and recorder.chance(0.6))
            recorder.wait(20 * MINUTE)
            if recorder.is_over:
                return
        if content and recorder.chance(0.6):
            self.browser.change_cart(token, {}, signed=self.registered and recorder.chance(0.6))
            self._order()

    def _announce_ignored(self) -> None:
        """Announce something that is not about an order, a cart or a contact."""
        error = {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}
        notices: tuple[tuple[str, dict[str, Any]], ...] = (
            ("product.updated", {"id": 501, "name": "Чайник", "status": "publish"}),
            ("coupon.created", {"id": 9, "code": "ten"}),
            ("action.woocommerce_add_to_cart", {"action": "woocommerce_add_to_cart", "arg": "0c1d"}),
            ("order.updated", error),
        )
        topic, fields = self.rng.choice(notices)
        self.recorder.announce(topic, encode_json(fields), "shop", None, None)
