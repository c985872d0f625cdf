"""`shopwire simulate`: enumerated crashes, then a random run, one JSON line; what fails is told as its shortest story.

Results go to stdout, everything else to stderr.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from shopwire_local.simulation import crashes
from shopwire_local.simulation.checks import KINDS
from shopwire_local.simulation.faults import KINDS as FAULT_KINDS
from shopwire_local.simulation.run import Run
from shopwire_local.simulation.shrink import Shortest, Shrinker, told

_WIDTH = 30
_CRASH = "crash"


class NoSuch(Exception):
    """There is no such fault or story."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be simulated. `replay`: only these stories (numbers)."""

    webhooks: int
    seed: int
    faults: tuple[str, ...]
    replay: tuple[int, ...] = ()

    def repeated(self, stories: Collection[int]) -> str:
        """The command that tells only these stories."""
        kinds = "all" if set(self.faults) == set(FAULT_KINDS) else ",".join(self.faults) or "none"
        numbers = ",".join(map(str, sorted(stories)))
        return f"shopwire simulate --webhooks {self.webhooks} --seed {self.seed} --faults {kinds} --replay {numbers}"


def faults_named(text: str) -> tuple[str, ...]:
    """The kinds of faults that `--faults` names.

    Raises:
        NoSuch: naming those that there are not.
    """
    if text in ("all", "none"):
        return FAULT_KINDS if text == "all" else ()
    kinds = tuple(text.split(","))
    if unknown := [kind for kind in kinds if kind not in FAULT_KINDS]:
        raise NoSuch(f"no such fault: {', '.join(unknown)}; there are all, none, {', '.join(FAULT_KINDS)}")
    return kinds


def simulate(asked: Asked, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Simulate, print the line, and tell what went wrong. 1 where something did.

    Raises:
        NoSuch: no such story.
    """
    out, err = out or sys.stdout, err or sys.stderr
    run = Run(asked.webhooks, asked.seed, asked.faults)
    stories = run.stories
    if wrong := [n for n in asked.replay if n >= len(stories)]:
        raise NoSuch(f"there are only the stories 0 to {len(stories) - 1}: {', '.join(map(str, wrong))}")

    def again(only: Collection[int], without: Collection[int]) -> Run:
        return Run(asked.webhooks, asked.seed, asked.faults, only, without, stories=stories)

    bar = _Bar(err)
    crashed = crashes.Crashed(0, 0, 0, [])
    if asked.replay:
        run = again(asked.replay, ())
    elif _CRASH in asked.faults:
        crashed = crashes.crash(asked.webhooks, bar.part("crashes"))
    verdict = run.go(bar.part("simulation"))
    bar.clear()
    line = _summed(verdict.line, crashed)
    if crashed.violations:
        _tell_crash(crashed, err)
    if verdict.violations:
        print(f"seed {asked.seed}: {len(verdict.violations)} violations", file=err)
        if asked.replay:
            _print(Shortest(frozenset(asked.replay), frozenset(), verdict.violations, run.tale or []), err)
        else:
            _tell(asked, Shrinker(again, stories).shrink(verdict.violations[0]), verdict.violations[:5], err)
    elif asked.replay:
        _print(Shortest(frozenset(asked.replay), frozenset(), [], run.tale or []), err)
    print(json.dumps(line), file=out, flush=True)
    return int(any(line[kind] for kind in KINDS))


def _summed(line: dict[str, Any], crashed: crashes.Crashed) -> dict[str, Any]:
    more: dict[str, Any] = dict(Counter(one.kind for _, one in crashed.violations))
    more |= {"webhooks": crashed.webhooks, "faults": crashed.strikes, "seconds": crashed.seconds}
    return {name: round(value + more.get(name, 0), 1) for name, value in line.items()}


def _tell_crash(crashed: crashes.Crashed, err: TextIO) -> None:
    strike, violation = crashed.violations[0]
    print(f"{len(crashed.violations)} violations after one blow alone; the first: {strike}", file=err)
    run = crashes.replay(strike)
    verdict = run.go()
    _print(Shortest(frozenset({strike.story}), frozenset(), verdict.violations or [violation], run.tale or []), err)


def _tell(asked: Asked, shortest: Shortest | None, first: Sequence[Any], err: TextIO) -> None:
    if shortest is None:
        for one in first:
            print(f"{one.kind}: {one.shop} {one.entity}: {one.text}", file=err)
        print("no part of it fails alone", file=err)
        return
    print(f"the shortest story that still fails (left out: {len(shortest.without)} announcements):", file=err)
    _print(shortest, err)
    print(f"again: {asked.repeated(shortest.stories)}", file=err)


def _print(shortest: Shortest, err: TextIO) -> None:
    print(told(shortest), file=err)


class _Bar:
    """A progress bar, on a terminal only."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._shown = err.isatty()

    def part(self, name: str) -> Callable[[float], None]:
        def show(share: float) -> None:
            if self._shown:
                done = int(share * _WIDTH)
                bar = "#" * done + "." * (_WIDTH - done)
                print(f"\r{name:<12}[{bar}] {share:4.0%}", end="", file=self._err, flush=True)

        return show

    def clear(self) -> None:
        if self._shown:
            print("\r" + " " * (_WIDTH + 24) + "\r", end="", file=self._err, flush=True)
