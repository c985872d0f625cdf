"""Orders to v1/orders: exact bodies, which requests follow from the setting `orders`, and what the API would refuse."""

import json
import tracemalloc
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unmappable
from shopwire.mapper import ApiRequest, SentOrder, Step, fact_steps, order_reference, order_steps
from shopwire.mapper.order_resource import orders_request
from shopwire.models import Item, Order, Parcel, Reason, Status
from tests.support.api_requests import body_of
from tests.support.changes import ANNA, cancelled, order, paid, shop

MANY_ITEMS = tuple(
    Item(id=str(number), name="Чай", quantity=Decimal(1), cost=Decimal("10.50"), description="Збирають навесні")
    for number in range(500)
)
FIELDS = [
    ("email", "anna@example.com"),
    ("externalOrderId", "1001"),
    ("totalCost", "25.00"),
    ("status", "INITIALIZED"),
    ("date", "2026-03-02T09:00:00+00:00"),
    ("currency", "UAH"),
]


def steps_of(of: Order, sent: SentOrder | None = None, **settings: Any) -> list[Step]:
    return order_steps(of, shop(**settings), sent, recent=True)


def names(steps: list[Step]) -> list[str]:
    """Return the event type of each request, "orders" for v1/orders."""
    return ["orders" if step.request.path == "v1/orders" else body_of(step.request)["eventTypeKey"] for step in steps]


def sent_after(step: Step) -> SentOrder:
    found = SentOrder.of(step.sent or {})
    assert found is not None
    return found


def order_of(request: ApiRequest) -> dict[str, Any]:
    (found,) = body_of(request)["orders"]
    return dict(found)


def test_order_of_v1_orders_has_the_exact_body() -> None:
    whole = order(
        shipping=Decimal("30.00"),
        discount=Decimal("10"),
        coupons=("SPRING",),
        note="ring twice",
        total=Decimal("280.10"),
        items=(Item(id="5", name='Mug "Big"', quantity=Decimal(2), cost=Decimal("125.05")),),
    ).order
    (step,) = steps_of(whole, orders="orders")
    assert (step.request.method, step.request.path) == ("POST", "v1/orders")
    assert step.request.body.decode() == (
        '{"orders":[{"email":"anna@example.com","phone":"380501112233","externalCustomerId":"77",'
        '"externalOrderId":"1001","totalCost":280.10,"status":"INITIALIZED","date":"2026-03-02T09:00:00+00:00",'
        '"currency":"UAH","firstName":"Anna","lastName":"Kovalenko","shipping":30.00,"discount":10,'
        '"items":[{"externalItemId":"5","name":"Mug \\"Big\\"","quantity":2,"cost":125.05}],'
        '"additionalInfo":{"note":"ring twice","orderNumber":"#1001","couponCode":"SPRING"}}]}'
    )


@pytest.mark.parametrize(
    ("amount", "digits"),
    [("12345678901234567.89", "12345678901234567.89"), ("0.10", "0.10"), ("5", "5"), ("1E+3", "1000"), ("-0", "0")],
)
def test_amounts_of_v1_orders_keep_every_digit(amount: str, digits: str) -> None:
    (step,) = steps_of(order(total=Decimal(amount)).order, orders="orders")
    assert f'"totalCost":{digits},'.encode() in step.request.body


def test_shop_with_events_sends_no_order_to_v1_orders() -> None:
    assert names(steps_of(order().order)) == ["orderCreated"]


def test_shop_with_orders_sends_each_state_to_v1_orders_and_no_event() -> None:
    (first,) = steps_of(order().order, orders="orders")
    (second,) = steps_of(paid().order, sent_after(first), orders="orders")
    (third,) = steps_of(cancelled().order, sent_after(second), orders="orders")
    assert [order_of(step.request)["status"] for step in (first, second, third)] == [
        "INITIALIZED",
        "IN_PROGRESS",
        "CANCELLED",
    ]
    assert {step.request.path for step in (first, second, third)} == {"v1/orders"}


