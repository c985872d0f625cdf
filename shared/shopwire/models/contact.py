"""A person as the shop knows them, and which values count as a person's address.

`stores/contacts.py` records which contacts eSputnik has.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Self

from shopwire.models.base import first, milliseconds, plausible, usable_id
from shopwire.models.email import clean_email, is_doubtful, is_nobodys_email
from shopwire.models.name import clean_name
from shopwire.models.phone import Phone, clean_phone, country_code, is_nobodys_phone
from shopwire.models.reason import Reason

# What forms and programs write for an address, or an id, that they do not have.
_NO_VALUE = frozenset("null none nil undefined nan n/a na no false 0 нет немає ні".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a person lives, as v1/contact has it: region, town, the line with street and house, and postcode."""

    region: str | None = None
    town: str | None = None
    street: str | None = None
    postcode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Whether the person wants marketing messages, and since when (UTC ms).

    A later consent replaces an earlier one, in whatever order the webhooks arrive. The consent to text messages counts
    only for a person without an e-mail address.

    Args:
        at: 0 if the platform does not say when. Every other consent is later then.
        is_implied: the person did not tick the box of one order. It counts only for a new contact.
    """

    subscribed: bool
    at: int
    channel: Literal["email", "sms"] = "email"
    is_implied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The person of an order, cart or view.

    Addresses are clean: e-mail trimmed and lower case, phone in international digits. Names are as the API accepts
    them (`clean_name`). `customer_id` is the platform's own id of the customer; a guest has none. `language` is a tag
    of RFC 5646 ("uk-UA"). `consent` is None if the platform does not say it.
    """

    email: str | None = None
    phone: str | None = None
    customer_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    address: Address | None = None
    language: str | None = None
    consent: Consent | None = None
    has_unusable_address: bool = field(default=False, compare=False)
    """Whether the platform names an e-mail address or a phone, but none that can be used."""

    @property
    def key(self) -> str | None:
        """The one value that stands for the person: e-mail, else phone, else customer id."""
        return self.email or self.phone or self.customer_id

    @property
    def reachable(self) -> bool:
        """Whether the API can create this contact: it needs an e-mail address or a phone."""
        return bool(self.email or self.phone)

    @property
    def unreachable_reason(self) -> Reason:
        """Why the API cannot create this contact, if it is not `reachable`."""
        return Reason.ADDRESS_UNUSABLE if self.has_unusable_address else Reason.ANONYMOUS

    @property
    def identities(self) -> tuple[str, ...]:
        """Every value that identifies the person, each with its kind in front ("email:...", "phone:...", "id:...")."""
        named = (("email", self.email), ("phone", self.phone), ("id", self.customer_id))
        return tuple(f"{kind}:{value}" for kind, value in named if value)

    def without(self, fields: Iterable[str]) -> Self:
        """Return the contact without these fields."""
        absent: dict[str, Any] = dict.fromkeys(fields)
        return replace(self, **absent)


NOBODY = Contact()


def person(
    *,
    emails: Iterable[str | None],
    phones: Iterable[Phone],
    region: str | None,
    countries: Iterable[str | None] = (),
    customer_id: str | None = None,
    first_names: Iterable[str | None] = (),
    last_names: Iterable[str | None] = (),
) -> Contact:
    """Return the contact that a platform describes in several places of a body.

    An address that cannot be used never costs an order that has another one. A customer id that is longer than 255
    characters counts as missing. So does one that is an address: the API would send all later orders with it to one
    contact.

    Args:
        emails, phones, first_names, last_names: candidates in order of preference.
        region: ISO 3166 code of the shop's country, or None.
        countries: those of the body's addresses, in order of preference. They are for a phone whose own address names
            no country.
    """
    # The same address is often in up to four places of a body. Each is examined once.
    emails, phones = dict.fromkeys(emails), dict.fromkeys(phones)
    country = next((code for written in countries if (code := country_code(written))), None)
    email = next((address for written in emails if (address := clean_email(written))), None)
    phone = next(
        (
            digits
            for written in phones
            if (digits := clean_phone(written.number, country_code(written.country) or country, region))
        ),
        None,
    )
    return Contact(
        email=email,
        phone=phone,
        customer_id=_usable_customer_id(customer_id),
        first_name=first(clean_name(name, is_first=True) for name in first_names),
        last_name=first(clean_name(name, is_first=False) for name in last_names),
        has_unusable_address=not (email or phone)
        and (
            any(_is_given(written) and not is_nobodys_email(written) for written in emails if written)
            or any(_is_given(number) and not is_nobodys_phone(number) for number, _ in phones if number)
        ),
    )


def consent_time(decided: datetime | None, received_at: int | None) -> int:
    """Return `Consent.at`: when a person decided. A time of the future counts as now, or it would count for ever.

    Args:
        decided: what the body says; None if it does not say it.
        received_at: when the webhook arrived, UTC ms; None for an answer of a platform's API, which `delivery.fetch`
            checks.
    """
    at = max(0, milliseconds(decided)) if decided else 0
    return at if received_at is None else plausible(at, received_at)


def fallbacks(contact: Contact) -> tuple[Contact, ...]:
    """Return the contacts to send instead, one after the other, if the API refuses this one for good (400).

    Its answer does not say which address it refuses. An e-mail address that the vendor's plugins would not send goes
    first, then the phone. One address, or the customer id, is left. None are returned if no address may be the cause.
    """
    tries = []
    if contact.email and is_doubtful(contact.email) and (contact.phone or contact.customer_id):
        tries.append(contact.without(("email",)))
    if contact.email and contact.phone:
        tries.append(contact.without(("phone",)))
    return tuple(tries)


def refused_reason(contact: Contact) -> Reason:
    """Return why a contact is parked that the API refuses for good, also without the address that it may refuse."""
    return Reason.ADDRESS_UNUSABLE if contact.email and is_doubtful(contact.email) else Reason.API_REJECTED


def _is_given(address: str) -> bool:
    return address.strip().lower() not in _NO_VALUE


def _usable_customer_id(written: str | None) -> str | None:
    id = usable_id(written)
    return None if not id or "@" in id or id.startswith("+") or not _is_given(id) else id
