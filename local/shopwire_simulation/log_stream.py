"""The stream to which shopwire's logger writes during a run."""

import json
from collections.abc import Callable
from typing import Any


class LogStream:
    """Keeps the text of every log line, and passes each JSON line on.

    Args:
        texts: where the text of each line is added.
        on_line: called with each line as a dict.
    """

    def __init__(self, texts: set[str], on_line: Callable[[dict[str, Any]], None]) -> None:
        self._texts = texts
        self._on_line = on_line

    def write(self, text: str) -> None:
        for line in text.splitlines():
            self._texts.add(line)
            if line.startswith("{"):
                self._on_line(json.loads(line))

    def flush(self) -> None:
        """Do nothing, because every line is passed on when it is written."""
