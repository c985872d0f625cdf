"""A FIFO queue's behaviours, on the simulation's fake and on moto; where they differ, test_fakes_differences.py."""

import hashlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopwire_simulation.fakes import FakeQueue
from tests.support.fakes import DAY, HOUR, MINUTE, SECOND, START, Queue, Side, refused

URL = "https://sqs.example/000000000000/alone.fifo"


@pytest.fixture
def queue(side: Side) -> Queue:
    return side.queue()


def in_batches(queue: Queue, most: int) -> list[list[str]]:
    batches = []
    while batch := queue.bodies(most):
        batches.append(batch)
    return batches


# --- sending and receiving


def test_a_message_comes_with_all_that_a_consumer_needs(queue: Queue) -> None:
    sent = queue.send("text of Київ", "group-1", "dedup-1")
    queue.side.pass_(3 * SECOND)
    (message,) = queue.receive()
    queue.side.pass_(MINUTE)
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


def test_attributes_come_when_asked_for(queue: Queue) -> None:
    queue.send("a")
    answer = queue.client.receive_message(QueueUrl=queue.url, AttributeNames=["MessageGroupId"])
    assert answer["Messages"][0]["Attributes"] == {"MessageGroupId": "g"}
    queue.side.pass_(MINUTE)
    answer = queue.client.receive_message(QueueUrl=queue.url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert answer["Messages"][0]["Attributes"] == {"ApproximateReceiveCount": "2"}
    queue.side.pass_(MINUTE)
    assert "Attributes" not in queue.client.receive_message(QueueUrl=queue.url)["Messages"][0]


def test_an_empty_queue_brings_no_messages(queue: Queue) -> None:
    assert queue.receive() == []


def test_a_group_comes_in_the_order_of_sending(queue: Queue) -> None:
    for body in "abcd":
        queue.send(body)
    assert queue.bodies() == ["a", "b", "c", "d"]


def test_at_most_ten_come_at_once(queue: Queue) -> None:
    for n in range(12):
        queue.send(f"{n}")
    assert queue.bodies() == [f"{n}" for n in range(10)]


def test_one_comes_unless_more_are_asked_for(queue: Queue) -> None:
    queue.send("a")
    queue.send("b")
    assert len(queue.client.receive_message(QueueUrl=queue.url)["Messages"]) == 1


def test_ten_is_the_most_to_ask_for(queue: Queue) -> None:
    with refused("InvalidParameterValue"):
        queue.receive(11)
    with refused("InvalidParameterValue"):
        queue.receive(0)


# --- groups


def test_a_group_with_a_message_in_flight_waits_and_others_do_not(queue: Queue) -> None:
    for body in ("a1", "a2", "a3"):
        queue.send(body, "a")
    queue.send("b1", "b")
    assert queue.bodies(1) == ["a1"]
    assert queue.bodies() == ["b1"]
    assert queue.bodies() == []


def test_what_is_sent_into_a_locked_group_waits(queue: Queue) -> None:
    queue.send("a")
    assert queue.bodies() == ["a"]
    queue.send("b")
    assert queue.bodies() == []


def test_a_group_goes_on_when_what_was_in_flight_is_deleted(queue: Queue) -> None:
    for body in "abc":
        queue.send(body)
    (first,) = queue.receive(1)
    queue.delete(first)
    assert queue.bodies() == ["b", "c"]


def test_a_group_waits_for_all_that_is_in_flight_of_it(queue: Queue) -> None:
    for body in "abc":
        queue.send(body)
    first, _second = queue.receive(2)
    queue.delete(first)
    assert queue.bodies() == []


def test_every_message_of_many_groups_comes_once(queue: Queue) -> None:
    for n in range(25):
        queue.send(f"{n}", f"group-{n}")
    batches = in_batches(queue, 10)
    assert sorted(int(body) for batch in batches for body in batch) == list(range(25))


# --- visibility


def test_a_message_is_unseen_until_its_time_out(queue: Queue) -> None:
    queue.send("a")
    assert queue.bodies() == ["a"]
    queue.side.pass_(30 * SECOND - 1)
    assert queue.bodies() == []
    queue.side.pass_(1)
    assert queue.bodies() == ["a"]


def test_a_receiver_may_name_another_time_out(queue: Queue) -> None:
    queue.send("a")
    queue.receive(VisibilityTimeout=120)
    queue.side.pass_(119 * SECOND)
    assert queue.bodies() == []
    queue.side.pass_(SECOND)
    assert queue.bodies() == ["a"]


def test_a_message_held_longer_stays_unseen_longer(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.hold(message, 600)
    queue.side.pass_(599 * SECOND)
    assert queue.bodies() == []
    queue.side.pass_(SECOND)
    assert queue.bodies() == ["a"]


def test_a_message_held_for_no_time_is_seen_at_once(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.hold(message, 0)
    (again,) = queue.receive()
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("a", "2")


def test_the_hold_counts_from_the_call_and_not_from_the_receipt(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.side.pass_(20 * SECOND)
    queue.hold(message, 15)
    queue.side.pass_(14 * SECOND)
    assert queue.bodies() == []
    queue.side.pass_(SECOND)
    assert queue.bodies() == ["a"]


def test_a_hold_is_of_12_hours_at_most(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    with refused("InvalidParameterValue"):
        queue.hold(message, 43_201)


def test_no_hold_goes_beyond_12_hours_after_the_receipt(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.hold(message, 10 * 3600)
    queue.side.pass_(3 * HOUR)
    queue.hold(message, 9 * 3600 - 1)
    with refused("InvalidParameterValue", "beyond the limit"):
        queue.hold(message, 9 * 3600 + 1)


# --- a batch that failed in part: what shopwire's consumer does


def test_after_a_partial_failure_the_group_comes_in_its_order_when_its_first_is_due(queue: Queue) -> None:
    for body in "abcd":
        queue.send(body)
    done, failed, *followers = queue.receive()
    queue.send("e")
    queue.hold(failed, 60)
    for message in followers:
        queue.hold(message, 0)
    queue.delete(done)
    queue.side.pass_(59 * SECOND)
    assert queue.bodies() == []
    queue.side.pass_(SECOND)
    again = queue.receive()
    assert [message["Body"] for message in again] == ["b", "c", "d", "e"]
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in again] == ["2", "2", "2", "1"]


def test_a_failure_in_one_group_holds_up_no_other(queue: Queue) -> None:
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


def test_what_is_deleted_is_gone_and_may_be_deleted_again(queue: Queue) -> None:
    queue.send("a")
    (message,) = queue.receive()
    queue.delete(message)
    queue.delete(message)
    queue.side.pass_(HOUR)
    assert queue.bodies() == []
    assert queue.counts() == (0, 0)


def test_a_handle_of_nobody_is_refused(queue: Queue) -> None:
    with refused("ReceiptHandleIsInvalid"):
        queue.delete({"ReceiptHandle": "made up"})
    with refused("ReceiptHandleIsInvalid"):
        queue.hold({"ReceiptHandle": "made up"}, 0)


def test_a_queue_of_another_name_does_not_exist(queue: Queue) -> None:
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        queue.client.receive_message(QueueUrl=queue.url.replace("retry", "another"))


# --- counts


def test_seen_and_unseen_are_counted(queue: Queue) -> None:
    for body in "abc":
        queue.send(body, body)
    first, _second = queue.receive(2)
    assert queue.counts() == (1, 2)
    queue.delete(first)
    assert queue.counts() == (1, 1)
    queue.side.pass_(MINUTE)
    assert queue.counts() == (2, 0)


# --- deduplication


def test_a_repeated_id_is_taken_and_not_delivered(queue: Queue) -> None:
    queue.send("a", id="same")
    queue.side.pass_(5 * MINUTE - 1)
    queue.send("b", id="same")
    assert queue.bodies() == ["a"]


def test_an_id_may_come_again_after_five_minutes(queue: Queue) -> None:
    queue.send("a", id="same")
    queue.side.pass_(5 * MINUTE)
    queue.send("b", id="same")
    assert queue.bodies() == ["a", "b"]


def test_the_five_minutes_count_from_the_first(queue: Queue) -> None:
    queue.send("a", id="same")
    queue.side.pass_(4 * MINUTE)
    queue.send("b", id="same")
    queue.side.pass_(MINUTE)
    queue.send("c", id="same")
    assert queue.bodies() == ["a", "c"]


# --- dead letters


def test_what_was_received_too_often_goes_to_the_dead_letters(side: Side) -> None:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=2)
    sent = queue.send("a", "poisoned")
    queue.send("b", "poisoned")
    for _ in range(2):
        assert queue.bodies(1) == ["a"]
        side.pass_(30 * SECOND)
    assert dead.counts() == (0, 0)
    assert queue.bodies() == ["b"]
    (buried,) = dead.receive()
    assert (buried["Body"], buried["MessageId"]) == ("a", sent["MessageId"])
    assert buried["Attributes"]["MessageGroupId"] == "poisoned"
    assert buried["Attributes"]["ApproximateReceiveCount"] == "3"


def test_what_is_done_in_time_never_goes_there(side: Side) -> None:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=2)
    queue.send("a")
    for _ in range(2):
        (message,) = queue.receive()
        queue.hold(message, 0)
    assert queue.bodies() == []
    assert dead.bodies() == ["a"]


# --- limits


def test_a_message_may_have_1_mib(queue: Queue) -> None:
    queue.send("x" * (1 << 20))
    with refused("InvalidParameterValue", "shorter than 1048576 bytes"):
        queue.send("x" * ((1 << 20) + 1))
    assert [len(body) for body in queue.bodies()] == [1 << 20]


def test_a_message_names_its_group_and_its_id(queue: Queue) -> None:
    with refused("MissingParameter", "MessageGroupId"):
        queue.client.send_message(QueueUrl=queue.url, MessageBody="a", MessageDeduplicationId="x")
    with refused("InvalidParameterValue", "MessageDeduplicationId"):
        queue.client.send_message(QueueUrl=queue.url, MessageBody="a", MessageGroupId="x")


# --- any story

STEPS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from("abc")),
    st.tuples(st.just("receive")),
    st.tuples(st.just("hold"), st.integers(0, 9), st.sampled_from([0, 1, 20, 100])),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("pass"), st.sampled_from([SECOND, 19 * SECOND, 31 * SECOND, 6 * MINUTE])),
)


