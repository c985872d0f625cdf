"""How `shopwire dev` fills the journal: from the functions as they run here. The functions do not know of it.

Three things are listened to, all in the thread of the invocation that they belong to: the invocation itself, its log
lines, its requests to the API.
"""

import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import shopwire.environment
from shopwire.esputnik import Transport
from shopwire.message import NewerFormat, unpack
from shopwire.observability import logger
from shopwire.stores.ledger import key_hash
from shopwire_dev.lambdas import Function
from shopwire_emulator.emulator import RESULT_HEADER
from shopwire_inspector.journal import Exchange, Journal, Request, Try, Webhook, waits_as

# The functions wire themselves (their app.py): this is the one place where their way to the API is made.
_MAKER = "http_transport"


@dataclass(slots=True)
class _Invocation:
    """What is under way in one thread. `received`: of each message of a batch, (shop, hash of its key) -> when."""

    function: str
    webhook: Webhook | None = None
    received: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)


class Taps:
    """Feeds a journal while `open`."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._here = threading.local()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listen to log lines and requests of functions that are loaded from now on."""
        handler = _Lines(self._line)
        logger.addHandler(handler)
        made: Callable[[], Transport] = getattr(shopwire.environment, _MAKER)
        setattr(shopwire.environment, _MAKER, lambda: self._listening(made()))
        try:
            yield
        finally:
            setattr(shopwire.environment, _MAKER, made)
            logger._logger.removeHandler(handler)

    def function(self, name: str) -> Function:
        """A function whose invocations are written down."""
        return _Watched(name, self)

    @contextmanager
    def invocation(self, under_way: _Invocation) -> Iterator[None]:
        """Everything in this thread belongs to it."""
        self._here.now = under_way
        try:
            yield
        finally:
            self._here.now = None

    @property
    def _now(self) -> _Invocation | None:
        return getattr(self._here, "now", None)

    def _listening(self, transport: Transport) -> Transport:
        def call(
            method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
        ) -> tuple[int, Mapping[str, str]]:
            exchange = Exchange(_milliseconds(), method, url.partition("/api/")[2], body)
            if now := self._now:
                now.exchanges.append(exchange)
            begun = time.monotonic()
            try:
                status, answered = transport(method, url, headers, body, seconds)
                exchange.status, exchange.said = status, answered.get(RESULT_HEADER.lower())
            finally:
                exchange.milliseconds = round((time.monotonic() - begun) * 1000)
            return status, answered

        return call

    def _line(self, fields: Mapping[str, Any]) -> None:
        now = self._now
        if now is None or "outcome" not in fields:
            return
        done = Try(
            _milliseconds(),
            now.function,
            fields["outcome"],
            fields.get("reason"),
            fields.get("milliseconds"),
            now.exchanges,
        )
        now.exchanges = []
        if now.webhook is None:
            self._retried(now, fields, done)
        elif "topic" in fields:
            hashed, topic = fields["key"], fields["topic"]
            entity, later = fields.get("entity"), waits_as(topic, hashed)
            self.journal.delivery(now.webhook, topic, entity, hashed, done, hashed=later)
        else:
            self.journal.refused(now.webhook, done.outcome, done.reason, done.at)

    def _retried(self, now: _Invocation, fields: Mapping[str, Any], done: Try) -> None:
        shop, hashed = fields["shop"], fields["key"]
        times = now.received.get((shop, hashed), [])
        received_at = times.pop(0) if times else None
        if not self.journal.tried(shop, hashed, done, received_at=received_at):
            late = self.journal.received(shop, received_at or done.at)
            entity = fields.get("entity")
            self.journal.delivery(late, fields.get("topic", "unreadable"), entity, hashed, done, hashed=hashed)


class _Watched(Function):
    """A function whose invocations are written down."""

    def __init__(self, name: str, taps: Taps) -> None:
        super().__init__(name)
        self._taps = taps

    def invoke(self, event: Any) -> Any:
        if "Records" in event:
            with self._taps.invocation(_Invocation(self.name, received=_received(event["Records"]))):
                return super().invoke(event)
        request = event.get("requestContext")
        if not request or request["http"]["method"] != "POST":
            return super().invoke(event)
        journal, begun, answer = self._taps.journal, time.monotonic(), None
        webhook = journal.received(event["rawPath"].rpartition("/")[2], request["timeEpoch"], _request(event))
        try:
            with self._taps.invocation(_Invocation(self.name, webhook)):
                answer = super().invoke(event)
        finally:
            said = answer if isinstance(answer, dict) else {"statusCode": 500}
            took = round((time.monotonic() - begun) * 1000)
            answered = str(said.get("body", ""))
            journal.named(webhook, _keys(answered))
            journal.answered(webhook, said["statusCode"], answered, took)
        return answer


class _Lines(logging.Handler):
    """Hands on each log line's fields."""

    def __init__(self, tell: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.__dict__)


def _request(event: Mapping[str, Any]) -> Request:
    text = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    return Request(event["rawPath"], event.get("queryStringParameters") or {}, event["headers"], body)


def _keys(answer: str) -> list[str]:
    """The deliveries' keys as the answer has them, whole."""
    said = json.loads(answer) if answer else {}
    return [one["delivery"] for one in said.get("deliveries", [said]) if "delivery" in one]


def _received(records: list[Mapping[str, Any]]) -> dict[tuple[str, str], list[int]]:
    times: dict[tuple[str, str], list[int]] = {}
    for record in records:
        try:
            message = unpack(record["body"])
        except (NewerFormat, ValueError):
            continue
        times.setdefault((message.shop, key_hash(message.key)), []).append(message.received_at)
    return times


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
