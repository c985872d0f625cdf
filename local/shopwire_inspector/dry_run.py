"""The dry run: what a webhook would send now. It writes, sends and queues nothing.

It runs the functions' code with a read-only table and with a transport that records each request and returns 200.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shopwire.delivery.task import Outcome, Work, delivery_of
from shopwire.environment import Clients, Environment, Settings
from shopwire.errors import PermanentFailure, RetryLater, TableUnavailable, Unreadable
from shopwire.message import Message
from shopwire.models import Nothing, Shop, ShopRedaction
from shopwire.stores.table import Item, Key, Table
from shopwire_inspector.journal import Exchange

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """The outcome, and the requests without responses."""

    outcome: str
    reason: str | None
    exchanges: list[Exchange]


def dry_run(settings: Settings, clients: Clients, shop: Shop, message: Message) -> DryRunResult:
    """Return what would happen if the message were handled now.

    Raises:
        TableUnavailable.
    """
    environment = _DryRunEnvironment(settings, clients)
    try:
        delivery = delivery_of(message, shop)
    except Unreadable as error:
        return DryRunResult("parked", str(error), [])
    except Exception as error:
        return DryRunResult("parked", f"our bug: {type(error).__name__}", [])
    if isinstance(delivery.change, Nothing):
        return DryRunResult("ignored", delivery.change.reason, [])
    if isinstance(delivery.change, ShopRedaction):
        return DryRunResult("delivered", "everything kept for the shop would be deleted", [])
    now = environment.clock()
    work = Work(shop, message, delivery, "dry-run", now + _MINUTE_MS, now + _MINUTE_MS)
    entry = environment.ledger.get(shop.id, work.entity, now)
    if work.key in entry.keys:
        return DryRunResult("duplicate", None, [])
    if entry.is_past(work.version):
        return DryRunResult("superseded", None, [])
    try:
        outcome = environment.carrier.carry(work, entry, {})
    except PermanentFailure as error:
        outcome = Outcome("parked", str(error))
    except RetryLater as error:
        outcome = Outcome("queued", str(error))
    except TableUnavailable:
        raise
    except Exception as error:
        outcome = Outcome("parked", f"our bug: {type(error).__name__}")
    return DryRunResult(outcome.status, outcome.reason, environment.exchanges)


class _DryRunEnvironment(Environment):
    """An environment with a read-only table and without an API."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        super().__init__(settings, clients, transport=self._record)
        self.exchanges: list[Exchange] = []

    @cached_property
    def table(self) -> Table:
        return _ReadOnlyTable(self._clients.dynamodb, self._settings.table)

    def _record(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        self.exchanges.append(Exchange(self.clock(), method, url.partition("/api/")[2], body))
        return 200, {}


class _ReadOnlyTable(Table):
    """A table that ignores writes. An update returns the stored item."""

    def put(self, key: Key, item: Mapping[str, Any]) -> None:
        """Do nothing."""

    def delete(self, key: Key, *, condition: str = "", values: Mapping[str, Any] | None = None) -> None:
        """Do nothing."""

    def update(self, key: Key, change: Mapping[str, Any], **_: Any) -> Item:
        return self.get(key) or {}
