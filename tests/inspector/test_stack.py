"""`shopwire inspect --stack`, on moto's AWS: what a deployed stack's logs, table and queue tell, and that nothing of it
is changed."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest
from moto import mock_aws

from shopwire import platforms
from shopwire.message import Message, worth_keeping
from shopwire.models import Entity, Webhook
from shopwire.shops import parse_shop
from shopwire.stores.ledger import Ledger, key_hash
from shopwire.stores.parked import ParkedStore
from shopwire.stores.table import Table
from shopwire_cli import aws_stack
from shopwire_cli.aws_stack import AwsStack
from shopwire_cli.commands import inspect as inspecting
from shopwire_cli.main import main
from shopwire_cli.stack_installation import function_settings
from shopwire_dev.aws import make_table
from shopwire_inspector.journal import Filter
from shopwire_inspector.stack import Inspector, LogReader, LogsDown
from shopwire_testkit.samples import samples

NOW = time.time_ns() // 1_000_000
GROUP = "/shopwire/shop-eu/"
SETTINGS = {"platform": "shopify", "secrets": ["s"], "esputnik_key": "k", "region": "UA", "old_order_days": 0}
SAMPLE = next(one for one in samples("shopify") if one.name == "orders/create")
CANARIES = ("oksana", "hrytsenko", "example.com", "380501234567", "Оксана", "Гриценко")


def line(function: str, ago: int, message: str, **fields: Any) -> None:
    """One of the functions' log lines, so many milliseconds ago."""
    text = json.dumps({"level": "INFO", "message": message, **fields})
    boto3.client("logs").put_log_events(
        logGroupName=GROUP + function, logStreamName="one", logEvents=[{"timestamp": NOW - ago, "message": text}]
    )


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A stack `shop-eu` with a shop `ann`, of which one webhook was delivered, one waits, one is parked."""
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
        headers = {name.lower(): value for name, value in platform.sign(SAMPLE.topic, SAMPLE.body, shop, NOW).items()}
        webhook = Webhook(worth_keeping(headers, platform.kept_headers), SAMPLE.body, NOW)
        (delivery,) = platform.read(webhook, shop)
        assert delivery.entity
        ParkedStore(Table(client, "ledger")).put(
            Message("ann", delivery.key, webhook), SAMPLE.topic, delivery.entity, "the API refused v1/event: 400", NOW
        )
        logs = boto3.client("logs")
        for function in ("webhook", "retry"):
            logs.create_log_group(logGroupName=GROUP + function)
            logs.create_log_stream(logGroupName=GROUP + function, logStreamName="one")
        told = {"shop": "ann", "topic": "orders/paid"}
        one, two = told | {"entity": "order 1"}, told | {"entity": "order 2", "key": key_hash("k2")}
        line("webhook", 9000, "received", **one, outcome="delivered", key=key_hash("k1"), milliseconds=80)
        line("webhook", 8000, "received", **two, outcome="queued", reason="the API did not answer", milliseconds=90)
        line("webhook", 7000, "refused", shop="ann", outcome="unverified", reason="the signature does not match")
        line("webhook", 6500, "settings", shop="ann")
        line("retry", 6000, "retried", **two, outcome="waiting", milliseconds=5)
        line("retry", 5000, "retried", **told, outcome="delivered", entity="order 0", key="ffffffffffff")
        outputs = {"TableName": "ledger", "QueueUrl": queue, "ShopsPath": "/shopwire/shop-eu/shops/"}
        id = "arn:aws:cloudformation:eu-central-1:111122223333:stack/shop-eu/7b0c"
        monkeypatch.setattr(aws_stack, "describe_stack", lambda name: AwsStack(name, id, outputs))
        yield outputs


@pytest.fixture
def inspector(stack: dict[str, Any]) -> Iterator[Inspector]:
    one = Inspector("shop-eu", function_settings("shop-eu"), boto3.client("logs"), port=0, since=NOW - 60_000)
    one.start()
    yield one
    one.stop()


def page(inspector: Inspector, path: str, body: bytes | None = None) -> tuple[int, str]:
    try:
        with urlopen(Request(inspector.url + path, body), timeout=30) as reply:
            return reply.status, reply.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def everything() -> Any:
    """All that the stack holds."""
    return boto3.client("dynamodb").scan(TableName="ledger")["Items"]


def test_webhooks_are_told_by_the_log_lines(inspector: Inspector) -> None:
    rows = json.loads(page(inspector, "/inspect/rows")[1])["rows"]
    told = {(row["entity"], row["outcome"], row["reason"], row["tries"], row["milliseconds"]) for row in rows}
    assert told == {
        ("order 1", "delivered", "", 1, 80),
        ("order 2", "waiting", "", 2, 90),
        ("", "unverified", "the signature does not match", 0, 0),
        ("order 0", "delivered", "", 1, None),  # its webhook came before what was read
    }


def test_a_line_is_read_once_and_a_late_one_too(stack: dict[str, Any]) -> None:
    inspector = Inspector("shop-eu", function_settings("shop-eu"), boto3.client("logs"), port=0, since=NOW - 60_000)
    reader: LogReader = inspector._reader
    line("retry", 5500, "retried", shop="ann", topic="t", entity="order 2", outcome="delivered", key=key_hash("k2"))
    for _ in range(2):
        reader.read()
    (webhook,) = inspector.journal.page(Filter(text="order 2"), before=None, limit=9)[0]
    assert [one.outcome for one in webhook.deliveries[0].tries] == ["queued", "waiting", "delivered"]
    inspector._server.stop()


def test_every_page_opens_and_shows_nobody(inspector: Inspector) -> None:
    (parked,) = ParkedStore(Table(boto3.client("dynamodb"), "ledger")).list("ann")
    rows = json.loads(page(inspector, "/inspect/rows")[1])["rows"]
    paths = ["/", "/inspect/parked", f"/inspect/parked/{parked.id}", "/inspect/entity?shop=ann&entity=order+2"]
    for path in [*paths, *(f"/inspect/webhooks/{row['id']}" for row in rows)]:
        status, text = page(inspector, path)
        assert status == 200, path
        assert [canary for canary in CANARIES if canary in text] == [], path
        assert "people masked" in text
        assert "<button>Replay" not in text
    assert page(inspector, "/inspect/faults")[0] == 404


def test_a_parked_one_shows_masked_what_a_replay_would_send_and_nothing_is_written(inspector: Inspector) -> None:
    before = everything()
    (parked,) = ParkedStore(Table(boto3.client("dynamodb"), "ledger")).list("ann")
    _, text = page(inspector, f"/inspect/parked/{parked.id}")
    assert "2 requests would be sent" in text
    assert "orderUpdated" in text or "orderCreated" in text
    assert f"shopwire parked replay {parked.id} --stack shop-eu" in text
    assert everything() == before
    assert page(inspector, f"/inspect/parked/{parked.id}/replay", b"")[0] == 403
    assert everything() == before


def test_the_queue_is_counted_and_one_that_is_gone_is_said(inspector: Inspector) -> None:
    assert json.loads(page(inspector, "/inspect/rows")[1])["queue"].startswith("Retry queue: 0 to be taken")


def test_a_table_that_is_gone_is_a_503_with_its_reason(inspector: Inspector) -> None:
    boto3.client("dynamodb").delete_table(TableName="ledger")
    status, text = page(inspector, "/inspect/parked")
    assert status == 503
    assert "ResourceNotFoundException" in text


def test_the_ledgers_entry_is_shown(inspector: Inspector) -> None:
    ledger = Ledger(Table(boto3.client("dynamodb"), "ledger"), 1000)
    ledger.claim("ann", Entity("order", "1"), "a-key", 17, owner="o", until=NOW, now=NOW)
    assert "key: a-key" in page(inspector, "/inspect/entity?shop=ann&entity=order+1")[1]


def test_the_command_serves_the_pages_until_it_is_ended(
    stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def ask() -> None:
        said = capsys.readouterr().out.splitlines()[-1]
        with urlopen(f"{said.removeprefix('ready ')}/inspect/rows", timeout=30) as reply:
            asked.append(len(json.load(reply)["rows"]))

    monkeypatch.setattr(inspecting, "wait_for_signal", ask)
    assert main(["inspect", "--stack", "shop-eu", "--port", "0"]) == 0
    assert asked == [4]


def test_logs_that_may_not_be_read_are_one_line(
    stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(self: LogReader) -> None:
        raise LogsDown("AccessDeniedException")

    monkeypatch.setattr(LogReader, "read", refuses)
    assert main(["inspect", "--stack", "shop-eu"]) == 1
    says = "shopwire inspect: AWS does not answer, or refuses to show the logs: AccessDeniedException\n"
    assert capsys.readouterr() == ("", says)


def test_without_a_stack_the_address_of_the_running_dev_is_printed(
    inspector: Inspector, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "--url", inspector.url]) == 0
    assert capsys.readouterr().out == f"{inspector.url}/\n"
