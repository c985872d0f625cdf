"""The parts of a request: params, money as text, JSON inside strings. What every event has in common is here.

The API's page: https://esputnik.com/en/support/how-to-send-orders-via-v1-event.
Nothing is ever sent as "", "null" or in a Python spelling of a value.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any

from pydantic_core import to_json

from shopwire.errors import Unmappable
from shopwire.mapper.api_rules import check_contact, check_event, check_size, is_key
from shopwire.models import Contact, Reason
from shopwire.models.base import MAX_DIGITS
from shopwire.models.order import half_up
from shopwire.models.text import readable, usable_link

Params = list[tuple[str, str]]

_EVENT_START = b'{"eventTypeKey":"'

# Params that people read in messages. Ids, numbers, dates, links and JSON are no text.
_TEXTS = frozenset(
    {
        *("firstName", "lastName", "statusDescription", "deliveryMethod", "paymentMethod", "deliveryAddress"),
        *("additionalInfo", "orderNumber", "trackingNumber", "carrier", "couponCode", "cancelReason", "search"),
    }
)
_LINKS = frozenset({"restoreUrl", "trackingUrl"})


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to the API: `path` below its root ("v1/event"), `body` the JSON bytes (empty for DELETE).

    `event`, `contact_with`, `contacts` and `order_resource` make those with a body.

    Args:
        revision: of the contact that it sends. Two requests with the same body and different revisions are two.

    Raises:
        Unmappable: the body is larger than the API accepts.
    """

    path: str
    body: bytes
    method: str = "POST"
    revision: int = 0

    def __post_init__(self) -> None:
        check_size(self.path, self.body)

    @property
    def event_type(self) -> str | None:
        """The type of the event; None for a request that is none. It is the first field of `event_body`."""
        if self.path != "v1/event":
            return None
        return self.body[len(_EVENT_START) : self.body.index(b'"', len(_EVENT_START))].decode()

    @property
    def digest(self) -> str:
        """16 hex digits that stand for the request."""
        return hashlib.sha256(f"{self.method} {self.path} {self.revision} ".encode() + self.body).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a plan.

    Args:
        sent: what the API has of the entity once it accepted the request; None if the request changes nothing of that.
    """

    request: ApiRequest
    sent: Mapping[str, str] | None = None


def event(event_type: str, key: str, params: Params) -> ApiRequest:
    """Return a v1/event request.

    Raises:
        Unmappable: the API would refuse or ignore it (`api_rules`).
    """
    check_event(event_type, key, params)
    return ApiRequest("v1/event", event_body(event_type, key, params))


def event_body(event_type: str, key: str, params: Params) -> bytes:
    """Return the body of a v1/event request."""
    return dump(
        {
            "eventTypeKey": event_type,
            "keyValue": key,
            "params": [{"name": name, "value": value} for name, value in params],
        }
    )


def contact_with(body: Mapping[str, Any]) -> ApiRequest:
    """Return a v1/contact request. Raises as `event`."""
    check_contact(body)
    return ApiRequest("v1/contact", dump(body))


def present(pairs: Iterable[tuple[str, str | None]]) -> Params:
    """Return the pairs that have a value, texts as people read them, links that can be opened. What the platform does
    not say is left out."""
    return [(name, text) for name, value in pairs if value and (text := _clean(name, value)) and not text.isspace()]


def _clean(name: str, value: str) -> str | None:
    if name in _TEXTS:
        return readable(value)
    return usable_link(value) if name in _LINKS else value


def prefixed(contact: Contact, id_prefix: str) -> Contact:
    """Return the contact as the API knows it: with the shop's `id_prefix` in front of its customer id.

    The ids of two shops that use one account of the API would otherwise mean the same customer. Every request with a
    contact is made of what this returns. What is recorded has the platform's own ids.
    """
    if not (id_prefix and contact.customer_id):
        return contact
    return replace(contact, customer_id=id_prefix + contact.customer_id)


def identifiers(contact: Contact) -> Params:
    """Return the params by which the API finds the contact. Only a customer's own id is an externalCustomerId.

    The API binds an externalCustomerId to one contact for good, so the address of a guest must never be one.
    """
    return present((("email", contact.email), ("phone", contact.phone), ("externalCustomerId", contact.customer_id)))


def contact_key(contact: Contact) -> str:
    """Return the keyValue of the contact's events: the first of e-mail, phone and customer id that the API accepts.

    Raises:
        Unmappable: nothing identifies a person.
    """
    if not contact.key:
        raise Unmappable(contact.unreachable_reason)
    values = (contact.email, contact.phone, contact.customer_id)
    return next((value for value in values if value and is_key(value)), None) or hashed_key(contact.key)


def hashed_key(value: str) -> str:
    """Return a keyValue in place of one that the API refuses: 32 hex digits of its hash."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def plain(amount: Decimal | None) -> str | None:
    """Return an amount as text with the digits that it was given with, never with an exponent, never "-0".

    Raises:
        Unmappable: its exponent is beyond 40, so that it would become a text without end. The models let no such
            amount pass.
    """
    if amount is None:
        return None
    value = amount if amount else amount.copy_abs()
    text = str(value)
    if len(text) <= MAX_DIGITS and "E" not in text and amount.is_finite():
        return text  # nearly always, and in half of the time that the rest takes
    exponent = amount.as_tuple().exponent
    if not (isinstance(exponent, int) and -MAX_DIGITS <= exponent <= MAX_DIGITS):
        raise Unmappable(Reason.TOO_LARGE, "amount")
    # Of a zero, `format` would write each digit of a positive exponent.
    return format(value, "f") if amount or exponent <= 0 else "0"


def rounded(amount: Decimal, quantum: Decimal) -> Decimal:
    """Return the amount rounded half up to the currency's digits, as invoices do.

    Raises:
        Unmappable: it has more digits than the decimal context. The models let no such amount pass.
    """
    try:
        return half_up(amount, quantum)
    except InvalidOperation:
        raise Unmappable(Reason.TOO_LARGE, "amount") from None


def json_text(value: Any) -> str:
    """Return compact JSON of text, numbers, tuples and dicts. Decimals stay exact: the json module knows only
    floats. Raises as `plain`."""
    # For a text, json.dumps would create an encoder and then call the same function, a seventh of all mapping.
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Decimal):
        text = plain(value) or "0"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, dict):
        return "{" + ",".join([f"{encode_basestring(key)}:{json_text(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value)


def dump(body: Any) -> bytes:
    """Return the bytes that are sent: compact, letters not escaped. pydantic's writer takes a third of json's time."""
    return to_json(body)


def digest(pairs: Sequence[tuple[str, str]]) -> str:
    """Return 16 hex digits that stand for the content of the pairs."""
    return hashlib.sha256(dump(pairs)).hexdigest()[:16]
