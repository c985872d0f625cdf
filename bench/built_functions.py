"""Start the built functions under AWS's runtime interface emulator.

Python writes no bytecode next to the built code, so a module without shipped bytecode is compiled at each start, as on
Lambda's read-only file system.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.fake_services import QUEUE_URL
from bench.harness import ROOT
from shopwire_dev.aws import TABLE
from tools.invoke import (
    PYTHON,
    STACK,
    STACK_ID,
    Function,
    RunningFunction,
    built_function,
    find_emulator,
    run_function,
)

# Build folder and logical name of each function.
SHOPWIRE = (ROOT / ".aws-sam/build", "Webhook")
USUAL = (ROOT / ".aws-sam/usual", "Usual")
EMPTY = (ROOT / ".aws-sam/usual", "Empty")

_KNOWN_NAMES = {"AWS::StackName": STACK, "AWS::StackId": STACK_ID, "Table": TABLE, "RetryQueue": QUEUE_URL}
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_INVOCATION = re.compile(r"INVOKE RTDONE\(.*duration: ([0-9.]+)ms\)")


def load_function(build_and_name: tuple[Path, str], services_url: str) -> Function:
    """Return a built function that calls AWS and the API at the address of the fake services."""
    build, name = build_and_name
    function = built_function(name, build, _KNOWN_NAMES)
    api = dict.fromkeys(("SHOPWIRE_ESPUTNIK_URL", "ESPUTNIK_URL"), f"{services_url}/api/")
    return replace(function, environment={**function.environment, "AWS_ENDPOINT_URL": services_url, **api})


@contextmanager
def execution_environment(function: Function) -> Iterator[tuple[RunningFunction, Callable[[], str]]]:
    """Run the function in a new execution environment while the block runs.

    Yields:
        The running function, and a callable that returns its log so far.
    """
    emulator, python = find_emulator(ROOT / ".venv-sam"), ROOT / PYTHON
    with (
        tempfile.NamedTemporaryFile("w+", encoding="utf-8") as log,
        run_function(function, log, emulator=emulator, python=python) as running,
    ):
        yield running, lambda: Path(log.name).read_text(encoding="utf-8")


def init_and_invocation(log: str) -> tuple[float, float]:
    """Return the durations of INIT and of the first invocation in milliseconds, from the emulator's log.

    Raises:
        ValueError: the log does not have both.
    """
    init, invocation = _INIT.search(log), _INVOCATION.search(log)
    if not init or not invocation:
        raise ValueError(f"the function did not complete its first invocation:\n{log}")
    return float(init[1]), float(invocation[1])


def function_process(emulator: int) -> int:
    """Return the ID of the function's process, which is the only child of the emulator's threads."""
    tasks = Path(f"/proc/{emulator}/task").glob("*/children")
    (child,) = (int(pid) for task in tasks for pid in task.read_text(encoding="utf-8").split())
    return child


def webhook_status(response: str) -> str:
    """Return the status of a webhook from the function's response.

    Raises:
        ValueError: the function failed.
    """
    parsed = json.loads(response)
    if parsed.get("statusCode") != 200:
        raise ValueError(response)
    return str(json.loads(parsed["body"])["status"])


def check_delivered(response: str) -> None:
    """Check that the webhook was delivered.

    Raises:
        ValueError: it was not delivered.
    """
    if webhook_status(response) != "delivered":
        raise ValueError(response)
