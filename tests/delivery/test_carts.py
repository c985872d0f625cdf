"""What becomes of carts, visits and customers: whose they are, what is sent of them, and when no more."""

from dataclasses import replace

import pytest

from shopwire.delivery.task import Outcome
from shopwire.mapper import recycle_state_id
from shopwire.models import Contact, View, ViewChange
from tests.support.delivery_world import ANNA, BORYS, DAY, HOUR, MINUTE, START, World, cart, customer, order, paid

NOBODY = Contact()


def view(contact: Contact = ANNA, *, id: str = "v1", token: str | None = None) -> ViewChange:
    return ViewChange(View(type="page", seen_at=START, contact=contact, url="https://x.example/", cart_token=token), id)


# --- carts


def test_a_cart_is_contact_then_cart_updated(world: World) -> None:
    assert world.send(cart()) == "delivered"
    assert world.api.story == ["contact", "cartUpdated"]
    assert world.api.events[0]["recycleStateId"] == recycle_state_id(cart().cart)


def test_each_change_of_a_cart_has_its_own_state_also_back_to_an_earlier_one(world: World) -> None:
    for minute, units in enumerate((1, 2, 1)):
        assert world.send(cart(minutes=minute, units=units)) == "delivered"
    assert len({event["recycleStateId"] for event in world.api.events}) == 3


def test_a_cart_that_was_only_touched_is_unchanged(world: World) -> None:
    world.send(cart())
    assert world.send(cart(minutes=1)) == "unchanged"


def test_an_emptied_cart_has_no_products(world: World) -> None:
    world.send(cart())
    assert world.send(cart(minutes=1, units=0)) == "delivered"
    assert "products" not in world.api.events[-1]


def test_an_anonymous_cart_is_ignored_until_a_checkout_names_its_person(world: World) -> None:
    assert world.tell(cart(contact=NOBODY)) == Outcome("ignored", "anonymous")
    assert world.send(cart(minutes=1, units=2)) == "delivered"
    assert world.send(cart(minutes=2, units=3, contact=NOBODY)) == "delivered"
    assert world.api.events[-1]["email"] == "anna@example.com"


def test_a_checkout_older_than_the_anonymous_carts_last_change_names_its_person_all_the_same(world: World) -> None:
    assert world.tell(cart(minutes=2, units=3, contact=NOBODY)) == Outcome("ignored", "anonymous")
    assert world.send(cart(minutes=1, units=2)) == "delivered"
    assert world.send(cart(minutes=3, units=4, contact=NOBODY)) == "delivered"


def test_of_an_anonymous_cart_nothing_is_kept_but_that_it_was_seen(world: World) -> None:
    world.send(cart(contact=NOBODY))
    assert not {"sent", "contact_ref", "order_reference"} & world.entry("cart", "cart-a").keys()


def test_the_order_carries_the_state_that_the_api_took_last_in_its_first_event_only(world: World) -> None:
    world.send(cart())
    world.send(cart(minutes=1, units=2))
    world.send(order(cart_token="cart-a", minutes=2))
    world.send(paid(cart_token="cart-a"))
    taken = [(event["type"], event.get("recycleStateId")) for event in world.api.events]
    last = recycle_state_id(cart(minutes=1, units=2).cart)
    assert taken[2:] == [("orderCreated", last), ("orderUpdated", None)]


def test_a_state_that_the_api_refused_is_not_carried(world: World) -> None:
    world.send(cart())
    world.api.answers = [400]
    assert world.send(cart(minutes=1, units=2)) == "parked"
    world.send(order(cart_token="cart-a", minutes=2))
    assert world.api.events[-1]["recycleStateId"] == recycle_state_id(cart().cart)


def test_no_cart_event_goes_out_after_its_purchase(world: World) -> None:
    world.send(cart())
    world.send(order(cart_token="cart-a"))
    assert world.tell(cart(minutes=9, units=5)) == Outcome("ignored", "cart_converted")
    assert world.api.story[-1] == "orderCreated"


def test_a_cart_first_heard_of_after_its_purchase_is_ignored(world: World) -> None:
    world.send(order(cart_token="cart-a"))
    assert world.send(cart(minutes=9)) == "ignored"
    assert "recycleStateId" not in world.api.events[0]


