"""The store of contacts: keys are hashes, and tombstones stop webhooks that arrive late."""

from dataclasses import replace
from typing import Any

import pytest

from shopwire.models import Contact
from shopwire.stores.contacts import ContactStore
from shopwire.stores.table import Table
from tests.support.changes import ANNA, BORYS, OTHER_SHOP, SHOP
from tests.support.delivery_world import World


def store(world: World, key: str = "hash-key") -> ContactStore:
    return ContactStore(world.webhook.table, key)


def test_recorded_contact_is_found_by_any_of_its_identities(world: World) -> None:
    contacts = store(world)
    assert contacts.record(SHOP, ANNA, world.clock.now, 0) == frozenset()
    for contact in (ANNA, Contact(email=ANNA.email), Contact(phone=ANNA.phone), Contact(customer_id="77")):
        assert contacts.find(SHOP, contact).known
    assert not contacts.find(SHOP, BORYS).known
    assert not contacts.find(OTHER_SHOP, ANNA).known


def test_reference_leads_to_the_addresses_but_not_to_the_name(world: World) -> None:
    contacts = store(world)
    contacts.record(SHOP, ANNA, world.clock.now, 0)
    ref = contacts.find(SHOP, ANNA).ref
    assert ref is not None
    assert contacts.find_by_ref(SHOP, ref).recorded == Contact(email=ANNA.email, phone=ANNA.phone, customer_id="77")


def test_keys_are_hashes_that_mean_nothing_in_another_stack(world: World) -> None:
    store(world).record(SHOP, ANNA, world.clock.now, 0)
    keys = [item["pk"]["S"] for item in world.items()]
    assert all("anna" not in key and "380" not in key for key in keys)
    assert not store(world, "another-stack").find(SHOP, ANNA).known


def test_tombstone_contains_no_address_and_stops_what_was_created_before(world: World) -> None:
    contacts, now = store(world), world.clock.now
    contacts.record(SHOP, ANNA, now, 0)
    contacts.erase(SHOP, Contact(customer_id="77"), now, now)
    contacts.clear_erasure_list(SHOP, Contact(customer_id="77"))
    assert "anna" not in world.stored_text()
    found = contacts.find(SHOP, Contact(email=ANNA.email))
    assert (found.known, found.erased_at) == (False, now)
    assert found.is_erased(now)
    assert found.is_erased(None)
    assert not found.is_erased(now + 1)


def test_erasure_includes_a_guest_with_the_same_phone(world: World) -> None:
    contacts, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    contacts.record(SHOP, guest, now, 0)
    assert contacts.erase(SHOP, ANNA, now, now) == (ANNA, guest)
    assert contacts.find(SHOP, Contact(email=guest.email)).erased_at == now


def test_repeated_erasure_returns_the_same_contacts(world: World) -> None:
    contacts, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    contacts.record(SHOP, guest, now, 0)
    found = contacts.erase(SHOP, ANNA, now, now)
    assert set(contacts.erase(SHOP, ANNA, now, now)) == set(found)
    contacts.clear_erasure_list(SHOP, ANNA)
    assert "anna" not in world.stored_text()
    assert len(contacts.erase(SHOP, ANNA, now, now)) == 1


def test_erasure_includes_a_contact_recorded_while_it_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contacts, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    get_many = Table.get_many

    def get_many_then_record(self: Table, keys: Any) -> Any:
        items = get_many(self, keys)
        monkeypatch.setattr(Table, "get_many", get_many)
        contacts.record(SHOP, guest, now, 0)
        return items

    monkeypatch.setattr(Table, "get_many", get_many_then_record)
    assert contacts.erase(SHOP, ANNA, now, now) == (ANNA, guest)
    assert contacts.find(SHOP, Contact(email=guest.email)).erased_at == now


def test_erased_contact_is_recorded_only_if_created_after_the_erasure(world: World) -> None:
    contacts, now = store(world), world.clock.now
    contacts.erase(SHOP, ANNA, now, now)
    assert contacts.record(SHOP, ANNA, now, now) is None
    assert "anna" not in world.stored_text()
    assert contacts.record(SHOP, ANNA, now, now + 1) == frozenset()
    assert contacts.find(SHOP, ANNA).known


def test_earlier_reference_of_a_customer_leads_to_the_current_contact(world: World) -> None:
    contacts, now = store(world), world.clock.now
    contacts.record(SHOP, ANNA, now, 0)
    earlier_ref = contacts.ref(SHOP, ANNA)
    assert earlier_ref is not None
    moved = replace(ANNA, email="anna@example.org")
    previous = contacts.find(SHOP, moved).previous_identities
    contacts.link_previous(SHOP, moved, previous, now)
    contacts.mark_unknown(SHOP, previous)
    contacts.record(SHOP, moved, now, 0)
    found = contacts.find_by_ref(SHOP, earlier_ref)
    assert (found.ref, found.known, found.recorded.email) == (contacts.ref(SHOP, moved), True, "anna@example.org")
    contacts.erase(SHOP, moved, now, now)
    assert contacts.find_by_ref(SHOP, earlier_ref).is_erased(now)


def test_contact_that_needs_resync_is_neither_known_nor_recorded(world: World) -> None:
    contacts, now = store(world), world.clock.now
    contacts.record(SHOP, ANNA, now, 0)
    assert contacts.find(SHOP, ANNA).is_recorded(now)
    contacts.mark_for_resync(SHOP, ANNA.identities)
    found = contacts.find(SHOP, ANNA)
    assert (found.needs_resync, found.known, found.is_recorded(now)) == (True, False, False)
    assert contacts.mark_synced(SHOP, found.recorded)
    found = contacts.find(SHOP, ANNA)
    assert (found.needs_resync, found.known, found.is_recorded(now)) == (False, True, True)


def test_contact_is_not_synced_by_data_that_is_not_recorded_any_more(world: World) -> None:
    contacts, now = store(world), world.clock.now
    contacts.record(SHOP, ANNA, now, 0)
    contacts.mark_for_resync(SHOP, ANNA.identities)
    outdated = contacts.find(SHOP, ANNA).recorded
    contacts.record(SHOP, replace(ANNA, phone="380509998877"), now, 0)
    assert not contacts.mark_synced(SHOP, outdated)
