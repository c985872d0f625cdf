"""The store of contacts: whom a webhook names, what is recorded before it is sent, and tombstones."""

from dataclasses import replace
from typing import Any

import pytest

from shopwire.models import Consent, Contact
from shopwire.stores.contact_record import ContactRecord, later_consent
from shopwire.stores.contacts import ContactStore
from shopwire.stores.table import Table
from tests.support.changes import ANNA, BORYS, DAY_MS, OTHER_SHOP, SHOP
from tests.support.delivery_world import World


def store(world: World, key: str = "hash-key") -> ContactStore:
    return ContactStore(world.webhook.table, key)


def order_of(world: World, contact: Contact, created_at: int = 0, *, api_id: int | None = None) -> ContactRecord:
    """Record the contact of an order as the API accepted it. Return its record."""
    contacts = store(world)
    state = contacts.find(SHOP, contact)
    record = contacts.write(SHOP, state, state.completed(), world.clock.now, created_at)
    assert record
    assert contacts.mark_synced(SHOP, record, api_id, None)
    return record


def change_of(world: World, contact: Contact) -> ContactRecord:
    """Record the customer's own change as the API accepted it."""
    contacts = store(world)
    state = contacts.find(SHOP, contact)
    record = contacts.write(SHOP, state, state.replaced(), world.clock.now, 0)
    assert record
    assert contacts.mark_synced(SHOP, record, None, None)
    return record


def found(world: World, contact: Contact) -> Contact | None:
    """Return what is recorded of the contact."""
    record = store(world).find(SHOP, contact).record
    return record.contact if record else None


def consent_of(world: World, contact: Contact) -> Consent | None:
    """Return the consent that is recorded of the contact."""
    recorded = found(world, contact)
    assert recorded
    return recorded.consent


def test_recorded_contact_is_found_by_any_of_its_identities(world: World) -> None:
    order_of(world, ANNA)
    for contact in (ANNA, Contact(email=ANNA.email), Contact(phone=ANNA.phone), Contact(customer_id="77")):
        state = store(world).find(SHOP, contact)
        assert state.is_known
        assert state.record
        assert state.record.contact == ANNA
    assert not store(world).find(SHOP, BORYS).is_known
    assert not store(world).find(OTHER_SHOP, ANNA).is_known


def test_contact_is_known_only_when_its_last_revision_was_accepted(world: World) -> None:
    contacts, now = store(world), world.clock.now
    state = contacts.find(SHOP, ANNA)
    first = contacts.write(SHOP, state, ANNA, now, 0)
    assert first
    assert not contacts.find(SHOP, ANNA).is_known
    moved = replace(ANNA, phone="380509998877")
    second = contacts.write(SHOP, contacts.find(SHOP, moved), moved, now, 0)
    assert second
    assert not contacts.mark_synced(SHOP, first, None, None), "the first revision is not the last one any more"
    assert not contacts.find(SHOP, ANNA).is_known
    assert contacts.mark_synced(SHOP, second, 5001, None)
    record = contacts.find(SHOP, ANNA).record
    assert record
    assert (record.is_synced, record.api_id, record.revision) == (True, 5001, 2)
    assert contacts.touch(SHOP, record, None)
    assert not contacts.find(SHOP, ANNA).is_known


def test_two_writers_of_the_same_state_do_not_both_write(world: World) -> None:
    contacts, now = store(world), world.clock.now
    state = contacts.find(SHOP, ANNA)
    assert contacts.write(SHOP, state, ANNA, now, 0)
    assert contacts.write(SHOP, state, replace(ANNA, last_name="Bondar"), now, 0) is None


def test_identity_that_another_contact_claimed_meanwhile_is_not_taken(world: World) -> None:
    contacts, now = store(world), world.clock.now
    guest = Contact(email="guest@example.org", phone=ANNA.phone)
    state = contacts.find(SHOP, guest)
    order_of(world, ANNA)
    assert contacts.write(SHOP, state, guest, now, 0) is None
    order_of(world, guest)
    assert found(world, guest) == Contact(email=guest.email)


