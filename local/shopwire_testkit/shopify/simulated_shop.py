"""A simulated Shopify shop announces what one customer does there, as webhooks of the platform.

The bodies follow the platform's documented resources, with the fields that shopwire reads and some that it does not.
The meaning of each body is recorded with it for the reference model. Nothing here knows how shopwire reads the body.
"""

import base64
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shopwire_testkit.announcements import (
    AccountDeletion,
    CartState,
    Comeback,
    ConsentChange,
    CustomerState,
    Erasure,
    Person,
    PersonConsent,
    Story,
    cart_entity,
)
from shopwire_testkit.customer_journey import CustomerJourney
from shopwire_testkit.customers import Customer
from shopwire_testkit.durations import HOUR, MINUTE, SECOND
from shopwire_testkit.shop_data import SHARED_KEY, Basket, CartContent, Product
from shopwire_testkit.shopify.signed_calls import signed_headers
from shopwire_testkit.shopify.simulated_bodies import POSTCODE, REGION, TOWN, consent_body, encode_json, postal_address
from shopwire_testkit.shopify.simulated_carts import api_products, cart_body, checkout_body, lines_of
from shopwire_testkit.shopify.simulated_orders import OrderLifecycle
from shopwire_testkit.storefront.simulated_visitor import Browser
from shopwire_testkit.story_recorder import StoryRecorder

_OTHER_CUSTOMERS = 5_000_000
"""Added to the serial of a customer, it is the serial of the other customer in the same story."""

__all__ = ["SHOPS", "signed_headers", "simulate_customer"]

