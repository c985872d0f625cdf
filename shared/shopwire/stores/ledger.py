"""The ledger: what is recorded of each order, cart and contact, who holds its lease, and which of its changes waits.

There is one item per entity (`entry` reads it), of constant size, changed only by conditional writes, and only here. A
change takes the lease with `claim` and gives it back with `settle` or `release` and its kin. `revision` grows with
every write, so that nothing is written over what came in between. An entry contains no names or addresses of people;
those are in `contacts`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shopwire.errors import ClaimRefused, ConditionFailed, ItemTooLarge, NewerEntryFormat
from shopwire.models import Entity
from shopwire.stores.entry import (
    FORMAT,
    Entry,
    EntryUpdate,
    Lease,
    Place,
    entity_key,
    is_expired,
    is_newer,
    read,
    uncertain,
)
from shopwire.stores.table import Item, Key, Table

_SETTLED_KEYS_KEPT = 16
_MARKED_KEYS = 16
"""The number of waiting changes that a pending mark names. If a repeated webhook of a change that is not named any more
took the place of a later one, that one's mark would be missing."""
_LEASE = ("lease_holder", "lease_until", "lease_key", "lease_version", "crashes")
_PENDING = ("pending_key", "pending_place", "pending_until")
_TRIES = ("tries", "tries_key", "own_failures", "failing_since", "unanswered")
# Numbers and hashes, which fit into an entry whatever the platform sends.
_ALWAYS_SMALL = frozenset(
    {"attempted_version", "accepted", "contact_ref", "named_identities", "converted", "deleted_at", *_TRIES}
)
# The attributes that a claim writes. Of an entry whose time to live was over nothing else is kept.
_WRITTEN_BY_CLAIM = frozenset({"pk", "sk", "revision", "format", "expires", *_LEASE})
_KEPT_BY_ERASURE = frozenset({"pk", "sk", "revision", "format", "left_to_erase"})
_DAY_MS = 86_400_000
# How long an entry is kept after its last change. Customers return orders, or complain, for up to a year.
_RETENTION_MS = {
    "order": 400 * _DAY_MS,
    "cart": 60 * _DAY_MS,
    "contact": 400 * _DAY_MS,
    "view": 2 * _DAY_MS,
    "shop": 400 * _DAY_MS,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease that is held: of which item, and the entry as it was when the lease was taken.

    Args:
        revision: the entry's revision after the claim.
        from_queue: the change comes from the retry queue.
    """

    key: Key
    entity: Entity
    lease: Lease
    entry: Entry
    revision: int
    from_queue: bool


@dataclass(frozen=True, slots=True)
class Peek:
    """An entry that was read without its lease, a moment ago.

    Args:
        revision: None if there is no entry yet.
        free: the lease is free, no change waits, and the time to live is not over, so a decision that causes no
            request may be settled at once.
    """

    entry: Entry
    revision: int | None
    free: bool


class Ledger:
    """Reads and writes entries. Times are UTC milliseconds. Every method may raise TableUnavailable or its subclass
    NewerEntryFormat.

    Args:
        pending_ms: how long a pending mark holds: as long as a change may wait.
    """

    def __init__(self, table: Table, pending_ms: int) -> None:
        self._table = table
        self._pending_ms = pending_ms

    # --- the lease

    def claim(
        self,
        shop: str,
        entity: Entity,
        key: str,
        version: int | None,
        *,
        request_id: str,
        until: int,
        now: int,
        from_queue: bool = False,
    ) -> Claim:
        """Take the entity's lease for the change `key`, with one conditional write.

        The claim is refused while another invocation's lease is valid, while a change waits (unless the claim comes
        `from_queue`, where that change waits), if a later version was sent, or if the key is settled. An expired lease
        of the same key counts as a crash of its holder.

        Raises:
            ClaimRefused: with the entry that says why.
            ItemTooLarge: the entity's id is too long for a key.
        """
        item_key = _item_key(shop, entity)
        free = "(attribute_not_exists(lease_holder) OR lease_until < :now OR lease_holder = :holder)"
        acceptable = ["NOT contains(settled_keys, :key)"]
        values: dict[str, Any] = {":now": now, ":key": key, ":holder": request_id}
        if version is not None:
            values[":version"] = version
            acceptable += [_not_above("version"), _not_above("attempted_version")]
            if not from_queue:
                # A holder that died may have sent its version, and its webhook may be in the queue: wait behind it.
                acceptable.append(_not_above("lease_version"))
        if not from_queue:
            acceptable.append("(attribute_not_exists(pending_key) OR pending_until <= :now)")
        lease = Lease(request_id, until, key)
        try:
            before = self._write(
                item_key,
                {"lease_holder": request_id, "lease_until": until, "lease_key": key, "lease_version": version},
                once={"expires": _expires(entity, now)},
                condition=f"{free} AND"
                f" (attribute_not_exists(expires) OR expires < :seconds OR ({' AND '.join(acceptable)}))",
                values=values | {":seconds": now // 1000},
            )
        except ConditionFailed as refusal:
            raise ClaimRefused(read(refusal.item or {}, now)) from None
        entry, revision = read(before, now), before.get("revision", 0) + 1
        cleanup = _expired_attributes(before, entity, now)
        if entry.lease and entry.lease.holder != request_id:
            crashes = entry.crashes + 1 if entry.lease.key == key else 0
            entry = replace(entry, crashes=crashes)
            cleanup["crashes"] = crashes
            if entry.sent and "lease_version" in before:
                # That holder died, or stands still, and may have sent its snapshot.
                entry = replace(entry, sent=uncertain(entry.sent))
                cleanup["sent"] = entry.sent
        if cleanup:
            self._write(item_key, cleanup)
            revision += 1
        return Claim(item_key, entity, lease, entry, revision, from_queue)

    def settle(self, claim: Claim, version: int | None, update: Mapping[str, Any], now: int) -> bool:
        """Record that the change is done: its key and version, and what the API has now. Give the lease back.

        Returns:
            True if we still held the lease. Otherwise only our key and version are recorded, because the new holder has
            newer state.

        Raises:
            ItemTooLarge: the entry cannot hold the update. Nothing is written, and the lease is still held.
        """
        key = claim.lease.key

        def changes(entry: Entry) -> EntryUpdate:
            write = dict(update) | _settled(entry, key, version)
            # A webhook that comes directly does not clear the mark of its own key: a duplicate of it was queued
            # meanwhile, and its message may be in front of others.
            if claim.from_queue and entry.pending:
                write |= _without_pending(entry.pending.key, key)
            return write

        def already_written(item: Item) -> bool:
            # An earlier attempt of this write succeeded, and gave the lease back, but its response was lost.
            return key in item.get("settled_keys", ())

        if self._write_as_holder(claim, changes, now, already_written):
            return True
        self._add_settled(claim, key, version, now)
        return False

    def release(self, claim: Claim, update: Mapping[str, Any], now: int) -> bool:
        """Give the lease back without settling the change, and record how far it came.

        If the entry cannot hold all of the update, it records what is small in any case, so that the lease ends.

        Returns:
            True if we still held the lease. Otherwise nothing is written.
        """
        return self._write_what_fits(claim, update, lambda entry: {}, now)

    def defer(self, claim: Claim, update: Mapping[str, Any], now: int) -> bool:
        """Release the lease and mark the change as pending in the queue, behind any changes that wait since the claim.

        Each of them may be in the queue, in the outbox, or on its way there, so it may be in front of this one or
        behind it. So the mark stays until all of them are settled. Records and returns as `release`.
        """

        def changes(entry: Entry) -> EntryUpdate:
            others, key = entry.pending_at(now), claim.lease.key
            keys = [other for other in (others.key.split() if others else ()) if other != key]
            mark = _mark([*keys, key])
            if keys and others and others.place == "outbox":
                return {"pending_key": mark}
            return self._pending_mark(mark, "queue", now)

        return self._write_what_fits(claim, update, changes, now)

    def retry_later(self, claim: Claim, update: Mapping[str, Any], now: int) -> bool:
        """Release the lease of a change that stays at the front of the queue.

        It is marked as pending only if no change is: a change that was queued behind it keeps the mark. A void mark
        begins again, because what it names may have been replayed, and wait behind this change. Records and returns as
        `release`.
        """

        def changes(entry: Entry) -> EntryUpdate:
            if entry.pending_at(now):
                return {}
            void = entry.pending
            keys = [claim.lease.key, *(void.key.split() if void else ())]
            return self._pending_mark(_mark(keys), void.place if void else "queue", now)

        return self._write_what_fits(claim, update, changes, now)

    # --- without the lease

    def get(self, shop: str, entity: Entity, now: int) -> Entry:
        """Return the entry as it is."""
        return read(self._table.get(_item_key(shop, entity)) or {}, now)

    def entries(self, shop: str) -> Iterator[tuple[Entity, str, Item]]:
        """Yield all entries of a shop, each with its partition key and its stored item. This reads the whole table."""
        for item in self._table.scan(f"{shop}#"):
            _, kind, *id = item["pk"].split("#", 2)
            if kind in _RETENTION_MS and id:
                yield Entity(kind, id[0]), item["pk"], item

    def peek(self, shop: str, entity: Entity, now: int, *, consistent: bool = False) -> Peek:
        """Return the entry as it was a moment ago (`consistent`: as it is), for a tenth of the price of a claim.

        What is settled or past stays so. Everything else that follows from it holds only if `settle_without_lease`
        succeeds.
        """
        item = (self._table.get if consistent else self._table.get_eventual)(_item_key(shop, entity)) or {}
        entry = read(item, now)
        free = not (entry.lease or entry.pending or is_expired(item, now))
        return Peek(entry, item.get("revision"), free)

    def settle_without_lease(
        self,
        shop: str,
        entity: Entity,
        key: str,
        version: int | None,
        peek: Peek,
        update: Mapping[str, Any],
        now: int,
    ) -> bool:
        """Settle a change that causes no request, with one write instead of a claim and a settle.

        Returns:
            False if the entry is not the one that was read any more. Nothing is written then.
        """
        try:
            self._write(
                _item_key(shop, entity),
                _settled(peek.entry, key, version) | {"expires": _expires(entity, now)} | dict(update),
                **_unchanged(peek.revision),
            )
        except ConditionFailed:
            return False
        return True

    def mark_pending(self, shop: str, entity: Entity, key: str, now: int) -> Place:
        """Mark a change as waiting behind what already waits. Return where it must wait.

        That is where the change before it waits, so that it cannot overtake it. The mark keeps the changes before it,
        because this one may be a duplicate of one of the first: when that is settled, the others still wait.
        """
        item_key = _item_key(shop, entity)
        while True:
            waiting = read(self._table.get(item_key) or {}, now).pending_at(now)
            keys = waiting.key.split() if waiting else []
            place = waiting.place if waiting else "queue"
            if key in keys:
                return place
            condition = "attribute_not_exists(pending_key) OR pending_until <= :now"
            values: dict[str, Any] = {":now": now}
            if waiting:
                condition, values = "pending_key = :mark", {":mark": waiting.key}
            mark = self._pending_mark(_mark([*keys, key]), place, now)
            with suppress(ConditionFailed):  # another change was marked, or was settled, since the reading
                self._write_without_lease(item_key, entity, mark, now, condition=condition, values=values)
                return place

    def move_to_outbox(self, entity_key: str, key: str) -> None:
        """Record that the change `key` waits in the outbox now.

        What is marked from now on waits there too, because in the queue it could overtake this change. So nothing
        happens if the change is not marked any more. Neither if a newer release wrote the entry.
        """
        with suppress(ConditionFailed, NewerEntryFormat):
            self._write(
                Key(entity_key),
                {"pending_place": "outbox"},
                condition="contains(pending_key, :key) AND pending_place = :queue",
                values={":key": key, ":queue": "queue"},
            )

    def clear_pending(self, entity_key: str, key: str) -> None:
        """Remove the pending mark of the change `key`, because it does not wait any more."""
        mark: str | None = key
        while mark:
            change = _without_pending(mark, key) | dict.fromkeys(_TRIES)
            try:
                self._write(Key(entity_key), change, condition="pending_key = :mark", values={":mark": mark})
                return
            except ConditionFailed as refusal:
                # The mark may be of this change and another one.
                found = (refusal.item or {}).get("pending_key", "")
                mark = found if found != mark and key in found.split() else None

    def record_cart_contact(self, shop: str, cart: Entity, contact_ref: str, now: int) -> None:
        """Record whose cart it is, as a visitor says. Nothing happens if the platform named its contact."""
        with suppress(ConditionFailed):
            self._write_without_lease(
                _item_key(shop, cart),
                cart,
                {"contact_ref": contact_ref},
                now,
                condition="attribute_not_exists(contact_by_platform) OR expires < :seconds",
                values={":seconds": now // 1000},
            )

    def convert_cart(self, shop: str, cart: Entity, contact_ref: str | None, now: int) -> str | None:
        """Mark a cart as bought by this contact. Return the recycleStateId that the API accepted last, if any.

        Raises:
            ClaimRefused: another invocation is sending a change of the cart.
        """
        # A visitor who comes with that cart later is the buyer.
        update: EntryUpdate = {"converted": True}
        if contact_ref:
            update |= {"contact_ref": contact_ref, "contact_by_platform": True}
        try:
            before = self._write_without_lease(
                _item_key(shop, cart),
                cart,
                update,
                now,
                condition="attribute_not_exists(lease_holder) OR lease_until < :now",
                values={":now": now},
            )
        except ConditionFailed as refusal:
            raise ClaimRefused(read(refusal.item or {}, now)) from None
        return read(before, now).sent.get("state")

    def mark_for_reconcile(self, shop: str, entity: Entity, now: int) -> None:
        """Record that the platform may have a later state that it will never send. The inspector shows it."""
        self._write(_item_key(shop, entity), {"needs_reconcile": True}, once={"expires": _expires(entity, now)})

    def mark_left_to_erase(self, shop: str, entity: Entity, now: int, *, is_left: bool = True) -> None:
        """Record whether what a request of an erased person made at the API is still to be erased."""
        mark = {"left_to_erase": True if is_left else None}
        self._write(_item_key(shop, entity), mark, once={"expires": _expires(entity, now)})

    def erase(self, shop: str, entity: Entity, at: int, now: int) -> None:
        """Leave nothing of an entry but its tombstone, also while it is leased. `at` is when the request arrived."""
        key = _item_key(shop, entity)
        while True:
            item = self._table.get(key) or {}
            change = dict.fromkeys(item.keys() - _KEPT_BY_ERASURE) | {"erased_at": at, "expires": _expires(entity, now)}
            try:
                self._write(key, change, **_unchanged(item.get("revision")))
                return
            except ConditionFailed:
                continue  # something was written since the reading

    # --- writes

    def _pending_mark(self, key: str, place: Place, now: int) -> EntryUpdate:
        return {"pending_key": key, "pending_place": place, "pending_until": now + self._pending_ms}

    def _write_what_fits(
        self, claim: Claim, update: Mapping[str, Any], changes: Callable[[Entry], EntryUpdate], now: int
    ) -> bool:
        """Write as `_write_as_holder` does: the update and `changes`. Of a too large update, write what is small."""
        try:
            return self._write_as_holder(claim, lambda entry: dict(update) | changes(entry), now)
        except ItemTooLarge:
            small = {name: value for name, value in update.items() if value is None or name in _ALWAYS_SMALL}
            return self._write_as_holder(claim, lambda entry: small | changes(entry), now)

    def _write_as_holder(
        self,
        claim: Claim,
        changes: Callable[[Entry], EntryUpdate],
        now: int,
        already_written: Callable[[Item], bool] = lambda item: False,
    ) -> bool:
        """Write `changes` of the current entry and give the lease back. Return False if the lease is lost.

        Another invocation may write to the entry meanwhile without the lease. Then the changes are made again for the
        entry as it is now.
        """
        entry, revision, holder = claim.entry, claim.revision, claim.lease.holder
        while True:
            try:
                self._write(
                    claim.key,
                    dict.fromkeys(_LEASE) | {"expires": _expires(claim.entity, now)} | changes(entry),
                    condition="lease_holder = :holder AND revision = :revision",
                    values={":holder": holder, ":revision": revision},
                )
                return True
            except ConditionFailed as refusal:
                item = refusal.item or {}
            if item.get("lease_holder") != holder:
                return already_written(item)
            entry, revision = read(item, now), item["revision"]

    def _add_settled(self, claim: Claim, key: str, version: int | None, now: int) -> None:
        """Record a key and version after the lease was lost. The version is raised, never lowered."""
        expires: dict[str, Any] = {"expires": _expires(claim.entity, now)}
        if version is not None:
            with suppress(ConditionFailed):
                self._write(
                    claim.key,
                    expires | {"version": version},
                    append={"settled_keys": [key]},
                    condition="attribute_not_exists(version) OR version < :version",
                    values={":version": version},
                )
                return
        self._write(claim.key, expires, append={"settled_keys": [key]})

    def _write_without_lease(
        self, key: Key, entity: Entity, change: Mapping[str, Any], now: int, **condition: Any
    ) -> Item:
        """Write to an entry without its lease. Return the item as it was before. Raises as `_write`.

        A new entry expires as its kind does. Of an entry whose time to live was over nothing else is kept.
        """
        before = self._write(key, change, once={"expires": _expires(entity, now)}, **condition)
        if cleanup := _expired_attributes(before, entity, now):
            self._write(key, cleanup | dict(change))
        return before

    def _write(
        self,
        key: Key,
        change: Mapping[str, Any],
        *,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Item:
        """Make a write of an entry. Return the item as it was before.

        Every write raises the revision. None is made to an entry of a newer format, because it would lower the format.

        Raises:
            NewerEntryFormat, ConditionFailed, ItemTooLarge, TableUnavailable.
        """
        our_format = "(attribute_not_exists(format) OR format <= :format)"
        try:
            return self._table.update(
                key,
                {"format": FORMAT, **change},
                add={"revision": 1},
                condition=f"{our_format} AND ({condition})" if condition else our_format,
                values={":format": FORMAT, **(values or {})},
                **more,
            )
        except ConditionFailed as refusal:
            if is_newer(refusal.item or {}):
                raise NewerEntryFormat from None
            raise


def _settled(entry: Entry, key: str, version: int | None) -> EntryUpdate:
    """Return the attributes that settle a key and version. The version is raised, never lowered."""
    update: EntryUpdate = dict.fromkeys(_TRIES)
    update["settled_keys"] = [*(other for other in entry.settled_keys if other != key), key][-_SETTLED_KEYS_KEPT:]
    if version is not None:
        update["version"] = version if entry.version is None else max(version, entry.version)
    return update


def _mark(keys: Iterable[str]) -> str:
    """Return the mark that names these changes: the last ones, if they are many."""
    return " ".join(list(dict.fromkeys(keys))[-_MARKED_KEYS:])


def _without_pending(mark: str, key: str) -> EntryUpdate:
    """Return what to write when the change `key` does not wait any more, and the entry's `pending_key` is `mark`."""
    keys = mark.split()
    if key not in keys:
        return {}
    keys.remove(key)
    return {"pending_key": " ".join(keys)} if keys else dict.fromkeys(_PENDING)


def _expired_attributes(before: Item, entity: Entity, now: int) -> EntryUpdate:
    """Return what to write over an entry whose time to live was over; {} if it was not.

    All attributes are removed, and the time to live starts again, in one write, so that the old content never counts
    again.
    """
    if not is_expired(before, now):
        return {}
    return dict.fromkeys(before.keys() - _WRITTEN_BY_CLAIM) | {"expires": _expires(entity, now)}


def _not_above(attribute: str) -> str:
    return f"(attribute_not_exists({attribute}) OR {attribute} <= :version)"


def _unchanged(revision: int | None) -> dict[str, Any]:
    """Return the condition that the entry still has this revision (None: there is none yet), and its values."""
    if revision is None:
        return {"condition": "attribute_not_exists(revision)"}
    return {"condition": "revision = :revision", "values": {":revision": revision}}


def _item_key(shop: str, entity: Entity) -> Key:
    return Key(entity_key(shop, entity))


def _expires(entity: Entity, now: int) -> int:
    return (now + _RETENTION_MS[entity.kind]) // 1000
