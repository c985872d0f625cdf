"""What a webhook would send now: the same code as in the functions, over a table that is only read and an API that
answers 200 to everything and is nobody.

Nothing is written, sent or queued here.
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

_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would come of it. `exchanges` are the requests, without answers."""

    outcome: str
    reason: str | None
    exchanges: list[Exchange]


def rehearse(settings: Settings, clients: Clients, shop: Shop, message: Message) -> Rehearsed:
    """What would be sent if the message were delivered now.

    Raises:
        TableUnavailable.
    """
    stage = _Stage(settings, clients)
    try:
        delivery = delivery_of(message, shop)
    except Unreadable as error:
        return Rehearsed("parked", str(error), [])
    except Exception as error:
        return Rehearsed("parked", f"our bug: {type(error).__name__}", [])
    if isinstance(delivery.change, Nothing):
        return Rehearsed("ignored", delivery.change.reason, [])
    if isinstance(delivery.change, ShopRedaction):
        return Rehearsed("delivered", "everything kept for the shop would be deleted", [])
    now = stage.clock()
    work = Work(shop, message, delivery, "rehearsal", now + _MINUTE, now + _MINUTE)
    entry = stage.ledger.get(shop.id, work.entity, now)
    if work.key in entry.keys:
        return Rehearsed("duplicate", None, [])
    if entry.is_past(work.version):
        return Rehearsed("superseded", None, [])
    try:
        outcome = stage.carrier.carry(work, entry, {})
    except PermanentFailure as error:
        outcome = Outcome("parked", str(error))
    except RetryLater as error:
        outcome = Outcome("queued", str(error))
    except TableUnavailable:
        raise
    except Exception as error:
        outcome = Outcome("parked", f"our bug: {type(error).__name__}")
    return Rehearsed(outcome.status, outcome.reason, stage.asked)


class _Stage(Environment):
    """An environment whose table is only read and whose API is nobody."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        super().__init__(settings, clients, transport=self._note)
        self.asked: list[Exchange] = []

    @cached_property
    def table(self) -> Table:
        return _ReadOnly(self._clients.dynamodb, self._settings.table)

    def _note(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        self.asked.append(Exchange(self.clock(), method, url.partition("/api/")[2], body))
        return 200, {}


class _ReadOnly(Table):
    """Answers every write with what stands there, and writes nothing."""

    def put(self, key: Key, item: Mapping[str, Any]) -> None:
        """Nothing."""

    def delete(self, key: Key, *, condition: str = "", values: Mapping[str, Any] | None = None) -> None:
        """Nothing."""

    def update(self, key: Key, change: Mapping[str, Any], **_: Any) -> Item:
        return self.get(key) or {}
