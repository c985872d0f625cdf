"""What a platform is: its attributes, the methods that it implements, and the errors that it may raise.

Each platform has a folder beside this file. Nothing here is particular to one of them. Helpers that several platforms
need are in `signatures` (proof that a call is the platform's) and `parts` (parts of bodies).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import ValidationError

from shopwire.errors import InvalidValue, NotVerified, Unreadable
from shopwire.models import DESTRUCTIVE, Change, Delivery, Entity, Nothing, Reason, Shop, ThinChange, Webhook
from shopwire.models.change import EntityKind
from shopwire.platforms.access import ApiAccess, PlatformApi
from shopwire.platforms.parts import unreadable
from shopwire.platforms.repair import id_of, is_empty
from shopwire.platforms.signatures import same


class Kind(StrEnum):
    """What a webhook of a topic says (docs/how-it-works.md, "Three kinds of webhooks")."""

    SNAPSHOT = "snapshot"
    """The whole entity, or a stated part of it, with a version."""
    FACT = "fact"
    """A one-way milestone, without the entity."""
    SIGNAL = "signal"
    """Something changed, but not what. Another topic brings the state, or it is fetched (`Platform.fetch`)."""
    UNUSED = "unused"
    """No API request follows from it, and its body is not read."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a platform.

    Args:
        name: the topic in the platform's own words ("orders/create").
        kind: what its webhooks say. A topic that may be two of them states the one that carries more. Every webhook may
            mean nothing too (a draft, an error in place of the order).
        parse: makes a change of what `Platform.read` passes to it; None for an unused topic. It may raise Unreadable,
            InvalidValue and pydantic.ValidationError.
        reason: why an unused topic is ignored.
        connect: whether a shop should subscribe to it.
        destroys: its change deletes or erases something (`shopwire.models.DESTRUCTIVE`). The topic is not signed, so
            `parse` must accept exactly the documented body (`parts.ExactBody`). Every other body is parked.
        store_of: returns the name of the store in the signed body of a webhook; None if it names none. Such a topic
            needs no header that names the store, but its body must name the shop's `store`. Otherwise it is parked.
            `Platform.read` passes the webhook itself to `Platform.change` then.
    """

    name: str
    kind: Kind
    parse: Callable[[Any, Shop], Change] | None = None
    reason: Reason = Reason.SIGNAL
    connect: bool = True
    destroys: bool = False
    store_of: Callable[[Webhook], str | None] | None = None


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
class Signature:
    """Where a call carries its signature, and what is signed.

    Args:
        headers: the headers that may hold it, lower case. They are never kept.
        field: the field at the top of the body that holds it, if no header does.
        covers_body: whether every byte of the body is signed. What is not signed is only a hint (SECURITY.md).
        max_age_seconds: how long after signing a call is accepted, so that the platform signs each attempt again; 0 if
            it is accepted for ever.
    """

    headers: tuple[str, ...] = ()
    field: str = ""
    covers_body: bool = True
    max_age_seconds: int = 0


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
    """Where the platform's bodies hold ids and times, so that a sample can be made fresh.

    A field is named by its path ("id", "data.order.id").

    Args:
        ids: fields that identify the entity. `--fresh` replaces their values everywhere in the body.
        changed: fields that say when the entity last changed; the first that a body has counts. `--fresh` moves all
            dates of the body by as much as this one. A value is text, PHP's object of `date` and `timezone`, or
            seconds since 1970.
        every_call_is_new: a body without any of these fields is another delivery each time it is sent. Otherwise
            `--fresh` refuses such a body.
    """

    ids: tuple[str, ...]
    changed: tuple[str, ...]
    every_call_is_new: bool = False


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A call as the platform would send it.

    Args:
        headers: names in any case.
        body: what was given, unless the platform writes topic, store or signature into it.
    """

    headers: Mapping[str, str]
    body: bytes


