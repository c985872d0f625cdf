"""Reading a body: a command without FILE never waits for ever, and says what to do."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from shopwire_cli.errors import UserError
from shopwire_cli.files import find_stdin
from shopwire_cli.main import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make stdin a pipe. Returns the descriptor of its other end."""
    read, write = os.pipe()
    with open(read) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield write


def test_body_in_a_pipe_is_read(pipe: int, capsys: Captured) -> None:
    os.write(pipe, b"{}")
    os.close(pipe)
    assert main(["map", "shopify", "no/such"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_silent_pipe_is_not_waited_for(pipe: int) -> None:
    with pytest.raises(UserError, match="FILE is missing, and nothing has arrived on stdin for 0 s: name a file"):
        find_stdin(0)
    os.close(pipe)


def test_map_without_file_does_not_wait_for_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["map", "shopify", "orders/create"]) == 2
    assert capsys.readouterr() == (
        "",
        "shopwire map: FILE is missing: name a file with the body, or - to type it, or pipe it in\n",
    )


def test_body_that_is_typed_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["map", "shopify", "no/such", "-"]) == 0
    assert capsys.readouterr().err.startswith("type or paste the body, then press Ctrl-D")


class Terminal:
    """A terminal on which an empty object is typed."""

    @property
    def buffer(self) -> Any:
        return self

    def isatty(self) -> bool:
        return True

    def read(self) -> bytes:
        return b"{}"
