"""The API emulator. It refuses what the API refuses. Where the API ignores an event, it ignores it too and says why.

There is one account per API key. This module keeps the accounts and injects faults, `routes` serves a request, the
modules of the resources (`events`, `contacts`, `imports`, `orders`) define what the API does with it, and `endpoints`
serves everything over HTTP. The caller provides the clock.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from shopwire_emulator.account import Account, JsonObject
from shopwire_emulator.errors import BadRequest
from shopwire_emulator.faults import MODES, REJECTING_MODES, Fault, parse_fault
from shopwire_emulator.routes import RESULT_HEADER, Response, serve
from shopwire_emulator.settings import change_settings

__all__ = ["DEMO_KEY", "MODES", "RESULT_HEADER", "BadRequest", "Emulator", "Response"]

DEMO_KEY = "demo-key"


class Emulator:
    """The API.

    Args:
        clock: returns seconds. The limits of requests a second count each whole second of it.
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
            if fault and fault.mode in REJECTING_MODES:
                if key:
                    self._account(key).requests += 1
                headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
                return Response(REJECTING_MODES[fault.mode], {"error": f"fault: {fault.mode}"}, headers)
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

    def order(self, id: str, key: str = DEMO_KEY) -> Mapping[str, str] | None:
        """Return what the account holds of an order, or None if it has no such order."""
        account = self._accounts.get(key)
        return account.orders.get(id) if account else None

    def state(self, key: str = DEMO_KEY) -> JsonObject:
        """Return everything that the account holds (GET /esputnik/state)."""
        with self._lock:
            account = self._accounts.get(key) or Account()
            account.finish_jobs(self._clock())
            return account.state()

    def change_account(self, wanted: Any, key: str = DEMO_KEY) -> JsonObject:
        """Change settings of an account and return all of them (POST /esputnik/account).

        Raises:
            BadRequest: the text names the setting.
        """
        if not isinstance(wanted, dict):
            raise BadRequest("the body must be an object with settings")
        with self._lock:
            account = self._account(key)
            account.settings = change_settings(account.settings, wanted)
            return asdict(account.settings)

    def reset(self) -> None:
        """Delete all accounts, with their settings, and all faults."""
        with self._lock:
            self._accounts.clear()
            self._faults.clear()

    def set_fault(self, wanted: Any) -> None:
        """Inject or end a fault (POST /esputnik/faults). The field `key` restricts it to one API key.

        Raises:
            BadRequest: the text names the field.
        """
        key, fault = parse_fault(wanted, self._clock())
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

    def fault_limits(self, key: str | None = None) -> tuple[float | None, int | None]:
        """Return after how many seconds and requests the fault of this key ends. None: not after any."""
        with self._lock:
            fault = self._find_fault(key)
            if fault is None:
                return None, None
            return None if fault.until is None else fault.until - self._clock(), fault.requests_left

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
        account, now = self._account(key), self._clock()
        account.requests += 1
        account.finish_jobs(now)
        return serve(account, method, path, query, body, now)
