"""Parked webhooks: verified, but no request could be made of them or the API refused it. Kept 30 days in the table.

Listed by shop and time, shown and replayed by id. The id holds the shop and the item's sort key.
What is parked, and when it is replayed, is decided elsewhere.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shopwire.message import Message, unpack
from shopwire.models import Entity
from shopwire.stores.ledger import key_hash
from shopwire.stores.table import ConditionFailed, Item, Key, Table

_KEPT = 30 * 86_400_000
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked webhook. Times are UTC milliseconds; `tries` counts how often it came here."""

    id: str
    shop: str
    topic: str
    entity: str
    reason: str
    tries: int
    first: int
    last: int
    packed: str

    @property
    def message(self) -> Message:
        """The webhook.

        Raises:
            ValueError, NewerFormat: as `unpack`.
        """
        return unpack(self.packed)

    @property
    def summary(self) -> dict[str, Any]:
        """What a list of them shows."""
        names = ("id", "shop", "topic", "entity", "reason", "tries", "first", "last")
        return {name: getattr(self, name) for name in names}

    @property
    def details(self) -> dict[str, Any]:
        """The summary and the webhook itself, for whoever has to find out what is wrong with it.

        Raises:
            ValueError, NewerFormat: as `unpack`.
        """
        webhook = self.message.webhook
        return self.summary | {
            "received_at": webhook.received_at,
            "headers": dict(webhook.headers),
            "query": dict(webhook.query),
            "body": webhook.body.decode("utf-8", "backslashreplace"),
        }


class ParkedStore:
    """The parked webhooks of all shops. Every method may raise TableDown."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, message: Message, topic: str, entity: Entity | None, reason: str, now: int) -> str:
        """Park a message (again) and answer its id: the same for the same webhook of the same moment.

        Raises:
            ItemTooLarge: more than the table takes.
        """
        # What could not be read has no key: two of one millisecond are told apart by their bodies.
        name = message.key or hashlib.sha256(message.webhook.body).hexdigest()
        sort_key = f"{message.received_at:013d}.{key_hash(name)}"
        self._table.update(
            _key(message.shop, sort_key),
            {
                "topic": topic,
                "entity": f"{entity.kind} {entity.id}" if entity else "unknown",
                "reason": reason,
                "last": now,
                "message": message.pack(),
                "expires": (now + _KEPT) // 1000,
            },
            once={"first": now},
            add={"tries": 1},
        )
        return f"{message.shop}.{sort_key}"

    def list(self, shop: str) -> list[Parked]:
        """All of a shop, oldest first."""
        found: list[Parked] = []
        after = None
        while page := self._table.query(_partition(shop), after=after, limit=_PAGE):
            found += (_parked(shop, item) for item in page)
            after = page[-1]["sk"]
        return found

    def get(self, id: str) -> Parked | None:
        """One by its id; None: no such (any more)."""
        shop, _, sort_key = id.partition(".")
        item = self._table.get(_key(shop, sort_key)) if sort_key else None
        return _parked(shop, item) if item else None

    def remove(self, id: str, *, tries: int | None = None) -> None:
        """Remove one; no error where it is gone already.

        Args:
            tries: remove it only if it did not come here again since it had so many.
        """
        shop, _, sort_key = id.partition(".")
        condition = "" if tries is None else "tries = :tries"
        with suppress(ConditionFailed):
            self._table.delete(_key(shop, sort_key), condition=condition, values={":tries": tries})


def _partition(shop: str) -> str:
    return f"{shop}#parked"


def _key(shop: str, sort_key: str) -> Key:
    return Key(_partition(shop), sort_key)


def _parked(shop: str, item: Item) -> Parked:
    fields: dict[str, Any] = {name: item[name] for name in ("topic", "entity", "reason", "tries", "first", "last")}
    return Parked(id=f"{shop}.{item['sk']}", shop=shop, packed=item["message"], **fields)
