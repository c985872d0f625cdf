"""A small world for tests of the delivery: real parts on moto, one clock for all, a recording API, faults by hand.

Nothing here decides what shopwire should do; tests say that. ContactState in it are invented.
"""

import base64
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from shopwire import platforms
from shopwire.delivery import retry
from shopwire.delivery.task import Outcome, Policy
from shopwire.endpoints import events
from shopwire.endpoints import webhook as http
from shopwire.environment import Environment, Settings
from shopwire.errors import NoAnswer, NotVerified, Unreadable, UnsignedCall
from shopwire.models import (
    Cart,
    CartChange,
    CartItem,
    Change,
    Contact,
    ContactChange,
    Delivery,
    Item,
    Order,
    OrderChange,
    Parcel,
    ParcelArrived,
    Rank,
    Reason,
    Shop,
    Status,
    Webhook,
)
from shopwire.platforms.base import Kind, Platform, SignedCall, Topic
from shopwire.shops import parse_shop
from shopwire_dev.aws import make_table
from shopwire_dev.lambdas import queue_record

SHOP = "little-shop"
OTHER = "other-shop"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FUNCTION_SECONDS = {"webhook": 10, "retry": 60}
ANNA = Contact(
    email="anna@example.com", phone="380501112233", customer_id="77", first_name="Anna", last_name="Kovalenko"
)
BORYS = Contact(email="borys@example.org", customer_id="78")
SETTINGS: dict[str, Any] = {
    "platform": "shopify",
    "secrets": ["a-secret", "an-older-secret"],
    "esputnik_key": "key-one",
    "region": "UA",
}


class Crash(BaseException):
    """The process is killed: nothing of ours may catch it."""


class Clock:
    """UTC milliseconds that pass only when told."""

    def __init__(self) -> None:
        self.now = int(START.timestamp() * 1000)

    def __call__(self) -> int:
        return self.now

    def pass_(self, milliseconds: int) -> None:
        self.now += milliseconds


