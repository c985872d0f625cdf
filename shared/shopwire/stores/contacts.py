"""The contacts: what the API should have of each person, and the tombstones of erased ones. This is the only place of
the table with people's names and addresses, apart from webhooks that wait or are parked.

Each e-mail address, phone and customer id has an item under a keyed hash, which leads to a contact. The record of a
contact is on the item of the identity with which it was created, because nearly every webhook of the person names that
one: so a known contact takes one read. If that item has a record already, of a contact whose address this was before,
the new record gets an item of its own.

An erasure request overwrites the items with tombstones, so that nothing refers to the person any more and late webhooks
are stopped.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shopwire.errors import ConditionFailed
from shopwire.models import Contact
from shopwire.stores.contact_record import (
    IDENTITY_FIELDS,
    ContactRecord,
    ContactState,
    Pointer,
    changed_identities,
    choose,
    known_sent_consent,
    merged,
    read_contact,
    stored_contact,
    with_previous,
)
from shopwire.stores.table import Item, Key, Table

_DAY_SECONDS = 86_400
_RETENTION_SECONDS = 500 * _DAY_SECONDS
_NEEDED_SECONDS = 400 * _DAY_SECONDS  # as long as an entry that refers to a contact
_KINDS = {"customer_id": "id", "email": "email", "phone": "phone"}
_RECORD_ATTRIBUTES = ("contact", "revision", "synced_revision", "api_id", "sent_consent", "previous", "deleted_at")
_NOT_ERASED = "(attribute_not_exists(erased_at) OR erased_at < :created)"


class ContactStore:
    """Reads and writes contacts. Times are UTC milliseconds. Every method may raise TableUnavailable.

    Args:
        hash_key: the stack's own key, so that the hashes mean nothing elsewhere.
    """

    def __init__(self, table: Table, hash_key: str) -> None:
        self._table = table
        self._hash_key = hash_key.encode()

    def find(self, shop: str, contact: Contact) -> ContactState:
        """Return what is recorded about the contact: mostly one read of up to three items."""
        hashes = {name: hash for name, _, hash in self._identities(shop, contact)}
        items = self._read(shop, hashes.values())
        pointers = {name: _pointer(hash, items.get(hash, {})) for name, hash in hashes.items()}
        wanted = {pointer.contact_id for pointer in pointers.values() if pointer.contact_id}
        items |= self._read(shop, wanted - items.keys())
        records = {id: record for id in wanted if (record := _record(id, items.get(id, {}))).revision}
        # A record on the item of an identity may be of a contact that does not have that identity any more.
        records |= {hash: record for hash in hashes.values() if (record := _record(hash, items.get(hash, {}))).revision}
        chosen = choose(contact, pointers, records)
        return ContactState(contact, pointers, records, chosen, chosen.id if chosen else self._new_id(hashes, records))

    def hashes(self, shop: str, contact: Contact) -> list[str]:
        """Return the hashes of the contact's identities. Nothing is read."""
        return [hash for _, _, hash in self._identities(shop, contact)]

    def find_by_ref(self, shop: str, ref: str) -> tuple[ContactRecord | None, int | None]:
        """Return the record of the contact that an entry refers to, and when it was erased (UTC ms), if it was."""
        item = self._table.get(_item_key(shop, ref)) or {}
        record = _record(ref, item)
        return (record if record.revision else None), item.get("contact_erased_at")

    def write(
        self,
        shop: str,
        state: ContactState,
        contact: Contact,
        now: int,
        created_at: int | None,
        *,
        is_sent: bool = True,
    ) -> ContactRecord | None:
        """Record what the API should have of a contact, before it is sent.

        Its identities lead to it from now on. They are claimed first, so that two contacts never have the same one.

        Args:
            state: what was found.
            contact: what the API should have. It identifies a person.
            created_at: when the contact's order, cart or account was created, UTC ms.
            is_sent: False if the API has all of it already, so that it counts as synced.

        Returns:
            The record. None if something else was recorded since `state` was found, or the person was erased: find it
            again.
        """
        old, id = state.record, state.ref
        assert id is not None
        expires = now // 1000 + _RETENTION_SECONDS
        if old and old.revision and old.contact == contact and not self.is_expiring(state, now):
            return old
        hashes = {name: hash for name, _, hash in self._identities(shop, contact)}
        claims: dict[str, str | None] = {}
        for name, hash in hashes.items():
            pointer = state.pointers.get(name)
            leads_elsewhere = pointer is not None and pointer.contact_id != id
            if pointer and (leads_elsewhere or pointer.expires * 1000 < (now + _NEEDED_SECONDS * 1000)):
                claims[hash] = pointer.contact_id
        try:
            for hash, seen in claims.items():
                if hash != id:
                    self._claim(shop, hash, id, seen, expires, created_at)
            own_seen = (claims[id] or id) if id in claims else None
            return self._write_record(
                shop, old or ContactRecord(id), contact, own_seen, expires, created_at, is_sent=is_sent
            )
        except ConditionFailed:
            return None

    def _claim(self, shop: str, hash: str, id: str, seen: str | None, expires: int, created_at: int | None) -> None:
        """Let an identity lead to a contact, unless it leads to another one since it was read."""
        self._table.update(
            _item_key(shop, hash),
            {"contact_id": id, "expires": expires},
            condition=f"{_NOT_ERASED} AND {_MAY_LEAD}",
            values={":created": created_at or 0, ":id": id, ":seen": seen or id},
        )

    def _write_record(
        self,
        shop: str,
        old: ContactRecord,
        contact: Contact,
        own_seen: str | None,
        expires: int,
        created_at: int | None,
        *,
        is_sent: bool,
    ) -> ContactRecord:
        changed = old.contact != contact
        gone = [self._hash(shop, name, value) for name, value in changed_identities(old.contact, contact)]
        new = merged(old, contact) if changed else old
        new = replace(new, previous=with_previous(old, gone), sent_consent=known_sent_consent(old, contact))
        change: dict[str, Any] = {
            "contact": stored_contact(contact),
            "revision": new.revision,
            "previous": list(new.previous) or None,
            "contact_erased_at": None,
            "expires": expires,
        }
        if changed and not is_sent:
            new = replace(new, synced_revision=new.revision)
            change["synced_revision"] = new.revision
        if new.sent_consent != old.sent_consent:
            change["sent_consent"] = new.sent_consent
        values: dict[str, Any]
        if old.revision:
            condition, values = "revision = :revision", {":revision": old.revision}
        else:
            condition = f"attribute_not_exists(revision) AND {_NOT_ERASED}"
            values = {":created": created_at or 0}
        if own_seen:
            change["contact_id"] = old.id
            condition += f" AND {_MAY_LEAD}"
            values |= {":id": old.id, ":seen": own_seen}
        self._table.update(_item_key(shop, old.id), change, condition=condition, values=values)
        return replace(new, expires=expires)

    def mark_synced(self, shop: str, record: ContactRecord, api_id: int | None, sent_consent: bool | None) -> bool:
        """Record that the API accepted this revision.

        Args:
            api_id: the API's id of the contact, if its answer gave one.
            sent_consent: which consent was sent.

        Returns:
            False if the record was changed or erased meanwhile.
        """
        change = {"synced_revision": record.revision, "sent_consent": sent_consent}
        if api_id:
            change["api_id"] = api_id
        try:
            self._table.update(
                _item_key(shop, record.id),
                change,
                condition="revision = :revision",
                values={":revision": record.revision},
            )
        except ConditionFailed:
            return False
        return True

    def mark_deleted(self, shop: str, record: ContactRecord, at: int) -> bool:
        """Record that the API does not have the contact, because its account was deleted (`at`, UTC ms).

        A request that is under way belongs to an earlier revision. Returns False if the record was changed meanwhile.
        """
        try:
            self._table.update(
                _item_key(shop, record.id),
                {"revision": record.revision + 1, "synced_revision": 0, "deleted_at": at},
                condition="revision = :revision",
                values={":revision": record.revision},
            )
        except ConditionFailed:
            return False
        return True

    def touch(self, shop: str, record: ContactRecord, sent_consent: bool | None) -> bool:
        """Raise the revision, so that what is recorded is sent again. Return False if the record was changed meanwhile.

        Args:
            sent_consent: which consent the API may have now.
        """
        try:
            self._table.update(
                _item_key(shop, record.id),
                {"revision": record.revision + 1, "sent_consent": sent_consent},
                condition="revision = :revision",
                values={":revision": record.revision},
            )
        except ConditionFailed:
            return False
        return True

    # --- erasure

    def erase(self, shop: str, contact: Contact, at: int, now: int) -> tuple[ContactRecord, ...]:
        """Write a tombstone over every identity of the contact, and over the contacts to which they lead.

        Returns:
            The contacts that the API may have. The tombstones of the request's own identities keep them until
            `clear_erasure_list`, because the invocation that begins an erasure may not finish it.
        """
        expires = now // 1000 + _RETENTION_SECONDS
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
                    change |= {"contact_id": None, "erased_at": at}
                if hash in found.contact_ids:
                    change |= dict.fromkeys(_RECORD_ATTRIBUTES) | {"contact_erased_at": at}
                if hash in found.own and listed:
                    change["erasure_list"] = listed
                before = self._table.update(_item_key(shop, hash), change)
                # It may have been changed since it was read.
                id = before.get("contact_id") if hash in found.identities else None
                if id and id not in found.contact_ids:
                    found.contact_ids.add(id)
                    is_complete = False
                record = _record(hash, before)
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
            items |= {_item_key(shop, hash).pk: item for hash, item in self._read(shop, part).items()}
        return items

    def clear_erasure_list(self, shop: str, contact: Contact) -> None:
        """Remove the list of contacts to erase from the tombstones: the API erased all of them."""
        for _, _, hash in self._identities(shop, contact):
            self._table.update(_item_key(shop, hash), {"erasure_list": None})

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
                if (record := _record(id, items[id])).revision:
                    found.records.setdefault(id, record)
            for record in found.records.values():
                hashes = (hash for _, _, hash in self._identities(shop, record.contact))
                found.maybe |= dict.fromkeys((*hashes, *record.previous))
            # An earlier address may lead to another person by now.
            for hash in found.maybe:
                if items.get(hash, {}).get("contact_id", "") in found.records:
                    found.identities[hash] = None

    def _new_id(self, hashes: Mapping[str, str], records: Mapping[str, ContactRecord]) -> str | None:
        """Return the id of a new contact with these identities."""
        hash = next(iter(hashes.values()), None)
        if hash is None or hash not in records:
            return hash
        return self._digest(f"{hash}#{records[hash].revision}")

    def is_expiring(self, state: ContactState, now: int) -> bool:
        """Return whether the items might be deleted before an entry that refers to the contact from now on."""
        expires = [pointer.expires for pointer in state.pointers.values() if pointer.contact_id]
        expires += [state.record.expires] if state.record else []
        return min(expires, default=0) < now // 1000 + _NEEDED_SECONDS

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
        stored = self._table.get_many(_item_key(shop, hash) for hash in hashes)
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


