"""Fuzz all targets, two at a time, or one of them.

    make fuzz SECONDS=60
    make fuzz ARGS='--target read-shopify --input build/fuzz/findings/read-shopify/0123456789abcdef'

Exit code 1 if something was found: then the smallest input is in build/fuzz/findings.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.fuzz import engine

_TARGETS_AT_A_TIME = 2
# An input that hangs is ended by libFuzzer. Starting and making a finding small take the rest.
_EXTRA_SECONDS = 120
_SHOWN_LINES = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description="Fuzz what strangers reach.")
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", help="only this target")
    parser.add_argument("--input", type=Path, help="run only the input in this file, with --target")
    options = parser.parse_args(arguments)
    if options.target is None:
        return _fuzz_all(options.seconds, options.seed)
    targets = engine.load_targets(measured=options.input is None and engine.has_atheris())
    if options.target not in targets:
        parser.error(f"--target: must be one of {', '.join(targets)}")
    target = targets[options.target]
    if options.input is None:
        return engine.fuzz(target, seconds=options.seconds, seed=options.seed)
    target.run(options.input.read_bytes())
    print(f"{target.name}: nothing found")
    return 0


def _fuzz_all(seconds: float, seed: int) -> int:
    names = list(engine.load_targets())
    with ThreadPoolExecutor(_TARGETS_AT_A_TIME) as pool:
        codes = list(pool.map(lambda name: _fuzz_in_a_process(name, seconds, seed), names))
    found = [name for name, code in zip(names, codes, strict=True) if code]
    print(f"{len(names)} targets, findings in: {', '.join(found) or 'none'}")
    return 1 if found else 0


def _fuzz_in_a_process(name: str, seconds: float, seed: int) -> int:
    command = [sys.executable, "-m", "tools.fuzz", "--target", name, "--seconds", str(seconds), "--seed", str(seed)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds + _EXTRA_SECONDS
        )
    except subprocess.TimeoutExpired:
        print(f"{name}: an input hangs. It is the last one of: {' '.join(command)}")
        return 1
    lines = [line for line in (done.stderr + done.stdout).splitlines() if not line.startswith(("INFO:", "WARNING:"))]
    if done.returncode:
        print("\n".join(lines[-_SHOWN_LINES:]), flush=True)
        return done.returncode
    count = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), None)
    print(f"{name}: {count} inputs, nothing found" if count else lines[-1], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
