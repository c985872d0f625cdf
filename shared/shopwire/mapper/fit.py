"""Make an event fit the 20,000 bytes that the API accepts: what matters least is shortened or left out first.

The bytes are measured, because quotes and backslashes grow each time JSON is written into a string of JSON.
"""

from collections.abc import Iterable

from shopwire.mapper.api_rules import MAX_BODY_BYTES
from shopwire.mapper.params import Params, event_body

# One character of text takes at most six bytes in JSON ("\u0000"), and a param 23 bytes beside its name and value.
_MAX_CHARACTER_BYTES = 6
_PARAM_BYTES = 23

# Texts of an order that mean the same when they are cut.
_TEXTS = frozenset(
    {
        "firstName",
        "lastName",
        "statusDescription",
        "deliveryMethod",
        "paymentMethod",
        "deliveryAddress",
        "additionalInfo",
        "carrier",
        "couponCode",
        "cancelReason",
    }
)
# A part of one of these would name something else, so a long one is left out.
_LINKS_AND_NUMBERS = frozenset({"restoreUrl", "trackingUrl", "trackingNumber", "orderNumber", "storeId"})
_LONG_TEXT_CHARACTERS, _SHORT_TEXT_CHARACTERS = 1_000, 100


def fits(event_type: str, key: str, params: Params) -> bool:
    """Return whether the event with these params has at most 20,000 bytes."""
    # Nearly every event is so small that it needs no measuring.
    characters = sum([len(name) + len(value) for name, value in params]) + len(event_type) + len(key)
    if characters * _MAX_CHARACTER_BYTES + (len(params) + 3) * _PARAM_BYTES <= MAX_BODY_BYTES:
        return True
    # A character takes at least one byte, so a much too long event needs none either.
    return characters <= MAX_BODY_BYTES and len(event_body(event_type, key, params)) <= MAX_BODY_BYTES


def fitting(event_type: str, key: str, variants: Iterable[Params]) -> Params:
    """Return the first of these variants that fits, otherwise the last one."""
    chosen: Params = []
    for chosen in variants:
        if fits(event_type, key, chosen):
            break
    return chosen


def with_short_texts(params: Params, *, very: bool = False) -> Params:
    """Return the params with texts of at most 1,000 characters (`very`: 100), without longer links and numbers."""
    longest = _SHORT_TEXT_CHARACTERS if very else _LONG_TEXT_CHARACTERS
    return [
        (name, value[:longest].rstrip() if name in _TEXTS else value)
        for name, value in params
        if len(value) <= longest or name not in _LINKS_AND_NUMBERS
    ]


def with_value(params: Params, name: str, value: str | None) -> Params:
    """Return the params with another value of one of them, or without it (None)."""
    replaced = [] if value is None else [(name, value)]
    return [pair for given in params for pair in (replaced if given[0] == name else [given])]
