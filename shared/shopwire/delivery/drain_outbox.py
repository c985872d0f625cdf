"""The work of the function `upkeep`: move what waits in the outbox back to the queue, each entity's webhooks in order.

Nothing leaves the outbox before it is in the queue (docs/decisions 0009).
"""

from shopwire.delivery.task import Clock, Policy, bug_details
from shopwire.errors import MessageTooLarge, NewerMessageFormat, QueueUnavailable, TableUnavailable
from shopwire.message import unpack
from shopwire.observability import logger
from shopwire.retry_queue import RetryQueue
from shopwire.stores.ledger import Ledger
from shopwire.stores.outbox import SHARDS, Outbox, Waiting, after_shop
from shopwire.stores.pauses import Pauses


class OutboxDrain:
    """Moves webhooks from the outbox to the queue.

    Attributes:
        oldest_left: when the oldest webhook was received that the last `drain` saw and left, UTC ms; None if it left
            none. Of a paused shop only the first webhook is looked at: maybe not the oldest, but one that ages as well.
    """

    def __init__(
        self, outbox: Outbox, ledger: Ledger, queue: RetryQueue, pauses: Pauses, policy: Policy, clock: Clock
    ) -> None:
        self._outbox = outbox
        self._ledger = ledger
        self._queue = queue
        self._pauses = pauses
        self._policy = policy
        self._clock = clock
        self.oldest_left: int | None = None

    def drain(self, deadline: int, *, overdue_too: bool = False) -> int:
        """Move what may be moved until the deadline (UTC ms). Return how many webhooks were moved.

        Of a paused shop nothing is moved. When its pause ended, but no probe succeeded yet, one webhook is moved as the
        probe.

        Args:
            overdue_too: also move webhooks of paused shops that are past their age. `retry` parks them.

        Raises:
            QueueUnavailable, TableUnavailable.
        """
        self.oldest_left = None
        return sum(self._drain_shard(shard, deadline, overdue_too) for shard in range(SHARDS))

    def _drain_shard(self, shard: int, deadline: int, overdue_too: bool) -> int:
        moved, after = 0, None
        probed_shops: set[str] = set()
        left_entities: set[str] = set()
        while self._clock() < deadline and (page := self._outbox.waiting(shard, after)):
            for waiting in page:
                after = waiting.at.sk
                if waiting.entity_key in left_entities:
                    continue
                if not self._may_move(waiting, probed_shops, overdue_too):
                    self._leave(waiting)
                    if not overdue_too:
                        after = after_shop(waiting.shop)
                        break
                    continue
                if self._clock() >= deadline:
                    break
                if self._move(waiting):
                    moved += 1
                else:
                    self._leave(waiting)
                    left_entities.add(waiting.entity_key)  # later webhooks of the entity must not overtake it
                    probed_shops.discard(waiting.shop)
        return moved

    def _leave(self, waiting: Waiting) -> None:
        self.oldest_left = min(self.oldest_left or waiting.received_at, waiting.received_at)

    def _may_move(self, waiting: Waiting, probed_shops: set[str], overdue_too: bool) -> bool:
        now = self._clock()
        if overdue_too and now - waiting.received_at > self._policy.max_age_ms:
            return True
        state = self._pauses.state(waiting.shop, now)
        if state.until is None:
            return True
        if state.until > now or waiting.shop in probed_shops:
            return False
        probed_shops.add(waiting.shop)
        return True

    def _move(self, waiting: Waiting) -> bool:
        try:
            self._queue.put(unpack(waiting.packed), waiting.entity_key)
            self._outbox.remove(waiting)
            # The mark has the last key of the entity. When that one is moved, later changes go to the queue again.
            self._ledger.move_pending(waiting.entity_key, waiting.key, "queue")
        except QueueUnavailable:
            self._leave(waiting)
            raise
        except TableUnavailable:
            raise
        except (NewerMessageFormat, ValueError, MessageTooLarge):
            return False  # a newer release wrote it, and it stays for that release
        except Exception as error:
            # It is this webhook's alone: what waits behind it for other entities is moved.
            logger.error("a webhook cannot leave the outbox", extra={"shop": waiting.shop, **bug_details(error)})
            return False
        return True
