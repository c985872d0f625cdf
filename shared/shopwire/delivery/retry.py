"""The work of the function `retry`: deliver the messages of the retry queue, each group in order.

No message leaves the queue before it is settled, parked or in the outbox. Why it is built like this: docs/decisions
0002 (a group per entity), 0005 (webhooks wait, not requests), 0009 (the outbox).
"""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from shopwire.delivery.attempts import attempted
from shopwire.delivery.circuit import Circuit
from shopwire.delivery.handle import ChangeHandler
from shopwire.delivery.parking import MAX_CRASHES, Parking
from shopwire.delivery.send import MAX_ANSWER_MS
from shopwire.delivery.task import (
    HOUR_MS,
    LEASE_MARGIN_MS,
    UNKNOWN,
    Outcome,
    Task,
    adapter_of,
    bug_details,
    delivery_of,
    subject_of,
    unreadable_failure,
)
from shopwire.errors import (
    BadSettings,
    ClaimRefused,
    ItemTooLarge,
    NewerEntryFormat,
    NewerMessageFormat,
    PermanentFailure,
    RetryLater,
    SettingsUnavailable,
    TableUnavailable,
    UnknownShop,
    Unreadable,
)
from shopwire.esputnik import Verdict
from shopwire.message import Message, unpack
from shopwire.models import Delivery, Nothing, Reason, Shop, ShopRedaction, ThinChange
from shopwire.observability import logger, report
from shopwire.retry_queue import RetryQueue
from shopwire.shops import Shops
from shopwire.stores.entry import Entry, EntryUpdate, key_hash
from shopwire.stores.ledger import Claim
from shopwire.stores.outbox import Outbox
from shopwire.stores.pauses import Pauses, ShopState, platform_of

# Recording takes this long at most: two attempts to connect and read, for two calls.
_RECORDING_MS = 5_000
MAX_OWN_FAILURES = 20
"""A change that failed this often while others of its shop were accepted is parked."""
MIN_FAILURES_AFTER_AN_HOUR = 5
"""If it has failed like this for an hour, it is parked after this many failures."""
_ACCEPTED_LATELY_MS = 600_000
# A message of a newer format waits until that release is back (docs/formats.md). It is received seldom enough that SQS,
# which gives up on a message that was received a thousand times, keeps it for ten days.
_NEWER_FORMAT_FIRST_HOUR_MS = 60_000
_NEWER_FORMAT_MS = 900_000
# The cached list of shops may be older than a shop that was just connected.
_JUST_CONNECTED_MS = 600_000
_SHOP_LIST_MS = 30_000
_ERASURE_TRIES = 4  # the backoff of an erasure that is left: up to 80 seconds at first


@dataclass(frozen=True, slots=True)
class Wait:
    """The message is not finished: it stays in the queue, invisible for this many milliseconds."""

    milliseconds: int
    reason: Reason
    details: Mapping[str, str | int] = field(default_factory=dict)