_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?(?://)?(?:[^/?#@]*@)?([^/?#:]*).*", re.DOTALL)


def host_of(name: str) -> str:
    """Return the host of a store's address in one spelling: lower case, ASCII, without "www.".

    Args:
        name: a URL, or a host alone. HTTP servers decode UTF-8 in headers as ISO 8859-1 (RFC 9110, section 5.5).
    """
    with suppress(UnicodeError):
        name = name if name.isascii() else name.encode("latin-1").decode()
    host = _HOST.sub(r"\1", name.strip().lower()).removeprefix("www.").rstrip(".")
    with suppress(UnicodeError):
        return host if host.isascii() else host.encode("idna").decode()
    return host


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
    signature: ClassVar[Signature]
    secret: ClassVar[Secret]
    retries: ClassVar[Retries]
    sample_fields: ClassVar[SampleFields]
    ping: ClassVar[Ping | None] = None
    store_example: ClassVar[str] = ""
    """What the setting `store` looks like; "" if the platform's calls do not name their store."""
    store_form: ClassVar[str] = ""
    """A regular expression of the `normal_store` of every store; "" if it can be any text."""
    demo_store: ClassVar[str] = ""
    """The store of the demo shop; "" for none."""
    endpoint: ClassVar[Literal["webhooks", "storefront"]] = "webhooks"
    """The URL that its calls go to: /webhooks/{shop} or /storefront/{shop}."""
    reports_mistakes: ClassVar[bool] = False
    """Whether the sender can correct a body. Then `read` raises InvalidBody with all mistakes, which is answered 400,
    and an unknown field is a mistake. Otherwise an unreadable body is parked."""
    fetches: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What `fetch` asks the platform's API for, by the beginning of the topic ("store/order/"), in fetching order."""
    entities: ClassVar[Mapping[str, tuple[EntityKind, str]]] = {}
    """What the topics of a prefix ("orders/") are about, and the field at the top of the body that holds its id. Only
    for people who look at an unreadable body."""
    _topics_by_name: ClassVar[Mapping[str, Topic]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._topics_by_name = {topic.name: topic for topic in getattr(cls, "topics", ())}

    @abstractmethod
    def verify(self, webhook: Webhook, shop: Shop) -> None:
        """Check that the call comes from this shop, by the raw bytes and in constant time.

        Nothing else of the body is read before. `check_signature` and `check_store` help.

        Raises:
            NotVerified: the signature is missing or wrong, or the call is another store's.
            UnsignedCall: the call is one that the platform never signs and that means nothing.
        """

    @abstractmethod
    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        """Return the deliveries of a verified call: mostly one. A topic that is not in `topics` becomes `Nothing`.

        Raises:
            Unreadable: the body is not JSON, or lacks what the topic needs. Nothing else may be raised, whatever the
                body is.
        """

    @abstractmethod
    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        """Return the call with which the platform would send this body. Samples and tests use it.

        Args:
            topic: also a topic that the platform does not have.
            body: any bytes.
            now: UTC milliseconds.
        """

    def secret_with(self, key: str) -> str:
        """Return the secret, in the platform's spelling, whose key is this text."""
        return key

    def secret_problem(self, secret: str) -> str | None:
        """Return what is wrong with a secret of the settings, to continue "`secrets` ..."; None if nothing is."""
        return None

    def api_access(self, shop: Shop) -> ApiAccess:
        """Return how the shop's API is called. Only platforms with thin webhooks have it.

        Raises:
            ValueError: the shop's settings `store` and `api` do not suffice. The text says what is required.
        """
        raise NotImplementedError

    def fetch(self, change: ThinChange, shop: Shop, api: PlatformApi) -> Change:
        """Return the state of an entity whose webhook carries none. Only platforms with thin webhooks have it.

        Every change but ThinChange may be returned: `Nothing` if there is nothing to send any more.

        Raises:
            RetryLater: the API cannot be asked now.
            PermanentFailure: the API refuses for good.
            Unreadable, InvalidValue, pydantic.ValidationError: an answer is not what the platform documents.
        """
        raise NotImplementedError

    def state_of(self, change: ThinChange, shop: Shop, api: PlatformApi) -> Change:
        """Return what `fetch` returns.

        Raises:
            RetryLater, PermanentFailure: as `fetch`.
            Unreadable: an answer is not what the platform documents.
        """
        try:
            return self.fetch(change, shop, api)
        except (ValidationError, InvalidValue) as error:
            raise unreadable(error) from None

    def fetched_names(self, topic: str) -> tuple[str, ...]:
        """Return what `fetch` may ask for after a webhook of this topic, in fetching order."""
        return next((names for beginning, names in self.fetches.items() if topic.startswith(beginning)), ())

    def topic_of(self, webhook: Webhook) -> str:
        """Return the topic that a call says it has; "" if it says none."""
        return ""

    def subject(self, webhook: Webhook) -> tuple[str, Entity | None]:
        """Return topic and entity of a verified call whose body is unreadable, as far as both can be read.

        Neither is proved. They help a person to find the order, and nothing else follows from them.
        """
        topic = self.topic_of(webhook)
        found = next((about for prefix, about in self.entities.items() if topic.startswith(prefix)), None)
        id = id_of(webhook.body, found[1]) if found else None
        return topic, Entity(found[0], id) if found and id else None

    def check_signature(self, given: str, expected: Iterable[str]) -> None:
        """Check the signature of a call.

        Args:
            given: what the header holds; "" if it is missing.
            expected: what it should hold, by each secret of the shop.

        Raises:
            NotVerified: it is missing, or none of the expected ones.
        """
        if not given:
            raise NotVerified(
                Reason.SIGNATURE_MISSING,
                f"the header {self.signature.headers[0]} is missing, which every call of {self.title} has",
            )
        if not same(given, *expected):
            raise NotVerified(
                Reason.SIGNATURE_MISMATCH, f"the signature does not match: `secrets` must hold {self.secret.where}"
            )

    def check_store(self, shop: Shop, *named: str | None, required: bool = True) -> None:
        """Check the names of the store that a call carries, if the shop has a `store`.

        Args:
            named: each name that the call carries; None or "" where it carries none.
            required: whether the call must name its store. Not if `Topic.store_of` finds it in the body.

        Raises:
            NotVerified: one of them is none of the stores in the shop's `store`, or there is none.
        """
        if not shop.stores:
            return
        names = [name for name in named if name]
        if not all(self._is_own_store(shop, name) for name in names):
            raise NotVerified(
                Reason.OTHER_STORE, "another store's webhook: the call names another store than the shop's `store`"
            )
        if required and not names:
            raise NotVerified(
                Reason.STORE_MISSING,
                f"the call does not name its store, which every call of {self.title} does, and the shop has a `store`",
            )

    def _is_own_store(self, shop: Shop, name: str) -> bool:
        return self.normal_store(name) in map(self.normal_store, shop.stores)

    def normal_store(self, name: str) -> str:
        """Return one spelling of a store's name for all spellings that mean the same store."""
        return name.strip().lower()

    def change(self, topic: str, source: Any, shop: Shop) -> Change:
        """Return the change that the topic's parser makes of `source`.

        Raises:
            Unreadable: the body is not what the platform documents for the topic.
        """
        found = self._topics_by_name.get(topic)
        if found is None:
            return Nothing(Reason.UNKNOWN_TOPIC)
        try:
            change = found.parse(source, shop) if found.parse else Nothing(found.reason)
        except (ValidationError, InvalidValue, Unreadable) as error:
            # Of a privacy request, a person must see that its body is missing.
            if isinstance(source, Webhook) and is_empty(source.body) and not found.store_of:
                return Nothing(Reason.EMPTY_BODY)
            failure = error if isinstance(error, Unreadable) else unreadable(error)
            if found.destroys:
                failure.reason = Reason.TOPIC_MISMATCH
            raise failure from None
        if isinstance(change, DESTRUCTIVE) and not found.destroys:
            raise Unreadable("topic", "not_declared_as_destructive", Reason.TOPIC_MISMATCH)
        if found.store_of and (shop.stores or found.destroys):
            self._require_store(shop, found.store_of(source))
        return change

    def _require_store(self, shop: Shop, named: str | None) -> None:
        if not shop.stores:
            raise Unreadable("store", "not_set", Reason.STORE_NOT_NAMED)
        if not named:
            raise Unreadable("body", "names_no_store", Reason.STORE_NOT_NAMED)
        # `verify` refuses another store's call. A webhook that waits is read again, and `store` may have changed.
        if not self._is_own_store(shop, named):
            raise Unreadable("body", "names_another_store", Reason.STORE_NOT_NAMED)

    @classmethod
    def topic(cls, name: str) -> Topic | None:
        """Return the topic of this name; None if the platform has no such topic."""
        return cls._topics_by_name.get(name)

    @classmethod
    def topic_names(cls) -> tuple[str, ...]:
        """Return the names of all topics, in the order of `topics`."""
        return tuple(topic.name for topic in cls.topics)
