"""A person's or a shop's wish to be forgotten: what goes at once, what comes late, what waits."""

from dataclasses import replace

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import Contact, Redaction, ShopRedaction
from shopwire.stores.contacts import ContactStore
from tests.support.delivery_world import (
    ANNA,
    BORYS,
    HOUR,
    MINUTE,
    OTHER,
    SHOP,
    START,
    World,
    arrived,
    cart,
    customer,
    order,
    paid,
    shipped,
)

FORGET = Redaction(ANNA, "77", ("1001",))


def test_a_redaction_erases_the_contact_by_everything_that_names_it(world: World) -> None:
    world.send(order())
    assert world.send(FORGET) == "delivered"
    erased = [path for method, path, _ in world.api.taken if method == "DELETE"]
    assert erased == [
        "v1/contact?externalCustomerId=77&erase=true",
        "v1/contact?externalCustomerId=anna%40example.com&erase=true",
        "v1/contact?externalCustomerId=380501112233&erase=true",
    ]


def test_nothing_of_the_person_stays_in_the_table(world: World) -> None:
    world.send(customer())
    world.send(order())
    world.send(cart())
    world.tell(arrived(id="1002"))
    world.clock.pass_(MINUTE)
    world.send(FORGET)
    assert world.entry("order", "1001") == {}
    for value in ("anna", "380501112233", "Kovalenko", "250.00"):
        assert value not in world.stored()


def test_addresses_of_former_times_go_too(world: World) -> None:
    world.send(customer())
    for n, mail in enumerate(("first@example.org", "second@example.org"), 1):
        world.send(customer(replace(ANNA, email=mail, phone=f"38050111224{n}"), minutes=n))
    assert "anna@example.com" in world.stored()
    world.send(Redaction(Contact(email="second@example.org", customer_id="77"), "77"))
    assert not any(value in world.stored() for value in ("@example", "380501112"))


def test_what_is_parked_of_the_person_goes_and_what_is_anothers_stays(world: World) -> None:
    world.api.answers = [400, 400]
    world.send(order("1"), text="anna@example.com")
    world.clock.pass_(1)
    world.send(order("2", contact=BORYS), text="borys@example.org, order 1770")
    world.send(FORGET)
    assert len(world.parked()) == 1


@pytest.mark.parametrize("id", ["1001", "1002"])
def test_a_parked_parcel_that_holds_an_address_goes_too(world: World, id: str) -> None:
    world.send(arrived(id=id), text="anna@example.com" if id == "1002" else "")
    world.clock.pass_(1)
    world.send(arrived(id="3000"), text="borys@example.org")
    world.send(FORGET)
    assert [one.entity for one in world.upkeep.parked.list("little-shop")] == ["order 3000"]


def test_a_parked_body_that_cannot_be_read_goes_if_it_holds_an_address(world: World) -> None:
    world.receive(b'{"Email": "Anna@Example.com"')
    world.receive(b'{"email": "borys@example.org"')
    world.send(FORGET)
    assert len(world.parked()) == 1


def test_the_outbox_is_emptied_too(world: World) -> None:
    world.api.steady = 503
    with world.outage("sqs"):
        assert world.send(order(), text="anna@example.com") == "queued"
        assert world.send(order("2", contact=BORYS), text="borys@example.org") == "queued"
        assert world.send(order("3"), text="anna@example.com") == "queued"
    assert world.in_outbox() == 3
    world.api.steady = 200
    world.webhook = world.new_environment()
    assert world.send(FORGET) == "delivered"
    assert world.in_outbox() == 1
    assert "pending_key" in world.entry("order", "2")
    assert "pending_key" not in world.entry("order", "3")


def slow_table(world: World, milliseconds: int) -> None:
    world.before_call = lambda name: world.clock.pass_(milliseconds * name.startswith("dynamodb"))  # type: ignore[method-assign]


def fill_outbox(world: World, count: int) -> None:
    with world.outage("sqs"):
        world.api.steady = 503
        for id in range(count):
            world.send(order(f"2{id}"), text="anna@example.com")
    world.api.steady = 200
    world.webhook = world.new_environment()


def test_no_platform_waits_until_a_full_outbox_is_looked_through(world: World) -> None:
    fill_outbox(world, 12)
    slow_table(world, 300)
    began = world.clock.now
    assert world.tell(FORGET) == Outcome("queued", "more_to_erase")
    assert world.clock.now - began < 4_000
    assert world.in_outbox() > 0
    slow_table(world, 0)
    assert "delivered" in world.drain()
    assert (world.in_outbox(), world.parked()) == (0, [])
    assert set(world.api.story) == {"erase"}


def test_a_shops_redaction_ends_before_its_function_does_and_goes_on(world: World) -> None:
    fill_outbox(world, 24)
    assert world.send(ShopRedaction()) == "queued"
    slow_table(world, 3_000)
    began = world.clock.now
    assert world.poll(60) == ["waiting"]
    assert world.clock.now - began < 60_000
    slow_table(world, 0)
    world.drain()
    assert (world.in_outbox(), world.parked(), world.api.story) == (0, [], [])


