"""The work of the function `upkeep`: move what waits in the outbox back to the queue, each entity's webhooks in order.

Nothing leaves the outbox before it is in the queue. The partitions of the outbox are moved side by side, and webhooks
of different entities in batches. A batch has one webhook of an entity at most, and the entity's next one follows when
that one is in the queue and removed from the outbox. So a refused entry of a batch, or a crash at any moment, changes
no order (docs/decisions 0009).
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from threading import Lock

from shopwire.delivery.task import Clock, Policy, bug_details
from shopwire.errors import NewerMessageFormat, QueueUnavailable, StoreUnavailable, TableUnavailable
from shopwire.message import unpack
from shopwire.observability import logger
from shopwire.retry_queue import MAX_BATCH_MESSAGES, RetryQueue
from shopwire.stores.outbox import PAGE_SIZE, SHARDS, Outbox, Waiting, after_shop
from shopwire.stores.pauses import Pauses

RunParallel = Callable[[Callable[[int], StoreUnavailable | None], Iterable[int]], Iterable[StoreUnavailable | None]]
"""Calls a function for each argument, maybe at the same time, and returns the results, like the built-in `map`."""

# Two batches of SQS, which are then removed with one call, because DynamoDB deletes 25 items at once.
_MOVED_AT_ONCE = 2 * MAX_BATCH_MESSAGES
# As many as `retry` gets at once. The first that causes a request is the probe, and the others wait for its result.
_PROBES = MAX_BATCH_MESSAGES


class OutboxDrain:
    """Moves webhooks from the outbox to the queue.

    Args:
        run_parallel: how to run the work of the outbox's partitions.

    Attributes:
        moved: how many webhooks the last `drain` moved.
        oldest_left: when the oldest webhook was received that the last `drain` saw and left, UTC ms; None if it left
            none. Of a paused shop only the first webhook is looked at: maybe not the oldest, but one that ages as well.
    """

    def __init__(
        self,
        outbox: Outbox,
        queue: RetryQueue,
        pauses: Pauses,
        policy: Policy,
        clock: Clock,
        run_parallel: RunParallel,
    ) -> None:
        self._outbox = outbox
        self._queue = queue
        self._pauses = pauses
        self._policy = policy
        self._clock = clock
        self._run_parallel = run_parallel
        self.moved = 0
        self.oldest_left: int | None = None
        self._probing: Counter[str] = Counter()
        # It protects the three attributes above, which all partitions change.
        self._lock = Lock()

    def drain(self, deadline: int, *, overdue_too: bool = False) -> int:
        """Move what may be moved until the deadline (UTC ms). Return how many webhooks were moved.

        Of a paused shop nothing is moved. When its pause ended, but no probe succeeded yet, one webhook of each of a
        few entities is moved, because most of them may cause no request, which probes nothing.

        Args:
            overdue_too: also move webhooks of paused shops that are past their age. `retry` parks them.

        Raises:
            QueueUnavailable, TableUnavailable: a partition could not be moved. The others were.
        """
        self.moved, self.oldest_left = 0, None
        self._probing.clear()

        def drain_shard(shard: int) -> StoreUnavailable | None:
            try:
                self._drain_shard(shard, deadline, overdue_too)
            except (QueueUnavailable, TableUnavailable) as error:
                return error
            return None

        for error in list(self._run_parallel(drain_shard, range(SHARDS))):
            if error:
                raise error
        return self.moved

    def _drain_shard(self, shard: int, deadline: int, overdue_too: bool) -> None:
        after: str | None = None
        left_entities: set[str] = set()  # later webhooks of these must not overtake what was left
        # One webhook is enough to see that its shop is paused, and a page of them may be large.
        limit = PAGE_SIZE if overdue_too else 1
        while self._clock() < deadline and (page := self._outbox.waiting(shard, after, limit)):
            if limit == 1 and not self._is_paused(page[0].shop):
                limit = PAGE_SIZE
                continue
            chosen, after = self._choose(page, left_entities, overdue_too)
            self._move(chosen, left_entities, deadline)
            if after != page[-1].at.sk:
                limit = 1  # the next shop follows

    def _choose(self, page: list[Waiting], left_entities: set[str], overdue_too: bool) -> tuple[list[Waiting], str]:
        """Return the webhooks of the page that may be moved, and the sort key after which the next page starts."""
        chosen: list[Waiting] = []
        for waiting in page:
            if waiting.entity_key in left_entities:
                self._leave(waiting)
                continue
            if not _can_be_read(waiting):
                self._leave(waiting)
                left_entities.add(waiting.entity_key)
            elif self._may_move(waiting, overdue_too):
                chosen.append(waiting)
                if waiting.shop in self._probing:
                    left_entities.add(waiting.entity_key)
            else:
                self._leave(waiting)
                if not overdue_too:
                    return chosen, after_shop(waiting.shop)
                left_entities.add(waiting.entity_key)
        return chosen, page[-1].at.sk

    def _is_paused(self, shop: str) -> bool:
        now = self._clock()
        until = self._pauses.latest(shop, now).until
        return until is not None and until > now

    def _may_move(self, waiting: Waiting, overdue_too: bool) -> bool:
        now = self._clock()
        if overdue_too and now - waiting.received_at > self._policy.max_age_ms:
            return True
        state = self._pauses.latest(waiting.shop, now)
        if state.until is None:
            return True
        if state.until > now:
            return False
        with self._lock:
            if self._probing[waiting.shop] >= _PROBES:
                return False
            self._probing[waiting.shop] += 1
            return True

    def _move(self, chosen: list[Waiting], left_entities: set[str], deadline: int) -> None:
        """Move webhooks, in batches with one webhook of each entity."""
        by_entity: dict[str, deque[Waiting]] = {}
        for waiting in chosen:
            by_entity.setdefault(waiting.entity_key, deque()).append(waiting)
        entities = deque(by_entity.values())
        try:
            while entities and self._clock() < deadline:
                first = [entities.popleft() for _ in range(min(_MOVED_AT_ONCE, len(entities)))]
                left = self._move_batch([entity[0] for entity in first])
                left_entities |= left
                for entity in first:
                    if entity.popleft().entity_key not in left and entity:
                        entities.append(entity)
        finally:
            for entity in entities:
                self._leave(entity[0])

    def _move_batch(self, batch: list[Waiting]) -> set[str]:
        """Move one webhook of each of several entities. Return the entities whose webhook is still in the outbox."""
        try:
            refused = self._queue.put_many([(waiting.packed, waiting.entity_key) for waiting in batch])
            accepted = [waiting for index, waiting in enumerate(batch) if index not in refused]
            left = self._outbox.remove_many(accepted)
        except (QueueUnavailable, TableUnavailable):
            for waiting in batch:
                self._leave(waiting)
            raise
        except Exception as error:
            if len(batch) > 1:
                # It is one webhook's alone. The others may be in the queue twice then, but in order.
                return set().union(*(self._move_batch([waiting]) for waiting in batch))
            _log_bug(batch[0], error)
            refused, left = {}, list(batch)
        for index, code in refused.items():
            waiting = batch[index]
            logger.warning("the queue did not accept a webhook", extra={"shop": waiting.shop, "code": code})
            with self._lock:
                self._probing[waiting.shop] -= 1
            left.append(waiting)
        for waiting in left:
            self._leave(waiting)
        with self._lock:
            self.moved += len(batch) - len(left)
        return {waiting.entity_key for waiting in left}

    def _leave(self, waiting: Waiting) -> None:
        with self._lock:
            self.oldest_left = min(self.oldest_left or waiting.received_at, waiting.received_at)


def _can_be_read(waiting: Waiting) -> bool:
    """Return False if this release cannot read the webhook. It stays for the release that wrote it."""
    try:
        unpack(waiting.packed)
    except (NewerMessageFormat, ValueError):
        return False
    except Exception as error:
        _log_bug(waiting, error)
        return False
    return True


def _log_bug(waiting: Waiting, error: Exception) -> None:
    """Log an error that is this webhook's alone: what waits behind it for other entities is moved."""
    logger.error("a webhook cannot leave the outbox", extra={"shop": waiting.shop, **bug_details(error)})