def test_shop_with_both_sends_v1_orders_before_the_events() -> None:
    assert names(steps_of(cancelled().order, orders="both")) == ["orders", "orderCreated", "orderCancelled"]
    *_, last = steps_of(order().order, orders="both")
    assert names(steps_of(paid().order, sent_after(last), orders="both")) == ["orders", "orderUpdated"]


@pytest.mark.parametrize("choice", ["orders", "both"])
def test_unchanged_order_is_not_sent_again_to_v1_orders(choice: str) -> None:
    *_, last = steps_of(order().order, orders=choice)
    assert steps_of(order(minutes=5).order, sent_after(last), orders=choice) == []


def test_order_that_v1_orders_has_is_not_repeated_before_its_events() -> None:
    first, *events = steps_of(cancelled().order, orders="both")
    again = steps_of(cancelled().order, sent_after(first), orders="both")
    assert names(again) == ["orderCreated", "orderCancelled"]
    assert [step.request for step in again] == [step.request for step in events]


def test_state_that_only_v1_orders_got_is_taken_back_by_the_next_snapshot() -> None:
    *_, before = steps_of(order().order, orders="both")
    refused, _ = steps_of(paid().order, sent_after(before), orders="both")
    (again,) = steps_of(order(minutes=9).order, sent_after(refused), orders="both")
    assert order_of(again.request)["status"] == "INITIALIZED"


@pytest.mark.parametrize(
    ("before", "after", "requests"),
    [
        ("events", "orders", ["orders"]),
        ("events", "both", ["orders"]),
        ("orders", "events", []),
        ("orders", "both", []),
        ("both", "events", []),
        ("both", "orders", []),
    ],
)
def test_changed_setting_sends_a_known_order_only_where_it_never_went(
    before: str, after: str, requests: list[str]
) -> None:
    *_, last = steps_of(order().order, orders=before)
    assert names(steps_of(order(minutes=5).order, sent_after(last), orders=after)) == requests


def test_changed_setting_opens_an_order_whose_event_is_missing() -> None:
    first, _ = steps_of(order().order, orders="both")
    assert names(steps_of(order().order, sent_after(first), orders="events")) == ["orderCreated"]


@pytest.mark.parametrize("choice", ["events", "both"])
def test_items_that_fit_no_event_are_sent_to_v1_orders_first(choice: str) -> None:
    first, second = steps_of(order(items=MANY_ITEMS).order, orders=choice)
    assert len(order_of(first.request)["items"]) == 500
    assert order_of(first.request)["items"][0]["description"] == "Збирають навесні"
    assert "items" not in [param["name"] for param in body_of(second.request)["params"]]


def test_change_of_items_that_fit_no_event_is_sent() -> None:
    *_, last = steps_of(order(items=MANY_ITEMS).order)
    other = (replace(MANY_ITEMS[0], quantity=Decimal(2)), *MANY_ITEMS[1:])
    (step,) = steps_of(order(items=other).order, sent_after(last))
    assert order_of(step.request)["items"][0]["quantity"] == 2
    assert steps_of(order(items=other).order, sent_after(step)) == []


# --- facts


def fact(of: Order, sent: SentOrder, **settings: Any) -> list[Step]:
    parcel = Parcel(id="1", tracking_number="TN1")
    return fact_steps(Status.DELIVERED, of.id, ANNA, order_reference(of), sent, shop(**settings), parcel)


@pytest.mark.parametrize(
    ("choice", "requests"),
    [("events", ["orderDelivered"]), ("orders", ["orders"]), ("both", ["orders", "orderDelivered"])],
)
def test_fact_goes_the_way_of_the_snapshots(choice: str, requests: list[str]) -> None:
    *_, last = steps_of(paid().order, orders=choice)
    steps = fact(paid().order, sent_after(last), orders=choice)
    assert names(steps) == requests
    assert sent_after(steps[-1]).status is Status.DELIVERED


