"""Deleted accounts: their contacts are deleted at the API, and a later order restores them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import AccountDeleted, Consent, Contact, ContactChange, OrderChange, Reason, Redaction
from shopwire.models.base import milliseconds
from tests.support.changes import ANNA, HOUR_MS, MINUTE_MS, SHOP, START, customer, order, paid
from tests.support.delivery_world import World
from tests.support.recording_api import ERASED

DELETED = AccountDeleted("77")
DELETE = ("DELETE", "v1/contact?externalCustomerId=77&erase=false", None)


def new_order(id: str = "2002", contact: Contact = ANNA) -> OrderChange:
    """Return an order that was created an hour after the first one."""
    later = START + timedelta(hours=1)
    return order(id, created_at=later, minutes=61, contact=contact)


def deletions(world: World) -> int:
    return world.api.accepted.count(DELETE)


def updated_at(minutes: float) -> ContactChange:
    """Return a change of the customer `minutes` after START, with another name."""
    return ContactChange(
        Contact(email=ANNA.email, customer_id="77", first_name="Hanna"),
        "77",
        milliseconds(START + timedelta(minutes=minutes)),
        0,
    )


def test_contact_of_a_deleted_account_is_deleted_once(world: World) -> None:
    world.send(customer())
    world.clock.advance(MINUTE_MS)
    assert world.send(DELETED, key="k") == "delivered"
    assert world.api.accepted[-1] == DELETE
    assert world.send(DELETED, key="k") == "duplicate"
    assert deletions(world) == 1


def test_unknown_account_is_deleted_too(world: World) -> None:
    assert world.send(DELETED) == "delivered"
    assert world.api.accepted == [DELETE]


def test_late_change_of_an_unknown_account_does_not_create_the_contact(world: World) -> None:
    world.clock.advance(10 * MINUTE_MS)
    world.send(DELETED)
    assert world.deliver(updated_at(5)) == Outcome("ignored", Reason.ACCOUNT_DELETED)
    assert world.api.accepted == [DELETE]


def test_earlier_address_of_a_deleted_account_gets_a_contact_of_its_own(world: World) -> None:
    """The API still has the address at the account's contact, and the deletion of that one waits."""
    guest = Contact(email=ANNA.email)
    world.send(customer())
    world.api.next_answers = [503, 503]
    world.send(customer(replace(ANNA, email="anna.new@example.com"), minutes=1))
    assert world.send(DELETED) == "queued"
    world.api.next_answers = []
    assert world.send(new_order(contact=guest)) == "delivered"
    assert world.api.accepted[1] == DELETE
    assert [path for _, path, _ in world.api.accepted[2:4]] == ["v1/contact", "v1/event"]


def test_new_order_restores_the_contact(world: World) -> None:
    world.send(customer())
    world.send(DELETED)
    world.clock.advance(HOUR_MS)
    assert world.send(new_order()) == "delivered"
    assert world.api.sent[-2:] == ["contact", "orderCreated"]
    assert world.send(new_order("2003")) == "delivered"
    assert world.api.sent[-1] == "orderCreated"
    assert world.api.sent.count("contact") == 2


def test_guest_order_with_the_address_restores_the_contact(world: World) -> None:
    world.send(customer())
    world.send(DELETED)
    assert world.send(new_order(contact=Contact(email=ANNA.email))) == "delivered"
    assert world.api.accepted[-2][2]["externalCustomerId"] == "77"


def test_late_change_of_the_customer_does_not_bring_the_contact_back(world: World) -> None:
    world.send(customer())
    world.clock.advance(10 * MINUTE_MS)
    world.send(DELETED)
    assert world.deliver(updated_at(5)) == Outcome("ignored", Reason.ACCOUNT_DELETED)
    assert world.api.accepted[-1] == DELETE


def test_late_change_waits_behind_a_deletion_that_waits(world: World) -> None:
    world.send(customer())
    world.clock.advance(10 * MINUTE_MS)
    world.api.answer = 503
    assert world.send(DELETED) == "queued"
    assert world.send(updated_at(5)) == "queued"
    world.api.answer = 200
    assert world.run_until_idle() == ["delivered", "ignored"]
    assert world.api.accepted[-1] == DELETE


def test_change_that_waits_before_the_deletion_does_not_bring_the_contact_back(world: World) -> None:
    world.api.answer = 503
    assert world.send(customer()) == "queued"
    world.clock.advance(10 * MINUTE_MS)
    assert world.send(DELETED) == "queued"
    world.api.answer = 200
    world.api.accepted.clear()
    assert sorted(world.run_until_idle()) == ["delivered", "ignored"]
    assert world.api.accepted == [DELETE]


def test_later_change_of_the_customer_is_sent(world: World) -> None:
    world.send(customer())
    world.send(DELETED)
    world.clock.advance(10 * MINUTE_MS)
    assert world.send(updated_at(5)) == "delivered"
    assert world.api.sent[-1] == "contact"


