"""Parked webhooks: verified, but no request could be made of them, or the API refused it. They are kept for 30 days.

They are listed by shop and time, and shown and replayed by id. An id consists of the shop and the item's sort key.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shopwire.errors import ConditionFailed, ItemTooLarge
from shopwire.message import Message, unpack
from shopwire.models import Entity, Reason
from shopwire.stores.entry import key_hash
from shopwire.stores.table import Item, Key, Table

_RETENTION_SECONDS = 30 * 86_400
_PAGE_SIZE = 100
# The shop, the time of receipt, a hash.
_ID = re.compile(r"[^.]+\.([0-9]{13,15})\.[^.]+")


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked webhook. Times are UTC milliseconds.

    Args:
        reason: why, as a code. `details` belongs to it (numbers and codes).
        tries: how often it was parked.
    """

    id: str
    shop: str
    topic: str
    entity: str
    reason: str
    details: Mapping[str, str | int]
    tries: int
    first: int
    last: int
    packed: str

    @property
    def received_at(self) -> int:
        """When the webhook arrived, UTC ms, also if the message cannot be read."""
        return received_at_of(self.id)

    @property
    def message(self) -> Message:
        """The message with the webhook.

        Raises:
            ValueError, NewerMessageFormat: as `unpack`.
        """
        return unpack(self.packed)

    @property
    def summary(self) -> dict[str, Any]:
        """What a list of parked webhooks shows."""
        names = ("id", "shop", "topic", "entity", "reason", "tries", "first", "last")
        return {name: getattr(self, name) for name in names}

    @property
    def record(self) -> dict[str, Any]:
        """The summary, the details of the reason, and the webhook itself.

        Raises:
            ValueError, NewerMessageFormat: as `unpack`.
        """
        webhook = self.message.webhook
        return self.summary | {
            "details": dict(self.details),
            "received_at": webhook.received_at,
            "headers": dict(webhook.headers),
            "query": dict(webhook.query),
            "body": webhook.body.decode("utf-8", "backslashreplace"),
        }


class ParkedStore:
    """The parked webhooks of all shops. Every method may raise TableUnavailable."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(
        self,
        message: Message,
        topic: str,
        entity: Entity | None,
        reason: Reason,
        now: int,
        details: Mapping[str, str | int] = {},
    ) -> str:
        """Park a message, maybe again. Return its id, which is the same for the same webhook and time of receipt.

        If the row would be larger than an item may be (400 KB), it is written without the body. After an error the
        platform would repeat the webhook or disable it, and the queue would repeat the message.
        """
        # An unreadable webhook has no key. Two of the same millisecond differ in their bodies.
        name = message.key or hashlib.sha256(message.webhook.body).hexdigest()
        sort_key = f"{message.received_at:013d}.{key_hash(name)}"
        row = {
            "topic": topic,
            "entity": str(entity) if entity else "unknown",
            "reason": str(reason),
            "details": dict(details) or None,
            "last": now,
            "message": message.pack(),
            "expires": now // 1000 + _RETENTION_SECONDS,
        }
        key, write = _key(message.shop, sort_key), self._table.update
        try:
            write(key, row, once={"first": now}, add={"tries": 1})
        except ItemTooLarge:
            stub = replace(message, webhook=replace(message.webhook, body=b""))
            write(key, row | {"message": stub.pack()}, once={"first": now}, add={"tries": 1})
        return f"{message.shop}.{sort_key}"

    def list(self, shop: str) -> list[Parked]:
        """Return all of a shop, oldest first."""
        found: list[Parked] = []
        after = None
        while page := self._table.query(_partition(shop), after=after, limit=_PAGE_SIZE):
            found += (_parked(shop, item) for item in page)
            after = page[-1]["sk"]
        return found

    def get(self, id: str) -> Parked | None:
        """Return one by its id; None if there is none with this id (any more)."""
        shop, _, sort_key = id.partition(".")
        item = self._table.get(_key(shop, sort_key)) if sort_key else None
        return _parked(shop, item) if item else None

    def remove(self, id: str, *, tries: int | None = None) -> None:
        """Remove one. It is not an error if it is gone already.

        Args:
            tries: remove it only if this is still its number of tries, so that it was not parked again meanwhile.
        """
        shop, _, sort_key = id.partition(".")
        condition = "" if tries is None else "tries = :tries"
        with suppress(ConditionFailed):
            self._table.delete(_key(shop, sort_key), condition=condition, values={":tries": tries})


def received_at_of(id: str) -> int:
    """Return when the webhook of a parked row arrived, UTC ms; 0 if the text is no id of one."""
    found = _ID.fullmatch(id)
    return int(found[1]) if found else 0


def _partition(shop: str) -> str:
    return f"{shop}#parked"


def _key(shop: str, sort_key: str) -> Key:
    return Key(_partition(shop), sort_key)


def _parked(shop: str, item: Item) -> Parked:
    fields: dict[str, Any] = {name: item[name] for name in ("topic", "entity", "reason", "tries", "first", "last")}
    return Parked(
        id=f"{shop}.{item['sk']}", shop=shop, details=item.get("details", {}), packed=item["message"], **fields
    )
