"""The retry queue's consumer: groups, leases, deaths, formats, replays; our own bugs, and what a log line may hold."""

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from shopwire.delivery.task import Outcome
from shopwire.message import Message
from shopwire.models import Contact, ContactChange, Nothing, Webhook
from tests.support.delivery_world import BORYS, DAY, MINUTE, SHOP, Crash, World, cancelled, cart, customer, order, paid


def queue(world: World, *bodies: bytes) -> None:
    """Straight into the queue, as with the ledger down."""
    with world.outage("dynamodb"):
        for body in bodies:
            world.receive(body)


def held(world: World, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that messages are held back for, as they come."""
    seconds: list[float] = []
    real = world.retry.queue.hold_back

    def hold_back(handle: str, wait: float) -> None:
        seconds.append(wait)
        real(handle, wait)

    monkeypatch.setattr(world.retry.queue, "hold_back", hold_back)
    return seconds


# --- groups


def test_the_first_unfinished_message_stops_its_group_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(world, *(world.body(change) for change in (order("1"), paid("1"), order("2", contact=BORYS), paid("2"))))
    seconds = held(world, monkeypatch)
    world.api.steady = lambda method, url, said: 503 if "anna" in str(said) and "orderCreated" in str(said) else 200
    assert world.poll() == ["waiting", "delivered", "delivered"]
    assert seconds[0] > 0
    assert seconds[1:] == [0]
    assert world.waits() == 2


def test_a_group_goes_on_where_it_stopped(world: World) -> None:
    queue(world, *(world.body(change) for change in (order(), paid(), cancelled())))
    world.api.answers = [200, 200, 503]
    world.drain()
    assert world.api.story == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]


def test_a_message_is_begun_only_if_it_can_end_before_the_deadline(world: World) -> None:
    queue(world, world.body(order()))
    assert world.poll(seconds=19) == []
    assert world.api.asked == 0
    assert world.poll(seconds=21) == ["delivered"]


def test_a_backoff_is_at_most_two_minutes_in_the_first_hour_then_fifteen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = held(world, monkeypatch)
    queue(world, world.body(order()))
    world.api.steady = 503
    for _ in range(200):
        world.clock.pass_(30_000)
        world.poll()
    first = [wait for wait in seconds if wait]
    assert first[:4] == [5, 10, 20, 40]  # half of 5 s doubled with every try: the jitter stands still here
    assert max(first) == 450
    assert 60 in first


# --- leases


def test_a_lease_that_lives_sends_a_second_change_to_the_queue(world: World) -> None:
    def meanwhile(method: str, url: str, said: object) -> int:
        assert world.tell(paid()) == Outcome("queued", "earlier_change_pending")
        return 200

    world.send(customer())
    world.api.answers = [meanwhile]
    assert world.send(order()) == "delivered"
    assert world.drain() == ["delivered"]
    assert world.api.story == ["contact", "orderCreated", "orderUpdated"]


def test_a_duplicate_that_comes_while_the_first_is_sent_is_found_out_later(world: World) -> None:
    def meanwhile(method: str, url: str, said: object) -> int:
        assert world.send(order(), key="k") == "queued"
        return 200

    world.api.answers = [meanwhile]
    world.send(order(), key="k")
    assert world.drain() == ["duplicate"]
    assert "pending_key" not in world.entry("order", "1001")


def die_at(world: World, call: int, body: bytes) -> None:
    world.calls.clear()
    world.dies_before = call
    with pytest.raises(Crash):
        world.receive(body)
    world.dies_before = None


def test_a_dead_lease_is_taken_over(world: World) -> None:
    body = world.body(order())
    die_at(world, 3, body)
    assert [one.status for one in world.receive(body)] == ["queued"]
    world.clock.pass_(16_000)
    assert world.drain() == ["delivered"]
    assert world.api.story == ["contact", "orderCreated"]


def test_what_stops_the_function_three_times_is_parked_alone(world: World) -> None:
    world.send(order())
    body = world.body(paid())
    for _ in range(3):
        die_at(world, 3, body)
        world.clock.pass_(16_000)
    assert world.receive(body) == [Outcome("parked", "crashes")]
    assert world.send(cancelled()) == "delivered"


def test_deaths_of_another_change_do_not_count(world: World) -> None:
    world.send(order())
    for minute in range(4):
        die_at(world, 2, world.body(paid(minutes=minute + 1)))
        world.clock.pass_(16_000)
    assert world.send(paid(minutes=9)) == "delivered"


def test_who_lost_his_lease_adds_his_key_and_raises_the_version_and_nothing_else(world: World) -> None:
    world.send(order())

    def too_slow(method: str, url: str, said: object) -> int:
        world.clock.pass_(20_000)
        assert world.send(cancelled(minutes=30)) == "delivered"
        return 200

    world.api.answers = [too_slow]
    assert world.send(paid(), key="slow") == "delivered"
    entry = world.entry("order", "1001")
    assert entry["sent"]["M"]["status"] == {"S": "CANCELLED"}
    assert entry["version"]["N"] == str(cancelled(minutes=30).version)
    assert world.send(paid(), key="slow") == "duplicate"


# --- formats, replays, what is no work any more


def test_a_message_of_a_newer_format_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(world, world.body(order()))
    monkeypatch.setattr("shopwire.message.FORMAT", 0)
    seconds = held(world, monkeypatch)
    assert world.poll() == []
    assert seconds == [60]
    assert world.waits() == 1


def test_an_entry_of_a_newer_format_is_left_alone_and_its_change_waits(world: World) -> None:
    world.send(order())
    world.real["dynamodb"].update_item(
        TableName="table",
        Key={"pk": {"S": f"{SHOP}#order#1001"}, "sk": {"S": "entry"}},
        UpdateExpression="SET #f = :two",
        ExpressionAttributeNames={"#f": "format"},
        ExpressionAttributeValues={":two": {"N": "2"}},
    )
    before = world.entry("order", "1001")
    assert world.send(paid()) == "queued"
    assert world.poll() == []
    assert world.entry("order", "1001") == before
    assert world.waits() == 1


def test_what_is_not_ours_waits_and_is_never_shown(world: World, log: io.StringIO) -> None:
    world.real["sqs"].send_message(
        QueueUrl=world.queue_url,
        MessageBody='{"email": "canary@example.com"}',
        MessageGroupId="g",
        MessageDeduplicationId="d",
    )
    assert world.poll() == []
    assert world.waits() == 1
    assert "canary" not in log.getvalue()


def test_a_parked_webhook_goes_through_when_it_is_replayed(world: World) -> None:
    world.send(order())
    world.api.answers = [400]
    world.send(paid())
    (parked,) = world.upkeep.parked.list(SHOP)
    world.upkeep.replay(parked)
    assert world.parked() == []
    assert world.poll() == ["delivered"]


def test_a_replay_counts_its_age_anew(world: World) -> None:
    world.send(order())
    world.api.answers = [400]
    world.send(paid())
    world.clock.pass_(20 * DAY)
    (parked,) = world.upkeep.parked.list(SHOP)
    world.upkeep.replay(parked)
    world.api.answers = [503]
    assert world.poll() == ["waiting"]
    assert world.drain() == ["delivered"]


def test_a_replay_that_fails_again_is_parked_again_under_its_id(world: World) -> None:
    world.send(order())
    world.api.answers = [400, 400]
    world.send(paid())
    (parked,) = world.upkeep.parked.list(SHOP)
    world.clock.pass_(MINUTE)
    world.upkeep.replay(parked)
    assert world.poll() == ["parked"]
    (again,) = world.upkeep.parked.list(SHOP)
    assert again.id == parked.id


def test_a_replay_that_is_back_before_it_is_off_the_list_stays_on_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(order())
    world.api.answers = [400, 400]
    world.send(paid())
    (parked,) = world.upkeep.parked.list(SHOP)
    real = world.upkeep.queue.put

    def quick(message: Message, entity: str) -> None:
        real(message, entity)
        assert world.poll() == ["parked"]

    monkeypatch.setattr(world.upkeep.queue, "put", quick)
    world.upkeep.replay(parked)
    (again,) = world.upkeep.parked.list(SHOP)
    assert again.tries == 2


def test_what_waits_for_a_shop_that_is_gone_is_parked(world: World) -> None:
    queue(world, world.body(order()))
    world.real["ssm"].delete_parameter(Name=f"/shops/{SHOP}")
    world.retry = world.new_environment()
    assert world.drain() == ["parked"]
    assert world.parked() == ["shop_disconnected"]


def test_what_a_corrected_platform_finds_to_be_nothing_is_ignored(world: World) -> None:
    body = world.body(order(), key="k")
    queue(world, body)
    (delivery,) = world.platform.bodies[body]  # type: ignore[misc]
    world.platform.bodies[body] = [replace(delivery, change=Nothing("a draft"))]
    assert world.drain() == ["ignored"]


# --- our bugs


class Explosion(Exception):
    """Holds a person's data, as the texts of many errors do."""

    def __init__(self) -> None:
        super().__init__("canary@example.com")


def test_a_bug_in_reading_parks_and_says_nothing_of_the_body(world: World, log: io.StringIO) -> None:
    world.platform.bodies[b"x"] = Explosion()
    (outcome,) = world.receive(b"x")
    assert outcome.status == "parked"
    assert outcome.reason is not None
    assert str(outcome.details["error"]).startswith("Explosion in read, line ")
    assert "canary" not in log.getvalue() + world.stored()


def test_a_bug_in_reading_what_waits_parks_it_and_the_batch_goes_on(world: World) -> None:
    body = world.body(order("1"))
    queue(world, body, world.body(order("2")))
    world.platform.bodies[body] = Explosion()
    assert sorted(world.drain()) == ["delivered", "parked"]


@pytest.mark.parametrize("waits", [False, True])
def test_a_bug_in_mapping_parks_and_says_nothing_of_the_order(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO, waits: bool
) -> None:
    def explode(*args: object, **kwargs: object) -> None:
        raise Explosion

    monkeypatch.setattr("shopwire.delivery.decide.order_steps", explode)
    if waits:
        queue(world, world.body(order()))
        assert world.poll() == ["parked"]
    else:
        assert world.send(order()) == "parked"
    assert world.parked() == ["internal_error"]
    assert "canary" not in log.getvalue() + world.stored()


def test_two_unreadable_bodies_of_one_millisecond_are_both_kept(world: World) -> None:
    world.receive(b"one")
    world.receive(b"two")
    assert {one.message.webhook.body for one in world.upkeep.parked.list(SHOP)} == {b"one", b"two"}


def test_an_id_that_no_key_can_hold_is_parked(world: World) -> None:
    assert world.tell(ContactChange(BORYS, "9" * 3000, 1)) == Outcome("parked", "id_too_long")
    queue(world, world.body(ContactChange(BORYS, "8" * 3000, 1)))
    assert world.drain() == ["parked"]


# --- private

CANARY = Contact(
    email="canary@example.com", phone="380509998877", customer_id="4711", first_name="Kanarka", last_name="Zhovta"
)
SECRETS = ("canary", "380509998877", "Kanarka", "Zhovta", "Birdstreet", "a-secret", "key-one")


@pytest.mark.parametrize("answer", [200, 400, 401, 429, 503, None])
def test_no_log_line_queue_attribute_or_key_holds_personal_data(
    world: World, log: io.StringIO, answer: int | None
) -> None:
    attributes: list[Mapping[str, Any]] = []
    text = "canary@example.com 380509998877 Birdstreet"
    world.api.steady = answer
    for change in (
        order(contact=CANARY, delivery_address="Birdstreet 1"),
        cart(contact=CANARY),
        customer(CANARY, id="4711"),
    ):
        world.serve(world.body(change, text=text))
    world.serve(b'{"email": "canary@example.com", ')
    world.clock.pass_(MINUTE)
    records = world.receive_messages()
    attributes += [record["attributes"] for record in records]
    world.retry.retry_consumer.consume(records, request_id="o", deadline=world.clock.now + 60_000)
    keys = [
        value
        for item in world.real["dynamodb"].scan(TableName="table")["Items"]
        for value in (item["pk"], item["sk"], item.get("reason"), item.get("entity"))
    ]
    assert "little-shop" in log.getvalue()
    for secret in SECRETS:
        assert secret not in log.getvalue() + str(attributes) + str(keys) + str(world.reports)


def test_what_waits_keeps_no_signature(world: World) -> None:
    queue(world, world.body(order()))
    (record,) = world.receive_messages()
    assert "a-secret" not in record["body"]
    assert "x-test-topic" in record["body"]


def test_other_headers_than_the_platforms_are_not_kept(world: World) -> None:
    webhook = Webhook({"x-test-topic": "t", "cookie": "c=1", "user-agent": "u"}, b"x", world.clock.now)
    with world.outage("dynamodb"):
        shop, deadline = world.webhook.shops.get(SHOP), world.clock.now + 9000
        world.webhook.receiver.receive(webhook, shop, "shopify", request_id="o", deadline=deadline)
    (record,) = world.receive_messages()
    assert "cookie" not in record["body"]
