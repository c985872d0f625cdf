"""Planted bugs: the simulation must see each. `python -m shopwire_simulation.mutants [--quick] [NAME ...]`

Each is applied to a copy of shared/ and functions/ and judged in a process of its own. The table (`planted`) follows
the code: an old text that does not stand exactly once in its file is an error.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from shopwire_simulation.mutants.planted import PLANTED, Mutant

_ROOT = Path(__file__).parents[3]
_COPIED = ("shared", "functions")
# What runs, how many webhooks long (twice as many with duplicates), under which seed (blows have none). Rising, so that
# what is easily seen is seen soon; 20,000 in all.
_STEPS = (
    ("days", 250, 11),
    ("days", 600, 12),
    ("storm", 1_500, 1),
    ("storm", 1_500, 11),
    ("blows", 8_500, 0),
    ("storm", 1_500, 4),
    ("storm", 1_500, 5),
    ("days", 1_500, 17),
)
_AT_ONCE = 2
_NOTHING = "nothing is planted"


class NotOnce(Exception):
    """The old text does not stand exactly once in its file: the table does not follow the code any more."""


@dataclass(frozen=True, slots=True)
class Catch:
    """What the simulation said of a mutant: which check (None: no one) saw it, after how many webhooks."""

    name: str
    kind: str | None
    webhooks: int
    text: str

    @property
    def line(self) -> str:
        seen = f"{self.kind}: {self.text}" if self.kind else "SURVIVES"
        return f"{self.name:<58} {self.webhooks:>6}  {seen}"


def plant(mutant: Mutant, root: Path) -> None:
    """Write the bug into a copy of the project.

    Raises:
        NotOnce.
    """
    path = root / mutant.path
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise NotOnce(f"{mutant.name}: its old text stands {text.count(mutant.old)} times in {mutant.path}")
    path.write_text(text.replace(mutant.old, mutant.new))


def judge(mutant: Mutant | None) -> Catch:
    """Plant a bug (None: none) into a fresh copy and let the simulation look for it.

    Raises:
        NotOnce, RuntimeError.
    """
    name = mutant.name if mutant else _NOTHING
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in _COPIED:
            shutil.copytree(_ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant:
            plant(mutant, copy)
        environment = os.environ | {
            "PYTHONPATH": f"{copy / 'shared'}:{_ROOT / 'local'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, "-m", "shopwire_simulation.mutants", "--hunt", str(copy)]
        done = subprocess.run(command, env=environment, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return Catch(name, **json.loads(done.stdout.splitlines()[-1]))


def judge_all(mutants: Iterable[Mutant | None]) -> Iterator[Catch]:
    """Judge them, two at a time, each as it is done."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in as_completed([pool.submit(judge, mutant) for mutant in mutants]):
            yield done.result()


def _hunt(copy: str) -> dict[str, object]:
    """In the process that runs the copy: the first violation, looked for in ever longer runs."""
    package = importlib.util.find_spec("shopwire")
    if package is None or not (package.origin or "").startswith(copy):
        raise RuntimeError("the code under test is not the copy")
    from shopwire_simulation.injections import crash
    from shopwire_simulation.run import Run, storm

    webhooks = 0
    for what, size, seed in _STEPS:
        if what == "blows":
            crashed = crash(size, until_violated=True)
            webhooks, violations = webhooks + crashed.webhooks, [one for _, one in crashed.violations]
        else:
            verdict = (storm if what == "storm" else Run)(size, seed).go(until_violated=True)
            webhooks, violations = webhooks + verdict.webhooks, verdict.violations
        if violations:
            first = violations[0]
            return {"kind": first.kind, "webhooks": webhooks, "text": f"{first.entity}: {first.text}"}
    return {"kind": None, "webhooks": webhooks, "text": ""}


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the table; 1 where one survives or the sound code is blamed, 2 where the table does not follow the code."""
    parser = argparse.ArgumentParser(prog="mutants", description="Plants bugs and has the simulation find them.")
    parser.add_argument("--quick", action="store_true", help="only those that are found early")
    parser.add_argument("--hunt", metavar="COPY", help=argparse.SUPPRESS)
    parser.add_argument("names", metavar="NAME", nargs="*", help="only these (any part of their names)")
    options = parser.parse_args(arguments)
    if options.hunt:
        print(json.dumps(_hunt(options.hunt)))
        return 0
    wanted = [
        one
        for one in PLANTED
        if (one.quick or not options.quick) and (not options.names or any(name in one.name for name in options.names))
    ]
    survivors, cried_wolf = [], False
    try:
        # The sound code too, else anything would be caught.
        for catch in judge_all((None, *wanted)):
            print(catch.line, flush=True)
            if catch.name == _NOTHING:
                cried_wolf = catch.kind is not None
            elif not catch.kind:
                survivors.append(catch.name)
    except NotOnce as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(wanted) - len(survivors)} of {len(wanted)} planted bugs are caught")
    if survivors:
        print(f"not seen: {'; '.join(survivors)}", file=sys.stderr)
    if cried_wolf:
        print("the sound code is blamed", file=sys.stderr)
    return int(bool(survivors) or cried_wolf)
