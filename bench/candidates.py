"""Three implementations of the same task, each on an account that counts its costs.

- `Shopwire` is the code of the deployed functions.
- `QueueFirst` verifies a webhook, puts it into the queue and responds. A consumer does everything else. It is the
  leanest such design that can be built from shopwire's own parts, with its ledger and its mapper.
- `Usual` is the usual stack in bench/usual/. It does not support carts, and it sends changes that change nothing.
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
from shopwire.endpoints import webhook as webhook_endpoint
from shopwire.environment import Clients, Environment, Settings
from shopwire.message import Message, worth_keeping
from shopwire.models import Entity, Shop, Webhook
from shopwire.observability import report
from shopwire.stores.entry import entity_key, key_hash

MIX: dict[str, Any] = json.loads((Path(__file__).parent / "mix.json").read_text(encoding="utf-8"))
SETTINGS = {"platform": "shopify", "secrets": ["a-secret"], "esputnik_key": "a-key", "region": "UA"}
SHOP = Shop.model_validate({"id": "demo-shopify", **SETTINGS})
SHOPS_PATH = "/shops/"

_MINUTE_MS = 60_000
_NEVER = -(1 << 40)


class Shopwire:
    """shopwire's functions.

    Args:
        account: the account that counts.
        address: address of the account's server, or None to call the account without clients and sockets.
    """

    needs_server = False
    """True if the candidate can only call the account through its server."""

    def __init__(self, account: Account, address: str | None) -> None:
        self.account = account
        self.address = address
        self._created_at: dict[tuple[str, int], int] = {}
        self._environments: dict[tuple[str, int], Environment] = {}
        self._webhooks = 0

    def receive(self, event: str, request_id: str) -> dict[str, Any]:
        """Handle an event of the gateway (JSON text) and return the response."""
        environment = self.environment("webhook")
        response: dict[str, Any] = self.account.invoke(
            "webhook", lambda: webhook_endpoint.serve(json.loads(event), self.context(request_id, 10), environment)
        )
        return response

    def retry(self, records: list[dict[str, Any]]) -> list[str]:
        """Handle a batch of the queue and return the IDs of the messages that stay in the queue."""
        environment, account = self.environment("retry"), self.account
        kept: list[str] = account.invoke(
            "retry",
            lambda: environment.retry_consumer.consume(
                records, request_id=f"retry-{account.now}", deadline=account.now + 60_000
            ),
        )
        return kept

    def upkeep(self) -> None:
        """Run the minute's upkeep."""
        environment, account = self.environment("upkeep"), self.account
        account.invoke("upkeep", lambda: environment.outbox_drain.drain(account.now + 40_000))

    def environment(self, function: str) -> Environment:
        """Return one of the function's execution environments in turn. Replace it if its lifetime is over."""
        account = self.account
        self._webhooks += function == "webhook"
        key = function, self._webhooks % MIX["environments"] if function == "webhook" else 0
        if account.now - self._created_at.get(key, _NEVER) >= MIX["environment_minutes"] * _MINUTE_MS:
            self._created_at[key] = account.now
            self._environments[key] = self.create_environment()
            with account.by_time():
                account.cold_start(function)
                self._environments[key].shops.get(SHOP.id)
        return self._environments[key]

    def create_environment(self) -> Environment:
        """Wire the parts as a cold start does."""
        url = f"{self.address}/api/" if self.address else "https://esputnik.com/api/"
        settings = Settings(TABLE, QUEUE_URL, SHOPS_PATH, url, "hash-key", Policy(jitter=lambda: 0.5))
        clients, transport = Clients(), None
        if self.address is None:
            transport = self.account.transport
            for service in ("dynamodb", "sqs", "ssm"):
                setattr(clients, service, Client(self.account, service))
        return Environment(settings, clients, transport=transport, clock=lambda: self.account.now)

    def context(self, request_id: str, seconds: int) -> Any:
        """Return the context object that Lambda passes to an invocation."""
        return SimpleNamespace(
            aws_request_id=request_id,
            get_remaining_time_in_millis=lambda: seconds * 1000,
            function_name="usual",
            memory_limit_in_mb=256,
            invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:usual",
        )


class QueueFirst(Shopwire):
    """Every webhook goes through the queue, one per batch, because a FIFO queue has no batching window."""

    def receive(self, event: str, request_id: str) -> dict[str, Any]:
        environment = self.environment("webhook")
        response: dict[str, Any] = self.account.invoke("webhook", lambda: self._enqueue(json.loads(event), environment))
        return response

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

    def upkeep(self) -> None:
        """Do nothing, because this design has no outbox."""


class Usual(Shopwire):
    """The two functions of bench/usual/."""

    needs_server = True
    # The lines platform.start and platform.report of each invocation. SAM's default settings leave them on.
    _PLATFORM_LOG_BYTES = 600

    def __init__(self, account: Account, address: str | None) -> None:
        super().__init__(account, address)
        self._module = _load_usual_app(f"{address}/api/")

    def receive(self, event: str, request_id: str) -> dict[str, Any]:
        full_event = json.loads(event)
        full_event |= {"routeKey": "POST /webhooks/{shop}", "rawQueryString": "", "pathParameters": {"shop": SHOP.id}}
        full_event["requestContext"] |= {"stage": "$default", "requestId": request_id}
        text = json.dumps(full_event)
        self.account.count_log(self._PLATFORM_LOG_BYTES)
        response: dict[str, Any] = self.account.invoke(
            "webhook", lambda: self._module.handler(json.loads(text), self.context(request_id, 10))
        )
        return response

    def retry(self, records: list[dict[str, Any]]) -> list[str]:
        self.account.count_log(self._PLATFORM_LOG_BYTES)
        event = {"Records": [record | {"eventSource": "aws:sqs", "messageAttributes": {}} for record in records]}
        response = self.account.invoke("retry", lambda: self._module.retry(event, self.context("retry", 60)))
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def upkeep(self) -> None:
        """Do nothing, because this design has no outbox."""


def _load_usual_app(api: str) -> ModuleType:
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
