"""What a webhook means: a snapshot, a fact, a signal, and the delivery that names it.

A *snapshot* is a whole entity with a version (OrderChange, CartChange, ContactChange); a *fact* only ever becomes
true and has no version (ParcelArrived, OrderDeleted, Redaction); a *signal* says that something changed, not what
(Nothing, with that reason, where the platform's other webhooks bring the state).
"""

from dataclasses import dataclass, field
from typing import Literal

from shopwire.models.base import milliseconds
from shopwire.models.cart import Cart
from shopwire.models.contact import Contact
from shopwire.models.order import Order, Parcel
from shopwire.models.view import View


@dataclass(frozen=True, slots=True)
class Entity:
    """What a change is about. Changes of one entity are delivered in order, those of two never wait for each other."""

    kind: Literal["order", "cart", "contact", "view", "shop"]
    id: str


@dataclass(frozen=True, slots=True)
class OrderChange:
    """Snapshot of an order."""

    order: Order

    @property
    def entity(self) -> Entity:
        return Entity("order", self.order.id)

    @property
    def version(self) -> int:
        # One number that orders (milliseconds, rank): ranks are single digits.
        return milliseconds(self.order.updated_at) * 10 + self.order.rank


@dataclass(frozen=True, slots=True)
class CartChange:
    """Snapshot of a cart."""

    cart: Cart

    @property
    def entity(self) -> Entity:
        return Entity("cart", self.cart.token)

    @property
    def version(self) -> int:
        return milliseconds(self.cart.updated_at) * 10


@dataclass(frozen=True, slots=True)
class ContactChange:
    """Snapshot of a customer. `updated_at` and `created_at` are UTC milliseconds."""

    contact: Contact
    id: str
    updated_at: int
    created_at: int | None = None

    @property
    def entity(self) -> Entity:
        return Entity("contact", self.id)

    @property
    def version(self) -> int:
        return self.updated_at * 10


@dataclass(frozen=True, slots=True)
class ViewChange:
    """A page, product or category seen. `id` names the one visit."""

    view: View
    id: str

    @property
    def entity(self) -> Entity:
        return Entity("view", self.id)

    @property
    def version(self) -> int:
        return milliseconds(self.view.seen_at) * 10


@dataclass(frozen=True, slots=True)
class ParcelArrived:
    """Fact: a carrier delivered one parcel of an order."""

    order_id: str
    parcel: Parcel

    @property
    def entity(self) -> Entity:
        return Entity("order", self.order_id)


@dataclass(frozen=True, slots=True)
class OrderDeleted:
    """Fact: the shop deleted the order."""

    order_id: str

    @property
    def entity(self) -> Entity:
        return Entity("order", self.order_id)


@dataclass(frozen=True, slots=True)
class Redaction:
    """Fact: a person is to be forgotten, with the orders that the platform lists."""

    contact: Contact
    id: str
    order_ids: tuple[str, ...] = field(default=())

    @property
    def entity(self) -> Entity:
        return Entity("contact", self.id)


@dataclass(frozen=True, slots=True)
class ShopRedaction:
    """Fact: everything kept for the shop is to be forgotten."""

    @property
    def entity(self) -> Entity:
        return Entity("shop", "shop")


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to send, and why: a signal, a draft, a topic that no event follows from."""

    reason: str
    entity: Entity | None = None


Snapshot = OrderChange | CartChange | ContactChange | ViewChange
Fact = ParcelArrived | OrderDeleted | Redaction | ShopRedaction
Change = Snapshot | Fact | Nothing


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a platform: its topic, the key by which its duplicates are known, and what it means."""

    topic: str
    key: str
    change: Change

    @property
    def entity(self) -> Entity | None:
        return self.change.entity
