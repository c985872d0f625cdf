"""A person as the shop knows him, and what counts as an address of a person. Who is known already is `people`'s."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from shopwire.models.base import first

# The vendor's own plugins for WooCommerce and OpenCart refuse any other address, and a phone of other lengths.
_EMAIL = re.compile(r"[a-z0-9.+_-]+@(?:[a-z0-9_-]+\.)+[a-z0-9_-]+")
_EMAIL_LENGTH = 50
# What shops write instead of a person who was erased, or never given.
_NOBODYS_DOMAINS = ("@site.invalid", "@example.invalid")
_PHONE_DIGITS = range(5, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who did it. Addresses are clean: e-mail trimmed and lower-cased, phone in international digits.

    `customer_id` is the platform's own id of the customer, None for a guest.
    """

    email: str | None = None
    phone: str | None = None
    customer_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None

    @property
    def key(self) -> str | None:
        """The one value that stands for the person (v1/event's keyValue): e-mail, else phone, else customer id."""
        return self.email or self.phone or self.customer_id

    @property
    def reachable(self) -> bool:
        """Whether the API can create this contact: it needs an e-mail address or a phone."""
        return bool(self.email or self.phone)

    @property
    def identities(self) -> tuple[str, ...]:
        """Every value that names the person, each with its kind in front ("email:...", "phone:...", "id:...")."""
        named = (("email", self.email), ("phone", self.phone), ("id", self.customer_id))
        return tuple(f"{kind}:{value}" for kind, value in named if value)


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
    """The contact out of what a platform says in several places, each list in order of preference.

    An odd e-mail address never costs an order: the next address, the phone or the id serves instead, and only
    where there is nothing else is it kept as it came.

    Args:
        region: ISO 3166 code of the country that completes local phone numbers, or None.
    """
    # An address stands in up to four places of a body: each is looked at once.
    written = [cleaned for email in dict.fromkeys(emails) if (cleaned := clean_email(email))]
    email = next((one for one in written if acceptable_email(one)), None)
    phone = next((cleaned for one in dict.fromkeys(phones) if (cleaned := clean_phone(one, region))), None)
    customer_id = customer_id.strip() or None if customer_id else None
    if not (email or phone or customer_id):
        email = next(iter(written), None)
    return Contact(
        email=email,
        phone=phone,
        customer_id=customer_id,
        first_name=first(first_names),
        last_name=first(last_names),
    )


def clean_email(value: str | None) -> str | None:
    """Trimmed and lower-cased; None for no address or nobody's (`deleted@site.invalid`)."""
    if not value:
        return None
    value = value.strip().lower()
    if "@" not in value or value.endswith(_NOBODYS_DOMAINS):
        return None
    return value


def acceptable_email(value: str) -> bool:
    """Whether the API takes this clean address as an e-mail channel."""
    return len(value) <= _EMAIL_LENGTH and _EMAIL.fullmatch(value) is not None


def clean_phone(value: str | None, region: str | None) -> str | None:
    """International digits without plus, or None where the number is nobody's or can't be completed.

    A number that already says its country ("+38 (050) 123-45-67", "0038...") is only stripped; a local one is
    completed by the phone library, which is loaded for that only (it is large).
    """
    if not value:
        return None
    digits = "".join(char for char in value if char in "0123456789")
    if not digits.strip("0"):
        return None
    text = value.strip()
    if text.startswith("+"):
        # "+44 (0)20 ..." : the zero is dialled only inside the country.
        digits = "".join(char for char in text.replace("(0)", "") if char in "0123456789")
    elif text.startswith("00"):
        digits = digits[2:]
    else:
        return _completed(text, digits, region)
    return digits if len(digits) in _PHONE_DIGITS else None


# A buyer's number comes with each webhook of his orders; to complete it takes 30 to 100 us, as long as all the rest.
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
        # With a country, the right length of a subscriber's number is enough (number plans change faster than
        # libraries); digits that only might begin with a country code must be a real number.
        subscriber = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
        length = phonenumbers.is_possible_number_for_type_with_reason(parsed, subscriber)
        if length == phonenumbers.ValidationResult.IS_POSSIBLE and (country or phonenumbers.is_valid_number(parsed)):
            return f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"
    return None
