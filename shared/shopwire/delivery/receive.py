"""The way of a webhook that just came: claim, send, settle; what can't be done at once is put away.

Nothing is answered 2xx before it is sent, durably waiting, parked, or deliberately not sent; when nothing durable can
be reached `Unavailable` makes the answer 503. Why so: docs/decisions, 0001 (direct first), 0004 (claim, send, settle),
0009 (the outbox).
"""

import traceback
from contextlib import suppress
from dataclasses import replace

from shopwire import platforms
from shopwire.delivery.handle import Carrier
from shopwire.delivery.task import NeverThis, Notes, NotNow, NotSeen, Outcome, Work
from shopwire.esputnik import Answer, Verdict
from shopwire.message import Message, worth_keeping
from shopwire.models import Delivery, Entity, Nothing, Shop, ShopRedaction, Webhook
from shopwire.retry_queue import MessageTooLarge, QueueDown, RetryQueue
from shopwire.stores.entry import Entry, entity_key
from shopwire.stores.ledger import Claim, Refused
from shopwire.stores.outbox import Outbox
from shopwire.stores.table import ItemTooLarge, TableDown

LEASE_MARGIN = 5_000
"""So many milliseconds after the invocation can last its lease ends by itself."""
DEATHS = 3
"""So many holders of the lease died over one change: it kills the function, and is parked."""
TOO_LONG = "the entity's id is too long for a key"
# Of the time budget the last second is kept for writing down and queueing.
_KEPT_FOR_NOTES = 1_000


class Unavailable(Exception):
    """Nothing durable can be reached: the platform must try again."""


