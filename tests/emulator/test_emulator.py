"""The API's emulator: what it saves, what it ignores and why, and how it fails on demand."""

import io
import json
from typing import Any

import pytest

from shopwire_emulator.emulator import BadRequest, Emulator
from shopwire_emulator.endpoints import application

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
    """Seconds that move when told."""

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
    """Send an event; answers why it was not saved."""
    listed = [{"name": name, "value": value} for name, value in params.items()]
    reply = post(api, "v1/event", {"eventTypeKey": type_, "keyValue": key, "params": listed})
    assert reply.status == 200, reply.body
    last = api.last_event(KEY)
    assert last["saved"] == (last["reason"] is None)
    reason: str | None = last["reason"]
    return reason


def without(name: str) -> dict[str, str]:
    return {other: value for other, value in ORDER.items() if other != name}


def test_an_order_of_a_known_contact_is_saved(api: Emulator) -> None:
    assert event(api, "orderCreated", ORDER) is None
    assert api.state()["orders"] == {"7": ORDER}


@pytest.mark.parametrize("name", [name for name in ORDER if name != "email"])
def test_a_missing_param_is_ignored_without_a_word(api: Emulator, name: str) -> None:
    assert event(api, "orderCreated", without(name)) == f"{name} is missing"
    assert api.state()["orders"] == {}


def test_an_event_for_nobody_is_ignored(api: Emulator) -> None:
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
def test_a_contact_is_found_by_each_identifying_param(api: Emulator, name: str, value: str) -> None:
    assert event(api, "orderCreated", {name: value, **without("email")}) is None


def test_values_but_e_mail_are_matched_with_case(api: Emulator) -> None:
    contact(api, email="b@example.com", externalCustomerId="Key")
    assert event(api, "orderCreated", {"contactKey": "key", **without("email")}) == "unknown contact"


@pytest.mark.parametrize("type_", ["orderDelivered", "orderCancelled"])
def test_a_transition_of_an_unknown_order_is_ignored(api: Emulator, type_: str) -> None:
    assert event(api, type_, ORDER) == "unknown order"


@pytest.mark.parametrize(("type_", "status"), [("orderDelivered", "DELIVERED"), ("orderCancelled", "CANCELLED")])
def test_a_transition_sets_the_status(api: Emulator, type_: str, status: str) -> None:
    event(api, "orderCreated", ORDER)
    assert event(api, type_, {"email": "anna@example.com", "externalOrderId": "7"}) is None
    assert api.state()["orders"]["7"]["status"] == status


def test_an_update_of_an_unknown_order_needs_what_a_new_one_needs(api: Emulator) -> None:
    assert event(api, "orderUpdated", without("currency")) == "currency is missing"
    event(api, "orderUpdated", ORDER)
    assert event(api, "orderUpdated", {"email": "anna@example.com", "externalOrderId": "7", "note": "x"}) is None
    assert api.state()["orders"]["7"]["note"] == "x"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"status": "PAID"}, "status is none of the API's"),
        ({"totalCost": "25,00"}, "totalCost is not a plain amount"),
        ({"totalCost": "-1"}, "totalCost is not a plain amount"),
        ({"date": "yesterday"}, "date is not ISO 8601"),
        ({"items": "[{]"}, "items is not valid JSON"),
        ({"items": '{"a": 1}'}, "items is not a JSON list of objects"),
        ({"items": '[{"externalItemId": 7, "quantity": 1, "cost": 2}]'}, "items: externalItemId is not a text"),
        (
            {"items": '[{"externalItemId": "7", "quantity": "1", "cost": 2}]'},
            "items: quantity is not a number",
        ),
        ({"items": '[{"externalItemId": "7", "quantity": 1}]'}, "items: cost is not a number"),
        ({"items": '[{"externalItemId": "7", "quantity": 1, "cost": NaN}]'}, "items is not valid JSON"),
        ({"items": '[{"externalItemId": "7", "quantity": 1, "cost": 2, "name": null}]'}, "items: name is not a text"),
        ({"date": "2026-10-05"}, "date is not ISO 8601"),
        ({"date": "2026-13-05T09:20:30+03:00"}, "date is not ISO 8601"),
        ({"totalCost": "2.5e1"}, "totalCost is not a plain amount"),
        (
            {"items": '[{"externalItemId": "7", "quantity": 1, "cost": 2, "x": {"y": 1}}]'},
            "items: x is not a text, a number or a list of texts",
        ),
    ],
)
def test_a_bad_param_of_an_order_is_ignored(api: Emulator, params: dict[str, str], reason: str) -> None:
    assert event(api, "orderCreated", ORDER | params) == reason


