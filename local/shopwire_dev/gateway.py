"""A local API Gateway: it converts HTTP requests to events of an HTTP API (payload format 2.0) and invokes functions.

See AWS, "Create AWS Lambda proxy integrations for HTTP APIs". It also serves the emulated API, the inspector and the
paths below /dev/.
"""

import base64
import binascii
import json
import re
import time
import traceback
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import shopwire
from shopwire.errors import NothingDurable, QueueUnavailable, TableUnavailable
from shopwire_dev.aws import BadFault
from shopwire_dev.lambdas import Function
from shopwire_dev.people import BadPerson
from shopwire_dev.platform_apis import PATH as PLATFORM_API_PATH
from shopwire_dev.platform_apis import BadAnswers, PlatformApis
from shopwire_wsgi import (
    Application,
    Environ,
    StartResponse,
    is_for_host,
    is_for_loopback,
    is_from_loopback,
    is_from_other_page,
    read_body,
    respond,
    respond_json,
)

# AWS, "Quotas for HTTP APIs": payload size 10 MB.
_MAX_BODY_BYTES = 10 << 20
STOREFRONT_SCRIPT = Path(shopwire.__file__).resolve().parents[2] / "storefront" / "shopwire.js"
"""The script that a shop's theme includes. A deployed stack does not serve it, because the theme contains a copy."""
_SCRIPT_HEADERS = {"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "no-cache"}
_PUBLIC_PATHS = ("/webhooks/", "/storefront/")
"""The paths that a tunnel may reach."""
_WEBHOOK_PATH = re.compile(r"/webhooks/(?P<shop>[^/]+)")
_STOREFRONT_PATH = re.compile(r"/storefront/(?P<shop>[^/]+)")
ROUTES = {
    **{f"{method} /webhooks/{{shop}}": ("webhook", _WEBHOOK_PATH) for method in ("GET", "HEAD", "POST")},
    "GET /health": ("webhook", re.compile(r"/health")),
    **{f"{method} /storefront/{{shop}}": ("storefront", _STOREFRONT_PATH) for method in ("OPTIONS", "POST")},
}
"""Route key -> (function, pattern of the path)."""
# Besides text/*, AWS passes only these media types as text. Everything else is binary, also a form or a missing type.
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})


@dataclass(frozen=True, slots=True)
class ParkedRoutes:
    """The functions behind /dev/parked. Each may raise TableUnavailable or QueueUnavailable."""

    list: Callable[[], Any]
    show: Callable[[str], Any]
    """Takes an id and returns the details, or None if there is no such parked webhook."""
    replay: Callable[[str], bool]
    """Takes an id and returns False if there is no such parked webhook."""


@dataclass(frozen=True, slots=True)
class FeedRoutes:
    """The functions behind /dev/webhooks."""

    show: Callable[[int], Any]
    """Takes an id and returns the record of the webhook, or None if there is no such webhook."""
    changed: Callable[[int], Any]
    """Returns the cursor, and the records of what changed after a cursor."""
    latest: Callable[[int], Any]
    """Returns the cursor, and the records of the last webhooks, as many as given."""


@dataclass(frozen=True, slots=True)
class PersonRoutes:
    """The functions behind /dev/person. Each takes what names the person (`shop`; `email`, `phone`, `id`), and raises
    BadPerson for a wrong one, and TableUnavailable, QueueUnavailable or NothingDurable."""

    show: Callable[[Any], Any]
    """Returns what is kept of the person."""
    erase: Callable[[Any], Any]
    """Erases the person and `orders`. Returns the outcome."""


class RouteNotFound(Exception):
    """No route matches the request."""


class BadResponse(Exception):
    """API Gateway does not understand the function's response."""


