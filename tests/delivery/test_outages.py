"""SQS, DynamoDB or SSM do not answer: one store is the other's spare, and only both together make a 503."""

import random
from dataclasses import replace

import pytest

from shopwire.delivery.task import Outcome
from shopwire.errors import NothingDurable, QueueUnavailable
from shopwire.models import Delivery, Reason
from tests.support.delivery_world import BORYS, HOUR, MINUTE, SHOP, World, arrived, cancelled, order, paid, shipped


def noise(size: int) -> str:
    """Text that no compression makes smaller than half."""
    return random.Random(1).randbytes(size // 2).hex()


# --- SQS


def test_with_the_queue_down_what_must_wait_goes_to_the_outbox_and_what_follows_too(world: World) -> None:
    world.api.answers = [503]
    with world.outage("sqs"):
        assert world.send(order()) == "queued"
        assert world.send(paid()) == "queued"
    assert world.entry("order", "1001")["pending_place"] == {"S": "outbox"}
    assert world.send(cancelled()) == "queued"
    assert (world.waits(), world.in_outbox()) == (0, 3)


def test_upkeep_moves_all_in_order_and_the_mark_follows(world: World) -> None:
    world.api.answers = [503]
    with world.outage("sqs"):
        for change in (order(), paid()):
            world.send(change)
            world.clock.pass_(10)
    assert world.tidy() == 2
    assert world.entry("order", "1001")["pending_place"] == {"S": "queue"}
    assert world.send(cancelled()) == "queued"
    assert (world.waits(), world.in_outbox()) == (3, 0)
    assert world.drain() == ["delivered"] * 3
    assert world.api.story == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]
    assert "pending_key" not in world.entry("order", "1001")


def test_upkeep_leaves_everything_where_it_is_while_the_queue_is_down(world: World) -> None:
    world.api.answers = [503]
    with world.outage("sqs"):
        world.send(order())
        with pytest.raises(QueueUnavailable):
            world.tidy()
    assert world.in_outbox() == 1


def test_upkeep_stops_at_its_deadline(world: World) -> None:
    world.api.steady = 503
    with world.outage("sqs"):
        for n in range(3):
            world.send(order(str(n)))
    assert world.upkeep.outbox_drain.drain(world.clock.now) == 0
    assert world.in_outbox() == 3


def test_with_the_queue_down_what_can_be_sent_is_sent(world: World) -> None:
    with world.outage("sqs"):
        assert world.send(order()) == "delivered"


# --- DynamoDB


def test_with_the_ledger_down_everything_goes_to_the_queue_and_is_done_when_it_answers(world: World) -> None:
    with world.outage("dynamodb"):
        assert world.tell(order()) == Outcome("queued", "ledger_unavailable")
        assert world.send(paid()) == "queued"
        world.clock.pass_(1_000)
        assert world.poll() == []
    assert world.waits() == 2
    assert world.api.story == []
    assert world.drain() == ["delivered", "delivered"]
    assert world.api.story == ["contact", "orderCreated", "orderUpdated"]


def test_an_unmarked_change_that_was_overtaken_is_superseded(world: World) -> None:
    with world.outage("dynamodb"):
        world.send(order())
    assert world.send(paid()) == "delivered"
    assert world.drain() == ["superseded"]


def test_a_note_that_cannot_be_written_is_made_by_the_queues_turn(world: World) -> None:
    world.send(order())

    def then_down(method: str, url: str, said: object) -> int:
        world.down.add("dynamodb")
        return 200

    world.api.answers = [then_down]
    assert world.tell(paid()) == Outcome("queued", "ledger_unavailable")
    world.down.clear()
    assert world.drain() == ["delivered"]
    assert world.api.story == ["contact", "orderCreated", "orderUpdated", "orderUpdated"]
    assert world.api.events[1] == world.api.events[2]


def test_a_parcel_that_could_not_be_noted_is_not_lost(world: World) -> None:
    world.send(shipped(parcels=("p1", "p2")))
    world.calls.clear()
    real = world.before_call

    def down_at_the_note(name: str) -> None:
        real(name)
        if len(world.calls) == 2:
            world.down.add("dynamodb")

    world.before_call = down_at_the_note  # type: ignore[method-assign]
    assert world.send(arrived("p1")) == "queued"
    world.before_call = real  # type: ignore[method-assign]
    world.down.clear()
    assert world.drain() == ["ignored"]
    assert world.send(arrived("p2")) == "delivered"
    assert world.api.story[-1] == "orderDelivered"


