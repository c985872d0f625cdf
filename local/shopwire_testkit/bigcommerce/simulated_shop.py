"""A simulated BigCommerce store announces what one customer does there. Its webhooks are thin, and its API answers.

The meaning of each state is recorded with it for the reference model. Nothing here knows how shopwire reads it.
"""

import hashlib
from dataclasses import replace
from typing import Any

from shopwire_testkit.announcements import (
    AccountDeletion,
    CartState,
    ConsentChange,
    CustomerState,
    Person,
    PersonConsent,
    Story,
    Version,
    cart_entity,
)
from shopwire_testkit.bigcommerce.signed_calls import signed_headers
from shopwire_testkit.bigcommerce.simulated_orders import OrderLifecycle
from shopwire_testkit.bigcommerce.simulated_store import Answers, Store, encode_json, v3_list, v3_time
from shopwire_testkit.customer_journey import CustomerJourney
from shopwire_testkit.customers import Customer
from shopwire_testkit.durations import HOUR, MINUTE
from shopwire_testkit.shop_data import Basket, CartContent
from shopwire_testkit.story_recorder import StoryRecorder

__all__ = ["SHOPS", "signed_headers", "simulate_customer"]

SHOPS: tuple[dict[str, Any], ...] = (
    {"store": "stores/simulated0", "api": {"token": "sim-token-0"}},
    # The second store subscribed to wildcards.
    {
        "store": "stores/simulated1",
        "api": {"token": "sim-token-1"},
        "item_id": "product",
        "orders": "both",
        "shipped_is_delivered": True,
        "id_prefix": "bc-",
        "deleted_accounts": "delete",
    },
)
"""Settings in which the simulated shops differ."""
_ABANDONED_AFTER = HOUR


def simulate_customer(recorder: StoryRecorder, serial: int) -> Story:
    """Return the story of one customer. `serial` is a number that no other customer of the run has."""
    _CustomerJourney(recorder, serial).run()
    return recorder.story()


