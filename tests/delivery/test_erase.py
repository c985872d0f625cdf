"""Erasure requests for a person or a shop: what is removed, and what arrives late or waits."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shopwire.delivery.task import Outcome
from shopwire.errors import TableUnavailable
from shopwire.models import Change, Contact, OrderDeleted, Reason, Redaction, ShopRedaction
from shopwire.stores.contacts import ContactStore
from tests.support.changes import (
    ANNA,
    BORYS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    OTHER_SHOP,
    SHOP,
    START,
    arrived,
    cancelled,
    cart,
    customer,
    order,
    paid,
    shipped,
)
from tests.support.delivery_world import RETRY_SECONDS, World
from tests.support.recording_api import ERASED

ERASE_ANNA = Redaction(ANNA, "77", ("1001",))
# The contact was recorded and not sent, so each of its addresses may be at a guest's contact.
ERASED_UNSYNCED = ["erase", "contact", "erase", "contact", "erase", "erase orders"]


def test_customer_is_erased_by_the_customer_id_and_the_apis_id(world: World) -> None:
    world.send(order())
    assert world.send(ERASE_ANNA) == "delivered"
    assert world.api.sent[-3:] == ERASED
    paths = [path for _, path, _ in world.api.accepted[-3:]]
    assert paths == ["v1/contact?externalCustomerId=77&erase=true", "v1/contact/5001?erase=true", "v1/orders"]
    assert world.api.accepted[-1][2] == {"externalOrderIds": ["1001"]}


def test_guest_is_erased_by_the_apis_id(world: World) -> None:
    guest = Contact(email="guest@example.com", phone="380501112233")
    world.send(order(contact=guest))
    assert world.send(Redaction(Contact(email="guest@example.com"), "guest")) == "delivered"
    assert [path for _, path, _ in world.api.accepted[2:]] == ["v1/contact/5001?erase=true"]


def test_apis_id_of_a_guest_is_found_again_if_its_answer_was_lost(world: World) -> None:
    world.api.next_answers = [(200, {}, b"")]
    world.send(order(contact=Contact(email="guest@example.com")))
    assert world.send(Redaction(Contact(email="guest@example.com"), "guest")) == "delivered"
    found, erased = world.api.accepted[-2:]
    assert found == ("POST", "v1/contact", {"channels": [{"type": "email", "value": "guest@example.com"}]})
    assert erased[:2] == ("DELETE", "v1/contact/5001?erase=true")


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "queued"])
def test_guests_contact_is_erased_although_the_customer_was_not_sent_yet(world: World, direct: bool) -> None:
    """The API has the guest's contact, whose id is not known, and does not know the customer's id."""
    world.api.next_answers = [(200, {}, b"")]
    world.send(order(contact=replace(ANNA, customer_id=None)))
    world.api.answer = 503
    assert world.send(order("2", minutes=1)) == "queued"
    world.clock.advance(1)
    if direct:
        world.api.answer = 200
    world.api.accepted.clear()
    world.send(Redaction(Contact(customer_id="77"), "77"))
    world.api.answer = 200
    world.run_until_idle()
    erased = [content["channels"][0]["value"] for _, path, content in world.api.accepted if path == "v1/contact"]
    assert erased == [ANNA.email, ANNA.phone]


def test_addresses_without_a_recorded_contact_are_erased_one_by_one(world: World) -> None:
    assert world.send(ERASE_ANNA) == "delivered"
    assert world.api.sent == ["erase", "contact", "erase", "contact", "erase", "erase orders"]
    named = [content["channels"][0]["value"] for _, path, content in world.api.accepted if path == "v1/contact"]
    assert named == ["anna@example.com", "380501112233"]
    assert [path for _, path, _ in world.api.accepted if "/500" in path] == [
        "v1/contact/5001?erase=true",
        "v1/contact/5002?erase=true",
    ]


def test_nothing_of_the_person_remains_in_the_table(world: World) -> None:
    world.send(customer())
    world.send(order())
    world.send(cart())
    world.deliver(arrived(id="1002"))
    world.clock.advance(MINUTE_MS)
    world.send(ERASE_ANNA)
    assert world.entry("order", "1001").keys() == {"pk", "sk", "format", "revision", "expires", "erased_at"}
    for value in ("anna", "380501112233", "Kovalenko", "250.00"):
        assert value not in world.stored_text()


GUEST = Contact(email="guest@example.org")


@pytest.mark.parametrize("change", [order(contact=GUEST), paid(contact=GUEST), arrived(), OrderDeleted("1001")])
def test_late_webhook_of_an_order_that_the_request_names_is_ignored(world: World, change: Change) -> None:
    """It names an address that nothing connects with the person."""
    world.clock.advance(MINUTE_MS)
    world.send(ERASE_ANNA)
    count = world.api.request_count
    assert world.deliver(change) == Outcome("ignored", Reason.ERASED)
    assert world.api.request_count == count


def test_order_that_was_created_after_the_erasure_of_one_with_its_id_is_sent(world: World) -> None:
    world.send(ERASE_ANNA)
    world.clock.advance(DAY_MS)
    assert world.send(order(contact=GUEST, created_at=START + timedelta(days=1), minutes=24 * 60)) == "delivered"


def test_earlier_addresses_of_the_person_are_erased(world: World) -> None:
    world.send(customer())
    for minute, email in enumerate(("first@example.org", "second@example.org"), 1):
        world.send(customer(replace(ANNA, email=email, phone=f"38050111224{minute}"), minutes=minute))
    world.clock.advance(10 * MINUTE_MS)
    world.send(Redaction(Contact(customer_id="77"), "77"))
    assert not any(value in world.stored_text() for value in ("@example", "380501112"))
    for contact in (Contact(email=ANNA.email), Contact(email="first@example.org"), Contact(phone=ANNA.phone)):
        assert world.deliver(order("9", contact=contact)) == Outcome("ignored", Reason.ERASED)


def test_parked_webhooks_of_the_person_are_removed_and_no_others(world: World) -> None:
    world.api.answer = 400
    world.send(order("1"), text="anna@example.com")
    world.clock.advance(1)
    world.send(order("2", contact=BORYS), text="borys@example.org, order 1770")
    world.api.answer = 200
    world.send(ERASE_ANNA)
    assert len(world.parked_reasons()) == 1


@pytest.mark.parametrize("id", ["1001", "1002"])
def test_parked_parcel_is_removed_by_its_order_or_by_an_address_in_its_body(world: World, id: str) -> None:
    world.send(arrived(id=id), text="anna@example.com" if id == "1002" else "")
    world.clock.advance(1)
    world.send(arrived(id="3000"), text="borys@example.org")
    world.send(ERASE_ANNA)
    assert [parked.entity for parked in world.upkeep.parked.list(SHOP)] == ["order 3000"]


def test_parked_unreadable_body_is_removed_if_it_contains_an_address(world: World) -> None:
    world.receive(b'{"Email": "Anna@Example.com"')
    world.receive(b'{"email": "borys@example.org"')
    world.send(ERASE_ANNA)
    assert len(world.parked_reasons()) == 1


def test_waiting_webhooks_of_the_person_are_removed_from_the_outbox(world: World) -> None:
    world.api.answer = 503
    with world.outage("sqs"):
        assert world.send(order(), text="anna@example.com") == "queued"
        assert world.send(order("2", contact=BORYS), text="borys@example.org") == "queued"
        assert world.send(order("3"), text="anna@example.com") == "queued"
    assert world.outbox_length() == 3
    world.api.answer = 200
    world.restart()
    assert world.send(ERASE_ANNA) == "delivered"
    assert world.outbox_length() == 1
    assert "pending_key" in world.entry("order", "2")
    assert "pending_key" not in world.entry("order", "3")


def slow_table(world: World, milliseconds: int) -> None:
    """Let each call of the table take this long from now on."""
    world.on_call = lambda name: world.clock.advance(milliseconds if name.startswith("dynamodb") else 0)


def fill_outbox(world: World, count: int) -> None:
    """Put `count` orders of Anna's into the outbox."""
    with world.outage("sqs"):
        world.api.answer = 503
        for number in range(count):
            world.send(order(f"2{number}"), text="anna@example.com")
    world.api.answer = 200
    world.restart()


