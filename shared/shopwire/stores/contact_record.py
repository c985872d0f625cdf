"""The record of a contact: what the API should have of a person, and whether it has it. Pure: nothing is read or
written here.

A record has a revision, which grows with each change. The change is written first, then sent, and then the revision
that was sent is written down as synced. Until then the API may have it or not, so that the next webhook of the person
sends it again. Crashed, overtaken and unanswered requests are all handled by this.

An identity is an e-mail address, a phone or a customer id. It leads to one contact at a time. The API finds a contact
by the customer id, then by the e-mail address, then by the phone (docs.yespo.io, "Adding contacts"), and so does
`choose`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from shopwire.models import NOBODY, Address, Consent, Contact

IDENTITY_FIELDS = ("customer_id", "email", "phone")
"""The fields that identify a contact, in the order in which the API searches."""
_PREVIOUS_KEPT = 50


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """What is recorded of a contact.

    Args:
        id: how entries refer to the contact: the hash of the identity with which it was created.
        contact: what the API should have. Empty if the record was never written, and only an identity leads to it.
        revision: the number of its changes; 0 if it was never written.
        synced_revision: the revision that the API accepted last.
        api_id: the API's own id of the contact, as the API answered it.
        sent_consent: which consent the API accepted last for this address, or may have accepted; None: none.
        previous: hashes of the identities that the contact had before, and ids of the customer's contacts as a guest,
            so that an erasure request finds them.
        expires: seconds since 1970.
        deleted_at: when the webhook arrived that says the account was deleted (UTC ms), if the contact is deleted with
            it.
    """

    id: str
    contact: Contact = NOBODY
    revision: int = 0
    synced_revision: int = 0
    api_id: int | None = None
    sent_consent: bool | None = None
    previous: tuple[str, ...] = ()
    expires: int = 0
    deleted_at: int | None = None

    @property
    def is_synced(self) -> bool:
        """Whether the API has what is recorded."""
        return 0 < self.revision == self.synced_revision

    @property
    def is_deleted(self) -> bool:
        """Whether the API does not have it, because its account was deleted and nothing restored it since."""
        return self.deleted_at is not None and not self.synced_revision


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is recorded of an identity.

    Args:
        hash: stands for the identity.
        contact_id: the contact to which it leads, or led last.
        for_revision: the revision of that contact for which it was claimed. Until then an invocation may be about to
            record it; afterwards the record has it, or gave it up.
        erased_at: UTC ms of its latest erasure.
    """

    hash: str
    contact_id: str | None = None
    erased_at: int | None = None
    expires: int = 0
    for_revision: int = 0


