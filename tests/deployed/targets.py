"""What the tests here run against: `shopwire dev`, or a stack in AWS. Each test sees the same of both.

Nothing here decides what is right. `Deployed` only reads: outputs, one shop's parameter, the queue's length, alarms.
"""

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
"""The id of the shop that a deployed stack has for these tests (docs/deploy.md)."""


class Target(Protocol):
    """Something deployed."""

    url: str
    """Without a slash at its end."""
    shop: Shop
    watch_seconds: float
    """How long alarms are watched: so long a figure takes to reach them."""

    def waiting(self) -> int:
        """How many webhooks wait in the queue, in nobody's hand or in somebody's."""

    def alarms(self) -> dict[str, bool]:
        """Every alarm of template.yaml, and whether it is on."""


class Deployed:
    """A stack in AWS, found by its name, with AWS's usual credentials.

    Args:
        client: makes a client for a service.
    """

    watch_seconds = 240.0

    def __init__(self, stack: str, client: Callable[..., Any] = boto3.client) -> None:
        cloudformation = client("cloudformation")
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        self._alarms = {
            one["PhysicalResourceId"]: one["LogicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
            if one["ResourceType"] == "AWS::CloudWatch::Alarm"
        }
        self.url = outputs["WebhookUrl"].removesuffix("/webhooks/")
        self._queue = outputs["QueueUrl"]
        self._sqs, self._cloudwatch = client("sqs"), client("cloudwatch")
        parameter = client("ssm").get_parameter(Name=outputs["ShopsPath"] + TEST_SHOP, WithDecryption=True)
        self.shop = parse_shop(TEST_SHOP, json.loads(parameter["Parameter"]["Value"]))

    def waiting(self) -> int:
        return count(self._sqs, self._queue)

    def alarms(self) -> dict[str, bool]:
        found = self._cloudwatch.describe_alarms(AlarmNames=list(self._alarms))["MetricAlarms"]
        return {self._alarms[one["AlarmName"]]: one["StateValue"] == "ALARM" for one in found}


class Dev:
    """`shopwire dev`. Its alarms are the template's: the same thresholds over the figures that this machine has.

    It never throttles (beyond its environments calls wait), and what waits has no age here: any that waits is too old.
    """

    watch_seconds = 0.0

    def __init__(self) -> None:
        self._stack = DevStack()
        self._figures = _Figures()
        self._counted = patch.object(Function, "invoke", self._counting(Function.invoke))

    def start(self) -> None:
        logger.addHandler(self._figures)
        self._counted.start()
        self._stack.start()
        self.url = self._stack.url
        self.shop = self._stack.shops["demo-shopify"]

    def stop(self) -> None:
        self._stack.stop()
        self._counted.stop()
        logger._logger.removeHandler(self._figures)

    @property
    def sqs(self) -> Any:
        return self._stack.aws.client("sqs")

    @property
    def dead_letters(self) -> str:
        """The dead-letter queue's URL."""
        return self._stack.aws.queue_url.replace("shopwire-retry", "shopwire-dead")

    def waiting(self) -> int:
        return count(self.sqs, self._stack.aws.queue_url)

    def alarms(self) -> dict[str, bool]:
        self._figures.now["ApproximateAgeOfOldestMessage"] = 1e9 if self.waiting() else 0
        self._figures.now["ApproximateNumberOfMessagesVisible"] = count(self.sqs, self.dead_letters)
        return {name: self._figures.reach(alarm) for name, alarm in template_alarms().items()}

    def _counting(self, real: Callable[[Function, Any], Any]) -> Callable[[Function, Any], Any]:
        def invoke(function: Function, event: Any) -> Any:
            try:
                return real(function, event)
            except Exception:
                self._figures.add("Errors", 1)
                raise

        return invoke


class _Figures(logging.Handler):
    """The metrics of this process: those that CloudWatch would read out of the log, and those set from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logger.registered_formatter)
        self.now: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        line = json.loads(self.format(record))
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in directive["Metrics"]:
                self.add(f"{metric['Name']} {line.get('outcome', '')}".strip(), line[metric["Name"]])

    def add(self, name: str, value: float) -> None:
        self.now[name] = self.now.get(name, 0) + value

    def reach(self, alarm: dict[str, Any]) -> bool:
        """Whether they are over the alarm's threshold, all in all: stricter than by the minute."""
        if "Metrics" in alarm:
            name = alarm["Metrics"][1]["MetricStat"]["Metric"]["MetricName"]
        else:
            outcome = [one["Value"] for one in alarm.get("Dimensions", ()) if one["Name"] == "outcome"]
            name = " ".join([alarm["MetricName"], *outcome])
        return bool(self.now.get(name, 0) >= alarm["Threshold"])


def template_alarms() -> dict[str, dict[str, Any]]:
    """The alarms of template.yaml by logical id."""
    resources = load(Path(__file__).parents[2] / "template.yaml")["Resources"]
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}


def count(sqs: Any, queue_url: str) -> int:
    """How many messages a queue has, about."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def call(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """An HTTP request: its status, and its answer's JSON (None: it has no body)."""
    request = Request(url, body, {"content-type": "application/json", **(headers or {})}, method=method)
    try:
        with urlopen(request, timeout=30) as reply:
            status, text = reply.status, reply.read()
    except HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
