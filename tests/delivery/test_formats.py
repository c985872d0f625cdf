"""Roll-backs: what this release does with entries and messages that a newer one wrote (docs/formats.md)."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from shopwire.delivery.task import Outcome
from shopwire.errors import NewerEntryFormat, NothingDurable
from shopwire.message import FORMAT, Message
from shopwire.models import Change, Entity, Reason, Redaction
from shopwire.models.change import EntityKind
from shopwire.stores.entry import Entry, entity_key
from shopwire.stores.ledger import Ledger, Peek
from shopwire.stores.outbox import PARTITION
from tests.support.changes import ANNA, BORYS, MINUTE_MS, SHOP, order, paid
from tests.support.delivery_world import World
from tests.support.fakes import TABLE

ORDER = Entity("order", "1001")
NEWER = FORMAT + 1


# --- what a newer release left


def put_newer_entry(world: World, kind: EntityKind = "order", id: str = "1001", **attributes: Any) -> dict[str, Any]:
    """Write an entry as a newer release may leave it. Return its item."""
    entity = Entity.of_cart(id) if kind == "cart" else Entity(kind, id)
    key = {"pk": {"S": entity_key(SHOP, entity)}, "sk": {"S": "entry"}}
    newer = {"format": {"N": str(NEWER)}, "revision": {"N": "7"}, "unheard_of": {"S": "x"}, **attributes}
    world.aws.dynamodb.put_item(TableName=TABLE, Item=key | newer)
    return world.entry(kind, id)


def defer_newer_message(world: World, monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Let a newer release receive a change that it cannot deliver."""
    with newer_messages(monkeypatch):
        world.api.next_answers = [500]
        assert world.send(change) == "queued"
    world.api.request_count = 0


@contextmanager
def newer_messages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pack messages in a newer format."""
    pack = Message.pack
    with monkeypatch.context() as newer:
        newer.setattr(Message, "pack", lambda self: json.dumps(json.loads(pack(self)) | {"format": NEWER}))
        yield


def deploy_newer_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read and write entries and messages of the newer format from now on."""
    for module in ("message", "stores.entry", "stores.ledger"):
        monkeypatch.setattr(f"shopwire.{module}.FORMAT", NEWER)


# --- entries

