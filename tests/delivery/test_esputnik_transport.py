"""The API's transport: urllib3 against a server on this machine, and against nobody."""

import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from shopwire.errors import NoAnswer
from shopwire.esputnik import Transport, http_transport
from shopwire_wsgi import Environ, Server, StartResponse, drop_connection, read_body

HEADERS = {"Authorization": "Basic c2hvcHdpcmU6a2V5", "Content-Type": "application/json", "User-Agent": "shopwire"}


class Api:
    """Notes what comes, and answers by the path."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes, str]] = []
        self.connections: list[Any] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        said = environ["HTTP_AUTHORIZATION"]
        self.seen.append((environ["REQUEST_METHOD"], path, read_body(environ), said))
        self.connections.append(environ["shopwire.connection"])
        if path == "/broken":
            return drop_connection(environ)
        answers = {
            "/moved": ("302 Found", [("Location", "/elsewhere")]),
            "/busy": ("429 Too Many Requests", [("Retry-After", "7")]),
        }
        start_response(*answers.get(path, ("200 OK", [])))
        return [b"{}"]


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def url(api: Api) -> Iterator[str]:
    server = Server(api, "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
def transport() -> Transport:
    return http_transport()


def test_the_request_goes_out_as_it_is(transport: Transport, api: Api, url: str) -> None:
    status, _ = transport("POST", f"{url}/v1/event", HEADERS, '{"a": "я"}'.encode(), 5.0)
    assert status == 200
    assert api.seen == [("POST", "/v1/event", '{"a": "я"}'.encode(), HEADERS["Authorization"])]


def test_names_of_the_answers_headers_are_lower_case(transport: Transport, url: str) -> None:
    status, headers = transport("POST", f"{url}/busy", HEADERS, b"{}", 5.0)
    assert (status, headers["retry-after"]) == (429, "7")


def test_a_redirect_is_an_answer_and_is_not_followed(transport: Transport, api: Api, url: str) -> None:
    assert transport("DELETE", f"{url}/moved", HEADERS, b"", 5.0)[0] == 302
    assert [path for _, path, _, _ in api.seen] == ["/moved"]


def test_requests_share_a_connection(transport: Transport, api: Api, url: str) -> None:
    for _ in range(3):
        transport("POST", f"{url}/v1/event", HEADERS, b"{}", 5.0)
    assert api.connections == [api.connections[0]] * 3


def test_no_proxy_of_the_surroundings_sees_a_request(
    transport: Transport, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert transport("POST", f"{url}/v1/event", HEADERS, b"{}", 5.0)[0] == 200


def test_a_broken_connection_is_no_answer_and_no_second_attempt(transport: Transport, api: Api, url: str) -> None:
    with pytest.raises(NoAnswer):
        transport("POST", f"{url}/broken", HEADERS, b"{}", 5.0)
    assert len(api.seen) == 1


def test_silence_is_no_answer_once_the_time_is_over(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NoAnswer):
        transport("POST", f"http://127.0.0.1:{silent.getsockname()[1]}/", HEADERS, b"{}", 0.05)


def test_nobody_there_is_no_answer(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(NoAnswer):
        transport("POST", f"http://127.0.0.1:{port}/", HEADERS, b"{}", 5.0)


def test_a_certificate_that_nobody_vouches_for_is_no_answer(transport: Transport, url: str) -> None:
    with pytest.raises(NoAnswer):
        transport("POST", url.replace("http:", "https:"), HEADERS, b"{}", 5.0)
