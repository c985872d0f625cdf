"""Helpers of these tests: WSGI requests, and handlers of Lambda functions."""

import io
from typing import Any


def environ(method: str, target: str, body: bytes = b"", **more: Any) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": target,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8787",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **more,
    }


def esputnik(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return [b"esputnik"]


class Handler:
    """A handler that records its batches and returns `result`. It calls a callable and raises an exception."""

    def __init__(self) -> None:
        self.result: Any = None
        self.batches: list[list[str]] = []

    def __call__(self, event: Any, context: Any) -> Any:
        self.batches.append([record["body"] for record in event["Records"]])
        if isinstance(self.result, Exception):
            raise self.result
        if callable(self.result):
            return self.result(event["Records"])
        return self.result
