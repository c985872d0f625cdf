"""Row `growth`: cost and CPU time of a webhook with 10, 1,000 and 100,000 known orders.

The first order is delivered. Its ledger entry is then copied under other IDs, and some of the orders change.
"""

import json
import random
from typing import Any

from bench.account import START, TABLE, Account
from bench.candidates import MIX, SETTINGS, SHOP, SHOPS_PATH, Shopwire
from bench.cost import deployed_memory, monthly_bill, send
from bench.harness import Figures, Goal, Row, Run
from bench.traffic import sample, shopify_time, signed_call

KNOWN_ORDERS = (10, 1_000, 100_000)
_FIRST_ID = 6 * 10**12
_WEBHOOKS = 500


class ShopWithOrders:
    """A shop whose ledger has `known` orders."""

    def __init__(self, known: int) -> None:
        self.account = Account(MIX, deployed_memory(), {})
        self._candidate = Shopwire(self.account, None)
        self._known = known
        self._rng = random.Random(known)
        self._changes = 0
        settings = self.account.settings
        settings.put_parameter(Name=SHOPS_PATH + SHOP.id, Value=json.dumps(SETTINGS), Type="SecureString")
        self._change_order(_FIRST_ID)
        (first,) = (item for item in self.account.table.items() if item["pk"]["S"].endswith(f"#order#{_FIRST_ID}"))
        for number in range(1, known):
            key = {"S": f"{SHOP.id}#order#{_FIRST_ID + number}"}
            self.account.table.put_item(TableName=TABLE, Item={**first, "pk": key})
        for _ in range(50):
            self.change_orders(1)

    def change_orders(self, count: int) -> float:
        """Change `count` orders and return the CPU time of a webhook in microseconds."""
        self.account.bill.clear()
        self.account.cpu_used.clear()
        for _ in range(count):
            self._change_order(_FIRST_ID + self._rng.randrange(self._known))
        seconds = self.account.cpu_used["webhook"]
        # The median excludes the webhooks during which Python collected the fakes' garbage.
        return sorted(seconds)[len(seconds) // 2] * 1e6

    def dollars_per_million(self) -> float:
        """Return the cost of a million webhooks like those of the last `change_orders`."""
        count = len(self.account.cpu_used["webhook"])
        by_webhook = {unit: amount / count for unit, amount in self.account.bill.by_webhook.items()}
        return monthly_bill(by_webhook, {}, 10**6)["total"]

    def _change_order(self, id: int) -> None:
        self._changes += 1
        self.account.now += 1_000
        body = sample("orders_create") | {
            "id": id,
            "created_at": shopify_time(START),
            "updated_at": shopify_time(self.account.now),
            "note": f"change {self._changes}",
            "cart_token": None,
        }
        with self.account.log():
            send(self._candidate, signed_call("orders/updated", body, SHOP, f"{self._changes}"), f"{self._changes}")


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure the row `growth`."""
    shops = {known: ShopWithOrders(known) for known in KNOWN_ORDERS}
    samples = run.alternate(
        {str(known): lambda shop=shop: shop.change_orders(run.times(_WEBHOOKS)) for known, shop in shops.items()}  # type: ignore[misc]
    )
    costs = {known: shop.dollars_per_million() for known, shop in shops.items()}
    figures: dict[str, Any] = {
        str(known): {"usd_per_million": round(costs[known], 3), "us": round(samples[str(known)].median, 1)}
        for known in KNOWN_ORDERS
    }
    fewest, most = KNOWN_ORDERS[0], KNOWN_ORDERS[-1]
    return {
        "growth": figures
        | {
            "cost_ratio": round(costs[most] / costs[fewest], 3),
            "time_ratio": round(samples[str(most)].ratio(samples[str(fewest)]), 3),
        }
    }


ROWS = (
    Row(
        "growth",
        measure,
        (
            Goal("growth.cost_ratio", "cost of a webhook, 100,000 known orders against 10", 1.1, at_least=0.9),
            Goal("growth.time_ratio", "CPU time of a webhook, 100,000 known orders against 10", 1.1, at_least=0.9),
        ),
    ),
)
