"""The Lambda function `storefront`: POST /storefront/{shop}, called by browsers."""

import gc

# What INIT creates stays for good, and collecting garbage meanwhile takes a tenth of INIT.
gc.disable()

from typing import Any

from shopwire import platforms
from shopwire.endpoints import storefront
from shopwire.environment import Environment
from shopwire.observability import hide_values

environment = Environment.from_os("receiver", "visits")
platforms.load("storefront")
gc.freeze()
gc.enable()


@hide_values
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one call of a storefront URL (API Gateway's HTTP API, payload format 2.0)."""
    return storefront.serve(event, context, environment)
