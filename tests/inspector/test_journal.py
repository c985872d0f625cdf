"""The inspector's journal and its charts: what they keep, find and count."""

import pytest

from shopwire.stores.entry import key_hash
from shopwire_inspector import journal as journal_module
from shopwire_inspector.charts import HEIGHT, make_charts
from shopwire_inspector.journal import Journal
from shopwire_inspector.minutes import CHART_MINUTES, GROUPS, Minute, Minutes
from shopwire_inspector.recorded import Attempt, ReceivedRequest, RecordedWebhook
from shopwire_inspector.search import Filter

NOW = 1_767_225_600_000
MINUTE_MS = 60_000


def add(
    journal: Journal, outcome: str = "delivered", *, key: str = "k", at: int = NOW, body: bytes = b""
) -> RecordedWebhook:
    """Record a webhook about order 1 with one attempt that had this outcome."""
    webhook = journal.add_webhook("shop", at, ReceivedRequest("/webhooks/shop", {}, {}, body))
    attempt = Attempt(at, "webhook", outcome)
    journal.add_delivery(webhook, "orders/paid", "order 1", key, attempt, hashed_key=key_hash(key))
    journal.set_response(webhook, 200, "{}", 5)
    return webhook


def found(journal: Journal, **wanted: str) -> list[RecordedWebhook]:
    return journal.find_page(Filter(**wanted), before=None, limit=99)[0]


def test_webhook_is_in_progress_until_its_response() -> None:
    journal = Journal()
    webhook = journal.add_webhook("shop", NOW)
    assert webhook.outcome == "in progress"
    journal.set_response(webhook, 413, "{}", 5)
    assert (webhook.outcome, webhook.status) == ("refused", 413)


def test_later_attempts_belong_to_the_waiting_webhook() -> None:
    journal = Journal()
    first, second = add(journal, "queued"), add(journal, "queued", at=NOW + 1)
    assert journal.add_attempt("shop", key_hash("k"), Attempt(NOW + 2, "retry", "delivered"), received_at=NOW + 1)
    assert (first.outcome, second.outcome) == ("queued", "delivered")
    assert journal.add_attempt("shop", key_hash("k"), Attempt(NOW + 3, "retry", "duplicate"))
    assert (first.outcome, first.attempt_count) == ("duplicate", 2)
    assert not journal.add_attempt("shop", "another", Attempt(NOW, "retry", "delivered"))


def test_replay_is_recorded_before_its_attempt_and_is_not_counted() -> None:
    journal = Journal()
    webhook = add(journal, "parked")
    journal.add_attempt("shop", key_hash("k"), Attempt(NOW + 9, "retry", "delivered"))
    journal.add_replay("shop", NOW, NOW + 8)
    assert [attempt.made_by for attempt in webhook.deliveries[0].attempts] == ["webhook", "by hand", "retry"]
    assert (webhook.outcome, webhook.attempt_count) == ("delivered", 2)


def test_oldest_webhook_is_dropped_and_its_later_attempts_are_unknown() -> None:
    journal = Journal(max_webhooks=2)
    webhooks = [add(journal, "queued", key=key) for key in "abc"]
    assert found(journal) == [webhooks[2], webhooks[1]]
    assert journal.get(webhooks[0].id) is None
    assert not journal.add_attempt("shop", key_hash("a"), Attempt(NOW, "retry", "delivered"))
    assert journal.waiting() == (2, NOW)


