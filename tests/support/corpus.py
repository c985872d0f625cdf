"""Every body that the tests know: our samples and, if SHOPWIRE_CORPUS names one, a folder of captured webhooks.

A corpus has a folder per platform. Its files are named after their topic: "orders_create--3.json" is a body of
orders/create.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shopwire import platforms
from shopwire.models import Webhook
from shopwire_testkit.samples import file_word
from tests.support.conformance import PLATFORMS, samples_of

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
# Answers of a platform's API, by their names in `Platform.fetches`. "order_api_response--2.json" is one to "order".
_API_RESPONSES = {
    "order": "order",
    "order_products": "products",
    "order_shipments": "shipments",
    "order_refunds": "refunds",
    "customers": "customer",
    "cart": "cart",
}
# The publisher of the privacy topics replaced the name of the shop.
_SHOP_NAME, _DEMO_SHOP_NAME = b"{shop}.myshopify.com", b"demo.myshopify.com"


@dataclass(frozen=True, slots=True)
class Body:
    """A body and the topic under which it came, with what the platform's API answers if it carries no state."""

    name: str
    platform: str
    topic: str
    body: bytes
    answers: Mapping[str, bytes | None] = field(default_factory=dict)


_OF_SHOPS = [platform for platform in PLATFORMS if platform.name in platforms.OF_SHOPS]


def _samples() -> Iterator[Body]:
    for platform in _OF_SHOPS:
        for sample in samples_of(platform):
            yield Body(f"{platform.name}/{sample.path.name}", platform.name, sample.topic, sample.body, sample.answers)


def _corpus(folder: Path) -> Iterator[Body]:
    for platform in _OF_SHOPS:
        topics = {file_word(topic): topic for topic in platform.topic_names()}
        responses = list(_responses(folder / platform.name))
        # The corpus has no answer to some of the names.
        answers = {name: answer for sample in samples_of(platform) for name, answer in sample.answers.items()}
        answers |= {name: answer for _, name, answer in reversed(responses)}
        for path in sorted((folder / platform.name).glob("*.json")):
            word = path.stem.partition("--")[0]
            if _NO_WEBHOOK.fullmatch(word):
                continue
            body = path.read_bytes()
            if word.startswith("DELIVERY_"):  # headers and body, as they were recorded
                body = json.loads(body)["raw_body"].encode()
            body = body.replace(_SHOP_NAME, _DEMO_SHOP_NAME)
            for pattern, value in _REPLACED if word in _SHAPES else ():
                body = re.sub(pattern, value, body)
            word = re.sub(r"^(DELIVERY|ERROR_BODY)_", "", word)
            # A topic that the platform class does not list is ignored, whatever its spelling.
            topic = _SHAPES.get(word) or topics.get(word) or platform.topic_of(Webhook({}, body, 0)) or word
            yield Body(f"{platform.name}/{path.name}", platform.name, topic, body, answers)
        for path, name, answer in responses:
            sample = next(sample for sample in samples_of(platform) if name in sample.answers)
            answers_of_sample = sample.answers | {name: answer}
            yield Body(f"{platform.name}/{path.name}", platform.name, sample.topic, sample.body, answers_of_sample)


def _responses(folder: Path) -> Iterator[tuple[Path, str, bytes]]:
    for path in sorted(folder.glob("*_api_response--*.json")):
        name = _API_RESPONSES.get(path.name.partition("_api_response--")[0])
        if name:
            yield path, name, path.read_bytes()


CORPUS = os.environ.get("SHOPWIRE_CORPUS")
BODIES = [*_samples(), *(_corpus(Path(CORPUS)) if CORPUS else ())]
