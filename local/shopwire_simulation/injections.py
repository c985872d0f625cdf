"""Every effect is a point where a blow may strike: a few short stories, each invocation of them struck at each of its
points in turn, by each blow.

Nothing is sampled: what a run without a blow shows to be there, an invocation and its points, is one run each. A small
simulation stops early.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

from shopwire_simulation.checkers.evidence import Violation
from shopwire_simulation.run import Run, collecting_rarely
from shopwire_simulation.scheduler import Blow, Invocation
from shopwire_testkit.announcements import Story

_LONGEST = 12
"""Announcements of a story that is short enough."""


@dataclass(frozen=True, slots=True)
class Scene:
    """In which stories what else goes wrong while one blow strikes.

    Args:
        gap: so many seconds at most are between a story's changes (0: minutes).
    """

    name: str
    gap: int
    trouble: tuple[str, ...]
    blows: tuple[Blow, ...]


SCENES = (
    Scene("in a hurry", 3, ("every_twice",), tuple(Blow)),
    Scene("in a hurry, the API is unsteady", 3, ("api_unsteady_by_turns",), tuple(Blow)),
    Scene("in a hurry, the API is sluggish", 3, ("api_sluggish_by_turns",), (Blow.FAIL,)),
    Scene("in peace", 0, (), (Blow.DIE,)),
    Scene("the API by turns", 0, ("api_by_turns",), (Blow.DIE, Blow.FAIL)),
    Scene("API and queue by turns", 0, ("api_by_turns", "queue_by_turns"), (Blow.DIE, Blow.FAIL)),
    Scene("step by step, the API is sluggish", 20, ("api_sluggish_by_turns",), (Blow.FAIL,)),
    Scene("step by step, the queue is down", 20, ("queue_out",), (Blow.DIE, Blow.FAIL)),
    Scene("step by step, API and queue by turns", 20, ("api_by_turns", "queue_by_turns"), (Blow.DIE, Blow.FAIL)),
)
_SEED = 4
_SHUFFLE = 57
_UNDER_TEST = "/shopwire/"
# Enough stories to choose from.
_WEBHOOKS = 6_000
# How long the stories last, by their gap.
_DAYS = {3: 0.0006, 20: 0.003, 0: 0.02}


@dataclass(frozen=True, slots=True)
class Strike:
    """One blow: in which scene, in which story (number), to the how-manieth invocation, at which of its points."""

    scene: Scene
    story: int
    invocation: int
    point: int
    blow: Blow
    at: str
    """What is called there."""
    place: tuple[str, ...] = field(repr=False)
    """Which lines of shopwire lead there."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """What came of all blows."""

    strikes: int
    webhooks: int
    seconds: float
    violations: list[tuple[Strike, Violation]]


class Striker:
    """Numbers the invocations of a run and lets one of them be struck."""

    def __init__(self, strike: Strike) -> None:
        self._strike = strike
        self._begun = 0

    def __call__(self, invocation: Invocation) -> None:
        if self._begun == self._strike.invocation:
            invocation.blow = (self._strike.point, self._strike.blow)
        self._begun += 1


class Surveyor:
    """Notes where in the code each point of each invocation of a calm run is."""

    def __init__(self) -> None:
        self.begun: list[tuple[Invocation, list[tuple[str, ...]]]] = []

    def __call__(self, invocation: Invocation) -> None:
        places: list[tuple[str, ...]] = []
        self.begun.append((invocation, places))
        invocation.at_point = lambda: places.append(_place())


def _place() -> tuple[str, ...]:
    frame: FrameType | None = sys._getframe()
    lines = []
    while frame:
        if _UNDER_TEST in frame.f_code.co_filename:
            lines.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return tuple(lines)


def short_stories(stories: list[Story]) -> list[int]:
    """A few short stories in which every topic of every platform that means anything is told."""
    topics = {n: _topics(one) for n, one in enumerate(stories) if len(one.announcements) <= _LONGEST}
    chosen: list[int] = []
    told: set[tuple[str, str]] = set()
    while more := max(topics, key=lambda n: (len(topics[n] - told), -len(stories[n].announcements), -n)):
        if topics[more] <= told:
            break
        told |= topics[more]
        chosen.append(more)
    return sorted(chosen, key=lambda n: len(stories[n].announcements))


def _topics(story: Story) -> set[tuple[str, str]]:
    platform = story.shop.rpartition("-")[0]
    return {(platform, one.topic) for one in story.announcements if one.id in story.meanings}


def crash(
    most: int | None = None,
    progress: Callable[[float], None] | None = None,
    *,
    until_violated: bool = False,
) -> Crashed:
    """Strike every invocation of the short stories at each of its points with each blow, each alone.

    Args:
        most: stop after about so many webhooks; else nothing is left out.
    """
    began, webhooks = time.perf_counter(), 0
    violations: list[tuple[Strike, Violation]] = []
    told = {scene: scene_stories(scene) for scene in SCENES}
    strikes = [
        strike
        for scene, stories in told.items()
        for story in short_stories(stories)
        for strike in strikes_of(stories, scene, story)
    ]
    strikes = _of_each_first(strikes)
    with collecting_rarely() as collect:
        for done, strike in enumerate(strikes, 1):
            verdict = replay(strike, told[strike.scene]).go()
            webhooks += verdict.webhooks
            violations += [(strike, one) for one in verdict.violations]
            if (violations and until_violated) or (most is not None and webhooks >= most):
                break
            collect()
            if progress:
                progress(done / len(strikes) if most is None else max(done / len(strikes), webhooks / most))
    return Crashed(done, webhooks, time.perf_counter() - began, violations)


def scene_stories(scene: Scene) -> list[Story]:
    """The stories that a scene chooses from."""
    return Run(_WEBHOOKS, _SEED, (), (), days=_DAYS[scene.gap], gap=scene.gap).stories


def replay(strike: Strike, stories: list[Story] | None = None) -> Run:
    """The run with this blow in it, ready to go."""
    return _run(stories or scene_stories(strike.scene), strike.scene, strike.story, Striker(strike))


def strikes_of(stories: list[Story], scene: Scene, story: int) -> Iterator[Strike]:
    """Every blow that a story may be struck by: what its undisturbed run shows to be there."""
    calm = Surveyor()
    _run(stories, scene, story, calm).go()
    for number, (invocation, places) in enumerate(calm.begun):
        for point, ((name, phase), place) in enumerate(zip(invocation.points, places, strict=True), 1):
            for blow in scene.blows:
                if _differs(blow, name, phase, last=point == len(invocation.points)):
                    yield Strike(scene, story, number, point, blow, name, (invocation.name, phase, *place))


def _of_each_first(strikes: list[Strike]) -> list[Strike]:
    """Shuffled, but each line of the code once under each blow in each scene, then once more, and so on: whoever stops
    early has seen something of all."""
    random.Random(_SHUFFLE).shuffle(strikes)
    seen: Counter[tuple[Scene, Blow, tuple[str, ...]]] = Counter()
    turns = []
    for strike in strikes:
        what = strike.scene, strike.blow, strike.place
        turns.append(seen[what])
        seen[what] += 1
    return [strike for _, strike in sorted(zip(turns, strikes, strict=True), key=lambda one: one[0])]


def _differs(blow: Blow, name: str, phase: str, *, last: bool) -> bool:
    """Whether the blow at this point is not the same as another: after an effect is before the next one."""
    if blow is Blow.FAIL:
        return True
    if blow is not Blow.DIE and name == "api":
        return False  # what stands still inside a call of the API is cut short by its time-out: that is FAIL
    return phase == "before" or last


def _run(stories: list[Story], scene: Scene, story: int, begun: Callable[[Invocation], None]) -> Run:
    return Run(_WEBHOOKS, _SEED, scene.trouble, {story}, stories=stories, begun=begun)