CART = {
    "email": "anna@example.com",
    "recycleStateId": "abc-1",
    "products": '[{"productId":"1","quantity":2,"price":4.5}]',
}


def test_a_cart_is_saved_with_a_new_state_id_each_time(api: Emulator) -> None:
    assert event(api, "cartUpdated", CART) is None
    assert event(api, "cartUpdated", CART) is None  # the same again is the same
    other = CART | {"products": '[{"productId":"1","quantity":3,"price":4.5}]'}
    assert event(api, "cartUpdated", other) == "recycleStateId was used for another state"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"recycleStateId": "a b"}, "recycleStateId: 1 to 64 letters, digits and dashes"),
        ({"recycleStateId": "a" * 65}, "recycleStateId: 1 to 64 letters, digits and dashes"),
        (
            {"products": '[{"productId":"1","quantity":1.5,"price":1}]'},
            "products: quantity is not a whole number from 1",
        ),
        ({"products": '[{"productId":"1","quantity":0,"price":1}]'}, "products: quantity is not a whole number from 1"),
        ({"products": '[{"productId":"1","quantity":1,"price":"1"}]'}, "products: price is not a number"),
        ({"products": '[{"quantity":1,"price":1}]'}, "products: productId is not a text"),
        ({"products": '[{"productId":"1","quantity":1,"price":1,"c":"r"}]'}, "products: c is not a list of texts"),
        ({"products": '[{"productId":"1","quantity":1,"price":1,"discount":1}]'}, "products: discount is not a text"),
    ],
)
def test_a_bad_cart_is_ignored(api: Emulator, params: dict[str, str], reason: str) -> None:
    assert event(api, "cartUpdated", CART | params) == reason


def test_an_empty_cart_needs_no_products(api: Emulator) -> None:
    assert event(api, "cartUpdated", {name: value for name, value in CART.items() if name != "products"}) is None


def test_a_type_of_ones_own_is_saved_for_a_known_contact(api: Emulator) -> None:
    assert event(api, "birthday", {"email": "anna@example.com", "age": "30"}) is None
    assert event(api, "birthday", {"email": "eve@example.com"}) == "unknown contact"


@pytest.mark.parametrize("flag", ["true", "2", "null", "0.0"])
def test_is_in_stock_is_a_number_0_or_1(api: Emulator, flag: str) -> None:
    product = f'{{"productId":"1","price":1,"isInStock":{flag}}}'
    assert event(api, "productViewed", {"email": "anna@example.com", "product": product}) == (
        "product: isInStock is not 0 or 1"
    )


def test_the_nesting_of_a_bomb_is_no_json(api: Emulator) -> None:
    assert event(api, "pageViewed", {"email": "anna@example.com", "page": "[" * 100_000}) == "page is not valid JSON"
    assert post(api, "v1/event", b"[" * 100_000).body == {"error": "the body is not JSON"}


def test_an_id_of_very_many_digits_is_nobodys(api: Emulator) -> None:
    assert event(api, "orderCreated", {"ContactId": "9" * 5000, **without("email")}) == "unknown contact"


def test_a_cart_without_a_state_id_is_ignored(api: Emulator) -> None:
    assert event(api, "cartUpdated", {"email": "anna@example.com"}) == "recycleStateId is missing"


@pytest.mark.parametrize(
    ("type_", "name", "good", "bad", "reason"),
    [
        ("pageViewed", "page", '{"location":"https://a"}', "{}", "page: location is not a text"),
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
            "category: productCategoryId is not a text",
        ),
    ],
)
def test_views_need_what_was_seen(api: Emulator, type_: str, name: str, good: str, bad: str, reason: str) -> None:
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
            "param n: its value is not a non-empty text",
        ),
        (
            {"eventTypeKey": "a", "keyValue": "a", "params": [{"name": "n", "value": ""}]},
            "param n: its value is not a non-empty text",
        ),
        (
            {
                "eventTypeKey": "a",
                "keyValue": "a",
                "params": [{"name": "n", "value": "1"}, {"name": "N", "value": "1"}],
            },
            "param N comes twice",
        ),
    ],
)
def test_a_malformed_request_is_refused(api: Emulator, body: Any, error: str) -> None:
    reply = post(api, "v1/event", body)
    assert (reply.status, reply.body) == (400, {"error": error})


