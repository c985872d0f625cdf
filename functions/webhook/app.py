"""The Lambda function `webhook`, for platforms' calls of /webhooks/{shop}. It wires the parts and calls them."""

import gc

# What INIT creates stays for the life of the environment. Collecting garbage among it takes a tenth of INIT.
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
    """Handle one call of a webhook URL (API Gateway's HTTP API, payload format 2.0)."""
    return webhook.serve(event, context, environment)
