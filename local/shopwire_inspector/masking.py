"""Masking of personal data in webhooks and requests. Ids, times, amounts and states stay, every other text is hidden.

It works with an allow-list, so an unknown field is hidden.
"""

import re
from typing import Any

from pydantic_core import from_json

MASK = "•••"

_VISIBLE_FIELD = re.compile(
    r"(.*_)?(id|ids|at|gmt|status|state|kind|currency|price|total|subtotal|tax|taxes|amount|quantity|sku|type|version"
    r"|rank|number|digest|content|test|source|format|path|method|date)"
    r"|(external(OrderId|ItemId|CustomerId))|totalCost|eventTypeKey|recycleStateId|productId|orderNumber|cost|topic",
    re.IGNORECASE,
)
# A field with one of these words in its name may be personal, so it is hidden even if _VISIBLE_FIELD matches.
_PERSONAL_FIELD = re.compile(
    r".*(address|customer|contact|person|billing|shipping_lines|client|phone|email|note|name|token|ip|agent).*",
    re.IGNORECASE,
)
_PLAIN_VALUE = re.compile(r"[\w.:+-]{0,64}", re.ASCII)
_EMAIL_OR_PHONE = re.compile(r"[^@\s]+@[^@\s]+|\+?\d[\d ()-]{8,}\d")


def mask(value: Any, name: str = "") -> Any:
    """Return the value with everything hidden that may identify a person.

    Args:
        name: name of the field that holds the value.
    """
    match value:
        case dict():
            if isinstance(value.get("name"), str) and "value" in value and len(value) == 2:
                return {"name": value["name"], "value": _mask_param(value["name"], value["value"])}
            return {field: mask(element, str(field)) for field, element in value.items()}
        case list() | tuple():
            return [mask(element, name) for element in value]
        case None | bool():
            return value
    visible = _VISIBLE_FIELD.fullmatch(name) and not _PERSONAL_FIELD.fullmatch(name)
    text = str(value)
    return value if visible and _PLAIN_VALUE.fullmatch(text) and not _looks_personal(name, text) else MASK


def _mask_param(name: str, value: Any) -> Any:
    """Return the masked value of a v1/event param. Some params hold JSON."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return mask(from_json(value), name)
        except ValueError:
            return MASK
    return mask(value, name)


def _looks_personal(name: str, text: str) -> bool:
    """Return True for an e-mail address or a phone. A long number in a field of ids or versions is not a phone."""
    may_be_phone = not name.lower().endswith(("id", "ids", "version"))
    return "@" in text or (may_be_phone and bool(_EMAIL_OR_PHONE.fullmatch(text)))
