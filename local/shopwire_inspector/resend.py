"""Sending a webhook again, perhaps changed: what it would send, and the call itself."""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shopwire import platforms
from shopwire.delivery.reasons import describe
from shopwire.errors import NotVerified, TableUnavailable, Unreadable, UnsignedCall
from shopwire.message import Message
from shopwire.models import Reason, Shop, Webhook
from shopwire.platforms.base import Platform
from shopwire_inspector.data_source import DataSource
from shopwire_inspector.dry_run import DryRunResult
from shopwire_inspector.exchanges import request_lines
from shopwire_inspector.minutes import outcome_group
from shopwire_inspector.recorded import Exchange, RecordedWebhook
from shopwire_inspector.words import explain
from shopwire_testkit.samples import signed_webhook

Line = tuple[str, str]
"""A line of a diff: "-", "+" or " ", and the text."""


def resendable(source: DataSource, webhook: RecordedWebhook) -> tuple[Shop, Platform] | None:
    """Return the shop and the platform with which the webhook can be signed again; None if it cannot be."""
    if source.actions is None or webhook.request is None or webhook.request.body is None:
        return None
    shop = source.find_shop(webhook.shop)
    return (shop, source.platform_of(webhook, shop)) if shop else None


def topic_of(platform: Platform, webhook: RecordedWebhook) -> str:
    """Return the topic with which the webhook arrived; "" if it names none."""
    request = webhook.request
    assert request is not None
    if named := platform.topic_of(Webhook(request.headers, request.body or b"", webhook.received_at, request.query)):
        return named
    if webhook.topic and platform.topic(webhook.topic):
        return webhook.topic
    kind = (json_object(request.body or b"")).get("type")
    return kind if isinstance(kind, str) and platform.topic(kind) else ""


def destruction(platform: str, topic: str) -> str | None:
    """Return what a topic destroys, as a question to ask before it is sent; None if it destroys nothing."""
    found = platforms.get(platform).topic(topic)
    if found is None or not found.destroys:
        return None
    return (
        f"{topic} deletes or erases what shopwire and the API hold of an order, a contact or the whole shop. Send it?"
    )


def preview(source: DataSource, shop: Shop, platform: Platform, topic: str, body: bytes) -> list[DryRunResult]:
    """Return what the body would send now, for each of its deliveries. Nothing is written or sent.

    Raises:
        TableUnavailable.
    """
    now = source.environment.clock()
    webhook = signed_webhook(platform, topic, body, shop, now)
    try:
        platform.verify(webhook, shop)
        keys = [delivery.key for delivery in platform.read(webhook, shop)]
    except NotVerified as error:
        return [DryRunResult("unverified", error.reason)]
    except UnsignedCall:
        return [DryRunResult("ignored", Reason.PING)]
    except Unreadable:
        keys = [""]  # the dry run says what is wrong
    name = platform.name if platform.name != shop.platform else ""
    results = (source.dry_run(shop.id, Message(shop.id, key, webhook, platform=name)) for key in keys)
    # The dry run is made for what waits, which is superseded. What arrives with an earlier version is stale.
    return [
        replace(result, outcome="stale") if result.outcome == "superseded" else result for result in results if result
    ]


def preview_view(
    source: DataSource, shop: Shop, platform: Platform, topic: str, body: bytes, before: Iterable[Exchange]
) -> dict[str, Any]:
    """Return what the body would send now, with the difference from the requests `before`, for a page."""
    try:
        results = preview(source, shop, platform, topic, body)
    except TableUnavailable as error:
        return {"problem": f"The dry run failed: {error}.", "results": [], "diff": [], "count": 0, "same": False}
    requests = [request for result in results for request in result.requests]
    planned = [Exchange(0, request.method, request.path, request.body) for request in requests]
    diff = diff_of(before, planned)
    return {
        "problem": None,
        "results": [
            {
                "outcome": result.outcome,
                "group": outcome_group(result.outcome),
                "reason": describe(result.reason, result.details),
                "sentence": explain(result.outcome, result.reason)[-1] if result.outcome != "delivered" else "",
            }
            for result in results
        ],
        "sends": ", ".join(exchange.name or exchange.path for exchange in planned),
        "count": len(planned),
        "diff": diff,
        "same": all(sign == " " for sign, _ in diff),
    }


def diff_of(old: Iterable[Exchange], new: Iterable[Exchange], *, masked: bool = False) -> list[Line]:
    """Return a line for each line: "-" is only in the old requests, "+" only in the new ones."""
    before, after = (
        [line for exchange in side for line in request_lines(exchange, masked=masked)] for side in (old, new)
    )
    return [(line[0], line[2:]) for line in difflib.ndiff(before, after) if line[0] != "?"]


def json_object(body: bytes) -> Mapping[str, Any]:
    """Return the object in a body; {} if there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