class Gateway:
    """The WSGI application of `shopwire dev`.

    Args:
        set_fault: injects or ends a fault of queue, ledger or settings, and may raise BadFault.
        forget_shop: lets the functions read the settings of a shop again.
        aws: endpoint, region and parameter path, with which the command line finds the shops' parameters.
        allow_remote: serve webhooks and the storefront to other machines and under every Host name. The inspector and
            the paths below /dev/ and /esputnik/ are served only to this machine in any case.
        public_hosts: Host names under which webhooks and the storefront are served too. A tunnel forwards calls from
            such a name to this machine.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        esputnik: Application,
        set_fault: Callable[[Any], None],
        parked: ParkedRoutes,
        inspector: Application,
        *,
        person: PersonRoutes | None = None,
        feed: FeedRoutes | None = None,
        forget_shop: Callable[[str], None] | None = None,
        platform_apis: PlatformApis | None = None,
        aws: Mapping[str, str] | None = None,
        allow_remote: bool = False,
        public_hosts: Collection[str] = (),
    ) -> None:
        self._functions = functions
        self._esputnik = esputnik
        self._set_fault = set_fault
        self._parked = parked
        self._person = person
        self._feed = feed
        self._forget_shop = forget_shop
        self._inspector = inspector
        self._platform_apis = platform_apis or PlatformApis()
        self._aws = aws or {}
        self._allow_remote = allow_remote
        self._public_hosts = public_hosts

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if refusal := self._refusal(path, environ):
            return respond_json(start_response, 403, {"error": refusal})
        if path.startswith("/esputnik/"):
            return self._esputnik(environ, start_response)
        if path.startswith(PLATFORM_API_PATH):
            return self._platform_apis(environ, start_response)
        if path == "/" or path.startswith("/inspect/"):
            return self._inspector(environ, start_response)
        body = read_body(environ)
        if path == "/shopwire.js":
            return respond(start_response, 200, STOREFRONT_SCRIPT.read_bytes(), _SCRIPT_HEADERS)
        if path.startswith("/dev/"):
            return self._serve_dev(environ, path, body, start_response)
        if len(body) > _MAX_BODY_BYTES:
            return respond_json(start_response, 413, {"message": "Request Entity Too Large"})
        try:
            event = make_event(environ, body)
        except RouteNotFound:
            return respond_json(start_response, 404, {"message": "Not Found"})
        try:
            function, _ = ROUTES[event["routeKey"]]
            status, body, headers = parse_response(self._functions[function].invoke(event))
        except Exception:
            traceback.print_exc()
            return respond_json(start_response, 500, {"message": "Internal Server Error"})
        return respond(start_response, status, body, headers)

    def _refusal(self, path: str, environ: Environ) -> str | None:
        """Return why the request is refused, None if it is served."""
        is_control = path.startswith(("/dev/", "/esputnik/", PLATFORM_API_PATH))
        is_local = is_control or path == "/" or path.startswith("/inspect/")
        if is_local and not is_from_loopback(environ):
            return "only webhooks and the storefront are served to other machines"
        is_public = path.startswith(_PUBLIC_PATHS) and is_for_host(environ, self._public_hosts)
        if not is_for_loopback(environ) and not is_public and (is_local or not self._allow_remote):
            return "the host must be 127.0.0.1 or localhost (a tunnel's: shopwire dev --public-host NAME)"
        if is_control and is_from_other_page(environ):
            return "requests of other web pages are refused"
        return None

    def _serve_dev(self, environ: Environ, path: str, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
        try:
            parts, query = path.removeprefix("/dev/").split("/"), _parse_query(environ.get("QUERY_STRING", ""))
            status, response = self._handle_dev(environ["REQUEST_METHOD"], parts, query, body)
        except (BadFault, BadPerson, BadAnswers) as error:
            status, response = 400, {"error": str(error)}
        except (NothingDurable, QueueUnavailable, TableUnavailable) as error:
            status, response = 503, {"error": f"{type(error).__name__}: {error}"}
        return respond_json(start_response, status, response)

    def _handle_dev(self, method: str, parts: list[str], query: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """Return the status and the JSON body for a request below /dev/."""
        match method, *parts:
            case "POST", "faults":
                self._set_fault(_parse_json(body))
                return 200, {"status": "ok"}
            case "POST", "person", "show" if self._person:
                return 200, self._person.show(_parse_json(body))
            case "POST", "person", "erase" if self._person:
                return 200, self._person.erase(_parse_json(body))
            case "GET", "webhooks" if self._feed:
                return 200, self._read_feed(self._feed, query)
            case "GET", "webhooks", id if self._feed and (record := self._feed.show(_count(id) or 0)):
                return 200, record
            case "POST", "shops", id, "forget" if self._forget_shop:
                self._forget_shop(id)
                return 200, {"status": "ok"}
            case "PUT", "platform-api":
                self._platform_apis.put(_parse_json(body))
                return 200, {"status": "ok"}
            case "GET", "aws":
                return 200, self._aws
            case "GET", "parked":
                return 200, self._parked.list()
            case "GET", "parked", id if details := self._parked.show(id):
                return 200, details
            case "POST", "parked", id, "replay" if self._parked.replay(id):
                return 200, {"status": "queued"}
            case _, "parked", *_:
                return 404, {"error": "no such parked webhook"}
        return 404, {"error": "not found"}

    def _read_feed(self, feed: FeedRoutes, query: Mapping[str, str]) -> Any:
        after = _count(query.get("after", ""))
        cursor, records = feed.latest(_count(query.get("last", "")) or 0) if after is None else feed.changed(after)
        return {"cursor": cursor, "webhooks": records}


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else None


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadFault("the body is not JSON") from None


def make_event(environ: Environ, body: bytes) -> dict[str, Any]:
    """Return the event that API Gateway creates for this request.

    Raises:
        RouteNotFound.
    """
    # HTTP APIs decode the path before they match and forward it. They decode %2F too.
    method, path = environ["REQUEST_METHOD"], unquote(environ["RAW_URI"].partition("?")[0])
    route_key, parameters = _find_route(method, path)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value not in ("", "0"))
    }
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
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
            "routeKey": route_key,
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies := headers.get("cookie"):
        event["cookies"] = [cookie.strip() for cookie in re.split("[;,]", cookies)]
    if query := _parse_query(event["rawQueryString"]):
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = parameters
    if body:
        text = _decode_text(headers.get("content-type", ""), body)
        event["isBase64Encoded"] = text is None
        event["body"] = base64.b64encode(body).decode() if text is None else text
    return event


def _find_route(method: str, path: str) -> tuple[str, dict[str, str]]:
    for key, (_, pattern) in ROUTES.items():
        if key.startswith(f"{method} ") and (match := pattern.fullmatch(path)):
            return key, match.groupdict()
    raise RouteNotFound


def _parse_query(raw: str) -> dict[str, str]:
    """Return the query parameters. Like API Gateway, join the values of a repeated name with commas."""
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def _decode_text(content_type: str, body: bytes) -> str | None:
    """Return the body as text, or None if API Gateway passes it in base64."""
    media = content_type.partition(";")[0].strip().lower()
    if media.startswith("text/") or media in _TEXT_TYPES:
        try:
            return body.decode()
        except UnicodeDecodeError:
            pass
    return None


def parse_response(result: Any) -> tuple[int, bytes, Mapping[str, str]]:
    """Return the status, body and headers in what a function returned.

    A result without statusCode is the JSON body of a response with status 200.

    Raises:
        BadResponse, TypeError: the result is not a valid response.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        return 200, json.dumps(result).encode(), {}
    status, body, headers = result["statusCode"], result.get("body") or "", result.get("headers") or {}
    if type(status) is not int or status not in set(HTTPStatus):
        raise BadResponse("statusCode is not an HTTP status")
    if not isinstance(body, str):
        raise BadResponse("body is not a string")
    if not isinstance(headers, dict) or any(
        re.search(r"[\r\n\0]", f"{name}{value}") for name, value in headers.items()
    ):
        raise BadResponse("headers is not an object of single-line strings")
    try:
        raw = base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise BadResponse("body cannot be encoded") from None
    return status, raw, {name.title(): str(value) for name, value in headers.items()}
