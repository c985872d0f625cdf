"""How `upkeep` moves the outbox to the queue: in batches, partitions side by side, each entity in order."""

from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from shopwire.environment import run_in_threads
from shopwire.errors import QueueUnavailable, TableUnavailable
from shopwire.message import Message, unpack
from shopwire.models import Webhook
from shopwire.stores.outbox import PARTITION, SHARDS
from shopwire_simulation.fakes.errors import client_error
from tests.support.changes import MINUTE_MS, SHOP, cancelled, order, paid
from tests.support.delivery_world import World


def put(world: World, *names: str, size: int = 0) -> None:
    """Put webhooks into the outbox. The part of a name before the dot is the entity: "a.1", "a.2", "b.1"."""
    for name in names:
        message = Message(SHOP, name, Webhook({"filler": "x" * size}, b"{}", world.clock.now))
        world.upkeep.outbox.put(message, f"{SHOP}#order#{name.partition('.')[0]}", name, world.clock.now)
        world.clock.advance(1)


def queued(world: World) -> list[str]:
    """Return the names of the webhooks in the queue, in the order of sending."""
    return [unpack(message["Body"]).key for message in world.queue.client.messages()]


def in_outbox(world: World) -> list[str]:
    return sorted(item["key"]["S"] for item in world.items() if item["pk"]["S"].startswith(PARTITION))


def record_batches(world: World) -> list[list[str]]:
    """Return a list that fills with the names in each batch."""
    batches: list[list[str]] = []
    send = world.queue.client.send_message_batch

    def record(**call: Any) -> Any:
        batches.append([unpack(entry["MessageBody"]).key for entry in call["Entries"]])
        return send(**call)

    world.queue.client.send_message_batch = record
    return batches


def refuse(world: World, *names: str) -> None:
    """Let SQS refuse the entries of a batch with these names, once each."""
    left = set(names)
    send = world.queue.client._send

    def send_or_refuse(body: str, *ids: str) -> Any:
        if (name := unpack(body).key) in left:
            left.remove(name)
            raise client_error("send_message_batch", "InternalError", "")
        return send(body, *ids)

    world.queue.client._send = send_or_refuse


def throttle_deletes(world: World, *counts: int) -> None:
    """Let DynamoDB leave this number of items in each of the next batches of deletes."""
    left = list(counts)
    world.aws.dynamodb.unwritten = lambda requests: min(left.pop(0), requests - 1) if left else 0


def test_batch_has_ten_webhooks_of_ten_entities(fake_world: World) -> None:
    names = [f"{entity}.{number}" for number in (1, 2, 3) for entity in range(60)]
    put(fake_world, *names)
    batches = record_batches(fake_world)
    assert fake_world.run_upkeep() == 180
    assert sorted(queued(fake_world)) == sorted(names)
    assert in_outbox(fake_world) == []
    assert max(map(len, batches)) == 10
    assert len(batches) < 30
    assert all(len({name.partition(".")[0] for name in batch}) == len(batch) for batch in batches)
    for entity in range(60):
        assert [name for name in queued(fake_world) if name.startswith(f"{entity}.")] == [
            f"{entity}.{number}" for number in (1, 2, 3)
        ]


def test_batch_has_at_most_1_mib(fake_world: World) -> None:
    names = [f"{entity}.1" for entity in range(24)]
    put(fake_world, *names, size=300_000)
    batches = record_batches(fake_world)
    assert fake_world.run_upkeep() == 24
    assert {len(batch) for batch in batches} <= {1, 2, 3}


def test_refused_entry_stays_and_holds_back_its_entity(fake_world: World) -> None:
    put(fake_world, "a.1", "a.2", "b.1", "b.2")
    refuse(fake_world, "a.1")
    assert fake_world.run_upkeep() == 2
    assert queued(fake_world) == ["b.1", "b.2"]
    assert in_outbox(fake_world) == ["a.1", "a.2"]
    assert fake_world.upkeep.outbox_drain.oldest_left
    assert fake_world.run_upkeep() == 2
    assert queued(fake_world) == ["b.1", "b.2", "a.1", "a.2"]


