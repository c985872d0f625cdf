"""All that delivery needs: the parts of shopwire on stores without AWS, one clock, an API that records, and faults.

Nothing here decides what shopwire should do. The tests say that.
"""

import base64
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from shopwire import platforms
from shopwire.delivery import retry
from shopwire.delivery.task import Outcome, Policy
from shopwire.endpoints import events, webhook
from shopwire.environment import Environment, Settings
from shopwire.models import Change, Contact, Delivery, Entity, Reason, Webhook
from shopwire.models.change import EntityKind
from shopwire.stores.entry import entity_key
from shopwire.stores.outbox import PARTITION
from shopwire_dev.lambdas import queue_record
from tests.support.changes import MINUTE_MS, SETTINGS, SHOP
from tests.support.fake_platform_api import FakePlatformApi
from tests.support.fakes import TABLE, Side
from tests.support.recording_api import RecordingApi
from tests.support.stub_platform import StubPlatform
from tests.support.unreliable_clients import Crash, UnreliableClient

WEBHOOK_SECONDS, RETRY_SECONDS, UPKEEP_SECONDS = 10, 60, 40
_VISIBILITY_SECONDS = 360
_SIGNED_HEADERS = {"x-test-topic": "test", "x-test-signature": "a-secret"}


class Context:
    """Lambda's context."""

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id

    def get_remaining_time_in_millis(self) -> int:
        return 1000 * WEBHOOK_SECONDS