def test_without_a_key_nothing_is_open(api: Emulator) -> None:
    assert post(api, "v1/event", {}, key=None).status == 401


def test_each_key_has_an_account_of_its_own(api: Emulator) -> None:
    event(api, "orderCreated", ORDER)
    assert api.state("another")["orders"] == {}


def test_a_contact_is_created_once_and_updated_by_any_of_its_names(api: Emulator) -> None:
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


def test_a_contact_needs_a_channel(api: Emulator) -> None:
    assert contact(api, externalCustomerId="77").status == 400
    assert post(api, "v1/contact", {"channels": [{"type": "fax", "value": "1"}]}).status == 400


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"channels": 5}, "channels: not a list"),
        ({"channels": [5]}, "channels: a type (email or sms) and a value each"),
        ({"channels": [{"type": "sms", "value": ""}]}, "channels: a type (email or sms) and a value each"),
        (
            {"channels": [{"type": "sms", "value": "380990000000"}], "firstName": ""},
            "firstName is not a non-empty text",
        ),
        ({"externalCustomerId": "77"}, "channels: an e-mail address or a phone is needed"),
    ],
)
def test_a_malformed_contact_is_refused(api: Emulator, body: Any, error: str) -> None:
    reply = post(api, "v1/contact", body)
    assert (reply.status, reply.body) == (400, {"error": error})


def test_an_address_belongs_to_its_last_holder(api: Emulator) -> None:
    contact(api, email="b@example.com")
    contact(api, email="b@example.com", sms="380501112233")
    assert [one.get("phone") for one in api.state()["contacts"]] == [None, "380501112233"]
    contact(api, email="b@example.com", sms="380507777777")
    assert event(api, "orderCreated", {"phone": "380501112233", **without("email")}) == "unknown contact"


def test_erasing_one_leaves_the_others_as_they_are(api: Emulator) -> None:
    # The erased one's number is 1, and so is the other's order and a param of his.
    contact(api, email="b@example.com", externalCustomerId="9", firstName="Борис")
    other = ORDER | {"email": "b@example.com", "externalOrderId": "1", "externalCustomerId": "9", "firstName": "1"}
    event(api, "orderCreated", other)
    api.handle(KEY, "DELETE", "v1/contact", {"externalCustomerId": "3", "erase": "true"}, b"")
    state = api.state()
    assert state["orders"] == {"1": other}
    assert [(one["keyValue"], len(one["params"])) for one in state["events"]] == [("anna@example.com", len(other))]


def test_an_erased_contact_is_gone_and_so_is_what_names_him(api: Emulator) -> None:
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
def test_a_fault_lasts_as_long_as_asked(api: Emulator, clock: Clock, mode: str, status: int) -> None:
    api.set_fault({"mode": mode, "seconds": 5})
    assert post(api, "v1/event", {}).status == status
    clock.now = 5
    assert post(api, "v1/contact", {"channels": [{"type": "sms", "value": "380990000000"}]}).status == 200


def test_a_fault_lasts_so_many_requests(api: Emulator) -> None:
    api.set_fault({"mode": "error", "requests": 2})
    good = {"channels": [{"type": "sms", "value": "380990000000"}]}
    assert [post(api, "v1/contact", good).status for _ in range(3)] == [500, 500, 200]


def test_a_fault_of_one_key_is_not_anothers(api: Emulator) -> None:
    good = {"channels": [{"type": "sms", "value": "380990000000"}]}
    api.set_fault({"mode": "unauthorized", "key": KEY})
    assert [post(api, "v1/contact", good, key).status for key in (KEY, "other")] == [401, 200]
    api.set_fault({"mode": "ok", "key": KEY})
    assert post(api, "v1/contact", good).status == 200


def test_ok_ends_every_fault(api: Emulator) -> None:
    api.set_fault({"mode": "unauthorized", "key": KEY})
    api.set_fault({"mode": "down"})
    api.set_fault({"mode": "ok"})
    assert post(api, "v1/contact", {"channels": [{"type": "sms", "value": "380990000000"}]}).status == 200


