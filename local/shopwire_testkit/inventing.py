"""ContactState, goods, money and time as the simulated shops know them, and the pen that writes a story down.

Everything is drawn from the run's own random numbers. Knows neither shopwire nor any platform's words.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import count

from shopwire.models.shop import Shop
from shopwire_testkit.announcements import Announcement, Meaning, Person, Story, Version

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000

_FIRST = {
    "Олеся": "olesia", "Тарасій": "tarasii", "Меланія": "melaniia", "Юстина": "yustyna", "Святополк": "sviatopolk",
    "Любомира": "liubomyra", "Єфросинія": "yefrosynia", "Ґедимін": "gedymin", "Іларіон": "ilarion",
    "Zdzisława": "zdzislawa",
}  # fmt: skip
_LAST = {
    "Вигадько": "vyhadko", "Неіснюк": "neisniuk", "Прикладенко": "prykladenko", "Щасливчук": "shchaslyvchuk",
    "Їжаківська": "yizhakivska", "Казкарчук": "kazkarchuk", "Мрійниченко": "mriinychenko", "Żółtodziób": "zoltodziob",
}  # fmt: skip
_STREETS = ("вул. Вигадана", "просп. Неіснуючий", "бульв. Казковий", "пров. Мрійливий")
_TITLES = ("Чайник", "Ліхтар & гніт", "Teapot / 0.5 l", "Плед", "Гребінець", 'Mug "Big"', "Свічка", "Кошик")
_PREFIXES = ("50", "67", "63", "97", "99")
_LATER_PREFIXES = ("66", "68", "96", "98", "73", "93")


@dataclass(frozen=True, slots=True)
class Good:
    """Something to buy. `price` in hundredths, `variant` None where the product has none; a custom line has no ids."""

    product: int | None
    variant: int | None
    sku: str | None
    title: str
    price: int

    def id(self, rule: str) -> str:
        """How a shop with this `item_id` rule calls it."""
        by_rule = {"variant": self.variant or self.product, "product": self.product, "sku": self.sku}
        return str(by_rule[rule] or self.title)


@dataclass(slots=True)
class Customer:
    """Somebody who buys. `id` None: a guest. Addresses are clean; `spelt` and `dialled` are as he writes them."""

    id: int | None
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    street: str

    def person(self, *, guest: bool = False) -> Person:
        """Who that is to the API."""
        known = None if guest or self.id is None else str(self.id)
        return Person(self.email, self.phone, known, self.first_name, self.last_name)

    def named_by_browser(self) -> Person | None:
        """Who that is to the API when all that is said of him is one address."""
        if self.email:
            return Person(self.email, None, None, "", "")
        return Person(None, self.phone, None, "", "") if self.phone else None

    def spelt(self, rng: random.Random) -> str | None:
        """The e-mail address with the capitals and spaces that people type."""
        if not self.email:
            return self.email
        return rng.choice((self.email, self.email, self.email.title(), f" {self.email} ", self.email.upper() + " "))

    def dialled(self, rng: random.Random, region: str | None) -> str | None:
        """The phone in one of the spellings that can be understood in the shop's region."""
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
        """Every personal value, as it is, as it may be typed, and as JSON may write it."""
        plain = [self.first_name, self.last_name, self.street]
        if self.email:
            plain += [self.email, self.email.title(), self.email.upper()]
        if self.phone:
            plain += [self.phone, self.phone[3:]]
        for value in plain:
            yield value
            yield json.dumps(value)[1:-1]


