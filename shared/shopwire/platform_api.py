"""The API of a shop's platform, asked for what a thin webhook does not carry (`Platform.fetch`).

Where a request goes is decided by the platform's adapter and the shop's settings, never by a webhook. The client
follows no redirect and, but for the fake of `shopwire dev`, sends nothing to an address that is not public: a name in a
shop's settings may lead to a private address, today or later.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from shopwire.errors import NoAnswer, PermanentFailure, RetryLater
from shopwire.esputnik import Answer, Transport, Verdict
from shopwire.models import Reason
from shopwire.platforms.access import ApiAccess

MAX_ANSWER_BYTES = 5_000_000
"""The largest answer that is read. A Lambda function of 144 MB parses it."""
_MAX_ANSWER_SECONDS = 10.0
# A request is not sent if less time than this is left for its answer.
_MIN_ANSWER_SECONDS = 0.2
_CONNECT_SECONDS = 1.0
_MAX_WAIT_MS = 3_600_000
_LOCAL_HOSTS = ("127.0.0.1", "localhost")
# How platforms say how long to wait, besides Retry-After (seconds): BigCommerce, "API rate limits".
_RESET_MS_HEADERS = ("x-rate-limit-time-reset-ms",)

_REASONS = {
    Verdict.UNANSWERED: Reason.PLATFORM_NO_ANSWER,
    Verdict.UNAUTHORIZED: Reason.PLATFORM_UNAUTHORIZED,
    Verdict.THROTTLED: Reason.PLATFORM_THROTTLED,
    Verdict.LATER: Reason.PLATFORM_FAILED,
}


class ShopApi:
    """The platform's API for one shop and one webhook.

    Args:
        access: the shop's own root and token.
        transport: sends a request.
        seconds_left: returns how much time is left for an answer.
        root: the fake API that stands in for the platform's, in development; "" for the platform's.
    """

    def __init__(
        self, access: ApiAccess, transport: Transport, seconds_left: Callable[[], float], root: str = ""
    ) -> None:
        parts = urlsplit(access.url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("the root of the platform's API must be an address like https://api.example.com/shop")
        if root:
            check_root(root)
        self._url = f"{root.rstrip('/')}/{parts.netloc}{parts.path}" if root else access.url
        self._headers = {"Accept": "application/json", "User-Agent": "shopwire", **access.headers}
        self._transport = transport
        self._seconds_left = seconds_left
        self.calls = 0
        """How many requests were sent."""

    def get(self, name: str, path: str) -> bytes | None:
        """Return the body of the answer (`platforms.base.PlatformApi`)."""
        seconds = min(self._seconds_left(), _MAX_ANSWER_SECONDS)
        if seconds < _MIN_ANSWER_SECONDS:
            raise RetryLater(Reason.NO_TIME_LEFT)
        self.calls += 1
        try:
            status, headers, body = self._transport("GET", self._url + path, self._headers, b"", seconds)
        except NoAnswer:
            raise _failure(Verdict.UNANSWERED, name) from None
        if status in (404, 410):
            return None
        if status == 204:
            return b""
        if status == 200:
            return _json(name, body)
        verdict = _verdict(status)
        if verdict is None:
            raise PermanentFailure(Reason.PLATFORM_REJECTED, http_status=status, fetched=name)
        raise _failure(verdict, name, status, _wait_ms(headers))


def check_root(root: str) -> None:
    """Check the address of a fake API.

    Raises:
        ValueError: it is not on this machine, so a token might go anywhere.
    """
    if urlsplit(root).hostname not in _LOCAL_HOSTS:
        raise ValueError("SHOPWIRE_PLATFORM_API_URL: must be an address of this machine, such as http://127.0.0.1:8787")


def _json(name: str, body: bytes) -> bytes:
    """Return a body that is JSON. A page of maintenance, or the half of an answer, passes with time."""
    if len(body) > MAX_ANSWER_BYTES:
        raise PermanentFailure(Reason.PLATFORM_REJECTED, fetched=name, problem="too_large")
    try:
        from_json(body)
    except ValueError:
        raise _failure(Verdict.LATER, name, 200, problem="not_json") from None
    return body


def _verdict(status: int) -> Verdict | None:
    if status in (401, 403):
        return Verdict.UNAUTHORIZED
    if status == 429:
        return Verdict.THROTTLED
    # A redirect, or the time-out of a proxy, says nothing about the request.
    if status >= 500 or status < 400 or status in (408, 409, 423, 425):
        return Verdict.LATER
    return None


def _wait_ms(headers: Mapping[str, str]) -> int:
    waits = [1000 * _number(headers.get("retry-after", ""))]
    waits += [_number(headers.get(name, "")) for name in _RESET_MS_HEADERS]
    return min(max(waits), _MAX_WAIT_MS)


def _number(text: str) -> int:
    """Return the number; 0 if the text is none. A number of very many digits, which `int` refuses, is a long wait."""
    if not (text.isascii() and text.isdigit()):
        return 0
    return int(text) if len(text) <= len(str(_MAX_WAIT_MS)) else _MAX_WAIT_MS


def _failure(verdict: Verdict, name: str, status: int = 0, wait_ms: int = 0, problem: str = "") -> RetryLater:
    details: dict[str, Any] = {"fetched": name}
    if status:
        details["http_status"] = status
    if problem:
        details["problem"] = problem
    # Waiting is right for a wrong token too: the shop gets a new one.
    return RetryLater(_REASONS[verdict], answer=Answer(verdict, status), wait_ms=wait_ms, **details)


def http_transport(*, local: bool = False) -> Transport:
    """Return a transport over urllib3 that connects only to public addresses, and reads no more than it must.

    Args:
        local: the API is a fake on this machine.
    """
    import ipaddress
    import ssl

    import certifi
    import urllib3
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool

    class PublicConnection(HTTPSConnection):
        """A connection whose other end has a public address. It is checked before anything of a request is sent."""

        def connect(self) -> None:
            super().connect()
            assert self.sock is not None
            address = ipaddress.ip_address(self.sock.getpeername()[0].partition("%")[0])
            if isinstance(address, ipaddress.IPv6Address):
                address = address.ipv4_mapped or address
            if not address.is_global or address.is_multicast:
                self.close()
                raise urllib3.exceptions.NewConnectionError(self, "the address is not public")

    class PublicPool(HTTPSConnectionPool):
        ConnectionCls = PublicConnection

    pool = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=certifi.where()))
    if not local:
        # Without TLS nothing is sent at all.
        pool.pool_classes_by_scheme = {"https": PublicPool}

    def call(
        method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        timeout = urllib3.Timeout(total=seconds, connect=min(_CONNECT_SECONDS, seconds))
        try:
            answer = pool.request(
                method,
                url,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                content = answer.read(MAX_ANSWER_BYTES + 1, decode_content=True)
                is_read = len(content) <= MAX_ANSWER_BYTES
            finally:
                answer.release_conn()
            if not is_read:
                answer.close()
        except (urllib3.exceptions.HTTPError, KeyError):
            raise NoAnswer from None
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, content

    return call
