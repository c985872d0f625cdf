"""Parts of bodies that several platforms need, also those that arrive in another shape than documented.

PHP writes an empty object as a list, and a list with gaps as an object; plugins write what they like. An optional part
that has another shape counts as missing. A required one does not: a total that is not a number is an error.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, GetPydanticSchema, ValidationError
from pydantic_core import CoreSchema, core_schema

from shopwire.errors import InvalidValue, Unreadable
from shopwire.models.base import Amount

T = TypeVar("T")


class Body(BaseModel):
    """Base of a platform's body models: unknown fields are skipped, and a number may stand where text is documented."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


def _missing_if_odd(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return core_schema.with_default_schema(handler(source), default=None, on_error="default")


Part = Annotated[T | None, GetPydanticSchema(_missing_if_odd)]
"""An optional part. Another shape than documented counts as missing."""

MoneyOrEmpty = Amount | Literal[""] | None
"""An amount that may be missing. Text that is no amount is an error: taking it for 0 would make a wrong total."""


def _values_of_php_list(value: Any) -> Any:
    # PHP's json_encode writes a list whose keys have gaps as an object with the keys "0", "2", ...
    if isinstance(value, dict) and value and all(isinstance(key, str) and key.isdigit() for key in value):
        return list(value.values())
    return value


PhpList = Annotated[list[T], BeforeValidator(_values_of_php_list)]
"""A list that PHP may have written as an object, because its keys had gaps."""


def amount(part: MoneyOrEmpty) -> Decimal | None:
    """Return the amount; None for an empty text."""
    return part if isinstance(part, Decimal) else None


def unreadable(error: ValidationError | InvalidValue) -> Unreadable:
    """Return our error for pydantic's or a model's: the field and the kind of error, never the value."""
    if isinstance(error, InvalidValue):
        return Unreadable(error.field, error.problem)
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return Unreadable(".".join(str(part) for part in first["loc"]) or "body", first["type"])


def one_line(parts: Iterable[str | None]) -> str | None:
    """Return an address as one line of text, made of the parts that are not blank."""
    return ", ".join(text for part in parts if part and (text := part.strip())) or None
