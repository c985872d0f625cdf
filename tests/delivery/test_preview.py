"""The dry run: `ChangeHandler.preview` returns what `handle` sends, and has no effect."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from shopwire.delivery.task import Outcome, Task
from shopwire.esputnik import Esputnik
from shopwire.mapper import CONTACT_ID, ApiRequest
from shopwire.message import Message
from shopwire.models import (
    NOBODY,
    AccountDeleted,
    Change,
    Contact,
    Delivery,
    OrderDeleted,
    Redaction,
    ShopRedaction,
    Webhook,
)
from tests.support.changes import (
    ANNA,
    BORYS,
    DAY_MS,
    MINUTE_MS,
    SHOP,
    arrived,
    cancelled,
    cart,
    customer,
    order,
    paid,
    shipped,
    view,
)
from tests.support.delivery_world import World

GUEST = Contact(email="anna.k@example.org", phone=ANNA.phone)
MOVED = Contact(email="anna@example.net", phone=ANNA.phone, customer_id="77", first_name="Anna")


@dataclass(frozen=True)
class Case:
    """A change, and what happened before it."""

    change: Change
    before: tuple[Change, ...] = ()
    days: float = 0
    """How much later the change arrives."""


CASES = {
    "order": Case(order()),
    "order of a known contact": Case(order("2"), (order(),)),
    "order with a new status": Case(paid(), (order(),)),
    "order with a new status and total": Case(cancelled(total=Decimal(99)), (order(),)),
    "order as it was sent": Case(order(minutes=1), (order(),)),
    "order of its cart": Case(order(cart_token="cart-a"), (cart(),)),
    "order of a guest with a known phone": Case(order(contact=GUEST), (customer(),)),
    "order of a known customer id": Case(order("2", contact=Contact(customer_id="77")), (order(),)),
    "order without an address": Case(order(contact=NOBODY)),
    "order first seen late": Case(paid(), days=2),
    "order first seen too late": Case(paid(), days=31),
    "order of an erased person": Case(paid(), (order(), Redaction(ANNA, "77"))),
    "arrival of the only parcel": Case(arrived(), (shipped(),)),
    "arrival of one of two parcels": Case(arrived(), (shipped(parcels=("p1", "p2")),)),
    "arrival before the order": Case(arrived()),
    "arrival after a change of address": Case(arrived(), (shipped(), customer(MOVED, minutes=20))),
    "order after its parcel": Case(shipped(), (arrived(),)),
    "deletion": Case(OrderDeleted("1001"), (order(),)),
    "deletion of a cancelled order": Case(OrderDeleted("1001"), (order(), cancelled())),
    "cart": Case(cart()),
    "cart as it was sent": Case(cart(minutes=1), (cart(),)),
    "cart as it was sent, of a contact with more data": Case(
        cart(minutes=1), (cart(contact=Contact(email=ANNA.email)),)
    ),
    "cart without a contact, sent before": Case(cart(minutes=1, units=2, contact=NOBODY), (cart(),)),
    "cart without a contact": Case(cart(contact=NOBODY)),
    "cart after its purchase": Case(cart(minutes=9), (order(cart_token="cart-a"),)),
    "cart of a visitor": Case(cart(minutes=9, by_visitor=True), (cart(),)),
    "cart of another visitor": Case(cart(minutes=9, contact=BORYS, by_visitor=True), (cart(),)),
    "cart of an anonymous visitor": Case(cart(minutes=9, units=2, contact=NOBODY, by_visitor=True), (cart(),)),
    "view": Case(view()),
    "view with a known cart": Case(view(NOBODY, cart_token="cart-a"), (cart(),)),
    "view without a contact": Case(view(NOBODY, cart_token="cart-a")),
    "customer": Case(customer()),
    "customer as they were sent": Case(customer(minutes=1), (customer(),)),
    "customer with a new address": Case(customer(MOVED, minutes=1), (customer(),)),
    "customer with the phone of another": Case(
        customer(Contact(email=BORYS.email, phone=ANNA.phone, customer_id="78"), id="78"), (customer(),)
    ),
    "customer without an address": Case(customer(Contact(customer_id="77"))),
    "deleted account": Case(AccountDeleted("77"), (order(),)),
    "erasure": Case(Redaction(ANNA, "77", ("1001",)), (order(),)),
    "erasure of an unknown person": Case(Redaction(ANNA, "77")),
    "erasure of a person who also ordered as a guest": Case(Redaction(ANNA, "77"), (order(contact=GUEST),)),
}


def preview(world: World, change: Change, received_at: int | None = None) -> tuple[Outcome, list[ApiRequest]]:
    """Preview a change that arrived then (UTC ms; None: now)."""
    assert change.entity
    now = world.clock.now
    message = Message(SHOP, "preview", Webhook({}, b"", received_at or now))
    task = Task(world.webhook.shops.get(SHOP), message, Delivery("test", "preview", change), "preview", now, now)
    return world.webhook.handler.preview(task, world.webhook.ledger.get(SHOP, change.entity, now))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("choice", ["events", "orders", "both"])
def test_preview_returns_the_outcome_and_requests_of_handle(
    fake_world: World, monkeypatch: pytest.MonkeyPatch, choice: str, name: str
) -> None:
    world, case = fake_world, CASES[name]
    world.put_shop(SHOP, orders=choice)
    world.restart()
    for change in case.before:
        world.send(change)
        world.clock.advance(MINUTE_MS)
    world.clock.advance(int(case.days * DAY_MS))
    items = world.items()
    outcome, requests = preview(world, case.change)
    assert world.items() == items, "a preview writes nothing"
    sent = record_requests(monkeypatch)
    assert world.deliver(case.change) == outcome
    shown = [request.path for request in requests]
    for place, path in enumerate(shown):
        if CONTACT_ID in path:  # a preview cannot know the id that the answer before it gives
            sent[place] = replace(sent[place], path=re.sub(r"contact/\d+", f"contact/{CONTACT_ID}", sent[place].path))
    assert requests == sent


def test_preview_of_a_deletion_after_an_order_sends_the_contact_again(
    fake_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fake_world
    world.send(customer())
    received_at = world.clock.now
    world.api.next_answers = [503]
    assert world.send(AccountDeleted("77")) == "queued"
    world.send(order())
    outcome, requests = preview(world, AccountDeleted("77"), received_at)
    sent = record_requests(monkeypatch)
    assert world.run_until_idle() == [outcome.status] == ["superseded"]
    assert requests == sent
    assert [request.path for request in sent] == ["v1/contact"]


def record_requests(monkeypatch: pytest.MonkeyPatch) -> list[ApiRequest]:
    """Return a list that fills with the requests that are sent to the API."""
    sent: list[ApiRequest] = []
    send: Callable[..., object] = Esputnik.send

    def record(self: Esputnik, request: ApiRequest, key: str, seconds: float) -> object:
        sent.append(request)
        return send(self, request, key, seconds)

    monkeypatch.setattr(Esputnik, "send", record)
    return sent


def test_preview_of_a_shops_erasure_has_no_requests(world: World) -> None:
    world.send(order())
    assert preview(world, ShopRedaction()) == (Outcome("delivered"), [])
    world.send(ShopRedaction())
    assert world.run_until_idle() == ["delivered"]
    assert world.api.sent == ["contact", "orderCreated"]
