"""One change on its way: what it is, how much time there is, what may become of it. No effects here."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from shopwire import platforms
from shopwire.esputnik import Answer
from shopwire.message import Message
from shopwire.models import Delivery, Entity, Redaction, Shop, ShopRedaction
from shopwire.models.change import CartChange, ContactChange, OrderChange, ViewChange
from shopwire.stores.entry import entity_key
from shopwire.stores.ledger import key_hash

Clock = Callable[[], int]
"""UTC milliseconds."""

Notes = dict[str, Any]
"""What is learned of a change on its way: attributes of its entity's ledger entry."""

HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery, in the answer's words (README, "Operate"); `reason` is ours and holds nothing that a
    person wrote."""

    status: Literal["delivered", "queued", "duplicate", "stale", "unchanged", "superseded", "ignored", "parked"]
    reason: str | None = None


def platform_of(message: Message, shop: Shop) -> platforms.Platform:
    """The platform in whose language the waiting webhook is."""
    return platforms.get(message.platform or shop.platform)


def delivery_of(message: Message, shop: Shop) -> Delivery:
    """The delivery that the message is about, read anew: a corrected platform or mapper helps what waits.

    Raises:
        platforms.Unreadable.
    """
    for delivery in platform_of(message, shop).read(message.webhook, shop):
        if delivery.key == message.key or not message.key:
            return delivery
    raise platforms.Unreadable("the delivery is not in its webhook any more")


class Ignored(Exception):
    """Nothing is to be sent; the text is the counted reason."""


class NotNow(Exception):
    """Time can heal it. `answer` is the API's, where it was asked; `after` is milliseconds to wait at least."""

    def __init__(self, reason: str, *, answer: Answer | None = None, after: int = 0) -> None:
        super().__init__(reason)
        self.answer = answer
        self.after = after


class NeverThis(Exception):
    """No request can be made of it, or the API refuses it for good: to be parked; the text is the reason."""


class NotSeen(NeverThis):
    """A fact of an order that was never seen: noted, parked, applied when the order shows up."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The installation's settings (`environment.Settings` reads them). Times in milliseconds."""

    direct_budget: int = 2_500
    retry_base: int = 5_000
    max_age: int = 259_200_000
    new_order: int = 24 * HOUR
    jitter: Callable[[], float] = field(default=random.random)
    """A number between 0 and 1 for full-jitter backoff."""

    def age_limit(self, kind: str) -> int:
        """How old (milliseconds since receipt) a change of an entity of this kind may be when it is sent."""
        own = {"view": HOUR, "cart": 24 * HOUR}.get(kind, self.max_age)
        return min(own, self.max_age)

    def backoff(self, tries: int, age: int) -> int:
        """Milliseconds of full-jitter exponential backoff: at most 2 minutes in the first hour, then 15.

        Args:
            age: since when it waits, in milliseconds.
        """
        longest = 120_000 if age < HOUR else 900_000
        return int(min(longest, self.retry_base << min(tries, 16)) * self.jitter())


@dataclass(frozen=True, slots=True)
class Work:
    """A delivery of a shop to be carried to the API.

    `send_until`: when the last answer of the API must be in; `lease_until`: when the lease ends by itself, some seconds
    after the invocation can last (both UTC milliseconds). `owner` is the request id.
    """

    shop: Shop
    message: Message
    delivery: Delivery
    owner: str
    send_until: int
    lease_until: int

    @property
    def entity(self) -> Entity:
        assert self.delivery.entity is not None  # Nothing, which may have none, never becomes work
        return self.delivery.entity

    @property
    def entity_key(self) -> str:
        return entity_key(self.shop.id, self.entity)

    @property
    def key(self) -> str:
        return key_hash(self.delivery.key)

    @property
    def version(self) -> int | None:
        """None for a fact: a carrier's clock is no version."""
        change = self.delivery.change
        if isinstance(change, OrderChange | CartChange | ContactChange | ViewChange):
            return change.version
        return None

    def settles(self, outcome: Outcome) -> int | None:
        """The version that the API has after this outcome; None: it has none of it. An anonymous cart's is none: the
        checkout that names its person may be older than the cart's last change."""
        anonymous = isinstance(self.delivery.change, CartChange) and outcome == Outcome("ignored", "anonymous")
        return None if anonymous else self.version

    @property
    def cart(self) -> Entity | None:
        """The cart by which its person may be known: that which changed, or the visitor's."""
        match self.delivery.change:
            case CartChange(cart=cart):
                return Entity("cart", cart.token)
            case ViewChange(view=view) if view.cart_token:
                return Entity("cart", view.cart_token)
        return None

    @property
    def names_nobody(self) -> bool:
        """Whether it is a cart's change or a visit that does not say whose."""
        match self.delivery.change:
            case CartChange(cart=cart):
                return cart.contact.key is None
            case ViewChange(view=view):
                return view.contact.key is None
        return False

    @property
    def received_at(self) -> int:
        return self.message.received_at

    @property
    def forgets(self) -> bool:
        """Whether it is a wish to be forgotten: its tombstones come before everything else."""
        return isinstance(self.delivery.change, Redaction | ShopRedaction)
