"""The API fails: what waits, in which order it arrives, who is paused, what is given up."""

from decimal import Decimal

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import OrderDeleted, Reason
from tests.support.delivery_world import BORYS, DAY, HOUR, MINUTE, OTHER, SHOP, World, cancelled, order, paid, shipped


def paused(world: World, shop: str = SHOP) -> int | None:
    """Seconds that the shop is paused from now, None if it is not."""
    until = world.upkeep.pauses._read(shop).until
    return None if until is None else (until - world.clock.now) // 1000


# --- waiting


def test_while_the_api_is_down_changes_wait_and_then_arrive_in_order_once(world: World) -> None:
    world.api.steady = 503
    assert [world.send(change) for change in (order(), paid(), cancelled())] == ["queued"] * 3
    world.api.steady = 200
    assert world.drain() == ["delivered"] * 3
    assert world.api.story == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]


def test_what_follows_lines_up_behind_what_waits(world: World) -> None:
    world.api.answers = [503]
    world.send(order())
    assert world.tell(paid()) == Outcome("queued", "earlier_change_pending")
    assert world.api.story == []


def test_other_orders_do_not_wait(world: World) -> None:
    world.api.answers = [503]
    world.send(order("1"))
    assert world.send(order("2")) == "delivered"


def test_once_what_waited_is_settled_changes_go_straight_again(world: World) -> None:
    world.api.answers = [503]
    world.send(order())
    world.drain()
    assert world.send(paid()) == "delivered"


def test_a_key_that_is_only_waiting_is_no_duplicate_and_arrives_once(world: World) -> None:
    world.api.answers = [503]
    world.send(order(), key="k")
    assert world.send(order(), key="k") == "queued"
    assert world.drain() == ["delivered", "duplicate"]
    assert world.api.story == ["contact", "orderCreated"]


def test_an_older_change_that_comes_while_a_newer_waits_is_superseded(world: World) -> None:
    world.api.answers = [503]
    world.send(paid())
    assert world.send(order()) == "queued"
    assert world.drain() == ["delivered", "superseded"]


@pytest.mark.parametrize("answer", [None, 500, 502, 503, 429, 401, 403, 408, 302])
def test_what_time_can_heal_waits(world: World, answer: int | None) -> None:
    world.api.answers = [answer] * 2 if answer in (401, 403) else [answer]
    assert world.send(order()) == "queued"
    assert world.drain() == ["delivered"]
    assert world.api.story == ["contact", "orderCreated"]


def test_a_time_out_is_not_counted_as_sent(world: World) -> None:
    world.send(order())
    world.api.answers = [None]
    assert world.tell(paid()) == Outcome("queued", "api_no_answer")
    assert world.drain() == ["delivered"]
    assert world.api.story == ["contact", "orderCreated", "orderUpdated"]


def test_a_request_is_begun_only_within_the_budget_that_leaves_a_second_for_notes(world: World) -> None:
    world.api.takes = 1_400
    assert world.tell(order()) == Outcome("queued", "no_time_left")
    assert world.api.story == ["contact"]
    world.drain()
    assert world.api.story == ["contact", "orderCreated"]


def test_a_budget_of_nothing_always_queues(world: World) -> None:
    world.policy = type(world.policy)(direct_budget_ms=0, jitter=lambda: 0.5)
    world.webhook = world.new_environment()
    assert world.send(order(), key="k") == "queued"
    assert world.drain() == ["delivered"]
    assert world.send(order(), key="k") == "duplicate"


def test_a_plan_that_was_partly_taken_goes_on_where_it_stopped(world: World) -> None:
    world.api.answers = [200, 200, 503]
    assert world.send(cancelled()) == "queued"
    assert world.api.story == ["contact", "orderCreated"]
    assert world.drain() == ["delivered"]
    assert world.api.story == ["contact", "orderCreated", "orderCancelled"]


@pytest.mark.parametrize("end", [503, 400], ids=["waiting", "parked"])
def test_nothing_lower_follows_a_plan_of_which_a_part_was_taken(world: World, end: int) -> None:
    world.api.answers = [200, 200, end]
    world.send(cancelled())
    assert world.send(paid()) == "stale"
    world.drain()
    assert "orderUpdated" not in world.api.story


def test_a_fact_waits_behind_its_order(world: World) -> None:
    world.api.answers = [503]
    world.send(order())
    assert world.send(OrderDeleted("1001")) == "queued"
    assert world.drain() == ["delivered", "delivered"]
    assert world.api.story == ["contact", "orderCreated", "orderCancelled"]


# --- what is given up


def test_a_bad_request_is_parked_and_holds_up_nobody(world: World) -> None:
    world.send(order())
    world.api.answers = [400]
    assert world.tell(paid()) == Outcome("parked", Reason.API_REJECTED, {"http_status": 400, "path": "v1/event"})
    assert world.send(shipped()) == "delivered"
    assert paused(world) is None


