"""What came in and what became of it: the last webhooks with their deliveries, tries and requests, in memory.

Fed by whoever sees it happen, read by the pages. Nothing here knows where it comes from or how it is shown.
"""

import json
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from shopwire.stores.ledger import key_hash
from shopwire_inspector.minutes import Minute, Minutes, group

KEPT = 20_000
_KEPT_BYTES = 128 << 20
WAITING = frozenset({"queued", "waiting"})
"""Outcomes of a try after which there will be another."""
ON_ITS_WAY = "on its way"


@dataclass(slots=True)
class Exchange:
    """A request to the API and its answer. `status` None: none came. `said`: the emulator's own words on it."""

    at: int
    method: str
    path: str
    body: bytes
    status: int | None = None
    said: str | None = None
    milliseconds: int = 0


@dataclass(slots=True)
class Try:
    """One time that a delivery was dealt with. `place` is the function's name, or "by hand"."""

    at: int
    place: str
    outcome: str
    reason: str | None = None
    milliseconds: int | None = None
    exchanges: list[Exchange] = field(default_factory=list)


@dataclass(slots=True)
class Delivery:
    """One delivery in a webhook, with its tries. `key` is the platform's, or its short hash where no more is known."""

    topic: str
    entity: str | None
    key: str
    tries: list[Try] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        return self.tries[-1].outcome

    @property
    def waits(self) -> bool:
        return self.outcome in WAITING

    @property
    def calls(self) -> int:
        """How often it was tried: what somebody did by hand is no try."""
        return sum(one.place != "by hand" for one in self.tries)


