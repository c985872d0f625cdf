"""The stories of the simulated shops are valid, contain every kind of webhook, and depend only on the seed."""

import json
import random
from collections.abc import Iterable
from typing import Any

import pytest

from shopwire_simulation.reference_model import expected_state
from shopwire_testkit.announcements import CartState
from shopwire_testkit.customers import make_customer
from tests.simulation.sample_stories import SHOPS, START, sample_stories


def test_same_seed_makes_the_same_stories() -> None:
    assert sample_stories(7, 500) == sample_stories(7, 500)
    assert sample_stories(7, 500) != sample_stories(8, 500)


def test_stories_have_the_requested_number_of_webhooks() -> None:
    announcements = [announcement for story in sample_stories(1, 1000) for announcement in story.announcements]
    assert len(announcements) >= 1000
    assert len({announcement.id for announcement in announcements}) == len(announcements)
    assert min(announcement.at for announcement in announcements) >= START


def test_story_is_in_the_order_of_time_and_belongs_to_one_shop() -> None:
    for story in sample_stories(2, 2000):
        times = [announcement.at for announcement in story.announcements]
        assert times == sorted(times)
        assert {announcement.shop for announcement in story.announcements} == {story.shop}


def test_no_webhook_is_sent_before_its_version() -> None:
    for story in sample_stories(2, 2000):
        for announcement in story.announcements:
            assert announcement.version is None or announcement.version[0] <= announcement.at


def test_two_contents_of_an_entity_never_share_a_version() -> None:
    for story in sample_stories(3, 8000):
        bodies: dict[Any, bytes] = {}
        for announcement in story.announcements:
            if announcement.version:
                key = (announcement.entity, announcement.version)
                assert bodies.setdefault(key, announcement.body) == announcement.body


def test_changes_of_one_second_rise_in_rank() -> None:
    ties = 0
    for story in sample_stories(3, 8000):
        last: dict[str, tuple[int, int]] = {}
        for announcement in story.announcements:
            version = announcement.version
            if version:
                before = last.get(announcement.entity)
                assert before is None or before <= version
                ties += before is not None and before[0] == version[0] and before[1] < version[1]
                last[announcement.entity] = version
    assert ties > 20


def test_stories_share_no_entity_and_no_address() -> None:
    entities: dict[tuple[str, str], int] = {}
    addresses: dict[str, int] = {}
    for number, story in enumerate(sample_stories(4, 5000)):
        for announcement in story.announcements:
            if announcement.entity != "shop":
                assert entities.setdefault((story.shop, announcement.entity), number) == number
        for canary in story.canaries:
            if "@" in canary or canary.isdigit():
                assert addresses.setdefault(canary, number) == number


def test_order_ids_of_different_shops_overlap() -> None:
    orders: dict[str, set[str]] = {}
    for story in sample_stories(4, 3000):
        entities = {announcement.entity for announcement in story.announcements}
        orders.setdefault(story.shop, set()).update(entity for entity in entities if "order" in entity)
    assert len(set.intersection(*orders.values())) > 10


def test_every_personal_value_in_a_body_is_a_canary() -> None:
    personal = {"email", "contact_email", "first_name", "last_name", "address1", "address_1"}
    erased = {"deleted@site.invalid", "[deleted]", ""}
    for story in sample_stories(5, 4000):
        for announcement in story.announcements:
            for name, value in _leaves(json.loads(announcement.body)):
                if name in personal and value not in erased:
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
            "customers/create customers/update customers/delete customers/redact customers/data_request "
            "products/update page product category cart wishlist search",
        ),
        (
            "woocommerce",
            "order.created order.updated order.deleted order.restored customer.created customer.updated "
            "customer.deleted product.updated action.woocommerce_add_to_cart "
            "page product category cart wishlist search",
        ),
    ],
)
def test_stories_contain_every_topic(platform: str, topics: str) -> None:
    stories = sample_stories(6, 12_000, [shop for shop in SHOPS if shop.platform == platform])
    assert {announcement.topic for story in stories for announcement in story.announcements} >= set(topics.split())


def test_cart_comes_from_the_browser_or_from_webhooks_but_never_from_both() -> None:
    sources: dict[tuple[str, str], set[bool]] = {}
    for story in sample_stories(6, 6000):
        for announcement in story.announcements:
            meaning = story.meanings.get(announcement.id)
            is_owners = isinstance(meaning, CartState) and not meaning.by_other_customer
            if is_owners and not announcement.topic.startswith("checkouts/"):
                sources.setdefault((story.shop, announcement.entity), set()).add(announcement.storefront)
    assert all(len(of_cart) == 1 for of_cart in sources.values())
    assert {
        from_browser for (shop, _), of_cart in sources.items() if "shopify" in shop for from_browser in of_cart
    } == {
        True,
        False,
    }
    assert {from_browser for (shop, _), of_cart in sources.items() if "woo" in shop for from_browser in of_cart} == {
        True
    }


def test_browser_cart_is_signed_or_known_by_its_token_or_anonymous() -> None:
    seen = set()
    for story in sample_stories(6, 6000, [shop for shop in SHOPS if shop.platform == "woocommerce"]):
        bodies = {announcement.id: announcement.body for announcement in story.announcements}
        signatures: dict[str, list[bool]] = {}
        for id, meaning in story.meanings.items():
            if isinstance(meaning, CartState):
                is_signed = meaning.person is not None
                assert (b'"signature"' in bodies[id]) is is_signed
                signatures.setdefault(meaning.token, []).append(is_signed)
        for token, signed in signatures.items():
            if expected_state(story, story.meanings).carts[token].contact is None:
                seen.add("anonymous")
            else:
                seen.add("signed" if signed[-1] else "known by its token")
    assert seen == {"anonymous", "signed", "known by its token"}


def test_bodies_are_escaped_as_the_platform_escapes_them() -> None:
    for story in sample_stories(6, 2000):
        for announcement in story.announcements:
            if not announcement.storefront:
                text = announcement.body.decode()
                assert "/" not in text.replace("\\/", "")
                assert text.isascii() or "shopify" in story.shop


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_some_orders_are_close_to_the_api_s_limit_of_bytes(platform: str) -> None:
    long_notes = {
        announcement.entity: len(note.encode())
        for story in sample_stories(6, 3000, [shop for shop in SHOPS if shop.platform == platform])
        for announcement in story.announcements
        if announcement.entity.startswith("order ")
        for body in [json.loads(announcement.body)]
        if len(note := body.get("note") or body.get("customer_note") or "") > 5_000
    }
    assert len(long_notes) >= 3
    assert all(10_000 < length < 20_000 for length in long_notes.values())


def test_some_customers_type_names_that_the_api_refuses() -> None:
    serials = range(1, 200)
    customers = [make_customer(random.Random(serial), serial, serial) for serial in serials]
    typed = [customer.first_name for customer in customers if customer.first_name != customer.plain_first_name]
    assert 5 < len(typed) < 20
    assert any(len(name) > 40 for name in typed)
    assert any("(" in name for name in typed)
    assert "" in {customer.person().first_name for customer in customers}
