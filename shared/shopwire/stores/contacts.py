"""The contacts that the API has, and the tombstones of erased ones: the only place of the table with people's
addresses.

Each e-mail address, phone and customer id has an item of its own under a keyed hash. Ledger entries refer to a contact
by such a hash. An erasure request overwrites the items with tombstones, so that nothing refers to the person any more
and late webhooks are stopped.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shopwire.errors import ConditionFailed
from shopwire.models import NOBODY, Contact
from shopwire.stores.table import Item, Key, Table

_DAY_SECONDS = 86_400
_RETENTION_SECONDS = 500 * _DAY_SECONDS
_NEEDED_SECONDS = 400 * _DAY_SECONDS  # as long as an entry that refers to a contact
_PERSONAL_ATTRIBUTES = ("known", "needs_resync", "primary_identity", "contact", "previous_refs")
_FIELDS = {"email": "email", "phone": "phone", "id": "customer_id"}


@dataclass(frozen=True, slots=True)
class ContactState:
    """What is recorded about a contact.

    Args:
        ref: how entries refer to the contact: the hash of its first identity. None if nothing identifies it.
        known: the API has a contact under the key that events will carry.
        needs_resync: the API may hold older data than `recorded`. Send `recorded` again before the next event.
        recorded: the addresses recorded under `ref`.
        erased_at: UTC ms of the latest erasure of any of the identities.
        fields_of_other_contacts: those of email, phone and customer_id that the API has in another contact.
        fields_of_other_people: the same, without contacts that are an earlier state of the same customer.
        known_identities: the contact's identities by which the API finds a contact.
        previous_identities: identities recorded for the same customer that this contact does not have any more.
        recorded_until: until when (seconds) each identity is recorded for exactly this contact; 0 if one is not.
    """

    ref: str | None = None
    known: bool = False
    needs_resync: bool = False
    recorded: Contact = NOBODY
    erased_at: int | None = None
    fields_of_other_contacts: frozenset[str] = frozenset()
    fields_of_other_people: frozenset[str] = frozenset()
    known_identities: frozenset[str] = frozenset()
    previous_identities: tuple[str, ...] = ()
    recorded_until: int = 0

    def is_recorded(self, now: int) -> bool:
        """Return whether `record` would change nothing. Most changes of a customer touch no address, and recording
        them takes up to three writes."""
        return now + _NEEDED_SECONDS * 1000 < self.recorded_until * 1000

    def is_erased(self, created_at: int | None) -> bool:
        """Return whether something that was created then (UTC ms; None: unknown) belongs to the erased person."""
        return self.erased_at is not None and (created_at is None or created_at <= self.erased_at)


class ContactStore:
    """Reads and writes contacts. Times are UTC milliseconds. Every method except `ref` may raise TableUnavailable.

    Args:
        hash_key: the stack's own key, so that the hashes mean nothing elsewhere.
    """

    def __init__(self, table: Table, hash_key: str) -> None:
        self._table = table
        self._hash_key = hash_key.encode()

    def ref(self, shop: str, contact: Contact) -> str | None:
        """Return how entries refer to the contact; None if nothing identifies it. Nothing is read."""
        return next((_ref(self._key(shop, identity)) for identity in contact.identities), None)

    def find(self, shop: str, contact: Contact) -> ContactState:
        """Return what is recorded about the contact, with one read of up to three items."""
        keys = {identity: self._key(shop, identity) for identity in contact.identities}
        stored = self._table.get_many(keys.values())
        items = {identity: stored.get(key, {}) for identity, key in keys.items()}
        ref = next((_ref(key) for key in keys.values()), None)
        first = next(iter(items.values()), {})
        customer = items.get(f"id:{contact.customer_id}", {})
        recorded = dict.fromkeys((*_contact(first).identities, *_contact(customer).identities))
        primary = {
            _FIELDS[identity.partition(":")[0]]: item.get("primary_identity")
            for identity, item in items.items()
            if item.get("known")
        }
        own = (ref, customer.get("primary_identity"))
        erasures = [item["erased_at"] for item in items.values() if "erased_at" in item]
        return ContactState(
            ref=ref,
            known=_is_known(first),
            needs_resync=first.get("needs_resync", False),
            recorded=_contact(first),
            erased_at=max(erasures, default=None),
            fields_of_other_contacts=frozenset(field for field, identity in primary.items() if identity != ref),
            fields_of_other_people=frozenset(field for field, identity in primary.items() if identity not in own),
            known_identities=frozenset(identity for identity, item in items.items() if item.get("known")),
            previous_identities=tuple(identity for identity in recorded if identity not in items),
            recorded_until=min((_recorded_until(item, ref, contact) for item in items.values()), default=0),
        )

    def find_by_ref(self, shop: str, ref: str) -> ContactState:
        """Return the contact that an entry refers to, as it is now.

        If a customer's addresses changed since, that is the contact recorded under the customer id.
        """
        item = self._table.get(_item_key(shop, ref)) or {}
        if not _is_known(item) and (id := _contact(item).customer_id):
            now = self._table.get(self._key(shop, f"id:{id}")) or {}
            if now.get("known"):
                ref, item = now["primary_identity"], now
        return ContactState(
            ref=ref,
            known=_is_known(item),
            needs_resync=item.get("needs_resync", False),
            recorded=_contact(item),
            erased_at=item.get("erased_at"),
        )

    def recorded_contact(self, shop: str, contact: Contact) -> Contact:
        """Return what is recorded of the contact now: under the customer id, otherwise under the address."""
        keys = (self._key(shop, identity) for identity in (contact.identities[-1], contact.identities[0]))
        found = (_contact(self._table.get(key) or {}) for key in keys)
        return next((recorded for recorded in found if recorded.identities), NOBODY)

    def record(
        self, shop: str, contact: Contact, now: int, created_at: int | None, *, only_if_absent: bool = False
    ) -> frozenset[str] | None:
        """Record, under each identity, that the API accepted the contact: a later change may carry only one of them.

        Args:
            created_at: when the contact's order, cart or account was created, UTC ms.
            only_if_absent: leave identities alone that are recorded already.

        Returns:
            The identities that were recorded before. None if the person was erased after `created_at`; nothing more is
            recorded then.
        """
        values = {
            "known": True,
            "needs_resync": None,
            "primary_identity": _ref(self._key(shop, contact.identities[0])),
            "contact": _addresses(contact),
            "expires": now // 1000 + _RETENTION_SECONDS,
        }
        condition = "(attribute_not_exists(erased_at) OR erased_at < :created)"
        if only_if_absent:
            condition += " AND attribute_not_exists(known)"
        known = []
        for identity in contact.identities:
            try:
                before = self._table.update(
                    self._key(shop, identity), values, condition=condition, values={":created": created_at or 0}
                )
            except ConditionFailed as refusal:
                before = refusal.item or {}
                absent = not (only_if_absent and before.get("known"))
                if absent or before.get("erased_at", -1) >= (created_at or 0):
                    return None
            if before.get("known"):
                known.append(identity)
        return frozenset(known)

    def mark_for_resync(self, shop: str, identities: Collection[str]) -> None:
        """Mark the contacts under these identities: the API may hold older data than what is recorded."""
        for identity in identities:
            with suppress(ConditionFailed):  # no contact is known by it
                self._table.update(
                    self._key(shop, identity), {"needs_resync": True}, condition="attribute_exists(known)"
                )

    def mark_synced(self, shop: str, contact: Contact) -> bool:
        """Record that the API has what is recorded of the contact.

        Returns:
            False if something else is recorded by now. That must be sent then.
        """
        for identity in reversed(contact.identities):  # the id is the last one to refer to another contact
            try:
                self._table.update(
                    self._key(shop, identity),
                    {"needs_resync": None},
                    condition="contact = :contact",
                    values={":contact": _addresses(contact)},
                )
            except ConditionFailed as refusal:
                if "contact" in (refusal.item or {}):
                    return False
        return True

    def mark_unknown(self, shop: str, identities: Collection[str]) -> bool:
        """Record that the API does not find the customer by these identities any more, because they changed.

        What is recorded under them stays, because orders refer to it.

        Returns:
            Whether all of them were still marked for resync, so that nothing was sent to the API for them meanwhile.
        """
        before = [
            self._table.update(self._key(shop, identity), {"known": None, "needs_resync": None})
            for identity in identities
        ]
        return all(item.get("needs_resync") or not item.get("known") for item in before)

    def link_previous(self, shop: str, contact: Contact, identities: Collection[str], now: int) -> None:
        """Record that these were the contact's identities, so that an erasure request finds them."""
        refs = [_ref(self._key(shop, identity)) for identity in identities]
        for identity in contact.identities if refs else ():
            expires = {"expires": now // 1000 + _RETENTION_SECONDS}
            self._table.update(self._key(shop, identity), expires, append={"previous_refs": refs})

    def erase(self, shop: str, contact: Contact, at: int, now: int) -> tuple[Contact, ...]:
        """Write a tombstone over every identity of the contact, and over those recorded together with any of them.

        Returns:
            All contacts that the API may have by these identities. The contact's own tombstones keep them until
            `clear_erasure_list`, because the invocation that begins an erasure may not finish it.
        """
        own = {self._key(shop, identity) for identity in contact.identities}
        tombstone = dict.fromkeys(_PERSONAL_ATTRIBUTES) | {
            "erased_at": at,
            "expires": now // 1000 + _RETENTION_SECONDS,
        }
        contacts = {contact: None}
        found_before = 0
        while found_before < len(contacts):  # otherwise a contact was recorded between reading and writing
            keys = self._find_related(shop, contacts)
            found_before = len(contacts)
            others = [_addresses(other) for other in contacts if other != contact]
            erasure_list = {"erasure_list": others} if others else {}
            for key in keys:
                item = self._table.update(key, tombstone | (erasure_list if key in own else {}))
                _add_contacts(contacts, item)
        return tuple(contacts)

    def related_contacts(self, shop: str, contact: Contact) -> tuple[Contact, ...]:
        """Return what `erase` would return. Nothing is written."""
        contacts = {contact: None}
        self._find_related(shop, contacts)
        return tuple(contacts)

    def _find_related(self, shop: str, contacts: dict[Contact, None]) -> Collection[Key]:
        """Add the contacts that are recorded together with those in `contacts`. Return the keys of all of them."""
        read: dict[Key, None] = {}
        previous: list[Key] = []
        while True:
            keys = [self._key(shop, identity) for contact in contacts for identity in contact.identities]
            to_read = dict.fromkeys(key for key in (*keys, *previous) if key not in read)
            if not to_read:
                return read
            stored = self._table.get_many(to_read)
            read |= to_read
            for item in stored.values():
                _add_contacts(contacts, item)
            previous = [_item_key(shop, ref) for item in stored.values() for ref in item.get("previous_refs", ())]

    def clear_erasure_list(self, shop: str, contact: Contact) -> None:
        """Remove the list of contacts to erase from the tombstones: the API erased all of them."""
        for identity in contact.identities:
            self._table.update(self._key(shop, identity), {"erasure_list": None})

    def _key(self, shop: str, identity: str) -> Key:
        digest = hmac.new(self._hash_key, f"{shop}#{identity}".encode(), hashlib.sha256)
        return _item_key(shop, digest.hexdigest()[:32])


def _item_key(shop: str, ref: str) -> Key:
    return Key(f"{shop}#identity#{ref}")


def _ref(key: Key) -> str:
    return key.pk.rpartition("#")[2]


def _is_known(item: Mapping[str, Any]) -> bool:
    return bool(item.get("known")) and not item.get("needs_resync")


def _recorded_until(item: Mapping[str, Any], ref: str | None, contact: Contact) -> int:
    same = _is_known(item) and item.get("primary_identity") == ref and _contact(item).identities == contact.identities
    return int(item["expires"]) if same else 0


def _addresses(contact: Contact) -> dict[str, str]:
    return {name: value for name in _FIELDS.values() if (value := getattr(contact, name))}


def _add_contacts(contacts: dict[Contact, None], item: Item) -> None:
    """Add the contacts that an item names, except those whose identities the first contact has too."""
    known = set(next(iter(contacts)).identities)
    for addresses in (item.get("contact"), *item.get("erasure_list", ())):
        if addresses and not known.issuperset((found := Contact(**addresses)).identities):
            contacts[found] = None


def _contact(item: Mapping[str, Any]) -> Contact:
    return Contact(**item.get("contact", {}))
