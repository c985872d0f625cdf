"""The differences between moto and AWS's documentation, which the simulation's fakes follow.

Both behaviours are asserted. If a new moto follows the documentation, its test here fails, and its case moves to the
tests that run on both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.fakes import DAY, HOUR, MINUTE, SECOND, TABLE, Side, outcome

KEY = {"pk": {"S": "a"}, "sk": {"S": "entry"}}


@dataclass(frozen=True)
class Difference:
    """One behaviour, what AWS documents about it on which page, and what moto does instead."""

    behaviour: Callable[[Side], Any]
    page: str
    documented: Any
    moto: Any


def result(call: Callable[..., Any], **arguments: Any) -> Any:
    """Return "accepted", the code of an error, or the name of an exception that no client of AWS raises."""
    try:
        found = outcome(call, **arguments)
    except (KeyError, TypeError, ValueError, NotImplementedError) as error:
        return type(error).__name__
    return found[0] if isinstance(found, tuple) else "accepted"


# --- SQS


def repeated_id_after_the_first_message_was_consumed(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a", id="same")
    (message,) = queue.receive()
    queue.delete(message)
    queue.send("b", id="same")
    return queue.bodies()


def same_id_in_two_groups(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a", "one", id="same")
    queue.send("b", "other", id="same")
    return queue.bodies()


def answer_to_a_repeated_id_names_the_first_message(side: Side) -> bool:
    queue = side.queue()
    first, second = queue.send("a", id="same"), queue.send("a", id="same")
    return (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])


def sequence_numbers_increase(side: Side) -> bool:
    queue = side.queue()
    numbers = [int(queue.send(f"{n}")["SequenceNumber"]) for n in range(12)]
    return numbers == sorted(numbers)


def max_receive_count_of_1001(side: Side) -> str:
    try:
        side.queue(dead=side.queue("dead"), max_receives=1001)
    except Exception as error:
        return str(error.response["Error"]["Code"])  # type: ignore[attr-defined]
    return "accepted"


def batch_after_its_visibility_timeout(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a")
    queue.send("b")
    queue.receive()
    side.advance(30 * SECOND)
    return queue.bodies()


def follower_held_longer_than_the_first(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a")
    queue.send("b")
    first, second = queue.receive()
    queue.hold(first, 0)
    queue.hold(second, 60)
    side.advance(MINUTE)
    return queue.bodies()


def delete_after_the_visibility_timeout(side: Side) -> tuple[str, list[str]]:
    queue = side.queue()
    queue.send("a")
    (message,) = queue.receive()
    side.advance(30 * SECOND)
    return result(queue.delete, message=message), queue.bodies()


def delete_with_an_older_receipt_handle(side: Side) -> str:
    queue = side.queue()
    queue.send("a")
    (message,) = queue.receive()
    queue.hold(message, 0)
    queue.receive()
    return str(result(queue.delete, message=message))


def visibility_change_of_a_visible_message(side: Side) -> str:
    queue = side.queue()
    queue.send("a")
    (message,) = queue.receive()
    side.advance(30 * SECOND)
    return str(result(queue.hold, message=message, seconds=60))


def negative_visibility_timeout(side: Side) -> str:
    queue = side.queue()
    queue.send("a")
    (message,) = queue.receive()
    return str(result(queue.hold, message=message, seconds=-1))


def visibility_change_13_hours_after_sending(side: Side) -> str:
    queue = side.queue()
    queue.send("a")
    side.advance(13 * HOUR)
    (message,) = queue.receive()
    return str(result(queue.hold, message=message, seconds=60))


def message_older_than_the_retention(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a", "one")
    side.advance(14 * DAY)
    queue.send("b", "other")
    return queue.bodies()


def retention_of_dead_letters(side: Side) -> list[str]:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=1)
    queue.send("a")
    side.advance(13 * DAY)
    queue.receive()
    side.advance(MINUTE)
    queue.receive()
    side.advance(2 * DAY)
    return dead.bodies()


def deduplication_id_of_a_dead_letter(side: Side) -> bool:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=1)
    queue.send("a")
    queue.receive()
    side.advance(MINUTE)
    queue.receive()
    (dead_letter,) = dead.receive()
    return bool(dead_letter["Attributes"]["MessageDeduplicationId"] == dead_letter["MessageId"])


def source_of_a_dead_letter(side: Side) -> bool:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=1)
    queue.send("a")
    queue.receive()
    side.advance(MINUTE)
    queue.receive()
    (dead_letter,) = dead.receive()
    return str(dead_letter["Attributes"].get("DeadLetterQueueSourceArn")).endswith(":retry.fifo")


def order_of_two_groups_in_one_batch(side: Side) -> list[str]:
    queue = side.queue()
    for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")):
        queue.send(body, group)
    return queue.bodies(2)


def message_of_too_many_bytes(side: Side) -> str:
    return str(result(side.queue().send, body="ї" * 600_000))


def message_with_a_forbidden_character(side: Side) -> str:
    return str(result(side.queue().send, body="a\x00b"))


def empty_message(side: Side) -> str:
    return str(result(side.queue().send, body=""))


def group_id_of_129_characters(side: Side) -> str:
    return str(result(side.queue().send, body="a", group="g" * 129))


# --- DynamoDB


def write(side: Side, **attributes: Any) -> str:
    return str(result(side.dynamodb.put_item, TableName=TABLE, Item=KEY | attributes))


def read(side: Side) -> Any:
    return side.dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"]


def delete_if(side: Side, condition: str, values: Any = None, names: Any = None) -> str:
    placeholders = {"ExpressionAttributeValues": values, "ExpressionAttributeNames": names}
    given = {name: value for name, value in placeholders.items() if value}
    return str(result(side.dynamodb.delete_item, TableName=TABLE, Key=KEY, ConditionExpression=condition, **given))


def number_of_39_digits(side: Side) -> str:
    return write(side, n={"N": "1" * 39})


def number_with_a_trailing_zero(side: Side) -> str:
    write(side, n={"N": "1.50"})
    return str(read(side)["n"]["N"])


def item_of_409_600_bytes(side: Side) -> str:
    return write(side, t={"S": "x" * (409_600 - len("pkaskentryt"))})


def item_left_by_an_update_that_is_too_large(side: Side) -> bool:
    update = {
        "UpdateExpression": "SET #t = :t",
        "ExpressionAttributeNames": {"#t": "t"},
        "ExpressionAttributeValues": {":t": {"S": "x" * 410_000}},
    }
    result(side.dynamodb.update_item, TableName=TABLE, Key=KEY, **update)
    return "Item" in side.dynamodb.get_item(TableName=TABLE, Key=KEY)


def attribute_removed_by_a_refused_update(side: Side) -> bool:
    write(side, a={"S": "x"}, b={"S": "y"})
    update = {
        "UpdateExpression": "REMOVE #b ADD #a :one",
        "ExpressionAttributeNames": {"#a": "a", "#b": "b"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    assert result(side.dynamodb.update_item, TableName=TABLE, Key=KEY, **update) == "ValidationException"
    return "b" not in read(side)


def number_compared_with_a_text(side: Side) -> str:
    write(side, n={"N": "1"})
    return delete_if(side, "#n < :text", {":text": {"S": "x"}}, {"#n": "n"})


def double_negation(side: Side) -> str:
    write(side)
    return delete_if(side, "NOT NOT attribute_exists(pk)")


def unused_value_in_a_condition(side: Side) -> str:
    return delete_if(side, "attribute_not_exists(pk)", {":x": {"S": "x"}})


def missing_value_in_a_condition(side: Side) -> str:
    return delete_if(side, "#a = :x", None, {"#a": "a"})


def missing_name_in_a_condition(side: Side) -> str:
    return delete_if(side, "#b = :x", {":x": {"S": "x"}}, {"#a": "a"})


def unused_value_in_a_query(side: Side) -> str:
    values = {":pk": {"S": "a"}, ":x": {"S": "x"}}
    return str(
        result(
            side.dynamodb.query,
            TableName=TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values,
        )
    )


def last_key_of_a_page_that_the_limit_ended(side: Side) -> bool:
    write(side)
    call = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}, "Limit": 1}
    return "LastEvaluatedKey" in side.dynamodb.query(TableName=TABLE, **call)


def delete_keys(side: Side, *names: str) -> str:
    requests = [{"DeleteRequest": {"Key": KEY | {"sk": {"S": name}}}} for name in names]
    return str(result(side.dynamodb.batch_write_item, RequestItems={TABLE: requests}))


def batch_of_26_deletes(side: Side) -> str:
    return delete_keys(side, *(f"{n}" for n in range(26)))


# --- Parameter Store


def pages_of_ten_parameters(side: Side) -> list[int]:
    for n in range(10):
        side.ssm.put_parameter(Name=f"/path/{n}", Value="x", Type="String")
    first = side.ssm.get_parameters_by_path(Path="/path")
    more = [side.ssm.get_parameters_by_path(Path="/path", NextToken=first["NextToken"])] if "NextToken" in first else []
    return [len(page["Parameters"]) for page in (first, *more)]


def path_without_its_first_slash(side: Side) -> str:
    return str(result(side.ssm.get_parameters_by_path, Path="path"))


EXACTLY_ONCE = "Exactly-once processing in Amazon SQS"
DELIVERY = "FIFO queue delivery logic in Amazon SQS"
VISIBILITY = "Amazon SQS visibility timeout"
DEAD_LETTERS = "Using dead-letter queues in Amazon SQS"
DEDUPLICATION_ID = "Using the message deduplication ID in Amazon SQS"
EXPRESSIONS = "Condition and filter expressions, operators, and functions in DynamoDB"

DIFFERENCES = [
    Difference(repeated_id_after_the_first_message_was_consumed, DEDUPLICATION_ID, [], ["b"]),
    Difference(same_id_in_two_groups, "High throughput for FIFO queues in Amazon SQS", ["a", "b"], ["a"]),
    Difference(answer_to_a_repeated_id_names_the_first_message, EXACTLY_ONCE, True, False),
    Difference(sequence_numbers_increase, "SendMessage", True, False),
    Difference(max_receive_count_of_1001, "CreateQueue", "InvalidParameterValue", "accepted"),
    Difference(batch_after_its_visibility_timeout, DELIVERY, ["a", "b"], ["b"]),
    Difference(follower_held_longer_than_the_first, DELIVERY, ["a", "b"], ["b"]),
    Difference(
        delete_after_the_visibility_timeout, "DeleteMessage", ("InvalidParameterValue", ["a"]), ("accepted", [])
    ),
    Difference(delete_with_an_older_receipt_handle, "DeleteMessage", "InvalidParameterValue", "accepted"),
    Difference(
        visibility_change_of_a_visible_message,
        "ChangeMessageVisibility",
        "AWS.SimpleQueueService.MessageNotInflight",
        "accepted",
    ),
    Difference(negative_visibility_timeout, "ChangeMessageVisibility", "InvalidParameterValue", "accepted"),
    Difference(visibility_change_13_hours_after_sending, VISIBILITY, "accepted", "InvalidParameterValue"),
    Difference(message_older_than_the_retention, "SetQueueAttributes", ["b"], []),
    Difference(retention_of_dead_letters, "Setting-up dead-letter queue retention in Amazon SQS", ["a"], []),
    Difference(deduplication_id_of_a_dead_letter, DEAD_LETTERS, True, False),
    Difference(source_of_a_dead_letter, "ReceiveMessage", True, False),
    Difference(order_of_two_groups_in_one_batch, DELIVERY, ["a1", "a2"], ["a1", "b1"]),
    Difference(message_of_too_many_bytes, "Amazon SQS message quotas", "InvalidParameterValue", "accepted"),
    Difference(message_with_a_forbidden_character, "SendMessage", "InvalidMessageContents", "accepted"),
    Difference(empty_message, "SendMessage", "MissingParameter", "accepted"),
    Difference(group_id_of_129_characters, "SendMessage", "InvalidParameterValue", "accepted"),
    Difference(
        number_of_39_digits,
        "Supported data types and naming rules in Amazon DynamoDB",
        "ValidationException",
        "accepted",
    ),
    Difference(number_with_a_trailing_zero, "DynamoDB item sizes and formats", "1.5", "1.50"),
    Difference(item_of_409_600_bytes, "DynamoDB item sizes and formats", "accepted", "ValidationException"),
    Difference(item_left_by_an_update_that_is_too_large, "UpdateItem", False, True),
    Difference(attribute_removed_by_a_refused_update, "UpdateItem", False, True),
    Difference(number_compared_with_a_text, EXPRESSIONS, "ConditionalCheckFailedException", "TypeError"),
    Difference(double_negation, EXPRESSIONS, "accepted", "ValueError"),
    Difference(unused_value_in_a_condition, "DeleteItem", "ValidationException", "accepted"),
    Difference(missing_value_in_a_condition, "DeleteItem", "ValidationException", "KeyError"),
    Difference(missing_name_in_a_condition, "DeleteItem", "ValidationException", "KeyError"),
    Difference(unused_value_in_a_query, "Query", "ValidationException", "accepted"),
    Difference(last_key_of_a_page_that_the_limit_ended, "Paginating table query results in DynamoDB", True, False),
    Difference(batch_of_26_deletes, "BatchWriteItem", "ValidationException", "accepted"),
    Difference(pages_of_ten_parameters, "GetParametersByPath", [10], [10, 0]),
    Difference(path_without_its_first_slash, "GetParametersByPath", "ValidationException", "accepted"),
]


@pytest.mark.parametrize(
    "difference", DIFFERENCES, ids=lambda difference: difference.behaviour.__name__.replace("_", " ")
)
def test_fake_follows_the_documentation_where_moto_does_not(difference: Difference, both: tuple[Side, Side]) -> None:
    fake, moto = both
    assert difference.behaviour(fake) == difference.documented, difference.page
    assert difference.behaviour(moto) == difference.moto
