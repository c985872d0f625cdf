"""Row `map`: CPU time from a raw body to v1/event bytes, against a floor. Row `map_parts`: the time of its parts.

shopwire verifies, parses, validates, maps and serialises the body. The floor is HMAC, json.loads and json.dumps of the
same bytes, all three written in C. The bodies are the Shopify orders of SHOPWIRE_CORPUS (a folder of captured webhooks)
or, without it, of the project's samples. `map` is an indicator without a goal, because its goal is measured against
another product outside this repository.
"""

import base64
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from statistics import median
from unittest import mock

from pydantic_core import from_json, to_json

from bench.harness import Figures, Goal, Row, Run
from bench.profiler import PartTimer, locate
from shopwire import platforms
from shopwire.errors import Unmappable, Unreadable
from shopwire.mapper import order_steps
from shopwire.models import OrderChange, Shop, Webhook
from shopwire_testkit.samples import folder

SHOP = Shop.model_validate(
    {"id": "demo-shopify", "platform": "shopify", "secrets": ["a-secret"], "esputnik_key": "a-key", "region": "UA"}
)
PLATFORM = platforms.get(SHOP.platform)

_SIZES_BYTES = (3_500, 11_500)
_CALLS = 500


def map_webhook(webhook: Webhook) -> list[bytes]:
    """Do the pure part of the function `webhook`: everything between the gateway and the API except the effects."""
    PLATFORM.verify(webhook, SHOP)
    (delivery,) = PLATFORM.read(webhook, SHOP)
    assert isinstance(delivery.change, OrderChange)
    return [step.request.body for step in order_steps(delivery.change.order, SHOP, None, recent=True)]


def floor(webhook: Webhook) -> bytes:
    """Compute the signature, and read and write the body once. No mapper can do less work."""
    base64.b64encode(hmac.digest(b"a-secret", webhook.body, "sha256"))
    return json.dumps(json.loads(webhook.body), ensure_ascii=False, separators=(",", ":")).encode()


@cache
def measured_webhooks() -> list[Webhook]:
    """Return the order whose body is nearest to each size."""
    orders = sorted(_orders(), key=lambda webhook: len(webhook.body))
    return [min(orders, key=lambda webhook: abs(len(webhook.body) - size)) for size in _SIZES_BYTES]


def _orders() -> Iterator[Webhook]:
    corpus = os.environ.get("SHOPWIRE_CORPUS")
    bodies = Path(corpus) / "shopify" if corpus else folder("shopify")
    for path in sorted(bodies.glob("orders_*.json")):
        # Shopify writes JSON without spaces and with as few escapes as possible.
        body = json.dumps(json.loads(path.read_bytes()), ensure_ascii=False, separators=(",", ":")).encode()
        webhook = Webhook(PLATFORM.sign("orders/updated", body, SHOP, 0).headers, body, 0)
        try:
            map_webhook(webhook)
        except (Unreadable, Unmappable):
            continue  # The body is not an order, or the order has no contact.
        yield webhook


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure the row `map`."""
    figures: Figures = {}
    for webhook in measured_webhooks():
        samples = run.alternate(
            {
                "shopwire": lambda webhook=webhook: _microseconds(map_webhook, webhook),  # type: ignore[misc]
                "floor": lambda webhook=webhook: _microseconds(floor, webhook),  # type: ignore[misc]
            }
        )
        figures[str(len(webhook.body))] = {
            "shopwire_us": round(samples["shopwire"].median, 1),
            "floor_us": round(samples["floor"].median, 1),
            "ratio": round(samples["shopwire"].ratio(samples["floor"]), 3),
        }
    return {"map": figures}


# The function that each part consists of: its module, and its name there.
PARTS = {
    "verify": ("shopwire.platforms.shopify", "Shopify.verify"),
    "parse and validate": ("shopwire.platforms.shopify.bodies", "Order.model_validate_json"),
    "the order's lines": ("shopwire.platforms.shopify.orders", "_items"),
    "the order's buyer": ("shopwire.platforms.shopify.orders", "_buyer"),
    "the order": ("shopwire.platforms.shopify", "Shopify.read"),
    "params": ("shopwire.mapper.orders", "_whole_params"),
    "digests": ("shopwire.mapper.orders", "_sent"),
    "requests": ("shopwire.mapper.orders", "event"),
    "the rest": ("bench.mapping", "map_webhook"),
}


def measure_parts(run: Run) -> dict[str, Figures | float]:
    """Measure the row `map_parts`: microseconds of each part, of the floor's parts, and of what every mapper must do.

    The parts run one after the other, as in the function. In a loop of its own, a part takes a fifth less, because its
    code and data stay in the processor's nearest cache. Every mapper must check the HMAC, read the body and write the
    requests. These are measured with the fastest JSON reader and writer for Python.
    """
    return {"map_parts_us": {str(len(webhook.body)): _all_parts(webhook, run) for webhook in measured_webhooks()}}


def _all_parts(webhook: Webhook, run: Run) -> Figures:
    loaded, requests = json.loads(webhook.body), [json.loads(body) for body in map_webhook(webhook)]
    baselines: dict[str, Callable[[Webhook], object]] = {
        "floor: HMAC": lambda webhook: hmac.digest(b"a-secret", webhook.body, "sha256"),
        "floor: json.loads": lambda webhook: json.loads(webhook.body),
        "floor: json.dumps": lambda _: json.dumps(loaded, ensure_ascii=False, separators=(",", ":")),
        "least: body in": lambda webhook: from_json(webhook.body),
        "least: requests out": lambda _: [to_json(request) for request in requests],
    }
    samples = run.alternate(
        {name: lambda work=work: _microseconds(work, webhook) for name, work in baselines.items()}  # type: ignore[misc]
    )
    return _shopwire_parts(webhook, run) | {name: round(figures.median, 1) for name, figures in samples.items()}


def _shopwire_parts(webhook: Webhook, run: Run) -> Figures:
    timer = PartTimer(PARTS, time.perf_counter_ns)
    calls: dict[str, list[int]] = {part: [] for part in PARTS}
    with ExitStack() as patches:
        for part, location in PARTS.items():
            owner, name = locate(*location)
            patches.enter_context(mock.patch.object(owner, name, timer.wrap(part, getattr(owner, name))))
        for _ in range(run.rounds * _CALLS):
            timer.restart()
            map_webhook(webhook)
            for part, nanoseconds in timer.nanoseconds.items():
                calls[part].append(nanoseconds)
    # The median excludes the calls during which the machine did something else.
    return {part: round(median(nanoseconds) / 1000, 1) for part, nanoseconds in calls.items()}


def _microseconds(work: Callable[[Webhook], object], webhook: Webhook) -> float:
    start = time.process_time()
    for _ in range(_CALLS):
        work(webhook)
    return (time.process_time() - start) / _CALLS * 1e6


ROWS = (
    Row("map", measure, (Goal("map.*.ratio", "raw body of * bytes to v1/event, against the floor"),)),
    Row("map_parts", measure_parts, (Goal("map_parts_us.*.*", "of a raw body of * bytes: *", unit="us"),)),
)
