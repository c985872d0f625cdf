"""Read a shops.toml and check its shops before they are written to an installation."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from shopwire import platforms
from shopwire.errors import BadSettings
from shopwire.models import Shop
from shopwire.platforms.base import Platform
from shopwire.shops import parse_shop
from shopwire_cli.errors import UserError
from shopwire_cli.shop_parameters import MAX_PARAMETER_BYTES, parameter_value
from shopwire_cli.shop_secrets import ShopFields, secrets_of
from shopwire_cli.suggestions import did_you_mean
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
    except BadSettings as error:
        raise UserError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    if not found:
        raise UserError(f"{path}: no shop in it: add a table, like [my-shop]")
    if unknown := sorted(set(ids) - found.keys()):
        guess = did_you_mean(unknown[0], found)
        raise UserError(f"{path}: no shop {', '.join(unknown)} in it{guess}; there are {', '.join(found)}")
    if problems := list(find_problems(found, ids or found, deployed=deployed)):
        raise UserError(*(f"{path}: {problem}" for problem in problems))
    chosen = {id: fields for id, fields in found.items() if id in (ids or found)}
    return chosen, [f"{path}: shop {id}: {text}" for id, fields in chosen.items() for text in _warnings(fields)]


def find_problems(settings: Mapping[str, dict[str, Any]], ids: Collection[str], *, deployed: bool) -> Iterator[str]:
    """Yield everything that is wrong with the settings of shops, a line for each shop.

    Args:
        settings: by id.
        ids: the shops that are wanted. Of the others, only what no shop may have is reported.
        deployed: refuse the secrets that this repository publishes.
    """
    is_valid = True
    for id, fields in settings.items():
        try:
            shop = parse_shop(id, fields)
        except BadSettings as error:
            is_valid = False
            text = str(error)
            for name in fields:
                text = text.replace(
                    f"`{name}` is not a setting", f"`{name}` is not a setting{did_you_mean(name, Shop.model_fields)}"
                )
            yield text
            continue
        if problems := list(_problems(shop, fields, deployed)) if id in ids else []:
            is_valid = False
            yield f"shop {id}: {'; '.join(problems)}"
    if is_valid and (problem := shared_account(settings, list(settings))):
        yield problem


def _own_secret(name: str, platform: Platform) -> str:
    """Return where the shop gets the secret of this setting from."""
    if name == "secrets" and platform.secret.made_by == "platform":
        return platform.secret.where
    return {"esputnik_key": "the key of your eSputnik account", "api": "the one of your own shop"}.get(
        name, "one of `shopwire secret new`"
    )


def _problems(shop: Shop, fields: dict[str, Any], deployed: bool) -> Iterator[str]:
    try:
        size = len(parameter_value(fields).encode())
    except (TypeError, ValueError):
        yield "settings cannot contain dates, nan or inf"
    else:
        if size > MAX_PARAMETER_BYTES:
            yield f"its settings have {size} bytes, and the maximum is {MAX_PARAMETER_BYTES}: shorten them"
    platform = platforms.get(shop.platform)
    for name in SECRET_FIELDS if deployed else ():
        if secrets_of(fields, name) & PUBLISHED_SECRETS:
            yield f"`{name}` contains a secret that this repository publishes: use {_own_secret(name, platform)}"
    if platform.secret.serves_many_shops and not shop.stores:
        yield (
            f"`store` is required, because one secret signs the webhooks of several {platform.title} shops: set it, "
            f"like {platform.store_example}"
        )
    if platform.fetches:
        try:
            platform.api_access(shop)
        except ValueError as error:
            yield str(error)
    if platform.store_form and not all(
        re.fullmatch(platform.store_form, platform.normal_store(store)) for store in shop.stores
    ):
        yield (
            f"`store` must be what webhooks of {platform.title} call the shop, like {platform.store_example}: "
            "otherwise all are refused"
        )


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
