"""ContactState in the table: hashes outside, addresses inside one item each, tombstones that stop what comes late."""

from dataclasses import replace
from typing import Any

import pytest

from shopwire.models import Contact
from shopwire.stores.contacts import ContactStore
from shopwire.stores.table import Table
from tests.support.delivery_world import ANNA, BORYS, OTHER, SHOP, World


def store(world: World, key: str = "hash-key") -> ContactStore:
    return ContactStore(world.webhook.table, key)


def test_who_is_known_is_found_by_any_of_his_identities(world: World) -> None:
    people = store(world)
    assert people.record(SHOP, ANNA, world.clock.now, 0) == frozenset()
    for contact in (ANNA, Contact(email=ANNA.email), Contact(phone=ANNA.phone), Contact(customer_id="77")):
        assert people.find(SHOP, contact).known
    assert not people.find(SHOP, BORYS).known
    assert not people.find(OTHER, ANNA).known


def test_a_person_is_read_with_one_call(world: World) -> None:
    store(world).find(SHOP, ANNA)
    assert world.calls == ["dynamodb.batch_get_item"]


def test_nobody_costs_no_call(world: World) -> None:
    found = store(world).find(SHOP, Contact())
    assert (found.ref, found.known, found.erased_at) == (None, False, None)
    assert world.calls == []


def test_the_name_of_a_person_leads_to_his_addresses_and_to_no_name(world: World) -> None:
    people = store(world)
    people.record(SHOP, ANNA, world.clock.now, 0)
    name = people.find(SHOP, ANNA).ref
    assert name is not None
    recorded = people.find_by_ref(SHOP, name).recorded
    assert recorded == Contact(email=ANNA.email, phone=ANNA.phone, customer_id="77")


def test_keys_are_hashes_that_mean_nothing_in_another_stack(world: World) -> None:
    store(world).record(SHOP, ANNA, world.clock.now, 0)
    keys = [item["pk"]["S"] for item in world.real["dynamodb"].scan(TableName="table")["Items"]]
    assert all("anna" not in key and "380" not in key for key in keys)
    assert not store(world, "another-stack").find(SHOP, ANNA).known


def test_a_tombstone_leaves_no_address_and_stops_what_was_born_before(world: World) -> None:
    people, now = store(world), world.clock.now
    people.record(SHOP, ANNA, now, 0)
    people.erase(SHOP, Contact(customer_id="77"), now, now)
    people.clear_erasure_list(SHOP, Contact(customer_id="77"))
    assert "anna" not in world.stored()
    found = people.find(SHOP, Contact(email=ANNA.email))
    assert (found.known, found.erased_at) == (False, now)
    assert found.is_erased(now)
    assert found.is_erased(None)
    assert not found.is_erased(now + 1)


def test_a_redaction_finds_what_a_guest_with_the_same_phone_left(world: World) -> None:
    people, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    people.record(SHOP, guest, now, 0)
    assert people.erase(SHOP, ANNA, now, now) == (ANNA, guest)
    assert people.find(SHOP, Contact(email=guest.email)).erased_at == now


def test_a_redaction_that_begins_again_finds_whom_it_found_before(world: World) -> None:
    people, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    people.record(SHOP, guest, now, 0)
    found = people.erase(SHOP, ANNA, now, now)
    assert set(people.erase(SHOP, ANNA, now, now)) == set(found)
    people.clear_erasure_list(SHOP, ANNA)
    assert "anna" not in world.stored()
    assert len(people.erase(SHOP, ANNA, now, now)) == 1


def test_a_redaction_finds_whom_was_noted_while_it_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    real = Table.get_many

    def slowly(self: Table, keys: Any) -> Any:
        read = real(self, keys)
        monkeypatch.setattr(Table, "get_many", real)
        people.record(SHOP, guest, now, 0)
        return read

    monkeypatch.setattr(Table, "get_many", slowly)
    assert people.erase(SHOP, ANNA, now, now) == (ANNA, guest)
    assert people.find(SHOP, Contact(email=guest.email)).erased_at == now


def test_who_was_forgotten_meanwhile_is_not_noted(world: World) -> None:
    people, now = store(world), world.clock.now
    people.erase(SHOP, ANNA, now, now)
    assert people.record(SHOP, ANNA, now, now) is None
    assert "anna" not in world.stored()
    assert people.record(SHOP, ANNA, now, now + 1) == frozenset()
    assert people.find(SHOP, ANNA).known


def test_an_earlier_name_of_a_customer_leads_to_who_he_is_now(world: World) -> None:
    people, now = store(world), world.clock.now
    people.record(SHOP, ANNA, now, 0)
    before = people.ref(SHOP, ANNA)
    assert before is not None
    moved = replace(ANNA, email="anna@example.org")
    former = people.find(SHOP, moved).previous_identities
    people.link_previous(SHOP, moved, former, now)
    people.mark_unknown(SHOP, former)
    people.record(SHOP, moved, now, 0)
    found = people.find_by_ref(SHOP, before)
    assert (found.ref, found.known, found.recorded.email) == (people.ref(SHOP, moved), True, "anna@example.org")
    people.erase(SHOP, moved, now, now)
    assert people.find_by_ref(SHOP, before).is_erased(now)


def test_a_doubted_person_is_neither_known_nor_noted(world: World) -> None:
    people, now = store(world), world.clock.now
    people.record(SHOP, ANNA, now, 0)
    assert people.find(SHOP, ANNA).is_recorded(now)
    people.mark_for_resync(SHOP, ANNA.identities)
    found = people.find(SHOP, ANNA)
    assert (found.needs_resync, found.known, found.is_recorded(now)) == (True, False, False)
    assert people.mark_synced(SHOP, found.recorded)
    found = people.find(SHOP, ANNA)
    assert (found.needs_resync, found.known, found.is_recorded(now)) == (False, True, True)


def test_a_doubt_is_not_dispelled_by_telling_what_is_not_on_record_any_more(world: World) -> None:
    people, now = store(world), world.clock.now
    people.record(SHOP, ANNA, now, 0)
    people.mark_for_resync(SHOP, ANNA.identities)
    told = people.find(SHOP, ANNA).recorded
    people.record(SHOP, replace(ANNA, phone="380509998877"), now, 0)
    assert not people.mark_synced(SHOP, told)
