"""The generic format over HTTP: mistakes are answered 400, and its promises hold as those of every platform."""

import base64
import io
import json
from typing import Any

import pytest

from shopwire import platforms
from shopwire.endpoints import webhook
from shopwire.platforms.generic import Generic
from shopwire_testkit.samples import signed_webhook
from tests.support.changes import SHOP, START
from tests.support.delivery_world import Context, World
from tests.support.generic import PLAIN, SECRET, shop

KEY = {"secrets": [SECRET], "platform": "generic", "region": "UA", "old_order_days": 0}
SIGNER = shop(id=SHOP)


@pytest.fixture
def generic(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A shop of the generic platform."""
    adapter = Generic()
    monkeypatch.setattr(platforms, "get", lambda name: adapter)
    world.put_shop(SHOP, **KEY)
    return world


def post(world: World, body: dict[str, Any], headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Post a body with a fresh signature. Return the status and the content of the response."""
    call = signed_webhook(platforms.get("generic"), body["type"], json.dumps(body).encode(), SIGNER, world.clock.now)
    event = {
        "rawPath": f"/webhooks/{SHOP}",
        "headers": {**call.headers, **(headers or {})},
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": world.clock.now},
        "isBase64Encoded": True,
        "body": base64.b64encode(call.body).decode(),
    }
    answer = webhook.serve(event, Context(world.request_id()), world.webhook)
    return answer["statusCode"], json.loads(answer["body"])


def order(seconds: int, **changes: Any) -> dict[str, Any]:
    """Return an order as it was this many seconds after the start of the test."""
    at = START.replace(second=seconds).isoformat(timespec="milliseconds")
    return PLAIN | {"created_at": START.isoformat(), "version": at, "cart_token": None} | changes


def status(answer: tuple[int, dict[str, Any]]) -> str:
    assert answer[0] == 200, answer
    found: str = answer[1]["status"]
    return found


def test_mistakes_are_400_and_nothing_is_kept(generic: World, log: io.StringIO) -> None:
    before = generic.items()
    body = order(0, total="canary", status="paid", unknown="canary")
    assert post(generic, body) == (
        400,
        {
            "error": "the body has mistakes: `status` must be INITIALIZED, IN_PROGRESS, DELIVERED or CANCELLED"
            " (and 2 more)",
            "mistakes": [
                {"field": "status", "problem": "must be INITIALIZED, IN_PROGRESS, DELIVERED or CANCELLED"},
                {"field": "total", "problem": 'must be a number, best as text, like "1250.50"'},
                {"field": "unknown", "problem": "is no field of this type"},
            ],
        },
    )
    assert generic.items() == before
    assert generic.queue_length() == 0
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["outcome"], line["reason"], line["field"], line["problem"]) == (
        "invalid",
        "invalid_body",
        "status",
        "enum",
    )
    assert "canary" not in log.getvalue()


def test_unverified_body_is_not_read(generic: World) -> None:
    code, content = post(generic, order(0, total="canary"), {"webhook-signature": "v1,AAAA"})
    assert (code, set(content)) == (401, {"error"})


def test_states_count_by_their_version_in_whatever_order_they_arrive(generic: World) -> None:
    assert status(post(generic, order(0))) == "delivered"
    assert status(post(generic, order(20, status="IN_PROGRESS"))) == "delivered"
    assert status(post(generic, order(10, note="Earlier"))) == "stale"
    assert status(post(generic, order(30, status="IN_PROGRESS"))) == "unchanged"
    assert [event["status"] for event in generic.api.events] == ["INITIALIZED", "IN_PROGRESS"]


def test_message_that_is_sent_again_is_a_duplicate_whatever_it_contains(generic: World) -> None:
    id = {"webhook-id": "msg_1"}

    def send(body: dict[str, Any]) -> str:
        raw = json.dumps(body).encode()
        from shopwire.platforms import standard_webhooks

        at = str(generic.clock.now // 1000)
        return status(
            post(generic, body, id | {"webhook-signature": standard_webhooks.signature(SECRET, "msg_1", at, raw)})
        )

    assert send(order(0)) == "delivered"
    generic.clock.advance(3_600_000)
    assert send(order(0)) == "duplicate"
    assert generic.api.sent.count("orderCreated") == 1


def test_message_waits_while_the_api_is_down_and_its_signature_gets_old(generic: World) -> None:
    generic.api.next_answers = [503]
    assert status(post(generic, order(0))) == "queued"
    generic.clock.advance(600_000)
    assert generic.run_until_idle() == ["delivered"]
    assert SECRET not in generic.stored_text()


def test_parcel_arrives_for_an_order_that_lists_it(generic: World) -> None:
    shipped = order(0, status="IN_PROGRESS", shipped=True, parcels=[{"id": "p1"}])
    assert status(post(generic, shipped)) == "delivered"
    assert status(post(generic, {"type": "parcel_delivered", "order_id": "1042", "parcel_id": "p1"})) == "delivered"
    assert generic.api.sent[-1] == "orderDelivered"


def test_deleted_order_is_cancelled_until_it_is_restored(generic: World) -> None:
    assert status(post(generic, order(0))) == "delivered"
    generic.clock.advance(30_000)
    assert status(post(generic, {"type": "order_deleted", "id": "1042"})) == "delivered"
    assert generic.api.sent[-1] == "orderCancelled"
    assert status(post(generic, order(5))) == "unchanged"
    assert status(post(generic, order(6, restored=True))) == "delivered"
    assert generic.api.events[-1]["status"] == "INITIALIZED"
