"""An order as it stands, in the shop's currency. The mapper decides what is sent of it."""

from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import IntEnum, StrEnum
from typing import Literal, Self

from shopwire.errors import InvalidValue
from shopwire.models.base import MAX_DIGITS, check_amounts, check_currency, check_id, check_token
from shopwire.models.contact import Contact


class Status(StrEnum):
    """The statuses of an order that the API knows."""

    INITIALIZED = "INITIALIZED"
    IN_PROGRESS = "IN_PROGRESS"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


class Rank(IntEnum):
    """How far an order has come. It decides between two versions of the same millisecond."""

    CREATED = 0
    PAID = 1
    PARTLY_SHIPPED = 2
    SHIPPED = 3
    DELIVERED = 4
    CLOSED = 5  # cancelled, refunded, deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of what is still bought. `cost` is the price of one unit after its share of all discounts, not rounded."""

    id: str
    name: str | None = None
    category: str | None = None
    quantity: Decimal
    # Calculated, not given: a third of a discount has as many digits as the decimal context allows.
    cost: Decimal
    url: str | None = None
    image_url: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        check_amounts(quantity=self.quantity)
        if self.cost.adjusted() >= MAX_DIGITS:
            raise InvalidValue("cost", "too_large")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One shipment of an order. `delivered`: the body of the order says that it has arrived."""

    id: str
    delivered: bool = False
    tracking_number: str | None = None
    tracking_url: str | None = None
    carrier: str | None = None

    def __post_init__(self) -> None:
        check_id(id=self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A snapshot of an order.

    `total` is what the order costs now, after edits and partial refunds; for a cancelled or wholly refunded order,
    what it cost just before that. Its parts are the items, `shipping`, `taxes` (only those on top of the items' costs),
    `fees`, `duties` and `tips`. `discount` is what was taken off in all, from lines and from the whole order; the
    items' costs are after it. `updated_at` and `rank` are the version. `bought_at` is the time of the purchase, if the
    order was a draft when it was created. `restored`: the platform says that the order was deleted and now exists
    again. `erased`: the shop erased the person of the order.
    """

    id: str
    number: str | None = None
    created_at: datetime
    bought_at: datetime | None = None
    updated_at: datetime
    status: Status
    rank: Rank
    status_words: str | None = None
    currency: str
    total: Decimal
    shipping: Decimal | None = None
    discount: Decimal | None = None
    taxes: Decimal | None = None
    fees: Decimal | None = None
    duties: Decimal | None = None
    tips: Decimal | None = None
    refunded: Decimal | None = None
    contact: Contact
    items: tuple[Item, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    wholly_shipped: bool = False
    coupons: tuple[str, ...] = ()
    cancel_reason: str | None = None
    url: str | None = None
    payment_method: str | None = None
    delivery_method: str | None = None
    delivery_address: str | None = None
    note: str | None = None
    store_id: str | None = None
    source: Literal["online", "offline"] | None = None
    cart_token: str | None = None
    test: bool = False
    restored: bool = False
    erased: bool = False

    def __post_init__(self) -> None:
        check_id(id=self.id, number=self.number)
        check_currency(self.currency)
        check_token(cart_token=self.cart_token)
        check_amounts(
            total=self.total,
            shipping=self.shipping,
            discount=self.discount,
            taxes=self.taxes,
            fees=self.fees,
            duties=self.duties,
            tips=self.tips,
            refunded=self.refunded,
        )

    def with_facts(self, arrived: AbstractSet[str], *, deleted: bool) -> Self:
        """Return the order with what facts say and the snapshot does not contain yet.

        Args:
            arrived: ids of parcels that a carrier reported as delivered.
            deleted: whether the shop deleted the order.
        """
        if self.status is Status.CANCELLED:
            return self
        if deleted:
            return replace(self, status=Status.CANCELLED)
        shipped = self.status is Status.IN_PROGRESS and self.wholly_shipped and self.parcels
        if shipped and all(parcel.delivered or parcel.id in arrived for parcel in self.parcels):
            return replace(self, status=Status.DELIVERED)
        return self


# The digits of ISO 4217 (list one, and the currencies that left it since 2015, because old orders have them).
_TWO_DIGITS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS
INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD
NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP
SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL
"""
_DIGITS = {
    **dict.fromkeys(_TWO_DIGITS.split(), 2),
    **dict.fromkeys("BIF BYR CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_UNKNOWN_DIGITS = 8
"""Of a currency that ISO 4217 does not know, such as BTC: the smallest amount of most of them."""
_QUANTA = {digits: Decimal(1).scaleb(-digits) for digits in (0, 2, 3, 4, _UNKNOWN_DIGITS)}


def quantum(currency: str) -> Decimal:
    """Return the smallest amount of a currency (ISO 4217): Decimal("0.01") for most, 1 for JPY, 0.001 for KWD.

    A currency that ISO 4217 does not know has eight digits.
    """
    return _QUANTA[_DIGITS.get(currency, _UNKNOWN_DIGITS)]


def half_up(amount: Decimal, quantum: Decimal) -> Decimal:
    """Return the amount rounded half up to the currency's digits.

    What divisions left is rounded first: half a cent may have become 0.004999999999999999999999999.

    Raises:
        InvalidOperation: it has more digits than the decimal context.
    """
    with suppress(InvalidOperation):  # with that many digits before the point there is no remainder
        amount = amount.quantize(quantum.scaleb(-_UNKNOWN_DIGITS))
    return amount.quantize(quantum, rounding=ROUND_HALF_UP)


def without_remainder(amount: Decimal, currency: str) -> Decimal:
    """Return an amount that was calculated by a division, rounded to the currency's digits if it has a remainder.

    Such an amount would be 11.99999999999999999999999999 in place of 12, or have too many digits for an `Order`. One
    with at most eight decimals keeps the digits that the platform gave.
    """
    exponent = amount.as_tuple().exponent
    has_remainder = isinstance(exponent, int) and exponent < -_UNKNOWN_DIGITS
    return half_up(amount, quantum(currency)) if has_remainder else amount
