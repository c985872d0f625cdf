"""shopwire's own table, ledger, queue and settings, on the fakes and on moto."""

from typing import Any

import pytest

from shopwire.errors import (
    ClaimRefused,
    ConditionFailed,
    ItemTooLarge,
    MessageTooLarge,
    NewerEntryFormat,
    QueueUnavailable,
    TableUnavailable,
    UnknownShop,
)
from shopwire.message import Message, unpack
from shopwire.models import Entity, Webhook
from shopwire.retry_queue import MAX_MESSAGE_BYTES, RetryQueue
from shopwire.shops import Shops
from shopwire.stores.entry import Pending, entity_key
from shopwire.stores.ledger import Claim, Ledger
from shopwire.stores.outbox import SHARDS, Outbox
from shopwire.stores.parked import ParkedStore
from shopwire.stores.table import Key, Table
from shopwire_simulation.fakes import cannot_connect, no_answer, throttled
from tests.support.fakes import DAY, SECOND, TABLE, Side, refused

ORDER = Entity("order", "42")
SHOP = "little-shop"
KEPT = 3 * DAY
HOLD = 15 * SECOND


@pytest.fixture
def table(side: Side) -> Table:
    return Table(side.dynamodb, TABLE)


@pytest.fixture
def ledger(table: Table) -> Ledger:
    return Ledger(table, KEPT)


def claim(ledger: Ledger, side: Side, key: str, version: int | None = 1, request_id: str = "one", **more: Any) -> Claim:
    return ledger.claim(SHOP, ORDER, key, version, request_id=request_id, until=side.now + HOLD, now=side.now, **more)


def settle(ledger: Ledger, side: Side, held: Claim, version: int | None = 1, **change: Any) -> bool:
    return ledger.settle(held, version, change, side.now)


# --- the ledger


def test_claim_of_a_settled_key_is_refused(side: Side, ledger: Ledger) -> None:
    assert settle(ledger, side, claim(ledger, side, "k1"), sent={"digest": "d"})
    with pytest.raises(ClaimRefused) as refusal:
        claim(ledger, side, "k1", request_id="two")
    entry = refusal.value.entry
    assert (entry.settled_keys, entry.version, entry.lease, entry.sent) == (("k1",), 1, None, {"digest": "d"})


def test_live_lease_refuses_and_names_its_holder(side: Side, ledger: Ledger) -> None:
    claim(ledger, side, "k1")
    side.advance(HOLD)
    with pytest.raises(ClaimRefused) as refusal:
        claim(ledger, side, "k2", 2, "two")
    assert refusal.value.entry.lease
    assert (refusal.value.entry.lease.holder, refusal.value.entry.lease.key) == ("one", "k1")


def test_expired_lease_is_taken_over_and_counts_as_a_crash(side: Side, ledger: Ledger) -> None:
    claim(ledger, side, "k1")
    for crashes, request_id in enumerate(("two", "three"), 1):
        side.advance(HOLD + 1)
        assert claim(ledger, side, "k1", request_id=request_id).entry.crashes == crashes
    side.advance(HOLD + 1)
    assert claim(ledger, side, "k2", request_id="four").entry.crashes == 0


def test_holder_may_claim_its_lease_again(side: Side, ledger: Ledger) -> None:
    claim(ledger, side, "k1")
    assert claim(ledger, side, "k1").entry.crashes == 0


def test_lower_version_is_refused_and_an_equal_one_is_not(side: Side, ledger: Ledger) -> None:
    settle(ledger, side, claim(ledger, side, "k1", 10), 10)
    with pytest.raises(ClaimRefused) as refusal:
        claim(ledger, side, "k2", 9)
    assert refusal.value.entry.version == 10
    settle(ledger, side, claim(ledger, side, "k3", 10), 10)
    assert settle(ledger, side, claim(ledger, side, "k4", None), None)
    assert ledger.get(SHOP, ORDER, side.now).version == 10


def test_versions_are_compared_as_numbers(side: Side, ledger: Ledger) -> None:
    settle(ledger, side, claim(ledger, side, "k1", 9), 9)
    assert claim(ledger, side, "k2", 10)


