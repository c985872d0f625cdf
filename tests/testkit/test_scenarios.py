"""The scenarios: each belongs together, happens just now, and is another one each time."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from shopwire import platforms
from shopwire_testkit import scenarios
from shopwire_testkit.samples import Sample, changed_at, sample_shop, signed_webhook
from shopwire_testkit.scenarios import SCENARIOS, Step, plan, scenarios_of

NOW = 1_795_000_000_000
CASES = [(platform, scenario.name) for platform in platforms.OF_SHOPS for scenario in scenarios_of(platform)]


@pytest.mark.parametrize("platform", platforms.OF_SHOPS)
def test_every_platform_has_every_scenario(platform: str) -> None:
    assert scenarios_of(platform) == list(SCENARIOS)


@pytest.mark.parametrize(("platform", "scenario"), CASES)
def test_orders_of_a_scenario_are_one_new_order_that_was_made_just_now(platform: str, scenario: str) -> None:
    shop, adapter = sample_shop(platforms.get(platform)), platforms.get(platform)
    ids, moments = set(), []
    for webhook in plan(platform, scenario, NOW):
        if webhook.platform != platform:
            continue
        received = signed_webhook(adapter, webhook.topic, webhook.body, shop, NOW)
        (delivery,) = adapter.read(received, shop)
        if delivery.entity and delivery.entity.kind == "order":
            ids.add(delivery.entity.id)
        if changed := changed_at(json.loads(webhook.body), adapter.sample_fields):
            moments.append(changed.timestamp())
        if created := getattr(getattr(delivery.change, "order", None), "created_at", None):
            assert 0 <= NOW / 1000 - created.timestamp() < 10
    assert len(ids) == 1
    assert min(moments) > NOW / 1000 - 10
    assert max(moments) < NOW / 1000 + 1


def test_two_plays_of_a_scenario_are_two_orders() -> None:
    first, second = (plan("shopify", "order-life", now) for now in (NOW, NOW + 1))
    assert json.loads(first[0].body)["id"] != json.loads(second[0].body)["id"]
    assert {json.loads(webhook.body).get("order_id") for webhook in first[3:]} == {json.loads(first[0].body)["id"]}


def test_last_webhook_of_an_order_arrives_first_if_it_is_out_of_order() -> None:
    for platform in platforms.OF_SHOPS:
        fields = platforms.get(platform).sample_fields
        bodies = [json.loads(webhook.body) for webhook in plan(platform, "out-of-order", NOW)]
        moments = [changed_at(body, fields) or datetime.min.replace(tzinfo=UTC) for body in bodies]
        assert moments == sorted(moments, reverse=True)


def test_unknown_scenario_or_platform_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        plan("shopify", "none", NOW)
    assert scenarios_of("storefront") == []


def test_answers_of_the_platform_are_made_fresh_with_the_body(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    number, made = 6_120_431_591_701, "2026-10-05T10:00:00+03:00"
    body = {"id": number, "updated_at": made}
    (tmp_path / "thin.json").write_text(json.dumps(body))
    (tmp_path / "thin.fetched.json").write_text(json.dumps({"order": body | {"created_at": made, "status": "new"}}))
    sample = Sample("shopify", "orders/updated", "", tmp_path / "thin.json")
    steps = (Step("thin"), Step("thin", answers={"order.status": "paid"}, second=1))
    monkeypatch.setattr(scenarios, "_find", lambda platform, name: sample)
    monkeypatch.setattr(scenarios, "_module", lambda platform: SimpleNamespace(STEPS={"thin": steps}, CREATED=()))
    planned = plan("shopify", "thin", NOW)
    states = [json.loads(webhook.answers["order"]) for webhook in planned]
    assert [state["status"] for state in states] == ["new", "paid"]
    assert {state["id"] for state in states} == {json.loads(webhook.body)["id"] for webhook in planned} != {number}
    assert [state["updated_at"] for state in states] == [json.loads(webhook.body)["updated_at"] for webhook in planned]
