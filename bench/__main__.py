"""Measure the rows, print each figure with its goal and verdict, and write bench/results.json (run by `make bench`).

Each module of MODULES has ROWS, and nothing else here depends on what they measure. The results file has only figures
of this run. With `--only`, it has only the chosen rows, and the figures of an older file are not kept."""

import argparse
import importlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.harness import ROOT, Figures, Goal, Row, Run, describe

# Modules of bench/ that have rows, in the order of the table.
MODULES = (
    "mapping",
    "cold_start",
    "warm_invocation",
    "memory",
    "cost",
    "growth",
    "drain",
    "upkeep",
    "size",
    "imports",
)

RESULTS = ROOT / "bench" / "results.json"


def rows(modules: Iterable[str] = MODULES) -> list[Row]:
    """Return all rows, in the order of the table."""
    return [row for name in modules for row in importlib.import_module(f"bench.{name}").ROWS]


def table(results: Figures, goals: Iterable[Goal]) -> list[str]:
    """Return the table's lines, one for each figure that a goal leads to."""
    found = [(goal, label, figure) for goal in goals for label, figure in goal.find(results)]
    lines = [
        (label, goal.text, f"{_format(figure)} {goal.unit}", _verdict(goal, figure)) for goal, label, figure in found
    ]
    lines.insert(0, ("what", "goal", "figure", "verdict"))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _format(figure: float) -> str:
    return f"{figure:,.3f}".rstrip("0").rstrip(".")


def _verdict(goal: Goal, figure: float) -> str:
    if not goal.text:
        return ""
    return "holds" if goal.holds(figure) else "MISSED"


def main(arguments: list[str] | None = None) -> int:
    """Measure the rows. Return 0 even if a goal is missed, because a figure depends on the machine."""
    every = rows()
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure roughly, with fewer rounds and repetitions")
    parser.add_argument("--only", nargs="+", choices=[row.name for row in every], metavar="ROW", help="%(choices)s")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    chosen = [row for row in every if not options.only or row.name in options.only]
    run = Run(quick=options.quick)
    results: Figures = {"run": describe(run)}
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
