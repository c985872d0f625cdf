"""WooCommerce: what an order and its lines cost. Every expected amount was calculated by hand."""

import json
from contextlib import suppress
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.errors import Unreadable
from shopwire.models import Order, Rank, Status
from tests.support.woocommerce import BODIES, PLAIN, line, order, read


def fee(total: Any, total_tax: Any = "0.00", name: Any = "Підйом на поверх") -> dict[str, Any]:
    return {"id": 1, "name": name, "tax_class": "", "tax_status": "taxable", "total": total, "total_tax": total_tax}


def test_cost_of_a_unit_is_not_the_rounded_price() -> None:
    # 374.99 without tax and 75.00 tax: the buyer paid 449.99. Shipping is 50.00 and 10.00 tax.
    found = order("order.updated--prices_with_tax")
    assert [item.cost for item in found.items] == [Decimal("449.99")]
    assert (found.total, found.shipping, found.taxes) == (Decimal("509.99"), Decimal("60.00"), None)


def test_tax_is_on_top_if_prices_do_not_include_it() -> None:
    found = order("order.updated--prices_with_tax", prices_include_tax=False)
    assert [item.cost for item in found.items] == [Decimal("374.99")]
    assert (found.shipping, found.taxes) == (Decimal("50.00"), Decimal("85.00"))


def total_of_parts(of: Order) -> Decimal:
    costs = sum((item.cost * item.quantity for item in of.items), Decimal(0))
    return sum((part for part in (of.shipping, of.taxes, of.fees, of.duties, of.tips) if part), costs)


def test_fee_is_no_item_and_a_part_of_the_total() -> None:
    # 2 x 500.00 + 4 x 50.00 + 60.00 shipping + 45.50 fee
    found = order(total="1305.50", fee_lines=[fee("45.50")])
    assert (len(found.items), found.fees) == (2, Decimal("45.50"))
    assert total_of_parts(found) == found.total == Decimal("1305.50")


def test_fee_includes_its_tax_if_prices_do() -> None:
    taxed = [fee("100.00", "20.00")]
    with_tax = order("order.updated--prices_with_tax", total="629.99", total_tax="105.00", fee_lines=taxed)
    assert (with_tax.fees, with_tax.taxes) == (Decimal("120.00"), None)
    on_top = order(
        "order.updated--prices_with_tax",
        prices_include_tax=False,
        total="629.99",
        total_tax="105.00",
        fee_lines=taxed,
    )
    # 374.99 + 100.00 + 50.00 shipping + 105.00 tax = 629.99
    assert (on_top.fees, on_top.taxes) == (Decimal("100.00"), Decimal("105.00"))
    assert total_of_parts(on_top) == on_top.total


def test_negative_fee_is_a_discount_of_all_items_and_an_empty_fee_is_none() -> None:
    # A discount of a plugin is a negative fee: 1200.00 of items cost 1080.00, each a tenth less.
    fees = [fee("-120.00", name="Знижка"), fee("0.00"), fee("", ""), fee(None, None), fee("1.00", name=None)]
    found = order(total="1141.00", fee_lines=fees)
    assert [(item.id, item.cost) for item in found.items] == [("311", Decimal(450)), ("320", Decimal(45))]
    assert (found.discount, found.fees) == (Decimal("120.00"), Decimal("1.00"))
    assert total_of_parts(found) == found.total


def test_negative_fee_with_tax_on_top_and_coupon_adds_up() -> None:
    fees = [fee("-100.00", "-20.00")]
    found = order(total="1360.00", total_tax="200.00", discount_total="50.00", fee_lines=fees)
    assert (found.discount, found.taxes) == (Decimal("150.00"), Decimal("200.00"))
    assert total_of_parts(found).quantize(Decimal("0.01")) == found.total


