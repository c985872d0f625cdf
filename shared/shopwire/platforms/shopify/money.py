"""What a Shopify order costs: its total, the parts that add up to it, and how many units are still bought.

`current_*` is after edits and returns. Once nothing is left of an order, only its refunds tell what it cost before. An
edit that removes a line is a refund without money.

Sources: Shopify's REST reference (Order, Refund, Transaction), and its changelog of version 2024-10, which moved
refunded shipping from `order_adjustments` to `refund_shipping_lines`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from shopwire.errors import Unreadable
from shopwire.models.order import quantum, without_remainder
from shopwire.platforms.parts import parse
from shopwire.platforms.shopify import bodies

MIN_QUANTITY = Decimal("0.000001")
"""A smaller quantity is no purchase, and a discount divided by it would have more digits than money may have."""

_ZERO = Decimal(0)
_CLOSED = frozenset({"refunded", "voided"})  # financial statuses of a closed order
_CANCELLATION_SECONDS = 60
"""A cancellation makes its refund in the same request, so that refund is at most some seconds older."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an order costs. `quantities` has the units of each line of the body that are still bought, and `costs` the
    price of one of them; None: it is no purchase.

    If the order is closed and nothing is left of it, all of this is as it was just before that.
    """

    total: Decimal
    shipping: Decimal | None
    discount: Decimal | None
    taxes: Decimal | None
    fees: Decimal | None
    duties: Decimal | None
    tips: Decimal | None
    refunded: Decimal | None
    quantities: Sequence[Decimal]
    costs: Sequence[Decimal | None]
    closed: bool


@dataclass(frozen=True, slots=True)
class _Refund:
    """A refund in the shop's currency.

    Args:
        taken: units by the id of their line.
        goods: what lines, shipping, duties and fees of it cost, with the tax on top.
        tax: of lines and shipping.
        charges: its duties and fees.
        money: what the shopper got back.
        pays_edit: the money may be for lines that an edit removed before.
    """

    seconds: float
    taken: tuple[tuple[str, Decimal], ...]
    goods: Decimal
    shipping: Decimal
    tax: Decimal
    charges: Decimal
    money: Decimal
    pays_edit: bool = False

    @property
    def value(self) -> Decimal:
        """By how much it lowers what the order costs."""
        return self.goods or self.money


def amounts(body: bodies.Order, currency: str, raw: bytes) -> Amounts:
    """Return what the order costs.

    Args:
        currency: the shop's.
        raw: the body as it came. It is read again if a refund is in the shopper's currency.

    Raises:
        Unreadable: an amount would have too many digits.
    """
    try:
        return _amounts(body, currency, raw)
    except ArithmeticError:
        raise Unreadable("line_items", "too_many_digits") from None


def of_shop(amount: Decimal | None, both: bodies.MoneySet | None) -> Decimal | None:
    """Return an amount in the shop's currency: that of the set, if there is one."""
    if both and both.shop_money and both.shop_money.amount is not None:
        return both.shop_money.amount
    return amount


def line_discount(line: bodies.Line) -> Decimal:
    """Return what was taken off all units of a line that were bought first. What was added to them is a fee."""
    # The allocations include the line's share of order-wide discounts; `total_discount` does not.
    if line.discount_allocations:
        return sum((share for share in _shares(line.discount_allocations) if share > 0), _ZERO)
    return max(line.total_discount or _ZERO, _ZERO)


def is_tip(line: bodies.Line, tips: Decimal | None) -> bool:
    """Return whether the line is a tip, which is among the products of its order (LineItem, `tip`)."""
    if line.tip:
        return True
    return bool(tips) and not (line.product_id or line.variant_id) and (line.title or "").strip().lower() == "tip"


