"""The checker of a run passes every observation to the checker that it concerns, and collects the violations.

It knows what the simulated shops mean and what the API accepted. It does not know how shopwire works.
"""

import itertools
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from shopwire.errors import UnexpectedError
from shopwire_simulation.checkers.accepted_requests import RequestChecker
from shopwire_simulation.checkers.aws_calls import AwsCallObserver
from shopwire_simulation.checkers.cart_contacts import CartContactChecker
from shopwire_simulation.checkers.contact_requests import ContactRequestChecker
from shopwire_simulation.checkers.erasure import ErasureChecker
from shopwire_simulation.checkers.final_state import FinalStateChecker
from shopwire_simulation.checkers.leaks import LeakChecker
from shopwire_simulation.checkers.observations import (
    ChangeKey,
    EndState,
    EntityKey,
    SettledEntry,
    StoredText,
    Violation,
)
from shopwire_simulation.checkers.pending_changes import PendingChecker
from shopwire_simulation.checkers.visits import visit_problem
from shopwire_simulation.checkers.waits import WaitChecker
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.log_reasons import INTERNAL_ERROR, ORDER_NOT_SEEN
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import Announcement, Erasure, Story, Visit

_FINAL_OUTCOMES = frozenset({"delivered", "duplicate", "stale", "unchanged", "superseded", "ignored", "parked"})
_MAX_COMBINED = 6
_SETTLED_KEYS_KEPT = 16
_ENTITIES_WITH_STATE = frozenset({"order", "cart", "contact"})


