"""The HTTP server of the local WSGI applications, and helpers for their requests and responses.

werkzeug's development server closes each connection after one response. One webhook makes seven calls, and opening
their connections would take longer than serving them. This server keeps connections open, as API Gateway and AWS do.
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
"""Host names that mean this machine. Containers on it use the last one."""

_MAX_BODY_BYTES = 64 << 20
_IDLE_SECONDS = 75.0
_CONNECTION_KEY = "shopwire.connection"


class PortUnavailable(Exception):
    """The address cannot be listened on, usually because another process uses the port."""


class _BadRequest(Exception):
    """The request cannot be read. The arguments are the status and the reason."""


class _Connection(BaseHTTPRequestHandler):
    """Serves the requests of one connection. A body is read completely before the application is called."""

    server: "_Listener"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # do_GET, do_POST, ...: the application handles every method
            return self._serve
        raise AttributeError(name)

    def log_message(self, *arguments: object) -> None:
        """Log nothing, because the functions log what matters."""

    def _serve(self) -> None:
        try:
            environ = self._make_environ(self._read_body())
        except _BadRequest as error:
            self.close_connection = True
            self._send(f"{error.args[0]} -", [], str(error.args[1]).encode())
            return
        started: list[Any] = []
        try:
            chunks = self.server.application(environ, lambda status, headers, _=None: started.extend((status, headers)))
            body = b"".join(chunks)
            if close := getattr(chunks, "close", None):
                close()
            status, headers = started
        except ConnectionError:
            self.close_connection = True
            return
        except Exception:
            traceback.print_exc()
            status, headers, body = "500 Internal Server Error", [], b'{"error": "see the log"}'
        self._send(status, headers, body)

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        added = (
            [] if any(name.lower() == "content-length" for name, _ in headers) else [("Content-Length", str(len(body)))]
        )
        if self.close_connection:
            added.append(("Connection", "close"))
        lines = [f"HTTP/1.1 {status}", f"Date: {self.date_time_string()}"]
        lines += (f"{name}: {value}" for name, value in (*headers, *added))
        head = "\r\n".join(lines).encode("latin-1", "replace")
        self.wfile.write(head + b"\r\n\r\n" + (b"" if self.command == "HEAD" else body))

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length")
        encoding = self.headers.get("Transfer-Encoding")
        if encoding is not None:
            # A request with both headers may be an attempt at request smuggling (RFC 9112, 6.1).
            if encoding.lower() != "chunked" or length is not None:
                raise _BadRequest(400, "only `Transfer-Encoding: chunked` without Content-Length is supported")
            return self._read_chunks()
        if length is None:
            return b""
        if not (length.isascii() and length.isdigit()):
            raise _BadRequest(400, "Content-Length is not a number")
        return self._read_exactly(int(length))

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := self._read_chunk_size():
            body += self._read_exactly(size, len(body))
            self.rfile.readline(3)
        while self.rfile.readline(1 << 16).strip():  # trailers
            pass
        return bytes(body)

    def _read_chunk_size(self) -> int:
        try:
            return int(self.rfile.readline(1 << 10).partition(b";")[0].strip(), 16)
        except ValueError:
            raise _BadRequest(400, "a chunk has no size") from None

    def _read_exactly(self, length: int, already_read: int = 0) -> bytes:
        if not 0 <= length <= _MAX_BODY_BYTES - already_read:
            raise _BadRequest(413, f"the body has more than {_MAX_BODY_BYTES} bytes")
        data = self.rfile.read(length)
        if len(data) < length:
            raise ConnectionAbortedError
        return data

    def _make_environ(self, body: bytes) -> Environ:
        target = urlsplit(self.path if "://" in self.path.partition("?")[0] else f"//host{self.path}")
        environ: Environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            _CONNECTION_KEY: self.connection,
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
                continue  # X_A and X-A would become the same name in environ
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
        if not isinstance(sys.exc_info()[1], OSError):  # a client that disconnects early is not an error
            super().handle_error(request, client_address)


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Args:
        port: 0 chooses a free port.

    Raises:
        PortUnavailable.
    """
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is taken: choose another with --port" if taken else f"cannot be listened on: {error.strerror}"
        raise PortUnavailable(f"{host}:{port} {why}") from None


class Server:
    """Serves a WSGI application on a local port, with a thread for each connection.

    Args:
        port: 0 chooses a free port.
        listener: a listening socket to use instead of `host` and `port`.

    Raises:
        PortUnavailable.
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
        """Accept no more connections and release the port, also if the server was never started."""
        if self._thread.is_alive():
            self._listener.shutdown()
        self._listener.server_close()


def is_for_loopback(environ: Environ) -> bool:
    """Return True if the Host header names loopback.

    A web page can make another host name resolve to this machine and so reach this server (DNS rebinding). Such a
    request carries that other name in its Host header.
    """
    return _host(f"//{environ.get('HTTP_HOST', '')}") in LOOPBACK


def is_cross_origin(environ: Environ) -> bool:
    """Return True if a web page sent the request, and that page comes neither from the requested host nor from
    loopback."""
    origin = environ.get("HTTP_ORIGIN")
    return origin is not None and _host(origin) not in LOOPBACK | {_host(f"//{environ.get('HTTP_HOST', '')}")}


def _host(url: str) -> str:
    """Return the URL's host name, or "invalid" if there is none."""
    try:
        return urlsplit(url).hostname or "invalid"
    except ValueError:
        return "invalid"


def read_body(environ: Environ) -> bytes:
    """Return the raw request body."""
    body: bytes = environ["wsgi.input"].read()
    return body


def respond(
    start_response: StartResponse, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    """Start a response and return its body. The content type is application/json unless `headers` has another."""
    start_response(
        f"{status} {HTTPStatus(status).phrase}", list({"Content-Type": "application/json", **(headers or {})}.items())
    )
    return [body]


def respond_json(
    start_response: StartResponse, status: int, body: Any, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    """Start a response with `body` as JSON and return its bytes."""
    return respond(start_response, status, json.dumps(body, ensure_ascii=False).encode(), headers)


def drop_connection(environ: Environ) -> Iterable[bytes]:
    """Close the connection without a response."""
    connection: socket.socket = environ[_CONNECTION_KEY]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError
