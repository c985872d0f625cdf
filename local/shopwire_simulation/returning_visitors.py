"""After the end of a run, customers visit their shops again.

Nothing is down any more, so the API must keep each visit: it knows the customer, or shopwire sends the contact first.
It does not keep it if shopwire believes that the API has a contact which it does not have.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from shopwire.models import Shop
from shopwire_emulator.emulator import Emulator
from shopwire_simulation.checkers.observations import Violation
from shopwire_simulation.cloud import Cloud
from shopwire_simulation.scheduler import Scheduler
from shopwire_simulation.senders import post_once
from shopwire_testkit.announcements import Announcement, CartState, CustomerState, Erasure, Story, Visit
from shopwire_testkit.durations import MINUTE
from shopwire_testkit.storefront.simulated_visitor import visitor_signature

_MOST = 100
"""Number of customers who return at most."""
_WAIT_MS = 10 * MINUTE
"""A contact that was sent less than a minute before is sent again after a minute."""


class ReturningVisitors:
    """Lets customers visit their shops again.

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

    def run(self, stories: Mapping[int, Story]) -> list[Violation]:
        """Run until the visits are over, and return the violations."""
        visits: dict[int, Announcement] = {}
        for number, story in stories.items():
            shop, email = self._shops[story.shop], _email(story)
            # An account without events keeps no visits.
            if email and shop.storefront_secret and shop.orders != "orders" and len(visits) < _MOST:
                body = self._body(shop, email, number)
                visits[number] = replace(story.announcements[-1], topic="page", body=body, storefront=True)
        for visit in visits.values():
            post_once(visit, self._shops[visit.shop], self._scheduler, self._cloud, lambda answer: None)
        self._scheduler.run(self._scheduler.now + _WAIT_MS)
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
