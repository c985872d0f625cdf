"""API Gateway on one's own machine: makes the events of an HTTP API (payload format 2.0) and answers what comes back.

AWS, "Create AWS Lambda proxy integrations for HTTP APIs". Beside the functions it serves the emulated API and the
switches of `shopwire dev`.
"""

import base64
import html
import json
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from shopwire_local.aws import Faults
from shopwire_local.lambdas import Function
from shopwire_local.wsgi import Application, Environ, StartResponse, answer, answer_json, body_of

_LARGEST = 10_000_000
_METHODS = frozenset({"GET", "HEAD", "POST"})
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class Parked:
    """What the gateway asks of the parked webhooks."""

    list: Callable[[], Any]
    show: Callable[[str], Any]
    """By id; None: no such."""
    replay: Callable[[str], bool]
    """By id; whether there is such a one."""


class Gateway:
    """The WSGI application of `shopwire dev`."""

    def __init__(
        self, webhook: Function, esputnik: Application, faults: Faults, parked: Parked, *, any_host: bool = False
    ) -> None:
        self._webhook = webhook
        self._esputnik = esputnik
        self._faults = faults
        self._parked = parked
        self._any_host = any_host

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").rpartition(":")[0] or environ.get("HTTP_HOST", "")
        if not self._any_host and host not in _LOOPBACK:
            # Another name that resolves to this machine: a page in a browser tries to reach us (DNS rebinding).
            return answer_json(start_response, 403, {"error": "ask for 127.0.0.1 or localhost"})
        path = environ["PATH_INFO"]
        if path.startswith("/esputnik/"):
            return self._esputnik(environ, start_response)
        body = body_of(environ, _LARGEST)
        if body is None:
            return answer_json(start_response, 413, {"message": "Request Too Long"})
        if path == "/":
            return answer(start_response, 200, _PAGE, _PAGE_HEADERS)
        if path.startswith("/dev/"):
            return self._dev(environ["REQUEST_METHOD"], path, body, start_response)
        if path == "/health" or (path.startswith("/webhooks/") and environ["REQUEST_METHOD"] in _METHODS):
            return self._function(event(environ, body), start_response)
        return answer_json(start_response, 404, {"message": "Not Found"})

    def _function(self, request: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            said = self._webhook.invoke(request)
            status, body, headers = _answer(said)
        except Exception:
            traceback.print_exc()
            return answer_json(start_response, 500, {"message": "Internal Server Error"})
        if request["requestContext"]["http"]["method"] == "HEAD":
            body = b""
        return answer(start_response, status, body, headers)

    def _dev(self, method: str, path: str, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
        parts = path.removeprefix("/dev/").split("/")
        match method, *parts:
            case "POST", "faults":
                return self._break(body, start_response)
            case "GET", "parked":
                return answer_json(start_response, 200, self._parked.list())
            case "GET", "parked", id:
                found = self._parked.show(id)
                return answer_json(start_response, 200 if found else 404, found or {"error": "no such parked webhook"})
            case "POST", "parked", id, "replay":
                if self._parked.replay(id):
                    return answer_json(start_response, 200, {"status": "queued"})
                return answer_json(start_response, 404, {"error": "no such parked webhook"})
        return answer_json(start_response, 404, {"error": "not found"})

    def _break(self, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
        try:
            wanted = json.loads(body)
            self._faults.set(wanted.get("part"), wanted.get("mode"), wanted.get("seconds"))
        except (ValueError, AttributeError) as error:
            return answer_json(start_response, 400, {"error": str(error)})
        return answer_json(start_response, 200, {"status": "ok"})


def event(environ: Environ, body: bytes) -> dict[str, Any]:
    """The event that API Gateway would make of this request."""
    method, path = environ["REQUEST_METHOD"], unquote(environ["RAW_URI"].partition("?")[0])
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
    }
    now = time.time()
    text = None if not body else _text(headers.get("content-type", ""), body)
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} /webhooks/{{shop}}" if path.startswith("/webhooks/") else f"{method} {path}",
        "rawPath": path,
        "rawQueryString": environ.get("QUERY_STRING", ""),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": headers.get("host", ""),
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": path,
                "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
                "sourceIp": environ.get("REMOTE_ADDR", ""),
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": bool(body) and text is None,
    }
    query: dict[str, str] = {}
    for name, value in parse_qsl(made["rawQueryString"], keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    if query:
        made["queryStringParameters"] = query
    if path.startswith("/webhooks/"):
        made["pathParameters"] = {"shop": path.removeprefix("/webhooks/")}
    if body:
        made["body"] = base64.b64encode(body).decode() if text is None else text
    return made


def _text(content_type: str, body: bytes) -> str | None:
    media = content_type.partition(";")[0].strip().lower()
    if media.startswith(_TEXT_TYPES) or media.endswith("+json"):
        try:
            return body.decode()
        except UnicodeDecodeError:
            pass
    return None


def _answer(said: Any) -> tuple[int, bytes, Mapping[str, str]]:
    if not isinstance(said, dict) or "statusCode" not in said:
        return 200, json.dumps(said).encode(), {}
    body = said.get("body") or ""
    raw = base64.b64decode(body) if said.get("isBase64Encoded") else str(body).encode()
    headers = {name.title(): str(value) for name, value in (said.get("headers") or {}).items()}
    return int(said["statusCode"]), raw, headers


_EXAMPLES = (
    ("Send a sample", "shopwire send shopify orders/create"),
    ("What the API holds", "curl -s http://127.0.0.1:8787/esputnik/state"),
    (
        "Break the API for 20 seconds",
        'curl -d \'{"mode": "down", "seconds": 20}\' http://127.0.0.1:8787/esputnik/faults',
    ),
    (
        "Break the queue",
        'curl -d \'{"part": "queue", "mode": "down", "seconds": 20}\' http://127.0.0.1:8787/dev/faults',
    ),
    ("What is parked", "shopwire parked list"),
)
_PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>shopwire</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
:root {{ color-scheme: light dark }}
pre {{ overflow-x: auto; padding: .5rem .75rem; border: 1px solid #8888; border-radius: .3rem }}
</style>
<h1>shopwire runs here</h1>
<p>The functions behind a gateway, with queue, table and settings in memory, and the API's emulator. All of it is gone
with Ctrl-C. A shop's webhook URL is <code>/webhooks/&lt;shop&gt;</code>: <code>/webhooks/demo-shopify</code>.</p>
<p><a href="/esputnik/state">What the API holds</a> · <a href="/dev/parked">What is parked</a></p>
{"".join(f"<h2>{html.escape(what)}</h2><pre>{html.escape(how)}</pre>" for what, how in _EXAMPLES)}
</html>
""".encode()
