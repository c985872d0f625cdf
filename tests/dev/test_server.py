"""shopwire_wsgi's server: request bodies, kept and dropped connections, malformed requests."""

import io
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from shopwire_wsgi import PortUnavailable, Server, drop_connection, listen, read_body, respond_json
from shopwire_wsgi.http_request import BadRequest, receive_head


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
        ("Content-Length: +1", 400),
        ("Content-Length: 1_0", 400),
        ("Content-Length: 0x5", 400),
        ("Content-Length:", 400),
        ("Content-Length: 5, 5", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        ("Content-Length: 5\r\ncontent-length: 5", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Transfer-Encoding : chunked", 400),
        ("Transfer-Encoding\t: chunked", 400),
        (" Transfer-Encoding: chunked", 400),
        ("X-A: b\r\n Transfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400),
        ("Transfer-Encoding: gzip, chunked", 400),
        ("Transfer-Encoding: xchunked", 400),
        ("Transfer-Encoding: gzip", 400),
        ("Transfer-Encoding:", 400),
        ("Content-Length: 99999999999", 413),
        ("Content-Length: " + "9" * 5000, 413),
    ],
)
def test_request_with_ambiguous_length_is_refused_and_closes_the_connection(
    connection: socket.socket, headers: str, status: int
) -> None:
    connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
    assert read(connection)[0].startswith(f"HTTP/1.1 {status} ")
    assert connection.recv(1) == b""


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1 x\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / http/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (GET + b"Host: y\r\n\r\n", 400),
        (GET + b"no colon\r\n\r\n", 400),
        (GET + b": no name\r\n\r\n", 400),
        (GET + b"X A: b\r\n\r\n", 400),
        (GET + b"X-A: b\x00c\r\n\r\n", 400),
        (GET + b"X-A: b\rc\r\n\r\n", 400),
        (GET + b"X-A: b\x7fc\r\n\r\n", 400),
        (GET + b"X-\xff: b\r\n\r\n", 400),
        (GET + b"X-A: " + b"b" * 100_000 + b"\r\n\r\n", 431),
        (GET + b"X-A: b\r\n" * 1000 + b"\r\n", 431),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (CHUNKED + b"zz\r\n", 400),
        (CHUNKED + b"-5\r\nabcde\r\n0\r\n\r\n", 400),
        (CHUNKED + b"+5\r\nabcde\r\n0\r\n\r\n", 400),
        (CHUNKED + b"0x5\r\nabcde\r\n0\r\n\r\n", 400),
        (CHUNKED + b"0_5\r\nabcde\r\n0\r\n\r\n", 400),
        (CHUNKED + b"\r\n", 400),
        (CHUNKED + b"3\r\nabcde\r\n0\r\n\r\n", 400),
        (CHUNKED + b"3\r\nabcde0\r\n\r\n", 400),
        (CHUNKED + b"3\nabc\n0\n\n", 400),
        (CHUNKED.replace(b"/1.1", b"/1.0") + b"0\r\n\r\n", 400),
        (CHUNKED + b"ffffffff\r\n", 413),
        (CHUNKED + b"fffffffff\r\n", 400),
        (CHUNKED + b"0\r\nX : y\r\n\r\n", 400),
        (CHUNKED + b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n", 400),
    ],
)
def test_malformed_request_is_refused_without_a_traceback(
    port: int, capfd: pytest.CaptureFixture[str], request_bytes: bytes, status: int
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        assert send(client, request_bytes)[0].startswith(f"HTTP/1.1 {status} ")
        assert client.recv(1) == b""
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HT",
        GET,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc",
        CHUNKED + b"5\r\nabc",
        CHUNKED + b"3\r\nabc\r\n",
    ],
)
def test_truncated_request_is_refused_without_a_traceback(
    connection: socket.socket, capfd: pytest.CaptureFixture[str], request_bytes: bytes
) -> None:
    connection.sendall(request_bytes)
    connection.shutdown(socket.SHUT_WR)
    assert read(connection)[0].startswith("HTTP/1.1 400 ")
    assert connection.recv(1) == b""
    assert capfd.readouterr() == ("", "")


def test_header_of_thousands_of_spaces_is_refused_at_once() -> None:
    started = time.thread_time()
    with pytest.raises(BadRequest):
        receive_head(io.BytesIO(b"GET / HTTP/1.1\r\nX-A:" + b" " * 1_000 + b"\0\r\n\r\n"))
    assert time.thread_time() - started < 0.5


def test_spaces_around_the_value_of_a_header_are_removed() -> None:
    head = receive_head(io.BytesIO(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: \t a b\t \r\nX-B: \r\n\r\n"))
    assert head
    assert (head.values("x-a"), head.values("x-b")) == (["a b"], [""])


def test_request_in_a_refused_body_is_not_served(connection: socket.socket) -> None:
    connection.sendall(
        CHUNKED.replace(b"Encoding:", b"Encoding :") + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    raw = b""
    while more := connection.recv(4096):
        raw += more
    assert raw.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in raw


@pytest.mark.parametrize("target", ["/%00", "/%ff", "/%zz", "/%", "//[", "/?%ff=%00", "http://[/", "/a?b?c"])
def test_strange_path_reaches_the_application(
    connection: socket.socket, capfd: pytest.CaptureFixture[str], target: str
) -> None:
    assert send(connection, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())[0] == "HTTP/1.1 200 OK"
    assert capfd.readouterr() == ("", "")


def test_client_that_waits_for_permission_to_send_gets_it(connection: socket.socket) -> None:
    """curl waits so before it sends a body of more than a megabyte."""
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    permission = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert connection.recv(len(permission), socket.MSG_WAITALL) == permission
    status, response = send(connection, b"abc")
    assert (status, b'"body": "abc"' in response) == ("HTTP/1.1 200 OK", True)


@pytest.mark.parametrize(
    "request_bytes",
    [b"GET / HTTP/1.0\r\n\r\n", GET + b"Connection: close\r\n\r\n", GET + b"Connection: a, CLOSE\r\n\r\n"],
)
def test_connection_is_closed_if_the_client_keeps_none(connection: socket.socket, request_bytes: bytes) -> None:
    assert send(connection, request_bytes)[0] == "HTTP/1.1 200 OK"
    assert connection.recv(1) == b""


def test_taken_port_is_reported(port: int) -> None:
    with pytest.raises(PortUnavailable, match=rf"^127\.0\.0\.1:{port} is taken: choose another with --port$"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "a..b"])
def test_foreign_host_is_reported(host: str) -> None:
    with pytest.raises(PortUnavailable, match=rf"^cannot listen on {host}: it is not an address of this machine$"):
        listen(host, 0)


def test_name_that_does_not_resolve_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(PortUnavailable, match=r"^cannot listen on nowhere: it is not an address of this machine$"):
        listen("nowhere", 0)


def test_ipv6_loopback_is_listened_on() -> None:
    with listen("::1", 0) as listener:
        assert listener.family == socket.AF_INET6