class _CustomerJourney(CustomerJourney):
    def __init__(self, recorder: StoryRecorder, serial: int) -> None:
        super().__init__(recorder, serial)
        self.store = Store(recorder)
        self.customer = recorder.add_customer(serial, None)
        # An account has an e-mail address.
        self.registered = self.customer.email is not None and recorder.chance(0.6)
        if self.registered:
            self.customer.id = next(self.shop.customer_ids)
        self.has_phone_in_address_book = recorder.chance(0.4)
        self.created_at = self.changed_at = recorder.second
        self.subscriber: _Subscriber | None = None
        self.may_change = True

    def run(self) -> None:
        recorder = self.recorder
        if self.registered:
            if recorder.chance(0.8):
                self._announce_customer("store/customer/created")
            else:
                self.store.state(*self._customer_state())
        while not recorder.is_over:
            recorder.wait(4 * HOUR)
            share = self.rng.random()
            if share < 0.4:
                self._order(None, {}, {})
            elif share < 0.7:
                self._fill_cart()
            elif share < 0.8:
                self._change_consent()
            elif share < 0.85:
                self.store.fact("store/app/uninstalled", {"type": "app"}, "shop", None)
            elif self.registered:
                self._change_customer()
            elif self.customer.email:
                self._register()
            if recorder.chance(0.3):
                break
        may_delete = self.may_change and self.shop.settings.deleted_accounts == "delete"
        if self.registered and may_delete and recorder.happens("leaving", 0.15):
            self._delete_account()

    # -- the customer

    def _customer_state(self) -> tuple[str, CustomerState, Version, Answers]:
        customer, version = self.customer, (self.changed_at, 0)
        details = {"address": {"address": customer.street}}
        meaning = CustomerState(str(customer.id), version, customer.person(), details=details)
        return f"contact {customer.id}", meaning, version, {self._customer_path: v3_list(self._customer_body())}

    @property
    def _customer_path(self) -> str:
        return f"/v3/customers?id:in={self.customer.id}"

    def _customer_body(self) -> dict[str, Any]:
        customer = self.customer
        phone = customer.typed_phone(self.rng, "UA") or ""
        in_book = self.has_phone_in_address_book
        address = {
            "id": 60,
            "customer_id": customer.id,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "address1": customer.street,
            "country_code": "UA",
            "phone": phone if in_book else "",
        }
        return {
            "id": customer.id,
            "email": customer.typed_email(self.rng),
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "phone": "" if in_book else phone,
            "date_created": v3_time(self.created_at),
            "date_modified": v3_time(self.changed_at),
            "accepts_product_review_abandoned_cart_emails": True,
            "addresses": [address],
        }

    def _announce_customer(self, *topics: str) -> None:
        data = {"type": "customer", "id": self.customer.id}
        of_address = {"type": "customer", "id": 60, "address": {"customer_id": self.customer.id}}
        webhooks = [(topic, of_address if "/address/" in topic else data) for topic in topics]
        self.store.change(webhooks, *self._customer_state())

    def _change_customer(self) -> None:
        """Change the customer, who may forget it and buy as a guest with the earlier e-mail address.

        A phone in the address book changes without the customer's own time.
        """
        if not self.may_change:
            return
        recorder, before = self.recorder, replace(self.customer, id=None)
        self.changes += 1
        recorder.change_customer(self.customer, self.serial, self.changes)
        if self.has_phone_in_address_book and before.phone != self.customer.phone:
            self._announce_customer("store/customer/address/updated")
        else:
            self.changed_at = recorder.second
            also = ("store/customer/address/updated",) if self.store.has_wildcards else ()
            self._announce_customer("store/customer/updated", *also)
        if before.email != self.customer.email and recorder.chance(0.5):
            recorder.wait(MINUTE)
            self._buy(before, None, {}, {}, guest=True)

    def _register(self) -> None:
        """Let the guest make an account."""
        recorder = self.recorder
        self.registered, self.created_at, self.changed_at = True, recorder.second, recorder.second
        recorder.register_customer(self.customer, self.serial, next(self.shop.customer_ids))
        self._announce_customer("store/customer/created")

    def _delete_account(self) -> None:
        """Delete the customer's account. Some customers buy again later, as guests."""
        recorder, customer = self.recorder, self.customer
        recorder.wait()
        entity = f"contact {customer.id}"
        self.store.state(entity, None, None, {self._customer_path: v3_list()})
        deletion = AccountDeletion(customer.api_id or "")
        self.store.fact("store/customer/deleted", {"type": "customer", "id": customer.id}, entity, deletion)
        if recorder.chance(0.3) and not recorder.is_over:
            recorder.wait()
            self._buy(customer, None, {}, {}, guest=True)

    def _change_consent(self) -> None:
        """Subscribe to the newsletter, or unsubscribe. A subscriber is no customer, and has only an address."""
        recorder, customer = self.recorder, self.customer
        if not customer.email:
            return
        is_new = self.subscriber is None or self.subscriber.email != customer.email
        if is_new or self.subscriber is None:
            self.subscriber = _Subscriber(next(self.shop.other_ids), customer.email, recorder.second)
        self.subscriber.wants = is_new or not self.subscriber.wants
        self.subscriber.changed_at = recorder.second
        topic = "store/subscriber/created" if is_new else "store/subscriber/updated"
        self.store.change(
            ((topic, {"type": "subscriber", "id": self.subscriber.id}),),
            f"contact subscriber-{self.subscriber.id}",
            self.subscriber.meaning,
            None,
            self.subscriber.answers,
        )

    # -- orders and carts

    def _order(self, token: str | None, content: CartContent, cart_answers: Answers, *, guest: bool = False) -> None:
        guest = guest or not self.registered or self.recorder.chance(0.2)
        self._buy(self.customer, token, content, cart_answers, guest=guest)

    def _buy(
        self, customer: Customer, token: str | None, content: CartContent, cart_answers: Answers, *, guest: bool
    ) -> None:
        has_refused = self.subscriber is not None and not self.subscriber.wants
        OrderLifecycle(
            self.store, self.recorder, customer, token, content, cart_answers, guest=guest, has_refused=has_refused
        ).run()

    def _fill_cart(self) -> None:
        """Fill a cart, whose owner is known from some moment on, and perhaps buy or empty it."""
        recorder, rng = self.recorder, self.rng
        self.carts += 1
        cart = _Cart(self, recorder.add_cart(_uuid(f"cart {self.serial} {self.carts}")))
        if self.registered and recorder.chance(0.5):
            cart.log_in()
        basket = Basket(rng, len(self.shop.products))
        for number in range(rng.randrange(1, 5)):
            content = basket.change()
            if number and not content:
                cart.empty()
                return
            cart.set_content(content or {0: 1}, is_new=number == 0)
            recorder.wait(20 * MINUTE)
            if recorder.is_over:
                return
        if self.customer.email and recorder.chance(0.6):
            cart.type_address()
        if recorder.chance(0.4):
            recorder.now += _ABANDONED_AFTER
            if recorder.is_over:
                return
            cart.abandon()
            recorder.wait()
        if recorder.chance(0.6) and not recorder.is_over:
            self._order(cart.token, cart.content, {cart.path: None}, guest=not cart.logged_in)


