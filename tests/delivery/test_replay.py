"""Parked webhooks that a person replays."""

import pytest

from shopwire.message import Message
from shopwire.stores.parked import Parked
from tests.support.changes import DAY_MS, MINUTE_MS, SHOP, order, paid
from tests.support.delivery_world import World


def park(world: World) -> Parked:
    """Send an order, and let the API reject its next change."""
    world.send(order())
    world.api.next_answers = [400]
    world.send(paid())
    (parked,) = world.upkeep.parked.list(SHOP)
    return parked


def test_replayed_webhook_is_delivered(world: World) -> None:
    parked = park(world)
    world.upkeep.replay(parked)
    assert world.parked_reasons() == []
    assert world.run_retry() == ["delivered"]


def test_age_of_a_replayed_webhook_starts_again(world: World) -> None:
    parked = park(world)
    world.clock.advance(20 * DAY_MS)
    world.upkeep.replay(parked)
    world.api.next_answers = [503]
    assert world.run_retry() == ["waiting"]
    assert world.run_until_idle() == ["delivered"]


def test_replay_that_fails_again_is_parked_under_the_same_id(world: World) -> None:
    parked = park(world)
    world.api.next_answers = [400]
    world.clock.advance(MINUTE_MS)
    world.upkeep.replay(parked)
    assert world.run_retry() == ["parked"]
    (again,) = world.upkeep.parked.list(SHOP)
    assert again.id == parked.id


def test_replay_that_fails_before_its_row_is_removed_stays_parked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked = park(world)
    world.api.next_answers = [400]
    put = world.upkeep.queue.put

    def put_and_retry(message: Message, entity: str) -> None:
        put(message, entity)
        assert world.run_retry() == ["parked"]

    monkeypatch.setattr(world.upkeep.queue, "put", put_and_retry)
    world.upkeep.replay(parked)
    (again,) = world.upkeep.parked.list(SHOP)
    assert again.tries == 2
