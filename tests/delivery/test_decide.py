"""What follows from a change and the ledger entry, as pure values. Deciding writes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shopwire.delivery.decide import Decision, Done, Erase, Fetch, Park, Send, SyncContact, decide
from shopwire.delivery.task import Outcome, Policy
from shopwire.mapper import SentOrder, order_steps
from shopwire.models import (
    NOBODY,
    AccountDeleted,
    Change,
    Contact,
    ContactChange,
    Entity,
    Nothing,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Reason,
    Redaction,
    ShopRedaction,
    Status,
)
from shopwire.models.base import milliseconds
from shopwire.stores.entry import Entry, entity_key
from shopwire.stores.table import Key, Table
from tests.support.changes import ANNA, BORYS, DAY_MS, HOUR_MS, SHOP, START, announced, cart, order, paid, shop, view
from tests.support.delivery_world import World

NOW = milliseconds(START) + HOUR_MS
PARCEL = ParcelArrived("1001", Parcel(id="p1", delivered=True))
CUSTOMER = ContactChange(ANNA, "77", NOW)


def decided(
    change: Change, entry: Entry, received_at: int = NOW, cart_contact_ref: str | None = None, **fields: Any
) -> Decision:
    return decide(change, entry, shop(**fields), Policy(), received_at, cart_contact_ref)


def sent(change: Any, **more: Any) -> Entry:
    """An entry whose order the API has exactly as the change says."""
    *_, last = order_steps(change.order, shop(), None, recent=True)
    return Entry(version=change.version, sent=last.sent or {}, contact_ref="ref", **more)


def ignored(reason: Reason, **update: Any) -> Done:
    return Done(Outcome("ignored", reason), update)


# --- orders


def test_new_order_is_sent_with_its_cart_converted() -> None:
    decision = decided(order(cart_token="c"), Entry())
    assert isinstance(decision, Send)
    assert (decision.contact, decision.converts_cart, decision.records_contact) == (ANNA, Entity.of_cart("c"), True)
    (step,) = decision.plan(ANNA, "state-1")
    assert b"orderCreated" in step.request.body
    assert b"state-1" in step.request.body


def test_sent_order_does_not_convert_its_cart_again() -> None:
    decision = decided(paid(minutes=1, cart_token="c"), sent(order(cart_token="c")))
    assert isinstance(decision, Send)
    assert decision.converts_cart is None
    assert [b"orderUpdated" in step.request.body for step in decision.plan(ANNA, None)] == [True]


def test_order_as_it_was_sent_is_unchanged_and_its_reference_recorded() -> None:
    decision = decided(order(minutes=1), sent(order()))
    assert isinstance(decision, Done)
    assert decision.outcome == Outcome("unchanged")
    assert set(decision.update) == {"order_reference", "open_parcels"}


def test_test_order_is_ignored_if_the_shop_says_so() -> None:
    assert decided(order(test=True), Entry(), ignore_test_orders=True) == ignored(Reason.TEST_ORDER)
    assert isinstance(decided(order(test=True), Entry()), Send)


@pytest.mark.parametrize(("days", "is_old"), [(30, False), (31, True)])
def test_order_is_old_only_if_the_api_does_not_have_it(days: int, is_old: bool) -> None:
    received_at = milliseconds(START) + days * DAY_MS
    assert (decided(order(), Entry(), received_at) == ignored(Reason.OLD_ORDER)) is is_old
    assert isinstance(decided(order(minutes=1, total=Decimal(9)), sent(order()), received_at), Send)
    assert isinstance(decided(order(), Entry(), received_at, old_order_days=0), Send)


@pytest.mark.parametrize(("hours", "event"), [(23, b"orderCreated"), (25, b"orderUpdated")])
def test_order_first_seen_after_a_day_starts_no_new_order_workflow(hours: int, event: bytes) -> None:
    decision = decided(paid(), Entry(), milliseconds(START) + hours * HOUR_MS)
    assert isinstance(decision, Send)
    assert [event in step.request.body for step in decision.plan(ANNA, None)] == [True]


def test_order_without_a_contact_converts_its_cart_before_it_is_ignored() -> None:
    decision = decided(order(contact=NOBODY, cart_token="c"), Entry())
    assert isinstance(decision, Send)
    assert decision.converts_cart == Entity.of_cart("c")
    erased = decided(order(contact=NOBODY, erased=True), sent(order()))
    assert isinstance(erased, Done)
    assert erased.outcome == Outcome("ignored", Reason.ANONYMOUS)


def test_known_order_without_its_person_goes_to_the_person_it_was_sent_for() -> None:
    entry = sent(order(), order_reference={"externalCustomerId": "77", "date": "2026-03-02T09:00:00+00:00"})
    lost = decided(paid(contact=NOBODY), entry)
    assert isinstance(lost, Send)
    assert (lost.contact, lost.contact_ref) == (NOBODY, entry.contact_ref)
    (step,) = lost.plan(ANNA, None)
    assert b'{"name":"externalCustomerId","value":"77"}' in step.request.body
    assert lost.update["order_reference"]["externalCustomerId"] == "77"
    guest = decided(paid(contact=NOBODY), sent(order()))
    assert isinstance(guest, Send)
    (step,) = guest.plan(ANNA, None)  # the order of a guest does not become the customer's
    assert b"anna@example.com" in step.request.body
    assert b"externalCustomerId" not in step.request.body


def test_deletion_is_kept_until_the_order_changes_after_it() -> None:
    entry = sent(order(), deleted_at=milliseconds(START) + 60_000)
    before, after = decided(order(minutes=1), entry), decided(order(minutes=2), entry)
    assert isinstance(before, Send)
    assert b"orderCancelled" in list(before.plan(ANNA, None))[-1].request.body
    assert isinstance(after, Done)
    assert after.update["deleted_at"] is None


# --- facts


@pytest.mark.parametrize("fact", [PARCEL, OrderDeleted("1001")])
def test_fact_of_an_unseen_order_is_parked_and_recorded(fact: Change) -> None:
    decision = decided(fact, Entry())
    assert isinstance(decision, Park)
    assert (decision.reason, len(decision.update)) == (Reason.ORDER_NOT_SEEN, 1)


@pytest.mark.parametrize("fact", [PARCEL, OrderDeleted("1001")])
def test_fact_of_an_order_that_was_not_sent_is_ignored(fact: Change) -> None:
    decision = decided(fact, Entry(version=1))
    assert isinstance(decision, Done)
    assert decision.outcome.reason is Reason.ORDER_NOT_SENT


def test_parcel_counts_when_the_order_is_shipped_and_all_have_arrived() -> None:
    partly, open_two = sent(order()), replace(sent(order()), open_parcels=("p1", "p2"))
    assert decided(PARCEL, partly) == ignored(Reason.PARTLY_SHIPPED, arrived_parcels=["p1"])
    assert decided(PARCEL, open_two) == ignored(Reason.PARCELS_UNDERWAY, arrived_parcels=["p1"])
    last = decided(PARCEL, replace(open_two, arrived_parcels=("p2",)))
    assert isinstance(last, Send)
    assert (last.is_fact, last.contact_ref, last.update) == (True, "ref", {"arrived_parcels": ["p1", "p2"]})


@pytest.mark.parametrize(("parcels", "open_parcels"), [(50, 50), (51, None), (0, None)])
def test_parcels_that_cannot_all_be_kept_do_not_deliver_an_order(parcels: int, open_parcels: int | None) -> None:
    shipped = order(wholly_shipped=True, parcels=tuple(Parcel(id=f"p{number}") for number in range(parcels)))
    decision = decided(shipped, Entry())
    assert isinstance(decision, Send)
    found = decision.update["open_parcels"]
    assert (found if found is None else len(found)) == open_parcels


def test_fact_that_is_announced_already_is_unchanged() -> None:
    cancelled = replace(sent(order()), sent=SentOrder(Status.CANCELLED, "d", "c").record)
    assert decided(OrderDeleted("1001"), cancelled) == Done(Outcome("unchanged"), {"deleted_at": NOW})


@pytest.mark.parametrize("deletion", [OrderDeleted("1001"), AccountDeleted("77")])
def test_deletion_is_superseded_if_the_shop_changed_the_order_or_account_after_it(deletion: Change) -> None:
    minutes = 60_000
    for later, is_past in ((11, True), (10, False), (0, False), (-11, False)):
        entry = replace(sent(order()), version=(NOW + later * minutes) * 10)
        assert (decided(deletion, entry) == Done(Outcome("superseded"))) == is_past


# --- carts, views, customers, erasures


def test_cart_needs_a_contact_of_its_own_or_of_its_entry() -> None:
    assert decided(cart(contact=NOBODY), Entry()) == ignored(Reason.ANONYMOUS)
    decision = decided(cart(contact=NOBODY), Entry(contact_ref="ref"))
    assert isinstance(decision, Send)
    assert (decision.contact_ref, decision.records_contact) == ("ref", True)


def test_cart_after_its_purchase_and_too_old_cart_are_ignored() -> None:
    assert decided(cart(), Entry(converted=True)) == ignored(Reason.CART_CONVERTED)
    assert decided(cart(), Entry(), NOW + 2 * DAY_MS) == ignored(Reason.TOO_OLD)
    assert isinstance(decided(cart(), Entry(), NOW + 2 * DAY_MS, old_order_days=0), Send)


def test_cart_that_was_sent_names_the_contact_it_was_sent_for() -> None:
    first = decided(cart(), Entry())
    assert isinstance(first, Send)
    assert first.already_sent_to is None
    (step,) = first.plan(ANNA, None)
    again = decided(cart(minutes=1), Entry(sent=step.sent or {}, contact_ref="ref"))
    assert isinstance(again, Send)
    assert again.already_sent_to == "ref"


@pytest.mark.parametrize(("by_platform", "by_visitor"), [(False, False), (False, True), (True, False), (True, True)])
def test_visitors_cart_is_only_for_the_contact_that_the_platform_named(by_platform: bool, by_visitor: bool) -> None:
    entry = Entry(contact_ref="ref", contact_by_platform=by_platform)
    decision = decided(cart(contact=BORYS, by_visitor=by_visitor), entry)
    assert isinstance(decision, Send)
    assert (decision.contact_by_platform, decision.only_for_owner) == (not by_visitor, by_platform and by_visitor)


def test_view_belongs_to_its_contact_otherwise_to_that_of_its_cart() -> None:
    anonymous, known = view(NOBODY, cart_token="cart-a"), view(BORYS, cart_token="cart-a")
    assert decided(anonymous, Entry()) == ignored(Reason.ANONYMOUS)
    by_cart = decided(anonymous, Entry(), cart_contact_ref="ref")
    by_name = decided(known, Entry())
    assert isinstance(by_cart, Send)
    assert isinstance(by_name, Send)
    assert (by_cart.contact_ref, by_name.contact) == ("ref", BORYS)
    assert by_name.claims_cart == Entity.of_cart("cart-a")


def test_customer_is_synced() -> None:
    assert decided(CUSTOMER, Entry()) == SyncContact(CUSTOMER)


def test_erasure_requests_are_executed() -> None:
    assert decided(Redaction(ANNA, "77"), Entry()) == Erase()
    assert decided(ShopRedaction(), Entry()) == Erase()


def test_webhook_that_means_nothing_is_ignored() -> None:
    assert decided(Nothing(Reason.DRAFT), Entry()) == ignored(Reason.DRAFT)


# --- the fast path


CHANGES: dict[str, Change] = {
    "order": order(minutes=1),
    "order, paid": paid(minutes=1),
    "order with a cart": order(minutes=1, cart_token="cart-a"),
    "order, old": order(created_at=START - timedelta(days=99)),
    "order, anonymous": order(contact=NOBODY),
    "order, only an id": order(contact=Contact(customer_id="77")),
    "parcel": PARCEL,
    "deletion": OrderDeleted("1001"),
    "cart": cart(),
    "cart, anonymous": cart(contact=NOBODY),
    "view": view(BORYS, cart_token="cart-a"),
    "view, anonymous": view(NOBODY, cart_token="cart-a"),
    "customer": CUSTOMER,
    "customer, unreachable": ContactChange(Contact(customer_id="77"), "77", NOW),
}


def _states() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield typical states of an entry, with its attributes."""
    same = sent(order()).sent
    version = milliseconds(START) * 10
    yield "no entry", {}
    yield "seen, not sent", {"version": version}
    yield "sent", {"version": version, "sent": dict(same), "contact_ref": "ref"}
    yield "sent, two parcels under way", {"version": version, "sent": dict(same), "open_parcels": ["p1", "p2"]}
    yield "sent, one parcel under way", {"version": version, "sent": dict(same), "open_parcels": ["p1"]}
    yield "cancelled", {"version": version, "sent": SentOrder(Status.CANCELLED, "d", "c").record}
    yield "deleted", {"version": version, "sent": dict(same), "deleted_at": NOW}
    yield "converted", {"converted": True, "contact_ref": "ref"}
    yield "with a parked fact", {"parked_facts": ["little-shop.1"]}
    yield "attempted", {"attempted_version": version}
    yield "later version", {"version": version * 2}
    yield "leased", {"lease_holder": "other", "lease_until": NOW + HOUR_MS, "lease_key": "k"}
    yield "pending", {"pending_key": "k", "pending_place": "queue", "pending_until": NOW + HOUR_MS}


