"""The products, prices, ids and times of a simulated shop, and the contents of its customers' carts.

All choices come from the random numbers of the caller. Nothing here knows shopwire's rules or the words of a platform.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import count

from shopwire.models.shop import Shop
from shopwire_testkit.durations import SECOND

_TITLES = ("Чайник", "Ліхтар & гніт", "Teapot / 0.5 l", "Плед", "Гребінець", 'Mug "Big"', "Свічка", "Кошик")
_CURRENCIES = ("UAH", "UAH", "USD", "EUR", "PLN", "JPY", "KWD")
_DIGITS = {"JPY": 0, "KWD": 3}
_PRODUCTS = 24
# Floats hold integers exactly only up to 2**53.
_INEXACT_AS_FLOAT = 2**53 + 1

SHARED_KEY = "sim-shared-key"
"""API key of two simulated shops that use one account of the API. Each has another `id_prefix`."""

CartContent = dict[int, int]
"""The content of a cart, as the index of each product in `ShopData.products` and its quantity."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product. `price` is in hundredths. `variant` is None if the product has no variants.

    A custom line of an order is a product without any ids.
    """

    product: int | None
    variant: int | None
    sku: str | None
    title: str
    price: int

    def item_id(self, setting: str) -> str:
        """Return the id that the product has in a shop with this `item_id` setting."""
        ids = {"variant": self.variant or self.product, "product": self.product, "sku": self.sku}
        return str(ids[setting] or self.title)


@dataclass(slots=True)
class ShopData:
    """A shop's settings, its products, and the counters of its ids.

    The ids of different shops overlap, as in reality.
    """

    settings: Shop
    currency: str
    zone: timezone
    products: list[Product]
    order_ids: Iterator[int] = field(default_factory=lambda: count(1001))
    customer_ids: Iterator[int] = field(default_factory=lambda: count(1))
    other_ids: Iterator[int] = field(default_factory=lambda: count(70_001))
    """Ids of order lines, parcels, refunds and other small objects."""

    @classmethod
    def of(cls, settings: Shop) -> "ShopData":
        """Return the data that belongs to a shop. It is the same in every run."""
        rng = random.Random(settings.id)
        currency = rng.choice(_CURRENCIES)
        step = 100 if currency == "JPY" else 1
        products = []
        for n in range(_PRODUCTS):
            variant = None if n % 6 == 5 else 3000 + n
            price = rng.randrange(100, 90_000) * step
            products.append(Product(500 + n // 3, variant, f"SKU-{n:02d}/{n % 3}", f"{rng.choice(_TITLES)} {n}", price))
        return cls(settings, currency, timezone(timedelta(hours=rng.choice((-5, 0, 2, 3)))), products)

    @property
    def price_step(self) -> int:
        """The smallest difference between two prices, in hundredths."""
        return 100 if self.currency == "JPY" else 1

    def rounded(self, amount: Fraction) -> str:
        """Return an amount in hundredths, rounded half up to the currency's own digits."""
        digits = _DIGITS.get(self.currency, 2)
        scaled = int(amount * 10**digits / 100 + Fraction(1, 2))
        whole, part = divmod(scaled, 10**digits)
        return f"{whole}.{part:0{digits}d}" if digits else str(whole)

    def local_time(self, at: int) -> str:
        """Return a time (UTC milliseconds) with the shop's offset, in whole seconds."""
        return datetime.fromtimestamp(at // SECOND, self.zone).isoformat()

    def next_order_id(self) -> int:
        """Return the next order id. Every seventh is too large for a float to hold exactly."""
        number = next(self.order_ids)
        return number + _INEXACT_AS_FLOAT if number % 7 == 0 else number


class Basket:
    """The content of one cart while its customer adds and removes products.

    Args:
        products: how many products the shop has.
        unchanged: the probability that a change of a full cart leaves its content as it is.
    """

    def __init__(self, rng: random.Random, products: int, unchanged: float = 0.0) -> None:
        self._rng = rng
        self._products = products
        self._unchanged = unchanged
        self._history: list[CartContent] = []
        self._content: CartContent = {}

    def change(self) -> CartContent:
        """Make the next change and return the new content. The change may restore an earlier content."""
        share = self._rng.random()
        if share < 0.08:
            self._content = {}
        elif share < 0.2 and self._history:
            self._content = self._rng.choice(self._history)
        elif share < 1 - self._unchanged or not self._content:
            self._content = self._content | {self._rng.randrange(self._products): self._rng.randrange(1, 5)}
        self._history.append(self._content)
        return self._content


def utc_time(at: int) -> str:
    """Return a time (UTC milliseconds) in UTC without its zone, in whole seconds."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def money(hundredths: int) -> str:
    """Return an amount as the platforms write it, with two decimals whatever the currency."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"
