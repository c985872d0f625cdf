"""Shopify: what an order and its lines cost. Every expected amount was calculated by hand from the sample's lines."""

import json
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.mapper import order_steps
from shopwire.models import Item, Order, Shop, Status
from tests.support.shopify import PLAIN, SHOP, order, read, read_sample


def sample(name: str, shop: Shop = SHOP) -> Order:
    found: Order = read_sample(name, shop).order
    return found


def line(**changes: Any) -> dict[str, Any]:
    jacket: dict[str, Any] = PLAIN["line_items"][0]
    return jacket | {"quantity": 3, "current_quantity": 3, "price": "10.00"} | changes


def money(of: Order) -> dict[str, str]:
    names = ("total", "shipping", "discount", "taxes", "refunded")
    return {name: str(amount) for name in names if (amount := getattr(of, name)) is not None}


def lines(of: Order) -> list[tuple[str, str, str]]:
    """Return the id, the quantity and the cost of each line, as they are sent."""
    step = order_steps(of, SHOP, None, recent=True)[0]
    sent = {param["name"]: param["value"] for param in json.loads(step.request.body)["params"]}
    return [
        (item["externalItemId"], str(item["quantity"]), str(item["cost"]))
        for item in json.loads(sent.get("items", "[]"), parse_float=str)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # 1899.00 + 2 * 120.00 + 80.00
        ("orders/create", {"total": "2219.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00"}),
        # edited: 1899.00 + 2 * 450.00 + 80.00; the socks (240.00) were removed
        ("orders/updated", {"total": "2879.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00"}),
        # 1899.00 + 3 * 120.00 + 80.00, less 120.00
        (
            "orders/updated--partly_refunded",
            {"total": "2219.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00", "refunded": "120.00"},
        ),
        # Nothing is left of it, so it is what it cost before: 1899.00 + 80.00
        (
            "orders/updated--refunded",
            {"total": "1979.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00", "refunded": "1979.00"},
        ),
        ("orders/cancelled", {"total": "1979.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00"}),
        # (39.98 - 3.00 - 3.70) + (25.50 - 2.55) + (10.00 - 5.00) + 4.50 of tax
        ("orders/updated--discounts", {"total": "65.73", "shipping": "5.00", "discount": "14.25", "taxes": "4.50"}),
        # The prices include 23 % tax, so no tax is on top.
        ("orders/updated--taxes_included", {"total": "74.05", "shipping": "10.00", "discount": "0.00"}),
        # 3 * 1000 - 100 + 600, no digits behind the point
        ("orders/updated--jpy", {"total": "3500", "shipping": "600", "discount": "100", "taxes": "0"}),
        # 12.500 - 0.125 + 4 * 0.750 + 1.250, three digits
        ("orders/updated--kwd", {"total": "16.625", "shipping": "1.250", "discount": "0.125", "taxes": "0.000"}),
        # 1899.00 + 350.00 in the shop's hryvnias, not 46.78 in the shopper's euros
        (
            "orders/updated--presentment",
            {"total": "2249.00", "shipping": "350.00", "discount": "0.00", "taxes": "0.00"},
        ),
        # 500.00 + 150.00 + 120.00 + 110.00
        (
            "orders/updated--gift_card_and_custom_line",
            {"total": "880.00", "shipping": "110.00", "discount": "0.00", "taxes": "0.00"},
        ),
        ("orders/create--guest_pos", {"total": "450.00", "discount": "0.00", "taxes": "0.00"}),
    ],
)
def test_amounts_are_after_edits_and_refunds_with_shopifys_digits(name: str, expected: dict[str, str]) -> None:
    assert money(sample(name)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("orders/create", [("44903100227001", "1", "1899"), ("44903100227002", "2", "120")]),
        # The removed line is not listed, the added one is.
        ("orders/updated", [("44903100227001", "1", "1899"), ("44903100227003", "2", "450")]),
        # Three were bought, one was refunded.
        ("orders/updated--partly_refunded", [("44903100227001", "1", "1899"), ("44903100227002", "2", "120")]),
        # Nothing is left of these two, so their items are those from before.
        ("orders/updated--refunded", [("44903100227001", "1", "1899")]),
        ("orders/cancelled", [("44903100227001", "1", "1899")]),
        # (2 * 19.99 - 3.00 - 3.70) / 2; (3 * 8.50 - 2.55) / 3: the line's discount and its share of the order's
        ("orders/updated--discounts", [("44903100337001", "2", "16.64"), ("44903100337002", "3", "7.65")]),
        ("orders/updated--taxes_included", [("44903100337003", "1", "64.05")]),
        # (3 * 1000 - 100) / 3 = 966.67, in whole yen
        ("orders/updated--jpy", [("44903100337004", "3", "967")]),
        ("orders/updated--kwd", [("44903100337005", "1", "12.375"), ("44903100337006", "4", "0.75")]),
        ("orders/updated--presentment", [("44903100227001", "1", "1899")]),
        (
            "orders/updated--gift_card_and_custom_line",
            [("44903100227009", "1", "500"), ("Вишивка імені", "1", "150"), ("44903100227002", "1", "120")],
        ),
    ],
)
def test_cost_of_a_unit_is_after_its_share_of_all_discounts(name: str, expected: list[tuple[str, str, str]]) -> None:
    assert lines(sample(name)) == expected


