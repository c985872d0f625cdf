"""The emulated API over HTTP: the real host's paths below /esputnik/api/, and its state and faults beside them."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

from shopwire_emulator.emulator import DEMO_KEY, BadRequest, Emulator
from shopwire_wsgi import Application, Environ, StartResponse, drop_connection, read_body, respond_json

_LARGEST = 8 << 20
_API = "/esputnik/api/"


def application(emulator: Emulator, wait: Callable[[float], object]) -> Application:
    """The WSGI application.

    Args:
        wait: waits so many seconds (for answers that are slow).
    """

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        body = read_body(environ)
        if len(body) > _LARGEST:
            return respond_json(start_response, 413, {"error": "too large"})
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if path.startswith(_API):
            reply = emulator.handle(_key(environ), method, path.removeprefix(_API), query, body)
            if reply.delay:
                wait(reply.delay)
            if not reply.status:
                return drop_connection(environ)
            return respond_json(start_response, reply.status, reply.body, reply.headers)
        try:
            if (method, path) == ("GET", "/esputnik/state"):
                return respond_json(start_response, 200, emulator.state(query.get("key", DEMO_KEY)))
            if (method, path) == ("POST", "/esputnik/faults"):
                emulator.set_fault(json.loads(body or b"null"))
                return respond_json(start_response, 200, {"status": "ok"})
            if (method, path) == ("POST", "/esputnik/reset"):
                emulator.reset()
                return respond_json(start_response, 200, {"status": "ok"})
        except BadRequest as error:
            return respond_json(start_response, 400, {"error": str(error)})
        except ValueError:
            return respond_json(start_response, 400, {"error": "the body is not JSON"})
        return respond_json(start_response, 404, {"error": "not found"})

    return serve


def _key(environ: Environ) -> str | None:
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(token, validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None
