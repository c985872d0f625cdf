"""Roll-backs: what this release does with entries and messages of a newer one (docs/formats.md)."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shopwire import platforms
from shopwire.delivery.task import Outcome
from shopwire.errors import NewerEntryFormat, NothingDurable
from shopwire.message import FORMAT, Message
from shopwire.models import Entity, Webhook
from shopwire.stores.entry import Entry, entity_key
from shopwire.stores.ledger import Ledger, Peek
from tests.support.delivery_world import MINUTE, OTHER, SHOP, START, World

SHOPIFY = platforms.get("shopify")
ORDER = Entity("order", "1001")
NEWER = FORMAT + 1


@pytest.fixture
def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stack with nothing in it, and Shopify's own webhooks."""
    real_platform(world, monkeypatch)
    return world


def real_platform(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "get", lambda name: SHOPIFY)
    world.put_shop(OTHER, esputnik_key="key-two")


def at(minute: float) -> str:
    return (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def order(id: int = 1001, minute: float = 1, total: str = "25.00", **more: Any) -> dict[str, Any]:
    line = {"id": 1, "variant_id": 5, "quantity": 1, "price": total, "title": "Mug"}
    return {
        "id": id,
        "name": f"#{id}",
        "created_at": at(0),
        "updated_at": at(minute),
        "currency": "UAH",
        "total_price": total,
        "current_total_price": total,
        "financial_status": "paid",
        "email": f"anna{id}@example.com",
        "line_items": [line],
        **more,
    }


def receive(world: World, body: dict[str, Any], topic: str = "orders/updated", delivery: str = "") -> Outcome:
    raw, settings = json.dumps(body).encode(), world.webhook.shops.get(SHOP)
    signed = SHOPIFY.sign(topic, raw, settings, world.clock.now)
    headers = dict(signed.headers)
    if delivery:
        headers["x-shopify-event-id"] = delivery
    webhook = Webhook(headers, raw, world.clock.now)
    deadline = world.clock.now + 10_000
    ((_, outcome),) = world.webhook.receiver.receive(
        webhook, settings, "shopify", request_id=world.owner(), deadline=deadline
    )
    world.clock.pass_(1_000)
    return outcome


# --- what a newer release left


def newer(world: World, kind: str = "order", id: str = "1001", **more: Any) -> dict[str, Any]:
    """An entry as a newer shopwire may have left it, as it stands in the table."""
    key = {"pk": {"S": f"{SHOP}#{kind}#{id}"}, "sk": {"S": "entry"}}
    known = {"format": {"N": "2"}, "revision": {"N": "7"}, "unheard_of": {"S": "x"}, **more}
    world.real["dynamodb"].put_item(TableName="table", Item=key | known)
    return world.entry(kind, id)


def newer_message(world: World, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]) -> None:
    """What a newer shopwire could not deliver."""
    with newer_messages(monkeypatch):
        world.api.answers = [500]
        assert receive(world, body).status == "queued"
    world.api.asked = 0


@contextmanager
def newer_messages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is packed meanwhile is of a format to come."""
    pack = Message.pack
    with monkeypatch.context() as later:
        later.setattr(Message, "pack", lambda self: json.dumps(json.loads(pack(self)) | {"format": NEWER}))
        yield


def the_newer_code_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on entries of format 2 are read and written."""
    for module in ("entry", "ledger"):
        monkeypatch.setattr(f"shopwire.stores.{module}.FORMAT", 2)


