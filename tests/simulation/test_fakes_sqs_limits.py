"""Deduplication, dead letters, limits and backlogs of a FIFO queue, on the simulation's fake and on moto.

Differences between the two: test_fakes_differences.py.
"""

from typing import Any

import pytest

from shopwire_simulation.fakes import FakeQueue
from tests.support.fakes import DAY, HOUR, MINUTE, SECOND, START, Queue, Side, refused

URL = "https://sqs.example/000000000000/alone.fifo"


@pytest.fixture
def queue(side: Side) -> Queue:
    return side.queue()


# --- deduplication


def test_message_with_repeated_id_is_accepted_but_not_delivered(queue: Queue) -> None:
    queue.send("a", id="same")
    queue.side.advance(5 * MINUTE - 1)
    queue.send("b", id="same")
    assert queue.bodies() == ["a"]


def test_deduplication_id_can_be_reused_after_five_minutes(queue: Queue) -> None:
    queue.send("a", id="same")
    queue.side.advance(5 * MINUTE)
    queue.send("b", id="same")
    assert queue.bodies() == ["a", "b"]


def test_five_minutes_count_from_the_first_message(queue: Queue) -> None:
    queue.send("a", id="same")
    queue.side.advance(4 * MINUTE)
    queue.send("b", id="same")
    queue.side.advance(MINUTE)
    queue.send("c", id="same")
    assert queue.bodies() == ["a", "c"]


# --- dead letters


def test_message_received_too_often_becomes_a_dead_letter(side: Side) -> None:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=2)
    sent = queue.send("a", "poisoned")
    queue.send("b", "poisoned")
    for _ in range(2):
        assert queue.bodies(1) == ["a"]
        side.advance(30 * SECOND)
    assert dead.counts() == (0, 0)
    assert queue.bodies() == ["b"]
    (dead_letter,) = dead.receive()
    assert (dead_letter["Body"], dead_letter["MessageId"]) == ("a", sent["MessageId"])
    assert dead_letter["Attributes"]["MessageGroupId"] == "poisoned"
    assert dead_letter["Attributes"]["ApproximateReceiveCount"] == "3"


def test_message_becomes_a_dead_letter_on_the_next_receive(side: Side) -> None:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=2)
    queue.send("a")
    for _ in range(2):
        (message,) = queue.receive()
        queue.hold(message, 0)
    assert queue.bodies() == []
    assert dead.bodies() == ["a"]


# --- limits


def test_message_may_have_1_mib(queue: Queue) -> None:
    queue.send("x" * (1 << 20))
    with refused("InvalidParameterValue", "shorter than 1048576 bytes"):
        queue.send("x" * ((1 << 20) + 1))
    assert [len(body) for body in queue.bodies()] == [1 << 20]


def test_message_needs_a_group_and_a_deduplication_id(queue: Queue) -> None:
    with refused("MissingParameter", "MessageGroupId"):
        queue.client.send_message(QueueUrl=queue.url, MessageBody="a", MessageDeduplicationId="x")
    with refused("InvalidParameterValue", "MessageDeduplicationId"):
        queue.client.send_message(QueueUrl=queue.url, MessageBody="a", MessageGroupId="x")


# --- batches


def entry(id: str, body: str | None = None, group: str = "g") -> dict[str, str]:
    return {
        "Id": id,
        "MessageBody": id if body is None else body,
        "MessageGroupId": group,
        "MessageDeduplicationId": f"d{id}",
    }


def send_batch(queue: Queue, *entries: dict[str, str]) -> Any:
    return queue.client.send_message_batch(QueueUrl=queue.url, Entries=list(entries))


def test_messages_of_a_batch_are_queued_in_order(queue: Queue) -> None:
    answer = send_batch(queue, *(entry(f"{n}") for n in range(10)))
    assert [result["Id"] for result in answer["Successful"]] == [f"{n}" for n in range(10)]
    assert not answer.get("Failed")
    assert queue.bodies() == [f"{n}" for n in range(10)]


