"""The sample webhooks, one file per topic and variant in `<platform>/samples/`.

A file is named after its topic, with "_" for every other separator: orders/updated becomes orders_updated, and
order.updated becomes order_updated. A variant adds "--<variant>".
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

# Top-level fields that say when the body last changed. If there is no date of a change, the date of creation counts.
_CHANGE_FIELDS = ("updated_at", "date_modified_gmt", "created_at", "date_created_gmt")
_UNDATED = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample body. `variant` is "" for the plain sample of a topic."""

    platform: str
    topic: str
    variant: str
    path: Path

    @property
    def name(self) -> str:
        """The name that `shopwire send` takes: "orders/updated" or "orders/updated--partly_refunded"."""
        return f"{self.topic}--{self.variant}" if self.variant else self.topic

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()


def folder(platform: str) -> Path:
    """Return the folder that holds the platform's samples."""
    return _HERE / platform / "samples"


def samples(platform: str) -> list[Sample]:
    """Return all samples of a platform by the date of their last change. Undated samples come last, by topic.

    Raises:
        KeyError: there is no such platform.
        ValueError: a file name does not begin with a topic of the platform.
    """
    topics = {re.sub(r"\W", "_", topic): topic for topic in platforms.get(platform).topic_names()}
    found = []
    for path in folder(platform).glob("*"):
        word, _, variant = path.stem.partition("--")
        if word not in topics:
            raise ValueError(f"{platform}/samples/{path.name}: the name does not begin with a topic of the platform")
        found.append(Sample(platform, topics[word], variant, path))
    order = list(topics.values())
    return sorted(
        found,
        key=lambda sample: (changed_at(from_json(sample.body)) or _UNDATED, order.index(sample.topic), sample.variant),
    )


def changed_at(body: Mapping[str, Any]) -> datetime | None:
    """Return when the content of a parsed body last changed, or None if the body does not say."""
    return next((moment for name in _CHANGE_FIELDS if (moment := _moment(body.get(name)))), None)


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
