"""The API as the simulated functions reach it: the emulator's own rules, and what can go wrong on the way."""

import base64
import json
import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shopwire.errors import NoAnswer
from shopwire_emulator.emulator import Emulator
from shopwire_simulation.faults import Faults
from shopwire_simulation.scheduler import Invocation, Killed, World

_ROOT = "/api/"
_LATENCY = 120
_UNSTEADY = 0.5
_MODES = (
    ("api_down", 0),
    ("api_by_turns", 503),
    ("api_error", 500),
    ("api_throttled", 429),
    ("api_throttled_after", 429),
    ("api_unauthorized", 401),
)
_POISONS = ("poison_refused", "poison_failing", "poison_killing")
# What of such an order or cart it does not like: everything, or one of its events.
_DISLIKED = (b"", b"", b'"orderUpdated"', b'"orderDelivered"', b'"orderCancelled"')

Taken = Callable[[Invocation, str, str, bytes, dict[str, Any] | None, bool], None]
"""(invocation, shop, method and path, body, the event as recorded, whether the answer got back)."""
Called = Callable[[Invocation, str, bool], None]
"""(invocation, method and path, whether the API refused it for good): a call that was not taken yet."""


class Api:
    """The transport of every environment."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        seed: int,
        taken: Taken,
        called: Called,
        failed: Callable[[Invocation], None],
        tell: Callable[[str], None],
    ) -> None:
        self.emulator = Emulator(lambda: world.now / 1000)
        self.keys: dict[str, str] = {}
        """API key -> shop: an account is the shop's, whatever its key is now."""
        self._world = world
        self._faults = faults
        self._seed = seed
        self._taken = taken
        self._called = called
        self._failed = failed
        self._tell = tell
        self._poisons: dict[tuple[str, bytes], tuple[str, bytes] | None] = {}

    def transport(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        """One request. Every wait in it is a point to die at."""
        invocation = self._world.current
        assert invocation is not None
        try:
            status, answered = self._answer(invocation, method, url, headers, body, seconds)
        except NoAnswer:
            self._failed(invocation)
            raise
        if status not in (200, 400):
            self._failed(invocation)
        return status, answered

    def _answer(
        self, invocation: Invocation, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        world, faults = self._world, self._faults
        split = urlsplit(url)
        path = split.path.removeprefix(_ROOT)
        self._called(invocation, f"{method} {path}", False)
        if self._wait(_LATENCY // 2, "before"):
            self._tell("the API cannot be reached")
            raise NoAnswer
        for kind, status in _MODES:
            if faults.on(kind, world.now):
                self._tell(f"the API fails: {kind}")
                return self._fails(kind, status)
        if (faults.on("api_unsteady", world.now) or faults.on("api_unsteady_by_turns", world.now)) and (
            invocation.rng.random() < _UNSTEADY
        ):
            self._tell("the API fails this time")
            return self._fails("api_unsteady", 503)
        shop = self.keys.get(base64.b64decode(headers["Authorization"][6:]).decode().partition(":")[2])
        if shop is None or (shop == self._unlucky and faults.on("wrong_key", world.now)):
            self._tell("the API does not know the key")
            return 401, {}
        poison = self._poison(shop, body)
        if poison == "poison_killing":
            self._tell("it kills the function")
            raise Killed
        if poison:
            self._tell(f"the API does not like it: {poison}")
            self._called(invocation, f"{method} {path}", poison == "poison_refused")
            return (400 if poison == "poison_refused" else 500), {}
        if faults.on("api_sluggish", world.now) or faults.on("api_sluggish_by_turns", world.now):
            self._wait(int(seconds * 900), "before")  # late, but within the caller's patience
        slow = faults.on("api_slow", world.now)
        lost = slow or (faults.on("api_lost_answer", world.now) and invocation.rng.random() < 0.5)
        reply = self.emulator.handle_without_faults(shop, method, path, dict(parse_qsl(split.query)), body)
        event = self.emulator.last_event(shop) if path == "v1/event" and reply.status == 200 else None
        taken_at = world.now
        self._taken(invocation, shop, f"{method} {path}", body, event, not lost)
        said = _event(event) if event else _call(method, path, body)
        self._tell(f"the API took {said}{', its answer is lost' if lost else ''}")
        if lost:
            # A slow answer comes after the caller's patience.
            self._wait(int(seconds * 1000), "after")
            raise NoAnswer
        if self._wait(_LATENCY // 2, "after"):
            self._tell("its answer is lost")
            invocation.notes["unanswered"] = taken_at
            raise NoAnswer
        return reply.status, {}

    @property
    def _unlucky(self) -> str:
        """The shop whose key is wrong while that fault lasts."""
        shops = sorted(set(self.keys.values()))
        return shops[self._seed % len(shops)]

    def is_poisoned(self, shop: str, id: str) -> bool:
        """Whether the API has something against this order."""
        return bool(self._poisons.get((shop, id.encode())))

    def _fails(self, kind: str, status: int) -> tuple[int, Mapping[str, str]]:
        if not status:
            raise NoAnswer
        self._wait(_LATENCY // 2, "after")
        return status, {"retry-after": "20"} if kind == "api_throttled_after" else {}

    def _wait(self, longest: int, phase: str) -> bool:
        """Let time pass, to a point where a blow may strike. Answers whether no answer comes."""
        invocation = self._world.current
        assert invocation is not None
        self._world.pause(invocation.rng.randint(longest // 2, longest))
        return self._world.point("api", phase, timed=True)

    def _poison(self, shop: str, body: bytes) -> str | None:
        """What is wrong with the order or cart that the request is about, as long as faults come at all."""
        at = body.find(b'"externalOrderId","value":"')
        if at < 0:
            return None
        key = (shop, body[at + 27 : at + 60].partition(b'"')[0])
        if key not in self._poisons:
            rng = random.Random(f"{self._seed}:{key}")
            poison = next((one for one in _POISONS if self._faults.chance(one, self._world.now, rng)), None)
            self._poisons[key] = (poison, rng.choice(_DISLIKED)) if poison else None
        if not (found := self._poisons[key]) or not self._faults.lasting(self._world.now):
            return None
        return found[0] if found[1] in body else None


def _call(method: str, path: str, body: bytes) -> str:
    if path != "v1/contact" or not body:
        return f"{method} {path}"
    contact = json.loads(body)
    said = [channel["value"] for channel in contact["channels"]]
    return " ".join(filter(None, ("the contact", contact.get("externalCustomerId"), *said, contact.get("firstName"))))


def _event(event: dict[str, Any]) -> str:
    params = {param["name"]: param["value"] for param in event["params"]}
    about = f" of order {params['externalOrderId']}: {params.get('status')}" if "externalOrderId" in params else ""
    return f"{event['eventTypeKey']}{about}{'' if event['saved'] else ', and ignores it: ' + event['reason']}"
