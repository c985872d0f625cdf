"""The API's rules, checked on the bytes of each request: one that the API would refuse or ignore cannot be made.

The mapper prevents all of it beforehand: it chooses another key, shortens texts, leaves out names. What is found here
is a mistake of the mapper or of a platform, and the webhook is parked with the name of what is wrong.

Sources: https://esputnik.com/en/support/how-to-send-orders-via-v1-event for v1/event and its event types, and
https://docs.yespo.io for sizes, characters and the names of contacts.
"""

import re
from typing import Any

from pydantic_core import from_json

from shopwire.errors import Unmappable
from shopwire.models import Reason
from shopwire.models.name import is_name

MAX_BODY_BYTES = 20_000
"""The API refuses an event whose body is larger."""
MAX_KEY_LENGTH = 300
_MAX_NAME_LENGTH = 100
_is_phone = re.compile(r"[0-9]{5,15}").fullmatch
_FORBIDDEN_IN_KEY = frozenset("<;'\\/|\"`^?!,>")

IDENTIFIERS = ("email", "phone", "externalCustomerId")
"""The params by which the API finds the contact of an event."""

_ORDER = ("externalOrderId", "totalCost", "status", "date", "currency")
_REQUIRED = {
    "orderCreated": _ORDER,
    "orderUpdated": _ORDER,
    "orderDelivered": ("externalOrderId",),
    "orderCancelled": ("externalOrderId",),
    "cartUpdated": ("recycleStateId",),
    "pageViewed": ("page",),
    "productViewed": ("product",),
    "productCategoryViewed": ("category",),
}


def is_key(value: str) -> bool:
    """Return whether the API accepts this text as keyValue."""
    return 0 < len(value) <= MAX_KEY_LENGTH and _FORBIDDEN_IN_KEY.isdisjoint(value)


def check(path: str, body: bytes) -> None:
    """Check the body of a request.

    Args:
        path: below the API's root, such as "v1/event". A request without a body has nothing to check.

    Raises:
        Unmappable: the body is too large, a required param is missing, or a value breaks a rule. The field is the
            param's name, or the name of the field beside the params.
    """
    if len(body) > MAX_BODY_BYTES:
        raise Unmappable(Reason.TOO_LARGE, "body")
    if path == "v1/event":
        _check_event(from_json(body))
    elif path == "v1/contact":
        _check_contact(from_json(body))


def _check_event(event: dict[str, Any]) -> None:
    required = _REQUIRED.get(event["eventTypeKey"])
    if required is None:
        raise _broken("eventTypeKey")
    if not is_key(event["keyValue"]):
        raise _broken("keyValue")
    names = set()
    for param in event["params"]:
        name, value = param["name"], param["value"]
        if name in names or len(name) > _MAX_NAME_LENGTH or not value or value.isspace():
            raise _broken(name)
        names.add(name)
    if names.isdisjoint(IDENTIFIERS):
        raise Unmappable(Reason.INCOMPLETE, "email")
    for name in required:
        if name not in names:
            raise Unmappable(Reason.INCOMPLETE, name)


def _check_contact(contact: dict[str, Any]) -> None:
    if not contact["channels"]:
        raise Unmappable(Reason.ANONYMOUS)
    for channel in contact["channels"]:
        if channel["type"] == "sms" and not _is_phone(channel["value"]):
            raise _broken("phone")
    for name in ("firstName", "lastName"):
        if name in contact and not is_name(contact[name], is_first=name == "firstName"):
            raise _broken(name)


def _broken(field: str) -> Unmappable:
    return Unmappable(Reason.BREAKS_API_RULE, field)
