"""Parts of bodies that several platforms need, also those that arrive in another shape than documented.

PHP writes an empty object as a list, and a list with gaps as an object. Plugins write anything. An optional part that
has another shape counts as missing. A required one does not: a total that is not a number is an error. `repair` says
what `parse` does about the rest.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
    ValidationError,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from shopwire.errors import InvalidValue, Unreadable
from shopwire.models import Rank, Reason, Status, Webhook
from shopwire.models.base import Amount, Moment
from shopwire.models.text import readable
from shopwire.platforms.repair import OTHER_RESOURCE, entries_of, repaired

_MAX_REPAIRS = 3  # what hides behind one problem is found after its repair

T = TypeVar("T")


class Body(BaseModel):
    """Base of a platform's body models. Unknown fields are skipped. A number is accepted where text is documented."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)
    is_repaired: ClassVar[bool] = True
    """Whether `parse` repairs what is odd in such a body."""


B = TypeVar("B", bound=Body)


class ExactBody(Body):
    """Base of a body that must have exactly the documented fields, because its topic destroys something.

    The topic is not signed, so the shape of the signed body is the only proof of what the platform said.
    """

    model_config = ConfigDict(extra="forbid")
    is_repaired = False


def _missing_if_odd(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return core_schema.with_default_schema(handler(source), default=None, on_error="default")


Part = Annotated[T | None, GetPydanticSchema(_missing_if_odd)]
"""An optional part. Another shape than documented counts as missing."""


def _of_other_resource(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return core_schema.custom_error_schema(
        core_schema.none_schema(), OTHER_RESOURCE, custom_error_message="a field of another resource"
    )


Absent = Annotated[None, GetPydanticSchema(_of_other_resource)]
"""A field that only another resource has. A body that has it came under the wrong topic: topics are not signed."""

Code = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True)] | None
"""The code of a currency or a country, in capital letters without blanks."""

MoneyOrEmpty = Amount | Literal[""] | None
"""An amount that may be missing. Other text is an error, because counting it as 0 would make a wrong total."""


def _values_of_php_list(value: Any) -> Any:
    entries = entries_of(value)
    return value if entries is None else entries


PhpList = Annotated[list[T], BeforeValidator(_values_of_php_list)]
"""A list that PHP may have written as an object, because its keys had gaps. `parse` reads every list like this. It is
needed only within a `Part`."""


def _left_out_if_odd(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return core_schema.with_default_schema(handler(source), on_error="omit")


Parts = Part[PhpList[Annotated[T, GetPydanticSchema(_left_out_if_odd)]]]
"""An optional list of parts. Entries of another shape are left out."""


def _missing_if_empty_list(value: Any) -> Any:
    return None if value == [] else value


PhpObject = Annotated[T | None, BeforeValidator(_missing_if_empty_list)]
"""An object that PHP writes as an empty list if it has no fields, and that is missing then.

Unlike `Part`, another shape is an error. Use it where counting an odd value as missing would make a wrong total.
"""


def moment_of_php_date(value: Any) -> Any:
    """Return the moment of PHP's date object, as text or as a datetime. Any other value is returned as it is.

    Raises:
        PydanticCustomError: it is not a date in a known time zone.
    """
    # PHP's json_encode writes a DateTime as
    # {"date": "2026-11-26 18:00:00.000000", "timezone_type": 3, "timezone": "UTC"}.
    if not (isinstance(value, dict) and isinstance(value.get("date"), str)):
        return value
    zone = value.get("timezone")
    if zone in ("UTC", "Z", "GMT"):
        return f"{value['date']}Z"
    if not isinstance(zone, str) or zone[:1] in ("+", "-"):
        return f"{value['date']}{zone or ''}"
    from zoneinfo import ZoneInfo  # few webhooks need it, and it takes time to import

    try:
        return datetime.fromisoformat(value["date"]).replace(tzinfo=ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("time_zone_or_date", "not a date in a known time zone") from None


PhpMoment = Annotated[Moment, BeforeValidator(moment_of_php_date)]
"""A moment as PHP writes a date: an object of the local time and the name or the offset of its time zone."""


RANKS = {
    Status.INITIALIZED: Rank.CREATED,
    Status.IN_PROGRESS: Rank.PAID,
    Status.DELIVERED: Rank.DELIVERED,
    Status.CANCELLED: Rank.CLOSED,
}
"""The rank of an order of which only the status is known, as with a status of `shop.statuses`."""


def amount(part: MoneyOrEmpty) -> Decimal | None:
    """Return the amount; None for an empty text."""
    return part if isinstance(part, Decimal) else None


def parse(model: type[B], body: bytes) -> B:
    """Return the body as a model. What is odd in it is repaired (`repair`), unless its topic destroys something.

    Raises:
        Unreadable: it is not such a body.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        problem = error
    for _ in range(_MAX_REPAIRS if model.is_repaired else 0):
        fixed = repaired(body, problem)
        if fixed is None:
            break
        try:
            return model.model_validate_json(fixed)
        except ValidationError as error:
            body, problem = fixed, error
    raise unreadable(problem) from None


def unreadable(error: ValidationError | InvalidValue) -> Unreadable:
    """Return our error in place of pydantic's or a model's: the field and the kind of error, never the value."""
    if isinstance(error, InvalidValue):
        return Unreadable(error.field, error.problem)
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path, problem = first["loc"], first["type"]
    if problem == "extra_forbidden":
        path = path[:-1]  # the body chose the name of this field
    reason = Reason.TOPIC_MISMATCH if problem == OTHER_RESOURCE else None
    return Unreadable(".".join(str(part) for part in path) or "body", problem, reason)


def one_line(parts: Iterable[str | None]) -> str | None:
    """Return an address as one line of text, made of the parts that are not blank."""
    return ", ".join(text for part in parts if (text := readable(part))) or None


def received_at(webhook: Webhook) -> datetime:
    """Return when the call arrived: the version of an entity whose body has no time of change."""
    return datetime.fromtimestamp(webhook.received_at / 1000, UTC)


def with_fields(body: bytes, fields: Mapping[str, str]) -> bytes:
    """Return a body with other values of fields at its top, for `sign`.

    The fields are added at the end, because the last of two fields of the same name counts. So nothing else of the body
    changes. A body that is not a JSON object, or that has these values already (as text or as numbers), is returned as
    it is.
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(given, dict):
        return body
    added = {name: value for name, value in fields.items() if name not in given or str(given[name]) != value}
    if not added:
        return body
    text = json.dumps(added, ensure_ascii=False, separators=(",", ":"))[1:].encode("utf-8", "backslashreplace")
    return body.rstrip().removesuffix(b"}") + (b"," if given else b"") + text
