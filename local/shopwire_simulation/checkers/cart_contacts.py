"""Checks that a cart's changes are sent to its contact once the contact is known.

After the API accepted a checkout or a visit that names the contact of a cart, the cart's later changes belong to that
contact. If the platform named the contact, no visitor takes the cart over, even with a signature of their own. The
reference model cannot say this for carts whose own snapshots name no contact, because it depends on the order in which
webhooks arrive.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from shopwire_simulation.checkers.observations import EntityKey, ReportViolation
from shopwire_simulation.log_reasons import ANONYMOUS
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import Announcement, CartState, Meaning, Visit


class CartContactChecker:
    """Follows the outcome of each announcement about a cart.

    Args:
        records: what the platforms know about each announcement, by its id.
    """

    def __init__(self, records: Mapping[int, SendRecord], now: Callable[[], int], report: ReportViolation) -> None:
        self._records = records
        self._now = now
        self._report = report
        self._known_since: dict[EntityKey, int] = {}
        """When the contact of each cart (shop and token) became known for certain."""
        self._owned_since: dict[EntityKey, int] = {}
        """When the platform named that contact."""
        self._other_customers: dict[EntityKey, set[str | None]] = defaultdict(set)
        """The keys of those who visited with the token of another customer's cart."""

    def on_event(self, announcement: Announcement, meaning: Meaning | None, key: str) -> None:
        """Check an event that the API accepted. `key` is its contact."""
        if not isinstance(meaning, CartState | Visit):
            return
        cart = (announcement.shop, meaning.token)
        if meaning.by_other_customer and meaning.person:
            self._other_customers[cart].add(meaning.person.key)
            if isinstance(meaning, Visit):
                return  # they may look at a page all the same
        owned_since, first_attempt_at = self._owned_since.get(cart), self._records[announcement.id].first_attempt_at
        if owned_since is None or first_attempt_at is None or first_attempt_at <= owned_since:
            return
        if key in self._other_customers[cart]:
            self._report(
                "wrong_final_state", announcement, "sent to a visitor, although the platform named the contact"
            )

    def on_outcome(
        self, line: Mapping[str, Any], announcement: Announcement, meaning: Meaning | None, *, overran: bool
    ) -> None:
        """Check a log line that says what became of an announcement.

        Args:
            overran: the invocation lost its lease, so it did not record the contact.
        """
        if not isinstance(meaning, CartState | Visit):
            return
        cart = (announcement.shop, meaning.token)
        if meaning.person and line["outcome"] == "delivered" and not overran:
            self._known_since.setdefault(cart, self._now())
            if not announcement.storefront:
                self._owned_since.setdefault(cart, self._now())
        anonymous = (line["outcome"], line.get("reason")) == ("ignored", ANONYMOUS)
        known_since, first_attempt_at = self._known_since.get(cart), self._records[announcement.id].first_attempt_at
        if anonymous and known_since is not None and first_attempt_at is not None and first_attempt_at > known_since:
            self._report("lost", announcement, "ignored as anonymous although the contact of its cart was known")
