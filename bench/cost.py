"""Row `cost`: AWS's price of a million webhooks, counted in runs of the real functions on a fake account.

Each candidate has two kinds of runs. Short runs with real clients against the account's server measure the CPU time of
a webhook. A whole run on a virtual clock then counts all units that have a price. The mix of webhooks is in mix.json,
the prices are in `bench.prices`."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from unittest import mock

from bench.account import START, Account
from bench.account_server import serve
from bench.candidates import MIX, SETTINGS, SHOP, SHOPS_PATH, QueueFirst, Shopwire, Usual
from bench.harness import ROOT, Figures, Goal, Row, Run
from bench.prices import PRICES, REGION
from bench.traffic import Call, Traffic
from tools.template import load

_MONTH_MS = 30 * 86_400_000
_MINUTE_MS = 60_000
# A webhook arrives this long after the change that it announces.
_ON_THE_WAY_MS = 1_500
# Numbers of webhooks a month for which the results have the bill.
_MONTHLY_WEBHOOKS = (0, 1_000, 100_000, 1_000_000, 10_000_000)
_FUNCTIONS = ("webhook", "retry", "upkeep")
# Other memory sizes of the function `webhook` for which the results have the cost.
_OTHER_MIB = (128, 256)
# The memory in bench/usual/template.yaml.
_USUAL_MIB = dict.fromkeys(_FUNCTIONS, 256)
# The webhooks of a run that measures CPU time. The first ones are left out, because they open connections.
_CPU_WEBHOOKS = 400
_CPU_WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a run, for a month of mix.json's `webhooks_a_month`.

    Args:
        by_webhook: units per webhook.
        by_time: units per month.
        outcomes: share of each outcome.
        stored_bytes: bytes that a webhook adds to the table, where they stay for up to 400 days.
    """

    by_webhook: Mapping[str, float]
    by_time: Mapping[str, float]
    outcomes: Mapping[str, float]
    stored_bytes: float


def monthly_bill(by_webhook: Mapping[str, float], by_time: Mapping[str, float], webhooks: int) -> dict[str, float]:
    """Return the total and the parts of the bill, in dollars, of a month with `webhooks` webhooks."""
    bill = dict.fromkeys((price.part for price in PRICES.values()), 0.0)
    for unit, price in PRICES.items():
        bill[price.part] += (by_webhook.get(unit, 0) * webhooks + by_time.get(unit, 0)) * price.usd
    return {"total": sum(bill.values())} | bill


def count_units(
    candidate: type[Shopwire], scenario: str, mib: Mapping[str, int], cpu: Mapping[str, float], webhooks: int
) -> Counts:
    """Run webhooks of a scenario on a counting account.

    Args:
        candidate: the implementation.
        scenario: key of `outcomes` in mix.json.
        mib: memory of each function.
        cpu: CPU milliseconds of an invocation of each function, on a whole processor.
        webhooks: number of webhooks.
    """
    account = Account(MIX, mib, cpu, delay=queue_delay(candidate))
    outcomes: Counter[str] = Counter()
    with connect(account, real_clients=candidate.needs_server) as address:
        stored = _run(candidate(account, address), scenario, webhooks, outcomes)
    months = webhooks / MIX["webhooks_a_month"]
    return Counts(
        by_webhook={unit: amount / webhooks for unit, amount in account.bill.by_webhook.items()},
        by_time={unit: amount / months for unit, amount in account.bill.by_time.items()},
        outcomes={outcome: count / webhooks for outcome, count in sorted(outcomes.items())},
        stored_bytes=stored / webhooks,
    )


def cpu_milliseconds(candidate: type[Shopwire], scenario: str, webhooks: int, rounds: int) -> dict[str, float]:
    """Return the mean CPU time of an invocation of each function with real clients.

    The figures are those of the fastest round, because other load of the machine can only make a round slower.
    """
    return min((_cpu_round(candidate, scenario, webhooks) for _ in range(rounds)), key=lambda means: means["webhook"])


def _cpu_round(candidate: type[Shopwire], scenario: str, webhooks: int) -> dict[str, float]:
    mib = dict.fromkeys(_FUNCTIONS, MIX["mib_of_a_whole_cpu"])
    account = Account(MIX, mib, {}, delay=queue_delay(candidate))
    with connect(account, real_clients=True) as address:
        _run(candidate(account, address), scenario, webhooks, Counter())
    return {name: 1000 * fmean(seconds[_CPU_WARM_UP:] or seconds) for name, seconds in account.cpu_used.items()}


@contextmanager
def connect(account: Account, *, real_clients: bool) -> Iterator[str | None]:
    """Yield the address of the account's server for real clients, or None for calls without a server."""
    if not real_clients:
        yield None
        return
    variables = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "none") | {"AWS_DEFAULT_REGION": REGION}
    with serve(account) as address, mock.patch.dict(os.environ, variables | {"AWS_ENDPOINT_URL": address}):
        yield address


