"""The contacts that events need: the API must have a contact before an event names it.

What the API should have is recorded first, then sent, then recorded as synced (`stores.contact_record`). `ensure` adds
to a contact what an order, cart or visit says and what is missing there. `sync` records the customer's own change.
"""

from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from shopwire.delivery.decide import Done, SyncContact, unreachable
from shopwire.delivery.send import Sender
from shopwire.delivery.task import Clock, Outcome, Task
from shopwire.errors import Ignored, PermanentFailure, RetryLater, Unmappable
from shopwire.mapper import CONTACT_ID, ApiRequest, contact_requests, delete_request, erase_requests
from shopwire.models import AccountDeleted, Contact, ContactChange, Reason
from shopwire.models.contact import fallbacks, refused_reason
from shopwire.stores.contact_record import ContactRecord, ContactState, contradicts, merged
from shopwire.stores.contacts import ContactStore
from shopwire.stores.entry import EntryUpdate

# Each attempt fails only because another webhook of the same person did something in the meantime.
_ATTEMPTS = 10
_BUSY_MS = 1_000


class Contacts:
    """Creates and updates contacts at the API. Every method may raise RetryLater, PermanentFailure,
    TableUnavailable."""

    def __init__(self, store: ContactStore, sender: Sender, clock: Clock) -> None:
        self.store = store
        self._sender = sender
        self._clock = clock

    def find(self, task: Task, contact: Contact, created_at: int | None, likely: str | None = None) -> ContactState:
        """Return what is recorded about the contact.

        Args:
            likely: the contact that it probably is, as an entry refers to it.

        Raises:
            Ignored: the person was erased after `created_at`.
        """
        state = self.store.find(task.shop.id, contact, likely)
        if state.is_erased(created_at):
            raise Ignored(Reason.ERASED)
        return state

    @staticmethod
    def missing(task: Task, state: ContactState) -> list[ApiRequest]:
        """Return the requests after which the API has the contact of an order, a cart or a visit.

        Raises:
            Ignored, PermanentFailure: the API cannot create the contact.
        """
        return _requests_for(task, state, _reachable(state, state.completed()))

    @staticmethod
    def changed(task: Task, state: ContactState, change: ContactChange) -> list[ApiRequest]:
        """Return the requests of the customer's own change; none if the API has it already. Raises as `missing`."""
        _check_account(state, change)
        return _requests_for(task, state, _reachable(state, _changed(state, change)))

    def decide(self, task: Task, decision: SyncContact) -> Done | SyncContact:
        """Return what follows from a customer's own change: nothing if the API has it already."""
        change = decision.change
        hashes = self.store.hashes(task.shop.id, change.contact)
        state = self.store.find(task.shop.id, change.contact, next(iter(hashes), None))
        is_current = state.is_known and not self.store.is_expiring(state, self._clock())
        if not is_current or state.is_erased(change.created_at) or state.record is None:
            return replace(decision, state=state)
        is_unchanged = state.record.contact == _changed(state, change)
        return Done(Outcome("unchanged")) if is_unchanged else replace(decision, state=state)

    def ensure(self, task: Task, state: ContactState, created_at: int | None) -> ContactRecord:
        """Make sure that the API has the contact of an order, a cart or a visit. Return its record.

        Args:
            state: what is recorded about the contact.
            created_at: when the order, cart or visit was created, UTC ms. None for a fact.

        Raises:
            Ignored, PermanentFailure: the person was erased, or the API cannot create the contact.
        """
        for _ in range(_ATTEMPTS):
            record = self._write(task, state, state.completed(), created_at)
            if record and (record.is_synced or self._send(task, state, record, created_at)):
                return record
            state = self._find_again(task, state.named, created_at)
        raise RetryLater(Reason.CONTACT_BUSY, wait_ms=_BUSY_MS)

    def sync(self, task: Task, decision: SyncContact, update: EntryUpdate) -> Outcome:
        """Send the customer's own change.

        Args:
            update: what the entry will record.

        Raises:
            Ignored, PermanentFailure: the person was erased, the account was deleted, or the API cannot create the
                contact.
        """
        change, state, has_sent = decision.change, decision.state, False
        if state is None or state.is_erased(change.created_at):
            state = self.find(task, change.contact, change.created_at)
        for _ in range(_ATTEMPTS):
            _check_account(state, change)
            record = self._write(task, state, _changed(state, change), change.created_at)
            if record and record.is_synced:
                return Outcome("delivered" if has_sent else "unchanged")
            if record:
                has_sent = True
                if change.version is not None:
                    # It is recorded, so an older change must not replace it, also if the API does not accept all of it.
                    update["attempted_version"] = change.version
                if self._send(task, state, record, change.created_at):
                    return Outcome("delivered")
            state = self._find_again(task, change.contact, change.created_at)
        raise RetryLater(Reason.CONTACT_BUSY, wait_ms=_BUSY_MS)

    def mark_deleted(self, task: Task, change: AccountDeleted) -> ContactState:
        """Record that the API does not have the contact of a deleted account, unless that is recorded already.

        From now on an order of the person creates the contact again. It does so before the contact is deleted too, so
        that whichever comes last decides.
        """
        for _ in range(_ATTEMPTS):
            state = self._of_account(task, change)
            record = state.record
            if not (record and record.revision) or (record.deleted_at or 0) >= task.received_at:
                return state
            self.store.mark_deleted(task.shop.id, record, task.received_at)
        raise RetryLater(Reason.CONTACT_BUSY, wait_ms=_BUSY_MS)

    def preview_deletion(self, task: Task, change: AccountDeleted) -> tuple[Outcome, list[ApiRequest]]:
        """Return the outcome and the requests of `delete`."""
        record = self._of_account(task, change).record
        if record and _is_restored(record, task):
            return Outcome("superseded"), _requests(task, replace(record, revision=record.revision + 1))
        return Outcome("delivered"), [delete_request(change.id, task.shop.id_prefix)]

    def delete(self, task: Task, change: AccountDeleted) -> Outcome:
        """Delete the contact of a deleted account, unless an order restored it since.

        An order may be restoring the contact at this moment, and our request may be the last one. So may that of an
        earlier attempt. So what is recorded must be sent again: by that order, or here if it is recorded as synced.
        """
        record = self.mark_deleted(task, change).record
        is_restored = _is_restored(record, task)
        if not is_restored:
            self._sender.send(task, delete_request(change.id, task.shop.id_prefix))
        for _ in range(_ATTEMPTS):
            record = self._of_account(task, change).record
            if not (record and record.revision) or self.store.touch(task.shop.id, record, record.sent_consent):
                break
        else:
            raise RetryLater(Reason.CONTACT_BUSY, wait_ms=_BUSY_MS)
        if _is_restored(record, task):
            self.ensure(task, self._of_account(task, change), None)
        return Outcome("superseded" if is_restored else "delivered")

    def _of_account(self, task: Task, change: AccountDeleted) -> ContactState:
        return self.store.find(task.shop.id, Contact(customer_id=change.id))

    def check_erasure(self, task: Task, contact: Contact, created_at: int | None) -> None:
        """Erase the contact again if the person was erased while an order went to v1/orders, which creates contacts.

        Args:
            contact: the contact that the order names.
            created_at: when the order was created, UTC ms. None for a fact: it is of a contact that the API has.

        Raises:
            Ignored: the person was erased.
        """
        state = self.store.find(task.shop.id, contact)
        if state.is_erased(created_at) and (created_at is not None or not state.is_known):
            self._erase_again(task, ContactRecord("", contact))

    def finish_erasure(self, task: Task) -> None:
        """Erase the contact of an ignored change again, unless the person came back since."""
        contact = task.change.contact
        if self.store.find(task.shop.id, contact).record is None:
            self._erase_record(task, ContactRecord("", contact))

    def erase(self, task: Task, requests: list[ApiRequest]) -> None:
        """Send the requests of an erasure. A path may contain the id that the answer before it gives."""
        id: int | None = None
        for request in requests:
            if CONTACT_ID in request.path:
                if id is None:
                    raise PermanentFailure(Reason.API_REJECTED, path="v1/contact", problem="no_contact_id")
                request = replace(request, path=request.path.replace(CONTACT_ID, str(id)))
            id = self._sender.send(_without_unanswered(task), request).contact_id

    def _write(self, task: Task, state: ContactState, contact: Contact, created_at: int | None) -> ContactRecord | None:
        """Record what the API should have (`ContactStore.write`). What it has already is recorded as synced.

        Raises:
            RetryLater: the lease has expired. Another invocation may have recorded a later change since, and what would
                be recorded now is the earlier one.
        """
        if self._clock() >= task.lease_until:
            raise RetryLater(Reason.NO_TIME_LEFT)
        is_sent = bool(_requests_for(task, state, _reachable(state, contact)))
        state = self._send_movers(task, state)
        return self.store.write(task.shop.id, state, contact, self._clock(), created_at, is_sent=is_sent)

    def _send(self, task: Task, state: ContactState, record: ContactRecord, created_at: int | None) -> bool:
        """Send what is recorded. Return whether it is still what is recorded.

        Args:
            state: what was recorded before.

        Raises:
            Ignored: the person was erased while we sent. The contact is erased again.
        """
        shop = task.shop.id
        try:
            api_id = self._send_or_part(task, state, record)
        except RetryLater as failure:
            # 409: another webhook of the person may have sent the same at this moment, and recorded it.
            if failure.reason is Reason.API_REPEATED and self._is_synced(shop, record):
                return True
            raise
        if self.store.mark_synced(shop, record, api_id, _sent_consent(task, record)):
            return True
        current, _ = self.store.find_by_ref(shop, record.id)
        consent = _sent_consent(task, record)
        if current is None:
            state = self.store.find(shop, record.contact)
            if state.is_erased(created_at):
                self._erase_again(task, replace(record, api_id=api_id or record.api_id))
        elif consent is not None and consent != _sent_consent(task, current):
            # The lists have a consent that is not the recorded one, whether or not that is sent by now.
            self.store.touch(shop, current, consent)
        elif contradicts(record.contact, current.contact):
            # Another webhook recorded something else, and may have sent it. Our request may have been the last one.
            self.store.touch(shop, current, current.sent_consent)
        return False

    def _send_movers(self, task: Task, state: ContactState) -> ContactState:
        """Send the contacts that gave up an address which the webhook names. Return what is recorded then. Raises only
        RetryLater.

        They are sent before another contact gets the address, because the API finds a contact by its addresses. That of
        a deleted account is deleted, because its deletion may still wait, and would delete the other contact.
        """
        records = dict(state.records)
        for record in state.unsent_movers:
            with suppress(Ignored, PermanentFailure, Unmappable):
                if record.is_deleted and record.contact.customer_id:
                    self._sender.send(task, delete_request(record.contact.customer_id, task.shop.id_prefix))
                    # An order that restores the contact at this moment sends it again, as in `delete`.
                    if not self.store.touch(task.shop.id, record, record.sent_consent):
                        raise RetryLater(Reason.CONTACT_BUSY, wait_ms=_BUSY_MS)
                    records[record.id] = replace(record, revision=record.revision + 1)
                else:
                    self._send(task, ContactState.of_record(record), record, None)
        return replace(state, records=records)

    def _send_or_part(self, task: Task, state: ContactState, record: ContactRecord) -> int | None:
        """Send what is recorded, or what is left of it without an address that the API refuses. Return the API's id."""
        try:
            return self._send_requests(task, _requests(task, record, _at_the_api(state)))
        except PermanentFailure as failure:
            if failure.reason is not Reason.API_REJECTED:
                raise
            for part in fallbacks(record.contact):
                if not part.reachable and not record.synced_revision:
                    continue  # the API creates no contact without an address
                with suppress(PermanentFailure, Unmappable):
                    return self._send_requests(task, _requests(task, replace(record, contact=part)))
            failure.reason = refused_reason(record.contact)
            raise

    def _send_requests(self, task: Task, requests: list[ApiRequest]) -> int | None:
        task = _without_unanswered(task)
        ids = [self._sender.send(task, request).contact_id for request in requests]
        return next((id for id in ids if id), None)

    def _is_synced(self, shop: str, record: ContactRecord) -> bool:
        current, _ = self.store.find_by_ref(shop, record.id)
        return current is not None and current.is_synced and not contradicts(record.contact, current.contact)

    def _find_again(self, task: Task, contact: Contact, created_at: int | None) -> ContactState:
        state = self.store.find(task.shop.id, contact)
        if state.is_erased(created_at) and (created_at is not None or state.record is None):
            raise Ignored(Reason.ERASED)
        return state

    def _erase_again(self, task: Task, record: ContactRecord) -> NoReturn:
        self._erase_record(task, record)
        raise Ignored(Reason.ERASED)

    def _erase_record(self, task: Task, record: ContactRecord) -> None:
        recorded = [(record.contact, record.api_id)]
        try:
            self.erase(task, erase_requests(record.contact, recorded, id_prefix=task.shop.id_prefix))
        except RetryLater as failure:
            failure.left_to_erase = True
            raise


