"""A DynamoDB client over a dict. Reads are consistent, time to live is not enforced (AWS: within a few days)."""

import base64
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from shopwire_local.simulation.fakes import expressions

Item = dict[str, Any]
Hook = Callable[[str, str], None]

# AWS, "Quotas": an item, names of attributes included.
_LARGEST = 400 * 1024
_MOST_IN_A_BATCH = 100


class FakeDynamoDB:
    """One table with the keys pk and sk. `clock` is not needed: nothing in it depends on time."""

    def __init__(self, clock: Callable[[], int], hook: Hook | None = None) -> None:
        self._hook = hook or (lambda operation, phase: None)
        self._partitions: dict[str, dict[str, Item]] = {}
        self._sorted: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))

    def items(self) -> Iterator[Item]:
        """Every item, as it is stored."""
        for partition in self._partitions.values():
            yield from partition.values()

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> Item:
        self._hook("get_item", "before")
        item = self._find(Key)
        self._hook("get_item", "after")
        return {"Item": dict(item)} if item is not None else {}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Item:
        self._hook("batch_get_item", "before")
        found: dict[str, list[Item]] = {}
        for table, wanted in RequestItems.items():
            keys = wanted["Keys"]
            if len(keys) > _MOST_IN_A_BATCH or len({_pair(key) for key in keys}) < len(keys):
                raise _error("ValidationException", "Too many or duplicate keys", "BatchGetItem")
            found[table] = [dict(item) for key in keys if (item := self._find(key)) is not None]
        self._hook("batch_get_item", "after")
        return {"Responses": found, "UnprocessedKeys": {}}

    def put_item(self, *, TableName: str, Item: Item) -> dict[str, Any]:
        self._hook("put_item", "before")
        if _size(Item) > _LARGEST:
            raise _error("ValidationException", "Item size has exceeded the maximum allowed size", "PutItem")
        self._store(dict(Item))
        self._hook("put_item", "after")
        return {}

    def update_item(
        self,
        *,
        TableName: str,
        Key: Item,
        UpdateExpression: str,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ConditionExpression: str = "",
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        self._hook("update_item", "before")
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        before = self._find(Key)
        if ConditionExpression and not expressions.condition(ConditionExpression)(before or {}, names, values):
            error = _error("ConditionalCheckFailedException", "The conditional request failed", "UpdateItem")
            if before is not None and ReturnValuesOnConditionCheckFailure == "ALL_OLD":
                error.response["Item"] = dict(before)  # type: ignore[typeddict-unknown-key]
            self._hook("update_item", "after")
            raise error
        after = expressions.update(UpdateExpression)(before or dict(Key), names, values)
        if _size(after) > _LARGEST:
            raise _error(
                "ValidationException", "Item size to update has exceeded the maximum allowed size", "UpdateItem"
            )
        self._store(after)
        self._hook("update_item", "after")
        return {"Attributes": dict(before)} if before is not None and ReturnValues == "ALL_OLD" else {}

    def delete_item(
        self,
        *,
        TableName: str,
        Key: Item,
        ConditionExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        self._hook("delete_item", "before")
        pk, sk = _pair(Key)
        if ConditionExpression and not expressions.condition(ConditionExpression)(
            self._find(Key) or {}, ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        ):
            raise _error("ConditionalCheckFailedException", "The conditional request failed", "DeleteItem")
        if self._partitions.get(pk, {}).pop(sk, None) is not None:
            self._sorted[pk].remove(sk)
        self._hook("delete_item", "after")
        return {}

    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Mapping[str, Any],
        ConsistentRead: bool = False,
        Limit: int = 1_000,
    ) -> dict[str, Any]:
        self._hook("query", "before")
        pk = ExpressionAttributeValues[":pk"]["S"]
        partition, keys = self._partitions.get(pk, {}), self._sorted.get(pk, [])
        after = ExpressionAttributeValues.get(":after")
        begin = bisect_right(keys, after["S"]) if after else 0
        test = expressions.condition(KeyConditionExpression)
        found = [dict(partition[sk]) for sk in keys[begin : begin + Limit]]
        found = [item for item in found if test(item, {}, ExpressionAttributeValues)]
        self._hook("query", "after")
        return {"Items": found, "Count": len(found)}

    def scan(
        self,
        *,
        TableName: str,
        FilterExpression: str,
        ExpressionAttributeValues: Mapping[str, Any],
        ProjectionExpression: str,
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        self._hook("scan", "before")
        test, names = expressions.condition(FilterExpression), ProjectionExpression.split(", ")
        found = [
            {name: item[name] for name in names if name in item}
            for item in self.items()
            if test(item, {}, ExpressionAttributeValues)
        ]
        self._hook("scan", "after")
        return {"Items": found, "Count": len(found)}

    def _find(self, key: Item) -> Item | None:
        pk, sk = _pair(key)
        return self._partitions.get(pk, {}).get(sk)

    def _store(self, item: Item) -> None:
        pk, sk = _pair(item)
        partition = self._partitions.setdefault(pk, {})
        if sk not in partition:
            insort(self._sorted.setdefault(pk, []), sk)
        partition[sk] = item


def _pair(key: Item) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _size(item: Item) -> int:
    """AWS, "DynamoDB item sizes and formats"."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(typed: Item) -> int:
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return len(value) // 2 + 2
        case "B":
            return len(value) if isinstance(value, bytes) else len(base64.b64decode(value))
        case "L":
            return 3 + sum(1 + _value_size(one) for one in value)
        case "M":
            return 3 + sum(1 + len(name) + _value_size(one) for name, one in value.items())
    return 1


def _error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
