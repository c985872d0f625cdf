"""Replaying a parked webhook: it goes through the retry queue again, as if it had just arrived."""

from dataclasses import replace

from shopwire.models import Entity
from shopwire.retry_queue import RetryQueue
from shopwire.stores.entry import entity_key
from shopwire.stores.parked import Parked, ParkedStore


def replay(parked: Parked, store: ParkedStore, queue: RetryQueue, now: int) -> None:
    """Put a parked webhook into the retry queue, then remove it from the parked ones.

    Its age counts from `now` (UTC milliseconds). If it fails again, it is parked again under the same id.

    Raises:
        QueueDown, MessageTooLarge: the queue did not take it; it stays parked.
        TableDown: it is in the queue, and may still be parked.
        ValueError, NewerFormat: as `message.unpack`.
    """
    message = replace(parked.message, replayed_at=now, not_before=0)
    kind, _, id = parked.entity.partition(" ")
    # The entity's own group, so that the replay is delivered in order with webhooks that arrive now.
    group = entity_key(parked.shop, Entity(kind, id)) if id else f"{parked.shop}#{parked.id}"  # type: ignore[arg-type]
    queue.put(message, group)
    # `retry` may have been faster: if the webhook is parked again already, `tries` has grown and the row stays.
    store.remove(parked.id, tries=parked.tries)
