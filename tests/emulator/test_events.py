"""Events: which the emulator saves, which it ignores and why."""

from typing import Any

import pytest

from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import ORDER, contact, event, post, without


def test_order_of_a_known_contact_is_saved(api: Emulator) -> None:
    assert event(api, "orderCreated", ORDER) is None
    assert api.state()["orders"] == {"7": ORDER}


@pytest.mark.parametrize("name", [name for name in ORDER if name != "email"])
def test_order_without_a_required_param_is_ignored(api: Emulator, name: str) -> None:
    assert event(api, "orderCreated", without(name)) == f"{name} is missing"
    assert api.state()["orders"] == {}


def test_event_without_a_known_contact_is_ignored(api: Emulator) -> None:
    assert event(api, "orderCreated", without("email")) == "no identifying param"
    assert event(api, "orderCreated", ORDER | {"email": "eve@example.com"}) == "unknown contact"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL", "Anna@Example.COM"),
        ("UserEmail", "anna@example.com"),
        ("phone", "380501112233"),
        ("SMS", "380501112233"),
        ("contactKey", "3"),
        ("Contact_Key", "3"),
        ("ContactId", "1"),
    ],
)
def test_contact_is_found_by_each_identifying_param(api: Emulator, name: str, value: str) -> None:
    assert event(api, "orderCreated", {name: value, **without("email")}) is None


def test_identifiers_except_email_are_case_sensitive(api: Emulator) -> None:
    contact(api, email="b@example.com", externalCustomerId="Key")
    assert event(api, "orderCreated", {"contactKey": "key", **without("email")}) == "unknown contact"


@pytest.mark.parametrize("type_", ["orderDelivered", "orderCancelled"])
def test_transition_of_an_unknown_order_is_ignored(api: Emulator, type_: str) -> None:
    assert event(api, type_, ORDER) == "unknown order"


@pytest.mark.parametrize(("type_", "status"), [("orderDelivered", "DELIVERED"), ("orderCancelled", "CANCELLED")])
def test_transition_sets_the_status(api: Emulator, type_: str, status: str) -> None:
    event(api, "orderCreated", ORDER)
    assert event(api, type_, {"email": "anna@example.com", "externalOrderId": "7"}) is None
    assert api.state()["orders"]["7"]["status"] == status


def test_update_of_an_unknown_order_needs_the_params_of_a_new_one(api: Emulator) -> None:
    assert event(api, "orderUpdated", without("currency")) == "currency is missing"
    event(api, "orderUpdated", ORDER)
    assert event(api, "orderUpdated", {"email": "anna@example.com", "externalOrderId": "7", "note": "x"}) is None
    assert api.state()["orders"]["7"]["note"] == "x"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"status": "PAID"}, "status is not one of the API's statuses"),
        ({"totalCost": "25,00"}, "totalCost is not a plain amount"),
        ({"totalCost": "-1"}, "totalCost is not a plain amount"),
        ({"date": "yesterday"}, "date is not ISO 8601"),
        ({"items": "[{]"}, "items is not valid JSON"),
        ({"items": '{"a": 1}'}, "items is not a JSON list of objects"),
        (
            {"items": '[{"externalItemId": 7, "quantity": 1, "cost": 2}]'},
            "items: externalItemId is not a non-empty string",
        ),
        (
            {"items": '[{"externalItemId": "7", "quantity": "1", "cost": 2}]'},
            "items: quantity is not a number",
        ),
        ({"items": '[{"externalItemId": "7", "quantity": 1}]'}, "items: cost is not a number"),
        ({"items": '[{"externalItemId": "7", "quantity": 1, "cost": NaN}]'}, "items is not valid JSON"),
        (
            {"items": '[{"externalItemId": "7", "quantity": 1, "cost": 2, "name": null}]'},
            "items: name is not a non-empty string",
        ),
        ({"date": "2026-10-05"}, "date is not ISO 8601"),
        ({"date": "2026-13-05T09:20:30+03:00"}, "date is not ISO 8601"),
        ({"totalCost": "2.5e1"}, "totalCost is not a plain amount"),
        (
            {"items": '[{"externalItemId": "7", "quantity": 1, "cost": 2, "x": {"y": 1}}]'},
            "items: x is not a non-empty string, a number or a list of non-empty strings",
        ),
    ],
)
def test_order_with_an_invalid_param_is_ignored(api: Emulator, params: dict[str, str], reason: str) -> None:
    assert event(api, "orderCreated", ORDER | params) == reason


CART = {
    "email": "anna@example.com",
    "recycleStateId": "abc-1",
    "products": '[{"productId":"1","quantity":2,"price":4.5}]',
}


