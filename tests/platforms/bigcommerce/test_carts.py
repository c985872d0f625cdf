"""BigCommerce: carts."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import NOBODY, Cart, CartChange, CartItem, Contact, Entity, Nothing, Reason
from tests.support.bigcommerce import ANSWERS, Api, cart, fetch, shop

TOKEN = "7c3c9f3e-52b1-4c0a-8a37-3f3b5b1f6d90"
LINES = ANSWERS["store/cart/updated"]["cart"]["data"]["line_items"]


def with_lines(**lines: Any) -> dict[str, Any]:
    return {"physical_items": [], "digital_items": [], "custom_items": [], "gift_certificates": []} | lines


def line(**changes: Any) -> dict[str, Any]:
    return {**LINES["physical_items"][0], **changes}


def test_whole_cart() -> None:
    def links(sku: str) -> dict[str, tuple[str, ...]]:
        return {"url": (f"https://shop.example/{sku}/",), "imageUrl": (f"https://shop.example/images/{sku}.jpg",)}

    assert cart() == CartChange(
        Cart(
            token=TOKEN,
            created_at=datetime(2026, 10, 4, 18, tzinfo=UTC),
            updated_at=datetime(2026, 10, 4, 18, 5, 30, tzinfo=UTC),
            contact=Contact(email="oleh.synytsia@example.com", language="uk"),
            currency="UAH",
            items=(
                CartItem(
                    id="301", quantity=Decimal(2), price=Decimal(540), name="Лляний рушник", extra=links("lin-tow-m")
                ),
                CartItem(id="315", quantity=Decimal(1), price=Decimal(720), name="Чайник", extra=links("kettle-1")),
            ),
        )
    )


def test_discount_of_a_line_is_for_one_unit() -> None:
    change = fetch("store/cart/couponApplied", Api(**ANSWERS["store/cart/couponApplied"]))
    # 108 off two towels, 72 off the kettle.
    assert isinstance(change, CartChange)
    assert [(item.price, item.discount) for item in change.cart.items] == [
        (540, Decimal("54.00")),
        (720, Decimal("72.00")),
    ]


def test_every_kind_of_item() -> None:
    lines = with_lines(
        digital_items=[line(variant_id=412, name="Електронна книга", list_price=400.5)],
        custom_items=[{"id": "c1", "sku": "X", "name": "На замовлення", "quantity": "3", "list_price": "55"}],
        gift_certificates=[{"id": "g1", "name": "Сертифікат", "amount": 500, "recipient": {"email": "a@example.com"}}],
    )
    found = [(item.id, item.quantity, item.price) for item in cart(line_items=lines).cart.items]
    assert found == [("412", 2, Decimal("400.5")), ("На замовлення", 3, 55), ("Сертифікат", 1, 500)]


def test_item_id_of_the_setting() -> None:
    assert [cart(of=shop(item_id=choice)).cart.items[0].id for choice in ("product", "sku")] == ["77", "LIN-TOW-M"]  # type: ignore[arg-type]


def test_line_without_units_or_name_is_no_item() -> None:
    nameless = {"variant_id": None, "product_id": None, "sku": None, "name": None, "id": None}
    lines = with_lines(physical_items=[line(quantity=0), line(**nameless), line(**nameless | {"id": "a1"})])
    assert [item.id for item in cart(line_items=lines).cart.items] == ["a1"]


@pytest.mark.parametrize("email", ["", None, " "])
def test_cart_of_a_guest_has_no_contact_until_the_checkout(email: Any) -> None:
    assert cart(email=email).cart.contact == NOBODY


def test_cart_of_a_customer_has_the_customers_address() -> None:
    answers = ANSWERS["store/cart/updated--customer"]
    api = Api(**answers)
    change = fetch("store/cart/updated--customer", api)
    assert isinstance(change, CartChange)
    contact = change.cart.contact
    assert (contact.email, contact.customer_id, contact.language) == ("oleh.synytsia@example.com", "58", "uk")
    assert api.paths == [f"/v3/carts/{TOKEN}", "/v3/customers?id:in=58&include=addresses"]
    without = fetch("store/cart/updated--customer", Api(cart=answers["cart"]))
    assert isinstance(without, CartChange)
    assert without.cart.contact == Contact(customer_id="58", language="uk")
    assert cart(customer_id=58).cart.contact == Contact(
        email="oleh.synytsia@example.com", customer_id="58", language="uk"
    )


def test_cart_that_is_gone() -> None:
    assert fetch("store/cart/updated", Api(cart=None)) == Nothing(Reason.NOT_AT_PLATFORM, Entity.of_cart(TOKEN))


def test_currency_that_is_none() -> None:
    for currency in (None, {}, {"code": ""}, {"code": "гривня"}, []):
        assert cart(currency=currency).cart.currency is None
    assert cart(currency={"code": " usd "}).cart.currency == "USD"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"data": []}, "data: missing"),
        ({"data": {"id": TOKEN}}, "data.line_items: missing"),
        ({"status": 422}, "data: missing"),
        ([], "body: model_type"),
        (b"", "body: json_invalid"),
        (b"<!DOCTYPE html><title>Error</title>", "body: json_invalid"),
    ],
)
def test_other_answer_is_unreadable(answer: Any, problem: str) -> None:
    with pytest.raises(Unreadable, match=f"^{problem}$"):
        fetch("store/cart/updated", Api(cart=answer))


def test_price_that_is_missing_is_no_guess() -> None:
    with pytest.raises(Unreadable, match=r"^data.line_items.physical_items.0.list_price: decimal_type$"):
        cart(line_items=with_lines(physical_items=[line(list_price=None)]))
