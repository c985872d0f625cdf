"""Fixtures of several test files."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from shopwire.observability import logger
from tests.support.delivery_world import World
from tests.support.distribution import distribute
from tests.support.fakes import Side, make_clients
from tests.support.fakes import both as both
from tests.support.fakes import fake_side as fake_side
from tests.support.fakes import moto_side as moto_side
from tests.support.fakes import side as side

# No test may reach a real AWS account, even if this machine has credentials.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

# A property test must not fail because the machine is busy.
settings.register_profile("shopwire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shopwire")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests first if several workers share the tests."""
    if (workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))) > 1:
        items[:] = [items[index] for index in distribute([item.nodeid for item in items], workers)]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log lines of the test in the format for CloudWatch.

    The fixture adds a handler, because the logger's own handler keeps writing to the stdout of the first test.
    """
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logger.addHandler(handler)
    yield stream
    logger._logger.removeHandler(handler)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Make the captured output a terminal."""
    # The class is patched, because pytest replaces the stream between this fixture and the test.
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: True, raising=False)


@pytest.fixture(scope="session")
def aws_clients() -> dict[str, Any]:
    """The boto3 clients of all tests, because making them takes longer than a test."""
    return make_clients()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, moto_side: Side) -> World:
    """All parts of shopwire on moto. The test controls the clock and the faults."""
    return World(monkeypatch, moto_side)


@pytest.fixture
def fake_world(monkeypatch: pytest.MonkeyPatch, fake_side: Side) -> World:
    """The same on the simulation's fakes. A call takes a hundredth of the time, so hours or many cases are cheap."""
    return World(monkeypatch, fake_side)
