"""Events: which the emulator saves, which it ignores and why."""

import json
from typing import Any

import pytest

from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import KEY, ORDER, PAGE, contact, delete, event, event_body, post, without
from tests.support.clock import SecondsClock


def test_order_of_a_known_contact_is_saved(api: Emulator) -> None:
    assert event(api, "orderCreated", ORDER) is None
    assert api.state()["orders"] == {"7": ORDER}


@pytest.mark.parametrize("name", [name for name in ORDER if name not in ("email", "externalCustomerId")])
def test_order_without_a_required_param_is_ignored(api: Emulator, name: str) -> None:
    assert event(api, "orderCreated", without(name)) == f"{name} is missing"
    assert api.state()["orders"] == {}


def test_event_without_a_known_contact_is_ignored(api: Emulator) -> None:
    assert event(api, "pageViewed", {"page": PAGE}) == "no identifying param"
    assert event(api, "pageViewed", {"email": "eve@example.com", "page": PAGE}) == "unknown contact"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL", "Anna@Example.COM"),
        ("UserEmail", "anna@example.com"),
        ("phone", "380501112233"),
        ("SMS", "380501112233"),
        ("externalCustomerId", "3"),
        ("EXTERNALCUSTOMERID", "3"),
        ("ContactId", "1"),
        ("contact_id", "1"),
    ],
)
def test_contact_is_found_by_each_identifying_param(api: Emulator, name: str, value: str) -> None:
    assert event(api, "pageViewed", {name: value, "page": PAGE}) is None
    assert api.last_event(KEY)["contactId"] == 1


@pytest.mark.parametrize("name", ["contactKey", "Contact_Key"])
def test_contact_key_finds_no_contact(api: Emulator, name: str) -> None:
    contact(api, email="anna@example.com", contactKey="3")
    assert event(api, "pageViewed", {name: "3", "page": PAGE}) == "no identifying param"


def test_contact_is_found_by_external_id_then_email_then_phone(api: Emulator) -> None:
    contact(api, email="b@example.com")
    contact(api, sms="380670000000")
    identifiers = {"phone": "380670000000", "email": "b@example.com", "externalCustomerId": "3", "contactId": "3"}
    found = []
    while identifiers:
        assert event(api, "pageViewed", {**identifiers, "page": PAGE}) is None
        found.append((next(reversed(identifiers)), api.last_event(KEY)["contactId"]))
        identifiers.popitem()
    assert found == [("contactId", 3), ("externalCustomerId", 1), ("email", 2), ("phone", 3)]


def test_first_order_binds_its_external_id_for_good(api: Emulator) -> None:
    contact(api, email="b@example.com")
    assert event(api, "orderCreated", ORDER | {"externalCustomerId": "8", "email": "b@example.com"}) is None
    assert api.state()["contacts"][1]["externalCustomerId"] == "8"
    assert event(api, "orderUpdated", ORDER | {"externalCustomerId": "8"}) is None
    assert api.last_event(KEY)["contactId"] == 2  # although the e-mail is the other contact's


def test_shared_external_id_sends_every_order_to_one_contact(api: Emulator) -> None:
    contact(api, sms="380670000000")
    guest = {**without("email"), "phone": "380670000000", "externalCustomerId": "0"}
    event(api, "orderCreated", guest)
    event(api, "orderCreated", ORDER | {"externalCustomerId": "0", "externalOrderId": "8"})
    assert [event["contactId"] for event in api.state()["events"]] == [2, 2]


def test_order_does_not_take_an_external_id_from_another_contact(api: Emulator) -> None:
    contact(api, email="b@example.com")
    assert event(api, "orderCreated", ORDER | {"contactId": "2"}) is None
    assert event(api, "orderUpdated", ORDER) is None
    assert [event["contactId"] for event in api.state()["events"]] == [2, 1]


def test_order_binds_the_external_id_of_a_deleted_contact(api: Emulator) -> None:
    contact(api, email="b@example.com")
    delete(api, "v1/contact", externalCustomerId="3")
    assert event(api, "orderCreated", ORDER | {"email": "b@example.com"}) is None
    contact(api, email="anna@example.com", externalCustomerId="4")
    assert event(api, "birthday", {"externalCustomerId": "3"}) is None
    assert [event["contactId"] for event in api.state()["events"]] == [2, 2]


