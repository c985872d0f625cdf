"""The platforms' sending side: each tries again as the real one does, or not at all, and may send twice or late.

Retries: Shopify 8 in 4 hours, 5 s for an answer (shopify.dev, changelog 2024-09-10); WooCommerce none, 60 s
(class-wc-webhook.php).
"""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pydantic import SecretStr

from shopwire import platforms
from shopwire.models import Shop
from shopwire_simulation.cloud import TIMEOUTS, Cloud
from shopwire_simulation.faults import DAY, EVERY_TWICE, MINUTE, SECOND, Faults
from shopwire_simulation.scheduler import Invocation, World
from shopwire_testkit.announcements import Announcement

_RETRIES = {
    "shopify": tuple(minutes * MINUTE for minutes in (1, 2, 5, 10, 20, 40, 70, 90)),
    "woocommerce": (),
    "storefront": (),
}
_PATIENCE = {"shopify": 5 * SECOND, "woocommerce": 60 * SECOND, "storefront": 60 * SECOND}


Tell = Callable[[Announcement | None, str], None]
Answered = Callable[[Announcement, Invocation, int, object, bool], None]
"""(announcement, invocation, status, the answer or what ended the function, whether the call was forged)."""


@dataclass(slots=True)
class Sent:
    """What became of an announcement, as its platform sees it."""

    announcement: Announcement
    statuses: list[str] = field(default_factory=list)
    """What shopwire answered to each of its deliveries that was answered 2xx."""
    reached: bool = False
    """Some delivery of it got past the platform, whatever came back."""
    first_at: int | None = None
    answered_at: int | None = None
    """When it was first answered 2xx."""
    attempts: list[int] = field(default_factory=list)
    """When each of its deliveries came."""


