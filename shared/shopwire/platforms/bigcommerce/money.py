"""What a BigCommerce order costs: its total, and the parts that add up to it.

Every amount is there with and without tax. The lines' totals are before discounts, the order's total is after them
(reference "Orders V2"). A refund lowers none of these amounts: `refunded_amount` "always returns 0". It is a resource
of its own, which names the lines and quantities that were given back, or an amount of the order ("Order Refunds").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TypeVar

from shopwire.models.order import quantum, without_remainder
from shopwire.platforms.bigcommerce import bodies
from shopwire.platforms.parts import MoneyOrEmpty, amount

T = TypeVar("T", bodies.Refund, bodies.Shipment)

REFUNDED, PARTIALLY_REFUNDED = 4, 14
"""The two statuses of an order that say that money was given back."""
# Pending, Declined, Awaiting Payment, Awaiting Fulfillment: "you must receive payment of the order before you can issue
# a refund" ("Order Refunds"), after which the order is partially refunded, and then goes on.
_NEVER_REFUNDED = frozenset({1, 6, 7, 11})
_OFF_SHIPPING = frozenset({3, 4})  # types of a coupon: a discount on the shipping, and free shipping
_FEES = frozenset({"HANDLING", "GIFT_WRAPPING", "FEE"})
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an order costs. `lines` has the quantity that is still bought and the price of one unit, for each product.

    `total` and its parts are after refunds; if they left nothing, as they were before the last one that did.
    """

    total: Decimal
    shipping: Decimal | None
    discount: Decimal | None
    taxes: Decimal | None
    fees: Decimal | None
    refunded: Decimal | None
    wholly_refunded: bool
    lines: Sequence[tuple[Decimal, Decimal]]


@dataclass(slots=True)
class _Parts:
    """The parts of a total, while they are adjusted. `paid` has what is paid for each line."""

    paid: list[Decimal]
    shipping: Decimal
    fees: Decimal
    taxes: Decimal

    @property
    def goods(self) -> Decimal:
        return sum(self.paid, _ZERO)

    @property
    def total(self) -> Decimal:
        return self.goods + self.shipping + self.fees + self.taxes

    def take_off(self, left: Decimal) -> None:
        """Lower the goods by this, each by its share, then the other parts by what remains."""
        goods = self.goods
        off_goods = min(left, goods)
        if off_goods:
            self.paid = [paid * (goods - off_goods) / goods for paid in self.paid]
        left -= off_goods
        for name in ("shipping", "fees", "taxes"):
            part: Decimal = getattr(self, name)
            taken = min(left, max(part, _ZERO))
            setattr(self, name, part - taken)
            left -= taken


def in_order(entries: Sequence[T]) -> list[T]:
    """Return refunds or shipments in the order in which they were made: that of their numbers."""
    numbered = all(entry.id.isdecimal() for entry in entries)
    return sorted(entries, key=lambda entry: int(entry.id)) if numbered else list(entries)


def has_refunds(order: bodies.Order, products: Sequence[bodies.Product]) -> bool:
    """Return whether anything of the order says that money was given back."""
    return (
        order.status_id in (REFUNDED, PARTIALLY_REFUNDED)
        or "refunded" in (order.payment_status or "").lower()
        or any(product.is_refunded or product.quantity_refunded for product in products)
    )


def may_have_refunds(order: bodies.Order) -> bool:
    """Return whether money may have been given back although nothing of the order says so.

    A payment outside of BigCommerce has no `payment_status`, and the status of a partially refunded order can change.
    """
    return not (order.payment_status or "").strip() and order.status_id not in _NEVER_REFUNDED


