"""The judge: what must hold at every step and in the end. Knows the shops' truth and what the API took, not how."""

import hashlib
import itertools
import json
import re
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopwire.stores.entry import key_hash
from shopwire_simulation.checkers.cart_contacts import Owners
from shopwire_simulation.checkers.erasure import Forgetting
from shopwire_simulation.checkers.evidence import Kept, Noted, Taken, Violation
from shopwire_simulation.checkers.final_state import FinalState
from shopwire_simulation.checkers.waiting import MAX_AGE, Waiting
from shopwire_simulation.faults import MINUTE, Faults
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.senders import Sent
from shopwire_testkit.announcements import Announcement, Forgotten, Story

_WORD = re.compile(r"[\w.+@-]{5,}")
_DONE = frozenset({"delivered", "duplicate", "stale", "unchanged", "superseded", "ignored", "parked"})
_UNCERTAIN_TOGETHER = 6
_KEYS_KEPT = 16
_CHANGING = frozenset({"order", "cart", "contact"})


@dataclass
class Judge:
    """Collects what happens and says in the end what must not have."""

    stories: list[Story]
    told: Collection[int]
    """The numbers of those that are told in this run."""
    now: Callable[[], int]
    faults: Faults
    by_key: dict[str, Announcement] = field(default_factory=dict)
    taken: dict[tuple[str, str], list[Taken]] = field(default_factory=lambda: defaultdict(list))
    seen: set[str] = field(default_factory=set)
    """Every text that left the process but for the API: log lines, keys of the table, groups of the queue."""
    violations: list[Violation] = field(default_factory=list)
    replayed: set[str] = field(default_factory=set)
    """Keys of what was replayed by hand."""

    def __post_init__(self) -> None:
        self._sent: dict[int, Sent] = {}
        self._missed: set[tuple[str, str]] = set()
        self._delivered: dict[str, Announcement] = {}
        """What was said to be delivered, by key."""
        self._failed_once: set[int] = set()
        """Announcements of which a call of the API came to nothing."""
        self._effective: set[int] = set()
        """Announcements that had an effect, answered or not."""
        self._story_of = {one.id: n for n in self.told for one in self.stories[n].announcements}
        self._announcements = {one.id: one for n in self.told for one in self.stories[n].announcements}

    def attach(
        self,
        sent: dict[int, Sent],
        is_poisoned: Callable[[str, str], bool],
        kept: Callable[[str], Iterator[Kept]],
    ) -> None:
        """What else there is to look at: what the platforms know, the API's dislikes, what the table keeps of a shop's
        people."""
        self._sent = sent
        self.waiting = Waiting(self._announcements.values(), sent, is_poisoned, self.now, self._blamed)
        self.owners = Owners(sent, self.now, self._blamed)
        told = {n: self.stories[n] for n in self.told}
        self.forgetting = Forgetting(told, sent, kept, self.now, self._blamed)

    # -- while it runs --

    def watch(self, invocation: Invocation | None, service: str, operation: str, arguments: dict[str, Any]) -> None:
        """A call of AWS: which delivery is at work, and what is written where anybody may read it."""
        if service == "ledger":
            values = arguments.get("ExpressionAttributeValues") or {}
            key = values.get(":new_lease_key") or values.get(":new_pending_key")
            if ":new_settled_keys" in values:
                key = values[":new_settled_keys"]["L"][-1]  # what needs no lease is settled by its only write
            if key and invocation is not None:
                invocation.notes |= {"key": key["S"], "claimed_at": self.now()}
                if "announcement" in invocation.notes:
                    self.by_key[key["S"]] = self._announcements[invocation.notes["announcement"]]
                if one := self.by_key.get(key["S"]):
                    self.waiting.begun(one, invocation)
            if invocation is not None and (settled := values.get(":new_settled_keys")):
                self.waiting.settled(settled["L"][-1]["S"])
            item = arguments.get("Key") or arguments.get("Item")
            if invocation is not None and item and "#identity#" in item["pk"]["S"]:
                invocation.notes["people_at"] = self.now()
            if item:
                self.seen.add(item["pk"]["S"])
                self.seen.add(item["sk"]["S"])
        elif operation == "send_message":
            # Of what the ledger never saw, the message alone says whose it is.
            key = json.loads(arguments["MessageBody"])["key"]
            if invocation is not None and "announcement" in invocation.notes and key:
                one = self.by_key[key_hash(key)] = self._announcements[invocation.notes["announcement"]]
                self.waiting.begun(one, invocation)
            self.seen.add(arguments["MessageGroupId"])
            self.seen.add(arguments["MessageDeduplicationId"])

    def answered(self, one: Announcement, invocation: Invocation, status: int, answer: object, forged: bool) -> None:
        """A webhook was answered (or its function ended otherwise)."""
        if isinstance(answer, Exception):
            self._blamed("lost", one, f"the function failed: {_failure(answer)}")
        elif invocation.killed:
            return
        elif forged:
            if status not in (401, 503):
                self._blamed("wrong_final_state", one, f"a forged webhook was answered {status}")
        elif status == 503:
            excuse = invocation.notes.get("settings_down") or (
                invocation.notes.get("ledger_down") and invocation.notes.get("queue_down")
            )
            if not excuse:
                self._blamed("lost", one, "refused with 503 though something durable could be reached")
        elif status != 200 and not (status == 401 and self.faults.is_possible("settings_down")):
            self._blamed("lost", one, f"refused with {status}")

    def failed(self, function: str, error: Exception) -> None:
        """A function that nobody waits for ended by an exception."""
        self._violated("wedged", "", function, f"failed: {_failure(error)}", None)

    def heard(self, invocation: Invocation | None, line: dict[str, Any]) -> None:
        """A log line."""
        if invocation is None or "outcome" not in line:
            return
        key = line.get("key", "")
        one = self._announcements.get(invocation.notes.get("announcement", 0)) or self.by_key.get(key)
        if one is not None:
            if line["outcome"] in _DONE:
                self._effective.add(one.id)
            if line["outcome"] == "delivered":
                self._delivered[key] = one
            self.waiting.said(line, key, one)
            if (story := self._story(one)) is not None:
                meaning = self.stories[story].meanings.get(one.id)
                self.owners.said(line, one, meaning)
                if line["outcome"] == "delivered" and isinstance(meaning, Forgotten):
                    self.forgetting.granted(story, one, meaning)

    def api_called(self, invocation: Invocation, path: str, refused: bool) -> None:
        """The API is called, or refused the call for good."""
        one = self.by_key.get(invocation.notes.get("key", ""))
        if one is None:
            return
        if refused:
            self.waiting.refused(one, invocation, path)
        elif path.startswith("POST"):
            self.waiting.tried(one, invocation)

    def api_failed(self, invocation: Invocation) -> None:
        """A call came to nothing, for now."""
        if one := self.by_key.get(invocation.notes.get("key", "")):
            self._failed_once.add(one.id)
            self.waiting.failed(one, invocation)

    def api_took(
        self, invocation: Invocation, shop: str, path: str, body: bytes, event: dict[str, Any] | None, answered: bool
    ) -> None:
        """The API took a request; judged at once."""
        announcement = self.by_key.get(invocation.notes.get("key", ""))
        entity = announcement.entity if announcement else "unknown"
        one = Taken(self.now(), invocation, announcement, path, hashlib.sha256(body).digest(), event, answered)
        if announcement is not None and path.startswith("POST"):
            self.forgetting.told(self._story(announcement), announcement, invocation.notes["claimed_at"])
        before = self.taken[shop, entity]
        if event is not None and not event["saved"]:
            self._ignored(shop, entity, one)
        if announcement is not None and path == _its_request(entity):
            if one.event:
                self._effective.add(announcement.id)
            self._ordered(shop, entity, one, before)
            self._aged(shop, entity, one)
            self.waiting.took(announcement, invocation)
        before.append(one)

    def _ignored(self, shop: str, entity: str, one: Taken) -> None:
        story = self._story(one.announcement)
        if self.forgetting.is_wished(story):
            return  # who is erased while an event is on its way cannot be found any more
        assert one.event
        if story is not None and ((shop, entity) in self._missed or self._moved(story, one)):
            self._missed.add((shop, entity))
            return
        self._violated("ignored_by_api", shop, entity, f"{one.event['eventTypeKey']}: {one.event['reason']}", story)

    def _moved(self, story: int, one: Taken) -> bool:
        """Whether the customer's own webhook changed his address while the event was on its way: the API cannot know
        the earlier one any more, and the order's next event introduces it again (README, "Limits")."""
        shop, since = self.stories[story].shop, one.invocation.notes["claimed_at"]
        customers = {other.entity for other in self.stories[story].announcements if other.entity.startswith("contact ")}
        return any(
            max(taken.at, taken.invocation.notes.get("people_at", 0)) >= since
            and taken.invocation is not one.invocation
            for entity in customers
            for taken in self.taken.get((shop, entity), ())
        )

    def _ordered(self, shop: str, entity: str, one: Taken, before: list[Taken]) -> None:
        assert one.announcement
        version = one.announcement.version
        if version is None:
            return
        for earlier in before:
            past = earlier.announcement.version if earlier.announcement and earlier.path == one.path else None
            if past is None or past <= version:
                continue
            if earlier.invocation.overran:
                self._missed.add((shop, entity))  # the lower one's holder knows nothing of it, and is the last word
            elif not earlier.unnoted:
                text = f"{version} of {one.announcement.topic} was taken after {past}"
                self._violated("misordered", shop, entity, text, self._story(one.announcement))
                return

    def _aged(self, shop: str, entity: str, one: Taken) -> None:
        assert one.announcement
        if one.invocation.notes.get("key") in self.replayed:
            return  # its age counts from when somebody wanted it
        limit = MAX_AGE.get(entity.partition(" ")[0])
        if limit and not any(came >= one.at - limit - MINUTE for came in self._sent[one.announcement.id].attempts):
            self._violated("wrong_final_state", shop, entity, "sent past its max age", self._story(one.announcement))

    # -- in the end --

    def finish(
        self,
        sent: dict[int, Sent],
        states: dict[str, dict[str, Any]],
        parked: Iterable[tuple[str, str, str]],
        waiting: Iterable[str],
        marked: Iterable[tuple[str, str]],
        noted: Mapping[tuple[str, str], Noted],
    ) -> list[Violation]:
        """Judge the whole.

        Args:
            states: what the API holds, by shop.
            parked: shop, entity and reason of what is parked for good.
            waiting: what is still in queue and outbox.
            marked: shop and entity of what the ledger has as waiting.
            noted: what it has as done with, by shop and entity.
        """
        # A fact of an order that is not seen yet waits for it: it excuses nothing.
        given_up = {(shop, entity) for shop, entity, reason in parked if reason != "order_not_seen"}
        for text in waiting:
            self._violated("wedged", "", text, "still waits although all is well", None)
        for shop, entity in marked:
            # A visit's mark holds up nobody: nothing else is ever of that entity. (Its name there is shopwire's own, so
            # that nobody here can tell whether the function died over it.)
            if not (entity.startswith("view ") or self.waiting.was_shaken(shop, entity)):
                self._violated("wedged", shop, entity, "marked as waiting though nothing waits", None)
        self._noted(noted)
        self.forgetting.finish()
        final = FinalState(states, self.taken, self._missed)
        for n in self.told:
            story = self.stories[n]
            certain = [
                one.id
                for one in story.announcements
                if one.id in sent and (sent[one.id].statuses or one.id in self._effective)
            ]
            unsure = [one.id for one in story.announcements if one.id not in certain and _reached(sent, one.id)]
            given_up |= {(story.shop, self._announcements[id].entity) for id in unsure if self._is_half_done(id)}
            problems: list[Violation] = []
            for more in _subsets(unsure):
                problems = list(final.problems(n, story, [*certain, *more], given_up))
                if not problems:
                    break
            self.violations += problems
            self._once(story)
        self.waiting.finish(self.taken)
        self._leaks()
        return self.violations

    def _is_half_done(self, id: int) -> bool:
        """Whether somebody died over it, nobody tries again, and the API may have it: then it is open whether what is
        earlier is stale, and under which address a customer is known."""
        one = self._announcements[id]
        taken = self.taken.get((one.shop, one.entity), ()) if one.entity.startswith("contact ") else ()
        return id in self._failed_once or any(other.announcement is one for other in taken)

    def _noted(self, noted: Mapping[tuple[str, str], Noted]) -> None:
        """What is delivered is noted, or something later is: else it comes again, and what follows knows nothing of
        it."""
        for key, one in self._delivered.items():
            if one.entity.partition(" ")[0] not in _CHANGING or self.forgetting.is_wished(self._story(one)):
                continue
            found = noted.get((one.shop, one.entity))
            later = found and (
                found.version > one.version[0] * 10 + one.version[1] if one.version else len(found.keys) >= _KEYS_KEPT
            )
            if not (found and (key in found.keys or later)):
                self._blamed("lost", one, "delivered, and noted nowhere")

    def _once(self, story: Story) -> None:
        if self.forgetting.is_wished(self._story(story.announcements[0])):
            return
        for entity in dict.fromkeys(one.entity for one in story.announcements):
            events = [one for one in self.taken.get((story.shop, entity), ()) if one.path == "POST v1/event"]
            for earlier, later in itertools.pairwise(events):
                if earlier.body_hash == later.body_hash and not (earlier.excused or later.invocation.overran):
                    text = f"{later.event['eventTypeKey'] if later.event else ''} twice with the same content"
                    self._violated("sent_twice_unexcused", story.shop, entity, text, self._story(later.announcement))

    def _leaks(self) -> None:
        words = {word for text in self.seen for word in _WORD.findall(text)}
        for n in self.told:
            story = self.stories[n]
            for canary in story.canaries:
                parts = _WORD.findall(canary)
                if parts and all(part in words for part in parts) and (len(parts) > 1 or len(parts[0]) > 7):
                    self._violated("leaked", story.shop, "", "a personal value left the process", n)

    def _story(self, announcement: Announcement | None) -> int | None:
        return self._story_of.get(announcement.id) if announcement else None

    def _blamed(self, kind: str, one: Announcement, text: str) -> None:
        self._violated(kind, one.shop, one.entity, text, self._story(one))

    def _violated(self, kind: str, shop: str, entity: str, text: str, story: int | None) -> None:
        self.violations.append(Violation(kind, shop, entity, text, story))


def _its_request(entity: str) -> str:
    """What brings a change of the entity to the API; a contact that an order introduces is not the order's change."""
    return "POST v1/contact" if entity.startswith("contact ") else "POST v1/event"


def _failure(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {place.name}, line {place.lineno}"


def _reached(sent: dict[int, Sent], id: int) -> bool:
    return id in sent and sent[id].reached


def _subsets(unsure: list[int]) -> Iterator[tuple[int, ...]]:
    """What may have had its effect without an answer: nothing of it, all of it, then every other choice."""
    yield ()
    if not unsure:
        return
    yield tuple(unsure)
    few = unsure[-_UNCERTAIN_TOGETHER:]
    for size in range(1, len(few)):
        yield from itertools.combinations(few, size)
