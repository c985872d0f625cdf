"""The outbox: webhooks that wait in the table, because SQS did not accept them or their shop is paused for long.

They are sorted by entity and time of receipt, in a few partitions, because one partition accepts 1,000 writes a second.
The function `upkeep` moves them back to the queue.
"""

import hashlib
import itertools
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from shopwire.message import Message
from shopwire.stores.table import Key, Table

SHARDS = 4
"""The number of partitions. With another number, what waits could not be found any more."""
PARTITION = "_outbox#"
"""How the partition keys begin. Those of all other items begin with the id of their shop, and no id has an underscore.
Otherwise the erasure of a shop called `outbox` would delete what waits for all shops."""
_RETENTION_SECONDS = 30 * 86_400
PAGE_SIZE = 100
_SEQUENCE = itertools.count()


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
    """Stores messages and returns them in order. Every method may raise TableUnavailable."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, message: Message, entity_key: str, key: str, now: int) -> None:
        """Store a message, behind the messages of its entity that are here.

        Raises:
            ItemTooLarge: the message is larger than the table accepts.
        """
        shard = hashlib.sha256(entity_key.encode()).digest()[0] % SHARDS
        # One body may contain several deliveries with the same time of receipt. They keep the order of their calls.
        order = f"{message.received_at:013d}#{now:013d}#{next(_SEQUENCE):08d}"
        sort_key = f"{message.shop}#{entity_key}#{order}#{uuid.uuid4().hex[:8]}"
        self._table.put(
            Key(f"{PARTITION}{shard}", sort_key),
            {
                "shop": message.shop,
                "entity_key": entity_key,
                "key": key,
                "received_at": message.received_at,
                "message": message.pack(),
                "expires": now // 1000 + _RETENTION_SECONDS,
            },
        )

    def waiting(self, shard: int, after: str | None = None, limit: int = PAGE_SIZE) -> list[Waiting]:
        """Return a page of a partition, after the sort key `after`: entity by entity, each in order of receipt."""
        return [
            Waiting(
                Key(item["pk"], item["sk"]),
                item["shop"],
                item["entity_key"],
                item["key"],
                item["received_at"],
                item["message"],
            )
            for item in self._table.query(f"{PARTITION}{shard}", after=after, limit=limit)
        ]

    def of_shop(self, shop: str) -> Iterator[Waiting]:
        """Yield everything that waits for a shop."""
        for shard in range(SHARDS):
            after: str | None = f"{shop}#"
            while page := [waiting for waiting in self.waiting(shard, after) if waiting.shop == shop]:
                yield from page
                after = page[-1].at.sk

    def remove(self, waiting: Waiting) -> None:
        """Remove a message, because it waits elsewhere or does not wait any more."""
        self._table.delete(waiting.at)

    def remove_many(self, moved: Collection[Waiting]) -> list[Waiting]:
        """Remove at most 25 messages that wait in the queue now. Return those that DynamoDB did not remove."""
        left = set(self._table.delete_many(waiting.at for waiting in moved))
        return [waiting for waiting in moved if waiting.at in left]


def after_shop(shop: str) -> str:
    """Return a sort key after everything of this shop."""
    return f"{shop}#\uffff"