SHOPS: tuple[dict[str, Any], ...] = (
    {"store": "sim-0.myshopify.com"},
    {
        "store": "sim-1.myshopify.com",
        "item_id": "sku",
        "key_value": "order",
        "orders": "both",
        "esputnik_key": SHARED_KEY,
        "id_prefix": "shopify-",
        "deleted_accounts": "delete",
    },
    {
        "store": "sim-2.myshopify.com",
        "shipped_is_delivered": True,
        "orders": "orders",
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
        self.registered = recorder.chance(0.7)
        self.customer = recorder.add_customer(serial, next(self.shop.customer_ids) if self.registered else None)
        self.browser = Browser(recorder, self.customer, serial)
        self.created_at = recorder.second
        self.orders: list[int] = []
        self.relative: Customer | None = None
        self.is_one_contact = True
        """Whether all orders of the story belong to one contact."""
        self.others_rng = random.Random(f"others {serial}")
        # The rest of a story stays as it is without the consents.
        self.consent_rng = random.Random(f"consent {serial}")
        if self.registered:
            self._begin_consent()

    def run(self) -> None:
        recorder = self.recorder
        if self.registered and self.customer.email and self.registers_at_checkout():
            self._register_at_checkout()
        elif self.registered and recorder.chance(0.8):
            self._announce_customer("customers/create")
        while not recorder.is_over:
            recorder.wait(4 * HOUR)
            share = self.rng.random()
            if share < 0.40:
                self._order(None, guest=not self.registered or recorder.chance(0.2))
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
            with recorder.random_numbers_of(self.consent_rng):
                self._perhaps_change_consent()
            if recorder.chance(0.25):
                break
        if self.registered and not self.orders and recorder.happens("leaving", 0.3):
            self._delete_account()
        elif self.registered and self.is_one_contact and recorder.happens("leaving", 0.06):
            self._request_erasure()

    # -- customers

    def _announce_customer(self, topic: str) -> None:
        recorder, customer = self.recorder, self.customer
        body, version = encode_json(self._account(self.created_at, recorder.now)), (recorder.second, 0)
        person = replace(customer.person(), consent=customer.consent if customer.shows_consent else None)
        home = {"region": REGION, "town": TOWN, "address": customer.street, "postcode": POSTCODE}
        meaning = CustomerState(str(customer.id), version, person, details={"address": home})
        recorder.announce(topic, body, f"contact {customer.id}", meaning, version)
        if topic == "customers/create" and recorder.chance(0.3):
            recorder.announce("customers/update", body, f"contact {customer.id}", meaning, version)

    def _account(self, created_at: int, updated_at: int) -> dict[str, Any]:
        """Return the JSON of the customer's account. The times are UTC milliseconds."""
        customer = self.customer
        shown = customer.consent if customer.shows_consent else None
        consent = {"email_marketing_consent": consent_body(shown, self.shop.local_time)} if shown else {}
        return consent | {
            "id": customer.id,
            "admin_graphql_api_id": f"gid://shopify/Customer/{customer.id}",
            "email": customer.typed_email(self.rng),
            "created_at": self.shop.local_time(created_at),
            "updated_at": self.shop.local_time(updated_at),
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "state": "enabled",
            "note": None,
            "verified_email": True,
            "tags": "",
            "currency": self.shop.currency,
            "phone": f"+{customer.phone}" if customer.phone else None,
            "default_address": postal_address(customer, None),
        }

    def _change_customer(self) -> None:
        """Change the customer, who may forget it and buy as a guest with the earlier e-mail address."""
        recorder, before = self.recorder, replace(self.customer, id=None)
        self.changes += 1
        recorder.change_customer(self.customer, self.serial, self.changes)
        self._announce_customer("customers/update")
        if before.email != self.customer.email and recorder.chance(0.7):
            recorder.wait(MINUTE, same_second=self.same_moment_rng.random() < 0.4)
            self._let_guest_buy(before)

    def _register(self) -> None:
        """Let the guest make an account. If its webhook is not sent, later orders show the new customer id."""
        recorder = self.recorder
        self.registered, self.created_at = True, recorder.second
        recorder.register_customer(self.customer, self.serial, next(self.shop.customer_ids))
        self._begin_consent()
        if recorder.chance(0.6):
            self._announce_customer("customers/create")
        else:
            self._order(None, guest=False)

    def _register_at_checkout(self) -> None:
        """Announce a first order, the account and a new consent at the same moment. The order names the customer in
        another way than the account, which counts."""

        def announce_account() -> None:
            self._announce_customer("customers/create")
            if self.same_moment_rng.random() < 0.7:
                self._change_consent()

        typed = self.recorder.as_typed_at_checkout(self.customer, self.serial)
        self.recorder.announce_beside(announce_account)
        order = OrderLifecycle(self.recorder, typed, [], None, guest=False)
        self.orders.append(order.id)
        order.run()

    def _let_relative_buy(self) -> None:
        """Let a relative with the same phone buy as a guest."""
        if self.customer.email and self.customer.phone:
            self.relative = self.relative or self.recorder.add_relative(self.customer, self.serial)
            self._let_guest_buy(self.relative)

    def _let_guest_buy(self, guest: Customer) -> None:
        self.is_one_contact = False
        OrderLifecycle(self.recorder, guest, [], None, guest=True).run()

    def _delete_account(self) -> None:
        """Delete the account of a customer who bought nothing. Some buy later, as guests.

        Shopify deletes no customer who ordered (Admin API, customerDelete).
        """
        recorder, customer = self.recorder, self.customer
        recorder.wait()
        if recorder.chance(0.5):  # saved once more, a moment before
            self._announce_customer("customers/update")
            recorder.wait(MINUTE)
        deletes_contact = self.shop.settings.deleted_accounts == "delete"
        meaning = AccountDeletion(customer.api_id or "") if deletes_contact else None
        gid = {"admin_graphql_api_id": f"gid://shopify/Customer/{customer.id}"}
        body = encode_json({"id": customer.id, "phone": None, "addresses": [], "tax_exemptions": [], **gid})
        recorder.announce("customers/delete", body, f"contact {customer.id}", meaning, None)
        if recorder.chance(0.5) and not recorder.is_over:
            recorder.wait()
            self._order(None, guest=True)

    def _begin_consent(self) -> None:
        if self.customer.email:
            self.customer.shows_consent = self.consent_rng.random() < 0.5
            self.customer.consent = PersonConsent(subscribed=False)

    def _perhaps_change_consent(self) -> None:
        """Sometimes let the customer subscribe, or unsubscribe."""
        if self.customer.consent and self.recorder.chance(0.2):
            self._change_consent()

    def _change_consent(self) -> None:
        recorder, customer = self.recorder, self.customer
        if not customer.consent:
            return
        # A consent has whole seconds, and two of one second would contradict each other.
        customer.consent = PersonConsent(
            subscribed=not customer.consent.subscribed, at=max(recorder.second, customer.consent.at + SECOND)
        )
        fields = {
            "customer_id": customer.id,
            "email_address": customer.email,
            "email_marketing_consent": consent_body(customer.consent, self.shop.local_time),
        }
        person = Person(customer.email, None, customer.api_id, "", "", customer.consent)
        topic, meaning = "customers_email_marketing_consent/update", ConsentChange(str(customer.id), person)
        recorder.announce(topic, encode_json(fields), f"contact {customer.id}", meaning, None)

    def _request_erasure(self) -> None:
        recorder, customer = self.recorder, self.customer
        recorder.wait(8 * HOUR)
        contact = {
            "id": customer.id,
            "email": customer.email,
            "phone": f"+{customer.phone}" if customer.phone else None,
        }
        shop = {"shop_id": 548380, "shop_domain": self.shop.settings.store}
        entity = f"contact {customer.id}"
        if recorder.chance(0.3):
            data_request = shop | {
                "customer": contact,
                "orders_requested": self.orders,
                "data_request": {"id": 9999},
            }
            recorder.announce("customers/data_request", encode_json(data_request), entity, None, None)
            recorder.wait(MINUTE)
        identities = [value for value in (customer.email, customer.phone, customer.api_id) if value]
        erasure = shop | {"customer": contact, "orders_to_redact": self.orders}
        comeback = Comeback(
            topic="customers/create",
            registration=lambda at: encode_json(self._account(at, at)),
            next_request=encode_json(erasure | {"orders_to_redact": [*self.orders, 1]}),
        )
        meaning = Erasure(tuple(identities), tuple(map(str, self.orders)), comeback if customer.email else None)
        recorder.announce("customers/redact", encode_json(erasure), entity, meaning, None)

    def _announce_ignored(self) -> None:
        """Announce something that is not about an order, a cart or a contact."""
        notices: tuple[tuple[str, dict[str, Any]], ...] = (
            ("products/update", {"id": 501, "title": "Чайник", "handle": "a/b"}),
            ("inventory_levels/update", {"inventory_item_id": 9, "available": 3}),
            ("checkouts/delete", {"id": next(self.shop.other_ids), "presentment_currency": "USD"}),
            ("themes/publish", {"id": 7, "role": "main"}),
        )
        topic, fields = self.rng.choice(notices)
        self.recorder.announce(topic, encode_json(fields), "shop", None, None)

    def _order(self, token: str | None, *, guest: bool, products: Iterable[tuple[Product, int]] = ()) -> None:
        if self.customer.consent and not self.customer.consent.subscribed and self.consent_rng.random() < 0.2:
            self._change_consent()  # by the box of the checkout
        order = OrderLifecycle(self.recorder, self.customer, list(products), token, guest=guest)
        self.orders.append(order.id)
        order.run()

    # -- carts and checkouts

    def _fill_cart(self) -> None:
        """Fill a cart, perhaps with a checkout, and perhaps buy it."""
        recorder, rng = self.recorder, self.rng
        self.carts += 1
        token_source = f"gcp-us-east1:{self.serial:08d}{self.carts:04d}"
        token = base64.b64encode(token_source.encode()).decode().rstrip("=")
        if recorder.chance(0.3):
            token = f"{self.serial:028x}{self.carts:04x}"  # the form that older shops have
        recorder.add_cart(token)
        created_at, guest = recorder.now, not self.registered or recorder.chance(0.3)
        # A shop with its own pages sends its carts with the storefront script. No cart is sent both ways.
        by_script = recorder.chance(0.25)
        basket = Basket(rng, len(self.shop.products), unchanged=0.1)
        has_checkout = False
        for step in range(rng.randrange(2, 8)):
            content = basket.change()
            if content and step and recorder.chance(0.4):
                topic = "checkouts/update" if has_checkout else "checkouts/create"
                self._announce_checkout(topic, token, created_at, content, guest=guest, completed=False)
                has_checkout = True
            elif by_script:
                self.browser.change_cart(token, content, signed=recorder.chance(0.5))
            else:
                self._announce_cart("carts/update" if step else "carts/create", token, created_at, content)
            if recorder.chance(0.35):
                self.browser.view(token, signed=recorder.chance(0.6))
            if has_checkout:
                with recorder.random_numbers_of(self.others_rng):
                    self._let_another_customer_use(token)
            recorder.wait(40 * MINUTE)
            if recorder.is_over:
                return
        if content and recorder.chance(0.65):
            self._order(token, guest=guest, products=lines_of(self.shop, content))
            if recorder.chance(0.3) and not recorder.is_over:
                recorder.wait(10 * MINUTE)
                left = content if recorder.chance(0.5) else {}
                if by_script:
                    self.browser.change_cart(token, left, signed=not guest)
                else:
                    self._announce_cart("carts/update", token, created_at, left)
            if has_checkout and recorder.chance(0.3) and not recorder.is_over:
                recorder.wait(10 * MINUTE)
                self._announce_checkout("checkouts/update", token, created_at, content, guest=guest, completed=True)

    def _let_another_customer_use(self, token: str) -> None:
        """Sometimes let another customer of the shop use the token of this customer's cart, as from a shared link."""
        if not self.recorder.chance(0.15):
            return
        serial = self.serial + _OTHER_CUSTOMERS
        other = Browser(self.recorder, self.recorder.add_customer(serial, None), serial, is_other_customer=True)
        other.view(token, signed=True)
        if self.recorder.chance(0.5):
            other.change_cart(token, {0: 1}, signed=True)

    def _announce_cart(self, topic: str, token: str, created_at: int, content: CartContent) -> None:
        recorder = self.recorder
        # Some shops' carts are named with the key that opens them. Checkouts and orders are not.
        named = f"{token}?key={self.serial:x}" if self.serial % 3 == 0 else token
        body, version = cart_body(self.shop, named, created_at, recorder.now, content), (recorder.now, 0)
        meaning = CartState(token, version, None, api_products(self.shop, content, is_cart=True))
        recorder.announce(topic, encode_json(body), cart_entity(token), meaning, version)

    def _announce_checkout(
        self, topic: str, token: str, created_at: int, content: CartContent, *, guest: bool, completed: bool
    ) -> None:
        recorder, customer, shop = self.recorder, self.customer, self.shop
        number = f"{self.serial:020x}{self.carts:04x}"
        checkout = {
            "id": self.serial * 1000 + self.carts,
            "token": f"c{number}",
            "cart_token": token,
            "email": customer.typed_email(self.rng),
            "phone": customer.typed_phone(self.rng, shop.settings.region),
            "completed_at": shop.local_time(recorder.now) if completed else None,
            "abandoned_checkout_url": f"https://sim.example/checkouts/{self.serial}/recover?key=k&locale=uk",
            "customer": None
            if guest
            else {"id": customer.id, "email": customer.email, "first_name": customer.first_name},
        }
        body, version = checkout_body(shop, created_at, recorder.now, content) | checkout, (recorder.second, 0)
        params = {"currencyCode": shop.currency, "restoreUrl": str(checkout["abandoned_checkout_url"])}
        products = api_products(shop, content, is_cart=False)
        meaning = CartState(token, version, customer.person(guest=guest), products, completed, params=params)
        recorder.announce(topic, encode_json(body), cart_entity(token), meaning, version)
