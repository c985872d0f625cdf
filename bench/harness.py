"""The measuring tools of all rows: alternated rounds, medians, ratios, goals, and a description of the machine.

This module measures nothing itself. Samples know their run, so that figures of two runs are never compared.
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


class DifferentRuns(Exception):
    """Figures of different runs cannot be compared, because the machine or its load may have changed in between."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The figures of one candidate, one from each round of a run."""

    run: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def ratio(self, baseline: "Samples") -> float:
        """Return this median divided by the baseline's median.

        Raises:
            DifferentRuns: the baseline was measured in another run.
        """
        if self.run != baseline.run:
            raise DifferentRuns(f"run {self.run} cannot be compared with run {baseline.run}: measure both in one run")
        return self.median / baseline.median


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the benchmarks on this machine.

    Args:
        quick: measure roughly, with fewer rounds and fewer repetitions.
        id: random name of the run.
    """

    quick: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 5

    def times(self, count: int) -> int:
        """Return the number of repetitions: `count`, or a tenth of it in a quick run."""
        return max(count // 10, 1) if self.quick else count

    def alternate(self, candidates: Mapping[str, Callable[[], float]]) -> dict[str, Samples]:
        """Measure each candidate once per round, so that a disturbance of the machine affects all of them.

        Every second round has the opposite order, so that each candidate runs before and after each other one.
        """
        values: dict[str, list[float]] = {name: [] for name in candidates}
        for round_number in range(self.rounds):
            for name in list(candidates)[:: -1 if round_number % 2 else 1]:
                values[name].append(candidates[name]())
        return {name: Samples(self.id, tuple(figures)) for name, figures in values.items()}


@dataclass(frozen=True, slots=True)
class Goal:
    """The range that a figure should be in.

    Args:
        path: keys that lead to the figure in the results. "*" stands for every key, as in "map.*.ratio".
        label: name of the figure in the table. Each "*" in it is replaced by the key that a "*" of the path matched.
        at_most: highest figure that meets the goal, or None. A figure with neither limit is printed without a goal.
        at_least: lowest figure that meets the goal, or None.
        unit: unit of the figure.
    """

    path: str
    label: str
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "x"

    def find(self, results: Figures) -> Iterator[tuple[str, float]]:
        """Yield the label and the value of each figure that the path leads to."""
        for keys, figure in _follow(results, self.path.split(".")):
            label = self.label
            for key in keys:
                label = label.replace("*", key, 1)
            yield label, figure

    def holds(self, figure: float) -> bool:
        return (self.at_least is None or figure >= self.at_least) and (self.at_most is None or figure <= self.at_most)

    @property
    def text(self) -> str:
        limits = [f"{limit:g}" for limit in (self.at_least, self.at_most) if limit is not None]
        sign = {(True, False): ">= ", (False, True): "<= "}.get(
            (self.at_least is not None, self.at_most is not None), ""
        )
        return f"{sign}{' to '.join(limits)} {self.unit}" if limits else ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Args:
        name: name of the row for `--only`.
        measure: measures the row and returns what it adds to the results, by top-level key of bench/results.json.
        goals: the figures to print, with or without limits.
    """

    name: str
    measure: Callable[[Run], dict[str, Figures | float]]
    goals: tuple[Goal, ...] = ()


def describe(run: Run) -> Figures:
    """Describe the run, the machine and the state of the code."""
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
    result = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _follow(results: Any, path: list[str]) -> Iterator[tuple[list[str], float]]:
    """Yield each figure that the path leads to, with the keys that its "*" matched."""
    if not path:
        yield [], float(results)
        return
    if not isinstance(results, Mapping):
        return
    head, *rest = path
    for key in results if head == "*" else [head]:
        if key in results:
            for keys, figure in _follow(results[key], rest):
                yield ([key, *keys] if head == "*" else keys), figure
