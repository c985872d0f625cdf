"""A ledger entry: what is recorded of an order, cart or contact, under which key, and how its item is read.

Entries are only read here; `ledger` makes every write. Times are UTC milliseconds, except an item's `expires`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from shopwire.errors import NewerEntryFormat
from shopwire.models import Entity

if TYPE_CHECKING:
    from shopwire.stores.table import Item

FORMAT = 1
"""The version of the entries' format. An entry of a newer format is left alone (docs/formats.md)."""

_ACCEPTED_KEPT = 6  # an order or a cart changes rarely as often within the minute of the API's 409
_DIGEST = 8

EntryUpdate = dict[str, Any]
"""Attributes of an entry that a delivery changes, by their stored names. None removes an attribute."""

Place = Literal["queue", "outbox"]
"""Where a change waits."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The change of this entity that was deferred last. Later changes must wait behind it.

    Args:
        key: hash of its delivery key. If several changes wait, the hashes of the last ones, with spaces between them.
        until: the mark is void afterwards, so that a message that was never written cannot block an entity for ever.
    """

    key: str
    place: Place
    until: int


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on the entity: the request id of the invocation, until when, and on which delivery key."""

    holder: str
    until: int
    key: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded of an entity. In a new entry all fields are empty.

    Args:
        crashes: how many lease holders in a row died while they worked on the same change.
        version: the latest that was settled (milliseconds times ten plus rank, `OrderChange.version`).
        attempted_version: version of a change that the API may have accepted, although no response came.
        settled_keys: hashes of the last settled delivery keys.
        tries: how often the change `tries_key` was tried. Only the tries of one change are counted at a time.
        own_failures: how often in a row that change failed while others of its shop were accepted.
        failing_since: when the first of these failures was, UTC ms.
        unanswered: digest of the request to which the last attempt got no answer.
        accepted: beginnings of the digests of the last requests that the API accepted.
        sent: what the API accepted last: `digest`; also `status`, `content` and `stored` of an order, `state`
            of a cart.
        order_reference: what the event of a fact repeats of the order's last snapshot.
        contact_ref: the contact of the entity, as `stores.contacts` names it.
        contact_by_platform: the platform named that contact of a cart, so no visitor replaces it.
        named_identities: hashes of the identities with which the platform named it. A visitor with one of them is that
            contact, although the identity may lead to another record until the customer's own webhook arrives.
        open_parcels: parcels of a wholly shipped order that its snapshot does not call delivered; None if the order is
            not wholly shipped, its snapshot lists no parcels, or too many of them.
        arrived_parcels: parcels that a carrier reported as delivered.
        skipped: the order was not sent, because it was a draft, has an ignored status or is a part of another order.
        deleted_at: when the webhook arrived that says the shop deleted the order.
        erased_at: when the erasure request arrived that names the order. Then the entry is a tombstone, and has nothing
            else of the time before.
        converted: the cart became an order.
        parked_facts: ids of parked facts that wait until the order is seen.
        needs_reconcile: the platform may have a later state that it will never send.
        left_to_erase: a request of this entity was on its way while its person was erased, and erasing what it made at
            the API failed.
        fetched_at: when the last fetch of the entity's state began whose result was delivered, UTC ms.
    """

    format: int = 0
    lease: Lease | None = None
    crashes: int = 0
    version: int | None = None
    attempted_version: int | None = None
    settled_keys: tuple[str, ...] = ()
    pending: Pending | None = None
    tries: int = 0
    tries_key: str | None = None
    own_failures: int = 0
    failing_since: int = 0
    unanswered: str | None = None
    accepted: tuple[str, ...] = ()
    sent: Mapping[str, str] = field(default_factory=dict)
    order_reference: Mapping[str, str] = field(default_factory=dict)
    contact_ref: str | None = None
    contact_by_platform: bool = False
    named_identities: tuple[str, ...] = ()
    open_parcels: tuple[str, ...] | None = None
    arrived_parcels: tuple[str, ...] = ()
    skipped: bool = False
    deleted_at: int | None = None
    erased_at: int | None = None
    converted: bool = False
    parked_facts: tuple[str, ...] = ()
    needs_reconcile: bool = False
    left_to_erase: bool = False
    fetched_at: int = 0

    def is_past(self, version: int | None) -> bool:
        """Return whether the API has, or may have, a later version than this one. A fact has none and is never past."""
        versions = [known for known in (self.version, self.attempted_version) if known is not None]
        return version is not None and bool(versions) and version < max(versions)

    @property
    def unrepeated(self) -> str | None:
        """The request without an answer, unless the API accepted the same one before another one.

        Then 409 may mean the earlier one, and says nothing of the one without an answer.
        """
        return self.unanswered if self.unanswered and self.unanswered[:_DIGEST] not in self.accepted else None

    def with_accepted(self, digest: str) -> tuple[str, ...]:
        """Return `accepted` once the API has accepted another request."""
        return (*self.accepted, digest[:_DIGEST])[-_ACCEPTED_KEPT:]

    def pending_at(self, now: int) -> Pending | None:
        """Return the pending change, unless its mark is void."""
        return self.pending if self.pending and self.pending.until > now else None


