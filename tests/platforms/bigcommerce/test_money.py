"""BigCommerce: what an order and its lines cost. Every expected amount was calculated by hand."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.models import Order, Rank, Status
from tests.support.bigcommerce import PLAIN, TAX_ON_TOP, given_back, order, product, refund, returned

TAXED = "store/order/created--guest_tax_on_top"


def parts(of: Order) -> Decimal:
    costs = sum((item.cost * item.quantity for item in of.items), Decimal(0))
    return sum((part for part in (of.shipping, of.taxes, of.fees, of.duties, of.tips) if part), costs)


def costs(of: Order) -> list[Decimal]:
    return [item.cost for item in of.items]


def test_prices_that_include_tax() -> None:
    # 2 x 540 less 108 is 972, 720 less 72 is 648, and 90 is the shipping: 1710.
    found = order()
    assert costs(found) == [Decimal(486), Decimal(648)]
    assert (found.total, found.shipping, found.discount, found.taxes) == (1710, 90, 180, None)
    assert parts(found) == found.total


def test_tax_on_top_of_the_prices() -> None:
    # 2 x 40 less 3.8095 is 76.1905, 25 less 1.1905 is 23.8095; 12 shipping, 3 handling and 11.50 tax: 126.50.
    found = order(TAXED)
    assert costs(found) == [Decimal("38.09525"), Decimal("23.8095")]
    assert (found.total, found.currency) == (Decimal("126.5000"), "USD")
    assert (found.shipping, found.fees, found.taxes) == (Decimal("12.0000"), Decimal("3.0000"), Decimal("11.5000"))
    assert found.discount == Decimal("5.0000")
    assert parts(found) == found.total


def test_digits_of_the_platform_are_kept() -> None:
    found = order("store/order/created--bundle_and_digital")
    assert (str(found.total), str(found.shipping), str(found.fees)) == ("1560.0000", "0.0000", "60.0000")
    assert str(order(TAXED).taxes) == "11.5000"
    assert str(order(TAXED, total_tax="0.0000", total_inc_tax="115.0000").taxes) == "0.0000"


@pytest.mark.parametrize("name", ["store/order/created", TAXED])
def test_older_order_does_not_say_whether_its_prices_include_tax(name: str) -> None:
    assert order(name, is_tax_inclusive_pricing=None) == order(name)


def test_shipping_tells_it_too_and_without_any_tax_it_does_not_matter() -> None:
    silent = {"base_price": None, "price_inc_tax": None, "price_ex_tax": None}
    lines = [product(0, **silent), product(1, **silent)]
    assert costs(order(answers={"products": lines}, is_tax_inclusive_pricing=None)) == [486, 648]
    untaxed = {"shipping_cost_ex_tax": "90.0000", "total_ex_tax": "1710.0000", "total_tax": "0.0000"}
    without = [product(0, total_ex_tax="1080.0000", **silent), product(1, total_ex_tax="720.0000", **silent)]
    found = order(answers={"products": without}, is_tax_inclusive_pricing=None, **untaxed)
    assert (costs(found), found.taxes) == ([486, 648], 0)


def test_discount_that_no_line_names_is_shared_by_all() -> None:
    # 1800 less 180 is a tenth off: 540 becomes 486, 720 becomes 648.
    plain = [product(0, applied_discounts=[]), product(1, applied_discounts=[])]
    assert costs(order(answers={"products": plain})) == [486, 648]
    # 300 of another discount are off 1620 of goods: 972 x 1320/1620 is 792, 648 x 1320/1620 is 528.
    found = order(total_inc_tax="1410.0000")
    assert (costs(found), found.discount, parts(found)) == ([396, 528], Decimal("480.0000"), 1410)


def test_lines_that_are_after_their_discounts_are_not_lowered_twice() -> None:
    lines = [product(0, total_inc_tax="972.0000"), product(1, total_inc_tax="648.0000")]
    found = order(answers={"products": lines})
    assert (costs(found), found.fees, parts(found)) == ([486, 648], None, 1710)


@pytest.mark.parametrize(("type", "expected"), [(3, (30, [486, 648])), (4, (30, [486, 648])), (2, (90, [468, 624]))])
def test_coupon_off_the_shipping_lowers_the_shipping(type: int, expected: tuple[int, list[int]]) -> None:
    # 60 more are off. Of the goods, 1620 become 1560: 972 x 1560/1620 is 936, 648 x 1560/1620 is 624.
    coupons = [*PLAIN["coupons"], {"id": 4, "code": "SHIP", "type": type, "discount": 60}]
    found = order(answers={"coupons": coupons}, total_inc_tax="1650.0000")
    assert (found.shipping, costs(found)) == expected
    assert (found.discount, parts(found)) == (Decimal("240.0000"), 1650)


def test_discount_that_only_the_total_of_the_line_contains() -> None:
    # "The correct total amount of the line item after deducting all the discounts": 1000 and 620 of 1800.
    lines = [
        product(0, applied_discounts=[], discounted_total_inc_tax="1000.0000"),
        product(1, applied_discounts=[], discounted_total_inc_tax="620.0000"),
    ]
    found = order(answers={"products": lines})
    assert (costs(found), found.discount, parts(found)) == ([500, 620], 180, 1710)
    # Older orders have none.
    unset = [product(0, discounted_total_inc_tax="0.0000"), product(1, discounted_total_inc_tax="")]
    assert costs(order(answers={"products": unset})) == [486, 648]


@pytest.mark.parametrize("missing", ["", None])
def test_missing_tax_is_the_difference_of_the_totals(missing: Any) -> None:
    found = order(TAXED, total_tax=missing)
    assert (found.taxes, found.fees, parts(found)) == (Decimal("11.5000"), Decimal("3.0000"), found.total)


def test_store_credit_and_gift_certificate_pay_the_order() -> None:
    # 600 + 400 + 500 and 60 of wrapping. The 500 of store credit are a payment of the 1560.
    found = order("store/order/created--bundle_and_digital")
    assert (found.total, found.discount, found.fees, parts(found)) == (1560, None, 60, 1560)


def test_gift_certificate_that_lowers_the_total_is_a_discount() -> None:
    # 1560 of wrapping and goods less 500: the goods cost 1000 instead of 1500.
    found = order(
        "store/order/created--bundle_and_digital", total_inc_tax="1060.0000", gift_certificate_amount="500.0000"
    )
    assert (found.total, found.discount, parts(found)) == (1060, 500, 1060)
    assert costs(found) == [400, 0, Decimal(800) / 3, Decimal(1000) / 3]


def test_order_for_nothing() -> None:
    found = order(total_inc_tax="0.0000")
    assert (found.total, costs(found), found.shipping, parts(found)) == (0, [0, 0], 0, 0)
    assert (found.status, found.discount) == (Status.IN_PROGRESS, Decimal("1890.0000"))


def test_fees_are_listed_with_the_order() -> None:
    fee = {"id": 1, "type": "custom_fee", "cost_ex_tax": "10.0000", "cost_inc_tax": "12.0000"}
    found = order(fees=[fee, fee | {"cost_inc_tax": 3}], total_inc_tax="1725.0000")
    assert (found.fees, costs(found), parts(found)) == (Decimal("15.0000"), [486, 648], 1725)


def test_negative_fee_is_a_discount() -> None:
    # 162 off the 1620 of goods, 15 on top.
    fees = [{"id": 1, "cost_inc_tax": "-162.0000", "cost_ex_tax": "-135.0000"}, {"id": 2, "cost_inc_tax": "15.0000"}]
    found = order(fees=fees, total_inc_tax="1563.0000")
    assert (found.fees, found.discount, parts(found)) == (15, 342, 1563)
    assert costs(found) == [Decimal("437.4"), Decimal("583.2")]


@pytest.mark.parametrize("fees", [{"url": "https://api.example/fees", "resource": "/orders/1184/fees"}, None, "", []])
def test_fees_that_are_not_listed_are_what_the_total_has_more(fees: Any) -> None:
    found = order(fees=fees, total_inc_tax="1725.0000")
    assert (found.fees, costs(found), parts(found)) == (Decimal("15.0000"), [486, 648], 1725)
    assert found.discount == 180


def test_rounding_is_no_discount_and_no_fee() -> None:
    for total in ("1709.9800", "1710.0200"):
        found = order(total_inc_tax=total)
        assert (found.discount, found.fees, costs(found)) == (180, None, [486, 648])


def test_transactional_currency_counts_not_the_displayed_one() -> None:
    assert order(currency_code="USD", currency_exchange_rate="0.0240000000").currency == "UAH"
    assert order(default_currency_code="", currency_code="eur").currency == "EUR"


# Refunds.


def refunded(*refunds: dict[str, Any], of: str = "store/order/created", **changes: Any) -> Order:
    return order(of, answers={"refunds": {"data": list(refunds), "meta": {}}}, **{"status_id": 14} | changes)


def test_refund_of_a_unit_and_of_the_shipping() -> None:
    # 486 and 90 of 1710 came back. One towel, the kettle and no shipping are left: 486 + 648.
    found = refunded(refund(4, 576, returned(11, 1), given_back("SHIPPING", "90.00")))
    assert [(item.id, item.quantity, item.cost) for item in found.items] == [("301", 1, 486), ("315", 1, 648)]
    assert (found.total, found.refunded, found.shipping, parts(found)) == (1134, 576, 0, 1134)
    assert (found.status, found.discount) == (Status.IN_PROGRESS, 180)


def test_line_that_came_back_is_no_item_any_more() -> None:
    found = refunded(refund(4, 972, returned(11, 2)))
    assert [(item.id, item.quantity) for item in found.items] == [("315", 1)]
    assert (found.total, parts(found)) == (738, 738)


def test_refund_of_an_amount_makes_all_items_cheaper() -> None:
    # 162 are a tenth of the 1620 of goods.
    found = refunded(refund(4, "162.00", given_back("ORDER", "162.00", 1184)))
    assert (costs(found), found.total, parts(found)) == ([Decimal("437.4"), Decimal("583.2")], 1548, 1548)


def test_refund_of_tax_on_top() -> None:
    # The brush for 23.8095 with 2.38 tax: 26.19 of 126.50. Left are 76.1905, 12, 3 and 9.12 tax: 100.3105.
    back = refund(4, 26.19, returned(22, 1), total_tax=2.38)
    found = refunded(back, of=TAXED)
    assert [(item.id, item.quantity, item.cost) for item in found.items] == [("90", 2, Decimal("38.09525"))]
    assert (found.total, found.taxes, found.refunded) == (Decimal("100.3100"), Decimal("9.1200"), Decimal("26.19"))
    assert abs(parts(found) - found.total) < Decimal("0.001")


@pytest.mark.parametrize("kind", ["HANDLING", "GIFT_WRAPPING", "FEE", "fee"])
def test_refund_of_a_fee(kind: str) -> None:
    found = refunded(refund(4, "2.00", given_back(kind, "2.00")), of=TAXED)
    assert (found.fees, found.total, parts(found)) == (1, Decimal("124.5000"), Decimal("124.5000"))


def test_shop_that_keeps_a_part_of_the_price_charges_a_fee() -> None:
    # The kettle for 648 came back, and 600 were given back.
    found = refunded(refund(4, 600, returned(12, 1)))
    assert (found.total, found.fees, parts(found)) == (1110, 48, 1110)


def test_refunds_add_up_in_the_order_of_their_ids() -> None:
    found = refunded(refund(10, 648, returned(12, 1)), refund(9, 486, returned(11, 1)))
    assert (found.total, found.refunded, parts(found)) == (576, 1134, 576)
    closed = refunded(refund(10, 1224, returned(11, 1), returned(12, 1)), refund(9, 486, returned(11, 1)))
    assert [(item.id, item.quantity) for item in closed.items] == [("301", 1), ("315", 1)]
    assert (closed.total, closed.refunded, parts(closed)) == (1224, 1710, 1224)


@pytest.mark.parametrize("status", [4, 14, 11])
def test_wholly_refunded_order_costs_what_it_did_before(status: int) -> None:
    whole = refund(4, 1710, returned(11, 2), returned(12, 1), given_back("SHIPPING", "90.00"))
    found = refunded(whole, status_id=status, payment_status="refunded")
    assert (found.status, found.rank) == (Status.CANCELLED, Rank.CLOSED)
    assert (found.total, found.refunded, costs(found), parts(found)) == (1710, 1710, [486, 648], 1710)
    assert [item.quantity for item in found.items] == [2, 1]


def test_order_that_was_marked_as_refunded_without_a_refund() -> None:
    found = refunded(status_id=4)
    assert (found.status, found.total, found.refunded, parts(found)) == (Status.CANCELLED, 1710, None, 1710)


def test_payment_that_was_declined_gave_nothing_back() -> None:
    declined = refund(4, 486, returned(11, 1))
    declined["payments"][0]["is_declined"] = True
    found = refunded(declined)
    assert (found.total, found.refunded, found.items[0].quantity) == (1710, None, 2)
    partly = refund(5, 486, returned(11, 1))
    partly["payments"] = [{"amount": 400, "is_declined": False}, {"amount": 86, "is_declined": True}]
    # 400 came back for the towel of 486.
    again = refunded(partly)
    assert (again.total, again.refunded, again.fees, parts(again)) == (1310, 400, 86, 1310)


def test_parts_have_no_remainder_of_a_division() -> None:
    # 1000 for 3 units, of which 1 came back, and then all that the rest cost, with a part of the shipping.
    lines = [product(0, quantity=3, total_inc_tax="1000.0000", applied_discounts=[])]
    back = [refund(4, "333.33", returned(11, 1)), refund(5, "691.67", given_back("ORDER", "691.67", 1184))]
    found = order(
        answers={"products": lines, "refunds": {"data": back}}, status_id=14, total_inc_tax="1090.0000", currency_id=1
    )
    assert (found.total, str(found.shipping), found.items[0].cost) == (Decimal("65.0000"), "65.00", 0)


def test_cancelled_order_keeps_its_total() -> None:
    found = order("store/order/statusUpdated--cancelled")
    assert (found.status, found.total, parts(found)) == (Status.CANCELLED, 1710, 1710)


def test_gift_wrapping_is_given_back_by_units_without_an_amount() -> None:
    # "Quantity of item refunded. Note: this will only be populated for item_type PRODUCT"; the amount may be null.
    wrapped = {"wrapping_cost_inc_tax": "60.0000", "wrapping_cost_ex_tax": "50.0000", "total_inc_tax": "1770.0000"}
    wrapping = {"item_type": "GIFT_WRAPPING", "item_id": 11, "quantity": 1, "requested_amount": None}
    # 30 of the 60 for wrapping: 1740 are left, and the goods cost what they did.
    found = refunded(refund(4, 30, wrapping), **wrapped)
    assert (found.total, found.fees, costs(found), parts(found)) == (1740, 30, [486, 648], 1740)
    # With the kettle for 648: 486 x 2, 90 and 30 are left.
    found = refunded(refund(4, 678, returned(12, 1), wrapping), **wrapped)
    assert (found.total, found.fees, costs(found), parts(found)) == (1092, 30, [486], 1092)
    # With 162 off the whole order, which are a tenth of the goods.
    found = refunded(refund(4, 192, wrapping, given_back("ORDER", "162.00", 1184)), **wrapped)
    assert (found.total, found.fees, parts(found)) == (1578, 30, 1578)
    assert costs(found) == [Decimal("437.4"), Decimal("583.2")]


@pytest.mark.parametrize(("kind", "left"), [("SHIPPING", (0, None)), ("HANDLING", (90, None))])
def test_amount_that_is_named_without_its_tax_is_off_the_same_part(kind: str, left: tuple[int, None]) -> None:
    handling = {"handling_cost_inc_tax": "90.0000"} if kind == "HANDLING" else {}
    total = 1800 if handling else 1710
    found = refunded(refund(4, 90, given_back(kind, "75.00"), total_tax=15), total_inc_tax=f"{total}.0000", **handling)
    assert (found.total, found.shipping, found.fees, costs(found)) == (total - 90, *left, [486, 648])


def test_part_of_a_bundle_comes_back_with_the_bundle() -> None:
    bundle = product(0, id=11, quantity=2)
    part = product(1, id=12, parent_order_product_id=11, quantity=4, total_inc_tax="0.0000", applied_discounts=[])
    bought = {"products": [bundle, part]}
    half = order(answers=bought | {"refunds": {"data": [refund(4, 486, returned(11, 1))]}}, status_id=14)
    assert [(item.id, item.quantity) for item in half.items] == [("301", 1), ("315", 2)]
    whole = order(answers=bought | {"refunds": {"data": [refund(4, 972, returned(11, 2))]}}, status_id=14)
    assert whole.items == ()
    named = refund(4, 486, returned(11, 1), returned(12, 3))
    both = order(answers=bought | {"refunds": {"data": [named]}}, status_id=14)
    assert [(item.id, item.quantity) for item in both.items] == [("301", 1), ("315", 1)]


def test_amount_off_a_line_makes_this_line_cheaper() -> None:
    back = {"item_type": "PRODUCT", "item_id": 11, "quantity": None, "requested_amount": "72.00"}
    found = refunded(refund(4, 72, back))
    assert (found.total, costs(found), found.items[0].quantity, parts(found)) == (1638, [450, 648], 2, 1638)


def test_units_that_came_back_without_a_refund_cost_what_was_paid_for_them() -> None:
    lines = [product(0, quantity_refunded=1), product(1)]
    found = order(answers={"products": lines}, status_id=14)
    assert [(item.id, item.quantity, item.cost) for item in found.items] == [("301", 1, 486), ("315", 1, 648)]
    assert (found.total, found.refunded, parts(found)) == (1224, 486, 1224)
    # On top of it 10 % of tax: 38.09525 and 3.81 of 126.50.
    taxed = [TAX_ON_TOP["products"][0] | {"quantity_refunded": 1}, TAX_ON_TOP["products"][1]]
    found = order(TAXED, answers={"products": taxed}, status_id=14)
    assert (found.total, found.refunded, found.taxes) == (Decimal("84.5900"), Decimal("41.91"), Decimal("7.6900"))
    assert abs(parts(found) - found.total) < Decimal("0.01")
    # What was declined did not come back, whatever the line says.
    declined = refund(4, 486, returned(11, 1))
    declined["payments"][0]["is_declined"] = True
    found = order(answers={"products": lines, "refunds": {"data": [declined]}}, status_id=14)
    assert (found.total, found.refunded) == (1710, None)


def test_refunded_order_of_which_the_shop_kept_something_costs_what_it_did_before() -> None:
    # 1620 of the 1710 came back, and BigCommerce says "Refunded".
    found = refunded(refund(4, 1620, returned(11, 2), returned(12, 1)), status_id=4)
    assert (found.status, found.total, found.refunded, parts(found)) == (Status.CANCELLED, 1710, 1620, 1710)
    # The first of two refunds is older than the last state.
    two = refunded(refund(4, 486, returned(11, 1)), refund(5, 1134, returned(11, 1), returned(12, 1)), status_id=4)
    assert (two.status, two.total, two.refunded, parts(two)) == (Status.CANCELLED, 1224, 1620, 1224)


AMOUNTS = st.integers(0, 500)


@settings(max_examples=50)
@given(
    bought=st.lists(st.tuples(st.integers(1, 500), st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=4),
    shipping=AMOUNTS,
    fee=AMOUNTS,
    tax_on_top=st.booleans(),
    closes=st.booleans(),
)
def test_parts_add_up_to_the_total_whatever_came_back(
    bought: list[tuple[int, int, int]], shipping: int, fee: int, tax_on_top: bool, closes: bool
) -> None:
    # A unit has 1 of tax. Without `tax_on_top` it is in the price.
    base = TAX_ON_TOP if tax_on_top else PLAIN
    lines, items, tax, money, tax_back = [], [], 0, 0, 0
    for number, (price, quantity, back) in enumerate(bought):
        back = min(back, quantity)
        whole = {"total_inc_tax": f"{(price + 1) * quantity}.0000", "total_ex_tax": f"{price * quantity}.0000"}
        lines.append(base["products"][0] | whole | {"id": number + 1, "quantity": quantity, "applied_discounts": []})
        items += [returned(number + 1, back)] if back else []
        money += (price + 1) * back
        tax_back += back
        tax += quantity
    total = sum((price + 1) * quantity for price, quantity, _ in bought) + shipping + fee
    refunds = [refund(1, money, *items, total_tax=tax_back if tax_on_top else 0)] if money else []
    if closes:
        refunds.append(refund(2, total - money, *(returned(number + 1, 5) for number in range(len(lines)))))
    changes = {
        "is_tax_inclusive_pricing": not tax_on_top,
        "total_inc_tax": f"{total}.0000",
        "total_tax": f"{tax}.0000",
        "coupon_discount": "0.0000",
        "status_id": 14,
    }
    for name, amount in (("shipping", shipping), ("handling", fee), ("wrapping", 0)):
        changes |= {f"{name}_cost_inc_tax": f"{amount}.0000", f"{name}_cost_ex_tax": f"{amount}.0000"}
    name = TAXED if tax_on_top else "store/order/created"
    found = order(name, answers={"products": lines, "refunds": {"data": refunds}}, **changes)
    assert parts(found) == found.total
    assert found.total == (total if closes and not money else total - money) or money == total
