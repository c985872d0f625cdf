"""Where a webhook waits: the table at the top of `delivery/defer.py`."""

import pytest

from shopwire.delivery.task import Outcome
from shopwire.errors import (
    ItemTooLarge,
    MessageTooLarge,
    NothingDurable,
    QueueUnavailable,
    ShopwireError,
    TableUnavailable,
)
from shopwire.models import Reason
from shopwire.retry_queue import RetryQueue
from shopwire.stores.entry import Place
from shopwire.stores.outbox import Outbox
from tests.support.changes import order, paid
from tests.support.delivery_world import World

QUEUE_ERRORS = (QueueUnavailable, MessageTooLarge)
OUTBOX_ERRORS = (TableUnavailable, ItemTooLarge)


def refuse(monkeypatch: pytest.MonkeyPatch, error: type[ShopwireError]) -> None:
    """Let the queue or the outbox refuse every message with this error. The ledger still works."""

    def put(*message: object) -> None:
        raise error

    monkeypatch.setattr(RetryQueue if error in QUEUE_ERRORS else Outbox, "put", put)


def let_an_order_wait(world: World, place: Place) -> None:
    """Let an order's first change wait in this place, so that the mark of its entry says so."""
    world.api.next_answers = [503]
    if place == "queue":
        world.send(order())
    else:
        with world.outage("sqs"):
            world.send(order())
    assert mark_of(world) == place


def mark_of(world: World) -> str | None:
    """Return where the entry says that a change waits; None if it has no mark."""
    place = world.entry("order", "1001").get("pending_place")
    return place["S"] if place else None


@pytest.mark.parametrize("error", [None, *QUEUE_ERRORS, *OUTBOX_ERRORS])
@pytest.mark.parametrize("mark", ["queue", "outbox"])
def test_marked_webhook_waits_where_the_mark_says_or_in_the_other_store(
    world: World, monkeypatch: pytest.MonkeyPatch, mark: Place, error: type[ShopwireError] | None
) -> None:
    let_an_order_wait(world, mark)
    before = {"queue": world.queue_length(), "outbox": world.outbox_length()}
    if error:
        refuse(monkeypatch, error)
    expected: Place = mark
    if error in QUEUE_ERRORS:
        expected = "outbox"
    elif error in OUTBOX_ERRORS:
        expected = "queue"
    assert world.deliver(paid()) == Outcome("queued", Reason.EARLIER_CHANGE_PENDING)
    assert {"queue": world.queue_length(), "outbox": world.outbox_length()} == before | {expected: before[expected] + 1}
    assert mark_of(world) == ("outbox" if "outbox" in (mark, expected) else "queue")


@pytest.mark.parametrize("mark", ["queue", "outbox"])
def test_webhook_that_no_store_accepts_is_refused_and_leaves_the_mark_of_what_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, mark: Place
) -> None:
    let_an_order_wait(world, mark)
    refuse(monkeypatch, MessageTooLarge)
    refuse(monkeypatch, ItemTooLarge)
    with pytest.raises(NothingDurable):
        world.send(paid())
    assert mark_of(world) == mark


@pytest.mark.parametrize("error", [None, *OUTBOX_ERRORS])
def test_unmarked_webhook_waits_in_the_queue(
    world: World, monkeypatch: pytest.MonkeyPatch, error: type[ShopwireError] | None
) -> None:
    if error:
        refuse(monkeypatch, error)
    with world.outage("dynamodb"):
        assert world.deliver(order()) == Outcome("queued", Reason.LEDGER_UNAVAILABLE)
    assert (world.queue_length(), world.outbox_length(), mark_of(world)) == (1, 0, None)


@pytest.mark.parametrize("error", QUEUE_ERRORS)
def test_unmarked_webhook_that_the_queue_refuses_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, error: type[ShopwireError]
) -> None:
    refuse(monkeypatch, error)
    with world.outage("dynamodb"), pytest.raises(NothingDurable):
        world.send(order())
    assert (world.queue_length(), world.outbox_length(), mark_of(world)) == (0, 0, None)


# --- a change whose lease is held


def test_failed_change_keeps_its_reason_if_the_ledger_cannot_record_it(world: World) -> None:
    def fail_with_the_ledger(*request: object) -> int:
        world.down.add("dynamodb")
        return 503

    world.api.next_answers = [fail_with_the_ledger]
    assert world.deliver(order()) == Outcome("queued", Reason.API_FAILED)
    assert world.queue_length() == 1


def test_rejected_change_waits_if_the_table_cannot_park_it(world: World) -> None:
    def reject_with_the_ledger(*request: object) -> int:
        world.down.add("dynamodb")
        return 400

    world.api.next_answers = [reject_with_the_ledger, 400]
    assert world.deliver(order()) == Outcome("queued", Reason.API_REJECTED)
    world.down.clear()
    world.api.next_answers = [400, 400]
    world.clock.advance(60_000)
    assert world.run_until_idle() == ["parked"]
