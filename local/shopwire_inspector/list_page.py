"""The list of webhooks: its rows, counters and charts, and what its filter finds."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from shopwire.environment import now
from shopwire.errors import SettingsUnavailable
from shopwire_inspector.charts import CHART_SIZE, Chart, make_charts
from shopwire_inspector.data_source import DataSource
from shopwire_inspector.faults import describe_faults
from shopwire_inspector.feed import make_record
from shopwire_inspector.journal import MAX_WEBHOOKS, Journal
from shopwire_inspector.minutes import GROUPS
from shopwire_inspector.parked_now import DEV, STACK, ParkedNow
from shopwire_inspector.recorded import PARKED, RecordedWebhook
from shopwire_inspector.responses import parse_number
from shopwire_inspector.rows import webhook_row
from shopwire_inspector.search import Filter
from shopwire_inspector.times import zone_at
from shopwire_inspector.words import OUTCOMES

KINDS = ("order", "cart", "contact", "view", "shop")
GROUP_LABELS = {"waiting": "waiting now", "parked": "parked now", "unsent": "not sent"}
_FIRST_PAGE_ROWS = 100
_PAGE_ROWS = 1000
_QUEUE_COUNT_SECONDS = 10.0
"""How long the counts of a deployed stack's queue are kept."""


class ListPage:
    """The content of the list."""

    def __init__(self, journal: Journal, source: DataSource) -> None:
        self._journal = journal
        self._source = source
        freshness = DEV if source.actions else STACK
        self._parked = ParkedNow(journal, source.list_parked, freshness, now, exact=not source.masked)
        self._queue_counts: tuple[float, dict[str, int] | None] = (0.0, {})
        """When the queue was counted (monotonic seconds), and the counts."""

    def page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the content of the whole page."""
        wanted = parse_filter(query)
        counters = self._counters()
        webhooks, _ = self._journal.find_page(wanted, before=None, limit=_FIRST_PAGE_ROWS)
        actions = self._source.actions
        samples: dict[str, list[str]] = {}
        for sample in actions.samples() if actions else ():
            samples.setdefault(sample.platform, []).append(sample.name)
        return {
            "filter": wanted,
            "zone": zone_at(now()),
            "rows": self._rows(webhooks),
            "shops": sorted({*self._shop_ids(), *self._journal.shops()}),
            "outcomes": {name: GROUP_LABELS.get(name, name) for name in dict.fromkeys((*GROUPS, *OUTCOMES))},
            "kinds": KINDS,
            "samples": samples,
            "scenarios": actions.scenarios() if actions else {},
            "charts": self._charts(),
            "chart_size": CHART_SIZE,
            "counters": counters,
            "queue": self._queue(),
        }

    def rows(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return what is new after a cursor, or a part of the list."""
        wanted = parse_filter(query)
        after, before = parse_number(query.get("after", "")), parse_number(query.get("before", ""))
        counters = self._counters()
        cursor = self._journal.cursor
        more: dict[str, Any]
        if after is not None:
            changed = self._journal.changed_since(after)
            webhooks = [webhook for webhook in changed if wanted.matches(webhook)]
            more = {"removed": [webhook.id for webhook in changed if not wanted.matches(webhook)]}
        else:
            limit = _FIRST_PAGE_ROWS if before is None else _PAGE_ROWS
            webhooks, total = self._journal.find_page(wanted, before=before, limit=limit)
            more = {"total": total}
        actions = self._source.actions
        return more | {
            "cursor": cursor,
            "rows": self._rows(webhooks),
            "counters": counters,
            "queue": self._queue(),
            "charts": [asdict(chart) for chart in self._charts()],
            "faults": describe_faults(actions.modes) if actions else [],
        }

    def matching(self, wanted: Filter, limit: int | None = None) -> list[RecordedWebhook]:
        """Return the webhooks that match, newest first."""
        webhooks, _ = self._journal.find_page(wanted, before=None, limit=limit or MAX_WEBHOOKS)
        return webhooks

    def parked_ids(self, wanted: Filter) -> list[str]:
        """Return the ids under which the matching webhooks are parked now, oldest first.

        Raises:
            TableUnavailable, SettingsUnavailable.
        """
        matching = {
            (webhook.shop, webhook.received_at)
            for webhook in self.matching(wanted)
            if any(delivery.outcome == PARKED for delivery in webhook.deliveries)
        }
        parked = sorted(self._source.list_parked(), key=lambda row: row.first)
        return [row.id for row in parked if (row.shop, row.received_at) in matching]

    def export(self, query: Mapping[str, str]) -> bytes:
        """Return the matching webhooks as JSON lines, oldest first. Of a deployed stack, only the records."""
        lines = (self._export_line(webhook) for webhook in reversed(self.matching(parse_filter(query))))
        return b"".join(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for line in lines)

    def _export_line(self, webhook: RecordedWebhook) -> Mapping[str, Any]:
        record: Mapping[str, Any] = dict(make_record(webhook))
        request = webhook.request
        if self._source.masked or request is None:
            return record
        return {
            **record,
            "path": request.path,
            "query": dict(request.query),
            "headers": {name: value for name, value in request.headers.items() if not is_secret(name)},
            "body": None if request.body is None else request.body.decode("utf-8", "backslashreplace"),
            "response": request.response_body,
            "requests": [
                {
                    "at": exchange.at,
                    "method": exchange.method,
                    "path": exchange.path,
                    "body": exchange.body.decode("utf-8", "backslashreplace"),
                    "status": exchange.status,
                    "milliseconds": exchange.duration_ms,
                }
                for exchange in webhook.exchanges
            ],
        }

    def _rows(self, webhooks: Iterable[RecordedWebhook]) -> list[dict[str, Any]]:
        at = now()
        return [webhook_row(webhook, at) for webhook in webhooks]

    def _counters(self) -> list[tuple[str, str, int]]:
        """Return (label, group to filter by, count) for each group. All groups are always there, so nothing moves.

        What waits and what is parked is counted now; the others count the webhooks of the list.
        """
        # It may find that a webhook is not parked any more, so it comes before the other counts.
        parked = self._parked.count()
        counts = self._journal.count_by_group()
        total = sum(counts.values())
        counts["parked"] = parked
        if not self._source.actions and (queued := self._count_queue()):
            counts["waiting"] = sum(queued.values())
        return [("webhooks", "", total), *((GROUP_LABELS.get(group, group), group, counts[group]) for group in GROUPS)]

    def _charts(self) -> list[Chart]:
        at = now()
        waiting, since = self._journal.waiting()
        return make_charts(self._journal.last_minutes(at), waiting, 0 if since is None else max(at - since, 0))

    def _queue(self) -> str:
        """Return the counts of a deployed stack's queue as text. The journal knows only the webhooks in recent logs."""
        if self._source.actions:
            return ""
        counts = self._count_queue()
        text = "does not respond" if counts is None else ", ".join(f"{n} {state}" for state, n in counts.items())
        return f"Retry queue: {text}"

    def _count_queue(self) -> dict[str, int] | None:
        counted_at, counts = self._queue_counts
        if time.monotonic() - counted_at > _QUEUE_COUNT_SECONDS or not counted_at:
            counts = self._source.count_queue()
            self._queue_counts = (time.monotonic(), counts)
        return counts

    def _shop_ids(self) -> Iterable[str]:
        try:
            return self._source.shop_ids()
        except SettingsUnavailable:
            return ()


def parse_filter(query: Mapping[str, str]) -> Filter:
    """Return the filter in an address or a form."""
    return Filter(query.get("shop", ""), query.get("outcome", ""), query.get("kind", ""), query.get("text", "").strip())


def is_secret(header: str) -> bool:
    """Return True for a header that proves who sent the call. Its value is in no export."""
    name = header.lower()
    return any(word in name for word in ("signature", "hmac", "authorization", "cookie", "token", "secret"))
