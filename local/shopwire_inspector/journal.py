"""The journal: the last webhooks with their deliveries, attempts and requests to the API, in memory.

shopwire_dev's recorder or the log reader fills it, and the pages read it. The journal depends on neither.
All times are UTC milliseconds.
"""

import json
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from shopwire.stores.entry import key_hash
from shopwire_inspector.minutes import Minute, Minutes, outcome_group

MAX_WEBHOOKS = 20_000
_MAX_BODY_BYTES = 128 << 20
WAITING = frozenset({"queued", "waiting"})
"""Outcomes of an attempt after which another attempt follows."""
IN_PROGRESS = "in progress"
BY_HAND = "by hand"


@dataclass(slots=True)
class Exchange:
    """A request to the API and its response. `status` is None if no response arrived."""

    at: int
    method: str
    path: str
    body: bytes
    status: int | None = None
    emulator_result: str | None = None
    """The JSON in the emulator's result header."""
    duration_ms: int = 0


@dataclass(slots=True)
class Attempt:
    """One attempt to handle a delivery. `made_by` is the function's name, or BY_HAND for a replay."""

    at: int
    made_by: str
    outcome: str
    reason: str | None = None
    duration_ms: int | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    details: dict[str, str | int] = field(default_factory=dict)
    """What belongs to the reason, such as the HTTP status."""
    sent: tuple[str, ...] = ()
    """The types of the events that the API accepted, as the log line says. `exchanges` says more if there are any."""


@dataclass(slots=True)
class RecordedDelivery:
    """A delivery in a webhook. `key` is the platform's key, or only its short hash if the key is not known."""

    topic: str
    entity: str | None
    key: str
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        return self.attempts[-1].outcome

    @property
    def waits(self) -> bool:
        return self.outcome in WAITING

    @property
    def attempt_count(self) -> int:
        """The number of attempts without replays."""
        return sum(attempt.made_by != BY_HAND for attempt in self.attempts)


@dataclass(slots=True)
class ReceivedRequest:
    """The HTTP request that brought a webhook. `body` is None if the journal does not keep it any more."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None
    response_body: str = ""


@dataclass(slots=True)
class RecordedWebhook:
    """A request to a webhook URL and what happened to it."""

    id: int
    shop: str
    received_at: int
    revision: int = 0
    """The journal's cursor at the last change of this webhook."""
    status: int | None = None
    duration_ms: int | None = None
    outcome_without_delivery: str | None = None
    """The outcome if the webhook has no delivery: the logged one, "refused" or "ignored"."""
    reason: str | None = None
    """The reason of `outcome_without_delivery`."""
    request: ReceivedRequest | None = None
    deliveries: list[RecordedDelivery] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        if self.deliveries:
            return next(
                (delivery.outcome for delivery in self.deliveries if delivery.waits), self.deliveries[0].outcome
            )
        return self.outcome_without_delivery or IN_PROGRESS

    @property
    def topic(self) -> str | None:
        return self.deliveries[0].topic if self.deliveries else None

    @property
    def entity(self) -> str | None:
        return self.deliveries[0].entity if self.deliveries else None

    @property
    def last_reason(self) -> str | None:
        return self.deliveries[0].attempts[-1].reason if self.deliveries else self.reason

    @property
    def attempt_count(self) -> int:
        return sum(delivery.attempt_count for delivery in self.deliveries)

    @property
    def waits(self) -> bool:
        return any(delivery.waits for delivery in self.deliveries)

    def contains_any(self, spellings: Iterable[bytes]) -> bool:
        """Return True if the body or the text of the webhook's row contains one of the lower-case spellings."""
        parts = [self.shop, self.outcome, self.last_reason or ""]
        for delivery in self.deliveries:
            parts += (delivery.topic, delivery.entity or "", delivery.key)
        row = "\n".join(parts).encode("utf-8", "replace").lower()
        # The search compares bytes, because decoding all bodies takes seconds and this takes a tenth of a second.
        body = (self.request.body if self.request else None) or b""
        return any(spelling in row for spelling in spellings) or (
            bool(body) and any(spelling in body.lower() for spelling in spellings)
        )


@dataclass(frozen=True)
class Filter:
    """Selects webhooks. An empty field selects all. `outcome` is an outcome or a group of outcomes."""

    shop: str = ""
    outcome: str = ""
    kind: str = ""
    text: str = ""

    @cached_property
    def _spellings(self) -> frozenset[bytes]:
        """The text as a body may contain it.

        Bytes have no case beyond ASCII, so there is a spelling for lower and upper case, each plain and JSON-escaped.
        """
        forms = {self.text.lower(), self.text.upper(), self.text.capitalize(), self.text}
        plain = {form.encode("utf-8", "replace").lower() for form in forms}
        return frozenset(plain | {json.dumps(form)[1:-1].encode().lower() for form in forms})

    def matches(self, webhook: RecordedWebhook) -> bool:
        return (
            self.shop in ("", webhook.shop)
            and self.outcome in ("", webhook.outcome, outcome_group(webhook.outcome))
            and (not self.kind or any(_kind(delivery) == self.kind for delivery in webhook.deliveries))
            and (not self.text or webhook.contains_any(self._spellings))
        )


def _kind(delivery: RecordedDelivery) -> str:
    return entity_parts(delivery.entity or "")[0]


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
            changed = (webhook for webhook in self.newest_first() if webhook.revision > cursor)
            return sorted(changed, key=lambda webhook: webhook.revision)

    def count_by_group(self) -> Counter[str]:
        """Return the number of webhooks by group of outcomes."""
        with self.lock:
            return Counter(outcome_group(webhook.outcome) for webhook in self._webhooks.values())

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
        self._update_waiting(webhook, attempt.at)

    def _update_waiting(self, webhook: RecordedWebhook, now: int) -> None:
        if webhook.waits:
            self._waiting.setdefault(webhook.id, webhook.received_at)
        else:
            self._waiting.pop(webhook.id, None)
        self._minutes.set_waiting(now, *self.waiting())
        self._mark_changed(webhook)

    def _mark_changed(self, webhook: RecordedWebhook) -> None:
        self.cursor += 1
        webhook.revision = self.cursor

    def _drop_oldest(self) -> None:
        while len(self._webhooks) > self._max_webhooks:
            dropped = self._webhooks.pop(next(iter(self._webhooks)))
            self._waiting.pop(dropped.id, None)
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


def entity_parts(entity: str) -> tuple[str, str]:
    """Return the kind and the id of an entity as log lines name it, like "order 42"."""
    kind, _, id = entity.partition(" ")
    return kind, id
