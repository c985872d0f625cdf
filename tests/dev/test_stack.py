"""`shopwire dev` as a whole, with the real functions: webhooks arrive, also after faults."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from shopwire import platforms
from shopwire.shops import parse_shop
from shopwire_cli.main import main
from shopwire_dev.stack import DevStack

SHOP = "demo-shopify"


@pytest.fixture(scope="module")
def stack() -> Iterator[DevStack]:
    before = dict(os.environ)
    stack = DevStack()
    stack.start()
    yield stack
    stack.stop()
    assert dict(os.environ) == before


@pytest.fixture(autouse=True)
def end_faults(stack: DevStack) -> Iterator[None]:
    yield
    for part in ("queue", "ledger", "settings"):
        stack.aws.set_fault({"part": part, "mode": "ok"})
    stack.emulator.reset()


def call(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    try:
        with urlopen(Request(url, body, dict(headers or {})), timeout=30) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)


def order(id: int, minute: int, total: str = "25.00") -> bytes:
    fields = {
        "id": id,
        "name": f"#{id}",
        "created_at": "2026-10-05T09:00:00Z",
        "updated_at": f"2026-10-05T09:{minute:02}:00Z",
        "currency": "UAH",
        "total_price": total,
        "current_total_price": total,
        "financial_status": "paid",
        "email": f"anna{id}@example.com",
        "line_items": [{"id": 1, "variant_id": 5, "quantity": 1, "price": total, "title": "Mug"}],
    }
    return json.dumps(fields).encode()


def send(stack: DevStack, body: bytes) -> str:
    """Post a webhook and return its outcome. The HTTP status must be 200, whatever fault is active."""
    headers = platforms.get("shopify").sign("orders/updated", body, stack.shops[SHOP], 0).headers
    status, response = call(f"{stack.url}/webhooks/{SHOP}", body, headers)
    assert status == 200, response
    outcome: str = response["status"]
    return outcome


def totals(stack: DevStack, id: int) -> list[str]:
    """Return the totals of the order's events, in the order in which the API received them."""
    events = [
        {param["name"]: param["value"] for param in event["params"]} for event in stack.emulator.state()["events"]
    ]
    return [params["totalCost"] for params in events if params["externalOrderId"] == str(id)]


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Return True as soon as the condition holds, or False after the seconds."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return True
        pause.wait(0.05)
    return condition()


def test_signed_webhook_arrives_at_the_api(stack: DevStack) -> None:
    assert send(stack, order(1, 1)) == "delivered"
    state = call(f"{stack.url}/esputnik/state")[1]
    assert [contact["email"] for contact in state["contacts"]] == ["anna1@example.com"]
    assert state["orders"]["1"]["totalCost"] == "25.00"
    assert [event["reason"] for event in state["events"]] == [None]


def test_webhooks_are_queued_while_the_api_is_down_and_arrive_in_order(stack: DevStack) -> None:
    stack.emulator.set_fault({"mode": "down", "seconds": 1})
    for minute in (1, 2, 3):
        assert send(stack, order(2, minute, f"{minute}.00")) == "queued"
    assert within(60, lambda: len(totals(stack, 2)) == 3)
    assert totals(stack, 2) == ["1.00", "2.00", "3.00"]


@pytest.mark.parametrize(("part", "id"), [("queue", 3), ("ledger", 4), ("settings", 5)])
def test_fault_of_a_part_loses_no_webhook(stack: DevStack, part: str, id: int) -> None:
    fault = json.dumps({"part": part, "mode": "down"}).encode()
    assert call(f"{stack.url}/dev/faults", fault) == (200, {"status": "ok"})
    for minute in (1, 2):
        send(stack, order(id, minute, f"{minute}.00"))
    call(f"{stack.url}/dev/faults", json.dumps({"part": part, "mode": "ok"}).encode())
    assert within(60, lambda: totals(stack, id) == ["1.00", "2.00"])