@dataclass
class Api:
    """Records what it took. `answers` are given first, then `steady`; None is no answer, a callable decides itself."""

    clock: Clock
    before_call: Callable[[str], None]
    after_call: Callable[[str], None]
    answers: list[Any] = field(default_factory=list)
    steady: Any = 200
    takes: int = 50
    """Milliseconds that an answer takes."""
    taken: list[tuple[str, str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asked: int = 0

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        self.before_call("api")
        self.asked += 1
        self.keys.append(headers["Authorization"])
        answer = self.answers.pop(0) if self.answers else self.steady
        said = json.loads(body) if body else None
        if callable(answer):
            answer = answer(method, url, said)
        if answer is None:
            self.clock.pass_(int(seconds * 1000))
            raise NoAnswer
        self.clock.pass_(self.takes)
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        if status == 200:
            self.taken.append((method, url.partition("/api/")[2], said))
        self.after_call("api")
        return status, more

    @property
    def story(self) -> list[str]:
        """What was taken, in short: "contact", "orderCreated", ..., "erase"."""
        return [
            "erase" if method == "DELETE" else said.get("eventTypeKey", "contact") for method, _, said in self.taken
        ]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events' params, with `type` and `keyValue`, in the order in which they were taken."""
        return [
            {param["name"]: param["value"] for param in said["params"]}
            | {"type": said["eventTypeKey"], "keyValue": said["keyValue"]}
            for _, path, said in self.taken
            if path == "v1/event"
        ]


class Flaky:
    """A boto3 client that can be down, and that tells of every call."""

    def __init__(self, service: str, client: Any, world: "World") -> None:
        self._service, self._client, self._world = service, client, world

    def __getattr__(self, operation: str) -> Any:
        real = getattr(self._client, operation)

        def call(**arguments: Any) -> Any:
            self._world.before_call(f"{self._service}.{operation}")
            if self._service in self._world.down:
                raise EndpointConnectionError(endpoint_url=f"https://{self._service}.example")
            answer = real(**arguments)
            self._world.after_call(f"{self._service}.{operation}")
            return answer

        return call


@dataclass
class FlakyClients:
    """The three clients in the place of `environment.Clients`."""

    dynamodb: Any
    sqs: Any
    ssm: Any


class StubPlatform(Platform):
    """Reads a body by looking it up. Signed with `x-test-signature: <secret>`."""

    name = "shopify"
    topics = (Topic("test", Kind.SNAPSHOT),)
    kept_headers = ("x-test-",)

    def __init__(self) -> None:
        self.bodies: dict[bytes, list[Delivery] | Exception] = {}

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        if webhook.headers.get("content-type") == "application/x-www-form-urlencoded":
            raise UnsignedCall
        secrets = [secret.get_secret_value() for secret in shop.secrets]
        if webhook.headers.get("x-test-signature") not in secrets:
            raise NotVerified(Reason.SIGNATURE_MISMATCH, "the signature does not match any of the shop's secrets")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        found = self.bodies.get(webhook.body, Unreadable("body", "not_an_object"))
        if isinstance(found, Exception):
            raise found
        return found

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        return SignedCall({"x-test-signature": shop.secrets[0].get_secret_value()}, body)


class Context:
    """Lambda's context."""

    def __init__(self, request_id: str, milliseconds: int) -> None:
        self.aws_request_id, self._milliseconds = request_id, milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class World:
    """Everything at once: stores, API, platform, clock, and functions that are invoked by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clients: Mapping[str, Any]) -> None:
        self.clock = Clock()
        self.down: set[str] = set()
        self.calls: list[str] = []
        self.dies_before: int | None = None
        self.dies_after: int | None = None
        self.reports: list[dict[str, Any]] = []
        self.platform = StubPlatform()
        self.api = Api(self.clock, self.before_call, self.after_call)
        self.real = clients
        self._ids = itertools.count(1)
        self._reported(monkeypatch)
        monkeypatch.setattr(platforms, "get", lambda name: self.platform)
        # To moto no two calls may be of one moment: a message is visible only after the moment that it is held until.
        moment = itertools.count()
        monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda *_: self.clock.now + next(moment) / 1000)
        monkeypatch.setattr("moto.sqs.models.unix_time", lambda *_: self.clock.now / 1000)
        self._make_stores()
        self.put_shop(SHOP)
        self.policy = Policy(jitter=lambda: 0.5)
        self.webhook = self.new_environment()
        self.retry = self.new_environment()
        self.upkeep = self.new_environment()

    def _make_stores(self) -> None:
        make_table(self.real["dynamodb"], "table")
        self.queue_url = self.real["sqs"].create_queue(
            QueueName="retry.fifo",
            Attributes={"FifoQueue": "true", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "1209600"},
        )["QueueUrl"]

    def _reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (events, retry):
            real = module.report

            def report(message: str, now: int, *, _real: Any = real, **facts: Any) -> None:
                self.reports.append({"message": message, **facts})
                _real(message, now, **facts)

            monkeypatch.setattr(module, "report", report)

    def new_environment(self) -> Environment:
        """A cold start."""
        settings = Settings("table", self.queue_url, "/shops/", "https://esputnik.com/api/", "hash-key", self.policy)
        flaky = {name: Flaky(name, client, self) for name, client in self.real.items()}
        return Environment(settings, FlakyClients(**flaky), transport=self.api, clock=self.clock)  # type: ignore[arg-type]

    def put_shop(self, id: str, **fields: Any) -> None:
        self.real["ssm"].put_parameter(
            Name=f"/shops/{id}", Value=json.dumps(SETTINGS | fields), Type="SecureString", Overwrite=True
        )

    def before_call(self, name: str) -> None:
        if self.dies_before is not None and len(self.calls) == self.dies_before:
            self.calls.append(name)
            raise Crash
        self.calls.append(name)

    def after_call(self, name: str) -> None:
        if self.dies_after is not None and len(self.calls) - 1 == self.dies_after:
            raise Crash

    @contextmanager
    def outage(self, *services: str) -> Iterator[None]:
        self.down |= set(services)
        try:
            yield
        finally:
            self.down -= set(services)

    def owner(self) -> str:
        return f"request-{next(self._ids)}"

    # --- webhooks

    def body(self, *changes: Change, key: str | None = None, topic: str = "test", text: str = "") -> bytes:
        """A body that means these changes."""
        key = key or f"key-{next(self._ids)}"
        names = [key] if len(changes) == 1 else [f"{key}-{n}" for n in range(len(changes))]
        body = json.dumps({"key": key, "text": text}).encode()
        self.platform.bodies[body] = [Delivery(topic, name, one) for name, one in zip(names, changes, strict=True)]
        return body

    def receive(self, body: bytes, *, shop: str = SHOP, environment: Environment | None = None) -> list[Outcome]:
        """The webhook function at work on a verified body."""
        environment = environment or self.webhook
        webhook = Webhook({"x-test-topic": "test", "x-test-signature": "a-secret"}, body, self.clock.now)
        deadline = self.clock.now + 1000 * FUNCTION_SECONDS["webhook"]
        results = environment.receiver.receive(
            webhook, environment.shops.get(shop), "shopify", request_id=self.owner(), deadline=deadline
        )
        return [outcome for _, outcome in results]

    def serve(self, body: bytes) -> dict[str, Any]:
        """The same through the gateway's event."""
        event = {
            "rawPath": f"/webhooks/{SHOP}",
            "headers": {"x-test-signature": "a-secret"},
            "requestContext": {"http": {"method": "POST"}, "timeEpoch": self.clock.now},
            "isBase64Encoded": True,
            "body": base64.b64encode(body).decode(),
        }
        return http.serve(event, Context(self.owner(), 10_000), self.webhook)

    def send(self, change: Change, *, key: str | None = None, shop: str = SHOP, text: str = "") -> str:
        """One change as a webhook: what became of it, in a word."""
        return self.tell(change, key=key, shop=shop, text=text).status

    def tell(self, change: Change, *, key: str | None = None, shop: str = SHOP, text: str = "") -> Outcome:
        """One change as a webhook: what became of it, with the reason."""
        (outcome,) = self.receive(self.body(change, key=key, text=text), shop=shop)
        return outcome

    # --- the other functions

    def receive_messages(self) -> list[dict[str, Any]]:
        """As the event source mapping takes them: records."""
        answer = self.real["sqs"].receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=360
        )
        return [queue_record(message) for message in answer.get("Messages", [])]

    def poll(self, seconds: int = FUNCTION_SECONDS["retry"]) -> list[str]:
        """One batch of the retry queue; answers what became of its messages ("waiting" for those that stay)."""
        records = self.receive_messages()
        before = len(self.reports)
        kept = self.retry.retry_consumer.consume(
            records, request_id=self.owner(), deadline=self.clock.now + 1000 * seconds
        )
        for record in records:
            if record["messageId"] not in kept:
                self.real["sqs"].delete_message(QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"])
        return [report["outcome"] for report in self.reports[before:]]

    def waits(self) -> int:
        """How many messages are in the queue, seen or unseen."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.real["sqs"].get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def in_outbox(self) -> int:
        items = self.real["dynamodb"].scan(TableName="table")["Items"]
        return sum(item["pk"]["S"].startswith("outbox#") for item in items)

    def tidy(self) -> int:
        """The upkeep function."""
        return self.upkeep.outbox_drain.drain(self.clock.now + 40_000)

    def drain(self, *, minutes: int = 120, step: int = 5_000) -> list[str]:
        """Let time pass until nothing waits any more; answers what became of the messages, waiting left out."""
        came_of: list[str] = []
        end = self.clock.now + minutes * MINUTE
        while (self.waits() or self.in_outbox()) and self.clock.now < end:
            came_of += [outcome for outcome in self.poll() if outcome != "waiting"]
            self.clock.pass_(step)
            if self.in_outbox():
                self.tidy()
        return came_of

    def entry(self, kind: str, id: str, shop: str = SHOP) -> dict[str, Any]:
        """A ledger entry as the table has it, read past every fault."""
        key = {"pk": {"S": f"{shop}#{kind}#{id}"}, "sk": {"S": "entry"}}
        return self.real["dynamodb"].get_item(TableName="table", Key=key).get("Item", {})  # type: ignore[no-any-return]

    def parked(self, shop: str = SHOP) -> list[str]:
        """The reasons of what is parked."""
        return [one.reason for one in self.upkeep.parked.list(shop)]

    def stored(self) -> str:
        """All that the table holds, as text."""
        return json.dumps(self.real["dynamodb"].scan(TableName="table")["Items"])


def make_clients() -> dict[str, Any]:
    with mock_aws():
        return {name: boto3.client(name, region_name="eu-central-1") for name in ("dynamodb", "sqs", "ssm")}


def shop(**fields: Any) -> Shop:
    return parse_shop(SHOP, SETTINGS | fields)


def order(id: str = "1001", *, minutes: float = 0, **fields: Any) -> OrderChange:
    """An order of Anna's, made at START, as it stands so many minutes later."""
    rank = fields.get("rank", Rank.CREATED)
    status = Status.IN_PROGRESS if rank > Rank.CREATED else Status.INITIALIZED
    status = {Rank.DELIVERED: Status.DELIVERED, Rank.CLOSED: Status.CANCELLED}.get(rank, status)
    whole: dict[str, Any] = {
        "id": id,
        "number": f"#{id}",
        "created_at": START,
        "updated_at": START + timedelta(minutes=minutes),
        "status": status,
        "rank": rank,
        "currency": "UAH",
        "total": Decimal("250.00"),
        "contact": ANNA,
        "items": (Item(id="55", name="Tea", quantity=Decimal(2), cost=Decimal("125.00")),),
    }
    return OrderChange(Order(**whole | fields))


def paid(id: str = "1001", *, minutes: float = 5, **fields: Any) -> OrderChange:
    return order(id, minutes=minutes, rank=Rank.PAID, **fields)


def shipped(id: str = "1001", *, minutes: float = 10, parcels: tuple[str, ...] = ("p1",), **fields: Any) -> OrderChange:
    return order(
        id,
        minutes=minutes,
        rank=Rank.SHIPPED,
        wholly_shipped=True,
        parcels=tuple(Parcel(id=one, tracking_number=f"TN-{one}") for one in parcels),
        **fields,
    )


def cancelled(id: str = "1001", *, minutes: float = 30, **fields: Any) -> OrderChange:
    return order(id, minutes=minutes, rank=Rank.CLOSED, **fields)


def arrived(parcel: str = "p1", *, id: str = "1001") -> ParcelArrived:
    return ParcelArrived(id, Parcel(id=parcel, tracking_number=f"TN-{parcel}"))


def cart(token: str = "cart-a", *, minutes: float = 0, units: int = 1, contact: Contact = ANNA) -> CartChange:
    items = (CartItem(id="55", quantity=Decimal(units), price=Decimal("125.00"), name="Tea"),) if units else ()
    at = START + timedelta(minutes=minutes)
    return CartChange(Cart(token=token, created_at=START, updated_at=at, contact=contact, currency="UAH", items=items))


def customer(contact: Contact = ANNA, *, minutes: float = 0, id: str = "77") -> ContactChange:
    return ContactChange(contact, id, int((START + timedelta(minutes=minutes)).timestamp() * 1000), 0)