def _amounts(body: bodies.Order, currency: str, raw: bytes) -> Amounts:
    refunds = _refunds(body, currency, raw) if body.refunds else ()
    current, base = body.current_total_price, _base(body)
    money = sum((refund.money for refund in refunds), _ZERO)
    closed = body.cancelled_at is not None or body.financial_status in _CLOSED
    if money > 0 and not closed:
        # Wholly refunded by amount, through the API, or by more than was paid: then the status may stay "paid".
        goods = sum((refund.goods for refund in refunds), _ZERO)
        taken = sum((max(each.money, each.goods) for each in refunds if not each.pays_edit), _ZERO)
        left = max(base, (current or _ZERO) + goods) - taken
        closed = current == 0 or left <= 0
    counted = _before_closing(body, refunds, base) if closed else None
    if counted is None and current is None:
        counted = refunds  # a subscription to some fields only, or an old version
    quantities = _quantities(body, refunds if counted is None else counted, with_current=counted is None)
    tips = _tips(body)
    if counted is None:
        total = current if current is not None else base
        shipping = _current_shipping(body, refunds, raw)
        discount = _either(body.current_total_discounts, body.total_discounts)
        taxes = _either(body.current_total_tax, body.total_tax)
        duties, fees = body.current_total_duties_set, body.current_total_additional_fees_set
        charges_taken = _ZERO
    else:
        total = base - sum((refund.value for refund in counted), _ZERO)
        shipping = _booked_shipping(body)
        if shipping is not None:
            shipping = max(shipping - sum((refund.shipping for refund in counted), _ZERO), _ZERO)
        discount = _discount_of(body, quantities) if counted else body.total_discounts
        taxes = body.total_tax
        if taxes is not None and counted:
            taxes -= sum((refund.tax for refund in counted), _ZERO)
        duties = body.original_total_duties_set or body.current_total_duties_set
        fees = body.original_total_additional_fees_set or body.current_total_additional_fees_set
        charges_taken = sum((refund.charges for refund in counted), _ZERO)
    surcharge, discount = _surcharge(body, quantities, discount, currency)
    amounts = Amounts(
        total=total,
        shipping=shipping,
        discount=discount,
        taxes=None if body.taxes_included else taxes,
        fees=_positive(of_shop(None, fees), surcharge),
        # In prices that include duties they are no part of their own (Order, `duties_included`).
        duties=None if body.duties_included else _positive(of_shop(None, duties), -charges_taken),
        tips=tips,
        refunded=money if money > 0 else None,
        quantities=quantities,
        costs=_costs(body, quantities, tips),
        closed=closed,
    )
    if money <= 0:
        return amounts
    return _with_adjustments(amounts, refunds if counted is None else counted, currency)


def _costs(body: bodies.Order, quantities: Sequence[Decimal], tips: Decimal | None) -> list[Decimal | None]:
    # The discount was given on the quantity that was bought first.
    return [
        None
        if min(left, line.quantity) < MIN_QUANTITY or is_tip(line, tips)
        else line.price - line_discount(line) / line.quantity
        for line, left in zip(body.line_items or (), quantities, strict=True)
    ]


def _with_adjustments(amounts: Amounts, refunds: Iterable[_Refund], currency: str) -> Amounts:
    """Return the amounts so that the parts add up to the total, if a refund gave back more or less than its lines cost.

    Shopify accounts for the difference with an adjustment of the order (REST reference, Refund), which is of no line.
    """
    goods = [
        _ZERO if cost is None else cost * left for cost, left in zip(amounts.costs, amounts.quantities, strict=True)
    ]
    rest = (amounts.shipping, amounts.taxes, amounts.fees, amounts.duties, amounts.tips)
    items = sum(goods, _ZERO)
    excess = items + sum((part for part in rest if part), _ZERO) - amounts.total
    differences = [refund.money - refund.goods for refund in refunds if refund.money > 0]
    if excess > 0 and items > 0:
        off = min(excess, items, sum((each for each in differences if each > 0), _ZERO))
        costs = [cost and cost * (1 - off / items) for cost in amounts.costs] if off else amounts.costs
        return replace(amounts, costs=costs)
    kept = min(-excess, -sum((each for each in differences if each < 0), _ZERO))  # such as for restocking
    kept = without_remainder(kept, currency)
    return replace(amounts, fees=(amounts.fees or _ZERO) + kept) if kept > 0 else amounts


def _before_closing(body: bodies.Order, refunds: tuple[_Refund, ...], base: Decimal) -> tuple[_Refund, ...] | None:
    """Return the refunds before the one that closed the order; None if `current_*` tells what it cost then."""
    current = body.current_total_price
    cancelled = body.cancelled_at.timestamp() - _CANCELLATION_SECONDS if body.cancelled_at else None
    if cancelled is not None and refunds:  # only the last one may be that of the cancellation
        cancelled = max(cancelled, refunds[-1].seconds)
    left, number = base, 0
    for refund in refunds:
        if (cancelled is not None and refund.seconds >= cancelled) or refund.value >= left:
            break
        left -= refund.value
        number += 1
    closing = refunds[number:]
    if current:
        # Something is left. It is less than before only if the cancellation took lines or shipping. What was removed
        # without money a moment before was an edit, because a cancellation removes everything that is not paid.
        return refunds[:number] if any(refund.goods and refund.money for refund in closing) else None
    if refunds and not closing and (cancelled is None or refunds[-1].money):
        number -= 1  # the last refund does not tell all that it took
        left += refunds[number].value
    # More money came back than the order cost at last, so what was paid for edits had lowered nothing.
    if sum((refund.money for refund in refunds[number:]), _ZERO) > left:
        return tuple(refund for refund in refunds[:number] if not refund.pays_edit)
    return refunds[:number]


