"""What every call of a fake is: a point before its effect and one after it, at which the simulation may do anything."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from botocore.exceptions import ClientError

Clock = Callable[[], int]
Hook = Callable[[str, str], None]

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")
_Fake = TypeVar("_Fake", bound="Fake")


def undisturbed(operation: str, phase: str) -> None:
    """The hook that does nothing."""


class Fake:
    """A client whose operations call a hook."""

    def __init__(self, hook: Hook | None = None) -> None:
        self._hook = hook or undisturbed


def operation(
    method: Callable[Concatenate[_Fake, _Arguments], _Answer],
) -> Callable[Concatenate[_Fake, _Arguments], _Answer]:
    """A method of the client. A refusal is an answer like any other: it can be lost on its way too."""
    name = method.__name__

    @wraps(method)
    def call(self: _Fake, *positional: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        self._hook(name, "before")
        try:
            answer = method(self, *positional, **named)
        except ClientError:
            self._hook(name, "after")
            raise
        self._hook(name, "after")
        return answer

    return cast(Callable[Concatenate[_Fake, _Arguments], _Answer], call)
