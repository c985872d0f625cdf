"""`shopwire inspect --stack` on moto: it shows a deployed stack's logs, table and queue, and changes nothing."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest
from moto import mock_aws

from shopwire import platforms
from shopwire.message import Message, worth_keeping
from shopwire.models import Entity
from shopwire.shops import parse_shop
from shopwire.stores.entry import entity_key, key_hash
from shopwire.stores.ledger import Ledger
from shopwire.stores.parked import ParkedStore
from shopwire.stores.table import Key, Table
from shopwire_cli import aws_stack
from shopwire_cli.aws_stack import AwsStack
from shopwire_cli.commands import inspect as inspect_command
from shopwire_cli.main import main
from shopwire_cli.stack_installation import function_settings
from shopwire_dev.aws import make_table
from shopwire_inspector.log_reader import LogReader, LogsDown
from shopwire_inspector.recorded import ReceivedRequest
from shopwire_inspector.search import Filter
from shopwire_inspector.stack_inspector import StackInspector
from shopwire_testkit.samples import samples, signed_webhook

NOW = time.time_ns() // 1_000_000
GROUP = "/shopwire/shop-eu/"
SETTINGS = {"platform": "shopify", "secrets": ["s"], "esputnik_key": "k", "region": "UA", "old_order_days": 0}
SAMPLE = next(sample for sample in samples("shopify") if sample.name == "orders/create")
CANARIES = ("oksana", "hrytsenko", "example.com", "380501234567", "Оксана", "Гриценко")


def log(function: str, ago: int, message: str, **fields: Any) -> None:
    """Write a log line of a function with a time in the past.

    Args:
        ago: milliseconds before now.
    """
    text = json.dumps({"level": "INFO", "message": message, **fields})
    boto3.client("logs").put_log_events(
        logGroupName=GROUP + function, logStreamName="one", logEvents=[{"timestamp": NOW - ago, "message": text}]
    )


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A stack `shop-eu` with a shop `ann`, which has one delivered, one waiting and one parked webhook."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        queue = boto3.client("sqs").create_queue(QueueName="retry.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        client = boto3.client("dynamodb")
        make_table(client, "ledger")
        boto3.client("ssm").put_parameter(
            Name="/shopwire/shop-eu/shops/ann", Value=json.dumps(SETTINGS), Type="SecureString"
        )
        shop, platform = parse_shop("ann", SETTINGS), platforms.get("shopify")
        signed = signed_webhook(platform, SAMPLE.topic, SAMPLE.body, shop, NOW)
        webhook = replace(signed, headers=worth_keeping(signed.headers, platform.kept_headers))
        (delivery,) = platform.read(webhook, shop)
        assert delivery.entity
        ParkedStore(Table(client, "ledger")).put(
            Message("ann", delivery.key, webhook), SAMPLE.topic, delivery.entity, "the API refused v1/event: 400", NOW
        )
        logs = boto3.client("logs")
        for function in ("webhook", "retry"):
            logs.create_log_group(logGroupName=GROUP + function)
            logs.create_log_stream(logGroupName=GROUP + function, logStreamName="one")
        common = {"shop": "ann", "topic": "orders/paid"}
        first, second = common | {"entity": "order 1"}, common | {"entity": "order 2", "key": key_hash("k2")}
        log("webhook", 9000, "received", **first, outcome="delivered", key=key_hash("k1"), ms=80)
        log("webhook", 8000, "received", **second, outcome="queued", reason="the API did not answer", ms=90)
        log("webhook", 7000, "refused", shop="ann", outcome="unverified", reason="the signature does not match")
        log("webhook", 6500, "settings", shop="ann")
        log("retry", 6000, "retried", **second, outcome="waiting", ms=5)
        log("retry", 5000, "retried", **common, outcome="delivered", entity="order 0", key="ffffffffffff")
        outputs = {"TableName": "ledger", "QueueUrl": queue, "ShopsPath": "/shopwire/shop-eu/shops/"}
        id = "arn:aws:cloudformation:eu-central-1:111122223333:stack/shop-eu/7b0c"
        monkeypatch.setattr(aws_stack, "describe_stack", lambda name: AwsStack(name, id, outputs))
        yield outputs


@pytest.fixture
def inspector(stack: dict[str, Any]) -> Iterator[StackInspector]:
    inspector = make_inspector()
    inspector.start()
    yield inspector
    inspector.stop()


def make_inspector() -> StackInspector:
    settings = function_settings("shop-eu")
    return StackInspector("shop-eu", settings, boto3.client("logs"), port=0, since=NOW - 60_000)


def page(inspector: StackInspector, path: str, body: bytes | None = None) -> tuple[int, str]:
    try:
        with urlopen(Request(inspector.url + path, body), timeout=30) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def table_items() -> Any:
    """Return all items of the stack's table."""
    return boto3.client("dynamodb").scan(TableName="ledger")["Items"]


