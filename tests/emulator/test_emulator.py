"""The emulator: accounts, injected faults, and the HTTP interface."""

import io
import json
from typing import Any

import pytest

from shopwire_emulator.emulator import RESULT_HEADER, BadRequest, Emulator
from shopwire_emulator.endpoints import make_application
from tests.emulator.helpers import KEY, ORDER, contact, event, event_body, post
from tests.emulator.test_orders import ORDER as ORDER_OF_V1_ORDERS
from tests.support.clock import SecondsClock


def test_request_without_a_key_is_unauthorized(api: Emulator) -> None:
    assert post(api, "v1/event", {}, key=None).status == 401


def test_each_key_has_its_own_account(api: Emulator) -> None:
    event(api, "orderCreated", ORDER)
    assert api.state("another")["orders"] == {}


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("down", 0),
        ("error", 500),
        ("throttle", 429),
        ("unauthorized", 401),
        ("bad_request", 400),
        ("repeated", 409),
        ("lost_answer", 0),
    ],
)
def test_fault_ends_after_its_seconds(api: Emulator, clock: SecondsClock, mode: str, status: int) -> None:
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
    assert api.state("unknown") == {"contacts": [], "orders": {}, "events": [], "requests": 0}


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
        ({}, "mode must be one of ok, down, error, throttle, unauthorized, bad_request, repeated, slow, lost_answer"),
        ({"mode": "down", "seconds": -1}, "seconds must be a number from 0 to 1000000"),
        ({"mode": "down", "seconds": float("inf")}, "seconds must be a number from 0 to 1000000"),
        ({"mode": "down", "seconds": float("nan")}, "seconds must be a number from 0 to 1000000"),
        ({"mode": "down", "second": 1}, "second: unknown field"),
        ({"mode": "down", "requests": "1"}, "requests must be a whole number from 0 to 1000000"),
        ({"mode": "down", "requests": 1.5}, "requests must be a whole number from 0 to 1000000"),
        ({"mode": "throttle", "retry_after": True}, "retry_after must be a whole number from 0 to 1000000"),
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


def test_http_serves_the_settings_of_each_account(api: Emulator) -> None:
    status, settings = http(api, "POST", "/esputnik/account", b'{"segmentation": false}')
    assert (status, settings["segmentation"], settings["validation"]) == ("200 OK", False, False)
    assert http(api, "POST", "/esputnik/account?key=other", b"{}")[1]["segmentation"] is True
    assert http(api, "POST", "/esputnik/account", b'{"x": 1}') == ("400 Bad Request", {"error": "x: unknown field"})
    assert http(api, "POST", "/esputnik/account", b"{")[0] == "400 Bad Request"
    assert http(api, "POST", "/esputnik/account")[0] == "400 Bad Request"


def test_result_for_the_inspector_is_short(api: Emulator) -> None:
    response = post(api, "v1/orders", {"orders": [{**ORDER_OF_V1_ORDERS, "x" * 100_000: 1}]})
    assert len(response.headers[RESULT_HEADER]) < 2_000


def test_http_sends_the_list_of_expected_params_as_plain_text(api: Emulator) -> None:
    api.change_account({"validation": True})
    sent: list[Any] = []
    body = json.dumps(event_body("orderCreated", {"email": "anna@example.com"})).encode()
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/esputnik/api/v1/event", "wsgi.input": io.BytesIO(body)}
    environ |= {"CONTENT_LENGTH": str(len(body)), "HTTP_AUTHORIZATION": "Basic eDpkZW1vLWtleQ=="}
    chunks = make_application(api, lambda seconds: None)(environ, lambda status, headers: sent.append(dict(headers)))
    assert b"".join(chunks).startswith(b"The event should have the following params: [{")
    assert sent[0]["Content-Type"] == "text/plain; charset=utf-8"


def test_http_serves_state_faults_and_reset(api: Emulator) -> None:
    assert http(api, "GET", "/esputnik/state")[1]["contacts"][0]["email"] == "anna@example.com"
    assert http(api, "GET", "/esputnik/state?key=other")[1]["contacts"] == []
    assert http(api, "POST", "/esputnik/faults", b'{"mode": "sleepy"}')[0] == "400 Bad Request"
    assert http(api, "POST", "/esputnik/faults", b"{")[0] == "400 Bad Request"
    assert http(api, "POST", "/esputnik/faults", b'{"mode": "error"}')[0] == "200 OK"
    assert http(api, "POST", "/esputnik/reset")[0] == "200 OK"
    assert http(api, "GET", "/esputnik/state")[1]["contacts"] == []
    assert http(api, "GET", "/esputnik/else")[0] == "404 Not Found"
