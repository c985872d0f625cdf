"""Fixtures of these tests."""

import pytest

from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import contact
from tests.support.clock import SecondsClock


@pytest.fixture
def clock() -> SecondsClock:
    return SecondsClock()


@pytest.fixture
def api(clock: SecondsClock) -> Emulator:
    emulator = Emulator(clock)
    contact(emulator, email="anna@example.com", sms="380501112233", externalCustomerId="3")
    return emulator
