"""The HTTP server of the local WSGI applications, and helpers for their requests and responses.

werkzeug's development server closes each connection after one response. One webhook makes seven calls, and opening
their connections would take longer than serving them. This server keeps connections open, as API Gateway and AWS do.
"""

import errno
import io
import json
import os
import socket
import socketserver
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from shopwire_wsgi.http_request import BadRequest, Head, receive_body, receive_head

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "host.docker.internal"})
"""Host names that mean this machine. Containers on it use the last one."""

_IDLE_SECONDS = 75.0
_DISCARD_SECONDS = 1.0
_DISCARD_READS = 64
_CONNECTION_KEY = "shopwire.connection"


class PortUnavailable(Exception):
    """The address cannot be listened on."""


class PortTaken(PortUnavailable):
    """Another process listens on the port."""


class _Connection(socketserver.StreamRequestHandler):
    """Serves the requests of one connection. A body is read completely before the application is called."""

    server: "_Listener"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def handle(self) -> None:
        while self._serve_request():
            pass

    def _serve_request(self) -> bool:
        """Serve the next request. Return False if the connection ends."""
        method = ""
        try:
            head = receive_head(self.rfile)
            if head is None:
                return False
            method = head.method
            if head.expects_continue:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = receive_body(self.rfile, head)
        except BadRequest as error:
            self._respond(
                method, f"{error.status} {HTTPStatus(error.status).phrase}", [], str(error).encode(), last=True
            )
            self._discard_rest()
            return False
        try:
            status, headers, response = self._call_application(self._make_environ(head, body))
        except ConnectionError:
            return False
        except Exception:
            traceback.print_exc()
            status, headers, response = "500 Internal Server Error", [], b'{"error": "see the log"}'
        self._respond(method, status, headers, response, last=not head.keeps_connection)
        return head.keeps_connection

    def _call_application(self, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        started: list[Any] = []
        chunks = self.server.application(environ, lambda status, headers, _=None: started.extend((status, headers)))
        body = b"".join(chunks)
        if close := getattr(chunks, "close", None):
            close()
        status, headers = started
        return status, headers, body

    def _respond(self, method: str, status: str, headers: list[tuple[str, str]], body: bytes, *, last: bool) -> None:
        added = [("Date", formatdate(usegmt=True))]
        if not any(name.lower() == "content-length" for name, _ in headers):
            added.append(("Content-Length", str(len(body))))
        if last:
            added.append(("Connection", "close"))
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (*added, *headers))]
        head = "\r\n".join(lines).encode("latin-1", "replace")
        self.wfile.write(head + b"\r\n\r\n" + (b"" if method == "HEAD" else body))

    def _discard_rest(self) -> None:
        """Read what the client still sends. If the connection closed before, the client would not see the response."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_DISCARD_SECONDS)
        for _ in range(_DISCARD_READS):
            if not self.connection.recv(1 << 16):
                return

    def _make_environ(self, head: Head, body: bytes) -> Environ:
        environ: Environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            _CONNECTION_KEY: self.connection,
            "REQUEST_METHOD": head.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(head.path).decode("latin-1"),
            "RAW_URI": head.path + (f"?{head.query}" if head.query else ""),
            "QUERY_STRING": head.query,
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": f"HTTP/{head.version}",
        }
        for name, value in head.headers:
            if "_" in name or name in ("content-length", "transfer-encoding"):
                continue  # X_A and X-A would become the same name in environ
            key = name.upper().replace("-", "_")
            key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
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
        PortUnavailable: also as PortTaken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
    except (socket.gaierror, UnicodeError):  # UnicodeError: a name that no machine can have
        raise _not_an_address(host) from None
    try:
        return socket.create_server(address, family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{host}:{port} is taken: choose another with --port") from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise _not_an_address(host) from None
        raise PortUnavailable(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from None


def _not_an_address(host: str) -> PortUnavailable:
    return PortUnavailable(f"cannot listen on {host}: it is not an address of this machine")


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
    return is_for_host(environ, LOOPBACK)


def is_for_host(environ: Environ, names: Collection[str]) -> bool:
    """Return True if the Host header has one of these names, which are in lower case."""
    return _host(f"//{environ.get('HTTP_HOST', '')}") in names


def is_from_other_page(environ: Environ) -> bool:
    """Return True if a web page of another origin sent the request.

    A browser sends Origin with every POST, and Sec-Fetch-Site with every request. Clients without them are no browsers.
    """
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin != f"http://{environ.get('HTTP_HOST', '')}":
        return True
    return environ.get("HTTP_SEC_FETCH_SITE", "same-origin") not in ("same-origin", "none")


def is_from_loopback(environ: Environ) -> bool:
    """Return True if the client runs on this machine, and is not a proxy or a tunnel for a client that does not."""
    is_forwarded = "HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ
    return is_loopback(environ["REMOTE_ADDR"]) and not is_forwarded


def is_loopback(host: str) -> bool:
    """Return True if only this machine can connect to the address. `host` is an IP address or a name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
