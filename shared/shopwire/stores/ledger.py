"""What shopwire knows of each order, cart and contact, who is at work on it, and which change of it waits.

One item an entity (`entry` reads it), constant in size, changed by conditional writes only, and only here: `claim`
takes a lease, `settle` and `release` give it back. A counter in the entry (`n`) grows with every write, so that nothing
is written over what came in between. Nobody's name or address stands in an entry; those of a person stand in `people`.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shopwire.models import Entity
from shopwire.stores.entry import FORMAT, Entry, Lease, NewerFormat, Where, entity_key, expired, is_newer, read
from shopwire.stores.table import ConditionFailed, Item, Key, Table

_KEYS_KEPT = 16
_TRIES = ("tries", "tries_key", "own_failures")
_LEASE = ("lease_owner", "lease_until", "lease_key", "lease_version", "deaths")
# What a claim writes: all that is left of an entry whose time to live was over.
_OWN = frozenset({"pk", "sk", "n", "format", "expires", *_LEASE})
_DAY = 86_400_000
# How long an entry outlives its last change, in milliseconds. Orders are returned and complained about for a year.
_KEPT = {"order": 400 * _DAY, "cart": 60 * _DAY, "contact": 400 * _DAY, "view": 2 * _DAY, "shop": 400 * _DAY}


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease held: on which item, by whom, and the entry as it was when taken, after `n` writes."""

    key: Key
    entity: Entity
    lease: Lease
    entry: Entry
    n: int
    from_queue: bool


@dataclass(frozen=True, slots=True)
class Glimpse:
    """An entry seen without a lease, a moment old. `n` counts its writes; None: there is none yet."""

    entry: Entry
    n: int | None
    free: bool
    """Nobody is at work on it, nothing of it waits, its time is not over: what is decided may be settled at once."""


class Refused(Exception):
    """The claim was refused; `entry` says why."""

    def __init__(self, entry: Entry) -> None:
        super().__init__("refused")
        self.entry = entry


