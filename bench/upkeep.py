"""Row `upkeep`: how many messages a second the function `upkeep` moves from the outbox to the queue.

The outbox is that of an outage of SQS, with three changes of each order. The calls of AWS take their latencies on a
virtual clock, on which the outbox's partitions are moved side by side. The CPU time is measured with real clients, and
counted at the share of a processor that the function's memory gets. All partitions share that processor, so the row
adds the CPU time of all of them, as if none of it passed while another partition waits for AWS. The figure is therefore
a lower bound."""

import json
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from bench.account import Account
from bench.candidates import MIX, SHOP, Shopwire
from bench.cost import connect, deployed_memory
from bench.harness import Figures, Goal, Row, Run
from bench.traffic import sample
from shopwire.delivery.drain_outbox import OutboxDrain, RunParallel
from shopwire.message import Message
from shopwire.models import Webhook
from shopwire.stores.entry import key_hash

_ORDERS = 1_000
_CHANGES = 3
_CPU_ORDERS = 200
_HOUR_MS = 3_600_000

_Result = TypeVar("_Result")


class FullOutbox:
    """An account whose outbox has the messages of an outage.

    Args:
        orders: number of orders, with three messages each.
        address: address of the account's server for real clients, or None to call the account directly.
    """

    def __init__(self, account: Account, orders: int, address: str | None = None) -> None:
        self.account = account
        self.messages = orders * _CHANGES
        candidate = Shopwire(account, None)
        outbox = candidate.create_environment().outbox
        for number in range(_CHANGES):
            for order in range(orders):
                body = json.dumps(sample("orders_create") | {"id": 6 * 10**12 + order, "note": f"change {number}"})
                key = f"orders/updated:{order}-{number}"
                webhook = Webhook({"x-shopify-topic": "orders/updated"}, body.encode(), account.now)
                entity = f"{SHOP.id}#order#{6 * 10**12 + order}"
                outbox.put(Message(SHOP.id, key, webhook), entity, key_hash(key), account.now)
        self._environment = Shopwire(account, address).create_environment()

    def drain(self, run_parallel: RunParallel = map) -> None:
        """Move everything.

        Raises:
            ValueError: something was left.
        """
        found = self._environment
        drain = OutboxDrain(
            found.outbox, found.queue, found.pauses, found.policy, lambda: self.account.now, run_parallel
        )
        if drain.drain(self.account.now + _HOUR_MS) != self.messages:
            raise ValueError("the outbox was not moved completely")

    def side_by_side(self, work: Callable[[int], _Result], numbers: Iterable[int]) -> list[_Result]:
        """Call `work` for each number. Each call starts at the same virtual time, and the longest one counts."""
        account, results, ends = self.account, [], []
        start = account.now
        for number in numbers:
            account.now = start
            results.append(work(number))
            ends.append(account.now)
        account.now = max(ends)
        return results


def waiting_seconds(orders: int) -> float:
    """Return the time for which `upkeep` waits for AWS while it moves the messages of these orders."""
    outbox = FullOutbox(Account(MIX, deployed_memory(), {}), orders)
    start = outbox.account.now
    outbox.drain(outbox.side_by_side)
    return (outbox.account.now - start) / 1000


def cpu_seconds(orders: int) -> float:
    """Return the CPU time, on a whole processor, in which `upkeep` moves the messages of these orders."""
    account = Account(MIX, deployed_memory(), {})
    with connect(account, real_clients=True) as address:
        FullOutbox(account, 10, address).drain()  # opens the connections
        outbox = FullOutbox(account, orders, address)
        start = time.thread_time()
        outbox.drain()
        return time.thread_time() - start


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure the row `upkeep`."""
    # A quick run has as many orders, because a short outbox makes small batches.
    waiting_ms = 1000 * waiting_seconds(_ORDERS) / (_ORDERS * _CHANGES)
    slowdown = max(MIX["mib_of_a_whole_cpu"] / deployed_memory()["upkeep"], 1)
    fastest = min(cpu_seconds(_CPU_ORDERS) for _ in range(run.rounds))
    cpu_ms = 1000 * fastest / (_CPU_ORDERS * _CHANGES) * slowdown
    return {
        "upkeep": {
            "messages_per_second": round(1000 / (waiting_ms + cpu_ms)),
            "waiting_ms_a_message": round(waiting_ms, 3),
            "cpu_ms_a_message": round(cpu_ms, 3),
        }
    }


ROWS = (
    Row(
        "upkeep",
        measure,
        (
            Goal(
                "upkeep.messages_per_second",
                "upkeep, from the outbox to the queue",
                at_least=500,
                unit="messages/s",
            ),
        ),
    ),
)
