"""The attributes and keys of shopwire's table that the simulation recognises.

The checkers see only shopwire's calls of DynamoDB, and the items that are left at the end of a run. They recognise both
by the names below, and by nothing else. If shopwire renames an attribute, rename it here too. Otherwise the checkers no
longer see the writes of that attribute. `Run.run` raises `BlindChecker` if a run without faults shows this.
"""

from collections.abc import Mapping
from typing import Any

from shopwire.stores.outbox import PARTITION, SHARDS

LEASE_KEY = "lease_key"
"""Key of the change whose invocation takes the lease of an entity."""
LEASE_HOLDER = "lease_holder"
"""Id of the invocation that holds the lease."""
LEASE_UNTIL = "lease_until"
"""When the lease expires by itself (UTC milliseconds)."""
PENDING_KEY = "pending_key"
"""Key of the last change of an entity that was deferred."""
PENDING_UNTIL = "pending_until"
"""When the pending mark expires (UTC milliseconds)."""
SETTLED_KEYS = "settled_keys"
"""Keys of the last changes of an entity that were settled."""
VERSION = "version"
"""Latest settled version of an entity: milliseconds times ten, plus rank."""
FETCHED_AT = "fetched_at"
"""When the last fetch of an entity's state began whose result was delivered (UTC milliseconds)."""
PAUSE_UNTIL = "until"
"""In the state of a shop: when its pause ends (UTC milliseconds)."""
PAUSE_PROBED = "probed"
"""In the state of a shop: an invocation probes whether the pause is over."""
MESSAGE = "message"
"""A verified webhook that is parked, or waits in the outbox."""
PARKED_REASON = "reason"
"""Why a webhook is parked."""
OUTBOX_SHOP = "shop"
"""Shop of a message in the outbox. A parked message has its shop in the partition key."""
CONTACT = "contact"
"""Addresses of a contact, in plain text."""
TO_ERASE = "erasure_list"
"""In a tombstone: addresses of other contacts that the API must still erase, in plain text."""

PERSONAL = frozenset({MESSAGE, CONTACT, TO_ERASE})
"""The attributes that may hold personal values. SECURITY.md says which, and for how long."""
CALM_ATTRIBUTES = (LEASE_KEY, LEASE_HOLDER, LEASE_UNTIL, PENDING_KEY, PENDING_UNTIL, SETTLED_KEYS, VERSION, CONTACT)
"""The attributes that every run writes, even without faults, if it is long enough."""

OUTBOX_PARTITIONS = tuple(f"{PARTITION}{shard}" for shard in range(SHARDS))

# `Table.update` puts this before the name of every attribute that it writes.
_ENTITY_KINDS = frozenset({"order", "cart", "contact", "view"})
_PLACEHOLDER_PREFIX = ":new_"


def written_attributes(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that a call of DynamoDB writes, in DynamoDB's typed form."""
    values = arguments.get("ExpressionAttributeValues") or {}
    written: dict[str, Any] = {
        name.removeprefix(_PLACEHOLDER_PREFIX): value
        for name, value in values.items()
        if name.startswith(_PLACEHOLDER_PREFIX)
    }
    return {**written, **arguments.get("Item", {})}


def is_entity_key(partition_key: str) -> bool:
    """Return True if the item is the ledger entry of an order, cart, contact or view."""
    return partition_key.split("#", 2)[1] in _ENTITY_KINDS


def is_state_key(partition_key: str) -> bool:
    """Return True if the item is the state of a shop."""
    return partition_key.endswith("#state")


def api_of(partition_key: str) -> str:
    """Return which API the item of a state is about: "SHOP" for eSputnik's, "SHOP#platform" for the platform's."""
    return partition_key.removesuffix("#state")


def is_parked_key(partition_key: str) -> bool:
    """Return True if the item is a parked webhook."""
    return partition_key.endswith("#parked")


def is_contact_key(partition_key: str) -> bool:
    """Return True if the item holds what is known of a contact."""
    return "#identity#" in partition_key


def shop_of(partition_key: str) -> str:
    """Return the shop of an item's partition key."""
    return partition_key.partition("#")[0]


def entity_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return the shop and the entity ("order 42") of a ledger entry."""
    shop, _, entity = item["pk"]["S"].partition("#")
    kind, _, id = entity.partition("#")
    return shop, f"{kind} {id}"
