"""Our sample bodies: one file a topic and oddity, below samples/<platform>/. Only their names are known here.

A topic's file is its word with "_" for what separates (orders/updated, order.updated: orders_updated, order_updated),
another variant's has "--<variant>" behind it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from shopwire import platforms

_HERE = Path(__file__).parent

# What says, at the top of a body, when it last changed, or else began.
_CHANGED = ("updated_at", "date_modified_gmt", "created_at", "date_created_gmt")
_NEVER = datetime.max.replace(tzinfo=UTC)


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


def folder(platform: str) -> Path:
    """Return the folder that holds the platform's samples."""
    return _HERE / platform / "samples"


def samples(platform: str) -> list[Sample]:
    """All of a platform in the order in which it happened; what bears no date comes last, in the order of the topics.

    Raises:
        KeyError: no such platform.
        ValueError: a file's name names no topic of the platform.
    """
    topics = {re.sub(r"\W", "_", topic): topic for topic in platforms.get(platform).topic_names()}
    found = []
    for path in folder(platform).glob("*"):
        word, _, variant = path.stem.partition("--")
        if word not in topics:
            raise ValueError(f"{platform}/samples/{path.name} is named after no topic")
        found.append(Sample(platform, topics[word], variant, path))
    order = list(topics.values())
    return sorted(
        found, key=lambda one: (changed_at(from_json(one.body)) or _NEVER, order.index(one.topic), one.variant)
    )


def changed_at(body: Mapping[str, Any]) -> datetime | None:
    """When what a parsed body tells last changed, as far as it says."""
    return next((moment for name in _CHANGED if (moment := _moment(body.get(name)))), None)


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
