"""An address that a contact gave up may be another person's, also before the API knows that it was given up."""

from dataclasses import replace
from typing import Any

import pytest

from shopwire.models import Contact
from tests.support.changes import ANNA, SHOP, arrived, customer, order, shipped
from tests.support.delivery_world import World

GUEST = Contact(email=ANNA.email, first_name="Olha", last_name="Vyhadko")
NEIGHBOUR = Contact(email="olha@example.com", phone=ANNA.phone, first_name="Olha", last_name="Vyhadko")
MOVED = replace(ANNA, email="anna.new@example.com", phone="380671112233")


def sent_contacts(world: World) -> list[dict[str, Any]]:
    return [body for _, path, body in world.api.accepted if path == "v1/contact"]


def values(body: dict[str, Any]) -> set[str]:
    return {channel["value"] for channel in body["channels"]}


@pytest.mark.parametrize("buyer", [GUEST, NEIGHBOUR], ids=["e-mail", "phone"])
def test_contact_that_moved_is_sent_before_its_earlier_address_is_another_ones(world: World, buyer: Contact) -> None:
    """The API finds contacts by their addresses, so it would take the buyer for the customer who has moved."""
    assert world.send(customer()) == "delivered"
    world.api.next_answers = [503]
    assert world.send(customer(MOVED, minutes=1)) == "queued"
    assert world.send(order(contact=buyer)) == "delivered"
    moved, bought = sent_contacts(world)[1:]
    assert (moved["externalCustomerId"], values(moved)) == (ANNA.customer_id, {MOVED.email, MOVED.phone})
    assert "externalCustomerId" not in bought
    assert values(bought) == {buyer.email, buyer.phone} - {None}
    assert world.run_until_idle() == ["unchanged"]


def test_contact_that_moved_is_sent_before_a_customer_gets_its_earlier_address(world: World) -> None:
    assert world.send(customer()) == "delivered"
    world.api.next_answers = [503]
    assert world.send(customer(MOVED, minutes=1)) == "queued"
    assert world.send(customer(replace(NEIGHBOUR, customer_id="8"), id="8")) == "delivered"
    assert [body["externalCustomerId"] for body in sent_contacts(world)] == [ANNA.customer_id, ANNA.customer_id, "8"]


def test_order_waits_until_the_contact_that_moved_can_be_sent(world: World) -> None:
    assert world.send(customer()) == "delivered"
    refused: list[set[str]] = []

    def refuse(_method: str, _url: str, body: dict[str, Any]) -> int:
        refused.append(values(body))
        return 503

    world.api.next_answers = [503, refuse]
    assert world.send(customer(MOVED, minutes=1)) == "queued"
    assert world.send(order(contact=GUEST)) == "queued"
    assert refused == [{MOVED.email, MOVED.phone}]
    world.run_until_idle()
    assert [values(body) for body in sent_contacts(world)][-1] == {GUEST.email}


def test_contact_of_a_deleted_account_is_not_restored_for_its_earlier_address(world: World) -> None:
    assert world.send(customer()) == "delivered"
    world.api.next_answers = [503]
    assert world.send(customer(MOVED, minutes=1)) == "queued"
    state = world.webhook.contacts.find(SHOP, MOVED)
    assert state.record
    assert world.webhook.contacts.mark_deleted(SHOP, state.record, world.clock.now)
    assert world.send(order(contact=GUEST)) == "delivered"
    assert [values(body) for body in sent_contacts(world)][1:] == [{GUEST.email}]


def test_fact_names_the_address_that_the_customer_gave_while_the_contact_was_sent(world: World) -> None:
    moved = replace(ANNA, email="anna.new@example.com")
    world.send(customer())
    world.send(shipped())
    world.leave_unsent(ANNA)

    world.api.next_answers = [world.meanwhile(customer(moved, minutes=1))]
    assert world.send(arrived()) == "delivered"
    assert world.api.events[-1]["email"] == moved.email


def test_address_that_a_customer_takes_and_leaves_again_and_again_gets_a_contact_each_time(world: World) -> None:
    world.send(customer(MOVED))
    for turn in range(4):
        assert world.send(order(str(turn), contact=GUEST)) == "delivered"
        assert world.send(customer(minutes=2 * turn + 1)) == "delivered"
        assert world.send(customer(MOVED, minutes=2 * turn + 2)) == "delivered"
    of_customer = [{str(ANNA.email), str(ANNA.phone)}, {str(MOVED.email), str(MOVED.phone)}]
    assert [values(body) for body in sent_contacts(world)[1:]] == 4 * [{GUEST.email}, *of_customer]
