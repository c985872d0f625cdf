"""An API that records the requests that it accepts, and answers as a test says."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopwire.errors import NoAnswer
from tests.support.clock import Clock

Answer = (
    int | None | tuple[int, Mapping[str, str]] | tuple[int, Mapping[str, str], bytes] | Callable[[str, str, Any], int]
)
"""An HTTP status, also with headers and a body; None: no answer within the time-out; a function of (method, url,
body)."""


@dataclass
class RecordingApi:
    """The transport in place of HTTP.

    Args:
        before_call: is called with "api" before each request.
        next_answers: the answers to the next requests, each used once.
        answer: the answer to every other request.
        answer_ms: how long an answer takes.

    Attributes:
        accepted: method, path and body of each request that was answered 200.
        authorizations: the header of each request.
        request_count: all requests, whatever the answer was.
        contact_ids: the API's ids of contacts, by customer id or first address.
    """

    clock: Clock
    before_call: Callable[[str], None]
    next_answers: list[Answer] = field(default_factory=list)
    answer: Answer = 200
    answer_ms: int = 50
    accepted: list[tuple[str, str, Any]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    request_count: int = 0
    contact_ids: dict[str, int] = field(default_factory=dict)

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        self.before_call("api")
        self.request_count += 1
        self.authorizations.append(headers["Authorization"])
        answer = self.next_answers.pop(0) if self.next_answers else self.answer
        content = json.loads(body) if body else None
        if callable(answer):
            answer = answer(method, url, content)
        if answer is None:
            self.clock.advance(int(seconds * 1000))
            raise NoAnswer
        self.clock.advance(self.answer_ms)
        status, answer_headers, *text = answer if isinstance(answer, tuple) else (answer, {})
        if status == 200:
            self.accepted.append((method, url.partition("/api/")[2], content))
        return status, answer_headers, text[0] if text else self._answer_body(url, content)

    def _answer_body(self, url: str, content: Any) -> bytes:
        if not url.endswith(("v1/contact", "v1/contact/subscribe")):
            return b"{}"
        contact = content.get("contact", content)
        key = contact.get("externalCustomerId") or contact["channels"][0]["value"]
        return json.dumps({"id": self.contact_ids.setdefault(key, 5001 + len(self.contact_ids))}).encode()

    @property
    def sent(self) -> list[str]:
        """The accepted requests, in short: "contact", "erase", "erase orders", "orders" (v1/orders), the end of another
        path such as "subscribe", or an event's type such as "orderCreated"."""
        return [_short(*request) for request in self.accepted]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The params of the accepted events, with the event's `type` and `keyValue`."""
        return [
            {param["name"]: param["value"] for param in content["params"]}
            | {"type": content["eventTypeKey"], "keyValue": content["keyValue"]}
            for _, path, content in self.accepted
            if path == "v1/event"
        ]


ERASED = ["erase", "erase", "erase orders"]
"""The requests that erase a person whose contact is recorded, by the customer id and the API's id, and their orders."""


def _short(method: str, path: str, content: Any) -> str:
    if method == "DELETE":
        return "erase orders" if content else "erase" if "erase=true" in path else "delete"
    if "orders" in content:
        return "orders"
    return str(content.get("eventTypeKey", path.rpartition("/")[2]))
