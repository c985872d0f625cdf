"""Checks that nothing of an erased person is left in the table, and that nothing more of them is sent to the API.

Reads the table directly, so no fault can disturb the reading.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from shopwire_simulation.checkers.accepted_requests import CONTACT
from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.identities import identifiers_of
from shopwire_simulation.checkers.observations import AcceptedRequest, EntityKey, ReportViolation, StoredText
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import Announcement, CartState, Erasure, Story, Visit
from shopwire_testkit.durations import MINUTE

_MIN_UNIQUE_LENGTH = 8
"""An identity of this length does not appear in a text by chance."""
_TOMBSTONES = "tombstones"


class ErasureChecker:
    """Follows the stories with an erasure request.

    Args:
        stories: the stories of the run, by their numbers.
        records: what the platforms know about each announcement, by its id.
        stored_texts: returns the texts in the table that may name a person of a shop.
    """

    def __init__(
        self,
        stories: Mapping[int, Story],
        records: Mapping[int, SendRecord],
        stored_texts: Callable[[str], Iterator[StoredText]],
        excuses: ExcuseCounter,
        now: Callable[[], int],
        report: ReportViolation,
    ) -> None:
        self._requests = {n: requests for n, story in stories.items() if (requests := list(_erasure_requests(story)))}
        self._other_customers = {
            n: {
                meaning.person.key.encode()
                for meaning in stories[n].meanings.values()
                if isinstance(meaning, CartState | Visit)
                and meaning.by_other_customer
                and meaning.person
                and meaning.person.key
            }
            for n in self._requests
        }
        """The addresses of a story's other customers. No request erases these customers."""
        self._id_prefixes = {n: stories[n].id_prefix for n in self._requests}
        self._records = records
        self._stored_texts = stored_texts
        self._now = now
        self._report = report
        self._excuses = excuses
        self._named_together: dict[int, list[set[str]]] = defaultdict(list)
        """The identities of each request of a story with an erasure."""
        self._looked_up: dict[int, Announcement] = {}
        """Announcements after an erasure whose contact was sent with nothing but an address, and not erased since."""
        self._erased_at: dict[int, int] = {}
        """When the first erasure request of each story was executed."""

    def is_requested(self, story: int | None) -> bool:
        """Return True if the story has an erasure request."""
        return story in self._requests

    def was_requested(self, story: int | None) -> bool:
        """Return True if an erasure request of the story was sent by now."""
        return self.requested_at(story) is not None

    def requested_at(self, story: int | None) -> int | None:
        """Return when the erasure of the story's customer was requested first, or None if it was not."""
        requests = self._requests.get(story, ()) if story is not None else ()
        times = [self._records[request.id].first_attempt_at for request, _ in requests if request.id in self._records]
        return min((at for at in times if at is not None), default=None)

    @property
    def erased(self) -> frozenset[int]:
        """The stories whose erasure request was executed."""
        return frozenset(self._erased_at)

    def on_erased(self, story: int, announcement: Announcement, erasure: Erasure) -> None:
        """Check that nothing that arrived before the erasure request is left, now that the request was executed."""
        self._erased_at.setdefault(story, self._now())
        requested_at = self._records[announcement.id].first_attempt_at or 0
        for stored in self._stored_texts(announcement.shop):
            if stored.received_at is not None and stored.received_at >= requested_at - MINUTE:
                continue  # it arrived together with the request, so the tombstone stops it later
            if stored.place != _TOMBSTONES and _names_person(stored, erasure):
                self._report("leaked", announcement, f"still in {stored.place} after the erasure")

    def on_accepted(self, story: int, announcement: Announcement, claimed_at: int, path: str, body: bytes) -> None:
        """Check that a request that the API accepted does not come from a webhook before the erasure request.

        Args:
            claimed_at: when the invocation that sent it took its lease.
            path: method and path of the request.
            body: the body of the request.
        """
        if story not in self._requests:
            return
        if path.startswith("DELETE"):
            self._looked_up.pop(announcement.id, None)
            return
        named = set(identifiers_of(path, body).values())
        self._named_together[story].append(named)
        if claimed_at <= self._erased_at.get(story, claimed_at):
            return
        if any(key in body for key in self._other_customers[story]):
            return
        if (self._records[announcement.id].first_attempt_at or 0) >= (self.requested_at(story) or 0):
            return
        if path == CONTACT and len(named) == 1 and json.loads(body).keys() == {"channels"}:
            # The answer gives the API's id, with which the contact is erased once more.
            self._looked_up[announcement.id] = announcement
        elif not named or named & self._known_identities(story) or self._names_order(story, announcement.entity):
            self._report("leaked", announcement, "sent to the API after the erasure")
        else:
            self._excuses.use("unconnected_address")

    def _names_order(self, story: int, entity: str) -> bool:
        """Return whether an erasure request of the story names this order."""
        return any(entity == f"order {order}" for _, erasure in self._requests[story] for order in erasure.orders)

    def _known_identities(self, story: int) -> set[str]:
        """Return the identities that the erasure requests of a story name, and those sent together with one of them."""
        known = {identity for _, erasure in self._requests[story] for identity in erasure.identities}
        while more := [named for named in self._named_together[story] if named & known and not named <= known]:
            known.update(*more)
        return known

    def finish(
        self, orders: Mapping[str, Collection[str]], accepted: Mapping[EntityKey, Sequence[AcceptedRequest]]
    ) -> None:
        """Check that no tombstone contains addresses any more, and that the API has deleted the person's orders.

        Args:
            orders: ids of the orders that the API has, by shop.
            accepted: the accepted requests of each entity.
        """
        for announcement in self._looked_up.values():
            self._report("leaked", announcement, "sent to the API after the erasure, and not erased again")
        for story, erased_at in self._erased_at.items():
            for announcement, erasure in self._requests[story]:
                prefix, at_api = self._id_prefixes[story], orders[announcement.shop]
                for order in (order for order in set(erasure.orders) if prefix + order in at_api):
                    # An event that was on its way during the erasure creates the order again.
                    requests = accepted.get((announcement.shop, f"order {order}"), ())
                    if not any(request.at > erased_at - MINUTE for request in requests):
                        self._report("leaked", announcement, "an order of the erased person is still at the API")
                texts = self._stored_texts(announcement.shop)
                if any(stored.place == _TOMBSTONES and _names_person(stored, erasure) for stored in texts):
                    self._report("leaked", announcement, "still in tombstones after the erasure")


def _erasure_requests(story: Story) -> Iterator[tuple[Announcement, Erasure]]:
    for announcement in story.announcements:
        meaning = story.meanings.get(announcement.id)
        if isinstance(meaning, Erasure):
            yield announcement, meaning


def _names_person(stored: StoredText, erasure: Erasure) -> bool:
    text = stored.text.lower()
    return any(identity in text for identity in erasure.identities if len(identity) >= _MIN_UNIQUE_LENGTH)
