"""Clocks that a test moves."""

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


class SecondsClock:
    """Returns seconds. Time passes only when a test sets `now`."""

    now = 0.0

    def __call__(self) -> float:
        return self.now
