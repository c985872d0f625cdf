"""The simulated BigCommerce store: its stories are valid, have every kind of webhook, and its API tells the same."""

import json
import random
from collections import Counter, defaultdict

import pytest
from pydantic import SecretStr

from shopwire import platforms
from shopwire.models import Shop, Webhook
from shopwire_simulation.reference_model import expected_state
from shopwire_simulation.shops import simulated_shops
from shopwire_simulation.workload import make_stories
from shopwire_testkit.announcements import Announcement, CartState, OrderState, Purchase, Story
from shopwire_testkit.bigcommerce.signed_calls import signed_headers

START = 1_790_000_000_000
SHOPS: list[Shop] = list(simulated_shops(("bigcommerce",)).values())


@pytest.fixture(scope="module")
def stories() -> list[Story]:
    return make_stories(random.Random(3), SHOPS, 6_000, START)


def test_same_seed_makes_the_same_stories() -> None:
    first, second = (make_stories(random.Random(7), SHOPS, 300, START) for _ in range(2))
    assert first == second
    assert [story.announcements[0].answers for story in first] == [story.announcements[0].answers for story in second]


def test_every_kind_of_webhook_is_announced(stories: list[Story]) -> None:
    topics = Counter(announcement.topic for story in stories for announcement in story.announcements)
    wanted = {
        *("store/order/created", "store/order/updated", "store/order/statusUpdated", "store/order/archived"),
        *("store/order/refund/created", "store/order/transaction/created", "store/shipment/created"),
        *("store/cart/created", "store/cart/updated", "store/cart/lineItem/created", "store/cart/couponApplied"),
        *("store/cart/abandoned", "store/cart/converted", "store/cart/deleted", "store/channel/1/order/updated"),
        *("store/customer/created", "store/customer/updated", "store/customer/address/updated"),
        *("store/customer/deleted", "store/subscriber/created", "store/subscriber/updated", "no webhook"),
    }
    assert topics.keys() >= wanted


def test_every_end_of_an_order_is_reached(stories: list[Story]) -> None:
    statuses: Counter[str | None] = Counter()
    numbers: Counter[int] = Counter()
    for story in stories:
        expected = expected_state(story, story.meanings.keys())
        statuses.update(None if params is None else params["status"] for params in expected.orders.values())
        for announcement in story.announcements:
            for path, body in announcement.answers.items():
                if body and announcement.entity.startswith("order ") and path.rpartition("/")[0].endswith("/orders"):
                    numbers[json.loads(body)["status_id"]] += 1
    assert statuses.keys() == {"INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", None}
    assert numbers.keys() == set(range(15))


def test_thin_webhook_says_nothing_but_what_changed(stories: list[Story]) -> None:
    for story in stories:
        for announcement in story.announcements:
            body = json.loads(announcement.body)
            assert body.keys() == {"store_id", "producer", "scope", "data", "hash", "created_at"}
            assert not any(canary in announcement.body.decode() for canary in story.canaries if "@" in canary)


def test_bursts_and_equal_hashes_are_announced(stories: list[Story]) -> None:
    sizes: Counter[tuple[str, int]] = Counter()
    states: dict[str, set[bytes]] = defaultdict(set)
    for story in stories:
        for announcement in story.announcements:
            if announcement.thin and announcement.entity.startswith("order "):
                hash = json.loads(announcement.body)["hash"]
                sizes[hash, announcement.at // 1000] += 1
                states[hash].add(json.dumps(sorted(map(repr, announcement.answers.items()))).encode())
    assert max(sizes.values()) >= 20
    assert max(map(len, states.values())) == 2  # two changes within one second


def test_cart_is_gone_after_its_purchase(stories: list[Story]) -> None:
    bought = 0
    for story in stories:
        gone: set[str] = set()
        for announcement in story.announcements:
            gone |= {path for path, body in announcement.answers.items() if body is None}
            assert not any(announcement.answers.get(path) for path in gone)
            meaning = story.meanings.get(announcement.id)
            if isinstance(meaning, Purchase) and meaning.state.status and meaning.token:
                assert any(meaning.token in path for path in gone)
                bought += 1
    assert bought > 20


def test_state_without_a_webhook_comes_with_a_later_one(stories: list[Story]) -> None:
    silent = [other for story in stories for other in story.announcements if other.silent]
    assert {other.entity.partition(" ")[0] for other in silent} == {"order", "cart", "contact"}
    assert all(other.answers for other in silent)


def test_meaning_is_that_of_the_answers(stories: list[Story]) -> None:
    """The time and the note of an order, and the items of a cart, are the same in both."""
    for story in stories:
        for announcement in story.announcements:
            meaning = story.meanings.get(announcement.id)
            state = meaning.state if isinstance(meaning, Purchase) else meaning
            if not announcement.thin:
                continue
            if isinstance(state, OrderState):
                body = json.loads(_answer(announcement, f"/v2/orders/{state.order}"))
                assert state.params.get("additionalInfo", "") == body["customer_message"]
            elif isinstance(state, CartState):
                data = json.loads(_answer(announcement, f"/v3/carts/{state.token}"))["data"]
                assert len(data["line_items"]["physical_items"]) == len(state.products)


def _answer(announcement: Announcement, path: str) -> bytes:
    (body,) = (body for name, body in announcement.answers.items() if name.endswith(path))
    assert body
    return body


def test_headers_are_those_of_standard_webhooks() -> None:
    body = b'{"scope": "store/order/created", "producer": "stores/simulated0"}'
    first, again = (signed_headers("", body, "client secret", "s", "", START + 1000 * n, 5) for n in (0, 60))
    assert first["webhook-id"] == again["webhook-id"]
    assert first["webhook-timestamp"] != again["webhook-timestamp"]
    received = Webhook({name.lower(): value for name, value in again.items()}, body, START + 60_000)
    platforms.get("bigcommerce").verify(
        received, SHOPS[0].model_copy(update={"secrets": (SecretStr("client secret"),)})
    )
    assert first["webhook-id"] != signed_headers("", body, "client secret", "s", "", START, 6)["webhook-id"]