class Direct:
    """Delivers webhooks as they come in."""

    def __init__(self, carrier: Carrier, queue: RetryQueue, outbox: Outbox) -> None:
        self._carrier = carrier
        self._queue = queue
        self._ledger = carrier.ledger
        self._outbox = outbox
        self._parked = carrier.parked
        self._policy = carrier.policy
        self._clock = carrier.clock

    def receive(
        self, webhook: Webhook, shop: Shop, platform: str, *, owner: str, deadline: int
    ) -> list[tuple[Delivery | None, Outcome]]:
        """Deliver a verified webhook. Answers each delivery in it with what became of it (None: it could not be read).

        Args:
            platform: whose language the webhook is in: the shop's own, or "storefront".
            owner: the request id, unique to this invocation.
            deadline: when the invocation ends, UTC milliseconds.

        Raises:
            Unavailable.
        """
        reader = platforms.get(platform)
        kept = Webhook(
            worth_keeping(dict(webhook.headers), reader.kept_headers),
            webhook.body,
            webhook.received_at,
            webhook.query,
        )
        message = Message(shop.id, "", kept, platform="" if platform == shop.platform else platform)
        try:
            deliveries = reader.read(webhook, shop)
        except platforms.Unreadable as error:
            return [(None, self._unreadable(message, str(error)))]
        except Exception as error:
            return [(None, self._unreadable(message, our_bug(error)))]
        send_until = webhook.received_at + self._policy.direct_budget - _KEPT_FOR_NOTES
        return [
            (
                delivery,
                self._deliver(
                    Work(
                        shop,
                        replace(message, key=delivery.key),
                        delivery,
                        owner,
                        min(send_until, deadline - _KEPT_FOR_NOTES),
                        deadline + LEASE_MARGIN,
                    )
                ),
            )
            for delivery in deliveries
        ]

    def _deliver(self, work: Work) -> Outcome:
        outcome = self._come_of(work)
        if outcome.status == "duplicate":
            self._carrier.redactor.lay_to_rest(work)
        return outcome

    def _come_of(self, work: Work) -> Outcome:
        change = work.delivery.change
        if isinstance(change, Nothing):
            return Outcome("ignored", change.reason)
        if work.names_nobody and work.cart is None:
            return Outcome("ignored", "anonymous")  # most visits: nobody is asked, nothing is written
        try:
            if work.forgets:
                self._carrier.redactor.raise_tombstones(work)
            if (
                not self._policy.direct_budget
                or isinstance(change, ShopRedaction)
                or self._carrier.sender.queue_first(work.shop.id)
            ):
                return self._line_up(work, "straight to the queue", look_first=True)
            if outcome := self._without_lease(work):
                return outcome
            claim = self._ledger.claim(
                work.shop.id,
                work.entity,
                work.key,
                work.version,
                owner=work.owner,
                until=work.lease_until,
                now=self._clock(),
            )
        except Refused as refusal:
            return self._refused(work, refusal.entry)
        except TableDown:
            return self._queue_unmarked(work, "the ledger does not answer")
        except ItemTooLarge:
            return self._unreadable(work.message, TOO_LONG)
        return self._under_lease(work, claim)

    def _without_lease(self, work: Work) -> Outcome | None:
        """What needs no lease, since nothing is to be sent: every second webhook, at half of the price."""
        now, notes = self._clock(), Notes()
        seen = self._ledger.glimpse(work.shop.id, work.entity, now, sure=work.names_nobody)
        if outcome := self._over(work, seen.entry):
            return outcome
        if not seen.free:
            return None
        outcome = self._carrier.foresee(work, seen.entry, notes)
        if outcome is None:
            return None
        if work.names_nobody and outcome == Outcome("ignored", "anonymous"):
            return outcome  # the API has none of it, so nothing is to be noted: a duplicate of it is as anonymous
        version = work.settles(outcome)
        settled = self._ledger.settle_glimpse(work.shop.id, work.entity, work.key, version, seen, notes, now)
        return outcome if settled else None

    def _refused(self, work: Work, entry: Entry) -> Outcome:
        # Somebody is at work on the entity, or an earlier change of it waits. (A key that is merely pending is no
        # duplicate: whether its message exists is not known.)
        return self._over(work, entry) or self._line_up(work, "an earlier change is on its way")

    def _over(self, work: Work, entry: Entry) -> Outcome | None:
        if work.key in entry.keys:
            return Outcome("duplicate")
        if entry.is_past(work.version):
            if work.version and entry.version and work.version // 10 == entry.version // 10:
                # A tie in time, lost by rank: the later state may never be announced.
                self._mark_for_reconcile(work)
            return Outcome("stale")
        return None

    def _under_lease(self, work: Work, claim: Claim) -> Outcome:
        notes: Notes = {}
        if claim.entry.deaths >= DEATHS:
            return self._park(work, claim, notes, NeverThis("it stopped the function three times"))
        try:
            outcome = self._carrier.carry(work, claim.entry, notes)
        except NotNow as failure:
            self._carrier.sender.blame(work, failure)
            return self._put_away(work, claim, notes, failure)
        except NeverThis as reason:
            return self._park(work, claim, notes, reason)
        except TableDown:
            return self._queue_unmarked(work, "the ledger does not answer")
        except Exception as error:
            return self._park(work, claim, notes, NeverThis(our_bug(error)))
        try:
            self._ledger.settle(claim, work.settles(outcome), notes, self._clock())
        except TableDown:
            if notes or outcome.status == "delivered":
                # What was learned (what the API knows now, a parcel that arrived) stands nowhere: the queue's turn does
                # it again and notes it.
                return self._queue_unmarked(work, "the ledger does not answer")
        return outcome

    def _put_away(self, work: Work, claim: Claim, notes: Notes, failure: NotNow) -> Outcome:
        now = self._clock()
        later = work.message.later(now + max(failure.after, self._policy.backoff(0, 0)))
        try:
            # One write: the lease off and the mark on, so that nothing slips in between.
            away = notes | attempt(work, notes, failure.answer) | self._ledger.put_away(work.key, "queue", now)
            self._ledger.release(claim, away, now, last=True)
        except TableDown:
            return self._queue_unmarked(work, str(failure))
        return self._put(work, later, str(failure))

    def _line_up(self, work: Work, reason: str, *, look_first: bool = False) -> Outcome:
        now = self._clock()
        try:
            if look_first and work.key in self._ledger.look(work.shop.id, work.entity, now).keys:
                return Outcome("duplicate")
            where = self._ledger.line_up(work.shop.id, work.entity, work.key, now)
        except TableDown:
            return self._queue_unmarked(work, "the ledger does not answer")
        if where == "outbox":
            return self._put_in_outbox(work, work.message, "an earlier change waits", spare=False)
        return self._put(work, work.message, reason)

    def _put(self, work: Work, message: Message, reason: str) -> Outcome:
        try:
            self._queue.put(message, work.entity_key)
        except QueueDown:
            return self._put_in_outbox(work, message, reason, spare=True)
        except MessageTooLarge:
            self._nowhere(work)
        return Outcome("queued", reason)

    def _put_in_outbox(self, work: Work, message: Message, reason: str, *, spare: bool) -> Outcome:
        """Put a message into the outbox: where it belongs, or as the spare of a queue that is down."""
        try:
            self._outbox.put(message, work.entity_key, work.key, self._clock())
        except (TableDown, ItemTooLarge):
            if not spare:
                # The table gave way between two writes: the queue takes it, though what is here comes before it.
                return self._queue_unmarked(work, reason)
            self._nowhere(work)
        if spare:
            with suppress(TableDown):  # it waits all the same; what follows goes to the queue and may overtake it
                self._ledger.moved(work.entity_key, work.key, "outbox")
        return Outcome("queued", reason)

    def _queue_unmarked(self, work: Work, reason: str) -> Outcome:
        """The ledger is out of reach: everything goes to the queue, where `retry` waits for the ledger."""
        try:
            self._queue.put(work.message, work.entity_key)
        except (QueueDown, MessageTooLarge):
            raise Unavailable from None
        return Outcome("queued", reason)

    def _nowhere(self, work: Work) -> None:
        with suppress(TableDown):  # else the mark is void after its time, or with the next change that is settled
            self._ledger.done_waiting(work.entity_key, work.key)
        raise Unavailable

    def _park(self, work: Work, claim: Claim, notes: Notes, reason: NeverThis) -> Outcome:
        try:
            park(self._carrier, work, claim, notes, reason)
        except TableDown:
            return self._queue_unmarked(work, str(reason))
        except ItemTooLarge:
            raise Unavailable from None
        return Outcome("parked", str(reason))

    def _unreadable(self, message: Message, reason: str) -> Outcome:
        try:
            self._parked.put(message, "unreadable", None, reason, self._clock())
        except ItemTooLarge:
            raise Unavailable from None
        except TableDown:
            try:
                self._queue.put(message, entity_key(message.shop, Entity("view", str(message.received_at))))
            except (QueueDown, MessageTooLarge):
                raise Unavailable from None
            return Outcome("queued", reason)
        return Outcome("parked", reason)

    def _mark_for_reconcile(self, work: Work) -> None:
        with suppress(TableDown):  # a hint for later, not a change
            self._ledger.mark_for_reconcile(work.shop.id, work.entity, self._clock())


