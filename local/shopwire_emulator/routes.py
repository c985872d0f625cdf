"""Which function serves a request to the API, and what applies to all of them: rights, rates, repetitions and sizes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopwire_emulator import contacts, events, imports, orders
from shopwire_emulator.account import Account, JsonObject
from shopwire_emulator.errors import BadRequest, NotValidated
from shopwire_emulator.shapes import parse_body

RESULT_HEADER = "X-Emulator-Result"
"""Response header with JSON for the inspector: whether the event or the orders were saved and why not, or the response
body. The real API does not send it."""
_MAX_RESULT_LENGTH = 1_000
_EVENTS = frozenset({"v1/event", "v1/past_events"})
_WITHOUT_REPEATS = frozenset({"v1/contact", "v1/contact/subscribe", "v1/event"})
"""Resources that answer 409 to the same body within a minute."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response. Status 0 means that the connection breaks without a response."""

    status: int
    body: Any = None
    """A JSON value, or plain text."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    """How long the server waits before it sends the response."""


@dataclass(frozen=True, slots=True)
class _Request:
    account: Account
    id: str
    """The last part of the path, if the path of the resource ends in an id."""
    query: Mapping[str, str]
    body: bytes
    now: float
    """Seconds of the emulator's clock."""


def serve(account: Account, method: str, path: str, query: Mapping[str, str], body: bytes, now: float) -> Response:
    """Return the response of the API to a request with a valid key.

    Args:
        path: below /api/, like "v1/event".
        now: seconds of the emulator's clock.
    """
    right = account.settings.event_rights if path in _EVENTS else account.settings.contact_rights
    if not right:
        return _error(401, "the key has no right to this resource")
    if account.rates.is_exceeded(method, path, now):
        # The vendor names no Retry-After.
        return _error(429, "too many requests in this second")
    if path == "v1/event" and len(body) > account.settings.event_bytes:
        # The status is not documented.
        return _error(400, f"the body has more than {account.settings.event_bytes} bytes")
    if (
        method == "POST"
        and path in _WITHOUT_REPEATS
        and (path != "v1/event" or account.settings.repeated_events)
        and account.repeats.is_repeated(path, body, now)
    ):
        return _error(409, "the same request came less than a minute ago")
    for (route_method, pattern), function in _ROUTES.items():
        if method == route_method and (match := pattern.fullmatch(path)):
            try:
                return function(_Request(account, "".join(match.groups()), query, body, now))
            except NotValidated as error:
                return Response(400, str(error), _result_header({"error": str(error)}))
            except BadRequest as error:
                return _error(400, str(error))
    return Response(404, {"error": f"{method} {path} is not emulated"})


def _respond(body: Any, result: JsonObject | None = None) -> Response:
    # What the caller sent comes back with floats, as from every JSON parser.
    plain = json.loads(json.dumps(body, default=float))
    return Response(200, plain, _result_header(plain if result is None else result))


def _result_header(result: JsonObject) -> dict[str, str]:
    """Return the header for the inspector. Texts are cut, because they may repeat a long name from the body."""
    cut = {name: value[:_MAX_RESULT_LENGTH] if isinstance(value, str) else value for name, value in result.items()}
    return {RESULT_HEADER: json.dumps(cut)}


def _error(status: int, text: str) -> Response:
    return Response(status, {"error": text}, _result_header({"error": text}))


def _post_event(request: _Request) -> Response:
    validation = request.account.settings.validation
    event = events.process_event(request.account, parse_body(request.body), validation=validation)
    return _respond({}, {"saved": event["saved"], "reason": event["reason"]})


def _post_past_events(request: _Request) -> Response:
    result = events.process_past_events(request.account, parse_body(request.body))
    return _respond(result, {name: result[name] for name in ("successCount", "errorCount")})


def _post_contact(request: _Request) -> Response:
    return _respond({"id": contacts.save_contact(request.account, parse_body(request.body))})


def _subscribe_contact(request: _Request) -> Response:
    return _respond(contacts.subscribe_contact(request.account, parse_body(request.body)))


def _get_contacts(request: _Request) -> Response:
    found = contacts.search_contacts(request.account, request.query)
    return _respond(found, {"found": len(found)})


def _delete_customer(request: _Request) -> Response:
    return _delete(request, contacts.find_customer(request.account, request.query))


def _delete_contact(request: _Request) -> Response:
    return _delete(request, int(request.id))


def _delete(request: _Request, id: int | None) -> Response:
    # What the API answers for a contact that does not exist is not documented.
    found = contacts.delete_contact(request.account, id, request.query)
    return Response(200, {}) if found else Response(404, {"error": "no such contact"})


def _change_unsubscribed(request: _Request) -> Response:
    contacts.change_unsubscribed(request.account, parse_body(request.body), add=request.id == "add")
    return Response(200, {})


def _post_contacts(request: _Request) -> Response:
    result = imports.import_contacts(request.account, parse_body(request.body), request.now)
    return _respond(result, {"asyncSessionId": result["asyncSessionId"], "failed": "failedContacts" in result})


def _get_import_status(request: _Request) -> Response:
    status = imports.import_status(request.account, request.id)
    if status is None:
        return Response(404, {"error": "no such session"})
    return _respond(status, {"status": status["status"]})


def _post_orders(request: _Request) -> Response:
    result = orders.insert_orders(request.account, parse_body(request.body))
    reason = result["failedOrders"][0]["error"] if result["failedOrders"] else None
    return _respond(result, {"saved": reason is None, "reason": reason})


def _delete_orders(request: _Request) -> Response:
    orders.delete_orders(request.account, parse_body(request.body), request.now)
    return Response(200, {})


_ROUTES: Mapping[tuple[str, re.Pattern[str]], Callable[[_Request], Response]] = {
    ("POST", re.compile(r"v1/event")): _post_event,
    ("POST", re.compile(r"v1/past_events")): _post_past_events,
    ("POST", re.compile(r"v1/contact")): _post_contact,
    ("POST", re.compile(r"v1/contact/subscribe")): _subscribe_contact,
    ("DELETE", re.compile(r"v1/contact")): _delete_customer,
    ("DELETE", re.compile(r"v1/contact/(\d{1,18})", re.ASCII)): _delete_contact,
    ("GET", re.compile(r"v1/contacts")): _get_contacts,
    ("POST", re.compile(r"v1/contacts")): _post_contacts,
    ("GET", re.compile(r"v1/importstatus/([^/]+)")): _get_import_status,
    ("POST", re.compile(r"v1/emails/unsubscribed/(add|delete)")): _change_unsubscribed,
    ("POST", re.compile(r"v1/orders")): _post_orders,
    ("DELETE", re.compile(r"v1/orders")): _delete_orders,
}
