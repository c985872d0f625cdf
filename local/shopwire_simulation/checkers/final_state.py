"""Checks the API's state at the end of a run against the reference model, one story at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from shopwire_simulation.checkers.accepted_requests import CONTACT, EVENT, ORDERS
from shopwire_simulation.checkers.carts import sent_products
from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.identities import persons
from shopwire_simulation.checkers.observations import AcceptedRequest, EntityKey, Violation
from shopwire_simulation.checkers.order_events import flat_order
from shopwire_simulation.reference_model import ExpectedCart, ExpectedState, differences, have_fields_of
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
        excuses: ExcuseCounter,
    ) -> None:
        self._orders = {shop: state["orders"] for shop, state in states.items()}
        self._contacts = {shop: _Contacts(state["contacts"]) for shop, state in states.items()}
        self._accepted = accepted
        self._uncertain = uncertain
        self._excuses = excuses

    def contacts(self, shop: str, identity: str) -> list[dict[str, Any]]:
        """Return the contacts that the API has under an identity in the account of a shop."""
        return self._contacts[shop].of(identity)

    def check(
        self, number: int, story: Story, expected: ExpectedState, abandoned: Mapping[EntityKey, str]
    ) -> Iterator[Violation]:
        """Yield what is wrong with a story.

        Args:
            number: the number of the story.
            expected: what the API must hold of it.
            abandoned: entities with a parked change, or with a change that crashed half-way and was not repeated; with
                the excuse for each.
        """
        shop = story.shop
        for order, params in expected.orders.items():
            entity, found = f"order {order}", _order_problem(params, self._orders[shop].get(story.id_prefix + order))
            if found and not self._is_excused((shop, entity), abandoned):
                kind, text = found
                yield Violation(kind, shop, entity, text, number)
        for wanted in expected.contacts:
            if self._contacts[shop].has(wanted):
                continue
            if any(map(self._contacts[shop].has, self._allowed_contacts(story, wanted))):
                self._excuses.use("contact_of_a_crash")
            elif not self._is_any_excused(_entities_naming(story, wanted), abandoned):
                text = f"no contact has this {', '.join(sorted(wanted))}: {self._contacts[shop].difference(wanted)}"
                yield Violation("lost", shop, "contact", text, number)
        yield from self._check_consents(number, story, expected.consents, abandoned)
        for identity in expected.absent_identities:
            if self._contacts[shop].has_identity(identity):
                yield Violation("wrong_final_state", shop, "contact", "must not exist", number)
        yield from self._check_carts(number, story, expected.carts, abandoned)

    def _check_consents(
        self, number: int, story: Story, consents: Mapping[str, bool], abandoned: Mapping[EntityKey, str]
    ) -> Iterator[Violation]:
        """Check that a person who refused bulk messages gets none, and that one who agreed last is not unsubscribed."""
        for email, agrees in consents.items():
            for contact in self._contacts[story.shop].of(email):
                is_wrong = contact["unsubscribed"] if agrees else contact["confirmed"] and not contact["unsubscribed"]
                if not is_wrong:
                    continue
                # The last word may be in any webhook of the story that names an address of the customer.
                entities = ((story.shop, announcement.entity) for announcement in story.announcements)
                if not self._is_any_excused(entities, abandoned):
                    text = "is unsubscribed, but agreed" if agrees else "gets refused messages"
                    yield Violation("wrong_final_state", story.shop, "contact", text, number)

    def _is_excused(self, entity: EntityKey, abandoned: Mapping[EntityKey, str]) -> bool:
        if entity in abandoned:
            return self._excuses.use(abandoned[entity])
        return entity in self._uncertain and self._excuses.use("overran")

    def _is_any_excused(self, entities: Iterable[EntityKey], abandoned: Mapping[EntityKey, str]) -> bool:
        excuse = next((abandoned[entity] for entity in entities if entity in abandoned), None)
        return excuse is not None and self._excuses.use(excuse)

    def _allowed_contacts(self, story: Story, wanted: dict[str, str]) -> Iterator[dict[str, str]]:
        """Yield the other forms of a contact that a documented limit allows.

        An order, cart or visit may send the contact at the same moment as the customer's own webhook. If its invocation
        crashes before it learns of that webhook, not all fields are certain.
        """
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
                for person in persons(story.meanings.get(request.announcement.id) if request.announcement else None):
                    named = {"phone": person.phone, "firstName": person.first_name, "lastName": person.last_name}
                    yield wanted | {name: value for name, value in named.items() if value and name in wanted}

    def _check_carts(
        self, number: int, story: Story, carts: Mapping[str, ExpectedCart], abandoned: Mapping[EntityKey, str]
    ) -> Iterator[Violation]:
        bought_at = self._purchase_times(story)
        for token, cart in carts.items():
            entity = cart_entity(token)
            events = [request for request in self._accepted.get((story.shop, entity), ()) if request.path == EVENT]
            yield from self._check_state_ids(number, story.shop, entity, events)
            if token in bought_at and any(event.at > bought_at[token] for event in events):
                yield Violation("wrong_final_state", story.shop, entity, "sent after its purchase", number)
            if not cart.certain:
                continue
            if cart.contact is None:
                if events:
                    text = "sent although its contact is unknown"
                    yield Violation("wrong_final_state", story.shop, entity, text, number)
            elif not events:
                if not self._is_excused((story.shop, entity), abandoned):
                    yield Violation("lost", story.shop, entity, "the API never received it", number)
            else:
                is_right = have_fields_of(cart.products or (), sent_products(events[-1].params))
                if not is_right and not self._is_excused((story.shop, entity), abandoned):
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
        return not self.difference(wanted)

    def difference(self, wanted: dict[str, str]) -> str:
        """Return how the nearest contact differs; "" if it has all these fields."""
        identity = next((value for name, value in wanted.items() if name in _IDENTITIES), "")
        found = sorted((differences(wanted, contact) for contact in self.of(identity)), key=len)
        return "; ".join(found[0]) if found else "there is none"


def _order_problem(params: Mapping[str, str] | None, actual: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """Return the kind and the text of what is wrong with an order at the end; None if nothing is."""
    if params is None:
        return ("wrong_final_state", "must not exist") if actual is not None else None
    if actual is None:
        return "lost", "the API never received it"
    different = differences(params, flat_order(actual))
    return ("wrong_final_state", "; ".join(different)) if different else None


def _entities_naming(story: Story, wanted: Mapping[str, str]) -> Iterator[EntityKey]:
    """Yield the entities of a story with a webhook that names the person of a contact."""
    identities = {value for name, value in wanted.items() if name in _IDENTITIES}
    for announcement in story.announcements:
        for person in persons(story.meanings.get(announcement.id)):
            if identities & {person.email, person.phone, person.customer_id}:
                yield story.shop, announcement.entity