def test_each_cart_state_needs_its_own_id(api: Emulator) -> None:
    assert event(api, "cartUpdated", CART) is None
    assert event(api, "cartUpdated", CART) is None  # a repeated event with the same content is valid
    other = CART | {"products": '[{"productId":"1","quantity":3,"price":4.5}]'}
    assert event(api, "cartUpdated", other) == "recycleStateId was used for another state"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"recycleStateId": "a b"}, "recycleStateId is not 1 to 64 letters, digits and dashes"),
        ({"recycleStateId": "a" * 65}, "recycleStateId is not 1 to 64 letters, digits and dashes"),
        (
            {"products": '[{"productId":"1","quantity":1.5,"price":1}]'},
            "products: quantity is not a whole number, 1 or greater",
        ),
        (
            {"products": '[{"productId":"1","quantity":0,"price":1}]'},
            "products: quantity is not a whole number, 1 or greater",
        ),
        ({"products": '[{"productId":"1","quantity":1,"price":"1"}]'}, "products: price is not a number"),
        ({"products": '[{"quantity":1,"price":1}]'}, "products: productId is not a non-empty string"),
        (
            {"products": '[{"productId":"1","quantity":1,"price":1,"c":"r"}]'},
            "products: c is not a list of non-empty strings",
        ),
        (
            {"products": '[{"productId":"1","quantity":1,"price":1,"discount":1}]'},
            "products: discount is not a non-empty string",
        ),
    ],
)
def test_cart_with_an_invalid_param_is_ignored(api: Emulator, params: dict[str, str], reason: str) -> None:
    assert event(api, "cartUpdated", CART | params) == reason


def test_empty_cart_needs_no_products(api: Emulator) -> None:
    assert event(api, "cartUpdated", {name: value for name, value in CART.items() if name != "products"}) is None


def test_custom_event_type_is_saved_for_a_known_contact(api: Emulator) -> None:
    assert event(api, "birthday", {"email": "anna@example.com", "age": "30"}) is None
    assert event(api, "birthday", {"email": "eve@example.com"}) == "unknown contact"


@pytest.mark.parametrize("flag", ["true", "2", "null", "0.0"])
def test_is_in_stock_must_be_0_or_1(api: Emulator, flag: str) -> None:
    product = f'{{"productId":"1","price":1,"isInStock":{flag}}}'
    assert event(api, "productViewed", {"email": "anna@example.com", "product": product}) == (
        "product: isInStock is not 0 or 1"
    )


def test_extremely_nested_json_is_rejected(api: Emulator) -> None:
    assert event(api, "pageViewed", {"email": "anna@example.com", "page": "[" * 100_000}) == "page is not valid JSON"
    assert post(api, "v1/event", b"[" * 100_000).body == {"error": "the body is not JSON"}


def test_contact_id_of_very_many_digits_is_unknown(api: Emulator) -> None:
    assert event(api, "orderCreated", {"ContactId": "9" * 5000, **without("email")}) == "unknown contact"


def test_cart_without_a_state_id_is_ignored(api: Emulator) -> None:
    assert event(api, "cartUpdated", {"email": "anna@example.com"}) == "recycleStateId is missing"


@pytest.mark.parametrize(
    ("type_", "name", "good", "bad", "reason"),
    [
        ("pageViewed", "page", '{"location":"https://a"}', "{}", "page: location is not a non-empty string"),
        (
            "productViewed",
            "product",
            '{"productId":"1","price":1,"c":["r"]}',
            '{"productId":"1"}',
            "product: price is not a number",
        ),
        (
            "productCategoryViewed",
            "category",
            '{"productCategoryId":"Mugs"}',
            '{"productCategoryId":1}',
            "category: productCategoryId is not a non-empty string",
        ),
    ],
)
def test_view_needs_what_was_seen(api: Emulator, type_: str, name: str, good: str, bad: str, reason: str) -> None:
    person = {"email": "anna@example.com"}
    assert event(api, type_, person | {name: good}) is None
    assert event(api, type_, person | {name: bad}) == reason
    assert event(api, type_, person | {name: good + "]}"}) == f"{name} is not valid JSON"
    assert event(api, type_, person) == f"{name} is missing"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "the body is not JSON"),
        (b"[]", "the body is not an object"),
        (b'{"eventTypeKey": "a", "keyValue": "\\ud800", "params": []}', "the body is not JSON"),
        (b'{"eventTypeKey": NaN}', "the body is not JSON"),
        ({"keyValue": "a", "params": []}, "eventTypeKey is missing"),
        ({"eventTypeKey": "a<b", "keyValue": "a", "params": []}, "eventTypeKey has a forbidden character"),
        ({"eventTypeKey": "a", "keyValue": 7, "params": []}, "keyValue is missing"),
        ({"eventTypeKey": "a", "keyValue": "a", "params": {}}, "params is not a list"),
        ({"eventTypeKey": "a", "keyValue": "a", "params": [{"value": "x"}]}, "a param has no name"),
        (
            {"eventTypeKey": "a", "keyValue": "a", "params": [{"name": "n", "value": 1}]},
            "param n: the value is not a non-empty string",
        ),
        (
            {"eventTypeKey": "a", "keyValue": "a", "params": [{"name": "n", "value": ""}]},
            "param n: the value is not a non-empty string",
        ),
        (
            {
                "eventTypeKey": "a",
                "keyValue": "a",
                "params": [{"name": "n", "value": "1"}, {"name": "N", "value": "1"}],
            },
            "param N is given twice",
        ),
    ],
)
def test_malformed_event_is_rejected(api: Emulator, body: Any, error: str) -> None:
    response = post(api, "v1/event", body)
    assert (response.status, response.body) == (400, {"error": error})
