"""Hostile text of webhooks, shops, servers and file names: no command prints what a terminal would obey."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

import shopwire_cli.commands.secret
from shopwire_cli.main import main
from shopwire_cli.terminal import escape
from shopwire_testkit.samples import folder
from shopwire_wsgi import Environ, Server, StartResponse
from tests.cli.shop_command import KEY, OTHER_KEY, PATH

Captured = pytest.CaptureFixture[str]

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
SEPARATORS = ["\u2028", "\u2029"]
BIDI = [chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
UNSAFE = {*CONTROLS, *SEPARATORS, *BIDI}
TITLE = "\x1b]0;owned\x07"
HOSTILE = f"a{TITLE}\x1b[2J\x9b31m\x7f\u202egnp.\u2066\u2028\rqueued x\nshopwire: all is well\tz"
FILE_NAME = f"\udcff{TITLE}\u202e\n.json"
ID = f"demo-shopify.1767225600000.{HOSTILE}"
SAMPLE = str(folder("shopify") / "orders_create.json")


def run(*words: str) -> int:
    """Run the command, and return its exit code even if argparse ends the process."""
    try:
        return main(words)
    except SystemExit as end:
        return int(end.code or 0)


def check(capsys: Captured, *, lines: int) -> str:
    """Check that the output is harmless and has this number of lines, and return it."""
    out, err = capsys.readouterr()
    text = out + err
    assert not UNSAFE.difference("\n").intersection(text)
    assert "Traceback" not in text
    text.encode()  # no surrogate
    assert text.count("\n") == lines, text
    return text


@pytest.fixture(params=["terminal", "pipe"])
def output(request: pytest.FixtureRequest) -> str:
    """Where the output goes."""
    if request.param == "terminal":
        request.getfixturevalue("terminal")
    return str(request.param)


def hostile_server(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer like a `shopwire dev` whose every text is hostile."""
    record = dict.fromkeys(("id", "shop", "topic", "entity", "reason"), HOSTILE) | {"tries": 1, "first": 2, "last": 3}
    path = environ["PATH_INFO"]
    if path.startswith("/webhooks/"):
        start_response("500 Oh \x1b[2J\x9b31m no", [])
        return [HOSTILE.encode()]
    start_response("200 OK", [])
    if path == "/repeated/dev/parked":
        return [json.dumps([record | {"reason": "repeated_erasure"}] * 2).encode()]
    if path == "/dev/parked":
        return [json.dumps([record, record]).encode()]
    if path.startswith("/dev/parked/"):
        return [json.dumps(record | {"headers": {HOSTILE: HOSTILE}, "query": {}, "body": HOSTILE}).encode()]
    return [b"{}"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = Server(hostile_server, "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.mark.parametrize("character", sorted(UNSAFE))
def test_unsafe_character_becomes_a_json_escape(character: str) -> None:
    escaped = escape(character)
    assert escaped.isascii()
    assert escaped.isprintable()
    assert json.loads(f'"{escaped}"') == character


def test_other_text_stays_as_it_is() -> None:
    text = "Привіт, \U0001f469\u200d\U0001f4bb שלום č \\ \" '"
    assert escape(text) == text
    assert escape("a\nb\tc\r", keep="\n\t") == "a\nb\tc\\r"


def test_parked_webhooks_are_listed_one_a_line(url: str, output: str, capsys: Captured) -> None:
    assert run("parked", "list", "--url", url) == 0
    check(capsys, lines=3 if output == "terminal" else 2)


def test_escaped_json_has_the_same_values(url: str, output: str, capsys: Captured) -> None:
    assert run("parked", "list", "--url", url, "--json") == 0
    records = [json.loads(line) for line in check(capsys, lines=2).splitlines()]
    assert [record["topic"] for record in records] == [HOSTILE, HOSTILE]
    assert run("parked", "show", "x", "--url", url) == 0
    shown = json.loads(check(capsys, lines=15 if output == "terminal" else 1))
    assert (shown["body"], shown["headers"]) == (HOSTILE, {HOSTILE: HOSTILE})


def test_replayed_ids_are_printed_one_a_line(url: str, output: str, capsys: Captured) -> None:
    assert run("parked", "replay", "--all", "--url", url) == 0
    assert check(capsys, lines=3).count("queued a") == 2


def test_erasure_requests_that_are_not_replayed_are_printed_one_a_line(url: str, output: str, capsys: Captured) -> None:
    assert run("parked", "replay", "--all", "--url", f"{url}/repeated") == 0
    assert check(capsys, lines=3).count("not queued a") == 2


def test_response_to_a_sent_webhook_is_one_line(url: str, output: str, capsys: Captured) -> None:
    assert run("send", "shopify", "orders/create", "--url", url) == 1
    assert "HTTP 500 Oh \\u001b[2J\\u009b31m no" in check(capsys, lines=2)


def test_settings_of_a_shop_are_escaped(ssm: Any, output: str, capsys: Captured) -> None:
    fields = {"platform": HOSTILE, "store": HOSTILE, "secrets": [HOSTILE], "esputnik_key": KEY, HOSTILE: HOSTILE}
    ssm.put_parameter(Name=f"{PATH}ann", Value=json.dumps(fields), Type="SecureString")
    assert run("shop", "list", "--stack", "shop-eu") == 0
    check(capsys, lines=2 if output == "terminal" else 1)
    assert run("shop", "show", "ann", "--stack", "shop-eu") == 0
    shown = json.loads(check(capsys, lines=15 if output == "terminal" else 1))
    assert shown["settings"]["store"] == HOSTILE


def test_changes_of_a_shop_are_printed_one_a_line(ssm: Any, output: str, capsys: Captured, shops_file: Path) -> None:
    fields = {"platform": "woocommerce", "store": HOSTILE, "secrets": [HOSTILE], "esputnik_key": OTHER_KEY}
    boto3.client("ssm").put_parameter(Name=f"{PATH}ann", Value=json.dumps(fields), Type="SecureString")
    assert run("shop", "put", str(shops_file), "ann", "--stack", "shop-eu", "--dry-run") == 0
    assert "store: a\\u001b]0;owned" in check(capsys, lines=2)
    assert run("shop", "put", str(shops_file), "ann", "--stack", "shop-eu") == 2
    check(capsys, lines=5)


def test_file_of_shops_is_escaped(tmp_path: Path, output: str, capsys: Captured) -> None:
    path = tmp_path / FILE_NAME
    for content in (f"[{json.dumps(HOSTILE)}]\n", f"[a]\n{json.dumps(HOSTILE)} = 1\n", "x = \x1b[2J"):
        path.write_text(content)
        assert run("shop", "put", str(path), "--stack", "shop-eu") == 2
        check(capsys, lines=1)


@pytest.mark.parametrize(
    "words",
    [
        ("map", HOSTILE, "orders/create"),
        ("map", "shopify", "orders/create", FILE_NAME),
        ("map", "shopify", "orders/create", "--region", HOSTILE),
        ("map", "shopify", "orders/create", "--contact", HOSTILE),
        ("map", "shopify", "orders/create", "--status", HOSTILE),
        ("map", "shopify", "orders/create", "--item-id", HOSTILE),
        ("map", "shopify", "orders/create", "-", HOSTILE),
        ("send", HOSTILE, "orders/create"),
        ("send", "shopify", HOSTILE),
        ("send", "shopify", HOSTILE, SAMPLE),
        ("send", "shopify", "\udcff", SAMPLE),
        ("send", "shopify", "замовлення", SAMPLE),
        ("send", "shopify", "orders/create", FILE_NAME),
        ("send", "shopify", "orders/create", "--shop", HOSTILE),
        ("send", "shopify", "orders/create", "--shops", FILE_NAME),
        ("send", "shopify", "orders/create", "--count", HOSTILE),
        ("send", "shopify", "orders/create", "--url", f"http://{HOSTILE}"),
        ("parked", "list", "--url", HOSTILE),
        ("parked", "list", "--url", "http://\udcff"),
        ("parked", "list", "--url", "http://["),
        ("parked", "list", "--url", "http://a..b"),
        ("parked", HOSTILE),
        ("shop", "put", FILE_NAME),
        ("shop", "list", "--url", f"http://127.0.0.1:9/{HOSTILE}"),
        ("secret", "new", HOSTILE),
        ("inspect", "--url", HOSTILE),
        ("inspect", "--port", HOSTILE),
        ("simulate", "--faults", HOSTILE),
        ("simulate", "--replay", HOSTILE),
        ("dev", "--host", HOSTILE),
        ("dev", "--host", "a\udcff"),
        ("dev", "--port", HOSTILE),
        ("dev", "--esputnik", f"http://{HOSTILE}/"),
        ("dev", "--shops", FILE_NAME),
        (HOSTILE,),
    ],
)
def test_wrong_argument_is_reported_in_one_harmless_line(
    words: tuple[str, ...], output: str, capsys: Captured, set_stdin: Any
) -> None:
    set_stdin(b"{}")
    assert run(*words) in (1, 2)
    check(capsys, lines=1)


@pytest.mark.parametrize("topic", [HOSTILE, "\udcff"])
def test_unknown_topic_is_reported_in_one_line(topic: str, output: str, capsys: Captured, set_stdin: Any) -> None:
    set_stdin(b"{}")
    assert run("map", "shopify", topic) == 0
    check(capsys, lines=2)


def test_requests_of_hostile_text_are_json_with_its_readable_part(
    output: str, capsys: Captured, set_stdin: Any
) -> None:
    order = json.loads(Path(SAMPLE).read_text())
    order["line_items"][0] |= dict.fromkeys(("name", "title"), "Mug\u202e\x9b31m\x7f")
    set_stdin(json.dumps(order).encode())
    assert run("map", "shopify", "orders/create", "--new") == 0
    requests = json.dumps(json.loads(check(capsys, lines=1)), ensure_ascii=False)
    assert "Mug" in requests
    assert "\u202e" not in requests


def test_stdout_and_stderr_are_as_before_after_a_command(capsys: Captured) -> None:
    before = sys.stdout, sys.stderr
    assert run("secret", "new") == 0
    assert (sys.stdout, sys.stderr) == before


def test_log_lines_of_dev_are_escaped() -> None:
    """The functions' logger writes to the stream that is stdout when it is created."""
    code = (
        "import sys; from types import SimpleNamespace; import shopwire_cli.main as main\n"
        "def run(options):\n"
        "    from shopwire.observability import logger\n"
        "    logger.info('received', extra={'topic': chr(0x9b) + chr(0x202e)})\n"
        "    return 0\n"
        "main.load_command = lambda name: SimpleNamespace(add_arguments=lambda parser: None, run=run)\n"
        "sys.exit(main.main(['secret']))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert b'"topic":"\\u009b\\u202e"' in ended.stdout


def test_files_that_a_command_writes_are_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def write(options: Any) -> int:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("someone@example.com")
        return 0

    monkeypatch.setattr(shopwire_cli.commands.secret, "run", write)
    umask = os.umask(0o022)
    try:
        assert run("secret", "new") == 0
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(umask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"file": 0o600, "folder": 0o700}
