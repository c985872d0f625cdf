"""What the tests of `shopwire shop` share: the secrets, a shops.toml, and functions that run the command."""

from pathlib import Path

import pytest

from shopwire_cli.main import main

PATH = "/shopwire/shop-eu/shops/"
OLD, NEW = "old-secret-0123456789-aaaa", "new-secret-0123456789-bbbb"
KEY, OTHER_KEY = "esputnik-key-0123456789-cccc", "esputnik-key-0123456789-dddd"
SHOPS_TOML = f"""
[ann]
platform = "woocommerce"
secrets = ["{OLD}"]
esputnik_key = "{OTHER_KEY}"
store = "https://ann.example.com/"

[bob]
platform = "shopify"
secrets = ["{OLD}", "{NEW}"]
esputnik_key = "{KEY}"
store = "bob.myshopify.com"
"""


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of `shopwire shop`. Check that they contain no secret."""
    code = main(["shop", *map(str, words), "--stack", "shop-eu"])
    out, err = capsys.readouterr()
    assert not [secret for secret in (OLD, NEW, KEY, OTHER_KEY) if secret in out + err]
    return code, out, err


def put(capsys: pytest.CaptureFixture[str], file: Path, *words: str) -> tuple[int, str, str]:
    return run(capsys, "put", file, *words)


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that the file contains."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
