"""The API fails: which changes wait, in which order they are sent, and which are given up (pauses: test_pauses.py)."""

import pytest

from shopwire.delivery.retry import MIN_FAILURES_AFTER_AN_HOUR
from shopwire.delivery.task import Outcome
from shopwire.models import OrderDeleted, Reason
from tests.support.changes import HOUR_MS, MINUTE_MS, SHOP, cancelled, cart, order, paid, shipped
from tests.support.delivery_world import World

# --- waiting


def test_changes_wait_while_the_api_is_down_and_are_sent_once_in_order(world: World) -> None:
    world.api.answer = 503
    assert [world.send(change) for change in (order(), paid(), cancelled())] == ["queued"] * 3
    world.api.answer = 200
    assert world.run_until_idle() == ["delivered"] * 3
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]


def test_later_change_waits_behind_a_waiting_change(world: World) -> None:
    world.api.next_answers = [503]
    world.send(order())
    assert world.deliver(paid()) == Outcome("queued", Reason.EARLIER_CHANGE_PENDING)
    assert world.api.sent == []


def test_change_of_another_order_does_not_wait(world: World) -> None:
    world.api.next_answers = [503]
    world.send(order("1"))
    assert world.send(order("2")) == "delivered"


def test_change_is_sent_directly_after_the_waiting_one_is_settled(world: World) -> None:
    world.api.next_answers = [503]
    world.send(order())
    world.run_until_idle()
    assert world.send(paid()) == "delivered"


def test_repeated_webhook_of_a_waiting_change_waits_and_is_sent_once(world: World) -> None:
    world.api.next_answers = [503]
    world.send(order(), key="k")
    assert world.send(order(), key="k") == "queued"
    assert world.run_until_idle() == ["delivered", "duplicate"]
    assert world.api.sent == ["contact", "orderCreated"]


def test_older_change_that_arrives_while_a_newer_one_waits_is_superseded(world: World) -> None:
    world.api.next_answers = [503]
    world.send(paid())
    assert world.send(order()) == "queued"
    assert world.run_until_idle() == ["delivered", "superseded"]


@pytest.mark.parametrize("answer", [None, 500, 502, 503, 429, 401, 403, 408, 302])
def test_change_waits_after_a_temporary_failure(world: World, answer: int | None) -> None:
    world.api.next_answers = [answer] * 2 if answer in (401, 403) else [answer]
    assert world.send(order()) == "queued"
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated"]


def test_request_without_an_answer_is_sent_again(world: World) -> None:
    world.send(order())
    world.api.next_answers = [None]
    assert world.deliver(paid()) == Outcome("queued", Reason.API_NO_ANSWER)
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated"]


def test_no_request_starts_in_the_last_second_of_the_budget(world: World) -> None:
    world.api.answer_ms = 1_400
    assert world.deliver(order()) == Outcome("queued", Reason.NO_TIME_LEFT)
    assert world.api.sent == ["contact"]
    world.run_until_idle()
    assert world.api.sent == ["contact", "orderCreated"]


def test_direct_budget_of_0_always_queues(world: World) -> None:
    world.policy = type(world.policy)(direct_budget_ms=0, jitter=lambda: 0.5)
    world.webhook = world.new_environment()
    assert world.send(order(), key="k") == "queued"
    assert world.run_until_idle() == ["delivered"]
    assert world.send(order(), key="k") == "duplicate"


def test_partly_sent_change_continues_where_it_stopped(world: World) -> None:
    world.api.next_answers = [200, 200, 503]
    assert world.send(cancelled()) == "queued"
    assert world.api.sent == ["contact", "orderCreated"]
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated", "orderCancelled"]


@pytest.mark.parametrize("end", [503, 400], ids=["waiting", "parked"])
def test_no_lower_version_follows_a_partly_sent_change(world: World, end: int) -> None:
    world.api.next_answers = [200, 200, end]
    world.send(cancelled())
    assert world.send(paid()) == "stale"
    world.run_until_idle()
    assert "orderUpdated" not in world.api.sent


def test_fact_waits_behind_a_change_of_its_order(world: World) -> None:
    world.api.next_answers = [503]
    world.send(order())
    assert world.send(OrderDeleted("1001")) == "queued"
    assert world.run_until_idle() == ["delivered", "delivered"]
    assert world.api.sent == ["contact", "orderCreated", "orderCancelled"]


# --- changes that are given up


def test_rejected_change_is_parked_and_delays_no_other_change(world: World) -> None:
    world.send(order())
    world.api.next_answers = [400]
    assert world.deliver(paid()) == Outcome("parked", Reason.API_REJECTED, {"http_status": 400, "path": "v1/event"})
    assert world.send(shipped()) == "delivered"
    assert world.pause_seconds() == 0