def test_settle_after_a_lost_lease_writes_only_key_and_version(side: Side, ledger: Ledger) -> None:
    late = claim(ledger, side, "k1", 5)
    side.advance(HOLD + 1)
    new = claim(ledger, side, "k2", 5, "two")
    assert not settle(ledger, side, late, 5, sent={"digest": "late"})
    entry = ledger.get(SHOP, ORDER, side.now)
    assert (entry.settled_keys, entry.version, entry.sent) == (("k1",), 5, {})
    assert entry.lease
    assert entry.lease.holder == "two"
    assert settle(ledger, side, new, 6, sent={"digest": "new"})
    entry = ledger.get(SHOP, ORDER, side.now)
    assert (entry.settled_keys, entry.version, entry.sent) == (("k1", "k2"), 6, {"digest": "new"})


def test_settle_after_a_lost_lease_never_lowers_the_version(side: Side, ledger: Ledger) -> None:
    late = claim(ledger, side, "k1", 5)
    side.advance(HOLD + 1)
    settle(ledger, side, claim(ledger, side, "k2", 7, "two"), 7)
    assert not settle(ledger, side, late, 5)
    entry = ledger.get(SHOP, ORDER, side.now)
    assert (entry.settled_keys, entry.version) == (("k2", "k1"), 7)


def test_settling_twice_records_the_key_once(side: Side, ledger: Ledger) -> None:
    held = claim(ledger, side, "k1")
    assert settle(ledger, side, held)
    assert settle(ledger, side, held)
    assert ledger.get(SHOP, ORDER, side.now).settled_keys == ("k1",)


def test_sixteen_keys_are_kept(side: Side, ledger: Ledger) -> None:
    for n in range(20):
        settle(ledger, side, claim(ledger, side, f"k{n}"))
    assert ledger.get(SHOP, ORDER, side.now).settled_keys == tuple(f"k{n}" for n in range(4, 20))


def test_pending_change_refuses_webhooks_but_not_the_queue(side: Side, ledger: Ledger) -> None:
    held = claim(ledger, side, "k1")
    assert ledger.defer(held, {"step": 1}, side.now)
    with pytest.raises(ClaimRefused) as refusal:
        claim(ledger, side, "k2", 2, "two")
    assert refusal.value.entry.pending
    assert (refusal.value.entry.pending.key, refusal.value.entry.pending.place) == ("k1", "queue")
    from_queue = claim(ledger, side, "k1", request_id="three", from_queue=True)
    settle(ledger, side, from_queue)
    assert ledger.get(SHOP, ORDER, side.now).pending is None
    assert claim(ledger, side, "k2", 2, "four")


def test_pending_mark_expires(side: Side, ledger: Ledger) -> None:
    ledger.mark_pending(SHOP, ORDER, "k1", side.now)
    side.advance(KEPT - 1)
    with pytest.raises(ClaimRefused):
        claim(ledger, side, "k2")
    side.advance(1)
    assert claim(ledger, side, "k2")


def test_change_queues_where_the_change_before_it_waits(side: Side, ledger: Ledger) -> None:
    assert ledger.mark_pending(SHOP, ORDER, "k1", side.now) == "queue"
    assert ledger.mark_pending(SHOP, ORDER, "k2", side.now) == "queue"
    ledger.move_to_outbox(f"{SHOP}#order#42", "k1")
    assert ledger.mark_pending(SHOP, ORDER, "k3", side.now) == "outbox"
    assert ledger.get(SHOP, ORDER, side.now).pending == Pending("k1 k2 k3", "outbox", side.now + KEPT)
    ledger.clear_pending(entity_key(SHOP, ORDER), "k1")
    ledger.clear_pending(entity_key(SHOP, ORDER), "k2")
    assert ledger.get(SHOP, ORDER, side.now).pending
    ledger.clear_pending(entity_key(SHOP, ORDER), "k3")
    assert ledger.get(SHOP, ORDER, side.now).pending is None


def test_settle_keeps_the_mark_of_a_change_queued_meanwhile(side: Side, ledger: Ledger) -> None:
    held = claim(ledger, side, "k1")
    ledger.mark_pending(SHOP, ORDER, "k2", side.now)
    assert settle(ledger, side, held)
    entry = ledger.get(SHOP, ORDER, side.now)
    assert entry.pending
    assert (entry.pending.key, entry.settled_keys, entry.lease) == ("k2", ("k1",), None)


