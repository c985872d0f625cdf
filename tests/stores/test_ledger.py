"""The writes of the ledger, one by one: leases, pending marks, settled versions, expiry."""

import json
from typing import Any

import pytest

from shopwire.errors import ClaimRefused, ConditionFailed
from shopwire.models import Entity
from shopwire.stores.entry import Place, entity_key
from shopwire.stores.ledger import Claim, Ledger
from shopwire.stores.table import Key, Table
from tests.support.changes import DAY_MS, MINUTE_MS, SHOP
from tests.support.delivery_world import World

ORDER = Entity("order", "1001")
CART = Entity("cart", "a")


@pytest.fixture
def ledger(world: World) -> Ledger:
    return world.webhook.ledger


def claim(ledger: Ledger, world: World, key: str = "k", version: int | None = 10, **more: Any) -> Claim:
    request_id = more.pop("request_id", "ours")
    now = world.clock.now
    return ledger.claim(SHOP, ORDER, key, version, request_id=request_id, until=now + MINUTE_MS, now=now, **more)


def refused(ledger: Ledger, world: World, *args: Any, **more: Any) -> ClaimRefused:
    with pytest.raises(ClaimRefused) as refusal:
        claim(ledger, world, *args, **more)
    return refusal.value


def entry_of(ledger: Ledger, world: World) -> Any:
    return ledger.get(SHOP, ORDER, world.clock.now)


def test_lease_is_exclusive_until_it_expires(ledger: Ledger, world: World) -> None:
    claim(ledger, world)
    lease = refused(ledger, world, request_id="other").entry.lease
    assert lease is not None
    assert (lease.holder, lease.key) == ("ours", "k")
    world.clock.advance(MINUTE_MS + 1)
    assert claim(ledger, world, request_id="other").entry.crashes == 1


def test_same_request_may_claim_twice(ledger: Ledger, world: World) -> None:
    claim(ledger, world)
    assert claim(ledger, world).entry.crashes == 0


def test_settled_key_and_lower_version_are_refused(ledger: Ledger, world: World) -> None:
    assert ledger.settle(claim(ledger, world), 10, {}, world.clock.now)
    assert refused(ledger, world, "k", 99).entry.settled_keys == ("k",)
    assert refused(ledger, world, "l", 9).entry.version == 10
    assert claim(ledger, world, "l", 10).entry.lease is None


def test_fact_does_not_change_the_version(ledger: Ledger, world: World) -> None:
    ledger.settle(claim(ledger, world), 10, {}, world.clock.now)
    ledger.settle(claim(ledger, world, "fact", None), None, {}, world.clock.now)
    assert entry_of(ledger, world).version == 10


def test_last_sixteen_settled_keys_are_kept(ledger: Ledger, world: World) -> None:
    for n in range(20):
        ledger.settle(claim(ledger, world, f"k{n}"), 10, {}, world.clock.now)
    assert entry_of(ledger, world).settled_keys == tuple(f"k{n}" for n in range(4, 20))


def test_every_write_raises_the_revision(ledger: Ledger, world: World) -> None:
    for n in range(5):
        ledger.settle(claim(ledger, world, f"k{n}"), 10, {}, world.clock.now)
    assert world.entry("order", "1001")["revision"] == {"N": "10"}


def test_settling_removes_lease_and_pending_mark(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world)
    ledger.defer(held, {}, world.clock.now)
    ledger.settle(claim(ledger, world, from_queue=True), 10, {}, world.clock.now)
    left = {name for name in world.entry("order", "1001") if name.startswith(("lease", "pending", "crashes", "tries"))}
    assert left == set()


# --- pending changes


def test_pending_change_refuses_new_webhooks_but_not_the_queue(ledger: Ledger, world: World) -> None:
    assert ledger.mark_pending(SHOP, ORDER, "a", world.clock.now) == "queue"
    assert refused(ledger, world, "b").entry.pending is not None
    assert claim(ledger, world, "a", from_queue=True)


@pytest.mark.parametrize("entity", [ORDER, CART, Entity("contact", "7")])
def test_entry_is_kept_for_as_long_as_late_webhooks_may_come(ledger: Ledger, world: World, entity: Entity) -> None:
    now = world.clock.now
    ledger.claim(SHOP, entity, "k", 10, request_id="ours", until=now + MINUTE_MS, now=now)
    days = {"order": 400, "cart": 60, "contact": 400}[entity.kind]
    item = ledger._table.get(Key(entity_key(SHOP, entity), "entry"))
    assert item
    assert item["expires"] == (now + days * DAY_MS) // 1000


