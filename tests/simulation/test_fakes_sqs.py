"""Sending, receiving, visibility and deletion on a FIFO queue, on the simulation's fake and on moto.

Differences between the two: test_fakes_differences.py.
"""

import hashlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fakes import HOUR, MINUTE, SECOND, START, Queue, Side, refused


@pytest.fixture
def queue(side: Side) -> Queue:
    return side.queue()


def in_batches(queue: Queue, most: int) -> list[list[str]]:
    batches = []
    while batch := queue.bodies(most):
        batches.append(batch)
    return batches


# --- sending and receiving


def test_received_message_has_body_ids_and_attributes(queue: Queue) -> None:
    sent = queue.send("text of Київ", "group-1", "dedup-1")
    queue.side.advance(3 * SECOND)
    (message,) = queue.receive()
    queue.side.advance(MINUTE)
    (again,) = queue.receive()
    assert message["Body"] == "text of Київ"
    assert message["MessageId"] == again["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"] == hashlib.md5("text of Київ".encode()).hexdigest()
    assert message["ReceiptHandle"] != again["ReceiptHandle"]
    attributes = message["Attributes"]
    assert attributes["MessageGroupId"] == "group-1"
    assert attributes["MessageDeduplicationId"] == "dedup-1"
    assert attributes["SequenceNumber"] == sent["SequenceNumber"]
    assert len(sent["SequenceNumber"]) == 20
    assert attributes["SentTimestamp"] == str(START)
    assert attributes["ApproximateFirstReceiveTimestamp"] == str(START + 3 * SECOND)
    assert attributes["ApproximateReceiveCount"] == "1"
    assert attributes["SenderId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["Attributes"]["ApproximateFirstReceiveTimestamp"] == str(START + 3 * SECOND)


def test_attributes_are_returned_on_request(queue: Queue) -> None:
    queue.send("a")
    answer = queue.client.receive_message(QueueUrl=queue.url, AttributeNames=["MessageGroupId"])
    assert answer["Messages"][0]["Attributes"] == {"MessageGroupId": "g"}
    queue.side.advance(MINUTE)
    answer = queue.client.receive_message(QueueUrl=queue.url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert answer["Messages"][0]["Attributes"] == {"ApproximateReceiveCount": "2"}
    queue.side.advance(MINUTE)
    assert "Attributes" not in queue.client.receive_message(QueueUrl=queue.url)["Messages"][0]


def test_empty_queue_returns_no_messages(queue: Queue) -> None:
    assert queue.receive() == []


def test_group_is_received_in_sending_order(queue: Queue) -> None:
    for body in "abcd":
        queue.send(body)
    assert queue.bodies() == ["a", "b", "c", "d"]


def test_at_most_ten_messages_are_received_at_once(queue: Queue) -> None:
    for n in range(12):
        queue.send(f"{n}")
    assert queue.bodies() == [f"{n}" for n in range(10)]


def test_one_message_is_received_by_default(queue: Queue) -> None:
    queue.send("a")
    queue.send("b")
    assert len(queue.client.receive_message(QueueUrl=queue.url)["Messages"]) == 1


def test_receive_limit_must_be_1_to_10(queue: Queue) -> None:
    with refused("InvalidParameterValue"):
        queue.receive(11)
    with refused("InvalidParameterValue"):
        queue.receive(0)


# --- groups


def test_message_in_flight_blocks_only_its_own_group(queue: Queue) -> None:
    for body in ("a1", "a2", "a3"):
        queue.send(body, "a")
    queue.send("b1", "b")
    assert queue.bodies(1) == ["a1"]
    assert queue.bodies() == ["b1"]
    assert queue.bodies() == []


def test_message_sent_to_a_blocked_group_waits(queue: Queue) -> None:
    queue.send("a")
    assert queue.bodies() == ["a"]
    queue.send("b")
    assert queue.bodies() == []


def test_group_continues_after_its_message_in_flight_is_deleted(queue: Queue) -> None:
    for body in "abc":
        queue.send(body)
    (first,) = queue.receive(1)
    queue.delete(first)
    assert queue.bodies() == ["b", "c"]


def test_group_waits_for_all_its_messages_in_flight(queue: Queue) -> None:
    for body in "abc":
        queue.send(body)
    first, _second = queue.receive(2)
    queue.delete(first)
    assert queue.bodies() == []


def test_each_message_of_many_groups_is_received_once(queue: Queue) -> None:
    for n in range(25):
        queue.send(f"{n}", f"group-{n}")
    batches = in_batches(queue, 10)
    assert sorted(int(body) for batch in batches for body in batch) == list(range(25))


# --- the delay of new messages


def test_new_message_of_a_delay_queue_is_invisible_for_the_delay(side: Side) -> None:
    queue = side.queue(delay=5)
    queue.send("a")
    queue.side.advance(5 * SECOND - 1)
    assert queue.bodies() == []
    queue.side.advance(1)
    assert queue.bodies() == ["a"]


def receive_the_first_of_two(side: Side) -> tuple[Queue, dict[str, Any]]:
    """Return a queue with a delay of 5 s, and its first message. The second one was sent a second ago."""
    queue = side.queue(delay=5)
    queue.send("a")
    queue.side.advance(4 * SECOND)
    queue.send("b")
    queue.side.advance(SECOND)
    (first,) = queue.receive()
    return queue, first


def test_delay_keeps_the_order_of_a_group_and_does_not_start_again(side: Side) -> None:
    queue, first = receive_the_first_of_two(side)
    queue.hold(first, 0)
    assert queue.bodies() == ["a"]
    queue.side.advance(30 * SECOND)
    assert queue.bodies() == ["a", "b"]


def test_message_behind_a_deleted_one_waits_for_its_own_delay(side: Side) -> None:
    queue, first = receive_the_first_of_two(side)
    queue.delete(first)
    queue.side.advance(4 * SECOND - 1)
    assert queue.bodies() == []
    queue.side.advance(1)
    assert queue.bodies() == ["b"]


def test_delayed_messages_are_counted_apart(side: Side) -> None:
    queue = side.queue(delay=5)
    queue.send("a", "g1")
    queue.side.advance(5 * SECOND)
    queue.send("b", "g2")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    answer = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
    assert [answer[name] for name in names] == ["1", "1"]


# --- visibility


def test_message_is_invisible_until_its_timeout(queue: Queue) -> None:
    queue.send("a")
    assert queue.bodies() == ["a"]
    queue.side.advance(30 * SECOND - 1)
    assert queue.bodies() == []
    queue.side.advance(1)
    assert queue.bodies() == ["a"]


def test_receive_can_set_another_visibility_timeout(queue: Queue) -> None:
    queue.send("a")
    queue.receive(VisibilityTimeout=120)
    queue.side.advance(119 * SECOND)
    assert queue.bodies() == []
    queue.side.advance(SECOND)
    assert queue.bodies() == ["a"]


def test_longer_visibility_timeout_delays_the_message(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.hold(message, 600)
    queue.side.advance(599 * SECOND)
    assert queue.bodies() == []
    queue.side.advance(SECOND)
    assert queue.bodies() == ["a"]


def test_zero_visibility_timeout_makes_the_message_visible(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.hold(message, 0)
    (again,) = queue.receive()
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("a", "2")


def test_changed_visibility_timeout_counts_from_the_change(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.side.advance(20 * SECOND)
    queue.hold(message, 15)
    queue.side.advance(14 * SECOND)
    assert queue.bodies() == []
    queue.side.advance(SECOND)
    assert queue.bodies() == ["a"]


def test_visibility_timeout_is_at_most_12_hours(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    with refused("InvalidParameterValue"):
        queue.hold(message, 43_201)


def test_visibility_timeout_ends_at_most_12_hours_after_receipt(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.hold(message, 10 * 3600)
    queue.side.advance(3 * HOUR)
    queue.hold(message, 9 * 3600 - 1)
    with refused("InvalidParameterValue", "beyond the limit"):
        queue.hold(message, 9 * 3600 + 1)


# --- a partial batch failure, as `retry` handles it


def test_group_keeps_its_order_after_a_partial_batch_failure(queue: Queue) -> None:
    for body in "abcd":
        queue.send(body)
    done, failed, *followers = queue.receive()
    queue.send("e")
    queue.hold(failed, 60)
    for message in followers:
        queue.hold(message, 0)
    queue.delete(done)
    queue.side.advance(59 * SECOND)
    assert queue.bodies() == []
    queue.side.advance(SECOND)
    again = queue.receive()
    assert [message["Body"] for message in again] == ["b", "c", "d", "e"]
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in again] == ["2", "2", "2", "1"]


def test_failure_in_one_group_does_not_delay_another(queue: Queue) -> None:
    queue.send("a1", "a")
    queue.send("b1", "b")
    queue.send("a2", "a")
    queue.send("b2", "b")
    messages = {message["Body"]: message for message in queue.receive()}
    queue.hold(messages["a1"], 60)
    queue.hold(messages["a2"], 0)
    queue.delete(messages["b1"])
    queue.hold(messages["b2"], 0)
    assert queue.bodies() == ["b2"]


# --- deleting


def test_deleted_message_can_be_deleted_again(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.delete(message)
    queue.delete(message)
    queue.side.advance(HOUR)
    assert queue.bodies() == []
    assert queue.counts() == (0, 0)


def test_unknown_receipt_handle_is_refused(queue: Queue) -> None:
    with refused("ReceiptHandleIsInvalid"):
        queue.delete({"ReceiptHandle": "made up"})
    with refused("ReceiptHandleIsInvalid"):
        queue.hold({"ReceiptHandle": "made up"}, 0)


def test_unknown_queue_url_is_refused(queue: Queue) -> None:
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        queue.client.receive_message(QueueUrl=queue.url.replace("retry", "another"))


# --- counts


def test_visible_and_invisible_messages_are_counted(queue: Queue) -> None:
    for body in "abc":
        queue.send(body, body)
    first, _second = queue.receive(2)
    assert queue.counts() == (1, 2)
    queue.delete(first)
    assert queue.counts() == (1, 1)
    queue.side.advance(MINUTE)
    assert queue.counts() == (2, 0)


# --- any sequence of calls

CALLS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from("abc")),
    st.tuples(st.just("receive")),
    st.tuples(st.just("hold"), st.integers(0, 9), st.sampled_from([0, 1, 20, 100])),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("pass"), st.sampled_from([SECOND, 19 * SECOND, 31 * SECOND, 6 * MINUTE])),
)


def play(queue: Queue, calls: list[Any]) -> list[Any]:
    """Make the calls and return what a consumer sees.

    Each receive asks for one message, because moto changes the order of a batch after its time-out.
    """
    seen: list[Any] = []
    in_flight: list[tuple[int, dict[str, Any]]] = []
    for number, (call, *arguments) in enumerate(calls):
        now = queue.side.now
        in_flight = [(until, message) for until, message in in_flight if until > now]
        if call == "send":
            queue.send(f"{number}", arguments[0])
        elif call == "receive":
            messages = []
            while batch := queue.receive(1):
                messages += batch
            messages.sort(
                key=lambda message: message["Attributes"]["MessageGroupId"]
            )  # the order of groups is not defined
            seen.append([(message["Body"], message["Attributes"]["ApproximateReceiveCount"]) for message in messages])
            in_flight += [(now + 30 * SECOND, message) for message in messages]
        elif call == "pass":
            queue.side.advance(arguments[0])
        elif in_flight:
            _, message = in_flight.pop(arguments[0] % len(in_flight))
            if call == "delete":
                queue.delete(message)
            else:
                queue.hold(message, arguments[1])
                in_flight.append((now + arguments[1] * SECOND, message))
    return [*seen, queue.counts()]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, max_size=30))
def test_any_sequence_of_calls_gives_the_same_result_on_moto(both: tuple[Side, Side], calls: list[Any]) -> None:
    fake, moto = both
    for account in both:
        account.clock.now = START
    moto_queue = moto.queue()
    expected = play(moto_queue, calls)
    moto_queue.client.delete_queue(QueueUrl=moto_queue.url)
    assert play(fake.queue(), calls) == expected
