"""Every effect is a point to die at: a few short stories, each invocation of them killed at each of its points in turn.

Nothing is sampled here. What a run without a death shows to be there, an invocation and its points, is one run each.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shopwire_local.simulation.checks import Violation
from shopwire_local.simulation.run import Run
from shopwire_local.simulation.stories import Story
from shopwire_local.simulation.world import Invocation

SEED = 4
_WEBHOOKS = 400
_DAYS = 0.02
# What else goes wrong meanwhile.
TROUBLES: tuple[tuple[str, ...], ...] = ((), ("api_by_turns",), ("api_by_turns", "queue_by_turns"))
_LONGEST = 7
"""Announcements of a story that is short enough."""


@dataclass(frozen=True, slots=True)
class Death:
    """One death: which story (number), amid what trouble, the how-manieth invocation, at which of its points."""

    story: int
    trouble: tuple[str, ...]
    invocation: int
    point: int


@dataclass(frozen=True, slots=True)
class Crashed:
    """What came of all deaths."""

    deaths: int
    webhooks: int
    seconds: float
    violations: list[tuple[Death, Violation]]


class Killer:
    """Numbers the invocations of a run and lets one of them die.

    Args:
        invocation, point: which dies where; None: nobody.
    """

    def __init__(self, invocation: int | None = None, point: int | None = None) -> None:
        self.begun: list[Invocation] = []
        self._invocation = invocation
        self._point = point

    def __call__(self, invocation: Invocation) -> None:
        if len(self.begun) == self._invocation:
            invocation.dies_at = self._point
        self.begun.append(invocation)


def short_stories(stories: list[Story]) -> list[int]:
    """One story for each kind of life: the shortest with its set of topics that has not been told by another."""
    told: set[tuple[str, str]] = set()
    chosen = []
    for n in sorted(range(len(stories)), key=lambda n: len(stories[n].announcements)):
        kinds = {(story.shop.rpartition("-")[0], one.topic) for story in (stories[n],) for one in story.announcements}
        if len(stories[n].announcements) <= _LONGEST and len(kinds - told) > 1:
            told |= kinds
            chosen.append(n)
    return chosen


def crash(
    most: int | None = None,
    progress: Callable[[float], None] | None = None,
    *,
    until_violated: bool = False,
) -> Crashed:
    """Kill every invocation of the short stories at each of its points, each alone.

    Args:
        most: of how many stories (all).
    """
    stories = Run(_WEBHOOKS, SEED, (), (), days=_DAYS).stories
    chosen = short_stories(stories)[:most]
    began, deaths, webhooks = time.perf_counter(), 0, 0
    violations: list[tuple[Death, Violation]] = []
    for done, story in enumerate(chosen):
        for trouble in TROUBLES:
            for death in _deaths(stories, story, trouble):
                verdict = replay(death, stories).go()
                deaths, webhooks = deaths + 1, webhooks + verdict.webhooks
                violations += [(death, one) for one in verdict.violations]
                if violations and until_violated:
                    return Crashed(deaths, webhooks, time.perf_counter() - began, violations)
        if progress:
            progress((done + 1) / len(chosen))
    return Crashed(deaths, webhooks, time.perf_counter() - began, violations)


def replay(death: Death, stories: list[Story] | None = None) -> Run:
    """The run with this death in it, ready to go."""
    return _run(stories, death.story, death.trouble, Killer(death.invocation, death.point))


def _deaths(stories: list[Story], story: int, trouble: tuple[str, ...]) -> Iterator[Death]:
    calm = Killer()
    _run(stories, story, trouble, calm).go()
    for number, invocation in enumerate(calm.begun):
        for point in range(1, invocation.points + 1):
            yield Death(story, trouble, number, point)


def _run(stories: list[Story] | None, story: int, trouble: tuple[str, ...], killer: Killer) -> Run:
    return Run(_WEBHOOKS, SEED, trouble, {story}, stories=stories, days=_DAYS, begun=killer)
