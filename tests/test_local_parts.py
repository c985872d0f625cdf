"""One's own machine, part by part: the gateway's events, the event source mapping, faults, shops."""

import base64
import io
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from shopwire.shops import BadSettings
from shopwire_local.aws import Aws, Faults
from shopwire_local.gateway import Gateway, Parked, event
from shopwire_local.lambdas import Function
from shopwire_local.poller import Poller
from shopwire_local.shops import demo_settings, parse_shops, read_settings


def environ(method: str, target: str, body: bytes = b"", **more: str) -> dict[str, Any]:
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
        ("application/vnd.api+json; charset=utf-8", b"{}", False),
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
    assert event(environ("GET", "/webhooks/a%2Fb%20c"), b"")["rawPath"] == "/webhooks/a/b c"


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
    return Gateway(Function("webhook", load), lambda environ, start: [], Faults(), parked)


def ask(to: Gateway, method: str, target: str, body: bytes = b"", **more: str) -> tuple[int, Any]:
    said: list[str] = []
    raw = b"".join(to(environ(method, target, body, **more), lambda status, headers: said.append(status)))
    return int(said[0].split()[0]), raw


def test_the_functions_answer_comes_back() -> None:
    good = gateway({"statusCode": 201, "body": "{}"})
    assert ask(good, "POST", "/webhooks/a-shop") == (201, b"{}")
    assert ask(good, "HEAD", "/webhooks/a-shop") == (201, b"")
    assert (
        ask(gateway({"statusCode": 200, "body": "eA==", "isBase64Encoded": True}), "GET", "/webhooks/a-shop")[1] == b"x"
    )
    assert ask(gateway({"plain": 1}), "GET", "/webhooks/a-shop") == (200, b'{"plain": 1}')


def test_a_function_that_fails_is_a_500_that_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status, raw = ask(gateway(RuntimeError("secret")), "POST", "/webhooks/a-shop")
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
    assert ask(gateway({}), "POST", "/webhooks/a-shop", b"x" * 10_000_001)[0] == 413


def test_a_name_that_only_resolves_to_this_machine_is_refused() -> None:
    assert ask(gateway({}), "GET", "/", HTTP_HOST="evil.example:8787")[0] == 403
    assert ask(gateway({}), "GET", "/", HTTP_HOST="localhost:8787")[0] == 200


def test_parked_webhooks_are_listed_shown_and_replayed() -> None:
    to = gateway({})
    assert json.loads(ask(to, "GET", "/dev/parked")[1]) == [{"id": "x"}]
    assert ask(to, "GET", "/dev/parked/x")[0] == 200
    assert ask(to, "GET", "/dev/parked/y")[0] == 404
    assert ask(to, "POST", "/dev/parked/x/replay")[0] == 200
    assert ask(to, "POST", "/dev/parked/y/replay")[0] == 404


@pytest.mark.parametrize(
    "wanted",
    [
        {"part": "cellar", "mode": "down"},
        {"part": "queue", "mode": "odd"},
        {"part": "queue", "mode": "down", "seconds": "5"},
        7,
    ],
)
def test_a_fault_that_cannot_be_is_refused(wanted: Any) -> None:
    assert ask(gateway({}), "POST", "/dev/faults", json.dumps(wanted).encode())[0] == 400


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
    counts = aws.client("sqs").get_queue_attributes(QueueUrl=poller.queue_url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "1"


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
    aws.faults.set({"part": part, "mode": "down"})
    with pytest.raises(ClientError):
        call(aws)
    aws.faults.set({"part": part, "mode": "ok"})
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
            "shop my-shop: platform: one of",
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


def test_a_missing_shops_file_is_said(tmp_path: Any) -> None:
    with pytest.raises(BadSettings, match="No such file"):
        read_settings(tmp_path / "none.toml")
