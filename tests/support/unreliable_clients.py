"""An AWS client that calls a function before each call, so that a test can record the call or let it fail."""

from collections.abc import Callable
from typing import Any


class Crash(BaseException):
    """The process is killed. No code of shopwire may catch it."""


class UnreliableClient:
    """A boto3 client.

    Args:
        before_call: is called with "service.operation" before each call. If it raises, the call does not happen.
    """

    def __init__(self, service: str, client: Any, before_call: Callable[[str], None]) -> None:
        self._service, self._client, self._before_call = service, client, before_call

    def __getattr__(self, operation: str) -> Any:
        real = getattr(self._client, operation)

        def call(**arguments: Any) -> Any:
            self._before_call(f"{self._service}.{operation}")
            return real(**arguments)

        return call
