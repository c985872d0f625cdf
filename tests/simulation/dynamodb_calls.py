"""Calls of DynamoDB for the tests of the fake: one item in the table, and its partition."""

from typing import Any

from tests.support.fakes import TABLE, Side

Item = dict[str, Any]
KEY = {"pk": {"S": "shop#order#1"}, "sk": {"S": "entry"}}


def put(side: Side, sk: str = "entry", pk: str = "shop#order#1", **attributes: Item) -> None:
    side.dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": pk}, "sk": {"S": sk}, **attributes})


def get(side: Side) -> Item | None:
    item: Item | None = side.dynamodb.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True).get("Item")
    return item


def names_in(*expressions: str) -> dict[str, str]:
    words = " ".join(expressions).replace("(", " ").replace(")", " ").replace(",", " ").split()
    return {word: word[1:] for word in words if word.startswith("#")}


def update(side: Side, change: str, values: Item | None = None, condition: str = "", **more: Any) -> Any:
    arguments: dict[str, Any] = {"TableName": TABLE, "Key": KEY, "UpdateExpression": change, **more}
    if names := names_in(change, condition):
        arguments["ExpressionAttributeNames"] = names
    if values:
        arguments["ExpressionAttributeValues"] = values
    if condition:
        arguments["ConditionExpression"] = condition
    return side.dynamodb.update_item(**arguments)


def query(side: Side, condition: str = "pk = :pk", **more: Any) -> Any:
    values = {":pk": KEY["pk"]} | more.pop("values", {})
    return side.dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        ConsistentRead=True,
        **more,
    )


def sort_keys(answer: Any) -> list[str]:
    return [item["sk"]["S"] for item in answer["Items"]]
