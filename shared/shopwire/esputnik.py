"""The client of the API (eSputnik): send one request, and say what the answer means.

Sources: the vendor's pages, and its own plugins for WooCommerce and OpenCart where the pages say nothing.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

from shopwire.errors import NoAnswer
from shopwire.mapper import ApiRequest

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "host.docker.internal"})
HOSTS = frozenset({"esputnik.com", "yespo.io"}) | _LOCAL_HOSTS
"""Hosts that personal data may be sent to: the vendor's two names, and this machine."""

_CONNECT_SECONDS = 3.0  # as in the vendor's plugins
_USER_AGENT = "shopwire"
_MAX_RETRY_AFTER_SECONDS = 86_400.0  # a wrong header must not pause a shop for years


class Verdict(Enum):
    """What an answer means for the request."""

    ACCEPTED = auto()
    LATER = auto()
    """A server error, which time heals."""
    THROTTLED = auto()
    """429."""
    UNAUTHORIZED = auto()
    """The key is wrong, which is not the fault of the request."""
    REJECTED = auto()
    """The request is wrong and stays so."""
    UNANSWERED = auto()
    """No answer came. The API may have accepted the request or not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The API's answer. `status` is 0 if none came. `retry_after_seconds` is set if the API asked to wait."""

    verdict: Verdict
    status: int = 0
    retry_after_seconds: float | None = None


Transport = Callable[[str, str, Mapping[str, str], bytes, float], tuple[int, Mapping[str, str]]]
"""(method, url, headers, body, timeout in seconds) -> (status, headers). Raises NoAnswer."""


class Esputnik:
    """The API at `url` (its root, ending in "/").

    Raises:
        ValueError: the URL's host is neither one of the vendor's nor this machine, or it is the vendor's without TLS.
    """

    def __init__(self, url: str, transport: Transport) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host not in HOSTS:
            raise ValueError(f"SHOPWIRE_ESPUTNIK_URL: {host or url!r} is not one of {', '.join(sorted(HOSTS))}")
        if parts.scheme != "https" and host not in _LOCAL_HOSTS:
            raise ValueError(f"SHOPWIRE_ESPUTNIK_URL: the URL of {host} must begin with https://")
        self._url = url if url.endswith("/") else url + "/"
        self._transport = transport

    def send(self, request: ApiRequest, key: str, seconds: float) -> Answer:
        """Send the request with the shop's API key. No answer is a verdict too, so nothing is raised.

        Args:
            seconds: how long to wait for the answer.
        """
        token = base64.b64encode(f"shopwire:{key}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json", "User-Agent": _USER_AGENT}
        try:
            status, response_headers = self._transport(
                request.method, self._url + request.path, headers, request.body, seconds
            )
        except NoAnswer:
            return Answer(Verdict.UNANSWERED)
        return Answer(_verdict(request, status), status, _retry_after(response_headers))


def _verdict(request: ApiRequest, status: int) -> Verdict:
    if 200 <= status < 300 or (status == 404 and request.method == "DELETE"):
        return Verdict.ACCEPTED  # a contact that does not exist is erased
    if status in (401, 403):
        return Verdict.UNAUTHORIZED
    if status == 429:
        return Verdict.THROTTLED
    # A redirect, or the time-out of a proxy, says nothing about the request. Redirects are not followed.
    if status >= 500 or status < 400 or status in (408, 425):
        return Verdict.LATER
    return Verdict.REJECTED


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    # The header may also be a date. No such answer was ever seen; the pause has its own length then.
    return min(float(value), _MAX_RETRY_AFTER_SECONDS) if value.isascii() and value.isdigit() else None


def http_transport() -> Transport:
    """Return a transport over urllib3 that keeps its connections open between invocations.

    It uses neither proxies nor .netrc, so that the environment cannot change where personal data goes. botocore has
    imported urllib3 anyway; `requests` would cost 20 ms of INIT and half a millisecond per request. The certificates
    are read here, once: urllib3 itself reads them for each connection, which takes 17 ms of a whole processor.
    """
    import ssl

    import certifi
    import urllib3

    pool = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=certifi.where()))

    def call(
        method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        timeout = urllib3.Timeout(total=seconds, connect=min(_CONNECT_SECONDS, seconds))
        try:
            answer = pool.request(
                method, url, body=body, headers=headers, timeout=timeout, retries=False, redirect=False
            )
        except urllib3.exceptions.HTTPError:
            raise NoAnswer from None
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}

    return call
