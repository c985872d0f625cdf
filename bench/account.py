"""A fake AWS account that counts the billed units of all calls.

The services are the simulation's fakes on a virtual clock. Each call takes its service's latency. The account counts
the units that `bench.prices` has prices for. It does not know which candidate calls it."""

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from shopwire_dev.lambdas import queue_record
from shopwire_simulation.fakes import FakeDynamoDB, FakeQueue, FakeSSM
from shopwire_simulation.fakes.values import size

QUEUE_URL = "retry.fifo"
TABLE = "shopwire"
START = 1_790_000_000_000

_WRITE_UNIT_BYTES, _READ_UNIT_BYTES, _QUEUE_UNIT_BYTES = 1024, 4096, 64 * 1024
_VISIBILITY_MS = 360_000


@dataclass(slots=True)
class Bill:
    """The number of billed units, by unit.

    Args:
        by_webhook: units that webhooks cause.
        by_time: units that also arise without any webhook.
    """

    by_webhook: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_time: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def clear(self) -> None:
        self.by_webhook.clear()
        self.by_time.clear()


class Account:
    """An account with one table, one queue, the shops' settings, the API and the log.

    Args:
        mix: the contents of mix.json.
        mib: memory of each function.
        cpu_milliseconds: CPU time of one invocation on a whole processor, by the function's name.
        delay: milliseconds for which the queue delays a new message.
    """

    def __init__(
        self,
        mix: Mapping[str, Any],
        mib: Mapping[str, int],
        cpu_milliseconds: Mapping[str, float],
        delay: int = 0,
    ) -> None:
        self.now = START
        self.bill = Bill()
        self.cpu_used: dict[str, list[float]] = {}
        """CPU seconds of each invocation on this machine, without the fakes' own CPU time, by the function's name."""
        self.api_fails = False
        """The API's next response has status 503."""
        self._mix = mix
        self._mib = mib
        self._cpu = cpu_milliseconds
        self._counting = self.bill.by_webhook
        self._fakes_seconds = 0.0
        self._metrics: set[tuple[str, tuple[str, ...]]] = set()
        clock = lambda: self.now  # noqa: E731
        self.table = FakeDynamoDB(clock, table=TABLE)
        self.queue = FakeQueue(clock, url=QUEUE_URL, visibility=_VISIBILITY_MS, delay=delay)
        self.settings = FakeSSM()

    # -- for the functions

    def call(self, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        """Handle one AWS call."""
        start = time.thread_time()
        milliseconds = self._mix["milliseconds"]
        self.now += milliseconds.get(operation, milliseconds[service])
        try:
            return getattr(self, f"_{service}")(operation, arguments)
        finally:
            self._fakes_seconds += time.thread_time() - start

    def transport(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Handle one request to the API and return its status, headers and body."""
        start = time.thread_time()
        self.now += self._mix["milliseconds"]["api"]
        self._count("egress_bytes", len(body) + self._mix["bytes"]["request_to_the_api"])
        failed, self.api_fails = self.api_fails, False
        self._fakes_seconds += time.thread_time() - start
        return (503 if failed else 200), {}, b"{}"

    # -- counting

    @contextmanager
    def by_time(self) -> Iterator[None]:
        """Count the units of the block as caused by time, not by webhooks."""
        self._counting = self.bill.by_time
        yield
        self._counting = self.bill.by_webhook

    def invoke(self, function: str, handler: Callable[[], Any]) -> Any:
        """Count one invocation. Its duration is the latency of its calls plus its CPU time at the function's memory."""
        self._count("invocations", 1)
        start, cpu_start, self._fakes_seconds = self.now, time.thread_time(), 0.0
        result = handler()
        self.cpu_used.setdefault(function, []).append(time.thread_time() - cpu_start - self._fakes_seconds)
        # A function's share of a processor is proportional to its memory (AWS, "Configure Lambda function memory").
        slowdown = self._mix["mib_of_a_whole_cpu"] / self._mib[function]
        self._count_duration(function, ceil(self.now - start + self._cpu.get(function, 0) * slowdown))
        return result

    def cold_start(self, function: str) -> None:
        """Count the start of an execution environment."""
        self._count_duration(function, self._mix["milliseconds"]["cold_start"])

    def count_gateway(self, body: bytes, response: Mapping[str, Any]) -> None:
        """Count a request to the HTTP API and its response."""
        self._count("gateway_requests", ceil(len(body) / (512 * 1024)) or 1)
        self._count("egress_bytes", len(response["body"]) + self._mix["bytes"]["answer_of_the_gateway"])

    def count_time(self, milliseconds: int) -> None:
        """Count the polls of the empty queue and the hours of the metrics during this time."""
        self.bill.by_time["metric_hours"] += len(self._metrics) * milliseconds / 3_600_000
        self.bill.by_time["idle_polls"] += milliseconds / 60_000 * self._mix["polls_a_minute"]

    def count_log(self, bytes: int) -> None:
        """Count log lines that the function does not write itself."""
        self._count("log_bytes", bytes)

    @contextmanager
    def log(self) -> Iterator[None]:
        """Count what the block writes to stdout, because Lambda sends it to CloudWatch, and the metrics in it."""
        sys.stdout.flush()
        stdout = os.dup(1)
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 1)
            try:
                yield
            finally:
                sys.stdout.flush()
                os.dup2(stdout, 1)
                os.close(stdout)
            file.seek(0)
            self._read_log(file.read().splitlines())

    def _read_log(self, lines: list[bytes]) -> None:
        for line in lines:
            self._count("log_bytes", len(line) + self._mix["bytes"]["log_event"])
            fields = json.loads(line)
            for directive in fields.get("_aws", {}).get("CloudWatchMetrics", ()):
                for dimensions in directive["Dimensions"]:
                    values = tuple(fields[name] for name in dimensions)
                    self._metrics |= {(metric["Name"], values) for metric in directive["Metrics"]}

    def table_bytes(self) -> int:
        """Return the size of all items, with the 100 bytes that AWS adds to each."""
        return sum(size(item) + 100 for item in self.table.items())

    def _count_duration(self, function: str, milliseconds: int) -> None:
        self._count("gb_seconds", milliseconds / 1000 * self._mib[function] / 1024)

    def _count(self, unit: str, amount: float) -> None:
        self._counting[unit] += amount

    # -- the services

    def _dynamodb(self, operation: str, arguments: dict[str, Any]) -> Any:
        keys = _written_keys(operation, arguments)
        sizes = [self._item_bytes(key) for key in keys]
        try:
            response = getattr(self.table, operation)(**arguments)
        finally:
            for key, bytes in zip(keys, sizes, strict=True):
                # AWS bills a write also if its condition fails.
                self._count("write_units", ceil(max(bytes, self._item_bytes(key), 1) / _WRITE_UNIT_BYTES))
        if operation == "get_item":
            units = _read_units(size(response.get("Item", {})))
            self._count("read_units", units if arguments.get("ConsistentRead") else units / 2)
        if operation == "batch_get_item":
            ((name, request),) = arguments["RequestItems"].items()
            found = response["Responses"][name]
            missing = len(request["Keys"]) - len(found)
            self._count("read_units", missing + sum(_read_units(size(item)) for item in found))
        if operation in ("query", "scan"):
            self._count("read_units", _read_units(sum(size(item) for item in response["Items"])))
        return response

    def _item_bytes(self, key: dict[str, Any]) -> int:
        return size(self.table.get_item(TableName=TABLE, Key=key).get("Item", {}))

    def _sqs(self, operation: str, arguments: dict[str, Any]) -> Any:
        messages = arguments.get("Entries", [arguments])
        bytes = sum(len(message.get("MessageBody", "")) for message in messages)
        self._count("queue_requests", ceil(bytes / _QUEUE_UNIT_BYTES) or 1)
        return getattr(self.queue, operation)(**arguments)

    def _ssm(self, operation: str, arguments: dict[str, Any]) -> Any:
        self._count("kms_requests", int(arguments.get("WithDecryption", False)))
        return getattr(self.settings, operation)(**arguments)

    # -- the event source mapping

    def poll(self, handle: Callable[[list[dict[str, Any]]], list[str]]) -> None:
        """Pass the queue's messages to `handle`, which returns the IDs of the messages that stay in the queue."""
        while messages := self.queue.receive_message(
            QueueUrl=QUEUE_URL, MaxNumberOfMessages=10, AttributeNames=["All"]
        ).get("Messages", []):
            chunks = ceil(sum(len(message["Body"]) for message in messages) / _QUEUE_UNIT_BYTES)
            kept = handle([queue_record(message) for message in messages])
            # One call deletes all messages of the batch that are done.
            self._count("queue_requests", chunks + (len(kept) < len(messages)))
            for message in messages:
                if message["MessageId"] not in kept:
                    self.queue.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])


def _written_keys(operation: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    match operation:
        case "put_item":
            return [{name: arguments["Item"][name] for name in ("pk", "sk")}]
        case "update_item" | "delete_item":
            return [arguments["Key"]]
        case "batch_write_item":
            ((_, requests),) = arguments["RequestItems"].items()
            return [request["DeleteRequest"]["Key"] for request in requests]
    return []


def _read_units(bytes: int) -> int:
    return ceil(bytes / _READ_UNIT_BYTES) or 1


class Client:
    """A client of one of the account's services, with the methods of a boto3 client."""

    def __init__(self, account: Account, service: str) -> None:
        self._account, self._service = account, service

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **arguments: self._account.call(self._service, operation, arguments)
