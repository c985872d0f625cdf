"""Row `cost`: what AWS bills for a million webhooks, counted from runs of the real functions over counting fakes.

Two runs a contestant: a short one behind a socket, for what a webhook takes of a processor with the real clients; a
whole one on a virtual clock, which counts everything that has a price. The mix is mix.json, the prices are `prices`.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from unittest import mock

from bench.account import START, Account
from bench.contestants import MIX, SETTINGS, SHOP, SHOPS_PATH, QueueFirst, Shopwire, Usual
from bench.harness import ROOT, Figures, Goal, Row, Run
from bench.prices import PRICES, REGION
from bench.traffic import Call, Traffic
from bench.wire import served
from tools.template import load

_MONTH = 30 * 86_400_000
_MINUTE = 60_000
_MONTHS = (0, 1_000, 100_000, 1_000_000, 10_000_000)
_FUNCTIONS = ("webhook", "retry", "upkeep")
# What the function of the webhooks could have of memory, beside what it has.
_OTHER_SIZES = (128, 256)
# bench/usual/template.yaml.
_USUAL_MIB = dict.fromkeys(_FUNCTIONS, 256)
# How many webhooks the processor's share is measured with, and how many first ones are left out.
_MEASURED = 400
_FIRST = 5


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run counted, for a month of mix.json's `webhooks_a_month`."""

    by_webhook: Mapping[str, float]
    """Units a webhook."""
    by_time: Mapping[str, float]
    """Units a month."""
    outcomes: Mapping[str, float]
    """Shares of what was answered."""
    stored_bytes: float
    """What a webhook adds to the table, where it stays for up to 400 days."""


def month(by_webhook: Mapping[str, float], by_time: Mapping[str, float], webhooks: int) -> dict[str, float]:
    """The bill of a month with so many webhooks, by part, with its total."""
    bill = dict.fromkeys((price.part for price in PRICES.values()), 0.0)
    for unit, price in PRICES.items():
        bill[price.part] += (by_webhook.get(unit, 0) * webhooks + by_time.get(unit, 0)) * price.usd
    return {"total": sum(bill.values())} | bill


def counted(
    make: type[Shopwire], scenario: str, mib: Mapping[str, int], cpu: Mapping[str, float], webhooks: int
) -> Counted:
    """Run so many webhooks of a scenario of the mix over the counting fakes."""
    account = Account(MIX, mib, cpu)
    outcomes: Counter[str] = Counter()
    with _reached(account, real=make.always_real) as address:
        stored = _run(make(account, address), scenario, webhooks, outcomes)
    months = webhooks / MIX["webhooks_a_month"]
    return Counted(
        by_webhook={unit: amount / webhooks for unit, amount in account.bill.by_webhook.items()},
        by_time={unit: amount / months for unit, amount in account.bill.by_time.items()},
        outcomes={outcome: count / webhooks for outcome, count in sorted(outcomes.items())},
        stored_bytes=stored / webhooks,
    )


def processor_milliseconds(make: type[Shopwire], scenario: str, webhooks: int, rounds: int) -> dict[str, float]:
    """What an invocation of each function takes of this machine's processor, with the real clients: the means of the
    round that took least, since whatever else the machine does only adds."""
    return min((_processor_round(make, scenario, webhooks) for _ in range(rounds)), key=lambda found: found["webhook"])


def _processor_round(make: type[Shopwire], scenario: str, webhooks: int) -> dict[str, float]:
    account = Account(MIX, dict.fromkeys(_FUNCTIONS, MIX["mib_of_a_whole_cpu"]), {})
    with _reached(account, real=True) as address:
        _run(make(account, address), scenario, webhooks, Counter())
    # The first invocations open connections.
    return {name: 1000 * fmean(seconds[_FIRST:] or seconds) for name, seconds in account.cpu_used.items()}


@contextmanager
def _reached(account: Account, *, real: bool) -> Iterator[str | None]:
    """The account's address for real clients, or None: called directly."""
    if not real:
        yield None
        return
    variables = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "none") | {"AWS_DEFAULT_REGION": REGION}
    with served(account) as address, mock.patch.dict(os.environ, variables | {"AWS_ENDPOINT_URL": address}):
        yield address


def _run(contestant: Shopwire, scenario: str, webhooks: int, outcomes: Counter[str]) -> int:
    """Answers how many bytes the counted webhooks added to the table."""
    account = contestant.account
    account.settings.put_parameter(Name=SHOPS_PATH + SHOP.id, Value=json.dumps(SETTINGS), Type="SecureString")
    traffic = Traffic(MIX, MIX["outcomes"][scenario], SHOP)
    every = _MONTH // MIX["webhooks_a_month"]
    with account.log():
        for n, call in enumerate(traffic.begin(START)):
            account.now = START + n * every
            answered(contestant, call, f"before-{n}")
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
            outcomes[answered(contestant, traffic.one(account.now), f"request-{n}")] += 1
            account.poll(contestant.work_off)
    account.count_time(webhooks * every)
    return account.table_bytes() - before


def answered(contestant: Shopwire, call: Call, request_id: str) -> str:
    """Bring a call through the gateway; what it was answered, in a word."""
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


def memory() -> dict[str, int]:
    """MiB of each function as deployed."""
    said = load(ROOT / "template.yaml")
    functions = {name: said["Resources"][name.title()]["Properties"] for name in _FUNCTIONS}
    usual: int = said["Globals"]["Function"]["MemorySize"]
    return {name: properties.get("MemorySize", usual) for name, properties in functions.items()}


def measure(run: Run) -> dict[str, Figures | float]:
    """The row `cost`."""
    webhooks, mib = run.times(MIX["webhooks"]), memory()
    bills: Figures = {}
    for name, (make, scenario) in CONTESTANTS.items():
        cpu = processor_milliseconds(make, scenario, run.times(_MEASURED), run.rounds)
        found = counted(make, scenario, mib if make is not Usual else _USUAL_MIB, cpu, webhooks)
        bills[name] = _per_million(found) | {"counted": _told(found, cpu)}
        if make is Shopwire:
            others = {other: counted(make, scenario, mib | {"webhook": other}, cpu, webhooks) for other in _OTHER_SIZES}
            bills[name]["total_by_mib"] = {str(other): _per_million(one)["total"] for other, one in others.items()}
    return {"cost_per_million_usd": bills}


def _per_million(found: Counted) -> Figures:
    webhooks = MIX["webhooks_a_month"]
    bill = month(found.by_webhook, found.by_time, webhooks)
    return {part: round(dollars * 1e6 / webhooks, 3) for part, dollars in bill.items()}


def _told(found: Counted, cpu: Mapping[str, float]) -> Figures:
    return {
        "a_month_usd": {
            str(webhooks): round(month(found.by_webhook, found.by_time, webhooks)["total"], 2) for webhooks in _MONTHS
        },
        "units_a_webhook": {unit: round(amount, 4) for unit, amount in sorted(found.by_webhook.items())},
        "units_a_month": {unit: round(amount, 1) for unit, amount in sorted(found.by_time.items())},
        "outcomes": {outcome: round(share, 4) for outcome, share in found.outcomes.items()},
        "cpu_ms": {name: round(milliseconds, 2) for name, milliseconds in cpu.items()},
        "stored_bytes_a_webhook": round(found.stored_bytes),
    }


CONTESTANTS: dict[str, tuple[type[Shopwire], str]] = {
    "mixed": (Shopwire, "mixed"),
    "all_sent": (Shopwire, "all_sent"),
    "queue_first": (QueueFirst, "mixed"),
    "usual": (Usual, "mixed"),
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