def test_webhooks_are_read_from_the_log_lines(inspector: StackInspector) -> None:
    rows = json.loads(page(inspector, "/inspect/rows")[1])["rows"]
    shown = {(row["entity"], row["outcome"], row["reason"], row["attempts"], row["duration_ms"]) for row in rows}
    assert shown == {
        ("order 1", "delivered", "", 1, 80),
        ("order 2", "waiting", "", 2, 90),
        ("", "unverified", "the signature does not match", 0, 0),
        ("order 0", "delivered", "", 1, None),  # its webhook arrived before the oldest line
    }


def test_each_line_is_read_once_also_a_late_one(stack: dict[str, Any]) -> None:
    inspector = make_inspector()
    reader: LogReader = inspector._reader
    log("retry", 5500, "retried", shop="ann", topic="t", entity="order 2", outcome="delivered", key=key_hash("k2"))
    for _ in range(2):
        reader.read()
    (webhook,) = inspector.journal.find_page(Filter(text="order 2"), before=None, limit=9)[0]
    assert [attempt.outcome for attempt in webhook.deliveries[0].attempts] == ["queued", "waiting", "delivered"]
    inspector._server.stop()


def test_every_page_opens_and_shows_no_personal_data(inspector: StackInspector) -> None:
    put_body(inspector)
    (parked,) = ParkedStore(Table(boto3.client("dynamodb"), "ledger")).list("ann")
    rows = json.loads(page(inspector, "/inspect/rows")[1])["rows"]
    paths = [
        "/",
        "/inspect/rows",
        "/inspect/export",
        "/inspect/parked",
        f"/inspect/parked/{parked.id}",
        "/inspect/entity?shop=ann&entity=order+2",
    ]
    for path in [*paths, *(f"/inspect/webhooks/{row['id']}" for row in rows)]:
        status, text = page(inspector, path)
        assert status == 200, path
        assert [canary for canary in CANARIES if canary in text] == [], path
        assert ("personal data masked" in text) is not path.endswith(("rows", "export"))
        assert "<button>Replay" not in text
    assert page(inspector, "/inspect/faults")[0] == 404


def test_what_cannot_be_done_in_a_stack_is_not_offered(inspector: StackInspector) -> None:
    put_body(inspector)
    (parked,) = ParkedStore(Table(boto3.client("dynamodb"), "ledger")).list("ann")
    for path in ("/inspect/api", "/inspect/webhooks/1/body", "/inspect/webhooks/1/resend"):
        assert page(inspector, path)[0] == 404
    for path in ("/", "/inspect/webhooks/1", f"/inspect/parked/{parked.id}"):
        text = page(inspector, path)[1]
        offered = (
            "Resend",
            "Try now",
            "Send a sample",
            "Replay what is parked",
            "/inspect/api",
            "curl",
            'data-copy="raw',
        )
        assert [word for word in offered if word in text] == [], path
    for path in ("send", "scenario", "resend", "replay", "webhooks/1/resend", "webhooks/1/preview", "webhooks/1/try"):
        assert page(inspector, f"/inspect/{path}", b"")[0] == 403


def put_body(inspector: StackInspector) -> None:
    """Give the webhooks a body, which the logs of a stack do not have. The pages must not show it either."""
    for webhook in inspector.journal.find_page(Filter(), before=None, limit=9)[0]:
        webhook.request = ReceivedRequest("/webhooks/ann", {}, {"x-shopify-topic": "orders/paid"}, SAMPLE.body)


