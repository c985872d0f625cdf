"""An AWS account that counts what it would bill: the simulation's fakes on a virtual clock, each call with its latency.

What is counted is what `prices` has a price for. Whose calls they are is not known here.
"""

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

_WRITE_UNIT, _READ_UNIT, _QUEUE_UNIT = 1024, 4096, 64 * 1024
_VISIBILITY = 360_000


@dataclass(slots=True)
class Bill:
    """How much of everything: what comes with each webhook, and what comes with time alone."""

    by_webhook: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_time: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def clear(self) -> None:
        self.by_webhook.clear()
        self.by_time.clear()


class Account:
    """One table, one queue, the settings, the API, the log.

    Args:
        mix: mix.json.
        mib: memory of each function.
        cpu_milliseconds: what an invocation of a function takes of a whole processor, by the function's name.
    """

    def __init__(self, mix: Mapping[str, Any], mib: Mapping[str, int], cpu_milliseconds: Mapping[str, float]) -> None:
        self.now = START
        self.bill = Bill()
        self.cpu_used: dict[str, list[float]] = {}
        """Seconds that each invocation of a function took of this machine's processor, the fakes' own left out."""
        self.fails = False
        """The API answers the next request 503."""
        self._mix = mix
        self._mib = mib
        self._cpu = cpu_milliseconds
        self._counting = self.bill.by_webhook
        self._fakes_took = 0.0
        self._metrics: set[tuple[str, tuple[str, ...]]] = set()
        clock = lambda: self.now  # noqa: E731
        self.table = FakeDynamoDB(clock, table=TABLE)
        self.queue = FakeQueue(clock, url=QUEUE_URL, visibility=_VISIBILITY)
        self.settings = FakeSSM()

    # -- what the functions see

    def call(self, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        """One call of AWS."""
        began = time.thread_time()
        self.now += self._mix["milliseconds"][service]
        try:
            return getattr(self, f"_{service}")(operation, arguments)
        finally:
            self._fakes_took += time.thread_time() - began

    def transport(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        """One request to the API."""
        began = time.thread_time()
        self.now += self._mix["milliseconds"]["api"]
        self._count("egress_bytes", len(body) + self._mix["bytes"]["request_to_the_api"])
        failed, self.fails = self.fails, False
        self._fakes_took += time.thread_time() - began
        return (503 if failed else 200), {}

    # -- what the functions cost

    @contextmanager
    def by_time(self) -> Iterator[None]:
        """What is counted meanwhile comes with time, not with webhooks."""
        self._counting = self.bill.by_time
        yield
        self._counting = self.bill.by_webhook

    def invoke(self, function: str, handler: Callable[[], Any]) -> Any:
        """One invocation: its duration is the calls' latencies and its own share of a processor."""
        self._count("invocations", 1)
        began, began_cpu, self._fakes_took = self.now, time.thread_time(), 0.0
        result = handler()
        self.cpu_used.setdefault(function, []).append(time.thread_time() - began_cpu - self._fakes_took)
        # AWS, "Configure Lambda function memory": processor time is handed out in proportion to memory.
        slower = self._mix["mib_of_a_whole_cpu"] / self._mib[function]
        self._last(function, ceil(self.now - began + self._cpu.get(function, 0) * slower))
        return result

    def cold_start(self, function: str) -> None:
        """An environment of a function is made."""
        self._last(function, self._mix["milliseconds"]["cold_start"])

    def count_gateway(self, body: bytes, answer: Mapping[str, Any]) -> None:
        """A request to the HTTP API and its answer."""
        self._count("gateway_requests", ceil(len(body) / (512 * 1024)) or 1)
        self._count("egress_bytes", len(answer["body"]) + self._mix["bytes"]["answer_of_the_gateway"])

    def count_time(self, milliseconds: int) -> None:
        """Time passed: the event source mapping asked the queue whether there is anything, each metric had a value."""
        self.bill.by_time["metric_hours"] += len(self._metrics) * milliseconds / 3_600_000
        self.bill.by_time["idle_polls"] += milliseconds / 60_000 * self._mix["polls_a_minute"]

    def count_log(self, bytes: int) -> None:
        """Lines that are not the function's own."""
        self._count("log_bytes", bytes)

    @contextmanager
    def log(self) -> Iterator[None]:
        """Count what is written to stdout meanwhile, as Lambda hands it to CloudWatch, and the metrics in it."""
        sys.stdout.flush()
        kept = os.dup(1)
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 1)
            try:
                yield
            finally:
                sys.stdout.flush()
                os.dup2(kept, 1)
                os.close(kept)
            file.seek(0)
            self._read_log(file.read().splitlines())

    def _read_log(self, lines: list[bytes]) -> None:
        for line in lines:
            self._count("log_bytes", len(line) + self._mix["bytes"]["log_event"])
            said = json.loads(line)
            for directive in said.get("_aws", {}).get("CloudWatchMetrics", ()):
                for dimensions in directive["Dimensions"]:
                    values = tuple(said[name] for name in dimensions)
                    self._metrics |= {(metric["Name"], values) for metric in directive["Metrics"]}

    def table_bytes(self) -> int:
        """Everything in the table, with what AWS adds to an item."""
        return sum(size(item) + 100 for item in self.table.items())

    def _last(self, function: str, milliseconds: int) -> None:
        self._count("gb_seconds", milliseconds / 1000 * self._mib[function] / 1024)

    def _count(self, unit: str, amount: float) -> None:
        self._counting[unit] += amount

    # -- the services

    def _dynamodb(self, operation: str, arguments: dict[str, Any]) -> Any:
        written = operation in ("put_item", "update_item", "delete_item")
        key = arguments.get("Key") or {name: arguments["Item"][name] for name in ("pk", "sk")} if written else {}
        sizes = [self._size(key)] if written else []
        try:
            answer = getattr(self.table, operation)(**arguments)
        finally:
            if written:
                # A condition that does not hold is paid as the write that it refuses.
                self._count("write_units", ceil(max(*sizes, self._size(key), 1) / _WRITE_UNIT))
        if operation == "get_item":
            units = _reads(size(answer.get("Item", {})))
            self._count("read_units", units if arguments.get("ConsistentRead") else units / 2)
        if operation == "batch_get_item":
            ((name, wanted),) = arguments["RequestItems"].items()
            found = answer["Responses"][name]
            self._count("read_units", len(wanted["Keys"]) - len(found) + sum(_reads(size(item)) for item in found))
        if operation in ("query", "scan"):
            self._count("read_units", _reads(sum(size(item) for item in answer["Items"])))
        return answer

    def _size(self, key: dict[str, Any]) -> int:
        return size(self.table.get_item(TableName=TABLE, Key=key).get("Item", {}))

    def _sqs(self, operation: str, arguments: dict[str, Any]) -> Any:
        self._count("queue_requests", ceil(len(arguments.get("MessageBody", "")) / _QUEUE_UNIT) or 1)
        return getattr(self.queue, operation)(**arguments)

    def _ssm(self, operation: str, arguments: dict[str, Any]) -> Any:
        self._count("kms_requests", int(arguments.get("WithDecryption", False)))
        return getattr(self.settings, operation)(**arguments)

    # -- the event source mapping

    def poll(self, handle: Callable[[list[dict[str, Any]]], list[str]]) -> None:
        """Hand what is in the queue to `handle`, which answers the ids of what stays in it."""
        while messages := self.queue.receive_message(
            QueueUrl=QUEUE_URL, MaxNumberOfMessages=10, AttributeNames=["All"]
        ).get("Messages", []):
            chunks = ceil(sum(len(message["Body"]) for message in messages) / _QUEUE_UNIT)
            self._count("queue_requests", chunks + 1)  # received, and deleted by one call
            kept = handle([queue_record(message) for message in messages])
            for message in messages:
                if message["MessageId"] not in kept:
                    self.queue.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])


def _reads(bytes: int) -> int:
    return ceil(bytes / _READ_UNIT) or 1


class Client:
    """A client of one of the account's services."""

    def __init__(self, account: Account, service: str) -> None:
        self._account, self._service = account, service

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **arguments: self._account.call(self._service, operation, arguments)
