"""Webhooks that are parked because of a bug, an unreadable body, or an id that is too long."""

import io
from collections.abc import Callable

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import Change, Contact, ContactChange, Reason
from tests.support.changes import BORYS, SHOP, cart, order
from tests.support.delivery_world import World


class Explosion(Exception):
    """An unexpected error. Its text contains a person's address, as the texts of many errors do."""

    def __init__(self) -> None:
        super().__init__("canary@example.com")


def test_bug_in_a_platform_parks_the_webhook_without_its_content_in_the_log(world: World, log: io.StringIO) -> None:
    world.platform.bodies[b"x"] = Explosion()
    (outcome,) = world.receive(b"x")
    assert outcome.status == "parked"
    assert outcome.reason is Reason.INTERNAL_ERROR
    assert str(outcome.details["error"]).startswith("Explosion in read, line ")
    assert "canary" not in log.getvalue() + world.stored_text()


def test_bug_in_a_platform_parks_one_message_and_the_batch_continues(world: World) -> None:
    body = world.body(order("1"))
    world.put_into_queue(body, world.body(order("2")))
    world.platform.bodies[body] = Explosion()
    assert sorted(world.run_until_idle()) == ["delivered", "parked"]


@pytest.mark.parametrize("waits", [False, True])
def test_bug_in_the_mapper_parks_the_order_without_its_content_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO, waits: bool
) -> None:
    def explode(*args: object, **kwargs: object) -> None:
        raise Explosion

    monkeypatch.setattr("shopwire.delivery.decide.order_steps", explode)
    if waits:
        world.put_into_queue(world.body(order()))
        assert world.run_retry() == ["parked"]
    else:
        assert world.send(order()) == "parked"
    assert world.parked_reasons() == [Reason.INTERNAL_ERROR]
    assert "canary" not in log.getvalue() + world.stored_text()


def test_two_unreadable_bodies_of_one_millisecond_are_both_parked(world: World) -> None:
    world.receive(b"one")
    world.receive(b"two")
    assert {parked.message.webhook.body for parked in world.upkeep.parked.list(SHOP)} == {b"one", b"two"}


def test_entity_id_too_long_for_a_key_is_parked(world: World) -> None:
    assert world.deliver(ContactChange(BORYS, "9" * 3000, 1)) == Outcome("parked", Reason.ID_TOO_LONG)
    world.put_into_queue(world.body(ContactChange(BORYS, "8" * 3000, 1)))
    assert world.run_until_idle() == ["parked"]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("body", "entity"), [(b'{"id": 71, "total": "x"}', "order 71"), (b'{"id":71,"cut', "order 71"), (b"[]", "unknown")]
)
def test_unreadable_webhook_is_parked_with_its_topic_and_its_order(
    world: World, waits: bool, body: bytes, entity: str
) -> None:
    if waits:
        world.put_into_queue(body)
        assert world.run_retry() == ["parked"]
    else:
        world.receive(body)
    (parked,) = world.upkeep.parked.list(SHOP)
    assert (parked.topic, parked.entity, parked.reason) == ("test", entity, "unreadable")


@pytest.mark.parametrize("change", [order, cart], ids=["order", "cart"])
def test_change_of_a_person_without_a_usable_address_is_parked(world: World, change: Callable[..., Change]) -> None:
    """It is never ignored as anonymous, because a person can correct the address."""
    assert world.deliver(change(contact=Contact(has_unusable_address=True))) == Outcome(
        "parked", Reason.ADDRESS_UNUSABLE
    )
    assert not world.api.accepted


def test_customer_without_a_usable_address_is_parked(world: World) -> None:
    contact = Contact(customer_id="77", has_unusable_address=True)
    assert world.deliver(ContactChange(contact, "77", 1)) == Outcome("parked", Reason.ADDRESS_UNUSABLE)


def test_cart_with_an_unusable_address_belongs_to_the_contact_of_its_checkout(world: World) -> None:
    world.deliver(cart())
    unusable = cart(minutes=2, units=3, contact=Contact(has_unusable_address=True))
    assert world.deliver(unusable) == Outcome("delivered")
