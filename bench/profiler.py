"""Measure the CPU time of the built `webhook` function by part, without the emulator (run by `bench.warm_invocation`).

    python profiler.py <events >milliseconds

It reads one event per line, and writes the milliseconds of each part as JSON. The functions' own interpreter runs it
with only the layer and the function on the path, so the script imports nothing of this repository. A part's time does
not include the time of another part that it calls."""

import gc
import importlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

# The function that each part consists of: its module, and its name there.
PARTS = {
    "read the gateway's event": ("shopwire.endpoints.webhook", "webhook_of"),
    "verify": ("shopwire.platforms.shopify", "Shopify.verify"),
    "parse and validate": ("shopwire.platforms.shopify", "Shopify.read"),
    "map and serialise": ("shopwire.delivery.decide", "order_steps"),
    "ledger: what to write": ("shopwire.stores.table", "Table.update"),
    "ledger: AWS's client": ("shopwire.stores.table", "Table._call"),
    "HTTP to the API": ("shopwire.esputnik", "Esputnik.send"),
    "log line": ("shopwire.endpoints.events", "report"),
    "the rest": ("shopwire.endpoints.webhook", "serve"),
}
_WARM_UP_EVENTS = 20


class PartTimer:
    """Adds up the time of each part.

    Args:
        parts: names of the parts.
        now: clock in nanoseconds. The default counts this thread's CPU time.
    """

    def __init__(self, parts: Iterable[str], now: Callable[[], int] = time.thread_time_ns) -> None:
        self.nanoseconds = dict.fromkeys(parts, 0)
        self._now = now
        self._running: list[str] = []
        self._since = 0

    def restart(self) -> None:
        self.nanoseconds = dict.fromkeys(self.nanoseconds, 0)

    def wrap(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time added to the part."""

        def call(*arguments: Any, **named: Any) -> Any:
            self._switch()
            self._running.append(part)
            try:
                return function(*arguments, **named)
            finally:
                self._switch()
                self._running.pop()

        return call

    def _switch(self) -> None:
        now = self._now()
        if self._running:
            self.nanoseconds[self._running[-1]] += now - self._since
        self._since = now


def locate(module: str, path: str) -> tuple[Any, str]:
    """Return the object that has the function (the module, or a class in it), and the function's name there."""
    *class_names, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for class_name in class_names:
        owner = getattr(owner, class_name)
    return owner, name


class Context:
    """The context object that Lambda passes to an invocation."""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        return 9_000


def main() -> None:
    """Invoke the handler with each event, and print the mean milliseconds of each part."""
    output, sys.stdout = sys.stdout, sys.stderr  # The function's log must not mix with the figures.
    sys.path[0] = os.getcwd()  # The function's folder instead of this script's folder, as in Lambda.
    app = importlib.import_module("app")
    timer = PartTimer(PARTS)
    for part, location in PARTS.items():
        owner, name = locate(*location)
        setattr(owner, name, timer.wrap(part, getattr(owner, name)))
    events = [json.loads(line) for line in sys.stdin]
    gc.collect()
    for number, event in enumerate(events):
        if number == _WARM_UP_EVENTS:
            timer.restart()
        event["requestContext"]["timeEpoch"] = time.time_ns() // 1_000_000
        app.handler(event, Context())
    counted = len(events) - _WARM_UP_EVENTS
    milliseconds = {part: nanoseconds / counted / 1e6 for part, nanoseconds in timer.nanoseconds.items()}
    print(json.dumps(milliseconds), file=output)


if __name__ == "__main__":
    main()
