"""What is wrong with a body, in words for the engineer who sends it: every mistake with its field, never a value."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from shopwire.errors import UNKNOWN_FIELD, InvalidBody, Mistake, Unreadable

B = TypeVar("B", bound=BaseModel)

_MAX_MISTAKES = 100
# A name that the body chose is repeated only if it looks like the name of a field, and not like a person's data.
_is_field_name = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}").fullmatch

_TEXTS = {
    "missing": "is missing",
    UNKNOWN_FIELD: "is no field of this type",
    "json_invalid": "is not JSON",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "unreadable_id": "must be an id: not 0, and not only blanks",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "decimal_type": 'must be a number, best as text, like "1250.50"',
    "decimal_parsing": 'must be a number, best as text, like "1250.50"',
    "decimal_max_digits": "must have at most 40 digits",
    "finite_number": "must be a number",
    "greater_than": "must be more than 0",
    "greater_than_equal": "must not be negative",
    "timezone_aware": "must have an offset, like +02:00 or Z",
    "datetime_parsing": "must be a time that exists",
    "datetime_from_date_parsing": "must be a time that exists",
}
_PATTERNS = {"currency": "must be the code of a currency, three letters", "token": "must be printable ASCII without @"}


def parse(model: type[B], body: bytes) -> B:
    """Return the body as a model.

    Raises:
        InvalidBody: it has mistakes. All of them are in the error.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise InvalidBody(list(_mistakes(error, model))) from None


def invalid(error: Unreadable) -> InvalidBody:
    """Return the error of a model that checks what no field shows, as one that the sender can correct."""
    return InvalidBody([Mistake(error.field, _readable(error.problem), error.problem)])


def _mistakes(error: ValidationError, model: type[BaseModel]) -> Iterator[Mistake]:
    for found in error.errors(include_url=False, include_input=False)[:_MAX_MISTAKES]:
        path, kind = list(found["loc"]), found["type"]
        text = _text(kind, path, found)
        if kind == UNKNOWN_FIELD:
            if _is_field_name(str(path[-1])):
                text += _suggestion(path, model)
            else:
                path[-1] = "(unknown)"
        yield Mistake(".".join(map(str, path)) or "body", text, kind)


def _suggestion(path: list[Any], model: type[BaseModel]) -> str:
    """Return the field that the sender probably meant: a name beside it that is alike, or the same name further up.

    For a name at the top, the same name in a part counts too.
    """
    from difflib import get_close_matches  # only a wrong body needs it

    *parents, name = (str(part) for part in path if isinstance(part, str))
    places = list(_places(model))
    beside = {_plain(place[-1]): place[-1] for place in places if list(place[:-1]) == parents}
    if alike := get_close_matches(_plain(name), beside, n=1, cutoff=0.75):
        return f"; did you mean `{beside[alike[0]]}`?"
    for place in places:
        is_reachable = not parents or list(place[:-1]) == parents[: len(place) - 1]
        if is_reachable and _plain(place[-1]) == _plain(name):
            return f"; did you mean `{'.'.join(place)}`?"
    return ""


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _places(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the path of each field of a model and of its parts, without the numbers of lists."""
    for name, field in model.model_fields.items():
        place = (*path, name)
        yield place
        for part in _models_in(field.annotation):
            yield from _places(part, place)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _text(kind: str, path: list[Any], found: Any) -> str:
    if kind in ("enum", "literal_error"):
        return f"must be {found['ctx']['expected']}".replace("'", "")
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(path[-1]).rpartition("_")[2], "has a character that is not allowed")
    # The texts of our own checks are in the error. They name no value.
    return _TEXTS.get(kind) or str(found["msg"])


def _readable(problem: str) -> str:
    return _TEXTS.get(problem) or problem.replace("_", " ")
