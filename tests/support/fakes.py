"""Two AWS accounts that run the same behaviour: the simulation's fakes, and moto behind boto3 clients.

Nothing here knows what AWS does. The tests say that.
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.base_backend import BackendDict
from moto.core.models import botocore_stubber

from shopwire_dev.aws import make_table
from shopwire_simulation.fakes import FakeDynamoDB, FakeQueue, FakeSSM
from tests.support import faster_moto
from tests.support.clock import Clock

faster_moto.speed_up()

TABLE = "shopwire"
START = Clock().now
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000  # milliseconds


@dataclass
class Side:
    """An account with the table in it. A test makes the queues."""

    name: str
    clock: Clock
    dynamodb: Any
    ssm: Any
    _real_sqs: Any = None
    _fakes: dict[str, FakeQueue] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """UTC milliseconds."""
        return self.clock.now

    def advance(self, milliseconds: int) -> None:
        self.clock.advance(milliseconds)

    def queue(
        self,
        name: str = "retry",
        *,
        visibility: int = 30,
        delay: int = 0,
        dead: "Queue | None" = None,
        max_receives: int = 1000,
    ) -> "Queue":
        """Make a FIFO queue as template.yaml does.

        Args:
            visibility: seconds that a received message stays invisible.
            delay: seconds that a new message stays invisible.
            dead: the queue to which a message goes after it was received `max_receives` times.
        """
        if self._real_sqs is None:
            url = f"https://sqs.example/000000000000/{name}.fifo"
            fake = FakeQueue(
                self.clock,
                url=url,
                visibility=visibility * SECOND,
                delay=delay * SECOND,
                dead_letters=self._fakes[dead.url] if dead else None,
                max_receives=max_receives,
            )
            self._fakes[url] = fake
            return Queue(self, fake, url)
        attributes = {
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
            "VisibilityTimeout": str(visibility),
            "DelaySeconds": str(delay),
            "MessageRetentionPeriod": "1209600",
            "MaximumMessageSize": "1048576",
        }
        if dead:
            answer = self._real_sqs.get_queue_attributes(QueueUrl=dead.url, AttributeNames=["QueueArn"])
            target = answer["Attributes"]["QueueArn"]
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": max_receives})
        url = self._real_sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
        return Queue(self, self._real_sqs, url)


@dataclass
class Queue:
    """One queue, used through its client's own operations."""

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
        """Receive a batch. Return the bodies of its messages."""
        return [message["Body"] for message in self.receive(most)]

    def hold(self, message: dict[str, Any], seconds: int) -> None:
        """Keep a received message invisible for this long."""
        self.client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def delete(self, message: dict[str, Any]) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def counts(self) -> tuple[int, int]:
        """Return the number of visible and of invisible messages."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        visible, invisible = (int(answer[name]) for name in names)
        return visible, invisible


@contextmanager
def refused(code: str, text: str = "") -> Iterator[pytest.ExceptionInfo[ClientError]]:
    """Expect that the service refuses a call with this code, and with this text in its message."""
    with pytest.raises(ClientError) as caught:
        yield caught
    assert caught.value.response["Error"]["Code"] == code
    assert text in caught.value.response["Error"]["Message"]


def outcome(call: Any, **arguments: Any) -> Any:
    """Return the answer of a call; if it is refused, the code and the item that came with it."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response.get("Item")
    return {
        name: value for name, value in (answer or {}).items() if name not in ("ResponseMetadata", "ConsumedCapacity")
    }


def make_clients() -> dict[str, Any]:
    """Return boto3 clients that moto answers while an account is active."""
    config = Config(user_agent="shopwire")  # boto3 composes a description of this machine for each call otherwise
    return {name: boto3.client(name, region_name="eu-central-1", config=config) for name in ("dynamodb", "sqs", "ssm")}


@contextmanager
def empty_account() -> Iterator[None]:
    """Answer the calls of boto3 clients from an empty account.

    `mock_aws` does the same and also answers calls of the package `requests`, which takes longer than many tests.
    """
    BackendDict.reset()
    botocore_stubber.enabled = True
    try:
        yield
    finally:
        botocore_stubber.enabled = False


def make_fake() -> Side:
    clock = Clock()
    return Side("fake", clock, FakeDynamoDB(clock, table=TABLE), FakeSSM())


def make_moto(monkeypatch: pytest.MonkeyPatch, clients: dict[str, Any]) -> Side:
    """Return moto's account. `empty_account` must be active."""
    side = Side("moto", Clock(), clients["dynamodb"], clients["ssm"], _real_sqs=clients["sqs"])
    # In moto a message becomes visible only after the moment until which it is held, so no two calls may happen at the
    # same moment.
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
    with empty_account():
        yield make_moto(monkeypatch, aws_clients)


@pytest.fixture(params=["fake", "moto"])
def side(request: pytest.FixtureRequest) -> Side:
    """Each of the two accounts in turn."""
    found: Side = request.getfixturevalue(f"{request.param}_side")
    return found


@pytest.fixture
def both(fake_side: Side, moto_side: Side) -> tuple[Side, Side]:
    """Both accounts, for tests that compare them."""
    return fake_side, moto_side
