"""What must hold of the API in the end: that it is where the simulated shops are. Judges one story at a time, against
the truth of what was accepted of it.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from shopwire_simulation import reference_model
from shopwire_simulation.checkers.evidence import Taken, Violation
from shopwire_simulation.reference_model import differences
from shopwire_testkit.announcements import Bought, Story

_MOMENT = 15_000

Entity = tuple[str, str]
"""Shop and entity."""


class FinalState:
    """The API's end state, beside what it took on the way.

    Args:
        states: what the API holds, by shop.
        open_to_doubt: entities whose end nobody can know.
    """

    def __init__(
        self, states: Mapping[str, Any], taken: Mapping[Entity, list[Taken]], open_to_doubt: Collection[Entity]
    ) -> None:
        self._orders = {shop: state["orders"] for shop, state in states.items()}
        self._contacts = {shop: _Contacts(state["contacts"]) for shop, state in states.items()}
        self._taken = taken
        self._missed = open_to_doubt

    def problems(self, n: int, story: Story, accepted: list[int], given_up: Collection[Entity]) -> Iterator[Violation]:
        """What is wrong with a story's entities, given which of its announcements were accepted; `given_up`: what was
        parked, or died half done."""
        expected, shop = reference_model.expected_state(story, accepted), story.shop
        for order, params in expected.orders.items():
            entity, actual = f"order {order}", self._orders[shop].get(order)
            if (shop, entity) in given_up or (shop, entity) in self._missed:
                continue
            if params is None:
                if actual is not None:
                    yield Violation("wrong_final_state", shop, entity, "must not be there", n)
            elif actual is None:
                yield Violation("lost", shop, entity, "the API never heard of it", n)
            elif wrong := differences(params, actual):
                yield Violation("wrong_final_state", shop, entity, "; ".join(wrong), n)
        for wanted in expected.contacts:
            if not any(map(self._contacts[shop].has, self._acceptable(story, wanted))) and not any(
                (shop, one.entity) in given_up for one in story.announcements
            ):
                yield Violation("lost", shop, "contact", f"none with {', '.join(sorted(wanted))}", n)
        for identity in expected.gone:
            if self._contacts[shop].names(identity):
                yield Violation("wrong_final_state", shop, "contact", "was to be forgotten", n)
        yield from self._cart_problems(n, story, expected.carts, given_up)

    def _acceptable(self, story: Story, wanted: dict[str, str]) -> Iterator[dict[str, str]]:
        """A customer as wanted; where something else introduced him at the same moment as his own webhook, and died or
        could not note it before it had put that right, not all of it is firm."""
        yield wanted
        others, own = [], []
        for announcement in story.announcements:
            taken = self._taken.get((story.shop, announcement.entity), ())
            if announcement.entity.startswith("contact "):
                own += [one.at for one in taken]
            else:
                others += [one for one in taken if one.path == "POST v1/contact"]
        for one in others:
            together = any(abs(one.at - at) < _MOMENT for at in own)
            if together:
                # Whose name came last is anybody's guess (README, "Limits").
                yield {name: value for name, value in wanted.items() if name not in ("firstName", "lastName")}
            if one.excused:
                yield wanted | {"externalCustomerId": wanted.get("email") or wanted.get("phone") or ""}
                for name in ("email", "phone") if together else ():
                    yield {other: value for other, value in wanted.items() if other != name}

    def _cart_problems(self, n: int, story: Story, carts: Any, given_up: Collection[Entity]) -> Iterator[Violation]:
        bought_at = self._purchases(story)
        for token, cart in carts.items():
            entity = f"cart {token}"
            told = [one for one in self._taken.get((story.shop, entity), ()) if one.path == "POST v1/event"]
            yield from self._recycled(n, story.shop, entity, told)
            if token in bought_at and any(one.at > bought_at[token] for one in told):
                yield Violation("wrong_final_state", story.shop, entity, "sent after its purchase", n)
            if (story.shop, entity) in given_up or not cart.firm:
                continue
            if cart.contact is None:
                if told:
                    yield Violation("wrong_final_state", story.shop, entity, "nobody's cart was sent", n)
            elif not told:
                yield Violation("lost", story.shop, entity, "the API never heard of it", n)
            elif _products(told[-1]) != _plain(cart.products):
                yield Violation("wrong_final_state", story.shop, entity, "another content was sent last", n)

    def _recycled(self, n: int, shop: str, entity: str, told: list[Taken]) -> Iterator[Violation]:
        """Each change of a cart carries a recycleStateId of its own (the vendor's page)."""
        versions: dict[str, set[Any]] = defaultdict(set)
        for one in told:
            if one.announcement and (state := one.params.get("recycleStateId")):
                versions[state].add(one.announcement.version)
        if any(len(of_one) > 1 for of_one in versions.values()):
            yield Violation("wrong_final_state", shop, entity, "two changes with one recycleStateId", n)

    def _purchases(self, story: Story) -> dict[str, int]:
        found = {}
        for meaning in story.meanings.values():
            if isinstance(meaning, Bought):
                told = self._taken.get((story.shop, f"order {meaning.state.order}"), ())
                events = [one.at for one in told if one.path == "POST v1/event"]
                if events:
                    found[meaning.token] = min(events)
        return found


class _Contacts:
    def __init__(self, contacts: list[dict[str, Any]]) -> None:
        self._by: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for contact in contacts:
            for name in ("email", "phone", "externalCustomerId"):
                if name in contact:
                    self._by[contact[name]].append(contact)

    def names(self, identity: str) -> bool:
        return bool(self._by.get(identity))

    def has(self, wanted: dict[str, str]) -> bool:
        some = next(
            iter(value for name, value in wanted.items() if name in ("email", "phone", "externalCustomerId")), ""
        )
        return any(wanted.items() <= contact.items() for contact in self._by.get(some, ()))


def _products(one: Taken) -> list[Any]:
    return _plain(json.loads(one.params.get("products", "[]")))


def _plain(products: Any) -> list[Any]:
    return sorted((str(one["productId"]), float(one["quantity"]), float(one["price"])) for one in products or ())
