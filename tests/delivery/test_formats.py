"""Updates in place: today's code with what the first release left, and with what a newer one did (docs/formats.md).

tests/fixtures/format-1/ was written once, by the release whose formats were the first, and is never made anew: rows of
the table as DynamoDB returns them, messages as SQS does. ContactState in it are invented.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shopwire import platforms
from shopwire.delivery.task import Outcome
from shopwire.errors import NewerEntryFormat, NothingDurable
from shopwire.message import FORMAT, Message
from shopwire.models import Entity, Webhook
from shopwire.stores.entry import Entry, entity_key
from shopwire.stores.ledger import Glimpse, Ledger
from tests.support.delivery_world import MINUTE, OTHER, SHOP, START, World

FIRST = Path(__file__).parents[1] / "fixtures" / "format-1"
ROWS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FIRST.glob("*.json"))}
WRITTEN = int(START.timestamp() * 1000) + 15_200
SHOPIFY = platforms.get("shopify")
ORDER = Entity("order", "1001")
NEWER = FORMAT + 1


@pytest.fixture
def upgraded(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Today's code over a stack that the first release left."""
    real_platform(world, monkeypatch)
    world.clock.now = WRITTEN
    for name, rows in ROWS.items():
        for row in rows:
            if name == "messages":
                send_message(world, row["body"], row["group"])
            else:
                world.real["dynamodb"].put_item(TableName="table", Item=row)
    return world


@pytest.fixture
def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stack with nothing in it, and Shopify's own webhooks."""
    real_platform(world, monkeypatch)
    return world


def real_platform(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "get", lambda name: SHOPIFY)
    world.put_shop(OTHER, esputnik_key="key-two")


def send_message(world: World, body: str, group: str) -> None:
    world.real["sqs"].send_message(
        QueueUrl=world.queue_url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=f"{hash(body)}"
    )


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
    headers = {name.lower(): value for name, value in signed.items()}
    if delivery:
        headers["x-shopify-event-id"] = delivery
    webhook = Webhook(headers, raw, world.clock.now)
    owner, deadline = world.owner(), world.clock.now + 10_000
    ((_, outcome),) = world.webhook.receiver.receive(webhook, settings, "shopify", owner=owner, deadline=deadline)
    world.clock.pass_(1_000)
    return outcome


# --- what the first release left


def test_each_kind_of_row_has_its_fixture_and_says_the_first_format_where_it_says_one() -> None:
    assert {name: len(rows) for name, rows in ROWS.items()} == {
        "ledger": 12,
        "messages": 2,
        "outbox": 1,
        "parked": 2,
        "people": 10,
        "served": 2,
    }
    assert {row["format"]["N"] for row in ROWS["ledger"]} == {"1"}
    packed = [row["body"] for row in ROWS["messages"]]
    packed += [row["message"]["S"] for row in (*ROWS["outbox"], *ROWS["parked"])]
    assert {json.loads(text)["format"] for text in packed} == {1}


def test_an_orders_entry_still_tells_late_and_unchanged_from_new(upgraded: World) -> None:
    assert receive(upgraded, order(minute=0.5)).status == "stale"
    customer: dict[str, Any] = {"customer": {"id": 77, "first_name": "Anna"}, "phone": "+380501112233"}
    assert receive(upgraded, order(minute=1, **customer)).status == "unchanged"
    assert upgraded.api.asked == 0
    assert receive(upgraded, order(minute=2, total="30.00", **customer)).status == "delivered"
    # Known order, known person: neither the opening event nor a contact goes before it.
    assert upgraded.api.story == ["orderUpdated"]
    assert upgraded.api.events[0]["keyValue"] == "anna1001@example.com"


def test_a_key_that_was_settled_is_still_a_duplicate(upgraded: World) -> None:
    (message,) = [json.loads(row["body"]) for row in ROWS["messages"] if json.loads(row["body"])["shop"] == SHOP]
    assert "delivered" in upgraded.drain()
    delivery = message["headers"]["x-shopify-event-id"]
    assert receive(upgraded, order(1003), "orders/create", delivery).status == "duplicate"


def test_a_carts_entry_still_names_its_person_and_its_last_state(upgraded: World) -> None:
    changed = {
        "token": "cart-a",
        "updated_at": at(3),
        "line_items": [{"variant_id": 5, "quantity": 2, "price": "25.00"}],
    }
    assert receive(upgraded, changed, "carts/update").status == "delivered"
    assert upgraded.api.events[0]["keyValue"] == "borys@example.org"


def test_the_order_of_a_cart_still_carries_the_state_that_was_sent(upgraded: World) -> None:
    (cart,) = [row for row in ROWS["ledger"] if row["pk"]["S"].endswith("#cart#cart-a")]
    assert receive(upgraded, order(1008, cart_token="cart-a"), "orders/create").status == "delivered"
    assert upgraded.api.events[0]["recycleStateId"] == cart["known"]["M"]["state"]["S"]
    late = {"token": "cart-b", "updated_at": at(9), "line_items": []}
    assert receive(upgraded, late, "carts/update") == Outcome("ignored", "the cart became an order")


