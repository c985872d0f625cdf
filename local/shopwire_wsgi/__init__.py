"""What the WSGI applications on one's own machine share: a server on loopback, JSON answers, a broken connection.

werkzeug's development server ends every connection after one answer; seven calls a webhook spend more time on
connecting than on answering then. This one keeps connections open, as API Gateway and AWS do.
"""

import errno
import io
import json
import socket
import socketserver
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "host.docker.internal"})
"""Names under which only this machine is reached (the last one: by its own containers)."""

_LARGEST = 64 << 20
_IDLE_SECONDS = 75.0
_CONNECTION = "shopwire.connection"


class PortTaken(Exception):
    """Somebody listens on that port already."""


class _Bad(Exception):
    """The request cannot be read: status and reason."""


class _Connection(BaseHTTPRequestHandler):
    """Serves one connection's requests. Bodies are read whole before the application sees them."""

    server: "_Listener"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # do_GET, do_POST, ...: whatever the method, the application answers
            return self._serve
        raise AttributeError(name)

    def log_message(self, *arguments: object) -> None:
        """Say nothing: the functions log what matters."""

    def _serve(self) -> None:
        try:
            environ = self._environ(self._body())
        except _Bad as error:
            self.close_connection = True
            self._send(f"{error.args[0]} -", [], str(error.args[1]).encode())
            return
        said: list[Any] = []
        try:
            chunks = self.server.application(environ, lambda status, headers, _=None: said.extend((status, headers)))
            body = b"".join(chunks)
            if close := getattr(chunks, "close", None):
                close()
            status, headers = said
        except ConnectionError:
            self.close_connection = True
            return
        except Exception:
            traceback.print_exc()
            status, headers, body = "500 Internal Server Error", [], b'{"error": "see the log"}'
        self._send(status, headers, body)

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        own = (
            [] if any(name.lower() == "content-length" for name, _ in headers) else [("Content-Length", str(len(body)))]
        )
        if self.close_connection:
            own.append(("Connection", "close"))
        lines = [f"HTTP/1.1 {status}", f"Date: {self.date_time_string()}"]
        lines += (f"{name}: {value}" for name, value in (*headers, *own))
        head = "\r\n".join(lines).encode("latin-1", "replace")
        self.wfile.write(head + b"\r\n\r\n" + (b"" if self.command == "HEAD" else body))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        encoding = self.headers.get("Transfer-Encoding")
        if encoding is not None:
            # Both at once is how requests are smuggled (RFC 9112, 6.1).
            if encoding.lower() != "chunked" or length is not None:
                raise _Bad(400, "Transfer-Encoding: chunked alone is understood")
            return self._chunks()
        if length is None:
            return b""
        if not (length.isascii() and length.isdigit()):
            raise _Bad(400, "Content-Length is not a number")
        return self._exactly(int(length))

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            body += self._exactly(size, len(body))
            self.rfile.readline(3)
        while self.rfile.readline(1 << 16).strip():  # trailers
            pass
        return bytes(body)

    def _chunk_size(self) -> int:
        try:
            return int(self.rfile.readline(1 << 10).partition(b";")[0].strip(), 16)
        except ValueError:
            raise _Bad(400, "a chunk has no size") from None

    def _exactly(self, length: int, before: int = 0) -> bytes:
        if not 0 <= length <= _LARGEST - before:
            raise _Bad(413, f"at most {_LARGEST} bytes")
        read = self.rfile.read(length)
        if len(read) < length:
            raise ConnectionAbortedError
        return read

    def _environ(self, body: bytes) -> Environ:
        target = urlsplit(self.path if "://" in self.path.partition("?")[0] else f"//host{self.path}")
        environ: Environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            _CONNECTION: self.connection,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(target.path or "/").decode("latin-1"),
            "RAW_URI": target.path + (f"?{target.query}" if target.query else ""),
            "QUERY_STRING": target.query,
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
        }
        for name, value in self.headers.items():
            if "_" in name or name.lower() in ("content-length", "transfer-encoding"):
                continue  # X_A and X-A would be one name in here
            key = name.upper().replace("-", "_")
            key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
            value = value.replace("\r\n", "")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ


class _Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, application: Application) -> None:
        super().__init__(listener.getsockname(), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.application = application

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # who hangs up in the middle is nobody's error
            super().handle_error(request, client_address)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; `port` 0: on a free one.

    Raises:
        PortTaken.
    """
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is taken: choose another with --port" if taken else f"cannot be listened on: {error.strerror}"
        raise PortTaken(f"{host}:{port} {why}") from None


class Server:
    """A WSGI application served by threads of its own, on a port of this machine (0: a free one) or a given socket.

    Raises:
        PortTaken.
    """

    def __init__(
        self, application: Application, host: str = "", port: int = 0, *, listener: socket.socket | None = None
    ) -> None:
        listener = listener or listen(host, port)
        self._listener = _Listener(listener, application)
        self.port: int = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.05,), name=f"http-{self.port}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections. A server that was never started only gives its port back."""
        if self._thread.is_alive():
            self._listener.shutdown()
        self._listener.server_close()


def asks_for_this_machine(environ: Environ) -> bool:
    """Whether the request asks for loopback by name: another name that resolves to this machine is how a page in the
    browser would reach us (DNS rebinding)."""
    return _host(f"//{environ.get('HTTP_HOST', '')}") in LOOPBACK


def sent_by_another_page(environ: Environ) -> bool:
    """Whether a page of another host than the one asked, or loopback, sent the request."""
    origin = environ.get("HTTP_ORIGIN")
    return origin is not None and _host(origin) not in LOOPBACK | {_host(f"//{environ.get('HTTP_HOST', '')}")}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "nobody"
    except ValueError:
        return "nobody"


def body_of(environ: Environ) -> bytes:
    """The raw body."""
    body: bytes = environ["wsgi.input"].read()
    return body


def answer(
    start_response: StartResponse, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    """Answer with these bytes."""
    start_response(
        f"{status} {HTTPStatus(status).phrase}", list({"Content-Type": "application/json", **(headers or {})}.items())
    )
    return [body]


def answer_json(
    start_response: StartResponse, status: int, body: Any, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    """Answer with JSON."""
    return answer(start_response, status, json.dumps(body, ensure_ascii=False).encode(), headers)


def break_off(environ: Environ) -> Iterable[bytes]:
    """Close the connection without any answer."""
    connection: socket.socket = environ[_CONNECTION]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError
