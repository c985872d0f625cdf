"""Row `growth`: what a webhook takes of AWS and of a processor with 10, 1,000 and 100,000 orders known.

The orders are put into the table as one that really came stands there, under other ids; then some of them change.
"""

import json
import random
from typing import Any

from bench.account import START, TABLE, Account
from bench.contestants import MIX, SETTINGS, SHOP, SHOPS_PATH, Shopwire
from bench.cost import answered, memory, month
from bench.harness import Figures, Goal, Row, Run
from bench.traffic import call, sample, time

KNOWN = (10, 1_000, 100_000)
_FIRST_ID = 6 * 10**12
_WEBHOOKS = 500


class Grown:
    """A shop of which so many orders are known."""

    def __init__(self, known: int) -> None:
        self.account = Account(MIX, memory(), {})
        self._contestant = Shopwire(self.account, None)
        self._known = known
        self._rng = random.Random(known)
        self._changes = 0
        settings = self.account.settings
        settings.put_parameter(Name=SHOPS_PATH + SHOP.id, Value=json.dumps(SETTINGS), Type="SecureString")
        self._change(_FIRST_ID)
        (first,) = (item for item in self.account.table.items() if item["pk"]["S"].endswith(f"#order#{_FIRST_ID}"))
        for number in range(1, known):
            key = {"S": f"{SHOP.id}#order#{_FIRST_ID + number}"}
            self.account.table.put_item(TableName=TABLE, Item={**first, "pk": key})
        for _ in range(50):
            self.changes(1)

    def changes(self, count: int) -> float:
        """Let so many orders change; answers how many microseconds of a processor a webhook took."""
        self.account.bill.clear()
        self.account.cpu_used.clear()
        for _ in range(count):
            self._change(_FIRST_ID + self._rng.randrange(self._known))
        used = self.account.cpu_used["webhook"]
        # The median: a collection of the fakes' garbage falls on some webhook or other.
        return sorted(used)[len(used) // 2] * 1e6

    def dollars(self) -> float:
        """What a million of the webhooks counted last cost."""
        count = len(self.account.cpu_used["webhook"])
        return month({unit: amount / count for unit, amount in self.account.bill.by_webhook.items()}, {}, 10**6)[
            "total"
        ]

    def _change(self, id: int) -> None:
        self._changes += 1
        self.account.now += 1_000
        now = time(self.account.now)
        body = sample("orders_create") | {
            "id": id,
            "created_at": time(START),
            "updated_at": now,
            "note": f"change {self._changes}",
            "cart_token": None,
        }
        with self.account.log():
            answered(self._contestant, call("orders/updated", body, SHOP, f"{self._changes}"), f"{self._changes}")


def measure(run: Run) -> dict[str, Figures | float]:
    """The row `growth`."""
    shops = {known: Grown(known) for known in KNOWN}
    samples = run.alternated(
        {str(known): lambda shop=shop: shop.changes(run.times(_WEBHOOKS)) for known, shop in shops.items()}  # type: ignore[misc]
    )
    costs = {known: shop.dollars() for known, shop in shops.items()}
    found: dict[str, Any] = {
        str(known): {"usd_per_million": round(costs[known], 3), "us": round(samples[str(known)].median, 1)}
        for known in KNOWN
    }
    most, least = str(KNOWN[-1]), str(KNOWN[0])
    return {
        "growth": found
        | {
            "cost_ratio": round(costs[KNOWN[-1]] / costs[KNOWN[0]], 3),
            "time_ratio": round(samples[most].ratio(samples[least]), 3),
        }
    }


ROWS = (
    Row(
        "growth",
        measure,
        (
            Goal("growth.cost_ratio", "cost a webhook, 100,000 orders known, to 10", 1.1, at_least=0.9),
            Goal("growth.time_ratio", "time a webhook, 100,000 orders known, to 10", 1.1, at_least=0.9),
        ),
    ),
)
