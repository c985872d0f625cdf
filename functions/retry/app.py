"""The Lambda function `retry`, the consumer of the retry queue. It wires the parts and calls them."""

from typing import Any

from shopwire import platforms
from shopwire.environment import Environment

environment = Environment.from_os("consumer")
platforms.load()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver a batch of queued webhooks and return the messages that stay in the queue (partial batch response)."""
    deadline = environment.clock() + context.get_remaining_time_in_millis()
    kept = environment.consumer.work_off(event["Records"], owner=context.aws_request_id, deadline=deadline)
    return {"batchItemFailures": [{"itemIdentifier": id} for id in kept]}
