"""API Gateway's HTTP API events (payload format 2.0) in, its answers out: the webhook URL of contract.md.

Nothing is read of a body here before the platform has verified it.
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

LARGEST_BODY = 4 << 20
_RETRY_AFTER_SECONDS = "30"
_PATH = re.compile(r"/webhooks/([^/]+)/?")
_CHALLENGE = re.compile(r"[\w.-]{1,256}", re.ASCII)

Event = dict[str, Any]
Answer = dict[str, Any]


def serve(event: Event, context: Any, environment: Environment) -> Answer:
    """Answer one HTTP request."""
    request = event["requestContext"]
    path, method = event.get("rawPath", ""), request["http"]["method"]
    if path == "/health":
        return _answer(200, {"status": "ok"})
    match = _PATH.fullmatch(path)
    shop_id = match.group(1) if match else ""
    if not SHOP_ID.fullmatch(shop_id):
        return _answer(404, {"error": "no such shop"})
    if method not in ("GET", "HEAD", "POST"):
        return _answer(405, {"error": "POST a webhook here"})
    try:
        shop = environment.shops.get(shop_id)
    except UnknownShop:
        return _answer(404, {"error": "no such shop"})
    except (SettingsDown, BadSettings) as error:
        logger.error("settings", extra={"shop": shop_id, "reason": str(error)})
        return _unavailable("the shop's settings cannot be read")
    if method != "POST":
        return _probe(event)
    return _webhook(event, context, environment, shop)


def _webhook(event: Event, context: Any, environment: Environment, shop: Shop) -> Answer:
    received_at = int(event["requestContext"]["timeEpoch"])
    body = _raw_body(event)
    if len(body) > LARGEST_BODY:
        return _answer(413, {"error": f"a webhook has at most {LARGEST_BODY} bytes"})
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    webhook = Webhook(headers, body, received_at, event.get("queryStringParameters") or {})
    platform = platforms.get(shop.platform)
    try:
        shop = _verified(platform, webhook, shop, environment)
    except platforms.NotVerified as error:
        report("refused", received_at, shop=shop.id, outcome="unverified", reason=str(error))
        return _answer(401, {"error": str(error)})
    except platforms.Unsigned as error:
        report("received", received_at, shop=shop.id, outcome="ignored", reason=str(error))
        return _answer(200, {"status": "ignored", "delivery": "", "reason": str(error)})
    deadline = environment.clock() + context.get_remaining_time_in_millis()
    try:
        results = environment.direct.receive(webhook, shop, owner=context.aws_request_id, deadline=deadline)
    except Unavailable:
        report("refused", received_at, shop=shop.id, outcome="unavailable")
        return _unavailable("nothing durable can be reached")
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
        key=key,
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


def _unavailable(error: str) -> Answer:
    answer = _answer(503, {"error": error})
    answer["headers"]["retry-after"] = _RETRY_AFTER_SECONDS
    return answer


def _answer(status: int, body: dict[str, Any]) -> Answer:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