def test_a_late_order_of_who_was_forgotten_is_ignored(world: World) -> None:
    world.send(order())
    world.clock.pass_(MINUTE)
    world.send(FORGET)
    assert world.tell(paid(minutes=9)) == Outcome("ignored", "erased")
    assert world.api.story == ["contact", "orderCreated", "erase", "erase", "erase"]


def test_a_parcel_of_who_was_forgotten_is_ignored(world: World) -> None:
    world.send(shipped("1002"))
    world.clock.pass_(MINUTE)
    world.send(FORGET)
    assert world.tell(arrived(id="1002")) == Outcome("ignored", "erased")


def test_a_cart_of_who_was_forgotten_is_ignored_whether_it_names_him_or_not(world: World) -> None:
    world.send(cart())
    world.clock.pass_(MINUTE)
    world.send(FORGET)
    assert world.tell(cart(minutes=9, units=2)) == Outcome("ignored", "erased")
    assert world.tell(cart(minutes=10, units=3, contact=Contact())) == Outcome("ignored", "erased")


def test_what_waits_in_the_queue_is_stopped(world: World) -> None:
    world.api.answers = [503]
    assert world.send(order()) == "queued"
    world.clock.pass_(MINUTE)
    assert world.send(FORGET) == "delivered"
    assert world.drain() == ["ignored"]
    assert "orderCreated" not in world.api.story


def test_who_comes_back_is_welcome(world: World) -> None:
    world.send(order())
    world.clock.pass_(MINUTE)
    world.send(FORGET)
    world.clock.pass_(HOUR)
    assert world.send(order("2002", created_at=START.replace(hour=10), minutes=61)) == "delivered"
    assert world.api.story[-2:] == ["contact", "orderCreated"]
    assert world.tell(order("1003")) == Outcome("ignored", "erased")


def test_a_redaction_that_cannot_be_sent_stops_late_ones_at_once(world: World) -> None:
    world.send(order())
    world.clock.pass_(MINUTE)
    world.api.steady = 503
    assert world.send(FORGET) == "queued"
    assert world.tell(paid("1002")) == Outcome("ignored", "erased")
    world.api.steady = 200
    assert world.drain() == ["delivered"]
    assert world.api.story == ["contact", "orderCreated", "erase", "erase", "erase"]


def test_who_is_forgotten_while_he_is_introduced_is_erased_again(world: World) -> None:
    def meanwhile(method: str, url: str, said: object) -> int:
        world.clock.pass_(1)
        assert world.send(FORGET) == "delivered"
        return 200

    world.api.answers = [meanwhile]
    assert world.tell(order("2")) == Outcome("ignored", "erased")
    assert world.api.story.count("erase") == 6
    assert world.api.story[-1] == "erase"
    assert "anna" not in world.stored()


@pytest.mark.parametrize("contact", [Contact(email="anna@example.com"), Contact(customer_id="77")])
def test_one_identity_is_enough_to_stop_the_others_that_are_on_record_with_it(world: World, contact: Contact) -> None:
    world.send(order())
    world.clock.pass_(MINUTE)
    world.send(Redaction(contact, "77"))
    for left in (Contact(email=ANNA.email), Contact(phone=ANNA.phone), Contact(customer_id="77")):
        assert world.tell(order("9", contact=left)) == Outcome("ignored", "erased")


def test_a_redaction_that_comes_again_when_it_was_granted_leaves_nobody_to_erase(world: World) -> None:
    assert world.send(FORGET, key="wish") == "delivered"
    guest = Contact(email="anna.k@example.org", phone=ANNA.phone)
    ContactStore(world.webhook.table, "hash-key").record(SHOP, guest, world.clock.now, world.clock.now + 1)
    assert world.send(FORGET, key="wish") == "duplicate"
    assert "anna" not in world.stored()


def test_another_shop_keeps_the_person(world: World) -> None:
    world.put_shop(OTHER)
    world.send(order(), shop=OTHER)
    world.clock.pass_(MINUTE)
    world.send(FORGET)
    assert world.send(paid(), shop=OTHER) == "delivered"


def test_a_shops_redaction_leaves_nothing_of_it_and_all_of_the_others(world: World) -> None:
    world.put_shop(OTHER)
    world.send(order())
    world.send(order(), shop=OTHER)
    world.tell(arrived(id="5"))
    world.api.steady = 503
    world.send(paid("7", contact=BORYS))
    with world.outage("sqs"):
        world.send(paid("8", contact=BORYS))
    world.api.steady = 200
    world.clock.pass_(MINUTE)
    assert world.send(ShopRedaction()) == "queued"
    world.drain()
    assert world.entry("order", "1001") == {}
    assert world.parked() == []
    assert world.in_outbox() == 0
    assert world.entry("order", "1001", OTHER) != {}
    assert world.api.story == ["contact", "orderCreated", "contact", "orderCreated"]
