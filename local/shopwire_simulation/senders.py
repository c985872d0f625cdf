"""The sending side of the platforms. Each repeats a webhook as the real platform does, and may send it twice or late.

How often a platform repeats a webhook and how long it waits is data of the platform (`Platform.retries`).
"""

import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pydantic import SecretStr

from shopwire import platforms
from shopwire.models import Shop
from shopwire.platforms.base import Platform
from shopwire_simulation.cloud import TIMEOUTS, Cloud
from shopwire_simulation.faults import SEND_TWICE, FaultSchedule
from shopwire_simulation.scheduler import Invocation, Scheduler
from shopwire_simulation.shops import simulated_platforms
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import DAY, HOUR, MINUTE, SECOND
from shopwire_testkit.storefront.simulated_visitor import visitor_signature

_HELD_BACK_MS = 6 * HOUR
_HELD_BACK_COMPRESSED_MS = 30 * SECOND

OnAnswer = Callable[[Announcement, Invocation, int, object, bool], None]
"""(announcement, invocation, status, the answer or what ended the function, whether the call was forged)."""


@dataclass(slots=True)
class SendRecord:
    """What the platform knows about one announcement. Times are UTC milliseconds."""

    announcement: Announcement
    accepted_at: int | None = None
    """When it was first answered 2xx."""
    attempted_at: list[int] = field(default_factory=list)
    """When each of its calls was made, whatever the answer."""

    @property
    def first_attempt_at(self) -> int | None:
        """When its first call was made, or None if none was made yet."""
        return self.attempted_at[0] if self.attempted_at else None


