"""Tests of the alarms in template.yaml.

Each alarm must watch a metric that exists and must have a section in docs/runbook.md. The canary must watch the alarms
that a new version can cause.
"""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from shopwire import platforms
from shopwire.endpoints import storefront
from shopwire.errors import NotVerified, QueueUnavailable
from shopwire.models import Reason
from shopwire.observability import report, report_outbox_age
from shopwire.platforms.storefront import Storefront
from tests.support.changes import MINUTE_MS, SHOP, order
from tests.support.delivery_world import Context, World
from tools.template import load, resolve

ROOT = Path(__file__).parents[2]
TEMPLATE = load(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ALARMS = {
    name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"
}
FUNCTIONS = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"}
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
# The alarms that the canary does not watch, with the reason.
NOT_WATCHED_BY_CANARY = {
    "OutboxWaits": "the wrong key of one shop would prevent every deployment",
    "Refused": "any stranger can cause it",
}


def metrics(log: io.StringIO) -> list[tuple[str, str, frozenset[tuple[str, str]], int]]:
    """Return the metrics that CloudWatch reads from the log lines: namespace, name, dimensions, value."""
    found = []
    for line in map(json.loads, log.getvalue().splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, line[name]) for name in names)
                metric_names = [metric["Name"] for metric in directive["Metrics"]]
                found += [(directive["Namespace"], name, dimensions, line[name]) for name in metric_names]
    return found


