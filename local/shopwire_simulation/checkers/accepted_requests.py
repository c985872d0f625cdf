"""Checks each request that the API accepts. It must be in order, in time, usable for the API, and not repeated."""

import hashlib
import itertools
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.identities import identifiers_of, identities_of, persons
from shopwire_simulation.checkers.observations import AcceptedRequest, ChangeKey, EntityKey, ReportEntity
from shopwire_simulation.checkers.pending_changes import MAX_AGE_MS
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import Announcement, Story
from shopwire_testkit.durations import MINUTE

EVENT = "POST v1/event"
ORDERS = "POST v1/orders"
CONTACT = "POST v1/contact"
CONTACTS = (CONTACT, "POST v1/contact/subscribe")
"""What creates or changes a contact."""
CONTACT_DELETION = "DELETE v1/contact"
_ERASED_ID = "erased-"
"""Prefix of the externalCustomerId that a guest's contact gets so that it can be erased."""


class RequestChecker:
    """Keeps the accepted requests of each entity.

    Args:
        orders: shop -> its setting `orders`. The account of a shop with "orders" has no segmentation.
        stories: the stories of the run, by their numbers.
        records: what the platforms know about each announcement, by its id.
        is_erasure_requested: returns True if the story has an erasure request.
        erasure_requested_at: returns when it was sent first, or None if it was not sent by now.
    """

    def __init__(
        self,
        orders: Mapping[str, str],
        stories: Mapping[int, Story],
        records: Mapping[int, SendRecord],
        is_erasure_requested: Callable[[int | None], bool],
        erasure_requested_at: Callable[[int | None], int | None],
        excuses: ExcuseCounter,
        now: Callable[[], int],
        report: ReportEntity,
    ) -> None:
        self.accepted: dict[EntityKey, list[AcceptedRequest]] = defaultdict(list)
        """The accepted requests of each entity, in their order."""
        self.uncertain_entities: set[EntityKey] = set()
        """Entities whose final state cannot be known, because the API ignored an event or an overrun was overtaken."""
        self.replays: dict[ChangeKey, list[int]] = {}
        """When each change was replayed by hand."""
        self._uncertain_since: dict[EntityKey, list[tuple[int, bytes]]] = defaultdict(list)
        """When it could not be known any more what the API has of each entity, and the request without an answer."""
        self._orders = orders
        self._stories = stories
        self._story_of = {announcement.id: n for n, story in stories.items() for announcement in story.announcements}
        self.identities = {n: identities_of(story) for n, story in stories.items()}
        """Every identity of the persons of each story."""
        self._customer_ids = {n: _customer_ids(story) for n, story in stories.items()}
        self._records = records
        self._is_erasure_requested = is_erasure_requested
        self._erasure_requested_at = erasure_requested_at
        self._excuses = excuses
        self._now = now
        self._report = report

    def story_of(self, announcement: Announcement | None) -> int | None:
        """Return the number of the announcement's story."""
        return self._story_of.get(announcement.id) if announcement else None

    def on_uncertain(self, shop: str, entity: str, body: bytes = b"") -> None:
        """Note that a request got no answer, or that a lease was taken over whose holder may have sent one."""
        self._uncertain_since[shop, entity].append((self._now(), hashlib.sha256(body).digest()))

    def on_accepted(
        self,
        invocation: Invocation,
        announcement: Announcement | None,
        shop: str,
        path: str,
        body: bytes,
        event: dict[str, Any] | None,
        answered: bool,
        webhook: Announcement | None,
    ) -> bool:
        """Check a request that the API accepted.

        Args:
            announcement: the one that caused it, if it is known; for a thin webhook the one whose state was fetched.
            webhook: the one that caused it.
            path: method and path.
            event: the event as the emulator recorded it.
            answered: False if the answer was lost.

        Returns:
            True if the request brings the announcement's change to the API. A contact that an order creates is not the
            order's change.
        """
        entity = announcement.entity if announcement else "unknown"
        order = json.loads(body, parse_float=str, parse_int=str)["orders"][0] if path == ORDERS else None
        request = AcceptedRequest(
            self._now(), invocation, announcement, path, hashlib.sha256(body).digest(), event, order, answered, webhook
        )
        earlier = self.accepted[shop, entity]
        if event is not None and not event["saved"]:
            self._check_ignored(shop, entity, request)
        if announcement is None:
            self._report("wrong_final_state", shop, entity, f"{path} belongs to no webhook", None)
        else:
            self._check_identifiers(announcement, path, body)
        is_change = announcement is not None and path in (
            (CONTACT,) if entity.startswith("contact ") else (EVENT, ORDERS)
        )
        if is_change and entity.startswith("order "):
            self._check_resource(shop, entity, request, earlier)
        if announcement is not None and is_change:
            self._check_order(shop, entity, request, announcement, earlier)
            self._check_age(shop, entity, request, webhook or announcement)
        earlier.append(request)
        return is_change

    def finish(self, story: Story) -> None:
        """Check that no content of a story was sent twice in a row without an excuse."""
        number = self.story_of(story.announcements[0])
        requested_at = self._erasure_requested_at(number)
        erased_at = math.inf if requested_at is None else requested_at
        for entity in dict.fromkeys(announcement.entity for announcement in story.announcements):
            accepted = self.accepted.get((story.shop, entity), ())
            for path in (EVENT, ORDERS):
                for earlier, later in itertools.pairwise(request for request in accepted if request.path == path):
                    if earlier.body_hash != later.body_hash:
                        continue
                    if earlier.may_be_repeated or self._is_uncertain(story.shop, entity, earlier, later):
                        self._excuses.use("sent_again")
                    elif later.invocation.overran:
                        self._excuses.use("overran")
                    elif later.at >= erased_at:
                        self._excuses.use("erased_meanwhile")
                    elif self._has_another_contact(story, earlier, later):
                        self._excuses.use("address_changed_meanwhile")
                    else:
                        text = f"{later.event['eventTypeKey'] if later.event else path} twice with the same content"
                        story_number = self.story_of(later.announcement)
                        self._report("sent_twice_unexcused", story.shop, entity, text, story_number)

    def _is_uncertain(self, shop: str, entity: str, earlier: AcceptedRequest, later: AcceptedRequest) -> bool:
        """Return True if another request may have been accepted in between."""
        uncertain = self._uncertain_since.get((shop, entity), ())
        return any(earlier.at < at <= later.at and sent != later.body_hash for at, sent in uncertain)

    def _has_another_contact(self, story: Story, earlier: AcceptedRequest, later: AcceptedRequest) -> bool:
        """Return True if another thin webhook fetched a state again, and a contact was sent since it was sent first.

        The address in the state may belong to another contact now, which gets the state too.
        """
        if later.webhook is None or not later.webhook.thin or later.webhook is earlier.webhook:
            return False
        entities = {announcement.entity for announcement in story.announcements}
        return any(
            request.path == CONTACT and earlier.at < request.at < later.at
            for entity in entities
            for request in self.accepted.get((story.shop, entity), ())
        )

    def _check_resource(self, shop: str, entity: str, request: AcceptedRequest, earlier: list[AcceptedRequest]) -> None:
        """Check that the order goes through the resource that the shop's setting chooses.

        With "both", v1/orders must have accepted a state before an event announces it.
        """
        choice, story = self._orders[shop], self.story_of(request.announcement)
        if request.event and choice == "orders":
            text = f"{request.event['eventTypeKey']} of a shop that sends no events of orders"
            self._report("wrong_final_state", shop, entity, text, story)
        if request.event and choice == "both":
            status = request.params["status"]
            stored = next((other.order["status"] for other in reversed(earlier) if other.order), None)
            if stored != status and not any(other.invocation.overran for other in (*earlier, request)):
                text = f"{request.event['eventTypeKey']} {status} was accepted while v1/orders had {stored}"
                self._report("misordered", shop, entity, text, story)

    def _check_identifiers(self, announcement: Announcement, path: str, body: bytes) -> None:
        """Check that a request names persons of its story only, and whose externalCustomerId it carries.

        It is the platform's own id of a customer, and a guest's order has none.

        The API binds it to a contact for good.
        """
        story = self.story_of(announcement)
        if story is None or path not in (EVENT, CONTACT, ORDERS):
            return
        sent = identifiers_of(path, body)
        id = sent.pop("externalCustomerId", None)
        if of_others := sorted(name for name, value in sent.items() if value not in self.identities[story]):
            text = f"the {' and '.join(of_others)} is of a person who is not in its story"
            self._report("wrong_final_state", announcement.shop, announcement.entity, text, story)
        if id is None or (id.startswith(_ERASED_ID) and path == CONTACT and self._is_erasure_requested(story)):
            return
        ids = self._customer_ids[story]
        # A guest's order may send the contact that is recorded of the customer, but its own events have no customer.
        is_order = path != CONTACT and announcement.entity.startswith("order ")
        allowed = [ids.get(announcement.entity, set())] if is_order else ids.values()
        if not any(id in known for known in allowed):
            text = "externalCustomerId is not the id of a customer"
            self._report("wrong_final_state", announcement.shop, announcement.entity, text, story)

    def _check_ignored(self, shop: str, entity: str, request: AcceptedRequest) -> None:
        story = self.story_of(request.announcement)
        if self._erasure_requested_at(story) is not None:
            self._excuses.use("erased_meanwhile")  # the API cannot find a person who was erased while it was on its way
            return
        assert request.event
        if self._orders.get(shop) == "orders" and not entity.startswith("order "):
            return  # the account has no segmentation, so it keeps no carts and visits
        if story is not None and (
            (shop, entity) in self.uncertain_entities or self._customer_changed_meanwhile(story, request)
        ):
            self.uncertain_entities.add((shop, entity))
            self._excuses.use("address_changed_meanwhile")
            return
        text = f"{request.event['eventTypeKey']}: {request.event['reason']}"
        self._report("ignored_by_api", shop, entity, text, story)

    def _customer_changed_meanwhile(self, story: int, request: AcceptedRequest) -> bool:
        """Return True if a customer's address changed while the event was on its way.

        The customer's own webhook changes it, or one that names the earlier address and sends the customer first.
        Then the API does not know the earlier address any more. The order's next event creates the contact again
        (docs/limits-and-cost.md). An event with the customer's id finds the contact all the same, unless the account
        was deleted.
        """
        has_id = "externalCustomerId" in request.params
        shop, since = self._stories[story].shop, request.invocation.notes["claimed_at"]
        entities = {announcement.entity for announcement in self._stories[story].announcements}
        return any(
            max(other.at, other.invocation.notes.get("contacts_at", 0)) >= since
            and other.invocation is not request.invocation
            and (other.path.startswith(CONTACT_DELETION) or (other.path in CONTACTS and not has_id))
            for entity in entities
            for other in self.accepted.get((shop, entity), ())
        )

    def _check_order(
        self,
        shop: str,
        entity: str,
        request: AcceptedRequest,
        announcement: Announcement,
        earlier_requests: list[AcceptedRequest],
    ) -> None:
        version = announcement.version
        if version is None:
            return
        for earlier in earlier_requests:
            sent = earlier.announcement.version if earlier.announcement and earlier.path == request.path else None
            if sent is None or sent <= version:
                continue
            if earlier.invocation.overran:
                # The invocation with the lower version could not know the higher one, and its request is the last.
                self.uncertain_entities.add((shop, entity))
                self._excuses.use("overran")
            elif earlier.may_be_unrecorded:
                self._excuses.use("sent_again")
            else:
                text = f"{version} of {announcement.topic} was accepted after {sent}"
                self._report("misordered", shop, entity, text, self.story_of(announcement))
                return

    def _check_age(self, shop: str, entity: str, request: AcceptedRequest, announcement: Announcement) -> None:
        if request.invocation.notes.get("key") in self.replays:
            return  # the age of a replayed change counts from its replay
        limit = MAX_AGE_MS.get(entity.partition(" ")[0])
        attempts = self._records[announcement.id].attempted_at
        if limit and not any(at >= request.at - limit - MINUTE for at in attempts):
            text = "sent after its maximum age"
            self._report("wrong_final_state", shop, entity, text, self.story_of(announcement))


def _customer_ids(story: Story) -> dict[str, set[str]]:
    """Return the customer ids that each entity of a story has."""
    ids: dict[str, set[str]] = defaultdict(set)
    for announcement in story.announcements:
        for person in persons(story.meanings.get(announcement.id)):
            if person.customer_id:
                ids[announcement.entity].add(person.customer_id)
    return ids
