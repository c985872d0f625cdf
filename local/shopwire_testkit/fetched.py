"""A platform's API that answers from files (`Platform.fetch`)."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from shopwire.errors import PermanentFailure, Unreadable
from shopwire.models import Change, Shop, ThinChange, Webhook
from shopwire.platforms.base import Platform


@dataclass
class CannedApi:
    """An API that has these answers, and of everything else nothing.

    Args:
        answers: the body of each answer, by the name in `Platform.fetches`. None: there is no such thing.

    Attributes:
        asked: path -> answer of every request, in order.
    """

    answers: Mapping[str, bytes | None]
    asked: dict[str, bytes | None] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def get(self, name: str, path: str) -> bytes | None:
        # A list has one page.
        answer = b"" if name in self._names else self.answers.get(name, b"")
        self._names.add(name)
        self.asked[path] = answer
        return answer


def with_state(change: Change, platform: Platform, shop: Shop, api: CannedApi) -> Change:
    """Return the change itself, or what is fetched in its place if it is a thin one.

    Raises:
        Unreadable, PermanentFailure: the answers are not what the platform documents.
    """
    return platform.fetch(change, shop, api) if isinstance(change, ThinChange) else change


def asked_answers(
    platform: Platform, webhook: Webhook, answers: Mapping[str, bytes | None], shop: Shop
) -> dict[str, str | None]:
    """Return what the adapter would ask the platform's API for this webhook, by host and path, with the answers.

    The stand-in of `shopwire dev` gets them before the webhook is posted.
    """
    if not answers:
        return {}
    api = CannedApi(answers)
    root = platform.api_access(shop).url.partition("://")[2]
    with suppress(Unreadable, PermanentFailure):  # the stand-in answers the same, and shopwire reports it
        for delivery in platform.read(webhook, shop):
            with_state(delivery.change, platform, shop, api)
    return {root + path: None if answer is None else answer.decode() for path, answer in api.asked.items()}
