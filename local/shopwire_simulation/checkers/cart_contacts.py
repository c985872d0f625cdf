"""What must hold of whose a cart is: once the API took a checkout or a visit that names somebody and the cart, the
cart's later changes are his.

The truth of `truth.py` cannot say so for carts whose own snapshots name nobody, since it depends on what came when.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shopwire_simulation.checkers.evidence import Violated
from shopwire_simulation.senders import Sent
from shopwire_testkit.announcements import Announcement, CartState, Meaning, Visit


class Owners:
    """Hears what became of each announcement.

    Args:
        sent: what the platforms know of each announcement.
        violated: called with kind, announcement and text.
    """

    def __init__(self, sent: Mapping[int, Sent], now: Callable[[], int], violated: Violated) -> None:
        self._sent = sent
        self._now = now
        self._violated = violated
        self._named: dict[tuple[str, str], int] = {}
        """When the owner of each cart was first told of for sure."""

    def said(self, line: Mapping[str, Any], one: Announcement, meaning: Meaning | None) -> None:
        """A log line tells what became of an announcement."""
        if not isinstance(meaning, CartState | Visit):
            return
        cart = (one.shop, meaning.token)
        if meaning.person and line["outcome"] == "delivered":
            self._named.setdefault(cart, self._now())
        nobodys = (line["outcome"], line.get("reason")) == ("ignored", "anonymous")
        named_at, came_at = self._named.get(cart), self._sent[one.id].first_at
        if nobodys and named_at is not None and came_at is not None and came_at > named_at:
            self._violated("lost", one, "called anonymous though its cart's person was known")
