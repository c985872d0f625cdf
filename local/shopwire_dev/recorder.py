"""Records into the journal what the functions of `shopwire dev` do. The functions do not know about it.

It observes each invocation, its log lines and its requests to the API. All three happen in the thread of the
invocation, so a thread-local variable connects them.
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
from shopwire.delivery.reasons import DETAILS
from shopwire.errors import NewerMessageFormat
from shopwire.esputnik import Transport
from shopwire.message import unpack
from shopwire.observability import logger
from shopwire.retry_queue import RetryQueue
from shopwire.stores.entry import key_hash
from shopwire_dev.lambdas import Function
from shopwire_emulator.emulator import RESULT_HEADER
from shopwire_inspector.journal import Journal, retry_key_hash
from shopwire_inspector.recorded import Attempt, Exchange, ReceivedRequest, RecordedWebhook

# Each function's app.py creates its own Environment, and this factory is the only place where one gets its transport.
_TRANSPORT_FACTORY = "http_transport"
_HOLD_BACK = "hold_back"
_HURRY_SECONDS = 10.0

WEBHOOK_HEADER = "x-shopwire-webhook"
"""The header of a response to a webhook that has its id in the journal."""


@dataclass(slots=True)
class _Invocation:
    """An invocation in progress. `webhook` is None for the retry function."""

    function: str
    webhook: RecordedWebhook | None = None
    received_at: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """(shop, hash of the key) -> when the webhooks of the batch's messages arrived."""
    exchanges: list[Exchange] = field(default_factory=list)
    messages: dict[str, "_Waiting"] = field(default_factory=dict)
    """Receipt handle of each message in the batch -> the webhook that waits in it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A delivery that waits in the retry queue. It is named by its shop, the hash of its key, and its receipt."""

    shop: str
    hashed_key: str
    received_at: int


class Recorder:
    """Records into a journal while `record` is active."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._thread = threading.local()
        self._held: dict[_Waiting, str] = {}
        """What waits invisibly in the queue -> its receipt handle."""
        self._hurried: dict[str, float] = {}
        """Shop -> until when (monotonic seconds) its messages are tried, however long they should wait."""

    @contextmanager
    def record(self) -> Iterator[None]:
        """Observe log lines, and the API requests of functions that are loaded from now on."""
        handler = _LogHandler(self._record_line)
        logger.addHandler(handler)
        make_transport: Callable[[], Transport] = getattr(shopwire.environment, _TRANSPORT_FACTORY)
        setattr(shopwire.environment, _TRANSPORT_FACTORY, lambda: self._recording_transport(make_transport()))
        hold_back = RetryQueue.hold_back
        setattr(RetryQueue, _HOLD_BACK, self._recording_hold_back(hold_back))
        try:
            yield
        finally:
            setattr(RetryQueue, _HOLD_BACK, hold_back)
            setattr(shopwire.environment, _TRANSPORT_FACTORY, make_transport)
            logger._logger.removeHandler(handler)

    def make_function(self, name: str) -> Function:
        """Return a function whose invocations are recorded."""
        return _RecordedFunction(name, self)

    @contextmanager
    def invocation(self, invocation: _Invocation) -> Iterator[None]:
        """Assign everything that happens in this thread to the invocation."""
        self._thread.invocation = invocation
        try:
            yield
        finally:
            self._thread.invocation = None

    def hurry(self, shop: str) -> list[str]:
        """Let the shop's messages be tried when they are received next. Return the receipt handles of what waits."""
        self._hurried[shop] = time.monotonic() + _HURRY_SECONDS
        return [receipt for waiting, receipt in list(self._held.items()) if waiting.shop == shop]

    def begin_batch(self, records: list[Mapping[str, Any]]) -> tuple["_Invocation", list[Mapping[str, Any]]]:
        """Return the invocation that handles these queue records, and the records that it gets."""
        invocation, passed = _Invocation("retry"), []
        for record in records:
            try:
                message = unpack(record["body"])
            except (NewerMessageFormat, ValueError):
                passed.append(record)
                continue
            waiting = _Waiting(message.shop, key_hash(message.key), message.received_at)
            invocation.messages[record["receiptHandle"]] = waiting
            invocation.received_at.setdefault((waiting.shop, waiting.hashed_key), []).append(waiting.received_at)
            self._held.pop(waiting, None)
            if self._hurried.get(message.shop, 0.0) > time.monotonic():
                record = {**record, "body": message.later(0).pack()}
            passed.append(record)
        return invocation, passed

    def _recording_hold_back(self, hold_back: Callable[[RetryQueue, str, float], None]) -> Any:
        def hold(queue: RetryQueue, receipt_handle: str, seconds: float) -> None:
            hold_back(queue, receipt_handle, seconds)
            waiting = self._current.messages.get(receipt_handle) if self._current else None
            if waiting and seconds > 0:
                self._held[waiting] = receipt_handle
                due = _now() + round(seconds * 1000)
                self.journal.set_due(waiting.shop, waiting.hashed_key, waiting.received_at, due)

        return hold

    @property
    def _current(self) -> _Invocation | None:
        return getattr(self._thread, "invocation", None)

    def _recording_transport(self, transport: Transport) -> Transport:
        def call(
            method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
        ) -> tuple[int, Mapping[str, str], bytes]:
            exchange = Exchange(_now(), method, url.partition("/api/")[2], body)
            if invocation := self._current:
                invocation.exchanges.append(exchange)
            started = time.monotonic()
            try:
                status, response_headers, answer = transport(method, url, headers, body, seconds)
                exchange.status = status
                exchange.emulator_result = response_headers.get(RESULT_HEADER.lower())
            finally:
                exchange.duration_ms = round((time.monotonic() - started) * 1000)
            return status, response_headers, answer

        return call

    def _record_line(self, fields: Mapping[str, Any]) -> None:
        invocation = self._current
        if invocation is None or "outcome" not in fields:
            return
        attempt = Attempt(
            _now(),
            invocation.function,
            fields["outcome"],
            fields.get("reason"),
            fields.get("ms"),
            invocation.exchanges,
            {name: fields[name] for name in DETAILS if name in fields},
        )
        invocation.exchanges = []
        webhook = invocation.webhook
        if webhook is None:
            self._record_retry(invocation, fields, attempt)
        elif "topic" in fields:
            key, topic, entity = fields["key"], fields["topic"], fields.get("entity")
            self.journal.add_delivery(webhook, topic, entity, key, attempt, hashed_key=retry_key_hash(topic, key))
        else:
            self.journal.set_outcome_without_delivery(webhook, attempt.outcome, attempt.reason, attempt.at)

    def _record_retry(self, invocation: _Invocation, fields: Mapping[str, Any], attempt: Attempt) -> None:
        shop, key = fields["shop"], fields["key"]
        times = invocation.received_at.get((shop, key), [])
        received_at = times.pop(0) if times else None
        if not self.journal.add_attempt(shop, key, attempt, received_at=received_at):
            # The journal has dropped the webhook, or never had it.
            webhook = self.journal.add_webhook(shop, received_at or attempt.at)
            topic, entity = fields.get("topic", "unreadable"), fields.get("entity")
            self.journal.add_delivery(webhook, topic, entity, key, attempt, hashed_key=key)


