"""Shopify: what an order costs after edits, refunds and its cancellation, and the parts that add up to it.

The orders are small ones of an invented shop. Every amount was calculated by hand.
"""

import json
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.mapper import SentOrder, order_steps
from shopwire.models import Order, OrderChange, Status
from tests.support.shopify import SHOP, read

BOUGHT, EDITED, CLOSED = "2026-11-02T09:00:00+02:00", "2026-11-03T09:00:00+02:00", "2026-11-05T09:00:00+02:00"


def both(amount: Any, shopper: Any = None, currency: str = "UAH") -> dict[str, Any]:
    return {
        "shop_money": {"amount": amount, "currency_code": "UAH"},
        "presentment_money": {"amount": shopper or amount, "currency_code": currency},
    }


def line(id: int, price: str, quantity: int = 1, current: int | None = None, **more: Any) -> dict[str, Any]:
    named = {"id": id, "variant_id": 900 + id, "title": f"Kettle {id}", "price": price, "quantity": quantity}
    return named | {"current_quantity": quantity if current is None else current} | more


def removal(at: str, *lines: tuple[int, int, str, str], money: str = "", **more: Any) -> dict[str, Any]:
    """Return a refund of (line, quantity, subtotal, tax). One without money is an edit."""
    payment = {"kind": "refund", "status": "success", "amount": money, "currency": "UAH"}
    return {
        "created_at": at,
        "refund_line_items": [
            {
                "line_item_id": id,
                "quantity": quantity,
                "subtotal": float(subtotal),
                "subtotal_set": both(subtotal),
                "total_tax": float(tax),
                "total_tax_set": both(tax),
            }
            for id, quantity, subtotal, tax in lines
        ],
        "transactions": [payment] if money else [],
    } | more


def order(**fields: Any) -> Order:
    plain = {
        "id": 4410,
        "created_at": BOUGHT,
        "updated_at": fields.get("cancelled_at") or EDITED,
        "financial_status": "paid",
        "currency": "UAH",
        "email": "daryna.koval@example.com",
    }
    change = read("orders/updated", plain | fields)
    assert isinstance(change, OrderChange)
    return change.order


def parts(of: Order) -> Decimal:
    costs = sum((item.cost * item.quantity for item in of.items), Decimal(0))
    return sum((part for part in (of.shipping, of.taxes, of.fees, of.duties, of.tips) if part), costs)


def units(of: Order) -> dict[str, int]:
    return {item.id: int(item.quantity) for item in of.items}


SHIPPING = [{"id": 1, "title": "Post", "price": "30.00", "discounted_price": "30.00"}]
EDIT = removal(EDITED, (2, 1, "80.00", "16.00"))


def edited(*, taxes_included: bool, closed: bool, **more: Any) -> dict[str, Any]:
    """Return an order of 120 + 80 and 30 of shipping, with 20 % tax, from which an edit removed the 80."""
    on_top = 0 if taxes_included else 1
    total, left = 230 + 40 * on_top, 150 + 24 * on_top
    return {
        "taxes_included": taxes_included,
        "line_items": [line(1, "120.00", current=0 if closed else 1), line(2, "80.00", current=0)],
        "shipping_lines": SHIPPING,
        "total_price": f"{total}.00",
        "total_tax": "40.00",
        "total_discounts": "0.00",
        "current_total_price": "0.00" if closed else f"{left}.00",
        "current_total_tax": "0.00" if closed else "24.00",
        "current_total_discounts": "0.00",
        "refunds": [EDIT],
    } | more


ALL = removal(CLOSED, (1, 1, "120.00", "24.00"), money="150.00")


