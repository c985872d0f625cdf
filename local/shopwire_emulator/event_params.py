"""The rules for the params of the event types that the API knows. Everything here is pure.

Sources: esputnik.com/en/support/how-to-send-orders-via-v1-event, docs.yespo.io/docs/how-send-events-resource-v1event
and docs.yespo.io/docs/site-activity-tracking-using-generate-events. Where they differ, the newer one counts.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from shopwire_emulator.errors import MissingParam, NotKept
from shopwire_emulator.shapes import (
    COUNT,
    FLAG,
    FLAT,
    NUMBER,
    TEXT,
    TEXTS,
    Shape,
    check_shape,
    list_of_objects,
    parse_param,
)

Params = Mapping[str, str]

STATUSES = frozenset({"INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"})
TRANSITIONS: Mapping[str, str] = {"orderDelivered": "DELIVERED", "orderCancelled": "CANCELLED"}
"""Event type -> the status that it sets, whatever its params say."""
ORDER_TYPES = frozenset({"orderCreated", "orderUpdated", *TRANSITIONS})
ORDER_PARAMS = ("externalOrderId", "totalCost", "status", "date", "currency")
"""Params without which no order is created. The newer pages require `currency`."""
ORDER_IDENTIFIERS = ("externalCustomerId", "email", "phone")
"""One of them is required too, under exactly this name."""
ITEM: Shape = {
    "externalItemId": TEXT,
    "quantity": NUMBER,
    **dict.fromkeys(("name", "category", "url", "imageUrl", "description"), TEXT.optional()),
}
_AMOUNT = re.compile(r"\d+(\.\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_CART_STATE_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
# The order pages list more fields as required "for messages and segments". Without its cost an item is of no use in
# either; what else a platform's webhook does not say cannot be required here.
_EVENT_ITEM: Shape = {**ITEM, "cost": NUMBER}
_PRODUCT: Shape = {
    "productId": TEXT,
    "quantity": COUNT,
    "price": NUMBER,
    **dict.fromkeys(("name", "category", "discount"), TEXT.optional()),
}
_VIEWED_PRODUCT: Shape = {"productId": TEXT, "price": NUMBER, "isInStock": FLAG.optional()}
_OBJECTS: Mapping[str, tuple[str, Shape]] = {
    "pageViewed": ("page", {"location": TEXT}),
    "productViewed": ("product", _VIEWED_PRODUCT),
    "productCategoryViewed": ("category", {"productCategoryId": TEXT}),
    "productAddedToWishlist": ("product", _VIEWED_PRODUCT),
}
"""Event type -> the param with its data, and the shape of that JSON object."""


def required_params(event_type: str, *, order_exists: bool) -> tuple[str, ...]:
    """Return the names of the params without which the API ignores an event, besides one that identifies its contact.

    Args:
        order_exists: whether the API has the order of the event.
    """
    if event_type in TRANSITIONS or (event_type == "orderUpdated" and order_exists):
        return ("externalOrderId",)
    if event_type in ORDER_TYPES:
        return ORDER_PARAMS
    if event_type in _OBJECTS:
        return (_OBJECTS[event_type][0],)
    return {"cartUpdated": ("recycleStateId",), "searchRequest": ("search",)}.get(event_type, ())


def check_required(event_type: str, params: Params, *, order_exists: bool) -> None:
    """Check that the required params are there.

    Raises:
        MissingParam.
    """
    required = required_params(event_type, order_exists=order_exists)
    for name in required:
        if name not in params:
            raise MissingParam(f"{name} is missing")
    if required == ORDER_PARAMS and params.keys().isdisjoint(ORDER_IDENTIFIERS):
        raise MissingParam(f"one of {', '.join(ORDER_IDENTIFIERS)} is missing")


def check_values(event_type: str, params: Params) -> None:
    """Check the values of an event's params, all required ones of which are there.

    Raises:
        NotKept.
    """
    if event_type in ORDER_TYPES:
        _check_order(params)
    elif event_type in _OBJECTS:
        _check_object(event_type, params)
    elif check := _CHECKS.get(event_type):
        check(params)


def _check_order(params: Params) -> None:
    if params.get("status", "INITIALIZED") not in STATUSES:
        raise NotKept("status is not one of the API's statuses")
    if "totalCost" in params and not _AMOUNT.fullmatch(params["totalCost"]):
        raise NotKept("totalCost is not a plain amount")
    if "date" in params:
        check_date("date", params["date"])
    if "items" in params:
        for item in list_of_objects("items", parse_param("items", params["items"])):
            check_shape("items", item, _EVENT_ITEM, extra=FLAT)


def _check_cart(params: Params) -> None:
    if not _CART_STATE_ID.fullmatch(params["recycleStateId"]):
        raise NotKept("recycleStateId is not 1 to 64 letters, digits and dashes")
    if "products" in params:
        for product in list_of_objects("products", parse_param("products", params["products"])):
            check_shape("products", product, _PRODUCT, extra=TEXTS)


def _check_search(params: Params) -> None:
    if params.get("isFound", "0") not in ("0", "1"):
        raise NotKept("isFound is not 0 or 1")


def _check_object(event_type: str, params: Params) -> None:
    name, shape = _OBJECTS[event_type]
    value = parse_param(name, params[name])
    if not isinstance(value, dict):
        raise NotKept(f"{name} is not a JSON object")
    check_shape(name, value, shape, extra=TEXTS if name == "product" else FLAT)


_CHECKS: Mapping[str, Callable[[Params], None]] = {"cartUpdated": _check_cart, "searchRequest": _check_search}


def check_date(name: str, text: str) -> None:
    """Check a date and time of ISO 8601, with or without an offset.

    Raises:
        NotKept.
    """
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text)
    except ValueError:
        raise NotKept(f"{name} is not ISO 8601") from None
