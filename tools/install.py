"""Make a virtual environment and install a lock into it, with progress, and with errors of one line.

`python tools/install.py ENVIRONMENT LOCK WHAT [--editable]`, for the Makefile. A lock is complete and has hashes, so
pip has nothing to resolve, and several pips can share the work. Most of it is reading the index's pages and compiling.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable
from pathlib import Path

_MAX_PIPS = 4
_PIP = ["-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--retries", "1"]
_NO_NETWORK = re.compile(
    "NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|NameResolutionError|Max retries exceeded"
)
_UNREACHABLE = (
    "the package index cannot be reached: check the network, the proxy (HTTPS_PROXY) or the index (PIP_INDEX_URL), "
    "and run make again"
)


class InstallationFailed(Exception):
    """The text is one line and says what to do."""


def main() -> int:
    """Install. Return 1 if that failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("environment", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("what")
    parser.add_argument("--editable", action="store_true", help="install this repository too")
    options = parser.parse_args()
    started = time.monotonic()
    parts = split_lock(options.lock.read_text(encoding="utf-8"), min(os.cpu_count() or 1, _MAX_PIPS))
    packages = sum(map(len, parts))
    print(f"{options.environment}: installing {options.what}, {packages} packages", flush=True)
    try:
        python = make_environment(options.environment)
        install_lock(python, parts, show_progress if sys.stdout.isatty() else lambda line: None, packages)
        if options.editable:
            run_pip(python, ["--quiet", "--no-build-isolation", "--editable", "."], lambda line: None)
    except InstallationFailed as error:
        print(f"{options.environment}: {error}", file=sys.stderr)
        return 1
    print(f"{options.environment}: installed in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def make_environment(path: Path) -> str:
    """Make the virtual environment, or keep what there is of it, and return the path of its Python.

    Raises:
        InstallationFailed.
    """
    try:
        venv.create(path, symlinks=os.name != "nt", with_pip=True)
    except subprocess.CalledProcessError:
        # Debian and Ubuntu have pip's wheel for environments in a package of its own.
        raise InstallationFailed(
            f"{sys.executable} cannot make environments with pip: install python3-venv, or pass another PYTHON="
        ) from None
    except OSError as error:
        raise InstallationFailed(f"{error.strerror}: {error.filename}" if error.strerror else str(error)) from None
    return str(path / "bin" / "python")


def split_lock(text: str, count: int) -> list[list[str]]:
    """Return the lock's requirements, each with its hashes, in `count` parts of about the same size."""
    entries = [entry.strip() for entry in re.split(r"\n(?=[a-z0-9])", f"\n{text}", flags=re.I) if "==" in entry]
    return [part for part in (entries[index::count] for index in range(count)) if part]


def install_lock(python: str, parts: list[list[str]], show: Callable[[str], None], packages: int) -> None:
    """Install the parts at the same time.

    Args:
        show: is called with a line that says how far the installation is.

    Raises:
        InstallationFailed.
    """
    failures: list[InstallationFailed] = []
    names: set[str] = set()

    def note(line: str) -> None:
        if found := re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line):
            names.add(found[1])
            show(f"{len(names)} of {packages}: {found[1]}")
        elif line.startswith("Installing collected packages"):
            show(f"{len(names)} of {packages}: unpacking")

    def install(part: list[str]) -> None:
        try:
            with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as lock:
                lock.write("\n".join(part))
                lock.flush()
                run_pip(python, ["--progress-bar", "off", "--require-hashes", "-r", lock.name], note)
        except InstallationFailed as error:
            failures.append(error)

    threads = [threading.Thread(target=install, args=[part]) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    show("")
    if failures:
        raise failures[0]


def run_pip(python: str, arguments: list[str], note: Callable[[str], None]) -> None:
    """Run `pip install` with these arguments.

    Args:
        note: is called with each line that pip prints.

    Raises:
        InstallationFailed.
    """
    with subprocess.Popen(
        [python, *_PIP, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        assert pip.stdout
        lines = []
        for line in pip.stdout:
            lines.append(line.strip())
            note(line)
    if pip.returncode:
        raise InstallationFailed(explain(lines))


def explain(lines: list[str]) -> str:
    """Return what is wrong, from what pip printed before it failed."""
    if any(map(_NO_NETWORK.search, lines)):
        return _UNREACHABLE
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return f"pip failed: {(errors or lines or ['it says nothing'])[0]}"


def show_progress(line: str) -> None:
    """Write a line over the one before."""
    sys.stdout.write(f"\r\x1b[K{f'  {line}' if line else ''}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
