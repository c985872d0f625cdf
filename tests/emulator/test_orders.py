"""The resource v1/orders."""

import json
from typing import Any

import pytest

from shopwire_emulator.account import JOB_SECONDS
from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import KEY, contact, event, event_body, post
from tests.support.clock import SecondsClock

ORDER: dict[str, Any] = {
    "externalOrderId": "7",
    "externalCustomerId": "3",
    "totalCost": 25,
    "status": "INITIALIZED",
    "date": "2026-10-05T09:20:30+03:00",
    "currency": "UAH",
    "email": "anna@example.com",
    "items": [{"externalItemId": "1", "quantity": 2, "cost": 12.5, "name": "Чашка", "url": "https://shop.example/1"}],
}


def send(api: Emulator, *orders: Any) -> list[tuple[Any, str]]:
    """Send orders and return those that failed, with the reason."""
    response = post(api, "v1/orders", {"orders": list(orders)})
    assert response.status == 200, response.body
    return [(failed["order"], failed["error"]) for failed in response.body["failedOrders"]]


def test_order_is_kept_without_segmentation(api: Emulator) -> None:
    api.change_account({"segmentation": False})
    assert send(api, ORDER) == []
    assert api.state()["orders"]["7"]["status"] == "INITIALIZED"


def test_state_shows_one_form_of_orders_and_events(api: Emulator) -> None:
    body = json.dumps({"orders": [ORDER | {"additionalInfo": {"gift": "yes"}}]}).replace("25", "25.00", 1).encode()
    assert post(api, "v1/orders", body).body == {"failedOrders": []}
    assert api.state()["orders"]["7"] == ORDER | {
        "totalCost": "25.00",
        "items": '[{"externalItemId":"1","quantity":2,"cost":12.5,"name":"Чашка","url":"https://shop.example/1"}]',
        "additionalInfo": '{"gift":"yes"}',
    }


def test_order_can_be_updated_by_either_resource(api: Emulator) -> None:
    send(api, ORDER)
    assert event(api, "orderDelivered", {"email": "anna@example.com", "externalOrderId": "7"}) is None
    assert api.state()["orders"]["7"]["status"] == "DELIVERED"
    send(api, ORDER | {"status": "CANCELLED"})
    assert api.state()["orders"]["7"]["status"] == "CANCELLED"


def test_each_order_causes_the_event_of_its_status(api: Emulator) -> None:
    send(api, ORDER, ORDER | {"status": "DELIVERED"})
    events = [(event["eventTypeKey"], event["keyValue"], event["contactId"]) for event in api.state()["events"]]
    assert events == [("orderINITIALIZED", "7", 1), ("orderDELIVERED", "7", 1)]


def test_order_creates_a_missing_contact_as_confirmed(api: Emulator) -> None:
    order = ORDER | {
        "email": "B@example.com",
        "externalCustomerId": "9",
        "phone": "380670000000",
        "firstName": "Богдан",
    }
    assert send(api, order) == []
    assert api.state()["contacts"][1] == {
        "id": 2,
        "confirmed": True,
        "unsubscribed": False,
        "externalCustomerId": "9",
        "email": "b@example.com",
        "phone": "380670000000",
        "firstName": "Богдан",
    }


