"""A guest's order overtakes the customer's own change of the addresses. With the same e-mail, both are one person."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shopwire.models import Change, Contact, Reason, Redaction
from shopwire.stores.contacts import ContactStore
from tests.support import generic, shopify, woocommerce
from tests.support.changes import ANNA, BORYS, DAY_MS, MINUTE_MS, SHOP, arrived, customer, order, shipped
from tests.support.delivery_world import World
from tests.support.unreliable_clients import Crash

MOVED = replace(ANNA, email="anna.new@example.com", phone="380671112233")
GUEST = replace(MOVED, customer_id=None)


def sent_contacts(world: World) -> list[dict[str, Any]]:
    return [body for _, path, body in world.api.accepted if path == "v1/contact"]


def addresses(body: dict[str, Any]) -> list[str]:
    return [channel["value"] for channel in body["channels"]]


def recorded(world: World, contact: Contact) -> Contact:
    """Return what is recorded of a contact."""
    record = world.webhook.contacts.find(SHOP, contact).record
    assert record
    assert record.is_synced
    return record.contact


# --- on every platform


def shopify_changes(email: str, phone: str) -> tuple[Change, Change]:
    body = json.loads(shopify.BODIES["customers/update"]) | {"id": 77, "email": email, "phone": phone}
    contact = {"email": email, "contact_email": email, "phone": phone}
    return shopify.read("customers/update", body), shopify.read(
        "orders/create", shopify.PLAIN | contact | {"customer": None}
    )


def woocommerce_changes(email: str, phone: str) -> tuple[Change, Change]:
    body, bought = json.loads(woocommerce.BODIES["customer.updated"]), woocommerce.PLAIN
    account = body | {"id": 77, "email": email, "billing": body["billing"] | {"email": email, "phone": phone}}
    address = bought["billing"] | {"email": email, "phone": phone}
    return woocommerce.read("customer.updated", account), woocommerce.read(
        "order.updated", bought | {"customer_id": 0, "billing": address}
    )


def generic_changes(email: str, phone: str) -> tuple[Change, Change]:
    contact, bought = {"email": email, "phone": phone}, generic.PLAIN
    body = generic.BODIES["contact"]
    return generic.read(body | {"contact": body["contact"] | contact | {"id": "77"}}), generic.read(
        bought | {"contact": contact}
    )


@pytest.mark.parametrize("changes", [shopify_changes, woocommerce_changes, generic_changes])
def test_customer_gets_both_addresses_of_the_order_that_came_first(
    world: World, changes: Callable[[str, str], tuple[Change, Change]]
) -> None:
    world.put_shop(SHOP, old_order_days=0)
    world.clock.advance(365 * DAY_MS)  # later than all samples
    before, _ = changes("anna@example.com", "+380501112233")
    moved, bought = changes("anna.new@example.com", "+380671112233")
    assert world.send(before) == "delivered"
    world.clock.advance(MINUTE_MS)
    assert world.send(bought) == "delivered"
    world.clock.advance(MINUTE_MS)
    assert world.send(moved) == "delivered"
    last = sent_contacts(world)[-1]
    assert last["externalCustomerId"] == "77"
    assert addresses(last) == ["anna.new@example.com", "380671112233"]


# --- what is the customer's


def test_every_address_leads_to_the_customer_afterwards(world: World) -> None:
    world.send(customer())
    world.send(order(contact=GUEST))
    assert world.send(customer(MOVED, minutes=1)) == "delivered"
    for contact in (MOVED, GUEST, Contact(email=MOVED.email), Contact(phone=MOVED.phone), Contact(customer_id="77")):
        assert recorded(world, contact) == MOVED


@pytest.mark.parametrize("written", [1, 2])
def test_customer_gets_both_also_if_the_invocation_dies_between_them(world: World, written: int) -> None:
    world.send(customer())
    world.send(order(contact=GUEST))
    body, left = world.body(customer(MOVED, minutes=1)), 1 + written  # the first write is the claim of the lease

    def die_before_the_next_write(name: str) -> None:
        nonlocal left
        left -= name == "dynamodb.update_item"
        if left < 0:
            raise Crash

    world.on_call = die_before_the_next_write
    with pytest.raises(Crash):
        world.receive(body)
    world.on_call = None
    world.restart()
    world.clock.advance(MINUTE_MS)
    (outcome,) = world.receive(body)
    assert outcome.status == "delivered"
    assert addresses(sent_contacts(world)[-1]) == [MOVED.email, MOVED.phone]


def test_customer_gets_both_from_an_order_that_has_only_claimed_the_phone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its invocation writes the record of the guest, and the e-mail with it, only after the customer's change."""
    world.send(customer())
    claim = ContactStore._claim

    def claim_and_then_the_customer_moves(self: ContactStore, *arguments: Any) -> None:
        claim(self, *arguments)
        monkeypatch.setattr(ContactStore, "_claim", claim)
        assert world.send(customer(MOVED, minutes=1)) == "delivered"

    monkeypatch.setattr(ContactStore, "_claim", claim_and_then_the_customer_moves)
    assert world.send(order(contact=GUEST)) == "delivered"
    assert recorded(world, GUEST) == MOVED
    assert addresses(sent_contacts(world)[-1]) == [MOVED.email, MOVED.phone]