def runbook_sections() -> dict[str, str]:
    """Return the runbook's sections by heading."""
    parts = re.split(r"^## (\w+)\n", RUNBOOK, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


# --- the canary


def test_canary_watches_every_alarm_without_a_reason_against_it() -> None:
    preference = TEMPLATE["Globals"]["Function"]["DeploymentPreference"]
    condition, watched, otherwise = preference["Alarms"]["Fn::If"]
    assert (condition, otherwise) == ("IsCanary", [{"Ref": "AWS::NoValue"}])
    assert {alarm["Ref"] for alarm in watched} == ALARMS.keys() - NOT_WATCHED_BY_CANARY.keys()
    assert len(watched) <= 10, "CodeDeploy accepts at most ten alarms per deployment group"
    assert preference["Type"] == {"Ref": "Rollout"}
    assert TEMPLATE["Parameters"]["Rollout"]["Default"].startswith("Canary10Percent")


def test_new_layer_publishes_a_new_version_of_every_function() -> None:
    assert TEMPLATE["Globals"]["Function"]["AutoPublishAlias"] == "live"
    assert all(RESOURCES[name]["Properties"]["AutoPublishAliasAllProperties"] is True for name in FUNCTIONS)
    assert RESOURCES["Layer"]["Properties"]["PublishLambdaVersion"] is True


def test_deployment_role_may_only_move_the_aliases_of_these_functions() -> None:
    (policy,) = RESOURCES["DeployRole"]["Properties"]["Policies"]
    shift, describe = policy["PolicyDocument"]["Statement"]
    assert shift["Action"] == ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
    functions_and_aliases: list[Any] = [{"Fn::GetAtt": [name, "Arn"]} for name in FUNCTIONS]
    functions_and_aliases += [{"Fn::Sub": f"${{{name}.Arn}}:live"} for name in FUNCTIONS]
    assert sorted(shift["Resource"], key=str) == sorted(functions_and_aliases, key=str)
    assert describe == {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}


# --- the metrics of the alarms


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_notifies_decides_in_minutes_and_ignores_missing_data(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alarms"}]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    period = alarm.get("Period") or {metric["MetricStat"]["Period"] for metric in alarm["Metrics"][1:]}.pop()
    if name not in NOT_WATCHED_BY_CANARY:
        assert period * alarm["EvaluationPeriods"] < 5 * 60, "the alarm must go off during a canary of five minutes"


@pytest.mark.parametrize(("alarm", "metric"), [("FunctionErrors", "Errors"), ("Throttles", "Throttles")])
def test_alarms_on_functions_watch_all_functions(alarm: str, metric: str) -> None:
    total, *parts = ALARMS[alarm]["Metrics"]
    assert (total["Expression"], total["ReturnData"]) == ("SUM(METRICS())", True)
    watched = set()
    for part in parts:
        assert (part["ReturnData"], part["MetricStat"]["Stat"]) == (False, "Sum")
        assert part["MetricStat"]["Metric"]["MetricName"] == metric
        (dimension,) = part["MetricStat"]["Metric"]["Dimensions"]
        assert (part["MetricStat"]["Metric"]["Namespace"], dimension["Name"]) == ("AWS/Lambda", "FunctionName")
        watched.add(dimension["Value"]["Ref"])
    # A throttled upkeep does not matter, because the next minute's invocation does its work.
    assert watched == FUNCTIONS - ({"Upkeep"} if alarm == "Throttles" else set())


def test_alarms_on_queues_watch_the_metrics_of_sqs() -> None:
    metrics_of_alarms = {
        name: (alarm["MetricName"], alarm["Dimensions"], alarm["Statistic"])
        for name, alarm in ALARMS.items()
        if alarm.get("Namespace") == "AWS/SQS"
    }
    assert metrics_of_alarms == {
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


def test_alarms_on_shopwires_metrics_watch_metrics_that_the_code_writes(log: io.StringIO) -> None:
    for outcome in ("delivered", "queued", "parked", "unavailable", "unverified"):
        report("received", 1_000, shop=SHOP, outcome=outcome)
    report_outbox_age(90_000, 1_000)
    written = {(name, dimensions) for _, name, dimensions, _ in metrics(log)}
    alarms = {name: alarm for name, alarm in ALARMS.items() if "shopwire" in str(alarm.get("Namespace"))}
    assert alarms.keys() == {"Parked", "Unavailable", "Refused", "OutboxWaits"}
    for name, alarm in alarms.items():
        dimensions = frozenset((dimension["Name"], dimension["Value"]) for dimension in alarm.get("Dimensions", ()))
        assert (alarm["MetricName"], dimensions) in written, name
        namespace = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
        assert alarm["Namespace"] == namespace
        assert resolve(namespace, {"AWS::StackName": "a"}) != resolve(namespace, {"AWS::StackName": "b"})


# --- refused calls


def refuse(world: World, times: int = 1) -> None:
    """Send calls whose signature does not match."""
    for _ in range(times):
        assert world.serve(b"{}", headers={"x-test-signature": "a-guess"})["statusCode"] == 401


def refused_in_metrics(log: io.StringIO) -> int:
    """Return how many calls count for the alarm `Refused`."""
    outcome = frozenset({("outcome", "unverified")})
    return sum(value for _, name, dimensions, value in metrics(log) if (name, dimensions) == ("webhooks", outcome))


def refused_in_lines(log: io.StringIO) -> int:
    return sum(json.loads(line).get("outcome") == "unverified" for line in log.getvalue().splitlines())


def test_wrong_secret_of_a_shop_counts_for_the_alarm(world: World, log: io.StringIO) -> None:
    refuse(world, 3)
    assert refused_in_metrics(log) == refused_in_lines(log) == 3 >= ALARMS["Refused"]["Threshold"]


def test_refused_visit_of_a_browser_counts_for_no_alarm(
    world: World, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise NotVerified(Reason.SIGNATURE_MISMATCH, "the signature does not match")

    monkeypatch.setattr(platforms, "get", lambda name: Storefront())
    monkeypatch.setattr(Storefront, "verify", refuse)
    world.put_shop(SHOP, storefront_secret="a-storefront-secret", origins=["https://shop.example"])
    event = {
        "rawPath": f"/storefront/{SHOP}",
        "headers": {"origin": "https://shop.example"},
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": world.clock.now},
        "body": json.dumps({"type": "page", "url": "https://shop.example/"}),
    }
    assert storefront.serve(event, Context("request-1"), world.webhook)["statusCode"] == 401
    assert (refused_in_metrics(log), refused_in_lines(log)) == (0, 1)


def test_refused_alarm_can_write_at_most_one_email_a_day() -> None:
    # It goes on at the first bad hour, and off only when none of the last 24 hours was bad.
    alarm = ALARMS["Refused"]
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (3600, 24, 1)
    # AWS allows at most a day for an alarm whose periods are shorter than an hour, and a week otherwise.
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 24 * 3600


# --- the outbox


def test_age_of_the_oldest_webhook_in_the_outbox_is_measured(world: World, log: io.StringIO) -> None:
    world.api.next_answers = [503]
    with world.outage("sqs"):
        assert world.send(order()) == "queued"
        received = world.clock.now
        world.clock.advance(40 * MINUTE_MS)
        with pytest.raises(QueueUnavailable):
            world.run_upkeep()
    assert world.upkeep.outbox_drain.oldest_left is not None
    assert abs(world.upkeep.outbox_drain.oldest_left - received) < 1_000
    report_outbox_age(world.clock.now, world.upkeep.outbox_drain.oldest_left)
    ((_, name, dimensions, seconds),) = metrics(log)
    assert (name, dimensions, seconds) == ("outbox_age_seconds", frozenset(), 2_400)
    assert seconds >= ALARMS["OutboxWaits"]["Threshold"]
    assert world.run_upkeep() == 1
    assert world.upkeep.outbox_drain.oldest_left is None


def test_outbox_of_a_paused_shop_is_measured_too(world: World) -> None:
    world.api.next_answers = [503]
    world.send(order())
    world.webhook.pauses.pause(SHOP, "api_unauthorized", world.clock.now, asked_ms=1800_000)
    world.clock.advance(10_000)
    assert world.run_retry() == ["queued"]
    assert world.run_upkeep() == 0
    assert world.upkeep.outbox_drain.oldest_left is not None


# --- the runbook


def test_runbook_has_the_cost_of_the_alarms() -> None:
    metric_count = sum(len(alarm["Metrics"]) - 1 if "Metrics" in alarm else 1 for alarm in ALARMS.values())
    assert re.search(rf"\b{metric_count} (?:figures|metrics) at \$0\.10 a month each", RUNBOOK)


def test_runbook_has_one_section_for_each_alarm() -> None:
    assert runbook_sections().keys() == ALARMS.keys()


@pytest.mark.parametrize("name", ALARMS)
def test_section_says_what_customers_notice_and_what_to_look_at_and_do(name: str) -> None:
    text = runbook_sections()[name]
    assert text.strip().startswith("**Customers notice:** ")
    assert text.index("**Customers notice:**") < text.index("**Look:**") < text.index("**Do:**")
    assert ALARMS[name]["AlarmDescription"].endswith(f" docs/runbook.md#{name.lower()}")
