"""The parts of `shopwire dev`: gateway events, event source mapping, Lambda environments, faults, shops."""

import base64
import hashlib
import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shopwire.retry_queue import QueueDown
from shopwire.shops import BadSettings
from shopwire.stores.table import TableDown
from shopwire_dev.aws import QUEUE_ATTRIBUTES, Aws, Faults, make_application, process_environment
from shopwire_dev.demo_shops import demo_settings, parse_shops, read_settings
from shopwire_dev.gateway import ROUTES, Gateway, ParkedRoutes, RouteNotFound, make_event
from shopwire_dev.lambdas import TIMEOUT_SECONDS, Function, FunctionNotFound
from shopwire_dev.poller import Poller
from tools.template import load


def environ(method: str, target: str, body: bytes = b"", **more: Any) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": target,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8787",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **more,
    }


def test_request_becomes_an_http_api_event() -> None:
    event = make_event(
        environ(
            "POST", "/webhooks/a-shop?x=1&y=2&x=3", b"{}", CONTENT_TYPE="application/json", HTTP_X_SHOPIFY_TOPIC="a/b"
        ),
        b"{}",
    )
    assert event["version"] == "2.0"
    assert (event["rawPath"], event["rawQueryString"]) == ("/webhooks/a-shop", "x=1&y=2&x=3")
    assert event["queryStringParameters"] == {"x": "1,3", "y": "2"}
    assert event["headers"]["x-shopify-topic"] == "a/b"
    assert event["headers"]["content-type"] == "application/json"
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["timeEpoch"] > 1_700_000_000_000
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", '{"a":"я"}'.encode(), False),
        ("application/json; charset=utf-8", b"{}", False),
        ("application/vnd.api+json", b"{}", True),
        ("text/plain", b"x", False),
        ("application/x-www-form-urlencoded", b"webhook_id=1", True),
        ("application/octet-stream", b"\x00", True),
        ("application/json", b"\xff", True),
        ("", b"x", True),
    ],
)
def test_binary_body_is_passed_in_base64(content_type: str, body: bytes, encoded: bool) -> None:
    event = make_event(environ("POST", "/webhooks/a-shop", body, CONTENT_TYPE=content_type), body)
    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) == body


def test_empty_body_is_left_out() -> None:
    event = make_event(environ("GET", "/webhooks/a-shop"), b"")
    assert "body" not in event
    assert event["isBase64Encoded"] is False


def test_percent_encoded_path_is_decoded() -> None:
    event = make_event(environ("GET", "/webhooks/a%20%D1%8F?x=%2F"), b"")
    assert (event["rawPath"], event["rawQueryString"]) == ("/webhooks/a я", "x=%2F")
    assert event["pathParameters"] == {"shop": "a я"}
    assert event["queryStringParameters"] == {"x": "/"}


@pytest.mark.parametrize("target", ["/webhooks/a%2Fb", "/webhooks/a/b", "/webhooks/", "/webhooks", "/webhooks/a/"])
def test_route_matches_exactly_one_segment_also_if_the_slash_is_encoded(target: str) -> None:
    with pytest.raises(RouteNotFound):
        make_event(environ("GET", target), b"")


def _properties(resource: dict[str, Any]) -> dict[str, str]:
    properties: dict[str, str] = resource["Properties"]
    return properties


