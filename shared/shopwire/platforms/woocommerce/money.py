"""What a WooCommerce order costs: its total, and the parts that add up to it.

Amounts are without tax; the tax of each is a field of its own. A refund lowers neither `total` nor the quantities
(REST reference, "Order properties"), and names no items. Its amount "takes precedence over line item totals", so it
need not be the price of any item (REST reference, "Order refund properties").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from shopwire.errors import Unreadable
from shopwire.models.base import MAX_DIGITS
from shopwire.models.order import quantum
from shopwire.platforms.parts import MoneyOrEmpty, amount
from shopwire.platforms.woocommerce import bodies

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an order costs. `costs` has the price of one unit of each line of the body; None: it is no purchase.

    `total` and its parts are after refunds; if they left nothing, as they were before the last one that did.
    `wholly_refunded`: all of it was given back. The status stays if that was done by amount, or through the API.
    """

    total: Decimal
    shipping: Decimal | None
    discount: Decimal | None
    taxes: Decimal | None
    fees: Decimal | None
    refunded: Decimal | None
    wholly_refunded: bool
    costs: Sequence[Decimal | None]


def amounts(body: bodies.Order, currency: str) -> Amounts:
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
    surcharge = -discount if is_surcharged and discount is not None else _ZERO
    paid = [_paid(line, with_tax, is_surcharged) for line in body.line_items or ()]
    prices = [_sum(fee.total, fee.total_tax if with_tax else None) or _ZERO for fee in body.fee_lines or ()]
    fees = sum([price for price in prices if price > 0], _ZERO)
    # Lines and fees with a negative price are discounts of plugins.
    taken_off = -sum([price for price in (*paid, *prices) if price < 0], _ZERO)
    goods = sum([price for price in paid if price > 0], _ZERO)
    excess = goods + (shipping or _ZERO) + (taxes or _ZERO) + fees + surcharge - taken_off - body.total
    if body.line_items and excess > _tolerance(body.total, len(body.line_items), currency):
        if excess == fees:
            fees = _ZERO  # added by hand, and the order was not recalculated since
        else:
            # Gift cards and store credit lower the total and no line: WooCommerce Gift Cards, YITH (YITH_YWGC_
            # Cart_Checkout), PW (PW_Gift_Cards_Redeeming). Each plugin stores what it took elsewhere.
            taken_off += excess
    fees += surcharge
    if taken_off or is_surcharged:
        discount = (_ZERO if is_surcharged or discount is None else discount) + taken_off or None
    refunds = _refunds(body)
    refunded = sum(refunds, _ZERO)
    wholly_refunded = refunded > 0 and refunded >= body.total
    total = _before_closing(body.total, refunds) if wholly_refunded else body.total - refunded
    # What was given back is taken off the items first, then off the rest, so that the parts add up to the total.
    left = taken_off + body.total - total
    off_goods = min(left, goods)
    left -= off_goods
    shipping, left = _less(shipping, left)
    fees_left, left = _less(fees, left)
    taxes, left = _less(taxes, left)
    return Amounts(
        total=total,
        shipping=shipping,
        discount=discount,
        taxes=taxes,
        fees=fees_left if fees_left and fees_left > 0 else None,
        refunded=refunded if refunded > 0 else None,
        wholly_refunded=wholly_refunded,
        costs=_costs(body, paid, off_goods / goods if off_goods else _ZERO),
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


def _tolerance(total: Decimal, lines: int, currency: str) -> Decimal:
    """Return how much the parts may exceed the total by rounding: WooCommerce rounds each to the decimals of the shop's
    settings, which the total shows."""
    exponent = total.as_tuple().exponent
    shown = Decimal(1).scaleb(min(exponent, 0)) if isinstance(exponent, int) else _ZERO
    return max(shown, quantum(currency)) * (lines + 1)


def _less(part: Decimal | None, left: Decimal) -> tuple[Decimal | None, Decimal]:
    """Return a part of the total without what is still to be taken off, and how much of that remains."""
    if not part or part <= 0 or left <= 0:
        return part, left
    taken = min(part, left)
    return part - taken, left - taken


def _refunds(body: bodies.Order) -> list[Decimal]:
    """Return what each refund gave back, in the order in which they were made: their ids grow.

    Their own totals are negative. The list itself has no order of time.
    """
    found = [(refund.id, abs(total)) for refund in body.refunds or () if (total := amount(refund.total))]
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
