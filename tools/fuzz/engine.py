"""Runs one target: with atheris, which keeps the inputs that reach new code, or at random where atheris is missing.

atheris has wheels for Linux on x86-64 only. Without it, the same changes are made to the seeds without guidance.
"""

import hashlib
import os
import random
import sys
import time
import traceback
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tools.fuzz.mutation import minimise, mutate

if TYPE_CHECKING:
    from tools.fuzz.targets import Target

FOLDER = Path("build/fuzz")
"""Below it are the corpus of each target, which is kept between runs, and the findings."""
_MAX_INPUT_BYTES = 1 << 17
_MAX_INPUT_SECONDS = 20
_MAX_MEMORY_MB = 1024


def has_atheris() -> bool:
    """Return whether inputs can be guided by the code that they reach."""
    return find_spec("atheris") is not None


def load_targets(*, measured: bool = False) -> "dict[str, Target]":
    """Import shopwire and return all targets.

    Args:
        measured: let atheris see which code of shopwire an input reaches.
    """
    if measured:
        import atheris

        with atheris.instrument_imports(include=["shopwire"]):
            from tools.fuzz import targets
    else:
        from tools.fuzz import targets
    return targets.all_targets()


def fuzz(target: "Target", *, seconds: float, seed: int, folder: Path = FOLDER) -> int:
    """Fuzz a target for this long. Return 0 if nothing was found; 1 after a finding, which is written and printed."""
    corpus = folder / "corpus" / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds():
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    if has_atheris():
        _fuzz_with_atheris(target, corpus, seconds, seed, folder)
    end = time.monotonic() + seconds
    return fuzz_at_random(target, corpus, lambda runs: time.monotonic() < end, seed, folder)


def fuzz_at_random(target: "Target", corpus: Path, goes_on: Callable[[int], bool], seed: int, folder: Path) -> int:
    """Try changed inputs of the corpus while `goes_on(number of inputs so far)`. Return as `fuzz`."""
    rng, runs = random.Random(seed), 0
    inputs = [path.read_bytes() for path in sorted(corpus.iterdir())]
    for data in inputs:
        if error := run(target, data):
            return report(target, data, error, folder)
    while goes_on(runs):
        data = mutate(rng.choice(inputs), rng, rng.choice(inputs))
        runs += 1
        if error := run(target, data):
            return report(target, data, error, folder)
    print(f"{target.name}: {runs} inputs at random, nothing found")
    return 0


def _fuzz_with_atheris(target: "Target", corpus: Path, seconds: float, seed: int, folder: Path) -> NoReturn:
    import atheris

    findings = folder / "findings" / target.name
    findings.mkdir(parents=True, exist_ok=True)
    inputs = [path.read_bytes() for path in sorted(corpus.iterdir())]

    def change(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.1:
            return bytes(atheris.Mutate(data, max_size))
        return mutate(data, rng, rng.choice(inputs))[:max_size]

    def try_input(data: bytes) -> None:
        if error := run(target, data):
            report(target, data, error, folder)
            sys.stdout.flush()
            os._exit(1)  # libFuzzer would write the large input too

    options = {
        "max_total_time": max(int(seconds), 1),
        "seed": seed,
        "max_len": _MAX_INPUT_BYTES,
        # libFuzzer itself ends the process after these, and writes the input here.
        "timeout": _MAX_INPUT_SECONDS,
        "rss_limit_mb": _MAX_MEMORY_MB,
        "artifact_prefix": f"{findings}/",
        "verbosity": 0,
        "print_final_stats": 1,
    }
    atheris.Setup(
        [target.name, str(corpus), *(f"-{name}={value}" for name, value in options.items())],
        try_input,
        custom_mutator=change,
    )
    atheris.Fuzz()
    raise AssertionError("libFuzzer ends the process")


def run(target: "Target", data: bytes) -> Exception | None:
    """Run one input. Return what is not documented; None if all is well."""
    try:
        target.run(data)
    except Exception as error:
        return error
    return None


def report(target: "Target", data: bytes, error: Exception, folder: Path) -> int:
    """Make a finding small, write it, and print it with the command that runs it again. Return 1."""
    place = _place(error)

    def fails(candidate: bytes) -> bool:
        other = run(target, candidate)
        return other is not None and _place(other) == place

    smallest = minimise(data, fails)
    path = folder / "findings" / target.name / hashlib.sha256(smallest).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(smallest)
    print("".join(traceback.format_exception(run(target, smallest) or error)))
    print(f"{target.name}: {type(error).__name__} after {len(smallest)} bytes: {smallest[:500]!r}")
    print(f"To run it again: make fuzz ARGS='--target {target.name} --input {path}'")
    return 1


def _place(error: Exception) -> tuple[type, str, int | None]:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno
