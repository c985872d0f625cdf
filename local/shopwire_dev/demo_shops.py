"""The shops of `shopwire dev`: one demo shop per platform, and the shops of a TOML file."""

import tomllib
from pathlib import Path
from typing import Any

from shopwire import platforms
from shopwire.errors import BadSettings
from shopwire.models import Shop
from shopwire.shops import parse_shop
from shopwire_emulator.emulator import DEMO_KEY

DEMO_TOKEN = "demo-token"
"""The token with which the stand-in for a platform's API is asked. It accepts every token."""
SettingsByShop = dict[str, dict[str, Any]]
"""Shop id -> the fields of the shop, as in its SSM parameter."""


def demo_settings() -> SettingsByShop:
    """Return the settings of the demo shops: `demo-<platform>` with the secret `demo-<platform>-secret`,
    as the platform writes it."""
    shops: SettingsByShop = {
        f"demo-{name}": {
            "platform": name,
            "secrets": [platforms.get(name).secret_with(f"demo-{name}-secret")],
            "esputnik_key": DEMO_KEY,
            "region": "UA",
            "old_order_days": 0,
            "storefront_secret": f"demo-{name}-storefront",
            # The last two are of the samples: a page of the shop, and a link into its app.
            "origins": ["http://127.0.0.1:8787", "http://localhost:8787", "https://shop.example", "shopapp://"],
        }
        for name in platforms.OF_SHOPS
    }
    for settings in shops.values():
        platform = platforms.get(settings["platform"])
        if store := platform.demo_store:
            settings["store"] = store
        if platform.fetches:
            settings["api"] = {"token": DEMO_TOKEN}
    return shops


def read_settings(path: str | Path) -> SettingsByShop:
    """Return the shops in a TOML file.

    Raises:
        BadSettings: the file cannot be read or is not TOML.
    """
    try:
        with open(path, "rb") as file:
            shops = tomllib.load(file)
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSettings(f"{path}: the file is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{path}: {error}") from None
    except ValueError:
        raise BadSettings(f"{path}: a number has too many digits") from None
    for id, fields in shops.items():
        if not isinstance(fields, dict):
            raise BadSettings(f"{path}: `{id}` must be a table: write [{id}] and its settings below")
    return shops


def parse_shops(settings: SettingsByShop) -> dict[str, Shop]:
    """Return the validated shops by id.

    Raises:
        BadSettings: the text names the shop and the field, and never the value.
    """
    return {id: parse_shop(id, fields) for id, fields in settings.items()}