@dataclass(slots=True)
class Market:
    """A shop with what it sells and the numbers it counts on. Ids overlap between shops, as they do in life."""

    shop: Shop
    currency: str
    zone: timezone
    goods: list[Good]
    orders: Iterator[int] = field(default_factory=lambda: count(1001))
    customers: Iterator[int] = field(default_factory=lambda: count(1))
    things: Iterator[int] = field(default_factory=lambda: count(70_001))
    """Lines, parcels, refunds, coupons."""

    @classmethod
    def of(cls, shop: Shop) -> "Market":
        """The market that belongs to a shop: the same in every run."""
        rng = random.Random(shop.id)
        currency = rng.choice(("UAH", "UAH", "USD", "EUR", "PLN", "JPY", "KWD"))
        whole = 100 if currency == "JPY" else 1
        goods = []
        for n in range(24):
            variant = None if n % 6 == 5 else 3000 + n
            price = rng.randrange(100, 90_000) * whole
            goods.append(Good(500 + n // 3, variant, f"SKU-{n:02d}/{n % 3}", f"{rng.choice(_TITLES)} {n}", price))
        return cls(shop, currency, timezone(timedelta(hours=rng.choice((-5, 0, 2, 3)))), goods)

    @property
    def step(self) -> int:
        """The smallest price, in hundredths."""
        return 100 if self.currency == "JPY" else 1

    def rounded(self, amount: Fraction) -> str:
        """An amount in hundredths rounded half up to the currency's own digits."""
        digits = {"JPY": 0, "KWD": 3}.get(self.currency, 2)
        scaled = int(amount * 10**digits / 100 + Fraction(1, 2))
        whole, part = divmod(scaled, 10**digits)
        return f"{whole}.{part:0{digits}d}" if digits else str(whole)

    def local(self, at: int) -> str:
        """A time with the shop's offset, in whole seconds."""
        return datetime.fromtimestamp(at // SECOND, self.zone).isoformat()

    def new_order(self) -> int:
        """The next order's id; some are beyond what floats hold exactly."""
        number = next(self.orders)
        return number + 9_007_199_254_740_993 if number % 7 == 0 else number


class Basket:
    """What a customer puts into a cart of a shop with so many goods, takes out, and puts in again.

    Args:
        unchanged: how often a change of a full cart is none of what is in it.
    """

    def __init__(self, rng: random.Random, goods: int, unchanged: float = 0.0) -> None:
        self._rng = rng
        self._goods = goods
        self._unchanged = unchanged
        self._past: list[dict[int, int]] = []
        self._content: dict[int, int] = {}

    def change(self) -> dict[int, int]:
        """What is in it after the next change: the number of a good -> how many."""
        turn = self._rng.random()
        if turn < 0.08:
            self._content = {}
        elif turn < 0.2 and self._past:
            self._content = self._rng.choice(self._past)
        elif turn < 1 - self._unchanged or not self._content:
            self._content = self._content | {self._rng.randrange(self._goods): self._rng.randrange(1, 5)}
        self._past.append(self._content)
        return self._content


def utc(at: int) -> str:
    """A time in UTC without its zone, in whole seconds."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def money(hundredths: int) -> str:
    """An amount as platforms write it: two decimals, whatever the currency."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


class Pen:
    """Writes one story: time passes, and what the shop announces meanwhile is put down with what it means."""

    def __init__(
        self, rng: random.Random, market: Market, numbers: Iterator[int], now: int, end: int, gap: int
    ) -> None:
        self.rng = rng
        self.market = market
        self.now = now
        self.end = end
        self._gap = gap
        self._numbers = numbers
        self._announcements: list[Announcement] = []
        self._canaries: set[str] = set()
        self._meanings: dict[int, Meaning] = {}
        self._said_at = now

    @property
    def second(self) -> int:
        """Now, in whole seconds: the version that most platforms give."""
        return self.now // SECOND * SECOND

    @property
    def over(self) -> bool:
        """Whether the time of the run has passed."""
        return self.now >= self.end

    def chance(self, probability: float) -> bool:
        """Whether something happens this time."""
        return self.rng.random() < probability

    def wait(self, mean: int = 2 * HOUR, *, same_second: bool = False) -> None:
        """Let time pass: mostly hours, sometimes seconds, always into another second, or not at all."""
        if same_second:
            return
        if self._gap:
            gap = self.rng.randrange(1, self._gap + 1) * SECOND
        elif self.chance(0.25):
            gap = self.rng.randrange(1, 20) * SECOND
        else:
            gap = int(self.rng.expovariate(1 / mean))
        self.now = max(self.now + gap, self.second + SECOND + self.rng.randrange(SECOND // 2))

    def say(
        self,
        topic: str,
        body: bytes,
        entity: str,
        meaning: Meaning | None,
        version: Version | None,
        *,
        storefront: bool = False,
        at: int | None = None,
    ) -> None:
        """Announce something a moment from now, or at a moment of which nothing before was said."""
        self._said_at = max(self._said_at + 1, at or self.now + self.rng.randrange(30))
        id = next(self._numbers)
        shop = self.market.shop.id
        self._announcements.append(
            Announcement(id, self._said_at, shop, topic, body, entity, version is None, version, storefront)
        )
        if meaning is not None:
            self._meanings[id] = meaning

    def meet(self, serial: int, id: int | None) -> Customer:
        """Somebody new. `serial` is nobody else's in the whole run."""
        rng = self.rng
        first, last = rng.choice(list(_FIRST)), rng.choice(list(_LAST))
        ways = rng.random()
        customer = Customer(
            id,
            first,
            last,
            _email(rng, first, last, str(serial)) if ways < 0.9 else None,
            _phone(rng.choice(_PREFIXES), serial) if ways > 0.35 else None,
            f"{rng.choice(_STREETS)}, {serial}",
        )
        self.remember(customer)
        return customer

    def alter(self, customer: Customer, serial: int, nth: int) -> None:
        """Change somebody for the nth time: his name, his phone, rarely the e-mail address; now and then nothing."""
        rng = self.rng
        what = rng.random()
        if what < 0.4:
            customer.last_name = rng.choice(list(_LAST))
        elif what < 0.7 and customer.email:
            # Where the phone is all that names a person, another phone is another person to the API.
            customer.phone = _phone(_LATER_PREFIXES[nth % len(_LATER_PREFIXES)], serial)
        elif what < 0.8 and customer.email:
            customer.email = _email(rng, customer.first_name, customer.last_name, f"{serial}n{nth}")
        self.remember(customer)

    def remember(self, customer: Customer) -> None:
        """Note what must be seen nowhere."""
        self._canaries.update(customer.canaries())

    def story(self) -> Story:
        """What was written."""
        return Story(self.market.shop.id, self._announcements, frozenset(self._canaries), self._meanings)


def _phone(prefix: str, serial: int) -> str:
    return f"380{prefix}{serial * 7_919_333 % 10_000_000:07d}"


def _email(rng: random.Random, first: str, last: str, mark: str) -> str:
    return f"{_FIRST[first][:6]}.{_LAST[last][:8]}{mark}@example.{rng.choice(('com', 'org'))}"
