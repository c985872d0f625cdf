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
    assert people.know(SHOP, ANNA, world.clock.now, 0) == frozenset()
    for contact in (ANNA, Contact(email=ANNA.email), Contact(phone=ANNA.phone), Contact(customer_id="77")):
        assert people.find(SHOP, contact).known
    assert not people.find(SHOP, BORYS).known
    assert not people.find(OTHER, ANNA).known


def test_a_person_is_read_with_one_call(world: World) -> None:
    store(world).find(SHOP, ANNA)
    assert world.calls == ["dynamodb.batch_get_item"]


def test_nobody_costs_no_call(world: World) -> None:
    found = store(world).find(SHOP, Contact())
    assert (found.name, found.known, found.redacted_at) == (None, False, None)
    assert world.calls == []


def test_the_name_of_a_person_leads_to_his_addresses_and_to_no_name(world: World) -> None:
    people = store(world)
    people.know(SHOP, ANNA, world.clock.now, 0)
    name = people.find(SHOP, ANNA).name
    assert name is not None
    recorded = people.by_name(SHOP, name).recorded
    assert recorded == Contact(email=ANNA.email, phone=ANNA.phone, customer_id="77")


def test_keys_are_hashes_that_mean_nothing_in_another_stack(world: World) -> None:
    store(world).know(SHOP, ANNA, world.clock.now, 0)
    keys = [item["pk"]["S"] for item in world.real["dynamodb"].scan(TableName="table")["Items"]]
    assert all("anna" not in key and "380" not in key for key in keys)
    assert not store(world, "another-stack").find(SHOP, ANNA).known


def test_a_tombstone_leaves_no_address_and_stops_what_was_born_before(world: World) -> None:
    people, now = store(world), world.clock.now
    people.know(SHOP, ANNA, now, 0)
    people.redact(SHOP, Contact(customer_id="77"), now, now)
    people.erased(SHOP, Contact(customer_id="77"))
    assert "anna" not in world.stored()
    found = people.find(SHOP, Contact(email=ANNA.email))
    assert (found.known, found.redacted_at) == (False, now)
    assert found.forgotten(now)
    assert found.forgotten(None)
    assert not found.forgotten(now + 1)


def test_a_redaction_finds_what_a_guest_with_the_same_phone_left(world: World) -> None:
    people, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    people.know(SHOP, guest, now, 0)
    assert people.redact(SHOP, ANNA, now, now) == (ANNA, guest)
    assert people.find(SHOP, Contact(email=guest.email)).redacted_at == now


def test_a_redaction_that_begins_again_finds_whom_it_found_before(world: World) -> None:
    people, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    people.know(SHOP, guest, now, 0)
    found = people.redact(SHOP, ANNA, now, now)
    assert set(people.redact(SHOP, ANNA, now, now)) == set(found)
    people.erased(SHOP, ANNA)
    assert "anna" not in world.stored()
    assert len(people.redact(SHOP, ANNA, now, now)) == 1


def test_a_redaction_finds_whom_was_noted_while_it_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    real = Table.get_many

    def slowly(self: Table, keys: Any) -> Any:
        read = real(self, keys)
        monkeypatch.setattr(Table, "get_many", real)
        people.know(SHOP, guest, now, 0)
        return read

    monkeypatch.setattr(Table, "get_many", slowly)
    assert people.redact(SHOP, ANNA, now, now) == (ANNA, guest)
    assert people.find(SHOP, Contact(email=guest.email)).redacted_at == now


def test_who_was_forgotten_meanwhile_is_not_noted(world: World) -> None:
    people, now = store(world), world.clock.now
    people.redact(SHOP, ANNA, now, now)
    assert people.know(SHOP, ANNA, now, now) is None
    assert "anna" not in world.stored()
    assert people.know(SHOP, ANNA, now, now + 1) == frozenset()
    assert people.find(SHOP, ANNA).known


def test_an_earlier_name_of_a_customer_leads_to_who_he_is_now(world: World) -> None:
    people, now = store(world), world.clock.now
    people.know(SHOP, ANNA, now, 0)
    before = people.name(SHOP, ANNA)
    assert before is not None
    moved = replace(ANNA, email="anna@example.org")
    former = people.find(SHOP, moved).former
    people.link(SHOP, moved, former, now)
    people.unlearn(SHOP, former)
    people.know(SHOP, moved, now, 0)
    found = people.by_name(SHOP, before)
    assert (found.name, found.known, found.recorded.email) == (people.name(SHOP, moved), True, "anna@example.org")
    people.redact(SHOP, moved, now, now)
    assert people.by_name(SHOP, before).forgotten(now)


def test_a_doubted_person_is_neither_known_nor_noted(world: World) -> None:
    people, now = store(world), world.clock.now
    people.know(SHOP, ANNA, now, 0)
    assert people.find(SHOP, ANNA).is_noted(now)
    people.doubt(SHOP, ANNA.identities)
    found = people.find(SHOP, ANNA)
    assert (found.doubted, found.known, found.is_noted(now)) == (True, False, False)
    assert people.dispel_doubt(SHOP, found.recorded)
    found = people.find(SHOP, ANNA)
    assert (found.doubted, found.known, found.is_noted(now)) == (False, True, True)


def test_a_doubt_is_not_dispelled_by_telling_what_is_not_on_record_any_more(world: World) -> None:
    people, now = store(world), world.clock.now
    people.know(SHOP, ANNA, now, 0)
    people.doubt(SHOP, ANNA.identities)
    told = people.find(SHOP, ANNA).recorded
    people.know(SHOP, replace(ANNA, phone="380509998877"), now, 0)
    assert not people.dispel_doubt(SHOP, told)
