"""A shop's settings as they may be shown: which fields are secret, and what of a secret people may see. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

Settings = Mapping[str, Any]

# A tail tells two long random secrets apart by eye; of a short one it would give too much away.
_SHOWN = 4
_LONG_ENOUGH = 20
# Fields of `api` that are no secret.
_OPEN = frozenset({"url"})


def masked(secret: Any) -> str:
    """What may be shown of a secret."""
    if isinstance(secret, str) and len(secret) >= _LONG_ENOUGH:
        return f"…{secret[-_SHOWN:]}"
    return "(short, hidden)"


def shown(settings: Settings) -> dict[str, Any]:
    """The settings with each secret masked."""
    return {field: _shown(field, value) for field, value in settings.items()}


def changes(before: Settings, after: Settings) -> Iterator[str]:
    """What differs, a line a field."""
    for field in sorted(before.keys() | after.keys()):
        old, new = before.get(field), after.get(field)
        if old == new:
            continue
        if field == "secrets" and isinstance(old, list) and isinstance(new, list):
            marks = [("" if one in old else "+") + masked(one) for one in new]
            marks += ["-" + masked(one) for one in old if one not in new]
            yield f"{field}: {' '.join(marks)}"
        else:
            yield f"{field}: {_word(field, old)} -> {_word(field, new)}"


def _shown(field: str, value: Any) -> Any:
    match field:
        case "secrets" if isinstance(value, list):
            return [masked(one) for one in value]
        case "secrets" | "esputnik_key" | "storefront_secret":
            return masked(value)
        case "api" if isinstance(value, dict):
            return {name: one if name in _OPEN else masked(one) for name, one in value.items()}
        case "api":
            return masked(value)
    return value


def _word(field: str, value: Any) -> str:
    return "(not set)" if value is None else str(_shown(field, value))
