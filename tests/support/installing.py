"""What tests need beyond Python: found, or installed where that may be done. Nothing is skipped for want of it."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """One of pytest's workers fetches or installs, the others find what it brought."""
    with open(Path(tempfile.gettempdir(), f"shopwire-{what}-{os.getuid()}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def apt_install(package: str) -> bool:
    """Install Debian's, as root; answers whether that could be tried."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-qq", "-y", "--no-install-recommends", package)
    return True


def run(*command: str) -> None:
    """Run it quietly. Whether it worked shows when what it brought is started."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
