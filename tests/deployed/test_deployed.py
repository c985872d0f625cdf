"""What must hold of anything that is deployed: the answers that README promises, nothing left behind, no alarm.

Here against `shopwire dev`; in the pipeline (make deployed) against the test stage, and against production those tests
that send nothing to the API.
"""

import itertools
import json
import time
from typing import Any

import pytest

from shopwire import platforms
from shopwire_testkit.fresh import refreshed
from shopwire_testkit.samples import samples
from tests.deployed.targets import Target, call, template_alarms, within

SHOPIFY = platforms.get("shopify")
SAMPLES = {sample.name: sample for sample in samples("shopify")}
# Runs of the same second must not meet.
NUMBERS = itertools.count(time.time_ns() // 1_000_000 % 900)


def fresh(name: str) -> bytes:
    """A sample as if it had happened just now."""
    return refreshed(SAMPLES[name].body, SHOPIFY.sample_fields, time.time_ns() // 1_000_000, next(NUMBERS))


def signed(target: Target, name: str, body: bytes) -> dict[str, str]:
    """The headers of one delivery."""
    assert target.shop.platform == "shopify", "the shop of these tests has to be one of Shopify's"
    topic = SAMPLES[name].topic
    return {
        key.lower(): value for key, value in SHOPIFY.sign(topic, body, target.shop, time.time_ns() // 10**6).items()
    }


def post(target: Target, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    return call("POST", f"{target.url}/webhooks/{target.shop.id}", body, headers)


def test_it_is_there_and_the_shops_address_answers_a_probe(target: Target) -> None:
    assert call("GET", f"{target.url}/health") == (200, {"status": "ok"})
    assert call("GET", f"{target.url}/webhooks/{target.shop.id}") == (200, {"status": "ok"})
    assert call("HEAD", f"{target.url}/webhooks/{target.shop.id}") == (200, None)


def test_an_unknown_shop_is_not_found(target: Target) -> None:
    status, said = call("POST", f"{target.url}/webhooks/there-is-no-such-shop", b"{}")
    assert (status, said) == (404, {"error": "no such shop"})


def test_what_is_not_signed_by_the_shop_is_refused(target: Target) -> None:
    body = fresh("orders/create")
    headers = signed(target, "orders/create", body)
    changed = body.replace(b'"currency"', b'"currencY"', 1)
    assert changed != body
    status, said = post(target, changed, headers)
    assert (status, list(said)) == (401, ["error"])


def test_what_is_too_large_is_refused(target: Target) -> None:
    status, said = post(target, b"x" * ((4 << 20) + 1), {})
    assert (status, list(said)) == (413, ["error"])


def test_a_signed_webhook_that_names_nobody_is_understood_and_sends_nothing(target: Target) -> None:
    body = fresh("carts/create")
    status, said = post(target, body, signed(target, "carts/create", body))
    assert (status, said["status"], said["reason"]) == (200, "ignored", "anonymous")
    assert said["delivery"]


@pytest.mark.sends
def test_a_signed_order_arrives_once_and_an_older_state_of_it_not_at_all(target: Target) -> None:
    body = fresh("orders/create")
    headers = signed(target, "orders/create", body)
    older = json.dumps(json.loads(body) | {"updated_at": "2020-01-01T00:00:00Z"}).encode()
    status, said = post(target, body, headers)
    assert status == 200
    assert said["status"] in ("delivered", "queued"), said  # the API may be slow
    assert said["delivery"]
    assert within(90, lambda: target.waiting() == 0), "the queue is not worked off"
    assert post(target, body, headers) == (200, {"status": "duplicate", "delivery": said["delivery"]})
    status, late = post(target, older, signed(target, "orders/create", older))
    assert (status, late["status"]) == (200, "stale")
    assert late["delivery"] != said["delivery"]


@pytest.mark.sends
def test_many_at_once_leave_nothing_in_the_queue_and_no_alarm(target: Target) -> None:
    answers = []
    for name in ("orders/create", "orders/paid", "customers/update", "checkouts/update") * 3:
        body = fresh(name)
        status, said = post(target, body, signed(target, name, body))
        assert status == 200, said
        answers.append(said["status"])
    assert set(answers) <= {"delivered", "queued"}, answers
    assert within(90, lambda: target.waiting() == 0), "the queue is not worked off"
    alarms_are_quiet(target)


def test_no_alarm_is_on(target: Target) -> None:
    alarms_are_quiet(target)


def alarms_are_quiet(target: Target) -> None:
    end = time.monotonic() + target.watch_seconds
    while True:
        alarms = target.alarms()
        assert alarms.keys() == template_alarms().keys()
        assert [name for name, on in alarms.items() if on] == []
        if time.monotonic() >= end:
            return
        time.sleep(10)
