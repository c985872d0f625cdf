"""Fixtures of these tests."""

from collections.abc import Iterator

import pytest

from shopwire_dev.aws import Aws
from shopwire_dev.demo_shops import demo_settings, parse_shops


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    services = Aws("127.0.0.1", 0)
    settings = demo_settings()
    services.start(parse_shops(settings).values(), settings)
    yield services
    services.stop()
