"""Execute a decision while the lease of its entity is held.

What is learned on the way goes into the entry's update at once. After a failure it is recorded too, so that the next
attempt continues where this one stopped.
"""

from dataclasses import dataclass, replace

from shopwire.delivery.attempts import attempted
from shopwire.delivery.contacts import Contacts
from shopwire.delivery.decide import (
    Decision,
    DeleteContact,
    Done,
    Erase,
    Fetch,
    Park,
    Send,
    SyncContact,
    decide,
    unmappable,
)
from shopwire.delivery.erase import Eraser
from shopwire.delivery.fetch import Fetcher
from shopwire.delivery.send import Sender
from shopwire.delivery.task import Clock, Outcome, Policy, Task
from shopwire.errors import ClaimRefused, Ignored, PermanentFailure, RetryLater, Unmappable
from shopwire.mapper import ORDERS_PATH, ApiRequest
from shopwire.models import NOBODY, Contact, Entity, Reason, ViewChange
from shopwire.stores.contact_record import ContactRecord, ContactState
from shopwire.stores.entry import Entry, EntryUpdate
from shopwire.stores.ledger import Ledger
from shopwire.stores.parked import ParkedStore

_CART_BUSY_MS = 1_000


@dataclass(frozen=True, slots=True)
class ChangeHandler:
    """Delivers one change to the API."""

    sender: Sender
    contacts: Contacts
    ledger: Ledger
    parked: ParkedStore
    eraser: Eraser
    fetcher: Fetcher
    policy: Policy
    clock: Clock

    def decide(self, task: Task, entry: Entry) -> Decision:
        """Return what follows from the task's change. For a view, the entry of the visitor's cart is read.

        Raises:
            TableUnavailable.
        """
        cart_contact_ref = None
        if isinstance(task.change, ViewChange) and task.contact_cart:
            cart_contact_ref = self.ledger.get(task.shop.id, task.contact_cart, self.clock()).contact_ref
        return decide(
            task.change, entry, task.shop, self.policy, task.received_at, cart_contact_ref, seen_at=task.seen_at
        )

    def handle(self, task: Task, entry: Entry, update: EntryUpdate, decision: Decision | None = None) -> Outcome:
        """Bring the API to the state that the change describes.

        Args:
            entry: the entry whose lease is held.
            update: what the entry will record; it is filled here.
            decision: what follows from the change and this very entry, if that was decided already.

        Raises:
            RetryLater, PermanentFailure, TableUnavailable.
        """
        try:
            outcome = self._handle(task, entry, update, decision or self.decide(task, entry))
            if outcome.reason is Reason.ERASED and entry.left_to_erase:
                self.finish_erasure(task)
            return outcome
        except RetryLater as failure:
            if failure.left_to_erase:
                self.ledger.mark_left_to_erase(task.shop.id, task.entity, self.clock())
            raise

    def finish_erasure(self, task: Task) -> None:
        """Erase what a request of an erased person made at the API while the person was erased.

        Raises:
            RetryLater, PermanentFailure, TableUnavailable.
        """
        self.contacts.finish_erasure(task)
        self.ledger.mark_left_to_erase(task.shop.id, task.entity, self.clock(), is_left=False)

    def _handle(self, task: Task, entry: Entry, update: EntryUpdate, decision: Decision) -> Outcome:
        try:
            match decision:
                case Done():
                    update |= decision.update
                    return decision.outcome
                case Park():
                    update |= decision.update
                    raise PermanentFailure(decision.reason, **decision.details)
                case Send():
                    return self._send(task, entry, decision, update)
                case SyncContact():
                    return self.contacts.sync(task, decision, update)
                case DeleteContact():
                    update |= decision.update
                    return self.contacts.delete(task, decision.change)
                case Erase():
                    return self.eraser.erase(task, update)
                case Fetch():
                    return self._fetch(task, entry, update)
        except Ignored as ignored:
            return Outcome("ignored", ignored.reason)
        except Unmappable as error:
            refused = unmappable(error)
            if isinstance(refused, Park):
                raise PermanentFailure(refused.reason, **refused.details) from None
            return refused.outcome

    def preview(self, task: Task, entry: Entry) -> tuple[Outcome, list[ApiRequest]]:
        """Return the outcome and the requests that `handle` would send now. Nothing is written or sent.

        Raises:
            TableUnavailable.
        """
        decision = self.decide(task, entry)
        try:
            match decision:
                case Done():
                    return decision.outcome, []
                case Park():
                    return Outcome("parked", decision.reason, decision.details), []
                case Send():
                    return self._preview_send(task, decision, entry)
                case SyncContact():
                    state = self.contacts.find(task, decision.change.contact, decision.change.created_at)
                    requests = self.contacts.changed(task, state, decision.change)
                    return Outcome("delivered" if requests else "unchanged"), requests
                case DeleteContact():
                    return self.contacts.preview_deletion(task, decision.change)
                case Fetch():
                    return self._preview_fetch(task, entry)
                case Erase():
                    if repetition := self.eraser.repetition(task):
                        return repetition, []
                    return Outcome("delivered"), self.eraser.requests(task)
        except Ignored as ignored:
            return Outcome("ignored", ignored.reason), []
        except Unmappable as error:
            refused = unmappable(error)
            if isinstance(refused, Park):
                return Outcome("parked", refused.reason, refused.details), []
            return refused.outcome, []

    def _fetch(self, task: Task, entry: Entry, update: EntryUpdate) -> Outcome:
        """Deliver what the platform has now. It is recorded as fetched only if it was delivered."""
        fetched = self.fetcher.fetch(task, entry)
        try:
            outcome = self.handle(fetched.task, entry, update)
        except (RetryLater, PermanentFailure) as failure:
            # The API may have a part of this state, so no older one may follow. A thin change itself has no version.
            update |= attempted(fetched.task, update, failure if isinstance(failure, RetryLater) else None)
            raise
        version = fetched.task.settled_version(outcome)
        if version is not None:
            update["version"] = max(version, entry.version or 0)
        if fetched.may_be_old:
            wait_ms = task.received_at + self.fetcher.copies_behind_ms - self.clock()
            raise RetryLater(Reason.FETCHED_TOO_SOON, wait_ms=max(wait_ms, 0))
        update["fetched_at"] = fetched.at
        return outcome

    def _preview_fetch(self, task: Task, entry: Entry) -> tuple[Outcome, list[ApiRequest]]:
        try:
            fetched = self.fetcher.preview(task)
        except RetryLater as failure:
            return Outcome("queued", failure.reason, failure.details), []
        except PermanentFailure as failure:
            return Outcome("parked", failure.reason, failure.details), []
        return self.preview(fetched, entry)

    def _preview_send(self, task: Task, decision: Send, entry: Entry) -> tuple[Outcome, list[ApiRequest]]:
        state, contact = self._contact(task, decision, entry)
        if decision.already_sent_to is not None and decision.already_sent_to == state.ref:
            requests = self.contacts.missing(task, state) if _names_person(decision, contact) else []
            return Outcome("delivered" if requests else "unchanged"), requests
        cart = decision.converts_cart
        cart_state = self.ledger.get(task.shop.id, cart, self.clock()).sent.get("state") if cart else None
        steps = decision.plan(contact, cart_state)
        if not steps:
            return Outcome("unchanged"), []
        return Outcome("delivered"), [*self.contacts.missing(task, state), *(step.request for step in steps)]

    def _send(self, task: Task, entry: Entry, decision: Send, update: EntryUpdate) -> Outcome:
        if decision.is_fact:
            update |= decision.update  # the fact is true, whatever becomes of its request
        state, contact = self._contact(task, decision, entry)
        if contact is NOBODY and decision.contact_ref and not decision.is_fact:
            # The order that was made from the cart has not created its contact yet.
            raise RetryLater(Reason.CONTACT_BUSY, wait_ms=_CART_BUSY_MS)
        update |= decision.update
        is_named = _names_person(decision, contact)
        owner: EntryUpdate = {}
        if is_named and decision.contact_by_platform:
            named = self.contacts.store.hashes(task.shop.id, contact)
            owner = {"contact_by_platform": True, "named_identities": named}
        if decision.already_sent_to is not None and decision.already_sent_to == state.ref:
            if owner:
                # A visitor may have claimed the cart since the entry was read.
                update |= owner | {"contact_ref": state.ref}
            if is_named and self.contacts.missing(task, state):
                # The address, the phone and the name of a checkout are typed after the last product was chosen.
                self.contacts.ensure(task, state, decision.created_at)
                return Outcome("delivered")
            return Outcome("unchanged")
        recycle_state_id = self._convert(task, decision.converts_cart, state.ref) if decision.converts_cart else None
        steps = decision.plan(contact, recycle_state_id)
        if not steps:
            return Outcome("unchanged")
        record = self.contacts.ensure(task, state, decision.created_at)
        ref = record.id
        if contact is not decision.contact and contact != record.contact:
            # The customer changed the address meanwhile, and the API knows only the new one.
            contact = record.contact
            steps = decision.plan(contact, recycle_state_id)
        if decision.converts_cart and ref != state.ref:
            self._convert(task, decision.converts_cart, ref)  # another webhook created the contact meanwhile
        if decision.records_contact:
            update["contact_ref"] = ref
            update |= owner
        if decision.claims_cart and ref != decision.contact_ref:
            # The visitor's contact is verified, and the cart is theirs: its later changes belong to the same contact.
            self.ledger.record_cart_contact(task.shop.id, decision.claims_cart, ref, self.clock())
        for step in steps:
            self.sender.send(task, step.request)
            if step.sent is not None:
                entry = replace(entry, accepted=entry.with_accepted(step.request.digest))
                update |= {"sent": step.sent, "accepted": entry.accepted}
            if step.request.path == ORDERS_PATH:
                self.contacts.check_erasure(task, contact, decision.created_at)
        if entry.parked_facts and not decision.is_fact:
            # The order is seen now, and it contains what the facts say.
            for id in entry.parked_facts:
                self.parked.remove(id)
            update["parked_facts"] = None
        return Outcome("delivered", sent=tuple(type for step in steps if (type := step.request.event_type)))

    def _contact(self, task: Task, decision: Send, entry: Entry) -> tuple[ContactState, Contact]:
        if decision.is_fact:
            return self._contact_of_fact(task, decision)
        return self._contact_of_change(task, decision, entry)

    def _contact_of_change(self, task: Task, decision: Send, entry: Entry) -> tuple[ContactState, Contact]:
        """Return the contact that the change names, otherwise the one that its cart is known to belong to."""
        if decision.only_for_owner:
            self._check_owner(task, decision, entry)
        elif decision.contact.key or decision.contact_ref is None:
            likely = entry.contact_ref or decision.contact_ref
            state = self.contacts.find(task, decision.contact, decision.created_at, likely)
            if decision.contact.reachable or state.record or decision.contact_ref is None:
                return state, decision.contact
        record, erased_at = self.contacts.store.find_by_ref(task.shop.id, decision.contact_ref or "")
        return self._recorded(record, erased_at, decision.created_at)

    def _check_owner(self, task: Task, decision: Send, entry: Entry) -> None:
        """Check that a visitor's cart is not another contact's.

        Raises:
            Ignored: the visitor is not the contact that the platform named.
        """
        if not decision.contact.key:
            return  # the cart's token speaks for its owner
        if set(self.contacts.store.hashes(task.shop.id, decision.contact)) & set(entry.named_identities):
            return
        visitor = self.contacts.store.find(task.shop.id, decision.contact)
        if visitor.ref != decision.contact_ref:
            raise Ignored(Reason.CART_OF_ANOTHER_CONTACT)

    def _contact_of_fact(self, task: Task, decision: Send) -> tuple[ContactState, Contact]:
        """Return the contact that the order was last sent for."""
        record, erased_at = self.contacts.store.find_by_ref(task.shop.id, decision.contact_ref or "")
        return self._recorded(record, erased_at, None)

    @staticmethod
    def _recorded(
        record: ContactRecord | None, erased_at: int | None, created_at: int | None
    ) -> tuple[ContactState, Contact]:
        if erased_at is not None and (created_at is None or created_at <= erased_at):
            raise Ignored(Reason.ERASED)
        return (ContactState.of_record(record), record.contact) if record else (ContactState(), NOBODY)

    def _convert(self, task: Task, cart: Entity, contact_ref: str | None) -> str | None:
        try:
            return self.ledger.convert_cart(task.shop.id, cart, contact_ref, self.clock())
        except ClaimRefused:
            raise RetryLater(Reason.CART_BUSY, wait_ms=_CART_BUSY_MS) from None


def _names_person(decision: Send, contact: Contact) -> bool:
    """Return whether the change names the contact, so that it is not the one that was recorded before."""
    return bool(contact.key) and contact is decision.contact
