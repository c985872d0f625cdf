"""The types of JSON data: bodies, and what params carry as text. Everything here is pure."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from shopwire_emulator.errors import BadRequest, NotKept

_MAX_EXPONENT, _MAX_BITS = 300, 1_000
"""Of a number that fits into a double: the decimal exponent, and the bits of a whole number."""


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a request's body. Numbers with a fraction are Decimals, so that they keep their digits.

    Raises:
        BadRequest.
    """
    try:
        value = json.loads(body, parse_constant=_reject_constant, parse_float=Decimal)
        # Fails for a lone surrogate, which cannot be stored as text.
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not an object")
    return value


def parse_param(name: str, text: str) -> Any:
    """Return the JSON value that a param carries as text.

    Raises:
        NotKept: it is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise NotKept(f"{name} is not valid JSON") from None


def _reject_constant(text: str) -> float:
    """Reject NaN and Infinity, which Python's parser accepts and JSON does not have."""
    raise ValueError(text)


def list_of_objects(name: str, value: Any) -> list[dict[str, Any]]:
    """Return the value if it is a list of objects.

    Raises:
        NotKept.
    """
    if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        raise NotKept(f"{name} is not a JSON list of objects")
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    """Return True for a number that fits into a double, as the API's schema says."""
    if type(value) is int:
        return value.bit_length() <= _MAX_BITS
    return (type(value) is float and math.isfinite(value)) or (
        isinstance(value, Decimal) and abs(value.adjusted()) <= _MAX_EXPONENT
    )


@dataclass(frozen=True, slots=True)
class Field:
    """The expected type of a field."""

    description: str
    is_valid: Callable[[Any], bool]
    required: bool = True

    def optional(self) -> "Field":
        """Return the same type for a field that may be left out."""
        return replace(self, required=False)


Shape = Mapping[str, Field]

TEXT = Field("a non-empty string", _is_text)
NUMBER = Field("a number", _is_number)
COUNT = Field("a whole number, 1 or greater", lambda value: type(value) is int and value >= 1)
FLAG = Field("0 or 1", lambda value: type(value) is int and value in (0, 1))
TEXTS = Field("a list of non-empty strings", lambda value: isinstance(value, list) and all(map(_is_text, value)))
TEXT_VALUES = Field(
    "an object of non-empty strings", lambda value: isinstance(value, dict) and all(map(_is_text, value.values()))
)
# The API stores deeper data as one string that templates cannot use, so it is as good as lost.
FLAT = Field(
    "a non-empty string, a number or a list of non-empty strings",
    lambda value: _is_text(value) or _is_number(value) or TEXTS.is_valid(value),
)


def check_shape(name: str, value: Mapping[str, Any], shape: Shape, *, extra: Field | None) -> None:
    """Check the fields of an object.

    Args:
        name: what the object is, for the error's text.
        extra: the type of the fields that the shape does not list. None: there must be none.

    Raises:
        NotKept.
    """
    for key, expected in shape.items():
        if (key in value or expected.required) and not expected.is_valid(value.get(key)):
            raise NotKept(f"{name}: {key} is not {expected.description}")
    for key, found in value.items():
        if key in shape:
            continue
        if extra is None:
            raise NotKept(f"{name}: {key} is not a field of the API")
        if not extra.is_valid(found):
            raise NotKept(f"{name}: {key} is not {extra.description}")
