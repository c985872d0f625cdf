"""The gateway: events of requests, responses of functions, and the paths below /dev/."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from shopwire.errors import QueueUnavailable, TableUnavailable
from shopwire_dev.aws import Faults
from shopwire_dev.gateway import ROUTES, FeedRoutes, Gateway, ParkedRoutes, RouteNotFound, make_event
from shopwire_dev.lambdas import TIMEOUT_SECONDS, Function
from tests.dev.helpers import environ, esputnik
from tools.template import load


def test_request_becomes_an_http_api_event() -> None:
    event = make_event(
        environ(
            "POST", "/webhooks/a-shop?x=1&y=2&x=3", b"{}", CONTENT_TYPE="application/json", HTTP_X_SHOPIFY_TOPIC="a/b"
        ),
        b"{}",
    )
    assert event["version"] == "2.0"
    assert (event["rawPath"], event["rawQueryString"]) == ("/webhooks/a-shop", "x=1&y=2&x=3")
    assert event["queryStringParameters"] == {"x": "1,3", "y": "2"}
    assert event["headers"]["x-shopify-topic"] == "a/b"
    assert event["headers"]["content-type"] == "application/json"
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["timeEpoch"] > 1_700_000_000_000
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", '{"a":"я"}'.encode(), False),
        ("application/json; charset=utf-8", b"{}", False),
        ("application/vnd.api+json", b"{}", True),
        ("text/plain", b"x", False),
        ("application/x-www-form-urlencoded", b"webhook_id=1", True),
        ("application/octet-stream", b"\x00", True),
        ("application/json", b"\xff", True),
        ("", b"x", True),
    ],
)
def test_binary_body_is_passed_in_base64(content_type: str, body: bytes, encoded: bool) -> None:
    event = make_event(environ("POST", "/webhooks/a-shop", body, CONTENT_TYPE=content_type), body)
    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) == body


def test_empty_body_is_left_out() -> None:
    event = make_event(environ("GET", "/webhooks/a-shop"), b"")
    assert "body" not in event
    assert event["isBase64Encoded"] is False


def test_percent_encoded_path_is_decoded() -> None:
    event = make_event(environ("GET", "/webhooks/a%20%D1%8F?x=%2F"), b"")
    assert (event["rawPath"], event["rawQueryString"]) == ("/webhooks/a я", "x=%2F")
    assert event["pathParameters"] == {"shop": "a я"}
    assert event["queryStringParameters"] == {"x": "/"}


@pytest.mark.parametrize("target", ["/webhooks/a%2Fb", "/webhooks/a/b", "/webhooks/", "/webhooks", "/webhooks/a/"])
def test_route_matches_exactly_one_segment_also_if_the_slash_is_encoded(target: str) -> None:
    with pytest.raises(RouteNotFound):
        make_event(environ("GET", target), b"")


def _properties(resource: dict[str, Any]) -> dict[str, str]:
    properties: dict[str, str] = resource["Properties"]
    return properties


def test_routes_and_timeouts_equal_the_template() -> None:
    functions = {
        name.lower(): resource["Properties"]
        for name, resource in load(Path(__file__).parents[2] / "template.yaml")["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert {name: functions[name]["Timeout"] for name in TIMEOUT_SECONDS} == TIMEOUT_SECONDS
    for name in ("webhook", "storefront"):
        events = map(_properties, functions[name]["Events"].values())
        routes = {f"{event['Method']} {event['Path']}" for event in events}
        assert routes == {key for key, (function, _) in ROUTES.items() if function == name}


def test_cookies_are_passed_as_a_list_too() -> None:
    assert make_event(environ("GET", "/health", HTTP_COOKIE="a=1; b=2"), b"")["cookies"] == ["a=1", "b=2"]


def inspector(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return [b"inspector"]


def gateway(result: Any, **more: Any) -> Gateway:
    """Return a gateway whose webhook function returns or raises the result."""

    def load(name: str) -> Any:
        def handler(event: Any, context: Any) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

        return handler

    parked = ParkedRoutes(
        list=lambda: [{"id": "x"}], show=lambda id: {"id": id} if id == "x" else None, replay=lambda id: id == "x"
    )
    functions = {name: Function(name, load) for name in ("webhook", "storefront")}
    return Gateway(functions, esputnik, Faults().set, parked, inspector, **more)


def request(to: Gateway, method: str, target: str, body: bytes = b"", **more: str) -> tuple[int, Any]:
    statuses: list[str] = []
    raw = b"".join(to(environ(method, target, body, **more), lambda status, headers: statuses.append(status)))
    return int(statuses[0].split()[0]), raw


def test_response_of_the_function_is_returned() -> None:
    created = gateway({"statusCode": 201, "body": "{}"})
    assert request(created, "POST", "/webhooks/a-shop") == (201, b"{}")
    assert request(created, "HEAD", "/webhooks/a-shop")[0] == 201
    binary = gateway({"statusCode": 200, "body": "eA==", "isBase64Encoded": True})
    assert request(binary, "GET", "/webhooks/a-shop")[1] == b"x"
    assert request(gateway({"plain": 1}), "GET", "/webhooks/a-shop") == (200, b'{"plain": 1}')


def test_function_error_is_a_500_without_details(capsys: pytest.CaptureFixture[str]) -> None:
    status, raw = request(gateway(RuntimeError("secret")), "POST", "/webhooks/a-shop")
    assert (status, json.loads(raw)) == (500, {"message": "Internal Server Error"})
    capsys.readouterr()


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "200"},
        {"statusCode": 999},
        {"statusCode": True},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
        {"statusCode": 200, "body": "\ud800"},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "headers": {"a": "b\rc: d"}},
        {1, 2},
    ],
)
def test_invalid_function_response_is_a_500(result: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, raw = request(gateway(result), "POST", "/webhooks/a-shop")
    assert (status, json.loads(raw)) == (500, {"message": "Internal Server Error"})
    capsys.readouterr()


def test_unknown_routes_and_methods_are_not_found() -> None:
    for method, target in (
        ("GET", "/else"),
        ("DELETE", "/webhooks/a-shop"),
        ("POST", "/dev/else"),
        ("GET", "/dev/faults"),
    ):
        assert request(gateway({}), method, target)[0] == 404


def test_body_over_ten_megabytes_is_refused() -> None:
    assert request(gateway({}), "POST", "/webhooks/a-shop", b"x" * (10 * 1024 * 1024 + 1))[0] == 413


def test_foreign_host_name_is_refused() -> None:
    assert request(gateway({}), "GET", "/", HTTP_HOST="evil.example:8787")[0] == 403
    assert request(gateway({}), "GET", "/", HTTP_HOST="localhost:8787")[0] == 200


LOCAL_TARGETS = (
    "/",
    "/inspect/rows",
    "/dev/parked",
    "/dev/aws",
    "/%64ev/parked",
    "/esputnik/state",
    "/esputnik/account",
    "/esputnik/api/v1/event",
)
PUBLIC_TARGETS = ("/webhooks/a-shop", "/health", "/shopwire.js")
REMOTE: Any = {"REMOTE_ADDR": "192.168.1.9", "HTTP_HOST": "192.168.1.7:8787"}


@pytest.mark.parametrize("target", ["/dev/parked", "/esputnik/state"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # curl
        ({"HTTP_ORIGIN": "http://127.0.0.1:8787", "HTTP_SEC_FETCH_SITE": "same-origin"}, 200),
        ({"HTTP_SEC_FETCH_SITE": "none"}, 200),  # an address that the user typed
        ({"HTTP_ORIGIN": "https://evil.example"}, 403),
        ({"HTTP_ORIGIN": "null"}, 403),
        ({"HTTP_ORIGIN": "http://localhost:8787"}, 403),
        ({"HTTP_ORIGIN": "http://127.0.0.1:3000"}, 403),
        ({"HTTP_ORIGIN": "https://127.0.0.1:8787"}, 403),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
        ({"HTTP_SEC_FETCH_SITE": "same-site"}, 403),
        ({"HTTP_HOST": "evil.example:8787"}, 403),
        ({"HTTP_HOST": "evil.example:8787", "HTTP_ORIGIN": "http://evil.example:8787"}, 403),
    ],
)
def test_other_web_page_reaches_neither_dev_nor_esputnik_paths(target: str, headers: Any, status: int) -> None:
    assert request(gateway({}), "GET", target, **headers)[0] == status


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/dev/faults", b'{"part": "queue", "mode": "down"}'),
        ("POST", "/dev/parked/x/replay", b""),
        ("POST", "/esputnik/reset", b""),
    ],
)
def test_other_web_page_changes_nothing(method: str, target: str, body: bytes) -> None:
    assert request(gateway({}), method, target, body)[0] == 200
    for headers in ({"HTTP_ORIGIN": "https://evil.example"}, {"HTTP_SEC_FETCH_SITE": "cross-site"}):
        assert request(gateway({}), method, target, body, **headers)[0] == 403


@pytest.mark.parametrize("allow_remote", [False, True])
@pytest.mark.parametrize("target", LOCAL_TARGETS)
@pytest.mark.parametrize(
    "origin",
    [
        REMOTE,
        {"REMOTE_ADDR": "192.168.1.9"},  # with a Host header that claims to be local
        {"HTTP_HOST": "192.168.1.7:8787"},
        {"HTTP_HOST": "a-tunnel.example"},
        {"HTTP_X_FORWARDED_FOR": "203.0.113.9"},  # a tunnel that rewrites the Host header
        {"HTTP_FORWARDED": "for=203.0.113.9"},
    ],
)
def test_inspector_dev_and_esputnik_serve_only_this_machine(allow_remote: bool, target: str, origin: Any) -> None:
    path = {"PATH_INFO": unquote(target)}
    assert request(gateway({}, allow_remote=allow_remote), "GET", target, **path)[0] in (200, 404)
    assert request(gateway({}, allow_remote=allow_remote), "GET", target, **path, **origin)[0] == 403


@pytest.mark.parametrize("target", PUBLIC_TARGETS)
def test_webhooks_and_storefront_are_served_to_other_machines_if_allowed(target: str) -> None:
    assert request(gateway({}, allow_remote=True), "GET", target, **REMOTE)[0] == 200
    assert request(gateway({}, allow_remote=True), "GET", target, HTTP_HOST="a-tunnel.example")[0] == 200
    assert request(gateway({}), "GET", target, **REMOTE)[0] == 403


@pytest.mark.parametrize("target", ["/webhooks/a-shop", "/storefront/a-shop"])
def test_tunnel_reaches_webhooks_and_storefront_under_its_own_name(target: str) -> None:
    to = gateway({}, public_hosts=["a-tunnel.example"])
    method = "OPTIONS" if target.startswith("/storefront") else "GET"
    forwarded = {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    for host in ("a-tunnel.example", "A-Tunnel.example:443"):
        assert request(to, method, target, HTTP_HOST=host, **forwarded)[0] == 200
    for host in ("another.example", "x.a-tunnel.example", "a-tunnel.example.evil.example", ""):
        assert request(to, method, target, HTTP_HOST=host, **forwarded)[0] == 403


@pytest.mark.parametrize("target", [*LOCAL_TARGETS, "/health", "/shopwire.js", "/dev/webhooks", "/webhooks/../dev/aws"])
def test_tunnel_reaches_nothing_else(target: str) -> None:
    to = gateway({}, public_hosts=["a-tunnel.example"])
    path = {"PATH_INFO": unquote(target)}
    status = request(to, "GET", target, HTTP_HOST="a-tunnel.example", **path)[0]
    assert status == (404 if target.startswith("/webhooks/") else 403)


def test_feed_is_read_by_cursor_and_by_number() -> None:
    feed = FeedRoutes(lambda id: {"id": id} if id == 7 else None, lambda after: (9, [after]), lambda last: (9, [last]))
    to = gateway({}, feed=feed)
    responses = [request(to, "GET", f"/dev/webhooks{rest}") for rest in ("?after=4", "?last=3", "", "?after=x", "/7")]
    assert [json.loads(raw) for _, raw in responses] == [
        *({"cursor": 9, "webhooks": [number]} for number in (4, 3, 0, 0)),
        {"id": 7},
    ]
    assert [request(to, "GET", f"/dev/webhooks/{id}")[0] for id in ("8", "x", "")] == [404, 404, 404]


@pytest.mark.parametrize("down", [TableUnavailable("x"), QueueUnavailable("x")])
def test_unreachable_parked_webhooks_are_a_503(down: Exception) -> None:
    def fails(*_: str) -> Any:
        raise down

    to = Gateway(
        {"webhook": Function("webhook", lambda name: fails)},
        esputnik,
        lambda fault: None,
        ParkedRoutes(fails, fails, fails),
        inspector,
    )
    for method, target in (("GET", "/dev/parked"), ("GET", "/dev/parked/x"), ("POST", "/dev/parked/x/replay")):
        status, raw = request(to, method, target)
        assert (status, json.loads(raw)) == (503, {"error": f"{type(down).__name__}: x"})


def test_parked_webhooks_are_listed_shown_and_replayed() -> None:
    to = gateway({})
    assert json.loads(request(to, "GET", "/dev/parked")[1]) == [{"id": "x"}]
    assert request(to, "GET", "/dev/parked/x")[0] == 200
    assert request(to, "GET", "/dev/parked/y")[0] == 404
    assert request(to, "POST", "/dev/parked/x/replay")[0] == 200
    assert request(to, "POST", "/dev/parked/y/replay")[0] == 404


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "the body is not JSON"),
        (b"7", "the body must be an object with the fields part and mode"),
        (b'{"part": "cellar", "mode": "down"}', "part must be one of queue, ledger, settings"),
        (b'{"part": ["queue"], "mode": "down"}', "part must be one of queue, ledger, settings"),
        (b'{"part": "queue", "mode": "odd"}', "mode must be one of down, hang, ok"),
        (b'{"part": "queue", "mode": "down", "seconds": "5"}', "seconds must be a number from 0 to 1000000"),
        (b'{"part": "queue", "mode": "down", "seconds": Infinity}', "seconds must be a number from 0 to 1000000"),
        (
            b'{"part": "queue", "mode": "down", "seconds": 1%b}' % (b"0" * 400),
            "seconds must be a number from 0 to 1000000",
        ),
        (b"[" * 100_000, "the body is not JSON"),
        (b'{"part": "queue", "mode": "down", "second": 5}', "second: unknown field"),
    ],
)
def test_invalid_fault_is_rejected(body: bytes, error: str) -> None:
    status, raw = request(gateway({}), "POST", "/dev/faults", body)
    assert (status, json.loads(raw)) == (400, {"error": error})