def play(queue: Queue, story: list[Any]) -> list[Any]:
    """What consumers see of it. One message a receive: of a batch that timed out moto mixes up the order."""
    seen: list[Any] = []
    in_flight: list[tuple[int, dict[str, Any]]] = []
    for number, (step, *of) in enumerate(story):
        now = queue.side.now
        in_flight = [(until, message) for until, message in in_flight if until > now]
        if step == "send":
            queue.send(f"{number}", of[0])
        elif step == "receive":
            messages = []
            while batch := queue.receive(1):
                messages += batch
            messages.sort(key=lambda message: message["Attributes"]["MessageGroupId"])  # no order among groups
            seen.append([(one["Body"], one["Attributes"]["ApproximateReceiveCount"]) for one in messages])
            in_flight += [(now + 30 * SECOND, message) for message in messages]
        elif step == "pass":
            queue.side.pass_(of[0])
        elif in_flight:
            _, message = in_flight.pop(of[0] % len(in_flight))
            if step == "delete":
                queue.delete(message)
            else:
                queue.hold(message, of[1])
                in_flight.append((now + of[1] * SECOND, message))
    return [*seen, queue.counts()]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(STEPS, max_size=30))
def test_any_story_of_a_queue_goes_alike(both: tuple[Side, Side], story: list[Any]) -> None:
    fake, moto = both
    for one in both:
        one.now = START
    moto_queue = moto.queue()
    expected = play(moto_queue, story)
    moto_queue.client.delete_queue(QueueUrl=moto_queue.url)
    assert play(fake.queue(), story) == expected


