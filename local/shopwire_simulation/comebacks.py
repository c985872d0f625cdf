"""After the end of a run, customers come back, and a stranger sends captured erasure requests again.

Nothing is down any more, so what must follow is certain. A captured request does not erase a customer who came back,
and another request of the same customer does. The API keeps the visit of a customer who was not erased: it knows the
customer, or shopwire sends the contact first. It does not keep it if shopwire believes that the API has a contact which
it does not have.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shopwire.models import Shop
from shopwire_emulator.emulator import Emulator
from shopwire_simulation.checkers.observations import Violation
from shopwire_simulation.cloud import Cloud
from shopwire_simulation.scheduler import Scheduler
from shopwire_simulation.senders import post_once
from shopwire_testkit.announcements import Announcement, CartState, CustomerState, Erasure, Story, Visit
from shopwire_testkit.durations import MINUTE
from shopwire_testkit.storefront.simulated_visitor import visitor_signature

_MOST_ERASED = 20
"""Number of erased customers who come back at most."""
_MOST_VISITORS = 100
"""Number of other customers who come back at most."""
_VISITS_MS = 10 * MINUTE
"""A contact that was sent less than a minute before is sent again after a minute."""


class Comebacks:
    """Lets customers come back.

    Args:
        shops: the shops as their platforms know them at the end of the run.
        accounts: the account of the API that each shop uses.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        cloud: Cloud,
        emulator: Emulator,
        shops: Mapping[str, Shop],
        accounts: Mapping[str, str],
    ) -> None:
        self._scheduler = scheduler
        self._cloud = cloud
        self._emulator = emulator
        self._shops = shops
        self._accounts = accounts
        self._violations: list[Violation] = []

    def run(self, stories: Mapping[int, Story], erased: Iterable[int]) -> list[Violation]:
        """Let erased customers come back, run until all of it is over, and return the violations.

        Args:
            erased: numbers of the stories whose erasure request was executed.
        """
        for number in sorted(erased)[:_MOST_ERASED]:
            story = stories[number]
            for announcement in story.announcements:
                meaning = story.meanings.get(announcement.id)
                if isinstance(meaning, Erasure):
                    self._come_back(number, announcement, meaning)
        return self._violations

    def _come_back(self, story: int, request: Announcement, erasure: Erasure) -> None:
        if (comeback := erasure.comeback) is None:
            return
        email = erasure.identities[0]

        def expect(known: bool, text: str, answer: str) -> bool:
            if self._is_known(request.shop, email) is known:
                return True
            text = f"{text} (the last webhook was answered {answer})"
            self._violations.append(Violation("wrong_final_state", request.shop, request.entity, text, story))
            return False

        answer = self._send(request, comeback.topic, comeback.registration(self._scheduler.now))
        if not expect(True, "a customer who came back after an erasure is not known to the API", answer):
            return
        answer = self._send(request, request.topic, request.body)
        if not expect(True, "a repeated erasure request erased a customer who came back", answer):
            return
        answer = self._send(request, request.topic, comeback.next_request)
        expect(False, "another erasure request of a customer who came back was not executed", answer)

    def _send(self, request: Announcement, topic: str, body: bytes) -> str:
        """Send a webhook of the same shop with new ids in its headers, and run what follows. Return its answer."""
        webhook, answers = replace(request, topic=topic, body=body), ["with nothing"]
        post_once(webhook, self._shops[request.shop], self._scheduler, self._cloud, answers.append)
        self._scheduler.run(self._scheduler.now + MINUTE)
        return answers[-1]

    def _is_known(self, shop: str, email: str) -> bool:
        contacts: list[dict[str, Any]] = self._emulator.state(self._accounts[shop])["contacts"]
        return any(email in contact.values() for contact in contacts)

    def visit(self, stories: Mapping[int, Story]) -> list[Violation]:
        """Let customers visit their shops, run until the visits are over, and return the violations."""
        visits: dict[int, Announcement] = {}
        for number, story in stories.items():
            shop, email = self._shops[story.shop], _email(story)
            # An account without events keeps no visits.
            if email and shop.storefront_secret and shop.orders != "orders" and len(visits) < _MOST_VISITORS:
                body = self._body(shop, email, number)
                visits[number] = replace(story.announcements[-1], topic="page", body=body, storefront=True)
        for visit in visits.values():
            post_once(visit, self._shops[visit.shop], self._scheduler, self._cloud, lambda answer: None)
        self._scheduler.run(self._scheduler.now + _VISITS_MS)
        kept = self._kept_pages()
        return [
            Violation("lost", visit.shop, "view", "the visit of a customer who returned is not kept", number)
            for number, visit in visits.items()
            if _page(number) not in kept
        ]

    def _kept_pages(self) -> set[str]:
        return {
            json.loads(param["value"])["location"]
            for account in set(self._accounts.values())
            for event in self._emulator.state(account)["events"]
            if event["saved"]
            for param in event["params"]
            if param["name"] == "page"
        }

    def _body(self, shop: Shop, email: str, story: int) -> bytes:
        secret = shop.storefront_secret[-1].get_secret_value()
        signature = visitor_signature(secret, shop.id, "email", email, self._scheduler.now)
        contact = {"email": email}
        return json.dumps({"type": "page", "contact": contact, "signature": signature, "url": _page(story)}).encode()


def _page(story: int) -> str:
    return f"https://sim.example/returned/{story}"


def _email(story: Story) -> str | None:
    """Return the last e-mail address that the story's customer has, unless the customer is erased."""
    if any(isinstance(meaning, Erasure) for meaning in story.meanings.values()):
        return None
    emails = [
        meaning.person.email
        for meaning in story.meanings.values()
        if isinstance(meaning, CartState | CustomerState | Visit)
        and meaning.person
        and meaning.person.email
        and not getattr(meaning, "by_other_customer", False)
    ]
    return emails[-1] if emails else None
