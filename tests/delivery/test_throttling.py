"""The API throttles (429): what waits, for how long, and when the shop is paused."""

import pytest

from shopwire.delivery.reasons import SENTENCES
from shopwire.delivery.task import Outcome
from shopwire.models import Contact, Reason
from tests.support.changes import HOUR_MS, MINUTE_MS, order
from tests.support.delivery_world import World

ONE_SECOND = (429, {"retry-after": "1"})


def seconds_until_delivered(world: World) -> float:
    """Let `retry` run every half second. Return after how many seconds nothing waits any more."""
    start = world.clock.now
    world.run_until_idle(minutes=10, step_ms=500)
    assert world.queue_length() == 0
    return (world.clock.now - start) / 1000


def test_three_429_delay_an_order_by_what_the_api_asked_for(fake_world: World) -> None:
    world = fake_world
    world.api.next_answers = [ONE_SECOND] * 3
    assert world.deliver(order()) == Outcome("queued", Reason.API_THROTTLED, {"http_status": 429})
    assert 3 <= seconds_until_delivered(world) <= 5
    assert world.api.sent == ["contact", "orderCreated"]


def test_retry_after_is_obeyed_exactly(fake_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world
    recorded = world.record_hold_backs(monkeypatch)
    world.put_into_queue(world.body(order()))
    world.api.next_answers = [(429, {"retry-after": str(seconds)}) for seconds in (1, 3, 1)]
    seconds_until_delivered(world)
    assert [seconds for seconds in recorded if seconds] == [1, 3, 1]


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "soon", "", "0"])
def test_429_without_a_duration_waits_one_to_two_seconds(world: World, value: str) -> None:
    world.api.next_answers = [(429, {"retry-after": value})]
    assert world.send(order()) == "queued"
    assert world.pause_seconds() == 0
    assert 1 <= seconds_until_delivered(world) <= 3


def test_wait_without_a_duration_grows_up_to_16_seconds(fake_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world
    recorded = world.record_hold_backs(monkeypatch)
    world.put_into_queue(world.body(order()))
    world.api.next_answers = [429] * 4
    seconds_until_delivered(world)
    assert [seconds for seconds in recorded if seconds] == [3, 6, 12, 12]


def test_429_pauses_neither_the_shop_nor_other_orders(world: World) -> None:
    world.api.next_answers = [429, 429]
    assert world.send(order("1")) == "queued"
    assert world.send(order("2")) == "queued"
    assert world.pause_seconds() == 0
    assert world.send(order("3")) == "delivered"


def test_429_between_accepted_requests_never_pauses_the_shop(fake_world: World) -> None:
    """An account at its limit accepts some requests and throttles others."""
    world = fake_world
    for number in range(40):
        world.api.next_answers = [429] * 2
        world.put_into_queue(*(world.body(order(f"{number}-{other}")) for other in range(3)))
        world.run_retry()
        world.clock.advance(2_000)
        assert world.pause_seconds() == 0


def throttle(world: World, *, seconds: int) -> None:
    """Let `retry` work on ten orders while the API throttles all requests."""
    world.api.answer = 429
    world.put_into_queue(*(world.body(order(str(number))) for number in range(10)))
    for _ in range(seconds):
        world.run_retry()
        world.clock.advance(1_000)


def test_throttling_that_continues_for_30_seconds_pauses_the_shop(fake_world: World) -> None:
    world = fake_world
    throttle(world, seconds=29)
    assert world.pause_seconds() == 0
    throttle(world, seconds=15)
    assert world.pause_seconds() > 0
    world.api.answer = 200
    assert world.run_until_idle(minutes=5).count("delivered") == 10
    assert world.pause_seconds() == 0


def test_throttled_probe_makes_the_pause_longer(fake_world: World) -> None:
    world = fake_world
    throttle(world, seconds=45)
    world.clock.advance(20_000)
    for _ in range(120):
        if world.pause_seconds() <= 0:
            world.run_retry()
            world.clock.advance(1_000)
    assert 20 < world.pause_seconds() <= 40


def test_single_429_hours_apart_never_pause_the_shop(world: World) -> None:
    for number in range(8):
        world.api.next_answers = [429]
        world.send(order(str(number)))
        world.clock.advance(HOUR_MS)
        assert world.pause_seconds() == 0


def test_long_retry_after_pauses_the_shop_for_exactly_that_long(world: World) -> None:
    world.api.next_answers = [(429, {"retry-after": "7"})]
    world.send(order())
    assert world.pause_seconds() == 7
    world.clock.advance(MINUTE_MS)
    assert world.run_until_idle() == ["delivered"]


def test_sentence_of_a_wrong_key_says_what_may_be_wrong() -> None:
    assert "90 days" in SENTENCES[Reason.API_UNAUTHORIZED]
    assert "rights for events and for contacts" in SENTENCES[Reason.API_UNAUTHORIZED]


def test_key_that_lost_the_right_for_contacts_still_sends_orders_of_known_ones(world: World) -> None:
    world.send(order("1"))

    def no_contacts(method: str, url: str, body: object) -> int:
        return 403 if url.endswith("v1/contact") else 200

    world.api.answer = no_contacts
    assert world.send(order("3")) == "delivered"
    stranger = order("4", contact=Contact(email="new@example.com"))
    refused = {"http_status": 403, "path": "v1/contact"}
    assert world.deliver(stranger) == Outcome("queued", Reason.API_UNAUTHORIZED, refused)
    world.api.answer = 200
    assert world.run_until_idle() == ["delivered"]
