"""The API's emulator, as strict as the real one: what it would ignore without a word, this one ignores and says why.

From the vendor's page on v1/event and what its plugins show. One account an API key. `Emulator` is pure, but for the
clock that is given to it; its HTTP face is `esputnik_http`.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

DEMO_KEY = "demo-key"

_KEPT_EVENTS = 100_000
_FORBIDDEN_IN_TYPE = frozenset("<;'\\/|\"`^?!,>")
_STATUSES = frozenset({"INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"})
_EMAIL_NAMES = frozenset({"email", "emailaddress", "useremail", "contactemail"})
_PHONE_NAMES = frozenset({"phone", "sms", "phonenumber"})
_KEY_NAMES = frozenset({"contactkey", "contact_key"})
_ID_NAMES = frozenset({"contactid", "contact_id"})
_IDENTIFIERS = _EMAIL_NAMES | _PHONE_NAMES | _KEY_NAMES | _ID_NAMES | {"pushtoken"}
_ORDER_PARAMS = ("externalOrderId", "externalCustomerId", "totalCost", "status", "date", "currency")
_AMOUNT = re.compile(r"\d+(\.\d+)?", re.ASCII)
_STATE_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_PERSONAL = _EMAIL_NAMES | _PHONE_NAMES | {"firstname", "lastname", "deliveryaddress"}

Fields = dict[str, Any]


class BadRequest(Exception):
    """400: the text says what is wrong with the request."""


class NotSaved(Exception):
    """200, and ignored: the text says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Status 0: none, the connection breaks. `delay` in seconds before it comes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(slots=True)
class Account:
    """What the API holds for one key."""

    contacts: dict[int, Fields] = field(default_factory=dict)
    found: dict[tuple[str, str], int] = field(default_factory=dict)
    """(kind, value) -> contact id, kinds email, phone, externalCustomerId."""
    orders: dict[str, Fields] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    """recycleStateId -> products."""
    events: deque[Fields] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))
    requests: int = 0
    next_id: int = 1


@dataclass(slots=True)
class Fault:
    """What goes wrong until when."""

    mode: str
    until: float | None = None
    left: int | None = None
    retry_after: int | None = None
    delay: float = 30.0


