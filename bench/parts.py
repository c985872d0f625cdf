"""AWS's parts and the API, answering at once: the simulation's fakes behind a socket, in a process of their own.

    python -m bench.parts [FAIL_EVERY]

moto takes longer than the function that is measured, and even the fakes a fifth of its time: once frozen they say what
they last said to a call of that kind. The protocol is read just as far as botocore and urllib3 write it.
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

Answer = tuple[int, bytes]


class Parts:
    """What stands behind the socket.

    Args:
        fail_every: every so manieth request to the API is answered 503; 0: none.
    """

    def __init__(self, fail_every: int = 0) -> None:
        self._fail_every = fail_every
        self._requests = 0
        self._frozen = False
        self._said: dict[tuple[str, str], Answer] = {}
        ssm = FakeSSM()
        for id, settings in demo_settings().items():
            ssm.put_parameter(Name=SHOPS_PATH + id, Value=json.dumps(settings), Type="SecureString")
        self._services = {
            "DynamoDB_20120810": FakeDynamoDB(_now, table=TABLE),
            "AmazonSQS": FakeQueue(_now, url=QUEUE_URL),
            "AmazonSSM": ssm,
        }
        self._methods = _methods()

    def answer(self, target: str, body: bytes) -> Answer:
        """Status and body for a request to AWS (its X-Amz-Target) or, without one, to the API."""
        if not target:
            self._requests += 1
            fails = self._fail_every and self._requests % self._fail_every == 0
            return (503, b"{}") if fails else (200, b"{}")
        if target == _FREEZE:
            self._frozen = True
            return 200, b"{}"
        asked = json.loads(body)
        kind = target, asked.get("UpdateExpression", "")
        if not self._frozen:
            self._said[kind] = self._ask(target, asked)
        return self._said[kind]

    def _ask(self, target: str, asked: dict[str, Any]) -> Answer:
        service, _, operation = target.partition(".")
        call: Callable[..., Any] = getattr(self._services[service], self._methods[operation])
        try:
            return 200, json.dumps(call(**asked)).encode()
        except ClientError as error:
            response: Any = error.response
            said = {"__type": response["Error"]["Code"], "message": response["Error"]["Message"]}
            return 400, json.dumps(said | ({"Item": response["Item"]} if "Item" in response else {})).encode()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _methods() -> dict[str, str]:
    """Operation by operation, the name of a client's method: UpdateItem -> update_item."""
    session = get_session()
    clients = (session.create_client(name, region_name="eu-central-1") for name in ("dynamodb", "sqs", "ssm"))
    return {operation: method for client in clients for method, operation in client.meta.method_to_api_mapping.items()}


class _Connection(asyncio.Protocol):
    """One kept-open connection, one request after the other."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            lines = self._read[:end].decode("latin-1").split("\r\n")[1:]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", "0"))
            if len(self._read) < end + 4 + length:
                return
            body, self._read = self._read[end + 4 : end + 4 + length], self._read[end + 4 + length :]
            status, said = self._parts.answer(headers.get("x-amz-target", ""), body)
            self._transport.write(_HEAD % (status, len(said)) + said)


async def _serve(parts: Parts) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(parts), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def parts(fail_every: int = 0) -> Iterator[str]:
    """The parts in a process of their own, for as long as the block runs; their address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.parts", str(fail_every)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def freeze(address: str) -> None:
    """From now on a call to AWS is answered as the last of its kind was (the same operation with the same expression),
    whatever it says: without a look, at once."""
    urlopen(Request(address, data=b"", headers={"X-Amz-Target": _FREEZE})).close()


if __name__ == "__main__":
    asyncio.run(_serve(Parts(int(sys.argv[1]) if sys.argv[1:] else 0)))
