"""Make a sample look as if it happened just now: with another id, other tokens and today's dates.

The text is edited, so that the platform's own spelling (escapes, spaces, long numbers) survives. Everything else stays
byte for byte.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from pydantic_core import from_json

from shopwire.platforms.base import SampleFields
from shopwire_testkit.samples import changed_at, value_at

_MOMENT = re.compile(rb'(?<=")(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?=(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d)?")')
_RFC_2822_MOMENT = re.compile(rb'(?<=")([A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4})(?=")')
# Seconds since 1970. An id may have as many digits, so the name of the field must say that it is a time.
_UNIX_NAMES = (r"\w+_at", r"\w*[tT]imestamp")
# A shorter number may be a price or a quantity, so it is replaced only where a field's name says that it is an id.
_LONG_NUMBER_DIGITS = 10


class NotRefreshable(ValueError):
    """The body cannot be made fresh. The text says which field is missing, or was not changed."""


def refresh(body: bytes, fields: SampleFields, now: int, number: int = 0) -> bytes:
    """Return the body with other ids and with its dates moved to now.

    Args:
        fields: where the platform's bodies hold ids and the time of the last change.
        now: UTC milliseconds. The last change is moved to this moment, in whole seconds.
        number: a different one, below 1000, for each body of the same moment.

    Raises:
        NotRefreshable: the body is not a JSON object, or has none of the fields, or one of them stays as it was.
    """
    try:
        parsed = from_json(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise NotRefreshable("the body is not a JSON object")
    ids = {path: value for path in fields.ids if is_id(value := value_at(parsed, path))}
    changed = changed_at(parsed, fields)
    if not ids and changed is None:
        if fields.every_call_is_new:
            return body
        named = ", ".join((*fields.ids, *fields.changed))
        raise NotRefreshable(f"the body has none of the fields that name or date its entity ({named})")
    fresh = with_change_at(body, fields, changed, now // 1000) if changed else body
    for old in dict.fromkeys(ids.values()):
        fresh = with_other_id(fresh, old, f"{now}{number:03d}", fields)
    parsed = from_json(fresh)
    stayed = [path for path, old in ids.items() if value_at(parsed, path) == old]
    if changed and int(changed.timestamp()) != now // 1000 and changed_at(parsed, fields) == changed:
        stayed += fields.changed
    if stayed:
        raise NotRefreshable(f"the value of {', '.join(stayed)} could not be replaced")
    return fresh


def refresh_with_answers(
    body: bytes, answers: Mapping[str, bytes | None], fields: SampleFields, now: int, number: int = 0
) -> tuple[bytes, dict[str, bytes | None]]:
    """Return a body and the answers of the platform's API, made fresh together.

    Args and errors as for `refresh`. `answers` is empty if the body carries the state.
    """
    if not answers:
        return refresh(body, fields, now, number), {}
    return separated(refresh(joined(body, answers), fields_of_joined(fields), now, number))


def joined(body: bytes, answers: Mapping[str, bytes | None]) -> bytes:
    """Return one JSON object of `body` and `answers`, so that both are changed together."""
    named = b",".join(json.dumps(name).encode() + b":" + (answer or b"null") for name, answer in answers.items())
    return b'{"body":%b,"answers":{%b}}' % (body, named)


def separated(whole: bytes) -> tuple[bytes, dict[str, bytes | None]]:
    """Return the body and the answers that `joined` put into one object."""
    parsed = from_json(whole)
    answers = {
        name: None if answer is None else json.dumps(answer).encode() for name, answer in parsed["answers"].items()
    }
    return json.dumps(parsed["body"], separators=(",", ":")).encode(), answers


def fields_of_joined(fields: SampleFields) -> SampleFields:
    """Return where an object that `joined` made holds ids and times."""
    return SampleFields(
        ids=tuple(f"body.{path}" for path in fields.ids), changed=tuple(f"body.{path}" for path in fields.changed)
    )


def is_id(value: Any) -> bool:
    """Return True for a value that names an entity and can be replaced in the text."""
    # What stands between two texts of the JSON, such as `": "`, would look like an id that begins with these signs.
    begins_as_json = isinstance(value, str) and value[:1] in {*" \t\r\n:,]}"}
    return isinstance(value, str | int) and not isinstance(value, bool) and bool(value) and not begins_as_json


def with_change_at(body: bytes, fields: SampleFields, changed: datetime, seconds: int) -> bytes:
    """Return the body with its dates moved so that its last change happened at this second.

    Args:
        changed: when the body says that it changed.
        seconds: UTC seconds.
    """
    # The written times are local. If the time zone has summer time, the first move may be off by an hour.
    for _ in range(2):
        by = timedelta(seconds=seconds - int(changed.timestamp()))
        body = with_moved_dates(body, by, fields) if by else body
        changed = changed_at(from_json(body), fields) or changed
    return body


def with_moved_dates(body: bytes, by: timedelta, fields: SampleFields) -> bytes:
    """Return the JSON with all its dates moved by this time.

    Seconds since 1970 are a date in the fields of `fields.changed`, and where a field's name ends with "_at" or
    "timestamp".
    """
    names = (*_UNIX_NAMES, *(re.escape(path.rpartition(".")[2]) for path in fields.changed))
    unix_moment = re.compile(rf'("(?:{"|".join(names)})"\s*:\s*)(1[0-9]{{9}})(?![\d.])'.encode())

    def moved(match: re.Match[bytes]) -> bytes:
        written = match[1].decode()
        try:
            return (datetime.fromisoformat(written) + by).isoformat(sep=written[10]).encode()
        except (ValueError, OverflowError):
            return match[0]

    def moved_rfc_2822(match: re.Match[bytes]) -> bytes:
        try:
            return format_datetime(parsedate_to_datetime(match[1].decode()) + by).encode()
        except (ValueError, OverflowError):
            return match[0]

    body = _RFC_2822_MOMENT.sub(moved_rfc_2822, _MOMENT.sub(moved, body))
    return unix_moment.sub(lambda match: b"%b%d" % (match[1], int(match[2]) + round(by.total_seconds())), body)


def with_other_id(body: bytes, old: str | int, stamp: str, fields: SampleFields) -> bytes:
    """Return the body with another id in place of `old`, wherever it stands. `stamp` is digits, and becomes the id."""
    new = stamp if _is_number(old) else hashlib.sha256(f"{old}{stamp}".encode()).hexdigest()[:32]
    text = re.escape(str(old))
    if not _is_number(old):
        spellings = (json.dumps(old), json.dumps(old, ensure_ascii=False), json.dumps(old).replace("/", "\\/"))
        pattern = rf"(?:{'|'.join(map(re.escape, dict.fromkeys(spellings)))})(?!\s*:)"
        replacement = f'"{new}"'
    elif len(str(old).lstrip("-0")) >= _LONG_NUMBER_DIGITS:
        pattern, replacement = rf"(?<![\w.-]){text}(?![\w.-])", new
    else:
        names = "|".join(dict.fromkeys(re.escape(path.rpartition(".")[2]) for path in fields.ids))
        pattern, replacement = rf'("(?:{names}|\w+_id)"\s*:\s*"?){text}(?![\w.])', rf"\g<1>{new}"
    return re.sub(pattern.encode(), replacement.encode(), body)


def _is_number(id: str | int) -> bool:
    return isinstance(id, int) or (id.isascii() and id.isdigit())
