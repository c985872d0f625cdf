"""What a WooCommerce order costs: its total, and the parts that add up to it.

Amounts are without tax; the tax of each is a field of its own. A refund lowers neither `total` nor the quantities
(REST reference, "Order properties"), and names no items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from shopwire.errors import Unreadable
from shopwire.models.base import MAX_DIGITS
from shopwire.platforms.parts import MoneyOrEmpty, amount
from shopwire.platforms.woocommerce import bodies

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an order costs. `costs` has the price of one unit of each line of the body; None: it is no purchase.

    `total` is what is left after refunds, and `total_before` what it was before the last one that left nothing.
    """

    total: Decimal
    total_before: Decimal
    shipping: Decimal | None
    discount: Decimal | None
    taxes: Decimal | None
    fees: Decimal | None
    refunded: Decimal | None
    costs: Sequence[Decimal | None]

    @property
    def wholly_refunded(self) -> bool:
        """Whether all of it was given back. The status stays if that was done by amount, or through the API."""
        return self.refunded is not None and self.total <= 0


def amounts(body: bodies.Order) -> Amounts:
    """Return what the order costs.

    Raises:
        Unreadable: an amount would have too many digits.
    """
    with_tax = bool(body.prices_include_tax)
    discount = _sum(body.discount_total, body.discount_tax if with_tax else None)
    shipping = _sum(body.shipping_total, body.shipping_tax if with_tax else None)
    taxes = None if with_tax else amount(body.total_tax)
    # A negative discount is a surcharge of a plugin. It is in the lines' totals, but not in their subtotals.
    is_surcharged = discount is not None and discount < 0
    fees = -discount if is_surcharged and discount is not None else _ZERO
    paid = [_paid(line, with_tax, is_surcharged) for line in body.line_items or ()]
    taken_off = -sum([price for price in paid if price < 0], _ZERO)
    for fee in body.fee_lines or ():
        price = _sum(fee.total, fee.total_tax if with_tax else None) or _ZERO
        if price > 0:
            fees += price
        else:
            taken_off -= price  # the discount of a plugin
    goods = sum([price for price in paid if price > 0], _ZERO)
    taken_off += _gift_cards(body, goods + (shipping or _ZERO) + (taxes or _ZERO) + fees - taken_off - body.total)
    off_goods = min(taken_off, goods)
    if taken_off:
        discount = (_ZERO if is_surcharged or discount is None else discount) + taken_off
        if shipping and taken_off > off_goods:
            shipping = max(shipping - (taken_off - off_goods), _ZERO)
    elif is_surcharged:
        discount = None
    costs = _costs(body, paid, off_goods / goods if off_goods else _ZERO)
    refunds = _refunds(body)
    refunded = sum(refunds, _ZERO)
    return Amounts(
        total=body.total - refunded if refunded else body.total,
        total_before=_before_closing(body.total, refunds),
        shipping=shipping,
        discount=discount,
        taxes=taxes,
        fees=fees if fees > 0 else None,
        refunded=refunded if refunded > 0 else None,
        costs=costs,
    )


def _paid(line: bodies.Line, with_tax: bool, is_surcharged: bool) -> Decimal:
    # `price` is without tax and has the noise of a float, so the line's total is divided instead.
    paid = line.total + (amount(line.total_tax) or _ZERO) if with_tax else line.total
    before = _sum(line.subtotal, line.subtotal_tax if with_tax else None) if is_surcharged else None
    return paid if before is None else min(paid, before)


def _costs(body: bodies.Order, paid: Sequence[Decimal], share_taken_off: Decimal) -> list[Decimal | None]:
    costs: list[Decimal | None] = []
    for place, (line, price) in enumerate(zip(body.line_items or (), paid, strict=True)):
        if line.quantity <= 0 or price < 0:
            costs.append(None)
            continue
        cost = price * (1 - share_taken_off) / line.quantity if share_taken_off else price / line.quantity
        if cost.adjusted() >= MAX_DIGITS:
            raise Unreadable(f"line_items.{place}.quantity", "too_small_for_the_total")
        costs.append(cost)
    return costs


def _gift_cards(body: bodies.Order, excess: Decimal) -> Decimal:
    """Return what gift cards paid, if `total` is without it: they lower what the buyer pays, not what the lines cost.

    Args:
        excess: by how much the parts of the order exceed its total.
    """
    cards = sum([amount(card.amount) or _ZERO for card in body.gift_cards or () if card], _ZERO)
    return max(min(cards, excess), _ZERO)


def _refunds(body: bodies.Order) -> list[Decimal]:
    """Return what each refund gave back, in the order in which they were made: their ids grow.

    Their own totals are negative. The list itself has no order of time.
    """
    found = [(refund.id, -total) for refund in body.refunds or () if (total := amount(refund.total))]
    ids = [int(id) if id and id.isdecimal() and len(id) < MAX_DIGITS else None for id, _ in found]
    if all(id is not None for id in ids):
        found = [refund for _, refund in sorted(zip(ids, found, strict=True), key=lambda pair: pair[0] or 0)]
    return [given_back for _, given_back in found]


def _before_closing(total: Decimal, refunds: Sequence[Decimal]) -> Decimal:
    """Return what the order cost the last time that it cost something."""
    left = total
    for given_back in refunds:
        if left - given_back <= 0:
            break
        left -= given_back
    return left


def _sum(part: MoneyOrEmpty, tax: MoneyOrEmpty) -> Decimal | None:
    net, tax = amount(part), amount(tax)
    return net if net is None or tax is None else net + tax
