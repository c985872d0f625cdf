"""Keys, sizes, reads and expiry of DynamoDB, on the simulation's fake and on moto.

Differences between the two: test_fakes_differences.py.
"""

import pytest

from shopwire_simulation.fakes.values import MAX_ITEM_BYTES, size
from tests.simulation.dynamodb_calls import KEY, Item, get, put, query, sort_keys, update
from tests.support.fakes import DAY, HOUR, TABLE, Side, refused

# --- numbers and keys


@pytest.mark.parametrize(
    ("written", "read"), [("1.50", "1.5"), ("1E3", "1000"), ("-0", "0"), ("9" * 38, "9" * 38), ("007", "7")]
)
def test_number_is_returned_in_normal_form(fake_side: Side, written: str, read: str) -> None:
    put(fake_side, n={"N": written}, l={"L": [{"N": written}]})
    assert get(fake_side) == KEY | {"n": {"N": read}, "l": {"L": [{"N": read}]}}


def test_numbers_are_equal_by_value(fake_side: Side) -> None:
    put(fake_side, nine={"N": "9"}, l={"L": [{"N": "9"}]})
    update(fake_side, "SET #ok = :x", {":x": {"N": "9.00"}}, "#nine = :x AND contains(#l, :x)")


@pytest.mark.parametrize(
    "key", [{"pk": {"S": ""}, "sk": {"S": "x"}}, {"pk": {"S": "x"}, "sk": {"S": ""}}, {"pk": {"S": "x"}}]
)
def test_empty_or_missing_key_is_refused(side: Side, key: Item) -> None:
    with refused("ValidationException"):
        side.dynamodb.put_item(TableName=TABLE, Item=key)


def test_keys_may_have_2048_and_1024_bytes(side: Side) -> None:
    put(side, pk="é" * 1024, sk="é" * 512)
    with refused("ValidationException"):
        put(side, pk="é" * 1024 + "x")
    with refused("ValidationException"):
        put(side, sk="é" * 512 + "x")


def test_unknown_table_is_not_found(side: Side) -> None:
    with refused("ResourceNotFoundException"):
        side.dynamodb.get_item(TableName="another", Key=KEY)


# --- sizes


def test_item_may_have_400_kb(side: Side) -> None:
    put(side, text={"S": "x" * 400_000})
    with refused("ValidationException", "Item size has exceeded the maximum allowed size"):
        put(side, text={"S": "ї" * 220_000})
    item = get(side)
    assert item
    assert item["text"] == {"S": "x" * 400_000}


def test_item_limit_is_exact_and_includes_attribute_names(fake_side: Side) -> None:
    rest = MAX_ITEM_BYTES - size(KEY) - len("text")
    put(fake_side, text={"S": "x" * rest})
    with refused("ValidationException", "Item size has exceeded the maximum allowed size"):
        put(fake_side, text={"S": "x" * (rest + 1)})


def test_update_beyond_400_kb_is_refused_and_changes_nothing(side: Side) -> None:
    put(side, text={"S": "x" * 300_000})
    with refused("ValidationException", "Item size to update has exceeded the maximum allowed size"):
        update(side, "SET #more = :more", {":more": {"S": "ї" * 60_000}})
    item = get(side)
    assert item
    assert "more" not in item


@pytest.mark.parametrize(
    ("value", "bytes_"),
    [
        ({"S": "Київ"}, 8),
        ({"N": "0"}, 1),
        ({"N": "1234"}, 3),
        ({"N": "12300"}, 3),
        ({"N": "-0.012"}, 3),
        ({"B": b"12345"}, 5),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 1 + 2 + 1 + 2),
        ({"M": {"key": {"S": "ab"}}}, 3 + 1 + 3 + 2),
    ],
)
def test_item_size_is_calculated_as_documented(value: Item, bytes_: int) -> None:
    """AWS, "DynamoDB item sizes and formats"."""
    assert size({"name": value}) == len("name") + bytes_


# --- batches, queries and scans


def test_batch_returns_the_existing_items(side: Side) -> None:
    put(side, "a", n={"N": "1"})
    put(side, "c", n={"N": "3"})
    keys = [{"pk": KEY["pk"], "sk": {"S": name}} for name in "abc"]
    answer = side.dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
    assert sorted(item["n"]["N"] for item in answer["Responses"][TABLE]) == ["1", "3"]
    assert answer["UnprocessedKeys"] == {}


def test_batch_has_at_most_100_keys_without_duplicates(side: Side) -> None:
    keys = [{"pk": KEY["pk"], "sk": {"S": f"{n}"}} for n in range(101)]
    side.dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys[:100]}})
    with refused("ValidationException"):
        side.dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys}})
    with refused("ValidationException", "duplicates"):
        side.dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": [keys[0], keys[1], keys[0]]}})


def test_batch_returns_at_most_16_mb(fake_side: Side) -> None:
    for n in range(50):
        put(fake_side, f"{n:02d}", text={"S": "x" * 400_000})
    keys = [{"pk": KEY["pk"], "sk": {"S": f"{n:02d}"}} for n in range(50)]
    answer = fake_side.dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys}})
    read = (16 << 20) // size({**KEY, "sk": {"S": "00"}, "text": {"S": "x" * 400_000}})
    assert len(answer["Responses"][TABLE]) == read == 41
    assert answer["UnprocessedKeys"] == {TABLE: {"Keys": keys[41:]}}


