"""Checks that no personal value of the stories leaves the process, except to the API and to what may hold it.

The attributes that may hold personal values are declared in `table_layout.PERSONAL`. Every other attribute of the table
is searched, and every log line, metric, key and id.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shopwire_simulation.checkers.observations import Violation
from shopwire_simulation.table_layout import PERSONAL
from shopwire_testkit.announcements import Story

_WORD = re.compile(r"[\w.+@-]{5,}")
_HASH = re.compile(r"[0-9a-f]{12,64}( [0-9a-f]{12})*")
_MIN_UNIQUE_LENGTH = 8
"""A single word of this length does not appear in a text by chance."""


class LeakChecker:
    """Collects every text that leaves the process, such as log lines, keys of the table, and ids of messages."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def on_write(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """Collect the texts of the attributes that a write changed."""
        for name, value in (after or {}).items():
            if name not in PERSONAL and not (before and before.get(name) == value):
                self.texts.update(_texts(value))

    def finish(self, stories: Mapping[int, Story]) -> Iterator[Violation]:
        """Yield a violation for each personal value whose words all appear in the texts."""
        words = {word for text in self.texts for word in _WORD.findall(text)}
        for n, story in stories.items():
            for canary in story.canaries:
                parts = _WORD.findall(canary)
                is_unique = len(parts) > 1 or (parts and len(parts[0]) >= _MIN_UNIQUE_LENGTH)
                if is_unique and all(part in words for part in parts):
                    yield Violation("leaked", story.shop, "", "a personal value left the process", n)


def _texts(typed: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts in a value in DynamoDB's typed form, without hashes."""
    ((kind, value),) = typed.items()
    if kind == "S":
        if not _HASH.fullmatch(value):
            yield value
    elif kind == "M":
        for name, part in value.items():
            yield name
            yield from _texts(part)
    elif kind == "L":
        for part in value:
            yield from _texts(part)
    elif kind == "B":
        yield bytes(value).decode("utf-8", "replace")
