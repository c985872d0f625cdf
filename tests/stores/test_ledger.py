"""The ledger's writes, one by one: who holds a lease, what waits, what is settled, and what time takes away."""

import json
from typing import Any

import pytest

from shopwire.errors import ClaimRefused, ConditionFailed
from shopwire.models import Entity
from shopwire.stores.entry import Where, entity_key
from shopwire.stores.ledger import Claim, Ledger
from shopwire.stores.table import Key, Table
from tests.support.delivery_world import DAY, MINUTE, SHOP, World

ORDER = Entity("order", "1001")
CART = Entity("cart", "a")


@pytest.fixture
def ledger(world: World) -> Ledger:
    return world.webhook.ledger


def claim(ledger: Ledger, world: World, key: str = "k", version: int | None = 10, **more: Any) -> Claim:
    owner = more.pop("owner", "me")
    now = world.clock.now
    return ledger.claim(SHOP, ORDER, key, version, owner=owner, until=now + MINUTE, now=now, **more)


def refused(ledger: Ledger, world: World, *args: Any, **more: Any) -> ClaimRefused:
    with pytest.raises(ClaimRefused) as refusal:
        claim(ledger, world, *args, **more)
    return refusal.value


def look(ledger: Ledger, world: World) -> Any:
    return ledger.get(SHOP, ORDER, world.clock.now)


def test_a_lease_holds_until_it_ends_and_no_longer(ledger: Ledger, world: World) -> None:
    claim(ledger, world)
    lease = refused(ledger, world, owner="you").entry.lease
    assert lease is not None
    assert (lease.owner, lease.key) == ("me", "k")
    world.clock.pass_(MINUTE + 1)
    assert claim(ledger, world, owner="you").entry.deaths == 1


def test_the_same_request_may_ask_twice(ledger: Ledger, world: World) -> None:
    claim(ledger, world)
    assert claim(ledger, world).entry.deaths == 0


def test_what_is_settled_is_refused_by_key_and_by_lower_version(ledger: Ledger, world: World) -> None:
    assert ledger.settle(claim(ledger, world), 10, {}, world.clock.now)
    assert refused(ledger, world, "k", 99).entry.keys == ("k",)
    assert refused(ledger, world, "l", 9).entry.version == 10
    assert claim(ledger, world, "l", 10).entry.lease is None


def test_a_fact_has_no_version_and_leaves_it(ledger: Ledger, world: World) -> None:
    ledger.settle(claim(ledger, world), 10, {}, world.clock.now)
    ledger.settle(claim(ledger, world, "fact", None), None, {}, world.clock.now)
    assert look(ledger, world).version == 10


def test_the_last_sixteen_keys_are_kept(ledger: Ledger, world: World) -> None:
    for n in range(20):
        ledger.settle(claim(ledger, world, f"k{n}"), 10, {}, world.clock.now)
    assert look(ledger, world).keys == tuple(f"k{n}" for n in range(4, 20))


def test_every_write_counts_one(ledger: Ledger, world: World) -> None:
    for n in range(5):
        ledger.settle(claim(ledger, world, f"k{n}"), 10, {}, world.clock.now)
    assert world.entry("order", "1001")["n"] == {"N": "10"}


def test_a_settled_change_leaves_neither_lease_nor_mark(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world)
    ledger.release(held, ledger.defer("k", "queue", world.clock.now), world.clock.now)
    ledger.settle(claim(ledger, world, from_queue=True), 10, {}, world.clock.now)
    left = {name for name in world.entry("order", "1001") if name.startswith(("lease", "pending", "deaths", "tries"))}
    assert left == set()


# --- what waits


def test_what_waits_stops_what_comes_but_not_the_queue(ledger: Ledger, world: World) -> None:
    assert ledger.mark_pending(SHOP, ORDER, "a", world.clock.now) == "queue"
    assert refused(ledger, world, "b").entry.pending is not None
    assert claim(ledger, world, "a", from_queue=True)


