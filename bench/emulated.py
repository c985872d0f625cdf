"""Built functions under AWS's runtime interface emulator, as the rows of the bench start them.

A function's tree is as good as read-only: Python writes no bytecode, so what isn't shipped is compiled at each start.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.harness import ROOT
from bench.parts import QUEUE_URL
from shopwire_dev.aws import TABLE
from tools.invoke import PYTHON, STACK, STACK_ID, Function, Started, built, emulator_in, started

SHOPWIRE = (ROOT / ".aws-sam/build", "Webhook")
USUAL = (ROOT / ".aws-sam/usual", "Usual")
EMPTY = (ROOT / ".aws-sam/usual", "Empty")

_KNOWN = {"AWS::StackName": STACK, "AWS::StackId": STACK_ID, "Table": TABLE, "RetryQueue": QUEUE_URL}
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_INVOCATION = re.compile(r"INVOKE RTDONE\(.*duration: ([0-9.]+)ms\)")


def function(which: tuple[Path, str], parts: str) -> Function:
    """A built function whose world is at that address."""
    build, name = which
    one = built(name, build, _KNOWN)
    api = dict.fromkeys(("SHOPWIRE_ESPUTNIK_URL", "ESPUTNIK_URL"), f"{parts}/api/")
    return replace(one, environment={**one.environment, "AWS_ENDPOINT_URL": parts, **api})


@contextmanager
def environment(one: Function) -> Iterator[tuple[Started, Callable[[], str]]]:
    """The function in an environment of its own, and what its log says so far."""
    emulator, python = emulator_in(ROOT / ".venv-sam"), ROOT / PYTHON
    with (
        tempfile.NamedTemporaryFile("w+", encoding="utf-8") as log,
        started(one, log, emulator=emulator, python=python) as running,
    ):
        yield running, lambda: Path(log.name).read_text(encoding="utf-8")


def init_and_invocation(log: str) -> tuple[float, float]:
    """Milliseconds of INIT and of the first invocation, as the emulator tells them.

    Raises:
        ValueError: the function did not come so far.
    """
    init, invocation = _INIT.search(log), _INVOCATION.search(log)
    if not init or not invocation:
        raise ValueError(f"not started:\n{log}")
    return float(init[1]), float(invocation[1])


def functions_process(emulator: int) -> int:
    """The id of the function's process, the emulator's only child (of one of its threads)."""
    tasks = Path(f"/proc/{emulator}/task").glob("*/children")
    (child,) = (int(one) for task in tasks for one in task.read_text(encoding="utf-8").split())
    return child


def answered(answer: str) -> str:
    """The status that a webhook was answered with.

    Raises:
        ValueError: the function failed.
    """
    said = json.loads(answer)
    if said.get("statusCode") != 200:
        raise ValueError(answer)
    return str(json.loads(said["body"])["status"])


def delivered(answer: str) -> None:
    """Nothing, if the webhook was delivered.

    Raises:
        ValueError: it was not.
    """
    if answered(answer) != "delivered":
        raise ValueError(answer)
