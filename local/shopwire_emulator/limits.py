"""Limits of the API: requests per second, and the same request again within a minute.

Sources: docs.yespo.io/reference/rate-limits, and the answers of v1/contact and v1/contact/subscribe in the reference.
"""

import hashlib
from collections import Counter

_RATES = {("POST", "v1/event"): 350, ("POST", "v1/past_events"): 100, ("GET", "v1/contacts"): 50}
"""Requests a second. Every other resource shares `_SHARED_RATE` with all others."""
_SHARED_RATE = 200
REPEAT_SECONDS = 60.0


class RequestRates:
    """Counts the requests of an account in the current second of the emulator's clock."""

    def __init__(self) -> None:
        self._second = 0
        self._counts: Counter[tuple[str, str] | None] = Counter()

    def is_exceeded(self, method: str, path: str, now: float) -> bool:
        """Count a request, and return True if it is beyond the limit of its resource.

        Args:
            now: in seconds.
        """
        if int(now) != self._second:
            self._second = int(now)
            self._counts.clear()
        resource = (method, path) if (method, path) in _RATES else None
        self._counts[resource] += 1
        return self._counts[resource] > (_RATES[resource] if resource else _SHARED_RATE)


class RequestRepeats:
    """Remembers the requests of the last minute.

    The vendor does not say whether a refused repetition begins the minute again. Here it does, so a client that repeats
    too early waits longer, and one that waits a whole minute never notices.
    """

    def __init__(self) -> None:
        self._seen_at: dict[bytes, float] = {}
        """Digest of path and body -> seconds, oldest first."""

    def is_repeated(self, path: str, body: bytes, now: float) -> bool:
        """Remember a request, and return True if the same one came less than a minute ago.

        Args:
            now: in seconds.
        """
        while self._seen_at and now - next(iter(self._seen_at.values())) >= REPEAT_SECONDS:
            del self._seen_at[next(iter(self._seen_at))]
        digest = hashlib.sha256(path.encode() + b"\0" + body).digest()
        repeated = self._seen_at.pop(digest, None) is not None
        self._seen_at[digest] = now
        return repeated