# --- whom a webhook names


def test_two_guests_with_one_phone_stay_two_and_the_second_has_no_phone(world: World) -> None:
    first = Contact(email="first@example.org", phone="380671112233")
    second = Contact(email="second@example.org", phone="380671112233")
    order_of(world, first)
    order_of(world, second)
    assert (found(world, first), found(world, second)) == (first, Contact(email=second.email))


def test_guest_who_registers_keeps_the_contact_and_gains_the_id(world: World) -> None:
    guest = order_of(world, Contact(email=ANNA.email))
    customer = change_of(world, ANNA)
    assert (customer.id, customer.contact) == (guest.id, ANNA)
    phone_only = order_of(world, Contact(phone="380671112233"))
    by_phone = change_of(world, Contact(phone="380671112233", customer_id="79"))
    assert by_phone.id == phone_only.id


def test_order_adds_what_is_missing_and_replaces_nothing(world: World) -> None:
    change_of(world, Contact(email=ANNA.email, customer_id="77", first_name="Anna"))
    order = Contact(
        email="other@example.org", phone=ANNA.phone, customer_id="77", first_name="Hanna", last_name="K", language="uk"
    )
    order_of(world, order)
    recorded = Contact(email=ANNA.email, phone=ANNA.phone, customer_id="77", first_name="Anna", language="uk")
    assert found(world, ANNA) == recorded


def test_order_takes_neither_address_nor_id_from_another_contact(world: World) -> None:
    order_of(world, ANNA)
    other = Contact(email=ANNA.email, phone="380671112233", customer_id="79")
    order_of(world, other)
    assert found(world, ANNA) == ANNA
    assert found(world, other) == Contact(phone="380671112233", customer_id="79")


def test_order_whose_every_address_is_anothers_belongs_to_that_contact(world: World) -> None:
    order_of(world, ANNA)
    order_of(world, Contact(email=ANNA.email, customer_id="79"))
    assert found(world, Contact(email=ANNA.email, customer_id="79")) == ANNA


def test_customer_takes_the_address_of_a_guest_but_not_of_another_customer(world: World) -> None:
    order_of(world, Contact(email="guest@example.org"))
    change_of(world, ANNA)
    change_of(world, BORYS)
    change_of(world, replace(ANNA, email="guest@example.org"))
    assert found(world, Contact(email="guest@example.org")) == replace(ANNA, email="guest@example.org")
    change_of(world, replace(ANNA, email=BORYS.email))
    assert found(world, BORYS) == BORYS


def test_address_that_its_contact_gave_up_is_free(world: World) -> None:
    """Its record is on the item of that address, so the new contact gets an item of its own."""
    guest = order_of(world, Contact(email=ANNA.email))
    change_of(world, ANNA)
    moved = change_of(world, replace(ANNA, email="anna@example.org"))
    assert moved.id == guest.id
    stranger = order_of(world, Contact(email=ANNA.email))
    assert stranger.id != guest.id
    assert found(world, Contact(email=ANNA.email)) == Contact(email=ANNA.email)
    assert found(world, Contact(customer_id="77")) == replace(ANNA, email="anna@example.org")


def test_account_that_was_made_again_with_the_same_address_takes_the_contact_over(world: World) -> None:
    old = change_of(world, BORYS)
    new = change_of(world, replace(BORYS, customer_id="80"))
    assert (new.id, new.contact.customer_id) == (old.id, "80")


def test_later_consent_counts_whichever_comes_first(world: World) -> None:
    no, yes = Consent(subscribed=False, at=2), Consent(subscribed=True, at=1)
    change_of(world, replace(ANNA, consent=no))
    change_of(world, replace(ANNA, consent=yes))
    order_of(world, replace(ANNA, consent=yes))
    recorded = found(world, ANNA)
    assert recorded
    assert recorded.consent == no


def test_refusal_counts_if_the_consent_was_given_at_the_same_moment() -> None:
    yes, no = Consent(subscribed=True, at=2), Consent(subscribed=False, at=2)
    assert later_consent(yes, no) == later_consent(no, yes) == no


