"""Recognises from the calls of AWS which change an invocation works on.

It also collects the texts that these calls make visible to operators: keys of the table, ids of messages and groups.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from shopwire.stores.entry import key_hash
from shopwire_simulation.checkers.observations import ChangeKey, ReportEntity
from shopwire_simulation.checkers.pending_changes import PendingChecker
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.table_layout import (
    LEASE_KEY,
    OUTBOX_PARTITIONS,
    PENDING_KEY,
    SETTLED_KEYS,
    is_contact_key,
    shop_of,
    written_attributes,
)
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import MINUTE

_DEDUPLICATION_MS = 5 * MINUTE
_READS = frozenset({"get_item", "batch_get_item", "query", "scan"})


class AwsCallObserver:
    """Follows the calls of AWS.

    Args:
        announcements: the run's announcements, by their ids.
        pending: learns which invocation works on which announcement, and which change is settled.
        on_key: called with the key of a change and its announcement, when the key is seen.
        add_text: called with each of these texts.
    """

    def __init__(
        self,
        announcements: Mapping[int, Announcement],
        pending: PendingChecker,
        on_key: Callable[[ChangeKey, Announcement], None],
        add_text: Callable[[str], None],
        report: ReportEntity,
    ) -> None:
        self._announcements = announcements
        self._pending = pending
        self._on_key = on_key
        self._add_text = add_text
        self._report = report
        self._deduplicated_at: dict[tuple[str, str], int] = {}
        """When each message was put last, by its group and deduplication id."""
        self._by_key: dict[ChangeKey, Announcement] = {}
        self.written: Counter[str] = Counter()
        """Number of writes of each attribute of the table."""

    def announcement(self, key: ChangeKey | None) -> Announcement | None:
        """Return the announcement whose change has this key."""
        return self._by_key.get(key) if key else None

    def on_call(
        self, invocation: Invocation | None, service: str, operation: str, arguments: Mapping[str, Any], now: int
    ) -> None:
        """Note a call of AWS. `invocation` is None for a call by hand."""
        if operation in _READS:
            if "Key" in arguments:
                self._add_text(arguments["Key"]["pk"]["S"])
        elif service == "ledger":
            self._on_table_call(invocation, arguments, now)
        elif operation == "send_message":
            self._on_message(invocation, arguments, now)
        elif operation == "send_message_batch":
            for entry in arguments["Entries"]:
                self._on_message(invocation, entry, now)

    def _on_table_call(self, invocation: Invocation | None, arguments: Mapping[str, Any], now: int) -> None:
        written = written_attributes(arguments)
        self.written.update(written.keys())
        settled = written[SETTLED_KEYS]["L"][-1]["S"] if SETTLED_KEYS in written else None
        claimed = written[LEASE_KEY]["S"] if LEASE_KEY in written else _marked_key(arguments, written)
        # A change that needs no lease is settled by its only write.
        written_key = settled or claimed
        item = arguments.get("Key") or arguments.get("Item")
        key = (shop_of(item["pk"]["S"]), written_key) if item and written_key else None
        if invocation is not None:
            if key:
                invocation.notes |= {"key": key, "claimed_at": now}
                if "announcement" in invocation.notes:
                    self._add_key(key, self._announcements[invocation.notes["announcement"]])
                if announcement := self._by_key.get(key):
                    self._pending.on_start(announcement, invocation)
            if item and "Item" in arguments and item["pk"]["S"] in OUTBOX_PARTITIONS:
                moved = self._by_key.get((item["shop"]["S"], item["key"]["S"]))
                if moved is not None:
                    self._pending.on_start(moved, invocation)
            if item and is_contact_key(item["pk"]["S"]):
                invocation.notes["contacts_at"] = now
        if item:
            self._add_text(item["pk"]["S"])
            self._add_text(item["sk"]["S"])

    def _add_key(self, key: ChangeKey, announcement: Announcement) -> None:
        self._by_key[key] = announcement
        self._on_key(key, announcement)

    def _on_message(self, invocation: Invocation | None, arguments: Mapping[str, Any], now: int) -> None:
        # If the ledger does not answer, only the message says which change it is.
        message = json.loads(arguments["MessageBody"])
        if invocation is not None and "announcement" in invocation.notes and message["key"]:
            announcement = self._announcements[invocation.notes["announcement"]]
            self._add_key((announcement.shop, key_hash(message["key"])), announcement)
            self._pending.on_start(announcement, invocation)
        self._check_deduplication(arguments, now)
        self._add_text(arguments["MessageGroupId"])
        self._add_text(arguments["MessageDeduplicationId"])

    def _check_deduplication(self, arguments: Mapping[str, Any], now: int) -> None:
        """Check that SQS does not drop the message: within five minutes it takes each deduplication id only once.

        A repetition of the same call by the client is not observed.
        """
        id = arguments["MessageGroupId"], arguments["MessageDeduplicationId"]
        if now - self._deduplicated_at.get(id, now - _DEDUPLICATION_MS) < _DEDUPLICATION_MS:
            self._report("lost", json.loads(arguments["MessageBody"])["shop"], "", "SQS drops a message", None)
        self._deduplicated_at[id] = now


def _marked_key(arguments: Mapping[str, Any], written: Mapping[str, Any]) -> str | None:
    """Return the key of the change that a write adds to a pending mark; None if the write adds none.

    A change that is removed from a mark leaves the keys of the others there.
    """
    if PENDING_KEY not in written:
        return None
    before = (arguments.get("ExpressionAttributeValues") or {}).get(":mark", {"S": ""})
    *_, last = written[PENDING_KEY]["S"].split()
    return None if last in before["S"].split() else last