@pytest.mark.parametrize("answer", [503, None])
def test_order_that_overtakes_a_waiting_deletion_keeps_its_contact(world: World, answer: int | None) -> None:
    world.send(customer())
    world.api.next_answers = [answer]
    assert world.send(DELETED) == "queued"
    assert world.send(new_order()) == "delivered"
    assert world.api.sent[-2:] == ["contact", "orderCreated"]
    assert world.run_until_idle() == ["superseded"]
    assert deletions(world) == 0
    assert world.api.sent[-1] == "contact"  # an attempt without an answer may have deleted it


def test_deletion_that_waits_for_the_key_is_recorded_at_once(world: World) -> None:
    world.send(customer())
    world.api.answer = 401
    world.send(order("9"))
    world.restart()
    world.clock.advance(1)
    assert world.deliver(DELETED).status == "queued"
    record = world.webhook.contacts.find(SHOP, ANNA).record
    assert record
    assert not record.is_synced


def test_contact_that_an_order_sends_during_the_deletion_is_sent_again(world: World) -> None:
    world.send(customer())
    world.api.next_answers = [world.meanwhile(new_order())]
    assert world.send(DELETED) == "delivered"
    assert world.api.accepted.index(DELETE) > 0
    assert world.api.sent[-1] == "contact"
    record = world.webhook.contacts.find(SHOP, ANNA).record
    assert record
    assert record.is_synced


def test_contact_that_an_order_is_sending_when_it_is_deleted_is_sent_again(world: World) -> None:
    def deletion_meanwhile(*request: object) -> int:
        world.api.next_answers = []
        assert world.run_retry() == ["delivered"]
        return 200

    world.send(customer())
    world.api.next_answers = [503, deletion_meanwhile]
    assert world.send(DELETED) == "queued"
    world.clock.advance(MINUTE_MS)
    assert world.send(new_order()) == "delivered"
    assert world.api.sent[-3:] == ["contact", "contact", "orderCreated"]
    assert deletions(world) == 1


def test_contact_that_another_contacts_order_deletes_while_it_is_sent_is_sent_again(world: World) -> None:
    """The order of a guest with the account's earlier address deletes the account's contact."""
    moved = replace(ANNA, email="anna.new@example.com")
    world.send(customer())
    world.api.next_answers = [503]
    assert world.send(customer(moved, minutes=1)) == "queued"
    assert world.send(DELETED) == "queued"
    guest = new_order("2003", Contact(email=ANNA.email))
    world.api.next_answers = [world.meanwhile(guest)]
    assert world.send(new_order(contact=moved)) == "delivered"
    deleted = world.api.accepted.index(DELETE)
    restored = [body for _, path, body in world.api.accepted[deleted:] if path == "v1/contact"]
    assert [body.get("externalCustomerId") for body in restored] == [None, "77", "77"]


@pytest.mark.parametrize("is_restored", [False, True])
def test_deletion_of_a_contact_that_changes_all_the_time_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, is_restored: bool
) -> None:
    world.send(customer())
    world.api.next_answers = [503]
    assert world.send(DELETED) == "queued"
    if is_restored:
        assert world.send(new_order()) == "delivered"
    world.clock.advance(MINUTE_MS)
    with monkeypatch.context() as patch:
        patch.setattr(world.retry.contacts, "touch", lambda *args: False)
        assert world.run_retry() == ["waiting"]
    assert world.reports[-1]["reason"] == Reason.CONTACT_BUSY
    assert world.run_until_idle() == ["superseded" if is_restored else "delivered"]


def test_deletion_in_the_queue_waits_for_the_ledger(fake_world: World) -> None:
    world = fake_world
    world.send(customer())
    world.put_into_queue(world.body(DELETED))
    with world.outage("dynamodb"):
        world.run_retry()
    assert world.run_until_idle() == ["delivered"]
    assert deletions(world) == 1
    assert world.send(new_order()) == "delivered"
    assert world.api.sent[-2:] == ["contact", "orderCreated"]


def test_erased_person_is_not_restored_by_a_deletion(world: World) -> None:
    world.send(customer())
    world.send(Redaction(ANNA, "77"))
    world.clock.advance(MINUTE_MS)
    assert world.send(DELETED) == "delivered"
    assert world.deliver(paid()) == Outcome("ignored", Reason.ERASED)
    assert world.api.sent[:3] == ["contact", *ERASED[:2]]


def test_contact_that_refuses_is_restored_unconfirmed(world: World) -> None:
    refuses = replace(ANNA, consent=Consent(subscribed=False, at=0))
    world.send(customer(refuses))
    world.send(DELETED)
    assert world.send(new_order()) == "delivered"
    assert [path for _, path, _ in world.api.accepted if path.startswith("v1/contact/subscribe")] == [
        "v1/contact/subscribe",
        "v1/contact/subscribe",
    ]
