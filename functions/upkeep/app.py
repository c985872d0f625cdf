"""The Lambda function `upkeep`, which moves webhooks from the outbox back to the queue. It runs every minute.

It wires the parts, calls them and reports the age of what is left in the outbox. `delivery` decides what may be moved.
"""

from typing import Any

from shopwire.environment import Environment
from shopwire.observability import logger, outbox_waits
from shopwire.retry_queue import QueueDown
from shopwire.stores.table import TableDown

environment = Environment.from_os("mover")

# Time that is kept for the last move and its record, at their slowest.
_RESERVED_MS = 10_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Move what may be moved until the time is over. The next minute's invocation continues from there."""
    now = environment.clock()
    deadline = now + context.get_remaining_time_in_millis() - _RESERVED_MS
    first_of_hour = now // 60_000 % 60 == 0
    try:
        moved = environment.mover.move(deadline, overdue_too=first_of_hour)
    except (QueueDown, TableDown) as error:
        logger.warning("upkeep could not move webhooks from the outbox", extra={"reason": str(error)})
        return {"moved": None}
    finally:
        if environment.mover.oldest_left:
            outbox_waits(now, environment.mover.oldest_left)
    if moved:
        logger.info("upkeep moved webhooks from the outbox to the queue", extra={"moved": moved})
    return {"moved": moved}
