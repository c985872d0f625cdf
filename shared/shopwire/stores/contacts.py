"""Who the API knows, and who is to be forgotten: the one place of the table where a person's address stands.

Each e-mail address, phone and customer id has an item of its own under a keyed hash; entries of the ledger name a
person by that hash. A redaction overwrites the items with tombstones, so that nothing points to anybody any more and
what comes late is stopped.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shopwire.models import Contact
from shopwire.stores.table import ConditionFailed, Item, Key, Table

_KEPT = 500 * 86_400_000
_NEEDED = 400 * 86_400_000  # as long as an entry that names a person
_ABOUT_HIM = ("known", "doubted", "owner", "contact", "earlier")
_FIELDS = {"email": "email", "phone": "phone", "id": "customer_id"}


@dataclass(frozen=True, slots=True)
class People:
    """What is known of one contact's identities."""

    name: str | None
    """The contact's name in the table: the hash of what it is best known by."""
    known: bool
    """The API has taken a contact under the key that events will carry."""
    doubted: bool
    """It may have taken another after the one on record, which said less: it must be told again."""
    recorded: Contact
    """The addresses on record under `name`."""
    redacted_at: int | None
    """UTC milliseconds of the latest redaction of any of the identities."""
    others: frozenset[str] = frozenset()
    """Those of the contact's fields (email, phone, customer_id) that the API knows as another contact's."""
    strangers: frozenset[str] = frozenset()
    """The same, but for what is only an earlier state of the same customer."""
    met: frozenset[str] = frozenset()
    """The contact's identities by which the API finds somebody."""
    former: tuple[str, ...] = ()
    """Identities on record for the same customer that the contact at hand does not name any more."""
    noted_until: int = 0
    """Until when (seconds) each of the identities is on record as this very contact's; 0: one is not."""

    def is_noted(self, now: int) -> bool:
        """Whether a `know` would write nothing new: most changes of a customer touch no address, and it is up to three
        writes."""
        return now + _NEEDED < self.noted_until * 1000

    def forgotten(self, born: int | None) -> bool:
        """Whether what was born then (UTC milliseconds; None: unknown) belongs to who was forgotten."""
        return self.redacted_at is not None and (born is None or born <= self.redacted_at)


