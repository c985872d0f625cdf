"""The feed: one record for each webhook whose outcome is new. `shopwire dev`, `send` and `tail` print it.

A record is plain JSON, because `shopwire tail` gets it over HTTP. It contains no body and no personal data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict

from shopwire_inspector.journal import IN_PROGRESS, WAITING, Exchange, Journal, RecordedWebhook

# As many webhooks as the journal keeps may be known, and their ids only grow.
_MAX_KNOWN = 20_000
_RESOURCES = {
    "POST v1/contact": "contact",
    "POST v1/contact/subscribe": "contact (unconfirmed)",
    "POST v1/emails/unsubscribed/add": "unsubscribed",
    "POST v1/emails/unsubscribed/delete": "unsubscription ended",
    "POST v1/orders": "order",
    "DELETE v1/contact": "contact deleted",
    "DELETE v1/orders": "orders deleted",
}
"""Method and path of a request that is no event -> its name in a record."""


class Record(TypedDict):
    """What happened to a webhook up to now.

    Attributes:
        at: when it arrived, UTC milliseconds.
        changed_at: when its outcome was reached, UTC milliseconds.
        entity: of the first delivery, like "order 42".
        deliveries: the number of deliveries in the webhook.
        events: what the API accepted: types of events, and "contact" or "order" for those resources.
        not_saved: why the emulator answered 200 and kept nothing, a text for each such request.
        milliseconds: from the webhook's receipt to the response; None if that is not known.
        tries: the number of attempts up to now.
        page: the path of its page in the inspector; None if there is no such page.
    """

    id: int
    at: int
    changed_at: int
    shop: str
    topic: str | None
    entity: str | None
    deliveries: int
    outcome: str
    reason: str | None
    events: list[str]
    not_saved: list[str]
    status: int | None
    milliseconds: int | None
    tries: int
    page: str | None


def make_record(webhook: RecordedWebhook) -> Record:
    """Return the record of a webhook as it is now."""
    attempts = [attempt for delivery in webhook.deliveries for attempt in delivery.attempts]
    exchanges = [
        exchange
        for attempt in attempts
        for exchange in attempt.exchanges
        if exchange.status is not None and 200 <= exchange.status < 300
    ]
    # A deployed stack's journal has no exchanges.
    logged = [type for attempt in attempts for type in attempt.sent]
    return {
        "id": webhook.id,
        "at": webhook.received_at,
        "changed_at": max((attempt.at for attempt in attempts), default=webhook.received_at),
        "shop": webhook.shop,
        "topic": webhook.topic,
        "entity": webhook.entity,
        "deliveries": len(webhook.deliveries),
        "outcome": webhook.outcome,
        "reason": webhook.last_reason,
        "events": [name for exchange in exchanges if (name := _event(exchange))] or logged,
        "not_saved": [problem for exchange in exchanges if (problem := _problem(exchange))],
        "status": webhook.status,
        "milliseconds": webhook.duration_ms,
        "tries": webhook.attempt_count,
        "page": f"/inspect/webhooks/{webhook.id}",
    }


class News:
    """Chooses the records that say something new: the first of a webhook, and each with another outcome or reason.

    While a webhook waits, each attempt may fail for another reason. That is no news, because its page shows them all.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, str | None]] = {}

    def choose(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records that are new."""
        for record in records:
            if record["outcome"] == IN_PROGRESS:
                continue
            news = ("waiting", None) if record["outcome"] in WAITING else (record["outcome"], record["reason"])
            if self._known.get(record["id"]) != news:
                self._known[record["id"]] = news
                yield record
        while len(self._known) > _MAX_KNOWN:
            del self._known[min(self._known)]


class Feed:
    """The new records of a journal. Webhooks that it has already are not new."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._cursor = journal.cursor
        self._news = News()

    def next(self) -> list[Record]:
        """Return what is new since the last call, in the order in which it happened."""
        if self._journal.cursor == self._cursor:
            return []
        self._cursor, records = changes(self._journal, self._cursor)
        return list(self._news.choose(records))


def changes(journal: Journal, after: int) -> tuple[int, list[Record]]:
    """Return the journal's cursor, and the records of the webhooks that changed after the cursor `after`."""
    with journal.lock:
        changed = journal.changed_since(after)
        # The first log line precedes the response. Both are one piece of news.
        answered = [webhook for webhook in changed if webhook.request is None or webhook.status is not None]
        return journal.cursor, [make_record(webhook) for webhook in answered]


def latest(journal: Journal, count: int) -> tuple[int, list[Record]]:
    """Return the journal's cursor, and the records of the last webhooks, oldest first."""
    with journal.lock:
        newest = [webhook for webhook, _ in zip(journal.newest_first(), range(count), strict=False)]
        return journal.cursor, [make_record(webhook) for webhook in reversed(newest)]


def _event(exchange: Exchange) -> str | None:
    """Return the type of the event, or the name of another request."""
    path = exchange.path.partition("?")[0]
    if path == "v1/event":
        return str(_object(exchange.body).get("eventTypeKey"))
    if exchange.method == "DELETE" and path.startswith("v1/contact/"):
        path = "v1/contact"  # an id follows
    return _RESOURCES.get(f"{exchange.method} {path}")


def _problem(exchange: Exchange) -> str | None:
    result = _object((exchange.emulator_result or "").encode())
    return f"{_event(exchange)}: {result.get('reason')}" if result.get("saved") is False else None


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
