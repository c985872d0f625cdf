"""`shopwire person` on a deployed stack, with moto's AWS. tests/dev/test_people.py does it with `shopwire dev`."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shopwire.delivery.task import Policy
from shopwire.environment import Clients, Environment, Settings
from shopwire.message import unpack
from shopwire.models import Contact
from shopwire_cli import aws_stack
from shopwire_cli.aws_stack import AwsStack
from shopwire_cli.main import main
from shopwire_dev.aws import make_table
from tests.support.changes import SETTINGS

Captured = pytest.CaptureFixture[str]

STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/shop-eu/7b0c"
ANN = Contact(email="ann@example.com", phone="380501112233", first_name="Ann")
SHOW = ("show", "--shop", "my-shop", "--email", "Ann@Example.com ")
ERASE = ("erase", "--shop", "my-shop", "--email", "ann@example.com")


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The URL of the queue of a stack `shop-eu`, which knows Ann. Files are written into a new directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with mock_aws():
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
        url = boto3.client("sqs").create_queue(QueueName="retry.fifo", Attributes=attributes)["QueueUrl"]
        make_table(boto3.client("dynamodb"), "ledger")
        path = "/shopwire/shop-eu/shops/"
        boto3.client("ssm").put_parameter(Name=f"{path}my-shop", Value=json.dumps(SETTINGS), Type="SecureString")
        outputs = {"TableName": "ledger", "QueueUrl": url, "ShopsPath": path}
        monkeypatch.setattr(aws_stack, "describe_stack", lambda name: AwsStack(name, STACK_ID, outputs))
        settings = Settings("ledger", url, path, "https://esputnik.com/api/", "7b0c", Policy())
        environment = Environment(settings, Clients())
        store, now = environment.contacts, environment.clock()
        assert store.write("my-shop", store.find("my-shop", ANN), ANN, now, now)
        yield url


def run(*words: str) -> int:
    return main(["person", *words, "--stack", "shop-eu"])


def messages(queue: str) -> list[Any]:
    received = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [unpack(message["Body"]) for message in received]


def test_show_writes_a_file_that_only_the_user_can_read(tmp_path: Path, capsys: Captured) -> None:
    assert run(*SHOW, "--yes", "my-shop") == 0
    (file,) = tmp_path.iterdir()
    assert capsys.readouterr() == (f"written {file.name}: contacts: 2, entries: 0, parked: 0, outbox: 0\n", "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.name.startswith("person-my-shop-")
    kept = [item["kept"].get("contact") for item in json.loads(file.read_text())["contacts"]]
    assert {"email": "ann@example.com", "phone": "380501112233", "first_name": "Ann"} in kept


def test_show_writes_the_named_file_and_replaces_none(tmp_path: Path, capsys: Captured) -> None:
    assert run(*SHOW, "--yes", "my-shop", "--output", "ann.json") == 0
    before = (tmp_path / "ann.json").read_text()
    capsys.readouterr()
    assert run(*SHOW, "--yes", "my-shop", "--output", "ann.json") == 2
    assert capsys.readouterr() == ("", "shopwire person: ann.json: File exists\n")
    assert (tmp_path / "ann.json").read_text() == before


def test_show_prints_on_request_and_writes_no_file(tmp_path: Path, capsys: Captured) -> None:
    assert run(*SHOW, "--yes", "my-shop", "--print") == 0
    assert "380501112233" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [SHOW, (*SHOW, "--print"), ERASE])
def test_nothing_happens_without_a_confirmation(
    words: tuple[str, ...], tmp_path: Path, queue: str, capsys: Captured
) -> None:
    assert run(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "shop my-shop" in err.splitlines()[0]
    assert err.endswith("shopwire person: nothing was done: use --yes my-shop to agree without being asked\n")
    assert "ann@" not in err.lower()
    assert (list(tmp_path.iterdir()), messages(queue)) == ([], [])


@pytest.mark.parametrize("words", [SHOW, ERASE])
def test_confirmation_that_names_another_shop_is_refused(words: tuple[str, ...], queue: str, capsys: Captured) -> None:
    assert run(*words, "--yes", "other-shop") == 2
    assert capsys.readouterr() == (
        "",
        "shopwire person: --yes names other-shop, and --shop names my-shop: nothing was done\n",
    )
    assert messages(queue) == []


@pytest.mark.parametrize(("typed", "code"), [("my-shop\n", 0), ("y\n", 2), ("\n", 2)])
def test_erase_asks_for_the_shop(
    typed: str, code: int, queue: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return typed

    monkeypatch.setattr("sys.stdin", Terminal())
    assert run(*ERASE) == code
    assert "Type the id of the shop to go on: " in capsys.readouterr().err
    assert len(messages(queue)) == (code == 0)


def test_erasure_waits_in_the_queue_and_its_tombstones_are_written(queue: str, capsys: Captured) -> None:
    assert run(*ERASE, "--order", "1001", "--yes", "my-shop") == 0
    out, err = capsys.readouterr()
    assert out == "queued (queued_first): the erasure of a person of shop my-shop\n"
    assert "ann@" not in (out + err).lower()
    (message,) = messages(queue)
    assert (message.shop, message.platform) == ("my-shop", "by_hand")
    body = json.loads(message.webhook.body)
    assert (body["email"], body["orders"]) == ("ann@example.com", ["1001"])
    items = boto3.client("dynamodb").scan(TableName="ledger")["Items"]
    assert sum("erased_at" in item for item in items) == 2
    assert run(*SHOW, "--yes", "my-shop", "--print") == 0
    assert "first_name" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "--shop", "my-shop"), "name the person: --email, --phone or --id"),
        (("show", "--shop", "none", "--id", "7", "--yes", "none"), "there is no such shop"),
        (("erase", "--shop", "none", "--id", "7", "--yes", "none"), "there is no such shop"),
        (
            ("show", "--shop", "my-shop", "--email", "ann", "--yes", "my-shop"),
            "no usable e-mail address, phone or customer id is named",
        ),
    ],
)
def test_wrong_words_are_one_line(words: tuple[str, ...], message: str, capsys: Captured) -> None:
    assert run(*words) == 2
    assert capsys.readouterr() == ("", f"shopwire person: {message}\n")


def test_failure_of_aws_is_one_line(capsys: Captured) -> None:
    boto3.client("dynamodb").delete_table(TableName="ledger")
    assert run(*SHOW, "--yes", "my-shop") == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "shopwire person: AWS does not answer, or refuses: ResourceNotFoundException\n")
