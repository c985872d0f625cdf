"""What a release says of itself: its part of the changelog, if the tag is of the version that is packed.

    python tools/release_notes.py v1.2.3 build/notes.md

The release workflow runs it before anything is installed: only the standard library here.
"""

import re
import sys
import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


class NotReady(Exception):
    """The tag cannot be released as it is; the text says what to do."""


def notes(tag: str, version: str, changelog: str) -> str:
    """The changelog's part about the version.

    Raises:
        NotReady.
    """
    if tag != f"v{version}":
        raise NotReady(f"the tag is {tag!r}, pyproject.toml's version is {version}: the tag must be v{version}")
    heading = rf"^## {re.escape(version)}(?![.\w])[^\n]*\n(.*?)(?=^## |\Z)"
    found = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise NotReady(f"CHANGELOG.md says nothing under '## {version}'")
    return found[1].strip() + "\n"


def main(tag: str, target: Path) -> int:
    """0 if there is something to say, else 1."""
    version = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    try:
        said = notes(tag, version, (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    except NotReady as reason:
        print(f"make notes: {reason}", file=sys.stderr)
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(said, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