class RetryConsumer:
    """Delivers the batches of the retry queue."""

    def __init__(
        self,
        handler: ChangeHandler,
        circuit: Circuit,
        parking: Parking,
        queue: RetryQueue,
        outbox: Outbox,
        pauses: Pauses,
        shops: Shops,
    ) -> None:
        self._handler = handler
        self._circuit = circuit
        self._parking = parking
        self._queue = queue
        self._outbox = outbox
        self._pauses = pauses
        self._shops = shops
        self._ledger = handler.ledger
        self._policy = handler.policy
        self._clock = handler.clock

    def consume(self, records: Iterable[Mapping[str, Any]], *, request_id: str, deadline: int) -> list[str]:
        """Deliver a batch. Return the ids of the messages that stay in the queue.

        The first message of a group that is not finished stops the group: it waits. Its followers become visible at
        once, because a FIFO queue keeps them behind it anyway.

        Args:
            records: the records of the Lambda event.
            deadline: when the invocation ends, UTC ms.
        """
        stopped_groups: set[str] = set()
        kept_ids = []
        for record in records:
            group = record["attributes"]["MessageGroupId"]
            if group in stopped_groups:
                wait: Wait | None = Wait(0, Reason.EARLIER_MESSAGE_WAITS)
            else:
                wait = self._consume(record, request_id, deadline)
            if wait:
                stopped_groups.add(group)
                kept_ids.append(record["messageId"])
                self._queue.hold_back(record["receiptHandle"], math.ceil(wait.milliseconds / 1000))
        return kept_ids

    def _consume(self, record: Mapping[str, Any], request_id: str, deadline: int) -> Wait | None:
        started = self._clock()
        if deadline - started < MAX_ANSWER_MS + 2 * _RECORDING_MS:
            return Wait(0, Reason.NO_TIME_LEFT)
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            message = unpack(record["body"])
        except NewerMessageFormat:
            return _wait_for_newer_release("message", started - int(record["attributes"]["SentTimestamp"]))
        except ValueError as error:
            logger.error("not a message of shopwire", extra={"error": str(error)})
            return Wait(_NEWER_FORMAT_MS, Reason.NOT_A_MESSAGE)
        age_ms = started - message.waits_since
        result: Outcome | Wait
        delivery: Delivery | None = None
        try:
            result, delivery = self._deliver(message, request_id, deadline)
        except NewerEntryFormat:
            return _wait_for_newer_release("entry", age_ms)
        except TableUnavailable:
            result = self._back_off(receives, age_ms, Reason.LEDGER_UNAVAILABLE)
        except SettingsUnavailable:
            result = self._back_off(receives, age_ms, Reason.SETTINGS_UNAVAILABLE)
        except BadSettings:
            result = self._back_off(receives, age_ms, Reason.SETTINGS_WRONG)
        except Exception as error:
            # It is this message's alone. If its lease is held, the attempts count as crashes, and the third parks it.
            result = self._back_off(receives, age_ms, Reason.INTERNAL_ERROR, bug_details(error))
        now = self._clock()
        report(
            "retried",
            now,
            shop=message.shop,
            outcome="waiting" if isinstance(result, Wait) else result.status,
            reason=result.reason,
            topic=delivery.topic if delivery else None,
            entity=str(delivery.entity) if delivery and delivery.entity else None,
            key=key_hash(message.key),
            receives=receives,
            ms=now - started,
            sent=None if isinstance(result, Wait) else ",".join(result.sent) or None,
            **result.details,
        )
        return result if isinstance(result, Wait) else None

    def _back_off(self, receives: int, age_ms: int, reason: Reason, details: Mapping[str, str | int] = {}) -> Wait:
        return Wait(self._policy.backoff_ms(receives, age_ms), reason, details)

    def _deliver(self, message: Message, request_id: str, deadline: int) -> tuple[Outcome | Wait, Delivery | None]:
        now = self._clock()
        try:
            shop = self._shops.get(message.shop)
        except UnknownShop:
            if now - message.received_at < _JUST_CONNECTED_MS:
                return Wait(_SHOP_LIST_MS, Reason.SHOP_NOT_LISTED_YET), None
            return self._park_unread(message, PermanentFailure(Reason.SHOP_DISCONNECTED)), None
        state = self._pauses.state(shop.id, now)
        try:
            delivery = delivery_of(message, shop)
        except Unreadable as error:
            return self._park_unread(message, unreadable_failure(error), shop), None
        except Exception as error:
            failure = PermanentFailure(Reason.INTERNAL_ERROR, **bug_details(error))
            return self._park_unread(message, failure, shop), None
        if delivery is None:
            return self._park_unread(message, PermanentFailure(Reason.DELIVERY_NOT_FOUND)), None
        change = delivery.change
        if isinstance(change, Nothing):
            return Outcome("ignored", change.reason, change.details), delivery
        is_erased = state.erased_at is not None and message.received_at <= state.erased_at
        if is_erased and not isinstance(change, ShopRedaction):
            return Outcome("ignored", Reason.ERASED), delivery
        send_until = deadline - 2 * _RECORDING_MS
        task = Task(shop, message, delivery, request_id, send_until, deadline + LEASE_MARGIN_MS)
        return self._deliver_if_due(task, state, now), delivery

    def _deliver_if_due(self, task: Task, state: ShopState, now: int) -> Outcome | Wait:
        message = task.message
        if now - message.waits_since > self._policy.age_limit_ms(task.entity.kind):
            return self._deliver_claimed(task, now, is_too_old=True)
        if message.not_before > now:
            return Wait(message.not_before - now, Reason.NOT_DUE)
        probed: list[str] = []
        held = self._hold_during_pauses(task, state, now, probed)
        heard = {name: self._circuit.heard[name] for name in probed}
        result = held or self._deliver_claimed(task, now, is_too_old=False)
        for name, before in heard.items():
            if self._circuit.heard[name] == before:
                # Much of what waits causes no request: it is superseded, unchanged, or gone at the platform.
                self._pauses.release(name, now)
        return result

    def _deliver_claimed(self, task: Task, now: int, *, is_too_old: bool) -> Outcome | Wait:
        message = task.message
        try:
            claim = self._ledger.claim(
                task.shop.id,
                task.entity,
                task.key,
                task.version,
                request_id=task.request_id,
                until=task.lease_until,
                now=now,
                from_queue=True,
            )
        except ClaimRefused as refusal:
            return self._claim_refused(task, refusal)
        except ItemTooLarge:
            return self._park_unread(message, PermanentFailure(Reason.ID_TOO_LONG))
        if is_too_old:
            return self._parking.park(task, claim, {}, PermanentFailure(Reason.TOO_OLD))
        if claim.entry.crashes >= MAX_CRASHES:
            return self._parking.park(task, claim, {}, PermanentFailure(Reason.CRASHES))
        return self._under_lease(task, claim)

    def _hold_during_pauses(self, task: Task, state: ShopState, now: int, probed: list[str]) -> Outcome | Wait | None:
        """Hold back a message while its shop is paused, or the API from which it must be completed.

        Of each pause that is over but not proved to be, this invocation may be the probe. Its name is added to
        `probed`.
        """
        states = {task.shop.id: (state, Reason.SHOP_PAUSED)}
        if isinstance(task.change, ThinChange):
            platform = platform_of(task.shop.id)
            states[platform] = (self._pauses.state(platform, now), Reason.PLATFORM_PAUSED)
        # A probe would be wasted if the other pause holds the message back.
        for held, reason in states.values():
            if held.until is not None and held.until > now:
                return self._hold(task, held, reason, now)
        for name, (over, reason) in states.items():
            if over.until is None:
                continue
            if not self._pauses.probe(name, over, now):
                return self._hold(task, over, reason, now)
            probed.append(name)
        return None

    def _hold(self, task: Task, state: ShopState, reason: Reason, now: int) -> Outcome | Wait:
        assert state.until is not None
        details = {"cause": state.reason}
        if state.uses_outbox:
            # SQS looks only at the first 120,000 messages of a FIFO queue: a shop with a wrong key must not fill it.
            with suppress(ItemTooLarge):
                self._outbox.put(task.message.later(0), task.entity_key, task.key, now)
                self._ledger.move_to_outbox(task.entity_key, task.key)
                return Outcome("queued", reason, details)
        wait_ms = max(state.until - now, self._policy.retry_base_ms)
        return Wait(wait_ms, reason, details)

    def _claim_refused(self, task: Task, refusal: ClaimRefused) -> Outcome | Wait:
        if task.key in refusal.entry.settled_keys:
            self._handler.eraser.clear_erasure_list(task)
            outcome = Outcome("duplicate")
        elif refusal.entry.is_past(task.version):
            if refusal.entry.left_to_erase and (wait := self._finish_erasure(task)):
                return wait
            outcome = Outcome("superseded")
        else:
            # The holder is mostly finished in a moment. The lease of one that died expires.
            return Wait(2 * self._policy.retry_base_ms, Reason.LEASE_HELD)
        self._ledger.clear_pending(task.entity_key, task.key)
        return outcome

    def _finish_erasure(self, task: Task) -> Wait | None:
        try:
            self._handler.finish_erasure(task)
        except RetryLater as failure:
            self._circuit.record_failure(task.shop.id, task.entity_key, failure)
            age_ms = self._clock() - task.message.waits_since
            return Wait(self._policy.wait_ms(failure, _ERASURE_TRIES, age_ms), failure.reason, failure.details)
        except PermanentFailure as failure:
            logger.error("an erased person's contact could not be erased again", extra={"reason": failure.reason})
        return None

    def _under_lease(self, task: Task, claim: Claim) -> Outcome | Wait:
        update: EntryUpdate = {}
        task = replace(task, unanswered=claim.entry.unrepeated)
        try:
            outcome = self._handler.handle(task, claim.entry, update)
        except RetryLater as failure:
            self._circuit.record_failure(task.shop.id, task.entity_key, failure)
            return self._retry_later(task, claim, update, failure)
        except PermanentFailure as failure:
            return self._parking.park(task, claim, update, failure)
        except TableUnavailable:
            raise
        except ItemTooLarge:
            return self._parking.park(task, claim, update, PermanentFailure(Reason.TOO_LARGE))
        except Exception as error:
            bug = PermanentFailure(Reason.INTERNAL_ERROR, **bug_details(error))
            return self._parking.park(task, claim, update, bug)
        try:
            self._ledger.settle(claim, task.settled_version(outcome), update, self._clock())
        except ItemTooLarge:
            return self._parking.park(task, claim, update, PermanentFailure(Reason.TOO_LARGE))
        return outcome

    def _retry_later(self, task: Task, claim: Claim, update: EntryUpdate, failure: RetryLater) -> Outcome | Wait:
        now = self._clock()
        age_ms = now - task.message.waits_since
        if failure.reason is Reason.API_REPEATED:
            # It is neither the change's fault nor the shop's, so it counts as no try.
            self._ledger.retry_later(claim, update | attempted(task, update, failure), now)
            return Wait(self._policy.wait_ms(failure, 0, age_ms), failure.reason, failure.details)
        before = claim.entry if claim.entry.tries_key == task.key else Entry()
        tries = before.tries + failure.is_attempt
        # While no request of the shop is accepted, a failure says nothing about the change that failed.
        own_failures = before.own_failures + 1 if self._is_own_failure(task, failure, now) else 0
        failing_since = (before.failing_since or now) if own_failures else 0
        # The age of the webhook says nothing here: it may have waited for a day because the shop was paused.
        has_failed_an_hour = own_failures >= MIN_FAILURES_AFTER_AN_HOUR and now - failing_since >= HOUR_MS
        if own_failures >= MAX_OWN_FAILURES or has_failed_an_hour:
            keeps_failing = PermanentFailure(
                Reason.KEEPS_FAILING, cause=str(failure.reason), tries=own_failures, **failure.details
            )
            return self._parking.park(task, claim, update, keeps_failing)
        update |= {
            "tries": tries,
            "tries_key": task.key,
            "own_failures": own_failures,
            "failing_since": failing_since,
        }
        self._ledger.retry_later(claim, update | attempted(task, update, failure), now)
        return Wait(self._policy.wait_ms(failure, tries, age_ms), failure.reason, failure.details)

    def _is_own_failure(self, task: Task, failure: RetryLater, now: int) -> bool:
        if failure.answer is None or failure.answer.verdict not in (Verdict.LATER, Verdict.UNANSWERED):
            return False
        state = self._pauses.state(task.shop.id, now)
        return state.until is None and now - state.ok_at < _ACCEPTED_LATELY_MS

    def _park_unread(self, message: Message, failure: PermanentFailure, shop: Shop | None = None) -> Outcome:
        subject = subject_of(message, adapter_of(message, shop)) if shop else UNKNOWN
        return self._parking.park_unread(message, failure, subject)


def _wait_for_newer_release(what: str, age_ms: int) -> Wait:
    logger.info("a newer release wrote this: it waits for that release", extra={"what": what})
    return Wait(_NEWER_FORMAT_FIRST_HOUR_MS if age_ms < HOUR_MS else _NEWER_FORMAT_MS, Reason.NEWER_FORMAT)
