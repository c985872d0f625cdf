"""The faster functions in place of moto's own (tests/support/fast_moto.py) return the same."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support import fast_moto
from tests.support.fakes import TABLE, make_moto

KEY = {"pk": {"S": "a"}, "sk": {"S": "entry"}}
NAMES = {"#a": "a", "#b": "b", "#list": "list", "#n": "n", "#map": "map", "#inner": "inner"}
VALUES = {
    ":text": {"S": "x"},
    ":seven": {"N": "7"},
    ":empty": {"L": []},
    ":list": {"L": [{"S": "y"}, {"BOOL": True}, {"M": {"z": {"N": "1"}}}]},
    ":map": {"M": {"inner": {"L": [{"S": "deep"}]}, "bytes": {"B": b"\xff"}, "none": {"NULL": True}}},
    ":set": {"SS": ["p", "q"]},
}
UPDATES = (
    "SET #a = :text, #map = :map",
    "SET #a = if_not_exists(#a, :seven), #b = if_not_exists(#b, :seven)",
    "SET #list = list_append(if_not_exists(#list, :empty), :list) REMOVE #b ADD #n :seven",
    "SET #list = list_append(if_not_exists(#list, :empty), :list) ADD #n :seven",
    "SET #map.#inner = :text, #a = #b",
    "REMOVE #list[1], #list[0]",
    "DELETE #a :set",
    "ADD #n :text",
    "SET #a = :text, #a = :seven",
    "SET #a = #n + :seven REMOVE #n",
    "SET #a = ",
    "REMOVE #map.#inner",
)


def answers(clients: dict[str, Any]) -> list[Any]:
    """Return what moto answers to each update, the item after it, and what a query and a scan return in the end."""
    with pytest.MonkeyPatch.context() as patch, fast_moto.empty_account():
        dynamodb = make_moto(patch, clients).dynamodb
        found = []
        for expression in UPDATES:
            used = {name: NAMES[name] for name in NAMES if name in expression}
            values = {name: VALUES[name] for name in VALUES if name in expression}
            arguments = {"ExpressionAttributeNames": used, "ExpressionAttributeValues": values}
            call = {"UpdateExpression": expression, "ReturnValues": "ALL_OLD"} | {
                name: argument for name, argument in arguments.items() if argument
            }
            found.append(answer(dynamodb.update_item, Key=KEY, **call))
            found.append(answer(dynamodb.get_item, Key=KEY))
        condition = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}}
        return [*found, answer(dynamodb.query, **condition), answer(dynamodb.scan)]


def answer(call: Any, **arguments: Any) -> Any:
    try:
        response = call(TableName=TABLE, **arguments)
    except ClientError as error:
        return error.response["Error"]
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def test_faster_functions_return_the_same_answers(aws_clients: dict[str, Any]) -> None:
    faster = answers(aws_clients)
    with fast_moto.original_functions():
        assert faster == answers(aws_clients)
    assert sum("Attributes" in found for found in faster) >= 5, "most updates must be valid"