def amounts(
    order: bodies.Order,
    products: Sequence[bodies.Product],
    coupons: Sequence[bodies.Coupon],
    refunds: Sequence[bodies.Refund],
    currency: str,
) -> Amounts:
    """Return what the order costs."""
    with_tax = _includes_tax(order, products)
    tolerance = quantum(currency) * (len(products) + 1)
    gross = [product.total_inc_tax if with_tax else product.total_ex_tax for product in products]
    parts = _Parts(
        paid=[
            max(price - _discount(product, with_tax=with_tax), _ZERO)
            for price, product in zip(gross, products, strict=True)
        ],
        shipping=_of(order.shipping_cost_inc_tax, order.shipping_cost_ex_tax, with_tax=with_tax),
        fees=_fees(order, with_tax=with_tax),
        taxes=_ZERO if with_tax else _taxes(order),
    )
    discount = _fit_to_total(parts, gross, order.total_inc_tax, coupons, tolerance)

    known = in_order(refunds) if refunds else _refund_of_lines(parts, products, currency, with_tax=with_tax)
    given_back = [(refund, money) for refund in known if (money := _given_back(refund)) > 0]
    refunded = sum([money for _, money in given_back], _ZERO)
    wholly_refunded = order.status_id == REFUNDED or 0 < order.total_inc_tax <= refunded
    total, counted = order.total_inc_tax, []
    for number, (refund, money) in enumerate(given_back, 1):
        # The last refund of an order that was wholly refunded closed it, even if the shop kept something.
        if wholly_refunded and (total - money <= 0 or number == len(given_back)):
            break
        total -= money
        counted.append((refund, money))
    quantities = _take_back(parts, products, counted, with_tax=with_tax)
    if counted:
        _fit_refunds(parts, total, tolerance)
    discount, shipping, taxes, fees = (
        without_remainder(part, currency) for part in (discount, parts.shipping, parts.taxes, parts.fees)
    )
    return Amounts(
        total=total,
        shipping=shipping if order.shipping_cost_inc_tax is not None else None,
        discount=discount if discount > 0 else None,
        taxes=None if with_tax else taxes,
        fees=fees if fees > 0 else None,
        refunded=refunded if refunded > 0 else None,
        wholly_refunded=wholly_refunded,
        lines=[
            (quantity, paid / quantity if quantity > 0 else _ZERO)
            for quantity, paid in zip(quantities, parts.paid, strict=True)
        ],
    )


def _includes_tax(order: bodies.Order, products: Sequence[bodies.Product]) -> bool:
    """Return whether the order's prices include tax. Older orders do not say so; `base_*` is what the shop entered."""
    if order.is_tax_inclusive_pricing is not None:
        return order.is_tax_inclusive_pricing
    pairs = [(line.base_price, line.price_inc_tax, line.price_ex_tax) for line in products]
    shipping = (amount(order.shipping_cost_inc_tax), amount(order.shipping_cost_ex_tax))
    pairs.append((order.base_shipping_cost, *shipping))
    for base, with_tax, without_tax in pairs:
        if with_tax != without_tax and base in (with_tax, without_tax):
            return base == with_tax
    return False


def _fees(order: bodies.Order, *, with_tax: bool) -> Decimal:
    found = [
        (order.handling_cost_inc_tax, order.handling_cost_ex_tax),
        (order.wrapping_cost_inc_tax, order.wrapping_cost_ex_tax),
        *((fee.cost_inc_tax, fee.cost_ex_tax) for fee in order.fees or ()),
    ]
    # A negative one is a discount: the total is lower by it.
    return sum([max(_of(*pair, with_tax=with_tax), _ZERO) for pair in found], _ZERO)


def _taxes(order: bodies.Order) -> Decimal:
    found, without = amount(order.total_tax), amount(order.total_ex_tax)
    if found is None and without is not None:
        found = order.total_inc_tax - without
    return _ZERO if found is None else found


def _of(with_its_tax: MoneyOrEmpty, without: MoneyOrEmpty, *, with_tax: bool) -> Decimal:
    return _or_zero(with_its_tax if with_tax else without)


def _or_zero(part: MoneyOrEmpty) -> Decimal:
    found = amount(part)
    return _ZERO if found is None else found


def _discount(product: bodies.Product, *, with_tax: bool) -> Decimal:
    """Return the share that a line has of all discounts, also of those of the whole order ("applied_discounts")."""
    if not product.applied_discounts and with_tax and (paid := _or_zero(product.discounted_total_inc_tax)):
        return max(product.total_inc_tax - paid, _ZERO)
    return sum([_or_zero(each.amount) for each in product.applied_discounts or ()], _ZERO)


def _fit_to_total(
    parts: _Parts,
    gross: Sequence[Decimal],
    total: Decimal,
    coupons: Sequence[bodies.Coupon],
    tolerance: Decimal,
) -> Decimal:
    """Adjust the parts to the total, whatever the lines do not say, and return what was taken off in all.

    Gift certificates and store credit are a payment of the total. If they lower it, they are a discount of the items.
    """
    excess, discount = parts.total - total, sum(gross, _ZERO) - parts.goods
    if excess > tolerance:
        off_shipping = sum([_or_zero(each.discount) for each in coupons if each.type in _OFF_SHIPPING], _ZERO)
        taken = min(excess, off_shipping, parts.shipping)
        parts.shipping -= taken
        parts.take_off(excess - taken)
        return discount + excess
    if excess < -tolerance:
        if abs(excess + discount) <= tolerance:  # the totals of the lines are after the discounts already
            parts.paid = list(gross)
        else:
            parts.fees -= excess
    return discount


