"""Shopify: carts and checkouts. Both describe the same cart; only a checkout names its person."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import CartChange, Contact, Entity, Nothing, Reason
from tests.support.shopify import BODIES, PLAIN, buyer, read, read_sample

CART = {"token": "abc", "updated_at": "2026-10-05T07:02:41.905Z"}


def test_cart_checkout_and_order_have_the_same_token() -> None:
    names = ("carts/create", "carts/update", "carts/update--empty", "checkouts/create", "checkouts/update")
    (token,) = {read_sample(name).cart.token for name in names}
    assert read_sample("orders/create").order.cart_token == token


def test_checkout_names_the_person_and_cart_does_not() -> None:
    assert read_sample("carts/create").cart.contact == Contact()
    assert read_sample("checkouts/create--anonymous").cart.contact == Contact()
    assert buyer(read_sample("checkouts/create").cart) == Contact(email="oksana.hrytsenko@example.com")
    assert read_sample("checkouts/update").cart.contact.phone == "380501234567"


def test_emptied_cart_has_no_items() -> None:
    cart = read_sample("carts/update--empty").cart
    assert cart.items == ()
    assert cart.updated_at == datetime(2026, 10, 5, 7, 13, 0, 20_000, tzinfo=UTC)


def test_completed_checkout_is_ignored_because_its_order_follows() -> None:
    body = json.loads(BODIES["checkouts/update"]) | {"completed_at": "2026-10-05T10:12:30+03:00"}
    expected = Nothing(Reason.CHECKOUT_COMPLETED, Entity.of_cart(PLAIN["cart_token"]))
    assert read("checkouts/update", body) == expected


def test_cart_line_has_price_and_discount_of_one_unit() -> None:
    cart = read_sample("carts/update").cart
    assert cart.currency == "UAH"  # only `price_set` of the lines names it
    assert [(item.id, str(item.quantity), str(item.price), item.discount) for item in cart.items] == [
        ("44903100227001", "1", "1899.00", None),
        ("44903100227002", "2", "120.00", Decimal("5.00")),
    ]


def test_cart_line_has_the_image_that_a_checkout_names() -> None:
    lines = [
        {"variant_id": number, "title": "Cup", "quantity": 1, "price": "5.00", "image_url": url}
        for number, url in enumerate(("https://cdn.example.com/cup.jpg", "", None, ["odd"]), 1)
    ]
    cart = read("checkouts/update", CART | {"line_items": lines}).cart
    assert [item.extra for item in cart.items] == [{"imageUrl": ("https://cdn.example.com/cup.jpg",)}, {}, {}, {}]


def test_checkout_has_the_lines_of_its_cart() -> None:
    cart = read_sample("checkouts/update").cart
    assert [(item.id, str(item.quantity), str(item.price)) for item in cart.items] == [
        ("44903100227001", "1", "1899.00"),
        ("44903100227002", "2", "120.00"),
    ]


@pytest.mark.parametrize("token", [None, "", " ", "x" * 300])
def test_cart_without_a_usable_token_is_unreadable(token: str | None) -> None:
    with pytest.raises(Unreadable, match=r"^token: "):
        read("carts/update", CART | {"token": token})


def test_line_with_almost_no_quantity_is_not_in_the_cart() -> None:
    # A discount divided by such a quantity would have more digits than can be rounded.
    line = {"id": 1, "variant_id": 11, "title": "Tea", "quantity": 2, "price": "19.99"}
    crumb = line | {"quantity": "1e-38", "total_discount": "1e39"}
    change = read("carts/update", CART | {"line_items": [crumb, line]})
    assert isinstance(change, CartChange)
    assert [str(item.quantity) for item in change.cart.items] == ["2"]


def test_cart_without_a_time_of_change_has_the_time_of_arrival() -> None:
    assert read("carts/update", {"token": "abc"}).cart.updated_at == datetime(2027, 1, 1, tzinfo=UTC)


CHECKOUT = CART | {"email": "daryna.koval@example.com", "currency": "UAH", "presentment_currency": "EUR"}


def priced(price: str, shop: str | None, discount: str = "0.00", shop_discount: str | None = None) -> dict[str, Any]:
    def both(shopper: str, of_shop: str | None) -> Any:
        return of_shop and {
            "shop_money": {"amount": of_shop, "currency_code": "UAH"},
            "presentment_money": {"amount": shopper, "currency_code": "EUR"},
        }

    named = {"id": 1, "variant_id": 11, "title": "Tea", "quantity": 2, "price": price, "total_discount": discount}
    return named | {"price_set": both(price, shop), "total_discount_set": both(discount, shop_discount)}


@pytest.mark.parametrize("topic", ["checkouts/create", "carts/update"])
def test_amount_and_currency_are_of_the_same_set(topic: str) -> None:
    cart = read(topic, CHECKOUT | {"line_items": [priced("3.00", "150.00", "1.00", "50.00")]}).cart
    (item,) = cart.items
    assert (cart.currency, str(item.price), str(item.discount)) == ("UAH", "150.00", "25.00")


def test_prices_of_a_checkout_without_sets_are_the_shoppers() -> None:
    cart = read("checkouts/create", CHECKOUT | {"line_items": [priced("3.00", None, "1.00")]}).cart
    (item,) = cart.items
    assert (cart.currency, str(item.price), str(item.discount)) == ("EUR", "3.00", "0.50")


def test_one_line_without_a_set_makes_all_prices_the_shoppers() -> None:
    cart = read("carts/update", CART | {"line_items": [priced("3.00", "150.00"), priced("4.00", None)]}).cart
    assert (cart.currency, [str(item.price) for item in cart.items]) == ("EUR", ["3.00", "4.00"])


def test_key_behind_the_token_does_not_make_another_cart() -> None:
    token = "Z2NwLWV1cm9wZS13ZXN0NA"
    changes = [
        read("carts/update", CART | {"token": f"{token}?key=8c1f"}),
        read("checkouts/update", CART | {"cart_token": f"{token}?key=8c1f", "token": "co"}),
        read("checkouts/update", CART | {"cart_token": token, "token": "co"}),
        read("checkouts/update", CART | {"cart_token": f"gid://shopify/Cart/{token}?key=8c1f", "token": "co"}),
    ]
    completed = read(
        "checkouts/update", CART | {"cart_token": f"{token}?key=1", "completed_at": "2026-10-05T10:00:00Z"}
    )
    bought = read("orders/create", PLAIN | {"cart_token": f"{token}?key=8c1f"}).order
    assert {change.entity for change in changes} == {completed.entity, Entity.of_cart(token)}
    assert bought.cart_token == token
