"""Where moto departs from AWS's documentation, which the simulation's fakes follow. Both are asserted: a moto that
changes is noticed, and its row goes to the common suite.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.fakes import DAY, HOUR, MINUTE, SECOND, TABLE, Side, outcome

KEY = {"pk": {"S": "a"}, "sk": {"S": "entry"}}


@dataclass(frozen=True)
class Difference:
    """One behaviour, what AWS documents of it and where, and what moto does instead."""

    behaviour: Callable[[Side], Any]
    page: str
    documented: Any
    moto: Any


def answer(call: Callable[..., Any], **arguments: Any) -> Any:
    """A refusal's code; "taken" else; the name of an exception that no client of AWS raises."""
    try:
        found = outcome(call, **arguments)
    except (KeyError, TypeError, ValueError, NotImplementedError) as error:
        return type(error).__name__
    return found[0] if isinstance(found, tuple) else "taken"


# --- SQS


def a_repeated_id_after_the_first_was_consumed(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a", id="same")
    (message,) = queue.receive()
    queue.delete(message)
    queue.send("b", id="same")
    return queue.bodies()


def the_same_id_in_two_groups(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a", "one", id="same")
    queue.send("b", "other", id="same")
    return queue.bodies()


def the_answer_to_a_repeated_id_names_the_first(side: Side) -> bool:
    queue = side.queue()
    first, second = queue.send("a", id="same"), queue.send("a", id="same")
    return (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])


def numbers_grow_with_the_order(side: Side) -> bool:
    queue = side.queue()
    numbers = [int(queue.send(f"{n}")["SequenceNumber"]) for n in range(12)]
    return numbers == sorted(numbers)


def max_receive_count_of_1001(side: Side) -> str:
    try:
        side.queue(dead=side.queue("dead"), max_receives=1001)
    except Exception as error:
        return str(error.response["Error"]["Code"])  # type: ignore[attr-defined]
    return "taken"


def a_batch_whose_time_is_over(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a")
    queue.send("b")
    queue.receive()
    side.pass_(30 * SECOND)
    return queue.bodies()


def a_follower_held_longer_than_the_first(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a")
    queue.send("b")
    first, second = queue.receive()
    queue.hold(first, 0)
    queue.hold(second, 60)
    side.pass_(MINUTE)
    return queue.bodies()


def a_delete_after_the_time_out(side: Side) -> tuple[str, list[str]]:
    queue = side.queue()
    queue.send("a")
    (message,) = queue.receive()
    side.pass_(30 * SECOND)
    return answer(queue.delete, message=message), queue.bodies()


def a_delete_by_an_older_receipt(side: Side) -> str:
    queue = side.queue()
    queue.send("a")
    (message,) = queue.receive()
    queue.hold(message, 0)
    queue.receive()
    return str(answer(queue.delete, message=message))


def a_hold_of_what_is_not_in_flight(side: Side) -> str:
    queue = side.queue()
    queue.send("a")
    (message,) = queue.receive()
    side.pass_(30 * SECOND)
    return str(answer(queue.hold, message=message, seconds=60))


def a_hold_of_less_than_nothing(side: Side) -> str:
    queue = side.queue()
    queue.send("a")
    (message,) = queue.receive()
    return str(answer(queue.hold, message=message, seconds=-1))


def a_hold_of_what_was_sent_13_hours_ago(side: Side) -> str:
    queue = side.queue()
    queue.send("a")
    side.pass_(13 * HOUR)
    (message,) = queue.receive()
    return str(answer(queue.hold, message=message, seconds=60))


def what_is_older_than_the_retention(side: Side) -> list[str]:
    queue = side.queue()
    queue.send("a", "one")
    side.pass_(14 * DAY)
    queue.send("b", "other")
    return queue.bodies()


def the_retention_of_dead_letters(side: Side) -> list[str]:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=1)
    queue.send("a")
    side.pass_(13 * DAY)
    queue.receive()
    side.pass_(MINUTE)
    queue.receive()
    side.pass_(2 * DAY)
    return dead.bodies()


def the_id_of_a_dead_letter(side: Side) -> bool:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=1)
    queue.send("a")
    queue.receive()
    side.pass_(MINUTE)
    queue.receive()
    (buried,) = dead.receive()
    return bool(buried["Attributes"]["MessageDeduplicationId"] == buried["MessageId"])


def the_source_of_a_dead_letter(side: Side) -> bool:
    dead = side.queue("dead")
    queue = side.queue(dead=dead, max_receives=1)
    queue.send("a")
    queue.receive()
    side.pass_(MINUTE)
    queue.receive()
    (buried,) = dead.receive()
    return str(buried["Attributes"].get("DeadLetterQueueSourceArn")).endswith(":retry.fifo")


def a_group_is_served_before_another_begins(side: Side) -> list[str]:
    queue = side.queue()
    for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")):
        queue.send(body, group)
    return queue.bodies(2)


def a_text_whose_bytes_are_too_many(side: Side) -> str:
    return str(answer(side.queue().send, body="ї" * 600_000))


def a_text_with_a_forbidden_character(side: Side) -> str:
    return str(answer(side.queue().send, body="a\x00b"))


def an_empty_text(side: Side) -> str:
    return str(answer(side.queue().send, body=""))


def a_group_id_of_129_characters(side: Side) -> str:
    return str(answer(side.queue().send, body="a", group="g" * 129))


# --- DynamoDB


def write(side: Side, **attributes: Any) -> str:
    return str(answer(side.dynamodb.put_item, TableName=TABLE, Item=KEY | attributes))


def read(side: Side) -> Any:
    return side.dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"]


def delete_if(side: Side, condition: str, values: Any = None, names: Any = None) -> str:
    placeholders = {"ExpressionAttributeValues": values, "ExpressionAttributeNames": names}
    given = {name: value for name, value in placeholders.items() if value}
    return str(answer(side.dynamodb.delete_item, TableName=TABLE, Key=KEY, ConditionExpression=condition, **given))


def a_number_of_39_digits(side: Side) -> str:
    return write(side, n={"N": "1" * 39})


def a_number_with_zeroes_that_mean_nothing(side: Side) -> str:
    write(side, n={"N": "1.50"})
    return str(read(side)["n"]["N"])


def an_item_of_409_600_bytes(side: Side) -> str:
    return write(side, t={"S": "x" * (409_600 - len("pkaskentryt"))})


def what_an_update_too_large_leaves_behind(side: Side) -> bool:
    update = {
        "UpdateExpression": "SET #t = :t",
        "ExpressionAttributeNames": {"#t": "t"},
        "ExpressionAttributeValues": {":t": {"S": "x" * 410_000}},
    }
    answer(side.dynamodb.update_item, TableName=TABLE, Key=KEY, **update)
    return "Item" in side.dynamodb.get_item(TableName=TABLE, Key=KEY)


def what_a_refused_update_changes_before_it_is_refused(side: Side) -> bool:
    write(side, a={"S": "x"}, b={"S": "y"})
    update = {
        "UpdateExpression": "REMOVE #b ADD #a :one",
        "ExpressionAttributeNames": {"#a": "a", "#b": "b"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    assert answer(side.dynamodb.update_item, TableName=TABLE, Key=KEY, **update) == "ValidationException"
    return "b" not in read(side)


def a_text_ordered_before_a_number(side: Side) -> str:
    write(side, n={"N": "1"})
    return delete_if(side, "#n < :text", {":text": {"S": "x"}}, {"#n": "n"})


def a_double_negation(side: Side) -> str:
    write(side)
    return delete_if(side, "NOT NOT attribute_exists(pk)")


def a_value_unused_in_a_condition(side: Side) -> str:
    return delete_if(side, "attribute_not_exists(pk)", {":x": {"S": "x"}})


def a_value_missing_in_a_condition(side: Side) -> str:
    return delete_if(side, "#a = :x", None, {"#a": "a"})


def a_name_missing_in_a_condition(side: Side) -> str:
    return delete_if(side, "#b = :x", {":x": {"S": "x"}}, {"#a": "a"})


def a_value_unused_in_a_query(side: Side) -> str:
    values = {":pk": {"S": "a"}, ":x": {"S": "x"}}
    return str(
        answer(
            side.dynamodb.query,
            TableName=TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values,
        )
    )


def a_page_that_its_limit_ended(side: Side) -> bool:
    write(side)
    call = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}, "Limit": 1}
    return "LastEvaluatedKey" in side.dynamodb.query(TableName=TABLE, **call)


# --- Parameter Store


def pages_of_ten_parameters(side: Side) -> list[int]:
    for n in range(10):
        side.ssm.put_parameter(Name=f"/path/{n}", Value="x", Type="String")
    first = side.ssm.get_parameters_by_path(Path="/path")
    more = [side.ssm.get_parameters_by_path(Path="/path", NextToken=first["NextToken"])] if "NextToken" in first else []
    return [len(page["Parameters"]) for page in (first, *more)]


def a_path_without_its_first_slash(side: Side) -> str:
    return str(answer(side.ssm.get_parameters_by_path, Path="path"))


EXACTLY_ONCE = "Exactly-once processing in Amazon SQS"
DELIVERY = "FIFO queue delivery logic in Amazon SQS"
VISIBILITY = "Amazon SQS visibility timeout"
DEAD_LETTERS = "Using dead-letter queues in Amazon SQS"
DEDUPLICATION_ID = "Using the message deduplication ID in Amazon SQS"
EXPRESSIONS = "Condition and filter expressions, operators, and functions in DynamoDB"

DIFFERENCES = [
    Difference(a_repeated_id_after_the_first_was_consumed, DEDUPLICATION_ID, [], ["b"]),
    Difference(the_same_id_in_two_groups, "High throughput for FIFO queues in Amazon SQS", ["a", "b"], ["a"]),
    Difference(the_answer_to_a_repeated_id_names_the_first, EXACTLY_ONCE, True, False),
    Difference(numbers_grow_with_the_order, "SendMessage", True, False),
    Difference(max_receive_count_of_1001, "CreateQueue", "InvalidParameterValue", "taken"),
    Difference(a_batch_whose_time_is_over, DELIVERY, ["a", "b"], ["b"]),
    Difference(a_follower_held_longer_than_the_first, DELIVERY, ["a", "b"], ["b"]),
    Difference(a_delete_after_the_time_out, "DeleteMessage", ("InvalidParameterValue", ["a"]), ("taken", [])),
    Difference(a_delete_by_an_older_receipt, "DeleteMessage", "InvalidParameterValue", "taken"),
    Difference(
        a_hold_of_what_is_not_in_flight,
        "ChangeMessageVisibility",
        "AWS.SimpleQueueService.MessageNotInflight",
        "taken",
    ),
    Difference(a_hold_of_less_than_nothing, "ChangeMessageVisibility", "InvalidParameterValue", "taken"),
    Difference(a_hold_of_what_was_sent_13_hours_ago, VISIBILITY, "taken", "InvalidParameterValue"),
    Difference(what_is_older_than_the_retention, "SetQueueAttributes", ["b"], []),
    Difference(the_retention_of_dead_letters, "Setting-up dead-letter queue retention in Amazon SQS", ["a"], []),
    Difference(the_id_of_a_dead_letter, DEAD_LETTERS, True, False),
    Difference(the_source_of_a_dead_letter, "ReceiveMessage", True, False),
    Difference(a_group_is_served_before_another_begins, DELIVERY, ["a1", "a2"], ["a1", "b1"]),
    Difference(a_text_whose_bytes_are_too_many, "Amazon SQS message quotas", "InvalidParameterValue", "taken"),
    Difference(a_text_with_a_forbidden_character, "SendMessage", "InvalidMessageContents", "taken"),
    Difference(an_empty_text, "SendMessage", "MissingParameter", "taken"),
    Difference(a_group_id_of_129_characters, "SendMessage", "InvalidParameterValue", "taken"),
    Difference(
        a_number_of_39_digits,
        "Supported data types and naming rules in Amazon DynamoDB",
        "ValidationException",
        "taken",
    ),
    Difference(a_number_with_zeroes_that_mean_nothing, "DynamoDB item sizes and formats", "1.5", "1.50"),
    Difference(an_item_of_409_600_bytes, "DynamoDB item sizes and formats", "taken", "ValidationException"),
    Difference(what_an_update_too_large_leaves_behind, "UpdateItem", False, True),
    Difference(what_a_refused_update_changes_before_it_is_refused, "UpdateItem", False, True),
    Difference(a_text_ordered_before_a_number, EXPRESSIONS, "ConditionalCheckFailedException", "TypeError"),
    Difference(a_double_negation, EXPRESSIONS, "taken", "ValueError"),
    Difference(a_value_unused_in_a_condition, "DeleteItem", "ValidationException", "taken"),
    Difference(a_value_missing_in_a_condition, "DeleteItem", "ValidationException", "KeyError"),
    Difference(a_name_missing_in_a_condition, "DeleteItem", "ValidationException", "KeyError"),
    Difference(a_value_unused_in_a_query, "Query", "ValidationException", "taken"),
    Difference(a_page_that_its_limit_ended, "Paginating table query results in DynamoDB", True, False),
    Difference(pages_of_ten_parameters, "GetParametersByPath", [10], [10, 0]),
    Difference(a_path_without_its_first_slash, "GetParametersByPath", "ValidationException", "taken"),
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: one.behaviour.__name__.replace("_", " "))
def test_the_fake_follows_the_documentation_where_moto_does_not(
    difference: Difference, both: tuple[Side, Side]
) -> None:
    fake, moto = both
    assert difference.behaviour(fake) == difference.documented, difference.page
    assert difference.behaviour(moto) == difference.moto
