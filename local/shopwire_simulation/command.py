"""`shopwire simulate`: enumerated crashes, storms, then days at random; one JSON line; what fails is told as its
shortest story.

Results go to stdout, everything else to stderr.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from shopwire_simulation import injections as crashes
from shopwire_simulation.checkers.evidence import KINDS
from shopwire_simulation.faults import KINDS as FAULT_KINDS
from shopwire_simulation.run import Run, Verdict, storm
from shopwire_simulation.shrink import Shortest, Shrinker, told

_WIDTH = 30
_CRASH = "crash"
_STORM = 1_500
_A_STORM_EVERY = 5_000


class NoSuch(Exception):
    """There is no such fault or story."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be simulated. `storm`: only this one; `replay`: only these stories of it."""

    webhooks: int
    seed: int
    faults: tuple[str, ...]
    storm: int | None = None
    replay: tuple[int, ...] = ()

    @property
    def runs(self) -> Sequence[int]:
        """The numbers of the storms, and 0 for the days."""
        if self.storm is not None or self.replay:
            return (self.storm or 0,)
        return (*range(1, 2 + self.webhooks // _A_STORM_EVERY), 0)

    def run(self, number: int, **which: Any) -> Run:
        """The storm of this number, or the days. `which`: as in `Run`."""
        if number:
            return storm(min(_STORM, 1 + self.webhooks // 4), self.seed * 1_000 + number, self.faults, **which)
        return Run(self.webhooks, self.seed, self.faults, **which)

    def repeated(self, number: int, stories: Collection[int]) -> str:
        """The command that tells only these stories."""
        kinds = "all" if set(self.faults) == set(FAULT_KINDS) else ",".join(self.faults) or "none"
        numbers = ",".join(map(str, sorted(stories)))
        which = f"--storm {number} --replay {numbers}" if number else f"--replay {numbers}"
        return f"shopwire simulate --webhooks {self.webhooks} --seed {self.seed} --faults {kinds} {which}"


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
    bar = _Bar(err)
    line: dict[str, Any] = dict.fromkeys(("webhooks", "faults", *KINDS, "seconds"), 0)
    if not asked.replay and asked.storm is None and _CRASH in asked.faults:
        crashed = crashes.crash(asked.webhooks, bar.part("crashes"))
        _add(line, Counter(one.kind for _, one in crashed.violations))
        _add(line, {"webhooks": crashed.webhooks, "faults": crashed.strikes, "seconds": crashed.seconds})
        bar.clear()
        if crashed.violations:
            _tell_crash(crashed, err)
    for number in asked.runs:
        run = asked.run(number)
        if wrong := [n for n in asked.replay if n >= len(run.stories)]:
            raise NoSuch(f"there are only the stories 0 to {len(run.stories) - 1}: {', '.join(map(str, wrong))}")
        if asked.replay:
            run = asked.run(number, only=asked.replay, stories=run.stories)
        blamed = any(line[kind] for kind in KINDS)
        verdict = run.go(bar.part(f"storm {number}" if number else "days"))
        bar.clear()
        _add(line, verdict.line)
        if asked.replay:
            _print(Shortest(frozenset(asked.replay), frozenset(), verdict.violations, run.tale or []), err)
        elif verdict.violations and not blamed:  # the first that fails is enough to look into
            _tell(asked, number, verdict, err)
    print(json.dumps(line), file=out, flush=True)
    return int(any(line[kind] for kind in KINDS))


def _add(line: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        line[name] = round(line[name] + value, 1)


def _tell_crash(crashed: crashes.Crashed, err: TextIO) -> None:
    strike, violation = crashed.violations[0]
    print(f"{len(crashed.violations)} violations after one blow alone; the first: {strike}", file=err)
    run = crashes.replay(strike)
    verdict = run.go()
    _print(Shortest(frozenset({strike.story}), frozenset(), verdict.violations or [violation], run.tale or []), err)


def _tell(asked: Asked, number: int, verdict: Verdict, err: TextIO) -> None:
    print(f"seed {asked.seed}: {len(verdict.violations)} violations", file=err)
    shrinker = Shrinker(
        lambda only, without: asked.run(number, only=only, without=without, stories=verdict.stories), verdict.stories
    )
    shortest = shrinker.shrink(verdict.violations[0])
    if shortest is None:
        for one in verdict.violations[:5]:
            print(f"{one.kind}: {one.shop} {one.entity}: {one.text}", file=err)
        print("no part of it fails alone", file=err)
        return
    print(f"the shortest story that still fails (left out: {len(shortest.without)} announcements):", file=err)
    _print(shortest, err)
    print(f"again: {asked.repeated(number, shortest.stories)}", file=err)


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
