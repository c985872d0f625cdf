"""The API's rules: which requests it accepts, how it keeps contacts and orders, what it silently ignores.

The rules follow the vendor's page on v1/event and what the vendor's plugins show. They use no clock and no network, and
know no faults.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_MAX_EVENTS = 100_000
_FORBIDDEN_IN_EVENT_TYPE = frozenset("<;'\\/|\"`^?!,>")
_STATUSES = frozenset({"INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"})
_EMAIL_NAMES = frozenset({"email", "emailaddress", "useremail", "contactemail"})
_PHONE_NAMES = frozenset({"phone", "sms", "phonenumber"})
_KEY_NAMES = frozenset({"contactkey", "contact_key"})
_ID_NAMES = frozenset({"contactid", "contact_id"})
_IDENTIFIERS = _EMAIL_NAMES | _PHONE_NAMES | _KEY_NAMES | _ID_NAMES | {"pushtoken"}
_ORDER_PARAMS = ("externalOrderId", "externalCustomerId", "totalCost", "status", "date", "currency")
_CONTACT_KEYS = ("email", "phone", "externalCustomerId")
"""JsonObject that identify a contact, in the order of the lookup."""
_AMOUNT = re.compile(r"\d+(\.\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_CART_STATE_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_PERSONAL_PARAMS = _EMAIL_NAMES | _PHONE_NAMES | {"firstname", "lastname", "deliveryaddress"}

JsonObject = dict[str, Any]


class BadRequest(Exception):
    """The API rejects the request with status 400. The text says what is wrong."""


class EventIgnored(Exception):
    """The API responds with status 200 but does not save the event. The text says why."""


@dataclass(slots=True)
class Account:
    """What the API holds for one API key."""

    contacts: dict[int, JsonObject] = field(default_factory=dict)
    contact_ids: dict[tuple[str, str], int] = field(default_factory=dict)
    """(one of _CONTACT_KEYS, value) -> contact id."""
    orders: dict[str, JsonObject] = field(default_factory=dict)
    cart_states: dict[str, str] = field(default_factory=dict)
    """recycleStateId -> products."""
    events: deque[JsonObject] = field(default_factory=lambda: deque(maxlen=_MAX_EVENTS))
    requests: int = 0
    next_contact_id: int = 1


def parse_body(body: bytes) -> JsonObject:
    """Return the JSON object in the body.

    Raises:
        BadRequest.
    """
    try:
        value = json.loads(body, parse_constant=_reject_constant)
        json.dumps(value, ensure_ascii=False).encode()  # fails for a lone surrogate, which cannot be stored as text
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not an object")
    return value


def _reject_constant(text: str) -> float:
    """Reject NaN and Infinity, which Python's parser accepts and JSON does not have."""
    raise ValueError(text)


def process_event(account: Account, event: JsonObject) -> None:
    """Apply an event if the API would save it, and append it to the events of the account with `saved` and `reason`.

    Raises:
        BadRequest.
    """
    type_, key, params = _parse_event(event)
    reason = None
    try:
        _check_contact(account, params)
        _CHECKS.get(type_, _accept)(account, type_, params)
        _apply(account, type_, params)
    except EventIgnored as ignored:
        reason = str(ignored)
    account.events.append(
        {
            "eventTypeKey": type_,
            "keyValue": key,
            "params": [{"name": name, "value": value} for name, value in params.items()],
            "saved": reason is None,
            "reason": reason,
        }
    )


def _parse_event(event: JsonObject) -> tuple[str, str, dict[str, str]]:
    type_, key, params = event.get("eventTypeKey"), event.get("keyValue"), event.get("params")
    if not isinstance(type_, str) or not type_:
        raise BadRequest("eventTypeKey is missing")
    if not _FORBIDDEN_IN_EVENT_TYPE.isdisjoint(type_):
        raise BadRequest("eventTypeKey has a forbidden character")
    if not isinstance(key, str) or not key:
        raise BadRequest("keyValue is missing")
    if not isinstance(params, list):
        raise BadRequest("params is not a list")
    named: dict[str, str] = {}
    seen: set[str] = set()
    for param in params:
        if not isinstance(param, dict) or not isinstance(param.get("name"), str) or not param["name"]:
            raise BadRequest("a param has no name")
        name, value = param["name"], param.get("value")
        if not isinstance(value, str) or not value:
            raise BadRequest(f"param {name}: the value is not a non-empty string")
        if name.lower() in seen:
            raise BadRequest(f"param {name} is given twice")
        seen.add(name.lower())
        named[name] = value
    return type_, key, named