def test_deferral_keeps_the_mark_of_a_change_queued_meanwhile(side: Side, ledger: Ledger) -> None:
    held = claim(ledger, side, "k1")
    ledger.mark_pending(SHOP, ORDER, "k2", side.now)
    assert ledger.retry_later(held, {}, side.now)
    assert ledger.get(SHOP, ORDER, side.now).pending == Pending("k2", "queue", side.now + KEPT)


def test_expired_entry_counts_as_new(side: Side, ledger: Ledger) -> None:
    settle(ledger, side, claim(ledger, side, "k1", 9), 9, sent={"digest": "d"})
    side.advance(400 * DAY + SECOND)
    assert ledger.get(SHOP, ORDER, side.now).settled_keys == ()
    held = claim(ledger, side, "k1", 1)
    assert (held.entry.settled_keys, held.entry.version) == ((), None)
    assert settle(ledger, side, held, 1)
    entry = ledger.get(SHOP, ORDER, side.now)
    assert (entry.settled_keys, entry.version, entry.sent) == (("k1",), 1, {})


def test_entry_of_a_newer_format_is_not_changed(side: Side, ledger: Ledger, table: Table) -> None:
    table.put(Key(f"{SHOP}#order#42"), {"format": 2, "revision": 1})
    with pytest.raises(NewerEntryFormat):
        claim(ledger, side, "k1")


def test_cart_is_converted_unless_its_lease_is_held(side: Side, ledger: Ledger) -> None:
    cart = Entity("cart", "ab12")
    held = ledger.claim(SHOP, cart, "k1", 1, request_id="one", until=side.now + HOLD, now=side.now)
    with pytest.raises(ClaimRefused):
        ledger.convert_cart(SHOP, cart, "anna", side.now)
    ledger.settle(held, 1, {"sent": {"digest": "d", "state": "state-1"}}, side.now)
    ledger.record_cart_contact(SHOP, cart, "borys", side.now)
    assert ledger.convert_cart(SHOP, cart, None, side.now) == "state-1"
    assert ledger.get(SHOP, cart, side.now).contact_ref == "borys"
    assert ledger.convert_cart(SHOP, cart, "anna", side.now) == "state-1"
    entry = ledger.get(SHOP, cart, side.now)
    assert (entry.converted, entry.contact_ref, entry.version) == (True, "anna", 1)


def test_visitor_does_not_replace_the_buyer_until_the_cart_expires(side: Side, ledger: Ledger) -> None:
    cart = Entity("cart", "ab12")
    ledger.convert_cart(SHOP, cart, "anna", side.now)
    ledger.record_cart_contact(SHOP, cart, "borys", side.now)
    assert ledger.get(SHOP, cart, side.now).contact_ref == "anna"
    later = side.now + 61 * 86_400_000
    ledger.record_cart_contact(SHOP, cart, "borys", later)
    entry = ledger.get(SHOP, cart, later)
    assert (entry.contact_ref, entry.contact_by_platform, entry.converted) == ("borys", False, False)


def test_cart_contact_can_be_set_while_the_lease_is_held(side: Side, ledger: Ledger) -> None:
    cart = Entity("cart", "ab12")
    held = ledger.claim(SHOP, cart, "k1", 1, request_id="one", until=side.now + HOLD, now=side.now)
    ledger.record_cart_contact(SHOP, cart, "anna", side.now)
    assert ledger.settle(held, 1, {}, side.now)
    entry = ledger.get(SHOP, cart, side.now)
    assert (entry.contact_ref, entry.version, entry.lease) == ("anna", 1, None)


# --- the table


def test_written_item_is_read_back(table: Table) -> None:
    item = {"text": "Київ", "n": -3, "flag": True, "list": ["a", 1], "map": {"a": "b"}, "raw": b"\x00\xff"}
    table.put(Key("a"), item | {"absent": None})
    assert table.get(Key("a")) == {"pk": "a", "sk": "entry", **item}
    assert table.get(Key("b")) is None
    assert table.get_many([Key("a"), Key("b"), Key("a")]) == {Key("a"): {"pk": "a", "sk": "entry", **item}}


