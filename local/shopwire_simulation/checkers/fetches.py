"""Checks what is fetched for thin webhooks, and what follows from it.

Every state that a shop's platform has had of an entity has a number, from the first to the last. The fake of the
platform's API says which of them it answered. So it is known which state a request to the API may describe, whether a
later state was overwritten by an earlier one, and whether a webhook is superseded by a fetch that contains it.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shopwire.models import Shop
from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.observations import ChangeKey, EntityKey, ReportViolation
from shopwire_simulation.faults import FAULT_KINDS, FaultSchedule
from shopwire_simulation.log_reasons import NOT_AT_PLATFORM
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.senders import SendRecord
from shopwire_simulation.table_layout import FETCHED_AT, LEASE_HOLDER, SETTLED_KEYS, entity_of, is_entity_key
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import MINUTE, SECOND

_INTERVAL_MS = 5 * SECOND
"""The time between two fetches of an entity (decision 22)."""
_BURST = 20
_BURST_FETCHES = 3
"""The number of fetches that a burst of 20 webhooks of an entity makes at most (decision 22)."""
_BURST_MS = 2 * SECOND
_SKEW_MS = 2_500
"""A function's clock is so much fast or slow."""
_GONE = 1_000_000
"""The number of the state of what does not exist any more."""
_NO_STATE = -1
"""The number of the state of what does not exist yet."""


@dataclass(slots=True)
class Fetch:
    """What one invocation fetched for one webhook.

    `path` is the first path, `state` the number of the state, and `announcement` the one since which it is the state;
    None if the entity does not exist. `is_mixed` is True if other parts of it are of another moment, `was_behind` if a
    copy answered that is behind. `is_complete` is False once a request failed.
    """

    key: ChangeKey
    webhook: Announcement
    path: str
    at: int
    state: int = _NO_STATE
    announcement: Announcement | None = None
    is_mixed: bool = False
    was_behind: bool = False
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class _Throttling:
    until: int
    invocation: Invocation


