"""What the API does with a request: shapes, contacts, orders, and what it would ignore without a word.

From the vendor's page on v1/event and what its plugins show. Pure: no clock, no network, no faults.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_KEPT_EVENTS = 100_000
_FORBIDDEN_IN_TYPE = frozenset("<;'\\/|\"`^?!,>")
_STATUSES = frozenset({"INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"})
_EMAIL_NAMES = frozenset({"email", "emailaddress", "useremail", "contactemail"})
_PHONE_NAMES = frozenset({"phone", "sms", "phonenumber"})
_KEY_NAMES = frozenset({"contactkey", "contact_key"})
_ID_NAMES = frozenset({"contactid", "contact_id"})
_IDENTIFIERS = _EMAIL_NAMES | _PHONE_NAMES | _KEY_NAMES | _ID_NAMES | {"pushtoken"}
_ORDER_PARAMS = ("externalOrderId", "externalCustomerId", "totalCost", "status", "date", "currency")
_ADDRESSES = ("email", "phone", "externalCustomerId")
"""What a contact is found by, in this order."""
_AMOUNT = re.compile(r"\d+(\.\d+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_STATE_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_PERSONAL = _EMAIL_NAMES | _PHONE_NAMES | {"firstname", "lastname", "deliveryaddress"}

Fields = dict[str, Any]


class BadRequest(Exception):
    """400: the text says what is wrong with the request."""


class NotSaved(Exception):
    """200, and ignored: the text says why."""


@dataclass(slots=True)
class Account:
    """What the API holds for one key."""

    contacts: dict[int, Fields] = field(default_factory=dict)
    found: dict[tuple[str, str], int] = field(default_factory=dict)
    """(one of _ADDRESSES, value) -> contact id."""
    orders: dict[str, Fields] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    """recycleStateId -> products."""
    events: deque[Fields] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))
    requests: int = 0
    next_id: int = 1


def parse(body: bytes) -> Fields:
    """The body's JSON object.

    Raises:
        BadRequest.
    """
    try:
        value = json.loads(body, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text that could be kept
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not an object")
    return value


def _no_number(text: str) -> float:
    raise ValueError(text)


def take_event(account: Account, event: Fields) -> None:
    """Keep an event, saved or not, with the reason.

    Raises:
        BadRequest.
    """
    type_, key, params = _shape(event)
    reason = None
    try:
        _check_contact(account, params)
        _CHECKS.get(type_, _check_nothing)(account, type_, params)
        _apply(account, type_, params)
    except NotSaved as ignored:
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


def _shape(event: Fields) -> tuple[str, str, dict[str, str]]:
    type_, key, params = event.get("eventTypeKey"), event.get("keyValue"), event.get("params")
    if not isinstance(type_, str) or not type_:
        raise BadRequest("eventTypeKey is missing")
    if not _FORBIDDEN_IN_TYPE.isdisjoint(type_):
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
            raise BadRequest(f"param {name}: its value is not a non-empty text")
        if name.lower() in seen:
            raise BadRequest(f"param {name} comes twice")
        seen.add(name.lower())
        named[name] = value
    return type_, key, named


def _check_contact(account: Account, params: Mapping[str, str]) -> None:
    given = False
    for name, value in params.items():
        lowered = name.lower()
        if lowered not in _IDENTIFIERS:
            continue
        given = True
        if lowered in _EMAIL_NAMES:
            found = account.found.get(("email", value.lower()))
        elif lowered in _PHONE_NAMES:
            found = account.found.get(("phone", value))
        elif lowered in _KEY_NAMES:
            found = account.found.get(("externalCustomerId", value))
        else:
            found = next((id for id in account.contacts if str(id) == value), None)
        if found is not None:
            return
    raise NotSaved("unknown contact" if given else "no identifying param")


def _apply(account: Account, type_: str, params: Mapping[str, str]) -> None:
    if type_ in _ORDER_TYPES:
        order = account.orders.setdefault(params["externalOrderId"], {})
        order.update(params)
        forced = {"orderDelivered": "DELIVERED", "orderCancelled": "CANCELLED"}.get(type_)
        if forced:
            order["status"] = forced


def _check_nothing(account: Account, type_: str, params: Mapping[str, str]) -> None:
    """A type of the user's own: saved as it is."""


def _check_order(account: Account, type_: str, params: Mapping[str, str]) -> None:
    known = params.get("externalOrderId") in account.orders
    if type_ in ("orderDelivered", "orderCancelled"):
        _require(params, ("externalOrderId",))
        if not known:
            raise NotSaved("unknown order")
    else:
        _require(params, ("externalOrderId",) if known and type_ == "orderUpdated" else _ORDER_PARAMS)
    if params.get("status", "INITIALIZED") not in _STATUSES:
        raise NotSaved("status is none of the API's")
    if "totalCost" in params and not _AMOUNT.fullmatch(params["totalCost"]):
        raise NotSaved("totalCost is not a plain amount")
    if "date" in params:
        _check_date(params["date"])
    if "items" in params:
        for item in _list(params, "items"):
            _check_shape("items", item, _ITEM)


def _check_cart(account: Account, type_: str, params: Mapping[str, str]) -> None:
    _require(params, ("recycleStateId",))
    state = params["recycleStateId"]
    if not _STATE_ID.fullmatch(state):
        raise NotSaved("recycleStateId: 1 to 64 letters, digits and dashes")
    for product in _list(params, "products") if "products" in params else ():
        _check_shape("products", product, _PRODUCT)
    content = params.get("products", "")
    if account.states.setdefault(state, content) != content:
        raise NotSaved("recycleStateId was used for another state")


