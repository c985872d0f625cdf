"""Row `drain`: the API is down for 20 minutes while webhooks come, then healed. How long until all is in?

The simulation's cloud on a virtual clock, at a tenth of the goal's size: 5 webhooks a second, a tenth of the consumers
and of the API's rate. Everything that waits is served side by side, so the time is that of the whole.
"""

import io
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from bench.account import START
from bench.contestants import MIX, SETTINGS, SHOP
from bench.harness import Figures, Goal, Row, Run
from bench.traffic import sample, time
from shopwire import platforms
from shopwire.observability import logger
from shopwire_simulation.cloud import Cloud
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Invocation, Scheduler
from shopwire_testkit.durations import MINUTE, SECOND

_SCALE = 10
_WEBHOOKS_A_SECOND = 50 // _SCALE
_REQUESTS_A_SECOND = 500 // _SCALE
_OUTAGE = 20 * MINUTE
_LONGEST = 4 * 60 * MINUTE
# An order is made and changed twice, so many minutes later.
_CHANGES = (0, 2, 6)

CONCURRENCY = 60
"""RetryConcurrency: each sends about six requests a second; together they must stay below the API's rate."""


@dataclass(slots=True)
class _Seen:
    """What the API took."""

    changes: dict[str, int] = field(default_factory=dict)
    misordered: int = 0
    statuses: Counter[int] = field(default_factory=Counter)


class Outage:
    """One run.

    Args:
        concurrency: of `retry`, at full size.
        outage: how long the API is down, in milliseconds.
    """

    def __init__(self, concurrency: int = CONCURRENCY, outage: int = _OUTAGE) -> None:
        self.scheduler = Scheduler(START)
        self.seen = _Seen()
        self.heals_at = START + MINUTE + outage
        self._second: tuple[int, int] = (0, 0)
        nothing = lambda *_: None  # noqa: E731
        faults = FaultSchedule(random.Random(0), (), START, START, START)
        self.cloud = Cloud(
            self.scheduler, faults, 0, self._transport, self._watch, self._failed, nothing, concurrency // _SCALE
        )
        self.cloud.put_shop(SHOP.id, SETTINGS)
        self.expected: dict[str, int] = {}
        """The last change of each order that was told before the API healed."""

    def minutes(self) -> float:
        """Minutes from the healing until everything told before it is in; infinite where that never happens."""
        scheduler = self.scheduler
        last = self.heals_at + _LONGEST
        for n in range(_WEBHOOKS_A_SECOND * (self.heals_at - START + 10 * MINUTE) // SECOND // len(_CHANGES)):
            at = START + n * len(_CHANGES) * SECOND // _WEBHOOKS_A_SECOND
            for change, minutes in enumerate(_CHANGES):
                self._tell(str(6 * 10**12 + n), change, at + minutes * MINUTE)
        scheduler.run(self.heals_at)
        while not self._is_in() and scheduler.now < last:
            scheduler.run(scheduler.now + SECOND)
        return (scheduler.now - self.heals_at) / MINUTE if self._is_in() else float("inf")

    @property
    def parked(self) -> int:
        return len(self.cloud.environment().parked.list(SHOP.id))

    def _is_in(self) -> bool:
        return all(self.seen.changes.get(id, -1) >= change for id, change in self.expected.items())

    def _tell(self, id: str, change: int, at: int) -> None:
        if at < self.heals_at:
            self.expected[id] = change
        self.scheduler.call_at(at, lambda: self._post(id, change))

    def _post(self, id: str, change: int) -> None:
        scheduler = self.scheduler
        body = sample("orders_create") | {
            "id": int(id),
            "created_at": time(scheduler.now),
            "updated_at": time(scheduler.now),
            "note": f"change {change}",
            "cart_token": None,
        }
        raw = json.dumps(body, ensure_ascii=False)
        headers = platforms.get("shopify").sign("orders/updated", raw.encode(), SHOP, scheduler.now)
        path = f"/webhooks/{SHOP.id}"
        event = {
            "rawPath": path,
            "headers": headers,
            "requestContext": {"http": {"method": "POST", "path": path}, "timeEpoch": scheduler.now},
            "body": raw,
            "isBase64Encoded": False,
        }
        invocation = Invocation("webhook", scheduler.now + 10 * SECOND, f"{id} {change}")
        self.cloud.http(event, invocation, self._answered)

    def _answered(self, answer: Any) -> None:
        self.seen.statuses[answer["statusCode"]] += 1

    def _watch(self, service: str, operation: str, arguments: dict[str, Any]) -> None:
        if operation == "send_message":
            self.cloud.poll(SECOND // 5)

    def _failed(self, function: str, error: Exception) -> None:
        raise error

    def _transport(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        scheduler = self.scheduler
        scheduler.sleep(MIX["milliseconds"]["api"])
        if START + MINUTE <= scheduler.now < self.heals_at:
            return 503, {}
        second, count = self._second
        self._second = (second, count + 1) if second == scheduler.now // SECOND else (scheduler.now // SECOND, 1)
        if self._second[1] > _REQUESTS_A_SECOND:
            return 429, {}
        said = json.loads(body)
        params = {param["name"]: param["value"] for param in said.get("params", ())}
        if params:
            id, change = params["externalOrderId"], int(params["additionalInfo"].removeprefix("change "))
            self.seen.misordered += change < self.seen.changes.get(id, -1)
            self.seen.changes[id] = change
        return 200, {}


def measure(run: Run) -> dict[str, Figures | float]:
    """The row `drain`."""
    outage = Outage(outage=_OUTAGE // (10 if run.quick else 1))
    with mock.patch.object(logger.registered_handler, "stream", io.StringIO()):
        minutes = outage.minutes()
    return {"drain": {"minutes": round(minutes, 2), "parked": outage.parked, "misordered": outage.seen.misordered}}


ROWS = (
    Row(
        "drain",
        measure,
        (
            Goal("drain.minutes", "a 20-minute outage at 50 webhooks/s: until all is in", 5, unit="min"),
            Goal("drain.parked", "of those, parked", 0, unit=""),
            Goal("drain.misordered", "of those, out of order", 0, unit=""),
        ),
    ),
)
