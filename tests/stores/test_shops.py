"""Shops' settings: read once an hour, valid while SSM is down, and wrong ones named without a value."""

from typing import Any

import pytest

from shopwire.errors import BadSettings, SettingsUnavailable, UnknownShop
from shopwire.models import Shop, Status
from shopwire.shops import parse_shop
from tests.support.delivery_world import HOUR, OTHER, SETTINGS, SHOP, World

READ = "ssm.get_parameter"


def test_settings_are_read_once_an_hour(world: World) -> None:
    shops = world.webhook.shops
    for _ in range(3):
        shops.get(SHOP)
    assert world.calls == [READ]
    world.clock.pass_(HOUR)
    shops.get(SHOP)
    assert world.calls == [READ] * 2


def test_the_last_known_settings_are_valid_while_ssm_is_down(world: World) -> None:
    shops = world.webhook.shops
    known = shops.get(SHOP)
    world.clock.pass_(5 * HOUR)
    with world.outage("ssm"):
        assert shops.get(SHOP) == known
        assert shops.reread(SHOP) is None
        with pytest.raises(SettingsUnavailable):
            shops.get(OTHER)


def test_ids_that_are_tried_out_cost_one_list_in_thirty_seconds(world: World) -> None:
    shops = world.webhook.shops
    for n in range(10):
        with pytest.raises(UnknownShop):
            shops.get(f"guess-{n}")
    assert world.calls == [READ, "ssm.get_paginator"] or world.calls.count(READ) == 1
    assert shops.get(SHOP).id == SHOP


def test_a_shop_that_was_just_connected_is_known_within_thirty_seconds(world: World) -> None:
    shops = world.webhook.shops
    with pytest.raises(UnknownShop):
        shops.get(OTHER)
    world.put_shop(OTHER)
    world.clock.pass_(30_000)
    assert shops.get(OTHER).id == OTHER


def test_a_list_that_could_not_be_read_makes_nobody_unknown(world: World) -> None:
    shops = world.webhook.shops
    with pytest.raises(UnknownShop):
        shops.get(OTHER)
    world.put_shop(OTHER)
    world.clock.pass_(30_000)
    with world.outage("ssm"):
        for _ in range(2):
            with pytest.raises(SettingsUnavailable):
                shops.get(OTHER)
    assert shops.get(OTHER).id == OTHER


def test_a_shop_that_was_removed_is_unknown_when_it_is_read_again(world: World) -> None:
    shops = world.webhook.shops
    shops.get(SHOP)
    world.real["ssm"].delete_parameter(Name=f"/shops/{SHOP}")
    assert shops.reread(SHOP) is None
    with pytest.raises(UnknownShop):
        shops.get(SHOP)


@pytest.mark.parametrize("id", ["", "ab", "a" * 65, "A-shop", "a/b", "a.b", "shop\n", "магазин"])
def test_what_is_no_shops_id_is_never_looked_up(world: World, id: str) -> None:
    with pytest.raises(UnknownShop):
        world.webhook.shops.get(id)
    assert world.calls == []


def test_the_fields_of_the_contract_and_their_defaults() -> None:
    shop = parse_shop(SHOP, SETTINGS)
    assert (shop.item_id, shop.old_order_days, shop.key_value, shop.shipped_is_delivered) == (
        "variant",
        30,
        "contact",
        False,
    )
    whole = SETTINGS | {
        "store": "x.example",
        "item_id": "sku",
        "statuses": {"wc-packed": "IN_PROGRESS"},
        "old_order_days": 0,
        "key_value": "order",
        "ignore_test_orders": True,
        "storefront_secret": "s",
        "origins": ["https://x.example"],
        "api": {"url": "https://x.example", "token": "t"},
    }
    assert parse_shop(SHOP, whole).statuses == {"wc-packed": Status.IN_PROGRESS}


def without(name: str) -> dict[str, Any]:
    return {field: value for field, value in SETTINGS.items() if field != name}


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("canary {", "shop little-shop: the settings are not JSON"),
        ("[]", "shop little-shop: the settings are not a table of fields"),
        (without("secrets"), "shop little-shop: secrets: Field required"),
        (without("esputnik_key"), "shop little-shop: esputnik_key: Field required"),
        (without("platform"), "shop little-shop: platform: Field required"),
        (SETTINGS | {"secrets": []}, "shop little-shop: secrets: "),
        (SETTINGS | {"secrets": ["canary", ""]}, "shop little-shop: secrets: Value error, an empty secret"),
        (SETTINGS | {"secrets": "canary"}, "shop little-shop: secrets: "),
        (SETTINGS | {"esputnik_key": ""}, "shop little-shop: esputnik_key: Value error, an empty key"),
        (SETTINGS | {"region": "canary"}, "shop little-shop: region: "),
        (SETTINGS | {"item_id": "canary"}, "shop little-shop: item_id: "),
        (SETTINGS | {"old_order_days": -1}, "shop little-shop: old_order_days: "),
        (SETTINGS | {"statuses": {"x": "canary"}}, "shop little-shop: statuses.x: "),
        (SETTINGS | {"secret": "canary"}, "shop little-shop: secret: Extra inputs are not permitted"),
        (SETTINGS | {"platform": "canary"}, "shop little-shop: platform: must be one of "),
    ],
)
def test_wrong_settings_are_named_without_a_value(settings: Any, error: str) -> None:
    with pytest.raises(BadSettings) as raised:
        parse_shop(SHOP, settings)
    assert str(raised.value).startswith(error)
    assert "canary" not in str(raised.value)


def test_a_shop_never_shows_its_secrets() -> None:
    shop = parse_shop(SHOP, SETTINGS | {"storefront_secret": "canary"})
    assert isinstance(shop, Shop)
    for value in ("a-secret", "key-one", "canary"):
        assert value not in repr(shop)