def test_consent_to_text_messages_counts_only_for_a_contact_without_an_email(world: World) -> None:
    phone = Contact(phone="380671112233", customer_id="79")
    sms = Consent(subscribed=True, at=5, channel="sms")
    order_of(world, replace(phone, consent=sms))
    assert consent_of(world, phone) == sms
    change_of(world, replace(phone, email="d@example.org"))
    assert consent_of(world, phone) is None
    no = Consent(subscribed=False, at=4)
    change_of(world, replace(ANNA, consent=no))
    order_of(world, replace(ANNA, consent=sms))
    assert consent_of(world, ANNA) == no


def test_implied_refusal_counts_only_for_a_new_contact(world: World) -> None:
    implied = Consent(subscribed=False, at=0, is_implied=True)
    guest = Contact(email="guest@example.org")
    order_of(world, replace(guest, consent=implied))
    assert consent_of(world, guest) == Consent(subscribed=False, at=0)
    order_of(world, ANNA)
    order_of(world, replace(ANNA, consent=implied))
    assert consent_of(world, ANNA) is None
    yes = Consent(subscribed=True, at=1)
    order_of(world, replace(guest, consent=yes))
    order_of(world, replace(guest, consent=implied))
    assert consent_of(world, guest) == yes


def test_consent_without_a_time_counts_before_none(world: World) -> None:
    no, yes = Consent(subscribed=False, at=0), Consent(subscribed=True, at=1)
    order_of(world, ANNA)
    order_of(world, replace(ANNA, consent=no))
    assert consent_of(world, ANNA) == no
    order_of(world, replace(ANNA, consent=yes))
    order_of(world, replace(ANNA, consent=no))
    assert consent_of(world, ANNA) == yes


def test_unwritten_contact_keeps_its_identities_for_itself(world: World) -> None:
    """The invocation that claimed them died before it wrote the record."""
    contacts, now = store(world), world.clock.now
    state, update = contacts.find(SHOP, ANNA), Table.update

    def die_at_the_record(self: Table, key: Any, change: Any, **more: Any) -> Any:
        if "contact" in change:
            raise KeyboardInterrupt
        return update(self, key, change, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "update", die_at_the_record)
        with pytest.raises(KeyboardInterrupt):
            contacts.write(SHOP, state, ANNA, now, 0)
    order_of(world, Contact(email="guest@example.org", phone=ANNA.phone))
    assert found(world, Contact(email="guest@example.org")) == Contact(email="guest@example.org")
    by_email = order_of(world, Contact(email=ANNA.email))
    assert order_of(world, ANNA).id == by_email.id
    assert found(world, ANNA) == ANNA


# --- the table


def test_reference_leads_to_the_record(world: World) -> None:
    record = order_of(world, ANNA, api_id=5001)
    by_ref, erased_at = store(world).find_by_ref(SHOP, record.id)
    assert by_ref
    assert (by_ref.contact, by_ref.api_id, erased_at) == (ANNA, 5001, None)


def test_keys_are_hashes_that_mean_nothing_in_another_stack(world: World) -> None:
    order_of(world, ANNA)
    keys = [item["pk"]["S"] for item in world.items()]
    assert all("anna" not in key and "380" not in key for key in keys)
    assert not store(world, "another-stack").find(SHOP, ANNA).is_known


def test_record_is_renewed_before_an_entry_could_outlive_it(world: World) -> None:
    contacts = store(world)
    order_of(world, ANNA)
    world.clock.advance(101 * DAY_MS)
    state = contacts.find(SHOP, ANNA)
    assert contacts.is_expiring(state, world.clock.now)
    record = contacts.write(SHOP, state, ANNA, world.clock.now, 0)
    assert record
    assert (record.revision, record.is_synced) == (1, True)
    assert not contacts.is_expiring(contacts.find(SHOP, ANNA), world.clock.now)


# --- erasure


