"""Fixtures that several tests of the command line use."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shopwire import platforms
from shopwire_cli import aws_stack
from shopwire_cli.aws_stack import AwsStack
from tests.cli.shop_command import PATH, SHOPS_TOML
from tests.cli.stub_platform import StubPlatform

SetStdin = Callable[[bytes], None]


@pytest.fixture
def set_stdin(monkeypatch: pytest.MonkeyPatch) -> SetStdin:
    """Set the bytes that each read of stdin returns."""

    def set_bytes(body: bytes) -> None:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read=lambda: body)))

    return set_bytes


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, set_stdin: SetStdin) -> StubPlatform:
    """A platform in place of every other one. The body on stdin is an empty object."""
    platform = StubPlatform()
    monkeypatch.setattr(platforms, "get", lambda name: platform)
    set_stdin(b"{}")
    return platform


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The SSM of a stack `shop-eu` on moto's AWS, which has no shop."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    outputs = {"ShopsPath": PATH, "WebhookUrl": "https://x.example.com/webhooks/"}
    monkeypatch.setattr(aws_stack, "describe_stack", lambda name: AwsStack(name, "a/b/c", outputs))
    with mock_aws():
        yield boto3.client("ssm")


@pytest.fixture
def shops_file(tmp_path: Path) -> Path:
    """A shops.toml with the shops `ann` and `bob`."""
    path = tmp_path / "shops.toml"
    path.write_text(SHOPS_TOML)
    return path