def test_refused_update_returns_the_item(table: Table) -> None:
    assert table.update(Key("a"), {"x": 1}, add={"n": 1}) == {}
    with pytest.raises(ConditionFailed) as refusal:
        table.update(Key("a"), {"x": 2}, condition="x = :x", values={":x": 3})
    assert refusal.value.item == {"pk": "a", "sk": "entry", "x": 1, "n": 1}
    with pytest.raises(ConditionFailed) as refusal:
        table.update(Key("b"), {"x": 2}, condition="attribute_exists(x)")
    assert refusal.value.item is None


def test_once_append_and_add_are_written(table: Table) -> None:
    for n in (1, 2):
        table.update(Key("a"), {"last": n, "gone": None}, once={"first": n}, append={"list": [f"{n}"]}, add={"n": 5})
    assert table.get(Key("a")) == {"pk": "a", "sk": "entry", "last": 2, "first": 1, "list": ["1", "2"], "n": 10}


def test_too_large_item_has_its_own_error(table: Table) -> None:
    with pytest.raises(ItemTooLarge):
        table.put(Key("a"), {"text": "x" * 410_000})
    with pytest.raises(ItemTooLarge):
        table.update(Key("a"), {"text": "x" * 410_000})


def test_scan_finds_every_key_with_a_prefix(table: Table) -> None:
    for n in range(6):
        table.put(Key(f"{'a' if n % 2 else 'b'}#{n}"), {"text": "x" * 300_000})
    assert sorted(key.pk for key in table.scan_keys("a#")) == ["a#1", "a#3", "a#5"]


def test_parked_webhooks_are_listed_oldest_first(side: Side, table: Table) -> None:
    parked = ParkedStore(table)
    for n in range(5):
        body = Webhook({}, f"{n}".encode() * 300_000, side.now + n)
        parked.put(Message(SHOP, f"k{n}", body), "orders/paid", ORDER, "a reason", side.now)
    found = parked.list(SHOP)
    assert [parked_webhook.message.key for parked_webhook in found] == [f"k{n}" for n in range(5)]
    parked.put(found[0].message, "orders/paid", ORDER, "another reason", side.now + 9)
    again = parked.get(found[0].id)
    assert again
    assert (again.tries, again.first, again.last, again.reason) == (2, side.now, side.now + 9, "another reason")
    parked.remove(found[0].id, tries=1)
    assert parked.get(found[0].id)
    parked.remove(found[0].id, tries=2)
    assert parked.get(found[0].id) is None


def test_outbox_keeps_each_entity_in_order_of_receipt(side: Side, table: Table) -> None:
    outbox = Outbox(table)
    for n in (2, 0, 1):
        message = Message(SHOP, f"k{n}", Webhook({}, b"{}", side.now + n))
        outbox.put(message, f"{SHOP}#order#42", f"k{n}", side.now)
    waiting = [message for shard in range(SHARDS) for message in outbox.waiting(shard)]
    assert [message.key for message in waiting] == ["k0", "k1", "k2"]
    assert [message.key for message in outbox.of_shop(SHOP)] == ["k0", "k1", "k2"]
    outbox.remove(waiting[0])
    assert [message.key for message in outbox.of_shop(SHOP)] == ["k1", "k2"]
    assert outbox.remove_many(waiting) == []
    assert list(outbox.of_shop(SHOP)) == []


# --- the queue


def message(n: int, body: bytes = b"{}") -> Message:
    return Message(SHOP, f"k{n}", Webhook({"x-topic": "t"}, body, 1000 + n))


def test_batch_is_put_like_single_messages(side: Side) -> None:
    queue = side.queue()
    entities = [f"{SHOP}#order#{n}" for n in range(10)]
    batch = [(message(n).pack(), entity) for n, entity in enumerate(entities)]
    assert RetryQueue(queue.client, queue.url).put_many(batch) == {}
    RetryQueue(queue.client, queue.url).put(message(10), entities[0])
    received = queue.receive(1) + queue.receive()
    assert unpack(received[0]["Body"]) == message(0)
    groups = [each["Attributes"]["MessageGroupId"] for each in received]
    assert len(set(groups)) == 10
    queue.delete(received[0])
    assert queue.receive()[0]["Attributes"]["MessageGroupId"] == groups[0]


