"""Shopify: what an order and its lines cost. Every expected amount was worked out by hand from the sample's lines."""

import json
from decimal import Decimal
from typing import Any

import pytest

from shopwire import platforms
from shopwire.errors import Unreadable
from shopwire.mapper import order_steps
from shopwire.models import Cart, CartChange, Item, Order, OrderChange, Shop, Status, Webhook
from shopwire_testkit.samples import samples

SHOPIFY = platforms.get("shopify")
SHOP = Shop(id="shop", platform="shopify", secrets=("secret",), esputnik_key="key", region="UA")
BODIES = {sample.name: sample.body for sample in samples("shopify")}
PLAIN = json.loads(BODIES["orders/create"])


def read(topic: str, body: bytes, shop: Shop = SHOP) -> Any:
    (delivery,) = SHOPIFY.read(Webhook({"x-shopify-topic": topic}, body, 0), shop)
    return delivery.change


def sample(name: str, shop: Shop = SHOP) -> Order:
    change = read(name.partition("--")[0], BODIES[name], shop)
    assert isinstance(change, OrderChange)
    return change.order


def order(**changes: Any) -> Order:
    change = read("orders/updated", json.dumps(PLAIN | changes).encode())
    assert isinstance(change, OrderChange)
    return change.order


def line(**changes: Any) -> dict[str, Any]:
    jacket: dict[str, Any] = PLAIN["line_items"][0]
    return jacket | {"quantity": 3, "current_quantity": 3, "price": "10.00"} | changes


def money(of: Order) -> dict[str, str]:
    named = {
        "total": of.total,
        "shipping": of.shipping,
        "discount": of.discount,
        "taxes": of.taxes,
        "refunded": of.refunded,
    }
    return {name: str(amount) for name, amount in named.items() if amount is not None}


