"""`shopwire secret new`."""

import re

import pytest

from shopwire_cli.main import main

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("platform", [[], ["woocommerce"], ["storefront"]])
def test_new_secret_is_random_and_safe_for_every_platform(platform: list[str], capsys: Captured) -> None:
    secrets = set()
    for _ in range(3):
        assert main(["secret", "new", *platform]) == 0
        secrets.add(capsys.readouterr().out)
    assert len(secrets) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}\n", secret) for secret in secrets)


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ("shopify", "Shopify makes the secret: use the app's client secret, or"),
        ("magento", "no platform 'magento' for which the shop chooses the secret; there are "),
    ],
)
def test_secret_that_the_shop_does_not_choose_is_not_made(platform: str, message: str, capsys: Captured) -> None:
    assert main(["secret", "new", platform]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"shopwire secret: {message}")
