"""The webhook URL: POST /webhooks/{shop}, called by platforms. It also answers GET /health."""

import re
from typing import Any

from shopwire.endpoints.events import (
    Event,
    Response,
    deliver,
    error_response,
    response,
    shop_id_of,
    shop_of,
    webhook_of,
)
from shopwire.environment import Environment
from shopwire.errors import HttpError

MAX_BODY_BYTES = 4 << 20
"""Lambda accepts 6 MB per event, and a body may be in base64 (AWS, "Lambda quotas")."""
_PATH = re.compile(r"/webhooks/([^/]+)/?")
_CHALLENGE = re.compile(r"[\w.-]{1,256}", re.ASCII)


def serve(event: Event, context: Any, environment: Environment) -> Response:
    """Answer one HTTP request: a webhook, a platform's check whether the URL exists, or GET /health.

    Args:
        event: API Gateway's event.
        context: Lambda's context, with the request id and the remaining time.
    """
    method = event["requestContext"]["http"]["method"]
    if event.get("rawPath") == "/health":
        return response(200, {"status": "ok"})
    try:
        id = shop_id_of(event, _PATH)
        if method not in ("GET", "HEAD", "POST"):
            raise HttpError(405, "POST a webhook here")
        shop = shop_of(id, environment)
        if method != "POST":
            return _answer_check(event)
        return deliver(webhook_of(event, MAX_BODY_BYTES), shop, shop.platform, context, environment)
    except HttpError as error:
        return error_response(error)


def _answer_check(event: Event) -> Response:
    """Answer a platform that checks whether the URL exists. Adobe expects its challenge back."""
    challenge = (event.get("queryStringParameters") or {}).get("challenge", "")
    if _CHALLENGE.fullmatch(challenge):
        headers = {"content-type": "text/plain", "x-content-type-options": "nosniff"}
        return {"statusCode": 200, "headers": headers, "body": challenge}
    return response(200, {"status": "ok"})
