"""The items of the contacts, and how they are erased.

Each e-mail address, phone and customer id has an item under a keyed hash (`contacts`). An erasure request overwrites
the items with tombstones, so that nothing refers to the person any more and late webhooks are stopped.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopwire.models import Contact
from shopwire.stores.contact_record import IDENTITY_FIELDS, ContactRecord, read_record
from shopwire.stores.table import Item, Key, Table

_DAY_SECONDS = 86_400
RETENTION_SECONDS = 500 * _DAY_SECONDS
_KINDS = {"customer_id": "id", "email": "email", "phone": "phone"}
_RECORD_ATTRIBUTES = (
    "contact",
    "revision",
    "synced_revision",
    "api_id",
    "sent_consent",
    "previous",
    "deleted_at",
    "has_tombstone",
)


class ErasableContacts:
    """Reads the items of contacts, and erases them. Times are UTC milliseconds. Every method may raise
    TableUnavailable.

    Args:
        hash_key: the stack's own key, so that the hashes mean nothing elsewhere.
    """

    def __init__(self, table: Table, hash_key: str) -> None:
        self._table = table
        self._hash_key = hash_key.encode()

    def erase(self, shop: str, contact: Contact, at: int, now: int) -> tuple[ContactRecord, ...]:
        """Write a tombstone over every identity of the contact, and over the contacts to which they lead.

        Returns:
            The contacts that the API may have. The tombstones of the request's own identities keep them until
            `clear_erasure_list`, because the invocation that begins an erasure may not finish it.
        """
        expires = now // 1000 + RETENTION_SECONDS
        found, is_complete = _Related(), False
        while not is_complete:
            self._find_related(shop, contact, found)
            listed = [_listed(record) for record in found.records.values()]
            is_complete = True
            # The request's own identities are first, because a repeated request must find the list.
            for hash in dict.fromkeys((*found.own, *found.identities, *found.contact_ids)):
                change: dict[str, Any] = {"expires": expires}
                is_unwritten = hash in found.contact_ids and hash not in found.records
                if hash in found.identities or is_unwritten:
                    change |= {"contact_id": None, "for_revision": None, "erased_at": at}
                if hash in found.contact_ids:
                    change |= dict.fromkeys(_RECORD_ATTRIBUTES) | {"contact_erased_at": at}
                if hash in found.own and listed:
                    change["erasure_list"] = listed
                before = self._table.update(item_key(shop, hash), change)
                # It may have been changed since it was read.
                id = before.get("contact_id") if hash in found.identities else None
                if id and id not in found.contact_ids:
                    found.contact_ids.add(id)
                    is_complete = False
                record = read_record(hash, before)
                if hash in found.contact_ids and record.revision and record != found.records.get(hash):
                    found.records[hash] = record
                    is_complete = False
        return tuple(found.records.values())

    def related_contacts(self, shop: str, contact: Contact) -> tuple[ContactRecord, ...]:
        """Return what `erase` would return. Nothing is written."""
        found = _Related()
        self._find_related(shop, contact, found)
        return tuple(found.records.values())

    def related_items(self, shop: str, contact: Contact) -> dict[str, Item]:
        """Return the stored items that `erase` would write over, by their partition keys."""
        found = _Related()
        self._find_related(shop, contact, found)
        items: dict[str, Item] = {}
        for part in _parts(sorted({*found.identities, *found.contact_ids})):
            items |= {item_key(shop, hash).pk: item for hash, item in self._read(shop, part).items()}
        return items

    def clear_erasure_list(self, shop: str, contact: Contact) -> None:
        """Remove the list of contacts to erase from the tombstones: the API erased all of them."""
        for _, _, hash in self._identities(shop, contact):
            self._table.update(item_key(shop, hash), {"erasure_list": None})

    def _find_related(self, shop: str, contact: Contact, found: "_Related") -> None:
        """Add the contacts to which the request's identities lead, and the identities of these contacts."""
        found.own |= dict.fromkeys(hash for _, _, hash in self._identities(shop, contact))
        found.identities |= found.own
        items: dict[str, Item] = {}
        while True:
            unread = (found.identities | dict.fromkeys((*found.contact_ids, *found.maybe))).keys() - items.keys()
            if not unread:
                return
            # DynamoDB returns at most 100 items. A contact has at most 53 identities.
            for part in _parts(sorted(unread)):
                read = self._read(shop, part)
                items |= {hash: read.get(hash, {}) for hash in part}
            for hash in found.own:
                for listed in items[hash].get("erasure_list", ()):
                    record = _from_list(listed)
                    found.records.setdefault(record.id, record)
                    found.contact_ids.add(record.id)
            found.contact_ids |= {
                id for hash in found.identities if (id := items.get(hash, {}).get("contact_id")) is not None
            }
            for id in found.contact_ids & items.keys():
                if (record := read_record(id, items[id])).revision:
                    found.records.setdefault(id, record)
            for id, item in items.items():
                guest = read_record(id, item)
                # A guest who kept a phone may have registered with it as another customer since.
                if item.get("guest_of") in found.records and not guest.contact.customer_id:
                    found.contact_ids.add(id)
                    found.records.setdefault(id, guest)
            for record in found.records.values():
                hashes = (hash for _, _, hash in self._identities(shop, record.contact))
                found.maybe |= dict.fromkeys((*hashes, *record.previous))
            # An earlier address may lead to another person by now.
            for hash in found.maybe:
                if items.get(hash, {}).get("contact_id", "") in found.records:
                    found.identities[hash] = None

    def _identities(self, shop: str, contact: Contact) -> Iterator[tuple[str, str, str]]:
        """Yield field, value and hash of each identity."""
        for name in IDENTITY_FIELDS:
            if value := getattr(contact, name):
                yield name, value, self._hash(shop, name, value)

    def _hash(self, shop: str, name: str, value: str) -> str:
        return self._digest(f"{shop}#{_KINDS[name]}:{value}")

    def _digest(self, text: str) -> str:
        return hmac.new(self._hash_key, text.encode(), hashlib.sha256).hexdigest()[:32]

    def _read(self, shop: str, hashes: Collection[str]) -> dict[str, Item]:
        stored = self._table.get_many(item_key(shop, hash) for hash in hashes)
        return {key.pk.rpartition("#")[2]: item for key, item in stored.items()}


