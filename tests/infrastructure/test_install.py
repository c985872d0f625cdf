"""`make install` and `make run`: what is installed, and the one line that a failure ends with."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.markdown import ROOT
from tools.install import InstallationFailed, explain, install_lock, split_lock

LOCKS = ["shared/requirements.txt", *sorted(path.name for path in ROOT.glob("requirements-*.txt"))]
LOCK = """# a comment
ann==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
bob==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:ba
cyd==3.0 \\
    --hash=sha256:ca
"""


def test_parts_have_every_requirement_with_its_hashes() -> None:
    first, second = split_lock(LOCK, 2)
    assert [entry.split()[0] for entry in (*first, *second)] == ["ann==1.0", "cyd==3.0", "bob==2.0"]
    assert re.findall("sha256:..", first[0]) == ["sha256:aa", "sha256:ab"]
    assert split_lock(LOCK, 9) == [[entry] for entry in split_lock(LOCK, 1)[0]]


@pytest.mark.parametrize("name", LOCKS)
def test_no_requirement_of_a_lock_is_lost(name: str) -> None:
    text = (ROOT / name).read_text()
    parts = split_lock(text, 3)
    entries = [entry for part in parts for entry in part]
    assert sorted(entry.split("==")[0] for entry in entries) == sorted(re.findall(r"^([\w.-]+)==", text, re.M))
    assert sum(entry.count("--hash=") for entry in entries) == text.count("--hash=")


def test_running_needs_a_part_of_what_testing_needs() -> None:
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==\S+", (ROOT / name).read_text(), re.M))

    run, dev = versions("requirements-run.txt"), versions("requirements-dev.txt")
    assert run < dev
    assert not {name for name in run if name.startswith(("playwright", "pytest", "mypy", "babel"))}
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert {"include-group": "run"} in groups["dev"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            [
                "WARNING: Retrying (Retry(total=0, ...)) after connection broken by 'NewConnectionError(...)'",
                "ERROR: No matching distribution found for ann==1.0",
            ],
            "the package index cannot be reached: ",
        ),
        (
            ["Collecting ann", "ERROR: Could not install packages due to an OSError: [Errno 28] No space left", "more"],
            "pip failed: Could not install packages due to an OSError: [Errno 28] No space left",
        ),
        (["Segmentation fault"], "pip failed: Segmentation fault"),
        ([], "pip failed: it says nothing"),
    ],
)
def test_failure_of_pip_is_explained_in_one_line(lines: list[str], problem: str) -> None:
    assert explain(lines).startswith(problem)
    assert "\n" not in explain(lines)


def test_missing_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    shown: list[str] = []
    with pytest.raises(InstallationFailed, match="the package index cannot be reached"):
        install_lock(sys.executable, [[f"no-such-package-of-ours==1.0 --hash=sha256:{'0' * 64}"]], shown.append, 1)
    assert shown[-1] == ""


def test_progress_counts_the_packages() -> None:
    (six,) = (entry for entry in split_lock((ROOT / "requirements-run.txt").read_text(), 1)[0] if entry[:4] == "six=")
    shown: list[str] = []
    install_lock(sys.executable, [[six]], shown.append, 39)  # it is installed already
    assert shown == ["1 of 39: six", ""]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("3.8", "PYTHON={} is Python 3.8, and Python 3.11 or later is needed: install it, or pass its path as PYTHON="),
        ("", "PYTHON={} is no Python, and Python 3.11 or later is needed"),
        (None, "no Python was found, and Python 3.11 or later is needed"),
    ],
)
def test_wrong_python_is_named(tmp_path: Path, version: str | None, message: str) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements-run.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {version}\n" if version else "#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    value = "" if version is None else python
    run = subprocess.run(
        ["make", "run", f"PYTHON={value}"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(message.format(python))
    assert len(run.stderr.splitlines()) == 2  # the other line is make's own
