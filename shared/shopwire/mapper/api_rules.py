"""The API's rules, checked when a request is made: one that the API would refuse or ignore cannot be made.

The size is that of the bytes that are sent. The rest is checked on what these bytes are written of, because reading
them again would take a tenth of the time of all mapping.

The mapper prevents all of it beforehand: it chooses another key, shortens texts, leaves out names. What is found here
is a mistake of the mapper or of a platform, and the webhook is parked with the name of what is wrong.

Sources: https://esputnik.com/en/support/how-to-send-orders-via-v1-event for v1/event and its event types, and
https://docs.yespo.io for sizes, characters and the names of contacts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shopwire.errors import Unmappable
from shopwire.models import Reason, Status
from shopwire.models.name import is_name

MAX_BODY_BYTES = 20_000
"""The API refuses an event whose body is larger. No limit is documented for v1/orders."""
ORDERS_PATH = "v1/orders"
MAX_KEY_LENGTH = 300
_MAX_NAME_LENGTH = 100
_is_phone = re.compile(r"[0-9]{5,15}").fullmatch
_FORBIDDEN_IN_KEY = frozenset("<;'\\/|\"`^?!,>")

IDENTIFIERS = ("email", "phone", "externalCustomerId")
"""The params by which the API finds the contact of an event."""

_ORDER = ("externalOrderId", "totalCost", "status", "date", "currency")
_ORDER_NUMBERS = ("totalCost", "shipping", "discount", "taxes")
ORDER_TEXTS = frozenset(
    {
        *IDENTIFIERS,
        *("externalOrderId", "status", "date", "currency", "firstName", "lastName", "restoreUrl", "statusDescription"),
        *("storeId", "source", "deliveryMethod", "paymentMethod", "deliveryAddress"),
    }
)
"""The fields of v1/orders that are text (docs.yespo.io/reference/ordersbulkinsert-1). It has a fixed set of fields."""
_REQUIRED = {
    "orderCreated": _ORDER,
    "orderUpdated": _ORDER,
    "orderDelivered": ("externalOrderId",),
    "orderCancelled": ("externalOrderId",),
    "cartUpdated": ("recycleStateId",),
    "pageViewed": ("page",),
    "productViewed": ("product",),
    "productCategoryViewed": ("category",),
    "productAddedToWishlist": ("product",),
    "searchRequest": ("search",),
}


def is_key(value: str) -> bool:
    """Return whether the API accepts this text as keyValue."""
    return 0 < len(value) <= MAX_KEY_LENGTH and _FORBIDDEN_IN_KEY.isdisjoint(value)


def check_size(path: str, body: bytes) -> None:
    """Check the size of the bytes that are sent.

    Raises:
        Unmappable: they are too many.
    """
    if len(body) > MAX_BODY_BYTES and path != ORDERS_PATH:
        raise Unmappable(Reason.TOO_LARGE, "body")


def check_event(event_type: str, key: str, params: Sequence[tuple[str, str]]) -> None:
    """Check what a v1/event request is written of.

    Raises:
        Unmappable: a required param is missing, or a value breaks a rule. The field is the param's name, or the name of
            the field beside the params.
    """
    required = _REQUIRED.get(event_type)
    if required is None:
        raise _broken("eventTypeKey")
    if not is_key(key):
        raise _broken("keyValue")
    names = set()
    for name, value in params:
        if name in names or len(name) > _MAX_NAME_LENGTH or not value or value.isspace():
            raise _broken(name)
        names.add(name)
    if names.isdisjoint(IDENTIFIERS):
        raise Unmappable(Reason.INCOMPLETE, "email")
    for name in required:
        if name not in names:
            raise Unmappable(Reason.INCOMPLETE, name)


def check_order(order: Mapping[str, Any]) -> None:
    """Check an order of v1/orders, as its JSON is read.

    It is read again, unlike an event, because a shop that does not use v1/orders does not pay for that.

    Raises:
        Unmappable: a required field is missing, or a value breaks a rule. The field is its name.
    """
    for name in _ORDER:
        if name not in order:
            raise Unmappable(Reason.INCOMPLETE, name)
    if order.keys().isdisjoint(IDENTIFIERS):
        raise Unmappable(Reason.INCOMPLETE, "email")
    for name, value in order.items():
        if not _is_order_field(name, value):
            raise _broken(name)
    if order["totalCost"] < 0:
        raise _broken("totalCost")
    if order["status"] not in Status.__members__:
        raise _broken("status")
    if "phone" in order and not _is_phone(order["phone"]):
        raise _broken("phone")
    _check_names(order)
    for item in order.get("items", ()):
        for name, is_valid in (("externalItemId", _is_text), ("quantity", _is_number)):
            if not is_valid(item.get(name)):
                raise Unmappable(Reason.INCOMPLETE, f"items.{name}")


def _is_order_field(name: str, value: Any) -> bool:
    if name in _ORDER_NUMBERS:
        return _is_number(value)
    if name == "items":
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    if name == "additionalInfo":
        return isinstance(value, dict) and all(map(_is_text, value.values()))
    return name in ORDER_TEXTS and _is_text(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and not value.isspace()


def check_contact(contact: Mapping[str, Any]) -> None:
    """Check what a v1/contact request is written of. Raises as `check_event`."""
    if not contact["channels"]:
        raise Unmappable(Reason.ANONYMOUS)
    for channel in contact["channels"]:
        if channel["type"] == "sms" and not _is_phone(channel["value"]):
            raise _broken("phone")
    _check_names(contact)


def _check_names(person: Mapping[str, Any]) -> None:
    for name in ("firstName", "lastName"):
        if name in person and not is_name(person[name], is_first=name == "firstName"):
            raise _broken(name)


def _broken(field: str) -> Unmappable:
    return Unmappable(Reason.BREAKS_API_RULE, field)
