"""The way of what waited: the retry queue's messages, in each group in order, and the outbox back to the queue.

Nothing here answers a platform, and nothing leaves the queue or the outbox before it is settled, parked or in the other
one. Why so: docs/decisions, 0002 (a group an entity), 0005 (raw webhooks wait), 0009 (the outbox).
"""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shopwire import platforms
from shopwire.delivery.handle import Carrier
from shopwire.delivery.receive import DEATHS, LEASE_MARGIN, TOO_LONG, attempt, our_bug, park
from shopwire.delivery.send import LONGEST
from shopwire.delivery.task import HOUR, Clock, NeverThis, Notes, NotNow, Outcome, Policy, Work, delivery_of
from shopwire.esputnik import Verdict
from shopwire.message import Message, unpack
from shopwire.message import NewerFormat as NewerMessage
from shopwire.models import Delivery, Nothing, ShopRedaction
from shopwire.observability import logger, report
from shopwire.retry_queue import MessageTooLarge, QueueDown, RetryQueue
from shopwire.shops import BadSettings, SettingsDown, Shops, UnknownShop
from shopwire.stores.entry import Entry
from shopwire.stores.entry import NewerFormat as NewerEntry
from shopwire.stores.ledger import Claim, Ledger, Refused, key_hash
from shopwire.stores.outbox import SHARDS, Outbox, Waiting, behind_shop
from shopwire.stores.pauses import Pauses, ShopState
from shopwire.stores.table import ItemTooLarge, TableDown

# What writing down takes at the worst: two attempts of connecting and reading, twice.
_KEPT_FOR_NOTES = 5_000
_OWN_FAILURES = 20
_FEW = 5
_SERVED_LATELY = 600_000
# What a newer shopwire wrote waits for that one to be back (docs/formats.md): looked at seldom enough that SQS, which
# gives up at a message received a thousand times, keeps it for ten days.
_SOON_BACK = 60_000
_NEWER_WAITS = 900_000
# A shop that was connected a moment ago may not stand in a list read before.
_JUST_CONNECTED = 600_000
_LIST_IS_OLD = 30_000


@dataclass(frozen=True, slots=True)
class Wait:
    """Not finished: the message stays in the queue, unseen for so many milliseconds."""

    milliseconds: int
    reason: str


