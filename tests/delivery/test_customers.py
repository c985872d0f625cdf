"""Customers' own webhooks, and how they and orders share a contact."""

from dataclasses import replace
from typing import Any

import pytest

from shopwire.models import Consent, Contact, Reason
from tests.support.changes import ANNA, BORYS, MINUTE_MS, SHOP, customer, order
from tests.support.delivery_world import World


def test_customer_is_sent_again_only_if_something_differs(world: World) -> None:
    assert world.send(customer()) == "delivered"
    assert world.send(customer(minutes=1)) == "unchanged"
    married = replace(ANNA, last_name="Bondar")
    assert world.send(customer(married, minutes=2)) == "delivered"
    assert [body["lastName"] for _, _, body in world.api.accepted] == ["Kovalenko", "Bondar"]


def contacts_of(world: World) -> list[dict[str, Any]]:
    return [body for _, path, body in world.api.accepted if path == "v1/contact"]


def test_order_sent_during_a_customers_change_carries_that_change(world: World) -> None:
    married = replace(ANNA, last_name="Bondar")

    world.api.next_answers = [world.meanwhile(order())]
    assert world.send(customer(married)) == "delivered"
    assert {body["lastName"] for body in contacts_of(world)} == {"Bondar"}
    world.send(customer(replace(married, first_name="Hanna"), minutes=1))
    assert contacts_of(world)[-1]["firstName"] == "Hanna"


def test_phone_of_a_customer_replaces_the_one_of_a_guest_order_sent_meanwhile(world: World) -> None:
    guest = replace(ANNA, customer_id=None, phone="380671112233")

    world.api.next_answers = [world.meanwhile(customer())]
    assert world.send(order(contact=guest)) == "delivered"
    assert contacts_of(world)[-1]["channels"][1] == {"type": "sms", "value": ANNA.phone}


def test_phone_of_a_customer_who_refused_replaces_the_one_of_an_unanswered_order(world: World) -> None:
    """v1/contact/subscribe leaves the addresses of a contact that exists as they are."""
    refusal = Consent(subscribed=False, at=1_000)
    guest = replace(ANNA, customer_id=None, phone="380671112233", consent=replace(refusal, is_implied=True))
    world.api.next_answers = [503]
    assert world.send(order(contact=guest)) == "queued"
    world.api.next_answers = []
    assert world.send(customer(replace(ANNA, consent=refusal))) == "delivered"
    assert [body["channels"][1]["value"] for body in contacts_of(world)] == [ANNA.phone]


def test_change_that_outlives_its_lease_does_not_replace_a_later_one(world: World) -> None:
    """Its function stood still. Meanwhile another one delivered the later change."""
    married, later = replace(ANNA, last_name="Bondar"), replace(ANNA, last_name="Melnyk")
    world.send(customer())

    def stand_still(*request: object) -> int:
        world.api.next_answers = []
        world.clock.advance(MINUTE_MS)
        assert world.send(customer(later, minutes=2)) == "delivered"
        return 200

    world.api.next_answers = [stand_still]
    assert world.send(customer(married, minutes=1)) == "queued"
    record = world.webhook.contacts.find(SHOP, ANNA).record
    assert record
    assert record.contact.last_name == "Melnyk"


def test_own_data_of_a_customer_replaces_what_an_order_sent_again_meanwhile(world: World) -> None:
    married = replace(ANNA, last_name="Bondar", phone="380671112233")
    world.send(customer())
    world.leave_unsent(ANNA)

    world.api.next_answers = [world.meanwhile(customer(married, minutes=1))]
    assert world.send(order(minutes=2)) == "delivered"
    assert contacts_of(world)[-1]["channels"][1] == {"type": "sms", "value": married.phone}


def test_own_data_of_a_customer_is_sent_again_after_a_late_request_of_an_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order's request arrives after the customer's, and before that is recorded as accepted."""
    world.send(customer(replace(ANNA, phone=None)))
    store, answered = world.webhook.contacts, []
    mark_synced = store.mark_synced

    def record_later(*args: Any) -> bool:
        monkeypatch.setattr(store, "mark_synced", mark_synced)
        answered.append(args)
        return True

    def customer_meanwhile(*request: object) -> int:
        world.api.next_answers = []
        monkeypatch.setattr(store, "mark_synced", record_later)
        world.send(customer(replace(ANNA, phone="380671112233"), minutes=1))
        return 200

    world.api.next_answers = [customer_meanwhile]
    world.send(order(minutes=2))
    (args,) = answered
    assert not mark_synced(*args)


def test_older_change_of_a_customer_is_stale(world: World) -> None:
    world.send(customer(minutes=5))
    assert world.send(customer(BORYS, minutes=4)) == "stale"


def test_older_change_does_not_replace_a_newer_one_of_which_a_part_was_accepted(world: World) -> None:
    """The API accepted the contact, and not yet the list of those who unsubscribed."""
    world.send(customer())
    refuses = replace(ANNA, phone="380671112233", consent=Consent(subscribed=False, at=9))
    world.api.next_answers = [200, 503]
    assert world.send(customer(refuses, minutes=5)) == "queued"
    world.put_into_queue(world.body(customer(replace(ANNA, last_name="Bondar"), minutes=2)))
    assert "superseded" in world.run_until_idle()
    assert contacts_of(world)[-1]["channels"][1]["value"] == refuses.phone
    assert "Bondar" not in str(contacts_of(world))


def test_order_never_updates_its_contact(world: World) -> None:
    world.send(customer())
    world.send(order(contact=replace(ANNA, first_name="Hanna")))
    assert world.api.sent == ["contact", "orderCreated"]


ODD = Contact(email="o'neil@example.com", phone="380501112244", customer_id="79")


def refuse_email(method: str, url: str, body: Any) -> int:
    channels = body.get("channels", []) if isinstance(body, dict) else []
    return 400 if any(channel["value"] == ODD.email for channel in channels) else 200


def test_contact_whose_email_the_api_refuses_is_sent_without_it(world: World) -> None:
    world.api.answer = refuse_email
    assert world.send(order(contact=ODD)) == "delivered"
    assert contacts_of(world) == [
        {"externalCustomerId": "79", "channels": [{"type": "sms", "value": ODD.phone}]},
    ]
    assert world.send(order("1002", contact=ODD)) == "delivered"
    assert world.api.sent == ["contact", "orderCreated", "orderCreated"], "it is not tried again"


def test_contact_whose_only_address_the_api_refuses_is_parked(world: World) -> None:
    world.api.answer = refuse_email
    assert world.send(order(contact=replace(ODD, phone=None))) == "parked"
    assert world.parked_reasons() == [Reason.ADDRESS_UNUSABLE]


def test_contact_that_the_api_refuses_for_another_reason_is_rejected(world: World) -> None:
    world.api.answer = lambda method, url, body: 400 if url.endswith("v1/contact") else 200
    assert world.send(order()) == "parked"
    assert world.parked_reasons() == [Reason.API_REJECTED]
