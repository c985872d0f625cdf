"""What of a webhook or request may be shown where its people are real: ids, times, money, states; every other text is
covered.

By allow-list: a field that nobody thought of stays covered.
"""

import re
from typing import Any

from pydantic_core import from_json

COVERED = "•••"

_SHOWN = re.compile(
    r"(.*_)?(id|ids|at|gmt|status|state|kind|currency|price|total|subtotal|tax|taxes|amount|quantity|sku|type|version"
    r"|rank|number|digest|content|test|source|format|path|method|date)"
    r"|(external(OrderId|ItemId|CustomerId))|totalCost|eventTypeKey|recycleStateId|productId|orderNumber|cost|topic",
    re.IGNORECASE,
)
# Below these everything is somebody's, whatever a field is called.
_PERSONS = re.compile(
    r".*(address|customer|contact|person|billing|shipping_lines|client|phone|email|note|name|token|ip|agent).*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w.:+-]{0,64}", re.ASCII)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+|\+?\d[\d ()-]{8,}\d")


def masked(value: Any, name: str = "") -> Any:
    """The value with everything covered that may say who somebody is. `name` is that of its field."""
    match value:
        case dict():
            if isinstance(value.get("name"), str) and "value" in value and len(value) == 2:
                return {"name": value["name"], "value": _param(value["name"], value["value"])}
            return {field: masked(one, str(field)) for field, one in value.items()}
        case list() | tuple():
            return [masked(one, name) for one in value]
        case None | bool():
            return value
    shown = _SHOWN.fullmatch(name) and not _PERSONS.fullmatch(name)
    text = str(value)
    return value if shown and _WORD.fullmatch(text) and not _looks_personal(name, text) else COVERED


def _param(name: str, value: Any) -> Any:
    """The value of a param of v1/event: some hold JSON."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return masked(from_json(value), name)
        except ValueError:
            return COVERED
    return masked(value, name)


def _looks_personal(name: str, text: str) -> bool:
    """An e-mail address, or a phone, in a field that should hold something else (ids are long numbers too)."""
    return "@" in text or (not name.lower().endswith(("id", "ids", "version")) and bool(_ADDRESS.fullmatch(text)))
