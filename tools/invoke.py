"""Run a built function under AWS's runtime interface emulator (run by `make invoke EVENT=events/...`).

The event's shape selects the function. The function finds the same embedded AWS services and the same API emulator as
in `shopwire dev`. Its response goes to stdout. Its log and the durations of INIT and of the invocation go to stderr. As
in Lambda, the function sees only its own folder and the layer, and no package of this machine's Python."""

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

STACK = "dev"  # The embedded services keep the shops' settings below this stack's path.
STACK_ID = f"arn:aws:cloudformation:{REGION}:000000000000:stack/{STACK}/00000000-0000-0000-0000-000000000000"
_BUILD = Path(".aws-sam/build")
PYTHON = Path(".venv-lambda/bin/python")
_EMULATOR = "lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
_LISTEN_TIMEOUT_SECONDS = 10
# The emulator starts INIT with the first invocation and allows it 10 s, as Lambda does.
_INIT_TIMEOUT_SECONDS = 10
_INVOCATION_URL = "http://{address}/2015-03-31/functions/function/invocations"
_INIT_REPORT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_INVOKE_DONE = re.compile(r"INVOKE RTDONE\(.*duration: ([0-9.]+)ms\)")
_EMULATOR_LINE = re.compile(r"\(rapid\)|^(START|END|REPORT) RequestId: ")


class InvokeError(Exception):
    """The function cannot be invoked. The message says what to fix: the event file, or a missing build."""


@dataclass(frozen=True, slots=True)
class Function:
    """A built function.

    Args:
        name: logical name in the template.
        folder: folder with the function's code.
        layer: the layer's folder for Python's path, or None if the template has no layer.
        timeout: seconds.
        memory: MiB.
        environment: the template's environment variables.
    """

    name: str
    folder: Path
    layer: Path | None
    timeout: int
    memory: int
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one invocation.

    Args:
        response: the function's response, or why there is none.
        log: all log lines, those of the emulator included.
    """

    response: str
    log: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Return True after an exception, a timeout, a dead process, or a response with status 500 or above."""
        try:
            response = json.loads(self.response)
        except ValueError:
            return True
        if not isinstance(response, dict):
            return False
        return "errorMessage" in response or int(response.get("statusCode", 200)) >= 500

    @property
    def function_log(self) -> list[str]:
        """Return the function's own log lines."""
        return [line for line in self.log if not _EMULATOR_LINE.search(line)]

    @property
    def durations(self) -> str:
        """Return a text like "INIT 612.1 ms, invocation 41.7 ms". It leaves out a phase that did not end."""
        text = "\n".join(self.log)
        found = (("INIT", _INIT_REPORT.search(text)), ("invocation", _INVOKE_DONE.search(text)))
        return ", ".join(f"{phase} {float(match[1]):.1f} ms" for phase, match in found if match)


def function_for(event: Any) -> str:
    """Return the logical name of the function that handles events of this shape.

    Raises:
        InvokeError: no function handles such events.
    """
    if isinstance(event, dict):
        if "http" in event.get("requestContext", {}):
            return "Storefront" if str(event.get("rawPath")).startswith("/storefront/") else "Webhook"
        if any(record.get("eventSource") == "aws:sqs" for record in event.get("Records", [])):
            return "Retry"
        if event.get("source") == "aws.events":
            return "Upkeep"
    raise InvokeError("this is not an event of an HTTP API, of a queue or of a schedule: use a file of events/")


def with_current_time(event: dict[str, Any], now: int) -> dict[str, Any]:
    """Return the event as if it arrived now.

    The event files have a fixed time. Without this change, a webhook's time budget would be over, and a queued message
    would be given up because of its age.

    Args:
        event: an event of `events/`.
        now: UTC milliseconds.
    """
    match event:
        case {"requestContext": {"http": _} as context}:
            return {**event, "requestContext": {**context, "timeEpoch": now}}
        case {"Records": list(records)}:
            messages = [{**json.loads(record["body"]), "received_at": now} for record in records]
            return {
                "Records": [
                    {**record, "body": json.dumps(message)} for record, message in zip(records, messages, strict=True)
                ]
            }
    return event


def built_function(name: str, build: Path, known: Mapping[str, str]) -> Function:
    """Read a function from a built template.

    Args:
        name: logical name of the function.
        build: folder that `sam build` wrote.
        known: values that only a deployment knows: the names of the queue, the table and the stack.

    Raises:
        InvokeError: the template is not built yet.
        KeyError: a variable refers to a name that is not in `known`.
    """
    file = build / "template.yaml"
    if not file.is_file():
        raise InvokeError(f"{file} is missing: run `make invoke`, which builds first")
    template = load(file)
    defaults = {parameter: str(properties["Default"]) for parameter, properties in template["Parameters"].items()}
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
        environment={variable: resolve(value, {**defaults, **known}) for variable, value in variables.items()},
    )


