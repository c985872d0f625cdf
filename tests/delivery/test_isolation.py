"""One webhook, entity or shop never stops another: unexpected errors, and what is too large for the table."""

import io
import random
from collections.abc import Mapping
from typing import Any

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import Reason
from shopwire.stores.ledger import Ledger
from shopwire.stores.outbox import Outbox, Waiting
from tests.support.changes import BORYS, HOUR_MS, OTHER_SHOP, SHOP, order, paid
from tests.support.delivery_world import World

TOO_LARGE = Outcome("parked", Reason.TOO_LARGE)


class Explosion(Exception):
    """An unexpected error, with a person's address in its text."""

    def __init__(self) -> None:
        super().__init__("canary@example.com")


def noise(size: int) -> str:
    """Return text that compression makes at most half as long."""
    return random.Random(1).randbytes(size // 2).hex()


# --- an unexpected error


def fail_claims_of(monkeypatch: pytest.MonkeyPatch, id: str) -> None:
    """Let the claim of an order's lease end with an unexpected error."""
    claim = Ledger.claim

    def claim_or_explode(self: Ledger, shop: str, entity: Any, *args: Any, **options: Any) -> Any:
        if entity.id == id:
            raise Explosion
        return claim(self, shop, entity, *args, **options)

    monkeypatch.setattr(Ledger, "claim", claim_or_explode)


def test_unexpected_error_of_a_message_stops_only_its_own_group(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    bad, follower, other = order("1"), paid("1"), order("2", contact=BORYS)
    world.put_into_queue(*map(world.body, (bad, other, follower)))
    seconds = world.record_hold_backs(monkeypatch)
    with monkeypatch.context() as patch:
        fail_claims_of(patch, "1")
        assert sorted(world.run_retry()) == ["delivered", "waiting"]
        assert (seconds[0] > 0, seconds[1:]) == (True, [0])
        assert "canary" not in log.getvalue()
        assert "Explosion in claim_or_explode" in log.getvalue()
    assert world.queue_length() == 2
    world.run_until_idle()
    ours = [event["status"] for event in world.api.events if event["externalOrderId"] == "1"]
    assert ours == ["INITIALIZED", "IN_PROGRESS"]


def test_unexpected_error_that_never_ends_delays_no_other_shop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_shop(OTHER_SHOP)
    world.put_into_queue(world.body(order("1")))
    fail_claims_of(monkeypatch, "1")
    for id in ("2", "3"):
        with world.outage("dynamodb"):
            world.send(order(id), shop=OTHER_SHOP)
        world.clock.advance(HOUR_MS)
        assert sorted(world.run_retry()) == ["delivered", "waiting"]
    assert world.queue_length() == 1


def test_unexpected_error_of_a_webhook_in_the_outbox_stops_only_its_own_entity(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    world.api.answer = 503
    with world.outage("sqs"):
        for id in ("1", "2", "3"):
            assert world.send(order(id)) == "queued"
            world.send(paid(id))
    remove_many = Outbox.remove_many

    def remove_or_explode(self: Outbox, moved: list[Waiting]) -> list[Waiting]:
        if any("#order#2" in waiting.entity_key for waiting in moved):
            raise Explosion
        return remove_many(self, moved)

    monkeypatch.setattr(Outbox, "remove_many", remove_or_explode)
    world.clock.advance(HOUR_MS)
    world.run_upkeep()
    assert {item["entity_key"]["S"] for item in world.items() if "entity_key" in item} == {f"{SHOP}#order#2"}
    assert "canary" not in log.getvalue()


# --- too large for the table (moto keeps a part of what it refuses as too large, test_fakes_differences.py)


def enlarge_what_is_recorded(monkeypatch: pytest.MonkeyPatch, id: str = "1001") -> None:
    """Let an order's change record more in its entry than an item may hold."""

    def reference(order: Any) -> Mapping[str, str]:
        return {"orderNumber": noise(500_000)} if order.id == id else {}

    monkeypatch.setattr("shopwire.delivery.decide.order_reference", reference)


@pytest.mark.parametrize("waits", [False, True])
def test_change_too_large_to_settle_is_parked_and_frees_its_entity(
    fake_world: World, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    world = fake_world
    with monkeypatch.context() as patch:
        enlarge_what_is_recorded(patch)
        if waits:
            world.put_into_queue(world.body(order()), world.body(order("2", contact=BORYS)))
            assert sorted(world.run_until_idle()) == ["delivered", "parked"]
        else:
            assert world.deliver(order()) == TOO_LARGE
    assert world.parked_reasons() == [Reason.TOO_LARGE]
    entry = world.entry("order", "1001")
    assert {"lease_holder", "pending_key", "settled_keys"}.isdisjoint(entry)
    assert world.send(order(minutes=-1)) == "stale"  # the API has the parked change, so nothing earlier may follow
    assert world.send(paid()) == "delivered"


def test_change_too_large_to_settle_without_a_request_is_parked(
    fake_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fake_world
    world.send(order())
    enlarge_what_is_recorded(monkeypatch)
    assert world.deliver(order(minutes=1)) == TOO_LARGE
    assert "lease_holder" not in world.entry("order", "1001")


@pytest.mark.parametrize("answer", [503, 400])
def test_change_too_large_to_release_gives_its_lease_back(
    fake_world: World, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    world = fake_world
    enlarge_what_is_recorded(monkeypatch)
    world.api.next_answers = [200, answer]
    assert world.send(order()) == ("queued" if answer == 503 else "parked")
    assert "lease_holder" not in world.entry("order", "1001")
    if answer == 503:
        assert world.run_until_idle() == ["parked"]
        assert world.parked_reasons() == [Reason.TOO_LARGE]


def test_change_too_large_to_release_is_retried_then_parked(fake_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world
    enlarge_what_is_recorded(monkeypatch)
    world.put_into_queue(world.body(order()))
    world.api.next_answers = [200, 503, 503]
    assert world.run_until_idle() == ["parked"]
    assert world.parked_reasons() == [Reason.TOO_LARGE]
    assert "lease_holder" not in world.entry("order", "1001")


@pytest.mark.parametrize("readable", [True, False])
def test_webhook_too_large_to_be_parked_is_parked_without_its_body(fake_world: World, readable: bool) -> None:
    world = fake_world
    text = noise(1_200_000)
    world.api.next_answers = [200, 400]
    (outcome,) = world.receive(world.body(order(), text=text) if readable else text.encode())
    assert outcome.status == "parked"
    (parked,) = world.upkeep.parked.list(SHOP)
    assert parked.reason == (Reason.API_REJECTED if readable else Reason.UNREADABLE)
    assert parked.message.webhook.body == b""
    assert world.entry("order", "1001").get("lease_holder") is None
