"""The demo shops, and the errors of a shops file."""

from typing import Any

import pytest

from shopwire import platforms
from shopwire.errors import BadSettings
from shopwire_dev.accounts import shared_account
from shopwire_dev.demo_shops import demo_settings, parse_shops, read_settings
from shopwire_dev.stack import DevStack


def test_demo_shops_have_the_documented_settings() -> None:
    shops = parse_shops(demo_settings())
    assert set(shops) == {f"demo-{name}" for name in platforms.OF_SHOPS}
    shopify = shops["demo-shopify"]
    assert [secret.get_secret_value() for secret in shopify.secrets] == ["demo-shopify-secret"]
    assert (shopify.store, shopify.region, shopify.old_order_days) == ("demo.myshopify.com", "UA", 0)
    assert [secret.get_secret_value() for secret in shopify.storefront_secret] == ["demo-shopify-storefront"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[my-shop]\nplatform = "shopify"\nesputnik_key = "k"', "shop my-shop: `secrets` is required"),
        (
            '[my-shop]\nplatform = "shopify"\nsecrets = [""]\nesputnik_key = "k"',
            "`secrets` contains an empty secret",
        ),
        (
            '[my-shop]\nplatform = "opencart"\nsecrets = ["s3cret"]\nesputnik_key = "k"',
            "shop my-shop: `platform` must be one of",
        ),
        (
            '[my-shop]\nplatform = "shopify"\nsecrets = ["s3cret"]\nesputnik_key = 7',
            "shop my-shop: `esputnik_key` must be the API key as text",
        ),
        (
            '[My_Shop]\nplatform = "shopify"\nsecrets = ["s3cret"]\nesputnik_key = "k"',
            "shop My_Shop: `id` must have 3 to 64 characters",
        ),
        ("shop = 7", "`shop` must be a table: write [shop]"),
        ("[", "shops.toml: "),
        (f"[a]\nold_order_days = {'9' * 5000}", "shops.toml: a number has too many digits"),
    ],
)
def test_invalid_shops_file_error_names_shop_and_field_but_no_value(tmp_path: Any, text: str, error: str) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(text)
    with pytest.raises(BadSettings) as raised:
        parse_shops(read_settings(file))
    assert error in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_shops_file_that_is_not_utf8_is_reported(tmp_path: Any) -> None:
    file = tmp_path / "shops.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadSettings, match=r"shops\.toml: the file is not UTF-8"):
        read_settings(file)


def test_missing_shops_file_is_reported(tmp_path: Any) -> None:
    with pytest.raises(BadSettings, match="No such file"):
        read_settings(tmp_path / "none.toml")


def test_second_shop_with_the_same_key_and_no_id_prefix_is_refused() -> None:
    fields = {"platform": "woocommerce", "secrets": ["s3cret"], "esputnik_key": "one-key"}
    with pytest.raises(BadSettings, match="shop my-shop: `esputnik_key` is also that of shop other-shop") as raised:
        DevStack(settings={"my-shop": fields, "other-shop": fields | {"id_prefix": "b-"}})
    assert "one-key" not in str(raised.value)


@pytest.mark.parametrize(("one", "other"), [({"id_prefix": "a-"}, {"id_prefix": "b-"}), ({"esputnik_key": "k"}, {})])
def test_shops_with_different_ids_or_keys_may_be_used_together(one: dict[str, str], other: dict[str, str]) -> None:
    fields = {"platform": "woocommerce", "secrets": ["s3cret"], "esputnik_key": "one-key"}
    assert shared_account({"my-shop": fields | one, "other-shop": fields | other}, ["my-shop", "other-shop"]) is None
