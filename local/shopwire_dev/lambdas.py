"""Local Lambda functions: they run the real app.py files, with one module per Lambda environment.

As in Lambda, an environment serves one invocation at a time and keeps its caches between invocations.
"""

import functools
import importlib.util
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.session

import shopwire

TIMEOUT_SECONDS = {"webhook": 10.0, "storefront": 10.0, "retry": 60.0, "upkeep": 50.0}
"""Function -> time limit, as in template.yaml."""

_FUNCTIONS_FOLDER = Path(shopwire.__file__).resolve().parents[2] / "functions"
_MAX_ENVIRONMENTS = 24


def queue_record(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event source mapping's record for a received message, with the fields that functions read."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }


class FunctionNotFound(Exception):
    """The function's app.py is missing, because shopwire does not run from its repository."""


class Context:
    """The context object that Lambda passes to a handler."""

    def __init__(self, function: str) -> None:
        self.function_name = function
        self.aws_request_id = str(uuid.uuid4())
        self._deadline = time.monotonic() + TIMEOUT_SECONDS[function]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class Function:
    """One function with its environments.

    Args:
        load: takes the function's name and returns the handler of a new environment.

    Raises:
        FunctionNotFound.
    """

    def __init__(self, name: str, load: Callable[[str], Callable[[Any, Any], Any]] | None = None) -> None:
        self.name = name
        self._load = load or functools.partial(_load, _path(name))
        self._free: list[Callable[[Any, Any], Any]] = []
        self._lock = threading.Lock()
        # Further invocations wait, as they do at the concurrency limit of an account.
        self._capacity = threading.Semaphore(_MAX_ENVIRONMENTS)

    def invoke(self, event: Any) -> Any:
        """Run the handler in a free environment, or in a new one if none is free, and return its result."""
        with self._capacity:
            with self._lock:
                handler = self._free.pop() if self._free else None
            handler = handler or self._load(self.name)
            try:
                return handler(event, Context(self.name))
            finally:
                with self._lock:
                    self._free.append(handler)

    def warm_up(self, environments: int, events: Iterable[Any]) -> None:
        """Create environments and let each handle the events.

        Args:
            environments: number of environments.
        """
        handlers = [self._load(self.name) for _ in range(environments)]
        for event in events:
            for handler in handlers:
                handler(event, Context(self.name))
        with self._lock:
            self._free += handlers


def _path(name: str) -> Path:
    path = _FUNCTIONS_FOLDER / name / "app.py"
    if not path.is_file():
        raise FunctionNotFound(f"{path} is missing: run shopwire from its repository (make install)")
    return path


def _load(path: Path, name: str) -> Callable[[Any, Any], Any]:
    spec = importlib.util.spec_from_file_location(f"shopwire_function_{name}_{uuid.uuid4().hex}", path)
    assert spec
    assert spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[Any, Any], Any] = module.handler
    return handler


# Each environment creates a botocore session, and each session would load the service descriptions again. That takes
# 40 MB and a third of a second. All environments share one process here, so they share the loader, which is read-only.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
