"""The consumer of the retry queue: groups, backoff, age, and messages that cannot be delivered any more."""

import io
import json
from dataclasses import replace

import pytest

from shopwire.models import Change, Nothing, Reason
from tests.support.changes import (
    BORYS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SHOP,
    cancelled,
    cart,
    customer,
    order,
    paid,
    view,
)
from tests.support.delivery_world import RETRY_SECONDS, World

# --- groups


def test_unfinished_message_stops_only_its_own_group(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_into_queue(
        *(world.body(change) for change in (order("1"), paid("1"), order("2", contact=BORYS), paid("2")))
    )
    seconds = world.record_hold_backs(monkeypatch)

    def annas_order_fails(method: str, url: str, body: object) -> int:
        return 503 if "anna" in str(body) and "orderCreated" in str(body) else 200

    world.api.answer = annas_order_fails
    assert world.run_retry() == ["waiting", "delivered", "delivered"]
    assert seconds[0] > 0
    assert seconds[1:] == [0]
    assert world.queue_length() == 2


def test_group_continues_where_it_stopped(world: World) -> None:
    world.put_into_queue(*(world.body(change) for change in (order(), paid(), cancelled())))
    world.api.next_answers = [200, 200, 503]
    world.run_until_idle()
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]


def test_message_is_tried_only_if_it_can_end_before_the_deadline(world: World) -> None:
    world.put_into_queue(world.body(order()))
    assert world.run_retry(seconds=19) == []
    assert world.api.request_count == 0
    assert world.run_retry(seconds=21) == ["delivered"]


def test_backoff_is_at_most_2_minutes_in_the_first_hour_then_15(
    fake_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fake_world
    seconds = world.record_hold_backs(monkeypatch)
    world.put_into_queue(world.body(order()))
    world.api.answer = 503
    for _ in range(200):
        world.clock.advance(30_000)
        world.run_retry()
    # The jitter of this world is always a half.
    assert seconds[:4] == [5, 10, 20, 40]
    assert 60 in seconds
    assert max(seconds) == 450


# --- age


@pytest.mark.parametrize(
    ("change", "limit"), [(view(), HOUR_MS), (cart(), 24 * HOUR_MS), (order(), 3 * DAY_MS), (customer(), 3 * DAY_MS)]
)
def test_change_that_waited_too_long_is_parked_and_never_sent(world: World, change: Change, limit: int) -> None:
    world.api.answer = 503
    assert world.send(change) == "queued"
    world.clock.advance(limit + MINUTE_MS)
    world.api.answer = 200
    assert world.run_retry() == ["parked"]
    assert world.parked_reasons() == [Reason.TOO_OLD]
    assert world.api.sent == []


# --- messages that cannot be delivered any more


def test_message_of_another_program_waits_and_is_not_logged(world: World, log: io.StringIO) -> None:
    world.queue.send('{"email": "canary@example.com"}')
    assert world.run_retry() == []
    assert world.queue_length() == 1
    assert "canary" not in log.getvalue()


def test_message_of_a_disconnected_shop_is_parked(fake_world: World) -> None:
    world = fake_world
    world.put_into_queue(world.body(order()))
    world.delete_shop(SHOP)
    world.retry = world.new_environment()
    assert world.run_until_idle() == ["parked"]
    assert world.parked_reasons() == [Reason.SHOP_DISCONNECTED]


def test_message_without_a_change_after_a_fix_is_ignored(world: World) -> None:
    body = world.body(order(), key="k")
    world.put_into_queue(body)
    (delivery,) = world.platform.bodies[body]  # type: ignore[misc]
    world.platform.bodies[body] = [replace(delivery, change=Nothing(Reason.DRAFT))]
    assert world.run_until_idle() == ["ignored"]


def test_log_line_of_an_attempt_names_the_events_that_it_sent(world: World, log: io.StringIO) -> None:
    world.put_into_queue(*(world.body(change) for change in (order(), paid())))
    world.api.next_answers = [200, 503]
    world.run_until_idle()
    lines = [json.loads(line) for line in log.getvalue().splitlines() if '"retried"' in line]
    sent = [line.get("sent") for line in lines if line["outcome"] == "delivered"]
    assert sent == ["orderCreated", "orderUpdated"]
    assert not any("sent" in line for line in lines if line["outcome"] != "delivered")


def test_same_message_may_be_put_again_at_once(world: World) -> None:
    """SQS drops a deduplication id that it saw within five minutes."""
    body = world.body(order())
    world.put_into_queue(body, body)
    assert world.queue_length() == 2
    assert world.run_until_idle() == ["delivered", "duplicate"]


def test_lease_of_retry_lasts_longer_than_the_invocation(world: World) -> None:
    found: list[int] = []

    def read_lease(*request: object) -> int:
        found.append(int(world.entry("order", "1001")["lease_until"]["N"]) - world.clock.now)
        return 200

    world.put_into_queue(world.body(order()))
    world.api.next_answers = [read_lease]
    assert world.run_until_idle() == ["delivered"]
    assert found[0] > 1000 * RETRY_SECONDS