def test_a_mark_is_void_after_its_time(ledger: Ledger, world: World) -> None:
    ledger.mark_pending(SHOP, ORDER, "a", world.clock.now)
    world.clock.pass_(3 * DAY)
    assert claim(ledger, world, "b").entry.waiting(world.clock.now) is None


def test_what_follows_goes_where_the_first_waits(ledger: Ledger, world: World) -> None:
    ledger.mark_pending(SHOP, ORDER, "a", world.clock.now)
    ledger.move_pending(f"{SHOP}#order#1001", "a", "outbox")
    assert ledger.mark_pending(SHOP, ORDER, "b", world.clock.now) == "outbox"
    ledger.move_pending(f"{SHOP}#order#1001", "a", "queue")
    assert ledger.mark_pending(SHOP, ORDER, "c", world.clock.now) == "outbox"
    ledger.move_pending(f"{SHOP}#order#1001", "c", "queue")
    assert ledger.mark_pending(SHOP, ORDER, "d", world.clock.now) == "queue"


def test_who_lines_up_while_one_is_at_work_keeps_the_mark(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world, "a")
    ledger.mark_pending(SHOP, ORDER, "b", world.clock.now)
    assert ledger.release(held, ledger.defer("a", "queue", world.clock.now), world.clock.now)
    assert look(ledger, world).pending.key == "b"
    assert look(ledger, world).lease is None


@pytest.mark.parametrize(("where", "mark"), [("queue", "a"), ("outbox", "b")])
def test_who_goes_to_the_end_of_the_queue_takes_the_mark_from_who_lined_up_there_meanwhile(
    ledger: Ledger, world: World, where: Where, mark: str
) -> None:
    held = claim(ledger, world, "a")
    ledger.mark_pending(SHOP, ORDER, "b", world.clock.now)
    ledger.move_pending(f"{SHOP}#order#1001", "b", where)
    ledger.release(held, ledger.defer("a", "queue", world.clock.now), world.clock.now, last=True)
    assert look(ledger, world).pending.key == mark


def test_settling_one_leaves_the_mark_of_another(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world, "a")
    ledger.mark_pending(SHOP, ORDER, "b", world.clock.now)
    ledger.settle(held, 10, {}, world.clock.now)
    ledger.clear_pending(entity_key(SHOP, ORDER), "a")
    assert look(ledger, world).pending.key == "b"
    ledger.clear_pending(entity_key(SHOP, ORDER), "b")
    assert look(ledger, world).pending is None


def test_a_duplicate_that_lined_up_keeps_its_mark_when_its_change_is_settled_by_who_was_at_work(
    ledger: Ledger, world: World
) -> None:
    held = claim(ledger, world, "a")
    ledger.mark_pending(SHOP, ORDER, "a", world.clock.now)
    ledger.settle(held, 10, {}, world.clock.now)
    assert look(ledger, world).pending.key == "a"
    ledger.clear_pending(entity_key(SHOP, ORDER), "a")
    assert look(ledger, world).pending is None


# --- who is no longer the owner


def test_who_lost_his_lease_adds_key_and_version_and_nothing_else(ledger: Ledger, world: World) -> None:
    mine = claim(ledger, world, "mine", 10)
    world.clock.pass_(MINUTE + 1)
    yours = claim(ledger, world, "yours", 20, owner="you")
    assert not ledger.settle(mine, 10, {"person": "mine"}, world.clock.now)
    entry = look(ledger, world)
    assert (entry.keys, entry.version, entry.person, entry.lease.owner) == (("mine",), 10, None, "you")
    assert ledger.settle(yours, 20, {"person": "yours"}, world.clock.now)
    entry = look(ledger, world)
    assert (entry.keys, entry.version, entry.person) == (("mine", "yours"), 20, "yours")


def test_who_lost_his_lease_never_lowers_the_version(ledger: Ledger, world: World) -> None:
    mine = claim(ledger, world, "mine", 10)
    world.clock.pass_(MINUTE + 1)
    ledger.settle(claim(ledger, world, "yours", 20, owner="you"), 20, {}, world.clock.now)
    ledger.settle(mine, 10, {}, world.clock.now)
    assert (look(ledger, world).version, look(ledger, world).keys) == (20, ("yours", "mine"))


