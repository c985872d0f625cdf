"""One's own machine, part by part: the gateway's events, the event source mapping, faults, shops."""

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

from shopwire.errors import BadSettings, QueueUnavailable, TableUnavailable
from shopwire_dev.aws import QUEUE, Aws, Faults, process_environment, with_faults
from shopwire_dev.demo_shops import demo_settings, parse_shops, read_settings
from shopwire_dev.gateway import ROUTES, Gateway, NoRoute, Parked, event
from shopwire_dev.lambdas import TIMEOUTS, Function, NoFunctions
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


def test_a_request_becomes_an_http_api_event() -> None:
    made = event(
        environ(
            "POST", "/webhooks/a-shop?x=1&y=2&x=3", b"{}", CONTENT_TYPE="application/json", HTTP_X_SHOPIFY_TOPIC="a/b"
        ),
        b"{}",
    )
    assert made["version"] == "2.0"
    assert (made["rawPath"], made["rawQueryString"]) == ("/webhooks/a-shop", "x=1&y=2&x=3")
    assert made["queryStringParameters"] == {"x": "1,3", "y": "2"}
    assert made["headers"]["x-shopify-topic"] == "a/b"
    assert made["headers"]["content-type"] == "application/json"
    assert made["requestContext"]["http"]["method"] == "POST"
    assert made["requestContext"]["timeEpoch"] > 1_700_000_000_000
    assert (made["body"], made["isBase64Encoded"]) == ("{}", False)


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
def test_what_is_not_text_comes_in_base64(content_type: str, body: bytes, encoded: bool) -> None:
    made = event(environ("POST", "/webhooks/a-shop", body, CONTENT_TYPE=content_type), body)
    assert made["isBase64Encoded"] is encoded
    assert (base64.b64decode(made["body"]) if encoded else made["body"].encode()) == body


def test_an_empty_body_is_left_out() -> None:
    made = event(environ("GET", "/webhooks/a-shop"), b"")
    assert "body" not in made
    assert made["isBase64Encoded"] is False


def test_a_percent_encoded_path_comes_decoded() -> None:
    made = event(environ("GET", "/webhooks/a%20%D1%8F?x=%2F"), b"")
    assert (made["rawPath"], made["rawQueryString"]) == ("/webhooks/a я", "x=%2F")
    assert made["pathParameters"] == {"shop": "a я"}
    assert made["queryStringParameters"] == {"x": "/"}


@pytest.mark.parametrize("target", ["/webhooks/a%2Fb", "/webhooks/a/b", "/webhooks/", "/webhooks", "/webhooks/a/"])
def test_the_route_takes_one_segment_and_a_slash_is_one_however_it_is_written(target: str) -> None:
    with pytest.raises(NoRoute):
        event(environ("GET", target), b"")


def _properties(event: dict[str, Any]) -> dict[str, str]:
    properties: dict[str, str] = event["Properties"]
    return properties


def test_the_routes_and_time_limits_are_the_templates() -> None:
    functions = {
        name.lower(): one["Properties"]
        for name, one in load(Path(__file__).parents[2] / "template.yaml")["Resources"].items()
        if one["Type"] == "AWS::Serverless::Function"
    }
    assert {name: functions[name]["Timeout"] for name in TIMEOUTS} == TIMEOUTS
    for name in ("webhook", "storefront"):
        routes = {f"{one['Method']} {one['Path']}" for one in map(_properties, functions[name]["Events"].values())}
        assert routes == {key for key, (function, _) in ROUTES.items() if function == name}


def test_the_queue_is_the_templates() -> None:
    properties = load(Path(__file__).parents[2] / "template.yaml")["Resources"]["RetryQueue"]["Properties"]
    assert {name: "true" if properties[name] is True else str(properties[name]) for name in QUEUE} == QUEUE


def test_cookies_come_as_a_list_too() -> None:
    assert event(environ("GET", "/health", HTTP_COOKIE="a=1; b=2"), b"")["cookies"] == ["a=1", "b=2"]


