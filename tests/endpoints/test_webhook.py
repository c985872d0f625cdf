"""The webhook URL: every status of the contract, and what the gateway may do to a request on its way."""

import base64
import io
import json
import re
from typing import Any

import pytest

from shopwire.stores.entry import key_hash
from tests.support.delivery_world import OTHER, SHOP, Context, World, order

SIGNED = {"X-Test-Signature": "a-secret"}


def event(
    body: bytes | str | None = None,
    *,
    path: str = f"/webhooks/{SHOP}",
    method: str = "POST",
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    flag: bool | None = None,
    at: int = 0,
) -> dict[str, Any]:
    """As API Gateway's HTTP API makes it: payload 2.0."""
    made: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "headers": SIGNED if headers is None else headers,
        "requestContext": {"http": {"method": method, "path": path}, "timeEpoch": at},
        "isBase64Encoded": isinstance(body, bytes) if flag is None else flag,
    }
    if query:
        made["queryStringParameters"] = query
    if body is not None:
        made["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return made


def ask(world: World, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    from shopwire.endpoints import webhook as http

    request["requestContext"]["timeEpoch"] = world.clock.now
    answer = http.serve(request, Context(world.owner(), 10_000), world.webhook)
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


# --- 200


def test_a_webhooks_line_has_the_short_hash_of_its_key_and_a_time_that_lambda_takes(
    world: World, log: io.StringIO
) -> None:
    ask(world, event(world.body(order("42"), key="the-platforms-id")))
    (text,) = log.getvalue().splitlines()
    said = json.loads(text)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.pop("timestamp"))  # RFC 3339
    assert said == {
        "level": "INFO",
        "message": "received",
        "shop": SHOP,
        "outcome": "delivered",
        "topic": "test",
        "entity": "order 42",
        "key": key_hash("the-platforms-id"),  # as in the lines of `retry` and in what is parked
        "milliseconds": 100,  # as long as the API took
    }


def test_a_webhook_is_answered_with_what_became_of_it(world: World) -> None:
    body = world.body(order(), key="k")
    assert ask(world, event(body)) == (200, {"status": "delivered", "delivery": "k"})
    assert ask(world, event(body)) == (200, {"status": "duplicate", "delivery": "k"})


def test_a_reason_stands_beside_the_status(world: World) -> None:
    world.api.answers = [503]
    said = {"status": "queued", "delivery": "k", "reason": "api_failed"}
    assert ask(world, event(world.body(order(), key="k"))) == (200, said)


def test_several_deliveries_are_answered_as_a_list(world: World) -> None:
    said = [{"status": "delivered", "delivery": f"k-{n}"} for n in range(2)]
    assert ask(world, event(world.body(order("1"), order("2"), key="k"))) == (200, {"deliveries": said})


@pytest.mark.parametrize(
    "body", [b"", b"not JSON", b"[]", b"[" * 1000, b'"\xd0\x9a\xd0\xb8\xd1\x97\xd0\xb2 \xf0\x9f\x98\x80"', b"\xff\x00"]
)
def test_a_verified_body_that_cannot_be_read_is_parked_and_answered_200(world: World, body: bytes) -> None:
    status, said = ask(world, event(body))
    assert (status, said["status"], said["reason"]) == (200, "parked", "unreadable")
    assert said["delivery"].startswith("body:")


def test_an_unsigned_ping_is_ignored_unread(world: World) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, said = ask(world, event("webhook_id=12", headers=headers))
    assert (status, said["status"]) == (200, "ignored")
    assert world.calls == ["ssm.get_parameter"]


@pytest.mark.parametrize("flag", [True, False])
def test_a_body_comes_as_base64_or_as_text(world: World, flag: bool) -> None:
    body = world.body(order(), text="Київ 😀 \\/")
    assert ask(world, event(body if flag else body.decode(), flag=flag))[1]["status"] == "delivered"


def test_a_flag_that_is_wrong_leaves_the_bytes_as_they_stand(world: World) -> None:
    body = world.body(order(), text="~")
    assert ask(world, event(body.decode(), flag=True))[1]["status"] == "delivered"


@pytest.mark.parametrize("name", ["x-test-signature", "X-TEST-SIGNATURE", "X-Test-Signature"])
def test_header_names_come_in_any_case(world: World, name: str) -> None:
    assert ask(world, event(world.body(order()), headers={name: "a-secret"}))[0] == 200


@pytest.mark.parametrize("query", [{"utm": "x"}, {"a": "1,2,3"}, {"": ""}])
def test_unknown_and_repeated_query_strings_change_nothing(world: World, query: dict[str, str]) -> None:
    assert ask(world, event(world.body(order()), query=query))[1]["status"] == "delivered"


def test_a_trailing_slash_is_the_same_url(world: World) -> None:
    assert ask(world, event(world.body(order()), path=f"/webhooks/{SHOP}/"))[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_platforms_may_probe_the_url_of_a_known_shop(world: World, method: str) -> None:
    assert ask(world, event(method=method, headers={})) == (200, {"status": "ok"})


def test_a_challenge_is_echoed_as_plain_text(world: World) -> None:
    from shopwire.endpoints import webhook as http

    request = event(method="GET", headers={}, query={"challenge": "8a8d-b6c0.f_e1"})
    answer = http.serve(request, Context("r", 10_000), world.webhook)
    assert (answer["statusCode"], answer["body"]) == (200, "8a8d-b6c0.f_e1")
    assert answer["headers"] == {"content-type": "text/plain", "x-content-type-options": "nosniff"}


@pytest.mark.parametrize("challenge", ["<script>", "a b", "x" * 257, "", "é"])
def test_a_challenge_that_is_none_is_not_echoed(world: World, challenge: str) -> None:
    assert ask(world, event(method="GET", headers={}, query={"challenge": challenge})) == (200, {"status": "ok"})


def test_health(world: World) -> None:
    assert ask(world, event(path="/health", method="GET", headers={})) == (200, {"status": "ok"})
    assert world.calls == []


# --- 4xx


@pytest.mark.parametrize("headers", [{}, {"X-Test-Signature": "wrong"}, {"X-Test-Signature": "подпись"}])
def test_a_signature_that_is_missing_or_wrong_is_401_and_nothing_is_kept(world: World, headers: dict[str, str]) -> None:
    status, said = ask(world, event(world.body(order(), text="canary"), headers=headers))
    assert (status, list(said)) == (401, ["error"])
    assert "canary" not in world.stored() + str(world.reports)
    assert not [call for call in world.calls if call.startswith(("dynamodb", "sqs", "api"))]


def test_an_older_secret_verifies_while_it_is_listed(world: World) -> None:
    assert ask(world, event(world.body(order()), headers={"X-Test-Signature": "an-older-secret"}))[0] == 200


def test_a_secret_that_was_replaced_is_read_anew(world: World) -> None:
    ask(world, event(world.body(order("1"))))
    world.put_shop(SHOP, secrets=["a-new-secret"])
    headers = {"X-Test-Signature": "a-new-secret"}
    assert ask(world, event(world.body(order("2")), headers=headers))[0] == 200


def test_bad_signatures_read_the_settings_at_most_once_in_thirty_seconds(world: World) -> None:
    bad = {"X-Test-Signature": "wrong"}
    for _ in range(5):
        assert ask(world, event(b"{}", headers=bad))[0] == 401
    assert world.calls == ["ssm.get_parameter"] * 2
    world.clock.pass_(30_000)
    ask(world, event(b"{}", headers=bad))
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
def test_what_names_no_shop_is_404_without_a_look_up(world: World, path: str) -> None:
    assert ask(world, event(b"{}", path=path)) == (404, {"error": "no such shop"})
    assert world.calls == []


def test_an_unknown_shop_is_404(world: World) -> None:
    assert ask(world, event(b"{}", path="/webhooks/nobodys-shop"))[0] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405(world: World, method: str) -> None:
    assert ask(world, event(method=method)) == (405, {"error": "POST a webhook here"})


@pytest.mark.parametrize(("size", "status"), [(4 << 20, 200), ((4 << 20) + 1, 413)])
def test_a_body_over_four_mebibytes_is_413_before_it_is_hashed(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int, status: int
) -> None:
    hashed = []
    monkeypatch.setattr(world.platform, "verify", lambda webhook, shop: hashed.append(len(webhook.body)))
    world.platform.bodies[b" " * size] = []
    assert ask(world, event(b" " * size))[0] == status
    assert hashed == [size][: status == 200]


# --- 503


def unavailable(world: World, request: dict[str, Any]) -> str:
    from shopwire.endpoints import webhook as http

    request["requestContext"]["timeEpoch"] = world.clock.now
    answer = http.serve(request, Context("r", 10_000), world.webhook)
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["retry-after"]) > 0
    return json.loads(answer["body"])["error"]  # type: ignore[no-any-return]


def test_with_nothing_durable_in_reach_it_is_503_with_retry_after(world: World) -> None:
    with world.outage("sqs", "dynamodb"):
        assert unavailable(world, event(world.body(order()))) == "no durable store can be reached"


def test_a_shop_that_was_never_read_is_503_while_the_settings_are_down(world: World) -> None:
    ask(world, event(b"{}", path="/webhooks/nobodys-shop"))
    world.put_shop(OTHER)
    world.clock.pass_(31_000)
    with world.outage("ssm"):
        for _ in range(2):
            unavailable(world, event(b"{}", path=f"/webhooks/{OTHER}"))


def test_a_setting_that_is_missing_is_named_and_no_value_is(world: World, log: io.StringIO) -> None:
    world.real["ssm"].put_parameter(
        Name=f"/shops/{OTHER}", Value='{"platform": "shopify", "esputnik_key": "canary"}', Type="SecureString"
    )
    error = unavailable(world, event(b"{}", path=f"/webhooks/{OTHER}"))
    said = log.getvalue()
    assert "secrets: Field required" in said
    assert "canary" not in said + error