class World:
    """The stores, the API, the platform, the clock, and the functions, which a test invokes.

    Args:
        aws: the account with the stores. Its own clients work during every fault.

    Attributes:
        down: the services that do not answer: "dynamodb", "sqs", "ssm".
        calls: all calls of stores and of the API, in order: "dynamodb.get_item", "api", ...
        crash_at: the process dies before the call with this index in `calls`.
        on_call: is called with the name of each call before it happens.
        reports: the fields of the lines that the functions log about webhooks.
        webhook, retry, upkeep: the environments of the three functions.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, aws: Side) -> None:
        self.aws = aws
        self.clock = aws.clock
        self.queue = aws.queue("retry", visibility=_VISIBILITY_SECONDS)
        self.down: set[str] = set()
        self.calls: list[str] = []
        self.crash_at: int | None = None
        self.on_call: Callable[[str], None] | None = None
        self.reports: list[dict[str, Any]] = []
        self.platform = StubPlatform()
        self.api = RecordingApi(self.clock, self._before_call)
        self.platform_api = FakePlatformApi(self.clock, self.platform, self._before_call)
        self.policy = Policy(jitter=lambda: 0.5)
        self._ids = itertools.count(1)
        self._record_reports(monkeypatch)
        monkeypatch.setattr(platforms, "get", lambda name: self.platform)
        self.put_shop(SHOP)
        self.webhook, self.retry, self.upkeep = (self.new_environment() for _ in range(3))

    def _before_call(self, name: str) -> None:
        self.calls.append(name)
        if self.crash_at == len(self.calls) - 1:
            raise Crash
        if self.on_call:
            self.on_call(name)
        service = name.partition(".")[0]
        if service in self.down:
            raise EndpointConnectionError(endpoint_url=f"https://{service}.example")

    def _record_reports(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (events, retry):
            real = module.report

            def report(message: str, now: int, *, _real: Any = real, **facts: Any) -> None:
                _check_reason(facts.get("reason"))
                self.reports.append({"message": message, **facts})
                _real(message, now, **facts)

            monkeypatch.setattr(module, "report", report)

    # --- what a test arranges

    def new_environment(self) -> Environment:
        """Return a new Lambda environment, as after a cold start."""
        settings = Settings(TABLE, self.queue.url, "/shops/", "https://esputnik.com/api/", "hash-key", self.policy)
        return Environment(
            settings,
            _Clients(self),  # type: ignore[arg-type]
            transport=self.api,
            platform_transport=self.platform_api,
            clock=self.clock,
        )

    def record_hold_backs(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Return a list that fills with the seconds for which `retry` holds messages back."""
        recorded: list[float] = []
        hold_back = self.retry.queue.hold_back

        def record(receipt_handle: str, seconds: float) -> None:
            recorded.append(seconds)
            hold_back(receipt_handle, seconds)

        monkeypatch.setattr(self.retry.queue, "hold_back", record)
        return recorded

    def restart(self) -> None:
        """Replace all environments, as after a crash."""
        self.crash_at = None
        self.webhook, self.retry, self.upkeep = (self.new_environment() for _ in range(3))

    def leave_unsent(self, contact: Contact) -> None:
        """Leave a known contact as if its last change were recorded and not sent."""
        record = self.webhook.contacts.find(SHOP, contact).record
        assert record
        assert self.webhook.contacts.touch(SHOP, record, None)

    def meanwhile(self, change: Change, status: int = 200) -> Callable[..., int]:
        """Return an answer of the API with this status, before which another webhook delivers a change."""

        def answer(*request: object) -> int:
            self.api.next_answers = []
            assert self.send(change) == "delivered"
            return status

        return answer

    def put_shop(self, id: str, **fields: Any) -> None:
        """Connect a shop, or change its settings."""
        value = json.dumps(SETTINGS | fields)
        self.aws.ssm.put_parameter(Name=f"/shops/{id}", Value=value, Type="SecureString", Overwrite=True)

    def delete_shop(self, id: str) -> None:
        self.aws.ssm.delete_parameter(Name=f"/shops/{id}")

    def body(self, *changes: Change, key: str | None = None, topic: str = "test", text: str = "") -> bytes:
        """Return a body that means these changes.

        Args:
            key: the delivery key; "key-0", "key-1", ... if there are several changes.
            text: is part of the body.
        """
        key = key or f"key-{next(self._ids)}"
        keys = [key] if len(changes) == 1 else [f"{key}-{number}" for number in range(len(changes))]
        body = json.dumps({"key": key, "text": text}).encode()
        self.platform.bodies[body] = [
            Delivery(topic, delivery_key, change) for delivery_key, change in zip(keys, changes, strict=True)
        ]
        return body

    def request_id(self) -> str:
        """Return the id of a new invocation."""
        return f"request-{next(self._ids)}"

    @contextmanager
    def outage(self, *services: str) -> Iterator[None]:
        """Take services down."""
        self.down |= set(services)
        try:
            yield
        finally:
            self.down -= set(services)

    # --- the functions

    def receive(self, body: bytes, *, shop: str = SHOP, headers: Mapping[str, str] = _SIGNED_HEADERS) -> list[Outcome]:
        """Run `webhook` on a verified body. Return the outcome of each delivery in it."""
        environment = self.webhook
        results = environment.receiver.receive(
            Webhook(headers, body, self.clock.now),
            environment.shops.get(shop),
            "shopify",
            request_id=self.request_id(),
            deadline=self.clock.now + 1000 * WEBHOOK_SECONDS,
        )
        for _, outcome in results:
            _check_reason(outcome.reason)
        return [outcome for _, outcome in results]

    def deliver(self, change: Change, *, key: str | None = None, shop: str = SHOP, text: str = "") -> Outcome:
        """Run `webhook` on a webhook that means one change. Return its outcome."""
        (outcome,) = self.receive(self.body(change, key=key, text=text), shop=shop)
        return outcome

    def send(self, change: Change, *, key: str | None = None, shop: str = SHOP, text: str = "") -> str:
        """Run `webhook` as `deliver` does. Return only the status."""
        return self.deliver(change, key=key, shop=shop, text=text).status

    def serve(self, body: bytes, *, headers: Mapping[str, str] = _SIGNED_HEADERS) -> dict[str, Any]:
        """Run `webhook` on a call, as API Gateway passes it. Return the response."""
        event = {
            "rawPath": f"/webhooks/{SHOP}",
            "headers": headers,
            "requestContext": {"http": {"method": "POST"}, "timeEpoch": self.clock.now},
            "isBase64Encoded": True,
            "body": base64.b64encode(body).decode(),
        }
        return webhook.serve(event, Context(self.request_id()), self.webhook)

    def put_into_queue(self, *bodies: bytes) -> None:
        """Put webhooks into the queue, as `webhook` does while the ledger is down."""
        with self.outage("dynamodb"):
            for body in bodies:
                self.receive(body)

    def receive_messages(self) -> list[dict[str, Any]]:
        """Receive a batch from the queue. Return the records that the event source mapping makes of it."""
        return [queue_record(message) for message in self.queue.receive()]

    def consume(self, records: list[dict[str, Any]], seconds: int = RETRY_SECONDS) -> list[str]:
        """Run `retry` on a batch, within `seconds`. Return the ids of the messages that stay in the queue."""
        deadline = self.clock.now + 1000 * seconds
        return self.retry.retry_consumer.consume(records, request_id=self.request_id(), deadline=deadline)

    def run_retry(self, seconds: int = RETRY_SECONDS) -> list[str]:
        """Run `retry` on the next batch of the queue.

        Returns:
            The outcomes that it reports: "waiting" for a message that was tried and stays.
        """
        records = self.receive_messages()
        report_count = len(self.reports)
        kept_ids = self.consume(records, seconds)
        for record in records:
            if record["messageId"] not in kept_ids:
                self.queue.delete({"ReceiptHandle": record["receiptHandle"]})
        return [report["outcome"] for report in self.reports[report_count:]]

    def run_upkeep(self, *, overdue_too: bool = False) -> int:
        """Run `upkeep`. Return how many webhooks it moved from the outbox to the queue."""
        return self.upkeep.outbox_drain.drain(self.clock.now + 1000 * UPKEEP_SECONDS, overdue_too=overdue_too)

    def run_until_idle(self, *, minutes: int = 120, step_ms: int = 5_000) -> list[str]:
        """Let time pass, with `retry` and `upkeep` at each step, until nothing waits or `minutes` are over.

        Returns:
            The outcomes that `retry` reports, without "waiting".
        """
        outcomes: list[str] = []
        end = self.clock.now + minutes * MINUTE_MS
        while (self.queue_length() or self.outbox_length()) and self.clock.now < end:
            outcomes += [outcome for outcome in self.run_retry() if outcome != "waiting"]
            self.clock.advance(step_ms)
            if self.outbox_length():
                self.run_upkeep()
        return outcomes

    # --- what a test looks at

    def queue_length(self) -> int:
        """Return the number of messages in the queue, visible or not."""
        return sum(self.queue.counts())

    def outbox_length(self) -> int:
        return sum(item["pk"]["S"].startswith(PARTITION) for item in self.items())

    def items(self) -> list[dict[str, Any]]:
        """Return all items of the table."""
        return self.aws.dynamodb.scan(TableName=TABLE)["Items"]  # type: ignore[no-any-return]

    def stored_text(self) -> str:
        """Return everything that the table holds as one text."""
        return json.dumps(self.items())

    def entry(self, kind: EntityKind, id: str, shop: str = SHOP) -> dict[str, Any]:
        """Return the item of an entity's ledger entry; {} if there is none. `id` is the token of a cart."""
        entity = Entity.of_cart(id) if kind == "cart" else Entity(kind, id)
        key = {"pk": {"S": entity_key(shop, entity)}, "sk": {"S": "entry"}}
        return self.aws.dynamodb.get_item(TableName=TABLE, Key=key).get("Item", {})  # type: ignore[no-any-return]

    def pause_seconds(self, shop: str = SHOP) -> int:
        """Return how long the shop is still paused; 0 if it is not."""
        until = self.upkeep.pauses._read(shop).until
        return 0 if until is None else (until - self.clock.now) // 1000

    def parked_reasons(self, shop: str = SHOP) -> list[str]:
        return [parked.reason for parked in self.upkeep.parked.list(shop)]


class _Clients:
    """The clients in the place of `environment.Clients`."""

    def __init__(self, world: World) -> None:
        self.dynamodb = UnreliableClient("dynamodb", world.aws.dynamodb, world._before_call)
        self.sqs = UnreliableClient("sqs", world.queue.client, world._before_call)
        self.ssm = UnreliableClient("ssm", world.aws.ssm, world._before_call)


def _check_reason(reason: object) -> None:
    assert reason is None or isinstance(reason, Reason), f"{reason!r} is not a Reason"
