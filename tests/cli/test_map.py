"""`shopwire map`: what is assumed around a body, what is printed, what is said on stderr.

A platform of a few lines stands in for the real ones here; their bodies are mapped in test_cli_map_samples.py.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shopwire import platforms
from shopwire.errors import Unreadable
from shopwire.models import (
    Cart,
    CartChange,
    CartItem,
    Change,
    Contact,
    ContactChange,
    Delivery,
    Nothing,
    Order,
    OrderChange,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Rank,
    Redaction,
    Shop,
    ShopRedaction,
    Status,
    View,
    ViewChange,
    Webhook,
)
from shopwire_cli.main import main

Captured = pytest.CaptureFixture[str]

DAY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ANN = Contact(email="ann@example.com", customer_id="9", first_name="Ганна")
BY_ID = Contact(customer_id="9")
PARCEL = Parcel(id="p1", tracking_number="RA1")
INTRODUCED = {
    "path": "v1/contact",
    "body": {
        "firstName": "Ганна",
        "externalCustomerId": "9",
        "channels": [{"type": "email", "value": "ann@example.com"}],
    },
}


@dataclass
class Stub(platforms.Platform):
    """A platform whose every body means the same; keeps what it was asked with."""

    changes: list[Change] = field(default_factory=list)
    shop: Shop | None = None
    webhook: Webhook | None = None
    name = "stub"
    topics = ("stub",)
    kept_headers = ()

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        raise AssertionError("nothing is verified here")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        self.webhook, self.shop = webhook, shop
        if b"unreadable" in webhook.body:
            raise Unreadable("id: missing")
        return [Delivery("stub", "key", change) for change in self.changes]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> dict[str, str]:
        return {"X-Topic": topic}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Stands in for every platform."""
    platform = Stub()
    monkeypatch.setattr(platforms, "get", lambda name: platform)
    stdin(monkeypatch, b"{}")
    return platform


