"""Checks that no personal value of the stories leaves the process, except to the API."""

import re
from collections.abc import Iterator, Mapping

from shopwire_simulation.checkers.observations import Violation
from shopwire_testkit.announcements import Story

_WORD = re.compile(r"[\w.+@-]{5,}")
_MIN_UNIQUE_LENGTH = 8
"""A single word of this length does not appear in a text by chance."""


class LeakChecker:
    """Collects every text that leaves the process, such as log lines, keys of the table, and ids of messages."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def finish(self, stories: Mapping[int, Story]) -> Iterator[Violation]:
        """Yield a violation for each personal value whose words all appear in the texts."""
        words = {word for text in self.texts for word in _WORD.findall(text)}
        for n, story in stories.items():
            for canary in story.canaries:
                parts = _WORD.findall(canary)
                is_unique = len(parts) > 1 or (parts and len(parts[0]) >= _MIN_UNIQUE_LENGTH)
                if is_unique and all(part in words for part in parts):
                    yield Violation("leaked", story.shop, "", "a personal value left the process", n)