@dataclass(frozen=True, slots=True)
class RunningFunction:
    """A function that waits for events in an execution environment of its own.

    Args:
        address: host and port of the emulator.
        timeout: the function's timeout in seconds.
        process: process ID of the emulator. The function's process is its child.
    """

    address: str
    timeout: int
    process: int

    def invoke(self, event: bytes) -> str:
        """Send one event to the function and return its response.

        Raises:
            OSError: the function did not respond.
        """
        request = Request(_INVOCATION_URL.format(address=self.address), data=event)
        with urlopen(request, timeout=_INIT_TIMEOUT_SECONDS + self.timeout + 5) as reply:
            response: bytes = reply.read()
        return response.decode()


def invoke(function: Function, event: bytes, *, emulator: Path, python: Path) -> Result:
    """Start the function in a new execution environment and send it one event.

    Args:
        function: the function to start.
        event: the event as JSON.
        emulator: AWS's runtime interface emulator.
        python: an interpreter that has the runtime interface client and nothing else.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        try:
            with run_function(function, log, emulator=emulator, python=python) as running:
                response = running.invoke(event)
        except OSError as error:
            response = f"no response: {error}"
        log.seek(0)
        return Result(response, tuple(log.read().splitlines()))


@contextmanager
def run_function(function: Function, log: IO[str], *, emulator: Path, python: Path) -> Iterator[RunningFunction]:
    """Run the function under the emulator while the block runs. INIT starts with the first event.

    Args:
        function: the function to start.
        log: file for the output of the emulator and of the function.
        emulator: AWS's runtime interface emulator.
        python: an interpreter that has the runtime interface client and nothing else.

    Raises:
        OSError: the emulator does not start.
    """
    address, runtime_address = (f"127.0.0.1:{port}" for port in _free_ports(2))
    command = [
        str(emulator.absolute()),
        *("--runtime-interface-emulator-address", address),
        *("--runtime-api-address", runtime_address),
        *(str(python.absolute()), "-m", "awslambdaric", "app.handler"),
    ]
    process = subprocess.Popen(
        command, cwd=function.folder, env=process_variables(function), stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    try:
        _wait_until_listening(address, process)
        yield RunningFunction(address, function.timeout, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def process_variables(function: Function) -> dict[str, str]:
    """Return all environment variables of the function's process."""
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
        # Lambda's file system is read-only. Without this, a second start here would find the bytecode of the first one
        # and would be faster than a start in Lambda.
        "PYTHONDONTWRITEBYTECODE": "1",
        **function.environment,
    }


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]
    finally:
        for bound in sockets:
            bound.close()


def _wait_until_listening(address: str, process: subprocess.Popen[bytes]) -> None:
    host, port = address.split(":")
    end = time.monotonic() + _LISTEN_TIMEOUT_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.02)


def find_emulator(environment: Path) -> Path:
    """Return the path of AWS's runtime interface emulator for this machine.

    Args:
        environment: virtual environment of the SAM command line, which contains the emulator.

    Raises:
        InvokeError: the emulator is not there.
    """
    machine = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    found = sorted(environment.glob(_EMULATOR.format(machine=machine)))
    if not found:
        raise InvokeError(f"{environment} has no runtime interface emulator for {machine}: run `make invoke`")
    return found[-1]


@contextmanager
def local_services() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Run the embedded AWS services with the demo shops, and the API emulator, while the block runs.

    Yields:
        The values that the template refers to, and the environment variables that lead to these services.
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
    """Invoke the function that handles the event. Exit 0 if it responds, 1 if it fails, 2 if it cannot be invoked."""
    parser = argparse.ArgumentParser(prog="make invoke", description=main.__doc__)
    parser.add_argument("event", type=Path, help="a file of events/")
    parser.add_argument("--build", type=Path, default=_BUILD, help="folder that sam build wrote (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        event = json.loads(options.event.read_bytes())
        name = function_for(event)
        emulator = find_emulator(Path(".venv-sam"))
        with local_services() as (known, variables):
            function = built_function(name, options.build, known)
            function = replace(function, environment={**function.environment, **variables})
            current = json.dumps(with_current_time(event, time.time_ns() // 1_000_000)).encode()
            result = invoke(function, current, emulator=emulator, python=PYTHON)
    except (OSError, ValueError, InvokeError) as error:
        print(f"{options.event}: {error}", file=sys.stderr)
        return 2
    print("\n".join(result.log if result.failed else result.function_log), file=sys.stderr)
    print(f"{name}: {result.durations}", file=sys.stderr)
    print(result.response)
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