def test_fact_sends_to_v1_orders_what_the_ledger_recorded_and_nothing_less() -> None:
    *_, last = steps_of(paid().order, orders="orders")
    (step,) = fact(paid().order, sent_after(last), orders="orders")
    assert order_of(step.request) == {
        "email": "anna@example.com",
        "phone": "380501112233",
        "externalCustomerId": "77",
        "externalOrderId": "1001",
        "totalCost": float(paid().order.total),
        "status": "DELIVERED",
        "date": "2026-03-02T09:00:00+00:00",
        "currency": "UAH",
    }


@pytest.mark.parametrize("choice", ["orders", "both"])
def test_snapshot_after_a_fact_is_unchanged_for_v1_orders_too(choice: str) -> None:
    *_, last = steps_of(paid().order, orders=choice)
    *_, delivered = fact(paid().order, sent_after(last), orders=choice)
    of = replace(paid().order, status=Status.DELIVERED)
    assert steps_of(of, sent_after(delivered), orders=choice) == []


def test_fact_that_v1_orders_has_is_not_repeated_before_its_event() -> None:
    *_, last = steps_of(paid().order, orders="both")
    first, second = fact(paid().order, sent_after(last), orders="both")
    assert [step.request for step in fact(paid().order, sent_after(first), orders="both")] == [second.request]


def test_fact_without_a_recorded_total_is_parked_instead_of_lost() -> None:
    sent = SentOrder(Status.IN_PROGRESS, "d", "c")
    with pytest.raises(Unmappable) as raised:
        fact_steps(Status.CANCELLED, "1001", ANNA, {}, sent, shop(orders="orders"))
    assert (raised.value.reason, raised.value.field) == (Reason.INCOMPLETE, "totalCost")


# --- what the API would refuse


@pytest.mark.parametrize("name", ["externalOrderId", "totalCost", "status", "date", "currency", "email"])
def test_order_without_a_required_field_cannot_be_made(name: str) -> None:
    with pytest.raises(Unmappable) as raised:
        orders_request([pair for pair in FIELDS if pair[0] != name])
    assert (raised.value.reason, raised.value.field) == (Reason.INCOMPLETE, name)


@pytest.mark.parametrize("identifier", [("phone", "380501112233"), ("externalCustomerId", "77")])
def test_order_needs_only_one_identifier(identifier: tuple[str, str]) -> None:
    assert orders_request([identifier, *FIELDS[1:]]).path == "v1/orders"


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"quantity": 1}, "items.externalItemId"),
        ({"externalItemId": "", "quantity": 1}, "items.externalItemId"),
        ({"externalItemId": "5"}, "items.quantity"),
        ({"externalItemId": "5", "quantity": "1"}, "items.quantity"),
    ],
)
def test_item_without_its_id_or_quantity_cannot_be_made(item: dict[str, Any], field: str) -> None:
    with pytest.raises(Unmappable) as raised:
        orders_request([*FIELDS, ("items", json.dumps([item]))])
    assert (raised.value.reason, raised.value.field) == (Reason.INCOMPLETE, field)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("totalCost", "-1"),
        ("totalCost", '"25.00"'),
        ("shipping", "null"),
        ("status", "SHIPPED"),
        ("phone", "+380"),
        ("firstName", "Anna (vip)"),
        ("lastName", " "),
        ("items", "{}"),
        ("items", "[1]"),
    ],
)
def test_order_that_breaks_a_rule_cannot_be_made(name: str, value: str) -> None:
    with pytest.raises(Unmappable) as raised:
        orders_request([*(pair for pair in FIELDS if pair[0] != name), (name, value)])
    assert (raised.value.reason, raised.value.field) == (Reason.BREAKS_API_RULE, name)


def test_large_order_takes_at_most_six_times_its_bytes_of_memory() -> None:
    """Its text has one letter that doubles the bytes of each character in memory."""
    items = [{"externalItemId": str(id), "name": "Ї" + "x" * 999, "quantity": 1} for id in range(500)]
    pair = ("items", json.dumps(items, ensure_ascii=False))
    tracemalloc.start()
    try:
        body = orders_request([*FIELDS, pair]).body
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(body) > 500_000
    assert peak < 6 * len(body)