class Consumer:
    """Works off the retry queue's batches."""

    def __init__(self, carrier: Carrier, queue: RetryQueue, outbox: Outbox, shops: Shops) -> None:
        self._carrier = carrier
        self._queue = queue
        self._shops = shops
        self._ledger = carrier.ledger
        self._outbox = outbox
        self._parked = carrier.parked
        self._pauses = carrier.sender.pauses
        self._policy = carrier.policy
        self._clock = carrier.clock

    def work_off(self, records: Iterable[Mapping[str, Any]], *, owner: str, deadline: int) -> list[str]:
        """Deliver a batch; answers the ids of the messages that stay in the queue.

        The first message of a group that isn't finished stops the group: it waits, and its followers are handed back at
        once, since FIFO keeps them behind it anyway.
        """
        stopped: set[str] = set()
        kept = []
        for record in records:
            group = record["attributes"]["MessageGroupId"]
            wait = Wait(0, "follows one that waits") if group in stopped else self._one(record, owner, deadline)
            if wait:
                stopped.add(group)
                kept.append(record["messageId"])
                self._queue.hold_back(record["receiptHandle"], math.ceil(wait.milliseconds / 1000))
        return kept

    def _one(self, record: Mapping[str, Any], owner: str, deadline: int) -> Wait | None:
        begun = self._clock()
        if deadline - begun < LONGEST + 2 * _KEPT_FOR_NOTES:
            return Wait(0, "no time left")
        received = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            message = unpack(record["body"])
        except NewerMessage:
            return _for_a_newer_shopwire("message", begun - int(record["attributes"]["SentTimestamp"]))
        except ValueError as error:
            logger.error("not one of our messages", extra={"reason": str(error)})
            return Wait(_NEWER_WAITS, str(error))
        try:
            result, delivery = self._carry(message, owner, deadline)
        except NewerEntry:
            return _for_a_newer_shopwire("entry", begun - message.waits_since)
        except (TableDown, SettingsDown, BadSettings) as error:
            return Wait(self._policy.backoff(received, begun - message.waits_since), type(error).__name__)
        now = self._clock()
        report(
            "retried",
            now,
            shop=message.shop,
            outcome="waiting" if isinstance(result, Wait) else result.status,
            reason=result.reason,
            topic=delivery.topic if delivery else None,
            entity=f"{delivery.entity.kind} {delivery.entity.id}" if delivery and delivery.entity else None,
            key=key_hash(message.key),
            receives=received,
            milliseconds=now - begun,
        )
        return result if isinstance(result, Wait) else None

    def _carry(self, message: Message, owner: str, deadline: int) -> tuple[Outcome | Wait, Delivery | None]:
        now = self._clock()
        try:
            shop = self._shops.get(message.shop)
        except UnknownShop:
            if now - message.received_at < _JUST_CONNECTED:
                return Wait(_LIST_IS_OLD, "no such shop yet"), None
            return self._park_unread(message, "the shop is not connected any more", now), None
        state = self._pauses.state(shop.id, now)
        try:
            delivery = delivery_of(message, shop)
        except platforms.Unreadable as error:
            return self._park_unread(message, str(error), now), None
        except Exception as error:
            return self._park_unread(message, our_bug(error), now), None
        if isinstance(delivery.change, Nothing):
            return Outcome("ignored", delivery.change.reason), delivery
        gone = state.redacted_at is not None and message.received_at <= state.redacted_at
        if gone and not isinstance(delivery.change, ShopRedaction):
            return Outcome("ignored", "redacted"), delivery
        send_until = deadline - 2 * _KEPT_FOR_NOTES
        work = Work(shop, message, delivery, owner, send_until, deadline + LEASE_MARGIN)
        return self._when_due(work, state, now), delivery

    def _when_due(self, work: Work, state: ShopState, now: int) -> Outcome | Wait:
        message = work.message
        too_old = now - message.waits_since > self._policy.age_limit(work.entity.kind)
        if not too_old:
            if message.not_before > now:
                return Wait(message.not_before - now, "not before")
            if held := self._held_by_pause(work, state, now):
                return held
        try:
            claim = self._ledger.claim(
                work.shop.id,
                work.entity,
                work.key,
                work.version,
                owner=work.owner,
                until=work.lease_until,
                now=now,
                from_queue=True,
            )
        except Refused as refusal:
            return self._refused(work, refusal)
        except ItemTooLarge:
            return self._park_unread(message, TOO_LONG, now)
        if too_old:
            return self._park(work, claim, {}, NeverThis("too old"))
        if claim.entry.deaths >= DEATHS:
            return self._park(work, claim, {}, NeverThis("it stopped the function three times"))
        return self._under_lease(work, claim)

    def _held_by_pause(self, work: Work, state: ShopState, now: int) -> Outcome | Wait | None:
        if state.until is None or (state.until <= now and self._pauses.probe(work.shop.id, state, now)):
            return None
        reason = f"paused: {state.reason}"
        if state.long:
            # SQS looks only at the first 120,000 messages of a FIFO queue: one shop's wrong key must not fill it.
            with suppress(ItemTooLarge):
                self._outbox.put(work.message.later(0), work.entity_key, work.key, now)
                self._ledger.moved(work.entity_key, work.key, "outbox")
                return Outcome("queued", reason)
        return Wait(max(state.until - now, self._policy.retry_base), reason)

    def _refused(self, work: Work, refusal: Refused) -> Outcome | Wait:
        if work.key in refusal.entry.keys:
            self._carrier.redactor.lay_to_rest(work)
            outcome = Outcome("duplicate")
        elif refusal.entry.is_past(work.version):
            outcome = Outcome("superseded")
        else:
            # Mostly done in a moment; a lease whose holder died ends by itself.
            return Wait(2 * self._policy.retry_base, "somebody is at work on it")
        self._ledger.done_waiting(work.entity_key, work.key)
        return outcome

    def _under_lease(self, work: Work, claim: Claim) -> Outcome | Wait:
        notes: Notes = {}
        try:
            outcome = self._carrier.carry(work, claim.entry, notes)
        except NotNow as failure:
            self._carrier.sender.blame(work, failure)
            return self._try_again(work, claim, notes, failure)
        except NeverThis as reason:
            return self._park(work, claim, notes, reason)
        except TableDown:
            raise
        except Exception as error:
            return self._park(work, claim, notes, NeverThis(our_bug(error)))
        self._ledger.settle(claim, work.settles(outcome), notes, self._clock())
        return outcome

    def _try_again(self, work: Work, claim: Claim, notes: Notes, failure: NotNow) -> Outcome | Wait:
        now = self._clock()
        age = now - work.message.waits_since
        before = claim.entry if claim.entry.tries_key == work.key else Entry()
        tries = before.tries + (failure.answer is not None)
        # While nothing of the shop gets through, a failure says nothing about the one that failed.
        own = before.own_failures + 1 if self._is_its_own(work, failure, now) else 0
        if own >= _OWN_FAILURES or (own >= _FEW and age >= HOUR):
            return self._park(work, claim, notes, NeverThis(f"failed for itself, {own} tries: {failure}"))
        notes |= {"tries": tries, "tries_key": work.key, "own_failures": own} | attempt(work, notes, failure.answer)
        if not claim.entry.waiting(now):
            notes |= self._ledger.put_away(work.key, "queue", now)
        self._ledger.release(claim, notes, now)
        return Wait(max(failure.after, self._policy.backoff(tries, age)), str(failure))

    def _is_its_own(self, work: Work, failure: NotNow, now: int) -> bool:
        if failure.answer is None or failure.answer.verdict not in (Verdict.LATER, Verdict.UNANSWERED):
            return False
        state = self._pauses.state(work.shop.id, now)
        return state.until is None and now - state.ok_at < _SERVED_LATELY

    def _park(self, work: Work, claim: Claim, notes: Notes, reason: NeverThis) -> Outcome:
        try:
            park(self._carrier, work, claim, notes, reason)
        except ItemTooLarge:
            stub = Work(work.shop, _without_body(work.message), work.delivery, work.owner, 0, 0)
            park(self._carrier, stub, claim, notes, reason)
        return Outcome("parked", str(reason))

    def _park_unread(self, message: Message, reason: str, now: int) -> Outcome:
        try:
            self._parked.put(message, "unreadable", None, reason, now)
        except ItemTooLarge:
            self._parked.put(_without_body(message), "unreadable", None, reason, now)
        return Outcome("parked", reason)