class _RecordedFunction(Function):
    """A function whose invocations are recorded."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        super().__init__(name)
        self._recorder = recorder

    def invoke(self, event: Any) -> Any:
        if "Records" in event:
            invocation, records = self._recorder.begin_batch(event["Records"])
            with self._recorder.invocation(invocation):
                return super().invoke({**event, "Records": records})
        context = event.get("requestContext")
        if not context or context["http"]["method"] != "POST":
            return super().invoke(event)
        return self._invoke_with_webhook(event, context["timeEpoch"])

    def _invoke_with_webhook(self, event: Mapping[str, Any], received_at: int) -> Any:
        journal, started, result = self._recorder.journal, time.monotonic(), None
        webhook = journal.add_webhook(event["rawPath"].rpartition("/")[2], received_at, _received_request(event))
        try:
            with self._recorder.invocation(_Invocation(self.name, webhook)):
                result = super().invoke(event)
        finally:
            response = result if isinstance(result, dict) else {"statusCode": 500}
            duration_ms = round((time.monotonic() - started) * 1000)
            body = str(response.get("body", ""))
            journal.set_keys(webhook, _delivery_keys(body))
            journal.set_response(webhook, response["statusCode"], body, duration_ms)
        return {**result, "headers": {**result.get("headers", {}), WEBHOOK_HEADER: str(webhook.id)}}


class _LogHandler(logging.Handler):
    """Passes the fields of each log line to a function."""

    def __init__(self, record_line: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__()
        self._record_line = record_line

    def emit(self, record: logging.LogRecord) -> None:
        self._record_line(record.__dict__)


def _received_request(event: Mapping[str, Any]) -> ReceivedRequest:
    text = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    return ReceivedRequest(event["rawPath"], event.get("queryStringParameters") or {}, event["headers"], body)


def _delivery_keys(response_body: str) -> list[str]:
    """Return the keys of the deliveries, which only the response contains in full."""
    response = json.loads(response_body) if response_body else {}
    return [result["delivery"] for result in response.get("deliveries", [response]) if "delivery" in result]


def _now() -> int:
    return time.time_ns() // 1_000_000
