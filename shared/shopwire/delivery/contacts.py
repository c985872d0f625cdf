"""The contacts that events need: the API must have a contact before an event names it.

`ensure` creates a missing contact for an order, cart or view, and never changes one that exists. `sync` sends the
customer's own change. The store of contacts records what the API accepted.
"""

from dataclasses import replace
from typing import NoReturn

from shopwire.delivery.decide import SyncContact
from shopwire.delivery.send import Sender
from shopwire.delivery.task import Clock, Outcome, Task
from shopwire.errors import Ignored, RetryLater
from shopwire.mapper import ApiRequest, contact_request, erase_requests
from shopwire.models import Contact, Reason
from shopwire.stores.contacts import ContactState, ContactStore
from shopwire.stores.entry import EntryUpdate


class Contacts:
    """Creates and updates contacts at the API. Every method may raise RetryLater, PermanentFailure,
    TableUnavailable."""

    def __init__(self, store: ContactStore, sender: Sender, clock: Clock) -> None:
        self.store = store
        self._sender = sender
        self._clock = clock

    def find(self, task: Task, contact: Contact, created_at: int | None) -> ContactState:
        """Return what is recorded about the contact.

        Raises:
            Ignored: the person was erased after `created_at`.
        """
        state = self.store.find(task.shop.id, contact)
        if state.is_erased(created_at):
            raise Ignored(Reason.ERASED)
        return state

    @staticmethod
    def creation(contact: Contact, state: ContactState) -> ApiRequest | None:
        """Return the request that creates a missing contact; None if the API has the contact.

        Raises:
            Ignored: the API cannot create the contact.
        """
        if state.known:
            return None
        if state.needs_resync:
            return contact_request(_named_as(state.recorded, contact))
        own = contact.without(state.fields_of_other_contacts)
        if not own.reachable:
            raise Ignored(Reason.ANONYMOUS)
        return contact_request(own)

    def ensure(self, task: Task, contact: Contact, state: ContactState, created_at: int | None) -> None:
        """Make sure that the API has the contact. An existing contact is not sent again.

        Args:
            state: what is recorded about the contact.
            created_at: when the order, cart or view was created, UTC ms.

        Raises:
            Ignored: the API cannot create the contact, or the person was erased.
        """
        if state.known:
            return
        shop = task.shop.id
        if state.needs_resync:
            sent = state.recorded
            self._resync(task, sent, contact)
        else:
            sent = contact.without(state.fields_of_other_contacts)
            if not sent.reachable:
                raise Ignored(Reason.ANONYMOUS)
            try:
                self._sender.send(task, contact_request(sent))
            except RetryLater as failure:
                # 409: another webhook of the person may have created the contact at this moment, and recorded it.
                if failure.reason is Reason.API_REPEATED and self.find(task, contact, created_at).known:
                    return
                raise
            known = self._record(task, sent, created_at, only_if_absent=True)
            if sent.customer_id or known <= state.known_identities:
                return
            # The customer's own webhook created the contact meanwhile, perhaps before us: the order of a guest must not
            # replace its phone.
            self.store.mark_for_resync(shop, sent.identities)
        state = self.store.find(shop, contact)
        if state.is_erased(created_at):
            self._erase_again(task, sent)
        self.ensure(_without_unanswered(task), contact, state, created_at)

    def check_erasure(self, task: Task, contact: Contact, created_at: int | None) -> None:
        """Erase the contact again if the person was erased while an order went to v1/orders, which creates contacts.

        Args:
            contact: the contact that the order names.
            created_at: when the order was created, UTC ms. None for a fact: it is of a contact that the API has.

        Raises:
            Ignored: the person was erased.
        """
        state = self.store.find(task.shop.id, contact)
        if state.is_erased(created_at) and (created_at is not None or not state.known):
            self._erase_again(task, contact)

    def sync(self, task: Task, decision: SyncContact, update: EntryUpdate) -> Outcome:
        """Send the customer's own change.

        Raises:
            Ignored: the person was erased.
        """
        change, shop = decision.change, task.shop.id
        state = self.find(task, change.contact, change.created_at)
        if decision.unchanged and state.known:
            return Outcome("unchanged")
        own = change.contact.without(state.fields_of_other_people)
        is_recorded = state.is_recorded(self._clock())
        if state.known_identities and not (is_recorded or state.needs_resync):
            # If an earlier attempt got no answer, another webhook has sent what was recorded of the contact since then.
            task = _without_unanswered(task)
        # If the invocation dies between the request and its record, it is unknown whom the API finds by these
        # identities. An event that names one of them resyncs the contact first.
        self.store.link_previous(shop, own, state.previous_identities, self._clock())
        self.store.mark_for_resync(shop, state.previous_identities)
        if not is_recorded:
            known = [identity for identity in own.identities if identity in state.known_identities]
            self.store.mark_for_resync(shop, known)
        self._sender.send(task, contact_request(own))
        is_last = is_recorded or self._record(task, own, change.created_at) <= state.known_identities
        if not (self.store.mark_unknown(shop, state.previous_identities) and is_last):
            # An order created the contact meanwhile, perhaps after us and with less. The customer's own data counts.
            self._sender.send(_without_unanswered(task), contact_request(own))
        update["sent"] = {"digest": decision.digest}
        return Outcome("delivered")

    def _resync(self, task: Task, recorded: Contact, named: Contact) -> None:
        """Send what is recorded of a contact, until nothing else is recorded.

        The API may have less of the contact than is recorded, or an earlier state.
        """
        shop, sent = task.shop.id, False
        while (current := self.store.recorded_contact(shop, recorded)).identities:
            if current != recorded:
                # The customer changed addresses, and the invocation that recorded it went no further: the API does not
                # find the contact by the earlier ones.
                gone = [identity for identity in recorded.identities if identity not in current.identities]
                self.store.mark_unknown(shop, gone)
                recorded = current
                if not sent:
                    return
                self.store.mark_for_resync(shop, recorded.identities)  # what was sent just now undid the change
            self._sender.send(task, contact_request(_named_as(recorded, named)))
            sent, task = True, _without_unanswered(task)
            if self.store.mark_synced(shop, recorded):
                return

    def _record(
        self, task: Task, contact: Contact, created_at: int | None, *, only_if_absent: bool = False
    ) -> frozenset[str]:
        """Record that the API has the contact. Return the identities by which it had it before.

        Raises:
            Ignored: the person was erased while we sent. The contact is erased again.
        """
        known = self.store.record(task.shop.id, contact, self._clock(), created_at, only_if_absent=only_if_absent)
        if known is None:
            self._erase_again(task, contact)
        return known

    def _erase_again(self, task: Task, contact: Contact) -> NoReturn:
        for request in erase_requests(contact):
            self._sender.send(task, request)
        raise Ignored(Reason.ERASED)


def _without_unanswered(task: Task) -> Task:
    """Return the task for a request that may be the same as one that was just sent.

    Another webhook may have changed the contact in between, so a 409 does not say that the API has this request.
    """
    return replace(task, unanswered=None)


def _named_as(recorded: Contact, named: Contact) -> Contact:
    return replace(recorded, first_name=named.first_name, last_name=named.last_name)