def _run(candidate: Shopwire, scenario: str, webhooks: int, outcomes: Counter[str]) -> int:
    """Run the webhooks, count their outcomes, and return the number of bytes that they added to the table."""
    account = candidate.account
    account.settings.put_parameter(Name=SHOPS_PATH + SHOP.id, Value=json.dumps(SETTINGS), Type="SecureString")
    traffic = Traffic(MIX, MIX["outcomes"][scenario], SHOP)
    interval_ms = _MONTH_MS // MIX["webhooks_a_month"]
    with account.log():
        for n, call in enumerate(traffic.initial_calls(START - _ON_THE_WAY_MS)):
            account.now = START + n * interval_ms
            send(candidate, call, f"before-{n}")
            account.poll(candidate.retry)
    bytes_before = account.table_bytes()
    account.bill.clear()
    account.cpu_used.clear()
    start = last_upkeep = account.now
    with account.log():
        for n in range(webhooks):
            account.now = max(account.now, start + n * interval_ms)
            while account.now - last_upkeep >= _MINUTE_MS:
                last_upkeep += _MINUTE_MS
                with account.by_time():
                    candidate.upkeep()
            outcomes[send(candidate, traffic.next_call(account.now - _ON_THE_WAY_MS), f"request-{n}")] += 1
            account.poll(candidate.retry)
    account.count_time(webhooks * interval_ms)
    return account.table_bytes() - bytes_before


def send(candidate: Shopwire, call: Call, request_id: str) -> str:
    """Send a call through the gateway and return the outcome."""
    account = candidate.account
    account.api_fails = call.api_fails
    path = f"/webhooks/{SHOP.id}"
    event = {
        "version": "2.0",
        "rawPath": path,
        "headers": dict(call.headers),
        "requestContext": {"http": {"method": "POST", "path": path}, "timeEpoch": account.now},
        "body": call.body.decode(),
        "isBase64Encoded": False,
    }
    response = candidate.receive(json.dumps(event), request_id)
    account.count_gateway(call.body, response)
    return str(json.loads(response["body"]).get("status", response["statusCode"]))


def deployed_memory() -> dict[str, int]:
    """Return the memory of each function in template.yaml, in MiB."""
    template = load(ROOT / "template.yaml")
    functions = {name: template["Resources"][name.title()]["Properties"] for name in _FUNCTIONS}
    default: int = template["Globals"]["Function"]["MemorySize"]
    return {name: properties.get("MemorySize", default) for name, properties in functions.items()}


def queue_delay(candidate: type[Shopwire]) -> int:
    """Return for how many milliseconds the candidate's queue delays a new message: as in template.yaml, or not."""
    if candidate is not Shopwire:
        return 0
    template = load(ROOT / "template.yaml")
    parameter = template["Resources"]["RetryQueue"]["Properties"]["DelaySeconds"]["Ref"]
    return int(template["Parameters"][parameter]["Default"]) * 1000


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure the row `cost`."""
    webhooks, deployed_mib = run.times(MIX["webhooks"]), deployed_memory()
    bills: Figures = {}
    for name, (candidate, scenario) in CANDIDATES.items():
        cpu = cpu_milliseconds(candidate, scenario, run.times(_CPU_WEBHOOKS), run.rounds)
        counts = count_units(candidate, scenario, _USUAL_MIB if candidate is Usual else deployed_mib, cpu, webhooks)
        bills[name] = _per_million(counts) | {"counted": _details(counts, cpu)}
        if candidate is Shopwire:
            bills[name]["total_by_mib"] = {}
            for mib in _OTHER_MIB:
                other = count_units(candidate, scenario, deployed_mib | {"webhook": mib}, cpu, webhooks)
                bills[name]["total_by_mib"][str(mib)] = _per_million(other)["total"]
    return {"cost_per_million_usd": bills}


def _per_million(counts: Counts) -> Figures:
    webhooks = MIX["webhooks_a_month"]
    bill = monthly_bill(counts.by_webhook, counts.by_time, webhooks)
    return {part: round(dollars * 1e6 / webhooks, 3) for part, dollars in bill.items()}


def _details(counts: Counts, cpu: Mapping[str, float]) -> Figures:
    return {
        "a_month_usd": {
            str(webhooks): round(monthly_bill(counts.by_webhook, counts.by_time, webhooks)["total"], 2)
            for webhooks in _MONTHLY_WEBHOOKS
        },
        "units_a_webhook": {unit: round(amount, 4) for unit, amount in sorted(counts.by_webhook.items())},
        "units_a_month": {unit: round(amount, 1) for unit, amount in sorted(counts.by_time.items())},
        "outcomes": {outcome: round(share, 4) for outcome, share in counts.outcomes.items()},
        "cpu_ms": {name: round(milliseconds, 2) for name, milliseconds in cpu.items()},
        "stored_bytes_a_webhook": round(counts.stored_bytes),
    }


# The class and the scenario of each bill in the results.
CANDIDATES: dict[str, tuple[type[Shopwire], str]] = {
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
            Goal("cost_per_million_usd.mixed.total", "AWS, a million webhooks of the mix", 2.90, unit="$"),
            Goal("cost_per_million_usd.all_sent.total", "AWS, a million webhooks, all sent", 3.70, unit="$"),
        ),
    ),
)
