"""`make bench`: measures the rows, prints goal, figure and verdict, writes bench/results.json.

A module of MODULES has ROWS; nothing else is known here about what is measured. A run's results are written whole or,
with `--only`, for the rows asked for: nothing is ever taken over from the file that was there.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.harness import ROOT, Figures, Goal, Row, Run, described

# The rows' modules below bench/, in the order of the table.
MODULES = (
    "pure",
    "cold",
    "warm",
    "memory",
    "cost",
    "growth",
    "drain",
    "size",
    "imports",
)

RESULTS = ROOT / "bench" / "results.json"


def rows(modules: Iterable[str] = MODULES) -> list[Row]:
    """The rows, in the order of the table."""
    return [row for name in modules for row in importlib.import_module(f"bench.{name}").ROWS]


def table(results: Figures, goals: Iterable[Goal]) -> list[str]:
    """A line a figure that has a goal: what, goal, figure, verdict."""
    found = [(goal, what, figure) for goal in goals for what, figure in goal.found(results)]
    lines = [(what, goal.text, f"{_said(figure)} {goal.unit}", _verdict(goal, figure)) for goal, what, figure in found]
    lines.insert(0, ("what", "goal", "figure", "verdict"))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _said(figure: float) -> str:
    return f"{figure:,.3f}".rstrip("0").rstrip(".")


def _verdict(goal: Goal, figure: float) -> str:
    if not goal.text:
        return ""
    return "holds" if goal.holds(figure) else "MISSED"


def main(arguments: list[str] | None = None) -> int:
    """Measure; 0 also when a goal is missed: a machine's figure fails nobody's build."""
    every = rows()
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and repetitions: a look, not a measurement")
    parser.add_argument("--only", nargs="+", choices=[row.name for row in every], metavar="ROW", help="%(choices)s")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where they are written (default: %(default)s)")
    options = parser.parse_args(arguments)
    chosen = [row for row in every if not options.only or row.name in options.only]
    run = Run(quick=options.quick)
    results: Figures = {"run": described(run)}
    for row in chosen:
        print(f"measuring {row.name} ...", file=sys.stderr, flush=True)
        results |= row.measure(run)
    options.results.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    machine = results["run"]["machine"]
    print(f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mib']} MiB, load {machine['load']}")
    print(f"run {run.id} at {results['run']['at']}, {run.rounds} rounds{', quick' if run.quick else ''}\n")
    print("\n".join(table(results, [goal for row in chosen for goal in row.goals])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
