"""The settings of shops: valid while SSM is down, and errors that name a setting without its value."""

from typing import Any

import pytest

from shopwire.errors import BadSettings, SettingsUnavailable, UnknownShop
from shopwire.models import Shop, Status
from shopwire.shops import parse_shop
from tests.support.changes import HOUR_MS, OTHER_SHOP, SETTINGS, SHOP
from tests.support.delivery_world import World


def test_last_known_settings_stay_valid_while_ssm_is_down(world: World) -> None:
    shops = world.webhook.shops
    known = shops.get(SHOP)
    world.clock.advance(5 * HOUR_MS)
    with world.outage("ssm"):
        assert shops.get(SHOP) == known
        assert shops.reread(SHOP) is None
        with pytest.raises(SettingsUnavailable):
            shops.get(OTHER_SHOP)


def test_new_shop_is_known_after_30_seconds(world: World) -> None:
    shops = world.webhook.shops
    with pytest.raises(UnknownShop):
        shops.get(OTHER_SHOP)
    world.put_shop(OTHER_SHOP)
    world.clock.advance(30_000)
    assert shops.get(OTHER_SHOP).id == OTHER_SHOP


def test_shop_is_not_unknown_because_the_list_cannot_be_read(world: World) -> None:
    shops = world.webhook.shops
    with pytest.raises(UnknownShop):
        shops.get(OTHER_SHOP)
    world.put_shop(OTHER_SHOP)
    world.clock.advance(30_000)
    with world.outage("ssm"):
        for _ in range(2):
            with pytest.raises(SettingsUnavailable):
                shops.get(OTHER_SHOP)
    assert shops.get(OTHER_SHOP).id == OTHER_SHOP


def test_removed_shop_is_unknown_after_it_is_read_again(world: World) -> None:
    shops = world.webhook.shops
    shops.get(SHOP)
    world.delete_shop(SHOP)
    assert shops.reread(SHOP) is None
    with pytest.raises(UnknownShop):
        shops.get(SHOP)


@pytest.mark.parametrize("id", ["", "ab", "a" * 65, "A-shop", "a/b", "a.b", "shop\n", "магазин"])
def test_text_that_cannot_be_an_id_is_not_looked_up(world: World, id: str) -> None:
    with pytest.raises(UnknownShop):
        world.webhook.shops.get(id)
    assert world.calls == []


def test_all_settings_are_accepted_and_have_the_documented_defaults() -> None:
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
        (without("secrets"), "shop little-shop: `secrets` is required"),
        (without("esputnik_key"), "shop little-shop: `esputnik_key` is required"),
        (without("platform"), "shop little-shop: `platform` is required"),
        (SETTINGS | {"secrets": []}, "shop little-shop: `secrets` must be a list of at least one text"),
        (SETTINGS | {"secrets": ["canary", ""]}, "shop little-shop: `secrets`: an empty secret"),
        (SETTINGS | {"secrets": "canary"}, "shop little-shop: `secrets` must be a list of at least one text"),
        (SETTINGS | {"esputnik_key": ""}, "shop little-shop: `esputnik_key`: the key is empty"),
        (SETTINGS | {"region": "canary"}, "shop little-shop: `region` must be a two-letter country code, like UA"),
        (SETTINGS | {"item_id": "canary"}, "shop little-shop: `item_id` must be "),
        (
            SETTINGS | {"old_order_days": -1},
            "shop little-shop: `old_order_days` must be a whole number of days, 0 or more",
        ),
        (SETTINGS | {"statuses": {"x": "canary"}}, "shop little-shop: `statuses.x` must be one of INITIALIZED, "),
        (SETTINGS | {"secret": "canary"}, "shop little-shop: `secret` is not a setting"),
        (SETTINGS | {"platform": "canary"}, "shop little-shop: `platform` must be one of "),
    ],
)
def test_error_names_the_wrong_setting_without_its_value(settings: Any, error: str) -> None:
    with pytest.raises(BadSettings) as raised:
        parse_shop(SHOP, settings)
    assert str(raised.value).startswith(error)
    assert "canary" not in str(raised.value)


def test_every_setting_says_what_it_must_be() -> None:
    assert [name for name, setting in Shop.model_fields.items() if not setting.description] == []


def test_text_of_a_shop_does_not_contain_its_secrets() -> None:
    shop = parse_shop(SHOP, SETTINGS | {"storefront_secret": "canary"})
    assert isinstance(shop, Shop)
    for value in ("a-secret", "key-one", "canary"):
        assert value not in repr(shop)
