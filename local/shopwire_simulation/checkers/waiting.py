"""What must hold of what waits: nothing overtakes it, nothing is parked without need, nobody who is forgotten is in it.

Hears the API's calls and shopwire's own log lines (the same that an operator reads). Decides nothing of the rest.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from shopwire_simulation.checkers.evidence import Violated
from shopwire_simulation.faults import HOUR, MINUTE
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.senders import Sent
from shopwire_testkit.announcements import Announcement

MAX_AGE = {"view": HOUR, "cart": 24 * HOUR, "order": 72 * HOUR, "contact": 72 * HOUR}
_WAITS = ("queued", "waiting")
_TROUBLE = ("ledger_down", "queue_down")
_MOST_REFUSALS = 3
_MOMENT = 5_000


@dataclass(slots=True)
class _Open:
    """A change that was tried and is not done."""

    announcement: Announcement
    invocations: list[Invocation] = field(default_factory=list)
    waits: bool = False
    """It failed, or was said to wait; before, it is somebody's who is at work on it."""


class Line:
    """The log's stream: keeps what was said and hands each line on."""

    def __init__(self, said: set[str], hear: Callable[[dict[str, Any]], None]) -> None:
        self._said = said
        self._hear = hear

    def write(self, text: str) -> None:
        for line in text.splitlines():
            self._said.add(line)
            if line.startswith("{"):
                self._hear(json.loads(line))

    def flush(self) -> None:
        """Nothing is kept back."""


