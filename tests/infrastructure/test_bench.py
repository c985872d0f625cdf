"""The bench's own machinery: rounds, ratios, goals, the table. No figure is asserted."""

import json
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import profiled, pure, webhooks
from bench.harness import Goal, OfAnotherRun, Row, Run, Samples, described
from bench.parts import Parts
from shopwire_dev.aws import TABLE

RESULTS = {
    "run": {"id": "r"},
    "cold_start": {"shopwire_ms": 300.0, "usual_ms": 1000.0, "ratio": 0.3},
    "map": {"3500": {"ratio": 0.8}, "11500": {"ratio": 0.4}},
    "size_mib": 41.0,
    "growth": {"100000": {"cost": 1.25}},
}


def test_a_ratio_is_of_medians() -> None:
    assert Samples("r", (1.0, 9.0, 2.0)).ratio(Samples("r", (4.0, 4.0, 100.0))) == 0.5


def test_figures_of_different_runs_are_not_compared() -> None:
    one, other = Run(), Run()
    with pytest.raises(OfAnotherRun, match=f"of run {one.id}, compared with figures of run {other.id}"):
        Samples(one.id, (1.0,)).ratio(Samples(other.id, (1.0,)))


def test_rounds_alternate_and_go_backwards_every_other_time() -> None:
    asked = ""

    def ask(name: str) -> float:
        nonlocal asked
        asked += name
        return len(asked)

    run = Run()
    found = run.alternated({name: lambda name=name: ask(name) for name in "ab"})  # type: ignore[misc]
    assert asked == "abbaabbaab"
    assert found == {"a": Samples(run.id, (1, 4, 5, 8, 9)), "b": Samples(run.id, (2, 3, 6, 7, 10))}


def test_a_quick_run_has_fewer_rounds_and_repetitions_and_says_so() -> None:
    assert (Run().rounds, Run().times(200)) == (5, 200)
    assert (Run(quick=True).rounds, Run(quick=True).times(200), Run(quick=True).times(3)) == (2, 20, 1)
    assert described(Run(quick=True))["quick"] is True


def test_the_machine_is_described() -> None:
    machine = described(Run())["machine"]
    assert machine["cores"] >= 1
    assert machine["memory_mib"] > 100
    assert machine["cpu"]


def test_the_table_has_a_line_for_each_figure_that_a_goal_leads_to() -> None:
    goals = (
        Goal("cold_start.ratio", "cold start", 0.35),
        Goal("map.*.ratio", "map * bytes", 0.75),
        Goal("size_mib", "size", 40, unit="MiB"),
        Goal("growth.*.cost", "growth to *", 1.1, at_least=0.9),
        Goal("cold_start.usual_ms", "the usual stack's", unit="ms"),
        Goal("not.measured", "what was not asked for", 1),
    )
    assert bench.table(RESULTS, goals) == [
        "what               goal          figure    verdict",
        "cold start         <= 0.35 x     0.3 x     holds",
        "map 3500 bytes     <= 0.75 x     0.8 x     MISSED",
        "map 11500 bytes    <= 0.75 x     0.4 x     holds",
        "size               <= 40 MiB     41 MiB    MISSED",
        "growth to 100000   0.9 to 1.1 x  1.25 x    MISSED",
        "the usual stack's                1,000 ms",
    ]


def test_the_ends_of_a_goal_belong_to_it() -> None:
    goal = Goal("x", "x", 1.1, at_least=0.9)
    assert [goal.holds(figure) for figure in (0.89, 0.9, 1.1, 1.11)] == [False, True, True, False]
    assert Goal("x", "x", 6).holds(6)


def test_every_row_has_a_name_of_its_own_and_a_way_to_its_figures() -> None:
    rows = bench.rows()
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert {"cold_start", "warm", "memory", "size"} <= set(names)
    assert all(row.goals for row in rows)