@dataclass(frozen=True, slots=True)
class ContactState:
    """What is recorded about a contact that a webhook names.

    Args:
        named: the contact that the webhook names.
        pointers: for each of its identity fields that has a value, what is recorded of that identity.
        records: the records to which these lead, by their ids.
        record: the record of the contact; None if there is none.
        ref: how entries refer to the contact: the id that its record has or will have. None if nothing identifies it.
    """

    named: Contact = NOBODY
    pointers: Mapping[str, Pointer] = field(default_factory=dict)
    records: Mapping[str, ContactRecord] = field(default_factory=dict)
    record: ContactRecord | None = None
    ref: str | None = None

    @classmethod
    def of_record(cls, record: ContactRecord) -> Self:
        """Return the state of a contact that an entry refers to."""
        return cls(record.contact, {}, {record.id: record}, record, record.id)

    @property
    def is_known(self) -> bool:
        """Whether the API has the contact."""
        return self.record is not None and self.record.is_synced

    @property
    def unsent_movers(self) -> list[ContactRecord]:
        """The contacts that gave up an address named here, while the API may still have it there.

        The API would take the named contact for them, and overwrite them.
        """
        found = {
            record.id: record
            for name in ("email", "phone")
            if (pointer := self.pointers.get(name))
            and (record := self.records.get(pointer.contact_id or ""))
            and record.id != self.ref
            and getattr(record.contact, name) != getattr(self.named, name)
            and not record.is_synced
        }
        return list(found.values())

    @property
    def erased_at(self) -> int | None:
        """UTC ms of the latest erasure of any of the identities."""
        return max((pointer.erased_at for pointer in self.pointers.values() if pointer.erased_at), default=None)

    def is_erased(self, created_at: int | None) -> bool:
        """Return whether something that was created then (UTC ms; None: unknown) belongs to the erased person."""
        erased_at = self.erased_at
        return erased_at is not None and (created_at is None or created_at <= erased_at)

    def completed(self) -> Contact:
        """Return what the API should have after an order, a cart or a visit that names the contact.

        It adds what is missing. It never replaces what is recorded, and never takes an identity from another contact,
        except the phone of one that this customer had as a guest.
        An order that repeats the recorded consent is no new decision: with its time, each order of a subscriber would
        be a change of the contact.
        """
        free, old = self._without(self._taken(but_by=self._former_guest())), self._recorded
        names = old if old.first_name or old.last_name else free
        return Contact(
            email=old.email or free.email,
            phone=old.phone or free.phone,
            customer_id=old.customer_id or free.customer_id,
            first_name=names.first_name,
            last_name=names.last_name,
            address=old.address or free.address,
            language=old.language or free.language,
            consent=self._consent(old.email or free.email, is_decision=False),
        )

    def decided(self) -> Contact:
        """Return what the API should have after a webhook that says nothing but what the customer decided."""
        completed = self.completed()
        return replace(completed, consent=self._consent(completed.email, is_decision=True))

    def replaced(self) -> Contact:
        """Return what the API should have after the customer's own change.

        It replaces what is recorded. It may take the addresses of the contact that the customer has as a guest. The
        consent of the guest to messages to the e-mail address counts too, if it is later.
        """
        guest = self._same_guest() or self._former_guest()
        of_guest = guest.contact.consent if guest else None
        # A guest who only did not tick the box of an order gave it at no time.
        is_given = of_guest and of_guest.at and of_guest.channel == "email"
        free, old = self._without(self._taken(but_by=guest)), self._recorded
        has_names = free.first_name or free.last_name
        names = free if has_names else old
        return Contact(
            email=free.email or old.email,
            phone=free.phone or old.phone,
            customer_id=free.customer_id or old.customer_id,
            first_name=names.first_name,
            last_name=names.last_name,
            address=free.address or old.address,
            language=free.language or old.language,
            consent=later_consent(
                self._consent(free.email or old.email, is_decision=True), of_guest if is_given else None
            ),
        )

    def _same_guest(self) -> ContactRecord | None:
        """Return another contact that is the customer as a guest: an order that overtook the customer's change made it.

        The platform knows whose account has the e-mail address, so a guest with that address is the customer. A phone
        proves nothing, because relatives share it. The record of a guest whose order is being sent may not be written
        yet. Then only its id says that it is of that address.
        """
        holders = (self._holder(name) for name in ("email", "phone"))
        other = next((each for each in holders if each and each.id != self.ref), None)
        pointer = self.pointers.get("email")
        if other is None or pointer is None or other.contact.customer_id:
            return None
        has_email = other.contact.email == self.named.email if other.revision else other.id == pointer.hash
        return other if has_email else None

    def _former_guest(self) -> ContactRecord | None:
        """Return the contact that has the named phone, if the customer took its e-mail address before."""
        other = self._holder("phone")
        if other is None or self.record is None or other.contact.email or other.contact.customer_id:
            return None
        return other if other.id in self.record.previous else None

    def _consent(self, email: str | None, *, is_decision: bool) -> Consent | None:
        """Return the consent that counts for a contact with this e-mail address, or without one."""
        old, new = self._recorded.consent, self.named.consent
        if new and new.is_implied and self.record and self.record.revision:
            new = None
        if old and new and not is_decision and replace(new, at=old.at) == old:
            new = None
        # Messages by e-mail need the consent to e-mail.
        return later_consent(*(each if each and not (email and each.channel == "sms") else None for each in (old, new)))

    @property
    def _recorded(self) -> Contact:
        return self.record.contact if self.record else NOBODY

    def _without(self, fields: set[str]) -> Contact:
        return self.named.without(fields) if fields else self.named

    def _taken(self, *, but_by: ContactRecord | None = None) -> set[str]:
        """Return the identity fields whose values lead to other contacts, except those that lead to `but_by`."""
        own = {self.ref, but_by.id if but_by else None}
        holders = {name: self._holder(name) for name in self.pointers}
        taken = {name for name, holder in holders.items() if holder and holder.id not in own}
        phone = self.pointers.get("phone")
        # A contact that has an e-mail address can do without a phone that another one is about to get.
        if phone and self.named.email and (holder := self.claimer(phone)) and holder.id not in own:
            taken.add("phone")
        return taken

    def claimer(self, pointer: Pointer) -> ContactRecord | None:
        """Return the record for which an identity was claimed, if it may be about to get it."""
        record = self.records.get(pointer.contact_id or "")
        return record if record and record.revision < pointer.for_revision else None

    def _holder(self, name: str) -> ContactRecord | None:
        return holder(name, self.named, self.pointers, self.records)


