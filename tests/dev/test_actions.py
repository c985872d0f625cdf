"""What the inspector can do in `shopwire dev`: scenarios, resend, try now, replay, export, and the API's page."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from shopwire_dev.stack import DevStack
from shopwire_inspector.recorded import RecordedWebhook


@pytest.fixture(scope="module")
def stack() -> Iterator[DevStack]:
    stack = DevStack()
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(autouse=True)
def end_faults(stack: DevStack) -> Iterator[None]:
    yield
    stack.emulator.set_fault({"mode": "ok"})


def post(stack: DevStack, path: str, **form: str) -> Any:
    """Post a form of the inspector, and return the JSON of the response."""
    body = urlencode({"json": "1", **form}).encode()
    with urlopen(Request(f"{stack.url}/inspect/{path}", body), timeout=30) as response:
        return json.load(response)


def get(stack: DevStack, path: str) -> str:
    with urlopen(f"{stack.url}{path}", timeout=30) as response:
        text: str = response.read().decode()
        return text


def webhooks(stack: DevStack, answer: Any) -> list[RecordedWebhook]:
    """Return what the journal has of the webhooks that an action sent."""
    found = [stack.journal.get(sent["webhook"]) for sent in answer["sent"]]
    assert all(found)
    return [webhook for webhook in found if webhook]


def events(webhook: RecordedWebhook) -> list[str]:
    return [name for name in webhook.sent if not name.startswith("contact")]


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


CREATED, UPDATED, DELIVERED = ["orderCreated"], ["orderUpdated"], ["orderDelivered"]


@pytest.mark.parametrize(
    ("platform", "scenario", "sent"),
    [
        ("shopify", "order-life", [CREATED, UPDATED, UPDATED, DELIVERED]),
        ("shopify", "cart-to-order", [[], [], ["cartUpdated"], CREATED, []]),
        ("shopify", "refund", [CREATED, [], UPDATED]),
        ("shopify", "out-of-order", [[], [*CREATED, *DELIVERED], [], []]),
        ("woocommerce", "order-life", [CREATED, UPDATED, UPDATED, DELIVERED]),
        ("woocommerce", "cart-to-order", [["productViewed"], ["cartUpdated"], ["cartUpdated"], CREATED]),
        ("woocommerce", "refund", [CREATED, UPDATED, [*UPDATED, "orderCancelled"]]),
        ("woocommerce", "out-of-order", [[*CREATED, *DELIVERED], [], []]),
    ],
)
def test_scenario_becomes_the_events_that_it_promises(
    stack: DevStack, platform: str, scenario: str, sent: list[list[str]]
) -> None:
    played = webhooks(stack, post(stack, "scenario", platform=platform, scenario=scenario))
    assert [events(webhook) for webhook in played] == sent
    assert [webhook.not_saved for webhook in played] == [[]] * len(sent)


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_delivery_that_arrives_twice_at_once_is_sent_once(stack: DevStack, platform: str) -> None:
    played = webhooks(stack, post(stack, "scenario", platform=platform, scenario="twice-at-once"))
    wait_until(lambda: not any(webhook.waits for webhook in played))
    assert sorted(webhook.outcome for webhook in played) == ["delivered", "duplicate"]


def test_parked_milestone_that_was_applied_says_so(stack: DevStack) -> None:
    played = webhooks(stack, post(stack, "scenario", platform="shopify", scenario="out-of-order"))

    def is_applied() -> bool:
        get(stack, "/inspect/rows")
        return played[0].outcome == "applied"

    wait_until(is_applied)
    counters = {group: count for _, group, count in json.loads(get(stack, "/inspect/rows"))["counters"]}
    assert counters["parked"] == 0


def test_resent_webhook_is_a_new_delivery_and_a_repeated_one_a_duplicate(stack: DevStack) -> None:
    (first,) = webhooks(stack, post(stack, "send", sample="shopify orders/create", fresh="on"))
    page = get(stack, f"/inspect/webhooks/{first.id}")
    assert "Sent again as it is, it would send nothing: unchanged." in page
    (again,) = webhooks(stack, post(stack, f"webhooks/{first.id}/resend"))
    assert (again.entity, again.outcome) == (first.entity, "unchanged")
    (repeated,) = webhooks(stack, post(stack, f"webhooks/{first.id}/repeat"))
    assert (repeated.entity, repeated.outcome) == (first.entity, "duplicate")
    (fresh,) = webhooks(stack, post(stack, f"webhooks/{first.id}/resend", fresh="on"))
    assert (fresh.outcome, events(fresh)) == ("delivered", CREATED)
    assert fresh.entity != first.entity


def test_edited_webhook_sends_what_its_preview_showed(stack: DevStack) -> None:
    (first,) = webhooks(stack, post(stack, "send", sample="shopify orders/create", fresh="on"))
    assert first.request
    assert first.request.body
    body = json.loads(first.request.body) | {"financial_status": "paid"}
    form = {"topic": "orders/paid", "body": json.dumps(body)}
    requests = stack.emulator.state()["requests"]
    preview = post(stack, f"webhooks/{first.id}/preview", **form)
    assert (preview["problem"], preview["sends"], preview["count"]) == (None, "orderUpdated", 1)
    changed = [line for sign, line in preview["diff"] if sign == "+"]
    assert '    "status": "IN_PROGRESS",' in changed
    assert stack.emulator.state()["requests"] == requests  # nothing was sent
    (second,) = webhooks(stack, post(stack, f"webhooks/{first.id}/resend", **form))
    assert (second.topic, events(second)) == ("orders/paid", UPDATED)


@pytest.mark.parametrize(
    ("body", "outcome", "reason"),
    [("{", "parked", "unreadable"), ('{"id": 1}', "parked", "unreadable")],
)
def test_preview_of_a_broken_body_says_what_would_happen(stack: DevStack, body: str, outcome: str, reason: str) -> None:
    (first,) = webhooks(stack, post(stack, "send", sample="shopify orders/create", fresh="on"))
    (result,) = post(stack, f"webhooks/{first.id}/preview", body=body)["results"]
    assert result["outcome"] == outcome
    assert result["reason"].startswith(reason)


def test_webhook_with_a_wrong_signature_is_accepted_when_it_is_resent(stack: DevStack) -> None:
    (first,) = webhooks(stack, post(stack, "send", sample="shopify orders/create", fresh="on"))
    assert first.request
    headers = {**first.request.headers, "x-shopify-hmac-sha256": "d3Jvbmc="}
    with pytest.raises(HTTPError, match="401"):
        urlopen(Request(f"{stack.url}/webhooks/demo-shopify", first.request.body, headers), timeout=30)
    refused = next(stack.journal.newest_first())
    assert refused.outcome == "unverified"
    (again,) = webhooks(stack, post(stack, f"webhooks/{refused.id}/resend"))
    assert (again.topic, again.outcome) == ("orders/create", "unchanged")


def test_visit_is_signed_for_its_contact_when_it_is_resent(stack: DevStack) -> None:
    (first,) = webhooks(stack, post(stack, "send", sample="storefront product", fresh="on"))
    (again,) = webhooks(stack, post(stack, f"webhooks/{first.id}/resend"))
    assert again.topic == "product"
    assert again.last_reason in (None, "api_repeated")  # the API got the same event less than a minute ago


@pytest.mark.parametrize("sample", ["shopify customers/redact", "shopify orders/delete", "woocommerce order.deleted"])
def test_what_destroys_something_asks_first(stack: DevStack, sample: str) -> None:
    newest = next(stack.journal.newest_first(), None)
    assert "deletes or erases" in post(stack, "send", sample=sample)["question"]
    text = urlopen(Request(f"{stack.url}/inspect/send", urlencode({"sample": sample}).encode()), timeout=30).read()
    assert b"deletes or erases" in text  # without JavaScript the question is a page
    assert b'name="confirmed"' in text
    assert next(stack.journal.newest_first(), None) is newest  # nothing was sent


def test_confirmed_sample_is_sent_and_asks_again_when_it_is_resent(stack: DevStack) -> None:
    (sent,) = webhooks(stack, post(stack, "send", sample="shopify orders/delete", confirmed="1"))
    assert sent.topic == "orders/delete"
    assert "deletes or erases" in post(stack, f"webhooks/{sent.id}/resend")["question"]
    assert next(stack.journal.newest_first()) is sent


def test_waiting_webhook_says_when_it_is_due_and_is_tried_now(stack: DevStack) -> None:
    stack.emulator.set_fault({"mode": "throttle", "retry_after": 3600})
    # Another shop than that of the other tests, because its next webhooks go to the queue first.
    (webhook,) = webhooks(stack, post(stack, "send", sample="woocommerce order.created", fresh="on"))
    wait_until(lambda: (webhook.due or 0) > webhook.received_at + 3_000_000)
    assert "The next try is due at" in get(stack, f"/inspect/webhooks/{webhook.id}")
    stack.emulator.set_fault({"mode": "ok"})
    urlopen(Request(f"{stack.url}/inspect/webhooks/{webhook.id}/try", b""), timeout=30).close()
    wait_until(lambda: webhook.outcome == "delivered")


def test_parked_webhooks_that_the_filter_shows_are_replayed(stack: DevStack) -> None:
    parked = []
    for _ in range(2):
        stack.emulator.set_fault({"mode": "bad_request", "requests": 1})
        parked += webhooks(stack, post(stack, "send", sample="shopify orders/create", fresh="on"))
    first, second = parked
    assert first.outcome == second.outcome == "parked"
    assert first.entity
    assert post(stack, "replay", text=first.entity) == {
        "question": "Replay 1 parked webhook that the filter shows?",
        "count": 1,
    }
    assert post(stack, "replay", text=first.entity, confirmed="1") == {"done": "1 webhook replayed"}
    wait_until(lambda: first.outcome == "delivered")
    assert second.outcome == "parked"
    assert post(stack, "resend", text=first.entity, confirmed="1") == {"done": "1 webhook sent again"}
    assert next(stack.journal.newest_first()).entity == first.entity


def test_export_has_body_and_requests_of_each_webhook_and_no_signature(stack: DevStack) -> None:
    (webhook,) = webhooks(stack, post(stack, "send", sample="shopify orders/create", fresh="on"))
    text = get(stack, f"/inspect/export?{urlencode({'text': webhook.entity or ''})}")
    (line,) = map(json.loads, text.splitlines())
    assert (line["outcome"], line["topic"], line["events"][-1]) == ("delivered", "orders/create", "orderCreated")
    assert json.loads(line["body"])["financial_status"] == "pending"
    assert json.loads(line["requests"][-1]["body"])["eventTypeKey"] == "orderCreated"
    assert line["headers"]["x-shopify-topic"] == "orders/create"
    assert [name for name in line["headers"] if "hmac" in name] == []


def test_page_of_the_api_says_why_an_event_was_not_saved(stack: DevStack) -> None:
    stack.emulator.change_account({"segmentation": False})
    post(stack, "send", sample="shopify orders/create", fresh="on")
    stack.emulator.change_account({"segmentation": True})
    page = get(stack, "/inspect/api?shop=demo-shopify")
    assert "not saved: segmentation by events is off" in page
    assert "oksana.hrytsenko@example.com" in page
    assert "demo-key" not in page  # the account is named after its shop, never after its key
    assert "No match." in get(stack, "/inspect/api?text=nothing-like-it")


def test_body_is_downloaded_as_it_arrived(stack: DevStack) -> None:
    (webhook,) = webhooks(stack, post(stack, "send", sample="shopify orders/create", fresh="on"))
    assert webhook.request
    with urlopen(f"{stack.url}/inspect/webhooks/{webhook.id}/body", timeout=30) as response:
        assert response.read() == webhook.request.body
        assert response.headers["Content-Disposition"] == f'attachment; filename="orders-create-{webhook.id}.json"'
        assert response.headers["Content-Type"] == "application/octet-stream"


def test_curl_command_of_a_page_contains_no_key(stack: DevStack) -> None:
    (webhook,) = webhooks(stack, post(stack, "send", sample="shopify orders/create", fresh="on"))
    page = get(stack, f"/inspect/webhooks/{webhook.id}")
    assert "$ESPUTNIK_KEY" in page
    assert "demo-key" not in page
    assert "demo-shopify-secret" not in page
