"""A ledger's entry: what is known of an order, cart or contact, the name it stands under, and how its item is read.

Only read here: every write of an entry is `ledger`'s. Times are UTC milliseconds, but for an item's `expires`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shopwire.mapper import OrderKnown
from shopwire.models import Entity, Status
from shopwire.stores.table import Item, TableDown

FORMAT = 1
"""Version of the entries' format. A newer one is left alone: see `NewerFormat` and docs/formats.md."""

Where = Literal["queue", "outbox"]


class NewerFormat(TableDown):
    """The entry was written by a newer shopwire: to this one it is as good as out of reach, and left alone."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The change of this entity that was put away last: what comes later must line up behind it."""

    key: str
    where: Where
    until: int
    """Void afterwards (a put that never happened must not hold up an entity for ever)."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who is at work on the entity, on which delivery key, until when."""

    owner: str
    until: int
    key: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entity as the ledger knows it. All fields of a new one are empty."""

    format: int = 0
    lease: Lease | None = None
    deaths: int = 0
    """How many holders of the lease died in a row over one change."""
    version: int | None = None
    """The latest that was settled: milliseconds times ten plus rank (`OrderChange.version`)."""
    attempted: int | None = None
    """Version of a change that the API may have taken: no answer came."""
    keys: tuple[str, ...] = ()
    """The last settled deliveries, each as `key_hash`."""
    pending: Pending | None = None
    tries: int = 0
    tries_key: str | None = None
    """Of which change the tries are: of one only at a time."""
    own_failures: int = 0
    """How often in a row that change failed while others of its shop were served."""
    known: Mapping[str, str] = field(default_factory=dict)
    """What the API took of it last: `digest`, and `status`, `content` of an order, `state` of a cart."""
    reference: Mapping[str, str] = field(default_factory=dict)
    """What a fact's event repeats of an order's last snapshot."""
    person: str | None = None
    """Whose it is: a name in `people`."""
    open_parcels: tuple[str, ...] | None = None
    """Parcels of a wholly shipped order that its snapshot does not call delivered; None: not wholly shipped."""
    arrived: tuple[str, ...] = ()
    """Parcels that a carrier reported as delivered."""
    deleted_at: int | None = None
    """When the shop's word came that it deleted the order (UTC milliseconds)."""
    converted: bool = False
    """The cart became an order."""
    unseen_facts: tuple[str, ...] = ()
    """Ids of parked facts that wait for the order to be seen."""
    reconcile: bool = False
    """The platform may know a later state that it will never announce (`Ledger.mark_for_reconcile`)."""

    @property
    def order_known(self) -> OrderKnown | None:
        """What the API knows of the order; None: nothing."""
        if not self.known:
            return None
        status = self.known.get("status")
        return OrderKnown(Status(status) if status else None, self.known["digest"], self.known["content"])

    def is_past(self, version: int | None) -> bool:
        """Whether the API has, or may have, a later version than this one (a fact has none and is never past)."""
        later = max((one for one in (self.version, self.attempted) if one is not None), default=None)
        return version is not None and later is not None and version < later

    def waiting(self, now: int) -> Pending | None:
        """The pending change, unless it is void."""
        return self.pending if self.pending and self.pending.until > now else None


def read(item: Item, now: int) -> Entry:
    """The entry that an item holds ({}: a new one) at this moment.

    Raises:
        NewerFormat.
    """
    if is_newer(item):
        raise NewerFormat
    lease = Lease(item["lease_owner"], item["lease_until"], item["lease_key"]) if item.get("lease_owner") else None
    if expired(item, now):
        # Only who is at work still counts.
        return Entry(lease=lease)
    pending = (
        Pending(item["pending_key"], item["pending_where"], item["pending_until"]) if item.get("pending_key") else None
    )
    open_parcels = item.get("open_parcels")
    return Entry(
        format=item.get("format", 0),
        lease=lease,
        deaths=item.get("deaths", 0),
        version=item.get("version"),
        attempted=item.get("attempted"),
        keys=tuple(item.get("settled", ())),
        pending=pending,
        tries=item.get("tries", 0),
        tries_key=item.get("tries_key"),
        own_failures=item.get("own_failures", 0),
        known=item.get("known", {}),
        reference=item.get("reference", {}),
        person=item.get("person"),
        open_parcels=None if open_parcels is None else tuple(open_parcels),
        arrived=tuple(item.get("arrived", ())),
        deleted_at=item.get("deleted_at"),
        converted=item.get("converted", False),
        unseen_facts=tuple(item.get("unseen_facts", ())),
        reconcile=item.get("reconcile", False),
    )


def entity_key(shop: str, entity: Entity) -> str:
    """Partition key of the entity's entry: shops' ids overlap, so the shop is part of it."""
    return f"{shop}#{entity.kind}#{entity.id}"


def is_newer(item: Item) -> bool:
    """Whether a newer shopwire wrote the item."""
    return bool(item.get("format", FORMAT) > FORMAT)


def expired(item: Item, now: int) -> bool:
    """Whether its time to live is over: DynamoDB may take days to delete it."""
    return "expires" in item and item["expires"] * 1000 < now