class Mover:
    """Moves what waits in the outbox back to the queue, each entity's in order."""

    def __init__(
        self, outbox: Outbox, ledger: Ledger, queue: RetryQueue, pauses: Pauses, policy: Policy, clock: Clock
    ) -> None:
        self._outbox = outbox
        self._ledger = ledger
        self._queue = queue
        self._pauses = pauses
        self._policy = policy
        self._clock = clock
        self.oldest_left: int | None = None
        """When the oldest of what the last `move` saw and left had been received. It looks at a paused shop's first
        only: not the oldest maybe, but as long as it waits it grows older too."""

    def move(self, deadline: int, *, overdue_too: bool = False) -> int:
        """Move what may be moved; answers how much that was.

        Of a shop whose pause has ended but is not proved to be over, one message goes ahead as the probe; of a paused
        one none, but with `overdue_too` those past their age, which the consumer parks.

        Raises:
            QueueDown, TableDown.
        """
        self.oldest_left = None
        return sum(self._move_shard(shard, deadline, overdue_too) for shard in range(SHARDS))

    def _move_shard(self, shard: int, deadline: int, overdue_too: bool) -> int:
        moved, after = 0, None
        probed: set[str] = set()
        left: set[str] = set()
        while self._clock() < deadline and (page := self._outbox.waiting(shard, after)):
            for waiting in page:
                after = waiting.at.sk
                if waiting.entity_key in left:
                    continue
                if not self._may_go(waiting, probed, overdue_too):
                    self._leave(waiting)
                    if not overdue_too:
                        after = behind_shop(waiting.shop)
                        break
                    continue
                if self._clock() >= deadline:
                    break
                if self._move(waiting):
                    moved += 1
                else:
                    self._leave(waiting)
                    left.add(waiting.entity_key)  # what follows it must not overtake it
                    probed.discard(waiting.shop)
        return moved

    def _leave(self, waiting: Waiting) -> None:
        self.oldest_left = min(self.oldest_left or waiting.received_at, waiting.received_at)

    def _may_go(self, waiting: Waiting, probed: set[str], overdue_too: bool) -> bool:
        now = self._clock()
        if overdue_too and now - waiting.received_at > self._policy.max_age:
            return True
        state = self._pauses.state(waiting.shop, now)
        if state.until is None:
            return True
        if state.until > now or waiting.shop in probed:
            return False
        probed.add(waiting.shop)
        return True

    def _move(self, waiting: Waiting) -> bool:
        try:
            self._queue.put(unpack(waiting.packed), waiting.entity_key)
        except QueueDown:
            self._leave(waiting)
            raise
        except (NewerMessage, ValueError, MessageTooLarge):
            return False  # a newer shopwire's: it stays for that one
        self._outbox.remove(waiting)
        # Only the last key put of an entity is in its mark: with that one moved, what follows goes to the queue again.
        self._ledger.moved(waiting.entity_key, waiting.key, "queue")
        return True


def _for_a_newer_shopwire(what: str, age: int) -> Wait:
    logger.info("written by a newer shopwire: it waits for that one", extra={"what": what})
    return Wait(_SOON_BACK if age < HOUR else _NEWER_WAITS, "written by a newer shopwire")


def _without_body(message: Message) -> Message:
    return replace(message, webhook=replace(message.webhook, body=b""))
