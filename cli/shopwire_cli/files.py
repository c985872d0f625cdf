"""Read and write the files that are named on the command line."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from shopwire_cli.errors import UserError


def read_file(path: str) -> bytes:
    """Return the content of a file, or of stdin if the path is "-".

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
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
