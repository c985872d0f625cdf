"""`shopwire send`: what is posted, what is printed, and the exit code. A small HTTP server receives the webhooks."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from shopwire import platforms
from shopwire.models import Webhook
from shopwire_cli import outgoing_webhooks
from shopwire_cli.main import main
from shopwire_dev.demo_shops import demo_settings, parse_shops
from shopwire_testkit.fresh import NotRefreshable
from shopwire_testkit.samples import Sample, samples

Captured = pytest.CaptureFixture[str]
SHOPS = parse_shops(demo_settings())
SAMPLES = [sample for name in platforms.OF_SHOPS for sample in samples(name)]
STOREFRONT_SAMPLES = samples("storefront")


@dataclass
class Server:
    """The receiving server: its URL, the status that it answers with, and the calls that it received."""

    url: str = ""
    status: int = 200
    calls: list[tuple[str, Webhook]] = field(default_factory=list)


@pytest.fixture(scope="module")
def listening() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.calls.append((self.path, Webhook(headers, body, 0)))
            response = b'{"status": "delivered", "delivery": "k"}\n'
            self.send_response(state.status)
            self.send_header("content-length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(listening: Server) -> Server:
    listening.calls.clear()
    listening.status = 200
    return listening


def send(server: Server, *words: str) -> int:
    return main(["send", *words, "--url", server.url])


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.platform} {sample.name}")
def test_sample_is_posted_as_its_platform_posts_it(
    server: Server, capsys: Captured, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing_webhooks, "_now", lambda: 0)  # when the server receives it
    assert send(server, sample.platform, sample.name, "--no-fresh") == 0
    assert capsys.readouterr() == ('{"status": "delivered", "delivery": "k"}\n', "")
    ((path, webhook),) = server.calls
    shop = SHOPS[f"demo-{sample.platform}"]
    assert (path, webhook.body) == (f"/webhooks/{shop.id}", sample.body)
    assert webhook.headers["content-type"] == "application/json"
    platform = platforms.get(sample.platform)
    platform.verify(webhook, shop)
    (delivery,) = platform.read(webhook, shop)
    assert delivery.topic == sample.topic


@pytest.mark.parametrize("id", ["demo-shopify", "demo-woocommerce"])
@pytest.mark.parametrize("sample", STOREFRONT_SAMPLES, ids=lambda sample: sample.name)
def test_storefront_sample_is_signed_with_the_secret_of_the_named_shop(
    server: Server, sample: Sample, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing_webhooks, "_now", lambda: 0)  # when the server receives it
    assert send(server, "storefront", sample.name, "--no-fresh", "--shop", id) == 0
    ((path, webhook),) = server.calls
    assert path == f"/storefront/{id}"
    platforms.get("storefront").verify(webhook, SHOPS[id])
    unsigned = [{**json.loads(body), "signature": None} for body in (webhook.body, sample.body)]
    assert unsigned[0] == unsigned[1]


def test_list_prints_the_arguments_for_every_sample(capsys: Captured) -> None:
    assert main(["send", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [f"{sample.platform} {sample.name}" for sample in [*SAMPLES, *STOREFRONT_SAMPLES]]
    assert lines == [*names, "woocommerce ping"]
    assert main(["send", "shopify", "--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [line for line in lines if line.startswith("shopify ")]


def test_count_repeats_one_delivery(server: Server, capsys: Captured) -> None:
    assert send(server, "shopify", "orders/create", "--count", "3") == 0
    first, second, third = (webhook for _, webhook in server.calls)
    assert first == second == third
    assert capsys.readouterr().out.count("\n") == 3


def test_sample_is_an_event_of_its_own_by_default(server: Server) -> None:
    before = time.time() - 1
    send(server, "shopify", "orders/create")
    send(server, "shopify", "orders/create")
    first, second = (json.loads(webhook.body) for _, webhook in server.calls)
    assert first["id"] != second["id"]
    assert datetime.fromisoformat(first["updated_at"]).timestamp() >= before
    platforms.get("shopify").verify(server.calls[0][1], SHOPS["demo-shopify"])


def test_sample_that_names_no_entity_is_sent_as_it_is(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise NotRefreshable("the body has no id")

    monkeypatch.setattr(outgoing_webhooks, "refresh", refuse)
    assert send(server, "shopify", "orders/create") == 0
    assert server.calls[0][1].body == next(sample.body for sample in SAMPLES if sample.name == "orders/create")


def test_second_send_is_another_delivery_of_the_same_bytes(server: Server) -> None:
    send(server, "shopify", "orders/create", "--no-fresh")
    send(server, "shopify", "orders/create", "--no-fresh")
    (_, first), (_, second) = server.calls
    assert first.body == second.body
    assert first.headers["x-shopify-event-id"] != second.headers["x-shopify-event-id"]


def test_fresh_samples_are_different_orders_with_valid_signatures(server: Server) -> None:
    assert send(server, "woocommerce", "order.created", "--fresh", "--count", "3") == 0
    for _, webhook in server.calls:
        platforms.get("woocommerce").verify(webhook, SHOPS["demo-woocommerce"])
    assert len({json.loads(webhook.body)["id"] for _, webhook in server.calls}) == 3


def test_woocommerce_ping_is_an_unsigned_form(server: Server) -> None:
    assert send(server, "woocommerce", "ping") == 0
    ((path, webhook),) = server.calls
    assert (path, webhook.body) == ("/webhooks/demo-woocommerce", b"webhook_id=1")
    assert webhook.headers["content-type"] == "application/x-www-form-urlencoded"
    assert not any(name.startswith("x-wc-") for name in webhook.headers)


def test_file_is_posted_to_a_shop_of_the_shops_file(server: Server, tmp_path: Path) -> None:
    shops = tmp_path / "shops.toml"
    shops.write_text('[my-shop]\nplatform = "woocommerce"\nsecrets = ["s3"]\nesputnik_key = "k"\n')
    body = tmp_path / "order.json"
    body.write_bytes(b'{"id": 1, "note": "\\u0413\\/"}\r\n')
    words = ("woocommerce", "order.updated", str(body), "--shop", "my-shop", "--shops", str(shops))
    assert send(server, *words) == 0
    ((path, webhook),) = server.calls
    assert (path, webhook.body) == ("/webhooks/my-shop", body.read_bytes())
    shop = SHOPS["demo-woocommerce"].model_validate(
        {"id": "my-shop", "platform": "woocommerce", "secrets": ("s3",), "esputnik_key": "k"}
    )
    platforms.get("woocommerce").verify(webhook, shop)


@pytest.mark.parametrize("status", [401, 404, 413, 503])
def test_response_that_is_not_2xx_is_exit_1(server: Server, capsys: Captured, status: int) -> None:
    server.status = status
    assert send(server, "shopify", "orders/create", "--count", "2") == 1
    out, err = capsys.readouterr()
    assert out.count("\n") == 2
    assert err.startswith(f"shopwire send: HTTP {status} ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "shopify no/such",
            "no sample 'no/such': `shopwire send shopify --list` lists the samples; or pass a FILE",
        ),
        ("shopify orders/create--no-such", "no sample 'orders/create--no-such'"),
        ("shopify orders/create /no/such", "/no/such: No such file or directory"),
        (
            "shopify orders/create --shop unknown",
            "there is no shop 'unknown': choose one of demo-shopify, demo-woocommerce",
        ),
        (
            "shopify orders/create --shop demo-woocommerce",
            "shop demo-woocommerce belongs to woocommerce, not to shopify: choose another with --shop",
        ),
        ("shopify orders/create --shops /no/such", "--shops: /no/such: No such file or directory"),
        ("woocommerce ping --url 127.0.0.1:1", "--url: 127.0.0.1:1/webhooks/demo-woocommerce is not an address"),
        ("magento --list", "there is no platform 'magento'"),
    ],
)
def test_what_cannot_be_sent_is_one_line_and_exit_2(capsys: Captured, words: str, message: str) -> None:
    assert main(["send", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"shopwire send: {message}")
    assert err.count("\n") == 1


def test_topic_that_a_header_cannot_carry_is_exit_2(server: Server, capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text("{}")
    assert send(server, "shopify", "orders/\ncreate", str(file)) == 2
    assert capsys.readouterr() == (
        "",
        "shopwire send: TOPIC: it contains characters that an HTTP header cannot carry\n",
    )


def test_wrong_shops_file_names_shop_and_field_and_not_the_value(capsys: Captured, tmp_path: Path) -> None:
    shops = tmp_path / "shops.toml"
    shops.write_text('[demo-shopify]\nplatform = "shopify"\nsecrets = [""]\nesputnik_key = "hush"\n')
    assert main(["send", "shopify", "orders/create", "--shops", str(shops)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("shopwire send: --shops: shop demo-shopify: `secrets` contains an empty secret")
    assert "hush" not in err
    shops.write_text("[demo-shopify\n")
    assert main(["send", "shopify", "orders/create", "--shops", str(shops)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_server_is_exit_1(capsys: Captured) -> None:
    assert main(["send", "woocommerce", "ping", "--url", "http://127.0.0.1:9"]) == 1
    assert capsys.readouterr() == (
        "",
        "shopwire send: no answer from http://127.0.0.1:9/webhooks/demo-woocommerce: start `shopwire dev`, or set --url"
        " to where it listens\n",
    )


def test_fresh_needs_an_object(server: Server, capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text("[]")
    assert send(server, "shopify", "orders/create", str(file), "--fresh") == 2
    assert capsys.readouterr().err == "shopwire send: --fresh: the body is not a JSON object\n"
    assert server.calls == []
