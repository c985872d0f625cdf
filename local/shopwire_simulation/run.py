"""One run of the simulation, with its shops, stories, faults, cloud and checkers. Everything follows from the seed."""

import gc
import random
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from shopwire.observability import logger
from shopwire_simulation.api import SimulatedApi
from shopwire_simulation.checkers.checker import Checker
from shopwire_simulation.checkers.observations import VIOLATION_KINDS, Violation
from shopwire_simulation.cloud import Cloud
from shopwire_simulation.comebacks import Comebacks
from shopwire_simulation.end_state import count_copies, read_end_state, stored_texts, waiting_texts
from shopwire_simulation.faults import FAULT_KINDS, FaultSchedule
from shopwire_simulation.log_stream import LogStream
from shopwire_simulation.operator_actions import Operator
from shopwire_simulation.platform_apis import SimulatedPlatformApis
from shopwire_simulation.scheduler import Invocation, Scheduler
from shopwire_simulation.senders import Senders, SendRecord
from shopwire_simulation.shops import accounts_of, simulated_shops
from shopwire_simulation.table_layout import CALM_ATTRIBUTES
from shopwire_simulation.workload import make_stories
from shopwire_testkit.announcements import Story
from shopwire_testkit.durations import DAY, HOUR, MINUTE

START = 1_790_000_000_000
"""Virtual time at which every run starts, in UTC milliseconds."""
_DAYS = 3.0
_BURST_DAYS = 0.02
_COMPRESSION = 60
_DRAIN_MS = 100 * MINUTE
"""When the last fault has ended, everything must be sent after this time. The longest pause takes an hour, the longest
backoff 15 minutes, and what `upkeep` moves goes through the queue again."""
_STEPS = 200
_COLLECT_OBJECTS = 2_000_000
# A run without faults and with this number of webhooks must write all of CALM_ATTRIBUTES.
_CALM_WEBHOOKS = 1_000

THEMES = {
    # What cannot be sent at once waits in the outbox, and most of it is moved from there more than once.
    "outbox": (*FAULT_KINDS, "queue_out", "api_flapping"),
    # Invocations continue after their leases expired, while others hold them.
    "leases": ("overruns", "api_sluggish_flapping", "duplicate", "late"),
    # Two requests about one person or order are on their way at the same time, and the first may be the last one.
    "races": ("api_races", "api_unsteady_flapping", "facts_first", "late", "duplicate", "no_answer", "standstill"),
}
"""Burst runs with faults that make rare situations frequent, and the kinds of their faults."""

Trace = list[tuple[int, str]]
"""What happened, in order. The times are milliseconds since the start of the run."""


class BlindChecker(Exception):
    """The checkers recognised no write of an attribute, so they would not notice violations."""

    def __init__(self, attributes: list[str]) -> None:
        names = ", ".join(attributes)
        super().__init__(f"no write of {names} was seen. Correct the names in shopwire_simulation/table_layout.py")


@dataclass(slots=True)
class RunResult:
    """The result of a run. `faults` counts faults by kind, `answers` counts webhooks by the status of the answer,
    and `excused` counts the uses of each excuse of the checkers.
    """

    webhooks: int
    seconds: float
    violations: list[Violation]
    faults: dict[str, int]
    answers: dict[str, int]
    excused: dict[str, int]
    stories: list[Story] = field(repr=False)

    @property
    def counts(self) -> dict[str, Any]:
        """The figures of the JSON line with which `shopwire simulate` ends."""
        violations = Counter(violation.kind for violation in self.violations)
        return {
            "webhooks": self.webhooks,
            "faults": sum(self.faults.values()),
            **{kind: violations[kind] for kind in VIOLATION_KINDS},
            "excused": self.excused,
            "seconds": round(self.seconds, 1),
        }