def test_routes_and_timeouts_equal_the_template() -> None:
    functions = {
        name.lower(): resource["Properties"]
        for name, resource in load(Path(__file__).parents[2] / "template.yaml")["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert {name: functions[name]["Timeout"] for name in TIMEOUT_SECONDS} == TIMEOUT_SECONDS
    for name in ("webhook", "storefront"):
        events = map(_properties, functions[name]["Events"].values())
        routes = {f"{event['Method']} {event['Path']}" for event in events}
        assert routes == {key for key, (function, _) in ROUTES.items() if function == name}


def test_queue_attributes_equal_the_template() -> None:
    properties = load(Path(__file__).parents[2] / "template.yaml")["Resources"]["RetryQueue"]["Properties"]
    values = {name: properties[name] for name in QUEUE_ATTRIBUTES}
    assert {name: "true" if value is True else str(value) for name, value in values.items()} == QUEUE_ATTRIBUTES


def test_cookies_are_passed_as_a_list_too() -> None:
    assert make_event(environ("GET", "/health", HTTP_COOKIE="a=1; b=2"), b"")["cookies"] == ["a=1", "b=2"]


def esputnik(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return [b"esputnik"]


def inspector(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return [b"inspector"]


def gateway(result: Any) -> Gateway:
    """Return a gateway whose webhook function returns or raises the result."""

    def load(name: str) -> Any:
        def handler(event: Any, context: Any) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

        return handler

    parked = ParkedRoutes(
        list=lambda: [{"id": "x"}], show=lambda id: {"id": id} if id == "x" else None, replay=lambda id: id == "x"
    )
    return Gateway({"webhook": Function("webhook", load)}, esputnik, Faults().set, parked, inspector)


def request(to: Gateway, method: str, target: str, body: bytes = b"", **more: str) -> tuple[int, Any]:
    statuses: list[str] = []
    raw = b"".join(to(environ(method, target, body, **more), lambda status, headers: statuses.append(status)))
    return int(statuses[0].split()[0]), raw


def test_response_of_the_function_is_returned() -> None:
    created = gateway({"statusCode": 201, "body": "{}"})
    assert request(created, "POST", "/webhooks/a-shop") == (201, b"{}")
    assert request(created, "HEAD", "/webhooks/a-shop")[0] == 201
    binary = gateway({"statusCode": 200, "body": "eA==", "isBase64Encoded": True})
    assert request(binary, "GET", "/webhooks/a-shop")[1] == b"x"
    assert request(gateway({"plain": 1}), "GET", "/webhooks/a-shop") == (200, b'{"plain": 1}')


def test_function_error_is_a_500_without_details(capsys: pytest.CaptureFixture[str]) -> None:
    status, raw = request(gateway(RuntimeError("secret")), "POST", "/webhooks/a-shop")
    assert (status, json.loads(raw)) == (500, {"message": "Internal Server Error"})
    capsys.readouterr()


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "200"},
        {"statusCode": 999},
        {"statusCode": True},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
        {"statusCode": 200, "body": "\ud800"},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {1, 2},
    ],
)
def test_invalid_function_response_is_a_500(result: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, raw = request(gateway(result), "POST", "/webhooks/a-shop")
    assert (status, json.loads(raw)) == (500, {"message": "Internal Server Error"})
    capsys.readouterr()


def test_unknown_routes_and_methods_are_not_found() -> None:
    for method, target in (
        ("GET", "/else"),
        ("DELETE", "/webhooks/a-shop"),
        ("POST", "/dev/else"),
        ("GET", "/dev/faults"),
    ):
        assert request(gateway({}), method, target)[0] == 404


def test_body_over_ten_megabytes_is_refused() -> None:
    assert request(gateway({}), "POST", "/webhooks/a-shop", b"x" * (10 * 1024 * 1024 + 1))[0] == 413


def test_foreign_host_name_is_refused() -> None:
    assert request(gateway({}), "GET", "/", HTTP_HOST="evil.example:8787")[0] == 403
    assert request(gateway({}), "GET", "/", HTTP_HOST="localhost:8787")[0] == 200


@pytest.mark.parametrize("target", ["/dev/parked", "/esputnik/state"])
def test_other_web_page_reaches_neither_dev_nor_esputnik_paths(target: str) -> None:
    for origin, status in (
        ("https://evil.example", 403),
        ("null", 403),
        ("http://localhost:8787", 200),
        ("http://127.0.0.1:3000", 200),
    ):
        assert request(gateway({}), "GET", target, HTTP_ORIGIN=origin)[0] == status


@pytest.mark.parametrize("down", [TableDown("x"), QueueDown("x")])
def test_unreachable_parked_webhooks_are_a_503(down: Exception) -> None:
    def fails(*_: str) -> Any:
        raise down

    to = Gateway(
        {"webhook": Function("webhook", lambda name: fails)},
        esputnik,
        lambda fault: None,
        ParkedRoutes(fails, fails, fails),
        inspector,
    )
    for method, target in (("GET", "/dev/parked"), ("GET", "/dev/parked/x"), ("POST", "/dev/parked/x/replay")):
        status, raw = request(to, method, target)
        assert (status, json.loads(raw)) == (503, {"error": f"{type(down).__name__}: x"})


def test_parked_webhooks_are_listed_shown_and_replayed() -> None:
    to = gateway({})
    assert json.loads(request(to, "GET", "/dev/parked")[1]) == [{"id": "x"}]
    assert request(to, "GET", "/dev/parked/x")[0] == 200
    assert request(to, "GET", "/dev/parked/y")[0] == 404
    assert request(to, "POST", "/dev/parked/x/replay")[0] == 200
    assert request(to, "POST", "/dev/parked/y/replay")[0] == 404


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "the body is not JSON"),
        (b"7", "the body must be an object with the fields part and mode"),
        (b'{"part": "cellar", "mode": "down"}', "part must be one of queue, ledger, settings"),
        (b'{"part": ["queue"], "mode": "down"}', "part must be one of queue, ledger, settings"),
        (b'{"part": "queue", "mode": "odd"}', "mode must be one of down, hang, ok"),
        (b'{"part": "queue", "mode": "down", "seconds": "5"}', "seconds must be a number, 0 or greater"),
        (b'{"part": "queue", "mode": "down", "seconds": Infinity}', "seconds must be a number, 0 or greater"),
        (b'{"part": "queue", "mode": "down", "second": 5}', "second: unknown field"),
    ],
)
def test_invalid_fault_is_rejected(body: bytes, error: str) -> None:
    status, raw = request(gateway({}), "POST", "/dev/faults", body)
    assert (status, json.loads(raw)) == (400, {"error": error})


