"""Without faults, platforms and mapper bring the API to the state that the reference model expects.

The model and the mapper share no code. If they disagree, one of them does not follow the contract.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from shopwire import mapper
from shopwire.mapper import ApiRequest, SentOrder, Step
from shopwire.models import (
    CartChange,
    Contact,
    ContactChange,
    Nothing,
    OrderChange,
    OrderDeleted,
    OrderSkipped,
    Parcel,
    ParcelArrived,
    Redaction,
    Shop,
    Status,
    ViewChange,
    Webhook,
)
from shopwire.models.base import milliseconds
from shopwire.stores.contact_record import IDENTITY_FIELDS, ContactRecord, ContactState, Pointer, choose, merged
from shopwire_emulator.emulator import Emulator
from shopwire_simulation.reference_model import differences, expected_state
from shopwire_simulation.senders import platform_of
from shopwire_testkit.announcements import Story
from shopwire_testkit.durations import DAY
from tests.simulation.sample_stories import SHOPS, sample_stories
from tests.support.clock import minutes_clock

KEY = "key"


@dataclass
class _Receiver:
    """A minimal delivery: it receives a story in order and without faults, and sends it to the emulator."""

    shop: Shop
    api: Emulator = field(default_factory=lambda: Emulator(minutes_clock()))
    carts: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    """token -> keyValue and products of the last cartUpdated."""
    sent: dict[str, SentOrder] = field(default_factory=dict)
    last_changes: dict[str, OrderChange] = field(default_factory=dict)
    arrived: dict[str, set[str]] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    cart_contacts: dict[str, Contact] = field(default_factory=dict)
    owned: set[str] = field(default_factory=set)
    """Tokens of the carts whose contact the platform named."""
    bought: set[str] = field(default_factory=set)
    contacts: dict[str, ContactRecord] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    """identity -> the contact to which it leads."""
    versions: dict[Any, int] = field(default_factory=dict)

    def receive(self, story: Story) -> None:
        for announcement in story.announcements:
            platform = platform_of(announcement, self.shop)
            signed = platform.sign(announcement.topic, announcement.body, self.shop, announcement.at)
            headers = {name.lower(): value for name, value in signed.headers.items()}
            webhook = Webhook(headers, announcement.body, announcement.at)
            platform.verify(webhook, self.shop)
            (delivery,) = platform.read(webhook, self.shop)
            change = delivery.change
            if isinstance(change, OrderChange | CartChange | ContactChange) and change.version is not None:
                assert announcement.version
                assert change.version == announcement.version[0] * 10 + announcement.version[1]
                if change.version < self.versions.get(change.entity, 0):
                    continue
                self.versions[change.entity] = change.version
            match change:
                case OrderChange():
                    self._order(change, announcement.at)
                case OrderDeleted():
                    self.deleted[change.order_id] = announcement.at
                    self._fact(change.order_id, Status.CANCELLED)
                case ParcelArrived():
                    self._parcel(change)
                case CartChange():
                    self._cart(change)
                case ViewChange():
                    self._view(change)
                case ContactChange() if change.contact.reachable:
                    self._send_contact(change.contact, is_customers=True)
                case Redaction():
                    id = None
                    for request in mapper.erase_requests(change.contact, (), change.order_ids, self.shop.id_prefix):
                        path = request.path.replace(mapper.CONTACT_ID, str(id))
                        id = self._send(replace(request, path=path)).get("id")
                case ContactChange() | Nothing() | OrderSkipped():
                    pass
                case _:
                    raise AssertionError(f"{announcement.topic} became {change}")

    def _send(self, request: ApiRequest) -> dict[str, Any]:
        path, _, query = request.path.partition("?")
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        reply = self.api.handle_without_faults(KEY, request.method, path, fields, request.body)
        # An erasure tries every identity of the person. The API does not know most of them.
        assert reply.status == 200 or request.method == "DELETE"
        if path == "v1/event":
            assert self.api.last_event(KEY)["reason"] is None
        return reply.body if isinstance(reply.body, dict) else {}

    def _send_steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._send(step.request)

    def _send_contact(self, contact: Contact, *, is_customers: bool = False) -> None:
        state = self._contact_state(contact)
        wanted = state.replaced() if is_customers else state.completed()
        record = merged(state.record or ContactRecord(state.ref or ""), wanted)
        if wanted.reachable and (state.record is None or state.record.contact != wanted):
            (request,) = mapper.contact_requests(replace(wanted, consent=None), id_prefix=self.shop.id_prefix)
            self._send(request)
            self.contacts[record.id] = replace(record, synced_revision=record.revision)
            self.identities |= dict.fromkeys(_identities(wanted).values(), record.id)

    def _contact_state(self, contact: Contact) -> ContactState:
        identities = _identities(contact)
        pointers = {name: Pointer(value, self.identities.get(value)) for name, value in identities.items()}
        records = {id: self.contacts[id] for pointer in pointers.values() if (id := pointer.contact_id)}
        chosen = choose(contact, pointers, records)
        return ContactState(contact, pointers, records, chosen, chosen.id if chosen else f"{len(self.contacts)}")

    def _order(self, change: OrderChange, at: int) -> None:
        order, id = change.order, change.order.id
        too_old = self.shop.old_order_days and at - milliseconds(order.created_at) > self.shop.old_order_days * DAY
        if not order.contact.key or (order.test and self.shop.ignore_test_orders) or (too_old and id not in self.sent):
            return
        if order.cart_token:
            self.bought.add(order.cart_token)
        if order.restored or milliseconds(order.updated_at) > self.deleted.get(id, at):
            self.deleted.pop(id, None)
        self.last_changes[id] = change
        self._send_contact(order.contact)
        order = order.with_facts(frozenset(self.arrived.get(id, ())), deleted=id in self.deleted)
        for step in mapper.order_steps(order, self.shop, self.sent.get(id), recent=True):
            self._send(step.request)
            self._record(id, step)

    def _parcel(self, change: ParcelArrived) -> None:
        id = change.order_id
        self.arrived.setdefault(id, set()).add(change.parcel.id)
        if id in self.last_changes:
            order = self.last_changes[id].order.with_facts(frozenset(self.arrived[id]), deleted=False)
            if order.status is Status.DELIVERED:
                self._fact(id, Status.DELIVERED, change.parcel)

    def _fact(self, id: str, status: Status, parcel: Parcel | None = None) -> None:
        sent = self.sent.get(id)
        if sent is None or sent.status in (status, Status.CANCELLED):
            return
        order = self.last_changes[id].order
        reference = mapper.order_reference(order)
        for step in mapper.fact_steps(status, id, order.contact, reference, sent, self.shop, parcel):
            self._send(step.request)
            self._record(id, step)

    def _record(self, id: str, step: Step) -> None:
        sent = SentOrder.of(step.sent or {})
        assert sent
        self.sent[id] = sent

    def _view(self, change: ViewChange) -> None:
        view = change.view
        assert view.cart_token
        if view.contact.key and view.cart_token not in self.owned:
            self.cart_contacts[view.cart_token] = view.contact
        if contact := view.contact if view.contact.key else self.cart_contacts.get(view.cart_token):
            self._send_contact(contact)
            self._send_steps(mapper.view_steps(view, contact, self.shop.id_prefix))

    def _cart(self, change: CartChange) -> None:
        cart = change.cart
        owner = self.cart_contacts.get(cart.token)
        if cart.contact.key and change.by_visitor and cart.token in self.owned:
            if owner and owner.key != cart.contact.key:
                return
        elif cart.contact.key:
            self.cart_contacts[cart.token] = cart.contact
            if not change.by_visitor:
                self.owned.add(cart.token)
        contact = self.cart_contacts.get(cart.token)
        if contact and cart.token not in self.bought:
            self._send_contact(contact)
            self._send_steps(mapper.cart_steps(cart, contact, self.shop.id_prefix))
            event = self.api.last_event(KEY)
            params = {param["name"]: param["value"] for param in event["params"]}
            self.carts[cart.token] = (event["keyValue"], json.loads(params.get("products", "[]")))


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.id)
def test_without_faults_the_api_has_the_expected_state(shop: Shop) -> None:
    wrong = []
    for story in sample_stories(11, 2500, [shop]):
        receiver = _Receiver(shop)
        receiver.receive(story)
        state = receiver.api.state(KEY)
        expected = expected_state(story, [announcement.id for announcement in story.announcements])
        for id, params in expected.orders.items():
            if params is None:
                wrong += [f"order {id} exists"] if shop.id_prefix + id in state["orders"] else []
            else:
                found = state["orders"].get(shop.id_prefix + id, {})
                wrong += [f"order {id}: {text}" for text in differences(params, found)]
        for wanted in expected.contacts:
            if not any(wanted.items() <= contact.items() for contact in state["contacts"]):
                wrong.append(f"no contact {wanted}")
        values = {value for contact in state["contacts"] for value in contact.values() if isinstance(value, str)}
        wrong += [f"{identity} exists" for identity in expected.absent_identities if identity in values]
        for token, cart in expected.carts.items():
            key, products = receiver.carts.get(token, (None, None))
            actual, wanted_products = _comparable(products), _comparable(cart.products)
            if actual != wanted_products or (products is not None and key != cart.contact):
                wrong.append(f"cart {token}: {wanted_products} for {cart.contact} expected, {actual} for {key} found")
    assert wrong == []


def _identities(contact: Contact) -> dict[str, str]:
    return {name: f"{name} {value}" for name in IDENTITY_FIELDS if (value := getattr(contact, name))}


def _comparable(products: Iterable[Mapping[str, Any]] | None) -> list[tuple[str, int, Decimal]] | None:
    if products is None:
        return None
    return [(product["productId"], product["quantity"], Decimal(str(product["price"]))) for product in products]
