"""Tests of what the documents say about floods: the price of refused calls, the firewall, and what to do afterwards."""

import re
from pathlib import Path

import pytest

from bench.prices import PRICES
from tools.template import load

ROOT = Path(__file__).parents[2]
PARAMETERS = load(ROOT / "template.yaml")["Parameters"]
LIMITS = (ROOT / "docs" / "limits-and-cost.md").read_text(encoding="utf-8")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
COST = LIMITS.partition("## What a flood costs")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| ([^|]+) \| *([\d.]*)[^|]*\| ([\d.]+) \|$", COST, re.MULTILINE)
UNITS = {
    "gateway": "gateway_requests",
    "Lambda, requests": "invocations",
    "Lambda, time": "gb_seconds",
    "log line": "log_bytes",
    "response": "egress_bytes",
}


def test_cost_of_a_refused_call_follows_from_the_prices() -> None:
    *parts, total = ROWS
    assert [name for name, _, _ in parts] == list(UNITS)
    for name, units, dollars in parts:
        assert float(dollars) == round(float(units) * PRICES[UNITS[name]].usd * 1e6, 2), name
    assert float(total[2]) == round(sum(float(dollars) for _, _, dollars in parts), 2)


@pytest.mark.parametrize("name", ["ThrottlingRate", "StorefrontThrottlingRate"])
def test_daily_cost_of_a_flood_follows_from_the_throttle(name: str) -> None:
    rate = PARAMETERS[name]["Default"]
    dollars = round(rate * 86_400 * float(ROWS[-1][2]) / 1e6)
    assert re.search(rf"\${dollars} a\s+day with `{name}` {rate}\b", COST)


def test_firewall_limits_visits_and_webhooks_of_each_address() -> None:
    firewall = load(ROOT / "docs" / "firewall.yaml")["Resources"]
    rules = [rule["Statement"]["RateBasedStatement"] for rule in firewall["Firewall"]["Properties"]["Rules"]]
    limits = {rule["ScopeDownStatement"]["ByteMatchStatement"]["SearchString"]: rule["Limit"] for rule in rules}
    assert limits == {"/storefront/": {"Ref": "VisitsPerAddress"}, "/webhooks/": {"Ref": "WebhooksPerAddress"}}
    distribution = firewall["Distribution"]["Properties"]["DistributionConfig"]
    assert distribution["WebACLId"] == {"Fn::GetAtt": ["Firewall", "Arn"]}
    assert {"GET", "HEAD", "OPTIONS", "POST"} <= set(distribution["DefaultCacheBehavior"]["AllowedMethods"])


def test_runbook_says_to_look_at_every_woocommerce_webhook_after_a_flood() -> None:
    assert "After a flood, look at every WooCommerce webhook." in RUNBOOK