def _check_account(state: ContactState, change: ContactChange) -> None:
    """Check that the account was not deleted after the change. Its deletion may still wait behind the change.

    Raises:
        Ignored: it was.
    """
    record = state.record
    if record and record.is_deleted and change.is_before_deletion(record.deleted_at):
        raise Ignored(Reason.ACCOUNT_DELETED)


def _is_restored(record: ContactRecord | None, task: Task) -> bool:
    """Return whether an order restored the contact since the webhook of its account's deletion arrived."""
    return record is not None and not record.is_deleted and (record.deleted_at or 0) >= task.received_at


def _reachable(state: ContactState, contact: Contact) -> Contact:
    if not (contact.reachable or state.is_known):
        raise unreachable(state.named)
    return contact


def _changed(state: ContactState, change: ContactChange) -> Contact:
    """Return what the API should have after the customer's own change, or after one of the consent alone."""
    return state.replaced() if change.updated_at is not None else state.decided()


def _at_the_api(state: ContactState) -> Contact | None:
    """Return what the API has of a contact; None if that is not known."""
    return state.record.contact if state.record and state.record.is_synced else None


def _requests_for(task: Task, state: ContactState, contact: Contact) -> list[ApiRequest]:
    record = state.record or ContactRecord(state.ref or "")
    if not (record.contact == contact and record.revision):
        record = merged(record, contact)
    return _requests(task, record, _at_the_api(state))


def _requests(task: Task, record: ContactRecord, at_the_api: Contact | None = None) -> list[ApiRequest]:
    """Return the requests after which the API has what is recorded.

    Args:
        at_the_api: what it has already, if that is known.
    """
    contact = record.contact if task.shop.consent == "shop" else replace(record.contact, consent=None)
    requests = contact_requests(
        contact,
        at_the_api=at_the_api,
        sent_consent=record.sent_consent,
        is_first=not record.synced_revision,
        may_exist=record.revision > 1,
        has_moved=bool(record.previous),
        id_prefix=task.shop.id_prefix,
    )
    # The same request for another revision is not the same request: something else was sent in between.
    return [replace(request, revision=record.revision) for request in requests]


def _sent_consent(task: Task, record: ContactRecord) -> bool | None:
    """Return which consent was sent once the API accepted the record."""
    consent = record.contact.consent if task.shop.consent == "shop" else None
    return consent.subscribed if consent else record.sent_consent


def _without_unanswered(task: Task) -> Task:
    """Return the task for a request about a contact, which several webhooks may send.

    The one to which there was no answer may have repeated another webhook's, which the API answers with 409 without
    doing anything. So a 409 to the next one does not say that the API has it.
    """
    return replace(task, unanswered=None)