def test_response_leads_to_what_the_webhook_became(stack: DevStack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", "shopify", "orders/create", "--url", stack.url]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "delivered"
    assert main(["tail", "--once", "--last", "1", "--url", stack.url]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["topic"], record["events"]) == ("orders/create", ["contact", "orderCreated"])
    shown = call(f"{stack.url}/dev/webhooks/{record['id']}")[1]
    assert {**record, **shown} == {"time": record["time"], **shown}
    assert record["page"] == stack.url + shown["page"]
    feed = call(f"{stack.url}/dev/webhooks?last=1")[1]
    assert [webhook["id"] for webhook in feed["webhooks"]] == [record["id"]]
    assert call(f"{stack.url}/dev/webhooks?after={feed['cursor']}")[1] == {**feed, "webhooks": []}
    assert call(f"{stack.url}/dev/webhooks/999999")[0] == 404


@pytest.mark.usefixtures("terminal")
def test_send_tells_a_terminal_what_the_webhook_became(stack: DevStack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", "woocommerce", "order.created", "--url", stack.url]) == 0
    first, link = capsys.readouterr().out.splitlines()
    assert re.search(r"delivered.+order\.created.+contact, orderCreated.+ ms", first)
    assert f"{stack.url}/inspect/webhooks/" in link
    assert main(["send", "woocommerce", "ping", "--json", "--url", stack.url]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "ignored"


def test_unreadable_webhook_is_parked_shown_and_replayed(stack: DevStack) -> None:
    assert send(stack, b'{"id": []}') == "parked"
    (parked,) = call(f"{stack.url}/dev/parked")[1]
    assert set(parked) == {"id", "shop", "topic", "entity", "reason", "tries", "first", "last"}
    assert call(f"{stack.url}/dev/parked/{parked['id']}")[1]["body"] == '{"id": []}'
    assert call(f"{stack.url}/dev/parked/{parked['id']}/replay", b"")[0] == 200
    assert call(f"{stack.url}/dev/parked/none")[0] == 404


def test_change_of_a_shop_takes_effect_at_once(
    stack: DevStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shop(*arguments: object) -> str:
        assert main(["shop", *map(str, arguments), "--url", stack.url]) == 0
        out, err = capsys.readouterr()
        assert "a-secret" not in out + err
        return f"{out}{err}"

    def post_status(secret: str) -> int:
        signed = parse_shop("my-shop", {**settings, "secrets": [secret]})
        body = order(6, 1)
        headers = platforms.get("shopify").sign("orders/updated", body, signed, 0).headers
        return call(f"{stack.url}/webhooks/my-shop", body, headers)[0]

    file = tmp_path / "shops.toml"
    text = (
        '[my-shop]\nplatform = "shopify"\nsecrets = ["a-secret-1"]\n'
        'esputnik_key = "demo-key"\nstore = "my-shop.myshopify.com"\n'
    )
    settings = tomllib.loads(text)["my-shop"]
    assert post_status("a-secret-1") == 404
    file.write_text(text)
    assert "kept in memory until `shopwire dev` ends" in shop("put", file)
    assert post_status("a-secret-1") == 200
    file.write_text(text.replace('["a-secret-1"]', '["a-secret-1", "a-secret-2"]'))
    assert "my-shop: secrets:" in shop("put", file)
    assert [post_status(secret) for secret in ("a-secret-1", "a-secret-2", "a-secret-3")] == [200, 200, 401]
    file.write_text(text.replace("a-secret-1", "a-secret-2"))
    assert "within" not in shop("put", file, "--yes")
    assert [post_status(secret) for secret in ("a-secret-1", "a-secret-2")] == [401, 200]
    assert "my-shop" in shop("list")
    assert f'"url": "{stack.url}/webhooks/my-shop"' in shop("show", "my-shop")
    assert "removed my-shop" in shop("remove", "my-shop", "--yes")
    assert post_status("a-secret-2") == 404
    assert "my-shop" not in shop("list")


STRANGE = ("%00", "%ff", "%ED%A0%80", "%0d%0aX:y", "..", "%2e%2e", "%D9%A3", "demo-shopify.1.%00", "a" * 3000)
BODIES = (
    b"",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"mode": ["down"], "part": {"a": 1}}',
    b'{"mode": "down", "part": "queue", "seconds": 1%b}' % (b"0" * 400),
    b'{"mode": "slow", "requests": 0, "delay": 1e300}',
    b"part=api&mode=slow&seconds=999999999999999",
)


def status_of(stack: DevStack, method: str, target: str, body: bytes = b"", headers: bytes = b"") -> int:
    """Send raw bytes, because a client library would correct or refuse them."""
    host, port = stack.url.removeprefix("http://").split(":")
    head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + headers + b"\r\n" + body)
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(
    "pattern",
    [
        "/webhooks/{}",
        "/storefront/{}",
        "/dev/parked/{}",
        "/dev/parked/{}/replay",
        "/inspect/parked/{}",
        "/inspect/parked/{}/replay",
        "/inspect/webhooks/{}",
        "/inspect/static/{}",
        "/inspect/entity?shop={0}&entity={0}",
        "/inspect/rows?after={0}&before={0}&shop={0}",
        "/esputnik/api/{}",
        "/esputnik/state?key={}",
        "/{}",
    ],
)
def test_strange_path_is_no_server_error(stack: DevStack, capfd: pytest.CaptureFixture[str], pattern: str) -> None:
    for text in STRANGE:
        for method in ("GET", "POST", "BREW"):
            assert status_of(stack, method, pattern.format(text)) < 500, (method, text)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "target",
    [
        "/dev/faults",
        "/esputnik/faults",
        "/esputnik/api/v1/event",
        "/esputnik/api/v1/contact",
        "/esputnik/api/v1/contacts",
        "/esputnik/api/v1/orders",
        "/esputnik/account",
        "/inspect/faults",
        "/inspect/send",
        "/webhooks/demo-shopify",
        "/storefront/demo-shopify",
    ],
)
@pytest.mark.parametrize(
    "headers", [b"", b"Authorization: Basic \xe9\r\n", b"Content-Type: \xff\r\nCookie: \xff;;,\r\nOrigin: [\r\n"]
)
def test_strange_body_or_header_is_no_server_error(
    stack: DevStack, capfd: pytest.CaptureFixture[str], target: str, headers: bytes
) -> None:
    for body in BODIES:
        assert status_of(stack, "POST", target, body, headers) < 500, body[:40]
    assert "Traceback" not in capfd.readouterr().err


def test_command_says_what_to_do_next_and_ends_with_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; from shopwire_cli.main import main; sys.exit(main(['dev', '--port', '0']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        printed: list[str] = []
        while ".venv/bin/shopwire " not in (next_step := run.stdout.readline()):
            assert next_step, printed
            printed.append(next_step)
        memory, _, ready, inspector, _, _, *urls = printed
        url = ready.removeprefix("ready ").strip()
        assert "memory" in memory
        assert "inspector" in inspector
        assert f"{url}/webhooks/demo-shopify" in urls[0]
        assert call(url + "/health") == (200, {"status": "ok"})
        command = next_step.partition(".venv/bin/shopwire ")[2].split()
        assert main(command) == 0
        assert '"status": "delivered"' in capsys.readouterr().out
        record = json.loads(next(line for line in run.stdout if line.startswith("{")))
        assert (record["topic"], record["outcome"]) == ("orders/create", "delivered")
        assert record["events"] == ["contact", "orderCreated"]
        assert record["page"] == f"{url}/inspect/webhooks/1"
        run.send_signal(2)
        _, errors = run.communicate(timeout=30)
    assert (run.returncode, errors) == (0, "")