def test_pending_mark_expires(ledger: Ledger, world: World) -> None:
    ledger.mark_pending(SHOP, ORDER, "a", world.clock.now)
    world.clock.advance(3 * DAY_MS)
    assert claim(ledger, world, "b").entry.pending_at(world.clock.now) is None


def test_later_change_waits_where_the_earlier_one_waits(ledger: Ledger, world: World) -> None:
    assert ledger.mark_pending(SHOP, ORDER, "a", world.clock.now) == "queue"
    assert ledger.mark_pending(SHOP, ORDER, "b", world.clock.now) == "queue"
    ledger.move_to_outbox(f"{SHOP}#order#1001", "b")
    assert ledger.mark_pending(SHOP, ORDER, "c", world.clock.now) == "outbox"


def test_later_change_waits_in_the_outbox_also_if_only_the_first_is_there(ledger: Ledger, world: World) -> None:
    """In the queue it could overtake that one."""
    ledger.mark_pending(SHOP, ORDER, "a", world.clock.now)
    ledger.mark_pending(SHOP, ORDER, "b", world.clock.now)
    ledger.move_to_outbox(f"{SHOP}#order#1001", "a")
    assert ledger.mark_pending(SHOP, ORDER, "c", world.clock.now) == "outbox"


def test_settled_change_moves_no_mark(ledger: Ledger, world: World) -> None:
    ledger.mark_pending(SHOP, ORDER, "a", world.clock.now)
    ledger.move_to_outbox(f"{SHOP}#order#1001", "b")
    assert ledger.mark_pending(SHOP, ORDER, "c", world.clock.now) == "queue"


def test_duplicate_of_the_first_waiting_change_does_not_take_the_mark_of_the_others(
    ledger: Ledger, world: World
) -> None:
    """When the first copy is settled, the changes behind it still wait, so nothing may overtake them."""
    for key in ("a", "b", "a"):
        ledger.mark_pending(SHOP, ORDER, key, world.clock.now)
    ledger.settle(claim(ledger, world, "a", from_queue=True), 10, {}, world.clock.now)
    assert refused(ledger, world, "c").entry.pending.key == "b"
    ledger.clear_pending(f"{SHOP}#order#1001", "b")
    assert entry_of(ledger, world).pending is None


def test_mark_names_the_last_waiting_changes(ledger: Ledger, world: World) -> None:
    keys = "abcdefghijklmnopqr"
    for key in keys:
        ledger.mark_pending(SHOP, ORDER, key, world.clock.now)
    assert entry_of(ledger, world).pending.key == " ".join(keys[-16:])


def test_change_queued_under_a_lease_keeps_the_pending_mark(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world, "a")
    ledger.mark_pending(SHOP, ORDER, "b", world.clock.now)
    assert ledger.retry_later(held, {}, world.clock.now)
    assert entry_of(ledger, world).pending.key == "b"
    assert entry_of(ledger, world).lease is None


def test_void_mark_begins_again_with_the_changes_that_may_wait_behind(ledger: Ledger, world: World) -> None:
    """They were replayed, so that they are not too old."""
    ledger.mark_pending(SHOP, ORDER, "b", world.clock.now)
    world.clock.advance(4 * DAY_MS)
    held = claim(ledger, world, "a", from_queue=True)
    assert ledger.retry_later(held, {}, world.clock.now)
    pending = entry_of(ledger, world).pending_at(world.clock.now)
    assert (pending.key, pending.place) == ("a b", "queue")


def defer_while_another_waits(ledger: Ledger, world: World, place: Place) -> None:
    """Defer the change "a" while "b", which arrived meanwhile, waits in the queue or the outbox."""
    held = claim(ledger, world, "a")
    ledger.mark_pending(SHOP, ORDER, "b", world.clock.now)
    if place == "outbox":
        ledger.move_to_outbox(f"{SHOP}#order#1001", "b")
    ledger.defer(held, {}, world.clock.now)


