"""Install programs that tests need, if this machine may do that, so that no test is skipped."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(program: str) -> Iterator[None]:
    """Let one of pytest's workers install the program. The others wait, and then find it."""
    with open(Path(tempfile.gettempdir(), f"shopwire-{program}-{os.getuid()}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def apt_install(package: str) -> bool:
    """Install a package of Debian or Ubuntu. Return whether that could be tried, which needs root and apt-get."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-qq", "-y", "--no-install-recommends", package)
    return True


def run(*command: str) -> None:
    """Run a command quietly. If it fails, the program that it should install is missing afterwards."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
