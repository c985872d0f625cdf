"""What becomes of orders: which events go out, in which order, and what is not sent."""

from tests.helpers_delivery import (
    World,
    order,
    paid,
)


def test_a_first_order_is_contact_then_order_created(world: World) -> None:
    assert world.send(order()) == "delivered"
    assert world.api.story == ["contact", "orderCreated"]


def test_a_paid_order_updates(world: World) -> None:
    world.send(order())
    assert world.send(paid()) == "delivered"
    assert world.api.story == ["contact", "orderCreated", "orderUpdated"]
