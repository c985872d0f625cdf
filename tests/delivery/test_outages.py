"""SQS, DynamoDB or SSM do not answer. Queue and table replace each other, so only without both a webhook is refused."""

import random
from dataclasses import replace

import pytest

from shopwire.delivery.task import Outcome
from shopwire.errors import NothingDurable, QueueUnavailable
from shopwire.models import Reason
from tests.support.changes import BORYS, HOUR_MS, MINUTE_MS, SHOP, arrived, cancelled, order, paid, shipped
from tests.support.delivery_world import World


def noise(size: int) -> str:
    """Return text that compression makes at most half as long."""
    return random.Random(1).randbytes(size // 2).hex()


# --- SQS


def test_later_changes_follow_a_deferred_change_into_the_outbox(world: World) -> None:
    world.api.next_answers = [503]
    with world.outage("sqs"):
        assert world.send(order()) == "queued"
        assert world.send(paid()) == "queued"
    assert world.entry("order", "1001")["pending_place"] == {"S": "outbox"}
    assert world.send(cancelled()) == "queued"
    assert (world.queue_length(), world.outbox_length()) == (0, 3)


def test_upkeep_moves_webhooks_in_order_and_later_ones_follow_them(world: World) -> None:
    world.api.next_answers = [503]
    with world.outage("sqs"):
        for change in (order(), paid()):
            world.send(change)
            world.clock.advance(10)
    assert world.run_upkeep() == 2
    # Until both are settled, later changes take the same way, because only that way is known to be behind them.
    assert world.send(cancelled()) == "queued"
    assert (world.queue_length(), world.outbox_length()) == (2, 1)
    assert world.run_until_idle() == ["delivered"] * 3
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]
    assert "pending_key" not in world.entry("order", "1001")


def test_upkeep_moves_nothing_while_the_queue_is_down(world: World) -> None:
    world.api.next_answers = [503]
    with world.outage("sqs"):
        world.send(order())
        with pytest.raises(QueueUnavailable):
            world.run_upkeep()
    assert world.outbox_length() == 1


def test_upkeep_stops_at_its_deadline(world: World) -> None:
    world.api.answer = 503
    with world.outage("sqs"):
        for number in range(3):
            world.send(order(str(number)))
    assert world.upkeep.outbox_drain.drain(world.clock.now) == 0
    assert world.outbox_length() == 3


def test_webhooks_are_sent_directly_while_the_queue_is_down(world: World) -> None:
    with world.outage("sqs"):
        assert world.send(order()) == "delivered"


# --- DynamoDB


def test_webhooks_wait_in_the_queue_while_the_ledger_is_down(world: World) -> None:
    with world.outage("dynamodb"):
        assert world.deliver(order()) == Outcome("queued", Reason.LEDGER_UNAVAILABLE)
        assert world.send(paid()) == "queued"
        world.clock.advance(1_000)
        assert world.run_retry() == ["waiting"]
    assert world.queue_length() == 2
    assert world.api.sent == []
    assert world.run_until_idle() == ["delivered", "delivered"]
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated"]


def test_unmarked_change_that_was_overtaken_is_superseded(world: World) -> None:
    with world.outage("dynamodb"):
        world.send(order())
    assert world.send(paid()) == "delivered"
    assert world.run_until_idle() == ["superseded"]


def test_sent_change_that_cannot_be_recorded_is_sent_again_by_retry(world: World) -> None:
    world.send(order())

    def accept_then_fail(*request: object) -> int:
        world.down.add("dynamodb")
        return 200

    world.api.next_answers = [accept_then_fail]
    assert world.deliver(paid()) == Outcome("queued", Reason.LEDGER_UNAVAILABLE)
    world.down.clear()
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderUpdated"]
    assert world.api.events[1] == world.api.events[2]


def test_parcel_that_cannot_be_recorded_is_recorded_by_retry(world: World) -> None:
    world.send(shipped(parcels=("p1", "p2")))
    count = len(world.calls)

    def fail_at_the_write(name: str) -> None:
        if len(world.calls) - count == 2:
            world.down.add("dynamodb")

    world.on_call = fail_at_the_write
    assert world.send(arrived("p1")) == "queued"
    world.on_call = None
    world.down.clear()
    assert world.run_until_idle() == ["ignored"]
    assert world.send(arrived("p2")) == "delivered"
    assert world.api.sent[-1] == "orderDelivered"