@pytest.mark.parametrize("taxes_included", [True, False])
@pytest.mark.parametrize(
    "closing",
    [
        {"cancelled_at": CLOSED, "financial_status": "refunded", "refunds": [EDIT, ALL]},
        {"cancelled_at": CLOSED, "financial_status": "refunded", "refunds": [ALL, EDIT]},
        {"financial_status": "refunded", "refunds": [EDIT, ALL]},
        # It was not paid, so its cancellation moves no money either.
        {
            "cancelled_at": CLOSED,
            "financial_status": "voided",
            "refunds": [EDIT, removal(CLOSED, (1, 1, "120.00", "24.00"))],
        },
    ],
)
def test_order_edited_and_then_closed_costs_what_it_did_after_the_edit(taxes_included: bool, closing: Any) -> None:
    before = order(**edited(taxes_included=taxes_included, closed=False))
    after = order(**edited(taxes_included=taxes_included, closed=True, **closing))
    expected = Decimal("150.00") if taxes_included else Decimal("174.00")
    assert (before.total, after.total, after.status) == (expected, expected, Status.CANCELLED)
    assert units(before) == units(after) == {"901": 1}
    assert parts(before) == parts(after) == expected
    amounts = [(found.shipping, found.taxes, found.discount) for found in (before, after)]
    assert amounts[0] == amounts[1]


def test_nothing_lifts_the_total_before_the_cancellation() -> None:
    before = order(**edited(taxes_included=False, closed=False))
    sent = SentOrder.of(order_steps(before, SHOP, None, recent=True)[-1].sent or {})
    after = edited(
        taxes_included=False,
        closed=True,
        cancelled_at=CLOSED,
        refunds=[EDIT, removal(CLOSED, (1, 1, "120.00", "24.00"))],
    )
    (step,) = order_steps(order(**after), SHOP, sent, recent=False)
    assert json.loads(step.request.body)["eventTypeKey"] == "orderCancelled"


def test_partial_refund_before_the_whole_one_counts_and_its_discount_is_gone() -> None:
    # 3 x 50.00 less 15.00; one unit (45.00) was returned, then the rest.
    share = [{"amount": "15.00"}]
    refunds = [
        removal(EDITED, (1, 1, "45.00", "0"), money="45.00"),
        removal(CLOSED, (1, 2, "90.00", "0"), money="90.00"),
    ]
    found = order(
        line_items=[line(1, "50.00", 3, 0, discount_allocations=share)],
        total_price="135.00",
        total_discounts="15.00",
        current_total_price="0.00",
        financial_status="refunded",
        refunds=refunds,
    )
    assert (found.total, parts(found), found.discount) == (90, 90, Decimal("10.00"))
    assert (units(found), found.refunded) == ({"901": 2}, Decimal("135.00"))


def test_gift_after_the_whole_refund_does_not_change_what_the_order_cost() -> None:
    found = order(
        line_items=[line(1, "120.00", current=0)],
        total_price="120.00",
        current_total_price="0.00",
        financial_status="refunded",
        refunds=[removal(EDITED, (1, 1, "120.00", "0"), money="120.00"), removal(CLOSED, money="10.00")],
    )
    assert (found.total, units(found), found.refunded) == (120, {"901": 1}, 130)


def test_closed_order_of_which_something_is_left_costs_that() -> None:
    lines = [line(1, "120.00", current=0), line(2, "80.00")]
    returned = removal(EDITED, (1, 1, "120.00", "0"), money="120.00")
    found = order(
        line_items=lines, total_price="200.00", current_total_price="80.00", cancelled_at=CLOSED, refunds=[returned]
    )
    assert (found.total, units(found), found.status) == (80, {"902": 1}, Status.CANCELLED)


def test_shipping_that_a_cancellation_keeps_is_not_what_the_order_cost() -> None:
    found = order(
        line_items=[line(1, "120.00", current=0)],
        shipping_lines=SHIPPING,
        total_price="150.00",
        current_total_price="30.00",
        cancelled_at=CLOSED,
        refunds=[removal("2026-11-05T08:59:58+02:00", (1, 1, "120.00", "0"), money="120.00")],
    )
    assert (found.total, parts(found), units(found)) == (150, 150, {"901": 1})