def test_every_request_counts_also_one_that_is_refused(api: Emulator) -> None:
    before = api.state()["requests"]
    api.set_fault({"mode": "error", "requests": 1})
    post(api, "v1/event", {})
    post(api, "v1/event", {})
    assert api.state()["requests"] == before + 2


def test_looking_at_an_unknown_account_does_not_open_it(api: Emulator) -> None:
    assert api.state("nobody") == {"contacts": [], "orders": {}, "events": [], "requests": 0}


def test_a_lost_answer_was_taken_all_the_same(api: Emulator) -> None:
    api.set_fault({"mode": "lost_answer"})
    contact(api, email="c@example.com")
    assert [one["email"] for one in api.state()["contacts"]] == ["anna@example.com", "c@example.com"]


def test_a_slow_answer_says_how_slow(api: Emulator) -> None:
    api.set_fault({"mode": "slow", "delay": 7})
    reply = contact(api, email="c@example.com")
    assert (reply.status, reply.delay) == (200, 7)


def test_a_throttled_answer_says_when_to_come_back(api: Emulator) -> None:
    api.set_fault({"mode": "throttle", "retry_after": 3})
    assert post(api, "v1/event", {}).headers == {"Retry-After": "3"}


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (None, "an object with a mode is needed"),
        ({}, "mode: one of ok, down, error, throttle, unauthorized, bad_request, slow, lost_answer"),
        ({"mode": "down", "seconds": -1}, "seconds: a number that is not negative"),
        ({"mode": "down", "seconds": float("inf")}, "seconds: a number that is not negative"),
        ({"mode": "down", "seconds": float("nan")}, "seconds: a number that is not negative"),
        ({"mode": "down", "second": 1}, "second: no such field"),
        ({"mode": "down", "requests": "1"}, "requests: a whole number that is not negative"),
        ({"mode": "down", "requests": 1.5}, "requests: a whole number that is not negative"),
        ({"mode": "throttle", "retry_after": True}, "retry_after: a whole number that is not negative"),
        ({"mode": "down", "key": 7}, "key: an API key"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(api: Emulator, wanted: Any, error: str) -> None:
    with pytest.raises(BadRequest) as raised:
        api.set_fault(wanted)
    assert str(raised.value) == error
    assert contact(api, email="c@example.com").status == 200


def http(api: Emulator, method: str, path: str, body: bytes = b"", **environ: str) -> tuple[str, Any]:
    path, _, query = path.partition("?")
    said: list[str] = []
    environment = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "wsgi.input": io.BytesIO(body)}
    environment |= {"CONTENT_LENGTH": str(len(body)), **environ}
    raw = b"".join(application(api, lambda seconds: None)(environment, lambda status, headers: said.append(status)))
    return said[0], json.loads(raw)


def test_over_http_the_key_is_the_password_of_basic_auth(api: Emulator) -> None:
    body = json.dumps({"channels": [{"type": "sms", "value": "380990000000"}]}).encode()
    for token, status in (
        ("Basic eDpkZW1vLWtleQ==", "200 OK"),
        ("Basic eDo=", "401 Unauthorized"),
        ("Bearer x", "401 Unauthorized"),
    ):
        assert http(api, "POST", "/esputnik/api/v1/contact", body, HTTP_AUTHORIZATION=token)[0] == status


def test_over_http_state_and_faults_stand_beside(api: Emulator) -> None:
    assert http(api, "GET", "/esputnik/state")[1]["contacts"][0]["email"] == "anna@example.com"
    assert http(api, "GET", "/esputnik/state?key=other")[1]["contacts"] == []
    assert http(api, "POST", "/esputnik/faults", b'{"mode": "sleepy"}')[0] == "400 Bad Request"
    assert http(api, "POST", "/esputnik/faults", b"{")[0] == "400 Bad Request"
    assert http(api, "POST", "/esputnik/faults", b'{"mode": "error"}')[0] == "200 OK"
    assert http(api, "POST", "/esputnik/reset")[0] == "200 OK"
    assert http(api, "GET", "/esputnik/state")[1]["contacts"] == []
    assert http(api, "GET", "/esputnik/else")[0] == "404 Not Found"
