"""The secrets in a shop's settings: which fields are secret, and how they are masked for output. Pure functions."""

from collections.abc import Iterator, Mapping
from typing import Any

ShopFields = Mapping[str, Any]
"""A shop's settings as they are in shops.toml or in its parameter, not validated."""

# A person tells two long random secrets apart by their last characters. For a short secret that would reveal too much.
_SHOWN_CHARACTERS = 4
_MIN_LENGTH_TO_SHOW = 20
_LISTS = frozenset({"secrets", "storefront_secret"})
# The fields of `api` that are not secret.
_PUBLIC_API_FIELDS = frozenset({"url", "header"})


def mask_secret(secret: Any) -> str:
    """Return what may be shown of a secret: its last characters if it is long, otherwise nothing of it."""
    if isinstance(secret, str) and len(secret) >= _MIN_LENGTH_TO_SHOW:
        return f"…{secret[-_SHOWN_CHARACTERS:]}"
    return "(short, hidden)"


def secrets_of(fields: ShopFields, name: str = "secrets") -> set[str]:
    """Return the secrets in a field: by default, those that sign webhooks. The fields need not be valid."""
    found = fields.get(name)
    if isinstance(found, dict):
        found = [value for field, value in found.items() if field not in _PUBLIC_API_FIELDS]
    return {secret for secret in (found if isinstance(found, list) else [found]) if isinstance(secret, str)}


def mask_fields(fields: ShopFields) -> dict[str, Any]:
    """Return the fields with every secret masked."""
    return {name: _masked_value(name, value) for name, value in fields.items()}


def masked_changes(before: ShopFields, after: ShopFields) -> Iterator[str]:
    """Yield one line for each field that differs, with every secret masked."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name in _LISTS and isinstance(old, list) and isinstance(new, list):
            marks = [("" if secret in old else "+") + mask_secret(secret) for secret in new]
            marks += ["-" + mask_secret(secret) for secret in old if secret not in new]
            yield f"{name}: {' '.join(marks)}"
        else:
            yield f"{name}: {_text(name, old)} -> {_text(name, new)}"


def _masked_value(name: str, value: Any) -> Any:
    match name:
        case "secrets" | "storefront_secret" if isinstance(value, list):
            return [mask_secret(secret) for secret in value]
        case "secrets" | "esputnik_key" | "storefront_secret":
            return mask_secret(value)
        case "api" if isinstance(value, dict):
            return {
                field: field_value if field in _PUBLIC_API_FIELDS else mask_secret(field_value)
                for field, field_value in value.items()
            }
        case "api":
            return mask_secret(value)
    return value


def _text(name: str, value: Any) -> str:
    return "(not set)" if value is None else str(_masked_value(name, value))
