"""Our sample bodies: one file a topic and oddity, below samples/<platform>/. Only their names are known here.

A topic's file is its word with "_" for what separates (orders/updated, order.updated: orders_updated, order_updated),
another variant's has "--<variant>" behind it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from shopwire import platforms

FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample body. `variant` is "" for a topic's plain one."""

    platform: str
    topic: str
    variant: str
    path: Path

    @property
    def name(self) -> str:
        """As `shopwire send` takes it: "orders/updated", "orders/updated--partly_refunded"."""
        return f"{self.topic}--{self.variant}" if self.variant else self.topic

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()


def samples(platform: str) -> list[Sample]:
    """All of a platform, by topic and variant.

    Raises:
        KeyError: no such platform.
        ValueError: a file's name names no topic of the platform.
    """
    topics = {re.sub(r"\W", "_", topic): topic for topic in platforms.get(platform).topics}
    found = []
    for path in sorted((FOLDER / platform).glob("*")):
        word, _, variant = path.stem.partition("--")
        if word not in topics:
            raise ValueError(f"samples/{platform}/{path.name} is named after no topic")
        found.append(Sample(platform, topics[word], variant, path))
    return found