_MAY_LEAD = "(attribute_not_exists(contact_id) OR contact_id = :id OR contact_id = :seen)"


def _item_key(shop: str, hash: str) -> Key:
    return Key(f"{shop}#identity#{hash}")


def _pointer(hash: str, item: Mapping[str, Any]) -> Pointer:
    return Pointer(hash, item.get("contact_id"), item.get("erased_at"), item.get("expires", 0))


def _record(id: str, item: Mapping[str, Any]) -> ContactRecord:
    if not item.get("revision"):
        return ContactRecord(id)
    return ContactRecord(
        id,
        read_contact(item.get("contact", {})),
        item["revision"],
        item.get("synced_revision", 0),
        item.get("api_id"),
        item.get("sent_consent"),
        tuple(item.get("previous", ())),
        item.get("expires", 0),
        item.get("deleted_at"),
    )


def _listed(record: ContactRecord) -> dict[str, Any]:
    """Return what the erasure of a contact needs: its identities, and the API's id."""
    identities = {name: value for name in IDENTITY_FIELDS if (value := getattr(record.contact, name))}
    api_id = {"api_id": record.api_id} if record.api_id else {}
    return identities | api_id | {"id": record.id, "previous": list(record.previous)}


def _from_list(listed: Mapping[str, Any]) -> ContactRecord:
    contact = Contact(**{name: value for name in IDENTITY_FIELDS if (value := listed.get(name))})
    return ContactRecord(listed["id"], contact, api_id=listed.get("api_id"), previous=tuple(listed["previous"]))


def _parts(hashes: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(hashes), 100):
        yield hashes[start : start + 100]
