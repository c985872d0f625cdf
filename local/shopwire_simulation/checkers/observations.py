"""The data of the checkers, such as accepted requests, ledger entries and violations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shopwire_simulation.scheduler import Invocation
from shopwire_testkit.announcements import Announcement

VIOLATION_KINDS = (
    "lost",
    "misordered",
    "sent_twice_unexcused",
    "ignored_by_api",
    "wedged",
    "wrong_final_state",
    "leaked",
)
"""The kinds of violations, as the JSON line of `shopwire simulate` names them."""

EntityKey = tuple[str, str]
"""Shop and entity."""

ChangeKey = tuple[str, str]
"""Shop, and the key of a change in the ledger. Two shops may use the same key."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise. `kind` is one of `VIOLATION_KINDS`, `story` the number of the story."""

    kind: str
    shop: str
    entity: str
    text: str
    story: int | None = None


ReportEntity = Callable[[str, str, str, str, int | None], None]
"""Reports a violation. Its arguments are kind, shop, entity, text and the number of the story."""

ReportViolation = Callable[[str, Announcement, str], None]
"""Reports a violation. Its arguments are kind, announcement and text."""


@dataclass(frozen=True, slots=True)
class StoredText:
    """A text in the table that may name a person.

    `place` says where it is stored. `received_at` is set for a webhook that is parked or in the outbox.
    """

    place: str
    received_at: int | None
    text: str


@dataclass(frozen=True, slots=True)
class SettledEntry:
    """The keys of an entity's last settled changes in the ledger, and its latest settled version."""

    keys: frozenset[str]
    version: int


@dataclass(slots=True)
class AcceptedRequest:
    """A request that the API accepted.

    `announcement` is the one that caused it, if it is known; for a thin webhook the one whose state was fetched.
    `webhook` is the one that caused it. `event` is the event as the emulator recorded it.
    `order` is the order that v1/orders accepted. `answered` is False if the answer was lost.
    """

    at: int
    invocation: Invocation
    announcement: Announcement | None
    path: str
    body_hash: bytes
    event: dict[str, Any] | None
    order: dict[str, Any] | None
    answered: bool
    webhook: Announcement | None

    @property
    def may_be_unrecorded(self) -> bool:
        """Whether the sender may have failed to record the request, because it crashed or the ledger did not answer."""
        return self.invocation.killed or self.invocation.notes.get("ledger_down", 0) >= self.at

    @property
    def may_be_repeated(self) -> bool:
        """Whether the same content may be sent again, because the answer did not arrive or could not be recorded."""
        unanswered = not self.answered or self.invocation.notes.get("unanswered") == self.at
        return unanswered or self.invocation.overran or self.may_be_unrecorded

    @property
    def params(self) -> dict[str, str]:
        """The params of the event."""
        assert self.event
        return {param["name"]: param["value"] for param in self.event["params"]}


@dataclass(frozen=True, slots=True)
class ParkedChange:
    """A webhook that is parked at the end."""

    shop: str
    entity: str
    reason: str


@dataclass(frozen=True, slots=True)
class EndState:
    """What is left at the end of a run.

    `api`: what the API holds, by shop. `parked`: the parked webhooks. `waiting`: what is
    still in the queues and in the outbox. `pending`: entities with a valid pending mark in the ledger. `settled`: the
    settled changes in the ledger.
    """

    api: Mapping[str, dict[str, Any]]
    parked: Sequence[ParkedChange]
    waiting: Sequence[str]
    pending: Sequence[EntityKey]
    settled: Mapping[EntityKey, SettledEntry]
