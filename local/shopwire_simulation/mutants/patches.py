"""Reads the planted bugs from the patches in this folder, and applies them to a copy of the code.

The name of a patch is the name of its bug. The lines before the diff say what is broken. The last of them is
"Quick: yes" if the simulation finds the bug within some 500 webhooks, otherwise "Quick: no". Before it there may be
"Step: NAME SEED" (which of the runs finds the bug, so that this one comes first), then "Found: TEXT" (a violation must
contain this text, because it is that of the check that is meant for the bug), then "Platform: NAME" (the platform whose
shops meet the bug). To write a patch, make the change in the code, and put these lines before the output of `git diff`.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
PROJECT = FOLDER.parents[2]
_COPIED_FOLDERS = ("shared", "functions")
_HEADER = re.compile(r"(?P<description>.+?)\nQuick: (?P<quick>yes|no)\n\s*(?=--- a/|diff --git )", re.DOTALL)
_CHANGED_FILE = re.compile(r"^\+\+\+ b/(\S+)", re.MULTILINE)


class PatchError(Exception):
    """A patch cannot be read or applied. The text names its file and says what to do."""


@dataclass(frozen=True, slots=True)
class PlantedBug:
    """A bug. If `quick` is True, the simulation finds it within some 500 webhooks.

    `found` is a part of the violation that the check meant for it reports; "" if any violation counts. `step` is the
    name and the seed of the run that finds it; "" if the first ones do. `platform` is the platform whose shops are
    simulated; None: those of the reference platforms.
    """

    name: str
    path: Path
    description: str
    quick: bool
    found: str
    step: str
    platform: str | None
    changed_files: tuple[str, ...]


def read_bugs(folder: Path = FOLDER) -> list[PlantedBug]:
    """Return the bugs of all patches in a folder, by name.

    Raises:
        PatchError: the first lines of a patch are incomplete.
    """
    return [_read_bug(path) for path in sorted(folder.glob("*.patch"))]


def _read_bug(path: Path) -> PlantedBug:
    text = path.read_text()
    header = _HEADER.match(text)
    if header is None:
        raise PatchError(
            f"{path.name}: the first lines must say what is broken, then `Quick: yes` or `Quick: no`, then the diff"
        )
    description, _, platform = header["description"].partition("\nPlatform: ")
    description, _, found = description.partition("\nFound: ")
    description, _, step = description.partition("\nStep: ")
    quick, changed_files = header["quick"] == "yes", tuple(_CHANGED_FILE.findall(text))
    return PlantedBug(path.stem, path, description, quick, found, step, platform or None, changed_files)


def copy_code(target: Path) -> None:
    """Copy the code under test to a folder, with its bytecode, which Python ignores for a file that a patch changes."""
    for folder in _COPIED_FOLDERS:
        shutil.copytree(PROJECT / folder, target / folder)


def apply(bug: PlantedBug, root: Path) -> None:
    """Apply the patch of a bug to a copy of the code.

    Raises:
        PatchError: the patch does not apply, or it changes nothing.
    """
    before = {name: _read_text(root / name) for name in bug.changed_files}
    _git_apply(bug, root)
    if unchanged := [name for name, text in before.items() if _read_text(root / name) == text]:
        raise PatchError(f"{bug.path.name} changes nothing in {', '.join(unchanged)}")


def check(bug: PlantedBug, root: Path) -> None:
    """Check that the patch of a bug applies, and change nothing.

    Raises:
        PatchError: the patch does not apply.
    """
    _git_apply(bug, root, "--check")


def _git_apply(bug: PlantedBug, root: Path, *options: str) -> None:
    root = root.resolve()
    # If the copy is inside another repository, git would take the paths of the patch as relative to that one, and skip
    # the files. The settings of the machine or of a calling git hook must not have an effect either.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
        "GIT_CEILING_DIRECTORIES": str(root.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "LC_ALL": "C",
    }
    command = ["git", "apply", "--whitespace=nowarn", *options, str(bug.path.resolve())]
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PatchError(
            "git is not installed. Install it, because planted bugs are applied with `git apply`"
        ) from None
    if done.returncode:
        raise PatchError(
            f"{bug.path.name} does not apply: {done.stderr.strip()}\n"
            f"  The code has changed there. Make the change that the first lines of the patch describe, and replace the"
            f" diff with the output of `git diff`. Delete the patch if the bug cannot happen any more."
        )


def _read_text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
