"""Injects faults one by one. Every invocation of a few short stories gets every fault at each of its points.

A run without an injected fault records the points. Then each combination of invocation, point and fault is a run of its
own, and none is left out. A small simulation stops early.
"""

import itertools
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from types import FrameType

from shopwire_simulation.checkers.identities import persons
from shopwire_simulation.checkers.observations import Violation
from shopwire_simulation.faults import SEND_TWICE
from shopwire_simulation.run import Run, rare_garbage_collection
from shopwire_simulation.scheduler import Fault, Invocation
from shopwire_simulation.shops import simulated_platforms, simulated_shops
from shopwire_testkit.announcements import Story

_MAX_ANNOUNCEMENTS = 12
"""A story with more announcements is not short."""
_SAME_MOMENT_MS = 60


@dataclass(frozen=True, slots=True)
class Scenario:
    """The circumstances in which a fault is injected.

    `max_gap_seconds` is the longest time between two changes of a story (0: hours). `background_faults` are the kinds
    of faults that happen anyway. `injected_faults` are injected one by one.
    """

    name: str
    max_gap_seconds: int
    background_faults: tuple[str, ...]
    injected_faults: tuple[Fault, ...]


_CRASH_AND_NO_ANSWER = (Fault.CRASH, Fault.NO_ANSWER)
SCENARIOS = (
    Scenario("fast", 3, (SEND_TWICE,), tuple(Fault)),
    Scenario("fast, the API is unsteady", 3, ("api_unsteady_flapping",), tuple(Fault)),
    Scenario("fast, the API is sluggish", 3, ("api_sluggish_flapping",), (Fault.NO_ANSWER,)),
    Scenario("calm", 0, (), (Fault.CRASH,)),
    Scenario("the API flaps", 0, ("api_flapping",), _CRASH_AND_NO_ANSWER),
    Scenario("the API and the queue flap", 0, ("api_flapping", "queue_flapping"), _CRASH_AND_NO_ANSWER),
    Scenario("step by step, the API is sluggish", 20, ("api_sluggish_flapping",), (Fault.NO_ANSWER,)),
    Scenario("step by step, the queue is down", 20, ("queue_out",), _CRASH_AND_NO_ANSWER),
    Scenario("step by step, the API flaps, the queue is down", 20, ("api_flapping", "queue_out"), (Fault.CRASH,)),
    Scenario("step by step, the API and the queue flap", 20, ("api_flapping", "queue_flapping"), _CRASH_AND_NO_ANSWER),
)
INJECTION_SEED = 4
"""The seed whose stories are chosen if the caller gives none."""
_CODE_UNDER_TEST = "/shopwire/"
# Enough webhooks to choose short stories of all topics from.
_WEBHOOKS = 6_000
# max_gap_seconds -> virtual days that the stories last.
_DAYS = {3: 0.0006, 20: 0.003, 0: 0.02}


@dataclass(frozen=True, slots=True)
class Injection:
    """One injected fault.

    `story` is the number of the story, `invocation` the number of the invocation (from 0) in its run, and `point` the
    number of the point (from 1) in the invocation. `seed` chose the stories.
    `service` is called there, by the lines of shopwire in `stack`.
    """

    scenario: Scenario
    story: int
    invocation: int
    point: int
    fault: Fault
    service: str
    seed: int
    stack: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class InjectionResult:
    """The result of all injections that were run."""

    injections: int
    webhooks: int
    seconds: float
    excused: dict[str, int]
    violations: list[tuple[Injection, Violation]]


class Injector:
    """Counts the invocations of a run, and plans the fault of one of them."""

    def __init__(self, injection: Injection) -> None:
        self._injection = injection
        self._started = 0

    def __call__(self, invocation: Invocation) -> None:
        if self._started == self._injection.invocation:
            invocation.planned_fault = (self._injection.point, self._injection.fault)
        self._started += 1


class PointRecorder:
    """Records for each invocation of a run where in the code each of its points is."""

    def __init__(self) -> None:
        self.invocations: list[tuple[Invocation, list[tuple[str, ...]]]] = []
        """Each invocation, and the call stack of each of its points."""

    def __call__(self, invocation: Invocation) -> None:
        stacks: list[tuple[str, ...]] = []
        self.invocations.append((invocation, stacks))
        invocation.on_point = lambda: stacks.append(_stack())


def _stack() -> tuple[str, ...]:
    frame: FrameType | None = sys._getframe()
    lines = []
    while frame:
        if _CODE_UNDER_TEST in frame.f_code.co_filename:
            lines.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return tuple(lines)


def run_injections(
    max_webhooks: int | None = None,
    progress: Callable[[float], None] | None = None,
    *,
    platforms: Collection[str] | None = None,
    until_violated: bool = False,
    seed: int = INJECTION_SEED,
) -> InjectionResult:
    """Run the short stories of every scenario with every injection, each in a run of its own.

    Args:
        max_webhooks: stop after about this number of webhooks. None: run everything.
        progress: called with the share that is done, 0 to 1.
        platforms: the names of the platforms whose simulated shops take part. None: all.
        until_violated: stop at the first violation.
        seed: chooses the stories, the random numbers and the order of the injections.
    """
    began, webhooks = time.perf_counter(), 0
    violations: list[tuple[Injection, Violation]] = []
    excused: Counter[str] = Counter()
    # The gap alone decides about the stories, so scenarios with the same gap share them.
    gaps = {scenario.max_gap_seconds: scenario for scenario in SCENARIOS}
    by_gap = {gap: make_scenario_stories(scenario, platforms, seed) for gap, scenario in gaps.items()}
    stories = {scenario: by_gap[scenario.max_gap_seconds] for scenario in SCENARIOS}
    injections = _sort_by_novelty(
        [
            injection
            for scenario in SCENARIOS
            for story in choose_short_stories(stories[scenario])
            for injection in enumerate_injections(stories[scenario], scenario, story, seed)
        ],
        seed,
    )
    with rare_garbage_collection() as collect:
        for done, injection in enumerate(injections, 1):
            result = make_run(injection, stories[injection.scenario]).run()
            webhooks += result.webhooks
            excused.update(result.excused)
            violations += [(injection, violation) for violation in result.violations]
            if (violations and until_violated) or (max_webhooks is not None and webhooks >= max_webhooks):
                break
            collect()
            if progress:
                share = done / len(injections)
                progress(share if max_webhooks is None else max(share, webhooks / max_webhooks))
    return InjectionResult(done, webhooks, time.perf_counter() - began, dict(excused), violations)


