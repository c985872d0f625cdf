"""The feed of `shopwire dev` and `shopwire tail`: what a record says, and which records are news."""

import json

import pytest

from shopwire.stores.entry import key_hash
from shopwire_inspector.feed import Feed, Record, changes, latest, make_record
from shopwire_inspector.journal import Attempt, Exchange, Journal, ReceivedRequest, RecordedWebhook

NOW = 1_767_225_600_000
EVENT = json.dumps({"eventTypeKey": "orderCreated", "keyValue": "ann@example.com"}).encode()


def add(journal: Journal, outcome: str, *, key: str = "k", exchanges: list[Exchange] | None = None) -> RecordedWebhook:
    """Record a webhook about order 1 with a response."""
    webhook = journal.add_webhook("shop", NOW, ReceivedRequest("/webhooks/shop", {}, {}, b"{}"))
    attempt = Attempt(NOW + 40, "webhook", outcome, exchanges=exchanges or [])
    journal.add_delivery(webhook, "orders/paid", "order 1", key, attempt, hashed_key=key_hash(key))
    journal.set_response(webhook, 200, "{}", 45)
    return webhook


def retry(journal: Journal, outcome: str, at: int, reason: str | None = None) -> None:
    assert journal.add_attempt("shop", key_hash("k"), Attempt(at, "retry", outcome, reason))


def outcomes(records: list[Record]) -> list[str]:
    return [record["outcome"] for record in records]


def exchange(method: str, path: str, body: bytes = b"", *, status: int | None = 200, result: str = "") -> Exchange:
    return Exchange(NOW, method, path, body, status, result or None)


def test_record_says_what_the_webhook_became() -> None:
    exchanges = [
        exchange("POST", "v1/contact", b"{}"),
        exchange("POST", "v1/event", EVENT),
        exchange("POST", "v1/event", EVENT, result='{"saved": false, "reason": "there is no such contact"}'),
        exchange("POST", "v1/event", EVENT, status=503),
        exchange("POST", "v1/event", EVENT, status=None),
    ]
    record = make_record(add(Journal(), "delivered", exchanges=exchanges))
    assert record == {
        "id": 1,
        "at": NOW,
        "changed_at": NOW + 40,
        "shop": "shop",
        "topic": "orders/paid",
        "entity": "order 1",
        "deliveries": 1,
        "outcome": "delivered",
        "reason": None,
        "events": ["contact", "orderCreated", "orderCreated"],
        "not_saved": ["orderCreated: there is no such contact"],
        "status": 200,
        "milliseconds": 45,
        "tries": 1,
        "page": "/inspect/webhooks/1",
    }


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "v1/contact/subscribe", "contact (unconfirmed)"),
        ("POST", "v1/emails/unsubscribed/add", "unsubscribed"),
        ("POST", "v1/orders", "order"),
        ("DELETE", "v1/contact?externalCustomerId=7&erase=true", "contact deleted"),
        ("DELETE", "v1/contact/77?erase=true", "contact deleted"),
    ],
)
def test_request_that_is_no_event_is_named_after_its_effect(method: str, path: str, name: str) -> None:
    record = make_record(add(Journal(), "delivered", exchanges=[exchange(method, path)]))
    assert record["events"] == [name]


def test_log_line_of_a_stack_names_the_events() -> None:
    journal = Journal()
    webhook = journal.add_webhook("shop", NOW)
    attempt = Attempt(NOW, "webhook", "delivered", sent=("orderUpdated", "orderDelivered"))
    journal.add_delivery(webhook, "orders/fulfilled", "order 1", "k", attempt, hashed_key="k")
    assert make_record(webhook)["events"] == ["orderUpdated", "orderDelivered"]


def test_feed_begins_with_what_comes_after_it() -> None:
    journal = Journal()
    add(journal, "delivered")
    feed = Feed(journal)
    assert feed.next() == []
    add(journal, "parked", key="other")
    assert outcomes(feed.next()) == ["parked"]
    assert feed.next() == []


def test_webhook_is_news_with_its_response_and_once_for_each_outcome() -> None:
    journal = Journal()
    feed = Feed(journal)
    webhook = journal.add_webhook("shop", NOW, ReceivedRequest("/webhooks/shop", {}, {}, b"{}"))
    assert feed.next() == []
    journal.add_delivery(webhook, "t", "order 1", "k", Attempt(NOW, "webhook", "queued"), hashed_key=key_hash("k"))
    assert feed.next() == []  # the response is on its way
    journal.set_response(webhook, 200, "{}", 5)
    assert outcomes(feed.next()) == ["queued"]
    retry(journal, "waiting", NOW + 1000, "api_no_answer")
    retry(journal, "waiting", NOW + 2000, "api_throttled")
    assert feed.next() == []  # it still waits
    retry(journal, "delivered", NOW + 3000)
    (record,) = feed.next()
    assert (record["outcome"], record["changed_at"], record["tries"]) == ("delivered", NOW + 3000, 4)


def test_latest_are_the_last_webhooks_oldest_first() -> None:
    journal = Journal()
    for outcome in ("delivered", "ignored", "parked"):
        add(journal, outcome, key=outcome)
    cursor, records = latest(journal, 2)
    assert outcomes(records) == ["ignored", "parked"]
    assert changes(journal, cursor) == (cursor, [])
