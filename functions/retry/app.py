"""The Lambda function `retry`: the retry queue's consumer. Wires and calls, nothing else."""

from typing import Any

from shopwire import platforms
from shopwire.environment import Environment

environment = Environment.from_os("consumer")
platforms.load()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver a batch of what waited; answers which messages stay (partial batch responses)."""
    deadline = environment.clock() + context.get_remaining_time_in_millis()
    kept = environment.consumer.work_off(event["Records"], owner=context.aws_request_id, deadline=deadline)
    return {"batchItemFailures": [{"itemIdentifier": id} for id in kept]}
