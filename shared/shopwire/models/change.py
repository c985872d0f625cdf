"""What a webhook means: a snapshot, a fact or a signal, and the delivery that carries it.

A *snapshot* is a whole entity with a version. A *fact* is a one-way milestone without a version. A *signal* says that
something changed, but not what: it becomes `Nothing` if another webhook of the platform brings the state, and a
`ThinChange` if the state must be fetched.

Every change has the same four attributes, so that other code needs no branches on its type: `entity`, `version`,
`contact` (NOBODY if it names none) and `cart_token`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, get_args

from shopwire.models.base import milliseconds
from shopwire.models.cart import Cart
from shopwire.models.contact import NOBODY, Contact
from shopwire.models.order import Order, Parcel
from shopwire.models.reason import Reason
from shopwire.models.view import View

EntityKind = Literal["order", "cart", "contact", "view", "shop"]


@dataclass(frozen=True, slots=True)
class Entity:
    """What a change is about. Changes of one entity are delivered in order; those of two never wait for each other."""

    kind: EntityKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @classmethod
    def of_cart(cls, token: str) -> Self:
        """Return the cart with this token, named by the first 16 hex digits of the token's SHA-256.

        A caller with the token speaks for the cart, so the token must not be in a log line or a key.
        """
        return cls("cart", hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()[:16])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the entity that `str` wrote.

        Raises:
            ValueError: the text names no entity.
        """
        kind, _, id = text.partition(" ")
        if kind not in get_args(EntityKind) or not id:
            raise ValueError("not an entity")
        return cls(kind, id)  # type: ignore[arg-type]  # checked above


@dataclass(frozen=True, slots=True)
class OrderChange:
    """Snapshot of an order."""

    order: Order

    @property
    def entity(self) -> Entity:
        return Entity("order", self.order.id)

    @property
    def version(self) -> int:
        # (milliseconds, rank) as one number. Ranks are single digits.
        return milliseconds(self.order.updated_at) * 10 + self.order.rank

    @property
    def contact(self) -> Contact:
        return self.order.contact

    @property
    def cart_token(self) -> str | None:
        return self.order.cart_token


@dataclass(frozen=True, slots=True)
class CartChange:
    """Snapshot of a cart. `by_visitor`: a visitor's browser sent it, not the platform."""

    cart: Cart
    by_visitor: bool = False

    @property
    def entity(self) -> Entity:
        return Entity.of_cart(self.cart.token)

    @property
    def version(self) -> int:
        return milliseconds(self.cart.updated_at) * 10

    @property
    def contact(self) -> Contact:
        return self.cart.contact

    @property
    def cart_token(self) -> str:
        return self.cart.token


@dataclass(frozen=True, slots=True)
class ContactChange:
    """Snapshot of a customer, or only the customer's consent. `updated_at` and `created_at` are UTC milliseconds.

    If the webhook says nothing but the consent, `updated_at` is None. Such a change has no version: it is neither older
    nor newer than the customer's own webhooks, and the time of the consent decides whether it still counts. It
    completes what is recorded of the contact, and replaces nothing of it.
    """

    contact: Contact
    id: str
    updated_at: int | None
    created_at: int | None = None
    cart_token: ClassVar[None] = None

    @property
    def entity(self) -> Entity:
        return Entity("contact", self.id)

    @property
    def version(self) -> int | None:
        return None if self.updated_at is None else self.updated_at * 10

    def is_before_deletion(self, deleted_at: int | None) -> bool:
        """Return whether the account was deleted later than this change (UTC ms; None: it was not deleted).

        A change of the consent alone has no time of the account, so it counts as earlier.
        """
        return deleted_at is not None and (self.updated_at is None or self.updated_at <= deleted_at)


@dataclass(frozen=True, slots=True)
class ViewChange:
    """A view, an addition to the wish list, or a search. `id` names this one visit."""

    view: View
    id: str

    @property
    def entity(self) -> Entity:
        return Entity("view", self.id)

    @property
    def version(self) -> int:
        return milliseconds(self.view.seen_at) * 10

    @property
    def contact(self) -> Contact:
        return self.view.contact

    @property
    def cart_token(self) -> str | None:
        return self.view.cart_token


