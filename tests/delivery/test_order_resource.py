"""Orders through v1/orders (setting `orders`): order of requests, retries, failed orders in a 200 answer, erasure."""

import json
from decimal import Decimal
from typing import Any

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import Contact, Item, OrderDeleted, Reason, Redaction
from tests.support.changes import ANNA, MINUTE_MS, SHOP, order, paid
from tests.support.delivery_world import World
from tests.support.unreliable_clients import Crash

CHOICES = ["orders", "both"]


def failed(*errors: Any) -> tuple[int, dict[str, str], bytes]:
    """Return the answer 200 that lists failed orders."""
    return 200, {}, json.dumps({"failedOrders": errors}).encode()


def connect(world: World, choice: str) -> None:
    world.put_shop(SHOP, orders=choice)
    world.restart()


def statuses(world: World) -> list[str]:
    """Return the statuses of the orders that v1/orders accepted."""
    return [content["orders"][0]["status"] for _, path, content in world.api.accepted if path == "v1/orders"]


@pytest.mark.parametrize(
    ("choice", "requests"),
    [
        ("events", ["contact", "orderCreated", "orderUpdated", "orderCancelled"]),
        ("orders", ["contact", "orders", "orders", "orders"]),
        ("both", ["contact", "orders", "orderCreated", "orders", "orderUpdated", "orders", "orderCancelled"]),
    ],
)
def test_setting_chooses_the_resource_of_snapshots_and_facts(world: World, choice: str, requests: list[str]) -> None:
    connect(world, choice)
    outcomes = [world.send(order()), world.send(paid()), world.send(OrderDeleted("1001"))]
    assert outcomes == ["delivered"] * 3
    assert world.api.sent == requests


@pytest.mark.parametrize("choice", CHOICES)
def test_duplicate_stale_and_unchanged_orders_send_nothing(world: World, choice: str) -> None:
    connect(world, choice)
    world.send(order(), key="first")
    world.send(paid(minutes=5))
    count = world.api.request_count
    assert world.send(order(), key="first") == "duplicate"
    assert world.send(order(minutes=1)) == "stale"
    assert world.send(paid(minutes=9)) == "unchanged"
    assert world.api.request_count == count


@pytest.mark.parametrize("answer", [500, None])
def test_retry_between_both_requests_sends_only_the_event(world: World, answer: int | None) -> None:
    connect(world, "both")
    world.api.next_answers = [200, 200, answer]
    assert world.send(order()) == "queued"
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orders", "orderCreated"]


def test_lost_answer_of_v1_orders_repeats_it_before_the_event(world: World) -> None:
    connect(world, "both")
    world.api.next_answers = [200, None]
    assert world.send(order()) == "queued"
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orders", "orderCreated"]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("answers", [[None], [200, 500]])
def test_older_state_never_follows_a_half_sent_order(world: World, choice: str, answers: list[int | None]) -> None:
    """v1/orders has, or may have, the later state, whatever became of the event."""
    connect(world, choice)
    world.send(order())
    world.api.next_answers = [*answers]
    world.send(paid(minutes=5))
    world.send(order(minutes=3, total=Decimal(9)))
    world.run_until_idle()
    assert statuses(world) == ["INITIALIZED", "IN_PROGRESS"]


def test_crash_between_both_requests_repeats_the_order_and_not_the_event(world: World) -> None:
    connect(world, "both")
    body = world.body(order())
    calls: list[str] = []

    def crash_at_the_event(name: str) -> None:
        calls.append(name)
        if calls.count("api") == 3:
            raise Crash

    world.on_call = crash_at_the_event
    with pytest.raises(Crash):
        world.receive(body)
    world.on_call = None
    world.restart()
    world.clock.advance(MINUTE_MS)
    assert [outcome.status for outcome in world.receive(body)] == ["delivered"]
    assert world.api.sent == ["contact", "orders", "orders", "orderCreated"]


# --- failed orders


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize(
    "answer",
    [
        failed({"order": {"externalOrderId": "1001"}, "error": "Currency unknown"}),
        (200, {}, b'{"result": {"failed": [{"externalOrderId": "1001", "message": "Currency unknown"}]}}'),
        (200, {}, b'[{"externalOrderId": "1001", "errors": ["Currency unknown"]}]'),
    ],
)
def test_failed_order_in_a_200_answer_is_parked_with_its_reason(world: World, choice: str, answer: Any) -> None:
    connect(world, choice)
    world.api.next_answers = [200, answer]
    details: dict[str, str | int] = {"http_status": 200, "path": "v1/orders", "problem": "Currency unknown"}
    assert world.deliver(order()) == Outcome("parked", Reason.API_REJECTED, details)
    assert world.parked_reasons() == [Reason.API_REJECTED]
    assert world.send(order(minutes=1)) == "delivered"
    assert world.api.sent[-1] == ("orders" if choice == "orders" else "orderCreated")


@pytest.mark.parametrize("body", [b"{}", b"", b'{"failedOrders": []}', b'{"errors": null, "failedCount": 0}', b"ok"])
def test_200_answer_without_failed_orders_means_accepted(world: World, body: bytes) -> None:
    connect(world, "orders")
    world.api.answer = 200, {}, body
    assert world.send(order()) == "delivered"


def test_reason_of_a_failed_order_repeats_nothing_that_a_person_wrote(world: World) -> None:
    connect(world, "orders")
    text = "email ANNA@example.com of Anna Kovalenko (+380 50 111 22 33) is invalid"
    world.api.next_answers = [200, failed({"error": text})]
    outcome = world.deliver(order())
    assert outcome.details["problem"] == "email of is invalid"


# --- items that fit no event


def test_items_that_fit_no_event_need_no_setting(world: World) -> None:
    items = tuple(Item(id=str(number), quantity=Decimal(1), cost=Decimal(1)) for number in range(600))
    assert world.send(order(items=items)) == "delivered"
    assert world.api.sent == ["contact", "orders", "orderCreated"]
    assert len(world.api.accepted[1][2]["orders"][0]["items"]) == 600


# --- erasure


@pytest.mark.parametrize("choice", CHOICES)
def test_contact_that_an_order_creates_after_its_erasure_is_erased_again(world: World, choice: str) -> None:
    connect(world, choice)
    world.send(order("1"))
    world.clock.advance(MINUTE_MS)

    def erase_meanwhile(*request: object) -> int:
        world.clock.advance(1)
        assert world.send(Redaction(ANNA, "77")) == "delivered"
        return 200

    world.api.next_answers = [erase_meanwhile]
    assert world.deliver(order("2")) == Outcome("ignored", Reason.ERASED)
    assert world.api.sent[-1] == "erase"
    assert "orderCreated" not in world.api.sent[-4:]


def test_order_without_a_contact_that_can_be_created_is_ignored(world: World) -> None:
    connect(world, "orders")
    assert world.deliver(order(contact=Contact(customer_id="90"))) == Outcome("ignored", Reason.ANONYMOUS)
    assert world.api.request_count == 0