def read(item: "Item", now: int) -> Entry:
    """Return the entry that an item holds at this moment; a new entry for {}.

    Raises:
        NewerEntryFormat: a newer release wrote it.
    """
    if is_newer(item):
        raise NewerEntryFormat
    holder = item.get("lease_holder")
    lease = Lease(holder, item["lease_until"], item["lease_key"]) if holder else None
    if is_expired(item, now):
        return Entry(lease=lease)  # nothing else of it counts any more
    key = item.get("pending_key")
    open_parcels = item.get("open_parcels")
    return Entry(
        format=item.get("format", 0),
        lease=lease,
        crashes=item.get("crashes", 0),
        version=item.get("version"),
        attempted_version=item.get("attempted_version"),
        settled_keys=tuple(item.get("settled_keys", ())),
        pending=Pending(key, item["pending_place"], item["pending_until"]) if key else None,
        tries=item.get("tries", 0),
        tries_key=item.get("tries_key"),
        own_failures=item.get("own_failures", 0),
        failing_since=item.get("failing_since", 0),
        unanswered=item.get("unanswered"),
        accepted=tuple(item.get("accepted", ())),
        sent=item.get("sent", {}),
        order_reference=item.get("order_reference", {}),
        contact_ref=item.get("contact_ref"),
        contact_by_platform=item.get("contact_by_platform", False),
        named_identities=tuple(item.get("named_identities", ())),
        open_parcels=None if open_parcels is None else tuple(open_parcels),
        arrived_parcels=tuple(item.get("arrived_parcels", ())),
        skipped=item.get("skipped", False),
        deleted_at=item.get("deleted_at"),
        erased_at=item.get("erased_at"),
        converted=item.get("converted", False),
        parked_facts=tuple(item.get("parked_facts", ())),
        needs_reconcile=item.get("needs_reconcile", False),
        left_to_erase=item.get("left_to_erase", False),
        fetched_at=item.get("fetched_at", 0),
    )


def uncertain(sent: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of `sent` if the API may have accepted something else since.

    No content is equal to it, so the next change is sent, whatever it contains.
    """
    known = {name: value for name, value in sent.items() if name != "digest"}
    return known | {"stored": "?"} if "stored" in known else known


def entity_key(shop: str, entity: Entity) -> str:
    """Return the partition key of the entity's entry. The ids of two shops may be equal, so the shop is part of it."""
    return f"{shop}#{entity.kind}#{entity.id}"


def key_hash(key: str) -> str:
    """Return 12 hex digits that stand for a delivery key in the ledger and in log lines."""
    # A key may contain what a header contains, which may be any text.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def is_newer(item: "Item") -> bool:
    """Return whether a newer release wrote the item."""
    return bool(item.get("format", FORMAT) > FORMAT)


def is_expired(item: "Item", now: int) -> bool:
    """Return whether the item's time to live is over. DynamoDB may take days to delete it."""
    return "expires" in item and item["expires"] * 1000 < now