def test_currency_is_the_shops_and_not_the_shoppers() -> None:
    assert sample("orders/updated--presentment").currency == "UAH"


def test_missing_currency_is_read_from_the_total_set() -> None:
    assert order(currency=None, presentment_currency="EUR").currency == "UAH"


def test_allocations_replace_the_lines_own_discount_because_they_include_it() -> None:
    (item,) = order(line_items=[line(total_discount="3.00", discount_allocations=[{"amount": "6.00"}])]).items
    assert item.cost == Decimal("8.00")


def test_lines_own_discount_counts_without_allocations() -> None:
    (item,) = order(line_items=[line(total_discount="3.00", discount_allocations=[])]).items
    assert item.cost == Decimal("9.00")


def test_discount_is_divided_by_the_quantity_that_was_bought() -> None:
    (item,) = order(line_items=[line(current_quantity=1, discount_allocations=[{"amount": "6.00"}])]).items
    assert (item.quantity, item.cost) == (Decimal(1), Decimal("8.00"))


def test_refunds_reduce_the_quantity_of_bodies_without_current_quantity() -> None:
    bought = line(id=7)
    del bought["current_quantity"]
    refunds = [{"refund_line_items": [{"line_item_id": 7, "quantity": 1}]}] * 2
    (item,) = order(line_items=[bought], refunds=refunds).items
    assert item.quantity == 1


def test_only_successful_refund_transactions_count() -> None:
    transactions = [
        {"kind": "refund", "status": "success", "amount": "1.50"},
        {"kind": "refund", "status": "failure", "amount": "2.00"},
        {"kind": "refund", "status": "pending", "amount": "4.00"},
        {"kind": "sale", "status": "success", "amount": "8.00"},
    ]
    assert order(refunds=[{"transactions": transactions}]).refunded == Decimal("1.50")
    assert order(refunds=[{"transactions": []}]).refunded is None


def test_wholly_refunded_order_is_cancelled_and_partly_refunded_one_is_not() -> None:
    assert sample("orders/updated--partly_refunded").status is Status.IN_PROGRESS
    assert sample("orders/updated--refunded").status is Status.CANCELLED


def test_removed_shipping_costs_nothing() -> None:
    removed = PLAIN["shipping_lines"][0] | {"is_removed": True}
    assert order(shipping_lines=[removed]).shipping == 0
    assert order(shipping_lines=[]).shipping is None


def test_shipping_without_a_discounted_price_is_less_its_allocations() -> None:
    line = [{"title": "Post", "price": "10.00", "discount_allocations": [{"amount": "2.50"}]}]
    assert order(shipping_lines=line).shipping == Decimal("7.50")


@pytest.mark.parametrize(
    ("share", "cost"),
    [
        ({"amount_set": {"shop_money": {"amount": "6.00", "currency_code": "UAH"}}}, "8"),
        ({"amount": "6.00", "amount_set": {"shop_money": {"amount": "3.00", "currency_code": "UAH"}}}, "9"),
        ({"discount_application_index": 0}, "10"),
    ],
)
def test_share_of_a_discount_may_have_only_a_set(share: dict[str, Any], cost: str) -> None:
    (item,) = order(line_items=[line(discount_allocations=[share])]).items
    assert item.cost == Decimal(cost)


