"""What every model shares: frozen, closed to unknown fields, money as Decimal, time with a zone."""

import decimal
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
"""A platform's own id: always text, since many exceed 2^53."""

Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=40)]
"""An amount of money in major units, with the digits that the platform gave."""

Quantity = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=40)]
"""How many of something: parts of one exist (cloth, cheese), numbers that fill the memory when written out don't."""

Moment = AwareDatetime
"""A point in time with its offset."""


class Model(BaseModel):
    """Base of all models."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def milliseconds(moment: datetime) -> int:
    """UTC milliseconds since 1970, exact (float seconds would lose digits)."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1000 + moment.microsecond // 1000


# Amounts of up to 40 digits are added, multiplied and rounded exactly; Python's default of 28 digits would round a
# 30-digit one without a word. Threads take theirs from DefaultContext.
for _context in (decimal.DefaultContext, decimal.getcontext()):
    _context.prec = 60
