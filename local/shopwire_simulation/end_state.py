"""Reads the simulated account for the checkers. It reads directly, so no fault can disturb it."""

from collections.abc import Iterator, Mapping

from shopwire.message import unpack
from shopwire.stores.entry import key_hash
from shopwire.stores.outbox import SHARDS
from shopwire_emulator.emulator import Emulator
from shopwire_simulation.checkers.observations import (
    ChangeKey,
    EndState,
    EntityKey,
    ParkedChange,
    SettledEntry,
    StoredText,
)
from shopwire_simulation.cloud import Cloud
from shopwire_simulation.table_layout import (
    CONTACT,
    MESSAGE,
    OUTBOX_SHOP,
    PENDING_KEY,
    PENDING_UNTIL,
    SETTLED_KEYS,
    TO_ERASE,
    VERSION,
    entity_of,
    shop_of,
)


def stored_texts(cloud: Cloud, shop: str) -> Iterator[StoredText]:
    """Yield the texts in the table that may name a person of a shop."""
    for item in cloud.table.items():
        if shop not in (shop_of(item["pk"]["S"]), item.get(OUTBOX_SHOP, {}).get("S")):
            continue
        if MESSAGE in item:
            message = unpack(item[MESSAGE]["S"])
            place = "outbox" if OUTBOX_SHOP in item else "parked"
            yield StoredText(place, message.received_at, message.webhook.body.decode("utf-8", "replace"))
        elif CONTACT in item:
            yield StoredText("contacts", None, str(item[CONTACT]))
        elif TO_ERASE in item:
            yield StoredText("tombstones", None, str(item[TO_ERASE]))


def count_copies(cloud: Cloud, key: ChangeKey) -> int:
    """Return how many messages with a change are in the queue and in the outbox."""
    bodies = [message["Body"] for message in cloud.queue.messages()]
    bodies += [item[MESSAGE]["S"] for item in cloud.table.items() if OUTBOX_SHOP in item]
    return sum((message.shop, key_hash(message.key)) == key for message in map(unpack, bodies))


def read_end_state(cloud: Cloud, emulator: Emulator, accounts: Mapping[str, str], now: int) -> EndState:
    """Return what is left when the run is over.

    Args:
        accounts: the account of the API that each shop uses.
        now: virtual time, in UTC milliseconds.
    """
    environment = cloud.environment()
    return EndState(
        api={shop: emulator.state(account) for shop, account in accounts.items()},
        parked=[
            ParkedChange(shop, parked.entity, parked.reason)
            for shop in accounts
            for parked in environment.parked.list(shop)
        ],
        waiting=list(waiting_texts(cloud)),
        pending=[
            entity_of(item)
            for item in cloud.table.items()
            if PENDING_KEY in item and int(item[PENDING_UNTIL]["N"]) > now
        ],
        settled=_settled(cloud),
    )


def waiting_texts(cloud: Cloud) -> Iterator[str]:
    """Yield a description of each message that still waits in a queue or in the outbox."""
    for message in cloud.queue.messages():
        yield f"message {message['Body'][:80]}"
    outbox = cloud.environment().outbox
    for shard in range(SHARDS):
        for waiting in outbox.waiting(shard):
            yield waiting.entity_key
    for message in cloud.dead_letters.messages():
        yield f"dead letter {message['MessageId']}"


def _settled(cloud: Cloud) -> dict[EntityKey, SettledEntry]:
    entries = {}
    for item in cloud.table.items():
        if SETTLED_KEYS in item:
            keys = frozenset(key["S"] for key in item[SETTLED_KEYS]["L"])
            entries[entity_of(item)] = SettledEntry(keys, int(item.get(VERSION, {"N": "-1"})["N"]))
    return entries
