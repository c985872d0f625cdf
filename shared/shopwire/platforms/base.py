"""What a platform is: the facts that it states, the hooks that it fills, and the errors that it may raise.

One folder per platform fills this. No platform's own words stand here; helpers that several platforms need are in
`signatures` (proving who sent a call) and `parts` (parts of bodies that arrive in another shape than documented).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import ValidationError

from shopwire.errors import InvalidValue
from shopwire.models import Change, Delivery, Nothing, Reason, Shop, Webhook
from shopwire.platforms.parts import unreadable


class Kind(StrEnum):
    """What a webhook of a topic says (docs/how-it-works.md, "Three kinds of webhooks")."""

    SNAPSHOT = "snapshot"
    """The whole entity, or a stated part of it, with a version."""
    FACT = "fact"
    """A one-way milestone, without the entity."""
    SIGNAL = "signal"
    """Something changed, but not what: another topic brings the state."""
    UNUSED = "unused"
    """No API request follows from it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a platform.

    Args:
        name: the topic in the platform's own words ("orders/create").
        kind: what its webhooks say. A topic that may be two of them states the one that carries more.
        parse: makes a change of what `Platform.read` hands over; None for an unused topic. It may raise Unreadable,
            InvalidValue and pydantic.ValidationError.
        reason: why an unused topic is ignored.
        connect: whether a shop should subscribe to it.
    """

    name: str
    kind: Kind
    parse: Callable[[Any, Shop], Change] | None = None
    reason: Reason = Reason.SIGNAL
    connect: bool = True


@dataclass(frozen=True, slots=True)
class Secret:
    """The secret that signs the platform's webhooks.

    Args:
        made_by: who makes it. A secret that the shop makes comes from `shopwire secret new`.
        where: where the shop finds or enters it, as a sentence for people.
        serves_many_shops: one secret signs the webhooks of several shops, so that only `store` tells them apart.
            `shopwire shop put` requires `store` then.
    """

    made_by: Literal["shop", "platform"]
    where: str
    serves_many_shops: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """An unsigned call with which the platform checks that the URL exists."""

    topic: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Retries:
    """How the platform sends again what was not answered 2xx.

    Args:
        delays_seconds: the time between one attempt and the next; empty if it never tries again.
        timeout_seconds: how long it waits for an answer.
        gives_up: what makes it stop sending altogether, as a sentence for people; "" if nothing does.
    """

    delays_seconds: tuple[int, ...]
    timeout_seconds: int
    gives_up: str = ""


@dataclass(frozen=True, slots=True)
class SampleFields:
    """Where the platform's bodies hold names and times, so that a sample can be made fresh.

    Args:
        ids: fields at the top of a body that name its entity. `--fresh` replaces their values everywhere in the body.
        changed: fields that say when the entity last changed; the first that a body has counts. All dates of the body
            are moved by as much as this one.
    """

    ids: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A call as the platform would send it. The body differs from what was given if topic or store stand in it."""

    headers: Mapping[str, str]
    body: bytes


class Platform(ABC):
    """One shop platform. It has no state: one instance serves all shops."""

    name: ClassVar[str]
    """The name in shops.toml and on the command line."""
    title: ClassVar[str]
    """The name as people write it."""
    documentation: ClassVar[str]
    """URL of the platform's documentation of its webhooks."""
    topics: ClassVar[tuple[Topic, ...]]
    kept_headers: ClassVar[tuple[str, ...]]
    """Prefixes (lower case) of the headers that `read` needs. A webhook that waits keeps these and no others."""
    shown_headers: ClassVar[tuple[str, ...]]
    """Prefixes (lower case) of headers that help people and hold no personal data."""
    secret: ClassVar[Secret]
    retries: ClassVar[Retries]
    sample_fields: ClassVar[SampleFields]
    ping: ClassVar[Ping | None] = None
    store_example: ClassVar[str] = ""
    """What the setting `store` looks like; "" if the platform's calls do not name their store."""
    demo_store: ClassVar[str] = ""
    """The store of the demo shop; "" for none."""
    endpoint: ClassVar[Literal["webhooks", "storefront"]] = "webhooks"
    """The URL that its calls go to: /webhooks/{shop} or /storefront/{shop}."""
    fetches: ClassVar[tuple[str, ...]] = ()
    """What the adapter fetches from the platform's API for a webhook that carries no state, in fetching order."""

    @abstractmethod
    def verify(self, webhook: Webhook, shop: Shop) -> None:
        """Prove that the call comes from this shop, by the raw bytes and in constant time.

        Raises:
            NotVerified: the signature is missing or wrong, or the call is another store's.
            UnsignedCall: a call that the platform never signs and that means nothing.
        """

    @abstractmethod
    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        """Return the deliveries of a verified call: mostly one. A topic that is not in `topics` becomes `Nothing`.

        Raises:
            Unreadable: the body is not JSON, or lacks what the topic needs. Nothing else may be raised.
        """

    @abstractmethod
    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        """Return the call with which the platform would send this body: for samples and tests.

        Args:
            now: UTC milliseconds.
        """

    def change(self, topic: str, source: Any, shop: Shop) -> Change:
        """Return the change that the topic's parser makes of `source`.

        Raises:
            Unreadable: the body is not what the platform documents for the topic.
        """
        found = self.topic(topic)
        if found is None:
            return Nothing(Reason.UNKNOWN_TOPIC)
        if found.parse is None:
            return Nothing(found.reason)
        try:
            return found.parse(source, shop)
        except (ValidationError, InvalidValue) as error:
            raise unreadable(error) from None

    @classmethod
    def topic(cls, name: str) -> Topic | None:
        """Return the topic of this name; None if the platform has no such topic."""
        return _by_name(cls).get(name)

    @classmethod
    def topic_names(cls) -> tuple[str, ...]:
        """Return the names of all topics, in the order of `topics`."""
        return tuple(topic.name for topic in cls.topics)


_INDEX: dict[type[Platform], dict[str, Topic]] = {}


def _by_name(platform: type[Platform]) -> dict[str, Topic]:
    index = _INDEX.get(platform)
    if index is None:
        index = _INDEX[platform] = {topic.name: topic for topic in platform.topics}
    return index
