"""`shopwire shop put`: what is wrong with a shops.toml is one line, and nothing is written."""

from pathlib import Path
from typing import Any

import pytest

from shopwire import platforms
from shopwire.shops import Shops
from shopwire_cli.shops_file import PUBLISHED_SECRETS
from shopwire_dev.demo_shops import demo_settings, parse_shops
from shopwire_testkit.samples import sample_shop
from tests.cli.shop_command import PATH, put

Captured = pytest.CaptureFixture[str]

BOB = '[bob]\nplatform = "shopify"\nsecrets = ["canary"]\nesputnik_key = "canary"\nstore = "bob.myshopify.com"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no shop in it: add a table, like [my-shop]"),
        ("[bob\n", "Expected ']' at the end of a table declaration (at line 1, column 5)"),
        ("bob = 1\n", "`bob` must be a table: write [bob] and its settings below"),
        (
            "[Bob]\n",
            "shop Bob: `id` must have 3 to 64 characters of a-z, 0-9 and -; `platform` is required; `secrets` is "
            "required; `esputnik_key` is required",
        ),
        (
            BOB.replace("secrets", "secret"),
            "shop bob: `secrets` is required; `secret` is not a setting (did you mean secrets?)",
        ),
        (
            BOB.replace("shopify", "shopfy") + 'region = "Ukraine"\nitem_id = 5\nstatuses = {x = "canary", y = "z"}\n',
            'shop bob: `region` must be a two-letter country code, like UA; `item_id` must be "variant", "product" or '
            '"sku"; `statuses.x` must be one of INITIALIZED, IN_PROGRESS, DELIVERED, CANCELLED, ignore; `statuses.y` '
            "must be one of INITIALIZED, IN_PROGRESS, DELIVERED, CANCELLED, ignore; `platform` must be one of "
            f"{', '.join(platforms.OF_SHOPS)}",
        ),
        *(
            (
                BOB.replace("bob.myshopify.com", store),
                "shop bob: `store` must be what webhooks of Shopify call the shop, like my-shop.myshopify.com: "
                "otherwise all are refused",
            )
            for store in ("bob.example.com", "https://bob.example.com/", "bob", "bob.myshopify.com.evil.example")
        ),
        (BOB + 'region = "canary"\n', "shop bob: `region` must be a two-letter country code, like UA"),
        (BOB.replace("shopify", "canary"), f"shop bob: `platform` must be one of {', '.join(platforms.OF_SHOPS)}"),
        (BOB + f'note = "{"x" * 10}"\n', "shop bob: `note` is not a setting"),
        (
            BOB + f'origins = ["{"x" * 4096}"]\n',
            "shop bob: its settings have 4206 bytes, and the maximum is 4096: shorten them",
        ),
        (
            BOB.replace('store = "bob.myshopify.com"\n', ""),
            "shop bob: `store` is required, because one secret signs the webhooks of several Shopify shops: set it, "
            "like my-shop.myshopify.com",
        ),
        (BOB + "api = {since = 2026-01-01}\n", "shop bob: settings cannot contain dates, nan or inf"),
        (BOB + "api = {rate = inf}\n", "shop bob: settings cannot contain dates, nan or inf"),
        (
            BOB.replace('["canary"]', '["demo-shopify-secret"]'),
            "shop bob: `secrets` contains a secret that this repository publishes: use the app's client secret, or, "
            "for a webhook made in the admin, the one shown on Settings > Notifications > Webhooks",
        ),
        (
            BOB + 'storefront_secret = "demo-shopify-storefront"\n',
            "shop bob: `storefront_secret` contains a secret that this repository publishes: use one of "
            "`shopwire secret new`",
        ),
        (
            BOB + 'storefront_secret = ["canary of at least 16 characters", "sample-storefront-secret"]\n',
            "shop bob: `storefront_secret` contains a secret that this repository publishes: use one of "
            "`shopwire secret new`",
        ),
        (
            BOB.replace('esputnik_key = "canary"', 'esputnik_key = "demo-key"'),
            "shop bob: `esputnik_key` contains a secret that this repository publishes: use the key of your eSputnik "
            "account",
        ),
        (
            BOB + 'api = {token = "the-api-key"}\n',
            "shop bob: `api` contains a secret that this repository publishes: use the one of your own shop",
        ),
        (
            BOB + 'storefront_secret = "canary"\n',
            "shop bob: `storefront_secret` needs at least 16 characters; make one with "
            "`shopwire secret new storefront`",
        ),
    ],
)
def test_mistakes_of_one_shop_are_one_line_and_nothing_is_written(
    ssm: Any, tmp_path: Path, capsys: Captured, text: str, message: str
) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(text)
    code, out, err = put(capsys, file)
    assert (code, out, err) == (2, "", f"shopwire shop: {file}: {message}\n")
    assert Shops(ssm, PATH).ids() == frozenset()


def test_mistakes_of_all_shops_are_reported_at_once(ssm: Any, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(BOB + BOB.replace("[bob]", "[cyd]").replace("secrets", "sekrets") + '[dan]\nregion = "UA"\n')
    code, out, err = put(capsys, file)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"shopwire shop: {file}: shop cyd: `secrets` is required; `sekrets` is not a setting (did you mean secrets?)",
        f"shopwire shop: {file}: shop dan: `platform` is required; `secrets` is required; `esputnik_key` is required",
    ]
    assert Shops(ssm, PATH).ids() == frozenset()


@pytest.mark.parametrize(
    ("platform", "store"),
    [
        ("shopify", "Bob-2.MyShopify.com"),
        ("woocommerce", "https://bob.example.com:8443/uk/"),
        ("woocommerce", "http://localhost:8080"),
        ("woocommerce", "https://київ.example"),
    ],
)
def test_store_may_be_written_as_its_platform_shows_it(
    ssm: Any, tmp_path: Path, capsys: Captured, platform: str, store: str
) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(BOB.replace("shopify", platform, 1).replace("bob.myshopify.com", store))
    assert put(capsys, file)[0] == 0


def test_shop_that_is_not_in_the_file_is_exit_2(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    code, _, err = put(capsys, shops_file, "cid")
    assert (code, err) == (2, f"shopwire shop: {shops_file}: no shop cid in it; there are ann, bob\n")


@pytest.mark.parametrize("name", platforms.NAMES)
def test_secrets_of_samples_and_demo_shops_are_known_as_published(name: str) -> None:
    shops = [sample_shop(platforms.get(name)), *parse_shops(demo_settings()).values()]
    for shop in shops:
        secrets = {secret.get_secret_value() for secret in (*shop.secrets, *shop.storefront_secret, shop.esputnik_key)}
        assert secrets <= PUBLISHED_SECRETS


def test_short_webhook_secret_is_a_warning(ssm: Any, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(BOB)
    code, _, err = put(capsys, file)
    assert code == 0
    assert "shop bob: a secret in `secrets` has less than 16 characters" in err
    assert "canary" not in err
