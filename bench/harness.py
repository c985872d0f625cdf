"""What every row of `make bench` is measured with: alternated rounds, medians, goals, and the machine's description.

No figure of a row is made here, and none of another run may get in: samples know the run that they are of.
"""

import os
import platform
import statistics
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

Figures = dict[str, Any]


class OfAnotherRun(Exception):
    """Figures of different runs are no measure of each other: the machine was another, or did something else."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What the rounds of one run gave for one contestant."""

    run: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def ratio(self, yardstick: "Samples") -> float:
        """The median, in those of the yardstick.

        Raises:
            OfAnotherRun: the yardstick was measured at another time.
        """
        if self.run != yardstick.run:
            raise OfAnotherRun(f"of run {self.run}, compared with figures of run {yardstick.run}: measure both in one")
        return self.median / yardstick.median


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the bench: all its figures are measured now, on this machine.

    Args:
        quick: a look, not a measurement: fewer rounds, fewer repetitions.
    """

    quick: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 5

    def times(self, count: int) -> int:
        """So many repetitions, or a tenth of them."""
        return max(count // 10, 1) if self.quick else count

    def alternated(self, contestants: Mapping[str, Callable[[], float]]) -> dict[str, Samples]:
        """Ask each contestant for one figure a round: what disturbs the machine meanwhile disturbs them all. Every
        other round goes backwards, so that nobody always comes after the same one."""
        values: dict[str, list[float]] = {name: [] for name in contestants}
        for round in range(self.rounds):
            for name in list(contestants)[:: -1 if round % 2 else 1]:
                values[name].append(contestants[name]())
        return {name: Samples(self.id, tuple(found)) for name, found in values.items()}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be.

    Args:
        path: where it stands in the results, "*" for every key: "map.*.ratio".
        what: the figure in words; a "*" in it is replaced by the key that the path's stood for.
        at_most, at_least: both ends belong to the goal. None where the figure is only told.
        unit: said behind the figure.
    """

    path: str
    what: str
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "x"

    def found(self, results: Figures) -> Iterator[tuple[str, float]]:
        """(what, figure) for all that the path leads to."""
        for stars, figure in _follow(results, self.path.split(".")):
            what = self.what
            for star in stars:
                what = what.replace("*", star, 1)
            yield what, figure

    def holds(self, figure: float) -> bool:
        return (self.at_least is None or figure >= self.at_least) and (self.at_most is None or figure <= self.at_most)

    @property
    def text(self) -> str:
        ends = [f"{end:g}" for end in (self.at_least, self.at_most) if end is not None]
        sign = {(True, False): ">= ", (False, True): "<= "}.get(
            (self.at_least is not None, self.at_most is not None), ""
        )
        return f"{sign}{' to '.join(ends)} {self.unit}" if ends else ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Args:
        name: what `--only` calls it.
        measure: gives what it adds to the results, by the top-level keys of bench/results.json.
        goals: of its figures, also of those that are only told.
    """

    name: str
    measure: Callable[[Run], dict[str, Figures | float]]
    goals: tuple[Goal, ...] = ()


def described(run: Run) -> Figures:
    """What the figures are of: this run, this machine, this state of the code."""
    return {
        "id": run.id,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": run.quick,
        "rounds": run.rounds,
        "commit": _commit(),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
            "system": platform.platform(),
            "load": round(os.getloadavg()[0], 2),
        },
    }


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _follow(results: Any, path: list[str]) -> Iterator[tuple[list[str], float]]:
    if not path:
        yield [], float(results)
        return
    if not isinstance(results, Mapping):
        return
    head, *rest = path
    for key in results if head == "*" else [head]:
        if key in results:
            for stars, figure in _follow(results[key], rest):
                yield ([key, *stars] if head == "*" else stars), figure
