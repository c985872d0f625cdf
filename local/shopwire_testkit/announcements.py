"""The webhooks that simulated shops send, and what each webhook means.

The reference model of the simulation works from these meanings alone. Therefore nothing here imports the platforms, the
mapper or the delivery.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Version = tuple[int, int]
"""UTC milliseconds and rank."""


@dataclass(frozen=True, slots=True)
class PersonConsent:
    """Whether a person wants marketing messages by e-mail. `at` is in UTC milliseconds, 0 if no time is known.

    The latest consent counts. If `is_implied` is True, the person did not tick the box of one order, so that it counts
    only if the API has no contact of the person yet.
    """

    subscribed: bool
    at: int = 0
    is_implied: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A person whose e-mail is in lower case and whose phone is in international digits.

    `customer_id` is the platform's own id of the customer, behind the shop's `id_prefix`; a guest has none. A name is
    empty if the API has none. `consent` is what the webhook says of it; None if it says nothing.
    """

    email: str | None
    phone: str | None
    customer_id: str | None
    first_name: str
    last_name: str
    consent: PersonConsent | None = field(default=None, compare=False)

    @property
    def key(self) -> str | None:
        """The identity under which the API knows the person."""
        return self.email or self.phone or self.customer_id


@dataclass(frozen=True, slots=True)
class OrderState:
    """A snapshot of an order.

    `status` is None if the snapshot must not create an order in the API: it is a draft, a test order, too old, or has
    no contact. `params` are the event params that follow from the snapshot, without the status. `erased` is True if
    the shop has removed the personal data from the order.
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
    """A carrier delivered a parcel of an order. `tracking` are the params of it that the event must have."""

    order: str
    parcel: str
    tracking: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class OrderDeletion:
    """The shop deleted an order. `at` is in UTC milliseconds."""

    order: str
    at: int


@dataclass(frozen=True, slots=True)
class CustomerState:
    """A snapshot of a customer account. `staff` accounts belong to the shop's employees and are not contacts.

    `details` are other fields that the request to v1/contact must have: the language and the postal address.
    """

    customer: str
    version: Version
    person: Person
    staff: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """A customer gave or withdrew the consent. `person` has the address that the webhook names, the id and no names."""

    customer: str
    person: Person


@dataclass(frozen=True, slots=True)
class AccountDeletion:
    """A customer's account was deleted, in a shop that then deletes the contact too.

    `customer_id` is the id under which the API has the customer.
    """

    customer_id: str


@dataclass(frozen=True, slots=True)
class Comeback:
    """What the platform sends if an erased person comes back later.

    Args:
        topic: the topic of the registration.
        registration: returns the body of the person's registration at a virtual time (UTC milliseconds).
        next_request: the body of another erasure request for the same person, under the topic of the first one.
    """

    topic: str
    registration: Callable[[int], bytes]
    next_request: bytes


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure request for the person whom the API knows under all these identities, and for these orders."""

    identities: tuple[str, ...]
    orders: tuple[str, ...] = ()
    comeback: Comeback | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CartState:
    """A snapshot of a cart.

    `person` is set if the snapshot names its contact, as a checkout does. `completed` is True if the cart was bought
    before. `by_other_customer` is True if a visitor with another customer's token sent it. `params` are the currency
    and the link that its event must have.
    """

    token: str
    version: Version
    person: Person | None
    products: tuple[Mapping[str, Any], ...]
    completed: bool = False
    by_other_customer: bool = False
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Purchase:
    """A snapshot of an order that names the cart from which the order was made."""

    state: OrderState
    token: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A view, an addition to the wish list or a search in the browser, with the token of the visitor's cart.

    `person` is set if the shop's server signed the visitor's identity. It has only one address: e-mail or phone.
    `by_other_customer` is True if the token is another customer's. `event_type` and `params` are the event that the
    visit means, without the params that identify its contact. A param whose value is JSON is given parsed.
    """

    token: str
    person: Person | None
    by_other_customer: bool = False
    event_type: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


Meaning = (
    OrderState
    | Purchase
    | ParcelDelivered
    | OrderDeletion
    | CustomerState
    | ConsentChange
    | AccountDeletion
    | Erasure
    | CartState
    | Visit
)
"""What an announcement means. A signal, or a webhook of an unknown topic, has no meaning."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One webhook as the platform sends it, before the network delays, repeats or changes it.

    `at` is when the platform decides to send it (UTC milliseconds). `topic` is the platform's own word. `entity` names
    what the webhook is about: "order 42", `cart_entity`, "contact 7", "view 3", or "shop" if it is about none of these.
    `fact` is True if the webhook has no version. `storefront` is True if the browser sends it to the storefront's URL.
    `answers` are what the platform's API answers from now on, if webhooks carry no state: host and path -> body, None
    for what does not exist any more. If `thin` is True, the state is fetched, and `version` and the meaning are those
    of the state at this moment. If `silent` is True, no webhook is sent: only the API says it.
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
    answers: Mapping[str, bytes | None] = field(default_factory=dict, compare=False, repr=False)
    thin: bool = False
    silent: bool = False


def cart_entity(token: str) -> str:
    """Return the name of a cart's entity. The token itself is secret, because its holder speaks for the cart."""
    return f"cart {hashlib.sha256(token.encode()).hexdigest()[:16]}"


@dataclass(slots=True)
class Story:
    """Everything that one customer does in one shop. Stories share no data.

    `id_prefix` is what the API has in front of the ids of the shop's orders and customers. The meanings have the
    platform's own ids of orders and the API's ids of customers.

    `announcements` are in the order of time. `canaries` are all personal values in the story, and the tokens of its
    carts. They must not appear anywhere except at the API.
    """

    shop: str
    announcements: list[Announcement] = field(repr=False)
    canaries: frozenset[str] = field(repr=False)
    meanings: dict[int, Meaning] = field(repr=False)
    id_prefix: str = ""