def test_export_of_a_stack_has_the_records_and_no_bodies(inspector: StackInspector) -> None:
    put_body(inspector)
    lines = [json.loads(line) for line in page(inspector, "/inspect/export?text=order+2")[1].splitlines()]
    assert [(line["entity"], line["outcome"], line["tries"]) for line in lines] == [("order 2", "waiting", 2)]
    assert {"body", "headers", "requests"}.isdisjoint(lines[0])


def test_counters_say_what_is_parked_and_waiting_now(inspector: StackInspector) -> None:
    counters = json.loads(page(inspector, "/inspect/rows")[1])["counters"]
    assert ["parked now", "parked", 1] in counters  # the logs that were read do not mention it
    assert ["waiting now", "waiting", 0] in counters  # the logs mention one, and the queue is empty


def test_what_the_ledger_repeats_of_an_order_is_masked(inspector: StackInspector) -> None:
    reference = {"totalCost": "25.00", "firstName": "Oksana", "email": "oksana@example.com"}
    key = Key(entity_key("ann", Entity("order", "9")))
    Table(boto3.client("dynamodb"), "ledger").update(key, {"order_reference": reference})
    text = page(inspector, "/inspect/entity?shop=ann&entity=order+9")[1]
    assert "totalCost: 25.00" in text
    assert [canary for canary in ("Oksana", "oksana") if canary in text] == []


def test_parked_page_shows_a_masked_dry_run_and_writes_nothing(inspector: StackInspector) -> None:
    before = table_items()
    (parked,) = ParkedStore(Table(boto3.client("dynamodb"), "ledger")).list("ann")
    _, text = page(inspector, f"/inspect/parked/{parked.id}")
    assert "2 requests would be sent" in text
    assert "orderUpdated" in text or "orderCreated" in text
    assert f"shopwire parked replay {parked.id} --stack shop-eu" in text
    assert table_items() == before
    assert page(inspector, f"/inspect/parked/{parked.id}/replay", b"")[0] == 403
    assert table_items() == before


def test_messages_in_the_queue_are_counted(inspector: StackInspector) -> None:
    assert json.loads(page(inspector, "/inspect/rows")[1])["queue"].startswith("Retry queue: 0 visible")


def test_missing_table_is_a_503_with_the_reason(inspector: StackInspector) -> None:
    boto3.client("dynamodb").delete_table(TableName="ledger")
    status, text = page(inspector, "/inspect/parked")
    assert status == 503
    assert "ResourceNotFoundException" in text


def test_ledger_entry_is_shown(inspector: StackInspector) -> None:
    ledger = Ledger(Table(boto3.client("dynamodb"), "ledger"), 1000)
    ledger.claim("ann", Entity("order", "1"), "a-key", 17, request_id="o", until=NOW, now=NOW)
    assert "key: a-key" in page(inspector, "/inspect/entity?shop=ann&entity=order+1")[1]


def test_command_serves_the_pages_until_it_is_ended(
    stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row_counts: list[int] = []

    def count_rows() -> None:
        ready = capsys.readouterr().out.splitlines()[-1]
        with urlopen(f"{ready.removeprefix('ready ')}/inspect/rows", timeout=30) as response:
            row_counts.append(len(json.load(response)["rows"]))

    monkeypatch.setattr(inspect_command, "wait_for_signal", count_rows)
    assert main(["inspect", "--stack", "shop-eu", "--port", "0"]) == 0
    assert row_counts == [4]


def test_denied_logs_are_a_one_line_error(
    stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def deny(self: LogReader) -> None:
        raise LogsDown("AccessDeniedException")

    monkeypatch.setattr(LogReader, "read", deny)
    assert main(["inspect", "--stack", "shop-eu"]) == 1
    error = "shopwire inspect: AWS does not answer, or refuses to show the logs: AccessDeniedException\n"
    assert capsys.readouterr() == ("", error)


def test_url_of_the_running_dev_is_printed_without_a_stack(
    inspector: StackInspector, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "--url", inspector.url]) == 0
    assert capsys.readouterr().out == f"{inspector.url}/\n"
