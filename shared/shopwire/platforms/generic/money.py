"""What an order costs: its total, and the parts that add up to it.

The total counts. If the parts differ from it by more than rounding, what they have too much (a refund, a gift card) is
taken off the items first, and what they lack is a fee.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from shopwire.errors import Unreadable
from shopwire.models.base import MAX_DIGITS
from shopwire.models.order import quantum
from shopwire.platforms.generic.bodies import ZERO, Order


@dataclass(frozen=True, slots=True)
class Amounts:
    """The parts of an order's total. `costs` has the price of one unit of each item, after all discounts."""

    shipping: Decimal | None
    discount: Decimal | None
    taxes: Decimal | None
    fees: Decimal | None
    duties: Decimal | None
    tips: Decimal | None
    costs: Sequence[Decimal]


def amounts(body: Order) -> Amounts:
    """Return what the order costs.

    Raises:
        Unreadable: a price of one unit would have too many digits.
    """
    goods = sum((item.total for item in body.items), ZERO)
    of_order = body.discount or ZERO
    beside = sum((part for part in (body.shipping, body.taxes, body.fees, body.duties, body.tips) if part), ZERO)
    excess = goods + beside - of_order - body.total
    if not body.items or abs(excess) <= quantum(body.currency) * (len(body.items) + 1):
        excess = ZERO
    fees = (body.fees or ZERO) - min(excess, ZERO) or None
    left = of_order + max(excess, ZERO) if body.items else ZERO  # parts that are not listed may be what it lowers
    off_goods = min(left, goods)
    left -= off_goods
    shipping, left = _less(body.shipping, left)
    fees, left = _less(fees, left)
    taxes, left = _less(body.taxes, left)
    duties, left = _less(body.duties, left)
    tips, left = _less(body.tips, left)
    # What a refund does not explain is a discount, such as a gift card.
    unexplained = max(excess - (body.refunded or ZERO), ZERO)
    discounts = [item.discount for item in body.items if item.discount]
    return Amounts(
        shipping=shipping,
        discount=sum(discounts, of_order) + unexplained or body.discount,
        taxes=taxes,
        fees=fees,
        duties=duties,
        tips=tips,
        costs=_costs(body, off_goods / goods if off_goods else ZERO),
    )


def _costs(body: Order, share_taken_off: Decimal) -> list[Decimal]:
    costs = []
    for place, item in enumerate(body.items):
        cost = item.total * (1 - share_taken_off) / item.quantity if share_taken_off else item.total / item.quantity
        if cost.adjusted() >= MAX_DIGITS:
            raise Unreadable(f"items.{place}.quantity", "too_small_for_the_total")
        costs.append(cost)
    return costs


def _less(part: Decimal | None, left: Decimal) -> tuple[Decimal | None, Decimal]:
    """Return a part without what is still to be taken off, and how much of that remains."""
    if not part or not left:
        return part, left
    taken = min(part, left)
    return part - taken, left - taken
