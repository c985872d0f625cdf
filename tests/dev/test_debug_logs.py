"""What reaches the log at level DEBUG: neither secrets nor personal data, whatever the level of the root logger is."""

import json
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from shopwire import platforms
from shopwire.environment import now
from shopwire.observability import hide_values
from shopwire_dev.stack import DevStack
from shopwire_testkit.samples import samples

SHOP = "canary-shop"
API_KEY = "canary-api-key"
SECRETS = {
    "secrets": ["canary-webhook-secret-1", "canary-webhook-secret-2"],
    "esputnik_key": API_KEY,
    "storefront_secret": "canary-storefront-secret",
}
PERSON = {
    "email": "kanarka@example.com",
    "phone": "+380509998877",
    "first_name": "Kanarka",
    "last_name": "Zhovta",
    "name": "Kanarka Zhovta",
    "address1": "Birdstreet 1",
}
CANARIES = (*SECRETS["secrets"], API_KEY, "canary-storefront-secret", "kanarka", "380509998877", "zhovta", "birdstreet")
FUNCTIONS = Path(__file__).parents[2] / "functions"
VARIABLES = {
    "SHOPWIRE_TABLE": "t",
    "SHOPWIRE_QUEUE_URL": "https://sqs.example/q.fifo",
    "SHOPWIRE_SHOPS_PATH": "/shops/",
    "SHOPWIRE_HASH_KEY": "k",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_DEBUG": "true",
}


class Records(logging.Handler):
    """Keeps each log record as text: its message, arguments, extra fields and exception."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        exception = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self.texts.append(f"{record.getMessage()} {record.__dict__} {exception}")


@pytest.fixture
def records() -> Iterator[Records]:
    """The records of all loggers, with the root logger at DEBUG as Lambda's runtime sets it."""
    handler, root = Records(), logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="module")
def stack() -> Iterator[DevStack]:
    stack = DevStack(
        settings={SHOP: {"platform": "shopify", "store": "demo.myshopify.com", "old_order_days": 0, **SECRETS}}
    )
    stack.start()
    yield stack
    stack.stop()


def with_person(value: Any) -> Any:
    """Return a sample's JSON with the canary in place of each person."""
    if isinstance(value, list):
        return [with_person(child) for child in value]
    if not isinstance(value, dict):
        return value
    changed = {name: with_person(child) for name, child in value.items()}
    return changed | {name: text for name, text in PERSON.items() if isinstance(value.get(name), str)}


def body_of(topic: str, **fields: Any) -> bytes:
    (sample,) = (sample for sample in samples("shopify") if sample.name == topic)
    return json.dumps(with_person(json.loads(sample.body)) | fields).encode()


def post(stack: DevStack, topic: str, body: bytes, platform: str = "shopify") -> requests.Response:
    adapter = platforms.get(platform)
    call = adapter.sign(topic, body, stack.shops[SHOP], now())
    url = f"{stack.url}/{adapter.endpoint}/{SHOP}"
    return requests.post(url, call.body, headers={"Content-Type": "application/json", **call.headers}, timeout=30)


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1200):
        if condition():
            return
        pause.wait(0.05)
    pytest.fail("it does not happen within a minute")


def test_debug_log_has_no_secret_and_no_personal_data(stack: DevStack, records: Records) -> None:
    def state() -> Any:
        return stack.emulator.state(API_KEY)

    # An order.
    order = json.loads(body_of("orders/create"))
    assert post(stack, "orders/create", json.dumps(order).encode()).ok
    wait_until(lambda: len(state()["orders"]) == 1)
    # A wrong signature, after which the settings are read again.
    wrong = requests.post(f"{stack.url}/webhooks/{SHOP}", b"{}", headers={"X-Shopify-Hmac-Sha256": "AAAA"}, timeout=30)
    assert wrong.status_code == 401
    # The order again, through the queue and `retry`.
    stack.emulator.set_fault({"mode": "down", "requests": 1})
    later = order | {"updated_at": "2030-01-01T00:00:00Z", "total_price": "1.00", "current_total_price": "1.00"}
    assert post(stack, "orders/updated", json.dumps(later).encode()).ok
    wait_until(lambda: [order["totalCost"] for order in state()["orders"].values()] == ["1.00"])
    # A body that cannot be read, and a visit of the person.
    assert post(stack, "orders/create", json.dumps({"id": [PERSON]}).encode()).ok
    visit = {"type": "page", "url": "https://shop.example/", "contact": {"email": PERSON["email"]}}
    assert post(stack, "page", json.dumps(visit).encode(), "storefront").status_code < 500
    # The erasure, whose requests have the person in their URLs.
    customer = {"id": order["customer"]["id"], "email": PERSON["email"], "phone": PERSON["phone"]}
    erasure = body_of("customers/redact", customer=customer, orders_to_redact=[order["id"]])
    assert len(state()["contacts"]) == 1
    assert post(stack, "customers/redact", erasure).ok
    wait_until(lambda: not state()["contacts"])
    assert records.texts
    assert [(canary, text) for canary in CANARIES for text in records.texts if canary in text.lower()] == []


def run_function(function: str, code: str) -> subprocess.CompletedProcess[str]:
    """Import the function with the root logger at DEBUG, as Lambda's runtime does, and run the code."""
    return subprocess.run(
        [sys.executable, "-c", "import logging; logging.basicConfig(level=logging.DEBUG)\nimport app\n" + code],
        cwd=FUNCTIONS / function,
        env={**os.environ, **VARIABLES},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("function", ["webhook", "storefront", "retry", "upkeep"])
def test_each_function_silences_libraries_and_exceptions(function: str) -> None:
    ended = run_function(
        function,
        """
import sys, warnings
own = {"shopwire", *sys.stdlib_module_names}
loggers = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
loud = [logger.name for logger in loggers if logger.isEnabledFor(logging.INFO)]
print([name for name in loud if name.partition(".")[0] not in own])
warnings.warn("kanarka")
try:
    app.handler(None, None)
except Exception as error:
    print(type(error).__name__)
""",
    )
    assert ended.stdout.splitlines()[-2:] == ["[]", "UnexpectedError"]
    assert "kanarka" not in ended.stderr


def test_text_of_an_unexpected_exception_is_removed() -> None:
    @hide_values
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        raise KeyError(PERSON["email"])

    with pytest.raises(Exception, match=r"^KeyError$") as caught:
        handler({}, None)
    text = "".join(traceback.format_exception(caught.value))
    assert PERSON["email"] not in text
    assert "in handler" in text  # the place remains
