"""The API as the simulated functions reach it, with the emulator's rules and the faults on the way to it."""

import base64
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shopwire.errors import NoAnswer
from shopwire_emulator.emulator import Emulator
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Invocation, Killed, Scheduler

_ROOT = "/api/"
_LATENCY_MS = 120
_UNSTEADY_PROBABILITY = 0.5
# kind of fault -> status of the answer, 0 for no answer.
_OUTAGES = (
    ("api_down", 0),
    ("api_flapping", 503),
    ("api_error", 500),
    ("api_throttled", 429),
    ("api_throttled_after", 429),
    ("api_unauthorized", 401),
)
# kind of fault -> headers of the answers 429. Other programs use up most of the account's rate, so that only the first
# request of each second is left for shopwire.
_BUSY: tuple[tuple[str, Mapping[str, str]], ...] = (("api_busy", {}), ("api_busy_after", {"retry-after": "1"}))
_REPEATED_MS = 60_000
# After more than ten minutes what waits goes to the outbox. If such a pause ends early, a later change of an order may
# overtake an earlier one that was moved there already.
_RETRY_AFTER_SECONDS = (3, 8, 20, 45, 130, 400)
_REMEMBERED_PROBABILITY = 0.5
_POISONS = ("poison_refused", "poison_failing", "poison_killing")
# What a poisoned order's request must contain to fail: nothing (all its requests fail), or one kind of event.
_POISONED_TEXTS = (b"", b"", b'"orderUpdated"', b'"orderDelivered"', b'"orderCancelled"')
_ORDER_IDS = (b'"externalOrderId","value":"', b'"externalOrderId":"')
"""What is before the id of an order in a request to v1/event, and to v1/orders."""
_ORDERS = "v1/orders"

OnAccepted = Callable[[Invocation, str, str, bytes, dict[str, Any] | None, bool], None]
"""(invocation, account, method and path with query, body, the event as recorded, whether the answer arrived)."""
OnCall = Callable[[Invocation, str, bytes, bool], None]
"""(invocation, method and path, body, whether the API rejected it permanently). Called before the API accepts the
request."""
OnFailure = Callable[[Invocation, str, bytes, int, Mapping[str, str]], None]
"""(invocation, method and path, body, status, headers) of a request that failed temporarily. Status 0: no answer."""

Response = tuple[int, Mapping[str, str]]
TransportResponse = tuple[int, Mapping[str, str], bytes]


