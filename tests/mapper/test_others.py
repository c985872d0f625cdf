"""Carts, visits and contacts to the API's requests, to the letter."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.errors import Unmappable
from shopwire.mapper import (
    ApiRequest,
    cart_content,
    cart_event,
    contact_digest,
    contact_request,
    erase_requests,
    recycle_state_id,
    view_event,
)
from shopwire.models import Cart, CartItem, Contact, View
from tests.support.delivery_world import ANNA, BORYS, START, cart


def params(request: ApiRequest) -> dict[str, str]:
    pairs = [(param["name"], param["value"]) for param in json.loads(request.body)["params"]]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# --- carts


def test_the_whole_body_of_a_cart() -> None:
    items = (
        CartItem(
            id="55",
            quantity=Decimal(2),
            price=Decimal("125.50"),
            name="Tea",
            category="Drinks",
            discount=Decimal("5.00"),
            extra={"colour": ("green", "black")},
        ),
        CartItem(id="56", quantity=Decimal("0.5"), price=Decimal("10"), discount=Decimal(0)),
    )
    one = Cart(token="t", updated_at=START, currency="UAH", items=items, url="https://shop.example/cart/t")
    request = cart_event(one, ANNA)
    assert json.loads(request.body)["eventTypeKey"] == "cartUpdated"
    assert params(request) == {
        "email": "anna@example.com",
        "phone": "380501112233",
        "products": '[{"colour":["green","black"],"productId":"55","quantity":2,"price":125.5,"name":"Tea",'
        '"category":"Drinks","discount":"5.00"},{"productId":"56","quantity":1,"price":10}]',
        "currencyCode": "UAH",
        "recycleStateId": recycle_state_id(one),
        "restoreUrl": "https://shop.example/cart/t",
    }


def test_an_empty_cart_says_no_products() -> None:
    assert "products" not in params(cart_event(cart(units=0).cart, ANNA))


def test_a_cart_of_nobody_is_unmappable() -> None:
    with pytest.raises(Unmappable, match=r"^anonymous$"):
        cart_event(cart().cart, Contact())


CARTS = st.builds(
    lambda token, milliseconds, units, price: Cart(
        token=token,
        updated_at=START + timedelta(milliseconds=milliseconds),
        currency="UAH",
        items=tuple(CartItem(id=str(n), quantity=Decimal(count), price=price) for n, count in enumerate(units)),
    ),
    st.sampled_from(["a", "b", "a-b"]),
    st.integers(0, 3),
    st.lists(st.integers(1, 2), max_size=2),
    st.sampled_from([Decimal("1.00"), Decimal("1.0"), Decimal("2")]),
)


@given(CARTS, CARTS)
def test_a_state_has_one_id_and_no_two_share_one(one: Cart, other: Cart) -> None:
    assert re.fullmatch(r"[0-9A-Za-z-]{1,64}", recycle_state_id(one))
    same = (one.token, one.updated_at, one.items) == (other.token, other.updated_at, other.items)
    assert (recycle_state_id(one) == recycle_state_id(other)) is same


@given(CARTS)
def test_whose_cart_it_is_changes_neither_state_nor_content(one: Cart) -> None:
    other = replace(one, contact=BORYS)
    assert recycle_state_id(other) == recycle_state_id(one)
    assert cart_content(other) == cart_content(one)


# --- visits


@pytest.mark.parametrize(
    ("fields", "event", "name", "text"),
    [
        ({"type": "page", "url": "https://x.example/"}, "pageViewed", "page", '{"location":"https://x.example/"}'),
        (
            {"type": "product", "product_id": "5", "price": Decimal("9.90"), "in_stock": True, "extra": {"c": ("r",)}},
            "productViewed",
            "product",
            '{"c":["r"],"productId":"5","price":9.9,"isInStock":1}',
        ),
        (
            {"type": "product", "product_id": "5", "price": Decimal("9"), "in_stock": False},
            "productViewed",
            "product",
            '{"productId":"5","price":9,"isInStock":0}',
        ),
        (
            {"type": "category", "category_id": "7"},
            "productCategoryViewed",
            "category",
            '{"productCategoryId":"7"}',
        ),
    ],
)
def test_the_whole_body_of_a_visit(fields: dict[str, Any], event: str, name: str, text: str) -> None:
    request = view_event(View(seen_at=START, currency="UAH", **fields), BORYS)
    assert json.loads(request.body)["eventTypeKey"] == event
    assert params(request) == {"email": "borys@example.org", name: text, "currencyCode": "UAH"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"type": "page"}, "page: what was seen is missing"),
        ({"type": "product", "product_id": "5"}, "product: price is missing"),
        ({"type": "category"}, "category: what was seen is missing"),
    ],
)
def test_a_visit_of_nothing_is_unmappable(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unmappable, match=f"^{reason}$"):
        view_event(View(seen_at=START, **fields), BORYS)


# --- contacts


def test_the_whole_body_of_a_contact() -> None:
    request = contact_request(ANNA)
    assert (request.method, request.path) == ("POST", "v1/contact")
    assert json.loads(request.body) == {
        "firstName": "Anna",
        "lastName": "Kovalenko",
        "externalCustomerId": "77",
        "channels": [{"type": "email", "value": "anna@example.com"}, {"type": "sms", "value": "380501112233"}],
    }


def test_a_guests_id_is_his_address() -> None:
    guest = Contact(email="g@example.com")
    assert json.loads(contact_request(guest).body) == {
        "externalCustomerId": "g@example.com",
        "channels": [{"type": "email", "value": "g@example.com"}],
    }


@pytest.mark.parametrize("contact", [Contact(), Contact(customer_id="77"), Contact(first_name="Anna")])
def test_a_contact_without_address_is_unmappable(contact: Contact) -> None:
    with pytest.raises(Unmappable, match=r"^anonymous$"):
        contact_request(contact)


def test_a_digest_stands_for_all_that_is_said() -> None:
    assert contact_digest(ANNA) == contact_digest(replace(ANNA))
    assert contact_digest(ANNA) != contact_digest(replace(ANNA, last_name="Bondar"))


def test_a_person_is_erased_by_everything_that_may_stand_for_him() -> None:
    requests = erase_requests(Contact(email="a+b@example.com", customer_id="7&8"))
    assert [(request.method, request.path, request.body) for request in requests] == [
        ("DELETE", "v1/contact?externalCustomerId=7%268&erase=true", b""),
        ("DELETE", "v1/contact?externalCustomerId=a%2Bb%40example.com&erase=true", b""),
    ]
