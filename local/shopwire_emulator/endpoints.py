"""The emulated API over HTTP: the paths of the real host below /esputnik/api/.

/esputnik/state, faults, account and reset are the emulator's own.
"""

import base64
import json
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

from shopwire_emulator.emulator import DEMO_KEY, BadRequest, Emulator
from shopwire_wsgi import Application, Environ, StartResponse, drop_connection, read_body, respond, respond_json

_MAX_BODY_BYTES = 8 << 20
_API_PREFIX = "/esputnik/api/"


def make_application(emulator: Emulator, wait: Callable[[float], object]) -> Application:
    """Return the WSGI application of the emulator.

    Args:
        wait: waits for a number of seconds. It is called before a slow response.
    """

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        body = read_body(environ)
        if len(body) > _MAX_BODY_BYTES:
            return respond_json(start_response, 413, {"error": f"the body has more than {_MAX_BODY_BYTES} bytes"})
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if path.startswith(_API_PREFIX):
            response = emulator.handle(_api_key(environ), method, path.removeprefix(_API_PREFIX), query, body)
            if response.delay_seconds:
                wait(response.delay_seconds)
            if not response.status:
                return drop_connection(environ)
            if isinstance(response.body, str):
                headers = {"Content-Type": "text/plain; charset=utf-8", **response.headers}
                return respond(start_response, response.status, response.body.encode(), headers)
            return respond_json(start_response, response.status, response.body, response.headers)
        try:
            if (method, path) == ("GET", "/esputnik/state"):
                return respond_json(start_response, 200, emulator.state(query.get("key", DEMO_KEY)))
            if (method, path) == ("POST", "/esputnik/faults"):
                emulator.set_fault(json.loads(body or b"null"))
                return respond_json(start_response, 200, {"status": "ok"})
            if (method, path) == ("POST", "/esputnik/account"):
                settings = emulator.change_account(json.loads(body or b"null"), query.get("key", DEMO_KEY))
                return respond_json(start_response, 200, settings)
            if (method, path) == ("POST", "/esputnik/reset"):
                emulator.reset()
                return respond_json(start_response, 200, {"status": "ok"})
        except BadRequest as error:
            return respond_json(start_response, 400, {"error": str(error)})
        except (ValueError, RecursionError):
            return respond_json(start_response, 400, {"error": "the body is not JSON"})
        return respond_json(start_response, 404, {"error": "not found"})

    return serve


def _api_key(environ: Environ) -> str | None:
    """Return the password of Basic auth, or None if there is none."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(token, validate=True).decode().partition(":")[2] or None
    except ValueError:  # not base64, or not UTF-8
        return None
