"""What the API must hold in the end: a reference model, written from the contract alone.

Nothing in here may import or repeat the platforms, the mapper or the delivery: it is what they are judged by. The
simulated shops say what each of their webhooks means; this file says what follows from those that were accepted.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from shopwire_testkit.announcements import (
    Bought,
    CartState,
    CustomerState,
    Forgotten,
    Meaning,
    OrderGone,
    OrderState,
    ParcelDelivered,
    Person,
    Story,
    Visit,
)


@dataclass(frozen=True, slots=True)
class CartExpected:
    """What the API was told of a cart.

    `contact` None: nothing may be sent. `products`: of the last cartUpdated (empty: the cart is). `firm`: holds in
    whatever order things came (but not past a cart's max age, counted from the announcement `by`); otherwise only where
    they came undisturbed, and products is None where nothing is sent then.
    """

    contact: str | None
    products: list[Mapping[str, Any]] | None
    converted: bool
    firm: bool
    by: int | None


@dataclass(slots=True)
class Expected:
    """What the API must hold, given which announcements were at last answered 2xx.

    `orders`: id -> params that must hold (see `differences`), None: must not be there; an order that is not named may
    be in any state (its person was forgotten). `contacts`: fields of contacts that must exist. `gone`: identities that
    must not exist. `statuses`: what an order's accepted snapshots and facts announced, in version order.
    """

    orders: dict[str, dict[str, str] | None] = field(default_factory=dict)
    contacts: list[dict[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    carts: dict[str, CartExpected] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=dict)


def expected_state(story: Story, accepted: Collection[int]) -> Expected:
    """What the API must hold when these announcements (by id) were accepted."""
    ids = frozenset(accepted)
    return _expected([(id, meaning) for id, meaning in story.meanings.items() if id in ids])


def differences(expected: Mapping[str, str], actual: Mapping[str, str]) -> list[str]:
    """The params that do not hold, with both values: amounts by value, dates by instant, items by what they say."""
    return [
        f"{name}: {value!r} expected, {actual.get(name)!r} found"
        for name, value in expected.items()
        if not _same(name, value, actual.get(name))
    ]


_AMOUNTS = frozenset({"totalCost", "taxes", "shipping", "refundedAmount"})


def _same(name: str, expected: str, actual: str | None) -> bool:
    if actual is None:
        return False
    if name == "date":
        return datetime.fromisoformat(expected) == datetime.fromisoformat(actual)
    if name in _AMOUNTS:
        return Decimal(expected) == Decimal(actual)
    if name == "items":
        return bought(expected) == bought(actual)
    return expected == actual


def bought(items: str) -> list[tuple[str, Decimal, Decimal]]:
    """What `items` says: id, quantity and cost of each line."""
    lines = json.loads(items, parse_float=Decimal)
    return sorted((line["externalItemId"], Decimal(line["quantity"]), Decimal(line["cost"])) for line in lines)


Heard = list[tuple[int, Meaning]]


def _expected(heard: Heard) -> Expected:
    expected = Expected()
    forgotten = [identity for _, one in heard if isinstance(one, Forgotten) for identity in one.identities]
    staff = [one.person.email or "" for _, one in heard if isinstance(one, CustomerState) and one.staff]
    expected.gone = list(dict.fromkeys(forgotten + staff))
    for token in dict.fromkeys(_tokens(heard)):
        expected.carts[token] = _cart(heard, token, forgotten=bool(forgotten))
    if forgotten:
        return expected
    final: list[OrderState] = []
    states = list(_order_states(heard))
    for order in dict.fromkeys(one.order for one in _of_orders(heard)):
        versions = sorted((one for one in states if one.order == order), key=lambda one: one.version)
        if versions and versions[-1].erased:
            # Where the erased snapshot came first, the earlier ones are stale: nobody can say what the API took.
            continue
        if not versions or versions[-1].status is None:
            expected.orders[order] = None
            continue
        status = _with_facts(versions[-1], heard)
        final.append(versions[-1])
        expected.orders[order] = dict(_params(versions[-1], heard)) | {"status": status}
        announced = [one.status for one in versions if one.status] + [status]
        expected.statuses[order] = [one for n, one in enumerate(announced) if n == 0 or announced[n - 1] != one]
    expected.contacts = list(_contacts(heard, final, expected.carts))
    return expected


def _params(last: OrderState, heard: Heard) -> Iterator[tuple[str, str]]:
    """What must hold of an order. A fact goes to the person as he is on record when it comes: his own webhooks, or
    earlier orders, may have named another address."""
    known: list[Person] = []
    if any(one.order == last.order for one in _facts(heard)):
        known = [*_customers(heard), *(one.person for one in _order_states(heard) if one.person)]
    addresses = {"email": {one.email for one in known}, "phone": {one.phone for one in known}}
    for name, value in last.params.items():
        if not addresses.get(name, set()) - {value}:
            yield name, value


def _facts(heard: Heard) -> Iterator[ParcelDelivered | OrderGone]:
    return (one for one in _of_orders(heard) if not isinstance(one, OrderState))


def _of_orders(heard: Heard) -> Iterator[OrderState | ParcelDelivered | OrderGone]:
    for _, one in heard:
        if isinstance(one, Bought):
            yield one.state
        elif isinstance(one, OrderState | ParcelDelivered | OrderGone):
            yield one


def _order_states(heard: Heard) -> Iterator[OrderState]:
    return (one for one in _of_orders(heard) if isinstance(one, OrderState))


def _with_facts(last: OrderState, heard: Heard) -> str:
    assert last.status
    facts = [one for one in _of_orders(heard) if one.order == last.order]
    if last.status == "CANCELLED":
        return last.status
    # What was changed after the deletion (a shop may restore an order) is not deleted any more.
    if any(isinstance(one, OrderGone) and last.version[0] <= one.at for one in facts):
        return "CANCELLED"
    arrived = {one.parcel for one in facts if isinstance(one, ParcelDelivered)}
    if last.wholly_shipped and all(delivered or parcel in arrived for parcel, delivered in last.parcels):
        return "DELIVERED"
    return last.status


def _tokens(heard: Heard) -> Iterator[str]:
    return (one.token for _, one in heard if isinstance(one, CartState))


def _cart(heard: Heard, token: str, *, forgotten: bool) -> CartExpected:
    said = [(id, one) for id, one in heard if isinstance(one, CartState | Bought | Visit) and one.token == token]
    snapshots = [(id, one) for id, one in said if isinstance(one, CartState)]
    named = [one.person.key for _, one in said if isinstance(one, CartState | Visit) and one.person]
    bought = any(isinstance(one, Bought) and one.state.status for _, one in said)
    if not named:
        return CartExpected(None, None, bought, True, None)
    by, last = max(snapshots, key=lambda one: one[1].version)
    if last.person and not last.over and not bought and not forgotten:
        return CartExpected(last.person.key, list(last.products), False, True, by)
    # The person is only known to what comes after the checkout or visit that names him, and before the order.
    person, told, number = None, None, None
    for id, one in said:
        if isinstance(one, Bought):
            if one.state.status:
                break
            continue
        person = one.person or person
        if person and isinstance(one, CartState) and not one.over:
            told, number = list(one.products), id
    return CartExpected(named[-1], told, bought, False, number)


def _contacts(heard: Heard, final: Iterable[OrderState], carts: Mapping[str, CartExpected]) -> Iterator[dict[str, str]]:
    customers: dict[str, CustomerState] = {}
    for _, one in heard:
        if (
            isinstance(one, CustomerState)
            and not one.staff
            and (one.person.email or one.person.phone)
            and (one.customer not in customers or one.version >= customers[one.customer].version)
        ):
            customers[one.customer] = one
    named = [one.person for one in _order_states(heard) if one.person]
    named += [one.person for _, one in heard if isinstance(one, CartState | Visit) and one.person]
    for customer in customers.values():
        person = customer.person
        # He may have bought as a guest under an earlier address: nobody can tell that it was he, so what that guest
        # gave may stay that guest's.
        guests = [one for one in named if not one.customer_id and one.email != person.email]
        taken = {value for one in guests for value in (one.email, one.phone)}
        yield {name: value for name, value in _address(person).items() if value not in taken} | {
            "firstName": person.first_name,
            "lastName": person.last_name,
        }
    keys = [one.person.key for one in final if one.person]
    keys += [one.contact for one in carts.values() if one.firm and one.products]
    own = {value for one in _customers(heard) for value in (one.email, one.phone, one.customer_id) if value}
    for key in dict.fromkeys(keys):
        # Whoever came first made the contact: sure is only what all say of him, and that only where the customer's own
        # webhooks say nothing of him (how the API merges two contacts that share a phone is its own affair).
        says = [one for one in named if one.key == key]
        if not any(own & {one.email, one.phone, one.customer_id} for one in says):
            yield dict(set.intersection(*(set(_address(one).items()) for one in says)))


def _customers(heard: Heard) -> Iterator[Person]:
    return (one.person for _, one in heard if isinstance(one, CustomerState))


def _address(person: Person) -> dict[str, str]:
    address = {
        "email": person.email,
        "phone": person.phone,
        "externalCustomerId": person.customer_id or person.key,
    }
    return {name: value for name, value in address.items() if value}