def test_only_an_order_binds_an_external_id(api: Emulator) -> None:
    contact(api, email="b@example.com")
    assert event(api, "pageViewed", {"email": "b@example.com", "externalCustomerId": "8", "page": PAGE}) is None
    assert event(api, "pageViewed", {"externalCustomerId": "8", "page": PAGE}) == "unknown contact"


def test_identifiers_except_email_are_case_sensitive(api: Emulator) -> None:
    contact(api, email="b@example.com", externalCustomerId="Key")
    assert event(api, "pageViewed", {"externalCustomerId": "key", "page": PAGE}) == "unknown contact"


def test_new_order_needs_a_customer_id_an_email_or_a_phone(api: Emulator) -> None:
    guest = {name: value for name, value in ORDER.items() if name not in ("email", "externalCustomerId")}
    assert event(api, "orderCreated", guest | {"contactId": "1"}) == (
        "one of externalCustomerId, email, phone is missing"
    )
    assert event(api, "orderCreated", guest | {"phone": "380501112233"}) is None


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
        ({"items": '[{"externalItemId": "7", "quantity": 1, "cost": 1e999}]'}, "items: cost is not a number"),
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


def test_each_cart_state_needs_its_own_id(api: Emulator, clock: SecondsClock) -> None:
    assert event(api, "cartUpdated", CART) is None
    clock.now = 60
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
    assert event(api, "pageViewed", {"email": "anna@example.com", "page": "[" * 19_000}) == "page is not valid JSON"
    assert post(api, "v1/contact", b"[" * 100_000).body == {"error": "the body is not JSON"}


def test_contact_id_of_very_many_digits_is_unknown(api: Emulator) -> None:
    assert event(api, "pageViewed", {"ContactId": "9" * 5000, "page": PAGE}) == "unknown contact"


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
            "productAddedToWishlist",
            "product",
            '{"productId":"1","price":1.5,"isInStock":0,"color":["red"]}',
            '{"productId":"1","price":1,"color":"red"}',
            "product: color is not a list of non-empty strings",
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
        ({"eventTypeKey": "a" * 101, "keyValue": "a", "params": []}, "eventTypeKey has more than 100 characters"),
        ({"eventTypeKey": "a", "keyValue": 7, "params": []}, "keyValue is missing"),
        ({"eventTypeKey": "a", "keyValue": "я" * 301, "params": []}, "keyValue has more than 300 characters"),
        (
            {"eventTypeKey": "a", "keyValue": "a", "params": [{"name": "n" * 101, "value": "1"}]},
            "the name of a param has more than 100 characters",
        ),
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


@pytest.mark.parametrize("character", "<;'\\/|\"`^?!,>\u2019")
@pytest.mark.parametrize("name", ["eventTypeKey", "keyValue"])
def test_key_with_a_forbidden_character_is_rejected(api: Emulator, name: str, character: str) -> None:
    body = event_body("birthday", {"email": "anna@example.com"}) | {name: f"o{character}brien@example.com"}
    response = post(api, "v1/event", body)
    assert (response.status, response.body) == (400, {"error": f"{name} has a forbidden character"})


def test_longest_keys_and_names_are_accepted(api: Emulator) -> None:
    assert event(api, "e" * 100, {"email": "anna@example.com", "n" * 100: "x"}, key="k" * 300) is None


def test_event_may_have_20000_bytes_and_no_more(api: Emulator) -> None:
    body = event_body("birthday", {"email": "anna@example.com", "note": ""})
    note = "я" * 1000  # two bytes each, and not escaped
    body["params"][1]["value"] = note
    length = len(json.dumps(body, ensure_ascii=False).encode())
    body["params"][1]["value"] = note + "x" * (20_000 - length)
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert (len(raw), post(api, "v1/event", raw).status) == (20_000, 200)
    response = post(api, "v1/event", raw + b" ")
    assert (response.status, response.body) == (400, {"error": "the body has more than 20000 bytes"})