def test_repeated_webhook_of_a_parked_change_is_not_a_duplicate(world: World) -> None:
    world.send(order())
    world.api.next_answers = [400]
    world.send(paid(), key="k")
    assert world.send(paid(), key="k") == "delivered"


def test_order_that_always_fails_is_parked_after_twenty_tries(fake_world: World) -> None:
    world = fake_world
    world.api.answer = lambda method, url, body: 500 if "666" in str(body) else 200
    world.send(order("1"))
    assert world.send(order("666")) == "queued"
    for number in range(400):
        world.clock.advance(10_000)
        world.run_retry()
        assert world.send(order(f"n{number}")) == "delivered"
        if world.parked_reasons():
            break
    (parked,) = world.upkeep.parked.list(SHOP)
    assert (parked.reason, parked.details["tries"]) == (Reason.KEEPS_FAILING, 20)
    assert world.queue_length() == 0
    assert world.pause_seconds() == 0


def test_failures_of_an_outage_do_not_count_after_it(fake_world: World) -> None:
    world = fake_world
    world.api.answer = 500
    assert world.send(order("666")) == "queued"
    for _ in range(60):
        world.clock.advance(3 * MINUTE_MS)
        world.run_retry()
    world.api.answer = lambda method, url, body: 500 if "666" in str(body) else 200
    assert world.send(order("2")) in ("delivered", "queued")
    world.clock.advance(20 * MINUTE_MS)
    world.run_retry()
    assert world.parked_reasons() == []
    world.api.answer = 200
    for _ in range(4):
        world.clock.advance(20 * MINUTE_MS)
        world.run_retry()
    assert world.queue_length() == 0


def test_order_that_waited_for_hours_is_parked_only_after_an_hour_of_its_own_failures(fake_world: World) -> None:
    world = fake_world
    world.api.answer = 500
    assert world.send(order("666")) == "queued"
    for _ in range(60):
        world.clock.advance(3 * MINUTE_MS)
        world.run_retry()
    world.api.answer = lambda method, url, body: 500 if "666" in str(body) else 200
    failing_since, failures = None, 0
    while not world.parked_reasons():
        world.clock.advance(MINUTE_MS)
        world.run_retry()
        assert world.send(order(f"n{world.clock.now}")) in ("delivered", "queued")
        failures = max(failures, int(world.entry("order", "666").get("own_failures", {"N": "0"})["N"]))
        failing_since = failing_since or (world.clock.now if failures else None)
    assert world.parked_reasons() == [Reason.KEEPS_FAILING]
    assert failures >= MIN_FAILURES_AFTER_AN_HOUR - 1
    assert failing_since is not None
    assert world.clock.now - failing_since >= HOUR_MS


@pytest.mark.parametrize("accepted_before", [0, 1])
def test_outage_of_hours_parks_nothing(fake_world: World, accepted_before: int) -> None:
    world = fake_world
    ids = [str(number) for number in range(8)]
    for id in ids[:accepted_before]:
        assert world.send(order(id)) == "delivered"
    world.api.answer = 503
    for id in ids[accepted_before:]:
        world.send(order(id))
    for _ in range(24):
        world.clock.advance(10 * MINUTE_MS)
        world.run_retry()
        world.run_upkeep()
    world.api.answer = 200
    world.run_until_idle()
    assert world.parked_reasons() == []
    assert sorted(event["externalOrderId"] for event in world.api.events) == ids


@pytest.mark.parametrize("answers", [[200], [503, 200]])
def test_earlier_content_is_sent_again_before_a_change_without_an_answer(world: World, answers: list[int]) -> None:
    """While the ledger was down, the later change came into the queue, in front of the one without an answer."""
    world.send(cart())
    world.api.next_answers = [None]
    message = world.body(cart(minutes=2))
    with world.outage("dynamodb"):
        assert [outcome.status for outcome in world.receive(message)] == ["queued"]
    assert world.send(cart(minutes=1, units=2)) == "queued"
    world.api.next_answers = [*answers]
    assert world.run_until_idle() == ["delivered", "superseded"]
    assert world.api.sent == ["contact", "cartUpdated", "cartUpdated"]


def test_earlier_content_is_sent_again_if_a_parked_change_may_have_reached_the_api(world: World) -> None:
    """The API did not answer its first attempt, and refused the second one."""
    world.send(order())
    world.api.next_answers = [None, 400]
    world.send(order(minutes=1, number="#2"))
    assert world.run_until_idle() == ["parked"]
    assert world.send(order(minutes=2)) == "delivered"
    assert world.send(order(minutes=3)) == "unchanged"
