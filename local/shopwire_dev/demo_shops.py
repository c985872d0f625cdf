"""The shops of `shopwire dev`: a demo shop for each platform, and those of a TOML file."""

import tomllib
from pathlib import Path
from typing import Any

from shopwire import platforms
from shopwire.errors import BadSettings
from shopwire.models import Shop
from shopwire.shops import parse_shop
from shopwire_emulator.emulator import DEMO_KEY

Settings = dict[str, dict[str, Any]]


def demo_settings() -> Settings:
    """The built-in shops' settings, by id: `demo-<platform>` with the secret `demo-<platform>-secret`."""
    shops: Settings = {
        f"demo-{name}": {
            "platform": name,
            "secrets": [f"demo-{name}-secret"],
            "esputnik_key": DEMO_KEY,
            "region": "UA",
            "old_order_days": 0,
            "storefront_secret": f"demo-{name}-storefront",
            "origins": ["http://127.0.0.1:8787", "http://localhost:8787"],
        }
        for name in platforms.OF_SHOPS
    }
    for settings in shops.values():
        if store := platforms.get(settings["platform"]).demo_store:
            settings["store"] = store
    return shops


def read_settings(path: str | Path) -> Settings:
    """The shops of a TOML file, by id.

    Raises:
        BadSettings: the file cannot be read or is no TOML.
    """
    try:
        with open(path, "rb") as file:
            shops = tomllib.load(file)
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSettings(f"{path}: it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{path}: {error}") from None
    for id, fields in shops.items():
        if not isinstance(fields, dict):
            raise BadSettings(f"{path}: {id}: a table of fields is needed, as [{id}]")
    return shops


def parse_shops(settings: Settings) -> dict[str, Shop]:
    """The shops, checked.

    Raises:
        BadSettings: naming shop and field, never the value.
    """
    return {id: parse_shop(id, fields) for id, fields in settings.items()}