def test_order_with_a_new_external_id_binds_it_to_its_contact(api: Emulator) -> None:
    contact(api, email="b@example.com")
    send(api, ORDER | {"email": "b@example.com", "externalCustomerId": "9"})
    send(api, ORDER | {"externalCustomerId": "9"})
    assert [event["contactId"] for event in api.state()["events"]] == [2, 2]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"externalOrderId": None}, "order: externalOrderId is not a non-empty string"),
        ({"totalCost": "25"}, "order: totalCost is not a number"),
        ({"totalCost": 10**400}, "order: totalCost is not a number"),
        ({"totalCost": -1}, "order: totalCost is negative"),
        ({"status": "PAID"}, "order: status is not one of the API's statuses"),
        ({"date": "yesterday"}, "order: date is not ISO 8601"),
        ({"currency": ""}, "order: currency is not a non-empty string"),
        ({"shipping": "1.0"}, "order: shipping is not a number"),
        ({"additionalInfo": "x"}, "order: additionalInfo is not an object of non-empty strings"),
        ({"orderNumber": "1001"}, "order: orderNumber is not a field of the API"),
        ({"items": {}}, "order: items is not a list"),
        ({"items": [7]}, "items is not a JSON list of objects"),
        ({"items": [{"quantity": 1}]}, "items: externalItemId is not a non-empty string"),
        ({"items": [{"externalItemId": "1"}]}, "items: quantity is not a number"),
        ({"items": [{"externalItemId": "1", "quantity": 1, "x": "y"}]}, "items: x is not a field of the API"),
        ({"firstName": "Anna (work)"}, "firstName has a character that is not allowed there"),
        ({"phone": "+380501112233"}, "the phone is not 5 to 15 digits"),
        ({"email": "anna"}, "the e-mail address is not valid"),
    ],
)
def test_invalid_order_fails_alone(api: Emulator, change: dict[str, Any], error: str) -> None:
    failing = ORDER | change
    assert send(api, failing, ORDER | {"externalOrderId": "8"}) == [(failing, error)]
    assert api.state()["orders"].keys() == {"8"}


def test_order_needs_a_customer_id_an_email_or_a_phone(api: Emulator) -> None:
    order = {name: value for name, value in ORDER.items() if name not in ("email", "externalCustomerId")}
    assert send(api, order) == [(order, "order: one of externalCustomerId, email, phone is missing")]
    assert send(api, order | {"phone": "380670000000"}) == []


def test_failed_order_is_returned_with_the_numbers_that_were_sent(api: Emulator) -> None:
    assert send(api, ORDER | {"totalCost": 25.5, "status": "PAID"})[0][0]["totalCost"] == 25.5


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "orders is not a list"),
        ({"orders": ORDER}, "orders is not a list"),
        ({"orders": [7] * 1_001}, "more than 1000 orders"),
    ],
)
def test_malformed_list_of_orders_is_rejected(api: Emulator, body: Any, error: str) -> None:
    response = post(api, "v1/orders", body)
    assert (response.status, response.body) == (400, {"error": error})


def test_order_may_have_more_than_20000_bytes(api: Emulator) -> None:
    assert send(api, ORDER | {"additionalInfo": {"note": "x" * 50_000}}) == []


def test_500_lines_are_too_long_for_an_event_and_not_for_an_order(api: Emulator) -> None:
    name, url = 'Чашка "Світанок"\\', "https://shop.example/" + "x" * 200
    items = [{"externalItemId": str(n), "quantity": 1, "cost": 1, "name": name, "url": url} for n in range(500)]
    params = {name: str(ORDER[name]) for name in ORDER} | {"items": json.dumps(items, ensure_ascii=False)}
    assert post(api, "v1/event", event_body("orderCreated", params)).status == 400
    assert send(api, ORDER | {"items": items}) == []
    assert len(json.loads(api.state()["orders"]["7"]["items"])) == 500


def test_orders_are_deleted_some_seconds_later(api: Emulator, clock: SecondsClock) -> None:
    send(api, ORDER, ORDER | {"externalOrderId": "8"})
    response = api.handle(KEY, "DELETE", "v1/orders", {}, b'{"externalOrderIds": ["7", "unknown"]}')
    assert (response.status, len(api.state()["orders"])) == (200, 2)
    clock.now += JOB_SECONDS
    assert api.state()["orders"].keys() == {"8"}


@pytest.mark.parametrize("body", [b"{}", b'{"externalOrderIds": []}', b'{"externalOrderIds": [7]}'])
def test_deletion_without_order_ids_is_rejected(api: Emulator, body: bytes) -> None:
    assert api.handle(KEY, "DELETE", "v1/orders", {}, body).status == 400
