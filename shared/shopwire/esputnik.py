"""The API's client: send one request, and say what the answer means. Decides nothing else.

What its answers mean: the vendor's pages, and where these are silent its own plugins for WooCommerce and OpenCart.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

from shopwire.mapper import ApiRequest

HOSTS = frozenset({"esputnik.com", "yespo.io", "localhost", "127.0.0.1", "host.docker.internal"})
"""Where a person's data may be sent: the vendor's two names, and one's own machine."""

_CONNECT_SECONDS = 3.0  # as the vendor's plugins
_USER_AGENT = "shopwire"
_LONGEST_WAIT_SECONDS = 86_400.0  # one slip in a header must not silence a shop for years


class Verdict(Enum):
    """What an answer means for the request."""

    TAKEN = auto()
    LATER = auto()
    """429 or 5xx: time heals it."""
    THROTTLED = auto()
    UNAUTHORIZED = auto()
    """The key is wrong: not the request's fault."""
    REJECTED = auto()
    """The request is bad and stays bad."""
    UNANSWERED = auto()
    """Nothing came back: the API may have taken it or not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The API's answer. `retry_after` in seconds, where it said so; `status` is 0 for none."""

    verdict: Verdict
    status: int = 0
    retry_after: float | None = None


class NoAnswer(Exception):
    """The transport got no answer in time."""


Transport = Callable[[str, str, Mapping[str, str], bytes, float], tuple[int, Mapping[str, str]]]
"""(method, url, headers, body, seconds) -> (status, headers); raises NoAnswer."""


class Esputnik:
    """The API at `url` (its root, ending in "/").

    Raises:
        ValueError: the url is not one of the vendor's hosts or this machine.
    """

    def __init__(self, url: str, transport: Transport) -> None:
        host = urlsplit(url).hostname or ""
        if host not in HOSTS:
            raise ValueError(f"SHOPWIRE_ESPUTNIK_URL: {host or url!r} is not one of {', '.join(sorted(HOSTS))}")
        self._url = url if url.endswith("/") else url + "/"
        self._transport = transport

    def send(self, request: ApiRequest, key: str, seconds: float) -> Answer:
        """Send the request with the shop's API key; wait at most so many seconds for the answer. None is a verdict
        too: nothing is raised for it."""
        token = base64.b64encode(f"shopwire:{key}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json", "User-Agent": _USER_AGENT}
        try:
            status, answered = self._transport(request.method, self._url + request.path, headers, request.body, seconds)
        except NoAnswer:
            return Answer(Verdict.UNANSWERED)
        return Answer(_verdict(request, status), status, _retry_after(answered))


def _verdict(request: ApiRequest, status: int) -> Verdict:
    if 200 <= status < 300 or (status == 404 and request.method == "DELETE"):
        return Verdict.TAKEN  # who is not there is erased
    if status in (401, 403):
        return Verdict.UNAUTHORIZED
    if status == 429:
        return Verdict.THROTTLED
    # A redirect or a time-out of a proxy says nothing about the request; redirects are not followed.
    if status >= 500 or status < 400 or status in (408, 425):
        return Verdict.LATER
    return Verdict.REJECTED


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    # The other form, a date, is not used by anyone seen; the pause's own length serves then.
    return min(float(value), _LONGEST_WAIT_SECONDS) if value.isascii() and value.isdigit() else None


def http_transport() -> Transport:
    """A transport over urllib3, its connections kept open between invocations. It knows no proxy and no .netrc: nothing
    of the surroundings decides where a person's data goes.

    botocore has loaded urllib3 anyway; `requests` above it would be 20 ms of INIT and half a millisecond a request.
    The certificates are read here, once: by itself urllib3 reads them for each connection, 17 ms of a whole processor.
    """
    import ssl

    import certifi
    import urllib3

    pool = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=certifi.where()))

    def call(
        method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        timeout = urllib3.Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds)
        try:
            answer = pool.request(
                method, url, body=body, headers=headers, timeout=timeout, retries=False, redirect=False
            )
        except urllib3.exceptions.HTTPError:
            raise NoAnswer from None
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}

    return call
