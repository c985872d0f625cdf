"""Checks what each request about an order says, and that the sequence of its events is one that its states allow.

Every param is compared with the reference model: with the snapshot that caused the request, or for a fact with the
snapshot that the API accepted before.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.observations import AcceptedRequest, EntityKey, ReportViolation
from shopwire_simulation.reference_model import differences, is_same_value
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import Announcement, Meaning, OrderDeletion, OrderState, ParcelDelivered, Purchase
from shopwire_testkit.durations import HOUR, MINUTE

OPENING = frozenset({"orderCreated", "orderUpdated"})
"""The types of an order's first event."""
_TRANSITIONS = {"DELIVERED": "orderDelivered", "CANCELLED": "orderCancelled"}
_STATUS_OF = {type: status for status, type in _TRANSITIONS.items()}
_NEW_ORDER_MS = 24 * HOUR
_SEVERAL_DAYS_MS = 96 * HOUR
"""A draft may be bought some days after it was made, and is a new order then."""
# What a snapshot does not say must not be sent. Of a closed order the model does not know all amounts.
_ONLY_IF_SAID = frozenset(
    {
        *("email", "phone", "externalCustomerId", "firstName", "lastName", "couponCode", "cancelReason"),
        *("refundedAmount", "trackingNumber", "trackingUrl", "carrier", "deliveryMethod", "restoreUrl", "storeId"),
    }
)
_KNOWN = _ONLY_IF_SAID | {
    *("externalOrderId", "totalCost", "status", "date", "currency", "shipping", "discount", "taxes", "items"),
    *("fees", "duties", "tips"),
    *("orderNumber", "statusDescription", "source", "paymentMethod", "deliveryAddress", "additionalInfo"),
    "recycleStateId",
}
# The event of a fact repeats these of the order's last snapshot.
_REPEATED = ("totalCost", "date", "currency", "orderNumber", "externalCustomerId")


def flat_order(order: Mapping[str, Any]) -> dict[str, str]:
    """Return an order of v1/orders, or of the API's state, as its events carry it.

    v1/orders has in `additionalInfo` what is no field of it.
    """
    more = order.get("additionalInfo") or {}
    if isinstance(more, str):
        more = json.loads(more) if more.startswith("{") else {"note": more}
    more = {"additionalInfo" if name == "note" else name: value for name, value in more.items()}
    params = {name: value for name, value in order.items() if name != "additionalInfo"}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in (more | params).items()}


def snapshot_problem(state: OrderState, params: Mapping[str, str], allowed_statuses: Collection[str]) -> str | None:
    """Return what is wrong with a request that a snapshot caused; None if it says what the snapshot means.

    Args:
        params: of the event, or of the order of v1/orders.
        allowed_statuses: that the order may have, with the facts that arrived.
    """
    if params["status"] not in allowed_statuses:
        return f"status {params['status']} instead of {' or '.join(sorted(allowed_statuses))}"
    if different := differences(state.params, params):
        return "; ".join(different)
    if surplus := sorted(name for name in params if name not in state.params and name in _ONLY_IF_SAID):
        return f"{', '.join(surplus)} although the snapshot does not say it"
    if unknown := sorted(params.keys() - _KNOWN):
        return f"the unknown param {', '.join(unknown)}"
    return None


def fact_problem(
    fact: ParcelDelivered | OrderDeletion,
    params: Mapping[str, str],
    known: Mapping[str, str] | None,
    later: Iterable[Mapping[str, str]] = (),
    *,
    is_event: bool,
) -> str | None:
    """Return what is wrong with a request that a fact caused.

    Args:
        known: the params of the last request about the order's snapshot that the API accepted. None if there is none.
        later: the params of the later snapshots that were received. The fact may repeat one of them too.
        is_event: it is an event. v1/orders keeps the order's number and parcels that it has.
    """
    status = "DELIVERED" if isinstance(fact, ParcelDelivered) else "CANCELLED"
    if params["status"] != status:
        return f"status {params['status']} instead of {status}"
    if known is None:
        return "sent although the API has no snapshot of the order"
    missing = [name for name in ("totalCost", "date", "currency") if name not in params]
    if is_event:
        if "orderNumber" in known and "orderNumber" not in params:
            missing.append("orderNumber")
        tracking = fact.tracking if isinstance(fact, ParcelDelivered) else {}
        if different := differences(tracking, params):
            return "; ".join(different)
    wrong = _not_repeated(params, known)
    if missing or (wrong and all(_not_repeated(params, snapshot) for snapshot in later)):
        return f"{', '.join((*wrong, *missing))} is not that of the order's last snapshot"
    return None


def _not_repeated(params: Mapping[str, str], snapshot: Mapping[str, str]) -> list[str]:
    return [name for name in _REPEATED if name in params and not is_same_value(name, snapshot.get(name), params[name])]


