"""`shopwire simulate` runs enumerated injections, burst runs, and three days with random faults.

Prints one JSON line to stdout. Everything else goes to stderr: progress, and the shortest story of the first failure.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from shopwire_simulation.checkers.excuses import excessive
from shopwire_simulation.checkers.observations import VIOLATION_KINDS
from shopwire_simulation.faults import FAULT_KINDS
from shopwire_simulation.injections import InjectionResult, make_run, make_scenario_stories, run_injections
from shopwire_simulation.run import Run, RunResult, burst_run
from shopwire_simulation.scheduler import Fault
from shopwire_simulation.shops import simulated_platforms
from shopwire_simulation.shrink import FailingCase, Shrinker, format_case

_BAR_WIDTH = 30
_BURST_WEBHOOKS = 1_500
_WEBHOOKS_PER_BURST = 5_000
_MAX_PRINTED = 5


class InvalidRequest(Exception):
    """The request names a fault, a story or a platform that does not exist."""


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """What to simulate.

    `burst` limits it to the burst run of this number, `replay` to these stories of one run, `platform` to the shops of
    one platform. If `bounded` is True, an excuse of the checkers that is used more often than its bound is a failure.

    Raises:
        InvalidRequest: the platform has no simulated shop.
    """

    webhooks: int
    seed: int
    faults: tuple[str, ...]
    burst: int | None = None
    replay: tuple[int, ...] = ()
    platform: str | None = None
    bounded: bool = False

    def __post_init__(self) -> None:
        if self.platform and self.platform not in simulated_platforms():
            known = ", ".join(simulated_platforms())
            raise InvalidRequest(f"--platform: {self.platform} has no simulated shop. There are {known}")

    @property
    def platforms(self) -> tuple[str, ...] | None:
        """The platforms whose shops take part. None: all."""
        return (self.platform,) if self.platform else None

    @property
    def runs(self) -> Sequence[int]:
        """The numbers of the burst runs, and 0 for the run of three days."""
        if self.burst is not None or self.replay:
            return (self.burst or 0,)
        return (*range(1, 2 + self.webhooks // _WEBHOOKS_PER_BURST), 0)

    def make_run(self, number: int, **options: Any) -> Run:
        """Return the burst run of this number, or the run of three days.

        Args:
            options: the other arguments of `Run`.
        """
        if number:
            webhooks = min(_BURST_WEBHOOKS, 1 + self.webhooks // 4)
            seed = self.seed * 1_000 + number
            return burst_run(webhooks, seed, self.faults, platforms=self.platforms, **options)
        return Run(self.webhooks, self.seed, self.faults, platforms=self.platforms, **options)

    def replay_command(self, number: int, stories: Collection[int]) -> str:
        """Return the command that simulates only these stories of a run."""
        kinds = "all" if set(self.faults) == set(FAULT_KINDS) else ",".join(self.faults) or "none"
        numbers = ",".join(map(str, sorted(stories)))
        options = f"--burst {number} --replay {numbers}" if number else f"--replay {numbers}"
        if self.platform:
            options = f"--platform {self.platform} {options}"
        return f"shopwire simulate --webhooks {self.webhooks} --seed {self.seed} --faults {kinds} {options}"


def parse_faults(text: str) -> tuple[str, ...]:
    """Return the kinds of faults that the option `--faults` names.

    Raises:
        InvalidRequest: a kind does not exist.
    """
    if text in ("all", "none"):
        return FAULT_KINDS if text == "all" else ()
    kinds = tuple(text.split(","))
    if unknown := [kind for kind in kinds if kind not in FAULT_KINDS]:
        known = ", ".join(FAULT_KINDS)
        raise InvalidRequest(f"--faults: unknown fault {', '.join(unknown)}. Use all, none, or some of {known}")
    return kinds


def simulate(
    request: SimulationRequest, out: TextIO | None = None, err: TextIO | None = None, bar: TextIO | None = None
) -> int:
    """Simulate, print the JSON line and the first failure, and return the exit code: 1 if a promise was broken.

    Args:
        bar: stream of the progress bar; None for `err`.

    Raises:
        InvalidRequest: a story does not exist.
    """
    out, err = out or sys.stdout, err or sys.stderr
    progress = _ProgressBar(bar or err)
    counts: dict[str, Any] = dict.fromkeys(("webhooks", "faults", *VIOLATION_KINDS), 0) | {"excused": {}, "seconds": 0}
    if not request.replay and request.burst is None and Fault.CRASH in request.faults:
        injected = run_injections(
            request.webhooks, progress.part("injections"), platforms=request.platforms, seed=request.seed
        )
        _add(counts, Counter(violation.kind for _, violation in injected.violations))
        _add(counts, {"webhooks": injected.webhooks, "faults": injected.injections})
        _add(counts, {"excused": injected.excused, "seconds": injected.seconds})
        progress.clear()
        if injected.violations:
            _print_injection(request, injected, err)
    for number in request.runs:
        run = request.make_run(number)
        if unknown := [n for n in request.replay if n >= len(run.stories)]:
            numbers = ", ".join(map(str, unknown))
            raise InvalidRequest(
                f"--replay: unknown story {numbers}. There are the stories 0 to {len(run.stories) - 1}"
            )
        if request.replay:
            run = request.make_run(number, only=request.replay, stories=run.stories)
        failed_before = any(counts[kind] for kind in VIOLATION_KINDS)
        result = run.run(progress.part(f"burst {number}" if number else "days"))
        progress.clear()
        _add(counts, result.counts)
        if request.replay:
            case = FailingCase(frozenset(request.replay), frozenset(), result.violations, run.trace or [])
            print(format_case(case), file=err)
        elif result.violations and not failed_before:  # one failure is enough to look into
            _print_shortest(request, number, result, err)
    print(json.dumps(counts), file=out, flush=True)
    too_many = excessive(counts["excused"], counts["webhooks"]) if request.bounded else []
    for text in too_many:
        print(text, file=err)
    return int(bool(too_many) or any(counts[kind] for kind in VIOLATION_KINDS))


def _add(counts: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping):
            counts[name] = dict(sorted((Counter(counts[name]) + Counter(value)).items()))
        else:
            counts[name] = round(counts[name] + value, 1)


def _print_injection(request: SimulationRequest, result: InjectionResult, err: TextIO) -> None:
    """Print the first injection that broke a promise."""
    injection, violation = result.violations[0]
    print(f"{len(result.violations)} violations after one injected fault. The first: {injection}", file=err)
    run = make_run(injection, make_scenario_stories(injection.scenario, request.platforms, injection.seed))
    violations = run.run().violations or [violation]
    print(format_case(FailingCase(frozenset({injection.story}), frozenset(), violations, run.trace or [])), file=err)


def _print_shortest(request: SimulationRequest, number: int, result: RunResult, err: TextIO) -> None:
    """Print the shortest story that shows the first violation, and the command that simulates it again."""
    print(f"seed {request.seed}: {len(result.violations)} violations", file=err)
    shrinker = Shrinker(
        lambda only, without: request.make_run(number, only=only, without=without, stories=result.stories),
        result.stories,
    )
    case = shrinker.shrink(result.violations[0])
    if case is None:
        for found in result.violations[:_MAX_PRINTED]:
            print(f"{found.kind}: {found.shop} {found.entity}: {found.text}", file=err)
        print("the run does not show it again: its result does not follow from the seed alone", file=err)
        return
    print(f"the shortest story that still fails (without {len(case.without)} announcements):", file=err)
    print(format_case(case), file=err)
    print(f"run it again: {request.replay_command(number, case.stories)}", file=err)


class _ProgressBar:
    """A progress bar. It is shown on a terminal only."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._is_shown = err.isatty()

    def part(self, name: str) -> Callable[[float], None]:
        """Return the function that shows the progress of one part, 0 to 1."""

        def show(share: float) -> None:
            if self._is_shown:
                done = int(share * _BAR_WIDTH)
                bar = "#" * done + "." * (_BAR_WIDTH - done)
                print(f"\r{name:<12}[{bar}] {share:4.0%}", end="", file=self._err, flush=True)

        return show

    def clear(self) -> None:
        if self._is_shown:
            print("\r" + " " * (_BAR_WIDTH + 24) + "\r", end="", file=self._err, flush=True)