def test_erasure_that_takes_longer_than_the_budget_continues_from_the_queue(fake_world: World) -> None:
    world = fake_world
    fill_outbox(world, 12)
    slow_table(world, 300)
    start = world.clock.now
    assert world.deliver(ERASE_ANNA) == Outcome("queued", Reason.MORE_TO_ERASE)
    assert world.clock.now - start < 4_000
    assert world.outbox_length() > 0
    slow_table(world, 0)
    assert "delivered" in world.run_until_idle()
    assert (world.outbox_length(), world.parked_reasons()) == (0, [])
    assert set(world.api.sent) == {"erase", "contact", "erase orders"}


def test_erasure_of_a_shop_stops_before_the_deadline_and_continues(fake_world: World) -> None:
    world = fake_world
    fill_outbox(world, 24)
    assert world.send(ShopRedaction()) == "queued"
    slow_table(world, 3_000)
    start = world.clock.now
    assert world.run_retry() == ["waiting"]
    assert world.clock.now - start < 1000 * RETRY_SECONDS
    slow_table(world, 0)
    world.run_until_idle()
    assert (world.outbox_length(), world.parked_reasons(), world.api.sent) == (0, [], [])


def test_erasure_of_a_shop_called_outbox_keeps_what_waits_for_others(world: World) -> None:
    world.put_shop("outbox")
    world.api.answer = 503
    with world.outage("sqs"):
        assert world.send(order()) == "queued"
    assert world.send(ShopRedaction(), shop="outbox") == "queued"
    assert world.run_retry() == ["delivered"]
    assert world.outbox_length() == 1
    world.api.answer = 200
    world.clock.advance(HOUR_MS)
    assert "delivered" in world.run_until_idle()


