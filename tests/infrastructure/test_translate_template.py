"""Tests of the checks in tools/translate_template.py. SAM does the translation itself, in an environment of its own."""

from typing import Any

import pytest

from tools.translate_template import find_problems

Resources = dict[str, dict[str, Any]]


def translated(layer: str = "1") -> Resources:
    """Return a function with a canary deployment, as SAM translates it."""
    return {
        "Webhook": {"Type": "AWS::Lambda::Function", "Properties": {}},
        f"WebhookVersion{layer}": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Webhook"}}},
        "WebhookDeploymentGroup": {
            "Type": "AWS::CodeDeploy::DeploymentGroup",
            "Properties": {"AlarmConfiguration": {"Enabled": True}},
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {"FunctionName": {"Ref": "WebhookAliaslive"}},
        },
    }


def test_canary_deployment_has_no_problems() -> None:
    assert list(find_problems(translated(), translated("2"))) == []


@pytest.mark.parametrize(
    ("name", "properties", "problem"),
    [
        ("WebhookDeploymentGroup", {}, "Webhook: no alarm stops its deployment"),
        ("Permission", {"FunctionName": {"Ref": "Webhook"}}, "Permission: calls Webhook directly instead of its alias"),
    ],
)
def test_missing_alarm_or_direct_call_is_reported(name: str, properties: dict[str, Any], problem: str) -> None:
    resources = translated()
    resources[name]["Properties"] = properties
    assert list(find_problems(resources, translated("2"))) == [problem]


def test_layer_that_does_not_publish_a_new_version_is_reported() -> None:
    assert list(find_problems(translated(), translated())) == [
        "Webhook: a new layer does not publish a new version of it"
    ]
