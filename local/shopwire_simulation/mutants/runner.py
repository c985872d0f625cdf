"""Runs the simulation on every planted bug, `python -m shopwire_simulation.mutants [--quick | --slow] [NAME ...]`

Each bug is planted into a copy of the code, and a process of its own simulates the copy until a checker reports a
violation. The code without a bug is simulated too, because a checker that always reports a violation proves nothing.
"""

import argparse
import importlib.util
import multiprocessing
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path

from shopwire_simulation.mutants.patches import PROJECT, PatchError, PlantedBug, apply, check, copy_code, read_bugs

# What is simulated, the number of webhooks, and the seed (injections have none). First come short runs, because they
# find most bugs. With duplicates they are some 20,000 webhooks in all.
_STEPS = (
    ("days", 250, 11),
    ("days", 600, 12),
    ("busy", 300, 1),
    ("throttled", 1_000, 11),
    ("outbox", 700, 5),
    ("races", 700, 5),
    ("leases", 700, 2),
    ("checkouts", 2_000, 2),
    ("leaving", 2_500, 2),
    ("burst", 1_500, 1),
    ("burst", 1_500, 11),
    ("injections", 8_500, 0),
    ("burst", 1_500, 25),
    ("burst", 1_500, 33),
    ("days", 1_500, 18),
    ("days", 600, 45),
    ("burst", 1_500, 42),
    ("burst", 1_500, 44),
    ("long", 1_000, 1),
)
# What comes first for a bug that only the shops of one platform meet.
_PLATFORM_STEPS = (
    ("calm", 200, 1),
    ("platform", 300, 2),
    ("platform", 1_500, 11),
    ("copies", 1_500, 1),
    ("copies", 1_500, 3),
    ("copies", 1_500, 5),
    ("copies", 1_500, 7),
)
# The faults of the run "copies": what is sent of a state fails half way, and then an older one is fetched.
_COPIES_FAULTS = ("platform_behind", "api_unsteady_flapping", "api_lost_answer", "api_throttled")
# The faults of the run "busy". Any other failure of the API is a reason to pause a shop, and so hides a needless pause.
_BUSY_FAULTS = ("api_busy", "api_busy_after", "api_remembers")
# The faults of the run "checkouts": an order's request and that of the account overlap.
_CHECKOUT_FAULTS = ("api_races", "api_sluggish_flapping")
# The faults of the run "leaving": changes arrive after the deletion of their account, and wait when it is erased.
_LEAVING_FAULTS = ("deletions_first", "late", "duplicate", "queue_out", "api_flapping", "ledger_down")
_LONG_DAYS = 8.0
_PROCESSES = 2
_SEED_STEP = 1_000
"""An even number, because the seed of a burst decides how long its stories take."""
# Every process is a copy of one that has imported all packages that are not changed, so it starts in half of the time.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "aws_lambda_powertools.logging",
        "botocore.client",
        "botocore.session",
        "greenlet",
        "phonenumbers",
        "pydantic",
        "unittest.mock",
        "urllib3",
    ]
)
_WITHOUT_BUG = "(code without a bug)"
_NAME_WIDTH = 50


@dataclass(frozen=True, slots=True)
class BugResult:
    """The result of simulating one bug.

    `kind` is the kind of the violation, or None if there was none, or none of the check that is meant for the bug.
    `webhooks` is the number of simulated webhooks.
    """

    name: str
    kind: str | None
    webhooks: int
    text: str

    @property
    def line(self) -> str:
        found = f"{self.kind}: {self.text}" if self.kind else f"no violation{self.text}"
        return f"{self.name:<{_NAME_WIDTH}} {self.webhooks:>6}  {found}"


def simulate_bug(bug: PlantedBug | None, seed: int = 0) -> BugResult:
    """Plant a bug (None: no bug) into a copy of the code, and simulate it in a process of its own.

    Args:
        seed: is added to the seed of each run.

    Raises:
        PatchError: the patch does not apply.
        RuntimeError: the process failed.
    """
    name = bug.name if bug else _WITHOUT_BUG
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_code(copy)
        if bug:
            apply(bug, copy)
        receiver, sender = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=_send_result, args=(str(copy), bug, seed, sender))
        process.start()
        sender.close()
        try:
            result = receiver.recv()
        except EOFError:
            result = "it sent no result"
        process.join()
    if isinstance(result, str):
        raise RuntimeError(f"{name}: the process ended with {process.exitcode}: {result.strip()[-2000:]}")
    return BugResult(name, **result)


def simulate_bugs(bugs: Iterable[PlantedBug | None], seeds: int = 1) -> Iterator[BugResult]:
    """Simulate bugs, two at a time, each with `seeds` seeds, and yield each result when it is ready.

    Raises as `simulate_bug`.
    """
    pool = ThreadPoolExecutor(_PROCESSES)
    try:
        for done in as_completed(
            [pool.submit(simulate_bug, bug, seed * _SEED_STEP) for bug in bugs for seed in range(seeds)]
        ):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _send_result(copy: str, bug: PlantedBug | None, seed: int, sender: Connection) -> None:
    """Simulate the copy in this process, and send the fields of the result, or the text of an exception."""
    sys.path[:0] = [f"{copy}/shared", str(PROJECT / "local")]
    sys.dont_write_bytecode = True
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            result: dict[str, object] | str = _simulate_copy(copy, bug, seed)
        except Exception:
            result = traceback.format_exc()
    sender.send(result)