def test_a_cart_that_waits_is_ignored_once_it_was_bought(world: World) -> None:
    world.api.answers = [503]
    assert world.send(cart()) == "queued"
    world.send(order(cart_token="cart-a"))
    assert world.drain() == ["ignored"]
    assert world.api.story == ["contact", "orderCreated"]


def test_an_order_waits_a_moment_for_a_change_of_its_cart_that_is_being_sent(world: World) -> None:
    def meanwhile(method: str, url: str, said: object) -> int:
        assert world.tell(order(cart_token="cart-a")) == Outcome("queued", "cart_busy")
        return 200

    world.send(customer())
    world.api.answers = [meanwhile]
    assert world.send(cart()) == "delivered"
    assert world.drain() == ["delivered"]
    assert world.api.story == ["contact", "cartUpdated", "orderCreated"]
    assert world.api.events[-1]["recycleStateId"] == recycle_state_id(cart().cart)


def test_a_cart_that_its_platform_tells_of_a_day_late_is_ignored(world: World) -> None:
    world.clock.pass_(25 * HOUR)
    assert world.tell(cart()) == Outcome("ignored", "too_old")


# --- visits


def test_a_visit_is_sent_once(world: World) -> None:
    assert world.send(view(), key="k") == "delivered"
    assert world.send(view(), key="k") == "duplicate"
    assert world.api.story == ["contact", "pageViewed"]


def test_a_visit_of_nobody_is_whose_cart_it_names(world: World) -> None:
    assert world.tell(view(NOBODY, id="v1", token="cart-a")) == Outcome("ignored", "anonymous")
    world.send(cart())
    assert world.send(view(NOBODY, id="v2", token="cart-a")) == "delivered"
    assert world.api.events[-1]["email"] == "anna@example.com"


# --- customers


def test_a_customer_is_sent_once_and_again_when_something_differs(world: World) -> None:
    assert world.send(customer()) == "delivered"
    assert world.send(customer(minutes=1)) == "unchanged"
    married = replace(ANNA, last_name="Bondar")
    assert world.send(customer(married, minutes=2)) == "delivered"
    assert [said["lastName"] for _, _, said in world.api.taken] == ["Kovalenko", "Bondar"]


def test_a_customers_own_word_counts_where_an_order_introduced_him_meanwhile(world: World) -> None:
    married = replace(ANNA, last_name="Bondar")

    def ordered_meanwhile(*_: object) -> int:
        world.api.answers = []
        assert world.send(order()) == "delivered"
        return 200

    world.api.answers = [ordered_meanwhile]
    assert world.send(customer(married)) == "delivered"
    names = [said["lastName"] for _, path, said in world.api.taken if path == "v1/contact"]
    assert names == ["Kovalenko", "Bondar", "Bondar"]
    world.send(customer(replace(married, first_name="Hanna"), minutes=1))
    assert world.api.story.count("contact") == 4


def test_an_older_customer_is_stale(world: World) -> None:
    world.send(customer(minutes=5))
    assert world.send(customer(BORYS, minutes=4)) == "stale"


def test_a_customer_known_from_his_webhook_needs_no_introduction(world: World) -> None:
    world.send(customer())
    world.send(order())
    assert world.api.story == ["contact", "orderCreated"]


def test_an_order_never_updates_its_contact(world: World) -> None:
    world.send(customer())
    world.send(order(contact=replace(ANNA, first_name="Hanna")))
    assert world.api.story == ["contact", "orderCreated"]


def test_a_customer_without_any_address_is_ignored(world: World) -> None:
    assert world.tell(customer(Contact(customer_id="77"))) == Outcome("ignored", "anonymous")


# --- not too late


@pytest.mark.parametrize(
    ("change", "limit"), [(view(), HOUR), (cart(), 24 * HOUR), (order(), 3 * DAY), (customer(), 3 * DAY)]
)
def test_what_waited_past_its_kinds_age_is_parked_and_never_sent(world: World, change: object, limit: int) -> None:
    world.api.steady = 503
    assert world.send(change) == "queued"  # type: ignore[arg-type]
    world.clock.pass_(limit + MINUTE)
    world.api.steady = 200
    assert world.poll() == ["parked"]
    assert world.parked() == ["too_old"]
    assert world.api.story == []
