"""The journal: the last webhooks with their deliveries, attempts and requests to the API, in memory.

shopwire_dev's recorder or the log reader fills it, and the pages read it. The journal depends on neither.
All times are UTC milliseconds.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import takewhile

from shopwire.models import Reason
from shopwire.stores.entry import key_hash
from shopwire_inspector.minutes import Minute, Minutes, outcome_group
from shopwire_inspector.recorded import (
    BY_HAND,
    ELSEWHERE,
    PARKED,
    WAITING,
    Attempt,
    ReceivedRequest,
    RecordedDelivery,
    RecordedWebhook,
)
from shopwire_inspector.search import Filter

MAX_WEBHOOKS = 20_000
_MAX_BODY_BYTES = 128 << 20


def retry_key_hash(topic: str, logged_hash: str) -> str:
    """Return the key hash that later attempts log for a delivery.

    Args:
        logged_hash: the key hash in the log line of the first attempt.
    """
    # An unreadable webhook is queued and replayed without a key.
    return key_hash("") if topic == "unreadable" else logged_hash


class Journal:
    """The last webhooks.

    Args:
        max_webhooks: number of webhooks to keep.
    """

    def __init__(self, max_webhooks: int = MAX_WEBHOOKS) -> None:
        self.lock = threading.RLock()
        self._minutes = Minutes()
        self._max_webhooks = max_webhooks
        self._webhooks: dict[int, RecordedWebhook] = {}
        self._with_body: deque[RecordedWebhook] = deque()
        self._body_bytes = 0
        self._by_key: dict[tuple[str, str], list[tuple[RecordedWebhook, RecordedDelivery]]] = {}
        """(shop, hash of the delivery's key) -> the webhooks that contain it, oldest first."""
        self._waiting: dict[int, int] = {}
        """Id of a waiting webhook -> time of its receipt."""
        self._parked: dict[int, RecordedWebhook] = {}
        self._by_change: dict[int, RecordedWebhook] = {}
        """All webhooks by id, in the order of their last change."""
        self._groups: dict[int, str] = {}
        """Id of each webhook -> its group of outcomes when it last changed."""
        self._counts: Counter[str] = Counter()
        self._next_id = 1
        self.cursor = 0
        """A number that grows with each change of the journal."""

    def add_webhook(self, shop: str, received_at: int, request: ReceivedRequest | None = None) -> RecordedWebhook:
        """Record that a webhook arrived. What happens to it is recorded later."""
        with self.lock:
            webhook = RecordedWebhook(self._next_id, shop, received_at, request=request)
            self._next_id += 1
            self._webhooks[webhook.id] = webhook
            if request and request.body:
                self._with_body.append(webhook)
                self._body_bytes += len(request.body)
            self._mark_changed(webhook)
            self._drop_oldest()
            return webhook

    def set_response(self, webhook: RecordedWebhook, status: int, body: str, duration_ms: int) -> None:
        """Record the response to a webhook.

        If no log line contained the outcome, the webhook counts as refused or ignored, according to the status.
        """
        with self.lock:
            webhook.status, webhook.duration_ms = status, duration_ms
            if webhook.request:
                webhook.request.response_body = body
            if not webhook.deliveries and webhook.outcome_without_delivery is None:
                outcome = "refused" if status >= 400 else "ignored"
                self.set_outcome_without_delivery(webhook, outcome, None, webhook.received_at + duration_ms)
            self._mark_changed(webhook)

    def set_keys(self, webhook: RecordedWebhook, keys: Iterable[str]) -> None:
        """Record the keys of the webhook's deliveries. A log line has only their short hashes."""
        with self.lock:
            for delivery, key in zip(webhook.deliveries, keys, strict=False):
                delivery.key = key

    def set_outcome_without_delivery(
        self, webhook: RecordedWebhook, outcome: str, reason: str | None, now: int
    ) -> None:
        """Record the outcome of a webhook in which no delivery was found."""
        with self.lock:
            webhook.outcome_without_delivery, webhook.reason = outcome, reason
            self._minutes.count(outcome, now)
            self._mark_changed(webhook)

    def add_delivery(
        self, webhook: RecordedWebhook, topic: str, entity: str | None, key: str, first: Attempt, *, hashed_key: str
    ) -> None:
        """Record a delivery in the webhook, with its first attempt.

        Args:
            hashed_key: hash of the key, with which `add_attempt` finds the delivery.
        """
        with self.lock:
            delivery = RecordedDelivery(topic, entity, key)
            webhook.deliveries.append(delivery)
            self._by_key.setdefault((webhook.shop, hashed_key), []).append((webhook, delivery))
            self._append(webhook, delivery, first)

    def add_attempt(self, shop: str, hashed_key: str, attempt: Attempt, *, received_at: int | None = None) -> bool:
        """Record another attempt of a delivery. Return False if the journal does not have its webhook.

        Args:
            received_at: when the webhook arrived, if known. Several webhooks may contain the same delivery.
        """
        with self.lock:
            known = self._by_key.get((shop, hashed_key), [])
            known = [pair for pair in known if pair[0].received_at == received_at] or known
            # A repeated delivery waits beside the first one, and both are handled in their order.
            webhook, delivery = next((pair for pair in known if pair[1].waits), known[-1] if known else (None, None))
            if webhook is None or delivery is None:
                return False
            self._append(webhook, delivery, attempt)
            return True

    def add_replay(self, shop: str, received_at: int, at: int) -> None:
        """Record that the parked deliveries of a webhook were replayed. The next attempt may be recorded already."""
        with self.lock:
            webhook = self.find_by_time(shop, received_at)
            if webhook is None:
                return
            for delivery in webhook.deliveries:
                before = [attempt for attempt in delivery.attempts if attempt.at <= at]
                if before and before[-1].outcome == "parked":
                    delivery.attempts.insert(len(before), Attempt(at, BY_HAND, "queued", "replayed"))
                    self._update_waiting(webhook, at)

    def leave_parked(self, webhook: RecordedWebhook, at: int) -> None:
        """Record that the parked deliveries of a webhook are not parked any more, although they were not replayed here.

        A fact that waited for its order was applied with it. Anything else was removed.
        """
        with self.lock:
            for delivery in webhook.deliveries:
                if delivery.outcome == PARKED:
                    reason = delivery.attempts[-1].reason
                    outcome = "applied" if reason == Reason.ORDER_NOT_SEEN else "removed"
                    self._append(webhook, delivery, Attempt(at, ELSEWHERE, outcome, reason))

    def parked_webhooks(self) -> list[RecordedWebhook]:
        """Return the webhooks with a delivery that is parked, as far as the journal knows."""
        with self.lock:
            return list(self._parked.values())

    def set_due(self, shop: str, hashed_key: str, received_at: int, due: int) -> None:
        """Record when a waiting webhook is tried next."""
        with self.lock:
            for webhook, _ in self._by_key.get((shop, hashed_key), ()):
                if webhook.received_at == received_at and webhook.due != due:
                    webhook.due = due
                    self._mark_changed(webhook)

    def neighbours(self, id: int, wanted: Filter) -> tuple[int | None, int | None]:
        """Return the ids of the next newer and of the next older webhook that match the filter."""
        with self.lock:
            webhooks = self._webhooks
            ids = iter(webhooks)
            oldest, newest = next(ids, id), next(reversed(webhooks), id)
        newer = (number for number in range(id + 1, newest + 1))
        older = (number for number in range(id - 1, oldest - 1, -1))
        return self._first_match(newer, wanted), self._first_match(older, wanted)

    def _first_match(self, ids: Iterable[int], wanted: Filter) -> int | None:
        return next((id for id in ids if (webhook := self.get(id)) and wanted.matches(webhook)), None)

    def get(self, id: int) -> RecordedWebhook | None:
        """Return a webhook, or None if the journal does not have it."""
        return self._webhooks.get(id)

    def find_by_time(self, shop: str, received_at: int) -> RecordedWebhook | None:
        """Return the newest webhook that the shop received at that moment, or None."""
        with self.lock:
            return next(
                (
                    webhook
                    for webhook in self.newest_first()
                    if webhook.received_at == received_at and webhook.shop == shop
                ),
                None,
            )

    def newest_first(self) -> Iterator[RecordedWebhook]:
        """Return an iterator over all webhooks. The caller must hold the lock."""
        return reversed(self._webhooks.values())

    def find_by_entity(self, shop: str, entity: str) -> list[RecordedWebhook]:
        """Return the webhooks about an entity, oldest first."""
        with self.lock:
            return [
                webhook
                for webhook in self._webhooks.values()
                if webhook.shop == shop and any(delivery.entity == entity for delivery in webhook.deliveries)
            ]

    def find_page(self, wanted: Filter, *, before: int | None, limit: int) -> tuple[list[RecordedWebhook], int]:
        """Return the newest webhooks that match, up to `limit`, and the number of all that match.

        Args:
            before: only webhooks with a lower id.
        """
        with self.lock:
            webhooks = list(self.newest_first())
        # The search runs without the lock, so that arriving webhooks do not wait for it.
        found = [webhook for webhook in webhooks if (before is None or webhook.id < before) and wanted.matches(webhook)]
        return found[:limit], len(found)

    def changed_since(self, cursor: int) -> list[RecordedWebhook]:
        """Return the webhooks that changed after the cursor, in the order of their last change."""
        with self.lock:
            newest = takewhile(lambda webhook: webhook.revision > cursor, reversed(self._by_change.values()))
            return list(newest)[::-1]

    def count_by_group(self) -> Counter[str]:
        """Return the number of webhooks by group of outcomes."""
        with self.lock:
            return Counter(self._counts)

    def shops(self) -> set[str]:
        """Return the ids of the shops that have webhooks in the journal."""
        with self.lock:
            return {webhook.shop for webhook in self._webhooks.values()}

    def waiting(self) -> tuple[int, int | None]:
        """Return the number of waiting webhooks, and when the oldest of them arrived."""
        with self.lock:
            return len(self._waiting), min(self._waiting.values(), default=None)

    def last_minutes(self, now: int) -> list[Minute]:
        """Return the minutes that a chart shows."""
        with self.lock:
            return self._minutes.last(now)

    def _append(self, webhook: RecordedWebhook, delivery: RecordedDelivery, attempt: Attempt) -> None:
        delivery.attempts.append(attempt)
        if attempt.outcome not in WAITING or len(delivery.attempts) == 1:
            self._minutes.count(attempt.outcome, attempt.at)
        webhook.due = None
        self._update_waiting(webhook, attempt.at)

    def _update_waiting(self, webhook: RecordedWebhook, now: int) -> None:
        if webhook.waits:
            self._waiting.setdefault(webhook.id, webhook.received_at)
        else:
            self._waiting.pop(webhook.id, None)
        if any(delivery.outcome == PARKED for delivery in webhook.deliveries):
            self._parked[webhook.id] = webhook
        else:
            self._parked.pop(webhook.id, None)
        self._minutes.set_waiting(now, *self.waiting())
        self._mark_changed(webhook)

    def _mark_changed(self, webhook: RecordedWebhook) -> None:
        self.cursor += 1
        webhook.revision = self.cursor
        if webhook.id not in self._webhooks:
            return  # it was dropped
        self._by_change.pop(webhook.id, None)
        self._by_change[webhook.id] = webhook
        group, before = outcome_group(webhook.outcome), self._groups.get(webhook.id)
        if group != before:
            self._groups[webhook.id] = group
            self._counts[group] += 1
            if before:
                self._counts[before] -= 1

    def _drop_oldest(self) -> None:
        while len(self._webhooks) > self._max_webhooks:
            dropped = self._webhooks.pop(next(iter(self._webhooks)))
            self._waiting.pop(dropped.id, None)
            self._parked.pop(dropped.id, None)
            self._by_change.pop(dropped.id, None)
            self._counts[self._groups.pop(dropped.id)] -= 1
            for delivery in dropped.deliveries:
                for hashed_key in {delivery.key, key_hash(delivery.key), key_hash("")}:
                    rest = [pair for pair in self._by_key.get((dropped.shop, hashed_key), []) if pair[0] is not dropped]
                    if rest:
                        self._by_key[dropped.shop, hashed_key] = rest
                    else:
                        self._by_key.pop((dropped.shop, hashed_key), None)
        while self._with_body and (self._body_bytes > _MAX_BODY_BYTES or self._with_body[0].id not in self._webhooks):
            request = self._with_body.popleft().request
            if request and request.body:
                self._body_bytes -= len(request.body)
                request.body = None
