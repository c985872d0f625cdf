"""Fixtures that several test files use."""

import io
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from moto import mock_aws

from shopwire.observability import logger
from tests.support.delivery_world import World, make_clients
from tests.support.fakes import both as both
from tests.support.fakes import fake_side as fake_side
from tests.support.fakes import moto_side as moto_side
from tests.support.fakes import side as side

# Nothing here may ever reach an account, whatever the machine is set up for.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

# Whether a property holds does not depend on how busy the machine is.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log lines of the test, as CloudWatch would get them (the logger's own stream is that of the first test)."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logger.addHandler(handler)
    yield stream
    logger._logger.removeHandler(handler)


@pytest.fixture(scope="session")
def aws_clients() -> dict[str, Any]:
    """Clients cost more than a test: made once, each test has its own empty account behind them."""
    return make_clients()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, aws_clients: dict[str, Any]) -> Iterator[World]:
    """All parts of shopwire on moto, with a clock and faults in the test's hand."""
    with mock_aws():
        yield World(monkeypatch, aws_clients)
