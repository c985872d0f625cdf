"""The contacts: what the API should have of each person, and the tombstones of erased ones. This is the only place of
the table with people's names and addresses, apart from webhooks that wait or are parked.

Each e-mail address, phone and customer id has an item, which leads to a contact. The record of a contact is on the item
of the identity with which it was created, because nearly every webhook of the person names that one. If that item has a
record already, of a contact whose address this was before, the new record gets an item of its own.

A record has only identities whose items lead to it: they are claimed first, and what is taken from another record is
removed there before. So a known contact takes one read of one item.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from shopwire.errors import ConditionFailed
from shopwire.models import Contact
from shopwire.stores.contact_erasure import RETENTION_SECONDS, ErasableContacts, item_key
from shopwire.stores.contact_record import (
    ContactRecord,
    ContactState,
    Pointer,
    changed_identities,
    choose,
    known_sent_consent,
    merged,
    read_pointer,
    read_record,
    stored_contact,
    with_previous,
)
from shopwire.stores.table import Item

_NEEDED_SECONDS = 400 * 86_400  # as long as an entry that refers to a contact
_MAY_LEAD = (
    "(attribute_not_exists(contact_id)"
    " OR (contact_id = :id AND (attribute_not_exists(for_revision) OR for_revision <= :revision_claimed))"
    " OR (contact_id = :seen AND (attribute_not_exists(for_revision) OR for_revision = :seen_for)))"
)
_NOT_ERASED = "(attribute_not_exists(erased_at) OR erased_at < :created)"


class ContactStore(ErasableContacts):
    """Reads and writes contacts. Times are UTC milliseconds. Every method may raise TableUnavailable."""

    def find(self, shop: str, contact: Contact, likely: str | None = None) -> ContactState:
        """Return what is recorded about the contact: mostly one read of one item.

        A new contact takes one call more than a single read of all its items would, and the same read units.

        Args:
            likely: id of the contact that it probably is, because an entry refers to it. None: the one that its first
                identity creates.
        """
        hashes = {name: hash for name, _, hash in self._identities(shop, contact)}
        likely = likely or next(iter(hashes.values()), None)
        items: dict[str, Item] = {}
        if likely and hashes:
            items[likely] = self._table.get(item_key(shop, likely)) or {}
            if known := _known(contact, hashes, likely, items[likely]):
                return known
        items |= self._read(shop, [hash for hash in hashes.values() if hash not in items])
        pointers = {name: read_pointer(hash, items.get(hash, {})) for name, hash in hashes.items()}
        wanted = {pointer.contact_id for pointer in pointers.values() if pointer.contact_id}
        items |= self._read(shop, wanted - items.keys())
        records = {id: record for id in wanted if (record := read_record(id, items.get(id, {}))).revision}
        # A record on the item of an identity may be of a contact that does not have that identity any more.
        records |= {
            hash: record for hash in hashes.values() if (record := read_record(hash, items.get(hash, {}))).revision
        }
        chosen = choose(contact, pointers, records)
        id = chosen.id if chosen else self._new_id(shop, next(iter(hashes.values()), None), records)
        return ContactState(contact, pointers, records, chosen, id)

    def hashes(self, shop: str, contact: Contact) -> list[str]:
        """Return the hashes of the contact's identities. Nothing is read."""
        return [hash for _, _, hash in self._identities(shop, contact)]

    def find_by_ref(self, shop: str, ref: str) -> tuple[ContactRecord | None, int | None]:
        """Return the record of the contact that an entry refers to, and when it was erased (UTC ms), if it was.

        If it is a guest whose addresses a customer took over, that is the customer's contact.
        """
        item = self._table.get(item_key(shop, ref)) or {}
        record = read_record(ref, item)
        if record.revision and not record.contact.reachable and "guest_of" in item:
            return self.find_by_ref(shop, item["guest_of"])
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
        expires = now // 1000 + RETENTION_SECONDS
        if old and old.revision and not self.is_expiring(state, now):
            if old.contact == contact:
                return old
            expires = old.expires  # no identity may expire before the record, which `_known` believes
        record = old or ContactRecord(id)
        claims: dict[str, Pointer] = {}
        for name, value, hash in self._identities(shop, contact):
            pointer = state.pointers.get(name)
            is_new = record.revision > 0 and getattr(record.contact, name) != value
            if pointer and pointer.hash == hash:
                if pointer.contact_id != id or is_new or pointer.expires < expires:
                    claims[hash] = pointer
            elif hash != id and old and old.expires < expires:
                with suppress(ConditionFailed):  # the webhook does not name it, so it only must not expire
                    self._claim(shop, Pointer(hash), record, expires, created_at)
        try:
            guests = self._take_from_guests(shop, state, claims, id)
            for hash, pointer in claims.items():
                if hash != id:
                    self._claim(shop, pointer, record, expires, created_at)
            return self._write_record(
                shop,
                record,
                contact,
                claims.get(id),
                expires,
                created_at,
                guests=guests,
                has_tombstone=state.erased_at is not None,
                is_sent=is_sent,
            )
        except ConditionFailed:
            return None

    def _take_from_guests(self, shop: str, state: ContactState, claims: Mapping[str, Pointer], id: str) -> list[str]:
        """Remove the claimed addresses from the records that have them, so that a record has only what leads to it.

        These are contacts of the customer as a guest. Return their ids. An invocation that is about to record an
        address for another contact is stopped by that record's revision.
        """
        taken: dict[str, list[str]] = {}
        for name, pointer in state.pointers.items():
            guest = state.records.get(pointer.contact_id or "") if pointer.hash in claims else None
            if guest and guest.id != id and getattr(guest.contact, name) == getattr(state.named, name):
                taken.setdefault(guest.id, []).append(name)
        for guest_id, names in taken.items():
            guest = state.records[guest_id]
            self._raise_revision(shop, guest, contact=stored_contact(guest.contact.without(names)), guest_of=id)
        claimers = [record for pointer in claims.values() if (record := state.claimer(pointer))]
        for other in {record.id: record for record in claimers if record.id not in (id, *taken)}.values():
            self._raise_revision(shop, other)
        return list(taken)

    def _raise_revision(self, shop: str, record: ContactRecord, **change: Any) -> None:
        """Change a record that is not sent again, so that every write fails that was decided before."""
        change["revision"] = record.revision + 1
        if record.is_synced:
            change["synced_revision"] = record.revision + 1
        self._change_record(shop, record, change)

    def _claim(self, shop: str, pointer: Pointer, record: ContactRecord, expires: int, created_at: int | None) -> None:
        """Let an identity lead to a contact, unless it was claimed for another one since it was read."""
        claim, condition, values = _claimed(pointer, record)
        self._table.update(
            item_key(shop, pointer.hash),
            claim | {"expires": expires},
            condition=f"{_NOT_ERASED} AND {condition}",
            values=values | {":created": created_at or 0},
        )

    def _write_record(
        self,
        shop: str,
        old: ContactRecord,
        contact: Contact,
        own: Pointer | None,
        expires: int,
        created_at: int | None,
        *,
        guests: list[str],
        has_tombstone: bool,
        is_sent: bool,
    ) -> ContactRecord:
        changed = old.contact != contact
        gone = [self._hash(shop, name, value) for name, value in changed_identities(old.contact, contact)]
        new = merged(old, contact) if changed else old
        new = replace(new, previous=with_previous(old, [*gone, *guests]), sent_consent=known_sent_consent(old, contact))
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
        if has_tombstone:
            change["has_tombstone"] = True
        values: dict[str, Any]
        if old.revision:
            condition, values = "revision = :revision", {":revision": old.revision}
        else:
            condition = f"attribute_not_exists(revision) AND {_NOT_ERASED}"
            values = {":created": created_at or 0}
        if own:
            claim, may_lead, more = _claimed(own, old)
            change |= claim
            condition += f" AND {may_lead}"
            values |= more
        self._table.update(item_key(shop, old.id), change, condition=condition, values=values)
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
            self._change_record(shop, record, change)
        except ConditionFailed:
            return False
        return True

    def mark_deleted(self, shop: str, record: ContactRecord, at: int) -> bool:
        """Record that the API does not have the contact, because its account was deleted (`at`, UTC ms).

        A request that is under way belongs to an earlier revision. Returns False if the record was changed meanwhile.
        """
        change = {"revision": record.revision + 1, "synced_revision": 0, "deleted_at": at}
        try:
            self._change_record(shop, record, change)
        except ConditionFailed:
            return False
        return True

    def touch(self, shop: str, record: ContactRecord, sent_consent: bool | None) -> bool:
        """Raise the revision, so that what is recorded is sent again. Return False if the record was changed meanwhile.

        Args:
            sent_consent: which consent the API may have now.
        """
        try:
            self._change_record(shop, record, {"revision": record.revision + 1, "sent_consent": sent_consent})
        except ConditionFailed:
            return False
        return True

    def _change_record(self, shop: str, record: ContactRecord, change: Mapping[str, Any]) -> None:
        """Change a record unless it was changed or erased since it was read.

        Raises:
            ConditionFailed: it was.
        """
        self._table.update(
            item_key(shop, record.id),
            change,
            condition="revision = :revision",
            values={":revision": record.revision},
        )

    def _new_id(self, shop: str, hash: str | None, records: Mapping[str, ContactRecord]) -> str | None:
        """Return the id of a new contact whose first identity has this hash.

        Each of the contacts that gave the address up has a record already, so the new one gets the next free item.
        """
        id, record = hash, records.get(hash or "")
        while record and record.revision:
            id = self._digest(f"{id}#{record.revision}")
            record = read_record(id, self._table.get(item_key(shop, id)) or {})
        return id

    def is_expiring(self, state: ContactState, now: int) -> bool:
        """Return whether the items might be deleted before an entry that refers to the contact from now on."""
        expires = [pointer.expires for pointer in state.pointers.values() if pointer.contact_id]
        expires += [state.record.expires] if state.record else []
        return min(expires, default=0) < now // 1000 + _NEEDED_SECONDS


def _claimed(pointer: Pointer, record: ContactRecord) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """Return what to write for an identity that leads to a contact from its next revision on, the condition, and the
    condition's values."""
    revision, seen = record.revision + 1, pointer.contact_id or record.id
    values = {":id": record.id, ":revision_claimed": revision, ":seen": seen, ":seen_for": pointer.for_revision}
    return {"contact_id": record.id, "for_revision": revision}, _MAY_LEAD, values


def _known(contact: Contact, hashes: Mapping[str, str], id: str, item: Item) -> ContactState | None:
    """Return the state of the contact with this id and item if it is the one that a webhook names, and the API has all
    of its identities; otherwise None.

    The other items would say nothing else, because a record has only identities that lead to it. But an identity of an
    erased person has its tombstone only on its own item, so the record says that it has such a one.
    """
    record = read_record(id, item)
    named = [(getattr(contact, name), getattr(record.contact, name)) for name in hashes]
    if not record.is_synced or item.get("has_tombstone") or any(value != own for value, own in named):
        return None
    pointers = {name: read_pointer(hash, item) for name, hash in hashes.items() if hash == id}
    return ContactState(contact, pointers, {id: record}, record, id)