def make_scenario_stories(
    scenario: Scenario, platforms: Collection[str] | None = None, seed: int = INJECTION_SEED
) -> list[Story]:
    """Return the stories of these platforms, by default of all, from which a scenario's short stories are chosen."""
    gap = scenario.max_gap_seconds
    return Run(_WEBHOOKS, seed, (), (), platforms=platforms, days=_DAYS[gap], max_gap_seconds=gap).stories


def choose_short_stories(stories: list[Story]) -> list[int]:
    """Return the numbers of a few short stories that together contain every topic of every platform with a meaning."""
    topics = {n: _topics(story) for n, story in enumerate(stories) if len(story.announcements) <= _MAX_ANNOUNCEMENTS}
    chosen: list[int] = []
    covered: set[tuple[str, str]] = set()
    while best := max(topics, key=lambda n: (len(topics[n] - covered), -len(stories[n].announcements), -n)):
        if topics[best] <= covered:
            break
        covered |= topics[best]
        chosen.append(best)
    return sorted(chosen, key=lambda n: len(stories[n].announcements))


def _topics(story: Story) -> set[tuple[str, str]]:
    """Return the topics of a story that have a meaning, and which rare situations it has, each with its platform."""
    platform = story.shop.rpartition("-")[0]
    with_meaning = [announcement for announcement in story.announcements if announcement.id in story.meanings]
    found = {(platform, announcement.topic) for announcement in with_meaning}
    found |= {
        (platform, "a contact and an order of one moment")
        for earlier, later in itertools.pairwise(with_meaning)
        if earlier.entity.startswith("order ")
        and later.entity.startswith("contact ")
        and later.at - earlier.at < _SAME_MOMENT_MS
    }
    emails: dict[str, set[str | None]] = defaultdict(set)
    for announcement in with_meaning:
        for person in persons(story.meanings[announcement.id]):
            emails[person.customer_id or ""].add(person.email)
            if person.customer_id is None and any(
                person.email in own for id, own in emails.items() if id and len(own) > 1
            ):
                found.add((platform, "an order with an address that a customer gave up"))
    return found


def make_run(injection: Injection, stories: list[Story]) -> Run:
    """Return the run with this injection. `stories` are all stories of its scenario."""
    return _make_run(stories, injection.scenario, injection.story, injection.seed, Injector(injection))


def _make_run(
    stories: list[Story], scenario: Scenario, story: int, seed: int, on_start: Callable[[Invocation], None]
) -> Run:
    shops = simulated_shops(simulated_platforms())
    platforms = {shops[each.shop].platform for each in stories}  # other platforms must not change the run
    return Run(
        _WEBHOOKS,
        seed,
        scenario.background_faults,
        {story},
        platforms=platforms,
        stories=stories,
        on_start=on_start,
    )


def enumerate_injections(
    stories: list[Story], scenario: Scenario, story: int, seed: int = INJECTION_SEED
) -> Iterator[Injection]:
    """Yield every injection that differs from the others, for the points that the story's undisturbed run reaches."""
    recorder = PointRecorder()
    _make_run(stories, scenario, story, seed, recorder).run()
    for number, (invocation, stacks) in enumerate(recorder.invocations):
        for point, ((service, phase), stack) in enumerate(zip(invocation.points, stacks, strict=True), 1):
            for fault in scenario.injected_faults:
                if _is_distinct(fault, service, phase, is_last=point == len(invocation.points)):
                    place = (invocation.name, phase, *stack)
                    yield Injection(scenario, story, number, point, fault, service, seed, place)


def _sort_by_novelty(injections: list[Injection], seed: int) -> list[Injection]:
    """Shuffle the injections, and then put those first whose place in the code has had the fault least often.

    A simulation that stops early has then tried every place at least once.
    """
    random.Random(f"order of injections {seed}").shuffle(injections)
    seen: Counter[tuple[Scenario, Fault, tuple[str, ...]]] = Counter()
    rounds = []
    for injection in injections:
        place = injection.scenario, injection.fault, injection.stack
        rounds.append(seen[place])
        seen[place] += 1
    return [injection for _, injection in sorted(zip(rounds, injections, strict=True), key=lambda pair: pair[0])]


def _is_distinct(fault: Fault, service: str, phase: str, *, is_last: bool) -> bool:
    """Return False if the fault at this point has the same effect as at the next one.

    The point after an effect is the same as the point before the next effect, except for a lost answer.
    """
    if fault is Fault.NO_ANSWER:
        return True
    if fault is Fault.LATE_REQUEST:
        return service == "api" and phase == "before"
    if fault is not Fault.CRASH and service in ("api", "platform"):
        return False  # a time-out limits a call of an API, so a standstill inside it is the same as no answer
    return phase == "before" or is_last
