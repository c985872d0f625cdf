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

from shopwire.ledger import key_hash
from shopwire_local.simulation.faults import MINUTE, Faults
from shopwire_local.simulation.owners_check import Owners
from shopwire_local.simulation.senders import Sent
from shopwire_local.simulation.stories import Announcement, Story, differences
from shopwire_local.simulation.truth import Bought, Forgotten
from shopwire_local.simulation.waiting_checks import MAX_AGE, Waiting
from shopwire_local.simulation.world import Invocation

KINDS = (
    "lost",
    "misordered",
    "sent_twice_unexcused",
    "ignored_by_api",
    "wedged",
    "wrong_final_state",
    "leaked",
)

_WORD = re.compile(r"[\w.+@-]{5,}")
_DONE = frozenset({"delivered", "duplicate", "stale", "unchanged", "superseded", "ignored", "parked"})
_MOMENT = 15_000
_UNCERTAIN_TOGETHER = 6
_KEYS_KEPT = 16
_CHANGING = frozenset({"order", "cart", "contact"})
_TELLING = 7
"""An identity longer than this stands nowhere by chance."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be."""

    kind: str
    shop: str
    entity: str
    text: str
    story: int | None = None


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
        self._forgotten_at: dict[int, int] = {}
        """When the API had forgotten the person of a story."""
        self._delivered: dict[str, Announcement] = {}
        """What was said to be delivered, by key."""
        self._failed_once: set[int] = set()
        """Announcements of which a call of the API came to nothing."""
        self._effective: set[int] = set()
        """Announcements that had an effect, answered or not."""
        self._story_of = {one.id: n for n in self.told for one in self.stories[n].announcements}
        self._announcements = {one.id: one for n in self.told for one in self.stories[n].announcements}
        self._wishes = {
            n: wishes
            for n in self.told
            if (wishes := [id for id, one in self.stories[n].meanings.items() if isinstance(one, Forgotten)])
        }
        """The announcements that wish a story's person to be forgotten."""

    def attach(
        self,
        sent: dict[int, Sent],
        is_poisoned: Callable[[str, str], bool],
        kept: Callable[[str], Iterator[Kept]],
    ) -> None:
        """What else there is to look at: what the platforms know, the API's dislikes, what the table keeps of a shop's
        people."""
        self._sent = sent
        self._kept = kept
        self.waiting = Waiting(self._announcements.values(), sent, is_poisoned, self.now, self._blamed)
        self.owners = Owners(sent, self.now, self._blamed)

    # -- while it runs --

    def watch(self, invocation: Invocation | None, service: str, operation: str, arguments: dict[str, Any]) -> None:
        """A call of AWS: which delivery is at work, and what is written where anybody may read it."""
        if service == "ledger":
            values = arguments.get("ExpressionAttributeValues") or {}
            key = values.get(":new_lease_key") or values.get(":new_pending_key")
            if ":new_settled" in values:
                key = values[":new_settled"]["L"][-1]  # what needs no lease is settled by its only write
            if key and invocation is not None:
                invocation.notes |= {"key": key["S"], "claimed_at": self.now()}
                if "announcement" in invocation.notes:
                    self.by_key[key["S"]] = self._announcements[invocation.notes["announcement"]]
                if one := self.by_key.get(key["S"]):
                    self.waiting.begun(one, invocation)
            if invocation is not None and (settled := values.get(":new_settled")):
                self.waiting.settled(settled["L"][-1]["S"])
            item = arguments.get("Key") or arguments.get("Item")
            if invocation is not None and item and "#person#" in item["pk"]["S"]:
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
                    self._forgotten_at.setdefault(story, self.now())
                    self._left_behind(one, meaning, self._sent[one.id].first_at or 0)

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
            self._told_again(announcement, invocation)
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
        if story is not None and story in self._wishes:
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
            elif not _unnoted(earlier):
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

    def _left_behind(self, one: Announcement, forgotten: Forgotten, before: int) -> None:
        """Somebody was forgotten: of what had come before, nothing that names him may be left."""
        for kept in self._kept(one.shop):
            if kept.received_at is not None and kept.received_at >= before - MINUTE:
                continue  # on its way at the same moment: the tombstone stops it
            if kept.where != "tombstones" and _names(kept, forgotten):
                self._blamed("leaked", one, f"still in {kept.where} after he was forgotten")

    def _still_to_erase(self) -> None:
        """In the end no tombstone says any more whom the API was to forget."""
        for story in self._forgotten_at:
            for id in self._wishes[story]:
                one, forgotten = self._announcements[id], self.stories[story].meanings[id]
                assert isinstance(forgotten, Forgotten)
                if any(one.where == "tombstones" and _names(one, forgotten) for one in self._kept(one.shop)):
                    self._blamed("leaked", one, "still in tombstones after he was forgotten")

    def _told_again(self, one: Announcement, invocation: Invocation) -> None:
        """Of who is forgotten the API is told nothing more by what had come before the wish."""
        forgotten_at = self._forgotten_at.get(self._story_of.get(one.id, -1))
        if forgotten_at is not None and invocation.notes["claimed_at"] > forgotten_at:
            wish = min(self._sent[id].first_at or 0 for id in self._wishes[self._story_of[one.id]])
            if (self._sent[one.id].first_at or 0) < wish:
                self._blamed("leaked", one, "the API was told of him after he was forgotten")

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
        given_up = {(shop, entity) for shop, entity, reason in parked if reason != "order not seen"}
        for text in waiting:
            self._violated("wedged", "", text, "still waits although all is well", None)
        for shop, entity in marked:
            # A visit's mark holds up nobody: nothing else is ever of that entity. (Its name there is shopwire's own, so
            # that nobody here can tell whether the function died over it.)
            if not (entity.startswith("view ") or self.waiting.was_shaken(shop, entity)):
                self._violated("wedged", shop, entity, "marked as waiting though nothing waits", None)
        self._noted(noted)
        self._still_to_erase()
        orders = {shop: state["orders"] for shop, state in states.items()}
        contacts = {shop: _Contacts(state["contacts"]) for shop, state in states.items()}
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
                problems = list(self._story_problems(n, story, [*certain, *more], orders, contacts, given_up))
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
            if one.entity.partition(" ")[0] not in _CHANGING or self._story_of[one.id] in self._wishes:
                continue
            found = noted.get((one.shop, one.entity))
            later = found and (
                found.version > one.version[0] * 10 + one.version[1] if one.version else len(found.keys) >= _KEYS_KEPT
            )
            if not (found and (key in found.keys or later)):
                self._blamed("lost", one, "delivered, and noted nowhere")

    def _story_problems(
        self, n: int, story: Story, accepted: list[int], orders: Any, contacts: Any, given_up: set[tuple[str, str]]
    ) -> Iterator[Violation]:
        expected, shop = story.expected(accepted), story.shop
        for order, params in expected.orders.items():
            entity, actual = f"order {order}", orders[shop].get(order)
            if (shop, entity) in given_up or (shop, entity) in self._missed:
                continue
            if params is None:
                if actual is not None:
                    yield Violation("wrong_final_state", shop, entity, "must not be there", n)
            elif actual is None:
                yield Violation("lost", shop, entity, "the API never heard of it", n)
            elif wrong := differences(params, actual):
                yield Violation("wrong_final_state", shop, entity, "; ".join(wrong), n)
        for wanted in expected.contacts:
            if not any(map(contacts[shop].has, self._acceptable(story, wanted))) and not any(
                (shop, one.entity) in given_up for one in story.announcements
            ):
                yield Violation("lost", shop, "contact", f"none with {', '.join(sorted(wanted))}", n)
        for identity in expected.gone:
            if contacts[shop].names(identity):
                yield Violation("wrong_final_state", shop, "contact", "was to be forgotten", n)
        yield from self._cart_problems(n, story, expected.carts, given_up)

    def _acceptable(self, story: Story, wanted: dict[str, str]) -> Iterator[dict[str, str]]:
        """A customer as wanted; where something else introduced him at the same moment as his own webhook, and died or
        could not note it before it had put that right, not all of it is firm."""
        yield wanted
        others, own = [], []
        for announcement in story.announcements:
            taken = self.taken.get((story.shop, announcement.entity), ())
            if announcement.entity.startswith("contact "):
                own += [one.at for one in taken]
            else:
                others += [one for one in taken if one.path == "POST v1/contact"]
        for one in others:
            together = any(abs(one.at - at) < _MOMENT for at in own)
            if together:
                # Whose name came last is anybody's guess (README, "Limits").
                yield {name: value for name, value in wanted.items() if name not in ("firstName", "lastName")}
            if _excused(one):
                yield wanted | {"externalCustomerId": wanted.get("email") or wanted.get("phone") or ""}
            if _excused(one) and together:
                for name in ("email", "phone"):
                    yield {other: value for other, value in wanted.items() if other != name}

    def _cart_problems(self, n: int, story: Story, carts: Any, given_up: set[tuple[str, str]]) -> Iterator[Violation]:
        bought_at = self._purchases(story)
        for token, cart in carts.items():
            entity = f"cart {token}"
            told = [one for one in self.taken.get((story.shop, entity), ()) if one.path == "POST v1/event"]
            yield from self._recycled(n, story.shop, entity, told)
            if token in bought_at and any(one.at > bought_at[token] for one in told):
                yield Violation("wrong_final_state", story.shop, entity, "sent after its purchase", n)
            if (story.shop, entity) in given_up or not cart.firm:
                continue
            if cart.contact is None:
                if told:
                    yield Violation("wrong_final_state", story.shop, entity, "nobody's cart was sent", n)
            elif not told:
                yield Violation("lost", story.shop, entity, "the API never heard of it", n)
            elif _products(told[-1]) != _plain(cart.products):
                yield Violation("wrong_final_state", story.shop, entity, "another content was sent last", n)

    def _recycled(self, n: int, shop: str, entity: str, told: list[Taken]) -> Iterator[Violation]:
        """Each change of a cart carries a recycleStateId of its own (the vendor's page)."""
        versions: dict[str, set[Any]] = defaultdict(set)
        for one in told:
            if one.announcement and (state := _params(one).get("recycleStateId")):
                versions[state].add(one.announcement.version)
        if any(len(of_one) > 1 for of_one in versions.values()):
            yield Violation("wrong_final_state", shop, entity, "two changes with one recycleStateId", n)

    def _purchases(self, story: Story) -> dict[str, int]:
        found = {}
        for meaning in story.meanings.values():
            if isinstance(meaning, Bought):
                told = self.taken.get((story.shop, f"order {meaning.state.order}"), ())
                events = [one.at for one in told if one.path == "POST v1/event"]
                if events:
                    found[meaning.token] = min(events)
        return found

    def _once(self, story: Story) -> None:
        if self._story(story.announcements[0]) in self._wishes:
            return
        for entity in dict.fromkeys(one.entity for one in story.announcements):
            events = [one for one in self.taken.get((story.shop, entity), ()) if one.path == "POST v1/event"]
            for earlier, later in itertools.pairwise(events):
                if earlier.body_hash == later.body_hash and not (_excused(earlier) or later.invocation.overran):
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