class Run:
    """A run that is ready to start.

    Args:
        webhooks: the smallest number of webhooks. Duplicates and repetitions come on top.
        faults: the kinds of faults that may happen.
        only: numbers of the stories that are simulated. None: all stories, without a trace.
        without: ids of announcements that are left out.
        platforms: the names of the platforms whose simulated shops take part. None: all.
        stories: the stories of this seed, if they were made before.
        days: virtual days in which the stories begin and end.
        max_gap_seconds: the longest time between two changes of a story. Then the faults last seconds instead of
            minutes. 0: hours, as in reality.
        often: which rare happenings are frequent: "registering" (at the checkout), "leaving" (accounts are deleted, and
            people ask for their erasure).
        on_start: called with each invocation before it runs, except those of the comebacks at the end.
    """

    def __init__(
        self,
        webhooks: int,
        seed: int,
        faults: Collection[str] = FAULT_KINDS,
        only: Collection[int] | None = None,
        without: Collection[int] = (),
        *,
        platforms: Collection[str] | None = None,
        stories: list[Story] | None = None,
        days: float = _DAYS,
        max_gap_seconds: int = 0,
        often: Collection[str] = (),
        on_start: Callable[[Invocation], None] = lambda _: None,
    ) -> None:
        rng = random.Random(seed)
        self.scheduler = Scheduler(START)
        self._shops = simulated_shops(platforms)
        self._accounts = accounts_of(self._shops)
        if stories is None:
            shops = list(self._shops.values())
            stories = make_stories(random.Random(seed), shops, webhooks, START, days, max_gap_seconds, often)
        self.stories = stories
        chosen = {n: stories[n] for n in (range(len(stories)) if only is None else sorted(only))}
        self._is_calm = not faults and only is None and not without and webhooks >= _CALM_WEBHOOKS
        self._chosen = chosen
        self._on_start = on_start
        self.trace: Trace | None = None if only is None else []
        # A duplicate or a late webhook may arrive a day later.
        self.end = max(announcement.at for story in stories for announcement in story.announcements)
        self.end += DAY if {"duplicate", "very_late"}.intersection(faults) else 2 * HOUR
        first_at = min(
            (announcement.at for story in chosen.values() for announcement in story.announcements), default=START
        )
        faults_end = START + int(days * DAY) if max_gap_seconds else self.end
        compression = _COMPRESSION if max_gap_seconds else 1
        self.faults = FaultSchedule(random.Random(seed + 1), faults, START, faults_end, first_at, compression)
        records: dict[int, SendRecord] = {}
        self.checker = Checker(
            self._shops,
            chosen,
            records,
            self.faults,
            lambda: self.scheduler.now,
            lambda shop, id: self.api.is_poisoned(self._accounts[shop], self._shops[shop].id_prefix + id),
            lambda shop: stored_texts(self.cloud, shop),
            lambda shop, order: self.api.emulator.order(self._shops[shop].id_prefix + order, self._accounts[shop]),
            lambda key: count_copies(self.cloud, key),
            lambda path, at: self.platform_apis.body_at(path, at),
        )
        self.api = SimulatedApi(
            self.scheduler,
            self.faults,
            seed,
            self.checker.on_api_accepted,
            self.checker.on_api_call,
            self.checker.on_api_failure,
            self._add_trace,
        )
        for id, shop in self._shops.items():
            if shop.orders == "orders":
                # Such a shop may have an account that keeps no events. It must keep the orders all the same.
                self.api.emulator.change_account({"segmentation": False}, self._accounts[id])
        self.platform_apis = SimulatedPlatformApis(
            self.scheduler,
            self.faults,
            self._add_trace,
            self.checker.on_platform_request,
            self.checker.on_platform_answer,
        )
        self.cloud = Cloud(
            self.scheduler,
            self.faults,
            seed,
            self.api.transport,
            self._on_aws_call,
            self._on_failure,
            self._before_start,
            on_end=self.checker.on_end,
            on_write=lambda before, after: self.checker.on_write(self.scheduler.current, before, after),
            platform_transport=self.platform_apis.transport,
        )
        self.senders = Senders(
            self.scheduler,
            self.cloud,
            self.faults,
            seed,
            self._shops,
            records,
            self.checker.on_answer,
            self._add_trace,
        )
        operator = Operator(
            self.scheduler,
            self.cloud,
            self.api,
            self.faults,
            self._shops,
            self.end,
            self.checker.on_replay,
            self._on_failure,
        )
        operator.connect_shops(rng, START)
        for story in chosen.values():
            for announcement in story.announcements:
                if announcement.id not in without:
                    self.platform_apis.add(announcement)
                    if not announcement.silent:
                        self.senders.schedule(announcement)
        operator.schedule_replays(START)
        # What was parked is replayed later, so that is not counted.
        self.scheduler.call_at(faults_end + _DRAIN_MS, lambda: self.checker.on_drained(waiting_texts(self.cloud)))

    def run(self, progress: Callable[[float], None] | None = None, *, until_violated: bool = False) -> RunResult:
        """Run to the end and check everything.

        Args:
            progress: called with the share of the run that is done, 0 to 1.
            until_violated: stop at the first violation that is found during the run.

        Raises:
            BlindChecker: in a long run without faults, no write of an attribute was recognised.
        """
        began = time.perf_counter()
        log = LogStream(self.checker.leaks.texts, self._on_log_line)
        uuids = random.Random(0)

        def new_uuid() -> uuid.UUID:
            return uuid.UUID(int=uuids.getrandbits(128), version=4)

        with (
            rare_garbage_collection() as collect,
            mock.patch.object(logger.registered_handler, "stream", log),
            mock.patch.object(uuid, "uuid4", new_uuid),
        ):
            over = self.end + 8 * HOUR
            for step in range(1, _STEPS + 1):
                self.scheduler.run(START + (over - START) * step // _STEPS)
                collect()
                if progress:
                    progress(step / _STEPS)
                if until_violated and self.checker.violations:
                    return self._result(began, self.checker.violations)
            end_state = read_end_state(self.cloud, self.api.emulator, self._accounts, self.scheduler.now)
            violations = list(self.checker.finish(end_state))
            self._on_start = lambda _: None
            comebacks = Comebacks(self.scheduler, self.cloud, self.api.emulator, self._shops, self._accounts)
            violations += comebacks.run(self._chosen, self.checker.erasure.erased)
            violations += comebacks.visit(self._chosen)
        if self._is_calm and (unseen := self.checker.unseen_attributes(CALM_ATTRIBUTES)):
            raise BlindChecker(unseen)
        return self._result(began, violations)

    def _result(self, began: float, violations: list[Violation]) -> RunResult:
        return RunResult(
            webhooks=sum(self.senders.answers.values()),
            seconds=time.perf_counter() - began,
            violations=violations,
            faults=self.faults.counts,
            answers=self.senders.answers,
            excused=dict(sorted(self.checker.excuses.counts.items())),
            stories=self.stories,
        )

    def _add_trace(self, text: str) -> None:
        if self.trace is not None:
            invocation = self.scheduler.current
            self.trace.append((self.scheduler.now - START, f"{invocation.name + ': ' if invocation else ''}{text}"))

    def _before_start(self, invocation: Invocation) -> None:
        self._on_start(invocation)

    def _on_aws_call(self, service: str, operation: str, arguments: dict[str, Any]) -> None:
        self.checker.on_aws_call(self.scheduler.current, service, operation, arguments)

    def _on_failure(self, function: str, error: Exception) -> None:
        self._add_trace("".join(traceback.format_exception(error)))
        self.checker.on_failure(function, error)

    def _on_log_line(self, line: dict[str, Any]) -> None:
        self.checker.on_log_line(self.scheduler.current, line)


def burst_run(webhooks: int, seed: int, faults: Collection[str] = FAULT_KINDS, **options: Any) -> Run:
    """Return a run whose webhooks all come within half an hour.

    With an odd seed each story takes about a minute, with an even one several minutes, and most faults last seconds.
    Therefore several invocations work on one entity at the same time.

    Args:
        options: the other arguments of `Run`.
    """
    return Run(webhooks, seed, faults, days=_BURST_DAYS, max_gap_seconds=3 if seed % 2 else 15, **options)


@contextmanager
def rare_garbage_collection() -> Iterator[Callable[[], None]]:
    """Turn off the automatic garbage collection, which takes a third of a run's time, and yield a replacement.

    The replacement collects only if many new objects exist. Objects that survive it are frozen, so later collections
    skip them.
    """

    def collect() -> None:
        if gc.get_count()[0] > _COLLECT_OBJECTS:
            gc.collect()
            gc.freeze()

    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield collect
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
