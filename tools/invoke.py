"""Runs a function as `sam build` packed it, under AWS's runtime interface emulator: `make invoke EVENT=events/...`.

The event's shape says which function it is for. Around it stand the embedded AWS parts and the API emulator that
`shopwire dev` has too. The function's answer goes to stdout; its log, and how long INIT and the invocation took, to
stderr. Nothing of this machine's Python is lent to the function: it sees its folder and the layer, as in Lambda.
"""

import argparse
import json
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any
from urllib.request import Request, urlopen

from shopwire_dev.aws import REGION, TABLE, Aws
from shopwire_dev.demo_shops import demo_settings, parse_shops
from shopwire_emulator.emulator import Emulator
from shopwire_emulator.endpoints import make_application
from shopwire_wsgi import Server
from tools.template import load, resolve

STACK = "dev"  # so that the template's path of the shops is the embedded parts'
STACK_ID = f"arn:aws:cloudformation:{REGION}:000000000000:stack/{STACK}/00000000-0000-0000-0000-000000000000"
_BUILD = Path(".aws-sam/build")
PYTHON = Path(".venv-lambda/bin/python")
_EMULATOR = "lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
_LISTENING_SECONDS = 10
# The emulator gives INIT ten seconds, as Lambda does, and starts it with the first invocation.
_INIT_SECONDS = 10
_INVOCATIONS = "http://{address}/2015-03-31/functions/function/invocations"
_INIT_REPORT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_INVOKE_DONE = re.compile(r"INVOKE RTDONE\(.*duration: ([0-9.]+)ms\)")
_EMULATORS_OWN = re.compile(r"\(rapid\)|^(START|END|REPORT) RequestId: ")


class NotRunnable(Exception):
    """What the user has to mend: the event, or what should have been built before."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as built: where it lies, its limits, its environment. `layer` is None for one without."""

    name: str
    folder: Path
    layer: Path | None
    timeout: int
    memory: int
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one invocation. `log` holds all lines, the emulator's own among them."""

    answer: str
    log: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """An exception, a time-out, a dead process, or an answer of 500 and above."""
        try:
            answer = json.loads(self.answer)
        except ValueError:
            return True
        if not isinstance(answer, dict):
            return False
        return "errorMessage" in answer or int(answer.get("statusCode", 200)) >= 500

    @property
    def functions_log(self) -> list[str]:
        return [line for line in self.log if not _EMULATORS_OWN.search(line)]

    @property
    def times(self) -> str:
        """ "INIT 612.1 ms, invocation 41.7 ms", as far as it came."""
        text = "\n".join(self.log)
        found = (("INIT", _INIT_REPORT.search(text)), ("invocation", _INVOKE_DONE.search(text)))
        return ", ".join(f"{what} {float(match[1]):.1f} ms" for what, match in found if match)


def function_of(event: Any) -> str:
    """The logical name, in the template, of the function that this event is for."""
    if isinstance(event, dict):
        if "http" in event.get("requestContext", {}):
            return "Storefront" if str(event.get("rawPath")).startswith("/storefront/") else "Webhook"
        if any(record.get("eventSource") == "aws:sqs" for record in event.get("Records", [])):
            return "Retry"
        if event.get("source") == "aws.events":
            return "Upkeep"
    raise NotRunnable("neither an HTTP API's, nor a queue's, nor a schedule's event")


def of_this_moment(event: dict[str, Any], now: int) -> dict[str, Any]:
    """The event as if it came just now: the files' time is fixed, and what is old has no time left, or is given up.

    Args:
        now: UTC milliseconds.
    """
    match event:
        case {"requestContext": {"http": _} as context}:
            return {**event, "requestContext": {**context, "timeEpoch": now}}
        case {"Records": list(records)}:
            bodies = [{**json.loads(record["body"]), "received_at": now} for record in records]
            return {"Records": [{**one, "body": json.dumps(body)} for one, body in zip(records, bodies, strict=True)]}
    return event


def built(name: str, build: Path, known: Mapping[str, str]) -> Function:
    """A function out of a built template.

    Args:
        name: Its logical name.
        build: The folder that `sam build` wrote.
        known: What the template refers to and only a deployment knows: the names of queue, table and stack.
    """
    file = build / "template.yaml"
    if not file.is_file():
        raise NotRunnable(f"{file} is missing: run make invoke, which builds first")
    template = load(file)
    defaults = {one: str(parameter["Default"]) for one, parameter in template["Parameters"].items()}
    common = template["Globals"]["Function"]
    own = template["Resources"][name]["Properties"]
    variables = {**common["Environment"]["Variables"], **own.get("Environment", {}).get("Variables", {})}
    layer = template["Resources"].get("Layer")
    return Function(
        name=name,
        folder=(build / own["CodeUri"]).resolve(),
        layer=(build / layer["Properties"]["ContentUri"] / "python").resolve() if layer else None,
        timeout=int(own.get("Timeout", common.get("Timeout"))),
        memory=int(own.get("MemorySize", common["MemorySize"])),
        environment={one: resolve(value, {**defaults, **known}) for one, value in variables.items()},
    )


