"""The hook of a fake may make a call fail, end its caller, or run another call, before or after the effect."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ReadTimeoutError

from shopwire_simulation.fakes import (
    FakeDynamoDB,
    FakeQueue,
    FakeSSM,
    cannot_connect,
    no_answer,
    throttled,
)

URL = "retry.fifo"
KEY = {"pk": {"S": "a"}, "sk": {"S": "entry"}}


class Killed(BaseException):
    """Ends an invocation that crashes."""


class Account:
    """One fake of each kind, with a hook that the test controls."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.act: Callable[[str, str], None] = lambda operation, phase: None
        self.table = FakeDynamoDB(lambda: 0, self.hook)
        self.queue = FakeQueue(lambda: 0, self.hook, url=URL)
        self.settings = FakeSSM(self.hook)

    def hook(self, operation: str, phase: str) -> None:
        self.seen.append((operation, phase))
        self.act(operation, phase)

    def fail(self, at: str, error: BaseException) -> None:
        def act(operation: str, phase: str) -> None:
            if phase == at:
                self.act = lambda operation, phase: None
                raise error

        self.act = act


@pytest.fixture
def account() -> Account:
    return Account()


def add_one(table: FakeDynamoDB, **more: Any) -> None:
    table.update_item(
        TableName="shopwire",
        Key=KEY,
        UpdateExpression="ADD #n :one",
        ExpressionAttributeNames={"#n": "n"},
        ExpressionAttributeValues={":one": {"N": "1"}},
        **more,
    )


def count(table: FakeDynamoDB) -> int:
    item = table.get_item(TableName="shopwire", Key=KEY).get("Item")
    return int(item["n"]["N"]) if item else 0


def send(queue: FakeQueue) -> None:
    queue.send_message(QueueUrl=URL, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")


def test_every_operation_calls_the_hook_before_and_after(account: Account) -> None:
    account.table.put_item(TableName="shopwire", Item=KEY)
    account.table.get_item(TableName="shopwire", Key=KEY)
    account.table.batch_get_item(RequestItems={"shopwire": {"Keys": [KEY]}})
    add_one(account.table)
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}}
    account.table.query(TableName="shopwire", **query)
    account.table.scan(TableName="shopwire")
    account.table.delete_item(TableName="shopwire", Key=KEY)
    account.table.batch_write_item(RequestItems={"shopwire": [{"DeleteRequest": {"Key": KEY}}]})
    send(account.queue)
    entry = {"Id": "1", "MessageBody": "b", "MessageGroupId": "h", "MessageDeduplicationId": "e"}
    account.queue.send_message_batch(QueueUrl=URL, Entries=[entry])
    (message,) = account.queue.receive_message(QueueUrl=URL)["Messages"]
    handle = {"QueueUrl": URL, "ReceiptHandle": message["ReceiptHandle"]}
    account.queue.change_message_visibility(**handle, VisibilityTimeout=60)
    account.queue.delete_message(**handle)
    account.queue.get_queue_attributes(QueueUrl=URL, AttributeNames=["All"])
    account.settings.put_parameter(Name="/a", Value="x", Type="String")
    account.settings.get_parameter(Name="/a")
    account.settings.get_parameters_by_path(Path="/")
    account.settings.delete_parameter(Name="/a")
    operations = (
        "put_item get_item batch_get_item update_item query scan delete_item batch_write_item send_message"
        " send_message_batch receive_message"
        " change_message_visibility delete_message get_queue_attributes put_parameter get_parameter"
        " get_parameters_by_path delete_parameter"
    ).split()
    assert account.seen == [(operation, phase) for operation in operations for phase in ("before", "after")]


@pytest.mark.parametrize("error", [Killed(), cannot_connect("dynamodb"), throttled("dynamodb", "update_item")])
def test_error_before_the_call_prevents_its_effect(account: Account, error: BaseException) -> None:
    account.fail("before", error)
    with pytest.raises(type(error)):
        add_one(account.table)
    assert count(account.table) == 0
    account.fail("before", error)
    with pytest.raises(type(error)):
        send(account.queue)
    assert len(account.queue) == 0


@pytest.mark.parametrize("error", [Killed(), no_answer("dynamodb")])
def test_error_after_the_call_loses_only_its_answer(account: Account, error: BaseException) -> None:
    account.fail("after", error)
    with pytest.raises(type(error)):
        add_one(account.table)
    assert count(account.table) == 1
    account.fail("after", error)
    with pytest.raises(type(error)):
        send(account.queue)
    assert len(account.queue) == 1


def test_error_after_a_refused_call_loses_the_refusal(account: Account) -> None:
    account.fail("after", no_answer("dynamodb"))
    with pytest.raises(ReadTimeoutError):
        add_one(account.table, ConditionExpression="attribute_exists(pk)")
    assert count(account.table) == 0


def test_second_attempt_after_lost_answer_adds_no_message(account: Account) -> None:
    account.fail("after", no_answer("sqs"))
    with pytest.raises(ReadTimeoutError):
        send(account.queue)
    send(account.queue)
    assert len(account.queue) == 1


def test_call_sees_a_change_made_by_its_before_hook(account: Account) -> None:
    def act(operation: str, phase: str) -> None:
        account.act = lambda operation, phase: None
        add_one(account.table)

    account.act = act
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        add_one(account.table, ConditionExpression="attribute_not_exists(pk)")
    assert count(account.table) == 1


def test_change_made_by_the_after_hook_is_not_in_the_answer(account: Account) -> None:
    add_one(account.table)

    def act(operation: str, phase: str) -> None:
        if phase == "after":
            account.act = lambda operation, phase: None
            add_one(account.table)

    account.act = act
    answer = account.table.get_item(TableName="shopwire", Key=KEY)
    assert answer["Item"]["n"] == {"N": "1"}
    assert count(account.table) == 2


def test_errors_are_those_of_botocore() -> None:
    assert isinstance(cannot_connect("sqs"), EndpointConnectionError | BotoCoreError)
    assert isinstance(no_answer("ssm"), ReadTimeoutError | BotoCoreError)
    error = throttled("dynamodb", "update_item")
    assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert error.operation_name == "UpdateItem"
