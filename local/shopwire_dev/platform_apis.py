"""A stand-in for the APIs of platforms whose webhooks carry no state.

It answers what was put there before, by host and path. `shopwire send` puts the answers of a sample there, so that a
demo shop needs no account at the platform.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from shopwire_wsgi import Environ, StartResponse, respond, respond_json

PATH = "/platform-api/"
"""Where the gateway serves it. Host and path at the platform follow."""
_MAX_ANSWERS = 5_000


class BadAnswers(Exception):
    """The answers are not an object of texts by path."""


class PlatformApis:
    """The WSGI application below PATH."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, str | None] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, answers: Any) -> None:
        """Add answers: host and path with the query -> the body; null for a thing that does not exist.

        Raises:
            BadAnswers.
        """
        if not isinstance(answers, Mapping) or not all(
            isinstance(body, str | None)
            for body in answers.values()  # the names of a JSON object are texts
        ):
            raise BadAnswers("the answers must be an object: host and path -> the body as text, or null")
        with self._lock:
            for path, body in answers.items():
                self._answers[path] = body
                self._answers.move_to_end(path)
            while len(self._answers) > _MAX_ANSWERS:
                self._answers.popitem(last=False)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"].removeprefix(PATH), environ.get("QUERY_STRING", "")
        with self._lock:
            body = self._answers.get(f"{path}?{query}" if query else path)
        if environ["REQUEST_METHOD"] != "GET":
            return respond_json(start_response, 405, {"error": "only GET"})
        if body is None:
            return respond_json(start_response, 404, {"error": "not found"})
        if not body:
            return respond(start_response, 204, b"", {})
        return respond(start_response, 200, body.encode(), {"Content-Type": "application/json"})