def test_error_of_the_second_batch_keeps_what_the_first_one_moved(fake_world: World) -> None:
    put(fake_world, *(f"{entity}.1" for entity in range(80)))
    send, calls = fake_world.queue.client.send_message_batch, iter((False, True))

    def fail_second(**call: Any) -> Any:
        if next(calls, True):
            raise EndpointConnectionError(endpoint_url="https://sqs.example")
        return send(**call)

    fake_world.queue.client.send_message_batch = fail_second
    with pytest.raises(QueueUnavailable):
        fake_world.run_upkeep()
    assert fake_world.upkeep.outbox_drain.moved == len(queued(fake_world)) == 10
    assert len(in_outbox(fake_world)) == 70


def test_entry_without_a_result_counts_as_refused(fake_world: World) -> None:
    put(fake_world, "a.1")
    send = fake_world.queue.client.send_message_batch
    fake_world.queue.client.send_message_batch = lambda **call: {}
    assert fake_world.run_upkeep() == 0
    assert in_outbox(fake_world) == ["a.1"]
    fake_world.queue.client.send_message_batch = send
    assert fake_world.run_upkeep() == 1


def test_item_that_is_not_removed_is_removed_with_the_next_attempt(fake_world: World) -> None:
    put(fake_world, "a.1", "b.1", "c.1", "d.1", "e.1", "f.1", "g.1", "h.1")
    throttle_deletes(fake_world, 1, 1)
    assert fake_world.run_upkeep() == 8
    assert in_outbox(fake_world) == []
    assert len(queued(fake_world)) == 8


def test_webhook_that_is_not_removed_holds_back_its_entity(fake_world: World) -> None:
    put(fake_world, "a.1", "a.2")
    (item,) = (item for item in fake_world.items() if item.get("key") == {"S": "a.1"})
    request = {"DeleteRequest": {"Key": {name: item[name] for name in ("pk", "sk")}}}
    fake_world.aws.dynamodb.batch_write_item = lambda RequestItems: {
        "UnprocessedItems": {name: [request] for name in RequestItems}
    }
    assert fake_world.run_upkeep() == 0
    assert queued(fake_world) == ["a.1"]
    del fake_world.aws.dynamodb.batch_write_item
    assert fake_world.run_upkeep() == 2
    assert queued(fake_world) == ["a.1", "a.1", "a.2"]


@pytest.mark.parametrize(
    ("service", "error"), [("sqs", QueueUnavailable), ("dynamodb", TableUnavailable)], ids=["queue", "table"]
)
def test_error_of_one_partition_does_not_stop_the_others(
    fake_world: World, service: str, error: type[Exception]
) -> None:
    names = [f"{entity}.1" for entity in range(40)]
    put(fake_world, *names)
    failing_call = {"sqs": "sqs.send_message_batch", "dynamodb": "dynamodb.batch_write_item"}[service]

    def fail_once(name: str) -> None:
        fake_world.down.discard(service)
        if name == failing_call:
            fake_world.on_call = None
            fake_world.down.add(service)
            fake_world.on_call = lambda name: fake_world.down.discard(service) if name != failing_call else None

    fake_world.on_call = fail_once
    with pytest.raises(error):
        fake_world.run_upkeep()
    moved = fake_world.upkeep.outbox_drain.moved
    assert 0 < moved < 40
    assert len(in_outbox(fake_world)) == 40 - moved
    assert fake_world.upkeep.outbox_drain.oldest_left


def test_partitions_are_moved_at_the_same_time() -> None:
    barrier = Barrier(SHARDS, timeout=60)

    def wait_for_all(shard: int) -> int:
        barrier.wait()
        return shard

    assert list(run_in_threads(wait_for_all, range(SHARDS))) == list(range(SHARDS))


