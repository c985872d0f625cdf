"""Text on a terminal. What a terminal would obey in foreign text (of webhooks, shops, servers) is escaped.

Only the standard library is imported here, because every call of `shopwire` needs this module.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from enum import StrEnum
from typing import Any, TextIO, cast

# Control characters (C0, DEL, C1), among them the start of escape sequences; line and paragraph separators; characters
# that change the direction of text, so that it reads as something else; surrogates, which UTF-8 cannot write.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape(text: str, *, keep: str = "") -> str:
    """Return the text with unsafe characters as JSON writes them: ESC becomes \\u001b.

    In JSON text, these characters occur only within strings, so it stays JSON with the same value.

    Args:
        keep: characters that stay as they are.
    """
    return _UNSAFE.sub(
        lambda match: match[0] if match[0] in keep else _SHORT_ESCAPES.get(match[0], f"\\u{ord(match[0]):04x}"), text
    )


class EscapingStream:
    """A text stream that escapes what is written to another one. Line feeds and tabs stay."""

    def __init__(self, stream: TextIO) -> None:
        self.unescaped = stream

    def write(self, text: str) -> int:
        self.unescaped.write(escape(text, keep="\n\t"))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unescaped, name)


@contextmanager
def escaped_output(stdout: TextIO, stderr: TextIO) -> Iterator[None]:
    """Escape everything that is printed meanwhile, in a pipe too, because pipes often end on a terminal."""
    with (
        redirect_stdout(cast(TextIO, EscapingStream(stdout))),
        redirect_stderr(cast(TextIO, EscapingStream(stderr))),
    ):
        yield


class Style(StrEnum):
    """How a piece of a line looks on a terminal, as an SGR parameter (ECMA-48)."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    CYAN = "36"


Piece = tuple[str, Style]
"""A text, which may be foreign, and its style."""


def render(pieces: Iterable[Piece], *, colors: bool) -> str:
    """Return a line with foreign text escaped and, if `colors`, with the escape sequences of the styles."""
    return "".join(
        f"\x1b[{style}m{escape(text)}\x1b[0m" if colors and style and text else escape(text) for text, style in pieces
    )


def wants_colors(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return True if the stream is a terminal that shows colours, and the user has not set NO_COLOR (no-color.org)."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def print_rendered(line: str) -> None:
    """Print a line of `render` on stdout at once. The escape sequences in it are ours, so they stay."""
    stream = getattr(sys.stdout, "unescaped", sys.stdout)
    stream.write(f"{line}\n")
    stream.flush()
