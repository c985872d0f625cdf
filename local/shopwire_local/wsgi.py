"""What the WSGI applications on one's own machine share: JSON answers, the raw body, a broken connection, a server."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr
from http import HTTPStatus
from io import StringIO
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class PortTaken(Exception):
    """Somebody listens on that port already."""


class Connection(WSGIRequestHandler):
    """Keeps connections open between requests, as API Gateway does, and writes no access log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *arguments: object) -> None:
        """Say nothing: the functions log what matters."""


class Server:
    """A WSGI application served on loopback by threads of its own.

    Raises:
        PortTaken.
    """

    def __init__(self, application: Application, host: str, port: int) -> None:
        try:
            with redirect_stderr(StringIO()):  # werkzeug has lines of its own for a port that is taken
                self._server: BaseWSGIServer = make_server(
                    host, port, application, threaded=True, request_handler=Connection
                )
        except (OSError, SystemExit):
            raise PortTaken(f"{host}:{port} is taken: choose another with --port") from None
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.port = self._server.port
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"http-{self.port}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def body_of(environ: Environ, limit: int) -> bytes | None:
    """The raw body; None: over the limit (bytes)."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    stream = environ["wsgi.input"]
    if length > limit:
        while length > 0 and (chunk := stream.read(min(length, 1 << 16))):
            length -= len(chunk)  # read to the end: a connection that breaks while sending says nothing
        return None
    body: bytes = stream.read(length) if length else b""
    return body


def answer(
    start_response: StartResponse, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    """Answer with these bytes."""
    said = {"Content-Type": "application/json", **(headers or {}), "Content-Length": str(len(body))}
    start_response(f"{status} {HTTPStatus(status).phrase}", list(said.items()))
    return [body]


def answer_json(
    start_response: StartResponse, status: int, body: Any, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    """Answer with JSON."""
    return answer(start_response, status, json.dumps(body, ensure_ascii=False).encode(), headers)


def break_off(environ: Environ) -> Iterable[bytes]:
    """Close the connection without any answer."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError
