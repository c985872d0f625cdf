"""The API emulator: what it saves, what it ignores and why, and how it fails when a fault is injected."""

import io
import json
from typing import Any

import pytest

from shopwire_emulator.emulator import BadRequest, Emulator
from shopwire_emulator.endpoints import make_application

KEY = "demo-key"
ORDER = {
    "email": "anna@example.com",
    "externalOrderId": "7",
    "externalCustomerId": "3",
    "totalCost": "25.00",
    "status": "INITIALIZED",
    "date": "2026-10-05T09:20:30+03:00",
    "currency": "UAH",
}


class Clock:
    """A clock in seconds that a test moves by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Emulator:
    emulator = Emulator(clock)
    contact(emulator, email="anna@example.com", sms="380501112233", externalCustomerId="3")
    return emulator


def contact(api: Emulator, email: str | None = None, sms: str | None = None, **fields: str) -> Any:
    channels = [{"type": kind, "value": value} for kind, value in (("email", email), ("sms", sms)) if value]
    return post(api, "v1/contact", {"channels": channels, **fields})


def post(api: Emulator, path: str, body: Any, key: str | None = KEY) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.handle(key, "POST", path, {}, raw)


def event(api: Emulator, type_: str, params: dict[str, Any], key: str = "anna@example.com") -> str | None:
    """Send an event and return the reason why it was not saved, or None."""
    listed = [{"name": name, "value": value} for name, value in params.items()]
    response = post(api, "v1/event", {"eventTypeKey": type_, "keyValue": key, "params": listed})
    assert response.status == 200, response.body
    last = api.last_event(KEY)
    assert last["saved"] == (last["reason"] is None)
    reason: str | None = last["reason"]
    return reason


def without(name: str) -> dict[str, str]:
    return {other: value for other, value in ORDER.items() if other != name}


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


def test_request_without_a_key_is_unauthorized(api: Emulator) -> None:
    assert post(api, "v1/event", {}, key=None).status == 401


def test_each_key_has_its_own_account(api: Emulator) -> None:
    event(api, "orderCreated", ORDER)
    assert api.state("another")["orders"] == {}


def test_contact_is_created_once_and_updated_by_any_of_its_keys(api: Emulator) -> None:
    first = contact(api, email="b@example.com", externalCustomerId="9").body["id"]
    assert contact(api, email="B@example.com", firstName="Борис").body["id"] == first
    assert contact(api, sms="380670000000", externalCustomerId="9").body["id"] == first
    assert api.state()["contacts"][1] == {
        "id": first,
        "email": "b@example.com",
        "externalCustomerId": "9",
        "firstName": "Борис",
        "phone": "380670000000",
    }


def test_contact_needs_a_channel(api: Emulator) -> None:
    assert contact(api, externalCustomerId="77").status == 400
    assert post(api, "v1/contact", {"channels": [{"type": "fax", "value": "1"}]}).status == 400


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"channels": 5}, "channels is not a list"),
        ({"channels": [5]}, "channels: each needs a type (email or sms) and a value"),
        ({"channels": [{"type": "sms", "value": ""}]}, "channels: each needs a type (email or sms) and a value"),
        (
            {"channels": [{"type": "sms", "value": "380990000000"}], "firstName": ""},
            "firstName is not a non-empty string",
        ),
        ({"externalCustomerId": "77"}, "channels: a new contact needs an e-mail address or a phone"),
    ],
)
def test_malformed_contact_is_rejected(api: Emulator, body: Any, error: str) -> None:
    response = post(api, "v1/contact", body)
    assert (response.status, response.body) == (400, {"error": error})


def test_address_belongs_to_its_last_holder(api: Emulator) -> None:
    contact(api, email="b@example.com")
    contact(api, email="b@example.com", sms="380501112233")
    assert [each.get("phone") for each in api.state()["contacts"]] == [None, "380501112233"]
    contact(api, email="b@example.com", sms="380507777777")
    assert event(api, "orderCreated", {"phone": "380501112233", **without("email")}) == "unknown contact"


def test_erasure_leaves_other_contacts_unchanged(api: Emulator) -> None:
    # The erased contact has the id 1. An order and a param of the other contact have the same value.
    contact(api, email="b@example.com", externalCustomerId="9", firstName="Борис")
    other = ORDER | {"email": "b@example.com", "externalOrderId": "1", "externalCustomerId": "9", "firstName": "1"}
    event(api, "orderCreated", other)
    api.handle(KEY, "DELETE", "v1/contact", {"externalCustomerId": "3", "erase": "true"}, b"")
    state = api.state()
    assert state["orders"] == {"1": other}
    assert [(event["keyValue"], len(event["params"])) for event in state["events"]] == [
        ("anna@example.com", len(other))
    ]


def test_erasure_removes_the_contact_and_its_personal_data(api: Emulator) -> None:
    event(api, "orderCreated", ORDER)
    erase = {"externalCustomerId": "3", "erase": "true"}
    assert api.handle(KEY, "DELETE", "v1/contact", erase, b"").status == 200
    state = api.state()
    assert state["contacts"] == []
    assert "anna@example.com" not in json.dumps(state)
    assert api.handle(KEY, "DELETE", "v1/contact", erase, b"").status == 404


@pytest.mark.parametrize(
    ("mode", "status"),
    [("down", 0), ("error", 500), ("throttle", 429), ("unauthorized", 401), ("bad_request", 400), ("lost_answer", 0)],
)
def test_fault_ends_after_its_seconds(api: Emulator, clock: Clock, mode: str, status: int) -> None:
    api.set_fault({"mode": mode, "seconds": 5})
    assert post(api, "v1/event", {}).status == status
    clock.now = 5
    assert post(api, "v1/contact", {"channels": [{"type": "sms", "value": "380990000000"}]}).status == 200


def test_fault_ends_after_its_number_of_requests(api: Emulator) -> None:
    api.set_fault({"mode": "error", "requests": 2})
    good = {"channels": [{"type": "sms", "value": "380990000000"}]}
    assert [post(api, "v1/contact", good).status for _ in range(3)] == [500, 500, 200]


def test_fault_of_one_key_does_not_affect_another(api: Emulator) -> None:
    good = {"channels": [{"type": "sms", "value": "380990000000"}]}
    api.set_fault({"mode": "unauthorized", "key": KEY})
    assert [post(api, "v1/contact", good, key).status for key in (KEY, "other")] == [401, 200]
    api.set_fault({"mode": "ok", "key": KEY})
    assert post(api, "v1/contact", good).status == 200


def test_mode_ok_ends_every_fault(api: Emulator) -> None:
    api.set_fault({"mode": "unauthorized", "key": KEY})
    api.set_fault({"mode": "down"})
    api.set_fault({"mode": "ok"})
    assert post(api, "v1/contact", {"channels": [{"type": "sms", "value": "380990000000"}]}).status == 200


def test_rejected_requests_are_counted_too(api: Emulator) -> None:
    before = api.state()["requests"]
    api.set_fault({"mode": "error", "requests": 1})
    post(api, "v1/event", {})
    post(api, "v1/event", {})
    assert api.state()["requests"] == before + 2


def test_reading_the_state_of_an_unknown_account_does_not_create_it(api: Emulator) -> None:
    assert api.state("nobody") == {"contacts": [], "orders": {}, "events": [], "requests": 0}


def test_request_with_a_lost_response_is_still_processed(api: Emulator) -> None:
    api.set_fault({"mode": "lost_answer"})
    contact(api, email="c@example.com")
    assert [each["email"] for each in api.state()["contacts"]] == ["anna@example.com", "c@example.com"]


def test_slow_response_carries_its_delay(api: Emulator) -> None:
    api.set_fault({"mode": "slow", "delay": 7})
    response = contact(api, email="c@example.com")
    assert (response.status, response.delay_seconds) == (200, 7)


def test_throttled_response_has_retry_after(api: Emulator) -> None:
    api.set_fault({"mode": "throttle", "retry_after": 3})
    assert post(api, "v1/event", {}).headers == {"Retry-After": "3"}


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (None, "the body must be an object with the field mode"),
        ({}, "mode must be one of ok, down, error, throttle, unauthorized, bad_request, slow, lost_answer"),
        ({"mode": "down", "seconds": -1}, "seconds must be a number, 0 or greater"),
        ({"mode": "down", "seconds": float("inf")}, "seconds must be a number, 0 or greater"),
        ({"mode": "down", "seconds": float("nan")}, "seconds must be a number, 0 or greater"),
        ({"mode": "down", "second": 1}, "second: unknown field"),
        ({"mode": "down", "requests": "1"}, "requests must be a whole number, 0 or greater"),
        ({"mode": "down", "requests": 1.5}, "requests must be a whole number, 0 or greater"),
        ({"mode": "throttle", "retry_after": True}, "retry_after must be a whole number, 0 or greater"),
        ({"mode": "down", "key": 7}, "key must be a non-empty string"),
    ],
)
def test_invalid_fault_is_rejected(api: Emulator, wanted: Any, error: str) -> None:
    with pytest.raises(BadRequest) as raised:
        api.set_fault(wanted)
    assert str(raised.value) == error
    assert contact(api, email="c@example.com").status == 200


def http(api: Emulator, method: str, path: str, body: bytes = b"", **environ: str) -> tuple[str, Any]:
    path, _, query = path.partition("?")
    statuses: list[str] = []
    environment = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "wsgi.input": io.BytesIO(body)}
    environment |= {"CONTENT_LENGTH": str(len(body)), **environ}
    raw = b"".join(
        make_application(api, lambda seconds: None)(environment, lambda status, headers: statuses.append(status))
    )
    return statuses[0], json.loads(raw)


def test_http_api_key_is_the_password_of_basic_auth(api: Emulator) -> None:
    body = json.dumps({"channels": [{"type": "sms", "value": "380990000000"}]}).encode()
    for token, status in (
        ("Basic eDpkZW1vLWtleQ==", "200 OK"),
        ("Basic eDo=", "401 Unauthorized"),
        ("Bearer x", "401 Unauthorized"),
    ):
        assert http(api, "POST", "/esputnik/api/v1/contact", body, HTTP_AUTHORIZATION=token)[0] == status


def test_http_serves_state_faults_and_reset(api: Emulator) -> None:
    assert http(api, "GET", "/esputnik/state")[1]["contacts"][0]["email"] == "anna@example.com"
    assert http(api, "GET", "/esputnik/state?key=other")[1]["contacts"] == []
    assert http(api, "POST", "/esputnik/faults", b'{"mode": "sleepy"}')[0] == "400 Bad Request"
    assert http(api, "POST", "/esputnik/faults", b"{")[0] == "400 Bad Request"
    assert http(api, "POST", "/esputnik/faults", b'{"mode": "error"}')[0] == "200 OK"
    assert http(api, "POST", "/esputnik/reset")[0] == "200 OK"
    assert http(api, "GET", "/esputnik/state")[1]["contacts"] == []
    assert http(api, "GET", "/esputnik/else")[0] == "404 Not Found"