@pytest.mark.parametrize("later", [customer(MOVED, minutes=2), order("2", contact=GUEST)])
def test_phone_of_the_guest_whose_email_the_customer_took_is_the_customers_once_it_is_named(
    world: World, later: Change
) -> None:
    world.send(customer(replace(ANNA, phone=None)))
    world.send(order(contact=GUEST))
    assert world.send(customer(replace(MOVED, phone=None), minutes=1)) == "delivered"
    assert world.send(later) == "delivered"
    assert recorded(world, MOVED) == MOVED
    assert addresses(sent_contacts(world)[-1]) == [MOVED.email, MOVED.phone]


# --- what is not


def test_phone_is_not_taken_from_the_guest_that_another_customer_was(world: World) -> None:
    world.send(customer(BORYS, id="78"))
    world.send(order(contact=GUEST))
    world.send(customer(replace(BORYS, email=MOVED.email), id="78", minutes=1))
    world.send(customer(replace(ANNA, phone=None)))
    assert world.send(customer(replace(ANNA, phone=MOVED.phone), minutes=2)) == "unchanged"
    assert recorded(world, ANNA) == replace(ANNA, phone=None)


def test_relative_with_the_same_phone_keeps_it(world: World) -> None:
    relative = Contact(email="olha@example.com", phone=MOVED.phone)
    world.send(customer())
    world.send(order(contact=relative))
    world.send(customer(MOVED, minutes=1))
    assert recorded(world, relative) == relative
    assert recorded(world, MOVED) == replace(MOVED, phone=ANNA.phone)


def test_phone_stays_with_a_relative_if_only_the_email_is_the_guests(world: World) -> None:
    relative = Contact(email="olha@example.com", phone=MOVED.phone)
    world.send(customer())
    world.send(order("1", contact=relative))
    world.send(order("2", contact=GUEST))
    world.send(customer(MOVED, minutes=1))
    assert recorded(world, relative) == relative
    assert recorded(world, MOVED) == replace(MOVED, phone=ANNA.phone)


def test_guest_keeps_a_phone_that_the_customer_does_not_name(world: World) -> None:
    world.send(customer())
    world.send(order(contact=GUEST))
    world.send(customer(replace(ANNA, email=MOVED.email), minutes=1))
    assert recorded(world, MOVED) == replace(ANNA, email=MOVED.email)
    phone = Contact(phone=MOVED.phone)
    assert world.webhook.contacts.find(SHOP, phone).ref != world.webhook.contacts.find(SHOP, MOVED).ref


def test_guest_without_an_email_keeps_the_phone(world: World) -> None:
    phone = Contact(phone=MOVED.phone)
    world.send(customer())
    world.send(order(contact=phone))
    world.send(customer(MOVED, minutes=1))
    assert recorded(world, phone) == phone