# --- of the fake alone


def alone(side: Side, **options: Any) -> Queue:
    return Queue(side, FakeQueue(lambda: side.now, url=URL, **options), URL)


def test_a_message_is_kept_for_14_days(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a")
    fake_side.pass_(HOUR)
    queue.send("b")
    assert queue.client.oldest_waiting() == START
    fake_side.pass_(14 * DAY - HOUR)
    assert queue.client.oldest_waiting() == START + HOUR
    assert queue.bodies() == ["b"]
    assert len(queue.client) == 1


def test_a_message_in_flight_may_be_too_old_too(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a")
    fake_side.pass_(14 * DAY - SECOND)
    (message,) = queue.receive()
    queue.send("b")
    fake_side.pass_(SECOND)
    assert queue.bodies() == ["b"]
    queue.delete(message)
    assert len(queue.client) == 1


def test_only_the_first_messages_of_a_backlog_are_looked_through(fake_side: Side) -> None:
    """AWS, "Avoid large message backlogs with the same message group ID in Amazon SQS"."""
    queue = alone(fake_side, look_ahead=3)
    for n in range(4):
        queue.send(f"a{n}", "a")
    queue.send("b", "b")
    first, *_ = queue.receive(1)
    assert queue.bodies() == []
    queue.delete(first)
    assert queue.bodies() == ["a1", "a2", "a3"]
    fake_side.pass_(MINUTE)
    for message in queue.receive(2):
        queue.delete(message)
    assert sorted(queue.bodies()) == ["a3", "b"]


def test_a_group_stops_where_the_look_ahead_ends(fake_side: Side) -> None:
    queue = alone(fake_side, look_ahead=2)
    for body in "abc":
        queue.send(body)
    assert queue.bodies() == ["a", "b"]


def test_the_oldest_is_the_first_that_was_not_deleted(fake_side: Side) -> None:
    queue = fake_side.queue()
    assert queue.client.oldest_waiting() is None
    queue.send("a")
    fake_side.pass_(SECOND)
    queue.send("b")
    (message,) = queue.receive(1)
    assert queue.client.oldest_waiting() == START
    queue.delete(message)
    assert queue.client.oldest_waiting() == START + SECOND


def test_one_id_in_two_groups_makes_two_dead_letters(fake_side: Side) -> None:
    dead = fake_side.queue("dead")
    queue = fake_side.queue(dead=dead, max_receives=1)
    queue.send("a", "one", id="same")
    queue.send("b", "other", id="same")
    queue.receive()
    fake_side.pass_(MINUTE)
    assert queue.bodies() == []
    assert dead.bodies() == ["a", "b"]


def test_a_hold_is_not_less_than_nothing(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a")
    (message,) = queue.receive()
    with refused("InvalidParameterValue"):
        queue.hold(message, -1)


def test_everything_in_the_queue_can_be_looked_at(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a", "x")
    queue.send("b", "y")
    queue.receive(1)
    assert [message["Body"] for message in queue.client.messages()] == ["a", "b"]
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in queue.client.messages()] == ["1", "0"]


@pytest.mark.parametrize("id", ["", "x" * 129, "with space", "ї"])
def test_an_id_has_1_to_128_plain_characters(fake_side: Side, id: str) -> None:
    queue = fake_side.queue()
    call = {"QueueUrl": queue.url, "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for name, code in (("MessageGroupId", "MissingParameter"), ("MessageDeduplicationId", "InvalidParameterValue")):
        with refused(code if not id else "InvalidParameterValue"):
            queue.client.send_message(**call | {name: id})


def test_a_released_group_goes_behind_those_that_were_free_before(fake_side: Side) -> None:
    queue = fake_side.queue()
    queue.send("a1", "a")
    queue.send("b1", "b")
    (message,) = queue.receive(1)
    queue.hold(message, 0)
    assert queue.bodies(1) == ["b1"]
