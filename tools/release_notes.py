"""Write the release notes: the tagged version's section of CHANGELOG.md (run by `make notes`).

    python tools/release_notes.py v1.2.3 build/notes.md

The release workflow runs it before anything is installed, so the script uses only the standard library.
"""

import re
import sys
import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


class ReleaseError(Exception):
    """The tag cannot be released. The message says what to fix."""


def release_notes(tag: str, version: str, changelog: str) -> str:
    """Return the changelog's section about the version.

    Raises:
        ReleaseError: the tag is not the version's tag, or the changelog has no entry for the version.
    """
    if tag != f"v{version}":
        raise ReleaseError(
            f"the tag is {tag!r}, but pyproject.toml has version {version}, so the tag must be v{version}"
        )
    heading = rf"^## {re.escape(version)}(?![.\w])[^\n]*\n(.*?)(?=^## |\Z)"
    found = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise ReleaseError(f"CHANGELOG.md has no entry below '## {version}': add one")
    return found[1].strip() + "\n"


def main(tag: str, target: Path) -> int:
    """Write the notes. Return 0, or 1 if the tag cannot be released."""
    version = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    try:
        notes = release_notes(tag, version, (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    except ReleaseError as error:
        print(f"make notes: {error}", file=sys.stderr)
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(notes, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
