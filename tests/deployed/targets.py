"""The targets of these tests: `shopwire dev`, or a stack in AWS. Both offer the same methods.

`Deployed` changes nothing in AWS. It reads the stack's outputs, the parameter of one shop, the length of the queue and
the states of the alarms."""

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3

from shopwire.models import Shop
from shopwire.observability import logger
from shopwire.shops import parse_shop
from shopwire_dev.lambdas import Function
from shopwire_dev.stack import DevStack
from tools.template import load

TEST_SHOP = os.environ.get("SHOPWIRE_TEST_SHOP", "pipeline")
"""ID of the shop that a deployed stack has for these tests (docs/deploy.md)."""


class Target(Protocol):
    """An installation of shopwire."""

    url: str
    """Address of the HTTP API, without a slash at the end."""
    shop: Shop
    watch_seconds: float
    """Seconds until a metric reaches the alarms. The tests watch the alarms for this time."""

    def queued(self) -> int:
        """Return the number of messages in the retry queue, including those that a consumer has received."""

    def alarms(self) -> dict[str, bool]:
        """Return for each alarm of template.yaml whether it is on."""


class Deployed:
    """A stack in AWS, found with AWS's usual credentials.

    Args:
        stack: name of the stack.
        client: creates a client for a service.
    """

    watch_seconds = 240.0

    def __init__(self, stack: str, client: Callable[..., Any] = boto3.client) -> None:
        cloudformation = client("cloudformation")
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        self._alarms = {
            resource["PhysicalResourceId"]: resource["LogicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
        }
        self.url = outputs["WebhookUrl"].removesuffix("/webhooks/")
        self._queue = outputs["QueueUrl"]
        self._sqs, self._cloudwatch = client("sqs"), client("cloudwatch")
        parameter = client("ssm").get_parameter(Name=outputs["ShopsPath"] + TEST_SHOP, WithDecryption=True)
        self.shop = parse_shop(TEST_SHOP, json.loads(parameter["Parameter"]["Value"]))

    def queued(self) -> int:
        return message_count(self._sqs, self._queue)

    def alarms(self) -> dict[str, bool]:
        found = self._cloudwatch.describe_alarms(AlarmNames=list(self._alarms))["MetricAlarms"]
        return {self._alarms[alarm["AlarmName"]]: alarm["StateValue"] == "ALARM" for alarm in found}


class Dev:
    """`shopwire dev`. It compares the metrics of this process with the thresholds of the template's alarms.

    The alarm on throttling never goes off, because further calls wait for a free environment. The queue's messages have
    no age here, so any message in the queue sets off the alarm on their age.
    """

    watch_seconds = 0.0

    def __init__(self) -> None:
        self._stack = DevStack()
        self._metrics = _Metrics()
        self._counting_invoke = patch.object(Function, "invoke", self._with_error_count(Function.invoke))

    def start(self) -> None:
        logger.addHandler(self._metrics)
        self._counting_invoke.start()
        self._stack.start()
        self.url = self._stack.url
        self.shop = self._stack.shops["demo-shopify"]

    def stop(self) -> None:
        self._stack.stop()
        self._counting_invoke.stop()
        logger._logger.removeHandler(self._metrics)

    @property
    def sqs(self) -> Any:
        return self._stack.aws.client("sqs")

    @property
    def dead_letters(self) -> str:
        """Return the URL of the dead-letter queue."""
        return self._stack.aws.queue_url.replace("shopwire-retry", "shopwire-dead")

    def queued(self) -> int:
        return message_count(self.sqs, self._stack.aws.queue_url)

    def alarms(self) -> dict[str, bool]:
        self._metrics.sums["ApproximateAgeOfOldestMessage"] = 1e9 if self.queued() else 0
        self._metrics.sums["ApproximateNumberOfMessagesVisible"] = message_count(self.sqs, self.dead_letters)
        return {name: self._metrics.reach_threshold(alarm) for name, alarm in template_alarms().items()}

    def _with_error_count(self, invoke: Callable[[Function, Any], Any]) -> Callable[[Function, Any], Any]:
        def counting_invoke(function: Function, event: Any) -> Any:
            try:
                return invoke(function, event)
            except Exception:
                self._metrics.add("Errors", 1)
                raise

        return counting_invoke


class _Metrics(logging.Handler):
    """The sums of this process's metrics: those in the log lines, and those that a caller adds."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logger.registered_formatter)
        self.sums: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        line = json.loads(self.format(record))
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in directive["Metrics"]:
                self.add(f"{metric['Name']} {line.get('outcome', '')}".strip(), line[metric["Name"]])

    def add(self, name: str, value: float) -> None:
        self.sums[name] = self.sums.get(name, 0) + value

    def reach_threshold(self, alarm: dict[str, Any]) -> bool:
        """Return True if the metric reaches the alarm's threshold.

        The sum since the start of the process counts, which is stricter than the alarm's sum per minute.
        """
        if "Metrics" in alarm:
            name = alarm["Metrics"][1]["MetricStat"]["Metric"]["MetricName"]
        else:
            dimensions = alarm.get("Dimensions", ())
            outcome = [dimension["Value"] for dimension in dimensions if dimension["Name"] == "outcome"]
            name = " ".join([alarm["MetricName"], *outcome])
        return bool(self.sums.get(name, 0) >= alarm["Threshold"])


def template_alarms() -> dict[str, dict[str, Any]]:
    """Return the alarms of template.yaml by logical ID."""
    resources = load(Path(__file__).parents[2] / "template.yaml")["Resources"]
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def message_count(sqs: Any, queue_url: str) -> int:
    """Return the approximate number of messages in a queue."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def call(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Send an HTTP request. Return the status and the parsed JSON of the response, or None for an empty body."""
    request = Request(url, body, {"content-type": "application/json", **(headers or {})}, method=method)
    try:
        with urlopen(request, timeout=30) as reply:
            status, text = reply.status, reply.read()
    except HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return True as soon as the condition holds, or False if it does not hold in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
