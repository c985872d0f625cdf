"""Parked webhooks by hand: replay one. Listing and showing are `parked`'s own; nothing is sent from here."""

from dataclasses import replace

from shopwire.entry import entity_key
from shopwire.environment import Environment
from shopwire.models import Entity
from shopwire.parked import Parked


def replay(environment: Environment, parked: Parked) -> None:
    """Put a parked webhook into the retry queue again, then take it off the list. Its age counts from now.

    If it fails again it is parked again, under the same id.

    Raises:
        QueueDown, MessageTooLarge, TableDown: it is not in the queue, or not off the list.
        ValueError, NewerFormat: as `message.unpack`.
    """
    message = replace(parked.message, replayed_at=environment.clock(), not_before=0)
    kind, _, id = parked.entity.partition(" ")
    # The group is the entity's, so that a replay stands in line with what comes new.
    where = entity_key(parked.shop, Entity(kind, id)) if id else f"{parked.shop}#{parked.id}"  # type: ignore[arg-type]
    environment.queue.put(message, where)
    # The queue is quick: it may have failed and be back here already.
    environment.parked.remove(parked.id, tries=parked.tries)
