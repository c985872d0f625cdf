"""After the end of a run, erased customers come back, and a stranger sends their captured erasure requests again.

Nothing is down any more, so what must follow is certain: the captured request does not erase a customer who came back,
and another request of the same customer does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shopwire.models import Shop
from shopwire_emulator.emulator import Emulator
from shopwire_simulation.checkers.observations import Violation
from shopwire_simulation.cloud import Cloud
from shopwire_simulation.scheduler import Scheduler
from shopwire_simulation.senders import post_once
from shopwire_testkit.announcements import Announcement, Erasure, Story
from shopwire_testkit.durations import MINUTE

_MOST = 20
"""Number of customers who come back at most."""


class Comebacks:
    """Lets erased customers come back.

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
        """Run until all of it is over, and return the violations.

        Args:
            erased: numbers of the stories whose erasure request was executed.
        """
        for number in sorted(erased)[:_MOST]:
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
