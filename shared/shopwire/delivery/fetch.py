"""Fetch the state of an entity whose webhook carries none, while the entity's lease is held.

Because of the lease, what an earlier webhook fetched never overwrites what a later one fetched. A webhook that arrived
before the last fetch needs none of its own, and two fetches of an entity are some seconds apart, so that a burst of
webhooks makes few.

A platform may answer from a copy that is behind. So a state that is older than the known one is not sent, and what was
fetched in the first seconds after a change is fetched once more, unless it is certainly the announced one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from shopwire.delivery.circuit import Circuit
from shopwire.delivery.task import Clock, Policy, Task, adapter_of, bug_details, unreadable_failure
from shopwire.errors import PermanentFailure, RetryLater, Unreadable
from shopwire.models import CartChange, Change, ContactChange, Nothing, OrderChange, Reason, Shop, ThinChange
from shopwire.models.base import plausible
from shopwire.platforms.access import PlatformApi
from shopwire.shops import Shops
from shopwire.stores.entry import Entry
from shopwire.stores.pauses import platform_of

MakeApi = Callable[[Shop, Callable[[], float]], PlatformApi]
"""(shop, function that returns the seconds that are left for an answer) -> the shop's API. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched.

    Args:
        task: the task, with the fetched state in the place of the thin change.
        at: when the fetch began, UTC ms.
        may_be_old: it may come from a copy that is behind, so it must be fetched again.
    """

    task: Task
    at: int
    may_be_old: bool


class Fetcher:
    """Fetches what thin webhooks announce.

    Attributes:
        interval_ms: between two fetches of one entity, at least: the first backoff.
        copies_behind_ms: as of `Policy`.
    """

    def __init__(self, make_api: MakeApi, shops: Shops, circuit: Circuit, policy: Policy, clock: Clock) -> None:
        self._make_api = make_api
        self._shops = shops
        self._circuit = circuit
        self._clock = clock
        self.interval_ms = policy.retry_base_ms
        self.copies_behind_ms = policy.copies_behind_ms

    def queue_first(self, shop: str) -> bool:
        """Return whether the platform's API failed so often just now that thin webhooks go to the queue at once."""
        return self._circuit.queue_first(platform_of(shop))

    def fetch(self, task: Task, entry: Entry) -> Fetched:
        """Fetch the state that the task's thin change announces.

        Raises:
            RetryLater: the API cannot be asked now, or what it answers is older than what is known.
            PermanentFailure: the API refuses, or its answer is not what the platform documents.
        """
        change, at = task.change, self._clock()
        assert isinstance(change, ThinChange)
        if (wait_ms := entry.fetched_at + self.interval_ms - at) > 0:
            raise RetryLater(Reason.FETCHED_JUST_NOW, wait_ms=wait_ms)
        state = self._ask(task, change)
        if state.entity not in (None, change.entity):
            raise PermanentFailure(Reason.UNREADABLE, field="id", problem="another_entity")
        is_young = at - task.received_at < self.copies_behind_ms
        if isinstance(state, Nothing):
            if is_young and state.reason is Reason.NOT_AT_PLATFORM:
                raise RetryLater(Reason.FETCHED_TOO_SOON, wait_ms=task.received_at + self.copies_behind_ms - at)
            return Fetched(_with(task, state, at), at, may_be_old=False)
        fetched = _with(task, state, at)
        version, known = fetched.version, max(entry.version or 0, entry.attempted_version or 0)
        if version is not None and version // 10 < known // 10:
            raise RetryLater(Reason.FETCHED_OLD_STATE, wait_ms=self.copies_behind_ms)
        is_announced = version is not None and version // 10 >= change.announced_at
        return Fetched(fetched, at, may_be_old=is_young and not is_announced)

    def preview(self, task: Task) -> Task:
        """Return the task with the state that the platform has now. Raises as `fetch`."""
        change = task.change
        assert isinstance(change, ThinChange)
        return _with(task, self._read(task, change, task.shop), self._clock())

    def _ask(self, task: Task, change: ThinChange) -> Change:
        """Return what the platform answers, and count the success or failure of its API."""
        shop = platform_of(task.shop.id)
        try:
            state = self._read_with_current_access(task, change)
        except RetryLater as failure:
            if failure.reason is Reason.FETCHED_OLD_STATE:
                failure.wait_ms = self.copies_behind_ms
            self._circuit.record_failure(shop, task.entity_key, failure)
            # It says nothing about eSputnik's API, which counts the failures that have an answer.
            failure.answer = None
            raise
        self._circuit.record_success(shop)
        return state

    def _read_with_current_access(self, task: Task, change: ThinChange) -> Change:
        try:
            return self._read(task, change, task.shop)
        except RetryLater as failure:
            if failure.reason is not Reason.PLATFORM_UNAUTHORIZED:
                raise
            # The token may have been replaced after the settings were read.
            current = self._shops.reread(task.shop.id)
            if current is None or current.api == task.shop.api:
                raise
            return self._read(task, change, current)

    def _read(self, task: Task, change: ThinChange, shop: Shop) -> Change:
        try:
            api = self._make_api(shop, lambda: (task.send_until - self._clock()) / 1000)
        except ValueError:
            raise PermanentFailure(Reason.PLATFORM_ACCESS_MISSING) from None
        try:
            return _with_plausible_consent(adapter_of(task.message, shop).state_of(change, shop, api), self._clock())
        except Unreadable as error:
            raise unreadable_failure(error) from None
        except (RetryLater, PermanentFailure):
            raise
        except Exception as error:
            raise PermanentFailure(Reason.INTERNAL_ERROR, **bug_details(error)) from None


def _with_plausible_consent(state: Change, now: int) -> Change:
    """Return a fetched state whose consent is not from the future, because such a one would count for ever."""
    consent = state.contact.consent
    if consent is None or (at := plausible(consent.at, now)) == consent.at:
        return state
    contact = replace(state.contact, consent=replace(consent, at=at))
    match state:
        case OrderChange():
            return replace(state, order=replace(state.order, contact=contact))
        case CartChange():
            return replace(state, cart=replace(state.cart, contact=contact))
        case ContactChange():
            return replace(state, contact=contact)
    return state


def _with(task: Task, state: Change, at: int) -> Task:
    return replace(task, delivery=replace(task.delivery, change=state), fetched_at=at)