@pytest.mark.parametrize("place", ["queue", "outbox"])
def test_deferred_change_is_marked_behind_those_that_wait(ledger: Ledger, world: World, place: Place) -> None:
    """The other one may still be on its way to the queue or the outbox, or be moved from one to the other."""
    defer_while_another_waits(ledger, world, place)
    pending = entry_of(ledger, world).pending
    assert (pending.key, pending.place) == ("b a", place)


@pytest.mark.parametrize("place", ["queue", "outbox"])
@pytest.mark.parametrize("first", ["a", "b"])
def test_mark_of_two_changes_stays_until_both_are_settled(
    ledger: Ledger, world: World, first: str, place: Place
) -> None:
    defer_while_another_waits(ledger, world, place)
    last = "b" if first == "a" else "a"
    ledger.settle(claim(ledger, world, first, from_queue=True), None, {}, world.clock.now)
    assert entry_of(ledger, world).pending.key == last
    ledger.settle(claim(ledger, world, last, from_queue=True), None, {}, world.clock.now)
    assert entry_of(ledger, world).pending is None


@pytest.mark.parametrize("first", ["a", "b"])
def test_mark_of_two_changes_can_be_cleared_one_by_one(ledger: Ledger, world: World, first: str) -> None:
    defer_while_another_waits(ledger, world, "outbox")
    last = "b" if first == "a" else "a"
    ledger.clear_pending(f"{SHOP}#order#1001", first)
    assert entry_of(ledger, world).pending.key == last
    ledger.clear_pending(f"{SHOP}#order#1001", last)
    assert entry_of(ledger, world).pending is None


def test_settling_leaves_the_pending_mark_of_another_change(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world, "a")
    ledger.mark_pending(SHOP, ORDER, "b", world.clock.now)
    ledger.settle(held, 10, {}, world.clock.now)
    ledger.clear_pending(entity_key(SHOP, ORDER), "a")
    assert entry_of(ledger, world).pending.key == "b"
    ledger.clear_pending(entity_key(SHOP, ORDER), "b")
    assert entry_of(ledger, world).pending is None


def test_direct_settle_keeps_the_mark_of_a_queued_duplicate(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world, "a")
    ledger.mark_pending(SHOP, ORDER, "a", world.clock.now)
    ledger.settle(held, 10, {}, world.clock.now)
    assert entry_of(ledger, world).pending.key == "a"
    ledger.clear_pending(entity_key(SHOP, ORDER), "a")
    assert entry_of(ledger, world).pending is None


# --- a lost lease


def test_settle_after_a_lost_lease_adds_only_key_and_version(ledger: Ledger, world: World) -> None:
    mine = claim(ledger, world, "mine", 10)
    world.clock.advance(MINUTE_MS + 1)
    yours = claim(ledger, world, "yours", 20, request_id="other")
    assert not ledger.settle(mine, 10, {"contact_ref": "mine"}, world.clock.now)
    entry = entry_of(ledger, world)
    assert (entry.settled_keys, entry.version, entry.contact_ref, entry.lease.holder) == (("mine",), 10, None, "other")
    assert ledger.settle(yours, 20, {"contact_ref": "yours"}, world.clock.now)
    entry = entry_of(ledger, world)
    assert (entry.settled_keys, entry.version, entry.contact_ref) == (("mine", "yours"), 20, "yours")


def test_settle_of_what_a_late_holder_settled_records_everything(ledger: Ledger, world: World) -> None:
    """Both were about the same change."""
    late = claim(ledger, world, "key", 10)
    world.clock.advance(MINUTE_MS + 1)
    held = claim(ledger, world, "key", 10, request_id="other", from_queue=True)
    ledger.mark_pending(SHOP, ORDER, "key", world.clock.now)
    assert not ledger.settle(late, 10, {}, world.clock.now)
    assert ledger.settle(held, 10, {"contact_ref": "held"}, world.clock.now)
    entry = entry_of(ledger, world)
    assert (entry.settled_keys, entry.contact_ref, entry.pending, entry.lease) == (("key",), "held", None, None)


def test_settle_after_a_lost_lease_never_lowers_the_version(ledger: Ledger, world: World) -> None:
    mine = claim(ledger, world, "mine", 10)
    world.clock.advance(MINUTE_MS + 1)
    ledger.settle(claim(ledger, world, "yours", 20, request_id="other"), 20, {}, world.clock.now)
    ledger.settle(mine, 10, {}, world.clock.now)
    assert (entry_of(ledger, world).version, entry_of(ledger, world).settled_keys) == (20, ("yours", "mine"))


