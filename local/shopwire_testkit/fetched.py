"""A platform's API that answers from files (`Platform.fetch`)."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from shopwire.errors import PermanentFailure, RetryLater, Unreadable
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


def asked_answers(
    platform: Platform, webhook: Webhook, shop: Shop, answers: Mapping[str, bytes | None]
) -> dict[str, str | None]:
    """Return what the adapter asks the platform's API after a webhook, with these answers.

    Returns:
        Host and path with the query -> the answer, for the stand-in of `shopwire dev`. Empty without answers.
    """
    api = CannedApi(answers)
    with suppress(Unreadable, PermanentFailure, RetryLater):  # the stand-in answers the same, and shopwire reports it
        for delivery in platform.read(webhook, shop) if answers else ():
            with_state(delivery.change, platform, shop, api)
    if not api.asked:
        return {}
    root = platform.api_access(shop).url.partition("://")[2]
    return {root + path: None if answer is None else answer.decode() for path, answer in api.asked.items()}


def with_state(change: Change, platform: Platform, shop: Shop, api: CannedApi) -> Change:
    """Return the change itself, or what is fetched in its place if it is a thin one.

    Raises:
        Unreadable, PermanentFailure: the answers are not what the platform documents.
    """
    return platform.state_of(change, shop, api) if isinstance(change, ThinChange) else change
