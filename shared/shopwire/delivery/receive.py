"""The work of the function `webhook`: deliver a webhook that just arrived, or make it wait.

Nothing is answered 2xx before it is sent, durably waiting, parked, or deliberately not sent. Why it is built like this:
docs/decisions 0001 (direct first), 0004 (claim, send, settle), 0009 (the outbox).
"""

from contextlib import suppress
from dataclasses import replace

from shopwire import platforms
from shopwire.delivery.circuit import Circuit
from shopwire.delivery.decide import Decision, Done, SyncContact
from shopwire.delivery.defer import Deferral
from shopwire.delivery.handle import ChangeHandler
from shopwire.delivery.parking import MAX_CRASHES
from shopwire.delivery.task import LEASE_MARGIN_MS, Outcome, Task, bug_details, subject_of, unreadable_failure
from shopwire.errors import (
    ClaimRefused,
    InvalidBody,
    ItemTooLarge,
    PermanentFailure,
    RetryLater,
    TableUnavailable,
    Unreadable,
)
from shopwire.message import Message, worth_keeping
from shopwire.models import (
    AccountDeleted,
    Delivery,
    Nothing,
    OrderSkipped,
    Reason,
    Shop,
    ShopRedaction,
    ThinChange,
    Webhook,
)
from shopwire.stores.entry import Entry, EntryUpdate
from shopwire.stores.ledger import Claim, Ledger, Peek

# The last part of the time budget is kept for recording and queueing.
_RECORDING_MS = 1_000


