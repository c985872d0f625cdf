"""Tests of a running installation: it gives the promised responses, leaves nothing in the queue and causes no alarm.

`make test` runs them against `shopwire dev`. The pipeline runs them with `make deployed` against the test stage, and
runs those that send nothing to the API against production."""

import itertools
import json
import time
from typing import Any

import pytest

from shopwire import platforms
from shopwire_testkit.fresh import refresh
from shopwire_testkit.samples import samples
from tests.deployed.targets import Target, call, template_alarms, wait_until

SHOPIFY = platforms.get("shopify")
SAMPLES = {sample.name: sample for sample in samples("shopify")}
# The first number depends on the time, so that two runs in the same second do not send the same order.
NUMBERS = itertools.count(time.time_ns() // 1_000_000 % 900)


def fresh_body(name: str) -> bytes:
    """Return a sample with new IDs and the current time."""
    return refresh(SAMPLES[name].body, SHOPIFY.sample_fields, now_ms(), next(NUMBERS))


def signed_headers(target: Target, name: str, body: bytes) -> dict[str, str]:
    """Return the headers of one delivery."""
    assert target.shop.platform == "shopify", "the shop of these tests must be a Shopify shop (docs/deploy.md)"
    headers = SHOPIFY.sign(SAMPLES[name].topic, body, target.shop, now_ms()).headers
    return {header.lower(): value for header, value in headers.items()}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def post(target: Target, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    return call("POST", f"{target.url}/webhooks/{target.shop.id}", body, headers)


def test_health_and_the_shops_url_respond_to_probes(target: Target) -> None:
    assert call("GET", f"{target.url}/health") == (200, {"status": "ok"})
    assert call("GET", f"{target.url}/webhooks/{target.shop.id}") == (200, {"status": "ok"})
    assert call("HEAD", f"{target.url}/webhooks/{target.shop.id}") == (200, None)


def test_unknown_shop_is_not_found(target: Target) -> None:
    assert call("POST", f"{target.url}/webhooks/there-is-no-such-shop", b"{}") == (404, {"error": "no such shop"})


def test_changed_body_is_rejected(target: Target) -> None:
    body = fresh_body("orders/create")
    headers = signed_headers(target, "orders/create", body)
    changed = body.replace(b'"currency"', b'"currencY"', 1)
    assert changed != body
    status, response = post(target, changed, headers)
    assert (status, list(response)) == (401, ["error"])


def test_too_large_body_is_rejected(target: Target) -> None:
    status, response = post(target, b"x" * ((4 << 20) + 1), {})
    assert (status, list(response)) == (413, ["error"])


def test_signed_anonymous_cart_is_ignored(target: Target) -> None:
    body = fresh_body("carts/create")
    status, response = post(target, body, signed_headers(target, "carts/create", body))
    assert (status, response["status"], response["reason"]) == (200, "ignored", "anonymous")
    assert response["delivery"]


@pytest.mark.sends
def test_signed_order_is_delivered_once_and_its_older_state_is_stale(target: Target) -> None:
    body = fresh_body("orders/create")
    headers = signed_headers(target, "orders/create", body)
    older = json.dumps(json.loads(body) | {"updated_at": "2020-01-01T00:00:00Z"}).encode()
    status, response = post(target, body, headers)
    assert status == 200
    assert response["status"] in ("delivered", "queued"), response  # A slow API causes "queued".
    assert response["delivery"]
    assert wait_until(lambda: target.queued() == 0, seconds=90), "the queue is not empty after 90 s"
    assert post(target, body, headers) == (200, {"status": "duplicate", "delivery": response["delivery"]})
    status, late = post(target, older, signed_headers(target, "orders/create", older))
    assert (status, late["status"]) == (200, "stale")
    assert late["delivery"] != response["delivery"]


@pytest.mark.sends
def test_burst_of_webhooks_leaves_an_empty_queue_and_no_alarm(target: Target) -> None:
    outcomes = []
    for name in ("orders/create", "orders/paid", "customers/update", "checkouts/update") * 3:
        body = fresh_body(name)
        status, response = post(target, body, signed_headers(target, name, body))
        assert status == 200, response
        outcomes.append(response["status"])
    assert set(outcomes) <= {"delivered", "queued"}, outcomes
    assert wait_until(lambda: target.queued() == 0, seconds=90), "the queue is not empty after 90 s"
    assert_no_alarm(target)


def test_no_alarm_is_on(target: Target) -> None:
    assert_no_alarm(target)


def assert_no_alarm(target: Target) -> None:
    end = time.monotonic() + target.watch_seconds
    while True:
        alarms = target.alarms()
        assert alarms.keys() == template_alarms().keys()
        assert [name for name, on in alarms.items() if on] == []
        if time.monotonic() >= end:
            return
        time.sleep(10)
