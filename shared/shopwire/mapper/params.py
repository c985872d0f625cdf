"""The pieces of a request: parameters, money as text, JSON inside strings. What holds for every event is here.

The API's page: https://esputnik.com/en/support/how-to-send-orders-via-v1-event. Pure. Nothing is ever sent as "",
"null" or a Python spelling of a value.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pydantic_core import to_json

from shopwire.models import Contact

Params = list[tuple[str, str]]


class Unmappable(Exception):
    """A change that no request can be made of. The text says why and holds no value of the change."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to the API: `path` below its root ("v1/event"), `body` the JSON bytes (empty for DELETE)."""

    path: str
    body: bytes
    method: str = "POST"


def event(event_type: str, key: str, params: Params) -> ApiRequest:
    """A v1/event request."""
    body = {
        "eventTypeKey": event_type,
        "keyValue": key,
        "params": [{"name": name, "value": value} for name, value in params],
    }
    return ApiRequest("v1/event", dump(body))


def present(pairs: Iterable[tuple[str, str | None]]) -> Params:
    """The pairs that say something: what the platform does not say is left out."""
    return [(name, value) for name, value in pairs if value and not value.isspace()]


def identifiers(contact: Contact) -> Params:
    """The params by which the API finds the contact (its page lists their names)."""
    found = present((("email", contact.email), ("phone", contact.phone)))
    return found or present((("contactKey", contact.customer_id),))


def contact_key(contact: Contact) -> str:
    """The contact's key.

    Raises:
        Unmappable: there is nothing that names a person.
    """
    if not contact.key:
        raise Unmappable("anonymous")
    return contact.key


def plain(amount: Decimal | None) -> str | None:
    """An amount as text with the digits that it was given with, never in exponent form, never "-0"."""
    if amount is None:
        return None
    return format(amount if amount else amount.copy_abs(), "f")


def rounded(amount: Decimal, quantum: Decimal) -> Decimal:
    """Rounded half up to the currency's digits, as invoices do."""
    return amount.quantize(quantum, rounding=ROUND_HALF_UP)


def json_text(value: Any) -> str:
    """Compact JSON of text, numbers, tuples and dicts, with Decimals exact (the json module knows only floats)."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Decimal):
        text = plain(value) or "0"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, dict):
        return "{" + ",".join([f"{_quoted(key)}:{json_text(one)}" for key, one in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value)


# Made once: json.dumps makes an encoder for every call that asks for readable letters (a seventh of all mapping).
_quoted = json.JSONEncoder(ensure_ascii=False).encode


def dump(body: Any) -> bytes:
    """The bytes that go over the wire: compact, letters as they are. pydantic's writer takes a third of json's time."""
    return to_json(body)


def digest(pairs: Sequence[tuple[str, str]]) -> str:
    """16 hex digits that stand for what the pairs say."""
    return hashlib.sha256(dump(pairs)).hexdigest()[:16]
