"""The process dies before each call in turn, the platform repeats what was not answered, and nothing is lost.

Each run has one crash. In the end, the API and the ledger know the same as after a run without a crash. The runs use
the simulation's fakes, because they are hundreds.
"""

from collections.abc import Callable
from typing import Any

import pytest

from shopwire.models import Change, OrderDeleted, Reason, Redaction
from tests.support.changes import ANNA, arrived, cancelled, cart, order, paid, shipped
from tests.support.delivery_world import World
from tests.support.fakes import make_fake
from tests.support.unreliable_clients import Crash

Story = tuple[Change, ...]
BOUGHT_CART: Story = (cart(), order(cart_token="cart-a"), paid(), cancelled())
SHIPPED_ORDER: Story = (shipped(parcels=("p1", "p2")), arrived("p1"), arrived("p2"))
PARCEL_BEFORE_ORDER: Story = (arrived(), shipped())
DELETED_ORDER: Story = (order(), OrderDeleted("1001"))
ERASED_CUSTOMER: Story = (order(), Redaction(ANNA, "77", ("1001",)), paid(minutes=1))


def no_fault(world: World) -> None:
    pass


def api_fails_once(world: World) -> None:
    world.api.next_answers = [200, 503]


def api_fails_once_without_queue(world: World) -> None:
    world.api.next_answers = [200, 503]
    world.down.add("sqs")


def play(
    story: Story, inject: Callable[[World], None], crash_at: int | None, repeats_late: bool
) -> tuple[list[str], dict[str, Any]]:
    """Deliver the changes of a story, then let time pass until nothing waits.

    Args:
        inject: injects a fault at the beginning. Services that it takes down work again after the last change.
        crash_at: the process dies before the call with this index.
        repeats_late: the platform repeats an unanswered webhook after the last change instead of at once.

    Returns:
        All calls, and what is known in the end.
    """
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch, make_fake())
        inject(world)
        world.crash_at = crash_at
        unanswered: list[bytes] = []
        for change in story:
            world.clock.advance(1_000)
            unanswered += deliver(world, world.body(change))
            while unanswered and not repeats_late:
                unanswered += deliver(world, unanswered.pop(0))
        world.down.clear()
        for body in unanswered:
            world.clock.advance(60_000)
            deliver(world, body)
        for _ in range(200):
            if not (world.queue_length() or world.outbox_length()):
                break
            world.clock.advance(20_000)
            try:
                world.run_upkeep()
                world.run_retry()
            except Crash:
                world.restart()
        world.crash_at = None
        assert (world.queue_length(), world.outbox_length()) == (0, 0)
        return world.calls, final_state(world)


def deliver(world: World, body: bytes) -> list[bytes]:
    """Deliver a webhook once. Return it if the platform got no answer, otherwise nothing."""
    try:
        world.receive(body)
    except Crash:
        world.restart()
        return [body]
    return []


def final_state(world: World) -> dict[str, Any]:
    """Return what the API and the ledger know of the order, as far as it does not depend on the order of events."""
    entry = world.entry("order", "1001")
    attributes = ("sent", "version", "arrived_parcels", "open_parcels", "contact_ref", "order_reference")
    params: dict[str, str] = {}
    for event in world.api.events:
        if "externalOrderId" in event:
            params |= event
    # Which event came last depends on what overtook the crashed invocation. The API's order does not.
    for name in ("type", "recycleStateId", "trackingNumber"):
        params.pop(name, None)
    return {
        "ledger": {name: entry.get(name) for name in attributes},
        "order": params,
        # A fact whose holder died after parking it stays parked, although it is applied.
        "parked": [reason for reason in world.parked_reasons() if reason != Reason.ORDER_NOT_SEEN],
        "waits": "pending_key" in entry or "lease_holder" in entry,
        "knows_anna": "anna" in world.stored_text(),
    }


@pytest.mark.parametrize(
    ("story", "inject", "repeats_late"),
    [
        pytest.param(BOUGHT_CART, api_fails_once, False, id="bought cart, the API fails once"),
        pytest.param(SHIPPED_ORDER, no_fault, True, id="shipped order, late repeats"),
        pytest.param(PARCEL_BEFORE_ORDER, no_fault, False, id="parcel before its order"),
        pytest.param(PARCEL_BEFORE_ORDER, no_fault, True, id="parcel before its order, late repeats"),
        pytest.param(DELETED_ORDER, api_fails_once_without_queue, False, id="deleted order, the queue is down"),
    ],
)
def test_crash_before_any_call_loses_nothing(story: Story, inject: Callable[[World], None], repeats_late: bool) -> None:
    calls, expected = play(story, inject, None, repeats_late)
    for crash_at, call in enumerate(calls):
        _, state = play(story, inject, crash_at, repeats_late)
        assert state == expected, f"crash before call {crash_at}, {call}"


@pytest.mark.parametrize("repeats_late", [False, True])
def test_crash_before_any_call_of_an_erasure_leaves_nothing_of_the_person(repeats_late: bool) -> None:
    calls, expected = play(ERASED_CUSTOMER, no_fault, None, repeats_late)
    assert not expected["knows_anna"]
    for crash_at, call in enumerate(calls):
        _, state = play(ERASED_CUSTOMER, no_fault, crash_at, repeats_late)
        assert not state["knows_anna"], f"crash before call {crash_at}, {call}"
        assert state["waits"] == expected["waits"]
