"""Tests of the benchmarks' own code: rounds, ratios, goals and the table. No test asserts a measured figure."""

import json
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import drain, mapping, profiler, webhooks
from bench.fake_services import FakeServices
from bench.harness import DifferentRuns, Goal, Row, Run, Samples, describe
from shopwire_dev.aws import TABLE

RESULTS = {
    "run": {"id": "r"},
    "cold_start": {"shopwire_ms": 300.0, "usual_ms": 1000.0, "ratio": 0.3},
    "map": {"3500": {"ratio": 0.8}, "11500": {"ratio": 0.4}},
    "size_mib": 41.0,
    "growth": {"100000": {"cost": 1.25}},
}


def test_ratio_compares_medians() -> None:
    assert Samples("r", (1.0, 9.0, 2.0)).ratio(Samples("r", (4.0, 4.0, 100.0))) == 0.5


def test_figures_of_different_runs_cannot_be_compared() -> None:
    first, second = Run(), Run()
    with pytest.raises(DifferentRuns, match=f"run {first.id} cannot be compared with run {second.id}"):
        Samples(first.id, (1.0,)).ratio(Samples(second.id, (1.0,)))


def test_every_second_round_has_the_opposite_order() -> None:
    measured = ""

    def measure(name: str) -> float:
        nonlocal measured
        measured += name
        return len(measured)

    run = Run()
    samples = run.alternate({name: lambda name=name: measure(name) for name in "ab"})  # type: ignore[misc]
    assert measured == "abbaabbaab"
    assert samples == {"a": Samples(run.id, (1, 4, 5, 8, 9)), "b": Samples(run.id, (2, 3, 6, 7, 10))}


def test_quick_run_has_fewer_rounds_and_repetitions_and_is_marked() -> None:
    assert (Run().rounds, Run().times(200)) == (5, 200)
    assert (Run(quick=True).rounds, Run(quick=True).times(200), Run(quick=True).times(3)) == (2, 20, 1)
    assert describe(Run(quick=True))["quick"] is True


def test_description_names_the_machine() -> None:
    machine = describe(Run())["machine"]
    assert machine["cores"] >= 1
    assert machine["memory_mib"] > 100
    assert machine["cpu"]


def test_table_has_a_line_for_each_figure_that_a_goal_leads_to() -> None:
    goals = (
        Goal("cold_start.ratio", "cold start", 0.35),
        Goal("map.*.ratio", "map * bytes", 0.75),
        Goal("size_mib", "size", 40, unit="MiB"),
        Goal("growth.*.cost", "growth to *", 1.1, at_least=0.9),
        Goal("cold_start.usual_ms", "the usual stack's", unit="ms"),
        Goal("not.measured", "a figure that was not measured", 1),
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


def test_limits_of_a_goal_meet_the_goal() -> None:
    goal = Goal("x", "x", 1.1, at_least=0.9)
    assert [goal.holds(figure) for figure in (0.89, 0.9, 1.1, 1.11)] == [False, True, True, False]
    assert Goal("x", "x", 6).holds(6)


def test_each_row_has_a_unique_name_and_goals() -> None:
    rows = bench.rows()
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert {"cold_start", "warm", "memory", "size"} <= set(names)
    assert all(row.goals for row in rows)


def test_run_writes_only_the_rows_that_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        Row("first", lambda run: {"first": {"ratio": 0.5}}, (Goal("first.ratio", "the first row", 0.4),)),
        Row("second", lambda run: {"second": {"ratio": 2.0}}, (Goal("second.ratio", "the second row", 3),)),
    ]
    monkeypatch.setattr(bench, "rows", lambda: rows)
    file = tmp_path / "results.json"
    file.write_text('{"second": {"ratio": 1.0}, "run": {"id": "an older run"}}', encoding="utf-8")
    assert bench.main(["--quick", "--only", "first", "--results", str(file)]) == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert set(written) == {"run", "first"}
    assert written["run"]["quick"] is True
    printed = capsys.readouterr().out
    assert written["run"]["id"] in printed
    assert "the first row" in printed
    assert "the second row" not in printed


def test_mixed_webhooks_have_all_kinds_and_the_same_content_each_time() -> None:
    def topics_and_bodies(events: list[bytes]) -> list[tuple[str, str]]:
        return [(event["headers"]["x-shopify-topic"], event["body"]) for event in map(json.loads, events)]

    first, second = (topics_and_bodies(list(webhooks.mixed(14))) for _ in range(2))
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


def test_fake_services_respond_like_aws() -> None:
    services = FakeServices()
    key = {"pk": {"S": "a"}, "sk": {"S": "entry"}}
    assert services.respond("DynamoDB_20120810.PutItem", _json({"TableName": TABLE, "Item": key})) == (200, b"{}")
    condition = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    status, body = services.respond("DynamoDB_20120810.PutItem", _json({"TableName": TABLE, "Item": key, **condition}))
    error = json.loads(body)
    assert (status, error["__type"], error["Item"]) == (400, "ConditionalCheckFailedException", key)


def test_frozen_services_repeat_their_last_response_to_each_kind_of_call() -> None:
    services = FakeServices()
    key = {"pk": {"S": "a"}, "sk": {"S": "entry"}}
    call = {"TableName": TABLE, "Key": key, "UpdateExpression": "SET #n = :n", "ReturnValues": "ALL_OLD"}
    call |= {"ExpressionAttributeNames": {"#n": "n"}}
    for number in "12":
        response = services.respond(
            "DynamoDB_20120810.UpdateItem", _json({**call, "ExpressionAttributeValues": {":n": {"N": number}}})
        )
    assert json.loads(response[1]) == {"Attributes": {**key, "n": {"N": "1"}}}
    services.respond("freeze", b"")
    later_call = _json({**call, "ExpressionAttributeValues": {":n": {"N": "3"}}})
    assert services.respond("DynamoDB_20120810.UpdateItem", later_call) == response
    with pytest.raises(KeyError):
        services.respond("DynamoDB_20120810.GetItem", _json({"TableName": TABLE, "Key": key}))


def test_api_fails_each_nth_request() -> None:
    services = FakeServices(fail_every=3)
    assert [services.respond("", b"{}")[0] for _ in range(6)] == [200, 200, 503, 200, 200, 503]


def test_every_timed_part_exists_and_is_restored_afterwards() -> None:
    locations = (*mapping.PARTS.values(), *profiler.PARTS.values())
    before = {location: getattr(*profiler.locate(*location)) for location in locations}
    figures_by_size = mapping.measure_parts(Run(quick=True))["map_parts_us"]
    assert isinstance(figures_by_size, dict)
    assert all(figures.keys() > mapping.PARTS.keys() for figures in figures_by_size.values())
    assert before == {location: getattr(*profiler.locate(*location)) for location in locations}


def _json(call: object) -> bytes:
    return json.dumps(call).encode()


def test_short_outage_drains_in_order_and_parks_nothing() -> None:
    outage = drain.Outage(outage=10_000)
    assert outage.minutes() < 5
    assert (outage.parked, outage.received.misordered) == (0, 0)
    assert len(outage.received.changes) > 100
