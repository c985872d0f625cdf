"""Who the API knows, and who is to be forgotten: the one place of the table where a person's address stands.

Each e-mail address, phone and customer id has an item of its own under a keyed hash; entries of the ledger name a
person by that hash. A redaction overwrites the items with tombstones, so that nothing points to anybody any more and
what comes late is stopped.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shopwire.models import Contact
from shopwire.table import ConditionFailed, Key, Table

_KEPT = 500 * 86_400_000  # longer than any entry that names a person


@dataclass(frozen=True, slots=True)
class People:
    """What is known of one contact's identities."""

    name: str | None
    """The contact's name in the table: the hash of what it is best known by."""
    known: bool
    """The API has taken the contact under the key that events will carry."""
    recorded: Contact
    """The addresses on record under `name`."""
    redacted_at: int | None
    """UTC milliseconds of the latest redaction of any of the identities."""

    def forgotten(self, born: int | None) -> bool:
        """Whether what was born then (UTC milliseconds; None: unknown) belongs to who was forgotten."""
        return self.redacted_at is not None and (born is None or born <= self.redacted_at)


class PeopleStore:
    """Reads and writes people. `hash_key` is the stack's own, so that hashes mean nothing elsewhere."""

    def __init__(self, table: Table, hash_key: str) -> None:
        self._table = table
        self._hash_key = hash_key.encode()

    def find(self, shop: str, contact: Contact) -> People:
        """What is known of the contact: one read of up to three items."""
        keys = [self._key(shop, identity) for identity in contact.identities]
        items = self._table.get_many(keys)
        first = items.get(keys[0], {}) if keys else {}
        redactions = [item["redacted_at"] for item in items.values() if "redacted_at" in item]
        return People(
            name=keys[0].pk.rpartition("#")[2] if keys else None,
            known=first.get("known", False),
            recorded=_contact(first),
            redacted_at=max(redactions, default=None),
        )

    def by_name(self, shop: str, name: str) -> People:
        """The person that a ledger entry names."""
        item = self._table.get(Key(f"{shop}#person#{name}")) or {}
        return People(name, item.get("known", False), _contact(item), item.get("redacted_at"))

    def know(self, shop: str, contact: Contact, now: int, born: int | None) -> bool:
        """The API has taken this contact: note it under its key, and under the customer id that may be all that a later
        change names. Answers False, and notes nothing, where he was forgotten meanwhile and was `born` (UTC
        milliseconds) before that."""
        address = {"email": contact.email, "phone": contact.phone, "customer_id": contact.customer_id}
        note = {"known": True, "contact": {name: value for name, value in address.items() if value}}
        for identity in dict.fromkeys((contact.identities[0], contact.identities[-1])):
            try:
                self._table.update(
                    self._key(shop, identity),
                    note | {"expires": (now + _KEPT) // 1000},
                    condition="attribute_not_exists(redacted_at) OR redacted_at < :born",
                    values={":born": born or 0},
                )
            except ConditionFailed:
                return False
        return True

    def redact(self, shop: str, contact: Contact, at: int, now: int) -> None:
        """Put a tombstone over every identity of the contact, and over those that are on record with them."""
        found = self.find(shop, contact)
        identities = dict.fromkeys((*contact.identities, *found.recorded.identities))
        for identity in identities:
            self._table.put(self._key(shop, identity), {"redacted_at": at, "expires": (now + _KEPT) // 1000})

    def _key(self, shop: str, identity: str) -> Key:
        digest = hmac.new(self._hash_key, f"{shop}#{identity}".encode(), hashlib.sha256)
        return Key(f"{shop}#person#{digest.hexdigest()[:32]}")


def _contact(item: Mapping[str, Any]) -> Contact:
    return Contact(**item.get("contact", {}))
