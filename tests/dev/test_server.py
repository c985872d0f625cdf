"""shopwire_wsgi's server: request bodies, kept and dropped connections, malformed requests."""

import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from shopwire_wsgi import PortUnavailable, Server, drop_connection, listen, read_body, respond_json


def application(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Respond with what the request contained."""
    path = environ["PATH_INFO"]
    if path == "/break":
        return drop_connection(environ)
    if path == "/fail":
        raise RuntimeError
    headers = {name: value for name, value in environ.items() if name.startswith(("HTTP_X", "CONTENT"))}
    seen = {"method": environ["REQUEST_METHOD"], "path": path, "raw": environ["RAW_URI"], **headers}
    return respond_json(start_response, 200, seen | {"body": read_body(environ).decode()})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = Server(application, "127.0.0.1", 0)
    server.start()
    yield server.port
    server.stop()


@pytest.fixture
def connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        yield client


def send(connection: socket.socket, request: bytes) -> tuple[str, bytes]:
    """Send raw bytes and return the status line and the body of the response."""
    connection.sendall(request)
    return read(connection)


def read(connection: socket.socket) -> tuple[str, bytes]:
    file = connection.makefile("rb")
    status = file.readline().decode().strip()
    length = 0
    while line := file.readline().strip().lower():
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return status, b"" if b"HEAD" in status.encode() else file.read(length)


def test_connection_serves_several_requests(connection: socket.socket) -> None:
    for body in (b"one", "два".encode()):
        request = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        status, response = send(connection, request)
        assert status == "HTTP/1.1 200 OK"
        assert body in response


def test_chunked_body_is_joined(connection: socket.socket) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, response = send(connection, head + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: z\r\n\r\n")
    assert (status, b'"body": "abcde"' in response) == ("HTTP/1.1 200 OK", True)
    assert b'"CONTENT_LENGTH": "5"' in response
    assert send(connection, b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")[0] == "HTTP/1.1 200 OK"


def test_repeated_headers_are_joined_and_underscore_names_are_dropped(connection: socket.socket) -> None:
    response = send(connection, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\nX_A: 3\r\n\r\n")[1]
    assert b'"HTTP_X_A": "1,2"' in response


def test_path_is_passed_decoded_and_raw(connection: socket.socket) -> None:
    response = send(connection, b"GET /a%2Fb%20c?x=%2F HTTP/1.1\r\nHost: x\r\n\r\n")[1]
    assert b'"path": "/a/b c", "raw": "/a%2Fb%20c?x=%2F"' in response


def test_absolute_request_target_is_reduced_to_its_path(connection: socket.socket) -> None:
    assert b'"raw": "/a?b=c"' in send(connection, b"GET http://y/a?b=c HTTP/1.1\r\nHost: x\r\n\r\n")[1]


def test_head_response_has_no_body(connection: socket.socket) -> None:
    connection.sendall(b"HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    raw = b""
    while more := connection.recv(4096):
        raw += more
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert raw.endswith(b"\r\n\r\n")


def test_dropped_connection_sends_nothing(connection: socket.socket) -> None:
    connection.sendall(b"GET /break HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(1) == b""


def test_application_error_is_a_500_and_keeps_the_connection(
    connection: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(connection, b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n")[0] == "HTTP/1.1 500 Internal Server Error"
    assert send(connection, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")[0] == "HTTP/1.1 200 OK"
    capsys.readouterr()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Content-Length: x", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: gzip", 400),
        ("Content-Length: 99999999999", 413),
    ],
)
def test_request_with_ambiguous_length_is_refused_and_closes_the_connection(
    connection: socket.socket, headers: str, status: int
) -> None:
    connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
    assert read(connection)[0].startswith(f"HTTP/1.1 {status} ")
    assert connection.recv(1) == b""


def test_chunk_without_a_size_is_refused(connection: socket.socket) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    assert send(connection, head)[0].startswith("HTTP/1.1 400 ")


def test_taken_port_is_reported(port: int) -> None:
    with pytest.raises(PortUnavailable, match=rf"^127\.0\.0\.1:{port} is taken: choose another with --port$"):
        listen("127.0.0.1", port)


def test_foreign_host_is_reported() -> None:
    with pytest.raises(PortUnavailable, match=r"^192\.0\.2\.1:0 cannot be listened on: "):
        listen("192.0.2.1", 0)