class PeopleStore:
    """Reads and writes people. `hash_key` is the stack's own, so that hashes mean nothing elsewhere. Times are UTC
    milliseconds. Every method but `name` may raise TableDown."""

    def __init__(self, table: Table, hash_key: str) -> None:
        self._table = table
        self._hash_key = hash_key.encode()

    def name(self, shop: str, contact: Contact) -> str | None:
        """The contact's name in the table; None: nothing names him. Reads nothing."""
        return next((_name(self._key(shop, identity)) for identity in contact.identities), None)

    def find(self, shop: str, contact: Contact) -> People:
        """What is known of the contact: one read of up to three items."""
        keys = {identity: self._key(shop, identity) for identity in contact.identities}
        stored = self._table.get_many(keys.values())
        items = {identity: stored.get(key, {}) for identity, key in keys.items()}
        name = next((_name(key) for key in keys.values()), None)
        first = next(iter(items.values()), {})
        customer = items.get(f"id:{contact.customer_id}", {})
        recorded = dict.fromkeys((*_contact(first).identities, *_contact(customer).identities))
        owners = {
            _FIELDS[identity.partition(":")[0]]: item.get("owner")
            for identity, item in items.items()
            if item.get("known")
        }
        redactions = [item["redacted_at"] for item in items.values() if "redacted_at" in item]
        return People(
            name=name,
            known=_is_known(first),
            doubted=first.get("doubted", False),
            recorded=_contact(first),
            others=frozenset(field for field, owner in owners.items() if owner != name),
            strangers=frozenset(field for field, owner in owners.items() if owner not in (name, customer.get("owner"))),
            met=frozenset(identity for identity, item in items.items() if item.get("known")),
            former=tuple(one for one in recorded if one not in items),
            redacted_at=max(redactions, default=None),
            noted_until=min((_noted_until(item, name, contact) for item in items.values()), default=0),
        )

    def by_name(self, shop: str, name: str) -> People:
        """The person that a ledger entry names, as he is now: a customer who has changed his address since is whoever
        his id says."""
        item = self._table.get(_person(shop, name)) or {}
        if not _is_known(item) and (id := _contact(item).customer_id):
            now = self._table.get(self._key(shop, f"id:{id}")) or {}
            if now.get("known"):
                name, item = now["owner"], now
        return People(
            name=name,
            known=_is_known(item),
            doubted=item.get("doubted", False),
            recorded=_contact(item),
            redacted_at=item.get("redacted_at"),
        )

    def know(
        self, shop: str, contact: Contact, now: int, born: int | None, *, yields: bool = False
    ) -> frozenset[str] | None:
        """The API has taken this contact: note it under each of its identities, since any of them may be all that a
        later change names. Answers those under which it was noted already (`yields`: and leaves these as they are);
        None, and notes nothing more, where he was forgotten meanwhile and was `born` (UTC milliseconds) before that."""
        note = {
            "known": True,
            "doubted": None,
            "owner": _name(self._key(shop, contact.identities[0])),
            "contact": _address(contact),
            "expires": (now + _KEPT) // 1000,
        }
        condition = "(attribute_not_exists(redacted_at) OR redacted_at < :born)"
        if yields:
            condition += " AND attribute_not_exists(known)"
        met = []
        for identity in contact.identities:
            try:
                before = self._table.update(
                    self._key(shop, identity), note, condition=condition, values={":born": born or 0}
                )
            except ConditionFailed as refusal:
                before = refusal.item or {}
                if not (yields and before.get("known")) or before.get("redacted_at", -1) >= (born or 0):
                    return None
            if before.get("known"):
                met.append(identity)
        return frozenset(met)

    def on_record(self, shop: str, contact: Contact) -> Contact:
        """What is on record of the contact now: under his id, else under his address."""
        items = (self._table.get(self._key(shop, one)) or {} for one in (contact.identities[-1], contact.identities[0]))
        return next((found for item in items if (found := _contact(item)).identities), Contact())

    def doubt(self, shop: str, identities: Collection[str]) -> None:
        """Whether the API holds what is on record under these is not sure any more."""
        for identity in identities:
            with suppress(ConditionFailed):  # nobody is known by it: nothing to doubt
                self._table.update(self._key(shop, identity), {"doubted": True}, condition="attribute_exists(known)")

    def dispel_doubt(self, shop: str, contact: Contact) -> bool:
        """The API was told again what is on record of the contact: no doubt any more. Answers False where the record is
        another by now: then so is what must be told."""
        for identity in reversed(contact.identities):  # the id is the last to lead elsewhere
            try:
                self._table.update(
                    self._key(shop, identity),
                    {"doubted": None},
                    condition="contact = :contact",
                    values={":contact": _address(contact)},
                )
            except ConditionFailed as refusal:
                if "contact" in (refusal.item or {}):
                    return False
        return True

    def unlearn(self, shop: str, former: Collection[str]) -> bool:
        """The API does not find by these identities any more whom it did: he changed his addresses. What is on record
        under them stays, for orders that point to it. Answers whether all of them were in doubt still: nobody told the
        API of them meanwhile."""
        before = [self._table.update(self._key(shop, one), {"known": None, "doubted": None}) for one in former]
        return all(item.get("doubted") or not item.get("known") for item in before)

    def link(self, shop: str, contact: Contact, former: Collection[str], now: int) -> None:
        """These were the contact's identities: a redaction of his must find them."""
        names = [_name(self._key(shop, identity)) for identity in former]
        for identity in contact.identities if names else ():
            expires = {"expires": (now + _KEPT) // 1000}
            self._table.update(self._key(shop, identity), expires, append={"earlier": names})

    def redact(self, shop: str, contact: Contact, at: int, now: int) -> tuple[Contact, ...]:
        """Put a tombstone over every identity of the contact, and over those that are on record with any of them.
        Answers everybody whom the API may know by them; the contact's own tombstones say so until `erased`, since
        whoever begins a redaction may not end it."""
        own = [self._key(shop, identity) for identity in contact.identities]
        tombstone = dict.fromkeys(_ABOUT_HIM) | {"redacted_at": at, "expires": (now + _KEPT) // 1000}
        others: dict[Contact, None] = {}

        def meet(items: Iterable[Item]) -> None:
            met = (one for item in items for one in _contacts(item))
            others.update(dict.fromkeys(one for one in met if not set(one.identities) <= set(contact.identities)))

        found = -1
        while found < len(others):  # else somebody was noted between reading and writing
            items: dict[Key, Item] = {}
            more = own
            while more:
                new = self._table.get_many(more)
                items |= {key: new.get(key, {}) for key in more}
                meet(new.values())
                keys = [self._key(shop, identity) for one in others for identity in one.identities]
                keys += [_person(shop, name) for item in new.values() for name in item.get("earlier", ())]
                more = [key for key in dict.fromkeys(keys) if key not in items]
            found = len(others)
            to_erase = {"to_erase": [_address(one) for one in others]} if others else {}
            meet([self._table.update(key, tombstone | (to_erase if key in own else {})) for key in items])
        return (contact, *others)

    def erased(self, shop: str, contact: Contact) -> None:
        """The API has forgotten everybody whom the contact's redaction found."""
        for identity in contact.identities:
            self._table.update(self._key(shop, identity), {"to_erase": None})

    def _key(self, shop: str, identity: str) -> Key:
        digest = hmac.new(self._hash_key, f"{shop}#{identity}".encode(), hashlib.sha256)
        return _person(shop, digest.hexdigest()[:32])


def _person(shop: str, name: str) -> Key:
    return Key(f"{shop}#person#{name}")


def _name(key: Key) -> str:
    return key.pk.rpartition("#")[2]


def without(contact: Contact, fields: Iterable[str]) -> Contact:
    """The contact without what is another's: sent along, it would be taken from that one."""
    return replace(contact, **dict.fromkeys(fields))


def _is_known(item: Mapping[str, Any]) -> bool:
    return bool(item.get("known")) and not item.get("doubted")


def _noted_until(item: Mapping[str, Any], name: str | None, contact: Contact) -> int:
    same = _is_known(item) and item.get("owner") == name and _contact(item).identities == contact.identities
    return int(item["expires"]) if same else 0


def _address(contact: Contact) -> dict[str, str]:
    return {name: value for name in _FIELDS.values() if (value := getattr(contact, name))}


def _contacts(item: Mapping[str, Any]) -> list[Contact]:
    return [Contact(**one) for one in (item.get("contact"), *item.get("to_erase", ())) if one]


def _contact(item: Mapping[str, Any]) -> Contact:
    return Contact(**item.get("contact", {}))
