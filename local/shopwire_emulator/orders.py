"""The resource v1/orders: orders apart from events, kept without segmentation.

Sources: docs.yespo.io/docs/orders-automation and docs.yespo.io/reference/ordersbulkinsert-1. What is invalid is not
refused: the answer is 200 and lists the orders that failed.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shopwire_emulator.account import Account, JsonObject
from shopwire_emulator.contact_fields import check_email, check_name, check_phone
from shopwire_emulator.contacts import bind_customer, create_contact, find_contact, update_contact
from shopwire_emulator.errors import BadRequest, NotKept
from shopwire_emulator.event_params import ITEM, ORDER_IDENTIFIERS, STATUSES, check_date
from shopwire_emulator.shapes import NUMBER, TEXT, TEXT_VALUES, Field, Shape, check_shape, list_of_objects

_MAX_ORDERS = 1_000
_ITEM: Shape = {**ITEM, "cost": NUMBER.optional()}
_ORDER: Shape = {
    "externalOrderId": TEXT,
    "totalCost": NUMBER,
    "status": Field("one of the API's statuses", lambda value: isinstance(value, str) and value in STATUSES),
    "date": TEXT,
    "currency": TEXT,
    **dict.fromkeys((*ORDER_IDENTIFIERS, "firstName", "lastName"), TEXT.optional()),
    **dict.fromkeys(("shipping", "discount", "taxes"), NUMBER.optional()),
    **dict.fromkeys(("restoreUrl", "statusDescription", "storeId", "source"), TEXT.optional()),
    **dict.fromkeys(("deliveryMethod", "paymentMethod", "deliveryAddress"), TEXT.optional()),
    "additionalInfo": TEXT_VALUES.optional(),
    "items": Field("a list", lambda value: isinstance(value, list), required=False),
}
"""The API's fields of an order. It has no others ("Fixed fields that are determined by the specification")."""


def insert_orders(account: Account, body: Mapping[str, Any]) -> JsonObject:
    """Create or update orders, and the contacts that are missing (POST v1/orders).

    Each order generates the event order<STATUS>, which can start a workflow.

    Raises:
        BadRequest.
    """
    orders = body.get("orders")
    if not isinstance(orders, list):
        raise BadRequest("orders is not a list")
    if len(orders) > _MAX_ORDERS:
        raise BadRequest(f"more than {_MAX_ORDERS} orders")
    failed = []
    for order in orders:
        try:
            contact = _parse_order(order)
        except (BadRequest, NotKept) as error:
            failed.append({"order": order, "error": str(error)})
        else:
            _insert_order(account, order, contact)
    return {"failedOrders": failed}


def _parse_order(order: Any) -> dict[str, str]:
    """Check an order, and return the fields of its contact.

    The page does not say whether an order fails because of its customer's name. Here it does, because it creates the
    contact.

    Raises:
        BadRequest, NotKept: the text says why the order fails.
    """
    if not isinstance(order, dict):
        raise NotKept("the order is not an object")
    check_shape("order", order, _ORDER, extra=None)
    if order.keys().isdisjoint(ORDER_IDENTIFIERS):
        raise NotKept(f"order: one of {', '.join(ORDER_IDENTIFIERS)} is missing")
    check_date("order: date", order["date"])
    if order["totalCost"] < 0:
        raise NotKept("order: totalCost is negative")
    for item in list_of_objects("items", order.get("items", [])):
        check_shape("items", item, _ITEM, extra=None)
    contact = {name: order[name] for name in ("externalCustomerId", "firstName", "lastName") if name in order}
    for name in ("firstName", "lastName"):
        if name in contact:
            check_name(name, contact[name])
    if "email" in order:
        contact["email"] = check_email(order["email"])
    if "phone" in order:
        contact["phone"] = check_phone(order["phone"])
    return contact


def _insert_order(account: Account, order: JsonObject, contact: dict[str, str]) -> None:
    id = find_contact(account, contact, deleted=True)
    if id is None:
        id = create_contact(account, contact, confirmed=True)
    elif id in account.deleted:
        # Whether an order restores a deleted contact is not documented. It creates missing ones, so here it does.
        update_contact(account, id, {})
    if customer_id := contact.get("externalCustomerId"):
        bind_customer(account, id, customer_id)
    params = {name: _as_text(value) for name, value in order.items()}
    account.orders.setdefault(order["externalOrderId"], {}).update(params)
    identifiers = {name: params[name] for name in ("externalOrderId", *ORDER_IDENTIFIERS) if name in params}
    account.record_event(f"order{order['status']}", order["externalOrderId"], identifiers, id)


def _as_text(value: Any) -> str:
    """Return a field as a param of v1/event would carry it, so that GET /esputnik/state shows one form of an order."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    return json.dumps(value, ensure_ascii=False, default=float, separators=(",", ":"))


def delete_orders(account: Account, body: Mapping[str, Any], now: float) -> None:
    """Delete orders some seconds from now (DELETE v1/orders).

    The form of the request is not confirmed: the vendor says only "by externalOrderId, asynchronous".

    Raises:
        BadRequest.
    """
    ids = body.get("externalOrderIds")
    if not isinstance(ids, list) or not ids or not all(isinstance(id, str) and id for id in ids):
        raise BadRequest("externalOrderIds is not a list of non-empty strings")

    def delete() -> list[JsonObject]:
        for id in ids:
            account.orders.pop(id, None)
        return []

    account.start_job(now, delete)
