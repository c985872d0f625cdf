"""Consent: what is sent of it, in whatever order a customer's webhooks arrive."""

from dataclasses import replace
from typing import Any

import pytest

from shopwire.models import Consent, Contact, ContactChange, Redaction
from tests.support.changes import ANNA, BORYS, customer, order
from tests.support.delivery_world import World

ADD, DELETE, SUBSCRIBE = "v1/emails/unsubscribed/add", "v1/emails/unsubscribed/delete", "v1/contact/subscribe"


def consent_change(subscribed: bool, at: int = 1_000, contact: Contact = ANNA, **fields: Any) -> ContactChange:
    """Return a change of the consent alone, as it names ANNA's id and e-mail address."""
    consent = Consent(subscribed=subscribed, at=at, **fields)
    named = Contact(email=contact.email, customer_id=contact.customer_id, consent=consent)
    return ContactChange(named, contact.customer_id or "", None, at)


def paths(world: World) -> list[str]:
    return [path for _, path, _ in world.api.accepted]


@pytest.fixture
def known(world: World) -> World:
    """A world whose API has the customer ANNA, and in which nothing is accepted yet."""
    assert world.send(customer()) == "delivered"
    world.api.accepted.clear()
    return world


def test_consent_of_a_new_customer_creates_the_contact(world: World) -> None:
    """The consent may arrive before the customer, whose own webhook says none (Shopify, since 2025-01)."""
    assert world.send(consent_change(False)) == "delivered"
    assert world.send(customer()) == "delivered"
    assert paths(world) == [SUBSCRIBE, "v1/contact"]
    assert world.api.accepted[-1][2]["firstName"] == ANNA.first_name


def test_customer_unsubscribes_and_subscribes_again(known: World) -> None:
    assert known.send(consent_change(False, 1_000)) == "delivered"
    assert known.send(consent_change(True, 2_000)) == "delivered"
    assert paths(known) == [ADD, DELETE]


def test_repeated_decision_is_recorded_without_a_request(known: World) -> None:
    assert known.send(consent_change(True, 1_000)) == "unchanged"
    assert known.send(consent_change(True, 3_000)) == "unchanged"
    assert known.send(consent_change(False, 2_000)) == "unchanged"
    assert paths(known) == []


def test_order_that_repeats_the_consent_is_no_decision(known: World) -> None:
    assert known.send(consent_change(True, 1_000)) == "unchanged"
    subscriber = replace(ANNA, consent=Consent(subscribed=True, at=5_000))
    known.send(order("1", contact=subscriber))
    assert known.send(order("2", contact=subscriber)) == "delivered"
    assert paths(known) == ["v1/event", "v1/event"]


def test_late_older_consent_changes_nothing(known: World) -> None:
    assert known.send(consent_change(False, 2_000)) == "delivered"
    known.api.accepted.clear()
    assert known.send(consent_change(True, 1_000)) == "unchanged"
    assert paths(known) == []


def test_consent_is_not_stale_after_a_newer_change_of_the_customer(known: World) -> None:
    assert known.send(customer(replace(ANNA, last_name="Bondar"), minutes=60)) == "delivered"
    assert known.send(consent_change(False, 1_000)) == "delivered"
    assert paths(known)[-1] == ADD


def test_customers_own_change_is_not_stale_after_a_consent(known: World) -> None:
    assert known.send(consent_change(False, 99_000_000_000_000)) == "delivered"
    assert known.send(customer(replace(ANNA, last_name="Bondar"), minutes=1)) == "delivered"
    assert known.api.accepted[-1][2]["lastName"] == "Bondar"


def test_late_consent_does_not_bring_an_earlier_address_back(known: World) -> None:
    assert known.send(customer(replace(ANNA, email="anna@example.org"), minutes=1)) == "delivered"
    known.api.accepted.clear()
    assert known.send(consent_change(False)) == "delivered"
    assert known.api.accepted[-1][1:] == (ADD, {"emails": ["anna@example.org"]})


def test_consent_with_only_an_id_belongs_to_the_known_customer(known: World) -> None:
    change = ContactChange(Contact(customer_id="77", consent=Consent(subscribed=False, at=1)), "77", None, 1)
    assert known.send(change) == "delivered"
    assert paths(known) == [ADD]
    stranger = ContactChange(Contact(customer_id="99", consent=Consent(subscribed=False, at=1)), "99", None, 1)
    assert known.send(stranger) == "ignored"


def test_consent_to_text_messages_does_not_reach_the_list_of_emails(known: World) -> None:
    assert known.send(consent_change(False, 1_000)) == "delivered"
    known.api.accepted.clear()
    assert known.send(consent_change(True, 2_000, channel="sms")) == "unchanged"
    assert paths(known) == []


