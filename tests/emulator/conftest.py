"""Fixtures of these tests."""

import pytest

from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import Clock, contact


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Emulator:
    emulator = Emulator(clock)
    contact(emulator, email="anna@example.com", sms="380501112233", externalCustomerId="3")
    return emulator