def test_erasure_of_a_shop_keeps_the_data_of_a_shop_whose_id_begins_with_its_id(world: World) -> None:
    other = f"{SHOP}-2"
    world.put_shop(other)
    for shop in (SHOP, other):
        assert world.send(order(), shop=shop) == "delivered"
    assert world.send(ShopRedaction()) == "queued"
    assert world.run_retry() == ["delivered"]
    assert world.entry("order", "1001") == {}
    assert world.send(order(minutes=1), shop=other) == "unchanged"


def test_late_order_of_an_erased_person_is_ignored(world: World) -> None:
    world.send(order())
    world.clock.advance(MINUTE_MS)
    world.send(ERASE_ANNA)
    assert world.deliver(paid(minutes=9)) == Outcome("ignored", Reason.ERASED)
    assert world.api.sent == ["contact", "orderCreated", *ERASED]


def test_parcel_of_an_erased_person_is_ignored(world: World) -> None:
    world.send(shipped("1002"))
    world.clock.advance(MINUTE_MS)
    world.send(ERASE_ANNA)
    assert world.deliver(arrived(id="1002")) == Outcome("ignored", Reason.ERASED)


def test_cart_of_an_erased_person_is_ignored_even_if_it_is_anonymous(world: World) -> None:
    world.send(cart())
    world.clock.advance(MINUTE_MS)
    world.send(ERASE_ANNA)
    assert world.deliver(cart(minutes=9, units=2)) == Outcome("ignored", Reason.ERASED)
    assert world.deliver(cart(minutes=10, units=3, contact=Contact())) == Outcome("ignored", Reason.ERASED)


def test_waiting_order_of_an_erased_person_is_ignored(world: World) -> None:
    world.api.next_answers = [503]
    assert world.send(order()) == "queued"
    world.clock.advance(MINUTE_MS)
    assert world.send(ERASE_ANNA) == "delivered"
    assert world.run_until_idle() == ["ignored"]
    assert "orderCreated" not in world.api.sent