class Waiting:
    """Watches each entity's queue.

    Args:
        sent: what the platforms know of each announcement.
        is_poisoned: whether the API has something against an entity of a shop.
        violated: called with kind, announcement and text.
    """

    def __init__(
        self,
        announcements: Iterable[Announcement],
        sent: dict[int, Sent],
        is_poisoned: Callable[[str, str], bool],
        now: Callable[[], int],
        violated: Violated,
    ) -> None:
        self._twins: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        self._of_entity: dict[tuple[str, str], list[Announcement]] = defaultdict(list)
        for one in announcements:
            self._twins[_version(one)].append(one.id)
            self._of_entity[one.shop, one.entity].append(one)
        self._sent = sent
        self._is_poisoned = is_poisoned
        self._now = now
        self._violated = violated
        self._open: dict[tuple[str, str], dict[str, _Open]] = defaultdict(dict)
        self._at_work: dict[tuple[str, str], list[Invocation]] = defaultdict(list)
        self._brought: dict[int, list[Invocation]] = defaultdict(list)
        """Who received each announcement."""
        self._refusals: dict[tuple[int, str], int] = defaultdict(int)
        self._told: set[tuple[Any, ...]] = set()
        """Versions of which the API took something."""
        self._parked: set[str] = set()
        self._done: dict[str, int] = {}
        """When each key was first done with."""
        self._duplicates: list[tuple[str, Announcement, int]] = []
        self._superseded: list[tuple[Announcement, int]] = []

    def begun(self, one: Announcement, invocation: Invocation) -> None:
        """An invocation is at work on it."""
        if invocation.name != "retry":
            self._brought[one.id].append(invocation)
        at_work = self._at_work[one.shop, one.entity]
        if not at_work or at_work[-1] is not invocation:
            at_work.append(invocation)

    def tried(self, one: Announcement, invocation: Invocation) -> None:
        """The API is called for it: from now on nothing later may be taken before it is done."""
        change = self._open[one.shop, one.entity].setdefault(invocation.notes["key"], _Open(one))
        change.waits = False
        if not change.invocations or change.invocations[-1] is not invocation:
            change.invocations.append(invocation)

    def failed(self, one: Announcement, invocation: Invocation) -> None:
        """The call came to nothing: whoever is at work on it puts it away before anything later may go."""
        if change := self._open[one.shop, one.entity].get(invocation.notes["key"]):
            change.waits = True

    def refused(self, one: Announcement, invocation: Invocation, path: str) -> None:
        """The API said that the request is bad: it stays bad."""
        if invocation.name != "retry":
            return
        self._refusals[one.id, path] += 1
        if self._refusals[one.id, path] == _MOST_REFUSALS:
            self._violated("wedged", one, "tried again and again though the API refused it for good")

    def took(self, one: Announcement, invocation: Invocation) -> None:
        """The API took an event of it."""
        if one.version is None:
            return
        self._told.add(_version(one))
        # What came while the ledger was out of reach is not marked: it may go ahead of what waits in the outbox
        # (README, "Limits").
        if _in_trouble(invocation) or any(by.notes.get("ledger_down") for by in self._brought[one.id]):
            return
        for other in self._open[one.shop, one.entity].values():
            version = other.announcement.version
            if not other.waits or version is None or version >= one.version:
                continue
            if _version(other.announcement) in self._told:
                continue  # another topic told the same state
            if any(map(_in_trouble, other.invocations)):
                continue
            if invocation.name == "retry" and not self._came_later(one, other.announcement):
                continue  # both were at work at the same moment: they wait as they were put
            self._violated("misordered", one, f"{one.version} overtook {version}, which was tried and waits")

    def said(self, line: dict[str, Any], key: str, one: Announcement) -> None:
        """A log line tells what became of it; `key` is the ledger's."""
        outcome, reason = line["outcome"], line.get("reason") or ""
        if outcome in _WAITS:
            if change := self._open[one.shop, one.entity].get(key):
                change.waits = True
            return
        if outcome in ("stale", "superseded") and not self._came_higher(one):
            self._violated("lost", one, f"called {outcome} though nothing later had come")
        again = key in self._done
        if outcome == "duplicate":
            self._duplicates.append((key, one, self._now()))
        else:
            self._done.setdefault(key, self._now())
        self._refusals.pop((one.id, "POST v1/event"), None)
        self._open[one.shop, one.entity].pop(key, None)
        if outcome == "parked":
            self._parked.add(key)
        if outcome == "parked" and not self._may_be_parked(one, reason):
            self._violated("wedged", one, f"parked without need: {reason}")
        if outcome == "superseded" and key not in self._parked and not again:
            self._superseded.append((one, self._now()))

    def settled(self, key: str) -> None:
        """It is noted as done; that is said a moment later."""
        self._done.setdefault(key, self._now())

    def was_shaken(self, shop: str, entity: str) -> bool:
        """Whether anybody at work on it met trouble."""
        return any(map(_in_trouble, self._at_work[shop, entity]))

    def finish(self, taken: dict[tuple[str, str], list[Any]]) -> None:
        """What was overtaken by something that came only after it had been answered; what was called a duplicate before
        it was done with."""
        for key, one, when in self._duplicates:
            if self._done.get(key, when + HOUR) > when + _MOMENT and not self.was_shaken(one.shop, one.entity):
                self._violated("lost", one, "called a duplicate though it only waited")
        for one, when in self._superseded:
            if one.version is None or self.was_shaken(one.shop, one.entity):
                continue
            if _version(one) in self._told:
                continue
            by = [
                other
                for later in taken.get((one.shop, one.entity), ())
                if (other := later.announcement) and other.version and other.version > one.version and later.at <= when
            ]
            # Of what was at work at the same moment, any may be first.
            if by and all(self._came_later(other, one) for other in by):
                self._violated("misordered", one, f"{one.version} was answered and waited; {by[0].version} overtook it")

    def _came_higher(self, one: Announcement) -> bool:
        """Whether a later version of the entity has come yet."""
        return one.version is None or any(
            other.version is not None and other.version > one.version and self._sent[other.id].first_at is not None
            for other in self._of_entity[one.shop, one.entity]
        )

    def _came_later(self, one: Announcement, other: Announcement) -> bool:
        """Whether the first delivery of the one came after the other had been answered."""
        came = [self._sent[id].first_at for id in self._twins[_version(one)] if id in self._sent]
        answers = [self._sent[id].answered_at for id in self._twins[_version(other)] if id in self._sent]
        first, last = min(filter(None, came), default=None), max(filter(None, answers), default=None)
        return first is not None and last is not None and first > last

    def _may_be_parked(self, one: Announcement, reason: str) -> bool:
        if reason == "order_not_seen" or one.entity == "unreadable":
            return True
        kind, _, id = one.entity.partition(" ")
        if reason == "too_old":
            first = self._sent[one.id].first_at
            return first is not None and self._now() - first > MAX_AGE.get(kind, 0) - MINUTE
        if reason == "it stopped the function three times":
            return sum(map(_in_trouble, self._at_work[one.shop, one.entity])) >= 3
        return self._is_poisoned(one.shop, id)


def _version(one: Announcement) -> tuple[Any, ...]:
    return one.shop, one.entity, one.version


def _in_trouble(invocation: Invocation) -> bool:
    return invocation.killed or invocation.overran or any(invocation.notes.get(kind) for kind in _TROUBLE)
