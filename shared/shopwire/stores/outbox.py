"""The outbox: what waits in the table because SQS did not take it, or because its shop is paused for long.

Sorted by entity and time of receipt, over a few partitions (one takes 1,000 writes a second). `upkeep` moves it back.
Nothing is decided here: who goes where, `delivery` says.
"""

import hashlib
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from shopwire.message import Message
from shopwire.stores.table import Key, Table

SHARDS = 4
"""Partitions: what waits cannot be found any more under another number."""
_KEPT = 30 * 86_400_000
_PAGE = 100
_TURNS = itertools.count()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in the outbox, of the delivery `key` (as `ledger.key_hash`). `received_at` is UTC milliseconds."""

    at: Key
    shop: str
    entity_key: str
    key: str
    received_at: int
    packed: str


class Outbox:
    """Puts messages in and hands them out in order. Every method may raise TableDown."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, message: Message, entity_key: str, key: str, now: int) -> None:
        """Put a message in, behind what its entity has here.

        Raises:
            ItemTooLarge: more than the table takes.
        """
        shard = hashlib.sha256(entity_key.encode()).digest()[0] % SHARDS
        # One body may hold several deliveries, all received at once: then they stand as they were put.
        turn = f"{message.received_at:013d}#{now:013d}#{next(_TURNS):08d}"
        sort_key = f"{message.shop}#{entity_key}#{turn}#{uuid.uuid4().hex[:8]}"
        self._table.put(
            Key(f"outbox#{shard}", sort_key),
            {
                "shop": message.shop,
                "entity_key": entity_key,
                "key": key,
                "received_at": message.received_at,
                "message": message.pack(),
                "expires": (now + _KEPT) // 1000,
            },
        )

    def waiting(self, shard: int, after: str | None = None) -> list[Waiting]:
        """A page of a shard, behind the sort key `after`; entities stand together, each in order of receipt."""
        return [
            Waiting(
                Key(item["pk"], item["sk"]),
                item["shop"],
                item["entity_key"],
                item["key"],
                item["received_at"],
                item["message"],
            )
            for item in self._table.query(f"outbox#{shard}", after=after, limit=_PAGE)
        ]

    def of_shop(self, shop: str) -> Iterator[Waiting]:
        """Everything that waits for a shop."""
        for shard in range(SHARDS):
            after: str | None = f"{shop}#"
            while page := [one for one in self.waiting(shard, after) if one.shop == shop]:
                yield from page
                after = page[-1].at.sk

    def remove(self, waiting: Waiting) -> None:
        """It waits elsewhere now."""
        self._table.delete(waiting.at)


def behind_shop(shop: str) -> str:
    """A sort key behind everything of this shop."""
    return f"{shop}#\uffff"