def test_tombstone_contains_no_address_and_stops_what_was_created_before(world: World) -> None:
    contacts, now = store(world), world.clock.now
    order_of(world, ANNA)
    contacts.erase(SHOP, Contact(customer_id="77"), now, now)
    contacts.clear_erasure_list(SHOP, Contact(customer_id="77"))
    assert "anna" not in world.stored_text().lower()
    state = contacts.find(SHOP, Contact(email=ANNA.email))
    assert (state.is_known, state.erased_at) == (False, now)
    assert state.is_erased(now)
    assert state.is_erased(None)
    assert not state.is_erased(now + 1)


def test_erasure_includes_a_guest_with_the_same_phone(world: World) -> None:
    contacts, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    order_of(world, guest)
    assert [record.contact for record in contacts.erase(SHOP, ANNA, now, now)] == [guest]
    assert contacts.find(SHOP, Contact(email=guest.email)).erased_at == now


def test_erasure_does_not_include_who_has_an_earlier_address_now(world: World) -> None:
    contacts, now = store(world), world.clock.now
    change_of(world, ANNA)
    change_of(world, replace(ANNA, phone="380509998877"))
    other = order_of(world, Contact(email="other@example.org", phone=ANNA.phone))
    contacts.erase(SHOP, Contact(customer_id="77"), now, now)
    assert found(world, Contact(phone=ANNA.phone)) == other.contact


def test_repeated_erasure_returns_the_same_contacts(world: World) -> None:
    contacts, now = store(world), world.clock.now
    order_of(world, ANNA, api_id=5001)
    (first,) = contacts.erase(SHOP, ANNA, now, now)
    (again,) = contacts.erase(SHOP, ANNA, now, now)
    assert (again.contact.identities, again.api_id) == (first.contact.identities, 5001)
    contacts.clear_erasure_list(SHOP, ANNA)
    assert "anna" not in world.stored_text()
    assert contacts.erase(SHOP, ANNA, now, now) == ()


def test_erasure_includes_a_contact_recorded_while_it_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contacts, now = store(world), world.clock.now
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    get_many = Table.get_many

    def get_many_then_record(self: Table, keys: Any) -> Any:
        items = get_many(self, keys)
        monkeypatch.setattr(Table, "get_many", get_many)
        order_of(world, guest)
        return items

    monkeypatch.setattr(Table, "get_many", get_many_then_record)
    assert [record.contact for record in contacts.erase(SHOP, ANNA, now, now)] == [guest]
    assert contacts.find(SHOP, Contact(email=guest.email)).erased_at == now


def test_contact_that_gains_an_address_while_it_is_erased_loses_it_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts, now = store(world), world.clock.now
    order_of(world, Contact(email=ANNA.email))
    get_many = Table.get_many

    def get_many_then_add(self: Table, keys: Any) -> Any:
        items = get_many(self, keys)
        monkeypatch.setattr(Table, "get_many", get_many)
        order_of(world, Contact(email=ANNA.email, phone=ANNA.phone))
        return items

    monkeypatch.setattr(Table, "get_many", get_many_then_add)
    (record,) = contacts.erase(SHOP, Contact(email=ANNA.email), now, now)
    assert record.contact.phone == ANNA.phone
    assert contacts.find(SHOP, Contact(phone=ANNA.phone)).erased_at == now


def test_erased_contact_is_recorded_only_if_created_after_the_erasure(world: World) -> None:
    contacts, now = store(world), world.clock.now
    contacts.erase(SHOP, ANNA, now, now)
    assert contacts.write(SHOP, contacts.find(SHOP, ANNA), ANNA, now, now) is None
    assert "anna" not in world.stored_text()
    assert contacts.write(SHOP, contacts.find(SHOP, ANNA), ANNA, now, now + 1)
    assert found(world, ANNA) == ANNA


def test_revision_of_an_erased_contact_is_not_marked_as_synced(world: World) -> None:
    contacts, now = store(world), world.clock.now
    record = contacts.write(SHOP, contacts.find(SHOP, ANNA), ANNA, now, 0)
    assert record
    contacts.erase(SHOP, ANNA, now, now)
    assert not contacts.mark_synced(SHOP, record, None, None)
    assert contacts.find_by_ref(SHOP, record.id) == (None, now)


