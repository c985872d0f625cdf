"""Fictional customers, and the spellings in which people type their addresses.

All choices come from the random numbers of the caller. Nothing here knows shopwire or the words of a platform.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from shopwire_testkit.announcements import Person, PersonConsent

# Each name with its Latin spelling for e-mail addresses.
_FIRST_NAMES = {
    "Олеся": "olesia", "Тарасій": "tarasii", "Меланія": "melaniia", "Юстина": "yustyna", "Святополк": "sviatopolk",
    "Любомира": "liubomyra", "Єфросинія": "yefrosynia", "Ґедимін": "gedymin", "Іларіон": "ilarion",
    "Zdzisława": "zdzislawa",
}  # fmt: skip
_LAST_NAMES = {
    "Вигадько": "vyhadko", "Неіснюк": "neisniuk", "Прикладенко": "prykladenko", "Щасливчук": "shchaslyvchuk",
    "Їжаківська": "yizhakivska", "Казкарчук": "kazkarchuk", "Мрійниченко": "mriinychenko", "Żółtodziób": "zoltodziob",
}  # fmt: skip
# How some people type a name, and the name that is left by the API's rules for the names of contacts.
_ODD_NAMES = (
    ("{} \N{CHERRY BLOSSOM}", "{}"),
    ("({})", "{}"),
    ("{}!?", "{}"),
    ("{} 380009988", "{}"),
    ("404-404-404-404", ""),
    ("\N{CYRILLIC CAPITAL LETTER ZHE}" * 41, ""),
)
_ODD_NAME_EVERY = 15
"""One of 15 customers types an odd name."""
_STREETS = ("вул. Вигадана", "просп. Неіснуючий", "бульв. Казковий", "пров. Мрійливий")
_PHONE_PREFIXES = ("50", "67", "63", "97", "99")
# A new number must differ from every number that the customer had before.
_CHECKOUT_PHONE_PREFIX = "95"
_NEW_PHONE_PREFIXES = ("66", "68", "96", "98", "73", "93")


@dataclass(slots=True)
class Customer:
    """A customer with normalised addresses and names. `id` is None for a guest.

    `id_prefix` is what the API has in front of the ids of the shop's customers. `odd_name` is how the customer types
    both names, and what the API has of them. `consent` is the customer's present consent to marketing; None if the
    platform records none. If `shows_consent` is True, all webhooks that contain the customer say it. Otherwise only
    those of its changes do.
    """

    id: int | None
    plain_first_name: str
    plain_last_name: str
    email: str | None
    phone: str | None
    street: str
    odd_name: tuple[str, str] = ("{}", "{}")
    id_prefix: str = field(default="", kw_only=True)
    consent: PersonConsent | None = field(default=None, kw_only=True)
    shows_consent: bool = field(default=False, kw_only=True)

    @property
    def first_name(self) -> str:
        """The first name as the customer types it."""
        return self.odd_name[0].format(self.plain_first_name)

    @property
    def last_name(self) -> str:
        """The last name as the customer types it."""
        return self.odd_name[0].format(self.plain_last_name)

    @property
    def api_id(self) -> str | None:
        """The externalCustomerId that the API must have. None for a guest."""
        return None if self.id is None else f"{self.id_prefix}{self.id}"

    def person(self, *, guest: bool = False) -> Person:
        """Return the person that the API must know for this customer. A name is empty if it breaks the API's rules."""
        customer_id = None if guest else self.api_id
        accepted = self.odd_name[1].format
        names = accepted(self.plain_first_name), accepted(self.plain_last_name)
        return Person(self.email, self.phone, customer_id, *names)

    def visitor(self) -> Person | None:
        """Return the person that the API must know if only one address of the customer is given."""
        if self.email:
            return Person(self.email, None, None, "", "")
        return Person(None, self.phone, None, "", "") if self.phone else None

    def typed_email(self, rng: random.Random) -> str | None:
        """Return the e-mail address with the capitals and spaces that people type."""
        if not self.email:
            return self.email
        return rng.choice((self.email, self.email, self.email.title(), f" {self.email} ", self.email.upper() + " "))

    def typed_phone(self, rng: random.Random, region: str | None) -> str | None:
        """Return the phone number in one of the spellings that can be read in this country: that of the address beside
        it, otherwise the shop's."""
        if not self.phone:
            return self.phone
        local = self.phone[2:]
        forms = [f"+{self.phone}", f"+38 ({local[:3]}) {local[3:6]}-{local[6:8]}-{local[8:]}", f"00{self.phone}"]
        if region in ("UA", None):
            forms.append(self.phone)
        if region == "UA":
            forms += [local, f"{local[:3]} {local[3:6]} {local[6:8]} {local[8:]}", f"({local[:3]}){local[3:]}"]
        return rng.choice(forms)

    def canaries(self) -> Iterator[str]:
        """Yield every personal value as it is, as people may type it, and as JSON may escape it."""
        values = [self.first_name, self.last_name, self.plain_first_name, self.plain_last_name, self.street]
        if self.email:
            values += [self.email, self.email.title(), self.email.upper()]
        if self.phone:
            values += [self.phone, self.phone[3:]]
        for value in values:
            yield value
            yield json.dumps(value)[1:-1]