def test_batch_reports_the_ids_of_each_message(queue: Queue) -> None:
    (result,) = send_batch(queue, entry("a"))["Successful"]
    (message,) = queue.receive()
    assert result["MessageId"] == message["MessageId"]
    assert result["MD5OfMessageBody"] == message["MD5OfBody"]
    assert result["SequenceNumber"] == message["Attributes"]["SequenceNumber"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([entry(f"{n}") for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([entry("a"), entry("a")], "BatchEntryIdsNotDistinct"),
        ([entry("not an id")], "InvalidBatchEntryId"),
        ([entry("x" * 81)], "InvalidBatchEntryId"),
        ([entry("a", "x" * (1 << 19)), entry("b", "x" * (1 << 19) + "x")], "BatchRequestTooLong"),
    ],
)
def test_wrong_batch_is_refused_as_a_whole(queue: Queue, entries: list[dict[str, str]], code: str) -> None:
    """AWS, "SendMessageBatch", "Errors"."""
    with refused(f"AWS.SimpleQueueService.{code}"):
        send_batch(queue, *entries)
    assert queue.bodies() == []


def test_batch_may_have_1_mib(queue: Queue) -> None:
    assert len(send_batch(queue, entry("a", "x" * (1 << 19)), entry("b", "y" * (1 << 19)))["Successful"]) == 2


def test_repeated_batch_adds_no_messages(queue: Queue) -> None:
    for _ in range(2):
        send_batch(queue, entry("a"), entry("b"))
    assert queue.bodies() == ["a", "b"]


# --- only on the fake


def test_entry_of_a_batch_may_fail_alone(fake_side: Side) -> None:
    """AWS, "SendMessageBatch": the result of each message is reported individually."""
    queue = fake_side.queue()
    fails = iter([False, True, False])
    queue.client.refuses_entry = lambda: next(fails)
    answer = send_batch(queue, entry("a"), entry("b"), entry("c"))
    assert [result["Id"] for result in answer["Successful"]] == ["a", "c"]
    assert [(result["Id"], result["Code"]) for result in answer["Failed"]] == [("b", "InternalError")]
    assert queue.bodies() == ["a", "c"]


def test_unusable_entry_of_a_batch_fails_alone(fake_side: Side) -> None:
    queue = fake_side.queue()
    answer = send_batch(queue, entry("a", "\0"), entry("b"))
    ((result),) = answer["Failed"]
    assert (result["Id"], result["SenderFault"], result["Code"]) == ("a", True, "InvalidMessageContents")
    assert queue.bodies() == ["b"]


def fake_queue(side: Side, **options: Any) -> Queue:
    return Queue(side, FakeQueue(lambda: side.now, url=URL, **options), URL)


def test_message_is_kept_for_14_days(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a")
    fake_side.advance(HOUR)
    queue.send("b")
    assert queue.client.oldest_sent_at() == START
    fake_side.advance(14 * DAY - HOUR)
    assert queue.client.oldest_sent_at() == START + HOUR
    assert queue.bodies() == ["b"]
    assert len(queue.client) == 1


def test_message_in_flight_expires_too(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a")
    fake_side.advance(14 * DAY - SECOND)
    (message,) = queue.receive()
    queue.send("b")
    fake_side.advance(SECOND)
    assert queue.bodies() == ["b"]
    queue.delete(message)
    assert len(queue.client) == 1


def test_only_the_first_messages_of_a_backlog_are_searched(fake_side: Side) -> None:
    """AWS, "Avoid large message backlogs with the same message group ID in Amazon SQS"."""
    queue = fake_queue(fake_side, look_ahead=3)
    for n in range(4):
        queue.send(f"a{n}", "a")
    queue.send("b", "b")
    first, *_ = queue.receive(1)
    assert queue.bodies() == []
    queue.delete(first)
    assert queue.bodies() == ["a1", "a2", "a3"]
    fake_side.advance(MINUTE)
    for message in queue.receive(2):
        queue.delete(message)
    assert sorted(queue.bodies()) == ["a3", "b"]


def test_group_stops_where_the_search_ends(fake_side: Side) -> None:
    queue = fake_queue(fake_side, look_ahead=2)
    for body in "abc":
        queue.send(body)
    assert queue.bodies() == ["a", "b"]


def test_oldest_message_is_the_first_that_was_not_deleted(fake_side: Side) -> None:
    queue = fake_side.queue()
    assert queue.client.oldest_sent_at() is None
    queue.send("a")
    fake_side.advance(SECOND)
    queue.send("b")
    (message,) = queue.receive(1)
    assert queue.client.oldest_sent_at() == START
    queue.delete(message)
    assert queue.client.oldest_sent_at() == START + SECOND


def test_same_id_in_two_groups_makes_two_dead_letters(fake_side: Side) -> None:
    dead = fake_side.queue("dead")
    queue = fake_side.queue(dead=dead, max_receives=1)
    queue.send("a", "one", id="same")
    queue.send("b", "other", id="same")
    queue.receive()
    fake_side.advance(MINUTE)
    assert queue.bodies() == []
    assert dead.bodies() == ["a", "b"]


def test_all_messages_in_the_queue_can_be_listed(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a", "x")
    queue.send("b", "y")
    queue.receive(1)
    assert [message["Body"] for message in queue.client.messages()] == ["a", "b"]
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in queue.client.messages()] == ["1", "0"]


@pytest.mark.parametrize("id", ["", "x" * 129, "with space", "ї"])
def test_ids_have_1_to_128_ascii_characters_without_spaces(fake_side: Side, id: str) -> None:
    queue = fake_side.queue()
    call = {"QueueUrl": queue.url, "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for name, code in (("MessageGroupId", "MissingParameter"), ("MessageDeduplicationId", "InvalidParameterValue")):
        with refused(code if not id else "InvalidParameterValue"):
            queue.client.send_message(**call | {name: id})


def test_released_group_queues_behind_groups_that_were_free_before(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a1", "a")
    queue.send("b1", "b")
    (message,) = queue.receive(1)
    queue.hold(message, 0)
    assert queue.bodies(1) == ["b1"]
