"""A captured erasure request that is sent again, under a new delivery key, does not erase who came back since."""

from dataclasses import replace

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import Change, Delivery, Reason, Redaction, ShopRedaction
from shopwire.models.base import milliseconds
from shopwire.stores.erasures import ErasureStore
from tests.support.changes import ANNA, HOUR_MS, MINUTE_MS, SHOP, START, customer, order, paid
from tests.support.delivery_world import World
from tests.support.recording_api import ERASED

ERASE_ANNA = Redaction(ANNA, "77", ("1001",))
REPEATED = Outcome("parked", Reason.REPEATED_ERASURE)


def send_again(world: World, body: bytes, change: Change, key: str) -> Outcome:
    """Send the same body under another delivery key: the headers with the platform's ids are not signed."""
    world.platform.bodies[body] = [Delivery("test", key, change)]
    (outcome,) = world.receive(body)
    return outcome


def erase_anna(world: World) -> bytes:
    """Erase a person who ordered. Return the body of the request."""
    world.send(order())
    world.clock.advance(MINUTE_MS)
    body = world.body(ERASE_ANNA)
    world.receive(body)
    world.clock.advance(HOUR_MS)
    return body


COMEBACKS: dict[str, Change] = {
    "order": order("2002", created_at=START.replace(hour=10), minutes=61),
    "account": replace(customer(minutes=61), created_at=milliseconds(START.replace(hour=10))),
}


@pytest.mark.parametrize("comeback", COMEBACKS.values(), ids=COMEBACKS)
def test_repeated_request_does_not_erase_who_came_back(world: World, comeback: Change) -> None:
    body = erase_anna(world)
    assert world.send(comeback) == "delivered"
    before, items = list(world.api.sent), world.stored_text()
    assert send_again(world, body, ERASE_ANNA, "again") == REPEATED
    assert world.api.sent == before
    assert "anna@example.com" in items
    assert "anna@example.com" in world.stored_text()
    world.clock.advance(MINUTE_MS)
    assert world.send(paid("2002", created_at=START.replace(hour=10), minutes=65)) == "delivered"


def test_repeated_request_that_waits_does_not_erase_who_came_back(world: World) -> None:
    body = erase_anna(world)
    world.send(COMEBACKS["order"])
    before = list(world.api.sent)
    world.platform.bodies[body] = [Delivery("test", "again", ERASE_ANNA)]
    world.put_into_queue(body)
    assert world.run_until_idle() == ["parked"]
    assert world.api.sent == before


def test_repeated_request_is_a_duplicate_if_the_person_stayed_away(world: World) -> None:
    body = erase_anna(world)
    before = list(world.api.sent)
    assert send_again(world, body, ERASE_ANNA, "again") == Outcome("duplicate")
    assert world.api.sent == before
    # Its moment is not the erasure's: what was ordered between the two belongs to a person who came back.
    assert world.send(COMEBACKS["order"]) == "delivered"


def test_repeated_request_does_nothing_when_its_ledger_entry_is_gone(world: World) -> None:
    body = erase_anna(world)
    world.send(COMEBACKS["order"])
    before = list(world.api.sent)
    world.clock.advance(500 * 24 * HOUR_MS)
    send_again(world, body, ERASE_ANNA, "again")
    assert world.api.sent == before


def test_another_request_for_who_came_back_is_executed(world: World) -> None:
    erase_anna(world)
    world.send(COMEBACKS["order"])
    world.clock.advance(HOUR_MS)
    assert world.send(Redaction(ANNA, "77", ("1001", "2002"))) == "delivered"
    assert world.api.sent[-3:] == ERASED
    assert "anna@example.com" not in world.stored_text()


def test_repeated_request_is_executed_when_a_person_replays_it(world: World) -> None:
    body = erase_anna(world)
    world.send(COMEBACKS["order"])
    send_again(world, body, ERASE_ANNA, "again")
    (parked,) = world.upkeep.parked.list(SHOP)
    world.clock.advance(MINUTE_MS)
    world.upkeep.replay(parked)
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent[-3:] == ERASED
    assert "anna@example.com" not in world.stored_text()


def test_request_that_failed_is_executed_when_it_comes_again(world: World) -> None:
    world.send(order())
    world.clock.advance(MINUTE_MS)
    world.api.next_answers = [400]
    body = world.body(ERASE_ANNA)
    assert [outcome.status for outcome in world.receive(body)] == ["parked"]
    assert send_again(world, body, ERASE_ANNA, "again") == Outcome("delivered")
    assert world.api.sent[-3:] == ERASED


def test_repeated_request_is_not_executed_for_another_shop_or_blocked_by_it(world: World) -> None:
    world.put_shop("other-shop")
    body = erase_anna(world)
    (outcome,) = world.receive(body, shop="other-shop")
    assert outcome == Outcome("delivered")


def test_repeated_request_for_a_shop_that_came_back_is_parked(world: World) -> None:
    world.send(order())
    world.clock.advance(MINUTE_MS)
    body = world.body(ShopRedaction())
    world.receive(body)
    assert world.run_until_idle() == ["delivered"]
    world.clock.advance(HOUR_MS)
    world.send(COMEBACKS["order"])
    world.api.next_answers = [503]
    assert world.send(paid("3003", created_at=START.replace(hour=10), minutes=61)) == "queued"
    world.clock.advance(MINUTE_MS)
    assert send_again(world, body, ShopRedaction(), "again").status == "queued"
    outcomes = world.run_until_idle()
    assert sorted(outcomes) == ["delivered", "parked"]  # what waited is not dropped
    assert world.parked_reasons() == [Reason.REPEATED_ERASURE]
    assert world.entry("order", "2002") != {}


def test_record_of_an_executed_request_outlives_the_erasure_of_the_shop(world: World) -> None:
    body = erase_anna(world)
    world.receive(world.body(ShopRedaction()))
    assert world.run_until_idle() == ["delivered"]
    world.clock.advance(HOUR_MS)
    world.send(order("2002", created_at=START.replace(hour=12), minutes=200))
    before = list(world.api.sent)
    assert send_again(world, body, ERASE_ANNA, "again") == REPEATED
    assert world.api.sent == before


def test_request_for_a_shop_is_a_duplicate_under_its_own_key(world: World) -> None:
    body = world.body(ShopRedaction(), key="request")
    world.receive(body)
    assert world.run_until_idle() == ["delivered"]
    world.clock.advance(HOUR_MS)
    world.send(COMEBACKS["order"])
    (outcome,) = world.receive(body)
    assert outcome == Outcome("duplicate")
    assert world.entry("order", "2002") != {}


def test_record_of_an_executed_request_names_no_person_and_does_not_expire(world: World) -> None:
    erase_anna(world)
    (record,) = (item for item in world.items() if "#erasure#" in item["pk"]["S"])
    assert record.keys() == {"pk", "sk", "executed_key"}
    assert not any(text in str(record) for text in ("anna", "77", "1001", "380501112233"))


def test_record_of_an_executed_request_means_nothing_in_another_stack(world: World) -> None:
    body = erase_anna(world)
    assert world.webhook.executed_erasures.executed_key(SHOP, body)
    assert ErasureStore(world.webhook.table, "another-stack").executed_key(SHOP, body) is None