class Senders:
    """Sends every announcement, with the faults on the way.

    Args:
        records: where the record of each announcement is kept, by its id.
        on_answer: see `OnAnswer`.
        trace: adds a line to the run's trace.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        cloud: Cloud,
        faults: FaultSchedule,
        seed: int,
        shops: dict[str, Shop],
        records: dict[int, SendRecord],
        on_answer: OnAnswer,
        trace: Callable[[str], None],
    ) -> None:
        self._scheduler = scheduler
        self._cloud = cloud
        self._faults = faults
        self._seed = seed
        self._shops = shops
        self._records = records
        self._on_answer = on_answer
        self._trace = trace
        self.answers: dict[str, int] = {}
        """Number of answers by status."""

    def schedule(self, announcement: Announcement) -> None:
        """Schedule the sending of an announcement."""
        self._records[announcement.id] = SendRecord(announcement)
        self._scheduler.call_at(announcement.at, lambda: self._begin(announcement))

    def _begin(self, announcement: Announcement) -> None:
        rng, now = random.Random(f"{self._seed}:{announcement.id}"), self._scheduler.now
        shop = self._shops[announcement.shop]
        headers = _sign(announcement, shop, now)
        delay = rng.randrange(400)
        if not announcement.storefront:  # a browser sends at once, because a later call is another visit
            if self._faults.happens("very_late", now, rng):
                delay = rng.randrange(DAY)
            elif self._faults.happens("late", now, rng):
                delay = rng.randrange(rng.choice((SECOND, 10 * SECOND, 5 * MINUTE)))
        delay += self._held_back_ms(announcement)
        self._attempt_later(announcement, headers, delay)
        if announcement.storefront:
            # A browser does not repeat a visit. A stranger may send it with a forged signature.
            if b'"signature"' in announcement.body and self._faults.happens("forged_visit", now, rng):
                body = _forge_visit(announcement.body, shop, now, rng)
                self._post_variant(announcement, shop, body, rng.randrange(MINUTE), "forged")
            return
        if self._faults.happens("duplicate", now, rng):
            gaps = (0, rng.randrange(50), rng.randrange(2 * SECOND), rng.randrange(10 * SECOND), MINUTE, DAY)
            self._attempt_later(announcement, headers, delay + rng.choice(gaps))
        if self._faults.includes(SEND_TWICE):
            self._attempt_later(announcement, headers, delay + rng.randrange(8 * SECOND))
        if self._faults.happens("forged", now, rng):
            stranger = shop.model_copy(update={"secrets": (SecretStr("a stranger's guess"),)})
            self._post_variant(announcement, stranger, announcement.body, rng.randrange(MINUTE), "forged")
        if self._faults.happens("unreadable", now, rng):
            body = announcement.body[: rng.randrange(len(announcement.body))]
            self._post_variant(announcement, shop, body, 0, "cut off")

    def _held_back_ms(self, announcement: Announcement) -> int:
        """Return how much later the snapshots of some orders and accounts arrive, so that facts are first."""
        kind = {"order": "facts_first", "contact": "deletions_first"}.get(announcement.entity.partition(" ")[0])
        rng = random.Random(f"{self._seed}:{announcement.shop}:{announcement.entity}")
        if announcement.fact or not (kind and self._faults.happens(kind, self._scheduler.now, rng)):
            return 0
        return _HELD_BACK_COMPRESSED_MS if self._faults.is_compressed else _HELD_BACK_MS

    def _attempt_later(self, announcement: Announcement, headers: dict[str, str], delay: int) -> None:
        self._scheduler.call_later(delay, lambda: self._attempt(announcement, headers, 0))

    def _post_variant(self, announcement: Announcement, signer: Shop, body: bytes, delay: int, variant: str) -> None:
        """Post a changed copy of the announcement: with a forged signature, or with a part of its body.

        Args:
            signer: the shop with whose secret the copy is signed.
            delay: milliseconds until it is posted.
            variant: how the copy differs: "forged" or "cut off".
        """
        scheduler, copy = self._scheduler, replace(announcement, body=body)
        headers = _sign(copy, signer, scheduler.now)

        def post() -> None:
            function = _function(announcement)
            seed = f"{self._seed}:{variant}:{announcement.id}"
            invocation = Invocation(function, scheduler.now + TIMEOUTS[function], seed)
            event = _event(copy, headers, scheduler.now)

            def done(answer: object) -> None:
                status = answer["statusCode"] if isinstance(answer, dict) else 500
                text = answer["body"] if isinstance(answer, dict) else answer
                self._trace(f"{_describe(announcement)}, {variant} -> {status} {text}")
                if status == 400 and variant == "cut off" and platform_of(announcement, signer).reports_mistakes:
                    return  # nothing of it is kept
                self._on_answer(announcement, invocation, status, answer, variant == "forged")

            self._cloud.http(event, invocation, done)

        scheduler.call_later(delay, post)

    def _attempt(self, announcement: Announcement, headers: dict[str, str], retry: int) -> None:
        """Post the announcement. Post it again if the answer is not 200, or does not come in time.

        Args:
            retry: number of the repetition, 0 for the first call.
        """
        scheduler, record, shop = self._scheduler, self._records[announcement.id], self._shops[announcement.shop]
        platform = platform_of(announcement, shop)
        retries = platform.retries
        if platform.signature.max_age_seconds:
            headers = _sign(announcement, shop, scheduler.now)
        record.attempted_at.append(scheduler.now)
        function = _function(announcement)
        seed = f"{self._seed}:{announcement.id}:{scheduler.now}"
        invocation = Invocation(function, scheduler.now + TIMEOUTS[function], seed)
        invocation.notes["announcement"] = announcement.id
        finished = False

        def repeat() -> None:
            nonlocal finished
            if not finished:
                finished = True
                if retry < len(retries.delays_seconds):
                    delay = retries.delays_seconds[retry] * SECOND
                    scheduler.call_later(delay, lambda: self._attempt(announcement, headers, retry + 1))

        def done(answer: object) -> None:
            nonlocal finished
            status = answer["statusCode"] if isinstance(answer, dict) else 500
            if status == 200:
                if record.accepted_at is None:
                    record.accepted_at = scheduler.now
                finished = True
            else:
                repeat()
            self.answers[str(status)] = self.answers.get(str(status), 0) + 1
            text = "crashed" if invocation.killed else answer["body"] if isinstance(answer, dict) else answer
            self._trace(f"{_describe(announcement)} -> {status} {text}")
            self._on_answer(announcement, invocation, status, answer, False)

        scheduler.call_later(retries.timeout_seconds * SECOND, repeat)
        self._cloud.http(_event(announcement, headers, scheduler.now), invocation, done)


def platform_of(announcement: Announcement, shop: Shop) -> Platform:
    """Return the platform adapter that parses the announcement."""
    return platforms.get("storefront" if announcement.storefront else shop.platform)


def path_of(announcement: Announcement) -> str:
    """Return the path to which the announcement is posted."""
    return f"/{'storefront' if announcement.storefront else 'webhooks'}/{announcement.shop}"


def post_once(
    announcement: Announcement, shop: Shop, scheduler: Scheduler, cloud: Cloud, on_answer: Callable[[str], None]
) -> None:
    """Post an announcement now, whatever the answer. The headers that are not signed have new ids.

    Args:
        on_answer: called with the body of the answer, or with what ended the function.
    """
    function = _function(announcement)
    invocation = Invocation(function, scheduler.now + TIMEOUTS[function], f"{announcement.id}:{scheduler.now}")
    headers = _sign(announcement, shop, scheduler.now)

    def done(answer: object) -> None:
        on_answer(answer["body"] if isinstance(answer, dict) else repr(answer))

    cloud.http(_event(announcement, headers, scheduler.now), invocation, done)


def _sign(announcement: Announcement, shop: Shop, now: int) -> dict[str, str]:
    """Return the headers as API Gateway passes them on: with names in lower case."""
    if announcement.storefront:
        return {"content-type": "application/json", "origin": shop.origins[0]}
    secret = shop.secrets[0].get_secret_value()
    store = shop.stores[0] if shop.stores else ""
    sign = simulated_platforms()[shop.platform].signed_headers
    headers = sign(announcement.topic, announcement.body, secret, shop.id, store, now, announcement.id)
    return {name.lower(): value for name, value in headers.items()}


def _forge_visit(body: bytes, shop: Shop, now: int, rng: random.Random) -> bytes:
    """Return a visit whose signature is invented, of another shop, or older than a page may be."""
    visit = json.loads(body)
    ((kind, value),) = visit["contact"].items()
    secret = shop.storefront_secret[0].get_secret_value()
    forged = (
        "0" + visit["signature"],
        visitor_signature(secret, "another-shop", kind, value, now),
        visitor_signature(secret, shop.id, kind, value, now - 4 * DAY),
    )
    return json.dumps(visit | {"signature": rng.choice(forged)}).encode()


def _function(announcement: Announcement) -> str:
    return "storefront" if announcement.storefront else "webhook"


def _describe(announcement: Announcement) -> str:
    version = f", version {announcement.version}" if announcement.version else ""
    return f"#{announcement.id} {announcement.topic} of {announcement.entity}{version}"


def _event(announcement: Announcement, headers: dict[str, str], now: int) -> dict[str, object]:
    path = path_of(announcement)
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": headers,
        "requestContext": {"http": {"method": "POST", "path": path}, "timeEpoch": now},
        "body": base64.b64encode(announcement.body).decode(),
        "isBase64Encoded": True,
    }
