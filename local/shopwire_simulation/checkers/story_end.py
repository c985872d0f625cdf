"""Checks the end of each story: what the API has of it, and the events that it got of each order."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from shopwire_simulation.checkers.accepted_requests import RequestChecker
from shopwire_simulation.checkers.decisions import choices
from shopwire_simulation.checkers.erasure import ErasureChecker
from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.final_state import FinalStateChecker
from shopwire_simulation.checkers.observations import EntityKey, Violation
from shopwire_simulation.checkers.order_events import OrderEventChecker
from shopwire_simulation.reference_model import ExpectedState, expected_state
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import Announcement, Story
from shopwire_testkit.durations import DAY, MINUTE


@dataclass(frozen=True, slots=True)
class Effects:
    """What became of announcements, by their ids.

    Args:
        effective: had an effect, whether they were answered or not.
        fetched: their state was fetched, whatever became of it.
        finished: a log line called them finished.
        failed: a call of the API failed.
    """

    effective: set[int] = field(default_factory=set)
    fetched: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)


class StoryEndChecker:
    """Checks one story after the other.

    Args:
        records: what the platforms know about each announcement, by its id.
        announcements: by their ids.
        same_entity: returns the announcements about the same entity.
        parked_as_too_old: ids of the announcements that were parked because they waited too long.
    """

    def __init__(
        self,
        records: Mapping[int, SendRecord],
        announcements: Mapping[int, Announcement],
        effects: Effects,
        requests: RequestChecker,
        order_events: OrderEventChecker,
        erasure: ErasureChecker,
        same_entity: Callable[[Announcement], list[Announcement]],
        parked_as_too_old: Collection[int],
        excuses: ExcuseCounter,
    ) -> None:
        self._records = records
        self._announcements = announcements
        self._effects = effects
        self._requests = requests
        self._order_events = order_events
        self._erasure = erasure
        self._same_entity = same_entity
        self._parked_as_too_old = parked_as_too_old
        self._excuses = excuses

    def check(
        self, final: FinalStateChecker, number: int, story: Story, abandoned: dict[EntityKey, str]
    ) -> list[Violation]:
        """Check a story, with every choice of the announcements that may have had an effect without an answer.

        Adds to `abandoned`.
        """
        ids = [announcement.id for announcement in story.announcements if announcement.id in self._records]
        # What is fetched may be a state without a webhook.
        certain = [
            announcement.id
            for announcement in story.announcements
            if announcement.id in self._effects.effective
            or (announcement.id in self._records and self._records[announcement.id].accepted_at is not None)
        ]
        uncertain = [id for id in ids if id not in certain and self._records[id].attempted_at]
        # What was learned of a fetched state without a webhook may be recorded, although it was not sent.
        silent = [announcement.id for announcement in story.announcements if announcement.silent]
        uncertain += [id for id in silent if id not in certain and id in self._effects.fetched]
        half_done = [id for id in ids if self._is_half_done(id)]
        abandoned |= {(story.shop, self._announcements[id].entity): "crashed" for id in half_done}
        for announcement in (self._announcements[id] for id in ids if id in self._parked_as_too_old):
            attempted_at = self._records[announcement.id].attempted_at
            if is_given_up(announcement, attempted_at, self._same_entity(announcement)):
                abandoned[story.shop, announcement.entity] = "too_old"
        violations: list[Violation] = []
        excused = self._excuses.counts.copy()
        for chosen in choices(uncertain):
            self._excuses.counts = excused.copy()
            expected = expected_state(story, [*certain, *chosen])
            violations = list(final.check(number, story, expected, abandoned))
            if not violations:
                self._check_sequences(story, expected, abandoned)
                break
        return violations

    def _check_sequences(self, story: Story, expected: ExpectedState, abandoned: Mapping[EntityKey, str]) -> None:
        erased = self._erasure.was_requested(self._requests.story_of(story.announcements[0]))
        orders = {
            announcement.entity: announcement
            for announcement in story.announcements
            if announcement.entity.startswith("order ")
        }
        for entity, announcement in orders.items():
            events = [request for request in self._requests.accepted.get((story.shop, entity), ()) if request.event]
            statuses = expected.statuses.get(entity.removeprefix("order "))
            excuse = self._excuse_of(announcement, abandoned)
            if erased:
                continue  # the ledger forgets the order, so that it may begin again
            self._order_events.finish(announcement, events, statuses[-1] if statuses else None, excuse)

    def _excuse_of(self, announcement: Announcement, abandoned: Mapping[EntityKey, str]) -> str | None:
        """Return the excuse if the last change of the announcement's entity may be half-done."""
        entity = (announcement.shop, announcement.entity)
        if entity in abandoned:
            return abandoned[entity]
        if entity in self._requests.uncertain_entities:
            return "overran"
        same_entity = self._same_entity(announcement)
        records = [self._records[other.id] for other in same_entity if other.id in self._records]
        # Nothing repeats a webhook whose invocation crashed, if its platform does not.
        return "crashed" if any(record.attempted_at and not record.accepted_at for record in records) else None

    def _is_half_done(self, id: int) -> bool:
        """Return True if an invocation crashed over the announcement, nothing repeats it, and the API may have it.

        Then it is unknown whether earlier changes are stale, which address of a customer the API knows, and whether it
        has the event of an order: that is a request after the one to v1/orders.
        """
        record, announcement = self._records[id], self._announcements[id]
        if not record.attempted_at or record.accepted_at is not None or id in self._effects.finished:
            return False
        requests = self._requests.accepted.get((announcement.shop, announcement.entity), ())
        return id in self._effects.failed or any(request.announcement is announcement for request in requests)


def is_given_up(announcement: Announcement, attempted_at: Collection[int], same_entity: Iterable[Announcement]) -> bool:
    """Return True if an announcement is the last one of its cart, and came so late that it is too old.

    Such a copy is ignored and settles the change. If the change was parked before, a replay of it sends nothing.

    Args:
        attempted_at: when the platform sent it.
        same_entity: all announcements of the cart.
    """
    if not announcement.entity.startswith("cart ") or announcement.version is None:
        return False
    is_last = all(other.version is None or other.version <= announcement.version for other in same_entity)
    return is_last and max(attempted_at, default=0) - announcement.version[0] > DAY - MINUTE