def holder(
    name: str, named: Contact, pointers: Mapping[str, Pointer], records: Mapping[str, ContactRecord]
) -> ContactRecord | None:
    """Return the record of the contact to which the value of an identity field leads; None if it is free.

    An address that its contact does not have any more is free. If the record was never written, because its invocation
    died or is still at work, an empty one is returned, unless another contact has its first identity: then it never
    will be.
    """
    pointer = pointers.get(name)
    if pointer is None or pointer.contact_id is None:
        return None
    record = records.get(pointer.contact_id) or ContactRecord(pointer.contact_id)
    for other, first in pointers.items():
        if not record.revision and first.hash == record.id != first.contact_id:
            winner = records.get(first.contact_id or "")
            if winner and getattr(winner.contact, other) == getattr(named, other):
                return None
    has_it = name == "customer_id" or getattr(record.contact, name) == getattr(named, name)
    return record if has_it or not record.revision else None


def choose(
    named: Contact, pointers: Mapping[str, Pointer], records: Mapping[str, ContactRecord]
) -> ContactRecord | None:
    """Return the record of the contact that a webhook names; None if it is a new contact.

    Two guests with the same phone and different e-mail addresses are two contacts, and so are two customers with the
    same address if the second one has another address that is free.
    """
    by_id, by_email, by_phone = (holder(name, named, pointers, records) for name in IDENTITY_FIELDS)
    if by_id:
        return by_id
    for unwritten in (by_email, by_phone):
        if unwritten and not unwritten.revision and unwritten.id == _free_hash("customer_id", pointers):
            return unwritten  # it is this customer's: its invocation died before it wrote the record
    if by_email and _may_be(named, by_email):
        return by_email
    if by_phone and _may_be(named, by_phone):
        is_only_address = not (named.email or named.customer_id)
        if is_only_address or (by_phone.revision and by_phone.contact.email in (None, named.email or None)):
            return by_phone
    if by_phone and not by_phone.revision and by_phone.id == _free_hash("email", pointers):
        return by_phone  # it is the same person's: its invocation died before it wrote the record
    has_free_address = (named.email and not by_email) or (named.phone and not by_phone)
    return None if has_free_address else by_email or by_phone


def _free_hash(name: str, pointers: Mapping[str, Pointer]) -> str | None:
    """Return the hash of the named identity if it leads to no contact."""
    pointer = pointers.get(name)
    return pointer.hash if pointer and pointer.contact_id is None else None


def _may_be(named: Contact, record: ContactRecord) -> bool:
    return named.customer_id is None or record.contact.customer_id in (None, named.customer_id)