def attempt(work: Work, notes: Notes, answer: Answer | None = None) -> Notes:
    """What to note of a change that failed half way: when one of its events was taken, or an answer never came, the API
    has, or may have, this version, and nothing lower may follow it."""
    unanswered = answer is not None and answer.verdict is Verdict.UNANSWERED
    if work.version is None or not (unanswered or "known" in notes):
        return {}
    return {"attempted": work.version}


def park(carrier: Carrier, work: Work, claim: Claim, notes: Notes, reason: NeverThis) -> None:
    """Park a change whose lease is held, then give the lease back. Its key is not settled: after a correction, a
    duplicate or a replay of it must get through.

    Raises:
        TableDown, ItemTooLarge.
    """
    now = carrier.clock()
    id = carrier.parked.put(work.message, work.delivery.topic, work.entity, str(reason), now)
    if isinstance(reason, NotSeen):
        # The entry remembers the fact; the order's first snapshot applies it and removes what is parked.
        notes["unseen_facts"] = [*(one for one in claim.entry.unseen_facts if one != id), id][-16:]
    carrier.ledger.release(claim, notes | attempt(work, notes), now)
    carrier.ledger.done_waiting(work.entity_key, work.key)


def our_bug(error: Exception) -> str:
    """What may be said of an unexpected error: its type and place, never its text, which may hold anything."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"our bug: {type(error).__name__} in {place.name}, line {place.lineno}"
