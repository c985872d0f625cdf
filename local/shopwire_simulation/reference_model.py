"""The reference model says what the API must hold at the end of a run. It is written from the contract alone.

Nothing here may import or repeat the platforms, the mapper or the delivery, because they are checked against it. The
simulated shops say what each of their webhooks means. This module says what follows from those that were accepted.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from shopwire_testkit.announcements import (
    AccountDeletion,
    CartState,
    ConsentChange,
    CustomerState,
    Erasure,
    Meaning,
    OrderDeletion,
    OrderState,
    ParcelDelivered,
    Person,
    Purchase,
    Story,
    Visit,
)


@dataclass(frozen=True, slots=True)
class ExpectedCart:
    """What the API must have received about a cart.

    `contact` is None if nothing may be sent. `products` are those of the last cartUpdated, empty if the cart is empty.
    If `certain` is True, this holds in whatever order the webhooks arrive, unless the cart is older than its maximum
    age. Otherwise it holds only if they arrive in order and undisturbed. `products` is None if nothing is sent then.
    `announcement` is the id of the announcement from which the last cartUpdated follows.
    """

    contact: str | None
    products: list[Mapping[str, Any]] | None
    converted: bool
    certain: bool
    announcement: int | None


@dataclass(slots=True)
class ExpectedState:
    """What the API must hold if certain announcements of a story were accepted.

    `orders`: id -> the params that must hold (see `differences`), or None if the order must not exist. An order that is
    missing here may be in any state, because its person was erased. `contacts`: fields of contacts that must exist.
    `consents`: e-mail address -> whether its owner wants marketing messages, where the last word is known.
    `absent_identities`: identities that no contact may have. `statuses`: the statuses that an order's accepted
    snapshots and facts announced, in the order of their versions. `carts`: by token.
    """

    orders: dict[str, dict[str, str] | None] = field(default_factory=dict)
    contacts: list[dict[str, str]] = field(default_factory=list)
    consents: dict[str, bool] = field(default_factory=dict)
    absent_identities: list[str] = field(default_factory=list)
    carts: dict[str, ExpectedCart] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=dict)


Accepted = list[tuple[int, Meaning]]
"""Id and meaning of the accepted announcements of a story, in the order in which they were announced."""


def expected_state(story: Story, accepted_ids: Collection[int]) -> ExpectedState:
    """Return what the API must hold if the announcements with these ids were accepted."""
    ids = frozenset(accepted_ids)
    accepted = [(id, meaning) for id, meaning in story.meanings.items() if id in ids]
    expected = ExpectedState()
    erased = [identity for _, meaning in accepted if isinstance(meaning, Erasure) for identity in meaning.identities]
    staff = [
        meaning.person.email or "" for _, meaning in accepted if isinstance(meaning, CustomerState) and meaning.staff
    ]
    expected.absent_identities = list(dict.fromkeys(erased + staff))
    tokens = dict.fromkeys(meaning.token for _, meaning in accepted if isinstance(meaning, CartState))
    expected.carts = {token: _cart(accepted, token, erased=bool(erased)) for token in tokens}
    if erased:
        return expected
    last_states: list[OrderState] = []
    states = list(_order_states(accepted))
    for order in dict.fromkeys(meaning.order for meaning in _order_meanings(accepted)):
        versions = sorted((state for state in states if state.order == order), key=lambda state: state.version)
        if versions and versions[-1].erased:
            # If the erased snapshot arrived first, the earlier ones are stale. What the API received is unknown.
            continue
        if not versions or versions[-1].status is None:
            expected.orders[order] = None
            continue
        status = _status_with_facts(versions[-1], accepted)
        last_states.append(versions[-1])
        expected.orders[order] = dict(_order_params(versions[-1], accepted)) | {"status": status}
        announced = [state.status for state in versions if state.status] + [status]
        expected.statuses[order] = [value for n, value in enumerate(announced) if n == 0 or announced[n - 1] != value]
    expected.contacts = list(_contacts(accepted, last_states, expected.carts))
    expected.consents = dict(_consents(accepted))
    return expected


TRACKING = frozenset({"trackingNumber", "trackingUrl", "carrier"})
"""The params that say which parcel is shown."""


def shared_phones(story: Story) -> dict[str, frozenset[str]]:
    """Return the e-mail addresses of the persons who share each phone of a story.

    Left out are phones and addresses that a person of the story gave up or got later, because it is not certain whose
    contact had them at which time.
    """
    emails: dict[str, set[str]] = defaultdict(set)
    phones: dict[str, set[str]] = defaultdict(set)
    of_ids: dict[str, set[str]] = defaultdict(set)
    for person in _persons(list(story.meanings.items())):
        if person.email and person.phone:
            emails[person.phone].add(person.email)
            phones[person.email].add(person.phone)
        if person.email and person.customer_id:
            of_ids[person.customer_id].add(person.email)
    has_moved = any(len(of_id) > 1 for of_id in of_ids.values()) or any(len(own) > 1 for own in phones.values())
    return {} if has_moved else {phone: frozenset(owners) for phone, owners in emails.items() if len(owners) > 1}


# -- comparison


def differences(expected: Mapping[str, str], actual: Mapping[str, str]) -> list[str]:
    """Return the params that differ, with both values.

    Amounts are compared as numbers, dates as moments, and items as `have_fields_of` does.
    """
    return [
        f"{name}: {value!r} expected, {actual.get(name)!r} found"
        for name, value in expected.items()
        if not is_same_value(name, value, actual.get(name))
    ]


_AMOUNTS = frozenset({"totalCost", "taxes", "shipping", "discount", "fees", "duties", "tips", "refundedAmount"})
_NUMBERS = frozenset({"quantity", "cost", "price", "discount"})


def is_same_value(name: str, expected: str | None, actual: str | None) -> bool:
    """Return True if two values of a param say the same, as `differences` compares them."""
    if expected is None or actual is None:
        return False
    if name == "date":
        return datetime.fromisoformat(expected) == datetime.fromisoformat(actual)
    if name in _AMOUNTS:
        return Decimal(expected) == Decimal(actual)
    if name == "items":
        return have_fields_of(json.loads(expected), json.loads(actual, parse_float=Decimal))
    return expected == actual


def have_fields_of(expected: Iterable[Mapping[str, Any]], lines: Iterable[Mapping[str, Any]]) -> bool:
    """Return True if the lines of an order or a cart are the expected ones, with all fields that these have."""
    wanted, found = (sorted(map(_comparable, some), key=_sort_key) for some in (expected, lines))
    return len(wanted) == len(found) and all(
        line.items() <= other.items() for line, other in zip(wanted, found, strict=True)
    )


def _comparable(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Decimal(str(value)) if name in _NUMBERS else value for name, value in line.items()}


def _sort_key(line: Mapping[str, Any]) -> tuple[str, Decimal, Decimal]:
    id, price = line.get("externalItemId", line.get("productId")), line.get("cost", line.get("price"))
    return str(id), line.get("quantity", Decimal()), price or Decimal()


# -- orders


def _order_params(last: OrderState, accepted: Accepted) -> Iterator[tuple[str, str]]:
    """Yield the params of an order that must hold.

    The event of a fact goes to the contact that is known when the fact arrives. The customer's own webhooks, or earlier
    orders, may have given that contact another address. Then the address is not certain. It also says which parcel
    arrived, so of several parcels it is not certain which one the API shows.
    """
    known: list[Person] = []
    has_facts = any(
        not isinstance(meaning, OrderState) and meaning.order == last.order for meaning in _order_meanings(accepted)
    )
    if has_facts:
        known = [*_customers(accepted), *(state.person for state in _order_states(accepted) if state.person)]
    addresses = {"email": {person.email for person in known}, "phone": {person.phone for person in known}}
    uncertain = TRACKING if has_facts and len(last.parcels) > 1 else frozenset()
    for name, value in last.params.items():
        if name not in uncertain and not addresses.get(name, set()) - {value}:
            yield name, value


def _order_meanings(accepted: Accepted) -> Iterator[OrderState | ParcelDelivered | OrderDeletion]:
    for _, meaning in accepted:
        if isinstance(meaning, Purchase):
            yield meaning.state
        elif isinstance(meaning, OrderState | ParcelDelivered | OrderDeletion):
            yield meaning


def _order_states(accepted: Accepted) -> Iterator[OrderState]:
    return (meaning for meaning in _order_meanings(accepted) if isinstance(meaning, OrderState))


def _status_with_facts(last: OrderState, accepted: Accepted) -> str:
    assert last.status
    meanings = [meaning for meaning in _order_meanings(accepted) if meaning.order == last.order]
    if last.status == "CANCELLED":
        return last.status
    # A change after the deletion takes the deletion back, because a shop may restore an order.
    if any(isinstance(meaning, OrderDeletion) and last.version[0] <= meaning.at for meaning in meanings):
        return "CANCELLED"
    arrived = {meaning.parcel for meaning in meanings if isinstance(meaning, ParcelDelivered)}
    if last.wholly_shipped and all(delivered or parcel in arrived for parcel, delivered in last.parcels):
        return "DELIVERED"
    return last.status


# -- carts


def _cart(accepted: Accepted, token: str, *, erased: bool) -> ExpectedCart:
    about_cart = [
        (id, meaning)
        for id, meaning in accepted
        if isinstance(meaning, CartState | Purchase | Visit) and meaning.token == token
    ]
    snapshots = [(id, meaning) for id, meaning in about_cart if isinstance(meaning, CartState)]
    contacts = [
        meaning.person.key
        for _, meaning in about_cart
        if isinstance(meaning, CartState | Visit) and meaning.person and not meaning.by_other_customer
    ]
    bought = any(isinstance(meaning, Purchase) and meaning.state.status for _, meaning in about_cart)
    if not contacts:
        # If the checkout did not arrive, another customer with the cart's token may count as its contact.
        others = any(isinstance(meaning, CartState | Visit) and meaning.by_other_customer for _, meaning in about_cart)
        return ExpectedCart(None, None, bought, not others, None)
    # Of two snapshots with the same version, the later one shows the address that was typed meanwhile.
    last_id, last = max(reversed(snapshots), key=lambda snapshot: snapshot[1].version)
    if last.person and not last.by_other_customer and not last.completed and not bought and not erased:
        return ExpectedCart(last.person.key, list(last.products), False, True, last_id)
    # Only the changes after the checkout or visit that names the contact, and before the order, can be sent.
    person, products, sent_id = None, None, None
    for id, meaning in about_cart:
        if isinstance(meaning, Purchase):
            if meaning.state.status:
                break
            continue
        if meaning.by_other_customer:
            continue  # the checkout before it named the contact
        person = meaning.person or person
        if person and isinstance(meaning, CartState) and not meaning.completed:
            products, sent_id = list(meaning.products), id
    return ExpectedCart(contacts[-1], products, bought, False, sent_id)


# -- contacts


def _contacts(
    accepted: Accepted, last_states: Iterable[OrderState], carts: Mapping[str, ExpectedCart]
) -> Iterator[dict[str, str]]:
    customers = _last_customers(accepted)
    named = [state.person for state in _order_states(accepted) if state.person]
    named += [meaning.person for _, meaning in accepted if isinstance(meaning, CartState | Visit) and meaning.person]
    deleted = _deleted_accounts(accepted)
    for customer in customers.values():
        person = customer.person
        if person.customer_id in deleted:
            continue  # whether a later order restored the contact depends on the order in which they arrived
        # The customer may have bought as a guest with an earlier address. The API cannot know that both are one person,
        # so the guest's addresses may stay with the guest's contact.
        guests = [guest for guest in named if not guest.customer_id and guest.email != person.email]
        of_guests = {value for guest in guests for value in (guest.email, guest.phone)}
        names = {"firstName": person.first_name, "lastName": person.last_name}
        yield {name: value for name, value in _identities(person).items() if value not in of_guests} | {
            name: value for name, value in names.items() if value
        }
    keys = [state.person.key for state in last_states if state.person]
    certain_carts = [cart for cart in carts.values() if cart.certain and cart.products]
    keys += [cart.contact for cart in certain_carts if cart.contact]
    # What an earlier checkout says of the person is not sent if it arrives after a later change of the cart.
    last_ids = {cart.announcement for cart in certain_carts}
    last_changes = [meaning for id, meaning in accepted if id in last_ids]
    of_carts = [meaning.person for meaning in last_changes if isinstance(meaning, CartState) and meaning.person]
    own = [*_customers(accepted), *(meaning.person for _, meaning in accepted if isinstance(meaning, ConsentChange))]
    of_customers = {value for person in own for value in (person.email, person.phone, person.customer_id) if value}
    for key in dict.fromkeys(keys):
        # If the customer's own webhooks name the person too, they say what is certain.
        persons = [person for person in named if person.key == key]
        if any(of_customers & {person.email or person.phone, person.customer_id} for person in persons):
            continue
        if deleted.intersection(person.customer_id for person in persons):
            continue
        # Orders may name a customer by two addresses. Which of them the contact has depends on which was sent first.
        ids = {person.customer_id for person in persons if person.customer_id}
        if ids := ids.intersection(person.customer_id for person in named if person.key != key):
            yield from ({"externalCustomerId": id} for id in ids)
            continue
        # A guest who registers keeps the contact and gains the id: orders fill in what is missing, and replace nothing.
        # So what they say is certain if no webhook of the person says something else.
        sources = [state.person for state in last_states if state.person and state.person.key == key] or persons[:1]
        in_cart = [_identities(person) for person in of_carts if person.key == key]
        wanted = {
            name: value
            for person in sources
            for name, value in _identities(person).items()
            if all(_identities(other).get(name, value) == value for other in persons)
            and all(name in named_there for named_there in in_cart)
        }
        # Two persons with the same phone stay two contacts, and the phone belongs to one of them.
        others = [person for person in (*named, *_customers(accepted)) if person.key != key]
        of_others = {value for person in others for value in (person.phone, person.customer_id)}
        yield {name: value for name, value in wanted.items() if value == key or value not in of_others}


def _deleted_accounts(accepted: Accepted) -> set[str]:
    return {meaning.customer_id for _, meaning in accepted if isinstance(meaning, AccountDeletion)}


def _last_customers(accepted: Accepted) -> dict[str, CustomerState]:
    customers: dict[str, CustomerState] = {}
    for _, meaning in accepted:
        if (
            isinstance(meaning, CustomerState)
            and not meaning.staff
            and (meaning.person.email or meaning.person.phone)
            and (meaning.customer not in customers or meaning.version >= customers[meaning.customer].version)
        ):
            customers[meaning.customer] = meaning
    return customers


def _consents(accepted: Accepted) -> Iterator[tuple[str, bool]]:
    """Yield the last word of each customer about marketing messages, with the customer's present e-mail address.

    Of two words of the same moment the refusal counts. A customer who may have a second contact, as a guest with
    another address, is left out if the last word may be that contact's. So is a deleted account: what it said before
    says nothing if it arrives later, and a cart may have made a contact of its address.
    """
    deleted = _deleted_accounts(accepted)
    for state in _last_customers(accepted).values():
        if state.person.customer_id in deleted:
            continue
        words = [
            (person.consent.at, not person.consent.subscribed, person)
            for person in _persons(accepted)
            if person.consent and not person.consent.is_implied
        ]
        if not words or not state.person.email:
            continue
        _, refuses, person = max(words, key=lambda word: word[:2])
        if person.customer_id == state.person.customer_id or person.email == state.person.email:
            yield state.person.email, not refuses


def _persons(accepted: Accepted) -> Iterator[Person]:
    for _, meaning in accepted:
        state = meaning.state if isinstance(meaning, Purchase) else meaning
        person = getattr(state, "person", None)
        if isinstance(person, Person) and not getattr(meaning, "by_other_customer", False):
            yield person


def _customers(accepted: Accepted) -> Iterator[Person]:
    return (meaning.person for _, meaning in accepted if isinstance(meaning, CustomerState))


def _identities(person: Person) -> dict[str, str]:
    identities = {
        "email": person.email,
        "phone": person.phone,
        "externalCustomerId": person.customer_id,
    }
    return {name: value for name, value in identities.items() if value}
