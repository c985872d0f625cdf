"""The Lambda function `storefront`, for browsers' calls of /storefront/{shop}. It wires the parts and calls them."""

import gc

# What INIT creates stays for the life of the environment. Collecting garbage among it takes a tenth of INIT.
gc.disable()

from typing import Any

from shopwire import platforms
from shopwire.endpoints import storefront
from shopwire.environment import Environment

environment = Environment.from_os("direct", "visits")
platforms.load("storefront")
gc.freeze()
gc.enable()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle one call of a storefront URL (API Gateway's HTTP API, payload format 2.0)."""
    return storefront.serve(event, context, environment)