def test_a_version_that_a_late_holder_noted_is_not_lowered_by_the_next(ledger: Ledger, world: World) -> None:
    mine = claim(ledger, world, "mine", 20)
    world.clock.pass_(MINUTE + 1)
    yours = claim(ledger, world, "yours", 10, owner="you", from_queue=True)
    ledger.settle(mine, 20, {}, world.clock.now)
    ledger.settle(yours, 10, {}, world.clock.now)
    assert (look(ledger, world).version, look(ledger, world).keys) == (20, ("mine", "yours"))


def test_who_lost_his_lease_releases_nothing(ledger: Ledger, world: World) -> None:
    mine = claim(ledger, world, "mine")
    world.clock.pass_(MINUTE + 1)
    claim(ledger, world, "yours", owner="you")
    before = world.entry("order", "1001")
    assert not ledger.release(mine, {"person": "mine"}, world.clock.now)
    assert world.entry("order", "1001") == before


def test_a_settling_whose_answer_was_lost_may_be_repeated(ledger: Ledger, world: World) -> None:
    held = claim(ledger, world)
    assert ledger.settle(held, 10, {}, world.clock.now)
    before = world.entry("order", "1001")
    assert ledger.settle(held, 10, {}, world.clock.now)
    assert world.entry("order", "1001") == before


# --- deaths


def test_deaths_count_for_one_key_and_end_with_a_life(ledger: Ledger, world: World) -> None:
    deaths = []
    for key in "aaab":
        deaths.append(claim(ledger, world, key, owner=f"o{len(deaths)}").entry.deaths)
        world.clock.pass_(MINUTE + 1)
    assert deaths == [0, 1, 2, 0]
    held = claim(ledger, world, "b", owner="last")
    ledger.release(held, {}, world.clock.now)
    assert claim(ledger, world, "b", owner="next").entry.deaths == 0


def test_an_older_change_lines_up_behind_a_dead_holder_of_a_newer(ledger: Ledger, world: World) -> None:
    claim(ledger, world, "new", 20)
    world.clock.pass_(MINUTE + 1)
    assert refused(ledger, world, "old", 10, owner="you").entry.version is None
    assert claim(ledger, world, "new", 20, owner="you").entry.deaths == 1


# --- carts and time


def test_a_cart_is_converted_once_nobody_is_at_work_on_it(ledger: Ledger, world: World) -> None:
    now = world.clock.now
    held = ledger.claim(SHOP, CART, "k", 1, owner="me", until=now + MINUTE, now=now)
    with pytest.raises(ClaimRefused):
        ledger.convert_cart(SHOP, CART, None, now)
    ledger.settle(held, 1, {"known": {"digest": "d", "state": "s"}}, now)
    assert ledger.convert_cart(SHOP, CART, None, now) == "s"
    assert ledger.get(SHOP, CART, now).converted


def test_an_entry_whose_time_is_over_counts_no_more(ledger: Ledger, world: World) -> None:
    ledger.settle(claim(ledger, world), 10, {"person": "p", "arrived": ["1"]}, world.clock.now)
    world.clock.pass_(401 * DAY)
    assert look(ledger, world).version is None
    held = claim(ledger, world, "k", 1)
    assert held.entry.version is None
    ledger.settle(held, 1, {}, world.clock.now)
    entry = look(ledger, world)
    assert (entry.version, entry.keys, entry.person, entry.arrived) == (1, ("k",), None, ())


def test_an_entry_is_under_a_kilobyte(ledger: Ledger, world: World) -> None:
    for n in range(20):
        held = claim(ledger, world, f"{n:012x}", 17724420000000 + n)
        known = {"status": "IN_PROGRESS", "digest": "d" * 16, "content": "c" * 16}
        reference = {"totalCost": "12345.67", "date": "2026-03-02T09:00:00+00:00", "currency": "UAH"}
        notes = {"known": known, "reference": reference, "person": "p" * 32, "open_parcels": ["1", "2"]}
        ledger.settle(held, 17724420000000 + n, notes, world.clock.now)
    ledger.mark_pending(SHOP, ORDER, "k" * 12, world.clock.now)
    assert len(json.dumps(world.webhook.table.get(Key(f"{SHOP}#order#1001")))) < 1024