class FetchChecker:
    """Follows the requests to the platforms' APIs.

    Args:
        announcements: the run's announcements, by their ids.
        records: what the platforms know about each webhook, by its id.
        webhook_of: returns the webhook on which an invocation works.
        body_at: returns what is true of a path of a platform's API at a time (UTC milliseconds).
        has_copies: returns True if a change was received more than once. Each copy waits by itself.
        met_trouble: returns True if an invocation that worked on an entity of a shop crashed or found a store down.
    """

    def __init__(
        self,
        shops: Mapping[str, Shop],
        announcements: Mapping[int, Announcement],
        records: Mapping[int, SendRecord],
        webhook_of: Callable[[Invocation], Announcement | None],
        body_at: Callable[[str, int], bytes | None],
        has_copies: Callable[[Announcement, ChangeKey], bool],
        met_trouble: Callable[[str, str], bool],
        faults: FaultSchedule,
        excuses: ExcuseCounter,
        now: Callable[[], int],
        report: ReportViolation,
    ) -> None:
        self._shops = shops
        self._announcements = announcements
        self._records = records
        self._webhook_of = webhook_of
        self._body_at = body_at
        self._has_copies = has_copies
        self._met_trouble = met_trouble
        self._faults = faults
        self._excuses = excuses
        self._now = now
        self._report = report
        self._skew_ms = _SKEW_MS if faults.includes("skew") else 0
        self._of_entity = _by_entity(announcements.values())
        self._numbers = {id: number for of_one in self._of_entity.values() for id, number in _number(of_one)}
        self._roots: dict[str, set[str]] = defaultdict(set)
        """Host and store of the API of each shop."""
        for announcement in announcements.values():
            self._roots[announcement.shop].update(map(_root, announcement.answers))
        self._holders: dict[EntityKey, str | None] = {}
        """Who holds the lease of each entity."""
        self._throttled: dict[ChangeKey, _Throttling] = {}
        self._recorded: dict[EntityKey, Fetch] = {}
        """The last fetch of each entity that the ledger recorded."""
        self._contained: dict[EntityKey, int] = defaultdict(lambda: _NO_STATE)
        """The number of the latest state of each entity that such a fetch has."""
        self._sent: dict[tuple[str, str, str], tuple[Fetch, Invocation]] = {}
        """Shop, entity and path -> the fetch of the last accepted request."""
        self._fetched_at: dict[EntityKey, list[int]] = defaultdict(list)
        """When each entity was fetched."""

    # -- requests to a platform

    def on_request(
        self, invocation: Invocation, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Check a request to a platform's API before it is answered."""
        webhook = self._webhook_of(invocation)
        if webhook is None or not webhook.thin:
            holder = webhook or next(iter(self._announcements.values()))
            self._report("misordered", holder, "a platform's API is asked without the lease of a thin webhook")
            return
        split, token = urlsplit(url), str(self._shops[webhook.shop].api.get("token"))
        is_own = split.scheme == "https" and _root(f"{split.netloc}{split.path}") in self._roots[webhook.shop]
        if not is_own or method != "GET" or body:
            self._report("leaked", webhook, "a request to another host, of another store, or not a GET")
        if token not in headers.values() or any("authorization" in name.lower() for name in headers):
            self._report("leaked", webhook, "a request with another token than that of the shop")
        entity = (webhook.shop, webhook.entity)
        if self._holders.get(entity) != invocation.request_id and not invocation.overran:
            self._report("misordered", webhook, "fetched without the lease of its entity")

    def begins(self, invocation: Invocation, path: str) -> Fetch | None:
        """Return the fetch to which a request for this path belongs. None: it belongs to no thin webhook."""
        webhook, key = self._webhook_of(invocation), invocation.notes.get("key")
        if webhook is None or not webhook.thin or key is None:
            return None
        fetch: Fetch | None = invocation.notes.get("fetch")
        if fetch is None or fetch.key != key or fetch.path == path:
            fetch = invocation.notes["fetch"] = Fetch(key, webhook, path, self._now())
            self._check_begin(fetch, invocation)
        return fetch

    def _check_begin(self, fetch: Fetch, invocation: Invocation) -> None:
        webhook, now = fetch.webhook, self._now()
        entity = (webhook.shop, webhook.entity)
        throttling = self._throttled.pop(fetch.key, None)
        if (
            throttling
            and now < throttling.until - 2 * self._skew_ms
            and not (self._has_copies(webhook, fetch.key) and self._excuses.use("copies"))
        ):
            text = f"fetched {throttling.until - now} ms before the time that the platform asked for"
            self._report("wedged", webhook, text)
        last = self._recorded.get(entity)
        if last and now - last.at < _INTERVAL_MS - 2 * self._skew_ms:
            self._report("wedged", webhook, f"fetched again after {now - last.at} ms")
        self._fetched_at[entity].append(now)

    def on_answer(
        self, invocation: Invocation, path: str, status: int, wait_ms: int, body: bytes | None, announcement: int
    ) -> bool:
        """Note the answer of a platform's API. Return True if it failed for now.

        Args:
            status: 0 for no answer.
            wait_ms: for how long the API asked to wait.
            announcement: id of the one since which the path has this body.
        """
        fetch: Fetch | None = invocation.notes.get("fetch")
        if fetch is None:
            return status not in (200, 204, 404)
        if status not in (200, 204, 404):
            fetch.is_complete = False
            if status == 429:
                self._throttled[fetch.key] = _Throttling(self._now() + wait_ms, invocation)
            return True
        fetch.was_behind = fetch.was_behind or bool(invocation.notes.get("platform_lag"))
        found = self._announcements.get(announcement)
        if path == fetch.path:
            own = found if found and (found.shop, found.entity) == (fetch.webhook.shop, fetch.webhook.entity) else None
            fetch.announcement = own
            fetch.state = self._numbers[own.id] if own else _GONE if found else _NO_STATE
        else:
            moment = fetch.announcement.at if fetch.announcement else self._now()
            fetch.is_mixed = fetch.is_mixed or self._body_at(path, moment) != body
        return False

    # -- what follows

    def state_of(self, webhook: Announcement, invocation: Invocation) -> Announcement:
        """Return the announcement whose state a request of this invocation describes."""
        fetch = self._fetch_of(webhook, invocation)
        return fetch.announcement if fetch and fetch.announcement else webhook

    def is_mixed(self, webhook: Announcement, invocation: Invocation) -> bool:
        """Return True if the parts of what was fetched are of several moments, so that no state has its content."""
        fetch = self._fetch_of(webhook, invocation)
        return fetch is not None and fetch.is_mixed

    def on_accepted(self, webhook: Announcement, invocation: Invocation, path: str, *, is_unrecorded: bool) -> None:
        """Check that a state that the API accepted is not older than what it accepted before.

        Args:
            is_unrecorded: the ledger may not know the earlier request.
        """
        if (fetch := self._fetch_of(webhook, invocation)) is None:
            return
        place = (webhook.shop, webhook.entity, path)
        earlier, before = self._sent.get(place, (fetch, invocation))
        self._sent[place] = fetch, invocation
        if fetch.state >= earlier.state or before.overran or is_unrecorded:
            return
        if self._looks_alike(fetch, earlier.announcement):
            self._excuses.use("unrecognised_copy")
        else:
            self._report("misordered", webhook, f"state {fetch.state} was accepted after state {earlier.state}")

    def on_outcome(self, line: Mapping[str, Any], webhook: Announcement, invocation: Invocation) -> Announcement | None:
        """Check a log line that says what became of a thin webhook. Return the announcement of the fetched state."""
        fetch = self._fetch_of(webhook, invocation)
        if line.get("reason") == NOT_AT_PLATFORM and (fetch is None or fetch.state == _NO_STATE):
            self._report("lost", webhook, "ignored as not at the platform, although it is there")
        if line["outcome"] == "superseded":
            self._check_superseded(webhook)
        return fetch.announcement if fetch else None

    def _check_superseded(self, webhook: Announcement) -> None:
        entity = (webhook.shop, webhook.entity)
        if self._contained[entity] >= self._numbers[webhook.id]:
            return
        if (last := self._recorded.get(entity)) and self._looks_alike(last, webhook):
            self._excuses.use("unrecognised_copy")
            return
        self._report("lost", webhook, "superseded by a fetch that does not contain it")

    def on_write(
        self, invocation: Invocation | None, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> None:
        """Note a write of the table: who holds a lease, and which fetch the ledger records."""
        item = after or before
        if item is None or not is_entity_key(item["pk"]["S"]):
            return
        entity = entity_of(item)
        self._holders[entity] = (after or {}).get(LEASE_HOLDER, {}).get("S")
        fetch: Fetch | None = invocation.notes.get("fetch") if invocation else None
        if after is None or invocation is None:
            return
        is_settled = after.get(SETTLED_KEYS) != (before or {}).get(SETTLED_KEYS)
        settled = after[SETTLED_KEYS]["L"][-1]["S"] if is_settled and SETTLED_KEYS in after else None
        is_own = fetch is not None and entity == (fetch.webhook.shop, fetch.webhook.entity)
        if FETCHED_AT in after and after.get(FETCHED_AT) != (before or {}).get(FETCHED_AT):
            recorded_at = int(after[FETCHED_AT]["N"])
            if fetch is None or not is_own or not fetch.is_complete or recorded_at > fetch.at + self._skew_ms:
                webhook = fetch.webhook if fetch else self._of_entity[entity][0]
                self._report("lost", webhook, "the ledger records a fetch that was not made, or not so late")
                return
            self._recorded[entity] = fetch
            self._contained[entity] = max(self._contained[entity], fetch.state)
        elif (
            fetch
            and is_own
            and settled == fetch.key[1]
            and fetch.is_complete
            and not (invocation.notes.get("parked") or invocation.overran)
            and abs(int(after.get(FETCHED_AT, {"N": "0"})["N"]) - fetch.at) > self._skew_ms
        ):
            self._report("lost", fetch.webhook, "the ledger does not keep that it was fetched")

    # -- at the end

    def uncertain_entities(self) -> Iterator[EntityKey]:
        """Yield the entities whose last recorded fetch came from a copy that was behind, and did not look so."""
        for entity, fetch in self._recorded.items():
            last = self._of_entity[entity][-1]
            if fetch.state < self._numbers[last.id] and self._looks_alike(fetch, last):
                self._excuses.use("unrecognised_copy")
                yield entity

    def finish(self) -> None:
        """Check that bursts of webhooks made few fetches, wherever nothing disturbed them."""
        for (shop, entity), announcements in self._of_entity.items():
            webhooks = [other for other in announcements if not other.silent and other.id in self._records]
            for first, last in zip(webhooks, webhooks[_BURST - 1 :], strict=False):
                end = self._end_of(first, webhooks)
                attempts = [at for other in webhooks for at in self._records[other.id].attempted_at]
                of_burst = [at for at in attempts if first.at <= at < end]
                if (
                    last.at - first.at > _BURST_MS
                    or not of_burst
                    or max(of_burst) - min(of_burst) > _BURST_MS
                    or self._faults.is_open(FAULT_KINDS, first.at - MINUTE, end)
                    or self._met_trouble(shop, entity)
                ):
                    continue
                fetches = [at for at in self._fetched_at[shop, entity] if first.at <= at < end]
                if len(fetches) > _BURST_FETCHES:
                    text = f"{len(of_burst)} webhooks of one moment made {len(fetches)} fetches"
                    self._report("wedged", first, text)

    @staticmethod
    def _end_of(first: Announcement, webhooks: Iterable[Announcement]) -> int:
        """Return when the fetches of a burst are over: after a minute, or with the next change."""
        later = (other.at for other in webhooks if other.at > first.at + _BURST_MS)
        return min(next(later, first.at + MINUTE), first.at + MINUTE)

    def _fetch_of(self, webhook: Announcement, invocation: Invocation) -> Fetch | None:
        fetch: Fetch | None = invocation.notes.get("fetch")
        is_own = fetch is not None and webhook.thin and fetch.key == invocation.notes.get("key")
        return fetch if is_own else None

    @staticmethod
    def _looks_alike(fetch: Fetch, other: Announcement | None) -> bool:
        """Return True if a copy that is behind answered, and its state says the same time of change as another one."""
        found = fetch.announcement
        if not (fetch.was_behind and found and other and found.version and other.version):
            return False
        return found.version[0] == other.version[0]


def _by_entity(announcements: Iterable[Announcement]) -> dict[EntityKey, list[Announcement]]:
    """Return the announcements that change what a platform's API answers about their own entity, in their order."""
    found: dict[EntityKey, list[Announcement]] = defaultdict(list)
    for announcement in sorted(announcements, key=lambda other: (other.at, other.id)):
        if announcement.thin:
            found[announcement.shop, announcement.entity].append(announcement)
    return found


def _number(announcements: Iterable[Announcement]) -> Iterator[tuple[int, int]]:
    """Yield the id of each announcement of an entity, and the number of its state."""
    for number, (_, same) in enumerate(itertools.groupby(announcements, key=lambda other: dict(other.answers))):
        for announcement in same:
            yield announcement.id, number


def _root(path: str) -> str:
    """Return host and store of "host/stores/name/..."."""
    return "/".join(path.split("/")[:3])
