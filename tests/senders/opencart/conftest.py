"""Imitated shops with the module."""

from pathlib import Path

import pytest

from tests.senders.opencart.opencart import VERSIONS, OpenCart
from tests.senders.senders import Server


@pytest.fixture(params=VERSIONS)
def opencart(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> OpenCart:
    return OpenCart(request.param, tmp_path, server.start())


@pytest.fixture
def opencart_3(server: Server, tmp_path: Path) -> OpenCart:
    return OpenCart("3.0.3.9", tmp_path, server.start())
