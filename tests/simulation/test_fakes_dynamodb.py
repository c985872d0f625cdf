"""The behaviour of DynamoDB, on the simulation's fake and on moto. Differences: test_fakes_differences.py."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopwire_simulation.fakes.values import MAX_ITEM_BYTES, size
from tests.support.fakes import DAY, HOUR, TABLE, Side, outcome, refused

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


# --- conditional writes


def test_missing_item_is_not_returned(side: Side) -> None:
    assert get(side) is None


def test_update_creates_a_missing_item_and_returns_no_old_one(side: Side) -> None:
    answer = update(side, "SET #a = :a", {":a": {"S": "x"}}, "attribute_not_exists(#a)", ReturnValues="ALL_OLD")
    assert "Attributes" not in answer
    assert get(side) == KEY | {"a": {"S": "x"}}


def test_update_returns_the_old_or_the_new_item(side: Side) -> None:
    put(side, a={"N": "1"})
    old = update(side, "SET #a = :a", {":a": {"N": "2"}}, ReturnValues="ALL_OLD")
    new = update(side, "SET #b = :b", {":b": {"S": "y"}}, ReturnValues="ALL_NEW")
    assert old["Attributes"] == KEY | {"a": {"N": "1"}}
    assert new["Attributes"] == KEY | {"a": {"N": "2"}, "b": {"S": "y"}}
    assert "Attributes" not in update(side, "SET #b = :b", {":b": {"S": "z"}})


def test_refused_write_returns_the_item_and_changes_nothing(side: Side) -> None:
    put(side, a={"N": "1"}, keys={"L": [{"S": "x"}]})
    with refused("ConditionalCheckFailedException") as caught:
        update(
            side, "SET #a = :b", {":b": {"N": "2"}}, "attribute_not_exists(#a)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )  # fmt: skip
    assert caught.value.response["Item"] == KEY | {"a": {"N": "1"}, "keys": {"L": [{"S": "x"}]}}  # type: ignore[typeddict-item]
    assert get(side) == caught.value.response["Item"]  # type: ignore[typeddict-item]


def test_refused_write_returns_no_item_if_none_exists(side: Side) -> None:
    with refused("ConditionalCheckFailedException") as caught:
        update(
            side, "SET #a = :a", {":a": {"N": "2"}}, "attribute_exists(#a)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )  # fmt: skip
    assert not caught.value.response.get("Item")
    assert get(side) is None


def test_refused_write_returns_the_item_only_on_request(side: Side) -> None:
    put(side, a={"N": "1"})
    with refused("ConditionalCheckFailedException") as caught:
        update(side, "SET #a = :a", {":a": {"N": "2"}}, "attribute_not_exists(#a)")
    assert not caught.value.response.get("Item")


def test_put_replaces_the_whole_item(side: Side) -> None:
    put(side, a={"N": "1"}, b={"S": "x"})
    put(side, a={"N": "2"})
    assert get(side) == KEY | {"a": {"N": "2"}}


def test_put_is_refused_if_its_condition_fails(side: Side) -> None:
    put(side, a={"N": "1"})
    with refused("ConditionalCheckFailedException"):
        side.dynamodb.put_item(TableName=TABLE, Item=KEY, ConditionExpression="attribute_not_exists(pk)")
    assert get(side) == KEY | {"a": {"N": "1"}}


def test_delete_follows_its_condition_and_accepts_a_missing_item(side: Side) -> None:
    put(side, a={"N": "1"})
    condition = {"ConditionExpression": "#a = :a", "ExpressionAttributeNames": {"#a": "a"}}
    with refused("ConditionalCheckFailedException"):
        side.dynamodb.delete_item(TableName=TABLE, Key=KEY, ExpressionAttributeValues={":a": {"N": "2"}}, **condition)
    assert get(side)
    old = side.dynamodb.delete_item(
        TableName=TABLE, Key=KEY, ExpressionAttributeValues={":a": {"N": "1"}}, ReturnValues="ALL_OLD", **condition
    )
    assert old["Attributes"] == KEY | {"a": {"N": "1"}}
    assert get(side) is None
    side.dynamodb.delete_item(TableName=TABLE, Key=KEY)


# --- update expressions


def test_if_not_exists_keeps_the_existing_value(side: Side) -> None:
    change = "SET #first = if_not_exists(#first, :now), #last = :now"
    update(side, change, {":now": {"N": "1"}})
    update(side, change, {":now": {"N": "2"}})
    assert get(side) == KEY | {"first": {"N": "1"}, "last": {"N": "2"}}


def test_list_append_can_create_a_missing_list(side: Side) -> None:
    change = "SET #keys = list_append(if_not_exists(#keys, :none), :more)"
    update(side, change, {":none": {"L": []}, ":more": {"L": [{"S": "x"}]}})
    update(side, change, {":none": {"L": []}, ":more": {"L": [{"S": "y"}, {"N": "3"}]}})
    assert get(side) == KEY | {"keys": {"L": [{"S": "x"}, {"S": "y"}, {"N": "3"}]}}


def test_list_append_to_a_missing_list_is_refused(side: Side) -> None:
    with refused("ValidationException"):
        update(side, "SET #keys = list_append(#keys, :more)", {":more": {"L": [{"S": "x"}]}})


def test_add_to_a_missing_number_counts_from_zero(side: Side) -> None:
    update(side, "ADD #n :one", {":one": {"N": "1"}})
    update(side, "ADD #n :one", {":one": {"N": "-5"}})
    assert get(side) == KEY | {"n": {"N": "-4"}}


def test_add_to_a_text_is_refused(side: Side) -> None:
    put(side, n={"S": "1"})
    with refused("ValidationException", "incorrect data type"):
        update(side, "ADD #n :one", {":one": {"N": "1"}})
    assert get(side) == KEY | {"n": {"S": "1"}}


def test_remove_accepts_a_missing_attribute(side: Side) -> None:
    put(side, a={"N": "1"}, b={"N": "2"})
    update(side, "REMOVE #a, #c")
    assert get(side) == KEY | {"b": {"N": "2"}}


def test_set_remove_and_add_work_in_one_expression(side: Side) -> None:
    put(side, a={"N": "1"}, b={"N": "2"}, n={"N": "7"})
    update(side, "SET #c = :c REMOVE #a, #b ADD #n :one", {":c": {"BOOL": True}, ":one": {"N": "1"}})
    assert get(side) == KEY | {"c": {"BOOL": True}, "n": {"N": "8"}}


def test_set_reads_the_item_as_it_was_before(side: Side) -> None:
    put(side, a={"N": "1"}, b={"N": "2"})
    update(side, "SET #a = #b, #b = #a")
    assert get(side) == KEY | {"a": {"N": "2"}, "b": {"N": "1"}}


def test_set_from_a_missing_attribute_is_refused(side: Side) -> None:
    with refused("ValidationException", "refers to an attribute that does not exist in the item"):
        update(side, "SET #a = #b")


@pytest.mark.parametrize(
    ("change", "names", "values"),
    [
        ("SET #a = :a", {"#a": "a", "#b": "b"}, {":a": {"N": "1"}}),
        ("SET #a = :a", {"#a": "a"}, {":a": {"N": "1"}, ":b": {"N": "1"}}),
        ("SET #a = :a", {"#a": "a"}, {":b": {"N": "1"}}),
        ("SET #a = :a REMOVE #a", {"#a": "a"}, {":a": {"N": "1"}}),
        ("SET #a = :a, #b = :a", {"#a": "a", "#b": "a"}, {":a": {"N": "1"}}),
        ("SET #sk = :a", {"#sk": "sk"}, {":a": {"S": "other"}}),
    ],
    ids=["unused name", "unused value", "missing value", "set and removed", "set twice", "key"],
)
def test_invalid_expression_is_refused(side: Side, change: str, names: dict[str, str], values: Item) -> None:
    with refused("ValidationException"):
        side.dynamodb.update_item(
            TableName=TABLE,
            Key=KEY,
            UpdateExpression=change,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
    assert get(side) is None


# --- conditions

WHOLE: Item = {
    "text": {"S": "abcdef"},
    "nine": {"N": "9"},
    "keys": {"L": [{"S": "first"}, {"S": "second"}, {"N": "3"}]},
    "flag": {"BOOL": False},
    "map": {"M": {"a": {"S": "x"}}},
}
VALUES: Item = {
    ":first": {"S": "first"},
    ":fir": {"S": "fir"},
    ":three": {"N": "3"},
    ":bc": {"S": "bc"},
    ":abc": {"S": "abc"},
    ":abcdef": {"S": "abcdef"},
    ":zz": {"S": "zz"},
    ":9": {"N": "9"},
    ":9.0": {"N": "9.0"},
    ":10": {"N": "10"},
    ":text9": {"S": "9"},
    ":false": {"BOOL": False},
    ":map": {"M": {"a": {"S": "x"}}},
}
HOLDS = {
    "attribute_exists(#nine)": True,
    "attribute_exists(#missing)": False,
    "attribute_not_exists(#missing)": True,
    "attribute_not_exists(#flag)": False,
    "contains(#keys, :first)": True,
    "contains(#keys, :fir)": False,
    "contains(#keys, :three)": True,
    "contains(#text, :bc)": True,
    "contains(#text, :zz)": False,
    "contains(#missing, :first)": False,
    "NOT contains(#missing, :first)": True,
    "begins_with(#text, :abc)": True,
    "begins_with(#text, :bc)": False,
    "begins_with(#missing, :abc)": False,
    "#nine < :10": True,
    "#nine > :10": False,
    "#nine <= :9": True,
    "#nine >= :9": True,
    "#nine < :9": False,
    "#nine = :9": True,
    "#nine <> :9": False,
    "#nine <> :10": True,
    "#nine = :text9": False,
    "#nine <> :text9": True,
    "#text = :abcdef": True,
    "#text < :zz": True,
    "#text >= :bc": False,
    "#flag = :false": True,
    "#map = :map": True,
    "#missing = :9": False,
    "#missing <> :9": True,
    "#missing < :10": False,
    "#missing >= :9": False,
    "NOT #missing < :10": True,
    "#nine = :10 OR #flag = :false": True,
    "#nine = :9 AND #flag = :false": True,
    "#nine = :10 AND #flag = :false": False,
    "#nine = :9 OR #text = :zz AND #flag = :false AND #nine = :10": True,
    "(#nine = :9 OR #text = :zz) AND #nine = :10": False,
    "NOT #nine = :10 AND #flag = :false": True,
    "NOT (#nine = :9 AND #flag = :false)": False,
    "not #nine = :10 and (#text = :zz or #flag = :false)": True,
}


@pytest.mark.parametrize(("condition", "holds"), HOLDS.items(), ids=HOLDS)
def test_condition_is_evaluated(side: Side, condition: str, holds: bool) -> None:
    put(side, **WHOLE)
    used = {name: value for name, value in VALUES.items() if name in condition.replace(")", " ").split()}
    answer = outcome(
        update, side=side, change="SET #seen = :seen", values={":seen": {"N": "1"}, **used}, condition=condition
    )
    assert answer == ({} if holds else ("ConditionalCheckFailedException", None))


NUMBERS = st.integers(-3, 3).map(lambda number: {"N": str(number)})
TEXTS = st.sampled_from(["", "x", "xy"]).map(lambda text: {"S": text})
# moto cannot compare a number with a text (test_fakes_differences.py).
KINDS = {"numbers": (NUMBERS, ["=", "<>", "<", "<=", ">", ">="]), "texts": (TEXTS, ["=", "<>"])}
CHANGES = [
    "SET #{0} = :v, #l = list_append(if_not_exists(#l, :none), :more)",
    "SET #{0} = if_not_exists(#{1}, :v)",
    "SET #{0} = :v REMOVE #{1}, #{2}",
    "SET #{0} = #{1}",
    "REMOVE #{0} ADD #n :n",
    "ADD #{0} :n",
]


@st.composite
def conditions(draw: st.DrawFn, signs: list[str], depth: int = 2) -> str:
    if depth and draw(st.booleans()):
        inner = [draw(conditions(signs, depth - 1)) for _ in range(2)]
        return draw(st.sampled_from(["({}) AND ({})", "({}) OR ({})", "NOT ({}) AND ({})"])).format(*inner)
    name, sign = draw(st.sampled_from(["#a", "#b", "#c"])), draw(st.sampled_from(signs))
    tests = ["attribute_exists({})", "attribute_not_exists({})", f"{{}} {sign} :v", "contains(#l, :v)"]
    return draw(st.sampled_from(tests)).format(name)


@st.composite
def writes(draw: st.DrawFn, kind: str) -> tuple[str, Item, str]:
    values, signs = KINDS[kind]
    change = draw(st.sampled_from(CHANGES)).format(*draw(st.permutations(["a", "b", "c"])))
    condition = draw(st.one_of(st.just(""), conditions(signs)))
    value = draw(values)
    placeholders = {":v": value, ":n": {"N": "2"}, ":none": {"L": []}, ":more": {"L": [value]}}
    used = f"{change} {condition}".replace(")", " ").replace(",", " ").split()
    return change, {name: value for name, value in placeholders.items() if name in used}, condition


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.lists(writes(kind), min_size=2, max_size=6)))
def test_any_sequence_of_writes_gives_the_same_result_on_moto(
    both: tuple[Side, Side], calls: list[tuple[str, Item, str]]
) -> None:
    for account in both:
        account.dynamodb.delete_item(TableName=TABLE, Key=KEY)
    for change, values, condition in calls:
        options = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if condition else {}
        write = {"change": change, "values": values, "condition": condition, "ReturnValues": "ALL_NEW", **options}
        fake, moto = (outcome(update, side=account, **write) for account in both)
        assert fake == moto


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
