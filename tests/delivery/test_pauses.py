"""Pauses: what makes a shop pause, for how long, and where its webhooks wait meanwhile."""

from decimal import Decimal

from shopwire.delivery.task import Outcome
from shopwire.models import Reason
from tests.support.changes import BORYS, DAY_MS, HOUR_MS, MINUTE_MS, OTHER_SHOP, SHOP, cancelled, order, paid
from tests.support.delivery_world import World

WRONG_KEY = "Basic c2hvcHdpcmU6a2V5LW9uZQ=="
"""The header with the key that SETTINGS contains."""


# --- the reasons and the length of a pause


def test_five_failures_of_several_entities_pause_the_shop(world: World) -> None:
    world.api.answer = 503
    for number in range(3):
        world.send(order(str(number)))
    assert world.send(order("3")) == "queued"
    assert world.api.request_count == 3
    world.run_retry()
    assert world.pause_seconds() == 0
    world.clock.advance(10_000)
    world.run_retry()
    assert world.pause_seconds() == 20
    request_count = world.api.request_count
    world.clock.advance(10_000)
    assert world.run_retry() == ["waiting"] * 4
    assert world.api.request_count == request_count


def test_after_three_failures_webhooks_go_to_the_queue_first(world: World) -> None:
    world.api.answer = 503
    for number in range(4):
        world.send(order(str(number)))
    assert world.api.request_count == 3
    world.api.answer = 200
    world.clock.advance(31_000)
    assert world.send(order("9")) == "delivered"


def test_wrong_key_pauses_only_its_own_shop(world: World) -> None:
    world.put_shop(OTHER_SHOP, esputnik_key="key-two")
    world.api.next_answers = [401]
    assert world.deliver(order()) == Outcome(
        "queued", Reason.API_UNAUTHORIZED, {"http_status": 401, "path": "v1/contact"}
    )
    assert world.pause_seconds() > 0
    assert world.send(order(), shop=OTHER_SHOP) == "delivered"


def test_replaced_key_is_used_at_once(world: World) -> None:
    world.send(order())
    world.put_shop(SHOP, esputnik_key="key-new")
    world.api.next_answers = [401]
    assert world.send(paid()) == "delivered"
    assert world.api.authorizations[-1] != world.api.authorizations[0]
    assert world.pause_seconds() == 0


def test_everything_is_sent_after_a_wrong_key_is_replaced_hours_later(fake_world: World) -> None:
    world = fake_world
    world.api.answer = lambda method, url, body: 401 if world.api.authorizations[-1] == WRONG_KEY else 200
    for number in range(6):
        assert world.send(order(str(number))) == "queued"
    for _ in range(40):
        world.clock.advance(5 * MINUTE_MS)
        world.run_retry()
        world.run_upkeep()
    assert world.api.sent == []
    assert world.outbox_length() > 0
    world.put_shop(SHOP, esputnik_key="key-new")
    world.run_until_idle(minutes=180, step_ms=MINUTE_MS)
    assert sorted(event["externalOrderId"] for event in world.api.events) == [str(number) for number in range(6)]
    assert world.pause_seconds() == 0


def test_pause_lasts_as_long_as_retry_after_says(world: World) -> None:
    world.api.next_answers = [(429, {"retry-after": "300"})]
    assert world.send(order()) == "queued"
    assert world.pause_seconds() == 300
    world.clock.advance(299_000)
    world.run_retry()
    assert world.api.request_count == 1
    assert world.run_until_idle() == ["delivered"]


def test_retry_after_without_end_pauses_for_a_day(world: World) -> None:
    world.api.next_answers = [(429, {"retry-after": "9" * 400})]
    assert world.send(order()) == "queued"
    assert world.pause_seconds() == DAY_MS / 1000


def test_burst_of_failures_causes_one_pause(world: World) -> None:
    world.api.answer = 401
    for number in range(10):
        world.webhook = world.new_environment()
        world.send(order(str(number)))
    assert 0 < world.pause_seconds() <= 20


def test_each_failed_probe_doubles_the_pause_up_to_an_hour(fake_world: World) -> None:
    world = fake_world
    world.api.answer = 401
    world.send(order())
    lengths = []
    for _ in range(12):
        world.clock.advance(1000 * world.pause_seconds() + 1000)
        world.run_upkeep()
        request_count = world.api.request_count
        for _ in range(30):
            world.clock.advance(5_000)
            world.run_retry()
            if world.api.request_count > request_count:
                break
        lengths.append(world.pause_seconds())
    assert lengths[:3] == [40, 80, 160]
    assert max(lengths) == 3600


