"""Checks requests about contacts: a phone that two persons share, and contacts that are deleted or erased.

Two persons with one phone are two contacts, and the API keeps the phone at one of them. A contact is deleted only with
the customer's account, if the shop wants that, and erased only for an erasure request.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from shopwire_simulation.checkers.accepted_requests import CONTACT_DELETION, CONTACTS
from shopwire_simulation.checkers.observations import AcceptedRequest, EntityKey, ReportViolation
from shopwire_simulation.reference_model import shared_phones
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import AccountDeletion, Announcement, CustomerState, Story

_RESTORING = (*CONTACTS, "POST v1/orders")
"""Requests that create a contact, or restore it."""


class ContactRequestChecker:
    """Follows the requests of each story.

    Args:
        stories: the stories of the run, by their numbers.
        records: what the platforms know about each announcement, by its id.
        is_erasure_requested: returns True if the story has an erasure request.
    """

    def __init__(
        self,
        stories: Mapping[int, Story],
        records: Mapping[int, SendRecord],
        is_erasure_requested: Callable[[int | None], bool],
        report: ReportViolation,
    ) -> None:
        self._stories = stories
        self._records = records
        self._is_erasure_requested = is_erasure_requested
        self._report = report
        self._shared_phones = {n: phones for n, story in stories.items() if (phones := shared_phones(story))}
        self._first_emails: dict[tuple[int, str], str] = {}
        """Story and phone -> the e-mail address of the contact that was first sent with the phone."""
        self._emails_of_customers: dict[tuple[int, object], set[str]] = defaultdict(set)
        """Story and externalCustomerId -> the e-mail addresses with which it was sent."""

    def on_accepted(self, announcement: Announcement, story: int, path: str, body: bytes) -> None:
        """Check a request that the API accepted. `path` is method, path and query."""
        if path.startswith(CONTACT_DELETION):
            self._check_deletion(announcement, story, path)
        elif path in CONTACTS:
            contact = json.loads(body)
            contact = contact.get("contact", contact)
            self._check_details(announcement, story, contact)
            if story in self._shared_phones:
                self._check_phone(announcement, story, contact)

    def _check_deletion(self, announcement: Announcement, story: int, path: str) -> None:
        # An order or a visit that names an earlier address of a deleted account deletes its contact first.
        is_account_deleted = any(
            isinstance(self._stories[story].meanings.get(other.id), AccountDeletion)
            and other.id in self._records
            and self._records[other.id].attempted_at
            for other in self._stories[story].announcements
        )
        if "erase=true" in path and not self._is_erasure_requested(story):
            self._report("wrong_final_state", announcement, "a contact is erased without an erasure request")
        if "erase=true" not in path and not is_account_deleted:
            self._report("wrong_final_state", announcement, "a contact is deleted that the shop keeps")

    def _check_details(self, announcement: Announcement, story: int, contact: Mapping[str, Any]) -> None:
        meaning = self._stories[story].meanings.get(announcement.id)
        if not isinstance(meaning, CustomerState) or contact.get("externalCustomerId") != meaning.person.customer_id:
            return  # another contact, which gave up an address of this one, may be sent before
        if wrong := [name for name, value in meaning.details.items() if contact.get(name) != value]:
            self._report("wrong_final_state", announcement, f"another {', '.join(wrong)} than the account has")

    def _check_phone(self, announcement: Announcement, story: int, contact: Mapping[str, Any]) -> None:
        channels = {channel["type"]: channel["value"] for channel in contact["channels"]}
        email, phone, id = channels.get("email"), channels.get("sms"), contact.get("externalCustomerId")
        own = self._emails_of_customers[story, id] if id else set()
        if email:
            own.add(email)
        if email and email in self._shared_phones[story].get(phone or "", ()):
            first = self._first_emails.setdefault((story, phone or ""), email)
            if first != email and first in own:
                self._first_emails[story, phone or ""] = email  # the same customer has another address now
            elif first != email:
                self._report("wrong_final_state", announcement, "a contact takes the phone of another one")

    def finish(
        self,
        contacts: Callable[[str, str], Collection[object]],
        accepted: Mapping[EntityKey, list[AcceptedRequest]],
        abandoned: Collection[EntityKey],
    ) -> None:
        """Check the contacts of deleted accounts.

        An order that comes later restores the contact, and so may one that was under way. A change of the account that
        was made before does not. The deletion itself sends the contact again only if one of these sent it.

        Args:
            contacts: returns the contacts that the API has under an identity in the account of a shop.
            accepted: the accepted requests of each entity.
            abandoned: entities with a parked change, or with a change that crashed half-way and was not repeated.
        """
        for number, announcement, deletion in self._deletions():
            record = self._records.get(announcement.id)
            if record is None or record.accepted_at is None or (announcement.shop, announcement.entity) in abandoned:
                continue
            requests = list(_requests_of(self._stories[number], accepted))
            deleted_at = max(
                (request.at for request in requests if request.path.startswith(CONTACT_DELETION)), default=None
            )
            restoring = [
                request
                for request in requests
                if request.path in _RESTORING and request.at >= (record.first_attempt_at or 0)
            ]
            restored_at = min(
                (request.at for request in restoring if request.announcement is not announcement), default=None
            )
            later = [request for request in restoring if request.at >= (deleted_at or 0)]
            if deleted_at is None and restored_at is None:
                self._report("lost", announcement, "the contact of a deleted account was not deleted")
            exists = deleted_at is not None and contacts(announcement.shop, deletion.customer_id)
            if exists and not later:
                self._report("wrong_final_state", announcement, "the contact of a deleted account exists")
            own = (request.at for request in restoring if request.announcement is announcement)
            if any(restored_at is None or at < restored_at for at in own):
                self._report("wrong_final_state", announcement, "the deletion of an account sent its contact")
            if deleted_at is not None and any(_is_of_account(request, announcement) for request in later):
                self._report("wrong_final_state", announcement, "an earlier change of a deleted account restored it")

    def _deletions(self) -> Iterator[tuple[int, Announcement, AccountDeletion]]:
        for number, story in self._stories.items():
            if self._is_erasure_requested(number):
                continue
            for announcement in story.announcements:
                meaning = story.meanings.get(announcement.id)
                if isinstance(meaning, AccountDeletion):
                    yield number, announcement, meaning


def _requests_of(story: Story, accepted: Mapping[EntityKey, list[AcceptedRequest]]) -> Iterable[AcceptedRequest]:
    for entity in dict.fromkeys(announcement.entity for announcement in story.announcements):
        yield from accepted.get((story.shop, entity), ())


def _is_of_account(request: AcceptedRequest, deletion: Announcement) -> bool:
    """Return True if the deleted account's own change caused the request, and its deletion did not.

    The deletion itself restores a contact for which an order was under way.
    """
    announcement = request.announcement
    if announcement is None or request.invocation.overran:
        return False
    return announcement.entity == deletion.entity and not announcement.topic.endswith(("delete", "deleted"))
