"""The inspector's journal: what it keeps, finds and counts."""

import pytest

from shopwire.stores.ledger import key_hash
from shopwire_inspector import journal as journals
from shopwire_inspector.charts import HEIGHT, charts
from shopwire_inspector.journal import Filter, Journal, Request, Try, Webhook
from shopwire_inspector.minutes import GROUPS, SHOWN, Minute, Minutes

NOW = 1_767_225_600_000
MINUTE = 60_000


def came(journal: Journal, outcome: str = "delivered", *, key: str = "k", at: int = NOW, body: bytes = b"") -> Webhook:
    """A webhook about order 1 that came to an outcome."""
    webhook = journal.received("shop", at, Request("/webhooks/shop", {}, {}, body))
    journal.delivery(webhook, "orders/paid", "order 1", key, Try(at, "webhook", outcome), hashed=key_hash(key))
    journal.answered(webhook, 200, "{}", 5)
    return webhook


def found(journal: Journal, **wanted: str) -> list[Webhook]:
    return journal.page(Filter(**wanted), before=None, limit=99)[0]


def test_a_webhook_is_on_its_way_until_it_is_answered() -> None:
    journal = Journal()
    webhook = journal.received("shop", NOW)
    assert webhook.outcome == "on its way"
    journal.answered(webhook, 413, "{}", 5)
    assert (webhook.outcome, webhook.status) == ("refused", 413)


def test_later_tries_belong_to_the_webhook_that_waits() -> None:
    journal = Journal()
    first, second = came(journal, "queued"), came(journal, "queued", at=NOW + 1)
    assert journal.tried("shop", key_hash("k"), Try(NOW + 2, "retry", "delivered"), received_at=NOW + 1)
    assert (first.outcome, second.outcome) == ("queued", "delivered")
    assert journal.tried("shop", key_hash("k"), Try(NOW + 3, "retry", "duplicate"))
    assert (first.outcome, first.tries) == ("duplicate", 2)
    assert not journal.tried("shop", "another", Try(NOW, "retry", "delivered"))


def test_a_replay_stands_before_what_came_of_it_and_is_no_try() -> None:
    journal = Journal()
    webhook = came(journal, "parked")
    journal.tried("shop", key_hash("k"), Try(NOW + 9, "retry", "delivered"))
    journal.replayed("shop", NOW, NOW + 8)
    assert [one.place for one in webhook.deliveries[0].tries] == ["webhook", "by hand", "retry"]
    assert (webhook.outcome, webhook.tries) == ("delivered", 2)


def test_the_oldest_is_forgotten_and_what_is_later_said_of_it_is_not_known() -> None:
    journal = Journal(kept=2)
    webhooks = [came(journal, "queued", key=key) for key in "abc"]
    assert found(journal) == [webhooks[2], webhooks[1]]
    assert journal.get(webhooks[0].id) is None
    assert not journal.tried("shop", key_hash("a"), Try(NOW, "retry", "delivered"))
    assert journal.waiting() == (2, NOW)


def test_bodies_are_kept_up_to_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_KEPT_BYTES", 10)
    journal = Journal()
    bodies = [came(journal, body=b"123456").request for _ in range(3)]
    assert [one.body for one in bodies if one] == [None, None, b"123456"]


@pytest.mark.parametrize(
    ("wanted", "held"),
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
def test_a_filter_looks_at_shop_outcome_kind_and_text(wanted: dict[str, str], held: bool) -> None:
    journal = Journal()
    webhook = came(
        journal, "stale", body='{"a": "Blue MUG", "b": "Київ", "c": "\\u041b\\u044c\\u0432\\u0456\\u0432"}'.encode()
    )
    assert found(journal, **wanted) == ([webhook] if held else [])


def test_pages_go_on_where_the_last_one_stopped() -> None:
    journal = Journal()
    ids = [came(journal, key=str(number)).id for number in range(5)]
    first, total = journal.page(Filter(), before=None, limit=2)
    rest, left = journal.page(Filter(), before=first[-1].id, limit=9)
    assert [one.id for one in (*first, *rest)] == ids[::-1]
    assert (total, left) == (5, 3)


def test_a_change_is_told_once_to_whoever_asks_from_his_last_one() -> None:
    journal = Journal()
    waiting, other = came(journal, "queued", key="a"), came(journal, key="b")
    cursor = journal.cursor
    assert journal.changed_since(cursor) == []
    journal.tried("shop", key_hash("a"), Try(NOW, "retry", "delivered"))
    assert journal.changed_since(cursor) == [waiting]
    assert set(map(id, journal.changed_since(0))) == {id(waiting), id(other)}


def test_minutes_count_outcomes_and_how_many_wait_how_long() -> None:
    minutes = Minutes()
    minutes.count("stale", NOW)
    minutes.note(NOW, 2, NOW - 1000)
    minutes.note(NOW + 3 * MINUTE, 0, None)
    shown = minutes.last(NOW + 4 * MINUTE)
    assert len(shown) == SHOWN
    assert shown[-5].outcomes == {"unsent": 1}
    assert [one.depth for one in shown[-6:]] == [0, 2, 2, 2, 2, 0]
    assert [one.oldest for one in shown[-5:-2]] == [60_999, 120_999, 180_999]
    assert shown[-1].oldest == 0


def test_nothing_of_an_hour_ago_is_shown() -> None:
    minutes = Minutes()
    minutes.count("delivered", NOW)
    assert minutes.last(NOW + 60 * MINUTE) == [Minute()] * SHOWN


def test_a_chart_fills_its_height_and_says_what_it_shows() -> None:
    minutes = [Minute()] * (SHOWN - 1) + [Minute({"delivered": 3, "parked": 1}, depth=2, oldest=125_000)]
    outcomes, depth, oldest = charts(minutes, 1, 95_000)
    assert outcomes.bars[-1] == [(16.0, 48.0), (16.0, 0.0), (0.0, 16.0), (0.0, 0.0), (0.0, 0.0)]
    assert sum(height for _, height in outcomes.bars[-1]) == HEIGHT
    assert all(len(bar) == len(GROUPS) for bar in outcomes.bars)
    assert outcomes.label == "Outcomes a minute: 4 now, at most 4"
    assert [depth.label, oldest.label] == ["Waiting: 1 now, at most 2", "Oldest waiting: 95 s now, at most 2 min"]


def test_a_webhook_is_found_by_its_whole_key_and_tried_by_the_keys_hash() -> None:
    journal = Journal()
    webhook = journal.received("shop", NOW)
    hashed = key_hash("a-key")
    journal.delivery(webhook, "orders/paid", "order 1", hashed, Try(NOW, "webhook", "queued"), hashed=hashed)
    journal.named(webhook, ["a-key"])
    assert Filter(text="a-key").holds(webhook)
    assert journal.tried("shop", hashed, Try(NOW + 1, "retry", "delivered"))
