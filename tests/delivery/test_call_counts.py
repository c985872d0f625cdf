"""What a webhook costs: the calls of the stores and of the API, one by one and in order.

DynamoDB's writes are most of the price of a webhook (docs/limits-and-cost.md). What a refused call costs is tested with
the endpoints.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shopwire.errors import UnknownShop
from shopwire.models import NOBODY, Change, Consent, Contact
from shopwire.stores.contacts import ContactStore
from tests.support.changes import ANNA, HOUR_MS, SHOP, cart, customer, order, paid, view
from tests.support.delivery_world import World

READ, READ_CONTACT, WRITE = "dynamodb.get_item", "dynamodb.batch_get_item", "dynamodb.update_item"
CLAIM = SETTLE = WRITE
QUEUE, API, SETTINGS, LIST = "sqs.send_message", "api", "ssm.get_parameter", "ssm.get_parameters_by_path"


def calls_of(world: World, action: Callable[[], object]) -> list[str]:
    """Return the calls that the action makes."""
    count = len(world.calls)
    action()
    return world.calls[count:]


def calls_for(world: World, change: Change) -> list[str]:
    return calls_of(world, lambda: world.send(change))


# --- orders


def test_duplicate_takes_one_read(world: World) -> None:
    world.send(order(), key="k")
    assert calls_of(world, lambda: world.send(order(), key="k")) == [READ]


def test_stale_change_takes_one_read(world: World) -> None:
    world.send(paid())
    assert calls_for(world, order()) == [READ]


def test_unchanged_order_takes_one_write(world: World) -> None:
    world.send(paid())
    assert calls_for(world, paid(minutes=6)) == [READ, SETTLE]
    assert world.send(paid()) == "stale"
    assert world.api.sent == ["contact", "orderCreated"]


def test_sent_order_takes_two_writes_and_one_read_of_its_contact(world: World) -> None:
    world.send(order())
    assert calls_for(world, paid()) == [READ, CLAIM, READ, API, SETTLE]


def test_order_of_a_subscriber_takes_two_writes(world: World) -> None:
    subscriber = replace(ANNA, consent=Consent(subscribed=True, at=0))
    world.send(order("1", contact=subscriber))
    later = order("2", contact=replace(subscriber, consent=Consent(subscribed=True, at=HOUR_MS)))
    assert calls_for(world, later) == [READ, CLAIM, READ, API, SETTLE]


def test_order_with_a_cart_takes_one_more_write(world: World) -> None:
    world.send(cart())
    assert calls_for(world, order(cart_token="cart-a")) == [READ, CLAIM, READ, WRITE, API, SETTLE]


def test_deferred_order_takes_two_writes_and_a_message(world: World) -> None:
    world.send(order("1"))
    world.api.next_answers = [503]
    assert calls_for(world, order("2")) == [READ, CLAIM, READ, API, WRITE, QUEUE]


# --- carts and views


def test_cart_of_a_known_contact_takes_two_writes(world: World) -> None:
    world.send(order())
    assert calls_for(world, cart()) == [READ, CLAIM, READ, API, SETTLE]


def test_anonymous_cart_and_view_take_no_write(world: World) -> None:
    assert calls_for(world, view(NOBODY)) == [SETTINGS]
    assert calls_for(world, view(NOBODY)) == []
    assert calls_for(world, cart(contact=NOBODY)) == [READ]
    assert calls_for(world, view(NOBODY, cart_token="cart-a")) == [READ, READ]


def test_signed_view_reads_its_cart_once_and_claims_it_once(world: World) -> None:
    world.send(order())
    first, second = view(id="v1", cart_token="cart-a"), view(id="v2", cart_token="cart-a")
    assert calls_for(world, first) == [READ, READ, CLAIM, READ, WRITE, API, SETTLE]
    assert calls_for(world, second) == [READ, READ, CLAIM, READ, API, SETTLE]


def test_visits_are_counted_with_one_write_per_ten(world: World) -> None:
    def admit(count: int) -> None:
        for _ in range(count):
            world.webhook.visits.admits(SHOP, world.clock.now)

    assert calls_of(world, lambda: admit(30)) == [WRITE] * 3
    assert calls_of(world, lambda: admit(470)) == [WRITE] * 47
    assert calls_of(world, lambda: admit(20)) == [WRITE], "no write follows after the limit is reached"


# --- contacts


def test_unknown_contact_is_read_with_two_calls_and_one_with_a_single_identity_with_one(world: World) -> None:
    contacts = ContactStore(world.webhook.table, "hash-key")
    for contact in (ANNA, replace(ANNA, customer_id=None)):
        assert calls_of(world, lambda contact=contact: contacts.find(SHOP, contact)) == [READ, READ_CONTACT]
    assert calls_of(world, lambda: contacts.find(SHOP, Contact(email="new@example.com"))) == [READ]


@pytest.mark.parametrize("known", [ANNA, replace(ANNA, customer_id=None), Contact(email="only@example.com")])
def test_new_order_of_a_known_contact_takes_one_read_of_it(world: World, known: Contact) -> None:
    world.send(order("1", contact=known))
    assert calls_for(world, order("2", contact=known)) == [READ, CLAIM, READ, API, SETTLE]


def test_anonymous_contact_takes_no_call(world: World) -> None:
    found = ContactStore(world.webhook.table, "hash-key").find(SHOP, NOBODY)
    assert (found.ref, found.is_known, found.erased_at) == (None, False, None)
    assert world.calls == []


def test_new_contact_takes_a_write_for_each_identity_and_one_after_the_answer(world: World) -> None:
    world.send(order("1", contact=Contact(email="first@example.com")))
    read = [READ, READ_CONTACT]  # as many units as one call
    assert calls_for(world, order()) == [READ, CLAIM, *read, *[WRITE] * 3, API, WRITE, API, SETTLE]


def test_order_that_adds_a_phone_takes_three_more_writes(world: World) -> None:
    guest = Contact(email="guest@example.com")
    world.send(order("1", contact=guest))
    with_phone = order("2", contact=replace(guest, phone="380671112233"))
    read = [READ, READ_CONTACT]
    assert calls_for(world, with_phone) == [READ, CLAIM, *read, WRITE, WRITE, API, WRITE, API, SETTLE]


def test_unchanged_customer_takes_one_write(world: World) -> None:
    world.send(customer())
    assert calls_for(world, customer(minutes=1)) == [READ, READ, SETTLE]


def test_customers_change_takes_four_writes_and_one_of_the_email_five(world: World) -> None:
    world.send(customer())
    renamed = customer(replace(ANNA, last_name="Bondar"), minutes=1)
    assert calls_for(world, renamed) == [READ, READ, CLAIM, WRITE, API, WRITE, SETTLE]
    moved = customer(replace(ANNA, last_name="Bondar", email="bondar@example.com"), minutes=2)
    assert calls_for(world, moved) == [READ, READ, READ_CONTACT, CLAIM, WRITE, WRITE, API, WRITE, SETTLE]


# --- settings


def test_settings_are_read_once_an_hour(world: World) -> None:
    shops = world.webhook.shops
    for _ in range(3):
        shops.get(SHOP)
    assert world.calls == [SETTINGS]
    world.clock.advance(HOUR_MS)
    shops.get(SHOP)
    assert world.calls == [SETTINGS] * 2


def test_guessed_ids_cause_one_read_of_the_list_in_30_seconds(world: World) -> None:
    shops = world.webhook.shops
    for number in range(10):
        with pytest.raises(UnknownShop):
            shops.get(f"guess-{number}")
    assert world.calls == [SETTINGS, LIST]
    assert shops.get(SHOP).id == SHOP
