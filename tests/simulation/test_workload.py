"""Simulated lives can be judged, and their truth agrees with what platforms and mapper make of them.

Truth and mapper share no code: where an undisturbed delivery ends in another state than the truth, one of them reads
the contract wrongly.
"""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from shopwire import mapper, platforms
from shopwire.mapper import ApiRequest, SentOrder
from shopwire.models import (
    CartChange,
    Contact,
    ContactChange,
    Nothing,
    OrderChange,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Redaction,
    Shop,
    Status,
    ViewChange,
    Webhook,
)
from shopwire.models.base import milliseconds
from shopwire_emulator.emulator import Emulator
from shopwire_simulation.reference_model import differences, expected_state
from shopwire_simulation.senders import language
from shopwire_simulation.workload import make_stories
from shopwire_testkit.announcements import (
    Bought,
    CartState,
    CustomerState,
    Forgotten,
    Meaning,
    OrderGone,
    OrderState,
    ParcelDelivered,
    Person,
    Story,
    Visit,
)

START = 1_790_000_000_000
DAY = 86_400_000
KEY = "key"


def _shop(id: str, platform: str, **settings: Any) -> Shop:
    own: dict[str, Any] = {"secrets": ("secret",), "esputnik_key": f"key-{id}", "storefront_secret": "front"}
    return Shop(id=id, platform=platform, **own, **settings)


SHOPS = [
    _shop("sim-shopify-0", "shopify", region="UA"),
    _shop("sim-shopify-1", "shopify", item_id="sku", shipped_is_delivered=True),
    _shop("sim-shopify-2", "shopify", region="PL", item_id="product", ignore_test_orders=True, old_order_days=0),
    _shop("sim-woo-0", "woocommerce", region="UA"),
    _shop("sim-woo-1", "woocommerce", item_id="sku", statuses={"shipped": "DELIVERED"}),
    _shop("sim-woo-2", "woocommerce", item_id="product", key_value="order", shipped_is_delivered=True),
]
BY_ID = {shop.id: shop for shop in SHOPS}


def _stories(seed: int, webhooks: int, shops: list[Shop] = SHOPS) -> list[Story]:
    return make_stories(random.Random(seed), shops, webhooks, START)


# -- the lives


def test_the_same_seed_tells_the_same_stories() -> None:
    assert _stories(7, 500) == _stories(7, 500)
    assert _stories(7, 500) != _stories(8, 500)


def test_as_many_webhooks_as_asked_for_are_announced_within_the_days() -> None:
    stories = _stories(1, 1000)
    announced = [one for story in stories for one in story.announcements]
    assert len(announced) >= 1000
    assert len({one.id for one in announced}) == len(announced)
    assert min(one.at for one in announced) >= START


def test_each_story_is_told_in_the_order_of_time_and_belongs_to_its_shop() -> None:
    for story in _stories(2, 2000):
        times = [one.at for one in story.announcements]
        assert times == sorted(times)
        assert {one.shop for one in story.announcements} == {story.shop}


def test_nothing_is_announced_before_its_version() -> None:
    for story in _stories(2, 2000):
        assert all(one.version is None or one.version[0] <= one.at for one in story.announcements)


def test_two_contents_of_an_entity_never_share_version_and_rank() -> None:
    for story in _stories(3, 8000):
        bodies: dict[Any, bytes] = {}
        for one in story.announcements:
            if one.version:
                assert bodies.setdefault((one.entity, one.version), one.body) == one.body


def test_changes_of_one_second_climb_in_rank() -> None:
    ties = 0
    for story in _stories(3, 8000):
        last: dict[str, tuple[int, int]] = {}
        for one in story.announcements:
            if one.version:
                before = last.get(one.entity)
                assert before is None or before <= one.version
                ties += before is not None and before[0] == one.version[0] and before[1] < one.version[1]
                last[one.entity] = one.version
    assert ties > 20


def test_stories_share_no_entity_and_no_address() -> None:
    entities: dict[tuple[str, str], int] = {}
    addresses: dict[str, int] = {}
    for number, story in enumerate(_stories(4, 5000)):
        for one in story.announcements:
            if one.entity != "shop":
                assert entities.setdefault((story.shop, one.entity), number) == number
        for canary in story.canaries:
            if "@" in canary or canary.isdigit():
                assert addresses.setdefault(canary, number) == number