def test_box_of_one_order_does_not_unsubscribe_a_known_contact(world: World) -> None:
    unticked = Consent(subscribed=False, at=0, is_implied=True)
    assert world.send(order(contact=replace(ANNA, consent=unticked))) == "delivered"
    assert paths(world)[0] == SUBSCRIBE
    assert world.send(customer(BORYS, id="78")) == "delivered"
    world.api.accepted.clear()
    assert world.send(order("1002", contact=replace(BORYS, consent=unticked))) == "delivered"
    assert paths(world) == ["v1/event"]


@pytest.mark.parametrize("is_recorded", [True, False], ids=["newer is recorded as sent", "newer is not recorded"])
def test_older_refusal_that_is_sent_last_does_not_stay(world: World, is_recorded: bool) -> None:
    buyer = replace(ANNA, consent=Consent(subscribed=True, at=2_000))
    outcomes = []

    def buy_meanwhile(*request: object) -> int:
        world.api.next_answers = [200] if is_recorded else [200, 503, 503]
        outcomes.append(world.send(order(contact=buyer)))
        world.api.next_answers = []
        return 200

    world.api.next_answers = [buy_meanwhile]
    world.send(customer(replace(ANNA, consent=Consent(subscribed=False, at=1_000))))
    world.run_until_idle()
    assert outcomes == ["delivered" if is_recorded else "queued"]
    assert [path for path in paths(world) if path in (ADD, DELETE)][-1] == DELETE


def test_older_refusal_of_a_known_customer_that_is_sent_last_does_not_stay(known: World) -> None:
    known.api.next_answers = [known.meanwhile(order(contact=replace(ANNA, consent=Consent(subscribed=True, at=2_000))))]
    known.send(consent_change(False, 1_000))
    known.run_until_idle()
    assert [path for path in paths(known) if path in (ADD, DELETE)][-2:] == [ADD, DELETE]


@pytest.mark.parametrize("subscribed", [True, False])
def test_decision_after_an_unanswered_one_is_sent_too(known: World, subscribed: bool) -> None:
    """The API may have accepted the request that it did not answer."""
    assert known.send(consent_change(False, 1_000)) == "delivered"
    if not subscribed:
        assert known.send(consent_change(True, 2_000)) == "delivered"
    known.api.accepted.clear()
    known.api.next_answers = [503]
    assert known.send(consent_change(subscribed, 3_000)) == "queued"
    known.api.next_answers = []
    buyer = replace(ANNA, consent=Consent(subscribed=not subscribed, at=4_000))
    assert known.send(order(contact=buyer)) == "delivered"
    assert paths(known)[:2] == ["v1/contact", ADD if subscribed else DELETE]


def test_consent_of_an_erased_customer_is_ignored(known: World) -> None:
    assert known.send(Redaction(ANNA, "77")) == "delivered"
    known.api.accepted.clear()
    assert known.send(consent_change(True, 1_000)) == "ignored"
    assert paths(known) == []


@pytest.mark.parametrize(("given_at", "sent"), [(9_000, [DELETE]), (500, [ADD])], ids=["later", "earlier"])
def test_later_consent_of_a_guest_counts_for_the_customer_who_gets_the_address(
    known: World, given_at: int, sent: list[str]
) -> None:
    moved = replace(ANNA, email="anna.new@example.com")
    guest = Contact(email=moved.email, consent=Consent(subscribed=True, at=given_at))
    assert known.send(order(contact=guest)) == "delivered"
    assert known.send(consent_change(False)) == "delivered"
    known.api.accepted.clear()
    assert known.send(customer(moved, minutes=1)) == "delivered"
    assert paths(known) == ["v1/contact", *sent]


def test_box_that_a_guest_did_not_tick_says_nothing_of_the_customer_who_gets_the_address(known: World) -> None:
    moved = replace(ANNA, email="anna.new@example.com")
    guest = Contact(email=moved.email, consent=Consent(subscribed=False, at=0, is_implied=True))
    assert known.send(order(contact=guest)) == "delivered"
    known.api.accepted.clear()
    assert known.send(customer(moved, minutes=1)) == "delivered"
    assert paths(known) == ["v1/contact"]


@pytest.mark.parametrize("subscribed", [True, False])
def test_decision_of_the_customer_who_got_the_address_of_a_guest_is_sent(known: World, subscribed: bool) -> None:
    """The guest's first request failed, so the address was put into the list of those that unsubscribed."""
    moved = replace(ANNA, email="anna.new@example.com")
    guest = Contact(email=moved.email, consent=Consent(subscribed=False, at=0, is_implied=True))
    known.api.next_answers = [503]
    assert known.send(order(contact=guest)) == "queued"
    assert known.send(order("2", contact=replace(guest, first_name="Anna"))) == "delivered"
    assert paths(known)[:2] == [SUBSCRIBE, ADD]
    assert known.send(customer(moved, minutes=1)) == "delivered"
    known.api.accepted.clear()
    assert known.send(consent_change(subscribed, 5_000, moved)) == "delivered"
    assert paths(known) == [DELETE if subscribed else ADD]
