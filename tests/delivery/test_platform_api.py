"""The client of a platform's API: where it may go, what it reads, and what its answers mean."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import certifi
import pytest

from shopwire.errors import NoAnswer, PermanentFailure, RetryLater
from shopwire.models import Reason
from shopwire.platform_api import MAX_ANSWER_BYTES, ShopApi, http_transport
from shopwire.platforms.access import ApiAccess
from shopwire_wsgi import Environ, Server, StartResponse
from tests.delivery.test_esputnik_transport import certificate  # noqa: F401

ACCESS = ApiAccess("https://api.platform.example/stores/abc", {"X-Token": "token"})


def api_that_answers(status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"{}") -> ShopApi:
    return ShopApi(ACCESS, lambda *_: (status, headers or {}, body), lambda: 5.0)


def test_request_goes_to_the_root_of_the_shop_with_its_token() -> None:
    seen = []

    def transport(*request: object) -> tuple[int, dict[str, str], bytes]:
        seen.append(request)
        return 200, {}, b"[1]"

    assert ShopApi(ACCESS, transport, lambda: 5.0).get("order", "/v2/orders/1") == b"[1]"  # type: ignore[arg-type]
    ((method, url, headers, body, seconds),) = seen
    assert (method, url, body, seconds) == ("GET", "https://api.platform.example/stores/abc/v2/orders/1", b"", 5.0)
    assert headers == {"Accept": "application/json", "User-Agent": "shopwire", "X-Token": "token"}


@pytest.mark.parametrize(
    "url",
    [
        "http://api.platform.example/stores/abc",
        "https:///stores/abc",
        "https://user:pass@api.platform.example",
        "https://api.platform.example/?host=x",
        "https://api.platform.example/#x",
        "file:///etc/passwd",
        "//api.platform.example",
    ],
)
def test_root_must_be_a_plain_address_with_tls(url: str) -> None:
    with pytest.raises(ValueError, match="root of the platform's API"):
        ShopApi(ApiAccess(url, {}), lambda *_: (200, {}, b""), lambda: 5.0)


@pytest.mark.parametrize("root", ["http://169.254.169.254/", "https://fake.example", "http://10.0.0.1:8787"])
def test_stand_in_must_be_on_this_machine(root: str) -> None:
    with pytest.raises(ValueError, match="SHOPWIRE_PLATFORM_API_URL"):
        ShopApi(ACCESS, lambda *_: (200, {}, b""), lambda: 5.0, root)


def test_stand_in_gets_host_and_path_of_the_platform() -> None:
    urls = []
    api = ShopApi(
        ACCESS,
        lambda method, url, *_: urls.append(url) or (200, {}, b"{}"),  # type: ignore[func-returns-value]
        lambda: 5.0,
        "http://127.0.0.1:8787/platform-api/",
    )
    api.get("order", "/v2/orders/1")
    assert urls == ["http://127.0.0.1:8787/platform-api/api.platform.example/stores/abc/v2/orders/1"]


@pytest.mark.parametrize("status", [404, 410])
def test_what_does_not_exist_is_none(status: int) -> None:
    assert api_that_answers(status, body=b"<html>").get("order", "/") is None


def test_answer_without_content_is_empty() -> None:
    assert api_that_answers(204, body=b"").get("products", "/") == b""


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (301, Reason.PLATFORM_FAILED),
        (302, Reason.PLATFORM_FAILED),
        (401, Reason.PLATFORM_UNAUTHORIZED),
        (403, Reason.PLATFORM_UNAUTHORIZED),
        (408, Reason.PLATFORM_FAILED),
        (409, Reason.PLATFORM_FAILED),
        (429, Reason.PLATFORM_THROTTLED),
        (500, Reason.PLATFORM_FAILED),
        (503, Reason.PLATFORM_FAILED),
        (509, Reason.PLATFORM_FAILED),
    ],
)
def test_failure_that_time_heals(status: int, reason: Reason) -> None:
    with pytest.raises(RetryLater) as caught:
        api_that_answers(status).get("order", "/")
    assert (caught.value.reason, caught.value.details) == (reason, {"fetched": "order", "http_status": status})


@pytest.mark.parametrize("status", [400, 405, 406, 422, 451])
def test_failure_that_no_time_heals(status: int) -> None:
    with pytest.raises(PermanentFailure) as caught:
        api_that_answers(status).get("order", "/")
    assert caught.value.reason is Reason.PLATFORM_REJECTED


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7_000),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "9" * 40}, 3_600_000),
        ({"retry-after": "9" * 5000}, 3_600_000),
        ({"retry-after": "\N{SUPERSCRIPT TWO}"}, 0),
        ({"x-rate-limit-time-reset-ms": "9" * 5000}, 3_600_000),
        ({"x-rate-limit-time-reset-ms": "2500"}, 2_500),
        ({"retry-after": "1", "x-rate-limit-time-reset-ms": "2500"}, 2_500),
    ],
)
def test_wait_that_the_platform_asks_for(headers: dict[str, str], wait_ms: int) -> None:
    with pytest.raises(RetryLater) as caught:
        api_that_answers(429, headers).get("order", "/")
    assert caught.value.wait_ms == wait_ms


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"id": 1', b"\xff\xfe{}", b"null x"])
def test_answer_that_is_not_json_passes_with_time(body: bytes) -> None:
    with pytest.raises(RetryLater) as caught:
        api_that_answers(body=body).get("order", "/")
    assert caught.value.details == {"fetched": "order", "http_status": 200, "problem": "not_json"}


def test_answer_that_is_too_large_is_parked() -> None:
    with pytest.raises(PermanentFailure) as caught:
        api_that_answers(body=b"1" * (MAX_ANSWER_BYTES + 1)).get("order", "/")
    assert caught.value.details == {"fetched": "order", "problem": "too_large"}


def test_nothing_is_asked_when_no_time_is_left() -> None:
    def transport(*_: object) -> tuple[int, dict[str, str], bytes]:
        raise AssertionError("asked")

    with pytest.raises(RetryLater) as caught:
        ShopApi(ACCESS, transport, lambda: 0.1).get("order", "/")
    assert caught.value.reason is Reason.NO_TIME_LEFT


# The transport.


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, tuple[str, bytes]]], str]]:
    """A function that starts a server with answers by path and returns its URL."""
    servers = []

    def start(answers: dict[str, tuple[str, bytes]]) -> str:
        def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            status, body = answers[environ["PATH_INFO"]]
            start_response(status, [("Location", "/other")] if status.startswith("3") else [])
            return [body]

        server = Server(application, "127.0.0.1", 0)
        server.start()
        servers.append(server)
        return f"http://127.0.0.1:{server.port}"

    yield start
    for server in servers:
        server.stop()


def test_stand_in_is_reached_and_redirects_are_not_followed(serve: Callable[..., str]) -> None:
    url = serve({"/a": ("200 OK", b"{}"), "/moved": ("302 Found", b"")})
    transport = http_transport(local=True)
    assert transport("GET", f"{url}/a", {}, b"", 5.0)[::2] == (200, b"{}")
    assert transport("GET", f"{url}/moved", {}, b"", 5.0)[0] == 302


def test_no_more_is_read_than_the_largest_answer(serve: Callable[..., str]) -> None:
    url = serve({"/big": ("200 OK", b"1" * (MAX_ANSWER_BYTES + 1_000_000)), "/a": ("200 OK", b"{}")})
    transport = http_transport(local=True)
    _, _, body = transport("GET", f"{url}/big", {}, b"", 20.0)
    assert len(body) == MAX_ANSWER_BYTES + 1
    assert transport("GET", f"{url}/a", {}, b"", 5.0)[0] == 200


@pytest.mark.parametrize("url", ["http://api.platform.example/", "http://127.0.0.1:1/", "ftp://127.0.0.1/"])
def test_nothing_is_sent_without_tls(url: str) -> None:
    with pytest.raises(NoAnswer):
        http_transport()("GET", url, {}, b"", 1.0)


def test_nothing_is_sent_to_a_private_address(
    certificate: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))

    def respond(listener: socket.socket) -> None:
        try:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                received.append(connection.recv(4096))
        except OSError:
            received.append(b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=respond, args=(listener,))
        thread.start()
        with pytest.raises(NoAnswer):
            http_transport()("GET", f"https://localhost:{listener.getsockname()[1]}/", {"X-Token": "t"}, b"", 5.0)
        thread.join()
    assert received == [b""]


def test_connection_error_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoAnswer):
        http_transport(local=True)("GET", f"http://127.0.0.1:{port}/", {}, b"", 1.0)
