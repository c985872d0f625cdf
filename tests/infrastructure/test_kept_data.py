"""Tests that SECURITY.md, "What is kept of people", says what the code and the template keep, and for how long."""

import re
from pathlib import Path

import pytest

from shopwire.models import Redaction
from shopwire.stores import contact_erasure, ledger, outbox, parked
from tests.support.changes import ANNA, MINUTE_MS, arrived, cart, customer, order
from tests.support.delivery_world import World
from tools.template import load

ROOT = Path(__file__).parents[2]
TEMPLATE = load(ROOT / "template.yaml")
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
SECTION = SECURITY.partition("## What is kept of people")[2].partition("\n## ")[0]
DAYS = {
    where: int(days) for where, days in re.findall(r"^\| ([^|]+) \|[^|]*\|[^|\d]*(\d+)[^|]*\|", SECTION, re.MULTILINE)
}
DAY_SECONDS, DAY_MS = 86_400, 86_400_000
# AWS's default. RecoveryPeriodInDays would change it.
RECOVERY_DAYS = 35


def test_each_place_is_stated_with_the_days_of_the_code_and_the_template() -> None:
    resources = TEMPLATE["Resources"]
    assert {
        "table, contacts": contact_erasure.RETENTION_SECONDS // DAY_SECONDS,
        "table, orders": ledger._RETENTION_MS["order"] // DAY_MS,
        "table, carts": ledger._RETENTION_MS["cart"] // DAY_MS,
        "table, parked webhooks": parked._RETENTION_SECONDS // DAY_SECONDS,
        "table, outbox": outbox._RETENTION_SECONDS // DAY_SECONDS,
        "retry queue": resources["RetryQueue"]["Properties"]["MessageRetentionPeriod"] // DAY_SECONDS,
        "dead-letter queue": resources["DeadLetterQueue"]["Properties"]["MessageRetentionPeriod"] // DAY_SECONDS,
        "backups of the table (point-in-time recovery)": RECOVERY_DAYS,
        "log lines": TEMPLATE["Parameters"]["LogRetentionDays"]["Default"],
    } == DAYS
    recovery = resources["Table"]["Properties"]["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": True}


def test_addresses_are_only_in_contacts_parked_webhooks_and_the_outbox(fake_world: World) -> None:
    world = fake_world
    world.send(customer())
    world.send(order(), text="anna@example.com")
    world.send(cart())
    world.deliver(arrived(id="1002"), text="anna@example.com")
    with world.outage("sqs"):
        world.api.next_answers = [503]
        world.send(order("1003"), text="anna@example.com")
    kinds = set()
    for item in world.items():
        if "anna@example.com" in str(item):
            kinds.add("contacts" if "#identity#" in item["pk"]["S"] else "other")
    assert kinds == {"contacts"}, "entries have no addresses; what waits and what is parked is compressed"
    assert any(item["pk"]["S"].endswith("#parked") for item in world.items())
    assert world.outbox_length() == 1


def test_erasure_leaves_no_address_in_the_table(fake_world: World) -> None:
    fake_world.send(customer())
    fake_world.send(order())
    fake_world.clock.advance(MINUTE_MS)
    assert "anna@example.com" in fake_world.stored_text()
    fake_world.send(Redaction(ANNA, "77", ("1001",)))
    assert "anna" not in fake_world.stored_text()


@pytest.mark.parametrize("document", ["SECURITY.md", "docs/decisions/0008-people-under-a-keyed-hash.md"])
def test_key_of_the_hashes_is_not_called_a_secret(document: str) -> None:
    key = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["SHOPWIRE_HASH_KEY"]
    assert key == {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    text = " ".join((ROOT / document).read_text(encoding="utf-8").split())
    assert re.search(r"key (that )?is not a secret", text)
    assert re.search(r"into the tags? ", text)
    assert "not in the table" not in text
