"""A contact that an entry refers to is found with one item. Nothing else may follow than from all of its items."""

import itertools
import random
from dataclasses import replace
from typing import Any

import pytest

from shopwire.models import NOBODY, Contact
from shopwire.stores.contact_record import ContactState
from shopwire.stores.contacts import ContactStore
from tests.support.changes import ANNA, DAY_MS, MINUTE_MS, SHOP
from tests.support.delivery_world import World

SEEDS = 20
READ_ONE = ["dynamodb.get_item"]
EMAILS, PHONES, IDS = ("a@example.com", "b@example.com", None), ("380501112233", "380671112233", None), ("7", "8", None)


def store(world: World) -> ContactStore:
    return ContactStore(world.webhook.table, "hash-key")


def record(
    world: World,
    contact: Contact,
    created_at: int,
    *,
    shop: str = SHOP,
    by_customer: bool = False,
    accepted: bool = True,
) -> str:
    """Record the contact of an order, or a customer's change, and that the API accepted it. Return its reference."""
    contacts = store(world)
    state = contacts.find(shop, contact)
    wanted = state.replaced() if by_customer else state.completed()
    if not state.is_erased(created_at):
        written = contacts.write(shop, state, wanted, world.clock.now, created_at)
        if written and accepted:
            contacts.mark_synced(shop, written, None, None)
    assert state.ref
    return state.ref


def consequences(state: ContactState, created_at: int) -> tuple[Any, ...]:
    """Return what may follow from a state."""
    return (
        state.ref,
        state.record,
        state.completed(),
        state.replaced(),
        state.decided(),
        state.is_erased(created_at),
        state.is_erased(None),
        state.unsent_movers,
    )


def test_same_follows_from_one_item_as_from_all(fake_world: World) -> None:
    world, contacts, found = fake_world, store(fake_world), 0
    combinations = [
        Contact(email=email, phone=phone, customer_id=id)
        for email, phone, id in itertools.product(EMAILS, PHONES, IDS)
        if email or phone or id
    ]
    for seed in range(SEEDS):
        rng, shop, refs = random.Random(seed), f"shop-{seed}", set[str]()
        for _ in range(12):
            world.clock.advance(MINUTE_MS)
            contact, now = rng.choice(combinations), world.clock.now
            created_at = now - rng.choice((0, 0, 2 * MINUTE_MS))
            kind = rng.choices(("order", "customer", "erasure"), (8, 6, 1))[0]
            if kind == "erasure":
                contacts.erase(shop, contact, now, now)
            else:
                accepted = rng.random() < 0.9
                by_customer = kind == "customer"
                refs.add(record(world, contact, created_at, shop=shop, by_customer=by_customer, accepted=accepted))
            for named, ref, age in itertools.product(combinations, refs, (0, 5 * MINUTE_MS)):
                world.calls.clear()
                likely = contacts.find(shop, named, ref)
                found += world.calls == READ_ONE
                expected = consequences(contacts.find(shop, named), now - age)
                assert consequences(likely, now - age) == expected, (seed, named, ref)
    assert found > 20 * SEEDS


def test_known_contact_takes_one_item(world: World) -> None:
    ref = record(world, ANNA, 0)
    for contact in (ANNA, replace(ANNA, phone=None), Contact(customer_id=ANNA.customer_id)):
        world.calls.clear()
        assert store(world).find(SHOP, contact, ref).is_known
        assert world.calls == READ_ONE


def test_guest_takes_one_item(world: World) -> None:
    guest = replace(ANNA, customer_id=None)
    ref = record(world, guest, 0)
    world.calls.clear()
    assert store(world).find(SHOP, guest, ref).is_known
    assert world.calls == READ_ONE


def test_webhook_that_names_no_person_is_of_no_contact(world: World) -> None:
    ref = record(world, ANNA, 0)
    state = store(world).find(SHOP, NOBODY, ref)
    assert (state.ref, state.record) == (None, None)


@pytest.mark.parametrize("named", [replace(ANNA, phone="380671112233"), replace(ANNA, customer_id="8")])
def test_contact_that_lacks_an_identity_takes_all_items(world: World, named: Contact) -> None:
    ref = record(world, ANNA, 0)
    world.calls.clear()
    store(world).find(SHOP, named, ref)
    assert world.calls[:2] == [*READ_ONE, "dynamodb.batch_get_item"]


def test_contact_whose_last_revision_was_not_accepted_takes_all_items(world: World) -> None:
    ref = record(world, ANNA, 0, accepted=False)
    world.calls.clear()
    assert not store(world).find(SHOP, ANNA, ref).is_known
    assert len(world.calls) == 2


def test_order_of_before_an_erasure_is_the_erased_persons_although_the_address_has_a_new_contact(world: World) -> None:
    contacts, now = store(world), world.clock.now
    contacts.erase(SHOP, Contact(email=ANNA.email), now, now)
    ref = record(world, ANNA, now + 1)
    state = contacts.find(SHOP, ANNA, ref)
    assert (state.ref, state.is_erased(now), state.is_erased(now + 1)) == (ref, True, False)


@pytest.mark.parametrize("named", [ANNA, replace(ANNA, phone=None), Contact(customer_id=ANNA.customer_id)])
def test_no_identity_expires_before_the_record(world: World, named: Contact) -> None:
    """Otherwise another contact could get an identity that the record still has."""
    record(world, ANNA, 0)
    world.clock.advance(50 * DAY_MS)
    record(world, replace(named, first_name="Hanna"), 0, by_customer=True)
    world.clock.advance(60 * DAY_MS)
    record(world, named, 0)
    expiries = {item["expires"]["N"] for item in world.items()}
    assert len(expiries) == 1
    assert int(expiries.pop()) * 1000 > world.clock.now + 450 * DAY_MS