def test_line_with_a_negative_total_is_a_discount() -> None:
    off = line(id=9, name="Знижка", product_id=0, variation_id=0, quantity=1, total="-120.00")
    found = order(total="1140.00", line_items=[*PLAIN["line_items"], off])
    assert [item.id for item in found.items] == ["311", "320"]
    assert (found.discount, total_of_parts(found)) == (Decimal("120.00"), found.total)


def test_negative_discount_is_a_fee() -> None:
    # The surcharge is in the line's total and not in its subtotal.
    surcharged = line(subtotal="1000.00", total="1020.00")
    found = order(total="1080.00", discount_total="-20.00", line_items=[surcharged])
    assert (found.fees, found.discount) == (Decimal("20.00"), None)
    assert [item.cost for item in found.items] == [Decimal(500)]
    assert total_of_parts(found) == found.total


@pytest.mark.parametrize(
    "taken",
    [
        {"gift_cards": [{"id": 2, "code": "AAAA-BBBB", "amount": "300.00"}]},  # WooCommerce Gift Cards
        {"meta_data": [{"key": "_ywgc_applied_gift_cards", "value": {"AAAA-BBBB": 300}}]},  # YITH
        {},  # PW stores it where the resource does not show it
    ],
)
@pytest.mark.parametrize(
    ("total", "costs", "shipping", "discount"),
    [
        ("960.00", [375, Decimal("37.5")], "60.00", "300.00"),
        ("30.00", [0, 0], "30.00", "1230.00"),
        # The total is before the gift cards, or lower by what was rounded.
        ("1260.00", [500, 50], "60.00", "0.00"),
        ("1259.98", [500, 50], "60.00", "0.00"),
    ],
)
def test_gift_cards_are_taken_off_what_the_items_cost(
    taken: dict[str, Any], total: str, costs: list[Any], shipping: str, discount: str
) -> None:
    found = order(total=total, **taken)
    assert [item.cost for item in found.items] == costs
    assert (str(found.shipping), str(found.discount)) == (shipping, discount)
    assert abs(total_of_parts(found) - found.total) <= Decimal("0.02")


def test_rounding_to_whole_units_takes_nothing_off() -> None:
    for total, cost in (("1258", 500), ("1250", Decimal("495.83"))):
        found = order(total=total)
        assert found.items[0].cost.quantize(Decimal("0.01")) == cost


def test_fee_that_the_total_does_not_contain_is_left_out() -> None:
    # Added to the order by hand, and "Recalculate" was not pressed.
    found = order(fee_lines=[fee("22.00"), fee("5.00")])
    assert (found.fees, [item.cost for item in found.items]) == (None, [500, 50])
    assert total_of_parts(found) == found.total


def test_order_without_its_lines_has_no_discount() -> None:
    found = order(line_items=[], total="50.00", discount_total="0.00")
    assert (str(found.shipping), str(found.discount)) == ("60.00", "0.00")


@pytest.mark.parametrize(
    ("given_back", "costs", "rest"),
    [
        (["-120.00"], [450, 45], ("60.00", "40.00", "40.00")),
        (["-100.00", "-20.00"], [450, 45], ("60.00", "40.00", "40.00")),
        (["120.00"], [450, 45], ("60.00", "40.00", "40.00")),  # some versions write it without a minus
        (["-1200.00"], [0, 0], ("60.00", "40.00", "40.00")),
        (["-1210.00"], [0, 0], ("50.00", "40.00", "40.00")),
        (["-1310.00"], [0, 0], ("0.00", None, "30.00")),
    ],
)
def test_refund_is_taken_off_the_parts(given_back: list[str], costs: list[Any], rest: tuple[str | None, ...]) -> None:
    refunds = [{"id": number, "total": total} for number, total in enumerate(given_back, 1)]
    found = order(total="1340.00", total_tax="40.00", fee_lines=[fee("40.00")], status="completed", refunds=refunds)
    assert [item.cost for item in found.items] == costs
    assert tuple(None if part is None else str(part) for part in (found.shipping, found.fees, found.taxes)) == rest
    assert (str(found.discount), total_of_parts(found)) == ("0.00", found.total)


