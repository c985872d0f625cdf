"""A person as the shop knows them, and which values count as a person's address.

`stores/contacts.py` records which contacts eSputnik has.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from shopwire.models.base import MAX_ID_LENGTH, first, usable_id
from shopwire.models.name import clean_name

# The vendor's own plugins for WooCommerce and OpenCart refuse any other e-mail address, and phones of other lengths.
_EMAIL = re.compile(r"[a-z0-9.+_-]+@(?:[a-z0-9_-]+\.)+[a-z0-9_-]+")
_EMAIL_MAX_LENGTH = 50
# Shops write these domains for a person who was erased, or who never gave an address.
_PLACEHOLDER_DOMAINS = ("@site.invalid", "@example.invalid")
_PHONE_DIGITS = range(5, 16)


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

    A later consent replaces an earlier one, in whatever order the webhooks arrive.
    """

    subscribed: bool
    at: int


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

    @property
    def key(self) -> str | None:
        """The one value that stands for the person: e-mail, else phone, else customer id."""
        return self.email or self.phone or self.customer_id

    @property
    def reachable(self) -> bool:
        """Whether the API can create this contact: it needs an e-mail address or a phone."""
        return bool(self.email or self.phone)

    @property
    def identities(self) -> tuple[str, ...]:
        """Every value that identifies the person, each with its kind in front ("email:...", "phone:...", "id:...")."""
        named = (("email", self.email), ("phone", self.phone), ("id", self.customer_id))
        return tuple(f"{kind}:{value}" for kind, value in named if value)

    def without(self, fields: Iterable[str]) -> Self:
        """Return the contact without these fields."""
        return replace(self, **dict.fromkeys(fields))


NOBODY = Contact()


def person(
    *,
    emails: Iterable[str | None],
    phones: Iterable[str | None],
    region: str | None,
    customer_id: str | None = None,
    first_names: Iterable[str | None] = (),
    last_names: Iterable[str | None] = (),
) -> Contact:
    """Return the contact that a platform describes in several places of a body.

    An e-mail address that the API might refuse never costs an order: the next address or the phone takes its place. It
    is kept as it is only if there is no other address, because the API needs one to create a contact, and without what
    is longer than any address, because the table stores it. A customer id that is longer than 255 characters counts as
    missing. So does one that is an address: the API would send all later orders with it to one contact.

    Args:
        emails, phones, first_names, last_names: candidates in order of preference.
        region: ISO 3166 code of the country that completes local phone numbers, or None.
    """
    # The same address is often in up to four places of a body. Each is examined once.
    written = [cleaned for email in dict.fromkeys(emails) if (cleaned := clean_email(email))]
    email = next((address for address in written if acceptable_email(address)), None)
    phone = next((cleaned for number in dict.fromkeys(phones) if (cleaned := clean_phone(number, region))), None)
    customer_id = usable_id(customer_id)
    if customer_id and ("@" in customer_id or customer_id.startswith("+")):
        customer_id = None
    if not (email or phone):
        email = next((address[:MAX_ID_LENGTH] for address in written), None)
    return Contact(
        email=email,
        phone=phone,
        customer_id=customer_id,
        first_name=first(clean_name(name, is_first=True) for name in first_names),
        last_name=first(clean_name(name, is_first=False) for name in last_names),
    )


def clean_email(value: str | None) -> str | None:
    """Return the address trimmed and lower case; None if it is not an address, or a placeholder
    (`deleted@site.invalid`)."""
    if not value:
        return None
    value = value.strip().lower()
    if "@" not in value or value.endswith(_PLACEHOLDER_DOMAINS):
        return None
    return value


def acceptable_email(value: str) -> bool:
    """Return whether the API accepts this clean address as an e-mail channel."""
    return len(value) <= _EMAIL_MAX_LENGTH and _EMAIL.fullmatch(value) is not None


def clean_phone(value: str | None, region: str | None) -> str | None:
    """Return international digits without plus; None if the number is only zeros or cannot be completed.

    A number with its country code ("+38 (050) 123-45-67", "0038...") is only stripped. The phone library completes a
    local one; it is large, so it is imported only then.
    """
    if not value:
        return None
    digits = "".join(char for char in value if char in "0123456789")
    if not digits.strip("0"):
        return None
    text = value.strip()
    if text.startswith("+"):
        # In "+44 (0)20 ..." the zero is dialled only within the country.
        digits = "".join(char for char in text.replace("(0)", "") if char in "0123456789")
    elif text.startswith("00"):
        digits = digits[2:]
    else:
        return _completed(text, digits, region)
    return digits if len(digits) in _PHONE_DIGITS else None


# All webhooks of a buyer carry the same number. Completing it takes 30 to 100 us, as long as the rest of the mapping.
@lru_cache(maxsize=1024)
def _completed(text: str, digits: str, region: str | None) -> str | None:
    import phonenumbers

    attempts: list[tuple[str, str | None]] = [("+" + digits, None)]
    if region:
        attempts.insert(0, (text, region))
    for number, country in attempts:
        try:
            parsed = phonenumbers.parse(number, country)
        except phonenumbers.NumberParseException:
            continue
        # With a country, the right length of a subscriber's number is enough, because numbering plans change faster
        # than libraries. Without one, the digits must be a number that exists.
        subscriber = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
        length = phonenumbers.is_possible_number_for_type_with_reason(parsed, subscriber)
        if length == phonenumbers.ValidationResult.IS_POSSIBLE and (country or phonenumbers.is_valid_number(parsed)):
            number = f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"
            return number if len(number) in _PHONE_DIGITS else None
    return None
