"""Row `map`: processor time from a raw body to v1/event bytes, against the least that any Python could do with it.

shopwire: verify, parse, validate, map, serialise. The floor: HMAC, json.loads and json.dumps of the same bytes, all
three in C. Bodies: the Shopify orders of SHOPWIRE_CORPUS (a folder of payloads), else the project's own samples.
"""

import base64
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from bench.harness import Figures, Goal, Row, Run
from shopwire import platforms
from shopwire.mapper import Unmappable, order_events
from shopwire.models import OrderChange, Shop, Webhook
from shopwire_local.sample_files import FOLDER

SHOP = Shop.model_validate(
    {"id": "demo-shopify", "platform": "shopify", "secrets": ["a-secret"], "esputnik_key": "a-key", "region": "UA"}
)
PLATFORM = platforms.get(SHOP.platform)

# The sizes that the goals are for, and how much of the floor's time is allowed there.
_GOALS = {3_500: 0.7, 11_500: 0.6}
_CALLS = 500


def mapped(webhook: Webhook) -> list[bytes]:
    """What `webhook` does between the gateway and the API, effects left out."""
    PLATFORM.verify(webhook, SHOP)
    (delivery,) = PLATFORM.read(webhook, SHOP)
    assert isinstance(delivery.change, OrderChange)
    return [step.request.body for step in order_events(delivery.change.order, SHOP, None, recent=True)]


def floor(webhook: Webhook) -> bytes:
    """The least: the signature, and the body read and written once."""
    base64.b64encode(hmac.digest(b"a-secret", webhook.body, "sha256"))
    return json.dumps(json.loads(webhook.body), ensure_ascii=False, separators=(",", ":")).encode()


@cache
def chosen() -> dict[int, Webhook]:
    """For each size of the goals, the order that comes nearest to it."""
    every = sorted(_orders(), key=lambda webhook: len(webhook.body))
    return {size: min(every, key=lambda webhook: abs(len(webhook.body) - size)) for size in _GOALS}


def _orders() -> Iterator[Webhook]:
    corpus = os.environ.get("SHOPWIRE_CORPUS")
    folder = Path(corpus) / "shopify" if corpus else FOLDER / "shopify"
    for path in sorted(folder.glob("orders_*.json")):
        # As Shopify writes JSON: no spaces, no escapes but what must be.
        body = json.dumps(json.loads(path.read_bytes()), ensure_ascii=False, separators=(",", ":")).encode()
        webhook = Webhook(PLATFORM.sign("orders/updated", body, SHOP, 0), body, 0)
        try:
            mapped(webhook)
        except (platforms.Unreadable, Unmappable):
            continue  # of another kind, or nobody's
        yield webhook


def measure(run: Run) -> dict[str, Figures | float]:
    """The row `map`."""
    found: Figures = {}
    for webhook in chosen().values():
        samples = run.alternated(
            {"shopwire": lambda w=webhook: _microseconds(mapped, w), "floor": lambda w=webhook: _microseconds(floor, w)}  # type: ignore[misc]
        )
        found[str(len(webhook.body))] = {
            "shopwire_us": round(samples["shopwire"].median, 1),
            "floor_us": round(samples["floor"].median, 1),
            "ratio": round(samples["shopwire"].ratio(samples["floor"]), 3),
        }
    return {"map": found}


def _microseconds(work: Callable[[Webhook], object], webhook: Webhook) -> float:
    began = time.process_time()
    for _ in range(_CALLS):
        work(webhook)
    return (time.process_time() - began) / _CALLS * 1e6


ROWS = (
    Row(
        "map",
        measure,
        tuple(
            Goal(f"map.{len(webhook.body)}.ratio", f"raw body of {len(webhook.body)} bytes to v1/event", _GOALS[size])
            for size, webhook in chosen().items()
        ),
    ),
)
