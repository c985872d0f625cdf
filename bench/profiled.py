"""A part of `bench.warm`: the built `webhook` in the functions' interpreter, without the emulator, timed by part.

    python profiled.py < events > milliseconds of CPU by part

Runs where only the layer and the function are on the path, so nothing of this repository is imported here. Each part's
own time is counted: what a part calls of another one is the other one's.
"""

import gc
import importlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

# part -> where: module, and what of it
PARTS = {
    "read the gateway's event": ("shopwire.endpoints.webhook", "webhook_of"),
    "verify": ("shopwire.platforms.shopify", "Shopify.verify"),
    "parse and validate": ("shopwire.platforms.shopify", "Shopify.read"),
    "map and serialise": ("shopwire.delivery.handle", "order_steps"),
    "ledger: what to write": ("shopwire.stores.table", "Table.update"),
    "ledger: AWS's client": ("shopwire.stores.table", "Table._call"),
    "HTTP to the API": ("shopwire.esputnik", "Esputnik.send"),
    "log line": ("shopwire.endpoints.webhook", "report"),
    "the rest": ("shopwire.endpoints.webhook", "serve"),
}
_WARM_UP = 20


class Clock:
    """Gives the time to the part that is at work: this thread's of the CPU, or that of another clock `now`."""

    def __init__(self, parts: Iterable[str], now: Callable[[], int] = time.thread_time_ns) -> None:
        self.spent = dict.fromkeys(parts, 0)
        self._now = now
        self._at_work: list[str] = []
        self._since = 0

    def restart(self) -> None:
        self.spent = dict.fromkeys(self.spent, 0)

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._switch()
            self._at_work.append(part)
            try:
                return function(*arguments, **named)
            finally:
                self._switch()
                self._at_work.pop()

        return call

    def _switch(self) -> None:
        now = self._now()
        if self._at_work:
            self.spent[self._at_work[-1]] += now - self._since
        self._since = now


def found(module: str, path: str) -> tuple[Any, str]:
    """Who has it (the module, or a class in it), and under which name."""
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    return owner, name


class Context:
    """What Lambda tells a function of its invocation."""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        return 9_000


def main() -> None:
    """Invoke, and tell what an invocation took."""
    answer, sys.stdout = sys.stdout, sys.stderr  # where the function logs is not where the figures go
    sys.path[0] = os.getcwd()  # the function's folder, as its own runtime has it, instead of this script's
    app = importlib.import_module("app")
    clock = Clock(PARTS)
    for part, where in PARTS.items():
        owner, name = found(*where)
        setattr(owner, name, clock.timed(part, getattr(owner, name)))
    events = [json.loads(line) for line in sys.stdin]
    gc.collect()
    for number, event in enumerate(events):
        if number == _WARM_UP:
            clock.restart()
        event["requestContext"]["timeEpoch"] = time.time_ns() // 1_000_000
        app.handler(event, Context())
    counted = len(events) - _WARM_UP
    print(json.dumps({part: spent / counted / 1e6 for part, spent in clock.spent.items()}), file=answer)


if __name__ == "__main__":
    main()