@dataclass(frozen=True, slots=True)
class Started:
    """A function that waits for events, in an environment of its own."""

    address: str
    timeout: int
    process: int
    """The emulator's id; the function's process is its child."""

    def invoke(self, event: bytes) -> str:
        """Send it one event; its answer.

        Raises:
            OSError: there was none.
        """
        request = Request(_INVOCATIONS.format(address=self.address), data=event)
        with urlopen(request, timeout=_INIT_SECONDS + self.timeout + 5) as response:
            answer: bytes = response.read()
        return answer.decode()


def invoke(function: Function, event: bytes, *, emulator: Path, python: Path) -> Outcome:
    """Start the function in an environment of its own and send it one event.

    Args:
        emulator: AWS's runtime interface emulator.
        python: The interpreter that has the runtime interface client and nothing else.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        try:
            with started(function, log, emulator=emulator, python=python) as one:
                answer = one.invoke(event)
        except OSError as error:
            answer = f"no answer: {error}"
        log.seek(0)
        return Outcome(answer, tuple(log.read().splitlines()))


@contextmanager
def started(function: Function, log: IO[str], *, emulator: Path, python: Path) -> Iterator[Started]:
    """The function under the emulator, for as long as the block runs. INIT comes with the first event.

    Args:
        log: A file for what the emulator and the function say.
        emulator, python: As for `invoke`.

    Raises:
        OSError: it does not start.
    """
    address, runtime_address = (f"127.0.0.1:{port}" for port in _free_ports(2))
    command = [
        str(emulator.absolute()),
        *("--runtime-interface-emulator-address", address),
        *("--runtime-api-address", runtime_address),
        *(str(python.absolute()), "-m", "awslambdaric", "app.handler"),
    ]
    process = subprocess.Popen(
        command, cwd=function.folder, env=variables(function), stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    try:
        _wait_until_listening(address, process)
        yield Started(address, function.timeout, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def variables(function: Function) -> dict[str, str]:
    """All that the function's process is told."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "LAMBDA_TASK_ROOT": str(function.folder),
        "PYTHONPATH": str(function.layer or ""),
        # Lambda's tree is read-only: a start here must not be quicker than one there for the bytecode of the last.
        "PYTHONDONTWRITEBYTECODE": "1",
        **function.environment,
    }


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _wait_until_listening(address: str, process: subprocess.Popen[bytes]) -> None:
    host, port = address.split(":")
    end = time.monotonic() + _LISTENING_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.02)


def emulator_in(folder: Path) -> Path:
    """AWS's runtime interface emulator for this machine, as the sam command line brings it along.

    Raises:
        NotRunnable: it is not there.
    """
    machine = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    found = sorted(folder.glob(_EMULATOR.format(machine=machine)))
    if not found:
        raise NotRunnable(f"no runtime interface emulator for {machine} below {folder}: run make invoke")
    return found[-1]


@contextmanager
def surroundings() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """AWS's parts with the demo shops, and the API's emulator, for as long as the block runs.

    Yields:
        What the template refers to, and the variables that lead to this machine's parts instead of AWS and the API.
    """
    settings = demo_settings()
    aws = Aws("127.0.0.1", 0)
    api = Server(make_application(Emulator(time.monotonic), time.sleep), "127.0.0.1", 0)
    aws.start(parse_shops(settings).values(), settings)
    api.start()
    try:
        yield (
            {"AWS::StackName": STACK, "AWS::StackId": STACK_ID, "Table": TABLE, "RetryQueue": aws.queue_url},
            {"AWS_ENDPOINT_URL": aws.url, "SHOPWIRE_ESPUTNIK_URL": f"http://127.0.0.1:{api.port}/esputnik/api/"},
        )
    finally:
        api.stop()
        aws.stop()


def main(arguments: list[str] | None = None) -> int:
    """Invoke the function that an event file is for; 0 its answer came, 1 it failed, 2 it could not be tried."""
    parser = argparse.ArgumentParser(prog="make invoke", description=main.__doc__)
    parser.add_argument("event", type=Path, help="a file of events/")
    parser.add_argument("--build", type=Path, default=_BUILD, help="what sam build wrote (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        event = json.loads(options.event.read_bytes())
        name = function_of(event)
        emulator = emulator_in(Path(".venv-sam"))
        with surroundings() as (known, variables):
            function = built(name, options.build, known)
            function = replace(function, environment={**function.environment, **variables})
            sent = json.dumps(of_this_moment(event, time.time_ns() // 1_000_000)).encode()
            outcome = invoke(function, sent, emulator=emulator, python=PYTHON)
    except (OSError, ValueError, NotRunnable) as error:
        print(f"{options.event}: {error}", file=sys.stderr)
        return 2
    print("\n".join(outcome.log if outcome.failed else outcome.functions_log), file=sys.stderr)
    print(f"{name}: {outcome.times}", file=sys.stderr)
    print(outcome.answer)
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
