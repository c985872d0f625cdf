"""The webhook URL: every status of the contract, and every form in which API Gateway may pass a request."""

import base64
import io
import json
import re
from typing import Any

import pytest

from shopwire.endpoints import webhook
from shopwire.models import Reason
from shopwire.stores.entry import key_hash
from tests.support.changes import OTHER_SHOP, SHOP, order
from tests.support.delivery_world import Context, World

SIGNED = {"X-Test-Signature": "a-secret"}


def event(
    body: bytes | str | None = None,
    *,
    path: str = f"/webhooks/{SHOP}",
    method: str = "POST",
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    is_base64: bool | None = None,
) -> dict[str, Any]:
    """Return an event as API Gateway's HTTP API makes it (payload format 2.0)."""
    made: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "headers": SIGNED if headers is None else headers,
        "requestContext": {"http": {"method": method, "path": path}, "timeEpoch": 0},
        "isBase64Encoded": isinstance(body, bytes) if is_base64 is None else is_base64,
    }
    if query:
        made["queryStringParameters"] = query
    if body is not None:
        made["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return made


def call(world: World, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return the status and the content of the response."""
    request["requestContext"]["timeEpoch"] = world.clock.now
    answer = webhook.serve(request, Context(world.request_id()), world.webhook)
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


# --- 200


def test_log_line_has_a_hash_of_the_key_and_an_rfc_3339_timestamp(world: World, log: io.StringIO) -> None:
    call(world, event(world.body(order("42"), key="the-platforms-id")))
    (line,) = log.getvalue().splitlines()
    fields = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("timestamp"))  # RFC 3339
    assert fields == {
        "level": "INFO",
        "message": "received",
        "shop": SHOP,
        "outcome": "delivered",
        "topic": "test",
        "entity": "order 42",
        "key": key_hash("the-platforms-id"),  # as in the lines of `retry` and in ids of parked webhooks
        "ms": 100,  # the API's two answers
        "sent": "orderCreated",
    }


def test_response_says_the_outcome(world: World) -> None:
    body = world.body(order(), key="k")
    assert call(world, event(body)) == (200, {"status": "delivered", "delivery": "k"})
    assert call(world, event(body)) == (200, {"status": "duplicate", "delivery": "k"})


def test_response_contains_the_reason(world: World) -> None:
    world.api.next_answers = [503]
    expected = {"status": "queued", "delivery": "k", "reason": Reason.API_FAILED}
    assert call(world, event(world.body(order(), key="k"))) == (200, expected)


def test_response_to_several_deliveries_is_a_list(world: World) -> None:
    expected = [{"status": "delivered", "delivery": f"k-{number}"} for number in range(2)]
    assert call(world, event(world.body(order("1"), order("2"), key="k"))) == (200, {"deliveries": expected})


@pytest.mark.parametrize(
    "body", [b"", b"not JSON", b"[]", b"[" * 1000, b'"\xd0\x9a\xd0\xb8\xd1\x97\xd0\xb2 \xf0\x9f\x98\x80"', b"\xff\x00"]
)
def test_unreadable_body_is_parked_and_answered_200(world: World, body: bytes) -> None:
    status, content = call(world, event(body))
    assert (status, content["status"], content["reason"]) == (200, "parked", Reason.UNREADABLE)
    assert content["delivery"].startswith("body:")


def test_unsigned_ping_is_ignored_and_not_read(world: World) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, content = call(world, event("webhook_id=12", headers=headers))
    assert (status, content["status"]) == (200, "ignored")
    assert world.calls == ["ssm.get_parameter"]


@pytest.mark.parametrize("is_base64", [True, False])
def test_body_arrives_as_base64_or_as_text(world: World, is_base64: bool) -> None:
    body = world.body(order(), text="Київ 😀 \\/")
    assert call(world, event(body if is_base64 else body.decode(), is_base64=is_base64))[1]["status"] == "delivered"


def test_text_with_a_wrong_base64_flag_is_used_as_it_is(world: World) -> None:
    body = world.body(order(), text="~")
    assert call(world, event(body.decode(), is_base64=True))[1]["status"] == "delivered"


@pytest.mark.parametrize("name", ["x-test-signature", "X-TEST-SIGNATURE", "X-Test-Signature"])
def test_case_of_header_names_does_not_matter(world: World, name: str) -> None:
    assert call(world, event(world.body(order()), headers={name: "a-secret"}))[0] == 200


@pytest.mark.parametrize("query", [{"utm": "x"}, {"a": "1,2,3"}, {"": ""}])
def test_unknown_query_parameters_are_ignored(world: World, query: dict[str, str]) -> None:
    assert call(world, event(world.body(order()), query=query))[1]["status"] == "delivered"


def test_trailing_slash_is_accepted(world: World) -> None:
    assert call(world, event(world.body(order()), path=f"/webhooks/{SHOP}/"))[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_and_head_of_a_known_shop_are_200(world: World, method: str) -> None:
    assert call(world, event(method=method, headers={})) == (200, {"status": "ok"})


def test_challenge_is_echoed_as_plain_text(world: World) -> None:
    request = event(method="GET", headers={}, query={"challenge": "8a8d-b6c0.f_e1"})
    answer = webhook.serve(request, Context(world.request_id()), world.webhook)
    assert (answer["statusCode"], answer["body"]) == (200, "8a8d-b6c0.f_e1")
    assert answer["headers"] == {"content-type": "text/plain", "x-content-type-options": "nosniff"}


@pytest.mark.parametrize("challenge", ["<script>", "a b", "x" * 257, "", "é"])
def test_unusual_challenge_is_not_echoed(world: World, challenge: str) -> None:
    assert call(world, event(method="GET", headers={}, query={"challenge": challenge})) == (200, {"status": "ok"})


def test_health_is_200_without_a_call(world: World) -> None:
    assert call(world, event(path="/health", method="GET", headers={})) == (200, {"status": "ok"})
    assert world.calls == []


# --- 4xx


@pytest.mark.parametrize("headers", [{}, {"X-Test-Signature": "wrong"}, {"X-Test-Signature": "подпись"}])
def test_missing_or_wrong_signature_is_401_and_nothing_is_stored(world: World, headers: dict[str, str]) -> None:
    headers = headers | {"X-Test-Topic": "canary", "X-Test-Id": "canary", "User-Agent": "canary"}
    status, content = call(world, event(world.body(order(), text="canary"), headers=headers, query={"a": "canary"}))
    assert (status, list(content)) == (401, ["error"])
    assert "canary" not in content["error"]
    assert "canary" not in world.stored_text() + str(world.reports)
    assert not [call for call in world.calls if call.startswith(("dynamodb", "sqs", "api"))]


def test_any_listed_secret_verifies(world: World) -> None:
    assert call(world, event(world.body(order()), headers={"X-Test-Signature": "an-older-secret"}))[0] == 200


def test_settings_are_read_again_after_the_secret_is_replaced(world: World) -> None:
    call(world, event(world.body(order("1"))))
    world.put_shop(SHOP, secrets=["a-new-secret"])
    headers = {"X-Test-Signature": "a-new-secret"}
    assert call(world, event(world.body(order("2")), headers=headers))[0] == 200


def test_wrong_signatures_read_the_settings_once_in_30_seconds(world: World) -> None:
    bad = {"X-Test-Signature": "wrong"}
    for _ in range(5):
        assert call(world, event(b"{}", headers=bad))[0] == 401
    assert world.calls == ["ssm.get_parameter"] * 2
    world.clock.advance(30_000)
    call(world, event(b"{}", headers=bad))
    assert world.calls == ["ssm.get_parameter"] * 3


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/ab",
        "/webhooks/" + "a" * 65,
        "/webhooks/Little-Shop",
        "/webhooks/little%2Fshop",
        "/webhooks/little-shop%2F",
        "/webhooks/little/shop",
        "/webhooks/..",
        "/webhooks/little-shop\n",
        "/webhooks/",
        "/webhooks",
        "/",
        "/elsewhere/little-shop",
    ],
)
def test_path_without_a_shop_id_is_404_without_a_lookup(world: World, path: str) -> None:
    assert call(world, event(b"{}", path=path)) == (404, {"error": "no such shop"})
    assert world.calls == []


def test_unknown_shop_is_404(world: World) -> None:
    assert call(world, event(b"{}", path="/webhooks/unknown-shop"))[0] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405(world: World, method: str) -> None:
    assert call(world, event(method=method)) == (405, {"error": "POST a webhook here"})


@pytest.mark.parametrize(("size", "status"), [(4 << 20, 200), ((4 << 20) + 1, 413)])
def test_body_over_4_mebibytes_is_413_before_it_is_hashed(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int, status: int
) -> None:
    hashed = []
    monkeypatch.setattr(world.platform, "verify", lambda webhook, shop: hashed.append(len(webhook.body)))
    world.platform.bodies[b" " * size] = []
    assert call(world, event(b" " * size))[0] == status
    assert hashed == [size][: status == 200]


# --- 503


def unavailable(world: World, request: dict[str, Any]) -> str:
    request["requestContext"]["timeEpoch"] = world.clock.now
    answer = webhook.serve(request, Context(world.request_id()), world.webhook)
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["retry-after"]) > 0
    return json.loads(answer["body"])["error"]  # type: ignore[no-any-return]


def test_webhook_is_503_while_queue_and_ledger_are_down(world: World) -> None:
    with world.outage("sqs", "dynamodb"):
        assert unavailable(world, event(world.body(order()))) == "no durable store can be reached"


def test_shop_that_was_never_read_is_503_while_ssm_is_down(world: World) -> None:
    call(world, event(b"{}", path="/webhooks/unknown-shop"))
    world.put_shop(OTHER_SHOP)
    world.clock.advance(31_000)
    with world.outage("ssm"):
        for _ in range(2):
            unavailable(world, event(b"{}", path=f"/webhooks/{OTHER_SHOP}"))


def test_missing_setting_is_logged_without_any_value(world: World, log: io.StringIO) -> None:
    world.aws.ssm.put_parameter(
        Name=f"/shops/{OTHER_SHOP}", Value='{"platform": "shopify", "esputnik_key": "canary"}', Type="SecureString"
    )
    error = unavailable(world, event(b"{}", path=f"/webhooks/{OTHER_SHOP}"))
    content = log.getvalue()
    assert "`secrets` is required" in content
    assert "canary" not in content + error


def test_header_that_is_no_valid_text_is_answered_like_any_other(world: World) -> None:
    body = world.body(order(), key="\ud800")
    assert json.loads(world.serve(body)["body"])["status"] == "delivered"
    assert json.loads(world.serve(body)["body"])["status"] == "duplicate"
