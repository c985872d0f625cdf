"""Checks every write of the ledger: who ends a lease, how long a mark holds, what the API has when a change is settled.

The writes are those that the table made, not those that shopwire meant to make.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.observations import ChangeKey, ReportEntity
from shopwire_simulation.checkers.order_events import allowed_statuses, flat_order
from shopwire_simulation.checkers.pending_changes import MAX_AGE_MS
from shopwire_simulation.reference_model import TRACKING, differences
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.table_layout import (
    LEASE_HOLDER,
    LEASE_UNTIL,
    PENDING_KEY,
    PENDING_UNTIL,
    SETTLED_KEYS,
    entity_of,
    is_entity_key,
    is_parked_key,
)
from shopwire_testkit.announcements import OrderDeletion, OrderState
from shopwire_testkit.durations import SECOND

_SKEW_MS = 5 * SECOND
"""Two clocks differ by at most as much."""
_MAX_LEASE_MARGIN_MS = 10 * SECOND
"""A lease ends 5 s after the deadline of its holder (how-it-works.md). A clock may be 2.5 s fast or slow."""
_IDENTIFIERS = frozenset({"email", "phone", "externalCustomerId"})

Item = Mapping[str, Any]
Snapshot = tuple[OrderState, Collection[str], Collection[OrderDeletion]]
"""The snapshot of a change, the parcels that may have arrived, and the deletions that may have been received."""


class LedgerWriteChecker:
    """Follows the leases, the marks and the settled changes.

    Args:
        snapshot: returns the order's snapshot that a change is; None for another change, one of an erased person, and
            one of which the API has a later version.
        api_order: returns what the API has of an order of a shop; None if it has no such order.
        disturbance: returns the excuse if the API may have something of this entity of a shop that is not recorded.
        is_erased: returns True if the erasure of the person of this entity of a shop was requested.
        on_settled: called with the key of each change that is settled, and the invocation.
        on_takeover: called with shop and entity when a lease is taken over that its holder did not give back.
        waits: returns True if the message with a change is in the queue or in the outbox, and the change must be sent.
    """

    def __init__(
        self,
        snapshot: Callable[[ChangeKey, Invocation], Snapshot | None],
        api_order: Callable[[str, str], Mapping[str, Any] | None],
        disturbance: Callable[[str, str], str | None],
        is_erased: Callable[[str, str], bool],
        on_settled: Callable[[ChangeKey, Invocation], None],
        on_takeover: Callable[[str, str], None],
        waits: Callable[[ChangeKey], bool],
        excuses: ExcuseCounter,
        now: Callable[[], int],
        report: ReportEntity,
    ) -> None:
        self._snapshot = snapshot
        self._api_order = api_order
        self._disturbance = disturbance
        self._is_erased = is_erased
        self._on_settled = on_settled
        self._on_takeover = on_takeover
        self._waits = waits
        self._marked: dict[str, dict[str, None]] = {}
        """Keys of the changes that were marked as waiting since an entity's mark was removed, by partition key."""
        self._holders: dict[str, str | None] = {}
        """Who holds the lease of an item, by its partition key. None: it is free."""
        self._excuses = excuses
        self._now = now
        self._report = report

    def on_write(self, invocation: Invocation | None, before: Item | None, after: Item | None) -> None:
        """Check a write of the table. `before` and `after` are the item; None if there is none."""
        item = after or before
        if invocation is None or item is None:
            return
        pk = item["pk"]["S"]
        if is_parked_key(pk):
            invocation.notes["parked"] = True
        elif is_entity_key(pk):
            self._check_lease(invocation, pk, before or {}, after or {"pk": item["pk"]})
            if after:
                self._check_mark(after)
                self._check_waiting(pk, before or {}, after)
                self._check_settled(invocation, pk, before or {}, after)

    def on_end(self, invocation: Invocation) -> None:
        """Check that an invocation that ended by itself holds no lease, which would make later changes wait."""
        if invocation.killed or "ledger_down" in invocation.notes:
            return
        for pk in sorted(invocation.leased):
            if self._holders.get(pk) == invocation.request_id:
                self._violation("wedged", {"pk": {"S": pk}}, "an invocation ended and kept its lease")

    def _check_lease(self, invocation: Invocation, pk: str, before: Item, after: Item) -> None:
        held, holder = _text(before, LEASE_HOLDER), _text(after, LEASE_HOLDER)
        own = invocation.request_id
        if held and held != own and holder != held and _number(before, LEASE_UNTIL) > self._now() + _SKEW_MS:
            # An erasure leaves nothing of the entries of a person's orders, also while they are leased.
            is_tombstone = holder is None and SETTLED_KEYS not in after
            if not (is_tombstone and self._is_erased(*entity_of(after)) and self._excuses.use("erased_meanwhile")):
                self._violation("misordered", after, "an invocation ended the lease of another one")
        if holder and holder != own and (holder != held or before.get(LEASE_UNTIL) != after.get(LEASE_UNTIL)):
            self._violation("misordered", after, "an invocation took the lease in the name of another one")
        self._holders[pk] = holder
        if holder == own:
            invocation.leased.add(pk)
            if held and held != own:
                self._on_takeover(*entity_of(after))
            until = _number(after, LEASE_UNTIL)
            if until != _number(before, LEASE_UNTIL) and not 0 <= until - invocation.deadline <= _MAX_LEASE_MARGIN_MS:
                text = f"the lease ends {until - invocation.deadline} ms after the invocation's deadline"
                self._violation("misordered", after, text)

    def _check_mark(self, after: Item) -> None:
        kind = entity_of(after)[1].partition(" ")[0]
        limit = MAX_AGE_MS["order"] if kind in MAX_AGE_MS else None
        if limit and _number(after, PENDING_UNTIL) > self._now() + limit + _SKEW_MS:
            self._violation("wedged", after, "the pending mark holds longer than a change may wait")

    def _check_waiting(self, pk: str, before: Item, after: Item) -> None:
        """Check that no change waits any more when the mark is removed. Otherwise a later change overtakes it."""
        was_marked, is_marked = _keys(before), _keys(after)
        if not (was_marked or is_marked):
            return
        marked = self._marked.setdefault(pk, {})
        if not is_marked - was_marked:
            for key in was_marked - is_marked:
                marked.pop(key, None)
        for settled in after.get(SETTLED_KEYS, {"L": ()})["L"]:
            marked.pop(settled["S"], None)
        marked |= dict.fromkeys(is_marked)
        if not is_marked:
            shop, entity = entity_of(after)
            is_early = any(self._waits((shop, key)) for key in marked)
            # An erasure removes the mark, and what waits is ignored.
            if is_early and not (self._is_erased(shop, entity) and self._excuses.use("erased_meanwhile")):
                self._violation("misordered", after, "the pending mark is removed, although a change waits")
            del self._marked[pk]

    def _check_settled(self, invocation: Invocation, pk: str, before: Item, after: Item) -> None:
        keys = after.get(SETTLED_KEYS)
        if keys is None or keys == before.get(SETTLED_KEYS):
            return
        now = self._now()
        if pk not in invocation.leased:
            if _text(before, LEASE_HOLDER) and _number(before, LEASE_UNTIL) > now + _SKEW_MS:
                self._violation("misordered", after, "settled without the lease, which another invocation holds")
            if _number(before, PENDING_UNTIL) > now + _SKEW_MS:
                self._violation("misordered", after, "settled without the lease, although a change waits")
        key = keys["L"][-1]["S"]
        self._on_settled((entity_of(after)[0], key), invocation)
        if not invocation.notes.get("parked"):
            self._check_content(invocation, after, key)

    def _check_content(self, invocation: Invocation, after: Item, key: str) -> None:
        """When a snapshot is settled, the API has its content, whether this invocation sent it or not."""
        shop, entity = entity_of(after)
        if not entity.startswith("order ") or (snapshot := self._snapshot((shop, key), invocation)) is None:
            return
        state, arrived, deletions = snapshot
        order = self._api_order(shop, entity.removeprefix("order "))
        if order is None:
            problem = "the API does not have the order"
        else:
            # The event of a fact says its own contact and parcel, and they stay if the next snapshot changes nothing.
            uncertain = _IDENTIFIERS | (TRACKING if arrived and len(state.parcels) > 1 else frozenset())
            wanted = {name: value for name, value in state.params.items() if name not in uncertain}
            problems = differences(wanted, flat_order(order))
            statuses = allowed_statuses(state, arrived, deletions)
            if order["status"] not in statuses:
                problems.append(f"status {order['status']} instead of {' or '.join(sorted(statuses))}")
            problem = "; ".join(problems)
        if problem and not ((excuse := self._disturbance(shop, entity)) and self._excuses.use(excuse)):
            self._report("lost", shop, entity, f"settled although {problem}", None)

    def _violation(self, kind: str, item: Item, text: str) -> None:
        shop, entity = entity_of(item)
        self._report(kind, shop, entity, text, None)


def _text(item: Item, name: str) -> str | None:
    value: str | None = item[name]["S"] if name in item else None
    return value


def _keys(item: Item) -> set[str]:
    return set((_text(item, PENDING_KEY) or "").split())


def _number(item: Item, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0
