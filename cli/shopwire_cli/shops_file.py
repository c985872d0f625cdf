"""Read a shops.toml and check its shops before they are written to an installation."""

from collections.abc import Collection, Iterator
from typing import Any

from shopwire import platforms
from shopwire.errors import BadSettings
from shopwire.models import Shop
from shopwire.platforms.base import Platform
from shopwire.shops import parse_shop
from shopwire_cli.errors import UserError
from shopwire_cli.shop_parameters import MAX_PARAMETER_BYTES, parameter_value
from shopwire_cli.shop_secrets import ShopFields, secrets_of
from shopwire_dev.accounts import shared_account
from shopwire_dev.demo_shops import demo_settings, read_settings

SECRET_FIELDS = ("secrets", "storefront_secret", "esputnik_key", "api")
_SECRETS_IN_DOCUMENTS = (
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "Zt3kVb9uQyW5rLhC8nXfE2jMsGp7aDoI",
    "a-storefront-secret-of-the-documents",
    "sample-key",
    "sample-secret",
    "sample-storefront-secret",
    "the storefront_secret of this shop",
    "the-api-key",
    "the-app's-client-secret",
    "xq0FhJq6m2dPl7vZ8sYtB1cKwRn4eUgA",
)
PUBLISHED_SECRETS = frozenset(_SECRETS_IN_DOCUMENTS).union(
    *(secrets_of(shop, name) for shop in demo_settings().values() for name in SECRET_FIELDS)
)
"""Secrets that everybody can read in this repository. Tests check that those of documents and samples are here."""
_MIN_SECRET_LENGTH = 16


def read_shops_file(path: str, ids: Collection[str], *, deployed: bool) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the settings of the shops in the file, by id, and warnings about what is probably a mistake.

    All shops of the file are checked, whichever are chosen.

    Args:
        ids: the shops to return; empty for all.
        deployed: refuse the secrets that this repository publishes.

    Raises:
        UserError: naming the file, the shop and the field, never the value.
    """
    try:
        found = read_settings(path)
        shops = {id: parse_shop(id, fields) for id, fields in found.items()}
    except BadSettings as error:
        raise UserError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    if not found:
        raise UserError(f"{path}: no shop in it: add a table, like [my-shop]")
    if unknown := set(ids) - found.keys():
        raise UserError(f"{path}: no shop {', '.join(sorted(unknown))} in it; there are {', '.join(found)}")
    if problem := shared_account(found, list(found)):
        raise UserError(f"{path}: {problem}")
    chosen = {id: fields for id, fields in found.items() if id in (ids or found)}
    for id, fields in chosen.items():
        if problem := _problem(shops[id], fields, deployed):
            raise UserError(f"{path}: shop {id}: {problem}")
    return chosen, [f"{path}: shop {id}: {text}" for id, fields in chosen.items() for text in _warnings(fields)]


def _own_secret(name: str, platform: Platform) -> str:
    """Return where the shop gets the secret of this setting from."""
    if name == "secrets" and platform.secret.made_by == "platform":
        return platform.secret.where
    return {"esputnik_key": "the key of your eSputnik account", "api": "the one of your own shop"}.get(
        name, "one of `shopwire secret new`"
    )


def _problem(shop: Shop, fields: dict[str, Any], deployed: bool) -> str | None:
    try:
        size = len(parameter_value(fields).encode())
    except (TypeError, ValueError):
        return "settings cannot contain dates, nan or inf"
    if size > MAX_PARAMETER_BYTES:
        return f"its settings have {size} bytes, and the maximum is {MAX_PARAMETER_BYTES}: shorten them"
    platform = platforms.get(shop.platform)
    for name in SECRET_FIELDS if deployed else ():
        if secrets_of(fields, name) & PUBLISHED_SECRETS:
            return f"`{name}` contains a secret that this repository publishes: use {_own_secret(name, platform)}"
    if platform.secret.serves_many_shops and not shop.stores:
        return (
            f"`store` is required, because one secret signs the webhooks of several {platform.title} shops: set it, "
            f"like {platform.store_example}"
        )
    return None


def _warnings(fields: ShopFields) -> Iterator[str]:
    keys = [key for name in ("secrets", "esputnik_key", "storefront_secret") for key in secrets_of(fields, name)]
    if any(len(secret.strip()) < _MIN_SECRET_LENGTH for secret in secrets_of(fields)):
        yield (
            f"a secret in `secrets` has less than {_MIN_SECRET_LENGTH} characters and may be guessed: if the platform "
            "lets you choose it, make another with `shopwire secret new`"
        )
    if any(key != key.strip() for key in keys):
        yield "a secret begins or ends with a space: check that it was copied without one"
    if any("<" in key and ">" in key for key in keys):
        yield "a secret contains <...>: check that it is not a placeholder"
