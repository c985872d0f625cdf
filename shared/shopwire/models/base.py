"""What the models share: money as Decimal, moments with an offset, ids as text.

pydantic validates the platforms' bodies. The models made of them are plain dataclasses, because validating each value a
second time was an eighth of a webhook's CPU time. The models check only what no body model has checked.
"""

import decimal
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from shopwire.errors import InvalidValue

MAX_ID_LENGTH = 255
Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ID_LENGTH)]
"""A platform's own id. It is always text, because many ids exceed 2^53."""

MAX_DIGITS = 40
Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=MAX_DIGITS)]
"""An amount of money in major units, or a quantity, with the digits that the platform gave."""

Moment = AwareDatetime
"""A point in time with its offset from UTC."""


def check_digits(**amounts: Decimal | None) -> None:
    """Check amounts that were calculated, or whose digits no body model counted.

    Written out in full, an amount such as 1e999999 would fill the memory.

    Raises:
        InvalidValue: an amount has more than 40 digits.
    """
    for name, amount in amounts.items():
        if amount is not None and (
            not -MAX_DIGITS < amount.adjusted() < MAX_DIGITS or len(str(amount)) > MAX_DIGITS + 2
        ):
            raise InvalidValue(name, "decimal_max_digits")  # pydantic's name for the same problem


def check_id(**ids: str | None) -> None:
    """Check ids that become part of a key of the table and that no body model validated.

    Raises:
        InvalidValue: an id is blank or longer than 255 characters.
    """
    for name, id in ids.items():
        if id is not None and not (id and not id.isspace() and len(id) <= MAX_ID_LENGTH):
            raise InvalidValue(name, "blank_or_too_long")


def first(values: Iterable[str | None]) -> str | None:
    """Return the first value that is neither missing nor blank, trimmed."""
    for value in values:
        if value and (text := value.strip()):
            return text
    return None


def milliseconds(moment: datetime) -> int:
    """Return UTC milliseconds since 1970, exactly: seconds as a float would lose digits."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1000 + moment.microsecond // 1000


# Amounts of up to 40 digits are added, multiplied and rounded exactly. Python's default of 28 digits would silently
# round a 30-digit one. New threads copy their context from DefaultContext.
for _context in (decimal.DefaultContext, decimal.getcontext()):
    _context.prec = 60