class Receiver:
    """Delivers webhooks as they arrive."""

    def __init__(self, handler: ChangeHandler, circuit: Circuit, deferral: Deferral) -> None:
        self._handler = handler
        self._circuit = circuit
        self._deferral = deferral
        self._ledger: Ledger = handler.ledger
        self._policy = handler.policy
        self._clock = handler.clock

    def receive(
        self, webhook: Webhook, shop: Shop, platform: str, *, request_id: str, deadline: int
    ) -> list[tuple[Delivery | None, Outcome]]:
        """Deliver a verified webhook.

        Args:
            platform: name of the adapter that parses this webhook: the shop's own platform, or "storefront".
            request_id: unique to this invocation.
            deadline: when the invocation ends, UTC ms.

        Returns:
            Each delivery of the webhook with its outcome; the delivery is None if the webhook is unreadable.

        Raises:
            InvalidBody: the body has mistakes that its sender can correct. Nothing is kept.
            NothingDurable: no store can be reached that would keep the webhook.
        """
        adapter = platforms.get(platform)
        kept = Webhook(
            worth_keeping(dict(webhook.headers), adapter.kept_headers),
            webhook.body,
            webhook.received_at,
            webhook.query,
        )
        message = Message(shop.id, "", kept, platform="" if platform == shop.platform else platform)
        try:
            deliveries = adapter.read(webhook, shop)
        except InvalidBody:
            raise
        except Unreadable as error:
            failure = unreadable_failure(error)
            return [(None, self._deferral.park_unread(message, failure, subject_of(message, adapter)))]
        except Exception as error:
            failure = PermanentFailure(Reason.INTERNAL_ERROR, **bug_details(error))
            return [(None, self._deferral.park_unread(message, failure, subject_of(message, adapter)))]
        budget_end = webhook.received_at + self._policy.direct_budget_ms
        send_until = min(budget_end, deadline) - _RECORDING_MS
        return [
            (
                delivery,
                self._deliver(
                    Task(
                        shop,
                        replace(message, key=delivery.key),
                        delivery,
                        request_id,
                        send_until,
                        deadline + LEASE_MARGIN_MS,
                    )
                ),
            )
            for delivery in deliveries
        ]

    def _deliver(self, task: Task) -> Outcome:
        outcome = self._deliver_or_defer(task)
        if outcome.status == "duplicate":
            try:
                self._handler.eraser.clear_erasure_list(task)
            except TableUnavailable:
                return self._deferral.unmarked(task)  # `retry` removes it
        return outcome

    def _deliver_or_defer(self, task: Task) -> Outcome:
        change = task.change
        if isinstance(change, Nothing):
            return Outcome("ignored", change.reason, change.details)
        if isinstance(change, OrderSkipped):
            return self._record_skipped(task, change.reason)
        if task.is_anonymous and task.contact_cart is None:
            return Outcome("ignored", Reason.ANONYMOUS)  # most visits: nothing is read or written
        try:
            if task.is_erasure:
                self._handler.eraser.write_tombstones(task)
            if self._goes_to_queue_first(task):
                entry = self._ledger.get(task.shop.id, task.entity, self._clock())
                if task.key in entry.settled_keys:
                    return Outcome("duplicate")
                self._mark_deleted(task)
                return self._deferral.wait_behind(task, Reason.QUEUED_FIRST)
            peek = self._peek(task)
            if outcome := self._already_settled(task, peek.entry):
                return outcome
            self._mark_deleted(task)
            decision = self._decide(task, peek) if peek.free else None
            if isinstance(decision, Done) and (outcome := self._settle_without_lease(task, peek, decision)):
                return outcome
            claim = self._ledger.claim(
                task.shop.id,
                task.entity,
                task.key,
                task.version,
                request_id=task.request_id,
                until=task.lease_until,
                now=self._clock(),
            )
        except ClaimRefused as refusal:
            # Another invocation works on the entity, or an earlier change of it waits. A key that is only pending is
            # not a duplicate, because its message may not exist.
            return self._already_settled(task, refusal.entry) or self._deferral.wait_behind(
                task, Reason.EARLIER_CHANGE_PENDING
            )
        except TableUnavailable:
            return self._deferral.unmarked(task)
        except ItemTooLarge:
            return self._deferral.park_unread(task.message, PermanentFailure(Reason.ID_TOO_LONG))
        is_same_entry = claim.revision == (peek.revision or 0) + 1
        return self._under_lease(task, claim, decision if is_same_entry else None)

    def _record_skipped(self, task: Task, reason: Reason) -> Outcome:
        """Record that the order is not sent, unless that is recorded. It is only a hint, so no failure matters.

        A checkout saves its draft again and again, and nothing of it is sent, so the API's state does not matter.
        """
        with suppress(TableUnavailable):
            peek = self._peek(task)
            decision = self._decide(task, peek) if peek.free else None
            if isinstance(decision, Done) and decision.update:
                self._settle_without_lease(task, peek, decision)
        return Outcome("ignored", reason)

    def _mark_deleted(self, task: Task) -> None:
        """Let orders that arrive from now on restore the contact of a deleted account, also if the deletion waits."""
        if isinstance(task.change, AccountDeleted):
            with suppress(RetryLater):  # it is marked again before it is sent
                self._handler.contacts.mark_deleted(task, task.change)

    def _goes_to_queue_first(self, task: Task) -> bool:
        return (
            not self._policy.direct_budget_ms
            or isinstance(task.change, ShopRedaction)
            or self._circuit.queue_first(task.shop.id)
            or (isinstance(task.change, ThinChange) and self._handler.fetcher.queue_first(task.shop.id))
        )

    def _peek(self, task: Task) -> Peek:
        # The cart of an anonymous change may have got its contact a moment ago, so that read must be consistent.
        return self._ledger.peek(task.shop.id, task.entity, self._clock(), consistent=task.is_anonymous)

    def _decide(self, task: Task, peek: Peek) -> Decision | None:
        try:
            decision = self._handler.decide(task, peek.entry)
            if isinstance(decision, SyncContact):
                return self._handler.contacts.decide(task, decision)
            return decision
        except TableUnavailable:
            raise
        except Exception:
            return None  # it fails again under the lease, where the webhook is parked

    def _settle_without_lease(self, task: Task, peek: Peek, decision: Done) -> Outcome | None:
        """Settle a change that causes no request: every second webhook, at half the price.

        Returns None if the entry changed meanwhile.
        """
        outcome = decision.outcome
        if task.is_anonymous and outcome.reason is Reason.ANONYMOUS:
            return outcome  # the API has nothing of it, so there is nothing to record; a duplicate is anonymous too
        try:
            settled = self._ledger.settle_without_lease(
                task.shop.id,
                task.entity,
                task.key,
                task.settled_version(outcome),
                peek,
                decision.update,
                self._clock(),
            )
        except ItemTooLarge:
            return None  # it fails again under the lease, where the webhook is parked
        return outcome if settled else None

    def _already_settled(self, task: Task, entry: Entry) -> Outcome | None:
        if task.key in entry.settled_keys:
            return Outcome("duplicate")
        if entry.is_past(task.version):
            if task.version and entry.version and task.version // 10 == entry.version // 10:
                # Both versions are of the same millisecond, and the rank decided. The platform may never send the later
                # state.
                with suppress(TableUnavailable):  # only a hint
                    self._ledger.mark_for_reconcile(task.shop.id, task.entity, self._clock())
            return Outcome("stale")
        return None

    def _under_lease(self, task: Task, claim: Claim, decision: Decision | None) -> Outcome:
        update: EntryUpdate = {}
        if claim.entry.crashes >= MAX_CRASHES:
            return self._deferral.park(task, claim, update, PermanentFailure(Reason.CRASHES))
        task = replace(task, unanswered=claim.entry.unrepeated)
        try:
            outcome = self._handler.handle(task, claim.entry, update, decision)
        except RetryLater as failure:
            self._circuit.record_failure(task.shop.id, task.entity_key, failure)
            return self._deferral.defer(task, claim, update, failure)
        except PermanentFailure as failure:
            return self._deferral.park(task, claim, update, failure)
        except TableUnavailable:
            return self._deferral.unmarked(task)
        except ItemTooLarge:
            return self._deferral.park(task, claim, update, PermanentFailure(Reason.TOO_LARGE))
        except Exception as error:
            bug = PermanentFailure(Reason.INTERNAL_ERROR, **bug_details(error))
            return self._deferral.park(task, claim, update, bug)
        try:
            self._ledger.settle(claim, task.settled_version(outcome), update, self._clock())
        except ItemTooLarge:
            return self._deferral.park(task, claim, update, PermanentFailure(Reason.TOO_LARGE))
        except TableUnavailable:
            if update or outcome.status == "delivered":
                # What was learned is not recorded: `retry` does it again and records it.
                return self._deferral.unmarked(task)
        return outcome
