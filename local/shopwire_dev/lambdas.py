"""Lambda environments on one's own machine: the functions' own app.py files, one module an environment.

As in Lambda, an environment serves one invocation at a time and keeps what it cached between them.
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

TIMEOUTS = {"webhook": 10.0, "storefront": 10.0, "retry": 60.0, "upkeep": 50.0}
"""Seconds, as in template.yaml."""

_FUNCTIONS = Path(shopwire.__file__).resolve().parents[2] / "functions"
_MOST_ENVIRONMENTS = 24


def queue_record(message: Mapping[str, Any]) -> dict[str, Any]:
    """What the event source mapping makes of a received message, as far as the functions read it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }


class NoFunctions(Exception):
    """The functions' folder is not where it belongs."""


class Context:
    """What Lambda tells a function of its invocation."""

    def __init__(self, function: str) -> None:
        self.function_name = function
        self.aws_request_id = str(uuid.uuid4())
        self._end = time.monotonic() + TIMEOUTS[function]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - time.monotonic()) * 1000))


class Function:
    """One function with its environments.

    Args:
        load: makes the handler of a new environment.

    Raises:
        NoFunctions.
    """

    def __init__(self, name: str, load: Callable[[str], Callable[[Any, Any], Any]] | None = None) -> None:
        self.name = name
        self._load = load or functools.partial(_load, _path(name))
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

    def warm_up(self, environments: int, events: Iterable[Any]) -> None:
        """Make so many environments, each of which has seen these events."""
        made = [self._load(self.name) for _ in range(environments)]
        for event in events:
            for handler in made:
                handler(event, Context(self.name))
        with self._lock:
            self._free += made


def _path(name: str) -> Path:
    path = _FUNCTIONS / name / "app.py"
    if not path.is_file():
        raise NoFunctions(f"{path} is missing: run shopwire from its repository (make install)")
    return path


def _load(path: Path, name: str) -> Callable[[Any, Any], Any]:
    spec = importlib.util.spec_from_file_location(f"shopwire_function_{name}_{uuid.uuid4().hex}", path)
    assert spec
    assert spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[Any, Any], Any] = module.handler
    return handler


# Each environment makes its own botocore session, and each session reads the services' descriptions anew: 40 MB and a
# third of a second. In Lambda an environment is a process; here they share what none of them changes.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
