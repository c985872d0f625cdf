"""The storefront URL: POST /storefront/{shop}, called by browsers, and the preflight before it (docs/storefront.md).

Anyone can call it and send anything. A contact counts only with the shop's own HMAC (platforms/storefront), pages and
URLs of other origins are refused, and the visits of a shop are limited. An accepted visit is delivered like any
webhook.
"""

import re
from typing import Any

from shopwire import platforms
from shopwire.endpoints.events import (
    Event,
    Response,
    deliver,
    error_response,
    headers_of,
    shop_id_of,
    shop_of,
    webhook_of,
)
from shopwire.environment import Environment
from shopwire.errors import HttpError, Unreadable
from shopwire.models import Shop
from shopwire.platforms.storefront import check_urls

MAX_BODY_BYTES = 16 << 10
_PATH = re.compile(r"/storefront/([^/]+)/?")
_PLATFORM = "storefront"

# Browsers cache a preflight for a day at most, Chromium for two hours (MDN, "Access-Control-Max-Age").
_PREFLIGHT = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "content-type",
    "access-control-max-age": "86400",
}


def serve(event: Event, context: Any, environment: Environment) -> Response:
    """Answer one HTTP request.

    Args:
        event: API Gateway's event (payload format 2.0).
        context: Lambda's context.
    """
    cors: dict[str, str] = {}
    try:
        shop = shop_of(shop_id_of(event, _PATH), environment)
        if not (shop.origins or shop.storefront_secret):
            raise HttpError(403, "this shop has no storefront: it has neither `origins` nor a `storefront_secret`")
        cors = _cors_headers(event, shop)
        served = _serve(event, context, environment, shop)
    except HttpError as error:
        served = error_response(error)
    return {**served, "headers": served["headers"] | cors}


def _serve(event: Event, context: Any, environment: Environment, shop: Shop) -> Response:
    method = event["requestContext"]["http"]["method"]
    if method == "OPTIONS":
        return {"statusCode": 204, "headers": _PREFLIGHT, "body": ""}
    if method != "POST":
        raise HttpError(405, "POST a visit here")
    # The content type does not matter: sendBeacon sends text as text/plain, and a Blob with the type it was given, or
    # none.
    visit = webhook_of(event, MAX_BODY_BYTES)
    if not environment.visits.admits(shop.id, visit.received_at):
        raise HttpError(429, "too many visits")
    try:
        platforms.get(_PLATFORM).read(visit, shop)
        check_urls(visit, shop)
    except Unreadable as error:
        # An unreadable webhook is parked, because its platform will not send it again. Here anyone could fill the
        # table.
        raise HttpError(400, str(error)) from None
    return deliver(visit, shop, _PLATFORM, context, environment)


def _cors_headers(event: Event, shop: Shop) -> dict[str, str]:
    """Return the headers that let the page read the response.

    Browsers name their page's origin with every POST. A caller that names none is not a browser, so there is no page to
    protect.

    Raises:
        HttpError: the page's origin is not one of the shop's.
    """
    origin = headers_of(event).get("origin")
    if origin is None:
        return {}
    if origin.lower() not in {allowed.lower().rstrip("/") for allowed in shop.origins}:
        raise HttpError(403, "this page's origin is not one of the shop's `origins`")
    return {
        "access-control-allow-origin": origin,
        # sendBeacon always sends with credentials. There are no cookies here, so this reveals nothing.
        "access-control-allow-credentials": "true",
        "vary": "origin",
    }