def allowed_statuses(state: OrderState, arrived: Collection[str], deletions: Iterable[OrderDeletion]) -> set[str]:
    """Return the statuses that a request of this snapshot may have.

    Args:
        arrived: the parcels of which a carrier's fact may have been received.
        deletions: the deletions of the order that may have been received.
    """
    statuses = {state.status} if state.status else set()
    if state.status != "CANCELLED":
        if state.wholly_shipped and all(delivered or parcel in arrived for parcel, delivered in state.parcels):
            statuses.add("DELIVERED")
        if any(state.version[0] <= deletion.at for deletion in deletions):
            statuses.add("CANCELLED")
    return statuses


def sequence_problem(
    events: Sequence[tuple[str, str, bool]], final_status: str | None, *, is_complete: bool
) -> str | None:
    """Return what is wrong with the sequence of an order's accepted events.

    An opening event is first and is never repeated. A delivery or a cancellation is announced once, when the status
    becomes that, and by nothing else.

    Args:
        events: type, status, and whether the same content may be sent again.
        final_status: the status that the order must have at the end; None if it is unknown.
        is_complete: nothing of the order was given up or is half-done, so its last status must be announced.
    """
    announced, may_repeat, opened = "", False, False
    for number, (type, status, repeatable) in enumerate(events):
        if type in _STATUS_OF:
            if status != _STATUS_OF[type]:
                return f"{type} with the status {status}"
            if announced == status and not may_repeat:
                return f"{type} again, although nothing else was sent since"
            announced, may_repeat = status, repeatable
        elif status != announced:
            announced = ""
        if number == 0 and type not in OPENING:
            return f"{type} is the order's first event"
        if type == "orderCreated":
            if opened:
                return "orderCreated is not the order's first event"
            opened = not repeatable
        elif type == "orderUpdated":
            opened = True
    wanted = _TRANSITIONS.get(final_status or "")
    if is_complete and events and wanted and announced != final_status:
        return f"the order is {final_status}, but no {wanted} was sent"
    return None


