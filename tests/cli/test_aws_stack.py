"""A stack that cannot be found or used ends a command with one line."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoRegionError

from shopwire_cli.main import main


class CloudFormation:
    """A client whose describe_stacks returns one stack or raises an error."""

    def __init__(self, result: Any) -> None:
        self.meta = SimpleNamespace(region_name="eu-central-1")
        self._result = result

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if isinstance(self._result, Exception):
            raise self._result
        return {"Stacks": [self._result]}


def client_error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("result", "code", "message"),
    [
        (
            client_error("ValidationError", "Stack with id shop-eu does not exist"),
            2,
            "no stack shop-eu in eu-central-1: check the name, the region and the account",
        ),
        (client_error("AccessDenied", "no"), 1, "AWS refused to describe stack shop-eu: AccessDenied"),
        (
            EndpointConnectionError(endpoint_url="x"),
            1,
            "could not describe stack shop-eu, AWS does not answer: EndpointConnectionError",
        ),
        (NoRegionError(), 2, "no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one"),
        (
            {"StackId": "a/b/c"},
            2,
            "stack shop-eu has no output TableName: name a stack that was deployed with shopwire",
        ),
    ],
)
def test_unusable_stack_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], result: Any, code: int, message: str
) -> None:
    class Session:
        def client(self, service: str) -> CloudFormation:
            assert service == "cloudformation"
            return CloudFormation(result)

    monkeypatch.setattr("boto3.session.Session", Session)
    assert main(["parked", "list", "--stack", "shop-eu"]) == code
    assert capsys.readouterr() == ("", f"shopwire parked: {message}\n")
