"""DynamoDB's typed values ({"S": ...}, {"N": ...}): their limits, their stored form, their size and their comparison.

See AWS, "Supported data types and naming rules in Amazon DynamoDB" and "DynamoDB item sizes and formats". Sets are not
simulated.
"""

import operator
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, Inexact, Overflow, Underflow
from typing import Any

Typed = Mapping[str, Any]
Item = dict[str, Any]

MAX_ITEM_BYTES = 400 * 1024

_MAX_DIGITS = 38
_NUMBER_CONTEXT = Context(prec=_MAX_DIGITS, Emax=125, Emin=-130, traps=[Inexact, Overflow, Underflow])
_MAX_KEY_BYTES = {"pk": 2048, "sk": 1024}
_EMPTY_KEY_MESSAGE = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string"
    " value. Key: {}"
)
_LONG_KEY_MESSAGES = {
    "pk": "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
    "sk": "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of"
    " 1024 bytes",
}


class Invalid(Exception):
    """DynamoDB answers the call with a ValidationException of this text."""


def primary_key(item: Typed) -> tuple[str, str]:
    """Return the partition key and the sort key of an item.

    Raises:
        Invalid: a key is missing, empty or too long.
    """
    pk, sk = item.get("pk"), item.get("sk")
    if not pk or not sk or "S" not in pk or "S" not in sk:
        raise Invalid("The provided key element does not match the schema")
    pair: tuple[str, str] = pk["S"], sk["S"]
    for name, text in zip(_MAX_KEY_BYTES, pair, strict=True):
        if not text:
            raise Invalid(_EMPTY_KEY_MESSAGE.format(name))
        if len(text) * 4 > _MAX_KEY_BYTES[name] and len(text.encode()) > _MAX_KEY_BYTES[name]:
            raise Invalid(_LONG_KEY_MESSAGES[name])
    return pair


def normalize(typed: Typed) -> Item:
    """Return a value in the form in which DynamoDB returns it: a number has no unnecessary zeroes.

    Raises:
        Invalid: a number is too long or too large.
        NotImplementedError: values of this type are not simulated.
    """
    ((kind, value),) = typed.items()
    match kind:
        case "S" | "B" | "BOOL" | "NULL":
            return {kind: value}
        case "N":
            return {"N": value if _is_short_integer(value) else _number_text(_exact(value))}
        case "L":
            return {"L": [normalize(element) for element in value]}
        case "M":
            return {"M": {name: normalize(element) for name, element in value.items()}}
    raise NotImplementedError(f"values of the type {kind} are not simulated")


def size(item: Typed) -> int:
    """Return an item's size in bytes, with the names of its attributes."""
    return sum([_text_size(name) + _size(value) for name, value in item.items()])


def add(left: Typed, right: Typed) -> Item:
    """Return the sum of two numbers, as ADD stores it.

    Raises:
        Invalid: a value is not a number, or the sum is too long or too large.
    """
    if "N" not in left or "N" not in right:
        raise Invalid("An operand in the update expression has an incorrect data type")
    a, b = left["N"], right["N"]
    if _is_short_integer(a) and _is_short_integer(b):
        return {"N": str(int(a) + int(b))}
    return {"N": _number_text(_NUMBER_CONTEXT.add(_exact(a), _exact(b)))}


_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED_TYPES = ("S", "N", "B")


def make_comparison(sign: str) -> Callable[[Typed | None, Typed | None], bool]:
    """Return the function that compares two values. None is a missing attribute. It equals nothing and has no order."""
    if sign == "=":
        return _equal
    if sign == "<>":
        return lambda left, right: not _equal(left, right)
    compare_values = _ORDERINGS[sign]

    def compare(left: Typed | None, right: Typed | None) -> bool:
        if left is None or right is None:
            return False
        ((kind, a),), ((right_kind, b),) = left.items(), right.items()
        if kind != right_kind or kind not in _ORDERED_TYPES:
            return False
        return compare_values(_number(a), _number(b)) if kind == "N" else compare_values(a, b)

    return compare


def contains(subject: Typed | None, sought: Typed | None) -> bool:
    """Return True if a list contains the value, or a text contains the part."""
    if subject is None or sought is None:
        return False
    ((kind, value),), ((sought_kind, part),) = subject.items(), sought.items()
    if kind == "L":
        return any(_equal(element, sought) for element in value)
    return kind == sought_kind and kind in ("S", "B") and part in value


def _equal(left: Typed | None, right: Typed | None) -> bool:
    if left is None or right is None:
        return False
    if "N" in left and "N" in right:
        return bool(_number(left["N"]) == _number(right["N"]))
    return left == right or (("L" in left or "M" in left) and left == normalize(right))


def _is_short_integer(text: str) -> bool:
    digits = text[1:] if text[:1] == "-" else text
    return digits.isdecimal() and digits.isascii() and len(digits) < _MAX_DIGITS and (digits[0] != "0" or text == "0")


def _number(text: str) -> int | Decimal:
    return int(text) if _is_short_integer(text) else _exact(text)


def _exact(text: str) -> Decimal:
    try:
        number = Decimal(text)
        if not number.is_finite():
            raise Invalid(f"The parameter cannot be converted to a numeric value: {text}")
        return _NUMBER_CONTEXT.plus(number)
    except Inexact:
        raise Invalid("Attempting to store more than 38 significant digits in a Number") from None
    except (Overflow, Underflow):
        raise Invalid("Number overflow. Attempting to store a number with magnitude larger than supported") from None
    except DecimalException:
        raise Invalid(f"The parameter cannot be converted to a numeric value: {text}") from None


def _number_text(number: Decimal) -> str:
    text = format(number.normalize(_NUMBER_CONTEXT), "f")
    return "0" if text == "-0" else text


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _size(typed: Typed) -> int:
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return _text_size(str(value))
        case "N":
            # One byte for two significant digits, and one more byte. The documentation calls this approximate.
            digits = str(value).lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + int(value[0] == "-")
        case "B":
            return len(bytes(value))
        case "L":
            return 3 + sum([1 + _size(element) for element in value])
        case "M":
            return 3 + sum([1 + _text_size(name) + _size(element) for name, element in value.items()])
    return 1
