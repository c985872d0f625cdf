"""Checks the changes that wait: nothing overtakes them, and nothing is parked, stale or a duplicate without need.

Works on the API's calls and on shopwire's own log lines, the same that an operator reads.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.observations import AcceptedRequest, ChangeKey, EntityKey, ReportViolation
from shopwire_simulation.log_reasons import KEEPS_FAILING, ORDER_NOT_SEEN, THREE_CRASHES, TOO_OLD
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import DAY, HOUR, MINUTE

MAX_AGE_MS = {"view": HOUR, "cart": DAY, "order": 3 * DAY, "contact": 3 * DAY}
"""Maximum age of what waits, by kind of entity."""
_OTHER_FAULTS = (401, 403, 409, 429)
"""HTTP statuses of which a change is never the cause."""
_MOST_FAILURES = 20
_FAILURES_IN_AN_HOUR = 5
_WAITING_OUTCOMES = ("queued", "waiting")
_STORE_OUTAGES = ("ledger_down", "queue_down")
_MAX_REJECTIONS = 3
_LOG_DELAY_MS = 5_000

VersionKey = tuple[str, str, Any]
"""Shop, entity and version. Several announcements of one state share it."""


@dataclass(slots=True)
class _UnfinishedChange:
    """A change for which the API was called and that is not finished.

    `waits` is True if the change failed, or a log line said that it waits. Before, an invocation still works on it.
    `is_stored` is True if a log line said that it waits, so that its webhook is in the queue or the outbox. `stored_at`
    is when a log line said that first.
    """

    announcement: Announcement
    invocations: list[Invocation] = field(default_factory=list)
    waits: bool = False
    is_stored: bool = False
    stored_at: int = 0


class PendingChecker:
    """Follows each entity's changes from the first call of the API to their end.

    Args:
        records: what the platforms know about each announcement, by its id.
        replays: when each change was replayed by hand.
        is_poisoned: returns True if the API fails or rejects requests about an entity of a shop.
        count_copies: returns how many messages with a change are in the queue and in the outbox.
    """

    def __init__(
        self,
        announcements: Iterable[Announcement],
        records: Mapping[int, SendRecord],
        replays: Mapping[ChangeKey, list[int]],
        excuses: ExcuseCounter,
        is_poisoned: Callable[[str, str], bool],
        count_copies: Callable[[ChangeKey], int],
        now: Callable[[], int],
        report: ReportViolation,
    ) -> None:
        self._same_version: dict[VersionKey, list[int]] = defaultdict(list)
        self._of_entity: dict[EntityKey, list[Announcement]] = defaultdict(list)
        for announcement in announcements:
            self._same_version[_version_key(announcement)].append(announcement.id)
            self._of_entity[announcement.shop, announcement.entity].append(announcement)
        self._records = records
        self._replays = replays
        self._excuses = excuses
        self._is_poisoned = is_poisoned
        self._count_copies = count_copies
        self._now = now
        self._report = report
        self._unfinished: dict[EntityKey, dict[ChangeKey, _UnfinishedChange]] = defaultdict(dict)
        """By entity and by the key of the change."""
        self._invocations: dict[EntityKey, list[Invocation]] = defaultdict(list)
        self._received_by: dict[int, list[Invocation]] = defaultdict(list)
        """The invocations that received each announcement from its platform."""
        self._rejections: dict[tuple[int, str], list[Invocation]] = defaultdict(list)
        """The invocations whose request about an announcement was rejected, by its id and the path."""
        self._accepted_versions: set[VersionKey] = set()
        """Versions of which the API accepted a request."""
        self._latest_versions: dict[EntityKey, Any] = {}
        """The latest version of each entity that was sent or settled."""
        self._failed_at: dict[ChangeKey, list[int]] = defaultdict(list)
        """When the calls of each change failed that may be its own fault."""
        self._parked: Counter[ChangeKey] = Counter()
        """How often each change was parked."""
        self._finished_at: dict[ChangeKey, int] = {}
        """When each key was first settled, or first had another final outcome."""
        self._duplicates: list[tuple[ChangeKey, Announcement, int]] = []
        self._superseded: list[tuple[Announcement, int]] = []

    def on_start(self, announcement: Announcement, invocation: Invocation) -> None:
        """Note that an invocation works on the announcement."""
        if invocation.name != "retry":
            self._received_by[announcement.id].append(invocation)
        invocations = self._invocations[announcement.shop, announcement.entity]
        if not invocations or invocations[-1] is not invocation:
            invocations.append(invocation)

    def on_call(self, announcement: Announcement, invocation: Invocation) -> None:
        """Note that the API is called. From now on, no later change may be sent before this one is finished."""
        changes = self._unfinished[announcement.shop, announcement.entity]
        change = changes.setdefault(invocation.notes["key"], _UnfinishedChange(announcement))
        change.waits = change.is_stored = False
        if not change.invocations or change.invocations[-1] is not invocation:
            change.invocations.append(invocation)

    def on_failure(self, announcement: Announcement, invocation: Invocation, status: int) -> None:
        """Note that the call failed (0: no answer). The invocation defers the change before a later one is sent."""
        if status not in _OTHER_FAULTS:
            self._failed_at[invocation.notes["key"]].append(self._now())
        changes = self._unfinished[announcement.shop, announcement.entity]
        if change := changes.get(invocation.notes["key"]):
            change.waits = True

    def on_rejected(self, announcement: Announcement, invocation: Invocation, path: str) -> None:
        """Check that a request that the API rejects permanently is not repeated forever."""
        if invocation.name != "retry":
            return
        rejected = self._rejections[announcement.id, path]
        rejected.append(invocation)
        # One that dies, or finds a store down, cannot park the change. The next one tries it again.
        if sum(not _met_trouble(each) for each in rejected) >= _MAX_REJECTIONS:
            self._report("wedged", announcement, "repeated although the API rejected it permanently")

    def on_event_accepted(self, announcement: Announcement, invocation: Invocation) -> None:
        """Check that the accepted event does not overtake an earlier change that waits."""
        if announcement.version is None or announcement.thin:
            return  # what is fetched later is newer
        self._accepted_versions.add(_version_key(announcement))
        self._note_version(announcement)
        # A change that arrives while the ledger does not answer gets no pending mark. It may overtake a change that
        # waits in the outbox (docs/limits-and-cost.md).
        receivers = self._received_by[announcement.id]
        is_unmarked = _met_trouble(invocation) or any(receiver.notes.get("ledger_down") for receiver in receivers)
        # If `retry` dies while it moves what waits to the outbox, SQS delivers what it moved last once more, before the
        # rest comes back (docs/limits-and-cost.md).
        worked = self._invocations[announcement.shop, announcement.entity]
        is_unmarked |= any(each.killed and each.name == "retry" for each in worked)
        for change in self._unfinished[announcement.shop, announcement.entity].values():
            version = change.announcement.version
            if not change.waits or version is None or version >= announcement.version:
                continue
            if _version_key(change.announcement) in self._accepted_versions:
                continue  # the same state was sent under another topic
            if not change.is_stored and change.invocations[-1].stood_still:
                continue  # its invocation stands still between the mark and the queue: the platform has no answer
            if invocation.name == "retry" and not self._arrived_later(announcement, change):
                continue  # both were delivered at the same time, so they wait in the order in which they were queued
            if is_unmarked or any(map(_met_trouble, change.invocations)):
                self._excuses.use("crashed")
                continue
            text = f"{announcement.version} overtook {version}, which was tried before and waits"
            self._report("misordered", announcement, text)

    def on_outcome(self, line: Mapping[str, Any], key: ChangeKey, announcement: Announcement) -> None:
        """Check a log line that says what became of a change."""
        outcome, reason = line["outcome"], line.get("reason") or ""
        changes = self._unfinished[announcement.shop, announcement.entity]
        if outcome in _WAITING_OUTCOMES:
            if change := changes.get(key):
                change.waits = change.is_stored = True
                change.stored_at = change.stored_at or self._now()
            return
        if (
            outcome in ("stale", "superseded")
            and not announcement.thin
            and not self._higher_version_arrived(announcement)
        ):
            self._report("lost", announcement, f"called {outcome} although no later version had arrived")
        was_finished = key in self._finished_at
        if outcome == "duplicate":
            self._duplicates.append((key, announcement, self._now()))
        else:
            self._finished_at.setdefault(key, self._now())
        for path in ("POST v1/event", "POST v1/orders"):
            self._rejections.pop((announcement.id, path), None)
        changes.pop(key, None)
        if outcome == "parked":
            self._parked[key] += 1
            if not self._may_be_parked(announcement, key, reason):
                self._report("wedged", announcement, f"parked without need: {reason}")
        if outcome == "superseded" and key not in self._parked and not (was_finished or announcement.thin):
            self._superseded.append((announcement, self._now()))

    def on_settled(self, key: ChangeKey, announcement: Announcement | None) -> None:
        """Note that a change was settled in the ledger. The log line about it comes later."""
        self._finished_at.setdefault(key, self._now())
        if announcement and announcement.version is not None:
            self._note_version(announcement)

    def waits(self, key: ChangeKey, announcement: Announcement | None) -> bool:
        """Return True if the message with a change is in the queue or in the outbox, and its change must be sent.

        A change need not be sent if a later version of its entity was. The log line that says so comes later.
        """
        if key in self._finished_at or not self._count_copies(key):
            return False
        latest = self._latest_version(announcement) if announcement else None
        return announcement is None or latest is None or latest < announcement.version

    def is_past(self, announcement: Announcement) -> bool:
        """Return True if a later version of its entity was sent or settled."""
        latest = self._latest_version(announcement)
        return latest is not None and latest > announcement.version

    def _latest_version(self, announcement: Announcement) -> Any:
        """Return the latest version of its entity that was sent or settled; None if it has no version itself."""
        if announcement.version is None:
            return None
        return self._latest_versions.get((announcement.shop, announcement.entity))

    def _note_version(self, announcement: Announcement) -> None:
        latest = self._latest_version(announcement)
        if latest is None or latest < announcement.version:
            self._latest_versions[announcement.shop, announcement.entity] = announcement.version

    def of_entity(self, shop: str, entity: str) -> list[Announcement]:
        """Return the announcements about an entity."""
        return self._of_entity.get((shop, entity), [])

    def same_entity(self, announcement: Announcement) -> list[Announcement]:
        """Return the announcements about the same entity as this one."""
        return self.of_entity(announcement.shop, announcement.entity)

    def was_overrun(self, shop: str, entity: str) -> bool:
        """Return True if an invocation that worked on the entity continued after its lease had expired."""
        return any(invocation.overran for invocation in self._invocations[shop, entity])

    def met_trouble(self, shop: str, entity: str, since: int = 0, until: float = math.inf) -> bool:
        """Return True if an invocation that worked on the entity crashed, overran, or found a store down.

        Args:
            since, until: the time in which it began to work on the entity (UTC milliseconds).
        """
        worked = self._invocations[shop, entity]
        return any(
            since <= invocation.notes.get("claimed_at", since) <= until and _met_trouble(invocation)
            for invocation in worked
        )

    def finish(self, accepted: Mapping[EntityKey, list[AcceptedRequest]]) -> None:
        """Check the duplicates and the superseded changes of the whole run.

        No change may be called a duplicate before it is finished, and none may be superseded by a change that arrived
        only after its own answer.
        """
        for key, announcement, at in self._duplicates:
            finished_at = self._finished_at.get(key, at + HOUR)
            if finished_at <= at + _LOG_DELAY_MS:
                continue
            if self.met_trouble(announcement.shop, announcement.entity, until=finished_at):
                self._excuses.use("crashed")
            else:
                self._report("lost", announcement, "called a duplicate although it only waited")
        for announcement, at in self._superseded:
            if announcement.version is None:
                continue
            if _version_key(announcement) in self._accepted_versions:
                continue
            later = [
                other
                for request in accepted.get((announcement.shop, announcement.entity), ())
                if (other := request.announcement)
                and other.version
                and other.version > announcement.version
                and request.at <= at
            ]
            # Of several changes that were delivered at the same time, any may be sent first.
            if not (later and all(self._arrived_later(other, _UnfinishedChange(announcement)) for other in later)):
                continue
            if self.met_trouble(announcement.shop, announcement.entity, until=at):
                self._excuses.use("crashed")
            else:
                text = f"{announcement.version} was answered and waited; {later[0].version} overtook it"
                self._report("misordered", announcement, text)

    def _higher_version_arrived(self, announcement: Announcement) -> bool:
        return announcement.version is None or any(
            other.version is not None
            and other.version > announcement.version
            and (record := self._records.get(other.id)) is not None
            and record.first_attempt_at is not None
            for other in self._of_entity[announcement.shop, announcement.entity]
        )

    def _arrived_later(self, announcement: Announcement, change: _UnfinishedChange) -> bool:
        """Return True if the first call with this version came after the last first 2xx answer to the other version.

        That answer may say that the cart was ignored as anonymous. So the call came after the change was stored too.
        """
        other = change.announcement
        records = [self._records[id] for id in self._same_version[_version_key(announcement)] if id in self._records]
        others = [self._records[id] for id in self._same_version[_version_key(other)] if id in self._records]
        first_attempt = min(filter(None, (record.first_attempt_at for record in records)), default=None)
        last_answer = max(filter(None, (record.accepted_at for record in others)), default=None)
        return (
            first_attempt is not None and last_answer is not None and first_attempt > max(last_answer, change.stored_at)
        )

    def _may_be_parked(self, announcement: Announcement, key: ChangeKey, reason: str) -> bool:
        if reason == ORDER_NOT_SEEN or announcement.entity == "unreadable":
            return True
        kind, _, id = announcement.entity.partition(" ")
        if reason == TOO_OLD:
            first = self._records[announcement.id].first_attempt_at or self._now()
            longest = MAX_AGE_MS.get(kind, 0) - MINUTE
            replays = self._replays.get(key, [])
            if self._now() - max([first, *replays]) > longest:
                return True
            # The age of a replayed change counts from its replay, but that of its other copies does not. `upkeep` makes
            # a copy if it stops between the queue and the outbox, and `retry` if it cannot remove what it parked.
            return self._now() - first > longest and self._count_copies(key) > 1 and self._excuses.use("copies")
        if reason == THREE_CRASHES:
            return sum(map(_met_trouble, self._invocations[announcement.shop, announcement.entity])) >= 3
        if self._is_poisoned(announcement.shop, id):
            return True
        return reason == KEEPS_FAILING and self._kept_failing(key) and self._excuses.use("keeps_failing")

    def _kept_failing(self, key: ChangeKey) -> bool:
        failed_at = self._failed_at[key]
        is_long = len(failed_at) >= _FAILURES_IN_AN_HOUR and failed_at[-1] - failed_at[0] >= HOUR - MINUTE
        return is_long or len(failed_at) >= _MOST_FAILURES


def _version_key(announcement: Announcement) -> VersionKey:
    return announcement.shop, announcement.entity, announcement.version


def _met_trouble(invocation: Invocation) -> bool:
    return invocation.killed or invocation.overran or any(invocation.notes.get(kind) for kind in _STORE_OUTAGES)