def test_cancelled_order_has_the_parts_that_were_left() -> None:
    refunds = [{"id": 1, "total": "-120.00"}, {"id": 2, "total": "-1140.00"}]
    found = order(status="completed", refunds=refunds)
    assert (found.status, [item.cost for item in found.items]) == (Status.CANCELLED, [450, 45])


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name in BODIES
        if name.startswith("order.updated") and name.partition("--")[2] not in ("draft", "refunded")
    ),
)
def test_parts_add_up_to_the_total(name: str) -> None:
    found = order(name)
    assert total_of_parts(found) == pytest.approx(found.total, abs=Decimal("0.01"))


def test_refunds_are_subtracted_from_the_total() -> None:
    found = order("order.updated--partly_refunded")  # 1260.00 - 50.00 - 125.50
    assert (found.total, found.refunded) == (Decimal("1084.50"), Decimal("175.50"))


def test_wholly_refunded_order_has_the_total_from_before() -> None:
    found = order("order.updated--refunded")
    assert (found.total, found.refunded, found.status) == (Decimal("1260.00"), Decimal("1260.00"), Status.CANCELLED)


@pytest.mark.parametrize(
    ("refunds", "total", "refunded"),
    [
        # By amount, through the API, and by more than was paid: the status stays "completed".
        ([(5, "-1260.00")], "1260.00", "1260.00"),
        ([(5, "-1300.00")], "1260.00", "1300.00"),
        # 1260 - 200 = 1060 was left before the last one. The list has no order of time, the ids have.
        ([(5, "-1060.00"), (4, "-200.00")], "1060.00", "1260.00"),
        ([(4, "-200.00"), (5, "-1060.00")], "1060.00", "1260.00"),
        ([(4, "-200.00"), (None, "-1060.00")], "1060.00", "1260.00"),
        ([(5, "-1260.00"), (6, "-10.00")], "1260.00", "1270.00"),
    ],
)
def test_whatever_is_wholly_refunded_is_cancelled_with_the_total_from_before(
    refunds: list[Any], total: str, refunded: str
) -> None:
    found = order(status="completed", refunds=[{"id": id, "total": given_back} for id, given_back in refunds])
    assert (found.status, found.rank, str(found.total)) == (Status.CANCELLED, Rank.CLOSED, total)
    assert (str(found.refunded), found.status_words) == (refunded, "completed")


@pytest.mark.parametrize("refunds", [[{"id": 1, "total": "0.00"}], [{"id": 1, "total": "-0"}], [], [{"id": 1}]])
def test_refund_of_nothing_is_none(refunds: Any) -> None:
    free = {"total": "0.00", "shipping_total": "0.00", "line_items": [line(total="0.00")]}
    for changes in ({}, free):
        found = order(status="completed", refunds=refunds, **changes)
        assert (found.refunded, found.status) == (None, Status.DELIVERED)


def test_cancelled_order_has_the_total_that_was_left() -> None:
    assert order("order.updated--partly_refunded", status="cancelled").total == Decimal("1084.50")


def test_cost_of_a_unit_is_after_its_share_of_the_coupons() -> None:
    found = order("order.updated--coupon")
    assert [item.cost for item in found.items] == [Decimal(450), Decimal(45)]
    assert (found.coupons, found.discount) == (("autumn-10", "friend"), Decimal("120.00"))


def test_quantity_may_be_a_float() -> None:
    (item,) = order("order.updated--float_quantity").items
    assert (item.quantity, item.cost) == (Decimal("1.5"), Decimal(180))


@pytest.mark.parametrize(
    ("total", "name"),
    [
        ("828", "order.updated--jpy"),
        ("828.00", "order.updated--jpy"),
        ("123456789012345678901234567.890", "order.updated"),
    ],
)
def test_total_keeps_its_digits(total: str, name: str) -> None:
    assert str(order(name, total=total).total) == total