def test_entity_is_one_group_and_keeps_its_order(side: Side) -> None:
    queue = side.queue()
    put = RetryQueue(queue.client, queue.url).put
    for n in range(3):
        put(message(n), f"{SHOP}#order#42")
    put(message(9), f"{SHOP}#order#43")
    received = queue.receive()
    groups = [message["Attributes"]["MessageGroupId"] for message in received]
    keys = [unpack(message["Body"]).key for message, group in zip(received, groups, strict=True) if group == groups[0]]
    assert len(set(groups)) == 2
    assert keys == ["k0", "k1", "k2"]


def test_message_put_twice_is_received_twice(side: Side) -> None:
    queue = side.queue()
    for _ in range(2):
        RetryQueue(queue.client, queue.url).put(message(1), f"{SHOP}#order#42")
    assert len(queue.bodies()) == 2


def test_largest_message_of_shopwire_is_accepted(side: Side) -> None:
    queue = side.queue()
    retry = RetryQueue(queue.client, queue.url)
    fits, over = _of_size(MAX_MESSAGE_BYTES), _of_size(MAX_MESSAGE_BYTES + 1)
    retry.put(fits, "e")
    with pytest.raises(MessageTooLarge):
        retry.put(over, "e")
    assert [len(body) for body in queue.bodies()] == [MAX_MESSAGE_BYTES]


def _of_size(size: int) -> Message:
    empty = Message(SHOP, "", Webhook({}, b"", 1))
    return Message(SHOP, "k" * (size - len(empty.pack())), Webhook({}, b"", 1))


def test_message_is_held_back_as_requested_within_the_limit_of_sqs(side: Side) -> None:
    queue = side.queue()
    retry = RetryQueue(queue.client, queue.url)
    queue.send("a")
    (received,) = queue.receive()
    retry.hold_back(received["ReceiptHandle"], 90.7)
    side.advance(89 * SECOND)
    assert queue.bodies() == []
    side.advance(SECOND)
    (received,) = queue.receive()
    retry.hold_back(received["ReceiptHandle"], -5)
    (received,) = queue.receive()
    retry.hold_back(received["ReceiptHandle"], 10**9)
    side.advance(11 * 3600 * SECOND - 1)
    assert queue.bodies() == []
    side.advance(2 * SECOND)
    assert queue.bodies() == ["a"]


def test_holding_back_a_deleted_message_is_no_error(side: Side) -> None:
    queue = side.queue()
    queue.send("a")
    (received,) = queue.receive()
    queue.delete(received)
    RetryQueue(queue.client, queue.url).hold_back(received["ReceiptHandle"], 5)


# --- the settings


def test_shop_is_found_by_its_parameter_and_others_are_unknown(side: Side) -> None:
    for n in range(12):
        value = '{"platform": "shopify", "secrets": ["s"], "esputnik_key": "k"}'
        side.ssm.put_parameter(Name=f"/shops/shop-{n}", Value=value, Type="SecureString")
    shops = Shops(side.ssm, "/shops/", lambda: side.now / 1000)
    assert shops.get("shop-7").id == "shop-7"
    assert shops.ids() == {f"shop-{n}" for n in range(12)}
    with pytest.raises(UnknownShop):
        shops.get("shop-12")


# --- failing stores


@pytest.mark.parametrize(
    "error", [cannot_connect("dynamodb"), no_answer("dynamodb"), throttled("dynamodb", "update_item")]
)
def test_every_failure_of_a_store_means_that_it_is_down(fake_side: Side, error: Exception) -> None:
    def hook(operation: str, phase: str) -> None:
        raise error

    queue = fake_side.queue()
    fake_side.dynamodb._hook = queue.client._hook = hook
    with pytest.raises(TableUnavailable):
        Table(fake_side.dynamodb, TABLE).update(Key("a"), {"x": 1})
    with pytest.raises(QueueUnavailable):
        RetryQueue(queue.client, queue.url).put(message(1), "e")


def test_batch_that_is_read_in_part_means_that_the_table_is_down(fake_side: Side) -> None:
    table = Table(fake_side.dynamodb, TABLE)
    table.put(Key("a"), {})
    fake_side.dynamodb.unprocessed = lambda keys: 1
    with pytest.raises(TableUnavailable):
        table.get_many([Key("a"), Key("b")])


def test_programming_error_is_not_hidden(side: Side) -> None:
    with refused("ValidationException"):
        Table(side.dynamodb, TABLE).update(Key("a"), {"x": 1}, values={":unused": 1})