def test_new_order_of_an_erased_person_is_sent(world: World) -> None:
    world.send(order())
    world.clock.advance(MINUTE_MS)
    world.send(ERASE_ANNA)
    world.clock.advance(HOUR_MS)
    assert world.send(order("2002", created_at=START.replace(hour=10), minutes=61)) == "delivered"
    assert world.api.sent[-2:] == ["contact", "orderCreated"]
    assert world.deliver(order("1003")) == Outcome("ignored", Reason.ERASED)


def test_late_webhooks_are_stopped_before_the_erasure_is_sent(world: World) -> None:
    world.send(order())
    world.clock.advance(MINUTE_MS)
    world.api.answer = 503
    assert world.send(ERASE_ANNA) == "queued"
    assert world.deliver(paid("1002")) == Outcome("ignored", Reason.ERASED)
    world.api.answer = 200
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated", *ERASED]


def test_webhook_that_waited_in_the_queue_is_not_parked_after_the_erasure(world: World) -> None:
    world.api.answer = 503
    assert world.send(order()) == "queued"
    world.clock.advance(MINUTE_MS)
    world.api.answer = 200
    assert world.send(ERASE_ANNA) == "delivered"
    world.clock.advance(4 * DAY_MS)
    world.run_retry()
    assert world.parked_reasons() == []
    assert "anna" not in world.stored_text()


def erase_meanwhile(world: World, *next_answers: Any) -> Callable[..., int]:
    """Return an answer of the API before which Anna is erased, and after which come these."""
    answer = world.meanwhile(ERASE_ANNA)

    def erase(*request: object) -> int:
        world.clock.advance(1)
        status = answer()
        world.api.next_answers = [*next_answers]
        return status

    return erase


def test_order_that_the_api_refuses_while_its_person_is_erased_is_not_parked(world: World) -> None:
    world.send(order())
    world.clock.advance(MINUTE_MS)
    erase = world.meanwhile(ERASE_ANNA, 400)

    def refuse(*request: object) -> int:
        world.clock.advance(1)
        return erase()

    world.api.next_answers = [refuse]
    assert world.deliver(paid(minutes=9)) == Outcome("ignored", Reason.ERASED)
    assert world.parked_reasons() == []
    assert "anna" not in world.stored_text()


def test_contact_created_during_its_erasure_is_erased_again(world: World) -> None:
    world.api.next_answers = [erase_meanwhile(world)]
    assert world.deliver(order("2")) == Outcome("ignored", Reason.ERASED)
    assert world.api.sent == [*ERASED_UNSYNCED, "contact", "erase", "erase"]
    assert "anna" not in world.stored_text()


def test_contact_created_during_its_erasure_is_erased_when_the_api_answers_again(world: World) -> None:
    world.api.next_answers = [erase_meanwhile(world, None)]
    assert world.send(order("2")) == "queued"
    world.api.next_answers = [503, 200]
    assert world.run_until_idle() == ["ignored"]
    assert world.api.sent == [*ERASED_UNSYNCED, "contact", "erase"]
    assert "left_to_erase" not in world.entry("order", "2")
    count = world.api.request_count
    assert world.deliver(order("2", minutes=1)) == Outcome("ignored", Reason.ERASED)
    assert world.api.request_count == count


def test_contact_that_an_order_created_during_its_erasure_is_erased_although_the_order_is_superseded(
    world: World,
) -> None:
    """The erasure emptied the order's entry, with its lease, so a later change of the order was settled meanwhile."""

    def supersede_meanwhile(*request: object) -> int:
        assert world.deliver(cancelled(minutes=1)) == Outcome("ignored", Reason.ERASED)
        return 503

    world.put_shop(SHOP, orders="orders")
    world.send(order())
    world.clock.advance(HOUR_MS)
    world.api.next_answers = [erase_meanwhile(world, supersede_meanwhile)]
    assert world.send(paid(minutes=0)) == "queued"
    world.api.next_answers = [503, 503]
    assert world.run_until_idle() == ["superseded"]
    assert world.api.sent[-3:] == ["erase orders", "orders", "erase"]
    assert "left_to_erase" not in world.entry("order", "1001")