def _simulate_copy(copy: str, bug: PlantedBug | None, added_seed: int) -> dict[str, object]:
    """Simulate the copy in this process until the first violation, and return the fields of the result.

    Args:
        added_seed: is added to the seed of each run.
    """
    found = bug.found if bug else ""
    package = importlib.util.find_spec("shopwire")
    if package is None or not (package.origin or "").startswith(copy):
        raise RuntimeError("the code under test is not the copy")
    from shopwire_simulation.faults import FAULT_KINDS
    from shopwire_simulation.injections import INJECTION_SEED, run_injections
    from shopwire_simulation.run import THEMES, Run, burst_run
    from shopwire_simulation.shops import REFERENCE_PLATFORMS

    runs: dict[str, Callable[..., Run]] = {
        "days": Run,
        # Deleted orders are restored after two days at the earliest.
        "long": partial(Run, days=_LONG_DAYS),
        "burst": burst_run,
        "busy": partial(Run, faults=_BUSY_FAULTS),
        "throttled": partial(Run, faults=("api_throttled_after",)),
        "checkouts": partial(burst_run, faults=_CHECKOUT_FAULTS, often=["registering"]),
        "leaving": partial(burst_run, faults=_LEAVING_FAULTS, often=["leaving"]),
        **{name: partial(burst_run, faults=faults) for name, faults in THEMES.items()},
    }
    platforms: tuple[str, ...] = REFERENCE_PLATFORMS
    steps: tuple[tuple[str, int, int], ...] = _STEPS
    if bug and bug.platform:
        platforms, steps = (bug.platform,), (*_PLATFORM_STEPS, *_STEPS)
        kinds = [kind for kind in FAULT_KINDS if kind.startswith("platform_")]
        runs |= {"calm": partial(burst_run, faults=()), "platform": partial(burst_run, faults=kinds)}
        runs["copies"] = partial(burst_run, faults=_COPIES_FAULTS)
    webhooks, other = 0, ""
    step = bug.step if bug else ""
    for what, size, step_seed in sorted(steps, key=lambda each: f"{each[0]} {each[2]}" != step):
        seed = step_seed + added_seed
        if what == "injections":
            injected = run_injections(size, platforms=platforms, until_violated=True, seed=INJECTION_SEED + seed)
            webhooks += injected.webhooks
            violations = [violation for _, violation in injected.violations]
        else:
            result = runs[what](size, seed, platforms=platforms).run(until_violated=not found)
            webhooks += result.webhooks
            violations = result.violations
        if first := next((violation for violation in violations if found in violation.text), None):
            text = f"{what} {step_seed}: {first.entity}: {first.text}"
            return {"kind": first.kind, "webhooks": webhooks, "text": text}
        other = other or (f" of the check that is meant for it, but {violations[0].text}" if violations else "")
    return {"kind": None, "webhooks": webhooks, "text": other}


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate the planted bugs and return the exit code.

    0: every bug was caught. 1: a bug was not caught, or the code without a bug has a violation. 2: a patch does not
    apply, or a name matches no bug.
    """
    parser = argparse.ArgumentParser(
        prog="mutants",
        description="Plants known bugs into a copy of the code and checks that the simulation finds them.",
    )
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument(
        "--quick",
        action="store_const",
        const=True,
        help="only the bugs that are found first, which `make test` plants",
    )
    speed.add_argument("--slow", action="store_const", const=False, dest="quick", help="only the others")
    parser.add_argument(
        "--seeds", metavar="N", type=int, default=1, help="simulate each bug with N seeds (default: %(default)s)"
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="only the bugs whose names contain NAME")
    options = parser.parse_args(arguments)
    try:
        bugs = [bug for bug in _choose(read_bugs(), options.names) if options.quick in (None, bug.quick)]
        _check_all(bugs)
        return _report(bugs, options.seeds)
    except PatchError as error:
        print(error, file=sys.stderr)
        return 2


def _choose(bugs: list[PlantedBug], names: Sequence[str]) -> list[PlantedBug]:
    for name in names:
        if not any(name in bug.name for bug in bugs):
            raise PatchError(f"no planted bug has {name} in its name. The names are those of the .patch files")
    return [bug for bug in bugs if not names or any(name in bug.name for name in names)]


def _check_all(bugs: Iterable[PlantedBug]) -> None:
    """Check that all patches apply, before any is simulated."""
    errors = []
    with tempfile.TemporaryDirectory() as folder:
        copy_code(Path(folder))
        for bug in bugs:
            try:
                check(bug, Path(folder))
            except PatchError as error:
                errors.append(str(error))
    if errors:
        raise PatchError("\n".join(errors))


def _report(bugs: list[PlantedBug], seeds: int) -> int:
    """Simulate the bugs, print each result, and return the exit code."""
    missed: set[str] = set()
    false_alarm = False
    for result in simulate_bugs((None, *bugs), seeds):
        print(result.line, flush=True)
        if result.name == _WITHOUT_BUG:
            false_alarm = false_alarm or result.kind is not None
        elif not result.kind:
            missed.add(result.name)
    print(f"{len(bugs) - len(missed)} of {len(bugs)} planted bugs caught")
    if missed:
        print(f"not caught: {', '.join(sorted(missed))}", file=sys.stderr)
    if false_alarm:
        print("the code without a bug has a violation", file=sys.stderr)
    return int(bool(missed) or false_alarm)
