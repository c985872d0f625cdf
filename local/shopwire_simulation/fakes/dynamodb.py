"""A fake DynamoDB client with one table in memory. The table has the string keys pk and sk.

It follows AWS's API reference of each operation, "Service, account, and table quotas", "Querying tables in DynamoDB"
and "Time to Live (TTL)". A stored item is never changed in place, so an answer shares its values with the table. All
reads are strongly consistent.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from shopwire_simulation.fakes.errors import client_error
from shopwire_simulation.fakes.expressions import (
    CompiledExpressions,
    KeyCondition,
    compile_expressions,
    parse_key_condition,
)
from shopwire_simulation.fakes.operations import Clock, FakeClient, Hook, operation
from shopwire_simulation.fakes.values import MAX_ITEM_BYTES, Invalid, Item, normalize, primary_key, size

_PAGE_BYTES = 1 << 20
_MAX_BATCH_KEYS = 100
_MAX_BATCH_WRITES = 25
_MAX_BATCH_BYTES = 16 << 20
_TTL_ATTRIBUTE = "expires"
_TTL_DELAY_MS = 48 * 3_600_000
_TTL_MAX_AGE_MS = 5 * 365 * 86_400_000


@dataclass(slots=True)
class _Partition:
    number: int
    items: dict[str, Item] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


class FakeDynamoDB(FakeClient):
    """One table.

    Args:
        clock: returns UTC milliseconds. Only `delete_expired` uses it.
        table: the name of the table.
    """

    def __init__(self, clock: Clock, hook: Hook | None = None, *, table: str = "shopwire") -> None:
        super().__init__(hook)
        self._clock = clock
        self._name = table
        self._partitions: dict[str, _Partition] = {}
        self.unprocessed: Callable[[int], int] = lambda keys: 0
        """Returns how many of a batch's keys stay unread, as if only a part of the call were throttled."""
        self.unwritten: Callable[[int], int] = lambda requests: 0
        """Returns how many of a batch's writes are not made, as if only a part of the call were throttled."""
        self.on_write: Callable[[Item | None, Item | None], None] = lambda before, after: None
        """Called after each write that was made, with the item before and after it. None: there is no item."""

    def __len__(self) -> int:
        return sum(len(partition.items) for partition in self._partitions.values())

    def items(self) -> Iterator[Item]:
        """Yield all items in DynamoDB's typed form."""
        for partition in self._partitions.values():
            yield from partition.items.values()

    def count(self, pk: str) -> int:
        """Return the number of items in a partition."""
        return len(self._partitions[pk].items) if pk in self._partitions else 0

    def delete_expired(self) -> int:
        """Delete the items that expired two days ago, and return their number.

        AWS deletes an expired item within a few days. An item that expired more than five years ago stays.
        """
        now = self._clock()
        latest, earliest = (now - _TTL_DELAY_MS) / 1000, (now - _TTL_MAX_AGE_MS) / 1000
        expired = [
            item
            for item in self.items()
            if _TTL_ATTRIBUTE in item and earliest < float(item[_TTL_ATTRIBUTE]["N"]) <= latest
        ]
        for item in expired:
            self._delete(primary_key(item))
        return len(expired)

    @operation
    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> dict[str, Any]:
        self._check("get_item", TableName)
        with_key = self._key("get_item", Key)
        item = self._find(with_key)
        return {} if item is None else {"Item": dict(item)}

    @operation
    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        (name, wanted), *others = RequestItems.items()
        if others:
            raise NotImplementedError("not simulated: more than one table")
        self._check("batch_get_item", name)
        keys = wanted["Keys"]
        pairs = [self._key("batch_get_item", key) for key in keys]
        if len(pairs) > _MAX_BATCH_KEYS:
            raise _invalid("batch_get_item", "Too many items requested for the BatchGetItem call")
        if len(set(pairs)) < len(pairs):
            raise _invalid("batch_get_item", "Provided list of item keys contains duplicates")
        read = len(pairs) - self.unprocessed(len(pairs))
        if read <= 0 < len(pairs):
            raise client_error("batch_get_item", "ProvisionedThroughputExceededException", "Rate exceeded")
        found: list[Item] = []
        left = _MAX_BATCH_BYTES
        for index, pair in enumerate(pairs[:read]):
            item = self._find(pair)
            if item is None:
                continue
            if len(pairs) * MAX_ITEM_BYTES > _MAX_BATCH_BYTES:  # fewer items always fit
                left -= size(item)
            if left < 0:
                read = index
                break
            found.append(dict(item))
        rest = {name: {**wanted, "Keys": keys[read:]}} if read < len(keys) else {}
        return {"Responses": {name: found}, "UnprocessedKeys": rest}

    @operation
    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        (name, requests), *others = RequestItems.items()
        if others or any(set(request) != {"DeleteRequest"} for request in requests):
            raise NotImplementedError("not simulated: more than one table, and PutRequest")
        self._check("batch_write_item", name)
        if not 1 <= len(requests) <= _MAX_BATCH_WRITES:
            raise _invalid("batch_write_item", "Member must have length less than or equal to 25 and at least 1")
        pairs = [self._key("batch_write_item", request["DeleteRequest"]["Key"]) for request in requests]
        if len(set(pairs)) < len(pairs):
            raise _invalid("batch_write_item", "Provided list of item keys contains duplicates")
        written = len(pairs) - self.unwritten(len(pairs))
        if written <= 0:
            raise client_error("batch_write_item", "ProvisionedThroughputExceededException", "Rate exceeded")
        for pair in pairs[:written]:
            self._delete(pair)
        return {"UnprocessedItems": {name: list(requests[written:])} if written < len(requests) else {}}

    @operation
    def put_item(
        self,
        *,
        TableName: str,
        Item: Item,
        ConditionExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        self._check("put_item", TableName)
        pair = self._key("put_item", Item)
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        before = self._find(pair)
        try:
            expressions = _compiled("", ConditionExpression, names, values)
            _require("put_item", expressions, before, values, ReturnValuesOnConditionCheckFailure)
            after = {name: normalize(value) for name, value in Item.items()}
            item_bytes = size(after)
            if item_bytes > MAX_ITEM_BYTES:
                raise Invalid("Item size has exceeded the maximum allowed size")
        except Invalid as error:
            raise _invalid("put_item", str(error)) from None
        self._store(pair, after, item_bytes)
        return _attributes("put_item", ReturnValues, before, None)

    @operation
    def update_item(
        self,
        *,
        TableName: str,
        Key: Item,
        UpdateExpression: str,
        ConditionExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        self._check("update_item", TableName)
        pair = self._key("update_item", Key)
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        before = self._find(pair)
        try:
            expressions = _compiled(UpdateExpression, ConditionExpression, names, values)
            _require("update_item", expressions, before, values, ReturnValuesOnConditionCheckFailure)
            assert expressions.change
            after = expressions.change({"pk": Key["pk"], "sk": Key["sk"]} if before is None else before, values)
            item_bytes = size(after)
            if item_bytes > MAX_ITEM_BYTES:
                raise Invalid("Item size to update has exceeded the maximum allowed size")
        except Invalid as error:
            raise _invalid("update_item", str(error)) from None
        self._store(pair, after, item_bytes)
        return _attributes("update_item", ReturnValues, before, after)

    @operation
    def delete_item(
        self,
        *,
        TableName: str,
        Key: Item,
        ConditionExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        self._check("delete_item", TableName)
        pair = self._key("delete_item", Key)
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        before = self._find(pair)
        try:
            expressions = _compiled("", ConditionExpression, names, values)
            _require("delete_item", expressions, before, values, ReturnValuesOnConditionCheckFailure)
        except Invalid as error:
            raise _invalid("delete_item", str(error)) from None
        self._delete(pair)
        return _attributes("delete_item", ReturnValues, before, None)

    @operation
    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Mapping[str, Any],
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ConsistentRead: bool = False,
        Limit: int | None = None,
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        self._check("query", TableName)
        condition = parse_key_condition(KeyConditionExpression, tuple((ExpressionAttributeNames or {}).items()))
        if ExpressionAttributeValues.keys() != {condition.partition, condition.sort} - {""}:
            raise _invalid("query", "The values given are not those that the expression uses")
        pk = ExpressionAttributeValues[condition.partition]["S"]
        sort = ExpressionAttributeValues[condition.sort] if condition.sort else {"S": ""}
        if not pk or (condition.sort and not sort["S"]):
            raise _invalid(
                "query", "One or more parameter values are not valid: an empty string value in a key condition"
            )
        partition = self._partitions.get(pk)
        if partition is None:
            return {"Items": [], "Count": 0, "ScannedCount": 0}
        begin, end = _range(partition.order, condition, sort["S"])
        if ExclusiveStartKey:
            begin = max(begin, bisect_right(partition.order, ExclusiveStartKey["sk"]["S"]))
        found: list[Item] = []
        left = _PAGE_BYTES
        for sk in partition.order[begin:end]:
            if len(found) == Limit:
                break
            left -= partition.sizes[sk]
            if left < 0:
                break
            found.append(dict(partition.items[sk]))
        answer = {"Items": found, "Count": len(found), "ScannedCount": len(found)}
        # If the limit ended the page, DynamoDB does not know whether it was the last one.
        if found and (len(found) < end - begin or len(found) == Limit):
            answer["LastEvaluatedKey"] = {name: found[-1][name] for name in ("pk", "sk")}
        return answer

    @operation
    def scan(
        self,
        *,
        TableName: str,
        FilterExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ProjectionExpression: str = "",
        ConsistentRead: bool = False,
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        self._check("scan", TableName)
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        try:
            test = _compiled("", FilterExpression, names, values).test
        except Invalid as error:
            raise _invalid("scan", str(error)) from None
        shown = [name.strip() for name in ProjectionExpression.split(",")] if ProjectionExpression else None
        found: list[Item] = []
        seen, left = 0, _PAGE_BYTES
        last: Item | None = None
        more = False
        for item in self._behind(ExclusiveStartKey):
            left -= size(item)
            if left < 0 and last is not None:
                more = True
                break
            seen, last = seen + 1, item
            if test is None or test(item, values):
                found.append(dict(item) if shown is None else {name: item[name] for name in shown if name in item})
        answer = {"Items": found, "Count": len(found), "ScannedCount": seen}
        if more and last is not None:
            answer["LastEvaluatedKey"] = {name: last[name] for name in ("pk", "sk")}
        return answer

    # -- storage --

    def _check(self, operation: str, name: str) -> None:
        if name != self._name:
            raise client_error(operation, "ResourceNotFoundException", "Requested resource not found")

    @staticmethod
    def _key(operation: str, item: Item) -> tuple[str, str]:
        try:
            return primary_key(item)
        except Invalid as error:
            raise _invalid(operation, str(error)) from None

    def _find(self, pair: tuple[str, str]) -> Item | None:
        partition = self._partitions.get(pair[0])
        return None if partition is None else partition.items.get(pair[1])

    def _store(self, pair: tuple[str, str], item: Item, item_bytes: int) -> None:
        pk, sk = pair
        partition = self._partitions.get(pk)
        if partition is None:
            partition = self._partitions[pk] = _Partition(len(self._partitions))
        if sk not in partition.items:
            insort(partition.order, sk)
        before = partition.items.get(sk)
        partition.items[sk] = item
        partition.sizes[sk] = item_bytes
        self.on_write(before, item)

    def _delete(self, pair: tuple[str, str]) -> None:
        # An empty partition keeps its number, so a scan can go on from an item that was deleted.
        pk, sk = pair
        partition = self._partitions.get(pk)
        if partition is not None and (before := partition.items.pop(sk, None)) is not None:
            del partition.order[bisect_left(partition.order, sk)], partition.sizes[sk]
            self.on_write(before, None)

    def _behind(self, start: Item | None) -> Iterator[Item]:
        partitions = list(self._partitions.values())
        begin, sk = (self._partitions[start["pk"]["S"]].number, start["sk"]["S"]) if start else (0, "")
        for partition in partitions[begin:]:
            for name in partition.order[bisect_right(partition.order, sk) :]:
                yield partition.items[name]
            sk = ""


def _compiled(update: str, condition: str, names: Mapping[str, str], values: Mapping[str, Any]) -> CompiledExpressions:
    expressions = compile_expressions(update, condition, tuple(names.items()))
    expressions.check(values)
    return expressions


def _require(
    operation: str, expressions: CompiledExpressions, before: Item | None, values: Mapping[str, Any], shown: str
) -> None:
    if expressions.test is None or expressions.test(before or {}, values):
        return
    error = client_error(operation, "ConditionalCheckFailedException", "The conditional request failed")
    if before is not None and shown == "ALL_OLD":
        error.response["Item"] = dict(before)  # type: ignore[typeddict-unknown-key]
    raise error


def _attributes(operation: str, wanted: str, before: Item | None, after: Item | None) -> dict[str, Any]:
    allowed = ("NONE", "ALL_OLD", "ALL_NEW") if operation == "update_item" else ("NONE", "ALL_OLD")
    if wanted not in allowed:
        raise NotImplementedError(f"not simulated: ReturnValues {wanted} of {operation}")
    item = {"ALL_OLD": before, "ALL_NEW": after}.get(wanted)
    return {} if item is None else {"Attributes": dict(item)}


def _range(order: list[str], condition: KeyCondition, sort: str) -> tuple[int, int]:
    """Return the begin and end of the sort keys for which the key condition holds."""
    match condition.sign:
        case "=":
            return bisect_left(order, sort), bisect_right(order, sort)
        case "<":
            return 0, bisect_left(order, sort)
        case "<=":
            return 0, bisect_right(order, sort)
        case ">":
            return bisect_right(order, sort), len(order)
        case ">=":
            return bisect_left(order, sort), len(order)
        case "begins_with":
            begin = bisect_left(order, sort)
            end = begin
            while end < len(order) and order[end].startswith(sort):
                end += 1
            return begin, end
    return 0, len(order)


def _invalid(operation: str, message: str) -> ClientError:
    return client_error(operation, "ValidationException", message)