def test_pauses_grow_to_two_minutes_if_the_api_fails_and_on_if_the_key_is_wrong(world: World) -> None:
    def lengths(reason: Reason, *, may_end_soon: bool = False) -> list[int]:
        found = []
        for _ in range(6):
            until = world.webhook.pauses.pause(SHOP, reason, world.clock.now, may_end_soon=may_end_soon)
            found.append((until - world.clock.now) // 1000)
            world.clock.advance(until - world.clock.now)
        return found

    assert lengths(Reason.API_FAILED, may_end_soon=True) == [20, 40, 80, 120, 120, 120]
    world.webhook.pauses.record_success(SHOP, world.clock.now)
    assert lengths(Reason.API_UNAUTHORIZED) == [20, 40, 80, 160, 320, 640]


def test_pauses_are_longer_after_an_hour_of_api_failures(world: World) -> None:
    for _ in range(30):
        world.clock.now = world.webhook.pauses.pause(SHOP, Reason.API_FAILED, world.clock.now, may_end_soon=True)
    until = world.webhook.pauses.pause(SHOP, Reason.API_FAILED, world.clock.now, may_end_soon=True)
    assert until == world.clock.now + HOUR_MS


def test_only_one_invocation_may_probe(world: World) -> None:
    world.api.next_answers = [401]
    world.send(order("1"))
    world.clock.advance(21_000)
    state = world.retry.pauses.state(SHOP, world.clock.now)
    assert world.retry.pauses.probe(SHOP, state, world.clock.now)
    assert not world.upkeep.pauses.probe(SHOP, state, world.clock.now)


# --- what a pause does


def test_long_pause_moves_webhooks_to_the_outbox_and_back_in_order(world: World) -> None:
    world.api.next_answers = [(429, {"retry-after": "1800"})]
    world.send(order("1"))
    world.send(order())
    world.send(paid())
    assert sorted(world.run_retry()) == ["queued", "queued", "waiting"]
    assert (world.queue_length(), world.outbox_length()) == (1, 2)
    assert world.deliver(cancelled()) == Outcome("queued", Reason.EARLIER_CHANGE_PENDING)
    assert (world.queue_length(), world.outbox_length()) == (1, 3)
    assert world.run_upkeep() == 0
    world.clock.advance(1_801_000)
    assert world.run_until_idle() == ["delivered"] * 4
    assert world.api.sent == ["contact", "orderCreated", "orderCreated", "orderUpdated", "orderCancelled"]
    assert world.send(paid(minutes=99, total=Decimal(1))) == "delivered"


def test_webhooks_move_to_the_outbox_until_the_end_of_a_long_pause(world: World) -> None:
    world.api.next_answers = [(429, {"retry-after": "1800"})]
    world.send(order("1"))
    world.send(order())
    world.send(paid())
    earlier, later = world.receive_messages()[1:]
    assert (world.consume([earlier]), world.outbox_length()) == ([], 1)
    world.clock.advance(1_700_000)
    assert (world.consume([later]), world.outbox_length()) == ([], 2)


def test_paused_shop_delays_no_other_shop(world: World) -> None:
    world.put_shop(OTHER_SHOP)
    world.api.next_answers = [(429, {"retry-after": "60"}), 503]
    world.send(order())
    assert world.send(order(contact=BORYS), shop=OTHER_SHOP) == "queued"
    world.clock.advance(10_000)
    assert sorted(world.run_retry()) == ["delivered", "waiting"]


def test_overdue_webhook_in_the_outbox_of_a_paused_shop_is_parked(world: World) -> None:
    world.webhook.pauses.pause(SHOP, Reason.API_THROTTLED, world.clock.now, asked_ms=1_800_000)
    world.api.next_answers = [503]
    world.send(order())
    world.clock.advance(3_000)
    assert world.run_retry() == ["queued"]
    world.clock.advance(3 * DAY_MS + HOUR_MS)
    world.webhook.pauses.pause(SHOP, Reason.API_THROTTLED, world.clock.now, asked_ms=HOUR_MS)
    assert world.run_upkeep() == 0
    assert world.run_upkeep(overdue_too=True) == 1
    assert world.run_retry() == ["parked"]