def test_version_of_a_late_holder_is_not_lowered_by_the_next(ledger: Ledger, world: World) -> None:
    mine = claim(ledger, world, "mine", 20)
    world.clock.advance(MINUTE_MS + 1)
    yours = claim(ledger, world, "yours", 10, request_id="other", from_queue=True)
    ledger.settle(mine, 20, {}, world.clock.now)
    ledger.settle(yours, 10, {}, world.clock.now)
    assert (entry_of(ledger, world).version, entry_of(ledger, world).settled_keys) == (20, ("mine", "yours"))


def test_release_after_a_lost_lease_writes_nothing(ledger: Ledger, world: World) -> None:
    mine = claim(ledger, world, "mine")
    world.clock.advance(MINUTE_MS + 1)
    claim(ledger, world, "yours", request_id="other")
    before = world.entry("order", "1001")
    assert not ledger.release(mine, {"contact_ref": "mine"}, world.clock.now)
    assert world.entry("order", "1001") == before


def test_settle_with_a_lost_response_may_be_repeated(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world)
    assert ledger.settle(held, 10, {}, world.clock.now)
    before = world.entry("order", "1001")
    assert ledger.settle(held, 10, {}, world.clock.now)
    assert world.entry("order", "1001") == before


# --- crashes


def test_crashes_of_one_key_are_counted_until_a_holder_survives(ledger: Ledger, world: World) -> None:
    crashes = []
    for key in "aaab":
        crashes.append(claim(ledger, world, key, request_id=f"o{len(crashes)}").entry.crashes)
        world.clock.advance(MINUTE_MS + 1)
    assert crashes == [0, 1, 2, 0]
    held = claim(ledger, world, "b", request_id="last")
    ledger.release(held, {}, world.clock.now)
    assert claim(ledger, world, "b", request_id="next").entry.crashes == 0


def test_older_change_waits_behind_the_expired_lease_of_a_newer(ledger: Ledger, world: World) -> None:
    claim(ledger, world, "new", 20)
    world.clock.advance(MINUTE_MS + 1)
    assert refused(ledger, world, "old", 10, request_id="other").entry.version is None
    assert claim(ledger, world, "new", 20, request_id="other").entry.crashes == 1


# --- carts and time


def test_cart_is_converted_only_while_its_lease_is_free(ledger: Ledger, world: World) -> None:
    now = world.clock.now
    held = ledger.claim(SHOP, CART, "k", 1, request_id="ours", until=now + MINUTE_MS, now=now)
    with pytest.raises(ClaimRefused):
        ledger.convert_cart(SHOP, CART, None, now)
    ledger.settle(held, 1, {"sent": {"digest": "d", "state": "s"}}, now)
    assert ledger.convert_cart(SHOP, CART, None, now) == "s"
    assert ledger.get(SHOP, CART, now).converted


def test_expired_entry_counts_as_new(ledger: Ledger, world: World) -> None:
    ledger.settle(claim(ledger, world), 10, {"contact_ref": "p", "arrived_parcels": ["1"]}, world.clock.now)
    world.clock.advance(401 * DAY_MS)
    assert entry_of(ledger, world).version is None
    held = claim(ledger, world, "k", 1)
    assert held.entry.version is None
    ledger.settle(held, 1, {}, world.clock.now)
    entry = entry_of(ledger, world)
    assert (entry.version, entry.settled_keys, entry.contact_ref, entry.arrived_parcels) == (1, ("k",), None, ())


def test_entry_stays_under_a_kilobyte(ledger: Ledger, world: World) -> None:
    for n in range(20):
        held = claim(ledger, world, f"{n:012x}", 17724420000000 + n)
        sent = {"status": "IN_PROGRESS", "digest": "d" * 16, "content": "c" * 16}
        reference = {"totalCost": "12345.67", "date": "2026-03-02T09:00:00+00:00", "currency": "UAH"}
        update = {"sent": sent, "order_reference": reference, "contact_ref": "p" * 32, "open_parcels": ["1", "2"]}
        ledger.settle(held, 17724420000000 + n, update, world.clock.now)
    ledger.mark_pending(SHOP, ORDER, "k" * 12, world.clock.now)
    assert len(json.dumps(world.webhook.table.get(Key(f"{SHOP}#order#1001")))) < 1024


