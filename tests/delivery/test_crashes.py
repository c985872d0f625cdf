"""The process is killed before each call of a client in turn: the platform delivers again, and nothing is lost.

One crash a run, at every point of every story. What the API and the ledger know at the end is what they know after a
run without a crash, and on the way the API never sees an order go back.
"""

from collections.abc import Callable
from typing import Any

import pytest
from moto import mock_aws

from shopwire.models import Change, OrderDeleted, Redaction
from tests.support.delivery_world import ANNA, Crash, World, arrived, cancelled, cart, order, paid, shipped

Story = tuple[Change, ...]
BOUGHT: Story = (cart(), order(cart_token="cart-a"), paid(), cancelled())
CARRIED: Story = (shipped(parcels=("p1", "p2")), arrived("p1"), arrived("p2"))
EARLY: Story = (arrived(), shipped())
DELETED: Story = (order(), OrderDeleted("1001"))
FORGOTTEN: Story = (order(), Redaction(ANNA, "77", ("1001",)), paid(minutes=1))


def nothing(world: World) -> None:
    pass


def fails_once(world: World) -> None:
    world.api.answers = [200, 503]


def fails_without_queue(world: World) -> None:
    world.api.answers = [200, 503]
    world.down.add("sqs")


def run(
    clients: dict[str, Any], story: Story, trouble: Callable[[World], None], dies: int | None, late: bool
) -> tuple[list[str], dict[str, Any]]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        world = World(patch, clients)
        trouble(world)
        world.calls.clear()
        world.dies_before = dies
        again = []
        for body in [world.body(change) for change in story]:
            world.clock.pass_(1_000)
            again += deliver(world, body)
            if not late:
                while again:
                    again += deliver(world, again.pop(0))
        world.down.clear()
        for body in again:
            world.clock.pass_(60_000)
            deliver(world, body)
        for _ in range(200):
            if not (world.waits() or world.in_outbox()):
                break
            world.clock.pass_(20_000)
            try:
                if world.in_outbox():
                    world.tidy()
                world.poll()
            except Crash:
                restart(world)
        world.dies_before = None
        assert not world.waits()
        assert not world.in_outbox()
        return world.calls, judge(world)


def deliver(world: World, body: bytes) -> list[bytes]:
    """Once; answers the body again where nobody answered the platform."""
    try:
        world.receive(body)
    except Crash:
        restart(world)
        return [body]
    return []


def restart(world: World) -> None:
    world.dies_before = None
    world.webhook, world.retry, world.upkeep = (world.new_environment() for _ in range(3))


def judge(world: World) -> dict[str, Any]:
    entry = world.entry("order", "1001")
    kept = ("sent", "version", "arrived_parcels", "open_parcels", "contact_ref", "order_reference")
    order_as_the_api_has_it: dict[str, str] = {}
    for event in world.api.events:
        if "externalOrderId" in event:
            order_as_the_api_has_it |= event
    # Which event came last depends on who overtook whom while one was dead; what the API holds does not.
    for name in ("type", "recycleStateId", "trackingNumber"):
        order_as_the_api_has_it.pop(name, None)
    return {
        "ledger": {name: entry.get(name) for name in kept},
        "order": order_as_the_api_has_it,
        # A fact whose holder died after parking it stays on the list; it is applied all the same.
        "parked": [reason for reason in world.parked() if reason != "order_not_seen"],
        "waits": "pending_key" in entry or "lease_holder" in entry,
        "anna": "anna" in world.stored(),
    }


@pytest.mark.parametrize(
    ("story", "trouble", "late"),
    [
        pytest.param(BOUGHT, fails_once, False, id="bought, the API fails once"),
        pytest.param(CARRIED, nothing, True, id="carried, the platform is slow to try again"),
        pytest.param(EARLY, nothing, False, id="a parcel before its order"),
        pytest.param(EARLY, nothing, True, id="a parcel before its order, the platform is slow to try again"),
        pytest.param(DELETED, fails_without_queue, False, id="deleted, the API fails once and the queue is down"),
    ],
)
def test_a_crash_anywhere_loses_nothing(
    aws_clients: dict[str, Any], story: Story, trouble: Callable[[World], None], late: bool
) -> None:
    calls, calm = run(aws_clients, story, trouble, None, late)
    for point in range(len(calls)):
        _, shaken = run(aws_clients, story, trouble, point, late)
        assert shaken == calm, (point, calls[point])


@pytest.mark.parametrize("late", [False, True])
def test_a_crash_anywhere_in_a_redaction_leaves_nothing_of_the_person(aws_clients: dict[str, Any], late: bool) -> None:
    calls, calm = run(aws_clients, FORGOTTEN, nothing, None, late)
    for point in range(len(calls)):
        _, shaken = run(aws_clients, FORGOTTEN, nothing, point, late)
        assert not shaken["anna"], (point, calls[point])
        assert shaken["waits"] == calm["waits"]
