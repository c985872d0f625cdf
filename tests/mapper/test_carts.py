"""Carts to v1/event: exact bodies, and the id of a cart's state."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.errors import Unmappable
from shopwire.mapper import cart_content, cart_steps, recycle_state_id
from shopwire.models import Cart, CartItem, Contact, Reason
from tests.support.api_requests import body_of, params
from tests.support.changes import ANNA, BORYS, START, cart


def test_cart_has_the_exact_body() -> None:
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
    changed = Cart(token="t", updated_at=START, currency="UAH", items=items, url="https://shop.example/cart/t")
    (step,) = cart_steps(changed, ANNA)
    assert step.request.path == "v1/event"
    assert body_of(step.request)["eventTypeKey"] == "cartUpdated"
    assert body_of(step.request)["keyValue"] == "anna@example.com"
    assert step.sent == {"digest": cart_content(changed), "state": recycle_state_id(changed)}
    assert params(step.request) == {
        "email": "anna@example.com",
        "phone": "380501112233",
        "externalCustomerId": "77",
        "products": '[{"colour":["green","black"],"productId":"55","quantity":2,"price":125.5,"name":"Tea",'
        '"category":"Drinks","discount":"5.00"},{"productId":"56","quantity":1,"price":10}]',
        "currencyCode": "UAH",
        "recycleStateId": recycle_state_id(changed),
        "restoreUrl": "https://shop.example/cart/t",
    }


def test_empty_cart_has_no_products() -> None:
    (step,) = cart_steps(cart(units=0).cart, ANNA)
    assert "products" not in params(step.request)


def test_cart_without_a_contact_is_unmappable() -> None:
    with pytest.raises(Unmappable) as error:
        cart_steps(cart().cart, Contact())
    assert error.value.reason is Reason.ANONYMOUS


CARTS = st.builds(
    lambda token, milliseconds, units, price: Cart(
        token=token,
        updated_at=START + timedelta(milliseconds=milliseconds),
        currency="UAH",
        items=tuple(
            CartItem(id=str(number), quantity=Decimal(count), price=price) for number, count in enumerate(units)
        ),
    ),
    st.sampled_from(["a", "b", "a-b"]),
    st.integers(0, 3),
    st.lists(st.integers(1, 2), max_size=2),
    st.sampled_from([Decimal("1.00"), Decimal("1.0"), Decimal("2")]),
)


@given(CARTS, CARTS)
def test_two_states_have_the_same_id_only_if_they_are_equal(left: Cart, right: Cart) -> None:
    assert re.fullmatch(r"[0-9A-Za-z-]{1,64}", recycle_state_id(left))
    same = (left.token, left.updated_at, left.items) == (right.token, right.updated_at, right.items)
    assert (recycle_state_id(left) == recycle_state_id(right)) is same


@given(CARTS)
def test_contact_changes_neither_state_nor_content(of: Cart) -> None:
    other = replace(of, contact=BORYS)
    assert recycle_state_id(other) == recycle_state_id(of)
    assert cart_content(other) == cart_content(of)


def test_names_of_products_are_as_people_read_them() -> None:
    item = CartItem(id="1", name="Salt &amp; Co\n", category="\u200b", quantity=Decimal(1), price=Decimal(5))
    (step,) = cart_steps(replace(cart().cart, items=(item,)), ANNA)
    assert params(step.request)["products"] == '[{"productId":"1","quantity":1,"price":5,"name":"Salt & Co"}]'
