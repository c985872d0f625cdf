"""The Lambda function `upkeep`, run every minute: it moves what waits in the outbox back to the queue."""

from typing import Any

from shopwire.environment import Environment
from shopwire.errors import QueueUnavailable, TableUnavailable
from shopwire.observability import hide_values, logger, report_outbox_age

environment = Environment.from_os("outbox_drain")

# One move takes this long at most, with some time to record it.
_RESERVE_MS = 10_000


@hide_values
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Move what may be moved. The next minute's invocation continues where this one stopped."""
    now = environment.clock()
    deadline = now + context.get_remaining_time_in_millis() - _RESERVE_MS
    first_minute_of_hour = now // 60_000 % 60 == 0
    drain = environment.outbox_drain
    try:
        drain.drain(deadline, overdue_too=first_minute_of_hour)
    except (QueueUnavailable, TableUnavailable) as error:
        logger.warning("the outbox could not be moved", extra={"error": str(error)})
    finally:
        if drain.oldest_left:
            report_outbox_age(now, drain.oldest_left)
    if drain.moved:
        logger.info("moved from the outbox to the queue", extra={"moved": drain.moved})
    return {"moved": drain.moved}