class Emulator:
    """The API. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}
        self._fault: Fault | None = None

    def handle(self, key: str | None, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request below /api/ ("v1/event"), with the fault that is on."""
        with self._lock:
            fault = self._current_fault()
            if fault is None:
                return self._take(key, method, path, query, body)
            if fault.mode in ("slow", "lost_answer"):
                taken = self._take(key, method, path, query, body)
                return Reply(0) if fault.mode == "lost_answer" else _late(taken, fault.delay)
            if key:
                self._account(key).requests += 1
            headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
            status = {"down": 0, "error": 500, "throttle": 429, "unauthorized": 401, "bad_request": 400}[fault.mode]
            return Reply(status, {"error": f"fault: {fault.mode}"}, headers)

    def take(self, key: str, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request as if nothing were wrong."""
        with self._lock:
            return self._take(key, method, path, query, body)

    def last_event(self, key: str) -> Fields:
        """The event taken last."""
        return self._account(key).events[-1]

    def state(self, key: str = DEMO_KEY) -> Fields:
        """Everything that the account holds."""
        with self._lock:
            account = self._account(key)
            return {
                "contacts": [dict(contact) for contact in account.contacts.values()],
                "orders": {id: dict(order) for id, order in account.orders.items()},
                "events": [dict(event) for event in account.events],
                "requests": account.requests,
            }

    def reset(self) -> None:
        """Forget everything, faults too."""
        with self._lock:
            self._accounts.clear()
            self._fault = None

    def set_fault(self, wanted: Any) -> None:
        """Let something go wrong: contract.md's POST /esputnik/faults.

        Raises:
            BadRequest: naming the field.
        """
        fault = _fault(wanted, self._clock())
        with self._lock:
            self._fault = fault

    def _current_fault(self) -> Fault | None:
        fault = self._fault
        if fault is None:
            return None
        if (fault.until is not None and self._clock() >= fault.until) or fault.left == 0:
            self._fault = None
            return None
        if fault.left is not None:
            fault.left -= 1
        return fault

    def _account(self, key: str) -> Account:
        return self._accounts.setdefault(key, Account())

    def _take(self, key: str | None, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        if not key:
            return Reply(401, {"error": "Basic auth: any user, the API key as the password"})
        account = self._account(key)
        account.requests += 1
        try:
            if (method, path) == ("POST", "v1/event"):
                return _take_event(account, _json(body))
            if (method, path) == ("POST", "v1/contact"):
                return Reply(200, {"id": _take_contact(account, _json(body))})
            if (method, path) == ("DELETE", "v1/contact"):
                return _erase(account, query)
        except BadRequest as error:
            return Reply(400, {"error": str(error)})
        return Reply(404, {"error": f"{method} {path} is not emulated"})


def _late(reply: Reply, delay: float) -> Reply:
    return Reply(reply.status, reply.body, reply.headers, delay)


def _json(body: bytes) -> Fields:
    try:
        value = json.loads(body)
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not an object")
    return value


def _take_event(account: Account, event: Fields) -> Reply:
    type_, key, params = _shape(event)
    reason = None
    try:
        contact = _contact_of(account, params)
        _CHECKS.get(type_, _check_nothing)(account, type_, params)
        _apply(account, type_, contact, params)
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
    return Reply(200, {})


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


def _contact_of(account: Account, params: Mapping[str, str]) -> int:
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
            found = int(value) if value.isascii() and value.isdigit() and int(value) in account.contacts else None
        if found is not None:
            return found
    raise NotSaved("unknown contact" if given else "no identifying param")


def _apply(account: Account, type_: str, contact: int, params: Mapping[str, str]) -> None:
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
            if not isinstance(item.get("externalItemId"), str) or not item["externalItemId"]:
                raise NotSaved("items: externalItemId is not a text")
            if not _number(item.get("quantity")) or not _number(item.get("cost")):
                raise NotSaved("items: quantity and cost must be numbers")


def _check_cart(account: Account, type_: str, params: Mapping[str, str]) -> None:
    _require(params, ("recycleStateId",))
    state = params["recycleStateId"]
    if not _STATE_ID.fullmatch(state):
        raise NotSaved("recycleStateId: 1 to 64 letters, digits and dashes")
    for product in _list(params, "products") if "products" in params else ():
        _check_product(product)
        quantity = product.get("quantity")
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            raise NotSaved("products: quantity is not a whole number")
    content = params.get("products", "")
    if account.states.setdefault(state, content) != content:
        raise NotSaved("recycleStateId was used for another state")


def _check_page(account: Account, type_: str, params: Mapping[str, str]) -> None:
    if not isinstance(_object(params, "page").get("location"), str):
        raise NotSaved("page: location is not a text")


def _check_view(account: Account, type_: str, params: Mapping[str, str]) -> None:
    product = _object(params, "product")
    _check_product(product)
    if product.get("isInStock", 1) not in (0, 1):
        raise NotSaved("product: isInStock is 0 or 1")


def _check_category(account: Account, type_: str, params: Mapping[str, str]) -> None:
    if not isinstance(_object(params, "category").get("productCategoryId"), str):
        raise NotSaved("category: productCategoryId is not a text")


def _check_product(product: Fields) -> None:
    if not isinstance(product.get("productId"), str) or not product["productId"]:
        raise NotSaved("product: productId is not a text")
    if not _number(product.get("price")):
        raise NotSaved("product: price is not a number")


def _require(params: Mapping[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in params:
            raise NotSaved(f"{name} is missing")


def _check_date(text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise NotSaved("date is not ISO 8601") from None


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(params: Mapping[str, str], name: str) -> Fields:
    value = _nested(params, name)
    if not isinstance(value, dict):
        raise NotSaved(f"{name} is not a JSON object")
    _check_depth(name, value)
    return value


def _list(params: Mapping[str, str], name: str) -> list[Fields]:
    value = _nested(params, name)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise NotSaved(f"{name} is not a JSON list of objects")
    for one in value:
        _check_depth(name, one)
    return value


def _nested(params: Mapping[str, str], name: str) -> Any:
    _require(params, (name,))
    try:
        return json.loads(params[name])
    except ValueError:
        raise NotSaved(f"{name} is not valid JSON") from None


def _check_depth(name: str, value: Fields) -> None:
    # Deeper data is kept as a text that nobody can use: as good as lost.
    for inner in value.values():
        if isinstance(inner, dict) or (isinstance(inner, list) and not all(isinstance(one, str) for one in inner)):
            raise NotSaved(f"{name} is nested deeper than one level")


_ORDER_TYPES = frozenset({"orderCreated", "orderUpdated", "orderDelivered", "orderCancelled"})
_CHECKS: dict[str, Callable[[Account, str, Mapping[str, str]], None]] = {
    **dict.fromkeys(_ORDER_TYPES, _check_order),
    "cartUpdated": _check_cart,
    "pageViewed": _check_page,
    "productViewed": _check_view,
    "productCategoryViewed": _check_category,
}


def _take_contact(account: Account, body: Fields) -> int:
    given: dict[str, str] = {}
    for channel in body.get("channels") or ():
        kind = channel.get("type") if isinstance(channel, dict) else None
        value = channel.get("value") if isinstance(channel, dict) else None
        if kind not in ("email", "sms") or not isinstance(value, str) or not value:
            raise BadRequest("channels: a type (email or sms) and a value each")
        given["email" if kind == "email" else "phone"] = value.lower() if kind == "email" else value
    for name in ("firstName", "lastName", "externalCustomerId"):
        if name in body and (not isinstance(body[name], str) or not body[name]):
            raise BadRequest(f"{name} is not a non-empty text")
    fields = given | {name: body[name] for name in ("firstName", "lastName", "externalCustomerId") if name in body}
    keys = [(kind, fields[kind]) for kind in ("email", "phone", "externalCustomerId") if kind in fields]
    id = next((account.found[key] for key in keys if key in account.found), None)
    if id is None:
        if not given:
            raise BadRequest("channels: an e-mail address or a phone is needed")
        id, account.next_id = account.next_id, account.next_id + 1
        account.contacts[id] = {"id": id}
    contact = account.contacts[id]
    for kind in ("email", "phone", "externalCustomerId"):
        if kind in fields and contact.get(kind) not in (None, fields[kind]):
            account.found.pop((kind, contact[kind]), None)
    contact.update(fields)
    for key in keys:
        account.found[key] = id
    return id


def _erase(account: Account, query: Mapping[str, str]) -> Reply:
    external = query.get("externalCustomerId", "")
    id = account.found.get(("externalCustomerId", external))
    if id is None:
        return Reply(404, {"error": "no such contact"})
    contact = account.contacts.pop(id)
    account.found = {key: found for key, found in account.found.items() if found != id}
    if query.get("erase") == "true":
        names = {name: contact[name] for name in ("email", "phone", "externalCustomerId") if name in contact}
        for order in account.orders.values():
            if names.items() & order.items():
                for name in [name for name in order if name.lower() in _PERSONAL]:
                    del order[name]
        for event in account.events:
            if any(names.get(param["name"]) == param["value"] for param in event["params"]):
                event["keyValue"] = "erased"
                event["params"] = [param for param in event["params"] if param["name"].lower() not in _PERSONAL]
    return Reply(200, {})


_MODES = ("ok", "down", "error", "throttle", "unauthorized", "bad_request", "slow", "lost_answer")


def _fault(wanted: Any, now: float) -> Fault | None:
    if not isinstance(wanted, dict):
        raise BadRequest("an object with a mode is needed")
    mode = wanted.get("mode")
    if mode not in _MODES:
        raise BadRequest(f"mode: one of {', '.join(_MODES)}")
    numbers = {}
    for name in ("retry_after", "seconds", "requests", "delay"):
        value = wanted.get(name)
        if value is not None and (not _number(value) or value < 0):
            raise BadRequest(f"{name}: a number that is not negative")
        numbers[name] = value
    unknown = wanted.keys() - {"mode", *numbers}
    if unknown:
        raise BadRequest(f"{', '.join(sorted(map(str, unknown)))}: no such field")
    if mode == "ok":
        return None
    return Fault(
        mode=mode,
        until=None if numbers["seconds"] is None else now + numbers["seconds"],
        left=None if numbers["requests"] is None else int(numbers["requests"]),
        retry_after=None if numbers["retry_after"] is None else int(numbers["retry_after"]),
        delay=30.0 if numbers["delay"] is None else numbers["delay"],
    )