def test_bodies_are_kept_up_to_a_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_MAX_BODY_BYTES", 10)
    journal = Journal()
    requests = [add(journal, body=b"123456").request for _ in range(3)]
    assert [request.body for request in requests if request] == [None, None, b"123456"]


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ({}, True),
        ({"shop": "shop"}, True),
        ({"shop": "another"}, False),
        ({"outcome": "stale"}, True),
        ({"outcome": "unsent"}, True),
        ({"outcome": "delivered"}, False),
        ({"kind": "order"}, True),
        ({"kind": "cart"}, False),
        ({"text": "ORDER 1"}, True),
        ({"text": "blue mug"}, True),
        ({"text": "КИЇВ"}, True),
        ({"text": "київ"}, True),
        ({"text": "львів"}, True),
        ({"text": "red"}, False),
    ],
)
def test_filter_compares_shop_outcome_kind_and_text(wanted: dict[str, str], matches: bool) -> None:
    journal = Journal()
    webhook = add(
        journal, "stale", body='{"a": "Blue MUG", "b": "Київ", "c": "\\u041b\\u044c\\u0432\\u0456\\u0432"}'.encode()
    )
    assert found(journal, **wanted) == ([webhook] if matches else [])


def test_page_continues_after_the_previous_page() -> None:
    journal = Journal()
    ids = [add(journal, key=str(number)).id for number in range(5)]
    first, total = journal.find_page(Filter(), before=None, limit=2)
    rest, left = journal.find_page(Filter(), before=first[-1].id, limit=9)
    assert [webhook.id for webhook in (*first, *rest)] == ids[::-1]
    assert (total, left) == (5, 3)


def test_change_is_returned_once_per_cursor() -> None:
    journal = Journal()
    waiting, other = add(journal, "queued", key="a"), add(journal, key="b")
    cursor = journal.cursor
    assert journal.changed_since(cursor) == []
    journal.add_attempt("shop", key_hash("a"), Attempt(NOW, "retry", "delivered"))
    assert journal.changed_since(cursor) == [waiting]
    assert set(map(id, journal.changed_since(0))) == {id(waiting), id(other)}


def test_minutes_count_outcomes_waiting_webhooks_and_their_age() -> None:
    minutes = Minutes()
    minutes.count("stale", NOW)
    minutes.set_waiting(NOW, 2, NOW - 1000)
    minutes.set_waiting(NOW + 3 * MINUTE_MS, 0, None)
    shown = minutes.last(NOW + 4 * MINUTE_MS)
    assert len(shown) == CHART_MINUTES
    assert shown[-5].outcomes == {"unsent": 1}
    assert [minute.max_waiting for minute in shown[-6:]] == [0, 2, 2, 2, 2, 0]
    assert [minute.max_age_ms for minute in shown[-5:-2]] == [60_999, 120_999, 180_999]
    assert shown[-1].max_age_ms == 0


def test_counts_of_an_hour_ago_are_not_shown() -> None:
    minutes = Minutes()
    minutes.count("delivered", NOW)
    assert minutes.last(NOW + 60 * MINUTE_MS) == [Minute()] * CHART_MINUTES


def test_chart_uses_its_whole_height_and_has_a_text_label() -> None:
    last = Minute({"delivered": 3, "parked": 1}, max_waiting=2, max_age_ms=125_000)
    minutes = [Minute()] * (CHART_MINUTES - 1) + [last]
    outcomes, waiting, oldest = make_charts(minutes, 1, 95_000)
    assert outcomes.bars[-1] == [(16.0, 48.0), (16.0, 0.0), (0.0, 16.0), (0.0, 0.0), (0.0, 0.0)]
    assert sum(height for _, height in outcomes.bars[-1]) == HEIGHT
    assert all(len(bar) == len(GROUPS) for bar in outcomes.bars)
    assert outcomes.label == "Outcomes per minute: 4 now, at most 4"
    assert [waiting.label, oldest.label] == ["Waiting: 1 now, at most 2", "Oldest waiting: 95 s now, at most 2 min"]


def test_webhook_is_found_by_its_key_and_attempts_by_the_hash_of_the_key() -> None:
    journal = Journal()
    webhook = journal.add_webhook("shop", NOW)
    hashed = key_hash("a-key")
    attempt = Attempt(NOW, "webhook", "queued")
    journal.add_delivery(webhook, "orders/paid", "order 1", hashed, attempt, hashed_key=hashed)
    journal.set_keys(webhook, ["a-key"])
    assert Filter(text="a-key").matches(webhook)
    assert journal.add_attempt("shop", hashed, Attempt(NOW + 1, "retry", "delivered"))