def esputnik(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return [b"esputnik"]


def inspector(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return [b"inspector"]


def gateway(answer: Any) -> Gateway:
    def load(name: str) -> Any:
        def handler(request: Any, context: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return handler

    parked = Parked(
        list=lambda: [{"id": "x"}], show=lambda id: {"id": id} if id == "x" else None, replay=lambda id: id == "x"
    )
    return Gateway({"webhook": Function("webhook", load)}, esputnik, Faults().set, parked, inspector)


def ask(to: Gateway, method: str, target: str, body: bytes = b"", **more: str) -> tuple[int, Any]:
    said: list[str] = []
    raw = b"".join(to(environ(method, target, body, **more), lambda status, headers: said.append(status)))
    return int(said[0].split()[0]), raw


def test_the_functions_answer_comes_back() -> None:
    good = gateway({"statusCode": 201, "body": "{}"})
    assert ask(good, "POST", "/webhooks/a-shop") == (201, b"{}")
    assert ask(good, "HEAD", "/webhooks/a-shop")[0] == 201
    assert (
        ask(gateway({"statusCode": 200, "body": "eA==", "isBase64Encoded": True}), "GET", "/webhooks/a-shop")[1] == b"x"
    )
    assert ask(gateway({"plain": 1}), "GET", "/webhooks/a-shop") == (200, b'{"plain": 1}')


def test_a_function_that_fails_is_a_500_that_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status, raw = ask(gateway(RuntimeError("secret")), "POST", "/webhooks/a-shop")
    assert (status, json.loads(raw)) == (500, {"message": "Internal Server Error"})
    capsys.readouterr()


@pytest.mark.parametrize(
    "answer",
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
def test_what_is_no_answer_is_a_500(answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, raw = ask(gateway(answer), "POST", "/webhooks/a-shop")
    assert (status, json.loads(raw)) == (500, {"message": "Internal Server Error"})
    capsys.readouterr()


def test_other_routes_and_methods_are_not_found() -> None:
    for method, target in (
        ("GET", "/else"),
        ("DELETE", "/webhooks/a-shop"),
        ("POST", "/dev/else"),
        ("GET", "/dev/faults"),
    ):
        assert ask(gateway({}), method, target)[0] == 404


def test_ten_megabytes_are_the_limit() -> None:
    assert ask(gateway({}), "POST", "/webhooks/a-shop", b"x" * (10 * 1024 * 1024 + 1))[0] == 413


def test_a_name_that_only_resolves_to_this_machine_is_refused() -> None:
    assert ask(gateway({}), "GET", "/", HTTP_HOST="evil.example:8787")[0] == 403
    assert ask(gateway({}), "GET", "/", HTTP_HOST="localhost:8787")[0] == 200


@pytest.mark.parametrize("target", ["/dev/parked", "/esputnik/state"])
def test_another_web_page_reaches_no_switch(target: str) -> None:
    for origin, status in (
        ("https://evil.example", 403),
        ("null", 403),
        ("http://localhost:8787", 200),
        ("http://127.0.0.1:3000", 200),
    ):
        assert ask(gateway({}), "GET", target, HTTP_ORIGIN=origin)[0] == status


@pytest.mark.parametrize("down", [TableUnavailable("x"), QueueUnavailable("x")])
def test_parked_webhooks_that_cannot_be_reached_are_a_503(down: Exception) -> None:
    def fails(*_: str) -> Any:
        raise down

    to = Gateway(
        {"webhook": Function("webhook", lambda name: fails)},
        esputnik,
        lambda wanted: None,
        Parked(fails, fails, fails),
        inspector,
    )
    for method, target in (("GET", "/dev/parked"), ("GET", "/dev/parked/x"), ("POST", "/dev/parked/x/replay")):
        status, raw = ask(to, method, target)
        assert (status, json.loads(raw)) == (503, {"error": f"{type(down).__name__}: x"})


def test_parked_webhooks_are_listed_shown_and_replayed() -> None:
    to = gateway({})
    assert json.loads(ask(to, "GET", "/dev/parked")[1]) == [{"id": "x"}]
    assert ask(to, "GET", "/dev/parked/x")[0] == 200
    assert ask(to, "GET", "/dev/parked/y")[0] == 404
    assert ask(to, "POST", "/dev/parked/x/replay")[0] == 200
    assert ask(to, "POST", "/dev/parked/y/replay")[0] == 404


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "the body is not JSON"),
        (b"7", "an object with part and mode is needed"),
        (b'{"part": "cellar", "mode": "down"}', "part: one of queue, ledger, settings"),
        (b'{"part": ["queue"], "mode": "down"}', "part: one of queue, ledger, settings"),
        (b'{"part": "queue", "mode": "odd"}', "mode: one of down, hang, ok"),
        (b'{"part": "queue", "mode": "down", "seconds": "5"}', "seconds: a number that is not negative"),
        (b'{"part": "queue", "mode": "down", "seconds": Infinity}', "seconds: a number that is not negative"),
        (b'{"part": "queue", "mode": "down", "second": 5}', "second: no such field"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(body: bytes, error: str) -> None:
    status, raw = ask(gateway({}), "POST", "/dev/faults", body)
    assert (status, json.loads(raw)) == (400, {"error": error})


class Clock:
    """Seconds that move when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def part(faults: Faults, **more: Any) -> tuple[int, Any]:
    """Ask the embedded parts, signed for DynamoDB."""
    to = with_faults({"dynamodb": esputnik}, faults)
    signed = {"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=local/20261105/eu-central-1/dynamodb/aws4_request, x"}
    said: list[str] = []
    raw = b"".join(to(environ("POST", "/", b"", **(signed | more)), lambda status, headers: said.append(status)))
    return int(said[0].split()[0]), raw


def test_a_part_is_broken_for_as_long_as_asked() -> None:
    clock = Clock()
    faults = Faults(clock)
    faults.set({"part": "ledger", "mode": "down", "seconds": 5})
    assert part(faults)[0] == 503
    clock.now = 5
    assert part(faults) == (200, b"esputnik")


def test_a_part_without_an_end_is_broken_until_mended() -> None:
    clock = Clock()
    faults = Faults(clock)
    faults.set({"part": "ledger", "mode": "down"})
    clock.now = 1e9
    assert part(faults)[0] == 503
    faults.set({"part": "ledger", "mode": "ok"})
    assert part(faults)[0] == 200


def test_a_part_that_hangs_is_let_go_when_mended() -> None:
    ours, theirs = socket.socketpair()
    faults = Faults()
    faults.set({"part": "ledger", "mode": "hang"})
    ended: list[type] = []

    def asking() -> None:
        try:
            part(faults, **{"shopwire.connection": ours})
        except ConnectionError as error:
            ended.append(type(error))

    thread = threading.Thread(target=asking)
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
    ids=["a page", "a name that resolves here"],
)
def test_no_web_page_reads_the_shops_secrets(headers: dict[str, str]) -> None:
    assert part(Faults(), **headers)[0] == 403


def test_a_request_for_no_service_is_not_found() -> None:
    assert part(Faults(), HTTP_AUTHORIZATION="")[0] == 404


def test_the_users_own_aws_settings_do_not_reach_the_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "https://elsewhere.example.com")
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    made = process_environment({"AWS_REGION": "eu-central-1", "SHOPWIRE_TABLE": "t"})
    assert made["AWS_PROFILE"] is made["AWS_ENDPOINT_URL_SQS"] is None
    assert (made["AWS_REGION"], made["SHOPWIRE_TABLE"]) == ("eu-central-1", "t")
    assert made["AWS_CONFIG_FILE"] == made["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert made["NO_PROXY"] == "intranet.example.com,127.0.0.1,localhost"


# -- AWS parts --

NUMBERS = count()


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    parts = Aws("127.0.0.1", 0)
    settings = demo_settings()
    parts.start(parse_shops(settings).values(), settings)
    yield parts
    parts.stop()


class Handler:
    """A function that answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.batches: list[list[str]] = []

    def __call__(self, request: Any, context: Any) -> Any:
        self.batches.append([record["body"] for record in request["Records"]])
        if isinstance(self.answer, Exception):
            raise self.answer
        if callable(self.answer):
            return self.answer(request["Records"])
        return self.answer


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
    return lambda records: {"batchItemFailures": [{"itemIdentifier": records[n]["messageId"]} for n in numbers]}


def in_flight(aws: Aws, poller: Poller) -> int:
    found = aws.client("sqs").get_queue_attributes(QueueUrl=poller.queue_url, AttributeNames=["All"])["Attributes"]
    return int(found["ApproximateNumberOfMessagesNotVisible"])


def let_go(aws: Aws, poller: Poller, records: list[Any]) -> None:
    for record in records:
        aws.client("sqs").change_message_visibility(
            QueueUrl=poller.queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
        )


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_a_batch_without_failures_is_deleted(aws: Aws, handler: Handler, poller: Poller, answer: Any) -> None:
    handler.answer = answer
    put(aws, poller, "1", "2")
    assert poller.poll_once()
    assert handler.batches == [["1", "2"]]
    assert not poller.poll_once()


def test_what_failed_comes_again_in_order_and_nothing_of_its_group_before(
    aws: Aws, handler: Handler, poller: Poller
) -> None:
    def first_fails(records: list[Any]) -> Any:
        let_go(aws, poller, records[1:])
        return failed(*range(len(records)))(records)

    handler.answer = first_fails
    put(aws, poller, "1", "2", "3")
    put(aws, poller, "other", group="h")
    poller.poll_once()
    assert [sorted(batch) for batch in handler.batches] == [["1", "2", "3", "other"]]
    assert not [batch for batch in handler.batches[1:] if "2" in batch]


@pytest.mark.parametrize(
    "answer", [RuntimeError("x"), {"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"batchItemFailures": 7}, "x"]
)
def test_after_a_failure_of_the_function_everything_stays(
    aws: Aws, handler: Handler, poller: Poller, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler.answer = answer
    put(aws, poller, "1")
    poller.poll_once()
    assert in_flight(aws, poller) == 1


def test_an_answer_that_names_one_twice_and_one_without_an_id_is_told_apart(
    aws: Aws, handler: Handler, poller: Poller
) -> None:
    handler.answer = lambda records: {"batchItemFailures": [{"itemIdentifier": records[1]["messageId"]}] * 2}
    put(aws, poller, "1", "2")
    poller.poll_once()
    assert in_flight(aws, poller) == 1
    handler.answer = {"batchItemFailures": [{"itemIdentifier": ""}]}
    put(aws, poller, "3", group="h")
    poller.poll_once()
    assert in_flight(aws, poller) == 2


def test_a_group_in_flight_is_nobody_elses(aws: Aws, handler: Handler, poller: Poller) -> None:
    seen: list[bool] = []

    def meanwhile(records: list[Any]) -> None:
        put(aws, poller, "2")
        handler.answer = None
        seen.append(poller.poll_once())

    handler.answer = meanwhile
    put(aws, poller, "1")
    poller.poll_once()
    assert (seen, handler.batches) == ([False], [["1"]])
    assert poller.poll_once()
    assert handler.batches == [["1"], ["2"]]


def test_a_record_is_as_the_event_source_mapping_makes_it(aws: Aws, handler: Handler, poller: Poller) -> None:
    records: list[Any] = []
    handler.answer = records.extend
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


def test_a_batch_is_ten_messages_at_most(aws: Aws, handler: Handler, poller: Poller) -> None:
    put(aws, poller, *map(str, range(12)))
    while poller.poll_once():
        pass
    assert handler.batches == [[str(n) for n in range(10)], ["10", "11"]]


def test_a_message_that_was_dealt_with_is_deleted_as_soon_as_the_queue_answers(
    aws: Aws, handler: Handler, poller: Poller
) -> None:
    # A delete that is given up leaves its group waiting for the visibility time-out: six minutes.
    handler.answer = lambda records: aws.set_fault({"part": "queue", "mode": "down", "seconds": 0.3})
    put(aws, poller, "1")
    poller.poll_once()
    assert in_flight(aws, poller) == 0
    assert not poller.poll_once()


def test_the_pollers_threads_survive_a_broken_queue_and_a_broken_function(
    aws: Aws, handler: Handler, poller: Poller
) -> None:
    arrived = threading.Event()
    handler.answer = lambda records: arrived.set()
    aws.set_fault({"part": "queue", "mode": "down", "seconds": 0.3})
    poller.start()
    try:
        aws.set_fault({"part": "queue", "mode": "ok"})
        put(aws, poller, "1")
        assert arrived.wait(20)
    finally:
        poller.stop()


def test_an_environment_serves_one_invocation_at_a_time_and_is_used_again() -> None:
    made: list[list[str]] = []
    both = threading.Barrier(2, timeout=20)

    def load(name: str) -> Any:
        mine: list[str] = []
        made.append(mine)

        def handler(request: Any, context: Any) -> int:
            mine.append(context.aws_request_id)
            if request == "meet":
                both.wait()
            return len(made)

        return handler

    function = Function("webhook", load)
    assert [function.invoke("alone") for _ in range(3)] == [1, 1, 1]
    threads = [threading.Thread(target=function.invoke, args=("meet",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, made)) == [1, 4]
    assert len({id for mine in made for id in mine}) == 5


def test_an_environment_whose_invocation_failed_is_used_again() -> None:
    handlers: list[Handler] = []

    def load(name: str) -> Any:
        handlers.append(Handler())
        handlers[-1].answer = RuntimeError("x")
        return handlers[-1]

    function = Function("retry", load)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            function.invoke({"Records": []})
    assert len(handlers) == 1


def test_the_real_functions_are_loaded_once_an_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "webhook").mkdir()
    (tmp_path / "webhook" / "app.py").write_text(
        "calls = []\ndef handler(event, context):\n    calls.append(event)\n    return calls, context.function_name"
    )
    monkeypatch.setattr("shopwire_dev.lambdas._FUNCTIONS", tmp_path)
    one, other = Function("webhook"), Function("webhook")
    one.invoke(1)
    assert one.invoke(2) == ([1, 2], "webhook")
    assert other.invoke(3) == ([3], "webhook")


def test_a_function_that_is_not_there_is_said_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shopwire_dev.lambdas._FUNCTIONS", tmp_path)
    with pytest.raises(NoFunctions, match=r"webhook/app.py is missing: run shopwire from its repository"):
        Function("webhook")


@pytest.mark.parametrize(
    ("part", "call"),
    [
        ("queue", lambda aws: aws.client("sqs").get_queue_url(QueueName="shopwire-retry.fifo")),
        ("ledger", lambda aws: aws.client("dynamodb").describe_table(TableName="shopwire")),
        ("settings", lambda aws: aws.client("ssm").get_parameters_by_path(Path="/shopwire/dev/shops/")),
    ],
)
def test_each_part_breaks_alone_and_mends(aws: Aws, part: str, call: Any) -> None:
    from botocore.exceptions import ClientError

    call(aws)
    aws.set_fault({"part": part, "mode": "down"})
    with pytest.raises(ClientError):
        call(aws)
    aws.set_fault({"part": part, "mode": "ok"})
    call(aws)


def test_the_queue_takes_a_mebibyte(aws: Aws, handler: Handler, poller: Poller) -> None:
    put(aws, poller, "x" * (1 << 20))
    assert poller.poll_once()


def test_demo_shops_are_as_the_contract_says() -> None:
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
            "shop my-shop: platform: must be one of",
        ),
        ('[my-shop]\nplatform = "shopify"\nsecrets = ["s3cret"]\nesputnik_key = 7', "shop my-shop: esputnik_key: "),
        ('[My_Shop]\nplatform = "shopify"\nsecrets = ["s3cret"]\nesputnik_key = "k"', "shop My_Shop: id: "),
        ("shop = 7", "shop: a table of fields is needed"),
        ("[", "shops.toml: "),
    ],
)
def test_a_shops_file_with_a_mistake_names_shop_and_field_and_no_value(tmp_path: Any, text: str, error: str) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(text)
    with pytest.raises(BadSettings) as raised:
        parse_shops(read_settings(file))
    assert error in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_shops_file_that_is_no_text_is_said(tmp_path: Any) -> None:
    file = tmp_path / "shops.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadSettings, match=r"shops\.toml: it is not UTF-8"):
        read_settings(file)


def test_a_missing_shops_file_is_said(tmp_path: Any) -> None:
    with pytest.raises(BadSettings, match="No such file"):
        read_settings(tmp_path / "none.toml")
