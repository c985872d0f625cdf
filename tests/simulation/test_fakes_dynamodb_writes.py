"""Writes, update expressions and conditions of DynamoDB, on the simulation's fake and on moto.

Differences between the two: test_fakes_differences.py.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.dynamodb_calls import KEY, Item, get, put, query, sort_keys, update
from tests.support.fakes import TABLE, Side, outcome, refused

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


# --- batches of deletes


def delete_all(side: Side, *names: str) -> dict[str, Any]:
    requests = [{"DeleteRequest": {"Key": {"pk": KEY["pk"], "sk": {"S": name}}}} for name in names]
    answer: dict[str, Any] = side.dynamodb.batch_write_item(RequestItems={TABLE: requests})
    return answer


def test_batch_deletes_items_and_accepts_missing_ones(side: Side) -> None:
    for name in "abc":
        put(side, name)
    assert delete_all(side, "a", "c", "missing")["UnprocessedItems"] == {}
    assert sort_keys(query(side)) == ["b"]


def test_batch_deletes_no_item_twice(side: Side) -> None:
    with refused("ValidationException", "duplicates"):
        delete_all(side, "a", "b", "a")


def test_throttled_batch_of_deletes_returns_the_rest(fake_side: Side) -> None:
    for name in "abc":
        put(fake_side, name)
    fake_side.dynamodb.unwritten = lambda requests: requests - 1
    (left,) = delete_all(fake_side, "a", "b", "c")["UnprocessedItems"].values()
    assert [request["DeleteRequest"]["Key"]["sk"]["S"] for request in left] == ["b", "c"]
    assert sort_keys(query(fake_side)) == ["b", "c"]
    fake_side.dynamodb.unwritten = lambda requests: requests
    with refused("ProvisionedThroughputExceededException"):
        delete_all(fake_side, "b", "c")
    assert sort_keys(query(fake_side)) == ["b", "c"]


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
