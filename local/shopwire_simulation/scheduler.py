"""The virtual clock, and the scheduler that decides which invocation runs when. Nothing here knows shopwire.

Each invocation is a greenlet. Every call that it makes to something outside gives control back to the scheduler. There
any other invocation may run, and a fault may hit this one. The order of all events follows from one seed.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import greenlet


class Killed(BaseException):
    """Ends an invocation that crashes. It is a BaseException, so the code under test cannot catch it by accident."""


class Fault(StrEnum):
    """A fault that hits one invocation at one point. Its value is its name in `--faults`."""

    CRASH = "crash"
    NO_ANSWER = "no_answer"
    """The called service does not answer now, nor for the next two seconds. If the call took effect, only its answer is
    lost."""
    STANDSTILL = "standstill"
    """The invocation stops for six seconds, and all other invocations run."""
    OVERRUN = "overrun"
    """The invocation stops until its lease has expired, and then continues. Its time-out does not end it."""
    LATE_REQUEST = "late_request"
    """The request to the API arrives just before its time-out, after all that others send meanwhile. It is injected
    only; `api_straggler` is the kind that happens at random."""


_STANDSTILL_MS = 6_000
_NO_ANSWER_MS = 2_000
# A lease expires 5 s after its holder's deadline (LEASE_MARGIN in delivery/receive.py). Clocks differ by at most 5 s.
_LEASE_EXPIRED_MS = 11_000


class Invocation:
    """One invocation of a function.

    Args:
        deadline: virtual time at which the function's time-out ends the invocation (UTC milliseconds).
        seed: seed of the invocation's random numbers.
    """

    def __init__(self, name: str, deadline: int, seed: str) -> None:
        self.name = name
        # Each invocation has its own random numbers, so a story fails in the same way alone and among other stories.
        self.seed = seed
        self.rng = random.Random(seed)
        self.deadline = deadline
        self.started_at = 0
        """When it began (UTC milliseconds)."""
        self.request_id = ""
        """Lambda's id of the invocation. No other one has it."""
        self.leased: set[str] = set()
        """Partition keys of the items whose lease it took."""
        self.planned_fault: tuple[int, Fault] | None = None
        """The number of the point (from 1) at which a fault hits the invocation, and the fault."""
        self.points: list[tuple[str, str]] = []
        """The points that the invocation reached, each as the called service and "before" or "after" the effect."""
        self.on_point: Callable[[], None] | None = None
        """Called at each point, before a fault hits."""
        self.no_answer_until = 0
        self.overran = False
        self.stood_still = False
        self.next_request_is_late = False
        self.killed = False
        self.notes: dict[str, Any] = {}
        """What the simulation and its checkers note about the invocation."""


class Scheduler:
    """The clock (UTC milliseconds), the scheduled actions, and the running invocations."""

    def __init__(self, start: int) -> None:
        self.now = start
        self._actions: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = itertools.count()
        self._main = greenlet.getcurrent()
        self._running: dict[greenlet.greenlet, Invocation] = {}

    @property
    def current(self) -> Invocation | None:
        """The invocation that runs now, or None if the scheduler itself runs."""
        return self._running.get(greenlet.getcurrent())

    def call_at(self, when: int, action: Callable[[], None]) -> None:
        """Call `action` at a virtual time. Actions of the same time run in the order in which they were scheduled."""
        heapq.heappush(self._actions, (when if when > self.now else self.now, next(self._sequence), action))

    def call_later(self, milliseconds: int, action: Callable[[], None]) -> None:
        """Call `action` after a virtual duration."""
        self.call_at(self.now + milliseconds, action)

    @property
    def next_action_at(self) -> int | None:
        """The virtual time of the next scheduled action, or None if none is scheduled."""
        return self._actions[0][0] if self._actions else None

    def run(self, until: int | None = None) -> None:
        """Run the scheduled actions up to a virtual time, or until none is left."""
        actions, pop = self._actions, heapq.heappop
        while actions and (until is None or actions[0][0] <= until):
            self.now, _, action = pop(actions)
            action()
        if until is not None:
            self.now = max(self.now, until)

    def invoke(self, invocation: Invocation, call: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run `call` as an invocation now. `done` gets its result, or the exception that ended it."""

        def body() -> None:
            result: Any
            try:
                result = call()
            except Killed as killed:
                invocation.killed = True
                result = killed
            except Exception as error:
                result = error
            del self._running[me]
            done(result)

        me = greenlet.greenlet(body, self._main)
        self._running[me] = invocation
        me.switch()

    def sleep(self, milliseconds: int) -> None:
        """Give control back for a virtual duration. Outside an invocation, no time passes."""
        me = greenlet.getcurrent()
        invocation = self._running.get(me)
        if invocation is None:
            return
        self.call_at(self.now + milliseconds, me.switch)
        self._main.switch()

    def reach_point(self, service: str, phase: str, *, timed: bool = False) -> bool:
        """Let the planned fault hit the current invocation if this is the planned point.

        Args:
            service: what the invocation calls here.
            phase: "before" or "after" the effect of the call.
            timed: a time-out limits the call, so the invocation cannot stop inside it. A standstill or an overrun moves
                to the next point.

        Returns:
            True if the called service gives no answer.

        Raises:
            Killed: the invocation crashes, or its time-out ends it.
        """
        invocation = self.current
        if invocation is None:
            return False
        invocation.points.append((service, phase))
        if invocation.on_point:
            invocation.on_point()
        number, fault = invocation.planned_fault or (0, None)
        if number == len(invocation.points):
            match fault:
                case Fault.STANDSTILL | Fault.OVERRUN if timed:
                    invocation.planned_fault = number + 1, fault
                case Fault.CRASH:
                    raise Killed
                case Fault.NO_ANSWER:
                    invocation.no_answer_until = self.now + _NO_ANSWER_MS
                    invocation.notes[f"{service}_down"] = self.now
                case Fault.LATE_REQUEST:
                    invocation.next_request_is_late = True
                case Fault.STANDSTILL:
                    invocation.stood_still = True
                    self.sleep(_STANDSTILL_MS)
                case Fault.OVERRUN:
                    invocation.overran = True
                    self.sleep(invocation.deadline + _LEASE_EXPIRED_MS - self.now)
        if self.now > invocation.deadline and not invocation.overran:
            raise Killed
        return self.now < invocation.no_answer_until and invocation.points[number - 1][0] == service