class SimulatedApi:
    """The transport of every environment.

    Args:
        on_accepted: see `OnAccepted`.
        on_call: see `OnCall`.
        on_failure: see `OnFailure`.
        trace: adds a line to the run's trace.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        faults: FaultSchedule,
        seed: int,
        on_accepted: OnAccepted,
        on_call: OnCall,
        on_failure: OnFailure,
        trace: Callable[[str], None],
    ) -> None:
        self.emulator = Emulator(lambda: scheduler.now / 1000)
        self.keys: dict[str, str] = {}
        """API key -> account. It stays the account of its shops when its key changes."""
        self._scheduler = scheduler
        self._faults = faults
        self._seed = seed
        self._on_accepted = on_accepted
        self._on_call = on_call
        self._on_failure = on_failure
        self._trace = trace
        self._poisons: dict[tuple[str, bytes], tuple[str, bytes] | None] = {}
        self._used_second: dict[str, int] = {}
        """Account -> the second in which the API last processed a request, while other programs use up its rate."""
        self._remembered: dict[bytes, int] = {}
        """Digest of each request that the API remembers although it failed -> when it came last."""
        self._unanswered: set[bytes] = set()
        """Digests of the requests that got no answer."""

    def transport(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> TransportResponse:
        """Answer one request. A fault may hit the invocation at each wait."""
        invocation = self._scheduler.current
        assert invocation is not None
        path = f"{method} {urlsplit(url).path.removeprefix(_ROOT)}"
        try:
            status, response_headers, *content = self._answer(invocation, method, url, headers, body, seconds)
        except NoAnswer:
            # 409 after no answer means that the request was accepted. An API that says so of a request that failed for
            # another sender meanwhile could not be told apart.
            digest = _digest(headers, path, body)
            self._remembered.pop(digest, None)
            self._unanswered.add(digest)
            self._on_failure(invocation, path, body, 0, {})
            raise
        if status not in (200, 400, 404):
            self._on_failure(invocation, path, body, status, response_headers)
        return status, response_headers, content[0] if content else b""

    def is_poisoned(self, account: str, id: str) -> bool:
        """Return True if the API fails or rejects requests about the order with this externalOrderId."""
        return bool(self._poisons.get((account, id.encode())))

    def _answer(
        self, invocation: Invocation, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Response | TransportResponse:
        scheduler, faults = self._scheduler, self._faults
        split = urlsplit(url)
        path = split.path.removeprefix(_ROOT)
        self._on_call(invocation, f"{method} {path}", body, False)
        if self._wait(_LATENCY_MS // 2, "before"):
            self._trace("the API cannot be reached")
            raise NoAnswer
        if invocation.next_request_is_late:
            invocation.next_request_is_late = False
            scheduler.sleep(int(seconds * 900))
        if (response := self._outage(invocation)) is not None:
            return response
        key = base64.b64decode(headers["Authorization"][6:]).decode().partition(":")[2]
        account = self.keys.get(key)
        if account is None or (
            account == self._account_with_wrong_key and faults.is_active("wrong_key", scheduler.now)
        ):
            self._trace("the API does not know the key")
            return 401, {}
        if (response := self._busy(invocation, account)) is not None:
            return response
        if method == "POST" and (poison := self._poison(account, body)):
            return self._answer_poisoned(invocation, f"{method} {path}", body, poison)
        if method == "POST" and (response := self._repeated(invocation, _digest(headers, f"{method} {path}", body))):
            return response
        if (
            faults.is_active("api_sluggish", scheduler.now)
            or faults.is_active("api_sluggish_flapping", scheduler.now)
            or any(faults.happens(kind, scheduler.now, invocation.rng) for kind in ("api_straggler", "api_races"))
        ):
            self._wait(int(seconds * 900), "before")  # late, but within the caller's time-out
        slow = faults.is_active("api_slow", scheduler.now)
        lost = slow or (faults.is_active("api_lost_answer", scheduler.now) and invocation.rng.random() < 0.5)
        reply = self.emulator.handle_without_faults(account, method, path, dict(parse_qsl(split.query)), body)
        if reply.status not in (200, 404):  # 404 answers the erasure of a contact that does not exist
            self._trace(f"the API refuses {method} {path}: {reply.status} {reply.body}")
            self._on_call(invocation, f"{method} {path}", body, reply.status == 400)
            return reply.status, reply.headers
        event = self.emulator.last_event(account) if path == "v1/event" else None
        accepted_at = scheduler.now
        query = f"?{split.query}" if split.query else ""
        self._on_accepted(invocation, account, f"{method} {path}{query}", body, event, not lost)
        text = _describe_event(event) if event else _describe_call(method, path, body)
        self._trace(f"the API accepted {text}{', its answer is lost' if lost else ''}")
        if lost:
            # The answer comes after the caller's time-out.
            self._wait(int(seconds * 1000), "after")
            raise NoAnswer
        if self._wait(_LATENCY_MS // 2, "after"):
            self._trace("its answer is lost")
            invocation.notes["unanswered"] = accepted_at
            raise NoAnswer
        return reply.status, {}, json.dumps(reply.body).encode()

    def _outage(self, invocation: Invocation) -> Response | None:
        """Answer as an API that is down or fails. None: the API works.

        Raises:
            NoAnswer.
        """
        faults, now = self._faults, self._scheduler.now
        for kind, status in _OUTAGES:
            if faults.is_active(kind, now):
                self._trace(f"the API fails: {kind}")
                if not status:
                    raise NoAnswer
                self._wait(_LATENCY_MS // 2, "after")
                return status, {"retry-after": self._retry_after(now)} if kind == "api_throttled_after" else {}
        if (faults.is_active("api_unsteady", now) or faults.is_active("api_unsteady_flapping", now)) and (
            invocation.rng.random() < _UNSTEADY_PROBABILITY
        ):
            self._trace("the API fails this time")
            self._wait(_LATENCY_MS // 2, "after")
            return 503, {}
        return None

    def _retry_after(self, now: int) -> str:
        """Return what the API asks for in this minute: sometimes less than the first pause, sometimes much more."""
        return str(random.Random(f"{self._seed}:{now // 60_000}").choice(_RETRY_AFTER_SECONDS))

    def _busy(self, invocation: Invocation, account: str) -> Response | None:
        """Answer 429 if the rate of the account is used up in this second. None: it is not."""
        now = self._scheduler.now
        for kind, headers in _BUSY:
            if not self._faults.is_active(kind, now):
                continue
            if self._used_second.get(account) == now // 1000:
                self._trace("the rate of the account is used up in this second")
                self._wait(_LATENCY_MS // 2, "after")
                return 429, headers
            self._used_second[account] = now // 1000
        return None

    def _repeated(self, invocation: Invocation, digest: bytes) -> Response | None:
        """Answer as an API that remembers a request although it failed: first 500, then 409 until a minute is over.

        The vendor does not say that only processed requests count. None: the API processes the request.
        """
        now = self._scheduler.now
        if digest in self._unanswered:
            return None
        if now - self._remembered.get(digest, now - _REPEATED_MS) < _REPEATED_MS:
            self._remembered[digest] = now
            self._trace("the same request came less than a minute ago, and failed")
            status = 409
        elif self._faults.is_active("api_remembers", now) and invocation.rng.random() < _REMEMBERED_PROBABILITY:
            self._remembered[digest] = now
            self._trace("the API fails and remembers the request")
            status = 500
        else:
            return None
        self._wait(_LATENCY_MS // 2, "after")
        return status, {}

    @property
    def _account_with_wrong_key(self) -> str:
        """The account whose key is wrong while that fault is active."""
        accounts = sorted(set(self.keys.values()))
        return accounts[self._seed % len(accounts)]

    def _wait(self, longest: int, phase: str) -> bool:
        """Let time pass up to a point. Return True if no answer comes.

        Args:
            longest: longest time in milliseconds. The shortest is half of it.
            phase: "before" or "after" the effect of the request.
        """
        invocation = self._scheduler.current
        assert invocation is not None
        self._scheduler.sleep(invocation.rng.randint(longest // 2, longest))
        return self._scheduler.reach_point("api", phase, timed=True)

    def _poison(self, account: str, body: bytes) -> str | None:
        """Return how the request about a poisoned order or cart fails. None: it does not, or no fault happens any more.

        Whether an order is poisoned is drawn when the API first sees it.
        """
        before = next((text for text in _ORDER_IDS if text in body), None)
        if before is None:
            return None
        key = (account, body.partition(before)[2][:40].partition(b'"')[0])
        if key not in self._poisons:
            rng = random.Random(f"{self._seed}:{key}")
            poison = next((kind for kind in _POISONS if self._faults.happens(kind, self._scheduler.now, rng)), None)
            self._poisons[key] = (poison, rng.choice(_POISONED_TEXTS)) if poison else None
        if not (found := self._poisons[key]) or self._faults.has_ended(self._scheduler.now):
            return None
        poison, text = found
        return poison if text in body else None

    def _answer_poisoned(
        self, invocation: Invocation, path: str, body: bytes, poison: str
    ) -> Response | TransportResponse:
        if poison == "poison_killing":
            self._trace("the request crashes the function")
            raise Killed
        self._trace(f"the API fails for this order: {poison}")
        rejected = poison == "poison_refused"
        self._on_call(invocation, path, body, rejected)
        if rejected and path.endswith(_ORDERS):
            failed = [{"order": json.loads(body)["orders"][0], "error": "the order cannot be saved"}]
            return 200, {}, json.dumps({"failedOrders": failed}).encode()
        return (400 if rejected else 500), {}


def _describe_call(method: str, path: str, body: bytes) -> str:
    if path == _ORDERS and method == "POST":
        (order,) = json.loads(body)["orders"]
        return f"the order {order['externalOrderId']}: {order['status']}"
    if path not in ("v1/contact", "v1/contact/subscribe") or not body:
        return f"{method} {path}"
    contact = json.loads(body)
    kind = "the unconfirmed contact" if "contact" in contact else "the contact"
    contact = contact.get("contact", contact)
    addresses = [channel["value"] for channel in contact["channels"]]
    identities = (contact.get("externalCustomerId"), *addresses, contact.get("firstName"))
    return " ".join(filter(None, (kind, *identities)))


def _describe_event(event: dict[str, Any]) -> str:
    params = {param["name"]: param["value"] for param in event["params"]}
    order = f" of order {params['externalOrderId']}: {params.get('status')}" if "externalOrderId" in params else ""
    return f"{event['eventTypeKey']}{order}{'' if event['saved'] else ', and ignores it: ' + event['reason']}"


def _digest(headers: Mapping[str, str], path: str, body: bytes) -> bytes:
    return hashlib.sha256(f"{headers['Authorization']} {path} ".encode() + body).digest()