def test_query_sorts_by_the_bytes_of_the_sort_key(side: Side) -> None:
    names = ["😀", "b", "Z", "é", "a", "10", "9", "\uffff"]
    for name in names:
        put(side, name)
    put(side, "c", pk="another")
    assert sort_keys(query(side)) == sorted(names, key=str.encode)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("sk > :sk", ["ab", "b", "c"]),
        ("sk >= :sk", ["aa", "ab", "b", "c"]),
        ("sk < :sk", ["a"]),
        ("sk <= :sk", ["a", "aa"]),
        ("sk = :sk", ["aa"]),
        ("begins_with(sk, :a)", ["a", "aa", "ab"]),
    ],
)
def test_query_can_be_limited_by_the_sort_key(side: Side, condition: str, found: list[str]) -> None:
    for name in ["c", "ab", "a", "aa", "b"]:
        put(side, name)
    values = {":a": {"S": "a"}} if ":a" in condition else {":sk": {"S": "aa"}}
    assert sort_keys(query(side, f"pk = :pk AND {condition}", values=values)) == found


def test_query_of_a_missing_partition_is_empty(side: Side) -> None:
    answer = query(side)
    assert (answer["Items"], "LastEvaluatedKey" in answer) == ([], False)


def test_limited_query_continues_after_its_last_key(side: Side) -> None:
    for n in range(5):
        put(side, f"{n}")
    first = query(side, Limit=2)
    second = query(side, Limit=2, ExclusiveStartKey=first["LastEvaluatedKey"])
    third = query(side, Limit=2, ExclusiveStartKey=second["LastEvaluatedKey"])
    assert [sort_keys(page) for page in (first, second, third)] == [["0", "1"], ["2", "3"], ["4"]]
    assert "LastEvaluatedKey" not in third


def test_page_of_a_query_has_at_most_1_mb(side: Side) -> None:
    for n in range(4):
        put(side, f"{n}", text={"S": "x" * 390_000})
    first = query(side)
    assert 2 <= len(first["Items"]) <= 3
    rest = query(side, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert sort_keys(first) + sort_keys(rest) == ["0", "1", "2", "3"]


def test_scan_returns_all_filtered_items_page_by_page(side: Side) -> None:
    for n in range(6):
        put(side, pk=f"{'wanted' if n % 2 else 'other'}#{n}", text={"S": "x" * 390_000})
    call = {
        "TableName": TABLE,
        "FilterExpression": "begins_with(pk, :prefix)",
        "ExpressionAttributeValues": {":prefix": {"S": "wanted"}},
        "ProjectionExpression": "pk, sk",
    }
    found, pages = [], 0
    while True:
        answer = side.dynamodb.scan(**call)
        found += answer["Items"]
        pages += 1
        if "LastEvaluatedKey" not in answer:
            break
        call["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    assert sorted(item["pk"]["S"] for item in found) == ["wanted#1", "wanted#3", "wanted#5"]
    assert all(item.keys() == {"pk", "sk"} for item in found)
    assert pages > 1


# --- time to live


def test_expired_item_stays_readable(side: Side) -> None:
    put(side, expires={"N": str(side.now // 1000)})
    side.pass_(47 * HOUR)
    assert get(side)


def test_items_are_deleted_two_days_after_they_expired(fake_side: Side) -> None:
    seconds = fake_side.now // 1000
    put(fake_side, "expired", expires={"N": str(seconds)})
    put(fake_side, "later", expires={"N": str(seconds + 1)})
    put(fake_side, "without expiry")
    put(fake_side, "expired long ago", expires={"N": str(seconds - 6 * 365 * DAY // 1000)})
    fake_side.pass_(48 * HOUR)
    assert fake_side.dynamodb.delete_expired() == 1
    assert sort_keys(query(fake_side)) == ["expired long ago", "later", "without expiry"]


# --- only on the fake


def test_throttled_batch_returns_unprocessed_keys(fake_side: Side) -> None:
    for name in "abc":
        put(fake_side, name)
    keys = [{"pk": KEY["pk"], "sk": {"S": name}} for name in "abc"]
    fake_side.dynamodb.unprocessed = lambda count: count - 1
    answer = fake_side.dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
    assert sort_keys({"Items": answer["Responses"][TABLE]}) == ["a"]
    assert answer["UnprocessedKeys"] == {TABLE: {"Keys": keys[1:], "ConsistentRead": True}}
    fake_side.dynamodb.unprocessed = lambda count: count
    with refused("ProvisionedThroughputExceededException"):
        fake_side.dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys}})


@pytest.mark.parametrize(
    "change", ["SET #a.#b = :a", "SET #a = #a + :a", "DELETE #a :a", "SET a = :a", "SET #a = :a,", "nonsense"]
)
def test_expression_that_is_not_simulated_raises(fake_side: Side, change: str) -> None:
    with pytest.raises(NotImplementedError):
        update(fake_side, change, {":a": {"N": "1"}})


def test_changing_an_answer_does_not_change_the_table(fake_side: Side) -> None:
    put(fake_side, a={"N": "1"})
    item = get(fake_side)
    assert item
    item["a"] = {"N": "2"}
    assert get(fake_side) == KEY | {"a": {"N": "1"}}
