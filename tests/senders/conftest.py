"""A server in the place of shopwire."""

from collections.abc import Iterator

import pytest

from tests.senders.senders import Server


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()
