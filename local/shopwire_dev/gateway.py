"""API Gateway on one's own machine: makes the events of an HTTP API (payload format 2.0) and answers what comes back.

AWS, "Create AWS Lambda proxy integrations for HTTP APIs". Beside the functions it serves the emulated API, the
switches of `shopwire dev` and the inspector.
"""

import base64
import binascii
import json
import re
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import shopwire
from shopwire.retry_queue import QueueDown
from shopwire.stores.table import TableDown
from shopwire_dev.aws import BadFault
from shopwire_dev.lambdas import Function
from shopwire_wsgi import (
    Application,
    Environ,
    StartResponse,
    is_cross_origin,
    is_for_loopback,
    read_body,
    respond,
    respond_json,
)

# AWS, "Quotas for HTTP APIs": payload size 10 MB.
_LARGEST = 10 << 20
SCRIPT = Path(shopwire.__file__).resolve().parents[2] / "storefront" / "shopwire.js"
"""What a shop's theme includes. A deployed stack does not serve it: it is one of the theme's own files."""
_SCRIPT_HEADERS = {"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "no-cache"}
_WEBHOOKS = re.compile(r"/webhooks/(?P<shop>[^/]+)")
_STOREFRONT = re.compile(r"/storefront/(?P<shop>[^/]+)")
ROUTES = {
    **{f"{method} /webhooks/{{shop}}": ("webhook", _WEBHOOKS) for method in ("GET", "HEAD", "POST")},
    "GET /health": ("webhook", re.compile(r"/health")),
    **{f"{method} /storefront/{{shop}}": ("storefront", _STOREFRONT) for method in ("OPTIONS", "POST")},
}
"""Route key -> function, path."""
# What AWS's documentation calls binary is everything but these: a form and a body without a type too.
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})


@dataclass(frozen=True, slots=True)
class Parked:
    """What the gateway asks of the parked webhooks. Each may raise TableDown or QueueDown."""

    list: Callable[[], Any]
    show: Callable[[str], Any]
    """By id; None: no such."""
    replay: Callable[[str], bool]
    """By id; whether there is such a one."""


class NoRoute(Exception):
    """No route leads anywhere."""


class BadAnswer(Exception):
    """The function's answer is none that API Gateway understands."""


