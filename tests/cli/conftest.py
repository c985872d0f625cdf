"""Fixtures that several tests of the command line use."""

import os
import time
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
def set_stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetStdin]:
    """Set the bytes that each read of stdin returns."""

    with open(os.devnull) as ready:

        def set_bytes(body: bytes) -> None:
            stdin = SimpleNamespace(
                buffer=SimpleNamespace(read=lambda: body), isatty=lambda: False, fileno=ready.fileno
            )
            monkeypatch.setattr("sys.stdin", stdin)

        yield set_bytes


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, set_stdin: SetStdin) -> StubPlatform:
    """A platform in place of every other one. The body on stdin is an empty object."""
    platform = StubPlatform()
    monkeypatch.setattr(platforms, "get", lambda name: platform)
    set_stdin(b"{}")
    return platform


@pytest.fixture
def kyiv() -> Iterator[None]:
    """A user whose clock is two hours before UTC in winter."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", "Europe/Kyiv")
        time.tzset()
        yield
    time.tzset()


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
