"""Clocks that a test moves."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from shopwire.models.base import milliseconds
from tests.support.changes import START


@dataclass
class Clock:
    """Returns UTC milliseconds. Time passes only when a test says so."""

    now: int = milliseconds(START)

    def __call__(self) -> int:
        return self.now

    def advance(self, milliseconds: int) -> None:
        self.now += milliseconds


def minutes_clock() -> Callable[[], float]:
    """Return a clock of seconds on which a minute passes with each reading.

    For tests that send to the API's emulator and are not about its limits, because it refuses the same request within
    a minute and too many requests within a second.
    """
    return itertools.count(0.0, 60.0).__next__


class SecondsClock:
    """Returns seconds. Time passes only when a test sets `now`."""

    now = 0.0

    def __call__(self) -> float:
        return self.now
