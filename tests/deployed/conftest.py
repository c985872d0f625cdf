"""Choose the target of these tests: the stack that SHOPWIRE_STACK names or, without it, `shopwire dev`."""

import os
from collections.abc import Iterator

import pytest

from tests.deployed.targets import Deployed, Dev, Target


@pytest.fixture(scope="module")  # A running `shopwire dev` changes the environment variables of the whole process.
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