class Senders:
    """Sends every announcement, with the faults of the way."""

    def __init__(
        self,
        world: World,
        cloud: Cloud,
        faults: Faults,
        seed: int,
        shops: dict[str, Shop],
        answered: Answered,
        tell: Tell,
    ) -> None:
        self._world = world
        self._cloud = cloud
        self._faults = faults
        self._seed = seed
        self.shops = shops
        self.sent: dict[int, Sent] = {}
        self._answered = answered
        self._tell = tell
        self.answers: dict[str, int] = {}
        """How many deliveries were answered how."""

    def announce(self, announcement: Announcement) -> None:
        """Put an announcement on its way."""
        self.sent[announcement.id] = Sent(announcement)
        self._world.at(announcement.at, lambda: self._begin(announcement))

    def _begin(self, announcement: Announcement) -> None:
        rng, now = random.Random(f"{self._seed}:{announcement.id}"), self._world.now
        shop = self.shops[announcement.shop]
        headers = _signed(announcement, shop, now)
        delay = rng.randrange(400)
        if not announcement.storefront:  # a browser sends at once: what came late would be another visit
            if self._faults.chance("very_late", now, rng):
                delay = rng.randrange(DAY)
            elif self._faults.chance("late", now, rng):
                delay = rng.randrange(rng.choice((SECOND, 10 * SECOND, 5 * MINUTE)))
        self._world.after(delay, lambda: self._attempt(announcement, headers, 0))
        if announcement.storefront:
            # Nobody sends it twice: two are two visits. A stranger who signs for somebody is turned away.
            if b'"signature"' in announcement.body and self._faults.chance("forged_visit", now, rng):
                body = announcement.body.replace(b'"signature":"', b'"signature":"0')
                self._aside(announcement, shop, body, rng.randrange(MINUTE), "forged")
            return
        if self._faults.chance("duplicate", now, rng):
            again = delay + rng.choice(
                (0, rng.randrange(50), rng.randrange(2 * SECOND), rng.randrange(10 * SECOND), MINUTE, DAY)
            )
            self._world.after(again, lambda: self._attempt(announcement, headers, 0))
        if self._faults.is_possible(EVERY_TWICE):
            self._world.after(delay + rng.randrange(8 * SECOND), lambda: self._attempt(announcement, headers, 0))
        if self._faults.chance("forged", now, rng):
            stranger = shop.model_copy(update={"secrets": (SecretStr("a stranger's guess"),)})
            self._aside(announcement, stranger, announcement.body, rng.randrange(MINUTE), "forged")
        if self._faults.chance("unreadable", now, rng):
            self._aside(announcement, shop, announcement.body[: rng.randrange(len(announcement.body))], 0, "cut off")

    def _aside(self, announcement: Announcement, signer: Shop, body: bytes, delay: int, what: str) -> None:
        """Post something beside the announcement: its body signed by a stranger, or a part of it."""
        world, aside = self._world, replace(announcement, body=body)
        headers = _signed(aside, signer, world.now)

        def post() -> None:
            function = _function(announcement)
            seed = f"{self._seed}:{what}:{announcement.id}"
            invocation = Invocation(function, world.now + TIMEOUTS[function], seed)
            event = _event(aside, headers, world.now)

            def done(answer: object) -> None:
                status = answer["statusCode"] if isinstance(answer, dict) else 500
                said = answer["body"] if isinstance(answer, dict) else answer
                self._tell(announcement, f"{_words(announcement)}, {what} -> {status} {said}")
                self._answered(announcement, invocation, status, answer, what == "forged")

            self._cloud.http(event, invocation, done)

        world.after(delay, post)

    def _attempt(self, announcement: Announcement, headers: dict[str, str], retry: int) -> None:
        world, sent = self._world, self.sent[announcement.id]
        platform = language(announcement, self.shops[announcement.shop])
        sent.reached = True
        sent.attempts.append(world.now)
        if sent.first_at is None:
            sent.first_at = world.now
        seed = f"{self._seed}:{announcement.id}:{world.now}"
        function = _function(announcement)
        invocation = Invocation(function, world.now + TIMEOUTS[function], seed)
        invocation.notes["announcement"] = announcement.id
        state = {"over": False}

        def again() -> None:
            if not state["over"]:
                state["over"] = True
                if retry < len(_RETRIES[platform]):
                    delay = _RETRIES[platform][retry]
                    world.after(delay, lambda: self._attempt(announcement, headers, retry + 1))

        def done(answer: object) -> None:
            status = answer["statusCode"] if isinstance(answer, dict) else 500
            if status == 200:
                if sent.answered_at is None:
                    sent.answered_at = world.now
                said = answer["body"] if isinstance(answer, dict) else ""
                sent.statuses.append(said)
                state["over"] = True
            else:
                again()
            self.answers[str(status)] = self.answers.get(str(status), 0) + 1
            said = "died" if invocation.killed else answer["body"] if isinstance(answer, dict) else answer
            self._tell(announcement, f"{_words(announcement)} -> {status} {said}")
            self._answered(announcement, invocation, status, answer, False)

        world.after(_PATIENCE[platform], again)
        self._cloud.http(_event(announcement, headers, world.now), invocation, done)


def language(announcement: Announcement, shop: Shop) -> str:
    """The platform in whose language an announcement is."""
    return "storefront" if announcement.storefront else shop.platform


def _signed(announcement: Announcement, shop: Shop, now: int) -> dict[str, str]:
    headers = platforms.get(language(announcement, shop)).sign(announcement.topic, announcement.body, shop, now).headers
    return dict(headers) | {"origin": shop.origins[0]} if announcement.storefront else dict(headers)


def _function(announcement: Announcement) -> str:
    return "storefront" if announcement.storefront else "webhook"


def path_of(announcement: Announcement) -> str:
    """Where an announcement is posted."""
    return f"/{'storefront' if announcement.storefront else 'webhooks'}/{announcement.shop}"


def _words(one: Announcement) -> str:
    return f"#{one.id} {one.topic} of {one.entity}" + (f", version {one.version}" if one.version else "")


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