class Gateway:
    """The WSGI application of `shopwire dev`.

    Args:
        break_part: breaks queue, ledger or settings; raises BadFault.
        aws: where the command line finds the shops' parameters; no secret, and an address of this machine only.
        any_host: serve whatever name is asked for (when told to listen beyond loopback).
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        esputnik: Application,
        break_part: Callable[[Any], None],
        parked: Parked,
        inspector: Application,
        *,
        aws: Mapping[str, str] | None = None,
        any_host: bool = False,
    ) -> None:
        self._functions = functions
        self._esputnik = esputnik
        self._break_part = break_part
        self._parked = parked
        self._inspector = inspector
        self._aws = aws or {}
        self._any_host = any_host

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not (self._any_host or is_for_loopback(environ)):
            return respond_json(start_response, 403, {"error": "ask for 127.0.0.1 or localhost"})
        path = environ["PATH_INFO"]
        if path.startswith(("/esputnik/", "/dev/")) and is_cross_origin(environ):
            return respond_json(start_response, 403, {"error": "not for other web pages"})
        if path.startswith("/esputnik/"):
            return self._esputnik(environ, start_response)
        if path == "/" or path.startswith("/inspect/"):
            return self._inspector(environ, start_response)
        body = read_body(environ)
        if path == "/shopwire.js":
            return respond(start_response, 200, SCRIPT.read_bytes(), _SCRIPT_HEADERS)
        if path.startswith("/dev/"):
            return self._dev(environ["REQUEST_METHOD"], path, body, start_response)
        if len(body) > _LARGEST:
            return respond_json(start_response, 413, {"message": "Request Entity Too Large"})
        try:
            request = event(environ, body)
        except NoRoute:
            return respond_json(start_response, 404, {"message": "Not Found"})
        try:
            function, _ = ROUTES[request["routeKey"]]
            status, body, headers = answer_of(self._functions[function].invoke(request))
        except Exception:
            traceback.print_exc()
            return respond_json(start_response, 500, {"message": "Internal Server Error"})
        return respond(start_response, status, body, headers)

    def _dev(self, method: str, path: str, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, said = self._switch(method, path.removeprefix("/dev/").split("/"), body)
        except BadFault as error:
            status, said = 400, {"error": str(error)}
        except (QueueDown, TableDown) as error:
            status, said = 503, {"error": f"{type(error).__name__}: {error}"}
        return respond_json(start_response, status, said)

    def _switch(self, method: str, parts: list[str], body: bytes) -> tuple[int, Any]:
        match method, *parts:
            case "POST", "faults":
                try:
                    wanted = json.loads(body)
                except ValueError:
                    raise BadFault("the body is not JSON") from None
                self._break_part(wanted)
                return 200, {"status": "ok"}
            case "GET", "aws":
                return 200, self._aws
            case "GET", "parked":
                return 200, self._parked.list()
            case "GET", "parked", id if found := self._parked.show(id):
                return 200, found
            case "POST", "parked", id, "replay" if self._parked.replay(id):
                return 200, {"status": "queued"}
            case _, "parked", *_:
                return 404, {"error": "no such parked webhook"}
        return 404, {"error": "not found"}


def event(environ: Environ, body: bytes) -> dict[str, Any]:
    """The event that API Gateway makes of this request.

    Raises:
        NoRoute.
    """
    # HTTP APIs match and pass on the decoded path, %2F and all.
    method, path = environ["REQUEST_METHOD"], unquote(environ["RAW_URI"].partition("?")[0])
    route, parameters = _route(method, path)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value not in ("", "0"))
    }
    now = time.time()
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
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
            "routeKey": route,
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies := headers.get("cookie"):
        made["cookies"] = [cookie.strip() for cookie in re.split("[;,]", cookies)]
    if query := _query(made["rawQueryString"]):
        made["queryStringParameters"] = query
    if parameters:
        made["pathParameters"] = parameters
    if body:
        text = _text(headers.get("content-type", ""), body)
        made["isBase64Encoded"] = text is None
        made["body"] = base64.b64encode(body).decode() if text is None else text
    return made


def _route(method: str, path: str) -> tuple[str, dict[str, str]]:
    for key, (_, pattern) in ROUTES.items():
        if key.startswith(f"{method} ") and (match := pattern.fullmatch(path)):
            return key, match.groupdict()
    raise NoRoute


def _query(raw: str) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def _text(content_type: str, body: bytes) -> str | None:
    media = content_type.partition(";")[0].strip().lower()
    if media.startswith("text/") or media in _TEXT_TYPES:
        try:
            return body.decode()
        except UnicodeDecodeError:
            pass
    return None


def answer_of(said: Any) -> tuple[int, bytes, Mapping[str, str]]:
    """Status, body and headers out of what a function returned.

    Raises:
        BadAnswer, TypeError: it has a statusCode, but is no answer.
    """
    if not isinstance(said, dict) or "statusCode" not in said:
        return 200, json.dumps(said).encode(), {}
    status, body, headers = said["statusCode"], said.get("body") or "", said.get("headers") or {}
    if type(status) is not int or status not in set(HTTPStatus):
        raise BadAnswer("statusCode is no HTTP status")
    if not isinstance(body, str):
        raise BadAnswer("body is no text")
    if not isinstance(headers, dict) or any("\n" in f"{name}{value}" for name, value in headers.items()):
        raise BadAnswer("headers are no table of texts of one line")
    try:
        raw = base64.b64decode(body, validate=True) if said.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise BadAnswer("body cannot be encoded") from None
    return status, raw, {name.title(): str(value) for name, value in headers.items()}
