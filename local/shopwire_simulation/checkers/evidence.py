"""What the judge goes by: what the API took, what the table keeps, and what must not be. Data only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shopwire_simulation.scheduler import Invocation
from shopwire_testkit.announcements import Announcement

KINDS = (
    "lost",
    "misordered",
    "sent_twice_unexcused",
    "ignored_by_api",
    "wedged",
    "wrong_final_state",
    "leaked",
)


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be."""

    kind: str
    shop: str
    entity: str
    text: str
    story: int | None = None


Violated = Callable[[str, Announcement, str], None]
"""Told of a violation: (kind, announcement, text)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Something in the table that may name a person. `received_at`: of a webhook that waits or is parked."""

    where: str
    received_at: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Noted:
    """What the ledger says of an entity: the keys of what was done with, as long as it keeps them, and the version that
    it reached."""

    keys: frozenset[str]
    version: int


@dataclass(slots=True)
class Taken:
    """A request that the API took."""

    at: int
    invocation: Invocation
    announcement: Announcement | None
    path: str
    body_hash: bytes
    event: dict[str, Any] | None
    answered: bool

    @property
    def unnoted(self) -> bool:
        """Who sent it may have come no further."""
        return self.invocation.killed or self.invocation.notes.get("ledger_down", 0) >= self.at

    @property
    def excused(self) -> bool:
        """No answer came back, or what it knew could not be noted: it may come again."""
        unanswered = not self.answered or self.invocation.notes.get("unanswered") == self.at
        return unanswered or self.invocation.overran or self.unnoted

    @property
    def params(self) -> dict[str, str]:
        """Those of the event that it was."""
        assert self.event
        return {param["name"]: param["value"] for param in self.event["params"]}
