"""The emulated API over HTTP: the real host's paths below /esputnik/api/, and its state and faults beside them."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

from shopwire_emulator.emulator import DEMO_KEY, BadRequest, Emulator
from shopwire_wsgi import Application, Environ, StartResponse, answer_json, body_of, break_off

_LARGEST = 8 << 20
_API = "/esputnik/api/"


def application(emulator: Emulator, wait: Callable[[float], object]) -> Application:
    """The WSGI application.

    Args:
        wait: waits so many seconds (for answers that are slow).
    """

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        body = body_of(environ)
        if len(body) > _LARGEST:
            return answer_json(start_response, 413, {"error": "too large"})
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if path.startswith(_API):
            reply = emulator.handle(_key(environ), method, path.removeprefix(_API), query, body)
            if reply.delay:
                wait(reply.delay)
            if not reply.status:
                return break_off(environ)
            return answer_json(start_response, reply.status, reply.body, reply.headers)
        try:
            if (method, path) == ("GET", "/esputnik/state"):
                return answer_json(start_response, 200, emulator.state(query.get("key", DEMO_KEY)))
            if (method, path) == ("POST", "/esputnik/faults"):
                emulator.set_fault(json.loads(body or b"null"))
                return answer_json(start_response, 200, {"status": "ok"})
            if (method, path) == ("POST", "/esputnik/reset"):
                emulator.reset()
                return answer_json(start_response, 200, {"status": "ok"})
        except BadRequest as error:
            return answer_json(start_response, 400, {"error": str(error)})
        except ValueError:
            return answer_json(start_response, 400, {"error": "the body is not JSON"})
        return answer_json(start_response, 404, {"error": "not found"})

    return serve


def _key(environ: Environ) -> str | None:
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(token, validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None
