"""The APIs of platforms whose webhooks carry no state, as the simulated functions reach them.

What an API answers is what the stories announced until then (`Announcement.answers`), or what was true a moment before,
if a copy at the platform is behind. Each fault hits one shop or all of them, in turns.
"""

import random
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from shopwire.errors import NoAnswer
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Invocation, Scheduler
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import HOUR, MINUTE, SECOND

STALE_MS = 9 * SECOND
"""The longest time by which a copy at a platform is behind. shopwire assumes 10 s (decision 22)."""
_SKEW_MS = 2_500
"""A function's clock is so much fast or slow."""
_LATENCY_MS = 60
_LIMITED_PROBABILITY = 0.5
_LIMITED_SECONDS = (1, 2, 4, 8, 30, 90)
# Parameters that say how much of a resource is wanted, and in which form. All others choose the resource.
_FORM_PARAMETERS = frozenset({"include", "consignment_structure", "limit"})

Response = tuple[int, Mapping[str, str], bytes]
OnRequest = Callable[[Invocation, str, str, str, Mapping[str, str], bytes], None]
"""(invocation, path, method, address, headers, body) of each request, before it is answered. `path` is without what
says only how much of a resource is wanted."""
OnAnswer = Callable[[Invocation, str, int, int, bytes | None, int], None]
"""(invocation, path, status, wait in milliseconds that was asked for, body, id of the announcement since which the path
has it; 0 for none). Status 0: no answer."""


class SimulatedPlatformApis:
    """The transport of every environment to the platforms' APIs.

    Args:
        trace: adds a line to the run's trace.
        on_request, on_answer: see `OnRequest` and `OnAnswer`.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        faults: FaultSchedule,
        trace: Callable[[str], None],
        on_request: OnRequest,
        on_answer: OnAnswer,
    ) -> None:
        self._scheduler = scheduler
        self._faults = faults
        self._trace = trace
        self._on_request = on_request
        self._on_answer = on_answer
        self._answers: dict[str, list[tuple[int, int, bytes | None]]] = defaultdict(list)
        """Host and path with the filter -> (since when, number of the announcement, body; None: it does not exist)."""

    def add(self, announcement: Announcement) -> None:
        """Let the platform's API know what an announcement is about."""
        for path, body in announcement.answers.items():
            insort(self._answers[path], (announcement.at, announcement.id, body), key=lambda answer: answer[:2])

    def body_at(self, path: str, at: int) -> bytes | None:
        """Return what is true of a path at a time (UTC milliseconds)."""
        return self._find(path, at)[1]

    def transport(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Response:
        """Answer one request. A fault may hit the invocation at each wait."""
        scheduler = self._scheduler
        invocation = scheduler.current
        assert invocation is not None
        path, is_further_page = _resource(url)
        self._on_request(invocation, path, method, url, headers, body)
        try:
            if self._wait("before"):
                raise NoAnswer
            if (response := self._outage(invocation, path, seconds)) is not None:
                self._on_answer(invocation, path, response[0], _wait_ms(response[1]), None, 0)
                return response
            announcement, found = self._find(path, scheduler.now - self._lag(invocation, path))
            self._trace(f"the platform's API answers {path}{'' if found is not None else ': 404'} (of #{announcement})")
            if self._wait("after"):
                raise NoAnswer
        except NoAnswer:
            self._on_answer(invocation, path, 0, 0, None, 0)
            raise
        self._on_answer(invocation, path, 404 if found is None else 200, 0, found, announcement)
        if is_further_page:
            found = b""
        if found is None and "?" in path:
            found = b'{"data":[],"meta":{}}'  # a filter that finds nothing
        return (404, {}, b"{}") if found is None else (200 if found else 204, {}, found)

    def _outage(self, invocation: Invocation, path: str, seconds: float) -> Response | None:
        """Answer as an API that is down or limits the shop's requests. None: it works.

        Raises:
            NoAnswer.
        """
        if self._is_active("platform_down", path):
            self._trace(f"the platform's API fails: {path}")
            return 503, {}, b"<html>maintenance</html>"
        if self._is_active("platform_slow", path):
            self._trace(f"the platform's API does not answer in time: {path}")
            self._scheduler.sleep(int(seconds * 1000))
            raise NoAnswer
        if self._is_active("platform_limited", path) and invocation.rng.random() < _LIMITED_PROBABILITY:
            minute = self._scheduler.now // MINUTE
            rng = random.Random(f"{path.split('/')[2]} {minute}")
            asked = rng.choice(_LIMITED_SECONDS)
            self._trace(f"the platform's API answers 429, and asks for {asked} s: {path}")
            if rng.random() < 0.5:
                return 429, {"retry-after": str(asked)}, b"{}"
            return 429, {"x-rate-limit-requests-left": "0", "x-rate-limit-time-reset-ms": str(asked * SECOND)}, b"{}"
        return None

    def _lag(self, invocation: Invocation, path: str) -> int:
        """Return by how much the copy is behind that answers this invocation (ms). A connection leads to one copy."""
        if not self._is_active("platform_behind", path):
            return 0
        longest = STALE_MS - (_SKEW_MS if self._faults.includes("skew") else 0)
        lag: int = invocation.notes.setdefault("platform_lag", invocation.rng.randrange(longest))
        return lag

    def _is_active(self, kind: str, path: str) -> bool:
        """Return True if a fault hits this shop now: in turns it hits all shops, or every second of them."""
        period = MINUTE if self._faults.is_compressed else HOUR
        turn = self._scheduler.now // period % 3
        return turn in (0, 1 + _store_of(path) % 2) and self._faults.is_active(kind, self._scheduler.now)

    def _find(self, path: str, at: int) -> tuple[int, bytes | None]:
        found = self._answers.get(path, [])
        index = bisect_right(found, at, key=lambda answer: answer[0]) - 1
        return (found[index][1], found[index][2]) if index >= 0 else (0, None)

    def _wait(self, phase: str) -> bool:
        """Let time pass up to a point. Return True if no answer comes."""
        invocation = self._scheduler.current
        assert invocation is not None
        self._scheduler.sleep(invocation.rng.randint(_LATENCY_MS // 2, _LATENCY_MS))
        return self._scheduler.reach_point("platform", phase, timed=True)


def _resource(url: str) -> tuple[str, bool]:
    """Return host and path with the filter of a request, and whether it asks for more than the first page."""
    split = urlsplit(url)
    parameters = dict(parse_qsl(split.query))
    page = int(parameters.pop("page", "1"))
    chosen = "&".join(f"{name}={value}" for name, value in parameters.items() if name not in _FORM_PARAMETERS)
    return f"{split.netloc}{split.path}{'?' + chosen if chosen else ''}", page > 1


def _store_of(path: str) -> int:
    """Return a number that stands for the store whose name is in a path, such as "host/stores/simulated1/...": 1."""
    return sum(path.split("/")[2].encode())


def _wait_ms(headers: Mapping[str, str]) -> int:
    asked = int(headers.get("retry-after", "0")) * SECOND
    return asked or int(headers.get("x-rate-limit-time-reset-ms", "0"))
