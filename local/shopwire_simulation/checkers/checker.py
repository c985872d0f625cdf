"""The checker of a run passes every observation to the checker that it concerns, and collects the violations.

It knows what the simulated shops mean and what the API accepted. It does not know how shopwire works.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from shopwire import platforms
from shopwire.models import Shop
from shopwire_simulation.checkers.accepted_requests import RequestChecker
from shopwire_simulation.checkers.aws_calls import AwsCallObserver
from shopwire_simulation.checkers.cart_contacts import CartContactChecker
from shopwire_simulation.checkers.carts import conversion_problem
from shopwire_simulation.checkers.contact_requests import ContactRequestChecker
from shopwire_simulation.checkers.decisions import describe_error, is_settled
from shopwire_simulation.checkers.erasure import ErasureChecker
from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.fetches import FetchChecker
from shopwire_simulation.checkers.final_state import FinalStateChecker
from shopwire_simulation.checkers.leaks import LeakChecker
from shopwire_simulation.checkers.ledger_writes import LedgerWriteChecker, Snapshot
from shopwire_simulation.checkers.observations import (
    AcceptedRequest,
    ChangeKey,
    EndState,
    EntityKey,
    SettledEntry,
    StoredText,
    Violation,
)
from shopwire_simulation.checkers.order_events import OrderEventChecker
from shopwire_simulation.checkers.pauses import PauseChecker
from shopwire_simulation.checkers.pending_changes import PendingChecker
from shopwire_simulation.checkers.refusals import RefusalChecker
from shopwire_simulation.checkers.story_end import Effects, StoryEndChecker
from shopwire_simulation.checkers.visits import VisitChecker, browsing_problem
from shopwire_simulation.checkers.waits import WaitChecker
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.log_reasons import INTERNAL_ERROR, ORDER_NOT_SEEN, TOO_OLD
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import (
    Announcement,
    Erasure,
    Purchase,
    Story,
    cart_entity,
)
from shopwire_testkit.durations import SECOND

_FINAL_OUTCOMES = frozenset({"delivered", "duplicate", "stale", "unchanged", "superseded", "ignored", "parked"})
_ENTITIES_WITH_STATE = frozenset({"order", "cart", "contact"})


class Checker:
    """Checks one run.

    Args:
        shops: the shops as their platforms know them.
        stories: the stories of the run, by their numbers.
        records: what the platforms know about each announcement, by its id.
        is_poisoned: returns True if the API fails or rejects requests about an entity of a shop.
        stored_texts: returns the texts in the table that may name a person of a shop.
        api_order: returns what the API has of an order of a shop.
        count_copies: returns how many messages with a change are in the queue and in the outbox.
        platform_body: returns what is true of a path of a platform's API at a time (UTC milliseconds).
    """

    def __init__(
        self,
        shops: Mapping[str, Shop],
        stories: Mapping[int, Story],
        records: Mapping[int, SendRecord],
        faults: FaultSchedule,
        now: Callable[[], int],
        is_poisoned: Callable[[str, str], bool],
        stored_texts: Callable[[str], Iterator[StoredText]],
        api_order: Callable[[str, str], Mapping[str, Any] | None],
        count_copies: Callable[[ChangeKey], int],
        platform_body: Callable[[str, int], bytes | None],
    ) -> None:
        self.excuses = ExcuseCounter()
        self._count_copies = count_copies
        self.violations: list[Violation] = []
        self._stories = stories
        self._records = records
        self._now = now
        self._announcements = {
            announcement.id: announcement for story in stories.values() for announcement in story.announcements
        }
        self._bodies = Counter((each.shop, each.body) for each in self._announcements.values())
        """How many announcements of a shop have each body. A shop may announce the same change twice."""
        self._delivered: dict[ChangeKey, Announcement] = {}
        """The changes that a log line called delivered, by their keys."""
        self._queued: Counter[ChangeKey] = Counter()
        """How many webhooks with each change were put into the queue. Two topics may announce the same change."""
        self._effects = Effects()
        self.leaks = LeakChecker()
        self.erasure = ErasureChecker(stories, records, stored_texts, self.excuses, now, self._report)
        orders = {id: shop.orders for id, shop in shops.items()}
        self.requests = RequestChecker(
            orders,
            stories,
            records,
            self.erasure.is_requested,
            self.erasure.requested_at,
            self.excuses,
            now,
            self._report_entity,
        )
        self._contacts = ContactRequestChecker(stories, records, self.erasure.is_requested, self._report)
        self._meanings = {id: meaning for story in stories.values() for id, meaning in story.meanings.items()}
        self._pending = PendingChecker(
            self._announcements.values(),
            records,
            self.requests.replays,
            self.excuses,
            is_poisoned,
            count_copies,
            now,
            self._report,
        )
        self._refusals = RefusalChecker(self.excuses, now, self._report)
        self._pauses = PauseChecker(now, self._report, self._report_entity)
        self._waits = WaitChecker(
            faults,
            self._pending.met_trouble,
            self.excuses,
            self.requests.replays,
            self._has_copies,
            {id: platforms.get(shop.platform).retries.timeout_seconds * SECOND for id, shop in shops.items()},
            now,
            self._report,
        )
        self._fetches = FetchChecker(
            shops,
            self._announcements,
            records,
            self._announcement,
            platform_body,
            self._has_copies,
            self._pending.met_trouble,
            faults,
            self.excuses,
            now,
            self._report,
        )
        self._visits = VisitChecker(records, self.excuses, now, self._report)
        self._cart_contacts = CartContactChecker(records, now, self._report)
        self._order_events = OrderEventChecker(
            {id: shop.key_value for id, shop in shops.items()},
            self._meanings,
            records,
            self._pending.same_entity,
            is_poisoned,
            self.excuses,
            self._report,
        )
        self._ledger_writes = LedgerWriteChecker(
            self._snapshot,
            api_order,
            self._disturbance,
            self._is_erased_entity,
            self._on_settled,
            self.requests.on_uncertain,
            lambda key: not self._is_thin(key) and self._pending.waits(key, self._aws_calls.announcement(key)),
            self.excuses,
            now,
            self._report_entity,
        )
        self._aws_calls = AwsCallObserver(
            self._announcements, self._pending, self._on_key, self.leaks.texts.add, self._report_entity
        )

    # -- during the run --

    def on_aws_call(
        self, invocation: Invocation | None, service: str, operation: str, arguments: Mapping[str, Any]
    ) -> None:
        """Note a call of AWS before it is made. `invocation` is None for a call by hand."""
        self._aws_calls.on_call(invocation, service, operation, arguments, self._now())

    def on_write(
        self, invocation: Invocation | None, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> None:
        """Check a write of the table. `invocation` is None for a write by hand."""
        self._fetches.on_write(invocation, before, after)
        self._ledger_writes.on_write(invocation, before, after)
        self._pauses.on_write(invocation, before, after)
        self._visits.on_write(after)
        self.leaks.on_write(before, after)

    def on_end(self, invocation: Invocation) -> None:
        """Check what an invocation leaves."""
        self._ledger_writes.on_end(invocation)

    def on_answer(
        self, announcement: Announcement, invocation: Invocation, status: int, answer: object, forged: bool
    ) -> None:
        """Check the answer to a webhook, or the exception that ended the function instead."""
        self._refusals.on_answer(announcement, invocation)
        story = self.requests.story_of(announcement)
        if story is not None and isinstance(self._meanings.get(announcement.id), Erasure):
            self._visits.on_erasure(self._stories[story], self._count_copies)
        if problem := self._waits.answer_problem(announcement, invocation):
            self._report("wedged", announcement, problem)
        if isinstance(answer, Exception):
            self._report("lost", announcement, f"the function failed: {describe_error(answer)}")
        elif invocation.killed:
            return
        elif forged:
            if status not in (401, 503):
                self._report("wrong_final_state", announcement, f"a forged webhook was answered with {status}")
        elif status != 200:
            self._refusals.on_refusal(announcement, invocation, status)

    def on_replay(self, key: ChangeKey) -> None:
        """Note that a parked change is replayed by hand."""
        self.requests.replays.setdefault(key, []).append(self._now())

    def on_failure(self, function: str, error: Exception) -> None:
        """Report an exception that ended a function to which no caller waits for an answer."""
        self._report_entity("wedged", "", function, f"failed: {describe_error(error)}", None)

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
            self._effects.effective.add(announcement.id)
            self._effects.finished.add(announcement.id)
        if invocation.name != "retry" and line["outcome"] == "queued":
            self._queued[key] += 1
        if line["outcome"] == "delivered":
            self._delivered[key] = announcement
        self._pending.on_outcome(line, key, announcement)
        if announcement.thin:
            state = self._fetches.on_outcome(line, announcement, invocation)
            if state is not None and line["outcome"] in _FINAL_OUTCOMES and line.get("reason") != TOO_OLD:
                self._effects.effective.add(state.id)
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
        self._pauses.on_call(announcement.shop, announcement, invocation)
        if path.startswith("POST"):
            self._pending.on_call(announcement, invocation)

    def on_api_failure(
        self, invocation: Invocation, path: str, body: bytes, status: int, headers: Mapping[str, str]
    ) -> None:
        """Note a call of the API that failed for now. `path` is method and path; status 0 means no answer."""
        if announcement := self._announcement(invocation):
            self._waits.on_failure(announcement, invocation, path, body, status, headers)
            self._pauses.on_failure(announcement.shop, invocation)
            self._effects.failed.add(announcement.id)
            self._pending.on_failure(announcement, invocation, status)
            if not status:
                self.requests.on_uncertain(announcement.shop, announcement.entity, body)

    def on_platform_request(
        self, invocation: Invocation, path: str, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Check a request to a platform's API."""
        self._fetches.on_request(invocation, method, url, headers, body)
        fetch = self._fetches.begins(invocation, path)
        if fetch is not None:
            self._pauses.on_call(f"{fetch.webhook.shop}#platform", fetch.webhook, invocation)

    def on_platform_answer(
        self, invocation: Invocation, path: str, status: int, wait_ms: int, body: bytes | None, announcement: int
    ) -> None:
        """Note the answer of a platform's API. Arguments as for `platform_apis.OnAnswer`."""
        self._effects.fetched.add(announcement)
        if self._fetches.on_answer(invocation, path, status, wait_ms, body, announcement) and (
            webhook := self._announcement(invocation)
        ):
            self._pauses.on_failure(f"{webhook.shop}#platform", invocation)
            self._waits.on_platform_failure(webhook.shop)

    def on_api_accepted(
        self, invocation: Invocation, account: str, path: str, body: bytes, event: dict[str, Any] | None, answered: bool
    ) -> None:
        """Check a request that the API accepted. Two shops may use one account."""
        webhook = self._announcement(invocation)
        announcement = self._fetches.state_of(webhook, invocation) if webhook else None
        shop = announcement.shop if announcement else account
        if webhook is not None:
            self._waits.on_accepted(invocation, path, body)
        if announcement is not None and (number := self.requests.story_of(announcement)) is not None:
            self._contacts.on_accepted(announcement, number, path, body)
            self.erasure.on_accepted(number, announcement, invocation.notes["claimed_at"], path, body)
        is_change = self.requests.on_accepted(
            invocation, announcement, shop, path, body, event, answered, webhook=webhook
        )
        if announcement is not None and webhook is not None and is_change:
            *earlier, request = self.requests.accepted[shop, announcement.entity]
            if webhook.thin:
                before = next((other for other in reversed(earlier) if other.path == path), None)
                is_unrecorded = before is not None and before.may_be_unrecorded
                self._fetches.on_accepted(webhook, invocation, path, is_unrecorded=is_unrecorded)
            is_mixed = self._fetches.is_mixed(webhook, invocation)
            if announcement.entity.startswith("order ") and not (self._is_erased(announcement) or is_mixed):
                self._order_events.on_accepted(request, announcement, earlier)
                self._check_conversion(announcement, request, earlier)
            if not announcement.entity.startswith("contact "):
                self._effects.effective.update((announcement.id, webhook.id))
            if event and not is_mixed and (story := self.requests.story_of(announcement)) is not None:
                meaning = self._stories[story].meanings.get(announcement.id)
                self._cart_contacts.on_event(webhook, meaning, event["keyValue"])
                if problem := browsing_problem(meaning, event, self.requests.identities[story]):
                    self._report("wrong_final_state", announcement, problem)
            self._pending.on_event_accepted(webhook, invocation)

    def _check_conversion(
        self, announcement: Announcement, request: AcceptedRequest, earlier: list[AcceptedRequest]
    ) -> None:
        meaning = self._meanings.get(announcement.id)
        entity = cart_entity(meaning.token) if isinstance(meaning, Purchase) else ""
        of_cart = self.requests.accepted.get((announcement.shop, entity), ())
        if problem := conversion_problem(request, earlier, of_cart):
            self._report("wrong_final_state", announcement, problem)

    def _on_key(self, key: ChangeKey, announcement: Announcement) -> None:
        if announcement.storefront:
            self._visits.on_key(key, announcement)

    def _on_settled(self, key: ChangeKey, invocation: Invocation) -> None:
        """Note that a write of the table settled a change."""
        announcement = self._aws_calls.announcement(key)
        self._pending.on_settled(key, announcement)
        if announcement is None:
            return
        requests = self.requests.accepted.get((announcement.shop, announcement.entity), ())
        is_sent = any(request.announcement is announcement for request in requests)
        meaning = self._meanings.get(announcement.id)
        if not invocation.overran:  # without its lease it settles the change, but records no contact
            self._visits.on_settled(announcement, meaning, is_sent=is_sent, now=self._now())

    def unseen_attributes(self, names: Iterable[str]) -> list[str]:
        """Return those of the table's attributes of which no write was recognised."""
        return [name for name in names if not self._aws_calls.written[name]]

    def on_drained(self, waiting: Iterable[str]) -> None:
        """Check that nothing waits some time after the last fault ended. `waiting` describes what does."""
        for text in waiting:
            self._report_entity("wedged", "", text, "still waits long after the last fault", None)

    # -- at the end --

    def finish(self, end: EndState) -> list[Violation]:
        """Check the end of the run and return all violations."""
        # A fact that waits for its order is not abandoned.
        abandoned = {(change.shop, change.entity): "parked" for change in end.parked if change.reason != ORDER_NOT_SEEN}
        for text in end.waiting:
            self._report_entity("wedged", "", text, "still waits although all parts work", None)
        for shop, entity in end.pending:
            # The mark of a view delays nothing, because a view has only one change. Its id in the ledger comes from
            # shopwire, so the checker cannot know whether an invocation crashed over it.
            is_view = entity.startswith("view ")
            if not is_view and not (self._pending.met_trouble(shop, entity) and self.excuses.use("crashed")):
                self._report_entity("wedged", shop, entity, "marked as pending although nothing waits", None)
        self._check_settled(end.settled)
        self.erasure.finish({shop: state["orders"] for shop, state in end.api.items()}, self.requests.accepted)
        self.requests.uncertain_entities.update(self._fetches.uncertain_entities())
        self._fetches.finish()
        final = FinalStateChecker(end.api, self.requests.accepted, self.requests.uncertain_entities, self.excuses)
        ends = StoryEndChecker(
            self._records,
            self._announcements,
            self._effects,
            self.requests,
            self._order_events,
            self.erasure,
            self._pending.same_entity,
            {announcement.id for key in self._visits.too_old_at if (announcement := self._aws_calls.announcement(key))},
            self.excuses,
        )
        for number, story in self._stories.items():
            self.violations += ends.check(final, number, story, abandoned)
            self.requests.finish(story)
            self._visits.finish(story, self.requests.accepted, self.erasure.requested_at(number))
        self._contacts.finish(final.contacts, self.requests.accepted, abandoned)
        self._pending.finish(self.requests.accepted)
        self.violations += self.leaks.finish(self._stories)
        return self.violations

    def _is_thin(self, key: ChangeKey) -> bool:
        """Return True if the change is a thin webhook, which nothing can overtake: what is fetched later is newer."""
        announcement = self._aws_calls.announcement(key)
        return announcement is not None and announcement.thin

    def _snapshot(self, key: ChangeKey, invocation: Invocation) -> Snapshot | None:
        announcement = self._aws_calls.announcement(key)
        # An invocation may have crashed after it sent a later version, so that nothing is recorded of that.
        if announcement is None or self._is_erased(announcement) or self._pending.is_past(announcement):
            return None
        entity = announcement.shop, announcement.entity
        if entity in self.requests.uncertain_entities and self.excuses.use("address_changed_meanwhile"):
            return None
        if entity in self._order_events.ahead and self.excuses.use("parked"):
            return None
        if announcement.thin:
            state = self._fetches.state_of(announcement, invocation)
            if state is announcement or self._fetches.is_mixed(announcement, invocation):
                return None
            announcement = state
        return self._order_events.snapshot(announcement)

    def _disturbance(self, shop: str, entity: str) -> str | None:
        """Return the excuse if the API may have something of an entity that is not recorded."""
        if self._pending.was_overrun(shop, entity):
            return "overran"
        # A fact has no version, so a snapshot that is settled next need not be later.
        accepted = self.requests.accepted.get((shop, entity), ())
        facts = (each for each in accepted if each.announcement and each.announcement.version is None)
        return "crashed" if any(fact.may_be_unrecorded for fact in facts) else None

    def _is_erased_entity(self, shop: str, entity: str) -> bool:
        return any(map(self._is_erased, self._pending.of_entity(shop, entity)))

    def _is_erased(self, announcement: Announcement) -> bool:
        """Return True if the announcement's person asked for the erasure by now."""
        return self.erasure.was_requested(self.requests.story_of(announcement))

    def _check_settled(self, settled: Mapping[EntityKey, SettledEntry]) -> None:
        """Check that each delivered change, or a later one of its entity, is settled in the ledger.

        Otherwise a duplicate is sent again, and later changes do not know what the API holds.
        """
        for key, announcement in self._delivered.items():
            if announcement.entity.partition(" ")[0] not in _ENTITIES_WITH_STATE:
                continue
            entry = settled.get((announcement.shop, announcement.entity))
            if not (entry and is_settled(entry, key[1], announcement)) and not (
                self._is_erased(announcement) and self.excuses.use("erased_meanwhile")
            ):
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
