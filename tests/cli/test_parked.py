"""`shopwire parked`, on a deployed stack (moto's AWS) and against the running `shopwire dev` (a stand-in for it)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoRegionError
from moto import mock_aws

import shopwire_cli.stack_installation as stacks
from shopwire.message import Message, unpack
from shopwire.models import Entity, Webhook
from shopwire.stores.parked import ParkedStore
from shopwire.stores.table import Table
from shopwire_cli.main import main
from shopwire_dev.aws import make_table

RECEIVED = 1_767_225_600_000
BODY = '{"id":7,"note":"Привіт"}'
WEBHOOK = Webhook({"x-shopify-topic": "orders/create"}, BODY.encode(), RECEIVED, {"a": "b"})
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A stack `shop-eu` on moto's AWS with two parked webhooks of two shops; its queue's URL."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
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
        store.put(Message("bob", "k1", WEBHOOK), "orders/create", Entity("order", "7"), "refused: 400", RECEIVED + 2)
        store.put(Message("ann", "k2", WEBHOOK), "unreadable", None, "id: missing", RECEIVED + 1)
        stack = {
            "StackId": "arn:aws:cloudformation:eu-central-1:111122223333:stack/shop-eu/7b0c",
            "Outputs": [
                {"OutputKey": "TableName", "OutputValue": "ledger"},
                {"OutputKey": "QueueUrl", "OutputValue": url},
                {"OutputKey": "ShopsPath", "OutputValue": "/shopwire/shop-eu/shops/"},
            ],
        }
        monkeypatch.setattr(stacks, "_describe", lambda name: stack)
        yield url


def listed(capsys: Captured) -> list[dict[str, Any]]:
    assert main(["parked", "list", "--stack", "shop-eu", "--json"]) == 0
    records: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return records


def waiting(queue: str) -> list[Message]:
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [unpack(message["Body"]) for message in messages]


def test_a_stacks_parked_webhooks_are_listed_oldest_first(queue: str, capsys: Captured) -> None:
    ann, bob = listed(capsys)
    assert bob == {
        "id": bob["id"],
        "shop": "bob",
        "topic": "orders/create",
        "entity": "order 7",
        "reason": "refused: 400",
        "tries": 1,
        "first": RECEIVED + 2,
        "last": RECEIVED + 2,
    }
    assert bob["id"].startswith(f"bob.{RECEIVED}.")
    assert (ann["shop"], ann["entity"]) == ("ann", "unknown")


def test_the_list_is_a_table_and_holds_one_shop_where_asked(queue: str, capsys: Captured) -> None:
    assert main(["parked", "list", "--stack", "shop-eu", "--shop", "ann"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "topic", "entity", "tries", "last", "reason"]
    assert row.split()[1:] == ["unreadable", "unknown", "1", "2026-01-01", "00:00:00Z", "id:", "missing"]
    assert head.index("topic") == row.index("unreadable")


def test_one_is_shown_with_its_headers_and_body(queue: str, capsys: Captured) -> None:
    bob = listed(capsys)[1]
    assert main(["parked", "show", bob["id"], "--stack", "shop-eu"]) == 0
    assert json.loads(capsys.readouterr().out) == bob | {
        "received_at": RECEIVED,
        "headers": {"x-shopify-topic": "orders/create"},
        "query": {"a": "b"},
        "body": BODY,
    }


def test_a_replayed_one_waits_in_the_queue_and_is_off_the_list(queue: str, capsys: Captured) -> None:
    ann, bob = listed(capsys)
    assert main(["parked", "replay", bob["id"], "--stack", "shop-eu"]) == 0
    assert capsys.readouterr().out == f"queued {bob['id']}\n"
    (message,) = waiting(queue)
    assert (message.shop, message.webhook) == ("bob", WEBHOOK)
    assert message.replayed_at > RECEIVED
    assert listed(capsys) == [ann]


def test_all_are_replayed_where_asked(queue: str, capsys: Captured) -> None:
    assert main(["parked", "replay", "--all", "--stack", "shop-eu"]) == 0
    assert capsys.readouterr().out.count("queued ") == 2
    assert {message.shop for message in waiting(queue)} == {"ann", "bob"}
    assert main(["parked", "list", "--stack", "shop-eu"]) == 0
    assert capsys.readouterr() == ("", "nothing is parked\n")


@pytest.mark.parametrize("action", ["show", "replay"])
@pytest.mark.parametrize("id", ["bob.1767225600000.0", "bob", "nobody.1.2"])
def test_an_unknown_id_is_the_users_mistake(queue: str, capsys: Captured, action: str, id: str) -> None:
    assert main(["parked", action, id, "--stack", "shop-eu"]) == 2
    assert capsys.readouterr() == ("", f"shopwire parked: nothing is parked under {id} (any more)\n")


def test_a_table_that_is_gone_is_one_line(queue: str, capsys: Captured) -> None:
    boto3.client("dynamodb").delete_table(TableName="ledger")
    assert main(["parked", "list", "--stack", "shop-eu"]) == 1
    assert capsys.readouterr() == (
        "",
        "shopwire parked: AWS does not answer, or refuses: ResourceNotFoundException\n",
    )


class CloudFormation:
    """AWS's answer to describe_stacks: a stack or an error."""

    def __init__(self, answer: Any) -> None:
        self.meta = SimpleNamespace(region_name="eu-central-1")
        self._answer = answer

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Stacks": [self._answer]}


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (refusal("ValidationError", "Stack with id shop-eu does not exist"), 2, "no stack shop-eu in eu-central-1"),
        (refusal("AccessDenied", "no"), 1, "AWS refused to describe stack shop-eu: AccessDenied"),
        (
            EndpointConnectionError(endpoint_url="x"),
            1,
            "could not describe stack shop-eu, AWS does not answer: EndpointConnectionError",
        ),
        (NoRegionError(), 2, "no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one"),
        ({"StackId": "a/b/c"}, 2, "stack shop-eu has no output TableName: is it one of shopwire's?"),
    ],
)
def test_a_stack_that_cannot_be_used_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, answer: Any, code: int, says: str
) -> None:
    class Session:
        def client(self, service: str) -> CloudFormation:
            assert service == "cloudformation"
            return CloudFormation(answer)

    monkeypatch.setattr("boto3.session.Session", Session)
    assert main(["parked", "list", "--stack", "shop-eu"]) == code
    assert capsys.readouterr() == ("", f"shopwire parked: {says}\n")


