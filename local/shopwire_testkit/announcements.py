"""What simulated shops announce: webhooks, and what each of them means.

The reference model of the simulation works from these meanings alone, so nothing here imports platforms, mapper or
delivery.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Version = tuple[int, int]
"""UTC milliseconds, rank."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, with clean addresses: e-mail lower-case, phone in international digits."""

    email: str | None
    phone: str | None
    customer_id: str | None
    first_name: str
    last_name: str

    @property
    def key(self) -> str | None:
        """What the API calls him by."""
        return self.email or self.phone or self.customer_id


@dataclass(frozen=True, slots=True)
class OrderState:
    """A snapshot of an order. `status` None: no order may follow from it (a draft, nobody's, too old, a test).

    `params`: what holds of it beyond its status. `erased`: the shop has taken the person out of it.
    """

    order: str
    version: Version
    status: str | None
    params: Mapping[str, str]
    person: Person | None
    parcels: tuple[tuple[str, bool], ...] = ()
    wholly_shipped: bool = False
    erased: bool = False


@dataclass(frozen=True, slots=True)
class ParcelDelivered:
    """A carrier brought a parcel of an order."""

    order: str
    parcel: str


@dataclass(frozen=True, slots=True)
class OrderGone:
    """The shop deleted an order at a time (UTC milliseconds)."""

    order: str
    at: int


@dataclass(frozen=True, slots=True)
class CustomerState:
    """A snapshot of a customer. `staff`: works for the shop, so is no contact."""

    customer: str
    version: Version
    person: Person
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A person is to be forgotten under all these identities."""

    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CartState:
    """A snapshot of a cart; `person` where it names one, as a checkout does. `over`: bought already."""

    token: str
    version: Version
    person: Person | None
    products: tuple[Mapping[str, Any], ...]
    over: bool = False


@dataclass(frozen=True, slots=True)
class Bought:
    """An order's snapshot that says which cart it came from."""

    state: OrderState
    token: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Something seen in the browser, with the cart's token. `person` where the shop's server signed for one: only his
    e-mail address, or his phone."""

    token: str
    person: Person | None


Meaning = OrderState | Bought | ParcelDelivered | OrderGone | CustomerState | Forgotten | CartState | Visit
"""What an announcement says. One that says nothing to us (a signal, an unknown topic) has no meaning."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One webhook that a platform sends, before what the way does to it.

    `at`: when the platform decides to send it (UTC milliseconds). `topic`: the platform's own word. `entity`: what it
    is about ("order 42", "cart ab12", "contact 7", "view 3"; "shop" for what concerns none). `fact`: without version.
    `storefront`: the browser sends it, to the storefront's URL.
    """

    id: int
    at: int
    shop: str
    topic: str
    body: bytes
    entity: str
    fact: bool
    version: Version | None
    storefront: bool = False


@dataclass(slots=True)
class Story:
    """One customer's life in one shop. Stories share nothing.

    `announcements` in the order of time. `canaries`: every personal value in it, which must be seen nowhere but at
    the API.
    """

    shop: str
    announcements: list[Announcement] = field(repr=False)
    canaries: frozenset[str] = field(repr=False)
    meanings: dict[int, Meaning] = field(repr=False)
