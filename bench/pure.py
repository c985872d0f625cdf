"""Row `map`: processor time from a raw body to v1/event bytes, against a floor. Row `map_parts`: what it goes to.

shopwire: verify, parse, validate, map, serialise. The floor: HMAC, json.loads and json.dumps of the same bytes, all
three in C. Bodies: the Shopify orders of SHOPWIRE_CORPUS (a folder of payloads), else the project's own samples.
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
from bench.profiled import Clock, found
from shopwire import platforms
from shopwire.errors import Unmappable, Unreadable
from shopwire.mapper import order_steps
from shopwire.models import OrderChange, Shop, Webhook
from shopwire_testkit.samples import folder

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
    return [step.request.body for step in order_steps(delivery.change.order, SHOP, None, recent=True)]


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
    bodies = Path(corpus) / "shopify" if corpus else folder("shopify")
    for path in sorted(bodies.glob("orders_*.json")):
        # As Shopify writes JSON: no spaces, no escapes but what must be.
        body = json.dumps(json.loads(path.read_bytes()), ensure_ascii=False, separators=(",", ":")).encode()
        webhook = Webhook(PLATFORM.sign("orders/updated", body, SHOP, 0), body, 0)
        try:
            mapped(webhook)
        except (Unreadable, Unmappable):
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


# part -> where: module, and what of it
PARTS = {
    "verify": ("shopwire.platforms.shopify", "Shopify.verify"),
    "parse and validate": ("shopwire.platforms.shopify.bodies", "Order.model_validate_json"),
    "the order's lines": ("shopwire.platforms.shopify.orders", "_items"),
    "the order's buyer": ("shopwire.platforms.shopify.orders", "_buyer"),
    "the order": ("shopwire.platforms.shopify", "Shopify.read"),
    "params": ("shopwire.mapper.orders", "_params"),
    "digests": ("shopwire.mapper.orders", "_knowledge"),
    "requests": ("shopwire.mapper.orders", "event"),
    "the rest": ("bench.pure", "mapped"),
}


def measure_parts(run: Run) -> dict[str, Figures | float]:
    """Microseconds of each part, one after the other as in life: alone, in a loop of its own, each finds its code and
    data in the processor's nearest cache and takes a fifth less. And the floor's parts, and what no mapper could go
    without: HMAC, the body in and the requests out by the fastest reader and writer there are, nothing between."""
    return {"map_parts_us": {str(len(webhook.body)): _parts(webhook, run) for webhook in chosen().values()}}


def _parts(webhook: Webhook, run: Run) -> Figures:
    loaded, requests = json.loads(webhook.body), [json.loads(body) for body in mapped(webhook)]
    least: dict[str, Callable[[Webhook], object]] = {
        "floor: HMAC": lambda webhook: hmac.digest(b"a-secret", webhook.body, "sha256"),
        "floor: json.loads": lambda webhook: json.loads(webhook.body),
        "floor: json.dumps": lambda _: json.dumps(loaded, ensure_ascii=False, separators=(",", ":")),
        "least: body in": lambda webhook: from_json(webhook.body),
        "least: requests out": lambda _: [to_json(request) for request in requests],
    }
    samples = run.alternated(
        {name: lambda work=work: _microseconds(work, webhook) for name, work in least.items()}  # type: ignore[misc]
    )
    return _lapped(webhook, run) | {name: round(one.median, 1) for name, one in samples.items()}


def _lapped(webhook: Webhook, run: Run) -> Figures:
    clock = Clock(PARTS, time.perf_counter_ns)
    laps: dict[str, list[int]] = {part: [] for part in PARTS}
    with ExitStack() as patches:
        for part, where in PARTS.items():
            owner, name = found(*where)
            patches.enter_context(mock.patch.object(owner, name, clock.timed(part, getattr(owner, name))))
        for _ in range(run.rounds * _CALLS):
            clock.restart()
            mapped(webhook)
            for part, spent in clock.spent.items():
                laps[part].append(spent)
    # The median: now and then the machine does something else meanwhile.
    return {part: round(median(spent) / 1000, 1) for part, spent in laps.items()}


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
    Row("map_parts", measure_parts, (Goal("map_parts_us.*.*", "of a raw body of * bytes: *", unit="us"),)),
)