def test_unreadable_body_is_parked_when_the_ledger_answers_again(world: World) -> None:
    with world.outage("dynamodb"):
        (outcome,) = world.receive(b"no such body")
    assert outcome == Outcome("queued", Reason.UNREADABLE, {"field": "body", "problem": "not_an_object"})
    assert world.run_until_idle() == ["parked"]


# --- both, and sizes


def test_webhook_is_refused_while_queue_and_ledger_are_down(world: World) -> None:
    with world.outage("sqs", "dynamodb"), pytest.raises(NothingDurable):
        world.send(order())
    with world.outage("sqs", "dynamodb"), pytest.raises(NothingDurable):
        world.receive(b"no such body")


def test_change_that_no_store_accepts_does_not_block_its_entity(world: World) -> None:
    def fail_with_all_stores(*request: object) -> int:
        world.down |= {"sqs", "dynamodb"}
        return 503

    world.api.next_answers = [fail_with_all_stores]
    with pytest.raises(NothingDurable):
        world.send(order(), key="k")
    world.down.clear()
    world.clock.advance(20_000)
    world.restart()
    assert world.send(order(), key="k") == "delivered"


def test_body_too_large_for_both_stores_is_sent_directly(world: World) -> None:
    assert world.send(order(), text=noise(2_500_000)) == "delivered"


def test_body_too_large_for_both_stores_is_refused_if_it_must_wait(world: World) -> None:
    world.api.next_answers = [503]
    with pytest.raises(NothingDurable):
        world.send(order(), text=noise(2_500_000))
    assert world.send(paid()) == "delivered"


def test_body_too_large_for_the_table_waits_in_the_queue(world: World) -> None:
    world.api.next_answers = [503]
    assert world.send(order(), text=noise(1_200_000)) == "queued"
    assert world.run_until_idle() == ["delivered"]


def test_rejected_body_too_large_for_the_table_is_parked_without_its_content(world: World) -> None:
    world.api.next_answers = [503, 400, 400]
    assert world.send(order(), text=noise(1_200_000)) == "queued"
    assert world.run_until_idle() == ["parked"]
    (parked,) = world.upkeep.parked.list(SHOP)
    assert parked.message.webhook.body == b""


def test_large_body_fits_the_queue_because_it_is_compressed(world: World) -> None:
    world.api.next_answers = [503]
    assert world.send(order(), text='{"line": 1, "title": "Tea"}' * 100_000) == "queued"
    assert world.run_until_idle() == ["delivered"]


# --- SSM


def test_last_known_settings_are_used_while_ssm_is_down(world: World) -> None:
    world.send(order())
    world.clock.advance(2 * HOUR_MS)
    with world.outage("ssm"):
        assert world.send(paid(minutes=60)) == "delivered"


def test_message_waits_while_the_settings_cannot_be_read(world: World) -> None:
    world.api.next_answers = [503]
    world.send(order())
    world.clock.advance(MINUTE_MS)
    with world.outage("ssm"):
        world.run_retry()
    assert world.queue_length() == 1
    assert world.run_until_idle() == ["delivered"]


# --- several deliveries in one body


def test_body_with_several_deliveries_has_an_outcome_for_each(world: World) -> None:
    body = world.body(order("1"), paid("1"), order("2", contact=BORYS))
    assert [outcome.status for outcome in world.receive(body)] == ["delivered"] * 3
    assert [outcome.status for outcome in world.receive(body)] == ["duplicate"] * 3


def test_deliveries_of_one_body_stay_in_order_in_the_outbox_and_the_queue(world: World) -> None:
    world.api.next_answers = [503]
    with world.outage("sqs"):
        world.receive(world.body(order(), paid(), cancelled()))
    assert world.run_until_idle() == ["delivered"] * 3
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]


def test_delivery_that_is_not_found_in_its_body_any_more_is_parked(world: World) -> None:
    world.api.next_answers = [503]
    body = world.body(order(), key="k")
    world.receive(body)
    (delivery,) = world.platform.bodies[body]  # type: ignore[misc]
    world.platform.bodies[body] = [replace(delivery, key="another")]
    assert world.run_until_idle() == ["parked"]