class _Contacts:
    def __init__(self, contacts: list[dict[str, Any]]) -> None:
        self._by: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for contact in contacts:
            for name in ("email", "phone", "externalCustomerId"):
                if name in contact:
                    self._by[contact[name]].append(contact)

    def names(self, identity: str) -> bool:
        return bool(self._by.get(identity))

    def has(self, wanted: dict[str, str]) -> bool:
        some = next(
            iter(value for name, value in wanted.items() if name in ("email", "phone", "externalCustomerId")), ""
        )
        return any(wanted.items() <= contact.items() for contact in self._by.get(some, ()))


def _names(kept: Kept, forgotten: Forgotten) -> bool:
    return any(identity in kept.text.lower() for identity in forgotten.identities if len(identity) > _TELLING)


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


def _excused(one: Taken) -> bool:
    """No answer came back, or what it knew could not be noted."""
    unanswered = not one.answered or one.invocation.notes.get("unanswered") == one.at
    return unanswered or one.invocation.overran or _unnoted(one)


def _unnoted(one: Taken) -> bool:
    """Who sent it may have come no further."""
    return one.invocation.killed or one.invocation.notes.get("ledger_down", 0) >= one.at


def _params(one: Taken) -> dict[str, str]:
    assert one.event
    return {param["name"]: param["value"] for param in one.event["params"]}


def _products(one: Taken) -> list[Any]:
    return _plain(json.loads(_params(one).get("products", "[]")))


def _plain(products: Any) -> list[Any]:
    return sorted((str(one["productId"]), float(one["quantity"]), float(one["price"])) for one in products or ())