RECORD = {"id": "demo.1.a", "shop": "demo", "topic": "t", "entity": "order 1", "reason": "r"} | dict.fromkeys(
    ("tries", "first", "last"), 1
)
ANSWERS = {
    "GET /dev/parked": [RECORD],
    "GET /dev/parked/demo.1.a": RECORD | {"body": "{}"},
    "POST /dev/parked/demo.1.a/replay": {"status": "queued"},
}


class Handler(BaseHTTPRequestHandler):
    """Answers as `shopwire dev` does; below /broken it is a page of somebody else's."""

    def _serve(self) -> None:
        answer = ANSWERS.get(f"{self.command} {self.path}")
        body = b"<html>" if self.path.startswith("/broken") else json.dumps(answer or {"error": "no such"}).encode()
        self.send_response(200 if answer or body == b"<html>" else 503 if "/down/" in self.path else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where something listens that answers as `shopwire dev` does."""
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_running_dev_is_asked_where_no_stack_is_named(url: str, capsys: Captured) -> None:
    assert main(["parked", "list", "--json", "--url", url + "/"]) == 0
    assert json.loads(capsys.readouterr().out) == [RECORD]
    assert main(["parked", "show", "demo.1.a", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out) == RECORD | {"body": "{}"}
    assert main(["parked", "replay", "demo.1.a", "--url", url]) == 0
    assert capsys.readouterr().out == "queued demo.1.a\n"


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("", 2, "nothing is parked under x/../y (any more)"),
        ("/broken", 1, "/dev/parked/x%2F..%2Fy is no `shopwire dev`: its answer is not JSON"),
        ("/down", 1, "/dev/parked/x%2F..%2Fy answered 503"),
    ],
)
def test_an_answer_that_is_not_as_it_should_be_is_one_line(
    url: str, capsys: Captured, path: str, code: int, says: str
) -> None:
    assert main(["parked", "show", "x/../y", "--url", url + path]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(says + "\n")
    assert err.count("\n") == 1


def test_nobody_listening_is_one_line(capsys: Captured) -> None:
    assert main(["parked", "list", "--url", "http://127.0.0.1:9"]) == 1
    assert capsys.readouterr() == (
        "",
        "shopwire parked: nobody answers at http://127.0.0.1:9/dev/parked: is `shopwire dev` running there?\n",
    )