def test_partitions_in_threads_move_everything_once(fake_world: World) -> None:
    names = [f"{entity}.{number}" for number in (1, 2) for entity in range(100)]
    put(fake_world, *names)
    drain = fake_world.upkeep.outbox_drain
    drain._run_parallel = run_in_threads
    assert fake_world.run_upkeep() == 200
    assert sorted(queued(fake_world)) == sorted(names)


def test_one_webhook_is_read_of_a_paused_shop(fake_world: World) -> None:
    put(fake_world, *(f"{entity}.1" for entity in range(60)))
    fake_world.upkeep.pauses.pause(SHOP, "api_unavailable", fake_world.clock.now, 10 * MINUTE_MS)
    read: list[int] = []
    query = fake_world.aws.dynamodb.query

    def count(**call: Any) -> Any:
        answer = query(**call)
        read.append(answer["Count"])
        return answer

    fake_world.aws.dynamodb.query = count
    assert fake_world.run_upkeep() == 0
    assert sum(read) == SHARDS


def test_few_webhooks_of_all_partitions_are_moved_to_probe_a_shop(fake_world: World) -> None:
    put(fake_world, *(f"{entity}.{number}" for entity in range(40) for number in (1, 2)))
    fake_world.upkeep.pauses.pause(SHOP, "api_error", fake_world.clock.now)
    fake_world.clock.advance(MINUTE_MS)
    assert fake_world.run_upkeep() == 10
    groups = [message["Attributes"]["MessageGroupId"] for message in fake_world.queue.client.messages()]
    assert len(set(groups)) == 10


def test_another_webhook_probes_if_the_first_is_refused(fake_world: World) -> None:
    names = [f"{entity}.1" for entity in range(40)]
    put(fake_world, *names)
    fake_world.upkeep.pauses.pause(SHOP, "api_error", fake_world.clock.now)
    fake_world.clock.advance(MINUTE_MS)
    first: list[str] = []
    send = fake_world.queue.client._send

    def refuse_first(body: str, *ids: str) -> Any:
        if not first:
            first.append(unpack(body).key)
            raise client_error("send_message_batch", "InternalError", "")
        return send(body, *ids)

    fake_world.queue.client._send = refuse_first
    assert fake_world.run_upkeep() == 10
    assert first[0] not in queued(fake_world)


def test_webhook_left_for_its_pause_holds_back_its_entity(fake_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(fake_world, "a.1", "a.2")
    fake_world.upkeep.pauses.pause(SHOP, "api_error", fake_world.clock.now)
    state = fake_world.upkeep.pauses.state

    def end_after_one_look(shop: str, now: int) -> Any:
        found = state(shop, now)
        fake_world.upkeep.pauses.record_success(shop, now)
        return found

    monkeypatch.setattr(fake_world.upkeep.pauses, "state", end_after_one_look)
    assert fake_world.run_upkeep(overdue_too=True) == 0
    assert queued(fake_world) == []


def test_upkeep_reports_what_its_deadline_left(fake_world: World) -> None:
    first = fake_world.clock.now
    put(fake_world, *(f"a.{number}" for number in range(9)))

    def take_long(name: str) -> None:
        if name == "sqs.send_message_batch":
            fake_world.clock.advance(400)

    fake_world.on_call = take_long
    assert fake_world.upkeep.outbox_drain.drain(fake_world.clock.now + 1_000) == 3
    assert fake_world.upkeep.outbox_drain.oldest_left == first + 3


def test_change_deferred_while_a_later_one_is_moved_is_not_overtaken(fake_world: World) -> None:
    """The later change of the order is in the queue before the first one fails. A third change waits behind both."""
    world = fake_world

    def fail_late(*request: object) -> int:
        with world.outage("sqs"):
            assert world.send(paid()) == "queued"
        assert world.run_upkeep() == 1
        return 503

    world.api.next_answers = [fail_late]
    assert world.send(order()) == "queued"
    assert world.run_retry()[:1] == ["delivered"]
    assert world.send(cancelled()) == "queued"
    world.run_until_idle()
    assert world.api.events[-1]["status"] == "CANCELLED"
    assert "pending_key" not in world.entry("order", "1001")
