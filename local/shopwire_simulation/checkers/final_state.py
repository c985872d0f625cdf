"""Checks the API's state at the end of a run against the reference model, one story at a time."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from shopwire_simulation.checkers.accepted_requests import CONTACT, EVENT, ORDERS
from shopwire_simulation.checkers.observations import AcceptedRequest, EntityKey, Violation
from shopwire_simulation.reference_model import ExpectedCart, differences, expected_state
from shopwire_testkit.announcements import Purchase, Story, cart_entity

_SAME_MOMENT_MS = 15_000
_IDENTITIES = ("email", "phone", "externalCustomerId")


class FinalStateChecker:
    """The API's state at the end, and the requests that led to it.

    Args:
        states: what the API holds, by shop.
        accepted: the accepted requests of each entity.
        uncertain: entities whose final state cannot be known.
    """

    def __init__(
        self,
        states: Mapping[str, Any],
        accepted: Mapping[EntityKey, list[AcceptedRequest]],
        uncertain: Collection[EntityKey],
    ) -> None:
        self._orders = {shop: state["orders"] for shop, state in states.items()}
        self._contacts = {shop: _Contacts(state["contacts"]) for shop, state in states.items()}
        self._accepted = accepted
        self._uncertain = uncertain

    def contacts(self, shop: str, identity: str) -> list[dict[str, Any]]:
        """Return the contacts that the API has under an identity in the account of a shop."""
        return self._contacts[shop].of(identity)

    def check(
        self, number: int, story: Story, accepted_ids: list[int], abandoned: Collection[EntityKey]
    ) -> Iterator[Violation]:
        """Yield what is wrong with a story if the announcements with these ids were accepted.

        Args:
            number: the number of the story.
            abandoned: entities with a parked change, or with a change that crashed half-way and was not repeated.
        """
        expected, shop = expected_state(story, accepted_ids), story.shop
        for order, params in expected.orders.items():
            entity, actual = f"order {order}", self._orders[shop].get(story.id_prefix + order)
            if (shop, entity) in abandoned or (shop, entity) in self._uncertain:
                continue
            if params is None:
                if actual is not None:
                    yield Violation("wrong_final_state", shop, entity, "must not exist", number)
            elif actual is None:
                yield Violation("lost", shop, entity, "the API never received it", number)
            elif different := differences(params, _flat(actual)):
                yield Violation("wrong_final_state", shop, entity, "; ".join(different), number)
        for wanted in expected.contacts:
            if not any(map(self._contacts[shop].has, self._allowed_contacts(story, wanted))) and not any(
                (shop, announcement.entity) in abandoned for announcement in story.announcements
            ):
                text = f"no contact has this {', '.join(sorted(wanted))}"
                yield Violation("lost", shop, "contact", text, number)
        yield from self._check_consents(number, story, expected.consents, abandoned)
        for identity in expected.absent_identities:
            if self._contacts[shop].has_identity(identity):
                yield Violation("wrong_final_state", shop, "contact", "must not exist", number)
        yield from self._check_carts(number, story, expected.carts, abandoned)

    def _check_consents(
        self, number: int, story: Story, consents: Mapping[str, bool], abandoned: Collection[EntityKey]
    ) -> Iterator[Violation]:
        """Check that a person who refused bulk messages gets none, and that one who agreed last is not unsubscribed."""
        if any((story.shop, announcement.entity) in abandoned for announcement in story.announcements):
            return
        for email, agrees in consents.items():
            for contact in self._contacts[story.shop].of(email):
                if not agrees and contact["confirmed"] and not contact["unsubscribed"]:
                    yield Violation("wrong_final_state", story.shop, "contact", "gets refused messages", number)
                if agrees and contact["unsubscribed"]:
                    yield Violation("wrong_final_state", story.shop, "contact", "is unsubscribed, but agreed", number)

    def _allowed_contacts(self, story: Story, wanted: dict[str, str]) -> Iterator[dict[str, str]]:
        """Yield the contact as wanted, and the other forms of it that a documented limit allows.

        An order, cart or visit may send the contact at the same moment as the customer's own webhook. If its invocation
        crashes before it learns of that webhook, not all fields are certain.
        """
        yield wanted
        by_others, by_customer = [], []
        for announcement in story.announcements:
            requests = self._accepted.get((story.shop, announcement.entity), ())
            if announcement.entity.startswith("contact "):
                by_customer += [request.at for request in requests]
            else:
                by_others += [request for request in requests if request.path == CONTACT]
        for request in by_others:
            # A crash after the request was sent: which data the API got last is unknown (docs/limits-and-cost.md).
            if request.may_be_repeated and any(abs(request.at - at) < _SAME_MOMENT_MS for at in by_customer):
                yield {name: value for name, value in wanted.items() if name not in ("firstName", "lastName")}
                for missing in ("email", "phone"):
                    yield {name: value for name, value in wanted.items() if name != missing}

    def _check_carts(
        self, number: int, story: Story, carts: Mapping[str, ExpectedCart], abandoned: Collection[EntityKey]
    ) -> Iterator[Violation]:
        bought_at = self._purchase_times(story)
        for token, cart in carts.items():
            entity = cart_entity(token)
            events = [request for request in self._accepted.get((story.shop, entity), ()) if request.path == EVENT]
            yield from self._check_state_ids(number, story.shop, entity, events)
            if token in bought_at and any(event.at > bought_at[token] for event in events):
                yield Violation("wrong_final_state", story.shop, entity, "sent after its purchase", number)
            if (story.shop, entity) in abandoned or not cart.certain:
                continue
            if cart.contact is None:
                if events:
                    text = "sent although its contact is unknown"
                    yield Violation("wrong_final_state", story.shop, entity, text, number)
            elif not events:
                yield Violation("lost", story.shop, entity, "the API never received it", number)
            elif _parse_products(events[-1]) != _comparable(cart.products):
                yield Violation("wrong_final_state", story.shop, entity, "another content was sent last", number)

    def _check_state_ids(
        self, number: int, shop: str, entity: str, events: list[AcceptedRequest]
    ) -> Iterator[Violation]:
        """Each change of a cart must have a recycleStateId of its own (eSputnik's page of the event)."""
        versions: dict[str, set[Any]] = defaultdict(set)
        for event in events:
            if event.announcement and (state_id := event.params.get("recycleStateId")):
                versions[state_id].add(event.announcement.version)
        if any(len(of_one_id) > 1 for of_one_id in versions.values()):
            yield Violation("wrong_final_state", shop, entity, "two changes have the same recycleStateId", number)

    def _purchase_times(self, story: Story) -> dict[str, int]:
        """Return when the API first got the order that was made from each cart."""
        found = {}
        for meaning in story.meanings.values():
            if isinstance(meaning, Purchase):
                requests = self._accepted.get((story.shop, f"order {meaning.state.order}"), ())
                times = [request.at for request in requests if request.path in (EVENT, ORDERS)]
                if times:
                    found[meaning.token] = min(times)
        return found


class _Contacts:
    """The contacts of one account, by their identities."""

    def __init__(self, contacts: list[dict[str, Any]]) -> None:
        self._by_identity: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for contact in contacts:
            for name in _IDENTITIES:
                if name in contact:
                    self._by_identity[contact[name]].append(contact)

    def has_identity(self, identity: str) -> bool:
        return bool(self._by_identity.get(identity))

    def of(self, identity: str) -> list[dict[str, Any]]:
        """Return the contacts with an identity."""
        return self._by_identity.get(identity, [])

    def has(self, wanted: dict[str, str]) -> bool:
        """Return True if a contact has all these fields."""
        identity = next((value for name, value in wanted.items() if name in _IDENTITIES), "")
        return any(wanted.items() <= contact.items() for contact in self._by_identity.get(identity, ()))


def _flat(order: Mapping[str, str]) -> dict[str, str]:
    """Return an order as its events carry it. v1/orders has what is no field of it in additionalInfo."""
    info = order.get("additionalInfo", "")
    return {**(json.loads(info) if info.startswith("{") else {}), **order}


def _parse_products(event: AcceptedRequest) -> list[Any]:
    return _comparable(json.loads(event.params.get("products", "[]")))


def _comparable(products: Any) -> list[Any]:
    return sorted(
        (str(product["productId"]), float(product["quantity"]), float(product["price"])) for product in products or ()
    )