def _refunds(body: bodies.Order, currency: str, raw: bytes) -> tuple[_Refund, ...]:
    """Return the refunds in the order of their times."""
    found = [_refund(refund, body, currency, raw) for refund in body.refunds or ()]
    found.sort(key=lambda refund: refund.seconds)
    owed = _ZERO  # for lines that edits removed
    for place, refund in enumerate(found):
        if not refund.money:
            owed += refund.goods
        elif not refund.goods and refund.money <= owed:
            owed -= refund.money
            found[place] = replace(refund, pays_edit=True)
    return tuple(found)


def _refund(refund: bodies.Refund, body: bodies.Order, currency: str, raw: bytes) -> _Refund:
    lines = shipping = tax = _ZERO
    taken = []
    for line in refund.refund_line_items or ():
        lines += of_shop(line.subtotal, line.subtotal_set) or _ZERO
        tax += of_shop(line.total_tax, line.total_tax_set) or _ZERO
        if line.line_item_id is not None:
            taken.append((line.line_item_id, line.quantity or _ZERO))
    given_back = [part for part in refund.refund_shipping_lines or () if part]
    for part in given_back:
        shipping += of_shop(None, part.subtotal_amount_set) or _ZERO
        tax += of_shop(None, part.tax_amount_set) or _ZERO
    for adjustment in () if given_back else refund.order_adjustments or ():
        if adjustment and adjustment.kind == "shipping_refund":  # its amounts are negative
            shipping += abs(of_shop(adjustment.amount, adjustment.amount_set) or _ZERO)
            tax += abs(of_shop(adjustment.tax_amount, adjustment.tax_amount_set) or _ZERO)
    charges = sum(
        (of_shop(None, both) or _ZERO for both in (refund.total_duties_set, refund.total_additional_fees_set)), _ZERO
    )
    return _Refund(
        seconds=refund.created_at.timestamp() if refund.created_at else float("-inf"),
        taken=tuple(taken),
        goods=lines + shipping + charges + (_ZERO if body.taxes_included else tax),
        shipping=shipping,
        tax=tax,
        charges=charges,
        money=_money(refund, currency, raw),
    )


def _money(refund: bodies.Refund, currency: str, raw: bytes) -> Decimal:
    """Return the money that was given back, in the shop's currency.

    The amount of a transaction is in the currency of the payment, which may be the shopper's (REST reference,
    Transaction). Without a rate it is not known, and counts as 0.
    """
    money = _ZERO
    for transaction in refund.transactions or ():
        if transaction.kind != "refund" or transaction.status != "success":
            continue
        amount = of_shop(transaction.amount, transaction.amount_set)
        if amount is transaction.amount and transaction.currency not in (None, "", currency):
            amount = _exchanged(transaction, refund, currency, raw)
        money += amount or _ZERO
    return money


def _exchanged(transaction: bodies.Transaction, refund: bodies.Refund, currency: str, raw: bytes) -> Decimal | None:
    """Return the amount in the shop's currency, at the rate of what is refunded, otherwise of the order's total."""
    total = parse(bodies.Priced, raw).total_price_set
    for both in (*(line.subtotal_set for line in refund.refund_line_items or ()), total):
        shop, shopper = (both.shop_money, both.presentment_money) if both else (None, None)
        if not (shop and shopper and shop.amount and shopper.amount and transaction.amount):
            continue
        if (shop.currency_code, shopper.currency_code) == (currency, transaction.currency):
            return (transaction.amount * shop.amount / shopper.amount).quantize(quantum(currency))
    return None


