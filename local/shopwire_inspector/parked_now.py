"""What is parked now. The journal knows what was parked once, and not that a fact was applied or a person erased."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shopwire.errors import SettingsUnavailable, TableUnavailable
from shopwire.stores.parked import Parked
from shopwire_inspector.journal import Journal
from shopwire_inspector.recorded import PARKED, RecordedWebhook


@dataclass(frozen=True, slots=True)
class Freshness:
    """How often the table is read, in milliseconds: after a change of the journal, and without one."""

    changed_ms: int
    unchanged_ms: int


DEV = Freshness(changed_ms=500, unchanged_ms=3_000)
STACK = Freshness(changed_ms=15_000, unchanged_ms=30_000)
"""Each read of a deployed stack's table is paid."""
_FAULT_PAUSE_MS = 10_000


class ParkedNow:
    """Compares the journal with the table.

    Args:
        list_parked: returns all parked webhooks; it may raise TableUnavailable and SettingsUnavailable.
        exact: the journal has the exact times of receipt. Log lines of a deployed stack do not.
        clock: returns UTC milliseconds.
    """

    def __init__(
        self,
        journal: Journal,
        list_parked: Callable[[], list[Parked]],
        freshness: Freshness,
        clock: Callable[[], int],
        *,
        exact: bool,
    ) -> None:
        self._journal = journal
        self._list_parked = list_parked
        self._freshness = freshness
        self._clock = clock
        self._exact = exact
        self._lock = threading.Lock()
        self._read_at = 0
        self._cursor = -1
        self._count: int | None = None
        self._missed: set[int] = set()
        """Ids of webhooks that the last read did not find. A replay removes the row before the journal hears of it."""

    def count(self) -> int:
        """Return how many webhooks are parked. If the table does not respond, the journal's own count."""
        with self._lock:
            if self._is_due():
                self._read()
        return self._journal.count_by_group()[PARKED] if self._count is None else self._count

    def _is_due(self) -> bool:
        changed = self._journal.cursor != self._cursor
        wait_ms = self._freshness.changed_ms if changed else self._freshness.unchanged_ms
        return self._clock() - self._read_at >= wait_ms

    def _read(self) -> None:
        self._read_at = self._clock()
        self._cursor = self._journal.cursor
        # The journal first: what it calls parked was written to the table before.
        known = self._journal.parked_webhooks()
        try:
            parked = self._list_parked()
        except (TableUnavailable, SettingsUnavailable):
            self._count = None
            self._read_at += _FAULT_PAUSE_MS  # a page must not wait for a time-out at each of its polls
            return
        self._count = len(parked)
        names = {self._name_of(row) for row in parked}
        missing = [webhook for webhook in known if names.isdisjoint(self._names_of(webhook))]
        for webhook in missing:
            if webhook.id in self._missed:
                self._journal.leave_parked(webhook, self._clock())
        self._missed = {webhook.id for webhook in missing}

    def _name_of(self, row: Parked) -> tuple[str, int | str]:
        return (row.shop, row.received_at) if self._exact else (row.shop, f"{row.topic} {row.entity}")

    def _names_of(self, webhook: RecordedWebhook) -> Iterable[tuple[str, int | str]]:
        if self._exact:
            return [(webhook.shop, webhook.received_at)]
        return [(webhook.shop, f"{delivery.topic} {delivery.entity or 'unknown'}") for delivery in webhook.deliveries]
