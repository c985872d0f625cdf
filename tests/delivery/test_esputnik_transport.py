"""The API's transport: urllib3 against a server on this machine, or against none."""

import datetime
import logging
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import certifi
import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shopwire.errors import NoAnswer
from shopwire.esputnik import Transport, http_transport
from shopwire.observability import silence_libraries
from shopwire_wsgi import Environ, Server, StartResponse, drop_connection, read_body

HEADERS = {"Authorization": "Basic c2hvcHdpcmU6a2V5", "Content-Type": "application/json", "User-Agent": "shopwire"}


class Api:
    """Records the requests, and answers by the path."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes, str]] = []
        self.connections: list[Any] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        authorization = environ["HTTP_AUTHORIZATION"]
        self.seen.append((environ["REQUEST_METHOD"], path, read_body(environ), authorization))
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


def test_request_is_sent_unchanged(transport: Transport, api: Api, url: str) -> None:
    status, _, _ = transport("POST", f"{url}/v1/event", HEADERS, '{"a": "я"}'.encode(), 5.0)
    assert status == 200
    assert api.seen == [("POST", "/v1/event", '{"a": "я"}'.encode(), HEADERS["Authorization"])]


def test_names_of_response_headers_are_in_lower_case(transport: Transport, url: str) -> None:
    status, headers, body = transport("POST", f"{url}/busy", HEADERS, b"{}", 5.0)
    assert (status, headers["retry-after"], body) == (429, "7", b"{}")


def test_redirect_is_an_answer_and_is_not_followed(transport: Transport, api: Api, url: str) -> None:
    assert transport("DELETE", f"{url}/moved", HEADERS, b"", 5.0)[0] == 302
    assert [path for _, path, _, _ in api.seen] == ["/moved"]


def test_requests_share_a_connection(transport: Transport, api: Api, url: str) -> None:
    for _ in range(3):
        transport("POST", f"{url}/v1/event", HEADERS, b"{}", 5.0)
    assert api.connections == [api.connections[0]] * 3


def test_proxy_settings_of_the_environment_are_ignored(
    transport: Transport, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert transport("POST", f"{url}/v1/event", HEADERS, b"{}", 5.0)[0] == 200


def test_dropped_connection_is_no_answer_and_is_not_retried(transport: Transport, api: Api, url: str) -> None:
    with pytest.raises(NoAnswer):
        transport("POST", f"{url}/broken", HEADERS, b"{}", 5.0)
    assert len(api.seen) == 1


def test_server_that_does_not_respond_in_time_is_no_answer(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NoAnswer):
        transport("POST", f"http://127.0.0.1:{silent.getsockname()[1]}/", HEADERS, b"{}", 0.05)


def test_connecting_and_reading_share_the_time_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: list[urllib3.Timeout] = []

    def request(self: urllib3.PoolManager, *_: Any, timeout: urllib3.Timeout, **__: Any) -> Any:
        timeouts.append(timeout)
        raise urllib3.exceptions.HTTPError

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    with pytest.raises(NoAnswer):
        http_transport()("POST", "https://esputnik.com/api/", HEADERS, b"{}", 1.5)
    assert [(timeout.total, timeout.connect_timeout) for timeout in timeouts] == [(1.5, 1.5)]


def test_refused_connection_is_no_answer(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoAnswer):
        transport("POST", f"http://127.0.0.1:{port}/", HEADERS, b"{}", 5.0)


def test_failed_tls_handshake_is_no_answer(transport: Transport, url: str) -> None:
    with pytest.raises(NoAnswer):
        transport("POST", url.replace("http:", "https:"), HEADERS, b"{}", 5.0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost with its key. No authority signed it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """The port of a server with this certificate, which answers each request with 200."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def respond(listener: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            received = b""
            # A close with unread data would reset the connection.
            while not received.endswith(b"{}") and (part := connection.recv(4096)):
                received += part
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=respond, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_server_whose_certificate_no_authority_signed_is_no_answer(transport: Transport, tls_port: int) -> None:
    with pytest.raises(NoAnswer):
        transport("POST", f"https://localhost:{tls_port}/", HEADERS, b"{}", 5.0)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_server_with_the_certificate_of_another_host_is_no_answer(
    certificate: Path, tls_port: int, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    with nullcontext() if host == "localhost" else pytest.raises(NoAnswer):
        assert http_transport()("POST", f"https://{host}:{tls_port}/", HEADERS, b"{}", 5.0)[0] == 200


def test_malformed_response_header_does_not_log_the_url(transport: Transport, caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 warns of such a header, and the URL of an erasure contains the person."""

    def respond(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nno header\r\n\r\n")

    silence_libraries()
    with socket.create_server(("127.0.0.1", 0)) as listener, caplog.at_level(logging.DEBUG):
        thread = threading.Thread(target=respond, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/contact?externalCustomerId=kanarka%40example.com"
        assert transport("DELETE", url, HEADERS, b"", 5.0)[0] == 200
        thread.join()
    assert "kanarka" not in caplog.text
