"""Which installation the tests here run against: the stack that SHOPWIRE_STACK names, else `shopwire dev`."""

import os
from collections.abc import Iterator

import pytest

from tests.deployed.targets import Deployed, Dev, Target


@pytest.fixture(scope="module")  # while it runs, the whole process is its environment
def target() -> Iterator[Target]:
    if stack := os.environ.get("SHOPWIRE_STACK"):
        yield Deployed(stack)
        return
    before = dict(os.environ)
    dev = Dev()
    dev.start()
    yield dev
    dev.stop()
    assert dict(os.environ) == before
