"""`shopwire parked` on a deployed stack, with moto's AWS. test_parked_dev.py does the same with `shopwire dev`."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shopwire.message import Message, unpack
from shopwire.models import Entity, Reason, Webhook
from shopwire.stores.parked import ParkedStore
from shopwire.stores.table import Table
from shopwire_cli import aws_stack
from shopwire_cli.aws_stack import AwsStack
from shopwire_cli.main import main
from shopwire_dev.aws import make_table

Captured = pytest.CaptureFixture[str]

RECEIVED_AT_MS = 1_767_225_600_000
BODY = '{"id":7,"note":"Привіт"}'
WEBHOOK = Webhook({"x-shopify-topic": "orders/create"}, BODY.encode(), RECEIVED_AT_MS, {"a": "b"})
STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/shop-eu/7b0c"


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the queue of a stack `shop-eu`, which has two parked webhooks of two shops."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
        url = boto3.client("sqs").create_queue(QueueName="retry.fifo", Attributes=attributes)["QueueUrl"]
        client = boto3.client("dynamodb")
        make_table(client, "ledger")
        ssm = boto3.client("ssm")
        for shop in ("ann", "bob"):
            ssm.put_parameter(Name=f"/shopwire/shop-eu/shops/{shop}", Value="{}", Type="SecureString")
        store = ParkedStore(Table(client, "ledger"))
        order = Entity("order", "7")
        store.put(Message("bob", "k1", WEBHOOK), "orders/create", order, "refused: 400", RECEIVED_AT_MS + 2)
        store.put(Message("ann", "k2", WEBHOOK), "unreadable", None, "id: missing", RECEIVED_AT_MS + 1)
        outputs = {"TableName": "ledger", "QueueUrl": url, "ShopsPath": "/shopwire/shop-eu/shops/"}
        monkeypatch.setattr(aws_stack, "describe_stack", lambda name: AwsStack(name, STACK_ID, outputs))
        yield url


def list_parked(capsys: Captured, *options: str) -> list[dict[str, Any]]:
    """Return the records that `shopwire parked list` prints."""
    assert main(["parked", "list", "--stack", "shop-eu", *options]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def messages_in(queue: str) -> list[Message]:
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [unpack(message["Body"]) for message in messages]


def test_list_prints_json_lines_in_a_pipe_oldest_first(queue: str, capsys: Captured) -> None:
    ann, bob = list_parked(capsys)
    assert bob == {
        "id": bob["id"],
        "shop": "bob",
        "topic": "orders/create",
        "entity": "order 7",
        "reason": "refused: 400",
        "tries": 1,
        "first": RECEIVED_AT_MS + 2,
        "last": RECEIVED_AT_MS + 2,
    }
    assert bob["id"].startswith(f"bob.{RECEIVED_AT_MS}.")
    assert (ann["shop"], ann["entity"]) == ("ann", "unknown")
    assert list_parked(capsys, "--json") == [ann, bob]


def test_list_prints_a_table_in_a_terminal(queue: str, capsys: Captured, terminal: None) -> None:
    assert main(["parked", "list", "--stack", "shop-eu", "--shop", "ann", "--utc"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "topic", "entity", "tries", "last", "reason"]
    assert row.split()[1:] == ["unreadable", "unknown", "1", "2026-01-01", "00:00:00Z", "id:", "missing"]
    assert head.index("topic") == row.index("unreadable")


def test_times_are_local_with_their_zone_or_in_utc(queue: str, capsys: Captured, terminal: None, kyiv: None) -> None:
    for options, last in ((), "2026-01-01 02:00:00+02:00"), (("--utc",), "2026-01-01 00:00:00Z"):
        assert main(["parked", "list", "--stack", "shop-eu", *options]) == 0
        _, first, _ = capsys.readouterr().out.splitlines()
        assert last in first


def test_list_prints_json_lines_in_a_terminal_on_request(queue: str, capsys: Captured, terminal: None) -> None:
    assert [record["shop"] for record in list_parked(capsys, "--json")] == ["ann", "bob"]


@pytest.mark.parametrize("shop", ["ann", "bob"])
def test_list_is_limited_to_one_shop(queue: str, capsys: Captured, shop: str) -> None:
    assert [record["shop"] for record in list_parked(capsys, "--shop", shop)] == [shop]


def test_show_prints_headers_and_body(queue: str, capsys: Captured) -> None:
    bob = list_parked(capsys)[1]
    assert main(["parked", "show", bob["id"], "--stack", "shop-eu"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == bob | {
        "details": {},
        "received_at": RECEIVED_AT_MS,
        "headers": {"x-shopify-topic": "orders/create"},
        "query": {"a": "b"},
        "body": BODY,
    }


def test_show_is_indented_in_a_terminal(queue: str, capsys: Captured, terminal: None) -> None:
    bob = list_parked(capsys, "--json")[1]
    assert main(["parked", "show", bob["id"], "--stack", "shop-eu"]) == 0
    out = capsys.readouterr().out
    assert out.startswith('{\n  "id": "bob.')
    assert json.loads(out)["body"] == BODY


def test_replayed_webhook_is_in_the_queue_and_no_longer_parked(queue: str, capsys: Captured) -> None:
    ann, bob = list_parked(capsys)
    assert main(["parked", "replay", bob["id"], "--stack", "shop-eu"]) == 0
    assert capsys.readouterr().out == f"queued {bob['id']}\n"
    (message,) = messages_in(queue)
    assert (message.shop, message.webhook) == ("bob", WEBHOOK)
    assert message.replayed_at > RECEIVED_AT_MS
    assert list_parked(capsys) == [ann]


def test_replay_all_replays_every_webhook(queue: str, capsys: Captured) -> None:
    assert main(["parked", "replay", "--all", "--stack", "shop-eu"]) == 0
    assert capsys.readouterr().out.count("queued ") == 2
    assert {message.shop for message in messages_in(queue)} == {"ann", "bob"}
    assert main(["parked", "list", "--stack", "shop-eu"]) == 0
    assert capsys.readouterr() == ("", "nothing is parked\n")


def test_replay_all_leaves_repeated_erasure_requests(queue: str, capsys: Captured) -> None:
    ann, bob = list_parked(capsys)
    store = ParkedStore(Table(boto3.client("dynamodb"), "ledger"))
    message = Message("ann", "k3", WEBHOOK)
    id = store.put(message, "customers/redact", Entity("contact", "7"), Reason.REPEATED_ERASURE, RECEIVED_AT_MS + 3)
    assert main(["parked", "replay", "--all", "--stack", "shop-eu"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"queued {ann['id']}\nqueued {bob['id']}\n"
    assert printed.err == (
        f"not queued {id}: it may erase who came back. Name its id to replay it\nqueued 2 parked webhooks, 1 not\n"
    )
    assert main(["parked", "replay", id, "--stack", "shop-eu"]) == 0
    assert capsys.readouterr().out == f"queued {id}\n"
    assert list_parked(capsys) == []


@pytest.mark.parametrize("action", ["show", "replay"])
@pytest.mark.parametrize("id", ["bob.1767225600000.0", "bob", "unknown.1.2"])
def test_unknown_id_is_exit_2(queue: str, capsys: Captured, action: str, id: str) -> None:
    assert main(["parked", action, id, "--stack", "shop-eu"]) == 2
    assert capsys.readouterr() == (
        "",
        f"shopwire parked: nothing is parked under {id}: `shopwire parked list` lists what is\n",
    )


def test_missing_table_is_one_line(queue: str, capsys: Captured) -> None:
    boto3.client("dynamodb").delete_table(TableName="ledger")
    assert main(["parked", "list", "--stack", "shop-eu"]) == 1
    assert capsys.readouterr() == (
        "",
        "shopwire parked: AWS does not answer, or refuses: ResourceNotFoundException\n",
    )