def _base(body: bodies.Order) -> Decimal:
    """Return what the order would cost with all lines that it ever had.

    `total_price` is before returns. Where `subtotal_price` shows that it lacks lines that an edit added, they are
    added.
    """
    subtotal = body.subtotal_price
    if subtotal is None or not body.line_items:
        return body.total_price
    lines = [line for line in body.line_items if not is_tip(line, body.total_tip_received)]
    discounts = sum(map(line_discount, lines), _ZERO)
    added = sum((line.price * line.quantity for line in lines), _ZERO) - discounts - subtotal
    # A discount that no line has a share of makes the lines cost more than the subtotal, too.
    is_added = added > 0 and (body.total_discounts or _ZERO) <= discounts
    return body.total_price + added if is_added else body.total_price


def _quantities(body: bodies.Order, refunds: Iterable[_Refund], *, with_current: bool) -> tuple[Decimal, ...]:
    taken_back: dict[str | None, Decimal] = {}
    for refund in refunds:
        for id, quantity in refund.taken:
            taken_back[id] = taken_back.get(id, _ZERO) + quantity
    return tuple(
        [
            line.current_quantity
            if with_current and line.current_quantity is not None
            else line.quantity - taken_back.get(line.id, _ZERO)
            for line in body.line_items or ()
        ]
    )


def _discount_of(body: bodies.Order, quantities: Sequence[Decimal]) -> Decimal | None:
    """Return the discount without the share of the units that are not bought any more."""
    discount = body.total_discounts
    if discount is None:
        return None
    for line, quantity in zip(body.line_items or (), quantities, strict=True):
        removed = line.quantity - max(quantity, _ZERO)
        if removed > 0 and (taken := line_discount(line)):
            discount -= (taken * removed / line.quantity).quantize(discount)
    return max(discount, _ZERO)


def _shares(allocations: Iterable[bodies.Allocation]) -> Iterable[Decimal]:
    return (of_shop(share.amount, share.amount_set) or _ZERO for share in allocations)


def _surcharge(
    body: bodies.Order, quantities: Sequence[Decimal], discount: Decimal | None, currency: str
) -> tuple[Decimal, Decimal | None]:
    """Return what negative discounts add to the order, which is a fee, and the discount without them."""
    added = _ZERO
    for line, quantity in zip(body.line_items or (), quantities, strict=True):
        if not line.discount_allocations or quantity <= 0 or line.quantity <= 0:
            continue
        negative = sum((share for share in _shares(line.discount_allocations) if share < 0), _ZERO)
        if negative:
            added -= (negative * quantity / line.quantity).quantize(quantum(currency))
    if added:
        return added, None if discount is None else max(discount + added, _ZERO)
    if discount is not None and discount < 0:
        return -discount, None
    return _ZERO, discount


def _booked_shipping(body: bodies.Order) -> Decimal | None:
    if not body.shipping_lines:
        return None
    # 0 if every line was removed, so that it replaces the amount that was sent before.
    return sum((_shipping_price(line) for line in body.shipping_lines if not line.is_removed), _ZERO)


def _shipping_price(line: bodies.ShippingLine) -> Decimal:
    if line.discounted_price is not None:
        return line.discounted_price
    return _ZERO if line.price is None else line.price - sum(_shares(line.discount_allocations or ()), _ZERO)


def _current_shipping(body: bodies.Order, refunds: Iterable[_Refund], raw: bytes) -> Decimal | None:
    """Return what shipping costs after refunds. Each version of the API tells it in another place, some in two."""
    booked = _booked_shipping(body)
    if not booked:
        return booked
    given_back = sum((refund.shipping for refund in refunds), _ZERO)
    choices = [booked, max(booked - given_back, _ZERO)]
    lines = [line for line in body.shipping_lines or () if not line.is_removed]
    now = [of_shop(None, line.current_discounted_price_set) for line in lines]
    if any(price is not None for price in now):
        pairs = zip(lines, now, strict=True)
        choices.append(sum((_shipping_price(line) if price is None else price for line, price in pairs), _ZERO))
    elif given_back:
        now_in_all = of_shop(None, parse(bodies.Priced, raw).current_shipping_price_set)
        choices += [] if now_in_all is None else [now_in_all]
    return min(choices)


def _tips(body: bodies.Order) -> Decimal | None:
    if body.total_tip_received:
        return _positive(body.total_tip_received, _ZERO)
    return _positive(sum([line.price * line.quantity for line in body.line_items or () if line.tip], _ZERO), _ZERO)


def _positive(amount: Decimal | None, more: Decimal) -> Decimal | None:
    """Return the sum of both; None if it is not positive."""
    found = (amount or _ZERO) + more if more else amount
    return found if found is not None and found > 0 else None


def _either(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    return before if now is None else now
