"""`shopwire map`: the requests that each kind of change becomes, if the API knows contact and order and if it does not.

A stub platform stands in for the real ones. test_map_samples.py maps the bodies of the real ones.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shopwire.models import (
    Cart,
    CartChange,
    CartItem,
    Change,
    Contact,
    ContactChange,
    Nothing,
    Order,
    OrderChange,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Rank,
    Reason,
    Redaction,
    ShopRedaction,
    Status,
    View,
    ViewChange,
)
from shopwire_cli.main import main
from tests.cli.stub_platform import StubPlatform

Captured = pytest.CaptureFixture[str]

DAY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ANN = Contact(email="ann@example.com", customer_id="9", first_name="Ганна")
ONLY_ID = Contact(customer_id="9")
PARCEL = Parcel(id="p1", tracking_number="RA1")
CONTACT_REQUEST = {
    "path": "v1/contact",
    "body": {
        "firstName": "Ганна",
        "externalCustomerId": "9",
        "channels": [{"type": "email", "value": "ann@example.com"}],
    },
}


def mapped(capsys: Captured, *options: str) -> list[dict[str, Any]]:
    """Return the requests that are printed."""
    assert main(["map", "shopify", "stub", *options]) == 0
    requests: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return requests


def event_types(capsys: Captured, *options: str) -> list[str]:
    """Return the event type of each request that is printed, "contact" for v1/contact."""
    return [request["body"].get("eventTypeKey", "contact") for request in mapped(capsys, *options)]


def order(status: Status = Status.IN_PROGRESS, contact: Contact = ANN, **fields: Any) -> OrderChange:
    return OrderChange(
        Order(
            id="42",
            created_at=DAY,
            updated_at=DAY,
            status=status,
            rank=Rank.PAID,
            currency="UAH",
            total=Decimal("25.00"),
            contact=contact,
            **fields,
        )
    )


def cart(contact: Contact = ANN) -> CartChange:
    item = CartItem(id="1", quantity=Decimal(2), price=Decimal("3.50"))
    return CartChange(Cart(token="t", updated_at=DAY, contact=contact, currency="UAH", items=(item,)))


def view(contact: Contact = ANN) -> ViewChange:
    url = "https://shop.example.com/"
    return ViewChange(View(type="page", seen_at=DAY, contact=contact, cart_token="t", url=url), "v1")


@pytest.mark.parametrize(
    ("status", "known", "new"),
    [
        (Status.INITIALIZED, ["orderUpdated"], ["contact", "orderCreated"]),
        (Status.IN_PROGRESS, ["orderUpdated"], ["contact", "orderCreated"]),
        (Status.DELIVERED, ["orderDelivered"], ["contact", "orderCreated", "orderDelivered"]),
        (Status.CANCELLED, ["orderCancelled"], ["contact", "orderCreated", "orderCancelled"]),
    ],
)
def test_order_becomes_the_events_of_a_known_or_a_new_order(
    stub: StubPlatform, capsys: Captured, status: Status, known: list[str], new: list[str]
) -> None:
    stub.changes = [order(status)]
    assert event_types(capsys) == event_types(capsys, "--known") == known
    assert event_types(capsys, "--new") == new


def test_output_is_one_line_with_all_requests(stub: StubPlatform, capsys: Captured) -> None:
    stub.changes = [order()]
    assert main(["map", "shopify", "stub", "--new"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    params = {
        "email": "ann@example.com",
        "externalCustomerId": "9",
        "externalOrderId": "42",
        "totalCost": "25.00",
        "status": "IN_PROGRESS",
        "date": "2026-01-02T03:04:05+00:00",
        "currency": "UAH",
        "firstName": "Ганна",
    }
    created = {
        "eventTypeKey": "orderCreated",
        "keyValue": "ann@example.com",
        "params": [{"name": name, "value": value} for name, value in params.items()],
    }
    assert json.loads(out) == [CONTACT_REQUEST, {"path": "v1/event", "body": created}]


def test_order_with_all_parcels_delivered_is_delivered(stub: StubPlatform, capsys: Captured) -> None:
    parcel = Parcel(id="p1", delivered=True)
    stub.changes = [order(parcels=(parcel,), wholly_shipped=True)]
    assert event_types(capsys) == ["orderDelivered"]


@pytest.mark.parametrize(
    ("choice", "paths"),
    [
        ("events", ["v1/contact", "v1/event"]),
        ("orders", ["v1/contact", "v1/orders"]),
        ("both", ["v1/contact", "v1/orders", "v1/event"]),
    ],
)
def test_setting_orders_chooses_the_paths_in_sending_order(
    stub: StubPlatform, capsys: Captured, choice: str, paths: list[str]
) -> None:
    stub.changes = [order()]
    assert [request["path"] for request in mapped(capsys, "--new", "--orders", choice)] == paths
    assert [request["path"] for request in mapped(capsys, "--orders", choice)] == paths[1:]


@pytest.mark.parametrize(("change", "event"), [(cart, "cartUpdated"), (view, "pageViewed")])
def test_cart_and_view_create_a_new_contact_first(
    stub: StubPlatform, capsys: Captured, change: Any, event: str
) -> None:
    stub.changes = [change()]
    assert event_types(capsys) == [event]
    requests = mapped(capsys, "--new")
    assert requests[0] == CONTACT_REQUEST
    assert [request["body"].get("eventTypeKey") for request in requests] == [None, event]


@pytest.mark.parametrize("change", [cart, view])
def test_anonymous_cart_or_view_belongs_to_the_named_contact(stub: StubPlatform, capsys: Captured, change: Any) -> None:
    stub.changes = [change(Contact())]
    (request,) = mapped(capsys, "--contact", " Bob@Example.com ")
    assert request["body"]["keyValue"] == "bob@example.com"


def test_contact_of_the_cart_has_priority_over_the_named_one(stub: StubPlatform, capsys: Captured) -> None:
    stub.changes = [cart()]
    (request,) = mapped(capsys, "--contact", "bob@example.com")
    assert request["body"]["keyValue"] == "ann@example.com"


def test_contact_with_only_an_id_is_known_and_cannot_be_new(stub: StubPlatform, capsys: Captured) -> None:
    stub.changes = [cart(ONLY_ID)]
    assert event_types(capsys) == ["cartUpdated"]
    assert event_types(capsys, "--new") == []
    (_, event) = mapped(capsys, "--new", "--contact", "bob@example.com")
    assert event["body"]["keyValue"] == "bob@example.com"


def test_customer_becomes_a_contact(stub: StubPlatform, capsys: Captured) -> None:
    stub.changes = [ContactChange(ANN, "9", 1)]
    assert mapped(capsys) == mapped(capsys, "--new") == [CONTACT_REQUEST]


@pytest.mark.parametrize(
    ("fact", "event", "fact_params"),
    [
        (ParcelArrived("42", PARCEL), "orderDelivered", {"status": "DELIVERED", "trackingNumber": "RA1"}),
        (OrderDeleted("42"), "orderCancelled", {"status": "CANCELLED"}),
    ],
)
def test_fact_becomes_an_event_for_the_named_contact(
    stub: StubPlatform, capsys: Captured, fact: Change, event: str, fact_params: dict[str, str]
) -> None:
    stub.changes = [fact]
    expected = {
        "email": "ann@example.com",
        "externalOrderId": "42",
        **fact_params,
    }
    params = [{"name": name, "value": value} for name, value in expected.items()]
    body = {"eventTypeKey": event, "keyValue": "ann@example.com", "params": params}
    assert mapped(capsys, "--contact", "ann@example.com") == [{"path": "v1/event", "body": body}]


@pytest.mark.parametrize(
    ("change", "options", "reason"),
    [
        (Nothing(Reason.SIGNAL), "", "signal: It says that something changed"),
        (cart(Contact()), "", "anonymous"),
        (view(Contact()), "--new", "anonymous"),
        (order(contact=Contact()), "", "anonymous"),
        (order(contact=Contact()), "--new", "anonymous"),
        (order(contact=ONLY_ID), "--new", "anonymous"),
        (ContactChange(ONLY_ID, "9", 1), "", "anonymous"),
        (ParcelArrived("42", PARCEL), "", "order_not_seen (--contact EMAIL names the contact of the order)"),
        (OrderDeleted("42"), "--new", "order_not_seen (--contact EMAIL names the contact of the order)"),
        (Redaction(ANN, "9"), "", "contact 9 would be erased"),
        (Redaction(Contact(email="ann@example.com"), "x"), "", "contact (a guest) would be erased"),
        (ShopRedaction(), "", "everything stored for the shop would be deleted"),
        (order(test=True), "--ignore-test-orders", "test_order"),
        (
            ViewChange(View(type="page", seen_at=DAY, contact=ANN), "v"),
            "",
            "incomplete, field location: ",
        ),
    ],
)
def test_nothing_to_send_is_an_empty_array_and_the_reason(
    stub: StubPlatform, capsys: Captured, change: Change, options: str, reason: str
) -> None:
    stub.changes = [change]
    assert main(["map", "shopify", "stub", *options.split()]) == 0
    out, err = capsys.readouterr()
    assert out == "[]\n"
    assert err.startswith(f"shopwire map: nothing to send: {reason}")
    assert err.count("\n") == 1
    assert "ann@" not in err


def test_several_deliveries_of_one_body_are_one_array(stub: StubPlatform, capsys: Captured) -> None:
    stub.changes = [order(), Nothing(Reason.DRAFT), cart()]
    assert event_types(capsys) == ["orderUpdated", "cartUpdated"]
