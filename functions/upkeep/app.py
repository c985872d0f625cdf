"""The Lambda function `upkeep`, every minute: what waits in the outbox goes back to the queue.

Wires, calls, and says what is left there; what may be moved `delivery` decides.
"""

from typing import Any

from shopwire.environment import Environment
from shopwire.observability import logger, outbox_waits
from shopwire.retry_queue import QueueDown
from shopwire.stores.table import TableDown

environment = Environment.from_os("mover")

# What one move takes at the worst, with room to write down.
_SPARE_MILLISECONDS = 10_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Move what may be moved; the scheduler's next minute goes on where this one stopped."""
    now = environment.clock()
    deadline = now + context.get_remaining_time_in_millis() - _SPARE_MILLISECONDS
    first_of_hour = now // 60_000 % 60 == 0
    try:
        moved = environment.mover.move(deadline, overdue_too=first_of_hour)
    except (QueueDown, TableDown) as error:
        logger.warning("the outbox could not be moved", extra={"reason": str(error)})
        return {"moved": None}
    finally:
        if environment.mover.oldest_left:
            outbox_waits(now, environment.mover.oldest_left)
    if moved:
        logger.info("moved from the outbox", extra={"moved": moved})
    return {"moved": moved}
