"""One change to be delivered: what it is, how much time there is, and its possible outcomes. There are no effects
here."""

import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from shopwire import platforms
from shopwire.errors import PermanentFailure, RetryLater, Unreadable
from shopwire.message import Message
from shopwire.models import CartChange, Change, Delivery, Entity, Reason, Redaction, Shop, ShopRedaction, ViewChange
from shopwire.models.base import plausible
from shopwire.platforms.base import Platform
from shopwire.stores.entry import entity_key, key_hash

Clock = Callable[[], int]
"""Returns UTC milliseconds."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_MAX_REPEATED_EXTRA_MS = 900_000
_THROTTLED_MS = 1_000
LEASE_MARGIN_MS = 5_000
"""Milliseconds between the invocation's deadline and the expiry of its lease."""

OutcomeStatus = Literal["delivered", "queued", "duplicate", "stale", "unchanged", "superseded", "ignored", "parked"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery (docs/operate.md, "Outcomes").

    Args:
        details: what belongs to the reason, such as {"http_status": 503}: numbers and codes, nothing that a person
            wrote.
        sent: the types of the events that the API accepted.
    """

    status: OutcomeStatus
    reason: Reason | None = None
    details: Mapping[str, str | int] = field(default_factory=dict)
    sent: tuple[str, ...] = field(default=(), compare=False)


def adapter_of(message: Message, shop: Shop) -> Platform:
    """Return the platform adapter that parses the waiting webhook."""
    return platforms.get(message.platform or shop.platform)


def delivery_of(message: Message, shop: Shop) -> Delivery | None:
    """Parse the waiting webhook again, so that a corrected platform or mapper helps what waits.

    Returns:
        The delivery that the message is about; None if the webhook does not contain it any more.

    Raises:
        Unreadable: the body is not what the platform documents.
    """
    for delivery in adapter_of(message, shop).read(message.webhook, shop):
        if delivery.key == message.key or not message.key:
            return delivery
    return None


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of the installation (`environment.Settings` reads them).

    Args:
        direct_budget_ms: time from the gateway's request to the answer within which `webhook` sends.
        retry_base_ms: the first backoff.
        max_age_ms: how long a change may wait.
        new_order_ms: an order that is younger than this when it is first seen starts the workflows of a new order.
        jitter: returns a number between 0 and 1, for full-jitter backoff.
    """

    direct_budget_ms: int = 2_500
    retry_base_ms: int = 5_000
    max_age_ms: int = 3 * DAY_MS
    new_order_ms: int = DAY_MS
    jitter: Callable[[], float] = field(default=random.random)

    @property
    def copies_behind_ms(self) -> int:
        """How long after a change a platform's API may answer from a copy that is behind, we assume."""
        return 2 * self.retry_base_ms

    def age_limit_ms(self, kind: str) -> int:
        """Return how old (milliseconds since receipt) a change of an entity of this kind may be when it is sent."""
        limit = {"view": HOUR_MS, "cart": DAY_MS}.get(kind, self.max_age_ms)
        return min(limit, self.max_age_ms)

    def backoff_ms(self, tries: int, age_ms: int) -> int:
        """Return the full-jitter exponential backoff: at most 2 minutes in the first hour, then at most 15.

        Args:
            tries: the exponent: how often it was received or failed.
            age_ms: for how long it has waited.
        """
        longest = 120_000 if age_ms < HOUR_MS else 900_000
        return int(min(longest, self.retry_base_ms << min(tries, 16)) * self.jitter())

    def wait_ms(self, failure: RetryLater, tries: int, age_ms: int) -> int:
        """Return how long to wait before the next attempt of a change that failed for now. Args as for `backoff_ms`.

        The API throttles an account until the second is over. So its wait is exactly what the API asks for, otherwise 1
        to 2 seconds, and up to 16 while it goes on.

        A repeated request waits for the minute of the API. The API may begin its minute again with each repetition, so
        two orders with the same contact could keep each other waiting: the longer a change waits, the more it varies.
        """
        if failure.reason is Reason.API_THROTTLED:
            return failure.wait_ms or int((_THROTTLED_MS << min(tries, 3)) * (1 + self.jitter()))
        if failure.reason is Reason.API_REPEATED:
            return failure.wait_ms + int(min(age_ms, _MAX_REPEATED_EXTRA_MS) * self.jitter())
        return max(failure.wait_ms, self.backoff_ms(tries, age_ms))


@dataclass(frozen=True, slots=True)
class Task:
    """A delivery of a shop that is to be delivered to the API.

    Args:
        request_id: the id of the invocation. It is the holder of the lease.
        send_until: when the last response of the API must be in, UTC ms.
        lease_until: when the lease expires by itself, UTC ms: some seconds after the invocation's deadline.
        unanswered: digest of the request to which the previous attempt got no answer. 409 to it means that the API
            accepted it.
        fetched_at: when the state was fetched that a thin webhook announced, UTC ms; None for any other change.
    """

    shop: Shop
    message: Message
    delivery: Delivery
    request_id: str
    send_until: int
    lease_until: int
    unanswered: str | None = None
    fetched_at: int | None = None

    @property
    def change(self) -> Change:
        return self.delivery.change

    @property
    def entity(self) -> Entity:
        assert self.delivery.entity is not None  # only `Nothing` may have none, and it never becomes a task
        return self.delivery.entity

    @property
    def entity_key(self) -> str:
        return entity_key(self.shop.id, self.entity)

    @property
    def key(self) -> str:
        return key_hash(self.delivery.key)

    @property
    def version(self) -> int | None:
        """None for a fact: the clock of a carrier is not a version of the order."""
        version = self.change.version
        return None if version is None else plausible(version // 10, self.seen_at) * 10 + version % 10

    @property
    def is_ordered_by_receipt(self) -> bool:
        """Whether the body has no plausible version, so that the moment of receipt takes its place."""
        return self.version != self.change.version

    def settled_version(self, outcome: Outcome) -> int | None:
        """Return the version that the API has after this outcome; None if it has nothing of the change.

        An anonymous cart settles none, because the checkout that names its person may be older than the cart's last
        change. Neither does a cart that another contact's visitor sent: the owner's own change may be older. Neither
        does a change without a plausible version: the next one may have changed earlier than this one arrived.
        """
        if self.is_ordered_by_receipt:
            return None
        is_nobodys = outcome.reason in (Reason.ANONYMOUS, Reason.CART_OF_ANOTHER_CONTACT)
        return None if isinstance(self.change, CartChange) and is_nobodys else self.version

    @property
    def contact_cart(self) -> Entity | None:
        """The cart whose contact may be this change's: the cart that changed, or the visitor's cart."""
        token = self.change.cart_token if isinstance(self.change, CartChange | ViewChange) else None
        return Entity.of_cart(token) if token else None

    @property
    def is_anonymous(self) -> bool:
        """Whether it is a cart or a visit that names no person."""
        return isinstance(self.change, CartChange | ViewChange) and self.change.contact.key is None

    @property
    def received_at(self) -> int:
        return self.message.received_at

    @property
    def seen_at(self) -> int:
        """When the state was at hand, UTC ms. What changed later than that has no plausible time.

        A thin webhook may have waited for hours, and the state that is fetched then may be younger than the webhook.
        """
        return self.received_at if self.fetched_at is None else max(self.received_at, self.fetched_at)

    @property
    def is_erasure(self) -> bool:
        """Whether it is an erasure request. Its tombstones come before everything else."""
        return isinstance(self.change, Redaction | ShopRedaction)


Subject = tuple[str, Entity | None]
"""Topic and entity of a webhook that cannot be read."""

UNKNOWN: Subject = ("unreadable", None)


def subject_of(message: Message, platform: Platform) -> Subject:
    """Return what can be read of a verified webhook whose body is unreadable."""
    topic, entity = platform.subject(message.webhook)
    return (topic, entity) if platform.topic(topic) else UNKNOWN


def unreadable_failure(error: Unreadable) -> PermanentFailure:
    """Return why an unreadable body is parked, with what may be recorded of it: the field and the kind of problem."""
    return PermanentFailure(error.reason or Reason.UNREADABLE, field=error.field, problem=error.problem)


def bug_details(error: Exception) -> dict[str, str | int]:
    """Return what may be recorded of an unexpected error: its type and place. Its text may contain anything."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return {"error": f"{type(error).__name__} in {place.name}, line {place.lineno}"}
