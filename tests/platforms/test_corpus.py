"""Every body of a folder of webhooks, mapped, and held against the API's rules: our samples and, where SHOPWIRE_CORPUS
names one, a folder of captured ones.

Both have a folder for each platform, and files named after their topic ("orders_create--3.json": a body of
orders/create).
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shopwire import platforms
from shopwire_cli.main import main
from shopwire_testkit.samples import folder
from tests.support.emulated_api import saved

# No webhooks, but what browsers or the platform's API said.
_NO_WEBHOOK = re.compile(r"webpixel_.*|.*_api_response|.*_registration_response")
# Bodies known by their resource only: the topic that reads most of it. Their values were replaced by their publisher:
# what must be an amount or a date is made one again.
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
    (rb'("\w*email": *)"example string"', rb'\1"who@example.com"'),
)
_SEPARATORS = {"shopify": "/", "woocommerce": "."}
# Fixtures that no platform ever sent, and what is wrong with them.
_UNREADABLE = {
    "shopify/orders_cancelled--1.json": "id: missing",
}


@dataclass(frozen=True, slots=True)
class Body:
    """A body, and what it came as."""

    name: str
    platform: str
    topic: str
    body: bytes


def _bodies(folder_of: Callable[[str], Path]) -> Iterator[Body]:
    for platform, separator in _SEPARATORS.items():
        topics = {re.sub(r"\W", "_", topic): topic for topic in platforms.get(platform).topics}
        for path in sorted(folder_of(platform).glob("*.json")):
            word = path.stem.partition("--")[0]
            if _NO_WEBHOOK.fullmatch(word):
                continue
            body = path.read_bytes()
            if word.startswith("DELIVERY_"):  # headers and body as they were recorded
                body = json.loads(body)["raw_body"].encode()
            for pattern, value in _REPLACED if word in _SHAPES else ():
                body = re.sub(pattern, value, body)
            word = re.sub(r"^(DELIVERY|ERROR_BODY)_", "", word)
            topic = _SHAPES.get(word) or topics.get(word) or word.replace("_", separator, 1)
            yield Body(f"{platform}/{path.name}", platform, topic, body)


CORPUS = os.environ.get("SHOPWIRE_CORPUS")
BODIES = [*_bodies(folder), *(_bodies(lambda name: Path(CORPUS) / name) if CORPUS else ())]


@pytest.mark.parametrize("mode", ["--known", "--new", "--contact"])
@pytest.mark.parametrize("sent", BODIES, ids=lambda sent: sent.name)
def test_a_body_becomes_what_the_api_saves(
    sent: Body, mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(sent.body)
    options = ["--contact", "who@example.com"] if mode == "--contact" else [mode]
    code = main(["map", sent.platform, sent.topic, str(file), "--region", "UA", *options])
    out, err = capsys.readouterr()
    if sent.name in _UNREADABLE:
        assert (code, out) == (2, "")
        assert err.endswith(f": {_UNREADABLE[sent.name]}\n")
        return
    assert code == 0, err
    requests = json.loads(out)
    assert bool(requests) != bool(err)
    fact = "totalCost" not in out
    assert saved(requests, known=mode != "--new", fact=fact) == []