@dataclass(slots=True)
class Request:
    """The call as it came. `body` None: not kept any more."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None
    answer: str = ""


@dataclass(slots=True)
class Webhook:
    """One call of a webhook URL. `changed` grows with each change of anything in the journal."""

    id: int
    shop: str
    at: int
    changed: int = 0
    status: int | None = None
    milliseconds: int | None = None
    refused: str | None = None
    """Why, where it came to no delivery: the outcome that was logged, or "refused"."""
    reason: str | None = None
    request: Request | None = None
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        if self.deliveries:
            return next((one.outcome for one in self.deliveries if one.waits), self.deliveries[0].outcome)
        return self.refused or ON_ITS_WAY

    @property
    def topic(self) -> str | None:
        return self.deliveries[0].topic if self.deliveries else None

    @property
    def entity(self) -> str | None:
        return self.deliveries[0].entity if self.deliveries else None

    @property
    def last_reason(self) -> str | None:
        return self.deliveries[0].tries[-1].reason if self.deliveries else self.reason

    @property
    def tries(self) -> int:
        return sum(one.calls for one in self.deliveries)

    @property
    def waits(self) -> bool:
        return any(one.waits for one in self.deliveries)

    def says(self, spellings: Iterable[bytes]) -> bool:
        """Whether one of the spellings stands in what it shows, its body too."""
        parts = [self.shop, self.outcome, self.last_reason or ""]
        for one in self.deliveries:
            parts += (one.topic, one.entity or "", one.key)
        shown = "\n".join(parts).encode("utf-8", "replace").lower()
        # Bytes: to decode all bodies would take seconds where this takes a tenth of one.
        body = (self.request.body if self.request else None) or b""
        return any(one in shown for one in spellings) or (bool(body) and any(one in body.lower() for one in spellings))


@dataclass(frozen=True)
class Filter:
    """Which webhooks; "" is any. `outcome` may be a group of them too."""

    shop: str = ""
    outcome: str = ""
    kind: str = ""
    text: str = ""

    @cached_property
    def _spellings(self) -> frozenset[bytes]:
        """The text as bodies may have it: of letters beyond ASCII upper and lower case, plain or escaped as in JSON."""
        forms = {self.text.lower(), self.text.upper(), self.text.capitalize(), self.text}
        plain = {one.encode("utf-8", "replace").lower() for one in forms}
        return frozenset(plain | {json.dumps(one)[1:-1].encode().lower() for one in forms})

    def holds(self, webhook: Webhook) -> bool:
        return (
            self.shop in ("", webhook.shop)
            and self.outcome in ("", webhook.outcome, group(webhook.outcome))
            and (not self.kind or any((one.entity or "").startswith(f"{self.kind} ") for one in webhook.deliveries))
            and (not self.text or webhook.says(self._spellings))
        )


def waits_as(topic: str, hashed: str) -> str:
    """The short hash of a key by which later tries name a delivery of this log line."""
    # What could not be read waits and is replayed without a key.
    return key_hash("") if topic == "unreadable" else hashed


class Journal:
    """The last webhooks. Times are UTC milliseconds.

    Args:
        kept: how many.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.lock = threading.RLock()
        self._minutes = Minutes()
        self._kept = kept
        self._webhooks: dict[int, Webhook] = {}
        self._with_body: deque[Webhook] = deque()
        self._bytes = 0
        self._found: dict[tuple[str, str], list[tuple[Webhook, Delivery]]] = {}
        """(shop, hash of the delivery's key) -> who has it, oldest first."""
        self._waiting: dict[int, int] = {}
        """Webhook -> since when."""
        self._next = 1
        self.cursor = 0

    def received(self, shop: str, at: int, request: Request | None = None) -> Webhook:
        """A webhook came; what becomes of it is told later."""
        with self.lock:
            webhook = Webhook(self._next, shop, at, request=request)
            self._next += 1
            self._webhooks[webhook.id] = webhook
            if request and request.body:
                self._with_body.append(webhook)
                self._bytes += len(request.body)
            self._changed(webhook)
            self._forget()
            return webhook

    def answered(self, webhook: Webhook, status: int, answer: str, milliseconds: int) -> None:
        """It was answered. What no log line told of is refused: another host's shop, too large."""
        with self.lock:
            webhook.status, webhook.milliseconds = status, milliseconds
            if webhook.request:
                webhook.request.answer = answer
            if not webhook.deliveries and webhook.refused is None:
                self.refused(webhook, "refused" if status >= 400 else "ignored", None, webhook.at + milliseconds)
            self._changed(webhook)

    def named(self, webhook: Webhook, keys: Iterable[str]) -> None:
        """The whole keys of its deliveries: a log line has their short hashes."""
        with self.lock:
            for delivery, key in zip(webhook.deliveries, keys, strict=False):
                delivery.key = key

    def refused(self, webhook: Webhook, outcome: str, reason: str | None, now: int) -> None:
        """It came to no delivery."""
        with self.lock:
            webhook.refused, webhook.reason = outcome, reason
            self._minutes.count(outcome, now)
            self._changed(webhook)

    def delivery(self, webhook: Webhook, topic: str, entity: str | None, key: str, first: Try, *, hashed: str) -> None:
        """A delivery in it, with its first try.

        Args:
            hashed: the key's short hash, by which later tries name it.
        """
        with self.lock:
            found = Delivery(topic, entity, key)
            webhook.deliveries.append(found)
            self._found.setdefault((webhook.shop, hashed), []).append((webhook, found))
            self._tried(webhook, found, first)

    def tried(self, shop: str, hashed: str, again: Try, *, received_at: int | None = None) -> bool:
        """A delivery was tried again; answers whether its webhook is known (still).

        Args:
            received_at: when its webhook came, where that is known: one delivery may come in several webhooks.
        """
        with self.lock:
            known = self._found.get((shop, hashed), [])
            known = [one for one in known if one[0].at == received_at] or known
            # A repeated delivery waits beside the first one; they are dealt with in their order.
            webhook, delivery = next((one for one in known if one[1].waits), known[-1] if known else (None, None))
            if webhook is None or delivery is None:
                return False
            self._tried(webhook, delivery, again)
            return True

    def replayed(self, shop: str, received_at: int, at: int) -> None:
        """Somebody replayed what was parked of that webhook. It may have been dealt with again by now."""
        with self.lock:
            webhook = self.at(shop, received_at)
            if webhook is None:
                return
            for delivery in webhook.deliveries:
                before = [one for one in delivery.tries if one.at <= at]
                if before and before[-1].outcome == "parked":
                    delivery.tries.insert(len(before), Try(at, "by hand", "queued", "replayed"))
                    self._stands(webhook, at)

    def get(self, id: int) -> Webhook | None:
        """One by its id; None: not kept (any more)."""
        return self._webhooks.get(id)

    def at(self, shop: str, received_at: int) -> Webhook | None:
        """A shop's webhook of that moment."""
        with self.lock:
            return next((one for one in self.newest() if one.at == received_at and one.shop == shop), None)

    def newest(self) -> Iterator[Webhook]:
        """All of them, the newest first. The lock must be held."""
        return reversed(self._webhooks.values())

    def of_entity(self, shop: str, entity: str) -> list[Webhook]:
        """What came about one entity, the oldest first."""
        with self.lock:
            return [
                one
                for one in self._webhooks.values()
                if one.shop == shop and any(delivery.entity == entity for delivery in one.deliveries)
            ]

    def page(self, wanted: Filter, *, before: int | None, limit: int) -> tuple[list[Webhook], int]:
        """Up to `limit` webhooks older than `before`, the newest first; and how many of them there are in all."""
        with self.lock:
            kept = list(self.newest())
        # Searched without the lock: who receives webhooks does not wait for it.
        found = [one for one in kept if (before is None or one.id < before) and wanted.holds(one)]
        return found[:limit], len(found)

    def changed_since(self, cursor: int) -> list[Webhook]:
        """What changed after that, the oldest change first."""
        with self.lock:
            return sorted((one for one in self.newest() if one.changed > cursor), key=lambda one: one.changed)

    def groups(self) -> Counter[str]:
        """How many webhooks stand in which group of outcomes now."""
        with self.lock:
            return Counter(group(one.outcome) for one in self._webhooks.values())

    def shops(self) -> set[str]:
        """Whose webhooks are kept."""
        with self.lock:
            return {one.shop for one in self._webhooks.values()}

    def waiting(self) -> tuple[int, int | None]:
        """How many webhooks wait, and since when the one that waits longest does."""
        with self.lock:
            return len(self._waiting), min(self._waiting.values(), default=None)

    def last_minutes(self, now: int) -> list[Minute]:
        """The minutes that a chart shows."""
        with self.lock:
            return self._minutes.last(now)

    def _tried(self, webhook: Webhook, delivery: Delivery, done: Try) -> None:
        delivery.tries.append(done)
        if done.outcome not in WAITING or len(delivery.tries) == 1:
            self._minutes.count(done.outcome, done.at)
        self._stands(webhook, done.at)

    def _stands(self, webhook: Webhook, now: int) -> None:
        if webhook.waits:
            self._waiting.setdefault(webhook.id, webhook.at)
        else:
            self._waiting.pop(webhook.id, None)
        self._minutes.note(now, *self.waiting())
        self._changed(webhook)

    def _changed(self, webhook: Webhook) -> None:
        self.cursor += 1
        webhook.changed = self.cursor

    def _forget(self) -> None:
        while len(self._webhooks) > self._kept:
            gone = self._webhooks.pop(next(iter(self._webhooks)))
            self._waiting.pop(gone.id, None)
            for delivery in gone.deliveries:
                for name in {delivery.key, key_hash(delivery.key), key_hash("")}:
                    rest = [one for one in self._found.get((gone.shop, name), []) if one[0] is not gone]
                    if rest:
                        self._found[gone.shop, name] = rest
                    else:
                        self._found.pop((gone.shop, name), None)
        while self._with_body and (self._bytes > _KEPT_BYTES or self._with_body[0].id not in self._webhooks):
            oldest = self._with_body.popleft().request
            if oldest and oldest.body:
                self._bytes -= len(oldest.body)
                oldest.body = None


def entity_parts(entity: str) -> tuple[str, str]:
    """Kind and id out of what a log line says of an entity: "order 42"."""
    kind, _, id = entity.partition(" ")
    return kind, id
