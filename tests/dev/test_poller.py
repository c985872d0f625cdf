"""The event source mapping: batches, partial failures and groups, on moto."""

import hashlib
import threading
from itertools import count
from typing import Any

import pytest

from shopwire_dev.aws import Aws
from shopwire_dev.lambdas import Function
from shopwire_dev.poller import Poller
from tests.dev.helpers import Handler

NUMBERS = count()


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def poller(aws: Aws, handler: Handler) -> Poller:
    name = f"queue-{next(NUMBERS)}.fifo"
    url = aws.client("sqs").create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    return Poller(aws.client("sqs"), url, Function("retry", lambda name: handler))


def put(aws: Aws, poller: Poller, *bodies: str, group: str = "g") -> None:
    for body in bodies:
        aws.client("sqs").send_message(
            QueueUrl=poller.queue_url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=f"{group}-{body}"
        )


def failed(*numbers: int) -> Any:
    """Return a handler result that reports the records with these numbers as failed."""
    return lambda records: {"batchItemFailures": [{"itemIdentifier": records[n]["messageId"]} for n in numbers]}


def in_flight(aws: Aws, poller: Poller) -> int:
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=poller.queue_url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessagesNotVisible"])


def make_visible(aws: Aws, poller: Poller, records: list[Any]) -> None:
    for record in records:
        aws.client("sqs").change_message_visibility(
            QueueUrl=poller.queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
        )


@pytest.mark.parametrize("result", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_batch_without_failures_is_deleted(aws: Aws, handler: Handler, poller: Poller, result: Any) -> None:
    handler.result = result
    put(aws, poller, "1", "2")
    assert poller.poll_once()
    assert handler.batches == [["1", "2"]]
    assert not poller.poll_once()


def test_nothing_of_a_group_is_received_before_its_failed_message(aws: Aws, handler: Handler, poller: Poller) -> None:
    def first_fails(records: list[Any]) -> Any:
        make_visible(aws, poller, records[1:])
        return failed(*range(len(records)))(records)

    handler.result = first_fails
    put(aws, poller, "1", "2", "3")
    put(aws, poller, "other", group="h")
    poller.poll_once()
    assert [sorted(batch) for batch in handler.batches] == [["1", "2", "3", "other"]]
    assert not [batch for batch in handler.batches[1:] if "2" in batch]


@pytest.mark.parametrize(
    "result", [RuntimeError("x"), {"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"batchItemFailures": 7}, "x"]
)
def test_failed_invocation_or_invalid_result_keeps_the_whole_batch(
    aws: Aws, handler: Handler, poller: Poller, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler.result = result
    put(aws, poller, "1")
    poller.poll_once()
    assert in_flight(aws, poller) == 1


def test_repeated_failure_id_counts_once_and_empty_id_fails_the_batch(
    aws: Aws, handler: Handler, poller: Poller
) -> None:
    handler.result = lambda records: {"batchItemFailures": [{"itemIdentifier": records[1]["messageId"]}] * 2}
    put(aws, poller, "1", "2")
    poller.poll_once()
    assert in_flight(aws, poller) == 1
    handler.result = {"batchItemFailures": [{"itemIdentifier": ""}]}
    put(aws, poller, "3", group="h")
    poller.poll_once()
    assert in_flight(aws, poller) == 2


def test_group_in_flight_is_not_received_again(aws: Aws, handler: Handler, poller: Poller) -> None:
    seen: list[bool] = []

    def meanwhile(records: list[Any]) -> None:
        put(aws, poller, "2")
        handler.result = None
        seen.append(poller.poll_once())

    handler.result = meanwhile
    put(aws, poller, "1")
    poller.poll_once()
    assert (seen, handler.batches) == ([False], [["1"]])
    assert poller.poll_once()
    assert handler.batches == [["1"], ["2"]]


def test_record_has_the_shape_of_the_event_source_mapping(aws: Aws, handler: Handler, poller: Poller) -> None:
    records: list[Any] = []
    handler.result = records.extend
    put(aws, poller, "one")
    poller.poll_once()
    (record,) = records
    assert record["body"] == "one"
    assert record["eventSource"] == "aws:sqs"
    assert record["awsRegion"] == "eu-central-1"
    assert record["eventSourceARN"] == f"arn:aws:sqs:eu-central-1:000000000000:{poller.queue_url.rpartition('/')[2]}"
    assert record["md5OfBody"] == hashlib.md5(b"one").hexdigest()
    attributes = record["attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("g", "g-one")
    assert attributes["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SequenceNumber", "ApproximateFirstReceiveTimestamp"} <= attributes.keys()
    assert all(isinstance(value, str) for value in attributes.values())


def test_batch_has_at_most_ten_messages(aws: Aws, handler: Handler, poller: Poller) -> None:
    put(aws, poller, *map(str, range(12)))
    while poller.poll_once():
        pass
    assert handler.batches == [[str(n) for n in range(10)], ["10", "11"]]


def test_handled_message_is_deleted_as_soon_as_the_queue_responds(aws: Aws, handler: Handler, poller: Poller) -> None:
    # Without the repeated deletion, the message would block its group for the visibility timeout, which is six minutes.
    handler.result = lambda records: aws.set_fault({"part": "queue", "mode": "down", "seconds": 0.3})
    put(aws, poller, "1")
    poller.poll_once()
    assert in_flight(aws, poller) == 0
    assert not poller.poll_once()


def test_poller_threads_survive_a_queue_fault(aws: Aws, handler: Handler, poller: Poller) -> None:
    arrived = threading.Event()
    handler.result = lambda records: arrived.set()
    aws.set_fault({"part": "queue", "mode": "down", "seconds": 0.3})
    poller.start()
    try:
        aws.set_fault({"part": "queue", "mode": "ok"})
        put(aws, poller, "1")
        assert arrived.wait(20)
    finally:
        poller.stop()


def test_queue_accepts_a_message_of_one_mebibyte(aws: Aws, handler: Handler, poller: Poller) -> None:
    put(aws, poller, "x" * (1 << 20))
    assert poller.poll_once()
