"""Leases: two webhooks of one entity at a time, and invocations that die or are too slow."""

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import Change, Reason
from tests.support.changes import arrived, cancelled, cart, customer, order, paid, shipped
from tests.support.delivery_world import World
from tests.support.unreliable_clients import Crash


def test_change_that_arrives_during_a_lease_waits_in_the_queue(world: World) -> None:
    def pay_meanwhile(*request: object) -> int:
        assert world.deliver(paid()) == Outcome("queued", Reason.EARLIER_CHANGE_PENDING)
        return 200

    world.send(customer())
    world.api.next_answers = [pay_meanwhile]
    assert world.send(order()) == "delivered"
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated"]


def test_duplicate_that_arrives_during_the_lease_is_recognised_by_retry(world: World) -> None:
    def repeat_meanwhile(*request: object) -> int:
        assert world.send(order(), key="k") == "queued"
        return 200

    world.api.next_answers = [repeat_meanwhile]
    world.send(order(), key="k")
    assert world.run_until_idle() == ["duplicate"]
    assert "pending_key" not in world.entry("order", "1001")


def crash(world: World, call: int, body: bytes) -> None:
    """Receive a webhook, and crash before the call with this number, from 0."""
    world.crash_at = len(world.calls) + call
    with pytest.raises(Crash):
        world.receive(body)
    world.crash_at = None


def test_expired_lease_of_a_crashed_invocation_is_taken_over(world: World) -> None:
    body = world.body(order())
    crash(world, 3, body)
    assert [outcome.status for outcome in world.receive(body)] == ["queued"]
    world.clock.advance(16_000)
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated"]


def test_change_that_crashed_three_times_is_parked(world: World) -> None:
    world.send(order())
    body = world.body(paid())
    for _ in range(3):
        crash(world, 3, body)
        world.clock.advance(16_000)
    assert world.receive(body) == [Outcome("parked", Reason.CRASHES)]
    assert world.send(cancelled()) == "delivered"


def test_crashes_of_other_changes_do_not_count(world: World) -> None:
    world.send(order())
    for minute in range(4):
        crash(world, 2, world.body(paid(minutes=minute + 1)))
        world.clock.advance(16_000)
    assert world.send(paid(minutes=9)) == "delivered"


def test_invocation_that_lost_its_lease_records_only_key_and_version(world: World) -> None:
    world.send(order())

    def answer_after_the_lease(*request: object) -> int:
        world.clock.advance(20_000)
        assert world.send(cancelled()) == "delivered"
        return 200

    world.api.next_answers = [answer_after_the_lease]
    assert world.send(paid(), key="slow") == "delivered"
    entry = world.entry("order", "1001")
    assert entry["sent"]["M"]["status"] == {"S": "CANCELLED"}
    assert entry["version"]["N"] == str(cancelled().version)
    assert world.send(paid(), key="slow") == "duplicate"


@pytest.mark.parametrize(
    ("first", "other", "first_again"),
    [
        pytest.param(order(), order(minutes=1, number="#1001-A"), order(minutes=2), id="order"),
        pytest.param(cart(), cart(minutes=1, units=2), cart(minutes=2), id="cart"),
    ],
)
def test_earlier_content_is_sent_again_after_another_one_was_sent_and_not_recorded(
    world: World, first: Change, other: Change, first_again: Change
) -> None:
    def die_after_sending(*request: object) -> int:
        world.crash_at = len(world.calls)
        return 200

    world.send(first)
    world.api.next_answers = [die_after_sending]
    with pytest.raises(Crash):
        world.send(other)
    world.restart()
    world.clock.advance(90_000)
    assert world.send(first_again) == "delivered"
    assert world.send(first_again, key="again") == "unchanged"


def test_fact_whose_invocation_died_makes_the_content_not_uncertain(world: World) -> None:
    world.send(shipped(minutes=1))
    crash(world, 2, world.body(arrived()))
    world.clock.advance(16_000)
    assert world.send(shipped(minutes=2)) == "unchanged"