def _check_contact(account: Account, params: Mapping[str, str]) -> None:
    has_identifier = False
    for name, value in params.items():
        lowered = name.lower()
        if lowered not in _IDENTIFIERS:
            continue
        has_identifier = True
        if lowered in _EMAIL_NAMES:
            contact_id = account.contact_ids.get(("email", value.lower()))
        elif lowered in _PHONE_NAMES:
            contact_id = account.contact_ids.get(("phone", value))
        elif lowered in _KEY_NAMES:
            contact_id = account.contact_ids.get(("externalCustomerId", value))
        else:
            contact_id = next((id for id in account.contacts if str(id) == value), None)
        if contact_id is not None:
            return
    raise EventIgnored("unknown contact" if has_identifier else "no identifying param")


def _apply(account: Account, type_: str, params: Mapping[str, str]) -> None:
    if type_ in _ORDER_TYPES:
        order = account.orders.setdefault(params["externalOrderId"], {})
        order.update(params)
        forced = {"orderDelivered": "DELIVERED", "orderCancelled": "CANCELLED"}.get(type_)
        if forced:
            order["status"] = forced


def _accept(account: Account, type_: str, params: Mapping[str, str]) -> None:
    """Accept an event of a type that the account's owner defined: the API saves it as it is."""


def _check_order(account: Account, type_: str, params: Mapping[str, str]) -> None:
    known = params.get("externalOrderId") in account.orders
    if type_ in ("orderDelivered", "orderCancelled"):
        _require(params, ("externalOrderId",))
        if not known:
            raise EventIgnored("unknown order")
    else:
        _require(params, ("externalOrderId",) if known and type_ == "orderUpdated" else _ORDER_PARAMS)
    if params.get("status", "INITIALIZED") not in _STATUSES:
        raise EventIgnored("status is not one of the API's statuses")
    if "totalCost" in params and not _AMOUNT.fullmatch(params["totalCost"]):
        raise EventIgnored("totalCost is not a plain amount")
    if "date" in params:
        _check_date(params["date"])
    if "items" in params:
        for item in _json_list(params, "items"):
            _check_shape("items", item, _ITEM)


def _check_cart(account: Account, type_: str, params: Mapping[str, str]) -> None:
    _require(params, ("recycleStateId",))
    state = params["recycleStateId"]
    if not _CART_STATE_ID.fullmatch(state):
        raise EventIgnored("recycleStateId is not 1 to 64 letters, digits and dashes")
    for product in _json_list(params, "products") if "products" in params else ():
        _check_shape("products", product, _PRODUCT)
    content = params.get("products", "")
    if account.cart_states.setdefault(state, content) != content:
        raise EventIgnored("recycleStateId was used for another state")


def _check_view(account: Account, type_: str, params: Mapping[str, str]) -> None:
    name, shape = _VIEWS[type_]
    value = _json_value(params, name)
    if not isinstance(value, dict):
        raise EventIgnored(f"{name} is not a JSON object")
    _check_shape(name, value, shape)