def test_a_parked_change_is_not_a_duplicate_when_it_comes_again(world: World) -> None:
    world.send(order())
    world.api.answers = [400]
    world.send(paid(), key="k")
    assert world.send(paid(), key="k") == "delivered"


def test_one_poisonous_order_is_parked_after_twenty_tries_while_its_shop_is_served(world: World) -> None:
    def poisoned(method: str, url: str, said: object) -> int:
        return 500 if "666" in str(said) else 200

    world.api.steady = poisoned
    world.send(order("1"))
    assert world.send(order("666")) == "queued"
    for n in range(400):
        world.clock.pass_(10_000)
        world.poll()
        assert world.send(order(f"n{n}")) == "delivered"
        if world.parked():
            break
    assert world.parked() == ["keeps_failing"]
    assert world.waits() == 0
    assert paused(world) is None


def test_a_failure_right_after_an_outage_of_hours_parks_nothing(world: World) -> None:
    world.api.steady = lambda method, url, said: 500
    assert world.send(order("1")) == "queued"
    for _ in range(60):
        world.clock.pass_(3 * MINUTE)
        world.poll()
    world.api.steady = lambda method, url, said: 500 if '"1"' in str(said) else 200
    assert world.send(order("2")) in ("delivered", "queued")
    world.clock.pass_(20 * MINUTE)
    world.poll()
    assert world.parked() == []
    world.api.steady = lambda method, url, said: 200
    for _ in range(4):
        world.clock.pass_(20 * MINUTE)
        world.poll()
    assert world.waits() == 0


def test_in_an_outage_of_hours_nothing_is_parked(world: World) -> None:
    world.api.steady = 503
    for n in range(8):
        world.send(order(str(n)))
    for _ in range(24):
        world.clock.pass_(10 * MINUTE)
        world.poll()
        world.tidy()
    world.api.steady = 200
    world.drain()
    assert world.parked() == []
    assert sorted(event["externalOrderId"] for event in world.api.events) == [str(n) for n in range(8)]


# --- pauses


def test_five_failures_of_several_entities_pause_the_shop(world: World) -> None:
    world.api.steady = 503
    for n in range(3):
        world.send(order(str(n)))
    assert world.send(order("3")) == "queued"
    assert world.api.asked == 3
    world.poll()
    assert paused(world) is None
    world.clock.pass_(10_000)
    world.poll()
    assert paused(world) == 20
    asked = world.api.asked
    world.clock.pass_(10_000)
    assert world.poll() == ["waiting"] * 4
    assert world.api.asked == asked


def test_three_failures_send_the_shops_webhooks_straight_to_the_queue_for_a_while(world: World) -> None:
    world.api.steady = 503
    for n in range(4):
        world.send(order(str(n)))
    assert world.api.asked == 3
    world.api.steady = 200
    world.clock.pass_(31_000)
    assert world.send(order("9")) == "delivered"


def test_a_wrong_key_pauses_its_shop_and_no_other(world: World) -> None:
    world.put_shop(OTHER, esputnik_key="key-two")
    world.api.answers = [401]
    assert world.tell(order()) == Outcome("queued", Reason.API_UNAUTHORIZED, {"http_status": 401})
    assert paused(world) is not None
    assert world.send(order(), shop=OTHER) == "delivered"


def test_a_key_that_was_replaced_is_used_at_once(world: World) -> None:
    world.send(order())
    world.put_shop(SHOP, esputnik_key="key-new")
    world.api.answers = [401]
    assert world.send(paid()) == "delivered"
    assert world.api.keys[-1] != world.api.keys[0]
    assert paused(world) is None


def test_a_wrong_key_that_is_mended_hours_later_heals_without_a_hand(world: World) -> None:
    bad = "Basic c2hvcHdpcmU6a2V5LW9uZQ=="
    world.api.steady = lambda method, url, said: 401 if world.api.keys[-1] == bad else 200
    for n in range(6):
        assert world.send(order(str(n))) == "queued"
    for _ in range(40):
        world.clock.pass_(5 * MINUTE)
        world.poll()
        world.tidy()
    assert world.api.story == []
    assert world.in_outbox() > 0
    world.put_shop(SHOP, esputnik_key="key-new")
    world.drain(minutes=180, step=MINUTE)
    assert sorted(event["externalOrderId"] for event in world.api.events) == [str(n) for n in range(6)]
    assert paused(world) is None


def test_retry_after_is_honoured(world: World) -> None:
    world.api.answers = [(429, {"retry-after": "300"})]
    assert world.send(order()) == "queued"
    assert paused(world) == 300
    world.clock.pass_(299_000)
    world.poll()
    assert world.api.asked == 1
    assert world.drain() == ["delivered"]


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "soon", "", "9" * 400])
def test_a_retry_after_that_makes_no_sense_pauses_for_a_while(world: World, value: str) -> None:
    world.api.answers = [(429, {"retry-after": value})]
    assert world.send(order()) == "queued"
    assert 0 < (paused(world) or 0) <= DAY / 1000


