"""The API's emulator, as strict as the real one: what it would ignore without a word, this one ignores and says why.

One account an API key. What goes wrong on demand is here, what the API does is `esputnik_rules`, the HTTP face is
`esputnik_http`. The clock is given.
"""

import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shopwire_emulator.rules import Account, BadRequest, Fields, erase, parse, take_contact, take_event

__all__ = ["DEMO_KEY", "MODES", "SAYS", "BadRequest", "Emulator", "Fault", "Reply"]

DEMO_KEY = "demo-key"

_REFUSED = {"down": 0, "error": 500, "throttle": 429, "unauthorized": 401, "bad_request": 400}
"""Mode -> status of all answers, nothing being taken."""
MODES = ("ok", *_REFUSED, "slow", "lost_answer")
SAYS = "X-Emulator-Says"
"""Header of an answer, for the inspector: the body or, what the real API never says, whether an event was saved and
why not. JSON."""
_SLOW_SECONDS = 30.0
_NUMBERS = {"retry_after": (int,), "requests": (int,), "seconds": (int, float), "delay": (int, float)}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Status 0: none, the connection breaks. `delay` in seconds before it comes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(slots=True)
class Fault:
    """What goes wrong, until when (seconds of the clock) or for how many requests more."""

    mode: str
    until: float | None
    left: int | None
    retry_after: int | None
    delay: float


class Emulator:
    """The API. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}
        self._faults: dict[str | None, Fault] = {}
        """By key; None: everybody's."""

    def handle(self, key: str | None, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request below /api/ ("v1/event"), with the fault that is on."""
        with self._lock:
            fault = self._current_fault(key)
            if fault and fault.mode in _REFUSED:
                if key:
                    self._account(key).requests += 1
                headers = (
                    {"Retry-After": str(fault.retry_after_seconds)} if fault.retry_after_seconds is not None else {}
                )
                return Reply(_REFUSED[fault.mode], {"error": f"fault: {fault.mode}"}, headers)
            taken = self._take(key, method, path, query, body)
            if fault is None:
                return taken
            return Reply(0) if fault.mode == "lost_answer" else replace(taken, delay=fault.delay)

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
            account = self._accounts.get(key) or Account()
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
            self._faults.clear()

    def set_fault(self, wanted: Any) -> None:
        """Let something go wrong: POST /esputnik/faults, for one key where it names one ("key").

        Raises:
            BadRequest: naming the field.
        """
        key, fault = _fault(wanted, self._clock())
        with self._lock:
            if fault:
                self._faults[key] = fault
            elif key is None:
                self._faults.clear()
            else:
                self._faults.pop(key, None)

    def fault(self, key: str | None = None) -> str:
        """The mode that the next request of this key finds."""
        with self._lock:
            fault = self._find_fault(key)
            return fault.mode if fault else "ok"

    def _current_fault(self, key: str | None) -> Fault | None:
        fault = self._find_fault(key)
        if fault and fault.left is not None:
            fault.left -= 1
        return fault

    def _find_fault(self, key: str | None) -> Fault | None:
        for whose in (key, None):
            fault = self._faults.get(whose)
            if fault is None:
                continue
            if (fault.until is not None and self._clock() >= fault.until) or fault.left == 0:
                del self._faults[whose]
                continue
            return fault
        return None

    def _account(self, key: str) -> Account:
        return self._accounts.setdefault(key, Account())

    def _take(self, key: str | None, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        if not key:
            return Reply(401, {"error": "Basic auth: any user, the API key as the password"})
        account = self._account(key)
        account.requests += 1
        try:
            if (method, path) == ("POST", "v1/event"):
                take_event(account, parse(body))
                last = account.events[-1]
                return _reply(200, {}, {"saved": last["saved"], "reason": last["reason"]})
            if (method, path) == ("POST", "v1/contact"):
                return _reply(200, {"id": take_contact(account, parse(body))})
            if (method, path) == ("DELETE", "v1/contact"):
                return Reply(200, {}) if erase(account, query) else Reply(404, {"error": "no such contact"})
        except BadRequest as error:
            return _reply(400, {"error": str(error)})
        return Reply(404, {"error": f"{method} {path} is not emulated"})


def _reply(status: int, body: Fields, said: Fields | None = None) -> Reply:
    return Reply(status, body, {SAYS: json.dumps(said or body)})


def _fault(wanted: Any, now: float) -> tuple[str | None, Fault | None]:
    """Whose fault (None: everybody's), and which (None: none any more)."""
    if not isinstance(wanted, dict):
        raise BadRequest("an object with a mode is needed")
    if unknown := wanted.keys() - {"mode", "key", *_NUMBERS}:
        raise BadRequest(f"{', '.join(sorted(unknown))}: no such field")
    mode, key = wanted.get("mode"), wanted.get("key")
    if mode not in MODES:
        raise BadRequest(f"mode: one of {', '.join(MODES)}")
    if key is not None and not (isinstance(key, str) and key):
        raise BadRequest("key: an API key")
    numbers = {name: wanted[name] for name in _NUMBERS if wanted.get(name) is not None}
    for name, value in numbers.items():
        if type(value) not in _NUMBERS[name] or not math.isfinite(value) or value < 0:
            raise BadRequest(f"{name}: a {'whole ' if float not in _NUMBERS[name] else ''}number that is not negative")
    if mode == "ok":
        return key, None
    return key, Fault(
        mode=mode,
        until=now + numbers["seconds"] if "seconds" in numbers else None,
        left=numbers.get("requests"),
        retry_after=numbers.get("retry_after"),
        delay=numbers.get("delay", _SLOW_SECONDS),
    )