class Clock:
    """A clock in seconds that a test moves by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def call_dynamodb(faults: Faults, **more: Any) -> tuple[int, Any]:
    """Send a request that is signed for DynamoDB to the embedded services."""
    to = make_application({"dynamodb": esputnik}, faults)
    signed = {"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=local/20261105/eu-central-1/dynamodb/aws4_request, x"}
    statuses: list[str] = []
    raw = b"".join(to(environ("POST", "/", b"", **(signed | more)), lambda status, headers: statuses.append(status)))
    return int(statuses[0].split()[0]), raw


def test_fault_ends_after_its_seconds() -> None:
    clock = Clock()
    faults = Faults(clock)
    faults.set({"part": "ledger", "mode": "down", "seconds": 5})
    assert call_dynamodb(faults)[0] == 503
    clock.now = 5
    assert call_dynamodb(faults) == (200, b"esputnik")


def test_fault_without_seconds_lasts_until_it_is_ended() -> None:
    clock = Clock()
    faults = Faults(clock)
    faults.set({"part": "ledger", "mode": "down"})
    clock.now = 1e9
    assert call_dynamodb(faults)[0] == 503
    faults.set({"part": "ledger", "mode": "ok"})
    assert call_dynamodb(faults)[0] == 200


def test_hanging_connection_is_dropped_when_the_fault_ends() -> None:
    ours, theirs = socket.socketpair()
    faults = Faults()
    faults.set({"part": "ledger", "mode": "hang"})
    ended: list[type] = []

    def call() -> None:
        try:
            call_dynamodb(faults, **{"shopwire.connection": ours})
        except ConnectionError as error:
            ended.append(type(error))

    thread = threading.Thread(target=call)
    thread.start()
    assert not ended
    faults.set({"part": "ledger", "mode": "ok"})
    thread.join(10)
    assert (ended, theirs.recv(1)) == ([ConnectionAbortedError], b"")
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "headers",
    [{"HTTP_ORIGIN": "http://localhost:3000"}, {"HTTP_HOST": "evil.example"}],
    ids=["web page", "foreign host name"],
)
def test_web_page_cannot_read_the_secrets_of_the_shops(headers: dict[str, str]) -> None:
    assert call_dynamodb(Faults(), **headers)[0] == 403


def test_unsigned_request_is_not_found() -> None:
    assert call_dynamodb(Faults(), HTTP_AUTHORIZATION="")[0] == 404


def test_aws_settings_of_the_user_do_not_reach_the_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "https://elsewhere.example.com")
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    changes = process_environment({"AWS_REGION": "eu-central-1", "SHOPWIRE_TABLE": "t"})
    assert changes["AWS_PROFILE"] is changes["AWS_ENDPOINT_URL_SQS"] is None
    assert (changes["AWS_REGION"], changes["SHOPWIRE_TABLE"]) == ("eu-central-1", "t")
    assert changes["AWS_CONFIG_FILE"] == changes["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert changes["NO_PROXY"] == "intranet.example.com,127.0.0.1,localhost"


# --- embedded AWS services

NUMBERS = count()


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    services = Aws("127.0.0.1", 0)
    settings = demo_settings()
    services.start(parse_shops(settings).values(), settings)
    yield services
    services.stop()


class Handler:
    """A handler that records its batches and returns `result`. It calls a callable and raises an exception."""

    def __init__(self) -> None:
        self.result: Any = None
        self.batches: list[list[str]] = []

    def __call__(self, event: Any, context: Any) -> Any:
        self.batches.append([record["body"] for record in event["Records"]])
        if isinstance(self.result, Exception):
            raise self.result
        if callable(self.result):
            return self.result(event["Records"])
        return self.result


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def poller(aws: Aws, handler: Handler) -> Poller:
    name = f"queue-{next(NUMBERS)}.fifo"
    url = aws.client("sqs").create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    return Poller(aws.client("sqs"), url, Function("retry", lambda name: handler))


def put(aws: Aws, poller: Poller, *bodies: str, group: str = "g") -> None:
    for body in bodies:
        aws.client("sqs").send_message(
            QueueUrl=poller.queue_url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=f"{group}-{body}"
        )


def failed(*numbers: int) -> Any:
    """Return a handler result that reports the records with these numbers as failed."""
    return lambda records: {"batchItemFailures": [{"itemIdentifier": records[n]["messageId"]} for n in numbers]}


def in_flight(aws: Aws, poller: Poller) -> int:
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=poller.queue_url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessagesNotVisible"])


def make_visible(aws: Aws, poller: Poller, records: list[Any]) -> None:
    for record in records:
        aws.client("sqs").change_message_visibility(
            QueueUrl=poller.queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
        )


@pytest.mark.parametrize("result", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_batch_without_failures_is_deleted(aws: Aws, handler: Handler, poller: Poller, result: Any) -> None:
    handler.result = result
    put(aws, poller, "1", "2")
    assert poller.poll_once()
    assert handler.batches == [["1", "2"]]
    assert not poller.poll_once()


def test_nothing_of_a_group_is_received_before_its_failed_message(aws: Aws, handler: Handler, poller: Poller) -> None:
    def first_fails(records: list[Any]) -> Any:
        make_visible(aws, poller, records[1:])
        return failed(*range(len(records)))(records)

    handler.result = first_fails
    put(aws, poller, "1", "2", "3")
    put(aws, poller, "other", group="h")
    poller.poll_once()
    assert [sorted(batch) for batch in handler.batches] == [["1", "2", "3", "other"]]
    assert not [batch for batch in handler.batches[1:] if "2" in batch]


@pytest.mark.parametrize(
    "result", [RuntimeError("x"), {"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"batchItemFailures": 7}, "x"]
)
def test_failed_invocation_or_invalid_result_keeps_the_whole_batch(
    aws: Aws, handler: Handler, poller: Poller, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler.result = result
    put(aws, poller, "1")
    poller.poll_once()
    assert in_flight(aws, poller) == 1


def test_repeated_failure_id_counts_once_and_empty_id_fails_the_batch(
    aws: Aws, handler: Handler, poller: Poller
) -> None:
    handler.result = lambda records: {"batchItemFailures": [{"itemIdentifier": records[1]["messageId"]}] * 2}
    put(aws, poller, "1", "2")
    poller.poll_once()
    assert in_flight(aws, poller) == 1
    handler.result = {"batchItemFailures": [{"itemIdentifier": ""}]}
    put(aws, poller, "3", group="h")
    poller.poll_once()
    assert in_flight(aws, poller) == 2


def test_group_in_flight_is_not_received_again(aws: Aws, handler: Handler, poller: Poller) -> None:
    seen: list[bool] = []

    def meanwhile(records: list[Any]) -> None:
        put(aws, poller, "2")
        handler.result = None
        seen.append(poller.poll_once())

    handler.result = meanwhile
    put(aws, poller, "1")
    poller.poll_once()
    assert (seen, handler.batches) == ([False], [["1"]])
    assert poller.poll_once()
    assert handler.batches == [["1"], ["2"]]


def test_record_has_the_shape_of_the_event_source_mapping(aws: Aws, handler: Handler, poller: Poller) -> None:
    records: list[Any] = []
    handler.result = records.extend
    put(aws, poller, "one")
    poller.poll_once()
    (record,) = records
    assert record["body"] == "one"
    assert record["eventSource"] == "aws:sqs"
    assert record["awsRegion"] == "eu-central-1"
    assert record["eventSourceARN"] == f"arn:aws:sqs:eu-central-1:000000000000:{poller.queue_url.rpartition('/')[2]}"
    assert record["md5OfBody"] == hashlib.md5(b"one").hexdigest()
    attributes = record["attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("g", "g-one")
    assert attributes["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SequenceNumber", "ApproximateFirstReceiveTimestamp"} <= attributes.keys()
    assert all(isinstance(value, str) for value in attributes.values())


def test_batch_has_at_most_ten_messages(aws: Aws, handler: Handler, poller: Poller) -> None:
    put(aws, poller, *map(str, range(12)))
    while poller.poll_once():
        pass
    assert handler.batches == [[str(n) for n in range(10)], ["10", "11"]]


def test_handled_message_is_deleted_as_soon_as_the_queue_responds(aws: Aws, handler: Handler, poller: Poller) -> None:
    # Without the repeated deletion, the message would block its group for the visibility timeout, which is six minutes.
    handler.result = lambda records: aws.set_fault({"part": "queue", "mode": "down", "seconds": 0.3})
    put(aws, poller, "1")
    poller.poll_once()
    assert in_flight(aws, poller) == 0
    assert not poller.poll_once()


def test_poller_threads_survive_a_queue_fault(aws: Aws, handler: Handler, poller: Poller) -> None:
    arrived = threading.Event()
    handler.result = lambda records: arrived.set()
    aws.set_fault({"part": "queue", "mode": "down", "seconds": 0.3})
    poller.start()
    try:
        aws.set_fault({"part": "queue", "mode": "ok"})
        put(aws, poller, "1")
        assert arrived.wait(20)
    finally:
        poller.stop()


def test_environment_serves_one_invocation_at_a_time_and_is_reused() -> None:
    environments: list[list[str]] = []
    both = threading.Barrier(2, timeout=20)

    def load(name: str) -> Any:
        request_ids: list[str] = []
        environments.append(request_ids)

        def handler(event: Any, context: Any) -> int:
            request_ids.append(context.aws_request_id)
            if event == "overlapping":
                both.wait()
            return len(environments)

        return handler

    function = Function("webhook", load)
    assert [function.invoke("single") for _ in range(3)] == [1, 1, 1]
    threads = [threading.Thread(target=function.invoke, args=("overlapping",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, environments)) == [1, 4]
    assert len({id for request_ids in environments for id in request_ids}) == 5


def test_environment_is_reused_after_a_failed_invocation() -> None:
    handlers: list[Handler] = []

    def load(name: str) -> Any:
        handlers.append(Handler())
        handlers[-1].result = RuntimeError("x")
        return handlers[-1]

    function = Function("retry", load)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            function.invoke({"Records": []})
    assert len(handlers) == 1


def test_app_module_is_loaded_once_per_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "webhook").mkdir()
    (tmp_path / "webhook" / "app.py").write_text(
        "calls = []\ndef handler(event, context):\n    calls.append(event)\n    return calls, context.function_name"
    )
    monkeypatch.setattr("shopwire_dev.lambdas._FUNCTIONS_FOLDER", tmp_path)
    first, second = Function("webhook"), Function("webhook")
    first.invoke(1)
    assert first.invoke(2) == ([1, 2], "webhook")
    assert second.invoke(3) == ([3], "webhook")


def test_missing_function_is_reported_before_anything_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shopwire_dev.lambdas._FUNCTIONS_FOLDER", tmp_path)
    with pytest.raises(FunctionNotFound, match=r"webhook/app.py is missing: run shopwire from its repository"):
        Function("webhook")


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


def test_queue_accepts_a_message_of_one_mebibyte(aws: Aws, handler: Handler, poller: Poller) -> None:
    put(aws, poller, "x" * (1 << 20))
    assert poller.poll_once()


def test_demo_shops_have_the_documented_settings() -> None:
    shops = parse_shops(demo_settings())
    assert set(shops) == {"demo-shopify", "demo-woocommerce"}
    shopify = shops["demo-shopify"]
    assert [secret.get_secret_value() for secret in shopify.secrets] == ["demo-shopify-secret"]
    assert (shopify.store, shopify.region, shopify.old_order_days) == ("demo.myshopify.com", "UA", 0)
    assert shopify.storefront_secret is not None
    assert shopify.storefront_secret.get_secret_value() == "demo-shopify-storefront"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[my-shop]\nplatform = "shopify"\nesputnik_key = "k"', "shop my-shop: secrets: Field required"),
        (
            '[my-shop]\nplatform = "shopify"\nsecrets = [""]\nesputnik_key = "k"',
            "secrets: Value error, an empty secret",
        ),
        (
            '[my-shop]\nplatform = "opencart"\nsecrets = ["s3cret"]\nesputnik_key = "k"',
            "shop my-shop: platform: one of",
        ),
        ('[my-shop]\nplatform = "shopify"\nsecrets = ["s3cret"]\nesputnik_key = 7', "shop my-shop: esputnik_key: "),
        ('[My_Shop]\nplatform = "shopify"\nsecrets = ["s3cret"]\nesputnik_key = "k"', "shop My_Shop: id: "),
        ("shop = 7", "shop: a table of fields is needed"),
        ("[", "shops.toml: "),
    ],
)
def test_invalid_shops_file_error_names_shop_and_field_but_no_value(tmp_path: Any, text: str, error: str) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(text)
    with pytest.raises(BadSettings) as raised:
        parse_shops(read_settings(file))
    assert error in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_shops_file_that_is_not_utf8_is_reported(tmp_path: Any) -> None:
    file = tmp_path / "shops.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadSettings, match=r"shops\.toml: it is not UTF-8"):
        read_settings(file)


def test_missing_shops_file_is_reported(tmp_path: Any) -> None:
    with pytest.raises(BadSettings, match="No such file"):
        read_settings(tmp_path / "none.toml")