@pytest.mark.parametrize("status", ["paid", "partially_refunded"])
@pytest.mark.parametrize(
    ("money", "current", "refunded"),
    [
        (["150.00"], "150.00", "150.00"),  # by amount: no line is returned
        (["150.00"], "0.00", "150.00"),
        (["100.00", "50.00"], "150.00", "150.00"),
        (["170.00"], "150.00", "170.00"),  # more than was paid
    ],
)
def test_whatever_is_wholly_refunded_is_cancelled(status: str, money: list[str], current: str, refunded: str) -> None:
    found = order(
        line_items=[line(1, "120.00", current=1 if current != "0.00" else 0)],
        shipping_lines=SHIPPING,
        total_price="150.00",
        current_total_price=current,
        financial_status=status,
        refunds=[removal(CLOSED, money=amount) for amount in money],
    )
    assert (found.status, str(found.total), str(found.refunded)) == (Status.CANCELLED, "150.00", refunded)
    assert parts(found) == 150


def test_refund_of_less_than_all_closes_nothing() -> None:
    # 100.00 were added by an edit after 150.00 were paid, and 150.00 of all were given back.
    lines = [line(1, "150.00"), line(2, "100.00")]
    found = order(
        line_items=lines,
        total_price="150.00",
        current_total_price="250.00",
        refunds=[removal(CLOSED, money="150.00")],
    )
    assert (found.status, found.total) == (Status.IN_PROGRESS, 250)


@pytest.mark.parametrize(
    ("refunds", "left", "costs", "fees"),
    [
        # Shopify adjusts the order by what was given back beyond the price of the lines.
        ([removal(CLOSED, money="20.00")], "180.00", [108, 72], None),
        ([removal(CLOSED, money="20.00"), removal(CLOSED, money="20.00")], "160.00", [96, 64], None),
        ([removal(CLOSED, (2, 1, "80.00", "0"), money="90.00")], "110.00", [110], None),
        # 10 of the 80 are kept, such as for restocking.
        ([removal(CLOSED, (2, 1, "80.00", "0"), money="70.00")], "130.00", [120], "10.00"),
        # The money for lines that an edit removed before changes nothing more.
        ([removal(EDITED, (2, 1, "80.00", "0")), removal(CLOSED, money="80.00")], "120.00", [120], None),
        (
            [
                removal(EDITED, (2, 1, "80.00", "0")),
                removal(CLOSED, money="80.00"),
                removal("2026-11-06T09:00:00+02:00", money="20.00"),
            ],
            "100.00",
            [100],
            None,
        ),
        # Not known how: the total counts.
        ([removal(CLOSED, (2, 1, "80.00", "0"), money="80.00")], "120.01", [120], None),
    ],
)
def test_refund_of_more_or_less_than_its_lines_is_in_the_parts(
    refunds: list[Any], left: str, costs: list[int], fees: str | None
) -> None:
    is_taken = any(refund["refund_line_items"] for refund in refunds)
    lines = [line(1, "120.00"), line(2, "80.00", current=0 if is_taken else 1)]
    found = order(line_items=lines, total_price="200.00", current_total_price=left, refunds=refunds)
    assert (found.status, str(found.total)) == (Status.IN_PROGRESS, left)
    assert ([item.cost for item in found.items], found.fees and str(found.fees)) == (costs, fees)


def test_what_the_shop_kept_of_a_third_has_the_digits_of_the_currency() -> None:
    # 3 x 10.00 less 10.00: 6.67 came back of one of them, less 1.00 for restocking.
    lines = [line(1, "10.00", 3, current=2, discount_allocations=[{"amount": "10.00"}])]
    back = removal(CLOSED, (1, 1, "6.67", "0"), money="5.67")
    found = order(line_items=lines, total_price="20.00", current_total_price="14.33", refunds=[back])
    assert (str(found.total), str(found.fees)) == ("14.33", "1.00")


def test_amount_that_was_refunded_before_the_cancellation_is_off_the_items() -> None:
    found = order(
        line_items=[line(1, "120.00", current=0)],
        total_price="120.00",
        current_total_price="0.00",
        financial_status="refunded",
        cancelled_at=CLOSED,
        refunds=[removal(EDITED, money="20.00"), removal(CLOSED, (1, 1, "120.00", "0"), money="100.00")],
    )
    assert (found.total, [item.cost for item in found.items]) == (100, [100])


