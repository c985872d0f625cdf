"""The API saves what every body becomes: our samples and, if SHOPWIRE_CORPUS names one, a folder of captured webhooks.

A corpus has a folder per platform. Its files are named after their topic: "orders_create--3.json" is a body of
orders/create.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shopwire import platforms
from shopwire.errors import Unreadable
from shopwire_testkit.expected import OWNER, result
from shopwire_testkit.samples import file_word, sample_shop, samples, signed_webhook
from tests.support.emulated_api import problems

# These files are not webhooks: browsers sent them, or the platform's API returned them.
_NO_WEBHOOK = re.compile(r"webpixel_.*|.*_api_response|.*_registration_response")
# The publisher of these bodies says only which resource they are, and replaced their values. They are read under the
# topic that reads most of the resource, with an amount or a date wherever one is required.
_SHAPES = {
    "shape_carts": "carts/update",
    "shape_checkouts": "checkouts/update",
    "shape_customers": "customers/update",
    "shape_fulfillment_events": "fulfillment_events/create",
    "shape_fulfillments": "fulfillments/update",
    "shape_orders": "orders/updated",
    "shape_refunds": "refunds/create",
}
_REPLACED = (
    (rb'("\w+_at": *)"example string"', rb'\1"2026-01-01T00:00:00Z"'),
    (rb'("\w*(?:price|amount|total|tax|discounts?|outstanding)": *)"example string"', rb'\1"1.00"'),
    (rb'("\w*currency\w*": *)"example string"', rb'\1"USD"'),
    (rb'("\w*email": *)"example string"', rb'\1"customer@example.com"'),
)
# These bodies are not what the platform sends.
_UNREADABLE = {
    "shopify/orders_cancelled--1.json": "id: missing",
}
_RECEIVED_AT = 1_798_761_600_000


@dataclass(frozen=True, slots=True)
class Body:
    """A body and the topic under which it came."""

    name: str
    platform: str
    topic: str
    body: bytes


def _samples() -> Iterator[Body]:
    for platform in platforms.OF_SHOPS:
        for sample in samples(platform):
            yield Body(f"{platform}/{sample.path.name}", platform, sample.topic, sample.body)


def _corpus(folder: Path) -> Iterator[Body]:
    for platform in platforms.OF_SHOPS:
        topics = {file_word(topic): topic for topic in platforms.get(platform).topic_names()}
        for path in sorted((folder / platform).glob("*.json")):
            word = path.stem.partition("--")[0]
            if _NO_WEBHOOK.fullmatch(word):
                continue
            body = path.read_bytes()
            if word.startswith("DELIVERY_"):  # headers and body, as they were recorded
                body = json.loads(body)["raw_body"].encode()
            for pattern, value in _REPLACED if word in _SHAPES else ():
                body = re.sub(pattern, value, body)
            word = re.sub(r"^(DELIVERY|ERROR_BODY)_", "", word)
            # A topic that the platform class does not list is ignored, whatever its spelling.
            yield Body(f"{platform}/{path.name}", platform, _SHAPES.get(word) or topics.get(word, word), body)


CORPUS = os.environ.get("SHOPWIRE_CORPUS")
BODIES = [*_samples(), *(_corpus(Path(CORPUS)) if CORPUS else ())]


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
@pytest.mark.parametrize("captured", BODIES, ids=lambda captured: captured.name)
def test_api_saves_what_a_body_becomes(captured: Body, known: bool) -> None:
    platform = platforms.get(captured.platform)
    shop = sample_shop(platform)
    webhook = signed_webhook(platform, captured.topic, captured.body, shop, _RECEIVED_AT)
    if captured.name in _UNREADABLE:
        with pytest.raises(Unreadable, match=f"^{_UNREADABLE[captured.name]}$"):
            platform.read(webhook, shop)
        return
    for delivery in platform.read(webhook, shop):
        found = result(delivery.change, shop, known=known, contact=OWNER if known else None)
        if isinstance(found, dict):
            assert found["outcome"] in ("ignored", "parked", "erased")
            continue
        assert found
        requests = [{"path": request.path, "body": json.loads(request.body)} for request in found]
        # The event of a fact contains less of its order than others.
        fact = delivery.change.version is None
        assert problems(requests, known=known, fact=fact) == []
