"""The base class of the fakes. Every operation calls a hook before and after its effect."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from botocore.exceptions import ClientError

Clock = Callable[[], int]
Hook = Callable[[str, str], None]

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")
_Client = TypeVar("_Client", bound="FakeClient")


def no_hook(operation: str, phase: str) -> None:
    """Do nothing."""


class FakeClient:
    """A client whose operations call a hook."""

    def __init__(self, hook: Hook | None = None) -> None:
        self._hook = hook or no_hook


def operation(
    method: Callable[Concatenate[_Client, _Arguments], _Answer],
) -> Callable[Concatenate[_Client, _Arguments], _Answer]:
    """Make a method an operation of the client.

    An error is an answer like any other, so it can be lost on its way too.
    """
    name = method.__name__

    @wraps(method)
    def call(self: _Client, *positional: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        self._hook(name, "before")
        try:
            answer = method(self, *positional, **named)
        except ClientError:
            self._hook(name, "after")
            raise
        self._hook(name, "after")
        return answer

    return cast(Callable[Concatenate[_Client, _Arguments], _Answer], call)
