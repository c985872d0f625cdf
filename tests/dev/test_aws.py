"""The embedded AWS services: their faults, and the environment variables of the functions."""

import json
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

import shopwire_dev.stack
from shopwire_dev.aws import QUEUE_ATTRIBUTES, Aws, Faults, make_application, process_environment
from shopwire_dev.stack import DevStack
from shopwire_wsgi import PortUnavailable
from tests.dev.helpers import environ, esputnik
from tests.support.clock import SecondsClock
from tools.template import load


def call_dynamodb(faults: Faults, **more: Any) -> tuple[int, Any]:
    """Send a request that is signed for DynamoDB to the embedded services."""
    to = make_application({"dynamodb": esputnik}, faults)
    signed = {"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=local/20261105/eu-central-1/dynamodb/aws4_request, x"}
    statuses: list[str] = []
    raw = b"".join(to(environ("POST", "/", b"", **(signed | more)), lambda status, headers: statuses.append(status)))
    return int(statuses[0].split()[0]), raw


def test_fault_ends_after_its_seconds() -> None:
    clock = SecondsClock()
    faults = Faults(clock)
    faults.set({"part": "ledger", "mode": "down", "seconds": 5})
    assert call_dynamodb(faults)[0] == 503
    clock.now = 5
    assert call_dynamodb(faults) == (200, b"esputnik")


def test_fault_without_seconds_lasts_until_it_is_ended() -> None:
    clock = SecondsClock()
    faults = Faults(clock)
    faults.set({"part": "ledger", "mode": "down"})
    clock.now = 1e9
    assert call_dynamodb(faults)[0] == 503
    faults.set({"part": "ledger", "mode": "ok"})
    assert call_dynamodb(faults)[0] == 200


def test_hanging_connection_is_dropped_when_the_fault_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    faults = Faults()
    faults.set({"part": "ledger", "mode": "hang"})
    theirs.settimeout(10)
    ended: list[type] = []
    hanging = threading.Event()
    wait = Faults.wait_while_hanging

    def wait_while_hanging(self: Faults, service: str) -> None:
        hanging.set()
        wait(self, service)

    monkeypatch.setattr(Faults, "wait_while_hanging", wait_while_hanging)

    def call() -> None:
        try:
            call_dynamodb(faults, **{"shopwire.connection": ours})
        except ConnectionError as error:
            ended.append(type(error))

    thread = threading.Thread(target=call)
    thread.start()
    assert hanging.wait(10)
    assert not ended
    faults.set({"part": "ledger", "mode": "ok"})
    thread.join(10)
    assert (ended, theirs.recv(1)) == ([ConnectionAbortedError], b"")
    ours.close()
    theirs.close()


def test_failure_of_moto_is_reported_as_aws_does(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(environ: Any, start_response: Any) -> Any:
        raise KeyError("kanarka@example.com")

    to = make_application({"dynamodb": fails}, Faults())
    signed = {"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=local/20261105/eu-central-1/dynamodb/aws4_request, x"}
    statuses: list[str] = []
    raw = b"".join(to(environ("POST", "/", b"", **signed), lambda status, headers: statuses.append(status)))
    assert (statuses[0][:3], json.loads(raw)) == ("500", {"__type": "InternalFailure", "message": "KeyError"})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("body", [b"[", b"[" * 100_000, b"\xff"])
def test_fault_that_is_not_json_is_refused(body: bytes) -> None:
    to = make_application({}, Faults())
    statuses: list[str] = []
    b"".join(to(environ("POST", "/shopwire/faults", body), lambda status, headers: statuses.append(status)))
    assert statuses[0].startswith("400 ")


@pytest.mark.parametrize(
    ("part", "call"),
    [
        ("queue", lambda aws: aws.client("sqs").get_queue_url(QueueName="shopwire-retry.fifo")),
        ("ledger", lambda aws: aws.client("dynamodb").describe_table(TableName="shopwire")),
        ("settings", lambda aws: aws.client("ssm").get_parameters_by_path(Path="/shopwire/dev/shops/")),
    ],
)
def test_each_part_has_its_own_fault(aws: Aws, part: str, call: Any) -> None:
    from botocore.exceptions import ClientError

    call(aws)
    aws.set_fault({"part": part, "mode": "down"})
    with pytest.raises(ClientError):
        call(aws)
    aws.set_fault({"part": part, "mode": "ok"})
    call(aws)


@pytest.mark.parametrize(
    "headers",
    [{"HTTP_ORIGIN": "http://localhost:3000"}, {"HTTP_HOST": "evil.example"}],
    ids=["web page", "foreign host name"],
)
def test_web_page_cannot_read_the_secrets_of_the_shops(headers: dict[str, str]) -> None:
    assert call_dynamodb(Faults(), **headers)[0] == 403


def test_unsigned_request_is_not_found() -> None:
    assert call_dynamodb(Faults(), HTTP_AUTHORIZATION="")[0] == 404


def test_queue_attributes_equal_the_template() -> None:
    properties = load(Path(__file__).parents[2] / "template.yaml")["Resources"]["RetryQueue"]["Properties"]
    values = {name: properties[name] for name in QUEUE_ATTRIBUTES}
    assert {name: "true" if value is True else str(value) for name, value in values.items()} == QUEUE_ATTRIBUTES


def test_aws_settings_of_the_user_do_not_reach_the_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "https://elsewhere.example.com")
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    changes = process_environment({"AWS_REGION": "eu-central-1", "SHOPWIRE_TABLE": "t"})
    assert changes["AWS_PROFILE"] is changes["AWS_ENDPOINT_URL_SQS"] is None
    assert (changes["AWS_REGION"], changes["SHOPWIRE_TABLE"]) == ("eu-central-1", "t")
    assert changes["AWS_CONFIG_FILE"] == changes["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert changes["NO_PROXY"] == "intranet.example.com,127.0.0.1,localhost"


def test_services_listen_on_loopback_also_if_other_machines_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parameters hold the shops' secrets, and a client chooses the Host header that it sends."""
    hosts: list[str] = []

    def record_and_stop(host: str, port: int) -> None:
        hosts.append(host)
        raise PortUnavailable

    monkeypatch.setattr(shopwire_dev.stack, "Aws", record_and_stop)
    with pytest.raises(PortUnavailable):
        DevStack("0.0.0.0", allow_remote=True)
    assert hosts == ["127.0.0.1"]
