"""DynamoDB's typed values ({"S": ...}, {"N": ...}): what may be stored, in which form, and how large it is.

AWS, "Supported data types and naming rules in Amazon DynamoDB" and "DynamoDB item sizes and formats". Sets are not
simulated.
"""

import operator
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, Inexact, Overflow, Underflow
from typing import Any

Typed = Mapping[str, Any]
Item = dict[str, Any]

LARGEST_ITEM = 400 * 1024

_DIGITS = 38
_NUMBERS = Context(prec=_DIGITS, Emax=125, Emin=-130, traps=[Inexact, Overflow, Underflow])
_LONGEST_KEYS = {"pk": 2048, "sk": 1024}
_EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string"
    " value. Key: {}"
)
_LONG_KEYS = {
    "pk": "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
    "sk": "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of"
    " 1024 bytes",
}


class Invalid(Exception):
    """What DynamoDB answers with a ValidationException of this text."""


def key(item: Typed) -> tuple[str, str]:
    """The primary key of an item.

    Raises:
        Invalid.
    """
    pk, sk = item.get("pk"), item.get("sk")
    if not pk or not sk or "S" not in pk or "S" not in sk:
        raise Invalid("The provided key element does not match the schema")
    pair: tuple[str, str] = pk["S"], sk["S"]
    for name, text in zip(_LONGEST_KEYS, pair, strict=True):
        if not text:
            raise Invalid(_EMPTY_KEY.format(name))
        if len(text) * 4 > _LONGEST_KEYS[name] and len(text.encode()) > _LONGEST_KEYS[name]:
            raise Invalid(_LONG_KEYS[name])
    return pair


def stored(typed: Typed) -> Item:
    """A value in the form in which it comes back: a number without the zeroes that mean nothing."""
    ((kind, value),) = typed.items()
    match kind:
        case "S" | "B" | "BOOL" | "NULL":
            return {kind: value}
        case "N":
            return {"N": value if _is_short_integer(value) else _number_text(_exact(value))}
        case "L":
            return {"L": [stored(one) for one in value]}
        case "M":
            return {"M": {name: stored(one) for name, one in value.items()}}
    raise NotImplementedError(f"values of the type {kind} are not simulated")


def size(item: Typed) -> int:
    """An item's size in bytes, the names of its attributes included."""
    return sum([_text_size(name) + _size(value) for name, value in item.items()])


def add(one: Typed, other: Typed) -> Item:
    """What ADD makes of two numbers."""
    if "N" not in one or "N" not in other:
        raise Invalid("An operand in the update expression has an incorrect data type")
    a, b = one["N"], other["N"]
    if _is_short_integer(a) and _is_short_integer(b):
        return {"N": str(int(a) + int(b))}
    return {"N": _number_text(_NUMBERS.add(_exact(a), _exact(b)))}


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED = ("S", "N", "B")


def comparison(sign: str) -> Callable[[Typed | None, Typed | None], bool]:
    """How two values compare; None is a missing attribute, which equals nothing and has no order."""
    if sign == "=":
        return _equal
    if sign == "<>":
        return lambda one, other: not _equal(one, other)
    order = _ORDER[sign]

    def compare(one: Typed | None, other: Typed | None) -> bool:
        if one is None or other is None:
            return False
        ((kind, a),), ((other_kind, b),) = one.items(), other.items()
        if kind != other_kind or kind not in _ORDERED:
            return False
        return order(_number(a), _number(b)) if kind == "N" else order(a, b)

    return compare


def contains(subject: Typed | None, sought: Typed | None) -> bool:
    """A list with such an element, a string with such a part."""
    if subject is None or sought is None:
        return False
    ((kind, value),), ((sought_kind, part),) = subject.items(), sought.items()
    if kind == "L":
        return any(_equal(one, sought) for one in value)
    return kind == sought_kind and kind in ("S", "B") and part in value


def _equal(one: Typed | None, other: Typed | None) -> bool:
    if one is None or other is None:
        return False
    if "N" in one and "N" in other:
        return bool(_number(one["N"]) == _number(other["N"]))
    return one == other or (("L" in one or "M" in one) and one == stored(other))


def _is_short_integer(text: str) -> bool:
    digits = text[1:] if text[:1] == "-" else text
    return digits.isdecimal() and digits.isascii() and len(digits) < _DIGITS and (digits[0] != "0" or text == "0")


def _number(text: str) -> int | Decimal:
    return int(text) if _is_short_integer(text) else _exact(text)


def _exact(text: str) -> Decimal:
    try:
        number = Decimal(text)
        if not number.is_finite():
            raise Invalid(f"The parameter cannot be converted to a numeric value: {text}")
        return _NUMBERS.plus(number)
    except Inexact:
        raise Invalid("Attempting to store more than 38 significant digits in a Number") from None
    except (Overflow, Underflow):
        raise Invalid("Number overflow. Attempting to store a number with magnitude larger than supported") from None
    except DecimalException:
        raise Invalid(f"The parameter cannot be converted to a numeric value: {text}") from None


def _number_text(number: Decimal) -> str:
    text = format(number.normalize(_NUMBERS), "f")
    return "0" if text == "-0" else text


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _size(typed: Typed) -> int:
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return _text_size(str(value))
        case "N":
            # Two significant digits a byte, and one more. The documentation calls this an approximation.
            digits = str(value).lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + int(value[0] == "-")
        case "B":
            return len(bytes(value))
        case "L":
            return 3 + sum([1 + _size(one) for one in value])
        case "M":
            return 3 + sum([1 + _text_size(name) + _size(one) for name, one in value.items()])
    return 1