@pytest.mark.parametrize(("paid_back", "status"), [("120.00", Status.IN_PROGRESS), ("200.00", Status.CANCELLED)])
def test_money_for_what_an_edit_removed_closes_nothing(paid_back: str, status: Status) -> None:
    found = order(
        line_items=[line(1, "120.00", current=0), line(2, "80.00")],
        total_price="200.00",
        current_total_price="80.00",
        refunds=[removal(EDITED, (1, 1, "120.00", "0")), removal(CLOSED, money=paid_back)],
    )
    assert (found.status, found.total, parts(found)) == (status, 80, 80)


@pytest.mark.parametrize(("paid_back", "total"), [("80.00", 80), ("50.00", 50)])
def test_money_between_an_edit_and_the_cancellation(paid_back: str, total: int) -> None:
    # An edit removed 120, and 30 were given back. With the last refund it is clear whether for the edit.
    found = order(
        line_items=[line(1, "120.00", current=0), line(2, "80.00", current=0)],
        total_price="200.00",
        current_total_price="0.00",
        cancelled_at=CLOSED,
        financial_status="refunded",
        refunds=[
            removal(EDITED, (1, 1, "120.00", "0")),
            removal("2026-11-04T09:00:00+02:00", money="30.00"),
            removal(CLOSED, (2, 1, "80.00", "0"), money=paid_back),
        ],
    )
    assert (found.total, parts(found)) == (total, total)


def test_refund_some_seconds_before_the_cancellation_is_none_of_it() -> None:
    found = order(
        line_items=[line(1, "120.00", current=0)],
        total_price="120.00",
        current_total_price="0.00",
        cancelled_at="2026-11-05T09:00:09+02:00",
        financial_status="refunded",
        refunds=[
            removal(CLOSED, money="20.00"),
            removal("2026-11-05T09:00:01+02:00", (1, 1, "120.00", "0"), money="100.00"),
        ],
    )
    assert (found.total, parts(found)) == (100, 100)


def test_unpaid_order_costs_after_its_edits_if_its_cancellation_made_no_refund() -> None:
    found = order(**edited(taxes_included=True, closed=True, cancelled_at=CLOSED, financial_status="voided"))
    assert (found.total, parts(found), units(found)) == (150, 150, {"901": 1})


def test_edit_some_seconds_before_the_cancellation_is_none_of_it() -> None:
    found = order(
        line_items=[line(1, "120.00", current=0), line(2, "80.00")],
        total_price="200.00",
        current_total_price="80.00",
        cancelled_at="2026-11-05T09:00:09+02:00",
        financial_status="pending",
        refunds=[removal(CLOSED, (1, 1, "120.00", "0"))],
    )
    assert (found.total, parts(found), found.status) == (80, 80, Status.CANCELLED)


def test_line_that_an_edit_added_is_part_of_what_a_closed_order_cost() -> None:
    lines = [line(1, "120.00", current=0), line(2, "80.00", current=0)]
    for total in ("120.00", "200.00"):  # `total_price` with and without what was added
        found = order(
            line_items=lines,
            subtotal_price=total,
            total_price=total,
            current_total_price="0.00",
            cancelled_at=CLOSED,
            refunds=[removal(CLOSED, (1, 1, "120.00", "0"), (2, 1, "80.00", "0"))],
        )
        assert (found.total, parts(found)) == (200, 200)


def test_order_without_current_amounts_is_less_its_refunds() -> None:
    bought = line(1, "50.00", 3)
    del bought["current_quantity"]
    refund = removal(EDITED, (1, 1, "50.00", "0"), money="50.00")
    found = order(line_items=[bought], total_price="150.00", refunds=[refund])
    assert (found.total, parts(found), found.status) == (100, 100, Status.IN_PROGRESS)


@pytest.mark.parametrize("amount", ["0.00", "0"])
def test_refund_of_nothing_is_none(amount: str) -> None:
    for current in ("150.00", None):
        found = order(total_price="150.00", current_total_price=current, refunds=[removal(EDITED, money=amount)])
        assert (found.refunded, found.total, found.status) == (None, 150, Status.IN_PROGRESS)
    free = order(total_price="0.00", current_total_price="0.00", refunds=[removal(EDITED, money=amount)])
    assert (free.refunded, free.status) == (None, Status.IN_PROGRESS)


