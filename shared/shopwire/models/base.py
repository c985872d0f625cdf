"""What the models share: money as Decimal, time with a zone, text that may be an id.

The platforms' bodies are validated by pydantic; the models made of them are plain dataclasses, since validating every
value a second time was an eighth of a webhook's processor time. What no body can promise is checked here.
"""

import decimal
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
"""A platform's own id: always text, since many exceed 2^53."""

MOST_DIGITS = 40
Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=MOST_DIGITS)]
"""An amount of money in major units, or a quantity, with the digits that the platform gave."""

Moment = AwareDatetime
"""A point in time with its offset."""


class BadValue(ValueError):
    """A value that no model may hold. The text names the field and what is wrong, never the value."""


def check_digits(**amounts: Decimal | None) -> None:
    """Amounts that were worked out, or whose digits nobody counted yet: written out, some fill the memory.

    Raises:
        BadValue: more than 40 digits.
    """
    for name, amount in amounts.items():
        if amount is not None and (
            not -MOST_DIGITS < amount.adjusted() < MOST_DIGITS or len(str(amount)) > MOST_DIGITS + 2
        ):
            raise BadValue(f"{name}: decimal_max_digits")  # as pydantic says it of a body


def check_id(**ids: str | None) -> None:
    """Ids that no body validated: part of a key of the table.

    Raises:
        BadValue: blank, or of more than 255 characters.
    """
    for name, id in ids.items():
        if id is not None and not (id and not id.isspace() and len(id) <= 255):
            raise BadValue(f"{name}: blank or too long")


def first(values: Iterable[str | None]) -> str | None:
    """The first that is neither missing nor blank, trimmed."""
    for value in values:
        if value and (text := value.strip()):
            return text
    return None


def milliseconds(moment: datetime) -> int:
    """UTC milliseconds since 1970, exact (float seconds would lose digits)."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1000 + moment.microsecond // 1000


# Amounts of up to 40 digits are added, multiplied and rounded exactly; Python's default of 28 digits would round a
# 30-digit one without a word. Threads take theirs from DefaultContext.
for _context in (decimal.DefaultContext, decimal.getcontext()):
    _context.prec = 60
