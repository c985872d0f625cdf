"""The alarms of template.yaml: each hangs on a figure that is really there and has its chapter in docs/runbook.md, and
the canary asks those that a new version may be to blame for."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from shopwire.errors import QueueUnavailable
from shopwire.observability import report, report_outbox_age
from tests.support.delivery_world import MINUTE, SHOP, World, order
from tools.template import load, resolve

ROOT = Path(__file__).parents[2]
TEMPLATE = load(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ALARMS = {
    name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"
}
FUNCTIONS = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"}
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
# Not asked by the canary, each with the reason.
ONLY_TOLD = {
    "OutboxWaits": "one shop's wrong key would keep every shop's code from being changed",
    "Refused": "any stranger may cause it",
}


def metrics(log: io.StringIO) -> list[tuple[str, str, frozenset[tuple[str, str]], int]]:
    """What CloudWatch would make of the log lines: namespace, name, dimensions, value."""
    found = []
    for line in map(json.loads, log.getvalue().splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, line[name]) for name in names)
                found += [
                    (directive["Namespace"], one["Name"], dimensions, line[one["Name"]]) for one in directive["Metrics"]
                ]
    return found


def paragraphs() -> dict[str, str]:
    """The runbook's chapters by heading."""
    parts = re.split(r"^## (\w+)\n", RUNBOOK, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


# --- the canary


def test_the_canary_asks_every_alarm_but_those_with_a_reason() -> None:
    preference = TEMPLATE["Globals"]["Function"]["DeploymentPreference"]
    condition, asked, otherwise = preference["Alarms"]["Fn::If"]
    assert (condition, otherwise) == ("IsCanary", [{"Ref": "AWS::NoValue"}])
    assert {one["Ref"] for one in asked} == ALARMS.keys() - ONLY_TOLD.keys()
    assert len(asked) <= 10, "CodeDeploy asks no more of a deployment group"
    assert preference["Type"] == {"Ref": "Rollout"}
    assert TEMPLATE["Parameters"]["Rollout"]["Default"].startswith("Canary10Percent")


def test_a_new_layer_is_a_new_version_of_every_function() -> None:
    assert TEMPLATE["Globals"]["Function"]["AutoPublishAlias"] == "live"
    assert all(RESOURCES[name]["Properties"]["AutoPublishAliasAllProperties"] is True for name in FUNCTIONS)
    assert RESOURCES["Layer"]["Properties"]["PublishLambdaVersion"] is True


def test_who_deploys_may_move_the_aliases_of_these_functions_and_nothing_else() -> None:
    (policy,) = RESOURCES["DeployRole"]["Properties"]["Policies"]
    shift, ask = policy["PolicyDocument"]["Statement"]
    assert shift["Action"] == ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
    whole: list[Any] = [{"Fn::GetAtt": [name, "Arn"]} for name in FUNCTIONS]
    whole += [{"Fn::Sub": f"${{{name}.Arn}}:live"} for name in FUNCTIONS]
    assert sorted(shift["Resource"], key=str) == sorted(whole, key=str)
    assert ask == {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}


# --- what the alarms hang on


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_told_decides_within_minutes_and_is_quiet_without_figures(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alarms"}]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    period = alarm.get("Period") or {one["MetricStat"]["Period"] for one in alarm["Metrics"][1:]}.pop()
    if name not in ONLY_TOLD:
        assert period * alarm["EvaluationPeriods"] < 5 * 60, "a canary of five minutes must be stopped within it"


@pytest.mark.parametrize(("alarm", "metric"), [("FunctionErrors", "Errors"), ("Throttles", "Throttles")])
def test_the_functions_alarms_see_all_functions(alarm: str, metric: str) -> None:
    total, *parts = ALARMS[alarm]["Metrics"]
    assert (total["Expression"], total["ReturnData"]) == ("SUM(METRICS())", True)
    seen = set()
    for part in parts:
        assert (part["ReturnData"], part["MetricStat"]["Stat"]) == (False, "Sum")
        assert part["MetricStat"]["Metric"]["MetricName"] == metric
        (dimension,) = part["MetricStat"]["Metric"]["Dimensions"]
        assert (part["MetricStat"]["Metric"]["Namespace"], dimension["Name"]) == ("AWS/Lambda", "FunctionName")
        seen.add(dimension["Value"]["Ref"])
    # What one minute of upkeep could not do the next one does.
    assert seen == FUNCTIONS - ({"Upkeep"} if alarm == "Throttles" else set())


def test_the_queues_alarms_hang_on_the_queues_own_figures() -> None:
    hang_on = {
        name: (alarm["MetricName"], alarm["Dimensions"], alarm["Statistic"])
        for name, alarm in ALARMS.items()
        if alarm.get("Namespace") == "AWS/SQS"
    }
    assert hang_on == {
        "OldestWaiting": (
            "ApproximateAgeOfOldestMessage",
            [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["RetryQueue", "QueueName"]}}],
            "Maximum",
        ),
        "DeadLetters": (
            "ApproximateNumberOfMessagesVisible",
            [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}}],
            "Maximum",
        ),
    }


