"""How the API of a platform is asked for what a thin webhook does not carry (`Platform.fetch`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """How the platform's API is called for one shop.

    Args:
        url: the root of the shop's API, without a slash at the end. Its host is the platform's, or in the shop's
            settings; never one of a webhook.
        headers: what proves that we may ask, such as a token.
    """

    url: str
    headers: Mapping[str, str]


class PlatformApi(Protocol):
    """The API of a platform, for one shop and one webhook (`shopwire.platform_api`)."""

    def get(self, name: str, path: str) -> bytes | None:
        """Return the body of the answer: b"" for an answer without one (204), None if there is no such thing (404).

        Args:
            name: what it is, as `Platform.fetches` names it.
            path: what follows `ApiAccess.url`, with the query.

        Raises:
            RetryLater: no answer, too many requests, an error of the platform's: time can heal it.
            PermanentFailure: the API refuses the request for good.
        """
        ...
