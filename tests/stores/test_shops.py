"""The settings of shops: valid while SSM is down, and errors that name a setting without its value."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

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


def test_settings_are_read_again_after_an_hour(world: World) -> None:
    shops = world.webhook.shops
    assert shops.get(SHOP).region == SETTINGS.get("region")
    world.put_shop(SHOP, region="PL")
    world.clock.advance(HOUR_MS)
    assert shops.get(SHOP).region == "PL"


def test_new_shop_is_known_after_30_seconds(world: World) -> None:
    shops = world.webhook.shops
    with pytest.raises(UnknownShop):
        shops.get(OTHER_SHOP)
    world.put_shop(OTHER_SHOP)
    world.clock.advance(30_000)
    assert shops.get(OTHER_SHOP).id == OTHER_SHOP


def test_changed_shop_can_be_read_at_once_and_stays_valid_while_ssm_is_down(world: World) -> None:
    shops = world.webhook.shops
    assert shops.get(SHOP).region == SETTINGS.get("region")
    world.put_shop(SHOP, region="PL")
    assert shops.get(SHOP).region != "PL"
    shops.forget(SHOP)
    with world.outage("ssm"):
        assert shops.get(SHOP).region == SETTINGS.get("region")
    assert shops.get(SHOP).region == "PL"


def test_new_shop_can_be_known_at_once(world: World) -> None:
    shops = world.webhook.shops
    with pytest.raises(UnknownShop):
        shops.get(OTHER_SHOP)
    world.put_shop(OTHER_SHOP)
    with pytest.raises(UnknownShop):
        shops.get(OTHER_SHOP)
    shops.forget(OTHER_SHOP)
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
    world.clock.advance(30_000)
    assert shops.get(OTHER_SHOP).id == OTHER_SHOP


def ask_for_unknown_shops(world: World, count: int, error: type[Exception]) -> list[str]:
    """Ask for shops that do not exist. Return the calls of SSM."""
    before = len(world.calls)
    for number in range(count):
        with pytest.raises(error):
            world.webhook.shops.get(f"no-shop-{number}")
    return world.calls[before:]


def test_failing_list_is_read_at_most_every_30_seconds(world: World) -> None:
    ask_for_unknown_shops(world, 1, UnknownShop)
    world.clock.advance(30_000)
    with world.outage("ssm"):
        assert ask_for_unknown_shops(world, 20, SettingsUnavailable) == ["ssm.get_parameters_by_path"]
        world.clock.advance(29_999)
        assert ask_for_unknown_shops(world, 20, SettingsUnavailable) == []
        world.clock.advance(1)
        assert ask_for_unknown_shops(world, 20, SettingsUnavailable) == ["ssm.get_parameters_by_path"]
    world.clock.advance(30_000)
    assert ask_for_unknown_shops(world, 20, UnknownShop) == ["ssm.get_parameters_by_path"]


def test_failing_first_list_is_read_at_most_every_30_seconds(world: World) -> None:
    def fail_to_list(call: str) -> None:
        if call == "ssm.get_parameters_by_path":
            raise EndpointConnectionError(endpoint_url="https://ssm.example")

    world.on_call = fail_to_list
    calls = ask_for_unknown_shops(world, 20, UnknownShop)
    assert calls.count("ssm.get_parameters_by_path") == 1
    world.on_call = None
    assert world.webhook.shops.get(SHOP).id == SHOP


def test_known_shop_is_read_while_the_list_cannot_be_read(world: World) -> None:
    shops = world.webhook.shops
    ask_for_unknown_shops(world, 1, UnknownShop)
    world.clock.advance(30_000)
    with world.outage("ssm"):
        ask_for_unknown_shops(world, 1, SettingsUnavailable)
    assert shops.get(SHOP).id == SHOP


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
    assert (shop.item_id, shop.old_order_days, shop.key_value, shop.shipped_is_delivered, shop.orders) == (
        "variant",
        30,
        "contact",
        False,
        "events",
    )
    whole = SETTINGS | {
        "store": "x.example",
        "item_id": "sku",
        "statuses": {"wc-packed": "IN_PROGRESS"},
        "old_order_days": 0,
        "key_value": "order",
        "orders": "both",
        "ignore_test_orders": True,
        "storefront_secret": "a secret of the storefront",
        "origins": ["https://x.example"],
        "api": {"url": "https://x.example", "token": "t"},
    }
    assert parse_shop(SHOP, whole).statuses == {"wc-packed": Status.IN_PROGRESS}


LONG = "canary of 16 or more characters"


@pytest.mark.parametrize(
    ("setting", "secrets"),
    [
        (None, []),
        ("x" * 16, ["x" * 16]),
        (["the next storefront secret", LONG], ["the next storefront secret", LONG]),
    ],
)
def test_storefront_has_one_secret_or_two_while_one_is_replaced(setting: Any, secrets: list[str]) -> None:
    shop = parse_shop(SHOP, SETTINGS | {"storefront_secret": setting})
    assert [secret.get_secret_value() for secret in shop.storefront_secret] == secrets


@pytest.mark.parametrize(
    ("setting", "stores"),
    [
        ("a.example", ("a.example",)),
        (["a.example", "b.example"], ("a.example", "b.example")),
        ([], ()),
        ([" "], ()),
        ("", ()),
        (None, ()),
    ],
)
def test_shop_has_one_store_name_or_several(setting: Any, stores: tuple[str, ...]) -> None:
    assert parse_shop(SHOP, SETTINGS | {"store": setting}).stores == stores


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
        (SETTINGS | {"secrets": ["canary", ""]}, "shop little-shop: `secrets` contains an empty secret"),
        (SETTINGS | {"secrets": ["", "canary"]}, "shop little-shop: `secrets` contains an empty secret"),
        (SETTINGS | {"secrets": "canary"}, "shop little-shop: `secrets` must be a list of at least one text"),
        (SETTINGS | {"orders": "canary"}, 'shop little-shop: `orders` must be "events", "orders" or "both"'),
        (SETTINGS | {"esputnik_key": ""}, "shop little-shop: `esputnik_key` is empty"),
        (
            SETTINGS | {"storefront_secret": ""},
            "shop little-shop: `storefront_secret` needs at least 16",
        ),
        (
            SETTINGS | {"storefront_secret": "canary-canary-1"},
            "shop little-shop: `storefront_secret` needs at least 16",
        ),
        (
            SETTINGS | {"storefront_secret": [LONG, "canary"]},
            "shop little-shop: `storefront_secret` needs at least 16",
        ),
        (
            SETTINGS | {"storefront_secret": ["canary", LONG]},
            "shop little-shop: `storefront_secret` needs at least 16",
        ),
        (
            SETTINGS | {"storefront_secret": f"canary{' ' * 16}"},
            "shop little-shop: `storefront_secret` needs at least 16",
        ),
        (SETTINGS | {"storefront_secret": [LONG] * 3}, "shop little-shop: `storefront_secret` must be text, "),
        (
            SETTINGS | {"storefront_secret": {"a": LONG}},
            "shop little-shop: `storefront_secret` must be text, or a list",
        ),
        (SETTINGS | {"region": "canary"}, "shop little-shop: `region` must be a two-letter country code, like UA"),
        (SETTINGS | {"item_id": "canary"}, "shop little-shop: `item_id` must be "),
        (
            SETTINGS | {"old_order_days": -1},
            "shop little-shop: `old_order_days` must be a whole number of days, 0 or more",
        ),
        (SETTINGS | {"statuses": {"x": "canary"}}, "shop little-shop: `statuses.x` must be one of INITIALIZED, "),
        (SETTINGS | {"store": [5, "canary"]}, "shop little-shop: `store` must be text, or a list of text"),
        (SETTINGS | {"store": {"a": "canary"}}, "shop little-shop: `store` must be text, or a list of text"),
        (SETTINGS | {"sub_orders": "canary"}, 'shop little-shop: `sub_orders` must be "skip" or "send"'),
        (SETTINGS | {"secret": "canary"}, "shop little-shop: `secret` is not a setting"),
        (SETTINGS | {"id": "canary"}, "shop little-shop: `id` is not a setting"),
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
    shop = parse_shop(SHOP, SETTINGS | {"storefront_secret": LONG})
    assert isinstance(shop, Shop)
    for value in ("a-secret", "key-one", "canary"):
        assert value not in repr(shop)
