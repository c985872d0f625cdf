"""What the API holds for one API key."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopwire_emulator.limits import RequestRates, RequestRepeats
from shopwire_emulator.settings import AccountSettings

_MAX_EVENTS = 100_000
JOB_SECONDS = 3.0
"""How long asynchronous work takes. The vendor says that it may take a few minutes."""

JsonObject = dict[str, Any]


@dataclass(slots=True)
class Job:
    """Asynchronous work, and what became of it.

    Args:
        due: when it is done, in seconds of the emulator's clock.
        work: does it, and returns the mapping of GET v1/importstatus.
    """

    due: float
    work: Callable[[], list[JsonObject]]
    mapping: list[JsonObject] | None = None
    """None until the work is done."""


@dataclass(slots=True)
class Account:
    """What the API holds for one API key."""

    settings: AccountSettings = field(default_factory=AccountSettings)
    contacts: dict[int, JsonObject] = field(default_factory=dict)
    """Contact id -> fields, also of deleted contacts, which can be restored."""
    deleted: set[int] = field(default_factory=set)
    """Ids of the deleted contacts."""
    contact_ids: dict[tuple[str, str], int] = field(default_factory=dict)
    """(email, phone or externalCustomerId; value) -> contact id. Several of a kind may lead to one contact."""
    unsubscribed: set[str] = field(default_factory=set)
    """E-mail addresses. An address stays here whatever becomes of its contact."""
    orders: dict[str, JsonObject] = field(default_factory=dict)
    cart_states: dict[str, str] = field(default_factory=dict)
    """recycleStateId -> products."""
    events: deque[JsonObject] = field(default_factory=lambda: deque(maxlen=_MAX_EVENTS))
    jobs: dict[str, Job] = field(default_factory=dict)
    """By the id of the asynchronous session."""
    requests: int = 0
    next_contact_id: int = 1
    rates: RequestRates = field(default_factory=RequestRates)
    repeats: RequestRepeats = field(default_factory=RequestRepeats)

    def state(self) -> JsonObject:
        """Return everything that the account holds (GET /esputnik/state)."""
        return {
            "contacts": [self.show_contact(id) for id in self.contacts if id not in self.deleted],
            "orders": {id: dict(order) for id, order in self.orders.items()},
            "events": [dict(event) for event in self.events],
            "requests": self.requests,
        }

    def show_contact(self, id: int) -> JsonObject:
        """Return a contact's fields, and whether its e-mail address is unsubscribed."""
        contact = self.contacts[id]
        return contact | {"unsubscribed": contact.get("email") in self.unsubscribed}

    def record_event(
        self,
        event_type: str,
        key: str,
        params: Mapping[str, str],
        contact_id: int | None,
        reason: str | None = None,
    ) -> JsonObject:
        """Append an event and return it.

        Args:
            contact_id: the contact that it belongs to, if one was found.
            reason: why it was not kept, or None.
        """
        event: JsonObject = {
            "eventTypeKey": event_type,
            "keyValue": key,
            "params": [{"name": name, "value": value} for name, value in params.items()],
            "contactId": contact_id,
            "saved": reason is None,
            "reason": reason,
        }
        self.events.append(event)
        return event

    def start_job(self, now: float, work: Callable[[], list[JsonObject]]) -> str:
        """Start asynchronous work and return the id of its session."""
        id = f"session-{len(self.jobs) + 1}"
        self.jobs[id] = Job(now + JOB_SECONDS, work)
        return id

    def finish_jobs(self, now: float) -> None:
        """Do the asynchronous work that is due."""
        for job in self.jobs.values():
            if job.mapping is None and now >= job.due:
                job.mapping = job.work()
