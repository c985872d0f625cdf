"""API Gateway's HTTP API events in, its answers out: the webhook URL, and what the storefront's has in common with it.

Nothing is read of a body here before the platform has verified it. The events are of payload format 2.0 (AWS, "Create
AWS Lambda proxy integrations for HTTP APIs in API Gateway").
"""

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from shopwire import platforms
from shopwire.delivery import Outcome, Unavailable
from shopwire.environment import Environment
from shopwire.models import Delivery, Shop, Webhook
from shopwire.observability import logger, report
from shopwire.shops import SHOP_ID, BadSettings, SettingsDown, UnknownShop
from shopwire.stores.ledger import key_hash

LARGEST_BODY = 4 << 20
"""Bytes. Lambda takes 6 MB of an event, and a body may be in base64 (AWS, "Lambda quotas")."""
_RETRY_AFTER_SECONDS = "30"
_PATH = re.compile(r"/webhooks/([^/]+)/?")
_CHALLENGE = re.compile(r"[\w.-]{1,256}", re.ASCII)

Event = dict[str, Any]
Answer = dict[str, Any]


class Refused(Exception):
    """The request is answered with this error and nothing of it is kept."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status

    @property
    def answer(self) -> Answer:
        said = _answer(self.status, {"error": str(self)})
        if self.status in (429, 503):
            said["headers"]["retry-after"] = _RETRY_AFTER_SECONDS
        return said


def serve(event: Event, context: Any, environment: Environment) -> Answer:
    """Answer one HTTP request: a webhook, a platform's look whether the URL is there, or GET /health.

    Args:
        event: API Gateway's.
        context: Lambda's: the request's id and how much time is left.
    """
    method = event["requestContext"]["http"]["method"]
    if event.get("rawPath") == "/health":
        return _answer(200, {"status": "ok"})
    try:
        id = shop_id(event, _PATH)
        if method not in ("GET", "HEAD", "POST"):
            raise Refused(405, "POST a webhook here")
        shop = shop_of(id, environment)
        if method != "POST":
            return _probe(event)
        webhook = webhook_of(event, LARGEST_BODY)
        return take(webhook, shop, shop.platform, context, environment)
    except Refused as refused:
        return refused.answer


def shop_id(event: Event, pattern: re.Pattern[str]) -> str:
    """The shop that the path names.

    Raises:
        Refused: it names none; nobody was asked.
    """
    match = pattern.fullmatch(event.get("rawPath", ""))
    if not match or not SHOP_ID.fullmatch(match.group(1)):
        raise Refused(404, "no such shop")
    return match.group(1)


def shop_of(id: str, environment: Environment) -> Shop:
    """The shop's settings.

    Raises:
        Refused: there is no such shop, or nobody knows it now.
    """
    try:
        return environment.shops.get(id)
    except UnknownShop:
        raise Refused(404, "no such shop") from None
    except (SettingsDown, BadSettings) as error:
        logger.error("settings", extra={"shop": id, "reason": str(error)})
        raise Refused(503, "the shop's settings cannot be read") from None


def headers_of(event: Event) -> dict[str, str]:
    """The call's headers, their names in lower case."""
    return {name.lower(): value for name, value in event.get("headers", {}).items()}


def webhook_of(event: Event, largest: int) -> Webhook:
    """The call as it came over the wire.

    Raises:
        Refused: its body has more bytes than `largest`.
    """
    body = _raw_body(event)
    if len(body) > largest:
        raise Refused(413, f"at most {largest} bytes")
    received_at = int(event["requestContext"]["timeEpoch"])
    return Webhook(headers_of(event), body, received_at, event.get("queryStringParameters") or {})


def take(webhook: Webhook, shop: Shop, platform: str, context: Any, environment: Environment) -> Answer:
    """Verify a call and deliver what is in it. Answers 200, 401, or 503 where nothing durable can be reached.

    Args:
        platform: whose language the body is in, by name.
    """
    received_at = webhook.received_at
    try:
        shop = _verified(platforms.get(platform), webhook, shop, environment)
    except platforms.NotVerified as error:
        report("refused", received_at, shop=shop.id, outcome="unverified", reason=str(error))
        return _answer(401, {"error": str(error)})
    except platforms.Unsigned as error:
        report("received", received_at, shop=shop.id, outcome="ignored", reason=str(error))
        return _answer(200, {"status": "ignored", "delivery": "", "reason": str(error)})
    deadline = environment.clock() + context.get_remaining_time_in_millis()
    try:
        results = environment.direct.receive(webhook, shop, platform, owner=context.aws_request_id, deadline=deadline)
    except Unavailable:
        report("refused", received_at, shop=shop.id, outcome="unavailable")
        return Refused(503, "nothing durable can be reached").answer
    took = environment.clock() - received_at
    said = [_say(webhook, shop, delivery, outcome, took) for delivery, outcome in results]
    return _answer(200, said[0] if len(said) == 1 else {"deliveries": said})


def _verified(platform: platforms.Platform, webhook: Webhook, shop: Shop, environment: Environment) -> Shop:
    try:
        platform.verify(webhook, shop)
        return shop
    except platforms.NotVerified:
        # A secret may have been replaced since the settings were read.
        renewed = environment.shops.reread(shop.id)
        if renewed is None or renewed.platform != shop.platform:
            raise
        platform.verify(webhook, renewed)
        return renewed


def _say(webhook: Webhook, shop: Shop, delivery: Delivery | None, outcome: Outcome, took: int) -> dict[str, str]:
    key = delivery.key if delivery else "body:" + hashlib.sha256(webhook.body).hexdigest()[:16]
    entity = delivery.entity if delivery else None
    report(
        "received",
        webhook.received_at,
        shop=shop.id,
        outcome=outcome.status,
        reason=outcome.reason,
        topic=delivery.topic if delivery else "unreadable",
        entity=f"{entity.kind} {entity.id}" if entity else None,
        key=key_hash(key),
        milliseconds=took,
    )
    said = {"status": str(outcome.status), "delivery": key}
    return said | ({"reason": outcome.reason} if outcome.reason else {})


def _raw_body(event: Event) -> bytes:
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass  # the flag is wrong: the signature decides about the bytes as they stand
    return str(text).encode("utf-8", "surrogatepass")


def _probe(event: Event) -> Answer:
    """Platforms ask whether the URL is there; Adobe wants its challenge back."""
    challenge = (event.get("queryStringParameters") or {}).get("challenge", "")
    if _CHALLENGE.fullmatch(challenge):
        headers = {"content-type": "text/plain", "x-content-type-options": "nosniff"}
        return {"statusCode": 200, "headers": headers, "body": challenge}
    return _answer(200, {"status": "ok"})


def _answer(status: int, body: dict[str, Any]) -> Answer:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
