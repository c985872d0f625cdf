"""The API answers 409 because it received the same request less than a minute ago."""

from dataclasses import replace
from functools import partial

from shopwire.delivery.task import Outcome, Policy
from shopwire.errors import RetryLater
from shopwire.models import Reason
from tests.support.changes import ANNA, MINUTE_MS, customer, order, paid, view
from tests.support.delivery_world import World


def test_409_after_an_attempt_without_an_answer_means_accepted(world: World) -> None:
    world.send(order())
    world.api.next_answers = [None, 409]
    assert world.deliver(paid()) == Outcome("queued", Reason.API_NO_ANSWER)
    assert world.run_until_idle(minutes=1) == ["delivered"]
    assert world.api.request_count == 4
    assert world.send(paid(minutes=9)) == "unchanged"


def test_409_for_a_view_without_an_answer_may_mean_another_view_of_the_page(world: World) -> None:
    world.send(view())
    world.api.next_answers = [None, 409]
    assert world.deliver(view()) == Outcome("queued", Reason.API_NO_ANSWER)
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent.count("pageViewed") == 2


def test_409_for_a_contact_without_an_answer_may_mean_another_webhooks_request(world: World) -> None:
    """The request without an answer may have repeated one from before another change, and then it did nothing."""
    moved = replace(ANNA, last_name="Bondar")
    world.send(customer())
    world.send(customer(moved, minutes=1))
    world.api.next_answers = [None, 409]
    assert world.deliver(customer(minutes=2)) == Outcome("queued", Reason.API_NO_ANSWER)
    assert world.run_until_idle() == ["delivered"]
    assert [body["lastName"] for _, _, body in world.api.accepted] == ["Kovalenko", "Bondar", "Kovalenko"]


def test_409_for_an_order_without_an_answer_may_mean_the_same_content_from_before_another_one(world: World) -> None:
    for minute, number in enumerate(("#1", "#2", "#3")):
        world.send(order(minutes=minute, number=number))
    world.api.next_answers = [None, 409]
    assert world.deliver(order(minutes=3, number="#2")) == Outcome("queued", Reason.API_NO_ANSWER)
    assert world.run_until_idle() == ["delivered"]
    assert [event["orderNumber"] for event in world.api.events] == ["#1", "#2", "#3", "#2"]


def test_409_at_first_is_not_accepted_and_waits_a_minute(world: World) -> None:
    world.send(order())
    world.api.next_answers = [409]
    assert world.deliver(paid()) == Outcome("queued", Reason.API_REPEATED, {"http_status": 409})
    world.clock.advance(59_000)
    world.run_retry()
    assert world.api.request_count == 3
    assert world.run_until_idle(minutes=1) == ["delivered"]
    assert world.api.sent[-1] == "orderUpdated"


def test_409_for_a_contact_that_another_webhook_created_meanwhile_needs_no_wait(world: World) -> None:
    world.api.next_answers = [world.meanwhile(order("2002"), 409)]
    assert world.send(order()) == "delivered"
    assert world.api.sent == ["contact", "orderCreated", "orderCreated"]


def test_409_after_a_refused_attempt_is_not_accepted(world: World) -> None:
    world.send(order())
    world.api.next_answers = [None, 500, 409]
    world.send(paid())
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent[-1] == "orderUpdated"


def test_409_after_another_request_without_an_answer_is_not_accepted(world: World) -> None:
    """The contact's request got no answer, and then the order's one is answered 409."""
    world.api.next_answers = [None, 200, 409]
    world.send(order())
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated"]


def test_409_counts_neither_against_the_change_nor_against_the_shop(fake_world: World) -> None:
    world = fake_world
    world.send(order())
    world.api.answer = 409
    reasons = {world.deliver(order(str(number))).reason for number in range(10)}
    assert reasons == {Reason.API_REPEATED}
    assert world.pause_seconds() == 0
    for _ in range(60):
        world.clock.advance(2 * MINUTE_MS)
        world.send(order("other"))
        world.run_retry()
    assert world.parked_reasons() == []
    world.api.answer = 200
    assert world.run_until_idle().count("delivered") >= 10


def test_409_does_not_clear_the_failures_of_a_change(fake_world: World) -> None:
    world = fake_world
    world.send(order())
    world.api.next_answers = [503]
    world.send(paid())
    for answer in (500, 500, 409, 500):
        count = world.api.request_count
        world.api.next_answers = [answer]
        for _ in range(60):
            if world.api.request_count == count:
                world.clock.advance(5_000)
                world.run_retry()
    assert world.entry("order", "1001")["own_failures"]["N"] == "3"


def test_customers_change_without_an_answer_is_sent_by_the_next_order(world: World) -> None:
    """It was recorded before it was sent, so nothing is left for the customer's own webhook to do."""
    world.send(order())
    changed = replace(ANNA, phone="380509998877")
    world.api.next_answers = [None]
    world.send(customer(changed, minutes=5))
    world.send(order("1002"))
    world.api.next_answers = [409]
    assert world.run_until_idle() == ["unchanged"]
    assert world.api.next_answers == [409]
    contacts = [body for _, path, body in world.api.accepted if path == "v1/contact"]
    assert contacts[-1]["channels"][1]["value"] == changed.phone


def test_409_for_a_later_revision_with_the_same_body_is_not_accepted(world: World) -> None:
    """The first attempt got no answer. Since then the contact was changed, and changed back."""
    world.api.next_answers = [None]
    assert world.send(customer()) == "queued"
    world.leave_unsent(ANNA)
    world.api.next_answers = [409]
    assert "delivered" in world.run_until_idle()
    assert world.api.next_answers == []
    assert world.api.sent == ["contact"]


def test_wait_after_409_varies_more_the_longer_a_change_waits() -> None:
    """Otherwise two orders with the same contact keep each other waiting, each within the other's minute."""
    failure = RetryLater(Reason.API_REPEATED, wait_ms=61_000)
    for jitter, waits in ((0.0, [61_000] * 3), (1.0, [61_000, 121_000, 961_000])):
        policy = Policy(jitter=partial(float, jitter))
        assert [policy.wait_ms(failure, 0, age * MINUTE_MS) for age in (0, 1, 60)] == waits