def _require(params: Mapping[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in params:
            raise EventIgnored(f"{name} is missing")


def _check_date(text: str) -> None:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text)
    except ValueError:
        raise EventIgnored("date is not ISO 8601") from None


def _json_list(params: Mapping[str, str], name: str) -> list[JsonObject]:
    value = _json_value(params, name)
    if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        raise EventIgnored(f"{name} is not a JSON list of objects")
    return value


def _json_value(params: Mapping[str, str], name: str) -> Any:
    _require(params, (name,))
    try:
        return json.loads(params[name], parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise EventIgnored(f"{name} is not valid JSON") from None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


@dataclass(frozen=True, slots=True)
class _Field:
    """The expected type of a field in nested data."""

    description: str
    is_valid: Callable[[Any], bool]
    required: bool = True

    def optional(self) -> "_Field":
        return _Field(self.description, self.is_valid, required=False)


_TEXT = _Field("a non-empty string", _is_text)
_NUMBER = _Field("a number", _is_number)
_COUNT = _Field("a whole number, 1 or greater", lambda value: type(value) is int and value >= 1)
_FLAG = _Field("0 or 1", lambda value: type(value) is int and value in (0, 1))
_TEXTS = _Field("a list of non-empty strings", lambda value: isinstance(value, list) and all(map(_is_text, value)))
# The API stores deeper data as one string that templates cannot use, so it is as good as lost.
_FLAT = _Field(
    "a non-empty string, a number or a list of non-empty strings",
    lambda value: _is_text(value) or _is_number(value) or _TEXTS.is_valid(value),
)

Shape = Mapping[str, _Field]
_ITEM = {
    "externalItemId": _TEXT,
    "quantity": _NUMBER,
    "cost": _NUMBER,
    **dict.fromkeys(("name", "category", "url", "imageUrl", "description"), _TEXT.optional()),
}
_PRODUCT = {
    "productId": _TEXT,
    "quantity": _COUNT,
    "price": _NUMBER,
    **dict.fromkeys(("name", "category", "discount"), _TEXT.optional()),
}
_VIEWS: dict[str, tuple[str, Shape]] = {
    "pageViewed": ("page", {"location": _TEXT}),
    "productViewed": ("product", {"productId": _TEXT, "price": _NUMBER, "isInStock": _FLAG.optional()}),
    "productCategoryViewed": ("category", {"productCategoryId": _TEXT}),
}


def _check_shape(name: str, value: JsonObject, shape: Shape) -> None:
    for key, expected in shape.items():
        if (key in value or expected.required) and not expected.is_valid(value.get(key)):
            raise EventIgnored(f"{name}: {key} is not {expected.description}")
    expected_extra = _TEXTS if name in ("product", "products") else _FLAT
    for key, extra in value.items():
        if key not in shape and not expected_extra.is_valid(extra):
            raise EventIgnored(f"{name}: {key} is not {expected_extra.description}")


_ORDER_TYPES = frozenset({"orderCreated", "orderUpdated", "orderDelivered", "orderCancelled"})
_CHECKS: dict[str, Callable[[Account, str, Mapping[str, str]], None]] = {
    **dict.fromkeys(_ORDER_TYPES, _check_order),
    "cartUpdated": _check_cart,
    **dict.fromkeys(_VIEWS, _check_view),
}


def save_contact(account: Account, body: JsonObject) -> int:
    """Create or update a contact and return its id.

    Raises:
        BadRequest.
    """
    channels = body.get("channels") or []
    if not isinstance(channels, list):
        raise BadRequest("channels is not a list")
    addresses: dict[str, str] = {}
    for channel in channels:
        kind, value = (channel.get("type"), channel.get("value")) if isinstance(channel, dict) else (None, None)
        if kind not in ("email", "sms") or not isinstance(value, str) or not value:
            raise BadRequest("channels: each needs a type (email or sms) and a value")
        addresses["email" if kind == "email" else "phone"] = value.lower() if kind == "email" else value
    for name in ("firstName", "lastName", "externalCustomerId"):
        if name in body and (not isinstance(body[name], str) or not body[name]):
            raise BadRequest(f"{name} is not a non-empty string")
    fields = addresses | {name: body[name] for name in ("firstName", "lastName", "externalCustomerId") if name in body}
    keys = [(kind, fields[kind]) for kind in _CONTACT_KEYS if kind in fields]
    id = next((account.contact_ids[key] for key in keys if key in account.contact_ids), None)
    if id is None:
        if not addresses:
            raise BadRequest("channels: a new contact needs an e-mail address or a phone")
        id, account.next_contact_id = account.next_contact_id, account.next_contact_id + 1
        account.contacts[id] = {"id": id}
    for kind, value in keys:
        _assign_key(account, id, kind, value)
    account.contacts[id].update(fields)
    return id


def _assign_key(account: Account, id: int, kind: str, value: str) -> None:
    """Give a contact an e-mail address, phone or externalCustomerId.

    A value belongs to one contact at a time, so the contact loses its old value and another contact loses this one.
    """
    if old := account.contacts[id].get(kind):
        account.contact_ids.pop((kind, old), None)
    holder = account.contact_ids.get((kind, value))
    if holder is not None and holder != id:
        account.contacts[holder].pop(kind, None)
    account.contact_ids[kind, value] = id


def erase_contact(account: Account, query: Mapping[str, str]) -> bool:
    """Remove a contact. With `erase=true`, also remove its personal data from orders and events.

    Args:
        query: query parameters of DELETE v1/contact.

    Returns:
        False if there is no such contact.
    """
    id = account.contact_ids.get(("externalCustomerId", query.get("externalCustomerId", "")))
    if id is None:
        return False
    contact = account.contacts.pop(id)
    account.contact_ids = {key: other for key, other in account.contact_ids.items() if other != id}
    if query.get("erase") == "true":
        for order in account.orders.values():
            if _is_about(order, contact):
                for name in [name for name in order if name.lower() in _PERSONAL_PARAMS]:
                    del order[name]
        for event in account.events:
            if _is_about({param["name"]: param["value"] for param in event["params"]}, contact):
                event["keyValue"] = "erased"
                event["params"] = [param for param in event["params"] if param["name"].lower() not in _PERSONAL_PARAMS]
    return True


def _is_about(params: Mapping[str, str], contact: JsonObject) -> bool:
    """Return True if one of the params identifies the contact."""
    kinds = {
        **dict.fromkeys(_EMAIL_NAMES, "email"),
        **dict.fromkeys(_PHONE_NAMES, "phone"),
        **dict.fromkeys((*_KEY_NAMES, "externalcustomerid"), "externalCustomerId"),
    }
    return any(
        (kind := kinds.get(name.lower())) and contact.get(kind) == (value.lower() if kind == "email" else value)
        for name, value in params.items()
    )