def test_a_fact_that_was_parked_is_still_applied_when_its_order_shows_up(upgraded: World) -> None:
    assert sorted(upgraded.parked()) == ["id: string_type", "order not seen"]
    parcel = {"id": 901, "status": "success", "tracking_number": "TN-9"}
    shipped = order(1002, fulfillments=[parcel], fulfillment_status="fulfilled")
    assert receive(upgraded, shipped).status == "delivered"
    assert upgraded.api.story == ["contact", "orderCreated", "orderDelivered"]
    assert upgraded.parked() == ["id: string_type"]


def test_the_last_parcel_still_makes_its_order_delivered(upgraded: World) -> None:
    parcel = {"id": 903, "fulfillment_id": 12, "order_id": 1007, "status": "delivered"}
    fact = parcel | {"created_at": at(20), "updated_at": at(20)}
    assert receive(upgraded, fact, "fulfillment_events/create").status == "delivered"
    assert upgraded.api.story == ["orderDelivered"]


def test_who_was_forgotten_stays_forgotten(upgraded: World) -> None:
    assert receive(upgraded, order(1009, email="erased@example.com")) == Outcome("ignored", "redacted")
    assert upgraded.api.asked == 0


def test_what_waited_in_the_queue_and_in_the_outbox_is_delivered_with_what_came_behind_it(upgraded: World) -> None:
    upgraded.clock.pass_(30_000)  # the other shop's pause is over, and its message is the probe
    for id in (1003, 1004):
        assert receive(upgraded, order(id, minute=7, total="9.00")).status == "queued"
    upgraded.drain()
    assert (upgraded.waits(), upgraded.in_outbox()) == (0, 0)
    sent = [(event["externalOrderId"], event["totalCost"]) for event in upgraded.api.events]
    assert sorted(sent) == [("1003", "25.00"), ("1003", "9.00"), ("1004", "25.00"), ("1004", "9.00"), ("2001", "25.00")]
    assert [one for one in sent if one[0] == "1004"] == [("1004", "25.00"), ("1004", "9.00")]


def test_a_paused_shop_stays_paused(upgraded: World) -> None:
    upgraded.clock.pass_(5_000)
    upgraded.poll()
    assert upgraded.api.keys.count(upgraded.api.keys[0]) == len(upgraded.api.keys), "only the shop that is served"
    assert upgraded.waits() == 1


def test_a_lease_of_the_first_release_is_respected_until_it_ends(upgraded: World) -> None:
    assert receive(upgraded, order(1005)).status == "queued"
    upgraded.clock.pass_(20_000)
    assert "delivered" in upgraded.drain()


# --- what a newer release left


def newer(world: World, kind: str = "order", id: str = "1001", **more: Any) -> dict[str, Any]:
    """An entry as a newer shopwire may have left it, as it stands in the table."""
    key = {"pk": {"S": f"{SHOP}#{kind}#{id}"}, "sk": {"S": "entry"}}
    known = {"format": {"N": "2"}, "n": {"N": "7"}, "unheard_of": {"S": "x"}, **more}
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
        SHOP, ORDER, "a-key", 1, owner="us", until=world.clock.now + 9_000, now=world.clock.now
    ),
    "line_up": lambda ledger, world: ledger.mark_pending(SHOP, ORDER, "a-key", world.clock.now),
    "convert": lambda ledger, world: ledger.convert_cart(SHOP, ORDER, None, world.clock.now),
    "name_owner": lambda ledger, world: ledger.record_cart_contact(SHOP, ORDER, "a-person", world.clock.now),
    "done_waiting": lambda ledger, world: ledger.clear_pending(entity_key(SHOP, ORDER), "a-key"),
    "mark_for_reconcile": lambda ledger, world: ledger.mark_for_reconcile(SHOP, ORDER, world.clock.now),
    "settle_glimpse": lambda ledger, world: ledger.settle_without_lease(
        SHOP, ORDER, "a-key", 1, Glimpse(Entry(), None, True), {}, world.clock.now
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
    claim = ledger.claim(SHOP, ORDER, "a-key", 1, owner="us", until=now + 9_000, now=now)
    before = newer(world, lease_owner={"S": owner}, lease_until={"N": str(now)}, lease_key={"S": "a-key"})
    with pytest.raises(NewerEntryFormat):
        ledger.settle(claim, 1, {}, now) if give_back == "settle" else ledger.release(claim, {}, now)
    assert world.entry("order", "1001") == before


def test_the_mark_of_what_was_moved_is_left_as_the_newer_one_set_it(world: World) -> None:
    before = newer(world, pending_key={"S": "a-key"}, pending_where={"S": "outbox"})
    world.webhook.ledger.move_pending(f"{SHOP}#order#1001", "a-key", "queue")
    assert world.entry("order", "1001") == before


@pytest.mark.parametrize("budget", [2_500, 0], ids=["direct", "straight to the queue"])
def test_a_change_of_a_newer_entry_waits_until_the_newer_code_is_back(
    shop: World, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    before = newer(shop)
    monkeypatch.setattr(shop.webhook.direct, "_policy", replace(shop.policy, direct_budget_ms=budget))
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
    before = newer(shop, "cart", "cart-a", known={"M": {"state": {"S": "state-9"}}})
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
    said = [(line["level"], line["what"]) for line in lines if line["message"].startswith("written by a newer")]
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
    assert receive(shop, order()) == Outcome("ignored", "redacted"), "the tombstones stand at once"
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