def test_a_burst_of_refusals_is_one_pause(world: World) -> None:
    world.api.steady = 429
    for n in range(10):
        world.webhook = world.new_environment()
        world.send(order(str(n)))
    assert 0 < (paused(world) or 0) <= 20


def test_each_probe_that_fails_doubles_the_pause_up_to_an_hour(world: World) -> None:
    world.api.steady = 401
    world.send(order())
    lengths = []
    for _ in range(12):
        world.clock.pass_(1000 * (paused(world) or 0) + 1000)
        world.tidy()
        world.clock.pass_(1000 * MINUTE // 60 * 2)
        for _ in range(30):
            asked = world.api.asked
            world.poll()
            if world.api.asked > asked:
                break
            world.clock.pass_(5_000)
        lengths.append(paused(world))
    assert lengths[:3] == [40, 80, 160]
    assert max(length or 0 for length in lengths) == 3600


def test_only_one_message_is_the_probe(world: World) -> None:
    world.api.answers = [429]
    world.send(order("1"))
    world.clock.pass_(21_000)
    state = world.retry.pauses.state(SHOP, world.clock.now)
    assert world.retry.pauses.probe(SHOP, state, world.clock.now)
    assert not world.upkeep.pauses.probe(SHOP, state, world.clock.now)


def test_a_long_pause_moves_what_waits_to_the_outbox_and_back_in_order(world: World) -> None:
    world.api.answers = [(429, {"retry-after": "1800"})]
    world.send(order("1"))
    world.send(order())
    world.send(paid())
    assert sorted(world.poll()) == ["queued", "queued", "waiting"]
    assert (world.waits(), world.in_outbox()) == (1, 2)
    assert world.tell(cancelled()) == Outcome("queued", "earlier_change_pending")
    assert (world.waits(), world.in_outbox()) == (1, 3)
    assert world.tidy() == 0
    world.clock.pass_(1801_000)
    assert world.drain() == ["delivered"] * 4
    assert world.api.story == ["contact", "orderCreated", "orderCreated", "orderUpdated", "orderCancelled"]
    assert world.send(paid(minutes=99, total=Decimal(1))) == "delivered"


def test_in_the_last_minutes_of_a_long_pause_nothing_stays_in_the_queue_to_overtake_what_has_left_it(
    world: World,
) -> None:
    world.api.answers = [(429, {"retry-after": "1800"})]
    world.send(order("1"))
    world.send(order())
    world.send(paid())
    earlier, later = world.receive_messages()[1:]
    kept = world.retry.retry_consumer.consume([earlier], request_id=world.owner(), deadline=world.clock.now + 60_000)
    assert (kept, world.in_outbox()) == ([], 1)
    world.clock.pass_(1_700_000)
    kept = world.retry.retry_consumer.consume([later], request_id=world.owner(), deadline=world.clock.now + 60_000)
    assert (kept, world.in_outbox()) == ([], 2)


def test_a_failing_api_is_tried_every_two_minutes_in_the_first_hour_a_wrong_key_ever_more_seldom(world: World) -> None:
    def lengths(reason: str, **how: bool) -> list[int]:
        found = []
        for _ in range(6):
            until = world.webhook.pauses.pause(SHOP, reason, world.clock.now, **how)
            found.append((until - world.clock.now) // 1000)
            world.clock.pass_(until - world.clock.now)
        return found

    assert lengths("api_failed", may_end_soon=True) == [20, 40, 80, 120, 120, 120]
    world.webhook.pauses.record_success(SHOP, world.clock.now)
    assert lengths("api_unauthorized") == [20, 40, 80, 160, 320, 640]


def test_after_an_hour_a_failing_api_is_tried_less_often(world: World) -> None:
    for _ in range(30):
        world.clock.now = world.webhook.pauses.pause(SHOP, "503", world.clock.now, may_end_soon=True)
    assert world.webhook.pauses.pause(SHOP, "503", world.clock.now, may_end_soon=True) == world.clock.now + HOUR


def test_a_paused_shop_holds_up_no_other(world: World) -> None:
    world.put_shop(OTHER)
    world.api.answers = [(429, {"retry-after": "60"}), 503]
    world.send(order())
    assert world.send(order(contact=BORYS), shop=OTHER) == "queued"
    world.clock.pass_(10_000)
    assert sorted(world.poll()) == ["delivered", "waiting"]


def test_what_is_past_its_age_in_a_paused_shops_outbox_is_parked(world: World) -> None:
    world.webhook.pauses.pause(SHOP, "api_throttled", world.clock.now, at_least_ms=1800_000)
    world.api.answers = [503]
    world.send(order())
    world.clock.pass_(3_000)
    assert world.poll() == ["queued"]
    world.clock.pass_(3 * DAY + HOUR)
    world.webhook.pauses.pause(SHOP, "api_throttled", world.clock.now, at_least_ms=HOUR)
    assert world.tidy() == 0
    assert world.upkeep.outbox_drain.drain(world.clock.now + 40_000, overdue_too=True) == 1
    assert world.poll() == ["parked"]
