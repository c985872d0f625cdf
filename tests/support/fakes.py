"""Two accounts to run one behaviour on: the simulation's fakes, and moto behind real boto3 clients. One clock each.

Nothing here knows what AWS does; the tests say that.
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from shopwire_dev.aws import make_table
from shopwire_simulation.fakes import FakeDynamoDB, FakeQueue, FakeSSM

TABLE = "shopwire"
START = 1_772_442_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


@dataclass
class Side:
    """An account with the table in it. Queues are made by a test."""

    name: str
    dynamodb: Any
    ssm: Any
    now: int = START
    _real_sqs: Any = None
    _fakes: dict[str, FakeQueue] = field(default_factory=dict)

    def pass_(self, milliseconds: int) -> None:
        self.now += milliseconds

    def queue(
        self, name: str = "retry", *, visibility: int = 30, dead: "Queue | None" = None, max_receives: int = 1000
    ) -> "Queue":
        """A FIFO queue as template.yaml makes it; `visibility` in seconds."""
        if self._real_sqs is None:
            fake = FakeQueue(
                lambda: self.now,
                url=f"https://sqs.example/000000000000/{name}.fifo",
                visibility=visibility * SECOND,
                dead_letters=self._fakes[dead.url] if dead else None,
                max_receives=max_receives,
            )
            url = f"https://sqs.example/000000000000/{name}.fifo"
            self._fakes[url] = fake
            return Queue(self, fake, url)
        attributes = {
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
            "VisibilityTimeout": str(visibility),
            "MessageRetentionPeriod": "1209600",
            "MaximumMessageSize": "1048576",
        }
        if dead:
            asked = self._real_sqs.get_queue_attributes(QueueUrl=dead.url, AttributeNames=["QueueArn"])
            target = asked["Attributes"]["QueueArn"]
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": max_receives})
        url = self._real_sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
        return Queue(self, self._real_sqs, url)


@dataclass
class Queue:
    """One queue, spoken to through the client's own operations."""

    side: Side
    client: Any
    url: str
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def send(self, body: str, group: str = "g", id: str | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.send_message(
            QueueUrl=self.url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=id or f"id-{next(self._ids)}",
        )
        return answer

    def receive(self, most: int = 10, **more: Any) -> list[dict[str, Any]]:
        answer = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=most, AttributeNames=["All"], **more
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def bodies(self, most: int = 10) -> list[str]:
        """What one receive brings."""
        return [message["Body"] for message in self.receive(most)]

    def hold(self, message: dict[str, Any], seconds: int) -> None:
        self.client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def delete(self, message: dict[str, Any]) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def counts(self) -> tuple[int, int]:
        """How many can be seen, and how many cannot."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        seen, unseen = (int(answer[name]) for name in names)
        return seen, unseen


@contextmanager
def refused(code: str, text: str = "") -> Iterator[pytest.ExceptionInfo[ClientError]]:
    """The service says no: with this code, and this text somewhere in its message."""
    with pytest.raises(ClientError) as caught:
        yield caught
    assert caught.value.response["Error"]["Code"] == code
    assert text in caught.value.response["Error"]["Message"]


def outcome(call: Any, **arguments: Any) -> Any:
    """What a call answers, or the code of its refusal with the item that came with it."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response.get("Item")
    return {
        name: value for name, value in (answer or {}).items() if name not in ("ResponseMetadata", "ConsumedCapacity")
    }


def make_fake() -> Side:
    side = Side("fake", None, FakeSSM())
    side.dynamodb = FakeDynamoDB(lambda: side.now, table=TABLE)
    return side


def make_moto(monkeypatch: pytest.MonkeyPatch, clients: dict[str, Any]) -> Side:
    """Needs mock_aws around it."""
    side = Side("moto", clients["dynamodb"], clients["ssm"], _real_sqs=clients["sqs"])
    # To moto a message is visible only after the moment that it is held until: no two calls are of one moment.
    moment = itertools.count()
    monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda *_: side.now + next(moment) / 1000)
    monkeypatch.setattr("moto.sqs.models.unix_time", lambda *_: side.now / 1000)
    make_table(clients["dynamodb"], TABLE)
    return side


@pytest.fixture
def fake_side() -> Side:
    return make_fake()


@pytest.fixture
def moto_side(monkeypatch: pytest.MonkeyPatch, aws_clients: dict[str, Any]) -> Iterator[Side]:
    with mock_aws():
        yield make_moto(monkeypatch, aws_clients)


@pytest.fixture(params=["fake", "moto"])
def side(request: pytest.FixtureRequest) -> Side:
    """Each of the two in turn."""
    one: Side = request.getfixturevalue(f"{request.param}_side")
    return one


@pytest.fixture
def both(fake_side: Side, moto_side: Side) -> tuple[Side, Side]:
    """Both at once, for tests that hold one against the other."""
    return fake_side, moto_side