def contradicts(sent: Contact, recorded: Contact) -> bool:
    """Return whether a request with `sent` changes anything of a contact that has `recorded`.

    The API keeps the fields that a request does not have.
    """
    values = ((getattr(sent, name), getattr(recorded, name)) for name in _SENT_FIELDS)
    return any(value and value != other for value, other in values)


def later_consent(one: Consent | None, other: Consent | None) -> Consent | None:
    """Return the consent that was given or withdrawn last. Of two at the same moment the refusal counts."""
    if one is None or other is None:
        return one or other
    if one.at == other.at:
        return one if not one.subscribed else other
    return one if one.at > other.at else other


def known_sent_consent(old: ContactRecord, contact: Contact) -> bool | None:
    """Return which consent counts as sent when a record gets another contact; None: none.

    A consent that was sent without an answer may have reached the API, so another one must be sent after it.
    """
    if old.contact.email != contact.email:
        return None
    unanswered, wanted = (None if old.is_synced else old.contact.consent), contact.consent
    if unanswered and wanted and unanswered.subscribed != wanted.subscribed:
        return unanswered.subscribed
    return old.sent_consent


def changed_identities(old: Contact, new: Contact) -> list[tuple[str, str]]:
    """Return field and value of the identities that `old` has and `new` does not."""
    return [
        (name, value)
        for name in IDENTITY_FIELDS
        if (value := getattr(old, name)) is not None and getattr(new, name) != value
    ]


def with_previous(record: ContactRecord, hashes: list[str]) -> tuple[str, ...]:
    """Return the previous identities of a record, with these."""
    return tuple(dict.fromkeys((*record.previous, *hashes)))[-_PREVIOUS_KEPT:]


def stored_contact(contact: Contact) -> dict[str, Any]:
    """Return the contact as the table stores it."""
    stored: dict[str, Any] = {name: value for name in _TEXTS if (value := getattr(contact, name))}
    if contact.address:
        stored["address"] = {name: value for name in _ADDRESS if (value := getattr(contact.address, name))}
    if contact.consent:
        stored["consent"] = {
            "subscribed": contact.consent.subscribed,
            "at": contact.consent.at,
            **({"channel": "sms"} if contact.consent.channel == "sms" else {}),
        }
    return stored


def read_contact(stored: Mapping[str, Any]) -> Contact:
    """Return the contact that `stored_contact` wrote."""
    address, consent = stored.get("address"), stored.get("consent")
    return Contact(
        **{name: value for name, value in stored.items() if name in _TEXTS},
        address=Address(**address) if address else None,
        consent=Consent(**consent) if consent else None,
    )


def read_pointer(hash: str, item: Mapping[str, Any]) -> Pointer:
    """Return what the item of an identity says. {}: there is none."""
    return Pointer(
        hash,
        item.get("contact_id"),
        item.get("erased_at"),
        item.get("expires", 0),
        item.get("for_revision", 0),
    )


def read_record(id: str, item: Mapping[str, Any]) -> ContactRecord:
    """Return the record that an item has; an empty one if it has none."""
    if not item.get("revision"):
        return ContactRecord(id)
    return ContactRecord(
        id,
        read_contact(item.get("contact", {})),
        item["revision"],
        item.get("synced_revision", 0),
        item.get("api_id"),
        item.get("sent_consent"),
        tuple(item.get("previous", ())),
        item.get("expires", 0),
        item.get("deleted_at"),
    )


def merged(record: ContactRecord, contact: Contact) -> ContactRecord:
    """Return the record with the next revision of its contact."""
    return replace(record, contact=contact, revision=record.revision + 1)


_SENT_FIELDS = tuple(each.name for each in fields(Contact) if each.name not in ("consent", "has_unusable_address"))
_TEXTS = tuple(name for name in _SENT_FIELDS if name != "address")
_ADDRESS = tuple(each.name for each in fields(Address))