def lines(of: Order) -> list[tuple[str, str, str]]:
    """Id, quantity and the cost that is sent of each line."""
    (event,) = order_steps(of, SHOP, None, recent=True)[:1]
    sent = {param["name"]: param["value"] for param in json.loads(event.request.body)["params"]}
    return [
        (item["externalItemId"], str(item["quantity"]), str(item["cost"]))
        for item in json.loads(sent.get("items", "[]"), parse_float=str)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # 1899.00 + 2 * 120.00 + 80.00
        ("orders/create", {"total": "2219.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00"}),
        # edited: 1899.00 + 2 * 450.00 + 80.00, the socks (240.00) taken out
        ("orders/updated", {"total": "2879.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00"}),
        # 1899.00 + 3 * 120.00 + 80.00, less 120.00
        (
            "orders/updated--partly_refunded",
            {"total": "2219.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00", "refunded": "120.00"},
        ),
        # nothing is left of it: what it cost before, 1899.00 + 80.00
        (
            "orders/updated--refunded",
            {"total": "1979.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00", "refunded": "1979.00"},
        ),
        ("orders/cancelled", {"total": "1979.00", "shipping": "80.00", "discount": "0.00", "taxes": "0.00"}),
        # (39.98 - 3.00 - 3.70) + (25.50 - 2.55) + (10.00 - 5.00) + 4.50 of tax
        ("orders/updated--discounts", {"total": "65.73", "shipping": "5.00", "discount": "14.25", "taxes": "4.50"}),
        # 23 % is in the prices: no tax on top
        ("orders/updated--taxes_included", {"total": "74.05", "shipping": "10.00", "discount": "0.00"}),
        # 3 * 1000 - 100 + 600, no digits behind the point
        ("orders/updated--jpy", {"total": "3500", "shipping": "600", "discount": "100", "taxes": "0"}),
        # 12.500 - 0.125 + 4 * 0.750 + 1.250, three digits
        ("orders/updated--kwd", {"total": "16.625", "shipping": "1.250", "discount": "0.125", "taxes": "0.000"}),
        # 1899.00 + 350.00 of the shop's hryvnias, not the shopper's 46.78 euros
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
def test_an_order_costs_what_it_costs_now_with_the_digits_that_shopify_gave(
    name: str, expected: dict[str, str]
) -> None:
    assert money(sample(name)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("orders/create", [("44903100227001", "1", "1899"), ("44903100227002", "2", "120")]),
        # the line taken out is not listed, the one put in is
        ("orders/updated", [("44903100227001", "1", "1899"), ("44903100227003", "2", "450")]),
        # three were bought, one was taken back
        ("orders/updated--partly_refunded", [("44903100227001", "1", "1899"), ("44903100227002", "2", "120")]),
        ("orders/updated--refunded", []),
        # (2 * 19.99 - 3.00 - 3.70) / 2; (3 * 8.50 - 2.55) / 3: their own discount and their share of the order's
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
def test_a_line_costs_one_unit_after_its_share_of_all_discounts(
    name: str, expected: list[tuple[str, str, str]]
) -> None:
    assert lines(sample(name)) == expected


def test_a_shopper_who_pays_in_euros_buys_in_the_shops_currency() -> None:
    assert sample("orders/updated--presentment").currency == "UAH"


def test_where_the_currency_is_missing_the_totals_set_tells_it() -> None:
    assert order(currency=None, presentment_currency="EUR").currency == "UAH"


def test_the_allocations_alone_count_since_they_hold_the_lines_own_discount_too() -> None:
    (item,) = order(line_items=[line(total_discount="3.00", discount_allocations=[{"amount": "6.00"}])]).items
    assert item.cost == Decimal("8.00")


def test_without_allocations_the_lines_own_discount_counts() -> None:
    (item,) = order(line_items=[line(total_discount="3.00", discount_allocations=[])]).items
    assert item.cost == Decimal("9.00")


def test_a_discounts_share_is_of_the_line_as_it_was_bought_not_of_what_is_left() -> None:
    (item,) = order(line_items=[line(current_quantity=1, discount_allocations=[{"amount": "6.00"}])]).items
    assert (item.quantity, item.cost) == (Decimal(1), Decimal("8.00"))


def test_older_bodies_without_current_quantity_lose_what_their_refunds_took_back() -> None:
    bought = line(id=7)
    del bought["current_quantity"]
    taken = [{"refund_line_items": [{"line_item_id": 7, "quantity": 1}]}] * 2
    (item,) = order(line_items=[bought], refunds=taken).items
    assert item.quantity == 1


def test_only_money_that_really_went_back_is_refunded() -> None:
    transactions = [
        {"kind": "refund", "status": "success", "amount": "1.50"},
        {"kind": "refund", "status": "failure", "amount": "2.00"},
        {"kind": "refund", "status": "pending", "amount": "4.00"},
        {"kind": "sale", "status": "success", "amount": "8.00"},
    ]
    assert order(refunds=[{"transactions": transactions}]).refunded == Decimal("1.50")
    assert order(refunds=[{"transactions": []}]).refunded is None


def test_a_partly_refunded_order_goes_on_a_wholly_refunded_one_is_over() -> None:
    assert sample("orders/updated--partly_refunded").status is Status.IN_PROGRESS
    assert sample("orders/updated--refunded").status is Status.CANCELLED


def test_shipping_that_was_taken_off_again_costs_nothing() -> None:
    removed = PLAIN["shipping_lines"][0] | {"is_removed": True}
    assert order(shipping_lines=[removed]).shipping == 0
    assert order(shipping_lines=[]).shipping is None


def test_shipping_without_a_discounted_price_loses_its_allocations() -> None:
    posted = [{"title": "Post", "price": "10.00", "discount_allocations": [{"amount": "2.50"}]}]
    assert order(shipping_lines=posted).shipping == Decimal("7.50")


@pytest.mark.parametrize(
    ("item_id", "expected"),
    [
        ("variant", ["44903100227009", "Вишивка імені", "44903100227002"]),
        ("product", ["8177300112009", "Вишивка імені", "8177300112002"]),
        ("sku", ["44903100227009", "Вишивка імені", "SHK-38"]),
    ],
)
def test_a_line_is_named_as_the_shop_wishes_a_custom_one_by_its_title(item_id: str, expected: list[str]) -> None:
    shop = Shop.model_validate(SHOP.model_dump() | {"item_id": item_id})
    assert [item.id for item in sample("orders/updated--gift_card_and_custom_line", shop).items] == expected


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
def test_an_amount_keeps_every_digit(amount: str | float, total: str) -> None:
    assert str(order(current_total_price=amount).total) == total


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400", "12,50", "", "9" * 41, True, [], {}])
def test_what_is_no_amount_is_refused_by_the_fields_name_never_by_its_value(amount: Any) -> None:
    with pytest.raises(Unreadable, match=r"^current_total_price: [a-z_]+$"):
        order(current_total_price=amount)


@pytest.mark.parametrize("number", [b"NaN", b"1e400", b"-1e400", b"Infinity"])
def test_numbers_beyond_json_and_beyond_floats_are_refused(number: bytes) -> None:
    body = json.dumps(PLAIN).encode().replace(b'"current_total_price": "2219.00"', b'"current_total_price": ' + number)
    assert number in body
    with pytest.raises(Unreadable, match=r"^current_total_price: finite_number$"):
        read("orders/updated", body)


def test_minus_zero_is_sent_as_zero() -> None:
    (planned,) = order_steps(order(current_total_price="-0.00"), SHOP, None, recent=True)
    assert {"name": "totalCost", "value": "0.00"} in json.loads(planned.request.body)["params"]


@pytest.mark.parametrize("quantity", [0, -1, "0"])
def test_a_line_of_none_or_less_is_not_listed(quantity: Any) -> None:
    assert order(line_items=[line(quantity=quantity, current_quantity=None)]).items == ()
    assert order(line_items=[line(current_quantity=quantity)]).items == ()


def test_parts_of_one_can_be_bought() -> None:
    name = PLAIN["line_items"][0]["name"]
    bought = line(quantity=1.5, current_quantity=1.5, discount_allocations=[{"amount": "3.00"}])
    assert order(line_items=[bought]).items == (
        Item(id="44903100227001", name=name, quantity=Decimal("1.5"), cost=Decimal("8.00")),
    )


def test_an_amount_with_more_digits_than_memory_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"^total: decimal_max_digits$"):
        order(current_total_price="1E-500000")


def test_sums_with_more_digits_than_an_amount_may_have_are_refused_too() -> None:
    with pytest.raises(Unreadable, match=r"^shipping: decimal_max_digits$"):
        order(shipping_lines=[{"price": "9" * 40}] * 2)


def cart(name: str) -> Cart:
    change = read(name.partition("--")[0], BODIES[name])
    assert isinstance(change, CartChange)
    return change.cart


def test_a_carts_lines_have_their_price_and_the_discount_of_one_unit() -> None:
    found = cart("carts/update")
    assert found.currency == "UAH"  # only the lines' `price_set` tell it
    assert [(item.id, str(item.quantity), str(item.price), item.discount) for item in found.items] == [
        ("44903100227001", "1", "1899.00", None),
        ("44903100227002", "2", "120.00", Decimal("5.00")),
    ]


def test_a_checkouts_lines_are_those_of_its_cart() -> None:
    found = cart("checkouts/update")
    assert [(item.id, str(item.quantity), str(item.price)) for item in found.items] == [
        ("44903100227001", "1", "1899.00"),
        ("44903100227002", "2", "120.00"),
    ]