def test_ids_overlap_between_shops() -> None:
    seen: dict[str, set[str]] = {}
    for story in _stories(4, 3000):
        seen.setdefault(story.shop, set()).update(one.entity for one in story.announcements if "order" in one.entity)
    assert len(set.intersection(*seen.values())) > 10


def test_every_person_in_a_body_is_a_canary() -> None:
    personal = {"email", "contact_email", "first_name", "last_name", "address1", "address_1"}
    invented = {"deleted@site.invalid", "[deleted]", ""}
    for story in _stories(5, 4000):
        for one in story.announcements:
            for name, value in _leaves(json.loads(one.body)):
                if name in personal and value not in invented:
                    assert value is None or value.strip() in story.canaries or value.lower().strip() in story.canaries
                if name == "phone" and value and value.strip("+0 "):
                    digits = "".join(char for char in value if char.isdigit())
                    assert any(canary in digits for canary in story.canaries if canary.isdigit())


def _leaves(body: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(body, dict):
        for key, value in body.items():
            yield from _leaves(value, key)
    elif isinstance(body, list):
        for value in body:
            yield from _leaves(value, name)
    else:
        yield name, body


@pytest.mark.parametrize(
    ("platform", "topics"),
    [
        (
            "shopify",
            "orders/create orders/updated orders/paid orders/edited orders/fulfilled orders/partially_fulfilled "
            "orders/cancelled orders/delete fulfillments/create fulfillments/update fulfillment_events/create "
            "refunds/create carts/create carts/update checkouts/create checkouts/update checkouts/delete "
            "customers/create customers/update customers/redact customers/data_request products/update "
            "page product category cart",
        ),
        (
            "woocommerce",
            "order.created order.updated order.deleted order.restored customer.created customer.updated "
            "product.updated action.woocommerce_add_to_cart page product category cart",
        ),
    ],
)
def test_every_kind_of_webhook_comes(platform: str, topics: str) -> None:
    stories = _stories(6, 6000, [shop for shop in SHOPS if shop.platform == platform])
    assert {one.topic for story in stories for one in story.announcements} >= set(topics.split())


def test_a_cart_is_told_by_browsers_or_by_webhooks_and_by_browsers_only_at_woocommerce() -> None:
    ways: dict[tuple[str, str], set[bool]] = {}
    for story in _stories(6, 6000):
        for one in story.announcements:
            if one.entity.startswith("cart ") and not one.topic.startswith("checkouts/"):
                ways.setdefault((story.shop, one.entity), set()).add(one.storefront)
    assert all(len(each) == 1 for each in ways.values())
    assert {each.copy().pop() for (shop, _), each in ways.items() if "shopify" in shop} == {True, False}
    assert {each.copy().pop() for (shop, _), each in ways.items() if "woo" in shop} == {True}


def test_a_browsers_carts_are_signed_or_known_by_their_token_or_nobodys() -> None:
    seen = set()
    for story in _stories(6, 6000, [shop for shop in SHOPS if shop.platform == "woocommerce"]):
        carts: dict[str, list[bool]] = {}
        for id, meaning in story.meanings.items():
            if isinstance(meaning, CartState):
                (told,) = [one for one in story.announcements if one.id == id]
                assert (b'"signature"' in told.body) is (meaning.person is not None)
                carts.setdefault(meaning.token, []).append(meaning.person is not None)
        for token, signed in carts.items():
            nobodys = expected_state(story, story.meanings).carts[token].contact is None
            seen.add("nobody's" if nobodys else "signed" if signed[-1] else "by its token")
    assert seen == {"nobody's", "signed", "by its token"}


def test_shopify_escapes_slashes_and_php_everything_beyond_ascii() -> None:
    for story in _stories(6, 2000):
        for one in story.announcements:
            if one.storefront:
                continue  # a browser wrote it
            text = one.body.decode()
            assert "/" not in text.replace("\\/", "")
            assert text.isascii() or "shopify" in story.shop


# -- the truth

PERSON = Person("a@example.com", "380501112233", "7", "Ім'я", "Прізвище")
GUEST = Person("a@example.com", None, None, "Ім'я", "Прізвище")


def _state(at: int, status: str | None, rank: int = 1, **more: Any) -> OrderState:
    return OrderState("42", (at, rank), status, {"externalOrderId": "42", "totalCost": f"{at}.00"}, PERSON, **more)


def _story(*meanings: Meaning) -> Story:
    return Story("sim", [], frozenset(), dict(enumerate(meanings)))


def test_the_highest_version_holds_whatever_came_last() -> None:
    story = _story(_state(3, "DELIVERED"), _state(1, "INITIALIZED"), _state(2, "IN_PROGRESS"))
    expected = expected_state(story, [2, 1, 0])
    assert expected.orders == {"42": {"externalOrderId": "42", "totalCost": "3.00", "status": "DELIVERED"}}
    assert expected.statuses == {"42": ["INITIALIZED", "IN_PROGRESS", "DELIVERED"]}


def test_what_was_not_accepted_counts_for_nothing() -> None:
    story = _story(_state(1, "INITIALIZED"), _state(2, "IN_PROGRESS"))
    assert expected_state(story, [0]).statuses == {"42": ["INITIALIZED"]}
    assert expected_state(story, []).orders == {}
    assert expected_state(story, []).contacts == []


def test_rank_decides_in_one_second() -> None:
    story = _story(_state(1, "CANCELLED", 5), _state(1, "IN_PROGRESS", 1))
    assert (expected_state(story, [0, 1]).orders["42"] or {})["status"] == "CANCELLED"


def test_facts_alone_make_no_order() -> None:
    story = _story(ParcelDelivered("42", "p"), OrderGone("42", 9))
    assert expected_state(story, [0, 1]).orders == {"42": None}


def test_an_order_is_delivered_when_it_is_wholly_shipped_and_each_parcel_has_arrived() -> None:
    parcels = (("p", False), ("q", False), ("r", True))
    shipped = _state(2, "IN_PROGRESS", 3, parcels=parcels, wholly_shipped=True)
    story = _story(shipped, ParcelDelivered("42", "p"), ParcelDelivered("42", "q"))
    assert expected_state(story, [0, 1, 2]).statuses["42"] == ["IN_PROGRESS", "DELIVERED"]
    assert expected_state(story, [0, 1]).statuses["42"] == ["IN_PROGRESS"]
    partly = _state(3, "IN_PROGRESS", 2, parcels=parcels)
    assert expected_state(_story(partly, *story.meanings.values()), [0, 2, 3]).statuses["42"] == ["IN_PROGRESS"]


def test_a_deleted_order_is_cancelled_unless_it_was_changed_later() -> None:
    story = _story(_state(1, "DELIVERED", 4), OrderGone("42", 5), _state(9, "DELIVERED", 4))
    assert expected_state(story, [0, 1]).statuses["42"] == ["DELIVERED", "CANCELLED"]
    assert expected_state(story, [0, 1, 2]).statuses["42"] == ["DELIVERED"]


def test_a_draft_and_an_order_of_nobody_must_not_be_there() -> None:
    assert expected_state(_story(_state(1, None, 5)), [0]).orders == {"42": None}


def test_of_an_order_whose_person_was_erased_nothing_is_sure() -> None:
    story = _story(_state(1, "DELIVERED"), _state(2, None, erased=True))
    assert expected_state(story, [0, 1]).orders == {}
    assert expected_state(story, [0]).orders["42"]


def test_the_customers_own_webhooks_own_his_contact() -> None:
    changed = Person("a@example.com", "380679998877", "7", "Ім'я", "Нове")
    story = _story(CustomerState("7", (1, 0), PERSON), CustomerState("7", (3, 0), changed), _state(9, "DELIVERED"))
    assert expected_state(story, [0, 1, 2]).contacts == [
        {
            "email": "a@example.com",
            "phone": "380679998877",
            "externalCustomerId": "7",
            "firstName": "Ім'я",
            "lastName": "Нове",
        }
    ]
    assert expected_state(story, [2]).contacts == [
        {"email": "a@example.com", "phone": "380501112233", "externalCustomerId": "7"}
    ]


def test_staff_is_no_contact() -> None:
    expected = expected_state(_story(CustomerState("7", (1, 0), PERSON, staff=True)), [0])
    assert (expected.contacts, expected.gone) == ([], ["a@example.com"])


def test_who_is_forgotten_must_be_gone_and_his_orders_are_not_judged() -> None:
    story = _story(_state(1, "DELIVERED"), CustomerState("7", (1, 0), PERSON), Forgotten(("a@example.com", "7")))
    expected = expected_state(story, [0, 1, 2])
    assert (expected.orders, expected.contacts, expected.gone) == ({}, [], ["a@example.com", "7"])


CART = ({"productId": "1", "quantity": 2, "price": "5.00"},)


def test_nothing_may_be_sent_of_a_cart_that_nobody_owns() -> None:
    cart = expected_state(_story(CartState("t", (1, 0), None, CART)), [0]).carts["t"]
    assert (cart.contact, cart.products, cart.firm) == (None, None, True)


def test_the_last_checkout_that_names_its_person_must_have_been_sent() -> None:
    story = _story(CartState("t", (1, 0), None, ()), CartState("t", (2, 0), GUEST, CART))
    cart = expected_state(story, [0, 1]).carts["t"]
    assert (cart.contact, cart.products, cart.firm, cart.by) == ("a@example.com", list(CART), True, 1)


def test_a_visit_names_the_person_of_a_cart_for_what_comes_after_it() -> None:
    anna = Person("a@example.com", None, None, "", "")
    first, later = CartState("t", (1, 0), None, ()), CartState("t", (3, 0), None, CART)
    story = _story(first, Visit("t", None), Visit("t", anna), later)
    cart = expected_state(story, [0, 1, 2, 3]).carts["t"]
    assert (cart.contact, cart.products, cart.firm, cart.by) == ("a@example.com", list(CART), False, 3)
    assert expected_state(story, [0, 1, 3]).carts["t"].firm
    assert expected_state(_story(later, Visit("t", anna)), [0, 1]).carts["t"].products is None


def test_a_cart_change_after_the_purchase_is_not_sent() -> None:
    story = _story(
        CartState("t", (1, 0), GUEST, CART), Bought(_state(2, "IN_PROGRESS"), "t"), CartState("t", (3, 0), None, ())
    )
    cart = expected_state(story, [0, 1, 2]).carts["t"]
    assert (cart.products, cart.converted, cart.firm) == (list(CART), True, False)


def test_params_are_compared_by_what_they_say() -> None:
    expected = {
        "totalCost": "25.00",
        "date": "2026-01-01T10:00:00+02:00",
        "items": '[{"externalItemId":"1","quantity":"2","cost":"5.00"},'
        '{"externalItemId":"0","quantity":"1","cost":"1"}]',
    }
    actual = {
        "totalCost": "25.0",
        "date": "2026-01-01T08:00:00+00:00",
        "items": '[{"externalItemId":"0","name":"n","quantity":1,"cost":1.0},'
        '{"externalItemId":"1","quantity":2,"cost":5}]',
    }
    assert differences(expected, actual) == []
    assert differences({"status": "DELIVERED"}, {}) == ["status: 'DELIVERED' expected, None found"]
    assert differences({"totalCost": "25.00"}, {"totalCost": "25.01"}) == ["totalCost: '25.00' expected, '25.01' found"]


# -- truth and mapper


@dataclass
class _Receiver:
    """Delivers a story as it is told: nothing fails, nothing is late, so little is to be remembered."""

    shop: Shop
    api: Emulator = field(default_factory=lambda: Emulator(lambda: 0.0))
    carts: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    """token -> key and products of the last cartUpdated."""
    known: dict[str, SentOrder] = field(default_factory=dict)
    sent: dict[str, OrderChange] = field(default_factory=dict)
    arrived: dict[str, set[str]] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    owners: dict[str, Contact] = field(default_factory=dict)
    bought: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    versions: dict[Any, int] = field(default_factory=dict)

    def hear(self, story: Story) -> None:
        for one in story.announcements:
            platform = platforms.get(language(one, self.shop))
            signed = platform.sign(one.topic, one.body, self.shop, one.at)
            webhook = Webhook({name.lower(): value for name, value in signed.items()}, one.body, one.at)
            platform.verify(webhook, self.shop)
            (delivery,) = platform.read(webhook, self.shop)
            change = delivery.change
            if isinstance(change, OrderChange | CartChange | ContactChange):
                assert one.version
                assert change.version == one.version[0] * 10 + one.version[1]
                if change.version < self.versions.get(change.entity, 0):
                    continue
                self.versions[change.entity] = change.version
            match change:
                case OrderChange():
                    self._order(change, one.at)
                case OrderDeleted():
                    self.deleted[change.order_id] = one.at
                    self._fact(change.order_id, Status.CANCELLED)
                case ParcelArrived():
                    self._arrival(change)
                case CartChange():
                    self._cart(change)
                case ViewChange():
                    self._visit(change)
                case ContactChange() if change.contact.reachable:
                    self._introduce(change.contact, again=True)
                case Redaction():
                    for request in mapper.erase_requests(change.contact):
                        self._send(request)
                case ContactChange() | Nothing():
                    pass
                case _:
                    raise AssertionError(f"{one.topic} became {change}")

    def _send(self, request: ApiRequest) -> None:
        path, _, query = request.path.partition("?")
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        reply = self.api.handle_without_faults(KEY, request.method, path, fields, request.body)
        # Erasing goes by every name that the person may be known under: most are nobody's.
        assert reply.status == 200 or request.method == "DELETE"
        if path == "v1/event":
            assert self.api.last_event(KEY)["reason"] is None

    def _introduce(self, contact: Contact, *, again: bool = False) -> None:
        if contact.key and (again or contact.key not in self.people):
            self._send(mapper.contact_request(contact))
            self.people.add(contact.key)

    def _order(self, change: OrderChange, at: int) -> None:
        order, id = change.order, change.order.id
        too_old = self.shop.old_order_days and at - milliseconds(order.created_at) > self.shop.old_order_days * DAY
        if not order.contact.key or (order.test and self.shop.ignore_test_orders) or (too_old and id not in self.known):
            return
        if order.cart_token:
            self.bought.add(order.cart_token)
        if order.restored or milliseconds(order.updated_at) > self.deleted.get(id, at):
            self.deleted.pop(id, None)
        self.sent[id] = change
        self._introduce(order.contact)
        order = order.with_facts(frozenset(self.arrived.get(id, ())), deleted=id in self.deleted)
        for step in mapper.order_steps(order, self.shop, self.known.get(id), recent=True):
            self._send(step.request)
            self.known[id] = step.known

    def _arrival(self, change: ParcelArrived) -> None:
        id = change.order_id
        self.arrived.setdefault(id, set()).add(change.parcel.id)
        if id in self.sent:
            order = self.sent[id].order.with_facts(frozenset(self.arrived[id]), deleted=False)
            if order.status is Status.DELIVERED:
                self._fact(id, Status.DELIVERED, change.parcel)

    def _fact(self, id: str, status: Status, parcel: Parcel | None = None) -> None:
        known = self.known.get(id)
        if known is None or known.status in (status, Status.CANCELLED):
            return
        order = self.sent[id].order
        reference = mapper.order_reference(order)
        self._send(mapper.fact_event(status, id, order.contact, reference, self.shop, parcel))
        self.known[id] = SentOrder(status, known.digest, known.content)

    def _visit(self, change: ViewChange) -> None:
        view = change.view
        assert view.cart_token
        if view.contact.key:
            self.owners[view.cart_token] = view.contact
        if owner := self.owners.get(view.cart_token):
            self._introduce(owner)
            self._send(mapper.view_event(view, owner))

    def _cart(self, change: CartChange) -> None:
        cart = change.cart
        if cart.contact.key:
            self.owners[cart.token] = cart.contact
        owner = self.owners.get(cart.token)
        if owner and cart.token not in self.bought:
            self._introduce(owner)
            self._send(mapper.cart_event(cart, owner))
            event = self.api.last_event(KEY)
            params = {param["name"]: param["value"] for param in event["params"]}
            self.carts[cart.token] = (event["keyValue"], json.loads(params.get("products", "[]")))


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.id)
def test_undisturbed_the_api_ends_up_with_the_truth(shop: Shop) -> None:
    wrong = []
    for story in _stories(11, 2500, [shop]):
        receiver = _Receiver(shop)
        receiver.hear(story)
        state, expected = receiver.api.state(KEY), expected_state(story, [one.id for one in story.announcements])
        for id, params in expected.orders.items():
            if params is None:
                wrong += [f"order {id} is there"] if id in state["orders"] else []
            else:
                wrong += [f"order {id}: {one}" for one in differences(params, state["orders"].get(id, {}))]
        for contact in expected.contacts:
            wrong += (
                [] if any(contact.items() <= one.items() for one in state["contacts"]) else [f"no contact {contact}"]
            )
        values = {value for one in state["contacts"] for value in one.values()}
        wrong += [f"{identity} is there" for identity in expected.gone if identity in values]
        for token, cart in expected.carts.items():
            key, products = receiver.carts.get(token, (None, None))
            told, meant = _lines(products), _lines(cart.products)
            if told != meant or (products is not None and key != cart.contact):
                wrong.append(f"cart {token}: {meant} for {cart.contact} expected, {told} for {key} found")
    assert wrong == []


def _lines(products: Iterable[Mapping[str, Any]] | None) -> list[tuple[str, int, Decimal]] | None:
    if products is None:
        return None
    return [(one["productId"], one["quantity"], Decimal(str(one["price"]))) for one in products]
