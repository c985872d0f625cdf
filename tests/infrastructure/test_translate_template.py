"""What `make validate` asks of the translated template. Translating is SAM's, in an environment of its own."""

from typing import Any

import pytest

from tools.translate_template import problems

Resources = dict[str, dict[str, Any]]


def translated(layer: str = "1") -> Resources:
    """A function with a canary, as SAM would make it."""
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


def test_a_canary_is_one() -> None:
    assert list(problems(translated(), translated("2"))) == []


@pytest.mark.parametrize(
    ("name", "properties", "says"),
    [
        ("WebhookDeploymentGroup", {}, "Webhook: no alarm stops its deployment"),
        ("Permission", {"FunctionName": {"Ref": "Webhook"}}, "Permission: calls Webhook past its alias"),
    ],
)
def test_what_is_none_is_named(name: str, properties: dict[str, Any], says: str) -> None:
    one = translated()
    one[name]["Properties"] = properties
    assert list(problems(one, translated("2"))) == [says]


def test_a_layer_that_makes_no_new_version_is_named() -> None:
    assert list(problems(translated(), translated())) == ["Webhook: another layer makes no other version of it"]
