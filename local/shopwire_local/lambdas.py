"""Lambda environments on one's own machine: the functions' own app.py files, one module an environment.

As in Lambda, an environment serves one invocation at a time and keeps what it cached between them.
"""

import importlib.util
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import shopwire

TIMEOUTS = {"webhook": 10.0, "retry": 60.0, "upkeep": 50.0}
"""Seconds, as in template.yaml."""

_FUNCTIONS = Path(shopwire.__file__).resolve().parents[2] / "functions"
_MOST_ENVIRONMENTS = 8


class NoFunctions(Exception):
    """The functions' folder is not where it belongs."""


class Context:
    """What Lambda tells a function of its invocation."""

    memory_limit_in_mb = 256

    def __init__(self, function: str) -> None:
        self.function_name = function
        self.aws_request_id = str(uuid.uuid4())
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function}"
        self._end = time.monotonic() + TIMEOUTS[function]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - time.monotonic()) * 1000))


class Function:
    """One function with its environments.

    Args:
        load: makes the handler of a new environment.
    """

    def __init__(self, name: str, load: Callable[[str], Callable[[Any, Any], Any]] | None = None) -> None:
        self.name = name
        self._load = load or _load
        self._free: list[Callable[[Any, Any], Any]] = []
        self._lock = threading.Lock()
        # Beyond this many the rest waits, as beyond an account's concurrency.
        self._places = threading.Semaphore(_MOST_ENVIRONMENTS)

    def invoke(self, event: Any) -> Any:
        """Run the handler in a free environment, or a new one."""
        with self._places:
            with self._lock:
                handler = self._free.pop() if self._free else None
            handler = handler or self._load(self.name)
            try:
                return handler(event, Context(self.name))
            finally:
                with self._lock:
                    self._free.append(handler)


def _load(name: str) -> Callable[[Any, Any], Any]:
    path = _FUNCTIONS / name / "app.py"
    if not path.is_file():
        raise NoFunctions(f"{name}/app.py is missing: shopwire must be installed from its repository, editable")
    spec = importlib.util.spec_from_file_location(f"shopwire_function_{name}_{uuid.uuid4().hex}", path)
    assert spec
    assert spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[Any, Any], Any] = module.handler
    return handler