WRITES: dict[str, Callable[[Ledger, World], Any]] = {
    "claim": lambda ledger, world: ledger.claim(
        SHOP, ORDER, "a-key", 1, request_id="us", until=world.clock.now + 9_000, now=world.clock.now
    ),
    "mark_pending": lambda ledger, world: ledger.mark_pending(SHOP, ORDER, "a-key", world.clock.now),
    "convert_cart": lambda ledger, world: ledger.convert_cart(SHOP, ORDER, None, world.clock.now),
    "record_cart_contact": lambda ledger, world: ledger.record_cart_contact(SHOP, ORDER, "a-person", world.clock.now),
    "clear_pending": lambda ledger, world: ledger.clear_pending(entity_key(SHOP, ORDER), "a-key"),
    "mark_for_reconcile": lambda ledger, world: ledger.mark_for_reconcile(SHOP, ORDER, world.clock.now),
    "settle_without_lease": lambda ledger, world: ledger.settle_without_lease(
        SHOP, ORDER, "a-key", 1, Peek(Entry(), None, True), {}, world.clock.now
    ),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("more", [{}, {"pending_key": {"S": "a-key"}}, {"expires": {"N": "1"}}])
def test_no_write_touches_a_newer_entry(world: World, write: str, more: dict[str, Any]) -> None:
    before = newer(world, **more)
    with pytest.raises(NewerEntryFormat):
        WRITES[write](world.webhook.ledger, world)
    assert world.entry("order", "1001") == before


@pytest.mark.parametrize("give_back", ["settle", "release"])
@pytest.mark.parametrize("owner", ["us", "another"])
def test_who_comes_back_to_an_entry_that_became_newer_writes_nothing(world: World, give_back: str, owner: str) -> None:
    ledger, now = world.webhook.ledger, world.clock.now
    claim = ledger.claim(SHOP, ORDER, "a-key", 1, request_id="us", until=now + 9_000, now=now)
    before = newer(world, lease_holder={"S": owner}, lease_until={"N": str(now)}, lease_key={"S": "a-key"})
    with pytest.raises(NewerEntryFormat):
        ledger.settle(claim, 1, {}, now) if give_back == "settle" else ledger.release(claim, {}, now)
    assert world.entry("order", "1001") == before


def test_the_mark_of_what_was_moved_is_left_as_the_newer_one_set_it(world: World) -> None:
    before = newer(world, pending_key={"S": "a-key"}, pending_place={"S": "outbox"})
    world.webhook.ledger.move_pending(f"{SHOP}#order#1001", "a-key", "queue")
    assert world.entry("order", "1001") == before


@pytest.mark.parametrize("budget", [2_500, 0], ids=["direct", "queued_first"])
def test_a_change_of_a_newer_entry_waits_until_the_newer_code_is_back(
    shop: World, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    before = newer(shop)
    monkeypatch.setattr(shop.webhook.receiver, "_policy", replace(shop.policy, direct_budget_ms=budget))
    assert receive(shop, order()).status == "queued"
    for _ in range(2 * 96):  # a rollback of two days
        shop.poll()
        shop.clock.pass_(15 * MINUTE + 1_000)
    assert (shop.waits(), shop.parked(), shop.api.asked) == (1, [], 0)
    assert shop.entry("order", "1001") == before
    assert [one["outcome"] for one in shop.reports] == []
    the_newer_code_is_back(monkeypatch)
    assert shop.drain() == ["delivered"]
    assert shop.api.story == ["contact", "orderCreated"]
    assert shop.reports[-1]["receives"] < 2 * 96 + 70, "SQS gives up after a thousand"


def test_an_order_waits_for_whoever_can_read_its_carts_entry(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = newer(shop, "cart", "cart-a", sent={"M": {"state": {"S": "state-9"}}})
    assert receive(shop, order(cart_token="cart-a")).status == "queued"
    shop.clock.pass_(30_000)
    shop.poll()
    assert (shop.waits(), shop.parked(), shop.api.asked) == (1, [], 0)
    assert shop.entry("cart", "cart-a") == before
    the_newer_code_is_back(monkeypatch)
    assert shop.drain() == ["delivered"]
    assert shop.api.events[0]["recycleStateId"] == "state-9"


def test_with_a_newer_entry_and_no_queue_the_platform_is_asked_to_come_again(shop: World) -> None:
    before = newer(shop)
    with shop.outage("sqs"), pytest.raises(NothingDurable):
        receive(shop, order())
    assert shop.entry("order", "1001") == before


def test_a_newer_message_waits_with_what_came_behind_it(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    newer_message(shop, monkeypatch, order(minute=1))
    assert receive(shop, order(minute=2, total="9.00")).status == "queued"
    for _ in range(44):  # moto holds nothing back beyond twelve hours after it was sent
        shop.poll()
        shop.clock.pass_(15 * MINUTE + 1_000)
    assert (shop.waits(), shop.parked(), shop.api.asked) == (2, [], 0)
    assert [report["outcome"] for report in shop.reports] == []
    monkeypatch.setattr("shopwire.message.FORMAT", NEWER)
    assert shop.drain() == ["delivered", "delivered"]
    assert [event["totalCost"] for event in shop.api.events] == ["25.00", "9.00"]


def test_what_waits_for_a_newer_shopwire_is_said_in_the_log(
    shop: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    newer_message(shop, monkeypatch, order())
    shop.clock.pass_(30_000)
    shop.poll()
    newer(shop, id="1002")
    receive(shop, order(1002))
    shop.poll()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    said = [(line["level"], line["what"]) for line in lines if line["message"].startswith("a newer release wrote")]
    assert said == [("INFO", "message"), ("INFO", "entry")]
    assert not any(line["level"] in ("WARNING", "ERROR") or "_aws" in line for line in lines), "no alarm hangs on it"


def test_a_newer_message_stays_in_the_outbox_and_only_its_own_order_with_it(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.outage("sqs"):
        newer_message(shop, monkeypatch, order(1001, 1))
        assert receive(shop, order(1001, 2, total="9.00")).status == "queued"
        shop.api.answers = [500]
        assert receive(shop, order(1010, 1)).status == "queued"
    assert shop.in_outbox() == 3
    assert shop.tidy() == 1
    shop.clock.pass_(60_000)
    shop.poll()
    assert [event["externalOrderId"] for event in shop.api.events] == ["1010"]
    assert (shop.tidy(), shop.in_outbox(), shop.parked()) == (0, 2, [])
    monkeypatch.setattr("shopwire.message.FORMAT", NEWER)
    shop.drain()
    assert [event["totalCost"] for event in shop.api.events][1:] == ["25.00", "9.00"]
    assert shop.in_outbox() == 0


def test_a_wish_to_be_forgotten_waits_for_whoever_can_read_what_is_parked(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with newer_messages(monkeypatch):
        assert receive(shop, {"id": []}).status == "parked"
    customer = {"id": 79, "email": "anna1001@example.com", "phone": None}
    wish = {"shop_domain": "example.myshopify.com", "customer": customer, "orders_to_redact": []}
    assert receive(shop, wish, "customers/redact").status == "queued"
    assert receive(shop, order()) == Outcome("ignored", "erased"), "the tombstones stand at once"
    monkeypatch.setattr("shopwire.message.FORMAT", NEWER)
    assert shop.drain() == ["delivered"]


def test_what_waits_for_a_newer_shopwire_is_looked_at_each_minute_then_each_quarter_of_an_hour(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[float] = []
    monkeypatch.setattr(shop.retry.queue, "hold_back", lambda handle, seconds: held.append(seconds))
    newer_message(shop, monkeypatch, order())
    newer(shop, id="1002")
    receive(shop, order(1002))
    shop.clock.pass_(MINUTE)
    shop.poll()
    shop.clock.pass_(60 * MINUTE)
    shop.poll()
    assert held == [60, 60, 900, 900]


def test_a_newer_message_is_not_taken_for_the_probe_that_ends_a_pause(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.outage("sqs"):
        newer_message(shop, monkeypatch, order(1001))
        shop.api.answers = [500]
        assert receive(shop, order(1010)).status == "queued"
    # Of one partition of the outbox, the newer one first.
    items = shop.real["dynamodb"].scan(TableName="table")["Items"]
    for item in [one for one in items if one["pk"]["S"].startswith("outbox#")]:
        shop.real["dynamodb"].delete_item(TableName="table", Key={"pk": item["pk"], "sk": item["sk"]})
        shop.real["dynamodb"].put_item(TableName="table", Item=item | {"pk": {"S": "outbox#0"}})
    shop.webhook.pauses.pause(SHOP, "the API fails", shop.clock.now)
    shop.clock.pass_(2 * MINUTE)
    assert shop.tidy() == 1
    shop.poll()
    assert [event["externalOrderId"] for event in shop.api.events] == ["1010"]
