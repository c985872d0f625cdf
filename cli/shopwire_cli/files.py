"""Read and write the files that are named on the command line."""

import json
import os
import select
import sys
from pathlib import Path
from typing import Any

from shopwire_cli.errors import UserError

_STDIN_SECONDS = 10.0


def find_stdin(seconds: float = _STDIN_SECONDS) -> str:
    """Return the path of stdin, "-", for a command that is called without FILE.

    Args:
        seconds: how long the first byte is waited for. The body may come from a slow command.

    Raises:
        UserError: stdin is a terminal, or nothing arrives, so that the command would wait for ever.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise UserError("FILE is missing: name a file with the body, or - to type it, or pipe it in")
    if not select.select([sys.stdin], [], [], seconds)[0]:
        raise UserError(f"FILE is missing, and nothing has arrived on stdin for {seconds:.0f} s: name a file")
    return "-"


def read_file(path: str) -> bytes:
    """Return the content of a file, or of stdin if the path is "-".

    Raises:
        UserError: the file cannot be read.
    """
    try:
        if path != "-":
            return Path(path).read_bytes()
        if sys.stdin.isatty():
            print("type or paste the body, then press Ctrl-D on a line of its own", file=sys.stderr)
        return sys.stdin.buffer.read()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


def write_private(path: str, content: Any) -> None:
    """Write JSON into a new file that only the user may read (mode 0600).

    Raises:
        UserError: the file exists, or cannot be written.
    """
    try:
        # An existing file keeps its mode and may be a link to another place, so none is written to.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=2)
            file.write("\n")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
