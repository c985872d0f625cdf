"""Fakes of the AWS services and of the API behind one socket, in a process of their own.

    python -m bench.fake_services [FAIL_EVERY]

The services are the simulation's fakes, because moto takes longer than the function that is measured. Even these fakes
account for a fifth of the measured time. Once frozen, they repeat their last response to a call of the same kind. The
server understands only as much of HTTP as botocore and urllib3 write.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from botocore.exceptions import ClientError
from botocore.session import get_session

from shopwire_dev.aws import SHOPS_PATH, TABLE
from shopwire_dev.demo_shops import demo_settings
from shopwire_simulation.fakes import FakeDynamoDB, FakeQueue, FakeSSM

QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/000000000000/retry.fifo"

_HEAD = b"HTTP/1.1 %d -\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n"

_FREEZE = "freeze"

StatusAndBody = tuple[int, bytes]


class FakeServices:
    """The services behind the socket.

    Args:
        fail_every: every n-th request to the API gets status 503. 0: none does.
    """

    def __init__(self, fail_every: int = 0) -> None:
        self._fail_every = fail_every
        self._requests = 0
        self._frozen = False
        self._last_responses: dict[tuple[str, str], StatusAndBody] = {}
        ssm = FakeSSM()
        for id, settings in demo_settings().items():
            ssm.put_parameter(Name=SHOPS_PATH + id, Value=json.dumps(settings), Type="SecureString")
        self._services = {
            "DynamoDB_20120810": FakeDynamoDB(_now, table=TABLE),
            "AmazonSQS": FakeQueue(_now, url=QUEUE_URL),
            "AmazonSSM": ssm,
        }
        self._methods = _methods_by_operation()

    def respond(self, target: str, body: bytes) -> StatusAndBody:
        """Return the response to a request.

        Args:
            target: X-Amz-Target of a request to AWS, or "" for a request to the API.
            body: the request's body.

        Raises:
            KeyError: the services are frozen and have not seen a call of this kind before.
        """
        if not target:
            self._requests += 1
            fails = self._fail_every and self._requests % self._fail_every == 0
            return (503, b"{}") if fails else (200, b"{}")
        if target == _FREEZE:
            self._frozen = True
            return 200, b"{}"
        arguments = json.loads(body)
        kind = target, arguments.get("UpdateExpression", "")
        if not self._frozen:
            self._last_responses[kind] = self._call(target, arguments)
        return self._last_responses[kind]

    def _call(self, target: str, arguments: dict[str, Any]) -> StatusAndBody:
        service, _, operation = target.partition(".")
        method: Callable[..., Any] = getattr(self._services[service], self._methods[operation])
        try:
            return 200, json.dumps(method(**arguments)).encode()
        except ClientError as error:
            response: Any = error.response
            body = {"__type": response["Error"]["Code"], "message": response["Error"]["Message"]}
            return 400, json.dumps(body | ({"Item": response["Item"]} if "Item" in response else {})).encode()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _methods_by_operation() -> dict[str, str]:
    """Return the client method of each operation, like UpdateItem -> update_item."""
    session = get_session()
    clients = (session.create_client(name, region_name="eu-central-1") for name in ("dynamodb", "sqs", "ssm"))
    return {operation: method for client in clients for method, operation in client.meta.method_to_api_mapping.items()}


class _Connection(asyncio.Protocol):
    """A persistent connection that handles one request after the other."""

    def __init__(self, services: FakeServices) -> None:
        self._services = services
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            lines = self._buffer[:end].decode("latin-1").split("\r\n")[1:]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", "0"))
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            status, response = self._services.respond(headers.get("x-amz-target", ""), body)
            self._transport.write(_HEAD % (status, len(response)) + response)


async def _serve(services: FakeServices) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(services), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def fake_services(fail_every: int = 0) -> Iterator[str]:
    """Run the services in a process of their own while the block runs, and yield their address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.fake_services", str(fail_every)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def freeze(address: str) -> None:
    """Let the services repeat their last response to each kind of AWS call, without looking at the call's arguments.

    Calls of one kind have the same operation and the same update expression.
    """
    urlopen(Request(address, data=b"", headers={"X-Amz-Target": _FREEZE})).close()


if __name__ == "__main__":
    asyncio.run(_serve(FakeServices(int(sys.argv[1]) if sys.argv[1:] else 0)))