class _Crash(Exception):
    pass


def _crash(*_: object, **__: object) -> None:
    raise _Crash


def claim_only(world: World, monkeypatch: pytest.MonkeyPatch, contact: Contact) -> None:
    """Let the first invocation of a person die after it claimed the identities, before it writes the record."""
    contacts = store(world)
    state = contacts.find(SHOP, contact)
    with monkeypatch.context() as patch:
        patch.setattr(ContactStore, "_write_record", _crash)
        with pytest.raises(_Crash):
            contacts.write(SHOP, state, contact, world.clock.now, 0)


def test_person_whose_first_invocation_died_has_its_identities(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had claimed the phone, and nothing else was written: the phone is not another person's for ever."""
    claim_only(world, monkeypatch, replace(ANNA, customer_id=None))
    assert store(world).find(SHOP, replace(BORYS, phone=ANNA.phone)).completed().phone is None
    assert change_of(world, ANNA).contact == ANNA
    assert found(world, Contact(phone=ANNA.phone)) == ANNA
    assert found(world, Contact(email=ANNA.email)) == ANNA


def test_customer_whose_first_invocation_died_has_the_phone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had claimed the phone for the customer's id. Since then a guest used the customer's new e-mail address."""
    claim_only(world, monkeypatch, ANNA)
    moved = replace(ANNA, email="new@example.org")
    order_of(world, Contact(email=moved.email))
    assert change_of(world, moved).contact == moved
    assert found(world, Contact(phone=ANNA.phone)) == moved


def test_contact_that_another_one_overtook_holds_no_phone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order claimed the phone. Before it wrote its record, the customer's consent made a contact of the e-mail."""
    claim_only(world, monkeypatch, replace(ANNA, customer_id=None))
    change_of(world, Contact(email=ANNA.email, customer_id=ANNA.customer_id))
    assert order_of(world, replace(ANNA, customer_id=None)).contact == ANNA
    assert found(world, Contact(phone=ANNA.phone)) == ANNA


def record_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch, contact: Contact) -> None:
    """Let an order's contact be recorded after the next writer claimed its identities, before it writes the record."""
    write = ContactStore._write_record

    def write_afterwards(*args: Any, **options: Any) -> ContactRecord:
        monkeypatch.setattr(ContactStore, "_write_record", write)
        order_of(world, contact)
        return write(*args, **options)

    monkeypatch.setattr(ContactStore, "_write_record", write_afterwards)


def test_second_contact_does_without_a_phone_that_another_one_is_about_to_get(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    relative = Contact(email="relative@example.org", phone=ANNA.phone)
    order_of(world, replace(ANNA, phone=None))
    record_meanwhile(world, monkeypatch, relative)
    assert change_of(world, ANNA).contact == ANNA
    assert found(world, relative) == relative.without({"phone"})


def test_only_address_of_a_contact_is_taken_from_one_that_is_about_to_get_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invocation that claimed an address may have died, and then nothing else would ever get it."""
    contacts, moved = store(world), replace(ANNA, email="new@example.org")
    order_of(world, ANNA)
    record_meanwhile(world, monkeypatch, Contact(email=moved.email))
    state = contacts.find(SHOP, moved)
    assert contacts.write(SHOP, state, state.replaced(), world.clock.now, 0) is None
    assert found(world, Contact(email=moved.email)) == Contact(email=moved.email)
    assert contacts.find(SHOP, ANNA).is_known
    assert change_of(world, moved).contact == moved


def test_phone_that_its_contact_gets_back_is_not_taken_meanwhile(world: World) -> None:
    """A guest's order found the phone free, because the contact had given it up."""
    contacts, relative = store(world), Contact(email="relative@example.org", phone=ANNA.phone)
    change_of(world, ANNA)
    change_of(world, replace(ANNA, phone="380671112233"))
    free = contacts.find(SHOP, relative)
    assert free.completed() == relative
    change_of(world, ANNA)
    assert contacts.write(SHOP, free, relative, world.clock.now, 0) is None
    assert found(world, Contact(phone=ANNA.phone)) == ANNA