# --- the table below


def test_what_is_written_and_what_is_compared_may_have_one_name(world: World) -> None:
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


def test_the_same_request_may_ask_twice_for_an_entry_whose_time_was_over(ledger: Ledger, world: World) -> None:
    ledger.settle(claim(ledger, world), 10, {}, world.clock.now)
    world.clock.pass_(500 * DAY)
    assert claim(ledger, world).entry.keys == ()
    assert claim(ledger, world).entry.keys == ()


def test_lining_up_at_an_entry_whose_time_was_over_brings_nothing_of_it_back(ledger: Ledger, world: World) -> None:
    ledger.settle(claim(ledger, world), 10, {}, world.clock.now)
    world.clock.pass_(500 * DAY)
    assert ledger.mark_pending(SHOP, ORDER, "later", world.clock.now) == "queue"
    entry = look(ledger, world)
    assert (entry.version, entry.keys, entry.pending.key) == (None, (), "later")
    assert refused(ledger, world, "k", 9).entry.pending is not None


def test_a_cart_is_not_bought_again_by_what_it_was_long_ago(ledger: Ledger, world: World) -> None:
    now = world.clock.now
    held = ledger.claim(SHOP, CART, "k", 10, owner="me", until=now + MINUTE, now=now)
    ledger.settle(held, 10, {"known": {"digest": "d", "state": "s"}}, now)
    world.clock.pass_(100 * DAY)
    assert ledger.convert_cart(SHOP, CART, None, world.clock.now) is None
    entry = ledger.get(SHOP, CART, world.clock.now)
    assert (entry.converted, dict(entry.known)) == (True, {})


def glimpse(ledger: Ledger, world: World) -> Any:
    return ledger.peek(SHOP, ORDER, world.clock.now)


def settle_glimpse(ledger: Ledger, world: World, seen: Any, key: str = "k", version: int | None = 10) -> bool:
    return ledger.settle_without_lease(SHOP, ORDER, key, version, seen, {"person": "p"}, world.clock.now)


def test_what_needs_no_lease_is_settled_by_one_write(ledger: Ledger, world: World) -> None:
    assert settle_glimpse(ledger, world, glimpse(ledger, world))
    entry = look(ledger, world)
    assert (entry.keys, entry.version, entry.person, entry.lease) == (("k",), 10, "p", None)
    assert refused(ledger, world, "other", 9).entry.is_past(9)
    assert settle_glimpse(ledger, world, glimpse(ledger, world), "later", 11)
    assert (look(ledger, world).keys, look(ledger, world).version) == (("k", "later"), 11)


def test_nothing_is_settled_upon_what_was_seen_before_somebody_came_in_between(ledger: Ledger, world: World) -> None:
    seen = glimpse(ledger, world)
    held = claim(ledger, world, "other", 20)
    assert not settle_glimpse(ledger, world, seen)
    ledger.settle(held, 20, {}, world.clock.now)
    assert not settle_glimpse(ledger, world, seen)
    assert (look(ledger, world).keys, look(ledger, world).version) == (("other",), 20)


def test_an_entry_is_free_while_nobody_is_at_work_and_nothing_waits(ledger: Ledger, world: World) -> None:
    assert glimpse(ledger, world).free
    held = claim(ledger, world)
    assert not glimpse(ledger, world).free
    world.clock.pass_(2 * MINUTE)  # who holds a dead lease may have sent it
    assert not glimpse(ledger, world).free
    ledger.release(held, ledger.defer("k", "queue", world.clock.now), world.clock.now)
    assert not glimpse(ledger, world).free
    ledger.clear_pending(entity_key(SHOP, ORDER), "k")
    assert glimpse(ledger, world).free
    world.clock.pass_(401 * DAY)
    assert not glimpse(ledger, world).free