def test_minus_zero_is_an_amount() -> None:
    assert order(total="-0").total == 0


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "12,50", "", "1e400", "money"])
def test_total_that_is_not_an_amount_is_unreadable_by_its_field(amount: str) -> None:
    with pytest.raises(Unreadable, match=r"^total: ") as error:
        order(total=amount)
    assert not amount or amount not in str(error.value)


MONEY = [
    ("shipping_total", lambda value: {"shipping_total": value}),
    ("discount_total", lambda value: {"discount_total": value}),
    ("total_tax", lambda value: {"total_tax": value}),
    ("refunds.0.total", lambda value: {"refunds": [{"id": 1, "total": value}]}),
    ("fee_lines.0.total", lambda value: {"fee_lines": [fee(value)]}),
    ("line_items.0.total_tax", lambda value: {"line_items": [line(total_tax=value)]}),
]
EACH_AMOUNT = pytest.mark.parametrize(("field", "changes"), MONEY, ids=[field for field, _ in MONEY])


@EACH_AMOUNT
@pytest.mark.parametrize("amount", ["NaN", "-Infinity", "12,50", "1e400", False, [], "money"])
def test_optional_amount_that_is_not_an_amount_is_unreadable(field: str, changes: Any, amount: Any) -> None:
    with pytest.raises(Unreadable) as error:
        order(**changes(amount))
    assert str(error.value).startswith(field)
    assert not isinstance(amount, str) or amount not in str(error.value)


@EACH_AMOUNT
@pytest.mark.parametrize("amount", ["", None])
def test_optional_amount_may_be_empty(field: str, changes: Any, amount: Any) -> None:
    assert order(**changes(amount)).total == Decimal("1260.00")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("discount", {"prices_include_tax": True, "total": "9e39", "fee_lines": [fee("9" * 40, "9" * 40)]}),
        ("total", {"total": "9" * 40, "refunds": [{"total": "0." + "1" * 39}]}),
        ("discount", {"prices_include_tax": True, "shipping_total": "9" * 40, "shipping_tax": "9" * 40}),
        ("line_items.0.quantity", {"total": "1e39", "line_items": [line(quantity="1e-39", total="1e39")]}),
    ],
)
def test_amounts_that_make_too_many_digits_are_unreadable(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match=rf"^{field}: "):
        order(**changes)


def test_currency_is_the_code_and_not_the_symbol() -> None:
    assert order(currency="AED", currency_symbol="د.إ").currency == "AED"
    for currency in ("", " ", None):
        with pytest.raises(Unreadable, match=r"^currency: missing"):
            order(currency=currency)


AMOUNTS = st.decimals(allow_nan=True, allow_infinity=True).map(str) | st.integers(-(10**41), 10**41).map(str)
DATES = st.datetimes(timezones=st.just(UTC) | st.timezones() | st.none()).map(lambda moment: moment.isoformat())


@given(
    amounts=st.lists(AMOUNTS, min_size=8, max_size=8),
    dates=st.lists(DATES, min_size=2, max_size=2),
    with_tax=st.booleans(),
)
def test_any_amounts_and_dates_are_read_or_unreadable(amounts: list[str], dates: list[str], with_tax: bool) -> None:
    total, tax, quantity, paid, shipping, refunded, charged, discount = amounts
    body = PLAIN | {
        "prices_include_tax": with_tax,
        "date_created_gmt": dates[0],
        "date_modified_gmt": dates[1],
        "total": total,
        "total_tax": tax,
        "shipping_total": shipping,
        "shipping_tax": tax,
        "discount_total": discount,
        "refunds": [{"total": refunded}],
        "fee_lines": [{"id": 1, "name": "Fee", "total": charged, "total_tax": tax}],
        "line_items": [line(quantity=quantity, total=paid, total_tax=tax)],
    }
    with suppress(Unreadable):
        read("order.updated", json.dumps(body).encode())