def test_refund_that_was_taken_back_clears_the_amount() -> None:
    taken_back = removal(EDITED)
    taken_back["transactions"] = [{"kind": "refund", "status": "failure", "amount": "20.00", "currency": "UAH"}]
    sent = [
        SentOrder.of(order_steps(order(total_price="150.00", refunds=refunds), SHOP, None, recent=True)[-1].sent or {})
        for refunds in ([removal(EDITED, money="20.00")], [taken_back])
    ]
    (step,) = order_steps(order(total_price="150.00", refunds=[taken_back]), SHOP, sent[0], recent=False)
    assert "refundedAmount" not in step.request.body.decode()


# The shopper's currency.


@pytest.mark.parametrize(
    ("payment", "refund", "total_set", "expected"),
    [
        ({"amount": "3.00", "currency": "EUR"}, {"subtotal_set": both("150.00", "3.00", "EUR")}, None, "150.00"),
        # Less than the line cost: at the line's rate.
        ({"amount": "1.50", "currency": "EUR"}, {"subtotal_set": both("150.00", "3.00", "EUR")}, None, "75.00"),
        ({"amount": "1.00", "currency": "EUR"}, {}, both("450.00", "9.00", "EUR"), "50.00"),
        ({"amount": "1.00", "currency": "EUR", "amount_set": both("49.90", "1.00", "EUR")}, {}, None, "49.90"),
        ({"amount": "20.00", "currency": "UAH"}, {"subtotal_set": both("150.00", "3.00", "EUR")}, None, "20.00"),
        ({"amount": "20.00"}, {}, None, "20.00"),
        # No rate: an amount of another currency would be wrong.
        ({"amount": "1.00", "currency": "EUR"}, {}, both("450.00", "9.00", "USD"), None),
        ({"amount": "1.00", "currency": "EUR"}, {}, None, None),
    ],
)
def test_refunded_amount_is_in_the_shops_currency(
    payment: dict[str, Any], refund: dict[str, Any], total_set: Any, expected: str | None
) -> None:
    refunds = [
        {
            "created_at": EDITED,
            "refund_line_items": [{"line_item_id": 1, "quantity": 1} | refund] if refund else [],
            "transactions": [{"kind": "refund", "status": "success"} | payment],
        }
    ]
    lines = [line(1, "150.00", 3, 2)]
    total = {"total_price": "450.00", "current_total_price": "300.00", "total_price_set": total_set}
    found = order(line_items=lines, presentment_currency="EUR", refunds=refunds, **total)
    assert str(found.refunded) == str(expected)
    assert (found.total, found.status) == (300, Status.IN_PROGRESS)


# The parts.


@pytest.mark.parametrize(
    "more",
    [
        {"shipping_lines": [SHIPPING[0] | {"current_discounted_price_set": both("0.00")}]},
        {
            "current_shipping_price_set": both("0.00"),
            "refunds": [removal(EDITED, money="30.00", refund_shipping_lines=[{"subtotal_amount_set": both("30.00")}])],
        },
        {
            "refunds": [
                removal(EDITED, money="30.00", refund_shipping_lines=[None, {"subtotal_amount_set": both("30.00")}])
            ]
        },
        {
            "refunds": [
                removal(
                    EDITED,
                    money="30.00",
                    order_adjustments=[None, {"kind": "shipping_refund", "amount": "-30.00", "tax_amount": "0.00"}],
                )
            ]
        },
    ],
)
def test_shipping_that_was_given_back_is_no_part_of_the_total(more: dict[str, Any]) -> None:
    total = {"total_price": "150.00", "current_total_price": "120.00"}
    found = order(**{"line_items": [line(1, "120.00")], "shipping_lines": SHIPPING} | total | more)
    assert (found.shipping, parts(found)) == (0, found.total)


