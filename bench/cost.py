"""Row `cost`: what AWS bills for a million webhooks, counted from runs of the real functions over counting fakes.

Two runs a contestant: a short one behind a socket, for what a webhook takes of a processor with the real clients; a
whole one on a virtual clock, which counts everything that has a price. The mix is mix.json, the prices are `prices`.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest import mock

from bench.account import QUEUE_URL, START, TABLE, Account, Client
from bench.harness import ROOT, Figures, Goal, Row, Run
from bench.prices import PRICES
from bench.traffic import Call, Traffic
from bench.wire import served
from shopwire import http
from shopwire.delivery.work import Policy
from shopwire.environment import Clients, Environment, Settings
from shopwire.models import Shop
from shopwire_local.template import load

MIX: dict[str, Any] = json.loads((Path(__file__).parent / "mix.json").read_text(encoding="utf-8"))
SHOP = Shop(id="demo-shopify", platform="shopify", secrets=("a-secret",), esputnik_key="a-key", region="UA")

_SHOPS_PATH = "/shops/"
_MONTH = 30 * 86_400_000
_MINUTE = 60_000
_SETTINGS = {"platform": "shopify", "secrets": ["a-secret"], "esputnik_key": "a-key", "region": "UA"}
# How many webhooks the processor's share is measured with.
_MEASURED = 400


class Contestant:
    """One way to bring webhooks to the API, on an account.

    Args:
        address: of the account behind a socket; None: called directly.
    """

    queues = 1

    def __init__(self, account: Account, address: str | None) -> None:
        self.account = account
        self.address = address
        self._made_at: dict[str, int] = {}
        self._environments: dict[str, Environment] = {}

    def receive(self, event: str, request_id: str) -> dict[str, Any]:
        """Answer an event of the gateway, as JSON text."""
        environment = self.environment("webhook")
        answer: dict[str, Any] = self.account.invoke(
            "webhook", lambda: http.serve(json.loads(event), self.context(request_id, 10), environment)
        )
        return answer

    def work_off(self, records: list[dict[str, Any]]) -> list[str]:
        """A batch of the queue; answers the ids of what stays."""
        environment, account = self.environment("retry"), self.account
        kept: list[str] = account.invoke(
            "retry",
            lambda: environment.consumer.work_off(records, owner=f"retry-{account.now}", deadline=account.now + 60_000),
        )
        return kept

    def tidy(self) -> None:
        """The minute's upkeep."""
        environment, account = self.environment("upkeep"), self.account
        account.invoke("upkeep", lambda: environment.mover.move(account.now + 40_000))

    def environment(self, function: str) -> Environment:
        """The function's environment, made anew when its time is over."""
        account = self.account
        if account.now - self._made_at.get(function, -_MONTH) >= MIX["environment_minutes"] * _MINUTE:
            self._made_at[function] = account.now
            self._environments[function] = self.wire()
            with account.by_time():
                account.cold_start()
                self._environments[function].shops.get(SHOP.id)
        return self._environments[function]

    def wire(self) -> Environment:
        """A cold start."""
        url = f"{self.address}/api/" if self.address else "https://esputnik.com/api/"
        settings = Settings(TABLE, QUEUE_URL, _SHOPS_PATH, url, "hash-key", Policy(jitter=lambda: 0.5))
        clients, transport = Clients(), None
        if self.address is None:
            transport = self.account.transport
            for service in ("dynamodb", "sqs", "ssm"):
                setattr(clients, service, Client(self.account, service))
        return Environment(settings, clients, transport=transport, clock=lambda: self.account.now)

    def context(self, request_id: str, seconds: int) -> Any:
        return mock.Mock(aws_request_id=request_id, get_remaining_time_in_millis=lambda: seconds * 1000)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run counted, for a month of mix.json's `webhooks_a_month`."""

    by_webhook: Mapping[str, float]
    """Units a webhook."""
    by_time: Mapping[str, float]
    """Units a month."""
    outcomes: Mapping[str, float]
    """Shares of what was answered."""
    storage_gb: float
    """What a month adds to the table."""

    def dollars(self, webhooks: int) -> dict[str, float]:
        """A month's bill by part, with its total."""
        parts = dict.fromkeys(price.part for price in PRICES.values())
        bill = dict.fromkeys(parts, 0.0)
        for unit, price in PRICES.items():
            amount = self.by_webhook.get(unit, 0) * webhooks + self.by_time.get(unit, 0)
            bill[price.part] += amount * price.usd
        return {"total": sum(bill.values())} | bill


Maker = Callable[[Account, str | None], Contestant]


