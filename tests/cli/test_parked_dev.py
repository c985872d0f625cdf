"""`shopwire parked` with the running `shopwire dev`. A small HTTP server stands in for it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from shopwire_cli.main import main

Captured = pytest.CaptureFixture[str]

RECORD = {
    "id": "demo.1.a",
    "shop": "demo",
    "topic": "t",
    "entity": "order 1",
    "reason": "r",
    "tries": 1,
    "first": 1,
    "last": 1,
}
RESPONSES = {
    "GET /dev/parked": [RECORD],
    "GET /dev/parked/demo.1.a": RECORD | {"body": "{}"},
    "POST /dev/parked/demo.1.a/replay": {"status": "queued"},
}


class Handler(BaseHTTPRequestHandler):
    """Responds as `shopwire dev` does. Paths below /broken are pages of another server, /down/ is unavailable."""

    def _serve(self) -> None:
        if self.path.startswith("/broken"):
            status, body = 200, b"<html>"
        elif response := RESPONSES.get(f"{self.command} {self.path}"):
            status, body = 200, json.dumps(response).encode()
        else:
            status, body = 503 if "/down/" in self.path else 404, b'{"error": "not found"}'
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the server."""
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_commands_without_a_stack_use_the_running_dev(url: str, capsys: Captured) -> None:
    assert main(["parked", "list", "--json", "--url", url + "/"]) == 0
    assert json.loads(capsys.readouterr().out) == RECORD
    assert main(["parked", "show", "demo.1.a", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out) == RECORD | {"body": "{}"}
    assert main(["parked", "replay", "demo.1.a", "--url", url]) == 0
    assert capsys.readouterr().out == "queued demo.1.a\n"


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("", 2, "nothing is parked under x/../y: `shopwire parked list` lists what is"),
        ("/broken", 1, "/dev/parked/x%2F..%2Fy did not answer with JSON, so it is not `shopwire dev`: set --url"),
        ("/down", 1, "/dev/parked/x%2F..%2Fy answered 503"),
    ],
)
def test_unexpected_response_prints_one_line(url: str, capsys: Captured, path: str, code: int, message: str) -> None:
    assert main(["parked", "show", "x/../y", "--url", url + path]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(message + "\n")
    assert err.count("\n") == 1


def test_missing_server_prints_one_line(capsys: Captured) -> None:
    assert main(["parked", "list", "--url", "http://127.0.0.1:9"]) == 1
    assert capsys.readouterr() == (
        "",
        "shopwire parked: no answer from http://127.0.0.1:9/dev/parked: start `shopwire dev`, or set --url to where it"
        " listens\n",
    )
