"""Carts and views: to which contact they belong, what is sent, and when nothing is sent any more."""

from dataclasses import replace
from typing import Any

import pytest

from shopwire.delivery.task import Outcome
from shopwire.mapper import recycle_state_id
from shopwire.models import NOBODY, Contact, Entity, Reason
from shopwire.stores.contact_record import ContactState
from tests.support.changes import ANNA, BORYS, SHOP, cart, customer, order, paid, view
from tests.support.delivery_world import World

# --- carts


def test_first_cart_creates_the_contact_then_sends_cart_updated(world: World) -> None:
    assert world.send(cart()) == "delivered"
    assert world.api.sent == ["contact", "cartUpdated"]
    assert world.api.events[0]["recycleStateId"] == recycle_state_id(cart().cart)


def test_every_change_of_a_cart_has_its_own_recycle_state_id(world: World) -> None:
    for minute, units in enumerate((1, 2, 1)):
        assert world.send(cart(minutes=minute, units=units)) == "delivered"
    assert len({event["recycleStateId"] for event in world.api.events}) == 3


def test_cart_with_only_a_new_time_of_change_is_unchanged(world: World) -> None:
    world.send(cart())
    assert world.send(cart(minutes=1)) == "unchanged"


def test_checkout_that_names_the_phone_of_an_unchanged_cart_completes_the_contact(world: World) -> None:
    world.send(cart(contact=Contact(email=ANNA.email)))
    later = cart(minutes=1, contact=Contact(email=ANNA.email, phone="380501112233"))
    assert world.send(later) == "delivered"
    assert world.api.sent == ["contact", "cartUpdated", "contact"]
    assert "380501112233" in str(world.api.accepted[-1])
    assert world.send(cart(minutes=2, contact=later.cart.contact)) == "unchanged"


def test_cart_that_a_visitor_claims_meanwhile_stays_with_the_contact_of_the_platform(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(cart(by_visitor=True))
    world.send(order(contact=BORYS))
    store, ledger, now = world.webhook.contacts, world.webhook.ledger, world.clock.now
    find, other = store.find, store.find(SHOP, BORYS).ref or ""

    def claim_meanwhile(*args: Any) -> ContactState:
        monkeypatch.setattr(store, "find", find)
        ledger.record_cart_contact(SHOP, Entity.of_cart("cart-a"), other, now)
        return find(*args)

    monkeypatch.setattr(store, "find", claim_meanwhile)
    assert world.send(cart(minutes=1)) == "unchanged"
    assert world.send(cart(minutes=2, units=4, contact=NOBODY)) == "delivered"
    assert world.api.events[-1]["email"] == ANNA.email


def test_emptied_cart_is_sent_without_products(world: World) -> None:
    world.send(cart())
    assert world.send(cart(minutes=1, units=0)) == "delivered"
    assert "products" not in world.api.events[-1]


def test_anonymous_cart_is_ignored_until_a_checkout_names_its_contact(world: World) -> None:
    assert world.deliver(cart(contact=NOBODY)) == Outcome("ignored", Reason.ANONYMOUS)
    assert world.send(cart(minutes=1, units=2)) == "delivered"
    assert world.send(cart(minutes=2, units=3, contact=NOBODY)) == "delivered"
    assert world.api.events[-1]["email"] == "anna@example.com"


def test_older_checkout_still_names_the_contact_of_an_anonymous_cart(world: World) -> None:
    assert world.deliver(cart(minutes=2, units=3, contact=NOBODY)) == Outcome("ignored", Reason.ANONYMOUS)
    assert world.send(cart(minutes=1, units=2)) == "delivered"
    assert world.send(cart(minutes=3, units=4, contact=NOBODY)) == "delivered"


def test_nothing_is_stored_of_an_anonymous_cart(world: World) -> None:
    world.send(cart(contact=NOBODY))
    assert world.entry("cart", "cart-a") == {}


def test_first_event_of_the_order_has_the_last_accepted_recycle_state_id(world: World) -> None:
    world.send(cart())
    world.send(cart(minutes=1, units=2))
    world.send(order(cart_token="cart-a", minutes=2))
    world.send(paid(cart_token="cart-a"))
    sent = [(event["type"], event.get("recycleStateId")) for event in world.api.events]
    last = recycle_state_id(cart(minutes=1, units=2).cart)
    assert sent[2:] == [("orderCreated", last), ("orderUpdated", None)]


def test_order_does_not_use_a_recycle_state_id_that_the_api_refused(world: World) -> None:
    world.send(cart())
    world.api.next_answers = [400]
    assert world.send(cart(minutes=1, units=2)) == "parked"
    world.send(order(cart_token="cart-a", minutes=2))
    assert world.api.events[-1]["recycleStateId"] == recycle_state_id(cart().cart)


def test_no_cart_event_is_sent_after_the_purchase(world: World) -> None:
    world.send(cart())
    world.send(order(cart_token="cart-a"))
    assert world.deliver(cart(minutes=9, units=5)) == Outcome("ignored", Reason.CART_CONVERTED)
    assert world.api.sent[-1] == "orderCreated"


def test_cart_first_seen_after_its_purchase_is_ignored(world: World) -> None:
    world.send(order(cart_token="cart-a"))
    assert world.send(cart(minutes=9)) == "ignored"
    assert "recycleStateId" not in world.api.events[0]


def test_waiting_cart_is_ignored_after_its_purchase(world: World) -> None:
    world.api.next_answers = [503]
    assert world.send(cart()) == "queued"
    world.send(order(cart_token="cart-a"))
    assert world.run_until_idle() == ["ignored"]
    assert world.api.sent == ["contact", "orderCreated"]


def test_order_waits_while_a_change_of_its_cart_is_being_sent(world: World) -> None:
    def order_meanwhile(*request: object) -> int:
        assert world.deliver(order(cart_token="cart-a")) == Outcome("queued", Reason.CART_BUSY)
        return 200

    world.send(customer())
    world.api.next_answers = [order_meanwhile]
    assert world.send(cart()) == "delivered"
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "cartUpdated", "orderCreated"]
    assert world.api.events[-1]["recycleStateId"] == recycle_state_id(cart().cart)


# --- views


def test_view_is_sent_once(world: World) -> None:
    assert world.send(view(), key="k") == "delivered"
    assert world.send(view(), key="k") == "duplicate"
    assert world.api.sent == ["contact", "pageViewed"]


def test_anonymous_view_waits_until_the_order_made_from_its_cart_has_created_the_contact(world: World) -> None:
    """The contact's address is at another one, which has to be sent first, and fails."""
    guest = Contact(email=ANNA.email)
    world.send(customer())
    world.api.next_answers = [503, 503]
    world.send(customer(replace(ANNA, email="anna.new@example.com"), minutes=1))
    assert world.send(order(contact=guest, cart_token="cart-a")) == "queued"
    world.api.next_answers = []
    assert world.deliver(view(NOBODY, cart_token="cart-a")) == Outcome("queued", Reason.CONTACT_BUSY)
    world.run_until_idle()
    assert world.api.events[-1]["email"] == ANNA.email
    assert world.api.sent[-1] == "pageViewed"


def test_anonymous_view_belongs_to_the_contact_of_its_cart(world: World) -> None:
    assert world.deliver(view(NOBODY, id="v1", cart_token="cart-a")) == Outcome("ignored", Reason.ANONYMOUS)
    world.send(cart())
    assert world.send(view(NOBODY, id="v2", cart_token="cart-a")) == "delivered"
    assert world.api.events[-1]["email"] == "anna@example.com"