def test_customer_gets_nothing_of_another_customer(world: World) -> None:
    other = replace(BORYS, email=MOVED.email, phone=MOVED.phone)
    world.send(customer())
    world.send(customer(other, id="78"))
    assert world.send(customer(MOVED, minutes=1)) == "unchanged"
    assert (recorded(world, other), recorded(world, ANNA)) == (other, ANNA)


def test_guests_phone_is_not_taken_if_another_customer_has_the_email_by_now(world: World) -> None:
    other = Contact(email=MOVED.email, customer_id="78")
    world.send(customer())
    world.send(customer(BORYS, id="78"))
    world.send(order(contact=GUEST))
    assert world.send(customer(other, id="78", minutes=1)) == "delivered"
    assert world.send(customer(MOVED, minutes=2)) == "unchanged"
    assert recorded(world, ANNA) == ANNA


def test_older_change_takes_nothing(world: World) -> None:
    world.send(customer(minutes=5))
    world.send(order(contact=GUEST))
    assert world.send(customer(MOVED, minutes=4)) == "stale"
    assert recorded(world, GUEST) == GUEST


def test_order_of_the_customer_takes_nothing_from_the_guest(world: World) -> None:
    world.send(customer())
    world.send(order("1", contact=GUEST))
    world.send(order("2", contact=MOVED))
    assert (recorded(world, GUEST), recorded(world, ANNA)) == (GUEST, ANNA)


# --- erasure


@pytest.mark.parametrize("phone", [MOVED.phone, None])
@pytest.mark.parametrize("has_bought_before", [False, True])
def test_erasure_of_the_customer_includes_the_guest(
    world: World, phone: str | None, *, has_bought_before: bool
) -> None:
    if has_bought_before:
        # The record of a contact that had the address before is on its item, so the guest's is on one of its own.
        world.send(order("1", contact=Contact(email=MOVED.email)))
        world.send(customer(Contact(email=MOVED.email, customer_id="80"), id="80"))
        world.send(customer(Contact(email="elsewhere@example.com", customer_id="80"), id="80", minutes=1))
    world.send(customer())
    world.send(order("1002", contact=replace(GUEST, phone=phone)))
    world.clock.advance(MINUTE_MS)
    world.send(customer(replace(MOVED, phone=phone), minutes=1))
    world.clock.advance(MINUTE_MS)
    assert world.send(Redaction(replace(MOVED, phone=phone), "77")) == "delivered"
    assert not any(value in world.stored_text() for value in ("anna", "Kovalenko", "380671112233"))
    number = len([1 for _, path, _ in world.api.accepted if path.startswith("v1/contact/")])
    assert number == 2, "the contact of the customer and the one of the guest"
    assert ("elsewhere@example.com" in world.stored_text()) is has_bought_before
    assert world.deliver(order("1003", contact=GUEST)).reason is Reason.ERASED


def test_erasure_of_the_customer_excludes_who_registered_with_the_phone_that_the_guest_kept(world: World) -> None:
    other = Contact(phone=MOVED.phone, customer_id="80")
    world.send(customer())
    world.send(order(contact=GUEST))
    world.send(customer(replace(ANNA, email=MOVED.email), minutes=1))
    world.send(customer(other, id="80", minutes=2))
    world.clock.advance(MINUTE_MS)
    assert world.send(Redaction(replace(ANNA, email=MOVED.email), "77")) == "delivered"
    assert recorded(world, other).customer_id == "80"


def test_parcel_of_a_guests_order_goes_to_the_customer(world: World) -> None:
    world.send(customer())
    world.send(order(contact=GUEST))
    world.send(shipped(contact=GUEST))
    assert world.send(customer(MOVED, minutes=1)) == "delivered"
    assert world.send(customer(replace(MOVED, email="anna.newer@example.com"), minutes=2)) == "delivered"
    assert world.send(arrived()) == "delivered"
    assert world.api.accepted[-1][2]["keyValue"] == "anna.newer@example.com"
