"""The Lambda function `webhook`: POST /webhooks/{shop}. Wires and calls, nothing else."""

import gc

# Until INIT is over: what it makes is there to stay, and looking for garbage in it costs a tenth of INIT.
gc.disable()

from typing import Any

from shopwire import platforms
from shopwire.endpoints import webhook
from shopwire.environment import Environment

environment = Environment.from_os("direct")
platforms.load()
gc.freeze()
gc.enable()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one call of a webhook URL (API Gateway's HTTP API, payload format 2.0)."""
    return webhook.serve(event, context, environment)