def test_erasure_that_is_left_spares_a_person_who_came_back(world: World) -> None:
    world.api.next_answers = [erase_meanwhile(world, 503)]
    assert world.send(order("2")) == "queued"
    world.clock.advance(1_000)
    world.send(order("3", created_at=START + timedelta(hours=30), minutes=30 * 60))
    count = world.api.request_count
    assert world.run_until_idle() == ["ignored"]
    assert world.api.request_count == count


@pytest.mark.parametrize("contact", [Contact(email="anna@example.com"), Contact(customer_id="77")])
def test_erasure_by_one_identity_stops_all_identities_recorded_with_it(world: World, contact: Contact) -> None:
    world.send(order())
    world.clock.advance(MINUTE_MS)
    world.send(Redaction(contact, "77"))
    for other in (Contact(email=ANNA.email), Contact(phone=ANNA.phone), Contact(customer_id="77")):
        assert world.deliver(order("9", contact=other)) == Outcome("ignored", Reason.ERASED)


def test_repeated_erasure_request_clears_the_erasure_list(world: World) -> None:
    assert world.send(ERASE_ANNA, key="request") == "delivered"
    world.clock.advance(MINUTE_MS)
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    world.send(order("2002", contact=guest, created_at=START.replace(hour=10), minutes=61))
    store = ContactStore(world.webhook.table, "hash-key")
    store.erase(SHOP, ANNA, world.clock.now + 1, world.clock.now)  # another invocation began with the same request
    assert "anna" in world.stored_text()
    assert world.send(ERASE_ANNA, key="request") == "duplicate"
    assert "anna" not in world.stored_text()


def test_erasure_list_that_cannot_be_cleared_is_cleared_from_the_queue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise TableUnavailable

    world.send(order())
    assert world.send(ERASE_ANNA, key="request") == "delivered"
    world.send(order("2002", created_at=START.replace(hour=10), minutes=61))
    ContactStore(world.webhook.table, "hash-key").erase(SHOP, ANNA, world.clock.now + 1, world.clock.now)
    with monkeypatch.context() as patch:
        patch.setattr(world.webhook.contacts, "clear_erasure_list", fail)
        assert world.send(ERASE_ANNA, key="request") == "queued"
    assert "anna" in world.stored_text()
    assert world.run_until_idle() == ["duplicate"]
    assert "anna" not in world.stored_text()


def test_erasure_request_does_not_affect_another_shop(world: World) -> None:
    world.put_shop(OTHER_SHOP)
    world.send(order(), shop=OTHER_SHOP)
    world.clock.advance(MINUTE_MS)
    world.send(ERASE_ANNA)
    assert world.send(paid(), shop=OTHER_SHOP) == "delivered"


def test_erasure_of_a_shop_removes_all_of_it_and_nothing_of_other_shops(world: World) -> None:
    world.put_shop(OTHER_SHOP)
    world.send(order())
    world.send(order(), shop=OTHER_SHOP)
    world.deliver(arrived(id="5"))
    world.api.answer = 503
    world.send(paid("7", contact=BORYS))
    with world.outage("sqs"):
        world.send(paid("8", contact=BORYS))
    world.api.answer = 200
    world.clock.advance(MINUTE_MS)
    assert world.send(ShopRedaction()) == "queued"
    world.run_until_idle()
    assert world.entry("order", "1001") == {}
    assert world.parked_reasons() == []
    assert world.outbox_length() == 0
    assert world.entry("order", "1001", OTHER_SHOP) != {}
    assert world.api.sent == ["contact", "orderCreated", "contact", "orderCreated"]


def test_guest_without_an_id_is_erased_with_the_orders_of_the_request(world: World) -> None:
    guest = Contact(email="halyna@example.com", phone="380671112233")
    world.send(order(contact=guest))
    request = Redaction(Contact(email="halyna@example.com"), "5f0c", ("1001",))
    assert world.send(request) == "delivered"
    assert "sent" not in world.entry("order", "1001")
    assert world.deliver(paid(contact=guest)).reason is Reason.ERASED
