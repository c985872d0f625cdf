"""Checks that each visit of a known person becomes the event that it means.

The person is known if the visit names them, or if the contact of the visitor's cart was settled before the visit.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from shopwire.message import unpack
from shopwire.stores.entry import key_hash
from shopwire_simulation.checkers.carts import cart_problem
from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.identities import IDENTIFIERS, contact_problem
from shopwire_simulation.checkers.observations import (
    AcceptedRequest,
    ChangeKey,
    EntityKey,
    ReportViolation,
)
from shopwire_simulation.log_reasons import TOO_OLD
from shopwire_simulation.senders import SendRecord
from shopwire_simulation.table_layout import MESSAGE, PARKED_REASON, is_parked_key
from shopwire_testkit.announcements import Announcement, CartState, Meaning, Story, Visit
from shopwire_testkit.durations import HOUR, MINUTE


def visit_problem(visit: Visit, event: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the event of a visit; None if it is what the visit means.

    Args:
        event: as the emulator recorded it.
    """
    if event["eventTypeKey"] != visit.event_type:
        return f"sent as {event['eventTypeKey']} instead of {visit.event_type}"
    sent = {param["name"]: param["value"] for param in event["params"] if param["name"] not in IDENTIFIERS}
    for name in sent.keys() | visit.params.keys():
        expected = visit.params.get(name)
        value = sent.get(name)
        if isinstance(expected, Mapping) and value is not None:
            value = json.loads(value, parse_float=Decimal, parse_int=Decimal)
        if value != expected:
            return f"{visit.event_type} with another {name} than that of the visit"
    return None


def browsing_problem(meaning: Meaning | None, event: Mapping[str, Any], of_story: Collection[str]) -> str | None:
    """Return what is wrong with an accepted event of a cart or a visit. Other events are not looked at.

    Args:
        event: as the emulator recorded it.
        of_story: every identity of the persons in its story.
    """
    if not isinstance(meaning, CartState | Visit):
        return None
    params = {param["name"]: param["value"] for param in event["params"]}
    if problem := contact_problem(meaning, event["keyValue"], params, of_story):
        return problem
    if isinstance(meaning, Visit):
        return visit_problem(meaning, event)
    return cart_problem(meaning, event["eventTypeKey"], params)


class VisitChecker:
    """Follows the contacts of carts, and checks at the end that the visits of known persons arrived.

    Args:
        records: what the platforms know about each announcement, by its id.
    """

    def __init__(
        self,
        records: Mapping[int, SendRecord],
        excuses: ExcuseCounter,
        now: Callable[[], int],
        report: ReportViolation,
    ) -> None:
        self._records = records
        self._excuses = excuses
        self._now = now
        self._report = report
        self._keys: dict[int, set[str]] = defaultdict(set)
        """Keys of the changes of each visit."""
        self._known_since: dict[EntityKey, int] = {}
        """When the contact of each cart (shop and token) was settled."""
        self._wait_for_erasure: set[int] = set()
        """Visits that waited when the erasure of their person was requested."""
        self.too_old_at: dict[ChangeKey, int] = {}
        """When each change, also one of a cart, was parked because it was too old. An erasure may remove it later."""

    def on_key(self, key: ChangeKey, announcement: Announcement) -> None:
        """Note the key that a visit has in the ledger and in the rows of parked webhooks."""
        self._keys[announcement.id].add(key[1])

    def on_settled(self, announcement: Announcement, meaning: Meaning | None, *, is_sent: bool, now: int) -> None:
        """Note that a change of a cart, or a visit, is settled.

        Args:
            is_sent: the API accepted its event.
        """
        if isinstance(meaning, CartState | Visit) and meaning.person and is_sent and not meaning.by_other_customer:
            self._known_since.setdefault((announcement.shop, meaning.token), now)

    def on_erasure(self, story: Story, count_copies: Callable[[ChangeKey], int]) -> None:
        """Note the visits of a story that wait when its customer's erasure is requested."""
        self._wait_for_erasure |= {
            announcement.id
            for announcement in story.announcements
            if any(count_copies((story.shop, key)) for key in self._keys.get(announcement.id, ()))
        }

    def on_write(self, after: Mapping[str, Any] | None) -> None:
        """Note a row of a change that is parked because it is too old. `after` is an item of the table."""
        if after and is_parked_key(after["pk"]["S"]) and after[PARKED_REASON]["S"] == TOO_OLD:
            message = unpack(after[MESSAGE]["S"])
            self.too_old_at[message.shop, key_hash(message.key)] = self._now()

    def finish(
        self,
        story: Story,
        accepted: Mapping[EntityKey, Sequence[AcceptedRequest]],
        erasure_requested_at: int | None,
    ) -> None:
        """Check the visits of a story.

        Args:
            erasure_requested_at: when the erasure of the story's customer was requested first; None if it was not.
        """
        for announcement in story.announcements:
            meaning = story.meanings.get(announcement.id)
            record = self._records.get(announcement.id)
            if not isinstance(meaning, Visit) or record is None or record.accepted_at is None:
                continue
            visited_at = record.attempted_at[0]
            known_since = self._known_since.get((story.shop, meaning.token), visited_at)
            if meaning.person is None and known_since >= visited_at:
                continue
            requests = accepted.get((story.shop, announcement.entity), ())
            if any(request.event and request.announcement is announcement for request in requests):
                continue
            is_early = erasure_requested_at is not None and erasure_requested_at < visited_at + HOUR
            if is_early or announcement.id in self._wait_for_erasure:
                self._excuses.use("erased_meanwhile")
            elif any(
                self.too_old_at.get((story.shop, key), 0) > visited_at + HOUR - MINUTE
                for key in self._keys[announcement.id]
            ):
                self._excuses.use("too_old")
            else:
                self._report("lost", announcement, "the visit of a known person did not arrive")