def test_quotes_that_are_escaped_twice_count_in_the_size(api: Emulator) -> None:
    items = json.dumps([{"externalItemId": "1", "quantity": 1, "cost": 1, "name": '\\"' * 2_500}])
    response = post(api, "v1/event", event_body("orderCreated", ORDER | {"items": items}))
    assert (response.status, response.body) == (400, {"error": "the body has more than 20000 bytes"})


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"search": "blue mug"}, None),
        ({"search": "mug", "isFound": "0"}, None),
        ({"search": "mug", "isFound": "1"}, None),
        ({"search": "mug", "isFound": "true"}, "isFound is not 0 or 1"),
        ({"isFound": "0"}, "search is missing"),
    ],
)
def test_search_request_needs_the_text_that_was_searched(
    api: Emulator, params: dict[str, str], reason: str | None
) -> None:
    assert event(api, "searchRequest", {"email": "anna@example.com", **params}) == reason


def test_item_without_its_id_or_quantity_is_ignored(api: Emulator) -> None:
    for name in ("externalItemId", "quantity"):
        item = {key: value for key, value in {"externalItemId": "7", "quantity": 1, "cost": 2}.items() if key != name}
        assert str(event(api, "orderCreated", ORDER | {"items": json.dumps([item])})).startswith(
            f"items: {name} is not"
        )


def test_deleted_contact_gets_no_event(api: Emulator) -> None:
    delete(api, "v1/contact", externalCustomerId="3")
    assert event(api, "orderCreated", ORDER) == "unknown contact"
    assert event(api, "birthday", {"contactId": "1"}) == "unknown contact"


# -- past events


def past_event(**fields: Any) -> dict[str, Any]:
    return event_body("orderCreated", ORDER) | {"occurred": "2025-03-22T14:30"} | fields


def test_past_events_are_kept_with_their_moment(api: Emulator) -> None:
    response = post(api, "v1/past_events", {"events": [past_event(), past_event(occurred="2025-03-22")]})
    assert (response.status, response.body) == (
        200,
        {"results": [{"status": "ACCEPTED"}] * 2, "successCount": 2, "errorCount": 0},
    )
    events = api.state()["events"]
    assert [(event["saved"], event["occurred"]) for event in events] == [
        (True, "2025-03-22T14:30"),
        (True, "2025-03-22"),
    ]


@pytest.mark.parametrize(
    ("occurred", "status"),
    [
        (None, "OCCURRED_DATE_IS_REQUIRED"),
        ("yesterday", "INCORRECT_OCCURRED_DATE_FORMAT"),
        (1742646600, "INCORRECT_OCCURRED_DATE_FORMAT"),
    ],
)
def test_past_event_needs_its_moment(api: Emulator, occurred: Any, status: str) -> None:
    response = post(api, "v1/past_events", {"events": [past_event(occurred=occurred)]})
    assert response.body == {"results": [{"status": status}], "successCount": 0, "errorCount": 1}
    assert api.state()["events"] == []


def test_past_event_needs_segmentation_and_a_known_contact(api: Emulator) -> None:
    post(api, "v1/past_events", {"events": [past_event(params=[{"name": "email", "value": "eve@example.com"}])]})
    assert api.last_event(KEY)["saved"] is False
    api.change_account({"segmentation": False})
    response = post(api, "v1/past_events", {"events": [past_event()]})
    assert response.body["results"] == [{"status": "EVENT_SEGMENTATION_DISABLED"}]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "events is not a list of objects"),
        ({"events": [7]}, "events is not a list of objects"),
        ({"events": [past_event()] * 501}, "more than 500 events"),
        ({"events": [past_event(), past_event(keyValue="a,b")]}, "keyValue has a forbidden character"),
    ],
)
def test_malformed_past_events_are_rejected(api: Emulator, body: Any, error: str) -> None:
    response = post(api, "v1/past_events", body)
    assert (response.status, response.body) == (400, {"error": error})
    assert api.state()["events"] == []
