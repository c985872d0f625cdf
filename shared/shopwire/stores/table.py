"""The DynamoDB table, read and written in Python values. The stores know what the items mean that use it.

Only the low-level client is used, because the resource layer costs cold start. Each failure becomes one of three
exceptions, so that callers decide by what happened, not by a vendor's code.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shopwire.errors import ConditionFailed, ItemTooLarge, TableUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

MAX_BATCH_DELETES = 25
"""The number of items that DynamoDB deletes with one call (AWS, "BatchWriteItem")."""
# DynamoDB throttles the items of a batch one by one, so a second attempt mostly deletes the others.
_DELETE_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Key:
    """The primary key of an item."""

    pk: str
    sk: str = "entry"

    def typed(self) -> dict[str, Any]:
        """Return the key in DynamoDB's typed form."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}


class Table:
    """Reads and writes items. Every method may raise TableUnavailable.

    All reads are consistent, because a stale read would undo what the conditions protect. The exception is
    `get_eventual`, at half the price, for callers that use only what never becomes untrue.
    """

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: Key) -> Item | None:
        """Return the item; None if there is none."""
        answer = self._call("get_item", Key=key.typed(), ConsistentRead=True)
        return _plain(answer["Item"]) if "Item" in answer else None

    def get_eventual(self, key: Key) -> Item | None:
        """Return the item as it was a moment ago; None if there was none."""
        answer = self._call("get_item", Key=key.typed(), ConsistentRead=False)
        return _plain(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return those of the items that exist. At most 100 keys."""
        wanted = [key.typed() for key in dict.fromkeys(keys)]
        if not wanted:
            return {}
        answer = self._call(
            "batch_get_item", RequestItems={self._name: {"Keys": wanted, "ConsistentRead": True}}, table=False
        )
        if answer.get("UnprocessedKeys"):
            raise TableUnavailable("throttled")
        items = map(_plain, answer["Responses"].get(self._name, []))
        return {Key(item["pk"], item["sk"]): item for item in items}

    def put(self, key: Key, item: Mapping[str, Any]) -> None:
        """Write an item, in place of any earlier one.

        Raises:
            ItemTooLarge.
        """
        self._call("put_item", Item=_typed({"pk": key.pk, "sk": key.sk, **item}))

    def delete(self, key: Key, *, condition: str = "", values: Mapping[str, Any] | None = None) -> None:
        """Delete an item. It is not an error if there is none.

        Raises:
            ConditionFailed, TableUnavailable.
        """
        call: dict[str, Any] = {"Key": key.typed()}
        if condition:
            expression, names = _named(condition)
            call |= {"ConditionExpression": expression, "ExpressionAttributeNames": names}
            call["ExpressionAttributeValues"] = _typed(values or {})
            call["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        self._call("delete_item", **call)

    def delete_many(self, keys: Iterable[Key]) -> list[Key]:
        """Delete at most MAX_BATCH_DELETES items with one call, or more calls if DynamoDB throttles some of the items.

        Returns:
            The keys of the items that it did not delete.
        """
        requests: list[Any] = [{"DeleteRequest": {"Key": key.typed()}} for key in dict.fromkeys(keys)]
        for _ in range(_DELETE_ATTEMPTS):
            if not requests:
                break
            answer = self._call("batch_write_item", RequestItems={self._name: requests}, table=False)
            requests = answer.get("UnprocessedItems", {}).get(self._name, [])
        left = (_plain(request["DeleteRequest"]["Key"]) for request in requests)
        return [Key(item["pk"], item["sk"]) for item in left]

    def update(
        self,
        key: Key,
        change: Mapping[str, Any],
        *,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        once: Mapping[str, Any] | None = None,
        append: Mapping[str, list[str]] | None = None,
        add: Mapping[str, int] | None = None,
    ) -> Item:
        """Make one conditional write. Return the item as it was before; {} if there was none.

        Args:
            change: attributes to set. None removes an attribute.
            condition: a DynamoDB condition expression, with plain attribute names, and values as :name of `values`.
            once: attributes to set only if they are missing.
            append: texts to append to lists.
            add: numbers to add.

        Raises:
            ConditionFailed, ItemTooLarge, TableUnavailable.
        """
        every = {**change, **(once or {}), **(append or {}), **(add or {})}
        names = {f"#{name}": name for name in every}
        # An attribute may be written and compared with two different values, so written values are called ":new_...".
        holders = {f":new_{name}": value for name, value in every.items() if value is not None} | dict(values or {})
        sets = [f"#{name} = :new_{name}" for name, value in change.items() if value is not None]
        sets += [f"#{name} = if_not_exists(#{name}, :new_{name})" for name in once or ()]
        sets += [f"#{name} = list_append(if_not_exists(#{name}, :nothing), :new_{name})" for name in append or ()]
        removes = [f"#{name}" for name, value in change.items() if value is None]
        if append:
            holders[":nothing"] = []
        parts = [("SET", sets), ("REMOVE", removes), ("ADD", [f"#{name} :new_{name}" for name in add or ()])]
        call: dict[str, Any] = {
            "Key": key.typed(),
            "UpdateExpression": " ".join(f"{word} {', '.join(terms)}" for word, terms in parts if terms),
            "ExpressionAttributeNames": names,
            "ReturnValues": "ALL_OLD",
        }
        if holders:
            call["ExpressionAttributeValues"] = _typed(holders)
        if condition:
            expression, named = _named(condition)
            call["ConditionExpression"] = expression
            names.update(named)
            call["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return _plain(self._call("update_item", **call).get("Attributes", {}))

    def query(self, pk: str, *, after: str | None = None, limit: int = 100) -> list[Item]:
        """Return up to `limit` items of a partition, in the order of their sort keys, starting after `after`."""
        values = {":pk": pk} | ({":after": after} if after else {})
        answer = self._call(
            "query",
            KeyConditionExpression="pk = :pk" + (" AND sk > :after" if after else ""),
            ExpressionAttributeValues=_typed(values),
            ConsistentRead=True,
            Limit=limit,
        )
        return [_plain(item) for item in answer["Items"]]

    def scan(self, prefix: str) -> Iterator[Item]:
        """Yield all items whose partition key begins with `prefix`. This reads the whole table."""
        return self._scan(prefix)

    def scan_keys(self, prefix: str) -> Iterator[Key]:
        """Yield the keys of all items whose partition key begins with `prefix`. This reads the whole table."""
        for item in self._scan(prefix, ProjectionExpression="pk, sk"):
            yield Key(item["pk"], item["sk"])

    def _scan(self, prefix: str, **more: Any) -> Iterator[Item]:
        call: dict[str, Any] = {
            "FilterExpression": "begins_with(pk, :prefix)",
            "ExpressionAttributeValues": _typed({":prefix": prefix}),
            "ConsistentRead": True,
            **more,
        }
        while True:
            answer = self._call("scan", **call)
            yield from map(_plain, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            call["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _call(self, operation: str, *, table: bool = True, **arguments: Any) -> Any:
        if table:
            arguments["TableName"] = self._name
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                item: Any = error.response.get("Item")
                raise ConditionFailed(_plain(item) if item else None) from None
            if code == "ValidationException":
                if "size" in error.response["Error"]["Message"].lower():
                    raise ItemTooLarge from None
                raise  # a bug of ours, which no retry heals
            raise TableUnavailable(code) from None
        except BotoCoreError as error:
            raise TableUnavailable(type(error).__name__) from None


# An attribute's name in a condition is a lower-case word that is neither a value (:name) nor a function (name(...)).
_NAME = re.compile(r"(?<![:\w])[a-z_]+\b(?!\()")


@cache
def _named(condition: str) -> tuple[str, dict[str, str]]:
    """Return the condition with placeholders for its attributes, and the placeholders. A plain name may be one of
    DynamoDB's reserved words."""
    return _NAME.sub(r"#\g<0>", condition), {f"#{name}": name for name in _NAME.findall(condition)}


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _typed_value(value) for name, value in values.items() if value is not None}


def _typed_value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case list() | tuple():
            return {"L": [_typed_value(part) for part in value]}
        case dict():
            return {"M": _typed(value)}
    raise TypeError(f"no DynamoDB type for {type(value).__name__}")


def _plain(item: Mapping[str, Any]) -> Item:
    return {name: _plain_value(value) for name, value in item.items()}


def _plain_value(typed: Mapping[str, Any]) -> Any:
    ((kind, value),) = typed.items()
    match kind:
        case "N":
            return int(value)
        case "L":
            return [_plain_value(part) for part in value]
        case "M":
            return _plain(value)
    return value