class OrderEventChecker:
    """Checks the accepted requests about orders.

    Args:
        key_values: shop -> its setting `key_value`.
        meanings: id of each announcement -> its meaning.
        records: what the platforms know about each announcement, by its id.
        same_entity: returns the announcements about the same entity as this one.
        is_poisoned: returns True if the API fails or rejects requests about an order of a shop.
    """

    def __init__(
        self,
        key_values: Mapping[str, str],
        meanings: Mapping[int, Meaning],
        records: Mapping[int, SendRecord],
        same_entity: Callable[[Announcement], Sequence[Announcement]],
        is_poisoned: Callable[[str, str], bool],
        excuses: ExcuseCounter,
        report: ReportViolation,
    ) -> None:
        self._key_values = key_values
        self._meanings = meanings
        self._records = records
        self._same_entity = same_entity
        self._is_poisoned = is_poisoned
        self._excuses = excuses
        self._report = report
        self.ahead: set[EntityKey] = set()
        """Orders whose last accepted request is a fact's that repeats a snapshot which the API has not accepted."""

    def on_accepted(
        self, request: AcceptedRequest, announcement: Announcement, earlier: Sequence[AcceptedRequest]
    ) -> None:
        """Check a request about an order that the API accepted.

        Args:
            earlier: the requests about the order that the API accepted before.
        """
        meaning = self._state_or_fact(announcement)
        if meaning is None:
            return
        order = announcement.shop, announcement.entity
        self.ahead.discard(order)
        params = request.params if request.event else flat_order(request.order or {})
        if isinstance(meaning, OrderState):
            if meaning.erased:
                return  # it goes to the contact that was recorded before
            if meaning.status is None:
                problem: str | None = "sent although it is no order of a contact"
            else:
                arrived, deletions = self._received_facts(announcement)
                problem = snapshot_problem(meaning, params, allowed_statuses(meaning, arrived, deletions))
                problem = problem or self._key_problem(request, announcement, meaning)
                problem = problem or self._opening_problem(request, announcement, meaning, earlier)
        else:
            known, later = self._snapshots_before(request, announcement, earlier)
            is_event = request.event is not None
            problem = fact_problem(meaning, params, known, is_event=is_event)
            if problem:
                self.ahead.add(order)
                problem = fact_problem(meaning, params, known, later, is_event=is_event)
        if problem and self._repeats_a_rejected_snapshot(announcement, meaning, params):
            self._excuses.use("parked")
        elif problem and not (
            any(other.invocation.overran or other.may_be_unrecorded for other in earlier)
            and not isinstance(meaning, OrderState)
            and self._excuses.use("crashed")
        ):
            name = request.event["eventTypeKey"] if request.event else "v1/orders"
            self._report("wrong_final_state", announcement, f"{name}: {problem}")

    def finish(
        self,
        announcement: Announcement,
        events: Sequence[AcceptedRequest],
        final_status: str | None,
        excuse: str | None,
    ) -> None:
        """Check the sequence of an order's events at the end.

        Args:
            announcement: any announcement about the order.
            events: the accepted events of the order.
            final_status: see `sequence_problem`.
            excuse: the excuse of an order whose last change may be half-done. None: it must be complete.
        """
        sequence = [
            (event.event["eventTypeKey"], event.params["status"], event.may_be_repeated)
            for event in events
            if event.event and "status" in event.params
        ]
        problem = sequence_problem(sequence, final_status, is_complete=False)
        if not problem and (problem := sequence_problem(sequence, final_status, is_complete=True)) and excuse:
            self._excuses.use(excuse)
        elif problem and any(event.invocation.overran for event in events):
            self._excuses.use("overran")
        elif problem:
            types = ", ".join(f"{type} {status}" for type, status, _ in sequence)
            self._report("wrong_final_state", announcement, f"{problem} ({types})")

    def _key_problem(self, request: AcceptedRequest, announcement: Announcement, state: OrderState) -> str | None:
        if request.event is None or state.person is None:
            return None
        of_order = self._key_values.get(announcement.shop) == "order"
        wanted = state.params["externalOrderId"] if of_order else state.person.key
        found = request.event["keyValue"]
        return None if found == wanted else f"keyValue {found} instead of {wanted}"

    def _opening_problem(
        self,
        request: AcceptedRequest,
        announcement: Announcement,
        state: OrderState,
        earlier: Sequence[AcceptedRequest],
    ) -> str | None:
        """A young order starts the workflows of a new order, and an old one does not."""
        if request.event is None or any(other.event for other in earlier):
            return None
        type, created_at = request.event["eventTypeKey"], _milliseconds(state.params["date"])
        ages = [at - created_at for at in self._records[(request.webhook or announcement).id].attempted_at]
        if type == "orderUpdated" and max(ages) < _NEW_ORDER_MS - MINUTE:
            return "the first event of a new order"
        if type == "orderCreated" and min(ages) > _SEVERAL_DAYS_MS:
            return "an old order counts as new"
        return None

    def snapshot(self, announcement: Announcement) -> tuple[OrderState, set[str], list[OrderDeletion]] | None:
        """Return the snapshot that the announcement means, with the facts that were sent by now.

        None if it is no snapshot, or must not create an order.
        """
        meaning = self._state_or_fact(announcement)
        if not isinstance(meaning, OrderState) or meaning.status is None:
            return None
        return meaning, *self._received_facts(announcement)

    def _received_facts(self, announcement: Announcement) -> tuple[set[str], list[OrderDeletion]]:
        """Return the parcels and deletions of the order whose facts were sent by now."""
        arrived: set[str] = set()
        deletions: list[OrderDeletion] = []
        for other in self._same_entity(announcement):
            if other.fact and (record := self._records.get(other.id)) and record.attempted_at:
                meaning = self._meanings.get(other.id)
                if isinstance(meaning, ParcelDelivered):
                    arrived.add(meaning.parcel)
                elif isinstance(meaning, OrderDeletion):
                    deletions.append(meaning)
        return arrived, deletions

    def _repeats_a_rejected_snapshot(
        self,
        announcement: Announcement,
        meaning: OrderState | ParcelDelivered | OrderDeletion,
        params: Mapping[str, str],
    ) -> bool:
        """Return True if the event of a fact repeats a snapshot that the API rejected, and which is parked."""
        if isinstance(meaning, OrderState) or not self._is_poisoned(announcement.shop, meaning.order):
            return False
        states = self._received_snapshots(announcement)
        return any(fact_problem(meaning, params, state.params, is_event=False) is None for state in states)

    def _received_snapshots(self, announcement: Announcement) -> list[OrderState]:
        """Return the snapshots of the order that were sent by now, and about which there can be a request."""
        same_entity = [other for other in self._same_entity(announcement) if other.id in self._records]
        received = [other for other in same_entity if self._records[other.id].attempted_at]
        states = [state for other in received if isinstance(state := self._state_or_fact(other), OrderState)]
        return [state for state in states if state.status]

    def _snapshots_before(
        self, request: AcceptedRequest, announcement: Announcement, earlier: Sequence[AcceptedRequest]
    ) -> tuple[Mapping[str, str] | None, list[Mapping[str, str]]]:
        """Return the params of the last snapshot that the API accepted, and of the later ones that were received."""
        for other in reversed(earlier):
            known = self._state_or_fact(other.announcement) if other.announcement else None
            if other.path == request.path and isinstance(known, OrderState):
                received = self._received_snapshots(announcement)
                later = [state.params for state in received if state.version > known.version]
                return other.params if other.event else flat_order(other.order or {}), later
        return None, []

    def _state_or_fact(self, announcement: Announcement) -> OrderState | ParcelDelivered | OrderDeletion | None:
        meaning = self._meanings.get(announcement.id)
        if isinstance(meaning, Purchase):
            return meaning.state
        return meaning if isinstance(meaning, OrderState | ParcelDelivered | OrderDeletion) else None


def _milliseconds(date: str) -> int:
    return int(datetime.fromisoformat(date).timestamp() * 1000)
