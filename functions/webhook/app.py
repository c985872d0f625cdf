"""The Lambda function `webhook`: POST /webhooks/{shop}."""

import gc

# What INIT creates stays for good, and collecting garbage meanwhile takes a tenth of INIT.
gc.disable()

from typing import Any

from shopwire import platforms
from shopwire.endpoints import webhook
from shopwire.environment import Environment
from shopwire.observability import hide_values

environment = Environment.from_os("receiver")
platforms.load()
gc.freeze()
gc.enable()


@hide_values
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one call of a webhook URL (API Gateway's HTTP API, payload format 2.0)."""
    return webhook.serve(event, context, environment)