def _check_view(account: Account, type_: str, params: Mapping[str, str]) -> None:
    name, shape = _VIEWS[type_]
    value = _nested(params, name)
    if not isinstance(value, dict):
        raise NotSaved(f"{name} is not a JSON object")
    _check_shape(name, value, shape)


def _require(params: Mapping[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in params:
            raise NotSaved(f"{name} is missing")


def _check_date(text: str) -> None:
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text)
    except ValueError:
        raise NotSaved("date is not ISO 8601") from None


def _list(params: Mapping[str, str], name: str) -> list[Fields]:
    value = _nested(params, name)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise NotSaved(f"{name} is not a JSON list of objects")
    return value


def _nested(params: Mapping[str, str], name: str) -> Any:
    _require(params, (name,))
    try:
        return json.loads(params[name], parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise NotSaved(f"{name} is not valid JSON") from None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


@dataclass(frozen=True, slots=True)
class _Field:
    """What a field of nested data has to be, in words and as a test."""

    words: str
    holds: Callable[[Any], bool]
    needed: bool = True

    def optional(self) -> "_Field":
        return _Field(self.words, self.holds, needed=False)


_TEXT = _Field("a text", _is_text)
_NUMBER = _Field("a number", _is_number)
_COUNT = _Field("a whole number from 1", lambda value: type(value) is int and value >= 1)
_FLAG = _Field("0 or 1", lambda value: type(value) is int and value in (0, 1))
_TEXTS = _Field("a list of texts", lambda value: isinstance(value, list) and all(map(_is_text, value)))
# Deeper data is kept as a text that nobody can use: as good as lost.
_FLAT = _Field(
    "a text, a number or a list of texts", lambda value: _is_text(value) or _is_number(value) or _TEXTS.holds(value)
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


def _check_shape(name: str, value: Fields, shape: Shape) -> None:
    for key, wanted in shape.items():
        if (key in value or wanted.needed) and not wanted.holds(value.get(key)):
            raise NotSaved(f"{name}: {key} is not {wanted.words}")
    beyond = _TEXTS if name in ("product", "products") else _FLAT
    for key, extra in value.items():
        if key not in shape and not beyond.holds(extra):
            raise NotSaved(f"{name}: {key} is not {beyond.words}")


_ORDER_TYPES = frozenset({"orderCreated", "orderUpdated", "orderDelivered", "orderCancelled"})
_CHECKS: dict[str, Callable[[Account, str, Mapping[str, str]], None]] = {
    **dict.fromkeys(_ORDER_TYPES, _check_order),
    "cartUpdated": _check_cart,
    **dict.fromkeys(_VIEWS, _check_view),
}


def take_contact(account: Account, body: Fields) -> int:
    """Create or update a contact; answers its id.

    Raises:
        BadRequest.
    """
    channels = body.get("channels") or []
    if not isinstance(channels, list):
        raise BadRequest("channels: not a list")
    given: dict[str, str] = {}
    for channel in channels:
        kind, value = (channel.get("type"), channel.get("value")) if isinstance(channel, dict) else (None, None)
        if kind not in ("email", "sms") or not isinstance(value, str) or not value:
            raise BadRequest("channels: a type (email or sms) and a value each")
        given["email" if kind == "email" else "phone"] = value.lower() if kind == "email" else value
    for name in ("firstName", "lastName", "externalCustomerId"):
        if name in body and (not isinstance(body[name], str) or not body[name]):
            raise BadRequest(f"{name} is not a non-empty text")
    fields = given | {name: body[name] for name in ("firstName", "lastName", "externalCustomerId") if name in body}
    keys = [(kind, fields[kind]) for kind in _ADDRESSES if kind in fields]
    id = next((account.found[key] for key in keys if key in account.found), None)
    if id is None:
        if not given:
            raise BadRequest("channels: an e-mail address or a phone is needed")
        id, account.next_id = account.next_id, account.next_id + 1
        account.contacts[id] = {"id": id}
    for kind, value in keys:
        _give(account, id, kind, value)
    account.contacts[id].update(fields)
    return id


def _give(account: Account, id: int, kind: str, value: str) -> None:
    """An address belongs to one contact: the new holder loses his old one, the old holder this one."""
    if old := account.contacts[id].get(kind):
        account.found.pop((kind, old), None)
    holder = account.found.get((kind, value))
    if holder is not None and holder != id:
        account.contacts[holder].pop(kind, None)
    account.found[kind, value] = id


def erase(account: Account, query: Mapping[str, str]) -> bool:
    """Remove a contact, and with `erase=true` what orders and events say of him; answers whether he was there."""
    id = account.found.get(("externalCustomerId", query.get("externalCustomerId", "")))
    if id is None:
        return False
    contact = account.contacts.pop(id)
    account.found = {key: found for key, found in account.found.items() if found != id}
    if query.get("erase") == "true":
        for order in account.orders.values():
            if _names(order, contact):
                for name in [name for name in order if name.lower() in _PERSONAL]:
                    del order[name]
        for event in account.events:
            if _names({param["name"]: param["value"] for param in event["params"]}, contact):
                event["keyValue"] = "erased"
                event["params"] = [param for param in event["params"] if param["name"].lower() not in _PERSONAL]
    return True


def _names(params: Mapping[str, str], contact: Fields) -> bool:
    """Whether one of the params says that it is about the contact."""
    kinds = {
        **dict.fromkeys(_EMAIL_NAMES, "email"),
        **dict.fromkeys(_PHONE_NAMES, "phone"),
        **dict.fromkeys((*_KEY_NAMES, "externalcustomerid"), "externalCustomerId"),
    }
    return any(
        (kind := kinds.get(name.lower())) and contact.get(kind) == (value.lower() if kind == "email" else value)
        for name, value in params.items()
    )
