"""Three ways to bring the same webhooks to the API, each over an account that counts.

- `Shopwire`: the deployed functions' own code.
- `QueueFirst`: verify, put into the queue, answer; a consumer does everything else. The leanest that can be made of
  shopwire's own parts, with its ledger and its mapper.
- `Usual`: bench/usual/, the common libraries as their guides show them. It knows no carts, and answers `delivered` for
  what changes nothing.
"""

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from bench.account import QUEUE_URL, TABLE, Account, Client
from bench.harness import ROOT
from shopwire import platforms
from shopwire.delivery.task import Policy
from shopwire.endpoints import webhook as http
from shopwire.environment import Clients, Environment, Settings
from shopwire.message import Message, worth_keeping
from shopwire.models import Entity, Shop, Webhook
from shopwire.observability import report
from shopwire.stores.entry import entity_key
from shopwire.stores.ledger import key_hash

MIX: dict[str, Any] = json.loads((Path(__file__).parent / "mix.json").read_text(encoding="utf-8"))
SETTINGS = {"platform": "shopify", "secrets": ["a-secret"], "esputnik_key": "a-key", "region": "UA"}
SHOP = Shop.model_validate({"id": "demo-shopify", **SETTINGS})
SHOPS_PATH = "/shops/"

_MINUTE = 60_000
_LONG_AGO = 1 << 40


class Shopwire:
    """shopwire's functions.

    Args:
        address: of the account behind a socket; None: called directly.
    """

    always_real = False
    """Its clients can only be real ones, behind a socket."""

    def __init__(self, account: Account, address: str | None) -> None:
        self.account = account
        self.address = address
        self._made_at: dict[tuple[str, int], int] = {}
        self._environments: dict[tuple[str, int], Environment] = {}
        self._turn = 0

    def receive(self, event: str, request_id: str) -> dict[str, Any]:
        """Answer an event of the gateway, as JSON text."""
        environment = self.environment("webhook")
        answer: dict[str, Any] = self.account.invoke(
            "webhook", lambda: http.serve(json.loads(event), self.context(request_id, 10), environment)
        )
        return answer

    def work_off(self, records: list[dict[str, Any]]) -> list[str]:
        """A batch of the queue; answers the ids of what stays."""
        environment, account = self.environment("retry"), self.account
        kept: list[str] = account.invoke(
            "retry",
            lambda: environment.retry_consumer.consume(
                records, owner=f"retry-{account.now}", deadline=account.now + 60_000
            ),
        )
        return kept

    def tidy(self) -> None:
        """The minute's upkeep."""
        environment, account = self.environment("upkeep"), self.account
        account.invoke("upkeep", lambda: environment.outbox_drain.drain(account.now + 40_000))

    def environment(self, function: str) -> Environment:
        """One of the function's environments, made anew when its time is over."""
        account = self.account
        self._turn += function == "webhook"
        place = function, self._turn % MIX["environments"] if function == "webhook" else 0
        if account.now - self._made_at.get(place, -_LONG_AGO) >= MIX["environment_minutes"] * _MINUTE:
            self._made_at[place] = account.now
            self._environments[place] = self.wire()
            with account.by_time():
                account.cold_start(function)
                self._environments[place].shops.get(SHOP.id)
        return self._environments[place]

    def wire(self) -> Environment:
        """A cold start."""
        url = f"{self.address}/api/" if self.address else "https://esputnik.com/api/"
        settings = Settings(TABLE, QUEUE_URL, SHOPS_PATH, url, "hash-key", Policy(jitter=lambda: 0.5))
        clients, transport = Clients(), None
        if self.address is None:
            transport = self.account.transport
            for service in ("dynamodb", "sqs", "ssm"):
                setattr(clients, service, Client(self.account, service))
        return Environment(settings, clients, transport=transport, clock=lambda: self.account.now)

    def context(self, request_id: str, seconds: int) -> Any:
        """What Lambda tells an invocation of itself."""
        return SimpleNamespace(
            aws_request_id=request_id,
            get_remaining_time_in_millis=lambda: seconds * 1000,
            function_name="usual",
            memory_limit_in_mb=256,
            invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:usual",
        )


class QueueFirst(Shopwire):
    """Everything through the queue, one message a batch: a FIFO queue has no batching window to gather more."""

    def receive(self, event: str, request_id: str) -> dict[str, Any]:
        environment = self.environment("webhook")
        answer: dict[str, Any] = self.account.invoke("webhook", lambda: self._enqueue(json.loads(event), environment))
        return answer

    def _enqueue(self, event: dict[str, Any], environment: Any) -> dict[str, Any]:
        shop, received_at = environment.shops.get(SHOP.id), event["requestContext"]["timeEpoch"]
        webhook = Webhook(event["headers"], event["body"].encode(), received_at)
        platform = platforms.get(shop.platform)
        platform.verify(webhook, shop)
        (delivery,) = platform.read(webhook, shop)
        kept = Webhook(worth_keeping(event["headers"], platform.kept_headers), webhook.body, received_at)
        group = entity_key(shop.id, delivery.entity or Entity("view", delivery.key))
        environment.queue.put(Message(shop.id, delivery.key, kept), group)
        key = key_hash(delivery.key)
        report("received", received_at, shop=shop.id, outcome="queued", topic=delivery.topic, key=key)
        return {"statusCode": 200, "body": json.dumps({"status": "queued", "delivery": delivery.key})}

    def tidy(self) -> None:
        """It has no outbox."""


class Usual(Shopwire):
    """bench/usual/'s two functions. Its clients are real: it is always run behind the account's socket."""

    always_real = True
    # Lambda's own lines of an invocation, which `sam build`'s default leaves on: platform.start and platform.report.
    _PLATFORM_LOG_BYTES = 600

    def __init__(self, account: Account, address: str | None) -> None:
        super().__init__(account, address)
        self._module = _loaded(f"{address}/api/")

    def receive(self, event: str, request_id: str) -> dict[str, Any]:
        whole = json.loads(event)
        whole |= {"routeKey": "POST /webhooks/{shop}", "rawQueryString": "", "pathParameters": {"shop": SHOP.id}}
        whole["requestContext"] |= {"stage": "$default", "requestId": request_id}
        text = json.dumps(whole)
        self.account.count_log(self._PLATFORM_LOG_BYTES)
        answer: dict[str, Any] = self.account.invoke(
            "webhook", lambda: self._module.handler(json.loads(text), self.context(request_id, 10))
        )
        return answer

    def work_off(self, records: list[dict[str, Any]]) -> list[str]:
        self.account.count_log(self._PLATFORM_LOG_BYTES)
        event = {"Records": [record | {"eventSource": "aws:sqs", "messageAttributes": {}} for record in records]}
        answer = self.account.invoke("retry", lambda: self._module.retry(event, self.context("retry", 60)))
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def tidy(self) -> None:
        """It has no outbox."""


def _loaded(api: str) -> ModuleType:
    os.environ |= {
        "TABLE_NAME": TABLE,
        "QUEUE_URL": QUEUE_URL,
        "SHOPS_PATH": SHOPS_PATH,
        "ESPUTNIK_URL": api,
        "POWERTOOLS_METRICS_NAMESPACE": "usual",
        "POWERTOOLS_SERVICE_NAME": "usual",
    }
    spec = importlib.util.spec_from_file_location("usual_app", ROOT / "bench" / "usual" / "app" / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
