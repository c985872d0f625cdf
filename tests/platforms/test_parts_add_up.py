"""The parts of an order add up to its total, whatever happened to it: orders that hypothesis makes, on each platform.

Amounts are whole, so that each price of a unit is exact after its share of a discount.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shopwire.models import Order, Status
from tests.support import shopify, woocommerce

AMOUNTS = st.integers(0, 500)


@dataclass(frozen=True)
class Line:
    """`price` and `discount` are for one unit; `removed` units went with an edit, `returned` ones with a refund."""

    price: int
    discount: int
    quantity: int
    removed: int
    returned: int

    @property
    def cost(self) -> int:
        return self.price - self.discount


@st.composite
def lines(draw: st.DrawFn) -> Line:
    price, quantity = draw(st.integers(1, 500)), draw(st.integers(1, 5))
    removed = draw(st.integers(0, quantity))
    return Line(price, draw(st.integers(0, price)), quantity, removed, draw(st.integers(0, quantity - removed)))


def parts(of: Order) -> Decimal:
    costs = sum((item.cost * item.quantity for item in of.items), Decimal(0))
    return sum((part for part in (of.shipping, of.taxes, of.fees, of.duties, of.tips) if part), costs)


def both(amount: int) -> dict[str, Any]:
    return {"shop_money": {"amount": f"{amount}.00", "currency_code": "UAH"}}


def _refund(of: list[Line], units: Callable[[Line], int], at: str, *, money: int, shipping: int, on_top: bool) -> Any:
    rows = [
        {
            "line_item_id": number,
            "quantity": units(line),
            "subtotal_set": both(line.cost * units(line)),
            "total_tax_set": both(units(line) if on_top else 0),
        }
        for number, line in enumerate(of)
        if units(line)
    ]
    payment = {"kind": "refund", "status": "success", "amount": f"{money}.00", "currency": "UAH"}
    return {
        "created_at": at,
        "refund_line_items": rows,
        "refund_shipping_lines": [{"subtotal_amount_set": both(shipping)}] if shipping else [],
        "transactions": [payment] if money else [],
    }


@given(
    bought=st.lists(lines(), min_size=1, max_size=4),
    shipping=AMOUNTS,
    given_back=st.booleans(),
    extras=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS),
    tax_on_top=st.booleans(),
    closes=st.sampled_from(["", "cancelled", "refunded"]),
)
def test_shopify(
    bought: list[Line],
    shipping: int,
    given_back: bool,
    extras: tuple[int, int, int],
    tax_on_top: bool,
    closes: str,
) -> None:
    # The tax on top is 1.00 for each unit.
    duties, fees, tip = extras
    shipping_back = shipping if given_back else 0

    def cost(units: Callable[[Line], int]) -> int:
        return sum((line.cost + tax_on_top) * units(line) for line in bought)

    def tax(units: Callable[[Line], int]) -> int:
        return sum(units(line) for line in bought) if tax_on_top else 0

    def left(line: Line) -> int:
        return line.quantity - line.removed - line.returned

    beside = duties + fees + tip
    removed = _refund(bought, lambda line: line.removed, "2026-11-02T09:00:00Z", money=0, shipping=0, on_top=tax_on_top)
    returned = _refund(
        bought,
        lambda line: line.returned,
        "2026-11-03T09:00:00Z",
        money=cost(lambda line: line.returned) + shipping_back,
        shipping=shipping_back,
        on_top=tax_on_top,
    )
    now = cost(left) + shipping - shipping_back + beside
    refunds = [removed, returned]
    if closes:
        last = _refund(
            bought, left, "2026-11-04T09:00:00Z", money=now, shipping=shipping - shipping_back, on_top=tax_on_top
        )
        refunds.append(last | {"total_duties_set": both(duties), "total_additional_fees_set": both(fees)})
    body = {
        "id": 1,
        "created_at": "2026-11-01T09:00:00Z",
        "cancelled_at": "2026-11-04T09:00:02Z" if closes == "cancelled" else None,
        "financial_status": "refunded" if closes else "paid",
        "currency": "UAH",
        "taxes_included": not tax_on_top,
        "line_items": [
            {
                "id": number,
                "variant_id": number + 1,
                "price": f"{line.price}.00",
                "quantity": line.quantity,
                "current_quantity": 0 if closes else left(line),
                "discount_allocations": [{"amount": f"{line.discount * line.quantity}.00"}],
            }
            for number, line in enumerate(bought)
        ],
        "shipping_lines": [{"price": f"{shipping}.00"}],
        "total_price": f"{cost(lambda line: line.quantity) + shipping + beside}.00",
        "current_total_price": "0.00" if closes else f"{now}.00",
        "total_tax": f"{tax(lambda line: line.quantity)}.00",
        "current_total_tax": "0.00" if closes else f"{tax(left)}.00",
        "original_total_duties_set": both(duties),
        "current_total_duties_set": both(0 if closes else duties),
        "original_total_additional_fees_set": both(fees),
        "current_total_additional_fees_set": both(0 if closes else fees),
        "total_tip_received": f"{tip}.00",
        "refunds": refunds,
    }
    found = shopify.read("orders/updated", body).order
    assert parts(found) == found.total
    if closes:
        assert found.status is Status.CANCELLED
    if not closes or now > tip:
        assert found.total == now  # what it cost just before


@given(
    bought=st.lists(lines(), min_size=1, max_size=4),
    shipping=AMOUNTS,
    fees=st.lists(st.integers(-300, 300), max_size=3),
    card=AMOUNTS,
    taxes=st.sampled_from(["included", "on top", "none"]),
    surcharge=st.integers(0, 50),
    given_back=st.lists(AMOUNTS, max_size=2),
)
def test_woocommerce(
    bought: list[Line],
    shipping: int,
    fees: list[int],
    card: int,
    taxes: str,
    surcharge: int,
    given_back: list[int],
) -> None:
    # The tax is a tenth, so amounts without it are multiples of ten.
    def taxed(amount: int) -> dict[str, str]:
        return {"total": f"{amount * 10}.00", "total_tax": f"{amount}.00" if taxes != "none" else "0.00"}

    rate = 10 if taxes == "none" else 11
    amounts = [line.cost * line.quantity for line in bought]
    amounts[0] += surcharge
    whole = (sum(amounts) + shipping + sum(fees)) * rate
    body = {
        "prices_include_tax": taxes == "included",
        "line_items": [
            woocommerce.line(
                product_id=number + 1,
                quantity=line.quantity,
                subtotal=f"{(amount - (surcharge if number == 0 else 0)) * 10}.00",
                subtotal_tax=f"{amount - (surcharge if number == 0 else 0)}.00" if taxes != "none" else "0.00",
                **taxed(amount),
            )
            for number, (line, amount) in enumerate(zip(bought, amounts, strict=True))
        ],
        "shipping_total": taxed(shipping)["total"],
        "shipping_tax": taxed(shipping)["total_tax"],
        "discount_total": f"{-surcharge * 10}.00" if surcharge else "0.00",
        "discount_tax": f"{-surcharge}.00" if surcharge and taxes != "none" else "0.00",
        "fee_lines": [{"name": "Fee", **taxed(fee)} for fee in fees],
        "refunds": [{"id": number, "total": f"-{back}.00"} for number, back in enumerate(given_back)],
        "total": f"{max(whole - card, 0)}.00",
        "total_tax": f"{whole // 11 if taxes != 'none' else 0}.00",
    }
    found = woocommerce.order(**body)
    assert all(item.cost >= 0 for item in found.items)
    if card <= whole:
        assert abs(parts(found) - found.total) < Decimal("0.01")