def test_a_run_writes_only_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        Row("one", lambda run: {"one": {"ratio": 0.5}}, (Goal("one.ratio", "the one", 0.4),)),
        Row("other", lambda run: {"other": {"ratio": 2.0}}, (Goal("other.ratio", "the other", 3),)),
    ]
    monkeypatch.setattr(bench, "rows", lambda: rows)
    file = tmp_path / "results.json"
    file.write_text('{"other": {"ratio": 1.0}, "run": {"id": "of yesterday"}}', encoding="utf-8")
    assert bench.main(["--quick", "--only", "one", "--results", str(file)]) == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert set(written) == {"run", "one"}
    assert written["run"]["quick"] is True
    said = capsys.readouterr().out
    assert written["run"]["id"] in said
    assert "the one" in said
    assert "the other" not in said


def test_the_mixed_webhooks_are_of_all_kinds_and_the_same_each_time() -> None:
    def told(events: list[bytes]) -> list[tuple[str, str]]:
        return [(event["headers"]["x-shopify-topic"], event["body"]) for event in map(json.loads, events)]

    first, second = (told(list(webhooks.mixed(14))) for _ in range(2))
    assert first == second
    assert [topic for topic, _ in first[:7]] == [
        "orders/create",
        "orders/updated",
        "orders/updated",
        "orders/paid",
        "orders/updated",
        "customers/update",
        "orders/edited",
    ]
    assert first[1] == first[2]
    assert first[7][1] != first[0][1]


def test_the_parts_answer_as_aws_does() -> None:
    parts = Parts()
    key = {"pk": {"S": "a"}, "sk": {"S": "entry"}}
    assert parts.answer("DynamoDB_20120810.PutItem", _json({"TableName": TABLE, "Item": key})) == (200, b"{}")
    condition = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    status, said = parts.answer("DynamoDB_20120810.PutItem", _json({"TableName": TABLE, "Item": key, **condition}))
    refused = json.loads(said)
    assert (status, refused["__type"], refused["Item"]) == (400, "ConditionalCheckFailedException", key)


def test_frozen_parts_say_again_what_they_said_to_a_call_of_that_kind() -> None:
    parts = Parts()
    key = {"pk": {"S": "a"}, "sk": {"S": "entry"}}
    call = {"TableName": TABLE, "Key": key, "UpdateExpression": "SET #n = :n", "ReturnValues": "ALL_OLD"}
    call |= {"ExpressionAttributeNames": {"#n": "n"}}
    for number in "12":
        answer = parts.answer(
            "DynamoDB_20120810.UpdateItem", _json({**call, "ExpressionAttributeValues": {":n": {"N": number}}})
        )
    assert json.loads(answer[1]) == {"Attributes": {**key, "n": {"N": "1"}}}
    parts.answer("freeze", b"")
    again = _json({**call, "ExpressionAttributeValues": {":n": {"N": "3"}}})
    assert parts.answer("DynamoDB_20120810.UpdateItem", again) == answer
    with pytest.raises(KeyError):
        parts.answer("DynamoDB_20120810.GetItem", _json({"TableName": TABLE, "Key": key}))


def test_the_api_fails_as_often_as_asked_for() -> None:
    parts = Parts(fail_every=3)
    assert [parts.answer("", b"{}")[0] for _ in range(6)] == [200, 200, 503, 200, 200, 503]


def _json(call: object) -> bytes:
    return json.dumps(call).encode()


def test_every_part_that_is_timed_is_there_and_is_itself_again_afterwards() -> None:
    timed = {where: getattr(*profiled.found(*where)) for where in (*pure.PARTS.values(), *profiled.PARTS.values())}
    told = pure.measure_parts(Run(quick=True))["map_parts_us"]
    assert isinstance(told, dict)
    assert all(figures.keys() > pure.PARTS.keys() for figures in told.values())
    assert timed == {where: getattr(*profiled.found(*where)) for where in timed}