def _refund_of_lines(
    parts: _Parts, products: Sequence[bodies.Product], currency: str, *, with_tax: bool
) -> Sequence[bodies.Refund]:
    """Return the refund that the lines imply, for an order without any refund of its own: as much as was paid."""
    total, taxes, items = _ZERO, _ZERO, []
    for line, paid in zip(products, parts.paid, strict=True):
        back = min(line.quantity_refunded or _ZERO, line.quantity)
        if back <= 0:
            continue
        total += paid * back / line.quantity
        if not with_tax and line.total_ex_tax > 0:
            taxes += (line.total_inc_tax - line.total_ex_tax) * paid / line.total_ex_tax * back / line.quantity
        items.append(bodies.RefundItem(item_type="PRODUCT", item_id=line.id, quantity=back))
    if not items:
        return ()
    total, taxes = (each.quantize(quantum(currency)) for each in (total, taxes))
    return [bodies.Refund(id="lines", total_amount=total + taxes, total_tax=taxes, items=items)]


def _given_back(refund: bodies.Refund) -> Decimal:
    """Return what the buyer got back. Of a payment that was declined they got nothing."""
    payments = refund.payments or ()
    if not any(payment.is_declined for payment in payments):
        return refund.total_amount
    return sum([_or_zero(payment.amount) for payment in payments if not payment.is_declined], _ZERO)


def _take_back(
    parts: _Parts,
    products: Sequence[bodies.Product],
    refunds: Sequence[tuple[bodies.Refund, Decimal]],
    *,
    with_tax: bool,
) -> list[Decimal]:
    """Lower the parts by what the refunds name, and return how many units of each line are left.

    Args:
        refunds: with the money that was given back.
    """
    quantities = [product.quantity for product in products]
    lines = {product.id: number for number, product in enumerate(products)}
    for refund, money in refunds:
        left, kinds, lacks_amount = parts.total - money, set(), False
        for item in refund.items or ():
            kind, requested = (item.item_type or "").upper(), _or_zero(item.requested_amount)
            kinds.add(kind)
            line = lines.get(item.item_id or "")
            if kind == "PRODUCT" and line is not None:
                _take_back_units(parts, quantities, line, item.quantity, requested)
            elif kind == "SHIPPING":
                parts.shipping = max(parts.shipping - requested, _ZERO)
            elif kind in _FEES:
                parts.fees = max(parts.fees - requested, _ZERO)
                lacks_amount = lacks_amount or not requested
            elif kind == "ORDER":
                left += requested  # off the whole order (`_fit_refunds`)
        if not with_tax:
            parts.taxes = max(parts.taxes - _or_zero(refund.total_tax), _ZERO)
        # What was given back besides. Gift wrapping is named by units, and an amount may be named without its tax.
        rest = max(parts.total - left, _ZERO)
        if lacks_amount or (kinds and kinds <= _FEES):
            parts.fees -= min(rest, max(parts.fees, _ZERO))
        elif kinds == {"SHIPPING"}:
            parts.shipping -= min(rest, parts.shipping)
    # What a bundle contains for nothing goes with the bundle, which alone is named.
    for number, product in enumerate(products):
        bundle = lines.get(product.parent_order_product_id or "")
        if bundle is not None and not product.total_inc_tax and products[bundle].quantity > 0:
            with_bundle = product.quantity * quantities[bundle] / products[bundle].quantity
            quantities[number] = min(quantities[number], with_bundle.to_integral_value(ROUND_CEILING))
    return quantities


def _take_back_units(
    parts: _Parts, quantities: list[Decimal], line: int, quantity: Decimal | None, requested: Decimal
) -> None:
    """Lower what is paid for a line by units that came back; by an amount, if no units are named."""
    if not quantity:
        parts.paid[line] = max(parts.paid[line] - requested, _ZERO)
        return
    before = quantities[line]
    quantities[line] = max(before - quantity, _ZERO)
    if before > 0:
        parts.paid[line] = parts.paid[line] * quantities[line] / before


def _fit_refunds(parts: _Parts, total: Decimal, tolerance: Decimal) -> None:
    """Adjust the parts to the total after refunds, which may be of any amount."""
    excess = parts.total - total
    if excess > tolerance:
        parts.take_off(excess)
    elif excess < -tolerance:
        parts.fees -= excess  # less was given back than the items cost: the shop kept the difference
