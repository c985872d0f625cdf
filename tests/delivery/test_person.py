"""What is kept of a person, and its erasure by hand, which goes the way of a platform's erasure request."""

import json
import re

import pytest

from shopwire import platforms
from shopwire.models import Contact, OrderDeleted
from shopwire.platforms.by_hand import ByHand, named_person
from tests.support.changes import ANNA, BORYS, HOUR_MS, MINUTE_MS, SHOP, cart, customer, order, shop
from tests.support.delivery_world import World
from tests.support.recording_api import ERASED

BY_EMAIL = Contact(email=ANNA.email)


@pytest.fixture(autouse=True)
def by_hand(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the real adapter read requests by hand."""
    monkeypatch.setattr(platforms, "get", lambda name: ByHand() if name == "by_hand" else world.platform)


def erase(world: World, contact: Contact = BY_EMAIL, orders: tuple[str, ...] = ("1001",)) -> str:
    """Ask for an erasure by hand. Return the status of its outcome."""
    return world.webhook.erase_person(world.webhook.shops.get(SHOP), contact, orders).status


def fill(world: World) -> None:
    """Let Anna's account, order, cart and a parked order arrive, and an order of another person."""
    for change in (customer(), order(), cart(), order("2002", contact=BORYS)):
        assert world.send(change) == "delivered"
    world.api.next_answers = [400]
    world.send(order("1003"), text="anna@example.com")
    world.clock.advance(1)
    with world.outage("sqs"):
        world.api.answer = 503
        assert world.send(order("1004"), text="anna@example.com") == "queued"
    world.api.answer = 200
    world.clock.advance(MINUTE_MS)
    world.restart()


@pytest.mark.parametrize("contact", [BY_EMAIL, Contact(phone=ANNA.phone), Contact(customer_id="77")])
def test_everything_of_a_person_is_found_with_its_place(world: World, contact: Contact) -> None:
    fill(world)
    found = world.webhook.person_finder.find(shop(), contact)
    assert json.loads(json.dumps(found)) == found
    (record,) = [item for item in found["contacts"] if "contact" in item["kept"]]
    assert record["kept"]["contact"]["email"] == ANNA.email
    assert record["kept"]["contact"]["first_name"] == "Anna"
    assert re.fullmatch(r"table, little-shop#identity#[0-9a-f]{32}", record["where"])
    assert record["kept_until"].startswith("2027-07-15")
    assert len(found["contacts"]) == 3
    entities = {entry["entity"].partition(" ")[0]: entry for entry in found["entries"]}
    assert set(entities) == {"contact", "order", "cart"}
    assert sorted(found["orders"]) == ["1001", "1003", "1004"]
    assert entities["order"]["where"].startswith("table, little-shop#order#100")
    (parked,) = found["parked"]
    assert (parked["entity"], "anna@example.com" in parked["body"]) == ("order 1003", True)
    (waiting,) = found["outbox"]
    assert waiting["entry"] == "little-shop#order#1004"
    assert "queue" in found["not_shown"][0]
    assert "borys" not in json.dumps(found)


def test_nothing_is_found_of_a_stranger(world: World) -> None:
    fill(world)
    found = world.webhook.person_finder.find(shop(), Contact(email="stranger@example.com"))
    assert [found[name] for name in ("contacts", "entries", "orders", "parked", "outbox")] == [[]] * 5


def test_search_writes_and_sends_nothing(world: World) -> None:
    fill(world)
    before, requests = world.stored_text(), world.api.request_count
    world.webhook.person_finder.find(shop(), BY_EMAIL)
    assert (world.stored_text(), world.api.request_count) == (before, requests)


def test_erasure_by_hand_sends_what_a_platforms_request_sends(world: World) -> None:
    world.send(order())
    assert erase(world) == "queued"
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated", *ERASED]
    assert not any(value in world.stored_text() for value in ("anna", "380501112233", "Kovalenko"))
    assert world.entry("order", "1001").keys() == {"pk", "sk", "format", "revision", "expires", "erased_at"}
    assert world.webhook.person_finder.find(shop(), BY_EMAIL)["entries"] == []


def test_late_webhooks_are_stopped_from_the_moment_of_the_request(world: World) -> None:
    world.send(order())
    world.clock.advance(MINUTE_MS)
    assert erase(world) == "queued"
    assert world.send(order("1002")) == "ignored"


def test_erasure_by_hand_waits_while_the_api_is_down(world: World) -> None:
    world.send(order())
    world.api.answer = 503
    assert erase(world) == "queued"
    for _ in range(20):
        world.run_retry()
        world.clock.advance(MINUTE_MS)
    assert (world.queue_length(), world.parked_reasons()) == (1, [])
    world.api.answer = 200
    assert world.run_until_idle(minutes=180) == ["delivered"]
    assert world.api.sent[-3:] == ERASED


@pytest.mark.parametrize("down", ["sqs", "dynamodb"])
def test_erasure_by_hand_waits_in_the_other_store(world: World, down: str) -> None:
    world.send(order())
    with world.outage(down):
        assert erase(world) == "queued"
    world.clock.advance(HOUR_MS)
    assert "delivered" in world.run_until_idle()
    assert world.api.sent[-3:] == ERASED


def test_person_who_came_back_can_be_erased_again(world: World) -> None:
    world.send(order())
    erase(world)
    world.run_until_idle()
    world.clock.advance(HOUR_MS)
    assert world.send(customer(minutes=120)) == "ignored"
    assert world.send(order("3003", created_at=order().order.created_at.replace(hour=11))) == "delivered"
    erase(world, orders=("3003",))
    assert world.run_until_idle() == ["delivered"]
    assert (world.parked_reasons(), "anna" in world.stored_text()) == ([], False)


def test_no_key_or_log_line_has_an_address_of_a_guest(world: World) -> None:
    guest = Contact(email="guest@example.com")
    world.send(order(contact=guest))
    erase(world, guest)
    world.run_until_idle()
    assert re.fullmatch(r"contact by-hand-[0-9a-f]{16}", world.reports[-1]["entity"])
    assert not any("guest@" in item["pk"]["S"] + item["sk"]["S"] for item in world.items())


def test_values_are_cleaned_as_those_of_webhooks() -> None:
    assert named_person(shop(), email=" Anna@Example.com ", phone="050 111 22 33", id=" 77 ") == Contact(
        email="anna@example.com", phone="380501112233", customer_id="77"
    )


def test_deleted_order_is_no_erasure(world: World) -> None:
    world.send(order())
    assert world.send(OrderDeleted("1001")) == "delivered"
    assert world.webhook.person_finder.find(shop(), BY_EMAIL)["orders"] == ["1001"]
