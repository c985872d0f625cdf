"""What the journal keeps of each webhook: its request, its deliveries, their attempts and the requests to the API.

All times are UTC milliseconds.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

WAITING = frozenset({"queued", "waiting"})
"""Outcomes of an attempt after which another attempt follows."""
IN_PROGRESS = "in progress"
PARKED = "parked"
LEFT_PARKED = frozenset({"applied", "removed"})
"""Outcomes of a webhook that was parked and is not parked any more, although no attempt followed."""
BY_HAND = "by hand"
ELSEWHERE = "elsewhere"
_NO_ATTEMPT = frozenset({BY_HAND, ELSEWHERE})
_RESOURCES = {
    "POST v1/contact": "contact",
    "POST v1/contact/subscribe": "contact (unconfirmed)",
    "POST v1/emails/unsubscribed/add": "unsubscribed",
    "POST v1/emails/unsubscribed/delete": "unsubscription ended",
    "POST v1/orders": "order",
    "DELETE v1/contact": "contact deleted",
    "DELETE v1/orders": "orders deleted",
}
"""Method and path of a request that is no event -> its name."""


@dataclass
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

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @cached_property
    def name(self) -> str | None:
        """The type of the event, or the name of another request; None for a request without a name."""
        path = self.path.partition("?")[0]
        if path == "v1/event":
            return str(_object(self.body).get("eventTypeKey"))
        if self.method == "DELETE" and path.startswith("v1/contact/"):
            path = "v1/contact"  # an id follows
        return _RESOURCES.get(f"{self.method} {path}")

    @property
    def not_saved(self) -> str | None:
        """Why the emulator kept nothing of the request; None if it kept it."""
        result = _object((self.emulator_result or "").encode())
        return f"{self.name}: {result.get('reason')}" if result.get("saved") is False else None


@dataclass(slots=True)
class Attempt:
    """One attempt to handle a delivery.

    `made_by` is the function's name, BY_HAND for a replay, or ELSEWHERE if the webhook is not parked any more.
    """

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
        """The number of attempts of the functions."""
        return sum(attempt.made_by not in _NO_ATTEMPT for attempt in self.attempts)


@dataclass(slots=True)
class ReceivedRequest:
    """The HTTP request that brought a webhook. `body` is None if the journal does not keep it any more."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None
    response_body: str = ""

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


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
    due: int | None = None
    """When a waiting webhook is tried next, if that is known."""

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
    def refusal(self) -> str | None:
        """Why a request without a logged reason was refused: the status and the error of its response."""
        if self.outcome != "refused" or not self.status:
            return None
        error = _object((self.request.response_body if self.request else "").encode()).get("error")
        return f"HTTP {self.status}: {error}" if error else f"HTTP {self.status}"

    @property
    def attempt_count(self) -> int:
        return sum(delivery.attempt_count for delivery in self.deliveries)

    @property
    def waits(self) -> bool:
        return any(delivery.waits for delivery in self.deliveries)

    @property
    def attempts(self) -> Iterator[Attempt]:
        return (attempt for delivery in self.deliveries for attempt in delivery.attempts)

    @property
    def exchanges(self) -> Iterator[Exchange]:
        return (exchange for attempt in self.attempts for exchange in attempt.exchanges)

    @property
    def sent(self) -> list[str]:
        """What the API accepted: types of events, and the names of other requests."""
        names = [exchange.name for exchange in self.exchanges if exchange.accepted and exchange.name]
        # A deployed stack's journal has no exchanges.
        return names or [name for attempt in self.attempts for name in attempt.sent]

    @property
    def not_saved(self) -> list[str]:
        """Why the emulator answered 200 and kept nothing: a text for each such request."""
        return [problem for exchange in self.exchanges if exchange.accepted and (problem := exchange.not_saved)]


def entity_parts(entity: str) -> tuple[str, str]:
    """Return the kind and the id of an entity as log lines name it, like "order 42"."""
    kind, _, id = entity.partition(" ")
    return kind, id


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
