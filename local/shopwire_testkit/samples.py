"""Sample bodies of webhooks: one file per topic and variant, in <platform>/samples.

A topic's file is named after the topic, with "_" in place of its separators: orders/updated is in orders_updated.json.
A variant has "--<variant>" behind that: orders_updated--refunded.json. Beside each sample is its expected result
(`expected`), and beside one that carries no state what the platform's API answers: an object with the answer to each
name in `Platform.fetches`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from shopwire import platforms
from shopwire.models import Shop, Webhook
from shopwire.platforms.base import Platform, SampleFields
from shopwire.platforms.parts import moment_of_php_date

_HERE = Path(__file__).parent
_EXPECTED_SUFFIX = ".expected.json"
_FETCHED_SUFFIX = ".fetched.json"
# A smaller number is no time.
_FIRST_UNIX_TIME = 10**9
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample body.

    Args:
        variant: "" for the plain sample of a topic.
    """

    platform: str
    topic: str
    variant: str
    path: Path

    @property
    def name(self) -> str:
        """The name on the command line: "orders/updated", "orders/updated--refunded"."""
        return f"{self.topic}--{self.variant}" if self.variant else self.topic

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()

    @property
    def expected_path(self) -> Path:
        """The file that holds the expected result."""
        return self.path.with_name(self.path.stem + _EXPECTED_SUFFIX)

    @property
    def fetched_path(self) -> Path:
        """The file that holds the answers of the platform's API, if the body carries no state."""
        return self.path.with_name(self.path.stem + _FETCHED_SUFFIX)

    @property
    def answers(self) -> dict[str, bytes]:
        """The answers of the platform's API, by the name in `Platform.fetches`."""
        if not self.fetched_path.exists():
            return {}
        return {name: json.dumps(answer).encode() for name, answer in _parsed(self.fetched_path).items()}


def folder(platform: str) -> Path:
    """Return the folder that holds the platform's samples."""
    return _HERE / platform / "samples"


def file_word(topic: str) -> str:
    """Return how files are named after a topic: "orders/updated" is "orders_updated"."""
    return re.sub(r"\W", "_", topic)


def samples(platform: str) -> list[Sample]:
    """Return a platform's samples, ordered by when they changed. Those without a date are last, ordered by topic.

    Raises:
        KeyError: there is no such platform.
        ValueError: a file is not named after a topic of the platform, or is not JSON.
    """
    adapter = platforms.get(platform)
    topics = {file_word(topic): topic for topic in adapter.topic_names()}
    places = {topic: place for place, topic in enumerate(topics.values())}
    found = []
    for path in folder(platform).glob("*"):
        if path.name.endswith((_EXPECTED_SUFFIX, _FETCHED_SUFFIX)):
            continue
        word, _, variant = path.stem.partition("--")
        if word not in topics:
            raise ValueError(f"{path}: the file is named after no topic in `topics` of the platform {platform}")
        sample = Sample(platform, topics[word], variant, path)
        changed = changed_at(_parsed(path), adapter.sample_fields) or _LAST
        found.append((changed, places[sample.topic], variant, sample))
    return [sample for *_, sample in sorted(found, key=lambda entry: entry[:-1])]


def sample_shop(platform: Platform, **settings: Any) -> Shop:
    """Return a shop that the platform's samples may come from. Orders of any age are sent."""
    return Shop.model_validate(
        {
            "id": "sample-shop",
            # A shop of any platform has a storefront.
            "platform": platform.name if platform.name in platforms.OF_SHOPS else platforms.OF_SHOPS[0],
            "secrets": ("sample-secret",),
            "esputnik_key": "sample-key",
            "region": "UA",
            "store": platform.demo_store or platform.store_example or None,
            "old_order_days": 0,
            "api": {"token": "sample-token"} if platform.fetches else {},
            "storefront_secret": "sample-storefront-secret",
            "origins": ("https://shop.example", "shopapp://"),
        }
        | settings
    )


def signed_webhook(platform: Platform, topic: str, body: bytes, shop: Shop, now: int) -> Webhook:
    """Return the call with which the platform would send this body, as it arrives.

    Args:
        now: UTC milliseconds.
    """
    call = platform.sign(topic, body, shop, now)
    return Webhook({name.lower(): value for name, value in call.headers.items()}, call.body, now)


def changed_at(body: Any, fields: SampleFields) -> datetime | None:
    """Return when the entity of a parsed body last changed; None if the body does not say so."""
    moments = (_moment(value_at(body, path)) for path in fields.changed)
    return next((moment for moment in moments if moment), None)


def value_at(body: Any, path: str) -> Any:
    """Return the value at a path such as "data.order.id"; None if there is none."""
    for name in path.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def _parsed(path: Path) -> Any:
    try:
        return from_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: the file is not JSON: {error}") from None


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, int) and value >= _FIRST_UNIX_TIME:
            return datetime.fromtimestamp(value, UTC)
        value = moment_of_php_date(value)
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