class Ledger:
    """The entries. Times are UTC milliseconds. Every method may raise TableDown, or NewerFormat, which is one.

    Args:
        pending_kept: how long a pending mark holds, in milliseconds: as long as what waits may wait.
    """

    def __init__(self, table: Table, pending_kept: int) -> None:
        self._table = table
        self._pending_kept = pending_kept

    def claim(
        self,
        shop: str,
        entity: Entity,
        key: str,
        version: int | None,
        *,
        owner: str,
        until: int,
        now: int,
        from_queue: bool = False,
    ) -> Claim:
        """Take the entity's lease for the change `key`: one conditional write.

        Refused while another's lease lives, a change waits (but for `from_queue`: it is the queue's turn), a later
        version was sent, or the key is settled. A dead lease of the same key counts as a death of its holder.

        Raises:
            Refused: with the entry that says why.
            ItemTooLarge: the entity's id is too long for a key.
        """
        where = _entity_key(shop, entity)
        free = "(attribute_not_exists(lease_owner) OR lease_until < :now OR lease_owner = :owner)"
        fresh = ["NOT contains(settled, :key)"]
        values: dict[str, Any] = {":now": now, ":key": key, ":owner": owner}
        if version is not None:
            values[":version"] = version
            fresh += [_not_above("version"), _not_above("attempted")]
            if not from_queue:
                # Whoever died at a later version may have sent it, and its webhook may wait in the queue: line up.
                fresh.append(_not_above("lease_version"))
        if not from_queue:
            fresh.append("(attribute_not_exists(pending_key) OR pending_until <= :now)")
        lease = Lease(owner, until, key)
        try:
            before = self._write(
                where,
                {
                    "lease_owner": owner,
                    "lease_until": until,
                    "lease_key": key,
                    "lease_version": version,
                },
                once={"expires": _expiry(entity, now)},
                condition=f"{free} AND"
                f" (attribute_not_exists(expires) OR expires < :seconds OR ({' AND '.join(fresh)}))",
                values=values | {":seconds": now // 1000},
            )
        except ConditionFailed as refusal:
            raise Refused(read(refusal.item or {}, now)) from None
        entry, n = read(before, now), before.get("n", 0) + 1
        tidy = _tidied(before, entity, now)
        if entry.lease and entry.lease.owner != owner:
            deaths = entry.deaths + 1 if entry.lease.key == key else 0
            entry = replace(entry, deaths=deaths)
            tidy["deaths"] = deaths
        if tidy:
            self._write(where, tidy)
            n += 1
        return Claim(where, entity, lease, entry, n, from_queue)

    def look(self, shop: str, entity: Entity, now: int) -> Entry:
        """The entry as it stands."""
        return read(self._table.get(_entity_key(shop, entity)) or {}, now)

    def glimpse(self, shop: str, entity: Entity, now: int, *, sure: bool = False) -> Glimpse:
        """The entry as it stood a moment ago, for a tenth of a claim's price. What is settled or past stays so; what
        else follows from it holds only if `settle_glimpse` does; or, `sure`, at this moment.
        """
        item = (self._table.get if sure else self._table.glance)(_entity_key(shop, entity)) or {}
        entry = read(item, now)
        free = not (entry.lease or entry.pending or expired(item, now))
        return Glimpse(entry, item.get("n"), free)

    def settle_glimpse(
        self,
        shop: str,
        entity: Entity,
        key: str,
        version: int | None,
        seen: Glimpse,
        change: Mapping[str, Any],
        now: int,
    ) -> bool:
        """Note a change that needed no lease since it causes no request: one write instead of a claim and a settle.
        Answers False, and notes nothing, where the entry is not what was seen any more."""
        try:
            self._write(
                _entity_key(shop, entity),
                self._settled(seen.entry, key, version) | {"expires": _expiry(entity, now)} | dict(change),
                condition="attribute_not_exists(n)" if seen.n is None else "n = :n",
                values=None if seen.n is None else {":n": seen.n},
            )
        except ConditionFailed:
            return False
        return True

    def settle(self, claim: Claim, version: int | None, change: Mapping[str, Any], now: int) -> bool:
        """The change is done: note its key and version and what the API knows now, give the lease back.

        Answers whether we were still the owner. Who is not adds his key and raises the version, nothing else: the
        new owner knows better.
        """
        key = claim.lease.key
        return self._give_back(claim, change, now, settled=key, version=version)

    def release(self, claim: Claim, change: Mapping[str, Any], now: int, *, last: bool = False) -> bool:
        """The change is not done: note how far it came (and, with `put_away`, where it waits), give the lease back.

        Args:
            last: it goes to the end of the queue, behind whoever lined up meanwhile; else it was there first.
        """
        return self._give_back(claim, change, now, last=last)

    def put_away(self, key: str, where: Where, now: int) -> dict[str, Any]:
        """The attributes that mark a key as waiting."""
        return {"pending_key": key, "pending_where": where, "pending_until": now + self._pending_kept}

    def line_up(self, shop: str, entity: Entity, key: str, now: int) -> Where:
        """Mark a key as waiting behind what already waits, without a lease. Answers where it belongs.

        What follows goes to the same place as what it follows, so that nothing overtakes.
        """
        where = _entity_key(shop, entity)
        try:
            self._write_beside(
                where,
                entity,
                self.put_away(key, "queue", now),
                now,
                condition="attribute_not_exists(pending_where) OR pending_where <> :outbox OR pending_until <= :now",
                values={":outbox": "outbox", ":now": now},
            )
        except ConditionFailed:
            self._write_beside(where, entity, self.put_away(key, "outbox", now), now)
            return "outbox"
        return "queue"

    def moved(self, entity_key: str, key: str, where: Where) -> None:
        """What waits under `key` was moved; the mark follows, unless it is another's by now, or a newer shopwire's."""
        with suppress(ConditionFailed, NewerFormat):
            self._write(
                Key(entity_key),
                {"pending_where": where},
                condition="pending_key = :key",
                values={":key": key},
            )

    def done_waiting(self, entity_key: str, key: str) -> None:
        """Nothing waits under `key` any more (it was a duplicate, overtaken, parked, or of who is forgotten)."""
        with suppress(ConditionFailed):
            self._write(
                Key(entity_key),
                dict.fromkeys(("pending_key", "pending_where", "pending_until", *_TRIES)),
                condition="pending_key = :key",
                values={":key": key},
            )

    def name_owner(self, shop: str, cart: Entity, person: str, now: int) -> None:
        """Whose a cart is, told by something else than a change of it."""
        self._write_beside(_entity_key(shop, cart), cart, {"person": person}, now)

    def convert(self, shop: str, cart: Entity, person: str | None, now: int) -> str | None:
        """Mark a cart as bought, by this person. Answers the recycleStateId that the API took last, if any.

        Raises:
            Refused: somebody is sending a change of the cart this moment.
        """
        # Whoever looks round with that cart afterwards is the buyer.
        own: Item = {"converted": True} | ({"person": person} if person else {})
        try:
            before = self._write_beside(
                _entity_key(shop, cart),
                cart,
                own,
                now,
                condition="attribute_not_exists(lease_owner) OR lease_until < :now",
                values={":now": now},
            )
        except ConditionFailed as refusal:
            raise Refused(read(refusal.item or {}, now)) from None
        return read(before, now).known.get("state")

    def forget(self, shop: str, entity: Entity) -> None:
        """Delete the entry."""
        self._table.delete(_entity_key(shop, entity))

    def mark_for_reconcile(self, shop: str, entity: Entity, now: int) -> None:
        """The platform may know a later state that it will never announce. Nobody asks for it yet; it is shown."""
        self._write(_entity_key(shop, entity), {"reconcile": True}, once={"expires": _expiry(entity, now)})

    def _write_beside(self, where: Key, entity: Entity, change: Mapping[str, Any], now: int, **more: Any) -> Item:
        """Write into an entry without its lease: a new one is kept as long as its kind is, and of one whose time was
        over nothing else stays. Answers what stood there. Raises as `_write`."""
        before = self._write(where, change, once={"expires": _expiry(entity, now)}, **more)
        if tidy := _tidied(before, entity, now):
            self._write(where, tidy | dict(change))
        return before

    def _write(
        self,
        where: Key,
        change: Mapping[str, Any],
        *,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Item:
        """Every write of an entry: counted, and none over an entry of a newer format, which it would make an older one.

        Raises:
            NewerFormat, ConditionFailed, ItemTooLarge, TableDown.
        """
        ours = "(attribute_not_exists(format) OR format <= :format)"
        try:
            return self._table.update(
                where,
                {"format": FORMAT, **change},
                add={"n": 1},
                condition=f"{ours} AND ({condition})" if condition else ours,
                values={":format": FORMAT, **(values or {})},
                **more,
            )
        except ConditionFailed as refusal:
            if is_newer(refusal.item or {}):
                raise NewerFormat from None
            raise

    def _give_back(
        self,
        claim: Claim,
        change: Mapping[str, Any],
        now: int,
        *,
        settled: str | None = None,
        version: int | None = None,
        last: bool = False,
    ) -> bool:
        entry, n = claim.entry, claim.n
        while True:
            write = dict.fromkeys(_LEASE) | {"expires": _expiry(claim.entity, now)} | dict(change)
            if settled:
                write |= self._settled(entry, settled, version)
                # Else a duplicate of it lined up meanwhile: its message waits, maybe in front of others.
                if claim.from_queue and entry.pending and entry.pending.key == settled:
                    write |= dict.fromkeys(("pending_key", "pending_where", "pending_until"))
            elif "pending_key" in write and self._is_anothers(entry, claim.lease.key, now, last):
                write = {name: value for name, value in write.items() if not name.startswith("pending_")}
            try:
                self._write(
                    claim.key,
                    write,
                    condition="lease_owner = :owner AND n = :n",
                    values={":owner": claim.lease.owner, ":n": n},
                )
                return True
            except ConditionFailed as refusal:
                item = refusal.item or {}
            if settled and settled in item.get("settled", ()):
                return True  # an earlier attempt of this very write got through, its answer did not
            if item.get("lease_owner") != claim.lease.owner:
                if settled:
                    self._note(claim, settled, version, now)
                return False
            entry, n = read(item, now), item["n"]

    @staticmethod
    def _is_anothers(entry: Entry, key: str, now: int, last: bool) -> bool:
        """Whether the slot is somebody else's, who lined up meanwhile: it belongs to whoever is last."""
        ahead = entry.waiting(now)
        return ahead is not None and ahead.key != key and not (last and ahead.where == "queue")

    @staticmethod
    def _settled(entry: Entry, key: str, version: int | None) -> dict[str, Any]:
        write: dict[str, Any] = dict.fromkeys(_TRIES)
        write["settled"] = [*(one for one in entry.keys if one != key), key][-_KEYS_KEPT:]
        if version is not None:
            write["version"] = version if entry.version is None else max(version, entry.version)
        return write

    def _note(self, claim: Claim, key: str, version: int | None, now: int) -> None:
        base: dict[str, Any] = {"expires": _expiry(claim.entity, now)}
        if version is not None:
            try:
                self._write(
                    claim.key,
                    base | {"version": version},
                    append={"settled": [key]},
                    condition="attribute_not_exists(version) OR version < :version",
                    values={":version": version},
                )
                return
            except ConditionFailed:
                pass
        self._write(claim.key, base, append={"settled": [key]})


def key_hash(key: str) -> str:
    """A delivery key as the ledger keeps it: 12 hex digits."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def _tidied(before: Item, entity: Entity, now: int) -> dict[str, Any]:
    """What to write over an entry whose time to live was over: nothing of it counts any more. Its end is moved in the
    same write, so that the old content never comes back to life."""
    if not expired(before, now):
        return {}
    return dict.fromkeys(before.keys() - _OWN) | {"expires": _expiry(entity, now)}


def _not_above(attribute: str) -> str:
    return f"(attribute_not_exists({attribute}) OR {attribute} <= :version)"


def _entity_key(shop: str, entity: Entity) -> Key:
    return Key(entity_key(shop, entity))


def _expiry(entity: Entity, now: int) -> int:
    return (now + _KEPT[entity.kind]) // 1000
