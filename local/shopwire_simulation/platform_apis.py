"""The APIs of platforms whose webhooks carry no state, as the simulated functions reach them.

What an API answers is what the stories announced until then (`Announcement.answers`), or what was true a moment before,
if a copy at the platform is behind.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from shopwire.errors import NoAnswer
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Scheduler
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import SECOND

STALE_MS = 6 * SECOND
"""The longest time by which a copy at a platform is behind."""
_LATENCY_MS = 60
_LIMITED_PROBABILITY = 0.5

Response = tuple[int, Mapping[str, str], bytes]


class SimulatedPlatformApis:
    """The transport of every environment to the platforms' APIs.

    Args:
        trace: adds a line to the run's trace.
    """

    def __init__(self, scheduler: Scheduler, faults: FaultSchedule, trace: Callable[[str], None]) -> None:
        self._scheduler = scheduler
        self._faults = faults
        self._trace = trace
        self._answers: dict[str, list[tuple[int, int, bytes | None]]] = defaultdict(list)
        """Host and path with query -> (since when, number of the announcement, body; None: it does not exist)."""

    def add(self, announcement: Announcement) -> None:
        """Let the platform's API know what an announcement is about."""
        for path, body in announcement.answers.items():
            insort(self._answers[path], (announcement.at, announcement.id, body), key=lambda answer: answer[:2])

    def transport(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Response:
        """Answer one request. A fault may hit the invocation at each wait."""
        scheduler, faults = self._scheduler, self._faults
        invocation = scheduler.current
        assert invocation is not None
        split = urlsplit(url)
        path = f"{split.netloc}{split.path}{'?' + split.query if split.query else ''}"
        if self._wait("before"):
            raise NoAnswer
        if faults.is_active("platform_down", scheduler.now):
            self._trace(f"the platform's API fails: {path}")
            return 503, {}, b"<html>maintenance</html>"
        if faults.is_active("platform_slow", scheduler.now):
            self._trace(f"the platform's API does not answer in time: {path}")
            scheduler.sleep(int(seconds * 1000))
            raise NoAnswer
        if faults.is_active("platform_limited", scheduler.now) and invocation.rng.random() < _LIMITED_PROBABILITY:
            self._trace(f"the platform's API answers 429: {path}")
            return 429, {"retry-after": "2"}, b"{}"
        at = scheduler.now
        if faults.is_active("platform_behind", at):
            at -= invocation.rng.randrange(STALE_MS)
        found = self._answers.get(path, [])
        index = bisect_right(found, at, key=lambda answer: answer[0]) - 1
        answer = found[index][2] if index >= 0 else None
        self._trace(f"the platform's API answers {path}{'' if answer is not None else ': 404'}")
        if self._wait("after"):
            raise NoAnswer
        if answer is None:
            return 404, {}, b"{}"
        return (200 if answer else 204), {}, answer

    def _wait(self, phase: str) -> bool:
        """Let time pass up to a point. Return True if no answer comes."""
        invocation = self._scheduler.current
        assert invocation is not None
        self._scheduler.sleep(invocation.rng.randint(_LATENCY_MS // 2, _LATENCY_MS))
        return self._scheduler.reach_point("platform", phase, timed=True)
