"""Tests of tests/deployed/targets.py: both targets report the alarms that are on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shopwire import platforms
from shopwire.errors import UnexpectedError
from shopwire.observability import report, report_outbox_age
from shopwire_dev.lambdas import Function
from tests.deployed.targets import TEST_SHOP, Deployed, Dev, call, template_alarms

SETTINGS = {"platform": "shopify", "secrets": ["a-secret"], "esputnik_key": "a-key", "region": "UA"}


@pytest.fixture(scope="module")
def dev() -> Iterator[Dev]:
    target = Dev()
    target.start()
    yield target
    target.stop()


def alarms_on(target: Dev | Deployed) -> set[str]:
    return {name for name, is_on in target.alarms().items() if is_on}


def test_shopwire_dev_reports_each_alarm_that_it_can_have(dev: Dev) -> None:
    """All alarms go off in one test, because the figures of a process only grow."""
    assert alarms_on(dev) == set()
    body = json.dumps({"id": []}).encode()
    headers = platforms.get("shopify").sign("orders/updated", body, dev.shop, 0).headers
    assert call("POST", f"{dev.url}/webhooks/{dev.shop.id}", body, headers)[1]["status"] == "parked"
    assert alarms_on(dev) == {"Parked"}
    for _ in range(10):
        assert call("POST", f"{dev.url}/webhooks/{dev.shop.id}", b"{}")[0] == 401
    assert alarms_on(dev) == {"Parked", "Refused"}
    report("refused", 0, shop=dev.shop.id, outcome="unavailable")
    report_outbox_age(1_800_000, 0)
    assert alarms_on(dev) == {"Parked", "Refused", "Unavailable", "OutboxWaits"}
    with pytest.raises(UnexpectedError, match="KeyError"):
        Function("retry").invoke({})
    assert "FunctionErrors" in alarms_on(dev)
    for url in (dev.dead_letters, dev.dead_letters.replace("dead", "retry")):
        dev.sqs.send_message(QueueUrl=url, MessageBody="?", MessageGroupId="1", MessageDeduplicationId="1")
    # `shopwire dev` never throttles.
    assert alarms_on(dev) == template_alarms().keys() - {"Throttles"}


class FakeAws:
    """The responses of a stack, by operation. One object is the client of every service."""

    def __init__(self) -> None:
        self.states = {f"stack-{name}-1X": "OK" for name in template_alarms()}
        self.parameter_reads: list[Any] = []

    def __call__(self, service: str) -> "FakeAws":
        return self

    def describe_stacks(self, StackName: str) -> Any:
        outputs = {
            "WebhookUrl": "https://abc.execute-api.eu-central-1.example.com/webhooks/",
            "QueueUrl": "https://sqs.example.com/1/retry.fifo",
            "ShopsPath": f"/shopwire/{StackName}/shops/",
        }
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]}]}

    def get_paginator(self, operation: str) -> "FakeAws":
        assert operation == "list_stack_resources"
        return self

    def paginate(self, StackName: str) -> Iterator[Any]:
        for name in self.states:
            resource = {"PhysicalResourceId": name, "LogicalResourceId": name.split("-")[1]}
            yield {"StackResourceSummaries": [resource | {"ResourceType": "AWS::CloudWatch::Alarm"}]}
        yield {
            "StackResourceSummaries": [
                {"PhysicalResourceId": "t", "LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table"}
            ]
        }

    def get_parameter(self, Name: str, WithDecryption: bool) -> Any:
        self.parameter_reads.append((Name, WithDecryption))
        return {"Parameter": {"Value": json.dumps(SETTINGS)}}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> Any:
        return {"Attributes": dict(zip(AttributeNames, ("2", "3"), strict=True))}

    def describe_alarms(self, AlarmNames: list[str]) -> Any:
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": self.states[name]} for name in AlarmNames]}


def test_deployed_stack_is_found_by_its_name() -> None:
    aws = FakeAws()
    stack = Deployed("shopwire-test", aws)
    assert stack.url == "https://abc.execute-api.eu-central-1.example.com"
    assert aws.parameter_reads == [(f"/shopwire/shopwire-test/shops/{TEST_SHOP}", True)]
    assert stack.shop.secrets[0].get_secret_value() == "a-secret"
    assert stack.queued() == 5
    assert stack.alarms() == dict.fromkeys(template_alarms(), False)
    aws.states["stack-Parked-1X"] = "ALARM"
    aws.states["stack-Refused-1X"] = "INSUFFICIENT_DATA"
    assert alarms_on(stack) == {"Parked"}
