"""The storefront's URL, called by browsers: POST /storefront/{shop}, and the preflight before it (docs/storefront.md).

Anyone can call it and say anything. A person is believed with the shop's own HMAC only (platforms/storefront.py), pages
of other origins are turned away, and a shop's visits are limited. What it takes goes the way of every webhook.
"""

import re
from typing import Any

from shopwire import platforms
from shopwire.endpoints.webhook import Answer, Event, Refused, headers_of, shop_id, shop_of, take, webhook_of
from shopwire.environment import Environment
from shopwire.models import Shop

LARGEST_BODY = 16 << 10
"""Bytes."""
_PATH = re.compile(r"/storefront/([^/]+)/?")
_PLATFORM = "storefront"

# Browsers keep a preflight's answer for a day at most, Chromium for two hours (MDN, "Access-Control-Max-Age").
_PREFLIGHT = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "content-type",
    "access-control-max-age": "86400",
}


def serve(event: Event, context: Any, environment: Environment) -> Answer:
    """Answer one HTTP request.

    Args:
        event: API Gateway's (payload format 2.0).
        context: Lambda's.
    """
    cors: dict[str, str] = {}
    try:
        shop = shop_of(shop_id(event, _PATH), environment)
        cors = _cors(event, shop)
        said = _answer(event, context, environment, shop)
    except Refused as refused:
        said = refused.answer
    return {**said, "headers": said["headers"] | cors}


def _answer(event: Event, context: Any, environment: Environment, shop: Shop) -> Answer:
    method = event["requestContext"]["http"]["method"]
    if method == "OPTIONS":
        return {"statusCode": 204, "headers": _PREFLIGHT, "body": ""}
    if method != "POST":
        raise Refused(405, "POST a visit here")
    # The body's type does not matter: sendBeacon calls a text text/plain, a Blob whatever it was told, or nothing.
    visit = webhook_of(event, LARGEST_BODY)
    if not environment.visits.admits(shop.id, visit.received_at):
        raise Refused(429, "too many visits")
    try:
        platforms.get(_PLATFORM).read(visit, shop)
    except platforms.Unreadable as error:
        # A webhook's would be parked: its platform will not say it again. Here it would be anyone's storage.
        raise Refused(400, str(error)) from None
    return take(visit, shop, _PLATFORM, context, environment)


def _cors(event: Event, shop: Shop) -> dict[str, str]:
    """What lets the page read the answer.

    Browsers name their page's origin with every POST; who names none is no browser, and no page to be protected from.

    Raises:
        Refused: a page of another origin.
    """
    origin = headers_of(event).get("origin")
    if origin is None:
        return {}
    if origin.lower() not in {one.lower().rstrip("/") for one in shop.origins}:
        raise Refused(403, "this page's origin is not one of the shop's `origins`")
    return {
        "access-control-allow-origin": origin,
        # sendBeacon always sends as if with cookies. There are none here, so that nothing is given away.
        "access-control-allow-credentials": "true",
        "vary": "origin",
    }
