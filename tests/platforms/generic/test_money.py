"""Amounts of orders, calculated by hand. The parts always add up to the total."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.models import Order
from tests.support.generic import order

D = Decimal
PARTS = ("shipping", "taxes", "fees", "duties", "tips")


def line(id: str, quantity: int | str, total: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "quantity": quantity, "total": total, **fields}


def money(total: str, *items: dict[str, Any], **fields: Any) -> Order:
    return order(total=total, items=list(items), **{"shipping": None} | fields)


def costs(of: Order) -> list[Decimal]:
    return [item.cost for item in of.items]


def test_exact_digits_are_kept() -> None:
    found = money("0.30", line("A", "3", "0.30"))
    assert (str(found.total), costs(found)) == ("0.30", [D("0.10")])


def test_discount_of_the_order_is_shared_by_the_items() -> None:
    found = money("90.00", line("A", 3, "60.00"), line("B", 1, "40.00"), discount="10.00")
    assert costs(found) == [18, 36]
    assert found.discount == 10


def test_discount_of_a_line_is_in_its_total_already() -> None:
    found = money("95.00", line("A", 2, "60.00", discount="5.00"), line("B", 1, "40.00"), discount="5.00")
    assert costs(found) == [D("28.5"), 38]
    assert found.discount == 10


def test_taxes_fees_duties_and_tips_stay_beside_the_items() -> None:
    found = money(
        "139.00", line("A", 1, "100.00"), shipping="5.00", taxes="20.00", fees="1.00", duties="10.00", tips="3.00"
    )
    assert costs(found) == [100]
    assert [getattr(found, name) for name in PARTS] == [5, 20, 1, 10, 3]


def test_refund_is_taken_off_the_items_first() -> None:
    found = money("150.00", line("A", 1, "120.00"), line("B", 2, "60.00"), shipping="20.00", refunded="50.00")
    assert sum(cost * item.quantity for cost, item in zip(costs(found), found.items, strict=True)).quantize(D(1)) == 130
    assert (found.shipping, found.discount, found.refunded) == (20, None, 50)


def test_refund_of_more_than_the_items_is_taken_off_the_rest() -> None:
    found = money("5.00", line("A", 1, "100.00"), shipping="20.00", fees="3.00", refunded="118.00")
    assert (costs(found), found.shipping, found.fees) == ([0], 2, 3)


def test_items_without_what_was_refunded_are_not_reduced_again() -> None:
    found = money("100.00", line("A", 1, "100.00"), refunded="50.00")
    assert (costs(found), found.discount) == ([100], None)


def test_gift_card_that_lowers_only_the_total_is_a_discount() -> None:
    found = money("70.00", line("A", 1, "100.00"))
    assert (costs(found), found.discount) == ([70], 30)


def test_surcharge_that_is_only_in_the_total_is_a_fee() -> None:
    assert money("110.00", line("A", 1, "100.00")).fees == 10
    assert money("110.00", line("A", 1, "100.00"), fees="4.00").fees == 10


@pytest.mark.parametrize(
    ("currency", "total", "fees"), [("UAH", "100.02", None), ("UAH", "100.03", "0.03"), ("JPY", "102", None)]
)
def test_difference_by_rounding_is_no_fee(currency: str, total: str, fees: str | None) -> None:
    assert money(total, line("A", 1, "100"), currency=currency).fees == (D(fees) if fees else None)


def test_order_without_items_keeps_its_parts() -> None:
    found = money("100.00", shipping="5.00", discount="3.00")
    assert (found.items, found.shipping, found.discount, found.fees) == ((), 5, 3, None)


AMOUNTS = st.integers(0, 500)


@given(
    lines=st.lists(st.tuples(st.integers(1, 5), AMOUNTS), min_size=1, max_size=4),
    parts=st.tuples(*[AMOUNTS] * len(PARTS)),
    discount=AMOUNTS,
    total=st.integers(0, 3000),
)
def test_parts_add_up_to_the_total(
    lines: list[tuple[int, int]], parts: tuple[int, ...], discount: int, total: int
) -> None:
    items = [line(f"p{number}", quantity, str(price)) for number, (quantity, price) in enumerate(lines)]
    beside = {name: str(part) for name, part in zip(PARTS, parts, strict=True)}
    found = money(str(total), *items, discount=str(discount), **beside)
    rest = sum((getattr(found, name) or D(0) for name in PARTS), D(0))
    goods = sum((item.cost * item.quantity for item in found.items), D(0))
    assert abs(goods + rest - total) <= D("0.01") * (len(lines) + 1)
    assert all(item.cost >= 0 for item in found.items)
