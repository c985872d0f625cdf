"""Row `drain`: the time until the API has everything after an outage of 20 minutes.

It runs on the simulation's fake cloud and its virtual clock, at a tenth of the goal's size: 5 webhooks a second, a
tenth of the consumers and a tenth of the API's rates. The queue serves all waiting entities in parallel, so the time is
the same as at full size. The API throttles by the second, as the vendor's pages say."""

import io
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from bench.account import START
from bench.candidates import MIX, SETTINGS, SHOP
from bench.harness import ROOT, Figures, Goal, Row, Run
from bench.traffic import sample, shopify_time
from shopwire import platforms
from shopwire.observability import logger
from shopwire_simulation.cloud import Cloud
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Invocation, Scheduler
from shopwire_testkit.durations import MINUTE, SECOND
from tools.template import load

_SCALE = 10
_WEBHOOKS_PER_SECOND = 50 // _SCALE
# The API's published rates: v1/event, and all other requests together.
_EVENTS_PER_SECOND = 350 // _SCALE
_OTHERS_PER_SECOND = 200 // _SCALE
_OUTAGE = 20 * MINUTE
_LONGEST = 4 * 60 * MINUTE
# Minutes after an order's creation at which it sends a webhook.
_CHANGE_MINUTES = (0, 2, 6)

MANY_CONSUMERS = 100
"""More consumers than the API's rate needs. They must not take much longer, although the API throttles them."""

# The time if the API always received as many events as it accepts. The webhooks that arrive meanwhile use a part of
# this rate.
_THEORETICAL_MINUTES = _OUTAGE / MINUTE * _WEBHOOKS_PER_SECOND / (_EVENTS_PER_SECOND - _WEBHOOKS_PER_SECOND)


@dataclass(slots=True)
class _Received:
    """The changes that the API received.

    Args:
        changes: the last change of each order.
        misordered: number of changes that arrived after a later one.
    """

    changes: dict[str, int] = field(default_factory=dict)
    misordered: int = 0


