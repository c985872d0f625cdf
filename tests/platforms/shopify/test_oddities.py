"""Shopify: oddities that once broke the reading, or would send something wrong without a word."""

import json
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.mapper import order_steps
from shopwire.models import CartChange, Contact, Order, OrderChange, Shop, Webhook
from shopwire.platforms import get
from shopwire_testkit.samples import samples

SHOPIFY = get("shopify")
SHOP = Shop(id="demo-shopify", platform="shopify", secrets=("secret",), esputnik_key="key", region="UA")
ORDER = {
    "id": 42,
    "created_at": "2026-10-05T10:12:30+03:00",
    "currency": "UAH",
    "total_price": "100.00",
    "email": "olha@example.com",
}
CART = {"token": "abc", "updated_at": "2026-10-05T07:02:41.905Z"}
LINE = {"id": 1, "variant_id": 11, "title": "Tea", "quantity": 2, "price": "19.99"}


def read(topic: str, body: Any) -> Any:
    return SHOPIFY.read(Webhook({"x-shopify-topic": topic}, json.dumps(body).encode(), 0), SHOP)[0].change


def order(**fields: Any) -> Order:
    change = read("orders/updated", ORDER | fields)
    assert isinstance(change, OrderChange)
    return change.order


def test_a_null_among_the_gateways_costs_neither_the_order_nor_the_other_names() -> None:
    assert order(payment_gateway_names=["gift_card", None, "cash"]).payment_method == "gift_card, cash"
    assert order(payment_gateway_names=[None]).payment_method is None


@pytest.mark.parametrize("blank", [None, "", " "])
def test_a_blank_currency_is_a_missing_one(blank: str | None) -> None:
    assert order(currency=blank, presentment_currency="EUR").currency == "EUR"
    with pytest.raises(Unreadable, match=r"^currency: missing$"):
        order(currency=blank)


@pytest.mark.parametrize("token", [None, "", " ", "x" * 300])
def test_a_cart_without_a_usable_token_is_unreadable(token: str | None) -> None:
    with pytest.raises(Unreadable, match=r"^token: "):
        read("carts/update", CART | {"token": token})


def test_a_line_of_next_to_nothing_is_not_listed_anywhere() -> None:
    # A discount divided by it would have more digits than can be rounded, here and in the mapper.
    crumb = LINE | {"quantity": "1e-38", "total_discount": "1e39"}
    listed = order(line_items=[crumb, LINE])
    assert [item.id for item in listed.items] == ["11"]
    assert len(order_steps(listed, SHOP, None, recent=True)) == 1
    cart = read("carts/update", CART | {"line_items": [crumb, LINE]})
    assert isinstance(cart, CartChange)
    assert [str(item.quantity) for item in cart.cart.items] == ["2"]


def test_a_refund_of_no_line_takes_nothing_from_a_line_without_an_id() -> None:
    refunds = [{"refund_line_items": [{"line_item_id": None, "quantity": 2}]}]
    assert [str(item.quantity) for item in order(line_items=[LINE | {"id": None}], refunds=refunds).items] == ["2"]


def test_an_order_of_which_no_words_are_told_has_none() -> None:
    assert order(financial_status=None, fulfillment_status=None).status_words is None
    assert order(cancelled_at="2026-10-06T00:00:00Z", financial_status="refunded").status_words == "cancelled, refunded"


def test_the_buyers_phone_is_the_orders_then_the_billings_then_the_customers() -> None:
    named: dict[str, Any] = {
        "phone": "+380505550001",
        "billing_address": {"phone": "+380505550002"},
        "customer": {"id": 5, "phone": "+380505550003", "default_address": {"phone": "+380505550004"}},
    }
    assert order(**named).contact.phone == "380505550001"
    assert order(**named | {"phone": None}).contact.phone == "380505550002"
    assert order(**named | {"phone": None, "billing_address": None}).contact == Contact(
        email="olha@example.com", phone="380505550003", customer_id="5"
    )


def test_every_topic_has_a_sample() -> None:
    assert {sample.topic for sample in samples("shopify")} == set(SHOPIFY.topics)
