"""Thin webhooks: their state is fetched under the lease, rarely, and never sent if it is older than what is known."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from shopwire.delivery.task import Outcome, Task
from shopwire.errors import RetryLater
from shopwire.message import Message
from shopwire.models import Change, Consent, ContactChange, Nothing, OrderChange, Reason, Webhook
from shopwire.stores.entry import Entry
from shopwire.stores.pauses import platform_of
from tests.support.changes import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SHOP,
    announced,
    cancelled,
    cart,
    customer,
    order,
    paid,
    shipped,
)
from tests.support.delivery_world import World

API = f"https://api.platform.example/{SHOP}"


def _task(world: World) -> Task:
    body = world.body(announced())
    message = Message(SHOP, "", Webhook({}, body, world.clock.now))
    (delivery,) = world.platform.bodies[body]
    at = world.clock.now + 5_000
    return Task(world.webhook.shops.get(SHOP), message, delivery, "request", at, at)


def test_state_is_fetched_and_sent(world: World) -> None:
    world.platform_api.state = order()
    assert world.deliver(announced()) == Outcome("delivered")
    assert world.platform_api.requests == [(f"{API}/orders/1001", "token-one")]
    assert world.api.sent == ["contact", "orderCreated"]


def test_fetch_happens_under_the_lease(world: World) -> None:
    world.platform_api.state = order()
    held: list[bool] = []
    world.on_call = lambda name: (
        held.append("lease_holder" in world.entry("order", "1001")) if name == "platform_api" else None
    )
    world.deliver(announced())
    assert held == [True]


@pytest.mark.parametrize(
    ("kind", "state", "sent"),
    [
        ("cart", cart(), ["contact", "cartUpdated"]),
        ("contact", customer(), ["contact"]),
    ],
)
def test_carts_and_customers_are_fetched_too(world: World, kind: Any, state: Change, sent: list[str]) -> None:
    world.platform_api.state = state
    change = announced(kind, state.entity.id)
    assert world.send(change) == "delivered"
    assert world.api.sent == sent


def test_each_change_is_fetched_and_sent_in_order(world: World) -> None:
    for minutes, state in ((0, order()), (5, paid()), (10, shipped())):
        world.clock.advance(5 * MINUTE_MS)
        world.platform_api.state = state
        assert world.send(announced(minutes=minutes)) == "delivered"
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderUpdated"]


def test_same_state_is_sent_once(world: World) -> None:
    world.platform_api.state = order()
    world.deliver(announced())
    world.clock.advance(MINUTE_MS)
    assert world.send(announced()) == "unchanged"
    assert world.api.sent == ["contact", "orderCreated"]


def test_repeated_webhook_is_a_duplicate_and_fetches_nothing(world: World) -> None:
    world.platform_api.state = order()
    assert [world.send(announced(), key="k") for _ in range(2)] == ["delivered", "duplicate"]
    assert len(world.platform_api.requests) == 1


def test_burst_of_webhooks_makes_few_fetches(world: World) -> None:
    world.platform_api.state = order()
    for number in range(20):
        world.platform_api.state = order(minutes=number / 600, total=order().order.total + number)
        world.send(announced(minutes=number / 600))
        world.clock.advance(50)
    world.run_until_idle(step_ms=500)
    assert world.queue_length() == 0
    assert len(world.platform_api.requests) <= 3
    assert world.api.events[-1]["totalCost"] == "269.00"


def test_webhook_that_arrived_before_the_last_fetch_is_superseded(world: World) -> None:
    world.platform_api.state = order()
    late = world.body(announced())
    world.put_into_queue(late)
    world.clock.advance(MINUTE_MS)
    world.deliver(announced())
    assert world.run_until_idle() == ["superseded"]
    assert len(world.platform_api.requests) == 1


def test_two_fetches_of_an_entity_are_seconds_apart(world: World) -> None:
    world.platform_api.state = order()
    world.deliver(announced())
    world.clock.advance(world.policy.retry_base_ms - 500)
    world.platform_api.state = paid()
    assert world.deliver(announced(minutes=5)) == Outcome("queued", Reason.FETCHED_JUST_NOW)
    world.run_until_idle()
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated"]


# What the platform has not yet, or not any more.


def test_state_that_is_older_than_the_known_one_is_not_sent(world: World) -> None:
    world.platform_api.state = paid()
    world.deliver(announced(minutes=5))
    world.clock.advance(MINUTE_MS)
    world.platform_api.state = shipped()
    world.platform_api.next_states = [order()]
    assert world.deliver(announced(minutes=10)) == Outcome("queued", Reason.FETCHED_OLD_STATE)
    assert world.run_until_idle() == ["delivered"]
    assert [event["status"] for event in world.api.events] == ["IN_PROGRESS", "IN_PROGRESS"]
    assert "deliveryMethod" not in world.api.events[0]


def test_state_that_is_hours_younger_than_its_webhook_is_sent_and_recorded(world: World) -> None:
    """The webhook waited while the API was down, and the order changed meanwhile."""
    world.platform_api.answer = 503
    world.deliver(announced())
    world.clock.advance(3 * HOUR_MS)
    world.platform_api.answer = 200
    world.platform_api.state = cancelled(minutes=179)
    assert world.run_until_idle()[-1] == "delivered"
    assert world.entry("order", "1001")["version"] == {"N": str(cancelled(minutes=179).version)}
    world.clock.advance(MINUTE_MS)
    assert world.deliver(announced(minutes=1)).reason is not Reason.FETCHED_OLD_STATE


@pytest.mark.parametrize("answers", [[200, None], [200, 200, 503]])
def test_state_that_is_older_than_a_partly_accepted_one_is_not_sent(world: World, answers: list[Any]) -> None:
    world.put_shop(SHOP, api={"token": "token-one"}, orders="both")
    world.platform_api.state = cancelled()
    world.api.next_answers = answers
    world.deliver(announced(minutes=5))
    accepted = list(world.api.sent)
    world.clock.advance(30_000)
    world.platform_api.next_states = [order()]
    assert world.run_retry() == ["waiting"]
    assert world.api.sent == accepted
    assert world.run_until_idle()[-1] == "delivered"
    assert world.api.events[-1]["status"] == "CANCELLED"


def test_adapter_that_got_an_old_part_of_a_state_waits_until_no_copy_is_behind(world: World) -> None:
    def fetch(*args: object) -> Change:
        raise RetryLater(Reason.FETCHED_OLD_STATE, fetched="part")

    world.platform.fetch = fetch  # type: ignore[method-assign]
    task = _task(world)
    with pytest.raises(RetryLater) as caught:
        world.webhook.handler.fetcher.fetch(task, Entry())
    assert caught.value.wait_ms == world.policy.copies_behind_ms == 2 * world.policy.retry_base_ms


def test_state_from_before_the_announced_change_is_fetched_again(world: World) -> None:
    world.platform_api.next_states = [order()]
    world.platform_api.state = paid()
    assert world.deliver(announced(minutes=5)) == Outcome("queued", Reason.FETCHED_TOO_SOON)
    assert world.api.sent == ["contact", "orderCreated"]  # it is sent all the same
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated"]


def test_state_that_has_settled_is_not_fetched_again(world: World) -> None:
    world.platform_api.state = order()
    world.put_into_queue(world.body(announced(minutes=5)))
    world.clock.advance(2 * world.policy.retry_base_ms)
    assert world.run_until_idle() == ["delivered"]
    assert len(world.platform_api.requests) == 1


def test_order_that_is_not_there_yet_is_fetched_again(world: World) -> None:
    world.platform_api.next_states = [None]
    world.platform_api.state = order()
    assert world.deliver(announced()) == Outcome("queued", Reason.FETCHED_TOO_SOON)
    assert world.run_until_idle() == ["delivered"]


def test_what_is_gone_is_ignored(world: World) -> None:
    world.put_into_queue(world.body(announced("cart", "c-1")))
    world.clock.advance(2 * world.policy.retry_base_ms)
    world.run_until_idle()
    assert world.reports[-1]["reason"] is Reason.NOT_AT_PLATFORM
    assert world.api.sent == []


def test_state_without_anything_to_send_is_ignored(world: World) -> None:
    world.platform_api.state = Nothing(Reason.DRAFT, order().entity)
    assert world.deliver(announced()) == Outcome("ignored", Reason.DRAFT)


# Failures of the platform's API.


@pytest.mark.parametrize(
    ("answer", "reason", "details"),
    [
        (None, Reason.PLATFORM_NO_ANSWER, {}),
        (500, Reason.PLATFORM_FAILED, {"http_status": 500}),
        (302, Reason.PLATFORM_FAILED, {"http_status": 302}),
        ((200, {}, b"<html>maintenance</html>"), Reason.PLATFORM_FAILED, {"http_status": 200, "problem": "not_json"}),
        ((200, {}, b'{"id": 1'), Reason.PLATFORM_FAILED, {"http_status": 200, "problem": "not_json"}),
        (429, Reason.PLATFORM_THROTTLED, {"http_status": 429}),
        (401, Reason.PLATFORM_UNAUTHORIZED, {"http_status": 401}),
        (403, Reason.PLATFORM_UNAUTHORIZED, {"http_status": 403}),
    ],
)
def test_failure_waits_in_the_queue(world: World, answer: Any, reason: Reason, details: Mapping[str, Any]) -> None:
    world.platform_api.state = order()
    world.platform_api.next_answers = [answer]
    assert world.deliver(announced()) == Outcome("queued", reason, {"fetched": "state", **details})
    assert world.run_until_idle()[-1] == "delivered"
    assert world.api.sent == ["contact", "orderCreated"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (400, Reason.PLATFORM_REJECTED),
        (422, Reason.PLATFORM_REJECTED),
        ((200, {}, b'{"unknown": 1}'), Reason.UNREADABLE),
    ],
)
def test_answer_that_no_time_heals_parks_the_webhook(world: World, answer: Any, reason: Reason) -> None:
    world.platform_api.answer = answer
    assert world.deliver(announced()).reason is reason
    assert world.parked_reasons() == [reason]


def test_other_entity_is_parked(world: World) -> None:
    world.platform_api.state = order("9")
    assert world.deliver(announced()) == Outcome(
        "parked", Reason.UNREADABLE, {"field": "id", "problem": "another_entity"}
    )
    assert world.api.sent == []


def test_shop_without_access_is_parked(world: World) -> None:
    world.put_shop(SHOP, api={})
    assert world.deliver(announced()).reason is Reason.PLATFORM_ACCESS_MISSING


@pytest.mark.parametrize("headers", [{"retry-after": "40"}, {"x-rate-limit-time-reset-ms": "40000"}])
def test_wait_that_the_platform_asks_for_is_respected(world: World, headers: dict[str, str]) -> None:
    world.platform_api.state = order()
    world.platform_api.next_answers = [(429, headers)]
    world.deliver(announced())
    start = world.clock.now
    world.run_until_idle(step_ms=1_000)
    assert 40_000 <= world.clock.now - start <= 46_000


def test_outage_pauses_the_platforms_api_and_not_the_shop(fake_world: World) -> None:
    world = fake_world
    world.platform_api.answer = 503
    outcomes = [world.deliver(announced(id=str(number))).reason for number in range(6)]
    assert outcomes == [Reason.PLATFORM_FAILED] * 3 + [Reason.QUEUED_FIRST] * 3
    while not world.pause_seconds(platform_of(SHOP)):
        world.run_retry()
        world.clock.advance(1_000)
    requests = len(world.platform_api.requests)
    world.clock.advance(1_000)
    assert set(world.run_retry()) <= {"waiting"}
    assert len(world.platform_api.requests) == requests
    assert world.send(paid("other")) == "delivered"  # a webhook that carries its state
    assert (world.pause_seconds(), world.pause_seconds(platform_of(SHOP)) > 0) == (0, True)


def test_webhook_that_causes_no_request_leaves_the_probe_to_the_next(fake_world: World) -> None:
    world = fake_world
    world.platform_api.state = None  # what they announce was deleted
    for number in range(4):
        assert world.deliver(announced(id=str(number))).reason is Reason.FETCHED_TOO_SOON
    world.webhook.pauses.pause(SHOP, Reason.API_UNAUTHORIZED, world.clock.now)
    world.clock.advance(30_000)
    assert world.run_retry() == ["ignored"] * 4
    assert world.pause_seconds() <= 0  # the next webhook may probe


def test_nothing_is_parked_while_the_platforms_api_is_down(fake_world: World) -> None:
    world = fake_world
    world.platform_api.answer = 503
    for number in range(8):
        world.deliver(announced(id=str(number)))
    world.run_until_idle(minutes=2 * DAY_MS // MINUTE_MS, step_ms=300_000)
    assert world.parked_reasons() == []
    world.platform_api.answer = 404
    world.platform_api.state = None
    world.run_until_idle(minutes=3 * HOUR_MS // MINUTE_MS)
    assert (world.queue_length(), world.outbox_length()) == (0, 0)
    assert {report["reason"] for report in world.reports[-8:]} == {Reason.NOT_AT_PLATFORM}


def test_new_token_is_used_at_once(world: World) -> None:
    world.platform_api.state = order()
    world.webhook.shops.get(SHOP)  # it is in the cache
    world.put_shop(SHOP, api={"token": "token-two"})
    world.platform_api.next_answers = [401]
    assert world.send(announced()) == "delivered"
    assert [token for _, token in world.platform_api.requests] == ["token-one", "token-two"]


def test_state_is_fetched_again_after_a_failure_of_the_receiving_api(world: World) -> None:
    world.platform_api.state = order()
    world.api.next_answers = [503]
    assert world.deliver(announced()).reason is Reason.API_FAILED
    world.platform_api.state = paid()
    assert world.run_until_idle() == ["delivered"]
    assert world.api.events[-1]["status"] == "IN_PROGRESS"


def test_fetch_ends_within_the_time_budget(world: World) -> None:
    world.platform_api.answer = None
    start = world.clock.now
    world.deliver(announced())
    assert world.clock.now - start <= world.policy.direct_budget_ms


def test_dry_run_fetches_and_writes_nothing(world: World) -> None:
    world.platform_api.state = order()
    task = _task(world)
    before = world.items()
    outcome, requests = world.webhook.handler.preview(task, Entry())
    assert (outcome.status, [request.path for request in requests]) == ("delivered", ["v1/contact", "v1/event"])
    world.platform_api.answer = 503
    outcome, requests = world.webhook.handler.preview(task, Entry())
    assert (outcome.status, outcome.reason, requests) == ("queued", Reason.PLATFORM_FAILED, [])
    assert (world.items(), world.api.sent) == (before, [])


@pytest.mark.parametrize("state", [order(), customer()], ids=["order", "customer"])
def test_fetched_consent_of_the_future_counts_as_given_when_it_was_fetched(world: World, state: Any) -> None:
    consent = Consent(subscribed=True, at=world.clock() + DAY_MS)
    contact = replace(state.contact, consent=consent)
    is_order = isinstance(state, OrderChange)
    world.platform_api.state = (
        replace(state, order=replace(state.order, contact=contact)) if is_order else replace(state, contact=contact)
    )
    assert world.send(announced(state.entity.kind, state.entity.id)) == "delivered"
    world.clock.advance(HOUR_MS)
    consent = Consent(subscribed=False, at=world.clock())
    assert world.send(ContactChange(replace(state.contact, consent=consent), "77", None)) == "delivered"
    assert world.api.accepted[-1][1] == "v1/emails/unsubscribed/add"