class Checker:
    """Checks one run.

    Args:
        orders: shop -> its setting `orders`.
        stories: the stories of the run, by their numbers.
        records: what the platforms know about each announcement, by its id.
        is_poisoned: returns True if the API fails or rejects requests about an entity of a shop.
        stored_texts: returns the texts in the table that may name a person of a shop.
    """

    def __init__(
        self,
        orders: Mapping[str, str],
        stories: Mapping[int, Story],
        records: Mapping[int, SendRecord],
        faults: FaultSchedule,
        now: Callable[[], int],
        is_poisoned: Callable[[str, str], bool],
        stored_texts: Callable[[str], Iterator[StoredText]],
    ) -> None:
        self.violations: list[Violation] = []
        self._stories = stories
        self._records = records
        self._faults = faults
        self._now = now
        self._announcements = {
            announcement.id: announcement for story in stories.values() for announcement in story.announcements
        }
        self._bodies = Counter((each.shop, each.body) for each in self._announcements.values())
        """How many announcements of a shop have each body. A shop may announce the same change twice."""
        self._delivered: dict[ChangeKey, Announcement] = {}
        """The changes that a log line called delivered, by their keys."""
        self._failed: set[int] = set()
        """Announcements with a call of the API that failed."""
        self._queued: Counter[ChangeKey] = Counter()
        """How many webhooks with each change were put into the queue. Two topics may announce the same change."""
        self._effective: set[int] = set()
        """Announcements that had an effect, whether they were answered or not."""
        self.leaks = LeakChecker()
        self.erasure = ErasureChecker(stories, records, stored_texts, now, self._report)
        self.requests = RequestChecker(orders, stories, records, self.erasure.is_requested, now, self._report_entity)
        self._contacts = ContactRequestChecker(stories, records, self.erasure.is_requested, self._report)
        self._pending = PendingChecker(self._announcements.values(), records, is_poisoned, now, self._report)
        self._waits = WaitChecker(
            faults,
            self._pending.met_trouble,
            self.requests.replayed_keys,
            self._has_copies,
            now,
            self._report,
        )
        self._cart_contacts = CartContactChecker(records, now, self._report)
        self._aws_calls = AwsCallObserver(self._announcements, self._pending, self.leaks.texts.add)

    # -- during the run --

    def on_aws_call(
        self, invocation: Invocation | None, service: str, operation: str, arguments: Mapping[str, Any]
    ) -> None:
        """Note a call of AWS before it is made. `invocation` is None for a call by hand."""
        self._aws_calls.on_call(invocation, service, operation, arguments, self._now())

    def on_answer(
        self, announcement: Announcement, invocation: Invocation, status: int, answer: object, forged: bool
    ) -> None:
        """Check the answer to a webhook, or the exception that ended the function instead."""
        if isinstance(answer, Exception):
            self._report("lost", announcement, f"the function failed: {_describe_error(answer)}")
        elif invocation.killed:
            return
        elif forged:
            if status not in (401, 503):
                self._report("wrong_final_state", announcement, f"a forged webhook was answered with {status}")
        elif status == 503:
            no_store_reached = invocation.notes.get("settings_down") or (
                invocation.notes.get("ledger_down") and invocation.notes.get("queue_down")
            )
            if not no_store_reached:
                self._report("lost", announcement, "answered with 503 although a durable store could be reached")
        elif status != 200 and not (status == 401 and self._faults.includes("settings_down")):
            self._report("lost", announcement, f"answered with {status}")

    def on_failure(self, function: str, error: Exception) -> None:
        """Report an exception that ended a function to which no caller waits for an answer."""
        self._report_entity("wedged", "", function, f"failed: {_describe_error(error)}", None)

    def on_log_line(self, invocation: Invocation | None, line: Mapping[str, Any]) -> None:
        """Check a log line that says what became of a change."""
        if line.get("reason") == INTERNAL_ERROR:
            self._report_entity("wedged", line["shop"], line.get("entity", ""), f"failed: {line.get('error')}", None)
        if invocation is None or "outcome" not in line:
            return
        key = (line.get("shop", ""), line.get("key", ""))
        announcement = self._announcements.get(invocation.notes.get("announcement", 0))
        announcement = announcement or self._aws_calls.announcement(key)
        if announcement is None:
            return
        if line["outcome"] in _FINAL_OUTCOMES:
            self._effective.add(announcement.id)
        if invocation.name != "retry" and line["outcome"] == "queued":
            self._queued[key] += 1
        if line["outcome"] == "delivered":
            self._delivered[key] = announcement
        self._pending.on_outcome(line, key, announcement)
        if (story := self.requests.story_of(announcement)) is not None:
            meaning = self._stories[story].meanings.get(announcement.id)
            self._cart_contacts.on_outcome(line, announcement, meaning, overran=invocation.overran)
            if line["outcome"] == "delivered" and isinstance(meaning, Erasure):
                self.erasure.on_erased(story, announcement, meaning)

    def on_api_call(self, invocation: Invocation, path: str, body: bytes, rejected: bool) -> None:
        """Note a call of the API, or its permanent rejection. `path` is method and path."""
        announcement = self._announcement(invocation)
        if announcement is None:
            return
        if rejected:
            self._pending.on_rejected(announcement, invocation, path)
            return
        self._waits.on_call(announcement, invocation, path, body)
        if path.startswith("POST"):
            self._pending.on_call(announcement, invocation)

    def on_api_failure(
        self, invocation: Invocation, path: str, body: bytes, status: int, headers: Mapping[str, str]
    ) -> None:
        """Note a call of the API that failed for now. `path` is method and path; status 0 means no answer."""
        if announcement := self._announcement(invocation):
            self._waits.on_failure(announcement, invocation, path, body, status, headers)
            self._failed.add(announcement.id)
            self._pending.on_failure(announcement, invocation)

    def on_api_accepted(
        self, invocation: Invocation, account: str, path: str, body: bytes, event: dict[str, Any] | None, answered: bool
    ) -> None:
        """Check a request that the API accepted. Two shops may use one account."""
        announcement = self._announcement(invocation)
        shop = announcement.shop if announcement else account
        if announcement is not None and (number := self.requests.story_of(announcement)) is not None:
            self._contacts.on_accepted(announcement, number, path, body)
        if announcement is not None and path.startswith("POST"):
            story = self.requests.story_of(announcement)
            self.erasure.on_accepted(story, announcement, invocation.notes["claimed_at"], body)
        is_change = self.requests.on_accepted(invocation, announcement, shop, path, body, event, answered)
        if announcement is not None and is_change:
            if not announcement.entity.startswith("contact "):
                self._effective.add(announcement.id)
            if event and (story := self.requests.story_of(announcement)) is not None:
                meaning = self._stories[story].meanings.get(announcement.id)
                self._cart_contacts.on_event(announcement, meaning, event["keyValue"])
                if isinstance(meaning, Visit) and (problem := visit_problem(meaning, event)):
                    self._report("wrong_final_state", announcement, problem)
            self._pending.on_event_accepted(announcement, invocation)

    def unseen_attributes(self, names: Iterable[str]) -> list[str]:
        """Return those of the table's attributes of which no write was recognised."""
        return [name for name in names if not self._aws_calls.written[name]]

    # -- at the end --

    def finish(self, end: EndState) -> list[Violation]:
        """Check the end of the run and return all violations."""
        # A fact that waits for its order is not abandoned.
        abandoned = {(shop, entity) for shop, entity, reason in end.parked if reason != ORDER_NOT_SEEN}
        for text in end.waiting:
            self._report_entity("wedged", "", text, "still waits although all parts work", None)
        for shop, entity in end.pending:
            # The mark of a view delays nothing, because a view has only one change. Its id in the ledger comes from
            # shopwire, so the checker cannot know whether an invocation crashed over it.
            if not (entity.startswith("view ") or self._pending.met_trouble(shop, entity)):
                self._report_entity("wedged", shop, entity, "marked as pending although nothing waits", None)
        self._check_settled(end.settled)
        self.erasure.finish({shop: state["orders"] for shop, state in end.api.items()}, self.requests.accepted)
        final = FinalStateChecker(end.api, self.requests.accepted, self.requests.uncertain_entities)
        for number, story in self._stories.items():
            self.violations += self._check_final_state(final, number, story, abandoned)
            self.requests.finish(story)
        self._contacts.finish(final.contacts, self.requests.accepted, abandoned)
        self._pending.finish(self.requests.accepted)
        self.violations += self.leaks.finish(self._stories)
        return self.violations

    def _check_final_state(
        self, final: FinalStateChecker, number: int, story: Story, abandoned: set[EntityKey]
    ) -> list[Violation]:
        """Check a story, with every choice of the announcements that may have had an effect without an answer.

        Adds to `abandoned`.
        """
        ids = [announcement.id for announcement in story.announcements if announcement.id in self._records]
        certain = [id for id in ids if self._records[id].accepted_at is not None or id in self._effective]
        uncertain = [id for id in ids if id not in certain and self._records[id].attempted_at]
        abandoned |= {(story.shop, self._announcements[id].entity) for id in uncertain if self._is_half_done(id)}
        violations: list[Violation] = []
        for chosen in _choices(uncertain):
            violations = list(final.check(number, story, [*certain, *chosen], abandoned))
            if not violations:
                break
        return violations

    def _is_half_done(self, id: int) -> bool:
        """Return True if an invocation crashed over the announcement, nothing repeats it, and the API may have it.

        Then it is unknown whether earlier changes are stale, and which address of a customer the API knows.
        """
        announcement = self._announcements[id]
        is_contact = announcement.entity.startswith("contact ")
        requests = self.requests.accepted.get((announcement.shop, announcement.entity), ()) if is_contact else ()
        return id in self._failed or any(request.announcement is announcement for request in requests)

    def _check_settled(self, settled: Mapping[EntityKey, SettledEntry]) -> None:
        """Check that each delivered change, or a later one of its entity, is settled in the ledger.

        Otherwise a duplicate is sent again, and later changes do not know what the API holds.
        """
        for key, announcement in self._delivered.items():
            has_state = announcement.entity.partition(" ")[0] in _ENTITIES_WITH_STATE
            if not has_state or self.erasure.is_requested(self.requests.story_of(announcement)):
                continue
            entry = settled.get((announcement.shop, announcement.entity))
            if entry is None:
                self._report("lost", announcement, "delivered but not settled")
                continue
            if announcement.version:
                milliseconds, rank = announcement.version
                is_later_settled = entry.version > milliseconds * 10 + rank
            else:
                is_later_settled = len(entry.keys) >= _SETTLED_KEYS_KEPT
            if not (key[1] in entry.keys or is_later_settled):
                self._report("lost", announcement, "delivered but not settled")

    def _has_copies(self, announcement: Announcement, key: ChangeKey) -> bool:
        is_repeated = self._bodies[announcement.shop, announcement.body] > 1
        return is_repeated or len(self._records[announcement.id].attempted_at) > 1 or self._queued[key] > 1

    def _announcement(self, invocation: Invocation) -> Announcement | None:
        return self._aws_calls.announcement(invocation.notes.get("key"))

    def _report(self, kind: str, announcement: Announcement, text: str) -> None:
        story = self.requests.story_of(announcement)
        self._report_entity(kind, announcement.shop, announcement.entity, text, story)

    def _report_entity(self, kind: str, shop: str, entity: str, text: str, story: int | None) -> None:
        self.violations.append(Violation(kind, shop, entity, text, story))


def _describe_error(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = str(error) if isinstance(error, UnexpectedError) else type(error).__name__
    return f"{name} in {place.name}, line {place.lineno}"


def _choices(uncertain: Collection[int]) -> Iterator[tuple[int, ...]]:
    """Yield possible choices of the announcements that had an effect: none, all, then parts of the last ones."""
    ids = tuple(uncertain)
    yield ()
    if not ids:
        return
    yield ids
    last = ids[-_MAX_COMBINED:]
    for size in range(1, len(last)):
        yield from itertools.combinations(last, size)
