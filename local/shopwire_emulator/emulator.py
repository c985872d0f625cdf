"""The API emulator. Where the API silently ignores an event, the emulator also ignores it and says why.

There is one account per API key. This module routes requests and injects faults, `rules` defines what the API does with
a request, and `endpoints` serves both over HTTP. The caller provides the clock.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shopwire_emulator.rules import (
    Account,
    BadRequest,
    JsonObject,
    erase_contact,
    parse_body,
    process_event,
    save_contact,
)

__all__ = ["DEMO_KEY", "MODES", "RESULT_HEADER", "BadRequest", "Emulator", "Fault", "Response"]

DEMO_KEY = "demo-key"

_REJECTING_MODES = {"down": 0, "error": 500, "throttle": 429, "unauthorized": 401, "bad_request": 400}
"""Fault mode -> status of each response. The request is not processed."""
MODES = ("ok", *_REJECTING_MODES, "slow", "lost_answer")
RESULT_HEADER = "X-Emulator-Result"
"""Response header with JSON for the inspector: the response body or, for an event, whether it was saved and why not.
The real API does not send it."""
_SLOW_SECONDS = 30.0
_NUMBER_FIELDS = {"retry_after": (int,), "requests": (int,), "seconds": (int, float), "delay": (int, float)}
"""Numeric field of a fault -> accepted types."""
_MAX_NUMBER = 1_000_000


@dataclass(frozen=True, slots=True)
class Response:
    """A response. Status 0 means that the connection breaks without a response."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    """How long the server waits before it sends the response."""


@dataclass(slots=True)
class Fault:
    """An injected fault. None in `until` or `requests_left` means no such limit."""

    mode: str
    until: float | None
    """Seconds of the emulator's clock."""
    requests_left: int | None
    retry_after: int | None
    """Seconds, for the Retry-After header."""
    delay_seconds: float


class Emulator:
    """The API.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}
        self._faults: dict[str | None, Fault] = {}
        """By API key. None is the fault of all keys."""

    def handle(self, key: str | None, method: str, path: str, query: Mapping[str, str], body: bytes) -> Response:
        """Return the response to a request, with the current fault applied.

        Args:
            key: API key, or None if the request has none.
            path: below /api/, like "v1/event".
        """
        with self._lock:
            fault = self._use_fault(key)
            if fault and fault.mode in _REJECTING_MODES:
                if key:
                    self._account(key).requests += 1
                headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
                return Response(_REJECTING_MODES[fault.mode], {"error": f"fault: {fault.mode}"}, headers)
            response = self._process(key, method, path, query, body)
            if fault is None:
                return response
            if fault.mode == "lost_answer":
                return Response(0)
            return replace(response, delay_seconds=fault.delay_seconds)

    def handle_without_faults(
        self, key: str, method: str, path: str, query: Mapping[str, str], body: bytes
    ) -> Response:
        """Return the response to a request and ignore the current fault. See `handle`."""
        with self._lock:
            return self._process(key, method, path, query, body)

    def last_event(self, key: str) -> JsonObject:
        """Return the event that the account received last."""
        return self._account(key).events[-1]

    def state(self, key: str = DEMO_KEY) -> JsonObject:
        """Return everything that the account holds (GET /esputnik/state)."""
        with self._lock:
            account = self._accounts.get(key) or Account()
            return {
                "contacts": [dict(contact) for contact in account.contacts.values()],
                "orders": {id: dict(order) for id, order in account.orders.items()},
                "events": [dict(event) for event in account.events],
                "requests": account.requests,
            }

    def reset(self) -> None:
        """Delete all accounts and faults."""
        with self._lock:
            self._accounts.clear()
            self._faults.clear()

    def set_fault(self, wanted: Any) -> None:
        """Inject or end a fault (POST /esputnik/faults). The field `key` restricts it to one API key.

        Raises:
            BadRequest: the text names the field.
        """
        key, fault = _parse_fault(wanted, self._clock())
        with self._lock:
            if fault:
                self._faults[key] = fault
            elif key is None:
                self._faults.clear()
            else:
                self._faults.pop(key, None)

    def fault_mode(self, key: str | None = None) -> str:
        """Return the fault mode that applies to the next request of this key, or "ok"."""
        with self._lock:
            fault = self._find_fault(key)
            return fault.mode if fault else "ok"

    def _use_fault(self, key: str | None) -> Fault | None:
        """Return the current fault and count one request against its limit."""
        fault = self._find_fault(key)
        if fault and fault.requests_left is not None:
            fault.requests_left -= 1
        return fault

    def _find_fault(self, key: str | None) -> Fault | None:
        for fault_key in (key, None):
            fault = self._faults.get(fault_key)
            if fault is None:
                continue
            if (fault.until is not None and self._clock() >= fault.until) or fault.requests_left == 0:
                del self._faults[fault_key]
                continue
            return fault
        return None

    def _account(self, key: str) -> Account:
        return self._accounts.setdefault(key, Account())

    def _process(self, key: str | None, method: str, path: str, query: Mapping[str, str], body: bytes) -> Response:
        if not key:
            return Response(401, {"error": "use Basic auth with any user name and the API key as the password"})
        account = self._account(key)
        account.requests += 1
        try:
            if (method, path) == ("POST", "v1/event"):
                process_event(account, parse_body(body))
                event = account.events[-1]
                return _respond(200, {}, {"saved": event["saved"], "reason": event["reason"]})
            if (method, path) == ("POST", "v1/contact"):
                return _respond(200, {"id": save_contact(account, parse_body(body))})
            if (method, path) == ("DELETE", "v1/contact"):
                return (
                    Response(200, {}) if erase_contact(account, query) else Response(404, {"error": "no such contact"})
                )
        except BadRequest as error:
            return _respond(400, {"error": str(error)})
        return Response(404, {"error": f"{method} {path} is not emulated"})


def _respond(status: int, body: JsonObject, result: JsonObject | None = None) -> Response:
    return Response(status, body, {RESULT_HEADER: json.dumps(result or body)})


def _parse_fault(wanted: Any, now: float) -> tuple[str | None, Fault | None]:
    """Return the API key (None for all keys) and its new fault (None to end the fault).

    Raises:
        BadRequest: the text names the field.
    """
    if not isinstance(wanted, dict):
        raise BadRequest("the body must be an object with the field mode")
    if unknown := wanted.keys() - {"mode", "key", *_NUMBER_FIELDS}:
        raise BadRequest(f"{', '.join(sorted(unknown))}: unknown field")
    mode, key = wanted.get("mode"), wanted.get("key")
    if mode not in MODES:
        raise BadRequest(f"mode must be one of {', '.join(MODES)}")
    if key is not None and not (isinstance(key, str) and key):
        raise BadRequest("key must be a non-empty string")
    numbers = {name: wanted[name] for name in _NUMBER_FIELDS if wanted.get(name) is not None}
    for name, value in numbers.items():
        types = _NUMBER_FIELDS[name]
        if type(value) not in types or not 0 <= value <= _MAX_NUMBER:
            kind = "number" if float in types else "whole number"
            raise BadRequest(f"{name} must be a {kind} from 0 to {_MAX_NUMBER}")
    if mode == "ok":
        return key, None
    return key, Fault(
        mode=mode,
        until=now + numbers["seconds"] if "seconds" in numbers else None,
        requests_left=numbers.get("requests"),
        retry_after=numbers.get("retry_after"),
        delay_seconds=numbers.get("delay", _SLOW_SECONDS),
    )
