"""The Lambda function `retry`: it consumes the retry queue."""

from typing import Any

from shopwire import platforms
from shopwire.environment import Environment
from shopwire.observability import hide_values

environment = Environment.from_os("retry_consumer")
platforms.load()


@hide_values
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver a batch. Return the messages that stay in the queue (partial batch responses)."""
    deadline = environment.clock() + context.get_remaining_time_in_millis()
    kept = environment.retry_consumer.consume(event["Records"], request_id=context.aws_request_id, deadline=deadline)
    return {"batchItemFailures": [{"itemIdentifier": id} for id in kept]}