def test_half_of_the_shipping_was_given_back() -> None:
    refund = removal(EDITED, money="10.00", refund_shipping_lines=[{"subtotal_amount_set": both("10.00")}])
    total = {"total_price": "150.00", "current_total_price": "140.00"}
    found = order(line_items=[line(1, "120.00")], shipping_lines=SHIPPING, refunds=[refund], **total)
    assert (found.shipping, parts(found)) == (20, 140)


def test_duties_fees_and_tips_are_parts_of_the_total() -> None:
    found = order(
        line_items=[line(1, "120.00")],
        total_price="170.00",
        current_total_price="170.00",
        current_total_duties_set=both("25.00"),
        current_total_additional_fees_set=both("5.00"),
        total_tip_received="20.00",
    )
    assert (found.duties, found.fees, found.tips) == (25, 5, 20)
    assert parts(found) == found.total == 170
    body = order_steps(found, SHOP, None, recent=True)[0].request.body
    sent = {param["name"]: param["value"] for param in json.loads(body)["params"]}
    assert (sent["duties"], sent["fees"], sent["tips"]) == ("25.00", "5.00", "20.00")


def test_duties_fees_and_tips_of_nothing_are_left_out() -> None:
    nothing = {"current_total_duties_set": both("0.00"), "current_total_additional_fees_set": None}
    found = order(total_price="170.00", total_tip_received="0.00", **nothing)
    assert (found.duties, found.fees, found.tips) == (None, None, None)
    included = order(total_price="170.00", current_total_duties_set=both("25.00"), duties_included=True)
    assert included.duties is None


def test_cancelled_order_has_the_duties_and_fees_from_before() -> None:
    found = order(
        line_items=[line(1, "120.00", current=0)],
        total_price="150.00",
        current_total_price="0.00",
        original_total_duties_set=both("25.00"),
        current_total_duties_set=both("0.00"),
        original_total_additional_fees_set=both("5.00"),
        current_total_additional_fees_set=both("0.00"),
        cancelled_at=CLOSED,
        refunds=[removal(CLOSED, (1, 1, "120.00", "0"), money="150.00", total_duties_set=both("25.00"))],
    )
    assert (found.duties, found.fees, parts(found), found.total) == (25, 5, 150, 150)


@pytest.mark.parametrize(
    "tip",
    [
        {"title": "Tip", "variant_id": None, "product_id": None},
        {"title": "Чайові", "variant_id": None, "tip": {"payment_gateway": "shopify_payments"}},
    ],
)
def test_tip_among_the_lines_is_no_item(tip: dict[str, Any]) -> None:
    for received in ("20.00", None) if tip.get("tip") else ("20.00",):
        found = order(
            line_items=[line(1, "120.00"), line(2, "20.00") | tip],
            total_price="140.00",
            current_total_price="140.00",
            total_tip_received=received,
        )
        assert (units(found), found.tips, parts(found)) == ({"901": 1}, 20, 140)


def test_product_called_tip_is_an_item() -> None:
    found = order(line_items=[line(1, "20.00") | {"title": "Tip"}], total_price="20.00", total_tip_received="0.00")
    assert (units(found), found.tips) == ({"901": 1}, None)


def test_negative_discount_is_a_fee() -> None:
    by_line = order(
        line_items=[line(1, "100.00", 2, discount_allocations=[{"amount": "-10.00"}, {"amount": "20.00"}])],
        total_price="190.00",
        total_discounts="10.00",
    )
    assert (by_line.fees, by_line.discount, parts(by_line)) == (10, 20, by_line.total)
    whole = order(line_items=[line(1, "100.00", 2)], total_price="210.00", total_discounts="-10.00")
    assert (whole.fees, whole.discount, parts(whole)) == (10, None, whole.total)


def test_discount_with_too_many_digits_is_unreadable() -> None:
    shares = [{"amount": "-" + "9" * 40}]
    with pytest.raises(Unreadable, match=r"^(fees|line_items): "):
        order(line_items=[line(1, "1.00", 3, discount_allocations=shares) | {"quantity": "1e-38"}], total_price="1.00")
