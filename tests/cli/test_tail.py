"""`shopwire tail` of a deployed stack, on moto's CloudWatch Logs: the lines that the built functions write."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shopwire.environment import now
from shopwire_cli import aws_stack
from shopwire_cli.aws_stack import AwsStack
from shopwire_cli.main import main

Captured = pytest.CaptureFixture[str]
GROUP = "/shopwire/shop-eu/"


def log(function: str, ago_ms: int, **fields: Any) -> None:
    """Write the log line of a function."""
    logs = boto3.client("logs")
    text = json.dumps({"level": "INFO", "message": "received", **fields})
    logs.put_log_events(
        logGroupName=GROUP + function,
        logStreamName="one",
        logEvents=[{"timestamp": now() - ago_ms, "message": text}],
    )


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack `shop-eu` with the log groups of `webhook` and `retry`, which are empty."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    outputs = {"WebhookUrl": "https://x.example.com/webhooks/"}
    monkeypatch.setattr(aws_stack, "describe_stack", lambda name: AwsStack(name, "a/b/c", outputs))
    with mock_aws():
        logs = boto3.client("logs")
        for function in ("webhook", "retry"):
            logs.create_log_group(logGroupName=GROUP + function)
            logs.create_log_stream(logGroupName=GROUP + function, logStreamName="one")
        yield


def tail(*words: str) -> int:
    return main(["tail", "--stack", "shop-eu", *words])


ORDER = {"shop": "ann", "topic": "orders/paid", "entity": "order 1", "key": "0123456789ab"}


@pytest.mark.usefixtures("stack")
def test_stack_shows_outcome_events_and_duration(capsys: Captured) -> None:
    log("webhook", 9000, **ORDER, outcome="delivered", sent="orderUpdated,orderDelivered", ms=80)
    log("webhook", 8000, **ORDER | {"shop": "bob"}, outcome="ignored", reason="draft", ms=4)
    assert tail("--once") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["shop"], first["outcome"], first["milliseconds"]) == ("ann", "delivered", 80)
    assert (first["topic"], first["entity"]) == ("orders/paid", "order 1")
    assert first["events"] == ["orderUpdated", "orderDelivered"]
    assert first["page"] is None
    assert (second["outcome"], second["reason"], second["events"]) == ("ignored", "draft", [])


@pytest.mark.usefixtures("stack")
def test_only_the_shop_and_the_minutes_that_are_asked_for(capsys: Captured) -> None:
    log("webhook", 9000, **ORDER, outcome="delivered")
    log("webhook", 8000, **ORDER | {"shop": "bob"}, outcome="parked", reason="internal_error")
    log("webhook", 300_000, **ORDER | {"shop": "bob"}, outcome="delivered")
    assert tail("--once", "--shop", "bob", "--minutes", "2") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["outcome"] == "parked"


@pytest.mark.usefixtures("stack")
def test_later_line_of_retry_is_the_same_webhook(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    log("webhook", 9000, **ORDER, outcome="queued", reason="api_no_answer", ms=80)

    seen: list[str] = []

    def sleep(seconds: float) -> None:
        seen.append(capsys.readouterr().out)
        if len(seen) == 2:
            raise KeyboardInterrupt
        log("retry", 1000, **ORDER, outcome="delivered", sent="orderCreated", ms=70)

    monkeypatch.setattr(time, "sleep", sleep)
    assert tail() == 0
    (first,), (second,) = (map(json.loads, out.splitlines()) for out in seen)
    assert (first["id"], first["outcome"]) == (second["id"], "queued")
    assert (second["outcome"], second["tries"], second["events"]) == ("delivered", 2, ["orderCreated"])


@pytest.mark.usefixtures("stack", "terminal")
def test_terminal_shows_lines(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    log("webhook", 9000, **ORDER, outcome="delivered", sent="orderUpdated", ms=80)
    assert tail("--once", "--utc") == 0
    day, line = capsys.readouterr().out.splitlines()
    assert day.endswith(", times in UTC")
    assert line.split()[1:] == ["ann", "orders/paid", "order", "1", "delivered", "orderUpdated", "80", "ms"]


def test_stack_that_is_not_ours_is_exit_2(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(aws_stack, "describe_stack", lambda name: AwsStack(name, "a/b/c", {}))
    assert tail("--once") == 2
    assert "stack shop-eu has no output WebhookUrl" in capsys.readouterr().err


@pytest.mark.usefixtures("stack")
def test_refused_logs_are_one_line_and_exit_1(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    from botocore.exceptions import ClientError

    class Refusing:
        def filter_log_events(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "FilterLogEvents")

    monkeypatch.setattr(boto3, "client", lambda name: Refusing())
    assert tail("--once") == 1
    assert capsys.readouterr().err == (
        "shopwire tail: AWS does not answer, or refuses to show the logs: AccessDeniedException\n"
    )