class _Subscriber:
    """A subscriber to the newsletter."""

    def __init__(self, id: int, email: str, at: int) -> None:
        self.id = id
        self.email = email
        self.created_at = self.changed_at = at
        self.wants = True

    @property
    def meaning(self) -> ConsentChange:
        consent = PersonConsent(subscribed=self.wants, at=self.changed_at)
        return ConsentChange(f"subscriber-{self.id}", Person(self.email, None, None, "", "", consent))

    @property
    def answers(self) -> Answers:
        fields = {
            "id": self.id,
            "email": self.email,
            "first_name": "",
            "last_name": "",
            "date_created": v3_time(self.created_at),
            "date_modified": v3_time(self.changed_at),
            "consents": ["marketing_newsletter"] if self.wants else [],
        }
        return {f"/v3/customers/subscribers/{self.id}": encode_json({"data": fields, "meta": {}})}


class _Cart:
    """One cart. It does not exist any more once it is bought or empty."""

    def __init__(self, journey: _CustomerJourney, token: str) -> None:
        self._journey = journey
        self._store = journey.store
        self._recorder = journey.recorder
        self.token = token
        self.path = f"/v3/carts/{token}"
        self.content: CartContent = {}
        self.logged_in = False
        self._email: str | None = None
        self._person: Person | None = None
        self._created_at = self._changed_at = self._recorder.second

    def log_in(self) -> None:
        """Let the customer log in. Some carts do not say the address of their customer then."""
        journey, customer = self._journey, self._journey.customer
        self.logged_in = True
        if self._recorder.chance(0.4):
            # Such a cart shows what the customer is when it is fetched.
            journey.may_change = False
            self._person = customer.person()
        else:
            self._email = customer.typed_email(journey.rng)
            self._person = Person(customer.email, None, customer.api_id, "", "")

    def type_address(self) -> None:
        """Type the address at the checkout, for which no webhook comes before the cart is abandoned or bought."""
        customer = self._journey.customer
        if self._person is None:
            self._email = customer.typed_email(self._journey.rng)
            self._person = Person(customer.email, None, None, "", "")
            self._store.state(*self._state())

    def set_content(self, content: CartContent, *, is_new: bool) -> None:
        """Change the items."""
        self.content, self._changed_at = content, self._recorder.second
        cart, line = {"type": "cart", "id": self.token}, {"type": "cart_line_item", "id": "a1", "cartId": self.token}
        webhooks = [("store/cart/updated", cart)]
        if self._store.has_wildcards:
            if is_new:
                webhooks.insert(0, ("store/cart/created", cart))
            webhooks += [("store/cart/lineItem/created", line), ("store/channel/1/cart/updated", cart)]
        if self._recorder.chance(0.2):
            webhooks.append(("store/cart/couponApplied", cart))
        self._store.change(webhooks, *self._state())

    def abandon(self) -> None:
        """Announce that nothing happened for an hour."""
        self._store.change((("store/cart/abandoned", {"type": "cart", "id": self.token}),), *self._state())

    def empty(self) -> None:
        """Remove the last item, which deletes the cart."""
        entity, at = cart_entity(self.token), self._recorder.second + 999
        meaning = CartState(self.token, (at, 0), None, ())
        self._store.state(entity, None, None, {self.path: None})
        self._store.fact("store/cart/deleted", {"type": "cart", "id": self.token}, entity, meaning, (at, 0))

    def _state(self) -> tuple[str, CartState, Version, Answers]:
        journey, shop, version = self._journey, self._journey.shop, (self._changed_at, 0)
        lines = [(shop.products[n], quantity) for n, quantity in self.content.items()]
        items = [
            {
                "id": f"line-{number}",
                "product_id": product.product,
                "variant_id": product.variant or product.product,
                "sku": product.sku,
                "name": product.title,
                "quantity": quantity,
                "list_price": product.price / 100,
                "discount_amount": 0,
            }
            for number, (product, quantity) in enumerate(lines)
        ]
        products = tuple(
            {
                "productId": product.item_id(shop.settings.item_id),
                "name": product.title,
                "quantity": quantity,
                "price": product.price / 100,
            }
            for product, quantity in lines
        )
        customer = journey.customer
        fields = {
            "id": self.token,
            "customer_id": customer.id if self.logged_in else 0,
            "email": self._email,
            "currency": {"code": shop.currency},
            "line_items": {"physical_items": items, "digital_items": [], "custom_items": [], "gift_certificates": []},
            "created_time": v3_time(self._created_at),
            "updated_time": v3_time(self._changed_at),
            "locale": "uk",
        }
        meaning = CartState(self.token, version, self._person, products, params={"currencyCode": shop.currency})
        return cart_entity(self.token), meaning, version, {self.path: encode_json({"data": fields, "meta": {}})}


def _uuid(text: str) -> str:
    """Return what looks like the id of a cart."""
    digits = hashlib.sha256(text.encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