WRITES: dict[str, Callable[[Ledger, World], Any]] = {
    "claim": lambda ledger, world: ledger.claim(
        SHOP, ORDER, "a-key", 1, request_id="ours", until=world.clock.now + 9_000, now=world.clock.now
    ),
    "mark_pending": lambda ledger, world: ledger.mark_pending(SHOP, ORDER, "a-key", world.clock.now),
    "convert_cart": lambda ledger, world: ledger.convert_cart(SHOP, ORDER, None, world.clock.now),
    "record_cart_contact": lambda ledger, world: ledger.record_cart_contact(SHOP, ORDER, "a-contact", world.clock.now),
    "clear_pending": lambda ledger, world: ledger.clear_pending(entity_key(SHOP, ORDER), "a-key"),
    "mark_for_reconcile": lambda ledger, world: ledger.mark_for_reconcile(SHOP, ORDER, world.clock.now),
    "settle_without_lease": lambda ledger, world: ledger.settle_without_lease(
        SHOP, ORDER, "a-key", 1, Peek(Entry(), None, True), {}, world.clock.now
    ),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("attributes", [{}, {"pending_key": {"S": "a-key"}}, {"expires": {"N": "1"}}])
def test_no_write_changes_a_newer_entry(world: World, write: str, attributes: dict[str, Any]) -> None:
    before = put_newer_entry(world, **attributes)
    with pytest.raises(NewerEntryFormat):
        WRITES[write](world.webhook.ledger, world)
    assert world.entry("order", "1001") == before


@pytest.mark.parametrize("give_back", ["settle", "release"])
@pytest.mark.parametrize("holder", ["ours", "another"])
def test_holder_writes_nothing_if_the_entry_became_newer(world: World, give_back: str, holder: str) -> None:
    ledger, now = world.webhook.ledger, world.clock.now
    claim = ledger.claim(SHOP, ORDER, "a-key", 1, request_id="ours", until=now + 9_000, now=now)
    before = put_newer_entry(world, lease_holder={"S": holder}, lease_until={"N": str(now)}, lease_key={"S": "a-key"})
    with pytest.raises(NewerEntryFormat):
        ledger.settle(claim, 1, {}, now) if give_back == "settle" else ledger.release(claim, {}, now)
    assert world.entry("order", "1001") == before


def test_moving_a_pending_change_leaves_the_mark_of_a_newer_entry(world: World) -> None:
    before = put_newer_entry(world, pending_key={"S": "a-key"}, pending_place={"S": "queue"})
    world.webhook.ledger.move_to_outbox(entity_key(SHOP, ORDER), "a-key")
    assert world.entry("order", "1001") == before


@pytest.mark.parametrize("budget_ms", [2_500, 0], ids=["direct", "queued_first"])
def test_change_of_a_newer_entry_waits_for_the_newer_release(
    fake_world: World, monkeypatch: pytest.MonkeyPatch, budget_ms: int
) -> None:
    world = fake_world
    before = put_newer_entry(world)
    world.policy = replace(world.policy, direct_budget_ms=budget_ms)
    world.restart()
    assert world.send(order()) == "queued"
    quarters = 2 * 96  # a roll-back of two days
    for _ in range(quarters):
        world.run_retry()
        world.clock.advance(15 * MINUTE_MS + 1_000)
    assert (world.queue_length(), world.parked_reasons(), world.api.request_count) == (1, [], 0)
    assert world.entry("order", "1001") == before
    assert world.reports == []
    deploy_newer_release(monkeypatch)
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated"]
    assert world.reports[-1]["receives"] < quarters + 70, "SQS gives up after a thousand"


def test_order_with_a_newer_cart_entry_waits_for_the_newer_release(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = put_newer_entry(world, "cart", "cart-a", sent={"M": {"state": {"S": "state-9"}}})
    assert world.send(order(cart_token="cart-a")) == "queued"
    world.clock.advance(30_000)
    world.run_retry()
    assert (world.queue_length(), world.parked_reasons(), world.api.request_count) == (1, [], 0)
    assert world.entry("cart", "cart-a") == before
    deploy_newer_release(monkeypatch)
    assert world.run_until_idle() == ["delivered"]
    assert world.api.events[0]["recycleStateId"] == "state-9"


def test_newer_entry_without_the_queue_is_answered_503(world: World) -> None:
    before = put_newer_entry(world)
    with world.outage("sqs"), pytest.raises(NothingDurable):
        world.send(order())
    assert world.entry("order", "1001") == before


# --- messages


def test_newer_message_waits_together_with_the_messages_behind_it(
    fake_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fake_world
    defer_newer_message(world, monkeypatch, order())
    assert world.send(paid()) == "queued"
    for _ in range(2 * 96):
        world.run_retry()
        world.clock.advance(15 * MINUTE_MS + 1_000)
    assert (world.queue_length(), world.parked_reasons(), world.api.request_count) == (2, [], 0)
    assert world.reports == []
    deploy_newer_release(monkeypatch)
    assert world.run_until_idle() == ["delivered", "delivered"]
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated"]


def test_log_says_what_waits_for_a_newer_release(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    defer_newer_message(world, monkeypatch, order())
    world.clock.advance(30_000)
    world.run_retry()
    put_newer_entry(world, id="1002")
    world.send(order("1002"))
    world.run_retry()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    waiting = [(line["level"], line["what"]) for line in lines if line["message"].startswith("a newer release wrote")]
    assert waiting == [("INFO", "message"), ("INFO", "entry")]
    assert not any(line["level"] in ("WARNING", "ERROR") or "_aws" in line for line in lines), "it must cause no alarm"


def test_newer_message_in_the_outbox_delays_only_its_own_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.outage("sqs"):
        defer_newer_message(world, monkeypatch, order())
        assert world.send(paid()) == "queued"
        world.api.next_answers = [500]
        assert world.send(order("1010", contact=BORYS)) == "queued"
    assert world.outbox_length() == 3
    assert world.run_upkeep() == 1
    world.clock.advance(MINUTE_MS)
    world.run_retry()
    assert [event["externalOrderId"] for event in world.api.events] == ["1010"]
    assert (world.run_upkeep(), world.outbox_length(), world.parked_reasons()) == (0, 2, [])
    deploy_newer_release(monkeypatch)
    world.run_until_idle()
    assert [event["type"] for event in world.api.events][1:] == ["orderCreated", "orderUpdated"]
    assert world.outbox_length() == 0


def test_erasure_request_waits_for_the_release_that_can_read_parked_webhooks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with newer_messages(monkeypatch):
        assert [outcome.status for outcome in world.receive(b"unreadable")] == ["parked"]
    assert world.send(Redaction(ANNA, "77")) == "queued"
    assert world.deliver(order()) == Outcome("ignored", Reason.ERASED), "the tombstones are written at once"
    deploy_newer_release(monkeypatch)
    assert world.run_until_idle() == ["delivered"]


def test_newer_data_is_tried_each_minute_and_after_an_hour_each_15_minutes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = world.record_hold_backs(monkeypatch)
    defer_newer_message(world, monkeypatch, order())
    put_newer_entry(world, id="1002")
    world.send(order("1002"))
    world.clock.advance(MINUTE_MS)
    world.run_retry()
    world.clock.advance(60 * MINUTE_MS)
    world.run_retry()
    assert seconds == [60, 60, 900, 900]


def test_newer_message_does_not_use_up_the_probe(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.outage("sqs"):
        defer_newer_message(world, monkeypatch, order())
        world.api.next_answers = [500]
        assert world.send(order("1010", contact=BORYS)) == "queued"
    # Both are in one partition of the outbox, the newer message first.
    for item in [item for item in world.items() if item["pk"]["S"].startswith(PARTITION)]:
        world.aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
        world.aws.dynamodb.put_item(TableName=TABLE, Item=item | {"pk": {"S": f"{PARTITION}0"}})
    world.webhook.pauses.pause(SHOP, Reason.API_FAILED, world.clock.now)
    world.clock.advance(2 * MINUTE_MS)
    assert world.run_upkeep() == 1
    world.run_retry()
    assert [event["externalOrderId"] for event in world.api.events] == ["1010"]