@dataclass(frozen=True, slots=True)
class ParcelArrived:
    """Fact: a carrier delivered one parcel of an order."""

    order_id: str
    parcel: Parcel
    version: ClassVar[None] = None
    contact: ClassVar[Contact] = NOBODY
    cart_token: ClassVar[None] = None

    @property
    def entity(self) -> Entity:
        return Entity("order", self.order_id)


@dataclass(frozen=True, slots=True)
class OrderDeleted:
    """Fact: the shop deleted the order."""

    order_id: str
    version: ClassVar[None] = None
    contact: ClassVar[Contact] = NOBODY
    cart_token: ClassVar[None] = None

    @property
    def entity(self) -> Entity:
        return Entity("order", self.order_id)


@dataclass(frozen=True, slots=True)
class OrderSkipped:
    """Fact: an order exists that is not sent: a draft, one with a status that the shop ignores, a part of another one.

    If it is sent later, it is new on that day, however old it is.
    """

    order_id: str
    reason: Reason
    version: ClassVar[None] = None
    contact: ClassVar[Contact] = NOBODY
    cart_token: ClassVar[None] = None

    @property
    def entity(self) -> Entity:
        return Entity("order", self.order_id)


@dataclass(frozen=True, slots=True)
class AccountDeleted:
    """Fact: a customer's account was deleted, which is not an erasure request. `id` is the platform's customer id."""

    id: str
    version: ClassVar[None] = None
    contact: ClassVar[Contact] = NOBODY
    cart_token: ClassVar[None] = None

    @property
    def entity(self) -> Entity:
        return Entity("contact", self.id)


@dataclass(frozen=True, slots=True)
class Redaction:
    """Fact: a person must be erased, together with the orders that the platform lists."""

    contact: Contact
    id: str
    order_ids: tuple[str, ...] = ()
    version: ClassVar[None] = None
    cart_token: ClassVar[None] = None

    @property
    def entity(self) -> Entity:
        return Entity("contact", self.id)


@dataclass(frozen=True, slots=True)
class ShopRedaction:
    """Fact: everything that is stored for the shop must be erased."""

    version: ClassVar[None] = None
    contact: ClassVar[Contact] = NOBODY
    cart_token: ClassVar[None] = None

    @property
    def entity(self) -> Entity:
        return Entity("shop", "shop")


@dataclass(frozen=True, slots=True)
class ThinChange:
    """Signal: an entity changed, and its state must be fetched from the platform's API (`Platform.fetch`).

    It has no version, because whatever is fetched later is newer.

    Args:
        topic: the topic of the webhook.
        announced_at: when it changed, as the webhook says, UTC ms.
        ids: what `Platform.fetch` needs to know of the body, such as {"order": "118"}.
    """

    entity: Entity
    topic: str
    announced_at: int
    ids: Mapping[str, str] = field(default_factory=dict)
    version: ClassVar[None] = None
    contact: ClassVar[Contact] = NOBODY
    cart_token: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """No API request follows: a signal, a draft, an unused topic.

    `details` belongs to the reason: codes and numbers, nothing that a person wrote.
    """

    reason: Reason
    entity: Entity | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    version: ClassVar[None] = None
    contact: ClassVar[Contact] = NOBODY
    cart_token: ClassVar[None] = None


Snapshot = OrderChange | CartChange | ContactChange | ViewChange
Fact = ParcelArrived | OrderDeleted | OrderSkipped | AccountDeleted | Redaction | ShopRedaction
Change = Snapshot | Fact | ThinChange | Nothing
DESTRUCTIVE = (OrderDeleted, AccountDeleted, Redaction, ShopRedaction)
"""Changes that delete or erase something. A topic that may become one of them says so (`platforms.base.Topic`)."""


_is_topic = re.compile(r"[A-Za-z0-9_./-]{1,100}").fullmatch


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a platform: its topic, the key by which its duplicates are recognised, and what it means.

    Most platforms do not sign the topic, and it is written to logs. Text that is no topic's name becomes "invalid".
    """

    topic: str
    key: str
    change: Change

    def __post_init__(self) -> None:
        if not _is_topic(self.topic):
            object.__setattr__(self, "topic", "invalid")

    @property
    def entity(self) -> Entity | None:
        return self.change.entity