class Outage:
    """One run with an outage.

    Args:
        concurrency: RetryConcurrency at full size.
        outage: milliseconds during which the API fails.
    """

    def __init__(self, concurrency: int = MANY_CONSUMERS, outage: int = _OUTAGE) -> None:
        self.scheduler = Scheduler(START)
        self.received = _Received()
        self.ends_at = START + MINUTE + outage
        self._requests: Counter[tuple[int, bool]] = Counter()
        faults = FaultSchedule(random.Random(0), (), START, START, START)
        self.cloud = Cloud(
            self.scheduler, faults, 0, self._transport, self._watch, self._failed, _ignore, concurrency // _SCALE
        )
        self.cloud.put_shop(SHOP.id, SETTINGS)
        self.expected: dict[str, int] = {}
        """The last change of each order that was posted before the end of the outage."""

    def minutes(self) -> float:
        """Return the minutes from the end of the outage until the API has all changes that were posted before it.

        Infinity means that the API does not have all of them after four hours.
        """
        scheduler = self.scheduler
        last = self.ends_at + _LONGEST
        changes = len(_CHANGE_MINUTES)
        for n in range(_WEBHOOKS_PER_SECOND * (self.ends_at - START + 10 * MINUTE) // SECOND // changes):
            created_at = START + n * changes * SECOND // _WEBHOOKS_PER_SECOND
            for change, minutes in enumerate(_CHANGE_MINUTES):
                self._schedule(str(6 * 10**12 + n), change, created_at + minutes * MINUTE)
        scheduler.run(self.ends_at)
        while not self._is_complete() and scheduler.now < last:
            scheduler.run(scheduler.now + SECOND)
        return (scheduler.now - self.ends_at) / MINUTE if self._is_complete() else float("inf")

    @property
    def parked(self) -> int:
        return len(self.cloud.environment().parked.list(SHOP.id))

    def _is_complete(self) -> bool:
        return all(self.received.changes.get(id, -1) >= change for id, change in self.expected.items())

    def _schedule(self, id: str, change: int, at: int) -> None:
        if at < self.ends_at:
            self.expected[id] = change
        self.scheduler.call_at(at, lambda: self._post(id, change))

    def _post(self, id: str, change: int) -> None:
        scheduler = self.scheduler
        body = sample("orders_create") | {
            "id": int(id),
            "created_at": shopify_time(scheduler.now),
            "updated_at": shopify_time(scheduler.now),
            "note": f"change {change}",
            "cart_token": None,
        }
        raw = json.dumps(body, ensure_ascii=False)
        call = platforms.get("shopify").sign("orders/updated", raw.encode(), SHOP, scheduler.now)
        path = f"/webhooks/{SHOP.id}"
        event = {
            "rawPath": path,
            "headers": dict(call.headers),
            "requestContext": {"http": {"method": "POST", "path": path}, "timeEpoch": scheduler.now},
            "body": call.body.decode(),
            "isBase64Encoded": False,
        }
        invocation = Invocation("webhook", scheduler.now + 10 * SECOND, f"{id} {change}")
        self.cloud.http(event, invocation, _check_response)

    def _watch(self, service: str, operation: str, arguments: dict[str, Any]) -> None:
        if operation in ("send_message", "send_message_batch"):
            self.cloud.poll(SECOND // 5)

    def _failed(self, function: str, error: Exception) -> None:
        raise error

    def _transport(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        scheduler = self.scheduler
        scheduler.sleep(MIX["milliseconds"]["api"])
        if START + MINUTE <= scheduler.now < self.ends_at:
            return 503, {}, b""
        is_event = url.endswith("v1/event")
        second = scheduler.now // SECOND, is_event
        self._requests[second] += 1
        if self._requests[second] > (_EVENTS_PER_SECOND if is_event else _OTHERS_PER_SECOND):
            return 429, {}, b""
        params = {param["name"]: param["value"] for param in json.loads(body).get("params", ())}
        if params:
            id, change = params["externalOrderId"], int(params["additionalInfo"].removeprefix("change "))
            self.received.misordered += change < self.received.changes.get(id, -1)
            self.received.changes[id] = change
        return 200, {}, b""


def _ignore(*_: Any) -> None:
    pass


def _check_response(response: dict[str, Any] | Exception) -> None:
    """Check that a webhook was accepted.

    Raises:
        ValueError: it was refused, or the function failed.
    """
    if isinstance(response, Exception) or response["statusCode"] != 200:
        raise ValueError(response)


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure the row `drain`."""
    outages = [
        Outage(concurrency, _OUTAGE // (10 if run.quick else 1))
        for concurrency in (default_concurrency(), MANY_CONSUMERS)
    ]
    with mock.patch.object(logger.registered_handler, "stream", io.StringIO()):
        minutes, with_many = (round(outage.minutes(), 2) for outage in outages)
    return {
        "drain": {
            "minutes": minutes,
            "minutes_with_100_consumers": with_many,
            "parked": sum(outage.parked for outage in outages),
            "misordered": sum(outage.received.misordered for outage in outages),
        }
    }


def default_concurrency() -> int:
    """Return the default of RetryConcurrency in template.yaml."""
    return int(load(ROOT / "template.yaml")["Parameters"]["RetryConcurrency"]["Default"])


ROWS = (
    Row(
        "drain",
        measure,
        (
            Goal("drain.minutes", "drain of 20 minutes at 50 webhooks/s", 1.2 * _THEORETICAL_MINUTES, unit="min"),
            Goal(
                "drain.minutes_with_100_consumers",
                "the same with 100 consumers",
                1.2 * _THEORETICAL_MINUTES,
                unit="min",
            ),
            Goal("drain.parked", "parked webhooks of the drain", 0, unit="webhooks"),
            Goal("drain.misordered", "misordered changes of the drain", 0, unit="changes"),
        ),
    ),
)