def make_customer(rng: random.Random, serial: int, id: int | None) -> Customer:
    """Return a new customer, with an e-mail address, a phone or both.

    Args:
        serial: a number that no other customer of the run has.
        id: the platform's customer id. None for a guest.
    """
    first, last = rng.choice(list(_FIRST_NAMES)), rng.choice(list(_LAST_NAMES))
    share = rng.random()
    return Customer(
        id,
        first,
        last,
        _email(rng, first, last, str(serial)) if share < 0.9 else None,
        _phone(rng.choice(_PHONE_PREFIXES), serial) if share > 0.35 else None,
        f"{rng.choice(_STREETS)}, {serial}",
        *([_ODD_NAMES[serial // _ODD_NAME_EVERY % len(_ODD_NAMES)]] if serial % _ODD_NAME_EVERY == 0 else []),
    )


def change_customer(rng: random.Random, customer: Customer, serial: int, change: int) -> None:
    """Change the customer's name, phone or e-mail address. Sometimes nothing changes.

    Args:
        change: the number of this customer's change, from 1.
    """
    share = rng.random()
    if share < 0.35:
        customer.plain_last_name = rng.choice(list(_LAST_NAMES))
    elif share < 0.6 and customer.email:
        # If the phone is the only identity, a person with another phone is another person to the API.
        customer.phone = _phone(_NEW_PHONE_PREFIXES[change % len(_NEW_PHONE_PREFIXES)], serial)
    elif share < 0.8 and customer.email:
        customer.email = _email(rng, customer.plain_first_name, customer.plain_last_name, f"{serial}n{change}")


def as_typed_at_checkout(rng: random.Random, customer: Customer, serial: int) -> Customer:
    """Return the customer as an order names them who is typed in another way than the account."""
    typed = replace(customer, plain_last_name=rng.choice(list(_LAST_NAMES)))
    if customer.phone:
        typed.phone = _phone(_CHECKOUT_PHONE_PREFIX, serial)
    return typed


def register_customer(rng: random.Random, customer: Customer, serial: int, id: int) -> None:
    """Let a guest make an account. Some guests who gave only an e-mail address add a phone.

    Args:
        id: the platform's customer id.
    """
    customer.id = id
    if customer.phone is None and rng.random() < 0.7:
        customer.phone = _phone(rng.choice(_PHONE_PREFIXES), serial)


def make_relative(rng: random.Random, customer: Customer, serial: int) -> Customer:
    """Return a relative of the customer: a guest with the customer's phone and another e-mail address."""
    first, last = rng.choice(list(_FIRST_NAMES)), customer.plain_last_name
    return Customer(None, first, last, _email(rng, first, last, f"{serial}r"), customer.phone, customer.street)


def _phone(prefix: str, serial: int) -> str:
    return f"380{prefix}{serial * 7_919_333 % 10_000_000:07d}"


def _email(rng: random.Random, first: str, last: str, suffix: str) -> str:
    return f"{_FIRST_NAMES[first][:6]}.{_LAST_NAMES[last][:8]}{suffix}@example.{rng.choice(('com', 'org'))}"
