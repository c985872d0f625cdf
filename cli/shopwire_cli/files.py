"""Read the files that are named on the command line."""

import sys
from pathlib import Path

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