def stdin(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """Whoever reads stdin gets this, each time."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read=lambda: body)))


def mapped(capsys: Captured, *options: str) -> list[dict[str, Any]]:
    assert main(["map", "shopify", "stub", *options]) == 0
    requests: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return requests


def events(capsys: Captured, *options: str) -> list[str]:
    """The requests by name: their event type, "contact" for v1/contact."""
    return [one["body"].get("eventTypeKey", "contact") for one in mapped(capsys, *options)]


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
    return ViewChange(View(type="page", seen_at=DAY, contact=contact, url="https://shop.example.com/"), "v1")


@pytest.mark.parametrize(
    ("status", "known", "new"),
    [
        (Status.INITIALIZED, ["orderUpdated"], ["contact", "orderCreated"]),
        (Status.IN_PROGRESS, ["orderUpdated"], ["contact", "orderCreated"]),
        (Status.DELIVERED, ["orderDelivered"], ["contact", "orderCreated", "orderDelivered"]),
        (Status.CANCELLED, ["orderCancelled"], ["contact", "orderCreated", "orderCancelled"]),
    ],
)
def test_an_order_that_is_known_and_one_that_is_new(
    stub: Stub, capsys: Captured, status: Status, known: list[str], new: list[str]
) -> None:
    stub.changes = [order(status)]
    assert events(capsys) == events(capsys, "--known") == known
    assert events(capsys, "--new") == new


def test_the_whole_of_what_is_printed(stub: Stub, capsys: Captured) -> None:
    stub.changes = [order()]
    assert main(["map", "shopify", "stub", "--new"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    params = {
        "email": "ann@example.com",
        "externalOrderId": "42",
        "externalCustomerId": "9",
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
    assert json.loads(out) == [INTRODUCED, {"path": "v1/event", "body": created}]


def test_an_order_whose_own_parcels_all_arrived_is_delivered(stub: Stub, capsys: Captured) -> None:
    parcel = Parcel(id="p1", delivered=True)
    stub.changes = [order(parcels=(parcel,), wholly_shipped=True)]
    assert events(capsys) == ["orderDelivered"]


@pytest.mark.parametrize(("change", "event"), [(cart, "cartUpdated"), (view, "pageViewed")])
def test_a_cart_and_a_visit_are_their_event_and_of_somebody_new_the_contact_first(
    stub: Stub, capsys: Captured, change: Any, event: str
) -> None:
    stub.changes = [change()]
    assert events(capsys) == [event]
    requests = mapped(capsys, "--new")
    assert requests[0] == INTRODUCED
    assert [one["body"].get("eventTypeKey") for one in requests] == [None, event]


@pytest.mark.parametrize("change", [cart, view])
def test_a_cart_of_nobody_belongs_to_the_contact_that_is_named(stub: Stub, capsys: Captured, change: Any) -> None:
    stub.changes = [change(Contact())]
    (request,) = mapped(capsys, "--contact", " Bob@Example.com ")
    assert request["body"]["keyValue"] == "bob@example.com"


def test_a_carts_own_person_is_not_overruled(stub: Stub, capsys: Captured) -> None:
    stub.changes = [cart()]
    (request,) = mapped(capsys, "--contact", "bob@example.com")
    assert request["body"]["keyValue"] == "ann@example.com"


def test_who_is_known_by_id_only_is_known_and_cannot_be_new(stub: Stub, capsys: Captured) -> None:
    stub.changes = [cart(BY_ID)]
    assert events(capsys) == ["cartUpdated"]
    assert events(capsys, "--new") == []
    (_, event) = mapped(capsys, "--new", "--contact", "bob@example.com")
    assert event["body"]["keyValue"] == "bob@example.com"


def test_a_customer_is_a_contact(stub: Stub, capsys: Captured) -> None:
    stub.changes = [ContactChange(ANN, "9", 1)]
    assert mapped(capsys) == mapped(capsys, "--new") == [INTRODUCED]


@pytest.mark.parametrize(
    ("fact", "event", "more"),
    [
        (ParcelArrived("42", PARCEL), "orderDelivered", {"status": "DELIVERED", "trackingNumber": "RA1"}),
        (OrderDeleted("42"), "orderCancelled", {"status": "CANCELLED"}),
    ],
)
def test_a_fact_is_what_it_causes_for_the_person_that_is_named(
    stub: Stub, capsys: Captured, fact: Change, event: str, more: dict[str, str]
) -> None:
    stub.changes = [fact]
    expected = {
        "email": "ann@example.com",
        "externalOrderId": "42",
        "externalCustomerId": "ann@example.com",
        **more,
    }
    params = [{"name": name, "value": value} for name, value in expected.items()]
    body = {"eventTypeKey": event, "keyValue": "ann@example.com", "params": params}
    assert mapped(capsys, "--contact", "ann@example.com") == [{"path": "v1/event", "body": body}]


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (Nothing("signal: orders/updated brings it"), "", "signal: orders/updated brings it"),
        (cart(Contact()), "", "anonymous"),
        (view(Contact()), "--new", "anonymous"),
        (order(contact=Contact()), "", "anonymous"),
        (order(contact=Contact()), "--new", "anonymous"),
        (order(contact=BY_ID), "--new", "anonymous"),
        (ContactChange(BY_ID, "9", 1), "", "anonymous"),
        (ParcelArrived("42", PARCEL), "", "a fact of an order"),
        (OrderDeleted("42"), "--new", "a fact of an order"),
        (Redaction(ANN, "9"), "", "contact 9 would be erased"),
        (Redaction(Contact(email="ann@example.com"), "x"), "", "contact (a guest) would be erased"),
        (ShopRedaction(), "", "everything kept for the shop would be deleted"),
        (order(test=True), "--ignore-test-orders", "test order"),
        (ViewChange(View(type="page", seen_at=DAY, contact=ANN), "v"), "", "page: what was seen is missing"),
    ],
)
def test_nothing_to_send_is_an_empty_array_and_the_reason(
    stub: Stub, capsys: Captured, change: Change, options: str, says: str
) -> None:
    stub.changes = [change]
    assert main(["map", "shopify", "stub", *options.split()]) == 0
    out, err = capsys.readouterr()
    assert out == "[]\n"
    assert err.startswith(f"shopwire map: nothing to send: {says}")
    assert err.count("\n") == 1
    assert "ann@" not in err


def test_several_deliveries_of_one_body_are_one_array(stub: Stub, capsys: Captured) -> None:
    stub.changes = [order(), Nothing("a draft"), cart()]
    assert events(capsys) == ["orderUpdated", "cartUpdated"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"null", b'"x"', b"\xff\xfe", b'{"unreadable": 1}', b"a=1"])
def test_a_body_that_is_none_is_exit_2_with_nothing_on_stdout(
    stub: Stub, capsys: Captured, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    stdin(monkeypatch, body)
    assert main(["map", "shopify", "stub"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("shopwire map: the body is ")
    assert err.count("\n") == 1


def test_a_body_nested_a_thousand_deep_is_exit_2(stub: Stub, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b'{"a":' * 1000 + b"1" + b"}" * 1000)
    assert main(["map", "shopify", "stub"]) == 2
    assert capsys.readouterr() == ("", "shopwire map: the body is not JSON\n")


@pytest.mark.parametrize("place", ["before", "between", "behind"])
def test_the_file_may_stand_before_and_behind_the_options(
    stub: Stub, capsys: Captured, tmp_path: Path, place: str
) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(b'{"a": "\\u0413\\/"}')
    words = {
        "before": ["--new", "--region", "UA", "shopify", "stub", str(file)],
        "between": ["shopify", "stub", "--new", str(file), "--region", "UA"],
        "behind": ["shopify", "stub", str(file), "--region", "UA", "--new"],
    }[place]
    assert main(["map", *words]) == 0
    assert stub.webhook is not None
    assert stub.webhook.body == b'{"a": "\\u0413\\/"}'
    assert stub.webhook.headers == {"x-topic": "stub"}
    assert stub.shop is not None
    assert stub.shop.region == "UA"


@pytest.mark.parametrize("file", [[], ["-"]])
def test_without_a_file_or_with_a_dash_the_body_is_stdin(
    stub: Stub, capsys: Captured, monkeypatch: pytest.MonkeyPatch, file: list[str]
) -> None:
    stdin(monkeypatch, b'{"b": 1}\r\n')
    assert main(["map", "shopify", "stub", *file]) == 0
    assert stub.webhook is not None
    assert stub.webhook.body == b'{"b": 1}\r\n'


def test_the_shops_settings_reach_the_platform(stub: Stub, capsys: Captured) -> None:
    settings = "--region ua --item-id sku --shipped-is-delivered --status packed=IN_PROGRESS --status a=b=DELIVERED"
    assert main(["map", "shopify", "stub", *settings.split(), "--ignore-test-orders", "--key-value", "order"]) == 0
    shop = stub.shop
    assert shop is not None
    assert (shop.region, shop.item_id, shop.shipped_is_delivered) == ("UA", "sku", True)
    assert shop.statuses == {"packed": Status.IN_PROGRESS, "a=b": Status.DELIVERED}
    assert (shop.ignore_test_orders, shop.key_value) == (True, "order")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--region UKR", "--region: two letters of a country, e.g. UA, not 'UKR'"),
        ("--contact ann", "--contact: 'ann' is nobody's e-mail address"),
        ("--contact deleted@site.invalid", "--contact: 'deleted@site.invalid' is nobody's e-mail address"),
        ("--status packed", "--status: WORD=STATUS with STATUS one of INITIALIZED, IN_PROGRESS, DELIVERED, CANCELLED"),
        ("--status packed=SENT", "--status: WORD=STATUS with STATUS one of"),
        ("--fetched a.json b.json", "--fetched: nothing is fetched for shopify, its bodies are whole"),
        ("/no/such/file", "/no/such/file: No such file or directory"),
        ("/", "/: Is a directory"),
    ],
)
def test_an_option_that_says_nothing_usable_is_exit_2(stub: Stub, capsys: Captured, options: str, says: str) -> None:
    assert main(["map", "shopify", "stub", *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"shopwire map: {says}")
    assert err.count("\n") == 1
