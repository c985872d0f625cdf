"""Replaying a parked webhook: it goes through the retry queue again, as if it had just arrived."""

from dataclasses import replace

from shopwire.models import Entity, Reason
from shopwire.retry_queue import RetryQueue
from shopwire.stores.entry import entity_key
from shopwire.stores.erasures import ErasureStore
from shopwire.stores.parked import Parked, ParkedStore


def replay(parked: Parked, store: ParkedStore, executed: ErasureStore, queue: RetryQueue, now: int) -> None:
    """Put a parked webhook into the retry queue, then remove it from the parked ones.

    Its age counts from `now` (UTC milliseconds). If it fails again, it is parked again under the same id. A repeated
    erasure request counts as a new one from now on.

    Raises:
        QueueUnavailable, MessageTooLarge: the queue did not accept it; it stays parked.
        TableUnavailable: it may be in the queue, and may still be parked.
        ValueError, NewerMessageFormat: as `message.unpack`.
    """
    message = replace(parked.message, replayed_at=now, not_before=0)
    try:
        # The entity's own group, so that the replay is delivered in order with webhooks that arrive now.
        group = entity_key(parked.shop, Entity.parse(parked.entity))
    except ValueError:
        group = f"{parked.shop}#{parked.id}"
    if parked.reason == Reason.REPEATED_ERASURE:
        executed.forget(parked.shop, message.webhook.body)
    queue.put(message, group)
    # `retry` may have been faster: if the webhook is parked again already, `tries` has grown and the row stays.
    store.remove(parked.id, tries=parked.tries)
