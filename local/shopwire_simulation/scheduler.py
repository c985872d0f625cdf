"""Virtual time and the baton: who runs when. Nothing in here knows shopwire.

An invocation is a greenlet. Every call that it makes of the outside world hands the baton back, so that any other
invocation may run meanwhile, and is a point at which this one may die. The order of everything follows from one seed.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import greenlet


class Killed(BaseException):
    """Thrown into an invocation that dies: no `except Exception` of the code under test may see it."""


class Blow(StrEnum):
    """What may strike an invocation at a point."""

    DIE = "die"
    FAIL = "fail"
    """What it calls gives no answer, nor for the next two seconds; after the effect: only the answer is lost."""
    STALL = "stall"
    """It stands still for seconds, and everybody else goes first."""
    OVERRUN = "overrun"
    """It stands still until its lease is over, and then goes on: its time-out does not kill it."""


_STALLED = 6_000
_FAILING = 2_000
# A lease ends 5 s after its holder's deadline (delivery/direct.py), and clocks are 5 s apart at most.
_PAST_THE_LEASE = 11_000


class Invocation:
    """One invocation of a function.

    Args:
        seed: what its chances follow from.
        deadline: virtual time at which its function's time-out kills it.
    """

    def __init__(self, name: str, deadline: int, seed: str) -> None:
        self.name = name
        # Its own chances, whatever else happens in the world: a story fails alone as it did in company.
        self.rng = random.Random(seed)
        self.deadline = deadline
        self.blow: tuple[int, Blow] | None = None
        """At which point (the first is 1) what strikes it."""
        self.points: list[tuple[str, str]] = []
        """The points it came to: what is called there, "before" or "after" its effect."""
        self.at_point: Callable[[], None] | None = None
        """Called at each point, before anything strikes."""
        self.fails_until = 0
        self.overran = False
        self.killed = False
        self.notes: dict[str, Any] = {}
        """What the checks want to know of it."""


class World:
    """The clock (UTC milliseconds), what happens when, and the running invocations."""

    def __init__(self, start: int) -> None:
        self.now = start
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._ticket = itertools.count()
        self._hub = greenlet.getcurrent()
        self._running: dict[greenlet.greenlet, Invocation] = {}

    @property
    def current(self) -> Invocation | None:
        """The invocation that has the baton; None: the world itself."""
        return self._running.get(greenlet.getcurrent())

    @property
    def busy(self) -> int:
        """How many invocations are under way."""
        return len(self._running)

    def at(self, when: int, action: Callable[[], None]) -> None:
        """Let something happen at a virtual time; of one moment, in the order of asking."""
        heapq.heappush(self._agenda, (max(when, self.now), next(self._ticket), action))

    def after(self, milliseconds: int, action: Callable[[], None]) -> None:
        """Let something happen so many milliseconds from now."""
        self.at(self.now + milliseconds, action)

    def run(self, until: int | None = None) -> None:
        """Let time pass: until a moment, or until nothing is on the agenda any more."""
        while self._agenda and (until is None or self._agenda[0][0] <= until):
            self.now, _, action = heapq.heappop(self._agenda)
            action()
        if until is not None:
            self.now = max(self.now, until)

    def invoke(self, invocation: Invocation, call: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run `call` as an invocation now; `done` gets its result, or the exception that ended it."""

        def body() -> None:
            result: Any
            try:
                result = call()
            except Killed as death:
                invocation.killed = True
                result = death
            except Exception as error:
                result = error
            del self._running[me]
            done(result)

        me = greenlet.greenlet(body, self._hub)
        self._running[me] = invocation
        me.switch()

    def pause(self, milliseconds: int) -> None:
        """Hand the baton back for so long. In the world itself time does not pass."""
        me = greenlet.getcurrent()
        invocation = self._running.get(me)
        if invocation is None:
            return
        self.after(milliseconds, me.switch)
        self._hub.switch()

    def point(self, name: str, phase: str, *, timed: bool = False) -> bool:
        """A point between two effects, where a blow may strike. Answers whether what is called gives no answer.

        Args:
            timed: whoever stands still here is cut short by a time-out: he does so at the next point.

        Raises:
            Killed.
        """
        invocation = self.current
        if invocation is None:
            return False
        invocation.points.append((name, phase))
        if invocation.at_point:
            invocation.at_point()
        number, blow = invocation.blow or (0, None)
        if number == len(invocation.points):
            match blow:
                case Blow.STALL | Blow.OVERRUN if timed:
                    invocation.blow = number + 1, blow
                case Blow.DIE:
                    raise Killed
                case Blow.FAIL:
                    invocation.fails_until = self.now + _FAILING
                    invocation.notes[f"{name}_down"] = self.now
                case Blow.STALL:
                    self.pause(_STALLED)
                case Blow.OVERRUN:
                    invocation.overran = True
                    self.pause(invocation.deadline + _PAST_THE_LEASE - self.now)
        if self.now > invocation.deadline and not invocation.overran:
            raise Killed
        return self.now < invocation.fails_until and invocation.points[number - 1][0] == name