@pytest.mark.parametrize(
    ("item_id", "expected"),
    [
        ("variant", ["44903100227009", "Вишивка імені", "44903100227002"]),
        ("product", ["8177300112009", "Вишивка імені", "8177300112002"]),
        ("sku", ["44903100227009", "Вишивка імені", "SHK-38"]),
    ],
)
def test_item_id_follows_the_setting_and_custom_lines_have_their_title(item_id: str, expected: list[str]) -> None:
    shop = Shop.model_validate(SHOP.model_dump() | {"item_id": item_id})
    assert [item.id for item in sample("orders/updated--gift_card_and_custom_line", shop).items] == expected


def test_title_in_place_of_an_id_is_as_people_read_it() -> None:
    custom = {"title": "Підпис &amp; <b>бант</b>", "quantity": 1, "price": "10.00"}
    assert [item.id for item in order(line_items=[custom]).items] == ["Підпис & бант"]
    coded = custom | {"variant_id": "A&amp;B"}
    assert [item.id for item in order(line_items=[coded]).items] == ["A&amp;B"]


@pytest.mark.parametrize(
    ("amount", "total"),
    [
        ("123456789012345678901234567890.12", "123456789012345678901234567890.12"),
        ("199", "199"),
        ("199.00", "199.00"),
        ("0.10", "0.10"),
        (0.1, "0.1"),
        (12345678901234567890, "12345678901234567890"),
    ],
)
def test_amount_keeps_every_digit(amount: str | float, total: str) -> None:
    assert str(order(current_total_price=amount).total) == total


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400", "12,50", "", "9" * 41, True, [], {}])
def test_value_that_is_not_an_amount_is_unreadable_by_its_field(amount: Any) -> None:
    with pytest.raises(Unreadable, match=r"^current_total_price: [a-z_]+$"):
        order(current_total_price=amount)


@pytest.mark.parametrize("number", [b"NaN", b"1e400", b"-1e400", b"Infinity"])
def test_number_that_json_or_floats_do_not_have_is_unreadable(number: bytes) -> None:
    body = json.dumps(PLAIN).encode().replace(b'"current_total_price": "2219.00"', b'"current_total_price": ' + number)
    assert number in body
    with pytest.raises(Unreadable, match=r"^current_total_price: finite_number$"):
        read("orders/updated", body)


def test_minus_zero_is_sent_as_zero() -> None:
    (step,) = order_steps(order(current_total_price="-0.00"), SHOP, None, recent=True)
    assert {"name": "totalCost", "value": "0.00"} in json.loads(step.request.body)["params"]


@pytest.mark.parametrize("quantity", [0, -1, "0"])
def test_line_without_a_positive_quantity_is_not_listed(quantity: Any) -> None:
    assert order(line_items=[line(quantity=quantity, current_quantity=None)]).items == ()
    assert order(line_items=[line(current_quantity=quantity)]).items == ()


def test_quantity_may_be_a_fraction() -> None:
    name = PLAIN["line_items"][0]["name"]
    bought = line(quantity=1.5, current_quantity=1.5, discount_allocations=[{"amount": "3.00"}])
    assert order(line_items=[bought]).items == (
        Item(id="44903100227001", name=name, quantity=Decimal("1.5"), cost=Decimal("8.00")),
    )


def test_amount_with_an_enormous_exponent_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"^current_total_price: decimal_max_digits$"):
        order(current_total_price="1E-500000")


def test_sum_with_too_many_digits_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"^shipping: decimal_max_digits$"):
        order(shipping_lines=[{"price": "9" * 40}] * 2)


@pytest.mark.parametrize("blank", [None, "", " "])
def test_blank_currency_is_a_missing_one(blank: str | None) -> None:
    assert order(currency=blank, total_price_set=None, presentment_currency="EUR").currency == "EUR"
    with pytest.raises(Unreadable, match=r"^currency: missing$"):
        order(currency=blank, total_price_set=None, presentment_currency=None)


def test_line_with_almost_no_quantity_is_not_listed() -> None:
    # A discount divided by such a quantity would have more digits than can be rounded, here and in the mapper.
    crumb = line(quantity="1e-38", current_quantity=None, total_discount="1e39")
    found = order(line_items=[crumb, line()])
    assert [item.id for item in found.items] == ["44903100227001"]
    assert len(order_steps(found, SHOP, None, recent=True)) == 1