# --- the table


def test_attribute_may_be_written_and_compared_in_one_call(world: World) -> None:
    table: Table = world.webhook.table
    key = Key("x")
    table.update(key, {"until": 5, "status": "a"})
    assert table.update(key, {"until": 9}, add={"n": 1}, condition="until = :until", values={":until": 5}) == {
        "pk": "x",
        "sk": "entry",
        "until": 5,
        "status": "a",
    }
    with pytest.raises(ConditionFailed) as failure:
        table.update(
            key, {"until": 9}, condition="until = :until AND status = :status", values={":until": 5, ":status": "a"}
        )
    assert failure.value.item == {"pk": "x", "sk": "entry", "until": 9, "status": "a", "n": 1}


def test_same_request_may_claim_twice_for_an_entry_whose_time_was_over(ledger: Ledger, world: World) -> None:
    ledger.settle(claim(ledger, world), 10, {}, world.clock.now)
    world.clock.advance(500 * DAY_MS)
    assert claim(ledger, world).entry.settled_keys == ()
    assert claim(ledger, world).entry.settled_keys == ()


def test_mark_on_an_expired_entry_revives_nothing(ledger: Ledger, world: World) -> None:
    ledger.settle(claim(ledger, world), 10, {}, world.clock.now)
    world.clock.advance(500 * DAY_MS)
    assert ledger.mark_pending(SHOP, ORDER, "later", world.clock.now) == "queue"
    entry = entry_of(ledger, world)
    assert (entry.version, entry.settled_keys, entry.pending.key) == (None, (), "later")
    assert refused(ledger, world, "k", 9).entry.pending is not None


def test_expired_cart_is_converted_without_its_old_state(ledger: Ledger, world: World) -> None:
    now = world.clock.now
    held = ledger.claim(SHOP, CART, "k", 10, request_id="ours", until=now + MINUTE_MS, now=now)
    ledger.settle(held, 10, {"sent": {"digest": "d", "state": "s"}}, now)
    world.clock.advance(100 * DAY_MS)
    assert ledger.convert_cart(SHOP, CART, None, world.clock.now) is None
    entry = ledger.get(SHOP, CART, world.clock.now)
    assert (entry.converted, dict(entry.sent)) == (True, {})


def peek(ledger: Ledger, world: World) -> Any:
    return ledger.peek(SHOP, ORDER, world.clock.now)


def settle_without_lease(ledger: Ledger, world: World, peeked: Any, key: str = "k", version: int | None = 10) -> bool:
    return ledger.settle_without_lease(SHOP, ORDER, key, version, peeked, {"contact_ref": "p"}, world.clock.now)


def test_settle_without_lease_takes_one_write(ledger: Ledger, world: World) -> None:
    assert settle_without_lease(ledger, world, peek(ledger, world))
    entry = entry_of(ledger, world)
    assert (entry.settled_keys, entry.version, entry.contact_ref, entry.lease) == (("k",), 10, "p", None)
    assert refused(ledger, world, "other", 9).entry.is_past(9)
    assert settle_without_lease(ledger, world, peek(ledger, world), "later", 11)
    assert (entry_of(ledger, world).settled_keys, entry_of(ledger, world).version) == (("k", "later"), 11)


def test_settle_without_lease_fails_if_the_entry_changed(ledger: Ledger, world: World) -> None:
    peeked = peek(ledger, world)
    held = claim(ledger, world, "other", 20)
    assert not settle_without_lease(ledger, world, peeked)
    ledger.settle(held, 20, {}, world.clock.now)
    assert not settle_without_lease(ledger, world, peeked)
    assert (entry_of(ledger, world).settled_keys, entry_of(ledger, world).version) == (("other",), 20)


def test_entry_is_free_without_lease_and_pending_change(ledger: Ledger, world: World) -> None:
    assert peek(ledger, world).free
    held = claim(ledger, world)
    assert not peek(ledger, world).free
    world.clock.advance(2 * MINUTE_MS)  # the holder of an expired lease may have sent its change
    assert not peek(ledger, world).free
    ledger.defer(held, {}, world.clock.now)
    assert not peek(ledger, world).free
    ledger.clear_pending(entity_key(SHOP, ORDER), "k")
    assert peek(ledger, world).free
    world.clock.advance(401 * DAY_MS)
    assert not peek(ledger, world).free
