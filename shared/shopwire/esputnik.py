"""The client of the API (eSputnik): send one request, and say what the answer means.

Sources: the vendor's pages, and its own plugins for WooCommerce and OpenCart where the pages say nothing.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from shopwire.errors import NoAnswer
from shopwire.mapper import ORDERS_PATH, ApiRequest

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "host.docker.internal"})
HOSTS = frozenset({"esputnik.com", "yespo.io", "api.yespo.io"}) | _LOCAL_HOSTS
"""Hosts that personal data may be sent to: the vendor's names (accounts that were created at Yespo use the last one),
and this machine."""

_CONNECT_SECONDS = 3.0  # as in the vendor's plugins
_USER_AGENT = "shopwire"
_MAX_RETRY_AFTER_SECONDS = 86_400.0  # a wrong header must not pause a shop for years
_MAX_LISTED_PARAMS = 30
_MAX_PROBLEM_LENGTH = 200
_FAILURE = re.compile("fail|error", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d]+")
_PARAM_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
# The params of the vendor's event types. They are no secret, so an answer that names them may be shown.
_PARAMS = frozenset(
    """
    additionalInfo cancelReason carrier category contactId couponCode currency currencyCode date deliveryAddress
    deliveryMethod discount email externalCustomerId externalOrderId firstName items lastName orderNumber page
    paymentMethod phone product products recycleStateId refundedAmount restoreUrl shipping source status
    statusDescription storeId taxes totalCost trackingNumber trackingUrl
    """.split()
)


class Verdict(Enum):
    """What an answer means for the request."""

    ACCEPTED = auto()
    LATER = auto()
    """A server error, which time heals."""
    THROTTLED = auto()
    """429."""
    UNAUTHORIZED = auto()
    """The key is wrong, which is not the fault of the request."""
    REPEATED = auto()
    """409: the API received the same request less than a minute ago, and does not say what became of it."""
    REJECTED = auto()
    """The request is wrong and stays so."""
    UNANSWERED = auto()
    """No answer came. The API may have accepted the request or not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The API's answer.

    Args:
        status: the HTTP status, 0 if no answer came.
        retry_after_seconds: how long the API asked to wait.
        listed_params: names of params that a 400 lists. If the validation of an event type is switched on, these are
            the params that the API expects.
        problem: why an order of v1/orders failed, in words of the API. It contains nothing of the order.
        contact_id: the API's id of the contact that the request created or updated.
    """

    verdict: Verdict
    status: int = 0
    retry_after_seconds: float | None = None
    listed_params: tuple[str, ...] = ()
    problem: str = ""
    contact_id: int | None = None


Transport = Callable[[str, str, Mapping[str, str], bytes, float], tuple[int, Mapping[str, str], bytes]]
"""(method, url, headers, body, timeout in seconds) -> (status, headers, body). Raises NoAnswer."""


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
            status, response_headers, answer = self._transport(
                request.method, self._url + request.path, headers, request.body, seconds
            )
        except NoAnswer:
            return Answer(Verdict.UNANSWERED)
        if request.path == ORDERS_PATH and 200 <= status < 300:
            problem = _failed_order(answer, request.body)
            return Answer(Verdict.ACCEPTED if problem is None else Verdict.REJECTED, status, problem=problem or "")
        listed = _listed_params(answer, request.body) if status == 400 else ()
        id = _contact_id(answer) if request.path.startswith("v1/contact") and status == 200 else None
        return Answer(_verdict(request, status), status, _retry_after(response_headers), listed, contact_id=id)


def _verdict(request: ApiRequest, status: int) -> Verdict:
    if 200 <= status < 300 or (status == 404 and request.method == "DELETE"):
        return Verdict.ACCEPTED  # a contact that does not exist is erased
    if status in (401, 403):
        return Verdict.UNAUTHORIZED
    if status == 409:
        return Verdict.REPEATED
    if status == 429:
        return Verdict.THROTTLED
    # A redirect, or the time-out of a proxy, says nothing about the request. Redirects are not followed.
    if status >= 500 or status < 400 or status in (408, 425):
        return Verdict.LATER
    return Verdict.REJECTED


def _contact_id(answer: bytes) -> int | None:
    """Return the id in an answer to v1/contact or v1/contact/subscribe (docs.yespo.io, their reference)."""
    try:
        content = from_json(answer)
    except (ValueError, RecursionError):
        return None
    id = content.get("id") if isinstance(content, dict) else None
    return id if isinstance(id, int) and not isinstance(id, bool) and 0 < id < 10**18 else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    # The header may also be a date. No such answer was ever seen; the pause has its own length then.
    return min(float(value), _MAX_RETRY_AFTER_SECONDS) if value.isascii() and value.isdigit() else None


def _listed_params(answer: bytes, request: bytes) -> tuple[str, ...]:
    """Return the names of params that an answer contains, in their order.

    The form of the answer is not documented. Names of the vendor's own params are found anywhere in it, and those that
    the account's owner chose in its lists. Nothing else of the answer is used, because it may repeat what the request
    says of a person.
    """
    text = answer.decode(errors="replace")
    try:
        own = [name for name in _listed_texts(from_json(answer)) if name not in _PARAMS]
    except (ValueError, RecursionError):
        own = []
    sent = request.decode().lower()
    chosen = {name for name in own if _PARAM_NAME.fullmatch(name) and name.lower() not in sent}
    names = dict.fromkeys(word for word in _PARAM_NAME.findall(text) if word in _PARAMS or word in chosen)
    return tuple(names)[:_MAX_LISTED_PARAMS]


def _listed_texts(value: Any, *, in_list: bool = False) -> Iterator[str]:
    """Yield the texts in lists of a JSON value, and the `name` of each object in a list."""
    if isinstance(value, str) and in_list:
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _listed_texts(part, in_list=True)
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _listed_texts(part, in_list=in_list and name == "name")


def _failed_order(answer: bytes, request: bytes) -> str | None:
    """Return why the order of a v1/orders request failed; None if it was accepted.

    The answer is 200 all the same, and lists the orders that failed, each with the reason. The names of its fields are
    not confirmed, so every field named after a failure or an error counts that is not empty. The reason may repeat what
    the order says of a person, so only words are used that are not in the order, or are names of its fields.
    """
    try:
        failures = list(_failures(from_json(answer)))
    except (ValueError, RecursionError):
        return None
    if not failures:
        return None
    texts = " ".join(text for failure in failures for text in _texts(failure))
    sent = set(_WORD.findall(request.decode().lower())) - {name.lower() for name in _PARAMS}
    words = [word for word in _WORD.findall(texts) if word.lower() not in sent]
    return " ".join(dict.fromkeys(words))[:_MAX_PROBLEM_LENGTH]


def _failures(value: Any) -> Iterator[Any]:
    """Yield what a JSON value holds in fields that are named after a failure or an error, unless it is empty."""
    if isinstance(value, list):
        for part in value:
            yield from _failures(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if not _FAILURE.search(name):
                yield from _failures(part)
            elif part:
                yield part


def _texts(failure: Any) -> Iterator[str]:
    """Yield the texts of a failure that say why: those named after an error, otherwise all."""
    if isinstance(failure, str):
        yield failure
    elif isinstance(failure, list | dict):
        for part in list(_failures(failure)) or (failure.values() if isinstance(failure, dict) else failure):
            yield from _texts(part)


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
    ) -> tuple[int, Mapping[str, str], bytes]:
        timeout = urllib3.Timeout(total=seconds, connect=min(_CONNECT_SECONDS, seconds))
        try:
            answer = pool.request(
                method, url, body=body, headers=headers, timeout=timeout, retries=False, redirect=False
            )
        except urllib3.exceptions.HTTPError:
            raise NoAnswer from None
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data

    return call
