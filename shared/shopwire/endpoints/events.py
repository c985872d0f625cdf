"""What both URLs have in common: API Gateway's event in, its response out, and a verified webhook's way between.

The events have payload format 2.0 (AWS, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway"). Nothing
of a body is read before the platform has verified it.
"""

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from shopwire import platforms
from shopwire.delivery.task import Outcome
from shopwire.environment import Environment
from shopwire.errors import (
    BadSettings,
    HttpError,
    InvalidBody,
    NothingDurable,
    NotVerified,
    SettingsUnavailable,
    UnknownShop,
    UnsignedCall,
)
from shopwire.models import Delivery, Reason, Shop, Webhook
from shopwire.observability import logger, report, report_visit
from shopwire.platforms.base import Platform
from shopwire.shops import SHOP_ID
from shopwire.stores.entry import key_hash

_RETRY_AFTER_SECONDS = "30"

Event = dict[str, Any]
Response = dict[str, Any]


def response(status: int, body: dict[str, Any]) -> Response:
    """Return a response with a JSON body."""
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def error_response(error: HttpError) -> Response:
    """Return the response to a refused request."""
    refused = response(error.status, {"error": str(error)})
    if error.status in (429, 503):
        refused["headers"]["retry-after"] = _RETRY_AFTER_SECONDS
    return refused


def shop_id_of(event: Event, path: re.Pattern[str]) -> str:
    """Return the shop id in the event's path. Nothing is read.

    Raises:
        HttpError: the path contains none.
    """
    match = path.fullmatch(event.get("rawPath", ""))
    if not match or not SHOP_ID.fullmatch(match.group(1)):
        raise HttpError(404, "no such shop")
    return match.group(1)


def shop_of(id: str, environment: Environment) -> Shop:
    """Return the shop's settings.

    Raises:
        HttpError: there is no such shop, or its settings cannot be read now.
    """
    try:
        return environment.shops.get(id)
    except UnknownShop:
        raise HttpError(404, "no such shop") from None
    except (SettingsUnavailable, BadSettings) as error:
        logger.error("the shop's settings cannot be read", extra={"shop": id, "error": str(error)})
        raise HttpError(503, "the shop's settings cannot be read") from None


def headers_of(event: Event) -> dict[str, str]:
    """Return the headers, with their names in lower case."""
    return {name.lower(): value for name, value in event.get("headers", {}).items()}


def webhook_of(event: Event, max_bytes: int) -> Webhook:
    """Return the call as it arrived.

    Raises:
        HttpError: its body has more than `max_bytes`.
    """
    body = _raw_body(event)
    if len(body) > max_bytes:
        raise HttpError(413, f"at most {max_bytes} bytes")
    received_at = int(event["requestContext"]["timeEpoch"])
    return Webhook(headers_of(event), body, received_at, event.get("queryStringParameters") or {})


def deliver(webhook: Webhook, shop: Shop, platform: str, context: Any, environment: Environment) -> Response:
    """Verify a call and deliver it. The status is 200, 400, 401, or 503 if no durable store can be reached.

    Args:
        platform: name of the adapter that parses the body.
        context: Lambda's context.
    """
    received_at = webhook.received_at
    try:
        shop = _verify(platforms.get(platform), webhook, shop, environment)
    except NotVerified as error:
        if platform == shop.platform:
            report("refused", received_at, shop=shop.id, outcome="unverified", reason=error.reason)
        else:
            report_visit("refused", shop=shop.id, outcome="unverified", reason=error.reason)
        return error_response(HttpError(401, str(error)))
    except UnsignedCall:
        reason = Reason.PING
        report("received", received_at, shop=shop.id, outcome="ignored", reason=reason)
        return response(200, {"status": "ignored", "delivery": "", "reason": reason})
    deadline = environment.clock() + context.get_remaining_time_in_millis()
    try:
        results = environment.receiver.receive(
            webhook, shop, platform, request_id=context.aws_request_id, deadline=deadline
        )
    except InvalidBody as error:
        facts = {"reason": Reason.INVALID_BODY, "field": error.field, "problem": error.problem}
        report("refused", received_at, shop=shop.id, outcome="invalid", **facts)
        mistakes = [{"field": mistake.field, "problem": mistake.problem} for mistake in error.mistakes]
        return response(400, {"error": _sentence(error), "mistakes": mistakes})
    except NothingDurable:
        report("refused", received_at, shop=shop.id, outcome="unavailable")
        return error_response(HttpError(503, "no durable store can be reached"))
    elapsed_ms = environment.clock() - received_at
    statuses = [_record(webhook, shop, delivery, outcome, elapsed_ms) for delivery, outcome in results]
    return response(200, statuses[0] if len(statuses) == 1 else {"deliveries": statuses})


def _sentence(error: InvalidBody) -> str:
    first, *others = error.mistakes
    more = f" (and {len(others)} more)" if others else ""
    return f"the body has mistakes: `{first.field}` {first.problem}{more}"


def _verify(platform: Platform, webhook: Webhook, shop: Shop, environment: Environment) -> Shop:
    try:
        platform.verify(webhook, shop)
        return shop
    except NotVerified:
        # A secret may have been replaced after the settings were read.
        current = environment.shops.reread(shop.id)
        if current is None or current.platform != shop.platform:
            raise
        platform.verify(webhook, current)
        return current


def _record(
    webhook: Webhook, shop: Shop, delivery: Delivery | None, outcome: Outcome, elapsed_ms: int
) -> dict[str, str]:
    """Log one delivery. Return what the response says about it."""
    key = delivery.key if delivery else "body:" + hashlib.sha256(webhook.body).hexdigest()[:16]
    entity = delivery.entity if delivery else None
    report(
        "received",
        webhook.received_at,
        shop=shop.id,
        outcome=outcome.status,
        reason=outcome.reason,
        topic=delivery.topic if delivery else "unreadable",
        entity=str(entity) if entity else None,
        key=key_hash(key),
        ms=elapsed_ms,
        sent=",".join(outcome.sent) or None,
        **outcome.details,
    )
    status = {"status": str(outcome.status), "delivery": key}
    return status | ({"reason": str(outcome.reason)} if outcome.reason else {})


def _raw_body(event: Event) -> bytes:
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass  # the flag is wrong; the signature decides about the bytes as they are
    return str(text).encode("utf-8", "surrogatepass")