def counted(make: Maker, scenario: str, mib: int, cpu: Mapping[str, float], webhooks: int) -> Counted:
    """Run so many webhooks of a scenario of the mix over the counting fakes."""
    account = Account(MIX, mib, cpu)
    outcomes: Counter[str] = Counter()
    stored = _run(make(account, None), scenario, webhooks, outcomes)
    months = webhooks / MIX["webhooks_a_month"]
    return Counted(
        by_webhook={unit: amount / webhooks for unit, amount in account.bill.by_webhook.items()},
        by_time={unit: amount / months for unit, amount in account.bill.by_time.items()},
        outcomes={outcome: count / webhooks for outcome, count in sorted(outcomes.items())},
        storage_gb=stored / months / 1e9,
    )


def processor_milliseconds(make: Maker, scenario: str, webhooks: int) -> dict[str, float]:
    """What an invocation of each function takes of this machine's processor, with the real clients."""
    account = Account(MIX, MIX["mib_of_a_whole_cpu"], {})
    variables = {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with served(account) as address, mock.patch.dict(os.environ, variables | {"AWS_ENDPOINT_URL": address}):
        _run(make(account, address), scenario, webhooks, Counter())
    # Of each function the first invocation makes its clients, which is the cold start's.
    return {name: 1000 * fmean(seconds[1:] or seconds) for name, seconds in account.cpu_used.items()}


def _run(contestant: Contestant, scenario: str, webhooks: int, outcomes: Counter[str]) -> int:
    """Answers how many bytes the counted webhooks added to the table."""
    account = contestant.account
    account.settings.put_parameter(Name=_SHOPS_PATH + SHOP.id, Value=json.dumps(_SETTINGS), Type="SecureString")
    traffic = Traffic(MIX, MIX["outcomes"][scenario], SHOP)
    every = _MONTH // MIX["webhooks_a_month"]
    with account.log():
        for n, call in enumerate(traffic.begin(START)):
            account.now = START + n * every
            _answered(contestant, call, f"before-{n}")
            account.poll(contestant.work_off)
    before = account.table_bytes()
    account.bill.clear()
    account.cpu_used.clear()
    began = tidied = account.now
    with account.log():
        for n in range(webhooks):
            account.now = max(account.now, began + n * every)
            while account.now - tidied >= _MINUTE:
                tidied += _MINUTE
                with account.by_time():
                    contestant.tidy()
            outcomes[_answered(contestant, traffic.one(account.now), f"request-{n}")] += 1
            account.poll(contestant.work_off)
    account.count_time(webhooks * every, contestant.queues)
    return account.table_bytes() - before


def _answered(contestant: Contestant, call: Call, request_id: str) -> str:
    account = contestant.account
    account.fails = call.fails
    path = f"/webhooks/{SHOP.id}"
    event = {
        "version": "2.0",
        "rawPath": path,
        "headers": dict(call.headers),
        "requestContext": {"http": {"method": "POST", "path": path}, "timeEpoch": account.now},
        "body": call.body.decode(),
        "isBase64Encoded": False,
    }
    answer = contestant.receive(json.dumps(event), request_id)
    account.count_gateway(call.body, answer)
    return str(json.loads(answer["body"]).get("status", answer["statusCode"]))


def memory_of_the_template() -> int:
    """MiB of the functions as deployed."""
    mib: int = load(ROOT / "template.yaml")["Globals"]["Function"]["MemorySize"]
    return mib


def measure(run: Run) -> dict[str, Figures | float]:
    """The row `cost`."""
    webhooks, mib = run.times(MIX["webhooks"]), memory_of_the_template()
    bills: Figures = {}
    for name, (make, scenario) in CONTESTANTS.items():
        cpu = processor_milliseconds(make, scenario, _MEASURED)
        found = counted(make, scenario, mib, cpu, webhooks)
        bills[name] = found.dollars(MIX["webhooks_a_month"]) | {"counted": _told(found, cpu)}
    return {"cost_per_million_usd": bills}


def _told(found: Counted, cpu: Mapping[str, float]) -> Figures:
    return {
        "units_a_webhook": {unit: round(amount, 4) for unit, amount in sorted(found.by_webhook.items())},
        "units_a_month": {unit: round(amount, 1) for unit, amount in sorted(found.by_time.items())},
        "outcomes": dict(found.outcomes),
        "cpu_ms": {name: round(milliseconds, 2) for name, milliseconds in cpu.items()},
        "stored_gb_a_million": round(found.storage_gb, 3),
    }


CONTESTANTS: dict[str, tuple[Maker, str]] = {
    "mixed": (Contestant, "mixed"),
    "all_sent": (Contestant, "all_sent"),
}

ROWS = (
    Row(
        "cost",
        measure,
        (
            Goal("cost_per_million_usd.mixed.total", "AWS, a million webhooks of the mix", 3.00, unit="$"),
            Goal("cost_per_million_usd.all_sent.total", "AWS, a million webhooks, all sent", 3.80, unit="$"),
        ),
    ),
)
