"""What the models share: money as Decimal, moments with an offset, ids as text.

pydantic validates the platforms' bodies. The models made of them are plain dataclasses, because validating each value a
second time was an eighth of a webhook's CPU time. The models check only what no body model has checked.
"""

import decimal
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from shopwire.errors import InvalidValue
from shopwire.models.text import readable

MAX_ID_LENGTH = 255


def _checked_id(id: str) -> str:
    if id == "0" or "\ufffd" in id or readable(id) is None:
        raise PydanticCustomError("unreadable_id", "an id is 0, damaged, or nothing of it is visible")
    return id


Id = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ID_LENGTH),
    AfterValidator(_checked_id),
]
"""A platform's own id. It is always text, because many ids exceed 2^53."""

_TOKEN = r"[!-?A-~]([ -?A-~]{0,253}[!-?A-~])?"


def _without_key(token: Any) -> Any:
    # Shopify's Storefront API names a cart "gid://shopify/Cart/TOKEN?key=...", the storefront "TOKEN?key=...". Its
    # webhooks mostly have the token alone. The key opens the cart, and is no part of its name.
    return token.strip().removeprefix("gid://shopify/Cart/").partition("?key=")[0] if isinstance(token, str) else token


Token = Annotated[str, BeforeValidator(_without_key), StringConstraints(strip_whitespace=True, pattern=f"^{_TOKEN}$")]
"""The token of a cart: at most 255 printable characters of ASCII without "@", and no space at its ends. Events
contain it, and a hash of it is in keys and log lines."""

_CURRENCY = r"[A-Z]{3}"
Currency = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{3}$")]
"""The code of a currency: three capital letters, as in ISO 4217."""

MAX_DIGITS = 40
_TOO_MANY_DIGITS = "decimal_max_digits"  # pydantic's name for this problem


def has_too_many_digits(amount: Decimal) -> bool:
    """Return whether a number has more than 40 digits, or would have more than 40 before or after its point.

    This holds for zero too, because 0e-100000000 takes 100 MB when it is written out in full.
    """
    # Every number of every body is counted here. Text without an exponent shows its digits, at a sixth of the time
    # that pydantic's `max_digits` takes, which also ignores the exponent of zero.
    text = str(amount)
    if len(text) <= MAX_DIGITS and "E" not in text:
        return False
    # The longest text that passes has 40 digits, a sign, a point and "E-40". A longer one is not taken apart.
    if len(text) > MAX_DIGITS + 6:
        return True
    _, digits, exponent = amount.as_tuple()
    decimals = -exponent if isinstance(exponent, int) else MAX_DIGITS + 1  # neither is NaN a number
    return max(len(digits), decimals, amount.adjusted() + 1) > MAX_DIGITS


def _counted(amount: Decimal) -> Decimal:
    if has_too_many_digits(amount):
        raise PydanticCustomError(_TOO_MANY_DIGITS, "a number has at most 40 digits")
    return amount


Amount = Annotated[Decimal, Field(allow_inf_nan=False), AfterValidator(_counted)]
"""An amount of money in major units, or a quantity, with the digits that the platform gave. A JSON number keeps 17 of
them, text keeps all. It is the one type of the numbers in all bodies."""

Moment = AwareDatetime
"""A point in time with its offset from UTC."""


def check_amounts(**amounts: Decimal | None) -> None:
    """Check amounts that were calculated.

    Raises:
        InvalidValue: an amount has more than 40 digits, or would have more than 40 before or after its point.
    """
    for name, amount in amounts.items():
        if amount is not None and has_too_many_digits(amount):
            raise InvalidValue(name, _TOO_MANY_DIGITS)


def check_id(**ids: str | None) -> None:
    """Check ids and numbers of documents that the table stores and that no body model validated.

    Raises:
        InvalidValue: an id is blank or longer than 255 characters.
    """
    for name, id in ids.items():
        if id is not None and not (id and not id.isspace() and len(id) <= MAX_ID_LENGTH):
            raise InvalidValue(name, "blank_or_too_long")


def check_token(**tokens: str | None) -> None:
    """Check tokens of carts that no body model validated.

    Raises:
        InvalidValue: a token is not a `Token`.
    """
    for name, token in tokens.items():
        if token is not None and not _is_token(token):
            raise InvalidValue(name, "not_a_token")


def check_currency(currency: str | None) -> None:
    """Check the code of a currency that no body model validated.

    Raises:
        InvalidValue: it is not a `Currency`.
    """
    if currency is not None and not _is_currency(currency):
        raise InvalidValue("currency", "not_three_capital_letters")


_is_token = re.compile(_TOKEN).fullmatch
_is_currency = re.compile(_CURRENCY).fullmatch


def usable_id(value: str | None) -> str | None:
    """Return an optional id or number, trimmed; None if it is blank or longer than 255 characters.

    A cut one would name something else, and no order is worth less because of it, so it counts as missing.
    """
    value = value.strip() if value else None
    return value if value and len(value) <= MAX_ID_LENGTH else None


def usable_token(value: str | None) -> str | None:
    """Return the optional token of a cart, trimmed; None if it is none."""
    value = _without_key(value).strip() if value else None
    return value if value and _is_token(value) else None


def usable_currency(values: Iterable[str | None]) -> str | None:
    """Return the first of these optional currencies that is the code of one."""
    return next((value for value in values if value and _is_currency(value)), None)


def first(values: Iterable[str | None]) -> str | None:
    """Return the first value of which people can read something, trimmed."""
    for value in values:
        if value and (text := value.strip()) and readable(text):
            return text
    return None


def milliseconds(moment: datetime) -> int:
    """Return UTC milliseconds since 1970, exactly: seconds as a float would lose digits."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1000 + moment.microsecond // 1000


_CLOCK_TOLERANCE_MS = 600_000


def plausible(at: int, received_at: int) -> int:
    """Return a time of a body; the moment of receipt if it is more than 10 minutes later than that.

    A plugin writes the year 2647, or a shop its local time as UTC. Everything later would be older than such a time.

    Args:
        at, received_at: UTC ms.
    """
    return received_at if at > received_at + _CLOCK_TOLERANCE_MS else at


# Amounts of up to 40 digits are added, multiplied and rounded exactly. Python's default of 28 digits would silently
# round a 30-digit one. New threads copy their context from DefaultContext.
for _context in (decimal.DefaultContext, decimal.getcontext()):
    _context.prec = 60
