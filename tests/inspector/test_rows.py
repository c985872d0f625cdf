"""The rows of the list, the texts of bodies and requests, and commands for curl."""

import json
import shlex
from dataclasses import fields

import pytest

from shopwire.stores.entry import Entry, key_hash
from shopwire_inspector.curl import api_command, webhook_command
from shopwire_inspector.journal import Journal
from shopwire_inspector.json_text import indent_json
from shopwire_inspector.ledger_words import LEDGER_FIELDS
from shopwire_inspector.recorded import Attempt, Exchange, ReceivedRequest, RecordedWebhook
from shopwire_inspector.rows import cut_entity, webhook_row
from shopwire_inspector.search import Filter

NOW = 1_767_225_600_000
DAY_MS = 86_400_000


def event(name: str, *, result: str | None = None, **params: str) -> Exchange:
    body = {"eventTypeKey": name, "params": [{"name": key, "value": value} for key, value in params.items()]}
    return Exchange(NOW, "POST", "v1/event", json.dumps(body).encode(), 200, result)


def add(journal: Journal, *exchanges: Exchange, at: int = NOW) -> RecordedWebhook:
    """Record a delivered webhook about order 6120431591701 that sent these requests."""
    webhook = journal.add_webhook("shop", at, ReceivedRequest("/webhooks/shop", {}, {}, b"{}"))
    attempt, key = Attempt(at, "webhook", "delivered", exchanges=list(exchanges)), str(at)
    journal.add_delivery(webhook, "orders/paid", "order 6120431591701", key, attempt, hashed_key=key_hash(key))
    journal.set_response(webhook, 200, "{}", 5)
    return webhook


def test_row_says_what_was_sent_and_what_was_not_kept() -> None:
    ignored = event("orderDelivered", result='{"saved": false, "reason": "unknown order"}')
    row = webhook_row(add(Journal(), event("orderCreated"), ignored), NOW)
    assert row["sent"] == "orderCreated, orderDelivered"
    assert row["problem"] == "not saved: orderDelivered: unknown order"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, '{"error": "no such shop"}', "HTTP 404: no such shop"),
        (403, '{"error": ["odd"]}', "HTTP 403: ['odd']"),
        (413, "", "HTTP 413"),
    ],
)
def test_refused_request_says_why(status: int, body: str, reason: str) -> None:
    journal = Journal()
    webhook = journal.add_webhook("shop", NOW, ReceivedRequest("/webhooks/shop", {}, {}, b"{}"))
    journal.set_response(webhook, status, body, 5)
    assert webhook_row(webhook, NOW)["reason"] == reason
    assert Filter(text=reason).matches(webhook)


@pytest.mark.parametrize(
    ("entity", "parts"),
    [
        ("order 6120431591701", ("order 6120431", "591701")),
        ("order 42", ("order ", "42")),
        ("shop", ("shop", "")),
        ("", ("", "")),
    ],
)
def test_end_of_an_id_is_apart_so_that_it_is_never_cut(entity: str, parts: tuple[str, str]) -> None:
    assert cut_entity(entity) == parts
    assert "".join(cut_entity(entity)) == entity


def test_time_of_another_day_has_its_date_and_every_moment_its_zone() -> None:
    journal = Journal()
    today, yesterday = webhook_row(add(journal), NOW), webhook_row(add(journal, at=NOW - DAY_MS), NOW)
    assert len(today["time"]) == len("14:02:11")
    assert len(yesterday["time"]) == len("11-27 14:02")
    assert " UTC" in today["moment"]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("orderCreated", True),
        ("ORDERCREATED", True),
        ("Чашка", True),
        ("unknown order", True),
        ("v1/event", True),
        ("orderDelivered", False),
        ("teapot", False),
    ],
)
def test_search_finds_what_was_sent_and_what_became_of_it(text: str, matches: bool) -> None:
    sent = event("orderCreated", result='{"saved": false, "reason": "unknown order"}', items='[{"name": "чашка"}]')
    assert Filter(text=text).matches(add(Journal(), sent)) is matches


def test_neighbours_are_those_that_the_filter_shows() -> None:
    journal = Journal()
    for number in range(6):
        add(journal, event("orderCreated" if number % 2 else "orderUpdated"), at=NOW + number)
    assert journal.neighbours(4, Filter()) == (5, 3)
    assert journal.neighbours(4, Filter(text="orderCreated")) == (6, 2)
    assert journal.neighbours(2, Filter(text="orderCreated")) == (4, None)


def test_next_try_is_known_until_it_is_made() -> None:
    journal = Journal()
    webhook = journal.add_webhook("shop", NOW)
    attempt, key = Attempt(NOW, "webhook", "queued"), key_hash("k")
    journal.add_delivery(webhook, "orders/paid", "order 1", "k", attempt, hashed_key=key)
    journal.set_due("shop", key, NOW, NOW + 9_000)
    assert webhook.due == NOW + 9_000
    journal.add_attempt("shop", key, Attempt(NOW + 9_000, "retry", "waiting"))
    assert webhook.due is None


def test_indented_json_keeps_each_number_as_it_was_written() -> None:
    body = b'{"a":25.00,"b":[1e3,9007199254740995,-0.10],"c":"25.00","d":"\\u041a\\u0438\\u0457\\u0432"}'
    text = indent_json(body)
    assert text
    assert json.loads(text) == json.loads(body)
    assert [line.strip(" ,") for line in text.splitlines()[1:6]] == [
        '"a": 25.00',
        '"b": [',
        "1E+3",
        "9007199254740995",
        "-0.10",
    ]
    assert '"Київ"' in text
    assert indent_json(b"{") is indent_json(b"[" * 100_000) is None


@pytest.mark.parametrize("body", [b'{"a": "it\'s"}', b"a\nb  $HOME `x` \\", "тест".encode(), b""])
def test_curl_command_posts_the_same_bytes_and_headers(body: bytes) -> None:
    headers = {"host": "x", "content-length": "9", "content-type": "application/json", "x-a": "it's"}
    words = shlex.split(webhook_command("http://127.0.0.1:8787/webhooks/shop", headers, body).replace("\\\n", ""))
    assert words[:5] == ["curl", "-i", "-X", "POST", "http://127.0.0.1:8787/webhooks/shop"]
    assert [words[at + 1] for at, word in enumerate(words) if word == "-H"] == [
        "content-type: application/json",
        "x-a: it's",
    ]
    assert (words[-1].encode() if body else b"") == (body if words[-2] == "--data-raw" else b"")


def test_curl_command_of_a_body_that_no_shell_can_hold_decodes_it() -> None:
    command = webhook_command("http://x/webhooks/shop", {}, b"\xff\x00")
    assert command.startswith("echo /wA= | base64 -d | curl ")
    assert command.endswith("--data-binary @-")


def test_curl_command_for_the_api_has_no_key() -> None:
    command = api_command("POST", "https://api.example/api/v1/event", b"{}")
    assert '-u "shopwire:$ESPUTNIK_KEY"' in command


def test_each_field_of_a_ledger_entry_has_a_sentence() -> None:
    assert list(LEDGER_FIELDS) == [field.name for field in fields(Entry)]
    assert all(sentence.endswith(".") for sentence in LEDGER_FIELDS.values())