class Claimed(BaseException):
    """The lease is claimed: the fast path ends here. No code of shopwire may catch it."""


def _record_writes(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that fills with the writes to the table: "settle" or the operation. A claim raises Claimed."""
    writes: list[str] = []
    call = Table._call

    def record(self: Table, operation: str, **arguments: Any) -> Any:
        if operation in ("update_item", "put_item", "delete_item"):
            values = arguments.get("ExpressionAttributeValues", {})
            if ":new_lease_holder" in values:
                raise Claimed
            writes.append("settle" if ":new_settled_keys" in values else operation)
        return call(self, operation, **arguments)

    monkeypatch.setattr(Table, "_call", record)
    return writes


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("cart_is_known", [False, True])
def test_fast_path_writes_nothing_but_its_settle(
    fake_world: World, monkeypatch: pytest.MonkeyPatch, name: str, cart_is_known: bool
) -> None:
    world, change = fake_world, CHANGES[name]
    assert change.entity
    keys = [Key(entity_key(SHOP, entity)) for entity in (change.entity, Entity.of_cart("cart-a"))]
    table, seen = world.webhook.table, set()
    for state, attributes in _states():
        for key in keys:
            table.delete(key)
        table.update(keys[1], {"format": 1, "revision": 1, **({"contact_ref": "ref"} if cart_is_known else {})})
        if attributes:
            table.update(keys[0], {"format": 1, "revision": 1, **attributes})
        with monkeypatch.context() as recording:
            writes = _record_writes(world, recording)
            try:
                status = world.send(change)
            except Claimed:
                status = "claimed"
        expected = {"claimed": [[]], "queued": [["update_item"]], "stale": [[], ["update_item"]]}
        allowed = expected.get(status, [["settle"], []] if status == "ignored" else [["settle"]])
        assert writes in allowed, f"{name}, {state}: {status}"
        seen.add(status)
    assert "claimed" in seen or "ignored" in seen


def test_decision_is_made_again_if_the_entry_changed_before_the_claim(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, others = Table._call, [order()]

    def another_invocation_first(self: Table, operation: str, **arguments: Any) -> Any:
        if operation == "update_item" and others:
            world.send(others.pop())
        return call(self, operation, **arguments)

    monkeypatch.setattr(Table, "_call", another_invocation_first)
    assert world.send(order(minutes=1)) == "unchanged"
    assert world.api.sent == ["contact", "orderCreated"]


@pytest.mark.parametrize(
    ("fetched_ms", "known_minutes", "superseded"),
    [
        (3_001, 5, True),  # the known state is the announced one
        (3_000, 5, False),  # clocks differ
        (3_001, 4, False),  # a copy that is behind may have answered
        (13_000, 4, False),
        (13_001, 4, True),
    ],
)
def test_thin_webhook_is_superseded_only_by_a_fetch_that_certainly_contains_it(
    fetched_ms: int, known_minutes: int, superseded: bool
) -> None:
    known = order(minutes=known_minutes)
    entry = Entry(version=known.version, fetched_at=NOW + fetched_ms)
    assert decided(announced(minutes=5), entry) == (Done(Outcome("superseded")) if superseded else Fetch())