def test_a_body_that_cannot_be_read_while_the_ledger_is_down_is_parked_later(world: World) -> None:
    with world.outage("dynamodb"):
        (outcome,) = world.receive(b"no such body")
    assert outcome == Outcome("queued", Reason.UNREADABLE, {"field": "body", "problem": "not_an_object"})
    assert world.drain() == ["parked"]


# --- both, and sizes


def test_with_both_down_the_platform_must_try_again(world: World) -> None:
    with world.outage("sqs", "dynamodb"), pytest.raises(NothingDurable):
        world.send(order())
    with world.outage("sqs", "dynamodb"), pytest.raises(NothingDurable):
        world.receive(b"no such body")


def test_a_failure_that_can_be_written_down_nowhere_leaves_no_mark(world: World) -> None:
    def then_all_down(method: str, url: str, said: object) -> int:
        world.down |= {"sqs", "dynamodb"}
        return 503

    world.api.answers = [then_all_down]
    with pytest.raises(NothingDurable):
        world.send(order(), key="k")
    world.down.clear()
    world.clock.pass_(20_000)
    world.webhook = world.new_environment()
    assert world.send(order(), key="k") == "delivered"


def test_a_body_that_fits_neither_store_is_sent_directly(world: World) -> None:
    assert world.send(order(), text=noise(2_500_000)) == "delivered"


def test_a_body_that_fits_neither_store_and_cannot_be_sent_is_refused_and_holds_up_nobody(world: World) -> None:
    world.api.answers = [503]
    with pytest.raises(NothingDurable):
        world.send(order(), text=noise(2_500_000))
    assert world.send(paid()) == "delivered"


def test_a_body_too_large_for_the_table_waits_in_the_queue(world: World) -> None:
    world.api.answers = [503]
    assert world.send(order(), text=noise(1_200_000)) == "queued"
    assert world.drain() == ["delivered"]


def test_a_body_too_large_for_the_table_is_parked_from_the_queue_without_it(world: World) -> None:
    world.api.answers = [503, 400]
    assert world.send(order(), text=noise(1_200_000)) == "queued"
    assert world.drain() == ["parked"]
    (parked,) = world.upkeep.parked.list(SHOP)
    assert parked.message.webhook.body == b""


def test_ten_thousand_lines_fit_the_queue_compressed(world: World) -> None:
    world.api.answers = [503]
    assert world.send(order(), text='{"line": 1, "title": "Tea"}' * 100_000) == "queued"
    assert world.drain() == ["delivered"]


# --- SSM


def test_with_the_settings_down_the_last_known_ones_serve(world: World) -> None:
    world.send(order())
    world.clock.pass_(2 * HOUR)
    with world.outage("ssm"):
        assert world.send(paid(minutes=60)) == "delivered"


def test_what_waits_waits_for_the_settings_too(world: World) -> None:
    world.api.answers = [503]
    world.send(order())
    world.clock.pass_(MINUTE)
    with world.outage("ssm"):
        world.poll()
    assert world.waits() == 1
    assert world.drain() == ["delivered"]


# --- several deliveries in one body


def test_a_body_with_several_deliveries_answers_each(world: World) -> None:
    body = world.body(order("1"), paid("1"), order("2", contact=BORYS))
    assert [outcome.status for outcome in world.receive(body)] == ["delivered"] * 3
    assert [outcome.status for outcome in world.receive(body)] == ["duplicate"] * 3


def test_a_body_with_several_deliveries_that_wait_keeps_their_order_in_either_store(world: World) -> None:
    world.api.answers = [503]
    with world.outage("sqs"):
        world.receive(world.body(order(), paid(), cancelled()))
    assert world.drain() == ["delivered"] * 3
    assert world.api.story == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]


def test_a_delivery_that_is_not_in_its_body_any_more_is_parked(world: World) -> None:
    world.api.answers = [503]
    body = world.body(order(), key="k")
    world.receive(body)
    (only,) = world.platform.bodies[body]  # type: ignore[misc]
    assert isinstance(only, Delivery)
    world.platform.bodies[body] = [replace(only, key="another")]
    assert world.drain() == ["parked"]