@dataclass(slots=True)
class _Related:
    """What belongs to an erasure request.

    Args:
        own: hashes of the identities that the request names.
        identities: hashes of all identities that get a tombstone.
        maybe: hashes of identities that get one if they lead to one of the contacts.
        contact_ids: the contacts to which identities lead.
        records: the contacts, by their ids.
    """

    own: dict[str, None] = field(default_factory=dict)
    identities: dict[str, None] = field(default_factory=dict)
    maybe: dict[str, None] = field(default_factory=dict)
    contact_ids: set[str] = field(default_factory=set)
    records: dict[str, ContactRecord] = field(default_factory=dict)


def item_key(shop: str, hash: str) -> Key:
    """Return the key of the item of an identity, or of a record that has an item of its own."""
    return Key(f"{shop}#identity#{hash}")


def _listed(record: ContactRecord) -> dict[str, Any]:
    """Return what the erasure of a contact needs: its identities, the API's id, and whether the API has them there."""
    identities = {name: value for name in IDENTITY_FIELDS if (value := getattr(record.contact, name))}
    api_id = {"api_id": record.api_id} if record.api_id else {}
    listed = {"id": record.id, "previous": list(record.previous), "is_synced": record.is_synced}
    return identities | api_id | listed


def _from_list(listed: Mapping[str, Any]) -> ContactRecord:
    contact = Contact(**{name: value for name in IDENTITY_FIELDS if (value := listed.get(name))})
    revision = 1
    synced_revision = revision if listed.get("is_synced") else 0
    previous = tuple(listed["previous"])
    return ContactRecord(listed["id"], contact, revision, synced_revision, listed.get("api_id"), previous=previous)


def _parts(hashes: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(hashes), 100):
        yield hashes[start : start + 100]
