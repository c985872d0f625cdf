"""The API of the stub platform: it has one state, which a test changes, and answers as a test says."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shopwire.errors import NoAnswer
from shopwire.models import Change
from tests.support.clock import Clock
from tests.support.stub_platform import StubPlatform

Answer = int | None | tuple[int, Mapping[str, str]] | tuple[int, Mapping[str, str], bytes]
"""An HTTP status, also with headers and a body; None: no answer within the time-out."""


@dataclass
class FakePlatformApi:
    """The transport in place of HTTP.

    Args:
        platform: reads the answers.
        before_call: is called with "platform_api" before each request.
        state: what the platform has; None: nothing (404).
        next_answers: the answers to the next requests, each used once.
        next_states: what the next requests that are answered 200 get, as from a copy that is behind.
        answer: the answer to every other request; 200 is the state.

    Attributes:
        requests: URL and token of each request.
    """

    clock: Clock
    platform: StubPlatform
    before_call: Callable[[str], None]
    state: Change | None = None
    next_answers: list[Answer] = field(default_factory=list)
    next_states: list[Change | None] = field(default_factory=list)
    answer: Answer = 200
    answer_ms: int = 50
    requests: list[tuple[str, str]] = field(default_factory=list)

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        assert (method, body) == ("GET", b"")
        self.before_call("platform_api")
        self.requests.append((url, headers["X-Token"]))
        answer = self.next_answers.pop(0) if self.next_answers else self.answer
        if answer is None:
            self.clock.advance(int(seconds * 1000))
            raise NoAnswer
        # What the answer contains is decided when the request arrives.
        state = self.next_states.pop(0) if answer == 200 and self.next_states else self.state
        self.clock.advance(self.answer_ms)
        status, answer_headers, *text = answer if isinstance(answer, tuple) else (answer, {})
        if status == 200 and not text:
            return (404, {}, b"{}") if state is None else (200, {}, self._body(state))
        return status, answer_headers, text[0] if text else b"{}"

    def _body(self, state: Change) -> bytes:
        body = json.dumps({"state": len(self.platform.states)}).encode()
        self.platform.states[body] = state
        return body