def test_each_alarm_on_our_own_figures_hangs_on_one_that_the_code_writes(log: io.StringIO) -> None:
    for outcome in ("delivered", "queued", "parked", "unavailable", "unverified"):
        report("received", 1_000, shop=SHOP, outcome=outcome)
    report_outbox_age(90_000, 1_000)
    written = {(name, dimensions) for _, name, dimensions, _ in metrics(log)}
    ours = {name: alarm for name, alarm in ALARMS.items() if "shopwire" in str(alarm.get("Namespace"))}
    assert ours.keys() == {"Parked", "Unavailable", "Refused", "OutboxWaits"}
    for name, alarm in ours.items():
        dimensions = frozenset((one["Name"], one["Value"]) for one in alarm.get("Dimensions", ()))
        assert (alarm["MetricName"], dimensions) in written, name
        namespace = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
        assert alarm["Namespace"] == namespace
        assert resolve(namespace, {"AWS::StackName": "a"}) != resolve(namespace, {"AWS::StackName": "b"})


def test_what_is_left_in_the_outbox_is_measured_by_its_age(world: World, log: io.StringIO) -> None:
    world.api.answers = [503]
    with world.outage("sqs"):
        assert world.send(order()) == "queued"
        received = world.clock.now
        world.clock.pass_(40 * MINUTE)
        with pytest.raises(QueueUnavailable):
            world.tidy()
    assert world.upkeep.outbox_drain.oldest_left is not None
    assert abs(world.upkeep.outbox_drain.oldest_left - received) < 1_000
    report_outbox_age(world.clock.now, world.upkeep.outbox_drain.oldest_left)
    ((_, name, dimensions, seconds),) = metrics(log)
    assert (name, dimensions, seconds) == ("outbox_age_seconds", frozenset(), 2_400)
    assert seconds >= ALARMS["OutboxWaits"]["Threshold"]
    assert world.tidy() == 1
    assert world.upkeep.outbox_drain.oldest_left is None


def test_a_paused_shops_outbox_is_measured_too(world: World) -> None:
    world.api.answers = [503]
    world.send(order())
    world.webhook.pauses.pause(SHOP, "the API does not accept the shop's key: 401", world.clock.now, at_least=1800_000)
    world.clock.pass_(10_000)
    assert world.poll() == ["queued"]
    assert world.tidy() == 0
    assert world.upkeep.outbox_drain.oldest_left is not None


# --- the runbook


def test_the_runbook_says_what_the_alarms_cost() -> None:
    looked_at = sum(len(alarm["Metrics"]) - 1 if "Metrics" in alarm else 1 for alarm in ALARMS.values())
    assert f"They look at {looked_at} figures at $0.10 a month each" in RUNBOOK


def test_each_alarm_has_its_paragraph_and_each_paragraph_its_alarm() -> None:
    assert paragraphs().keys() == ALARMS.keys()


@pytest.mark.parametrize("name", ALARMS)
def test_a_paragraph_begins_with_what_customers_notice_and_says_what_to_look_at_and_do(name: str) -> None:
    text = paragraphs()[name]
    assert text.strip().startswith("**Customers notice:** ")
    assert text.index("**Customers notice:**") < text.index("**Look:**") < text.index("**Do:**")
    assert ALARMS[name]["AlarmDescription"].endswith(f" docs/runbook.md#{name.lower()}")
