"""The storefront: what a browser's visit means, and which visits are unreadable."""

import json
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import Cart, CartChange, CartItem, Contact, View, ViewChange
from tests.support.storefront import BODIES, SEEN_AT, SHOP, STOREFRONT, read, visit, webhook

IRYNA = Contact(email="iryna.bondar@example.com")


def test_page_becomes_the_exact_model() -> None:
    change = read(BODIES["page"])
    assert isinstance(change, ViewChange)
    assert change.view == View(type="page", seen_at=SEEN_AT, contact=IRYNA, url="https://shop.example/about?lang=uk")


def test_product_becomes_the_exact_model() -> None:
    assert read(BODIES["product"]).view == View(
        type="product",
        seen_at=SEEN_AT,
        contact=IRYNA,
        currency="UAH",
        product_id="40001",
        price=Decimal("499.5"),
        in_stock=True,
        extra={"color": ("зелений", "red"), "brand": ("Ранок",)},
    )


def test_category_becomes_the_exact_model() -> None:
    assert read(BODIES["category"]).view == View(type="category", seen_at=SEEN_AT, contact=IRYNA, category_id="Чашки")


def test_addition_to_the_wish_list_becomes_the_exact_model() -> None:
    change = read(BODIES["wishlist"])
    assert isinstance(change, ViewChange)
    assert change.view == View(
        type="wishlist",
        seen_at=SEEN_AT,
        contact=IRYNA,
        currency="UAH",
        product_id="40001",
        price=Decimal("499.5"),
        in_stock=False,
        extra={"name": ('Чашка "Ранок"',), "color": ("зелений", "red")},
    )


@pytest.mark.parametrize(
    ("name", "text", "found", "currency"),
    [
        ("search", 'чашка "Ранок" 0,5 л', False, "UAH"),
        ("search--found", "чашка", True, None),
        ("search--only_text", "чайник", None, None),
    ],
)
def test_search_becomes_the_exact_model(name: str, text: str, found: bool | None, currency: str | None) -> None:
    change = read(BODIES[name])
    assert isinstance(change, ViewChange)
    assert change.view == View(
        type="search", seen_at=SEEN_AT, contact=IRYNA, currency=currency, search=text, found=found
    )


def test_cart_becomes_the_exact_model() -> None:
    assert read(BODIES["cart"]) == CartChange(
        Cart(
            token="c-5b1f0a77",
            updated_at=SEEN_AT,
            contact=IRYNA,
            currency="UAH",
            items=(
                CartItem(
                    id="40001",
                    quantity=Decimal(2),
                    price=Decimal("499.5"),
                    name='Чашка "Ранок"',
                    category="Чашки",
                    discount=Decimal("49.95"),
                    extra={"size": ("L",)},
                ),
                CartItem(id="40002", quantity=Decimal(1), price=Decimal(80)),
            ),
        ),
        by_visitor=True,
    )


def test_name_of_a_cart_in_the_storefront_api_is_its_token() -> None:
    body = json.loads(BODIES["cart"])
    body["cart"]["token"] = "gid://shopify/Cart/c-5b1f0a77?key=8c1f"
    assert read(body).entity == read(BODIES["cart"]).entity


def test_empty_cart_has_no_items() -> None:
    assert read(BODIES["cart--empty"]).cart.items == ()


def test_deep_link_is_a_page_and_phone_is_a_contact() -> None:
    view = read(BODIES["page--deep_link"]).view
    assert (view.url, view.contact.phone) == ("shopapp://catalog/7", "380670001122")


def test_visit_without_a_contact_is_anonymous() -> None:
    assert read(visit()).view.contact.key is None


def test_line_without_a_positive_quantity_is_not_in_the_cart() -> None:
    body = json.loads(BODIES["cart"])
    for item, quantity in zip(body["cart"]["items"], (0, -1), strict=True):
        item["quantity"] = quantity
    assert read(body).cart.items == ()


def test_same_visit_in_the_same_millisecond_is_the_same_delivery() -> None:
    (first,), (second,) = STOREFRONT.read(webhook(visit()), SHOP), STOREFRONT.read(webhook(visit()), SHOP)
    assert first == second


# The shop's own properties.


def test_property_nested_deeper_than_a_list_is_left_out() -> None:
    body = json.loads(BODIES["product"])
    body["product"] |= {"deep": {"a": 1}, "mixed": ["x", 2, {"a": 1}, None, True], "size": 42, "blank": " "}
    extra = read(body).view.extra
    assert extra["mixed"] == ("x", "2", "true")
    assert extra["size"] == ("42",)
    assert extra.keys().isdisjoint({"deep", "blank"})


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
def test_property_that_is_not_a_finite_number_is_left_out(number: str) -> None:
    body = BODIES["product"].replace(b'"brand"', f'"odd": {number}, "brand"'.encode())
    assert "odd" not in read(body).view.extra
    assert read(body).view.extra["brand"] == ("Ранок",)


# What is unreadable.


@pytest.mark.parametrize(
    "url", ["no link", "", "https://a b", "//host/path", "javascript:alert(1)", "mailto:a", "https://a/" + "x" * 3000]
)
def test_url_that_is_not_a_link_is_unreadable(url: str) -> None:
    with pytest.raises(Unreadable, match=r"^url"):
        read(visit(url=url))


@pytest.mark.parametrize("contact", [{}, {"email": "a@example.com", "id": "7"}, {"push": "x"}, "anna"])
def test_contact_must_be_named_in_exactly_one_way(contact: Any) -> None:
    with pytest.raises(Unreadable, match=r"^contact"):
        read(visit(contact=contact))


def test_topic_must_be_the_type_of_the_body() -> None:
    with pytest.raises(Unreadable, match=r"^type"):
        STOREFRONT.read(webhook(visit(), **{"x-shopwire-topic": "cart"}), SHOP)


@pytest.mark.parametrize("type_", ["page", "product", "category", "cart", "wishlist", "search"])
def test_visit_without_what_was_seen_is_unreadable(type_: str) -> None:
    with pytest.raises(Unreadable, match="missing"):
        read({"type": type_})


@pytest.mark.parametrize("type_", ["product", "wishlist"])
@pytest.mark.parametrize(
    ("product", "error"),
    [
        ({"price": 1}, "product.id: missing"),
        ({"id": None, "price": 1}, "product.id: string_type"),
        ({"id": " ", "price": 1}, "product.id: string_too_short"),
        ({"id": "x" * 256, "price": 1}, "product.id: string_too_long"),
        ({"id": "1"}, "product.price: missing"),
        ({"id": "1", "price": 1, "in_stock": "perhaps"}, "product.in_stock: bool_parsing"),
        ([], "product: model_type"),
    ],
)
def test_product_without_id_or_price_is_unreadable(type_: str, product: Any, error: str) -> None:
    with pytest.raises(Unreadable, match=f"^{error}$"):
        read({"type": type_, "product": product})


# The text and the result of a search.


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        (" mug ", "mug"),
        ("a\tb\r\n c", "a b c"),
        ("a\x00b\x1fc\x7fd\x9be", "a b c d e"),
        ("a\u2028b\u00a0c", "a b c"),
        ("чашка 👨\u200d👩", "чашка 👨\u200d👩"),
        ("' OR 1=1 --", "' OR 1=1 --"),
        (42, "42"),
        ("x" * 255, "x" * 255),
        (" " * 300 + "mug", "mug"),
    ],
)
def test_text_of_a_search_is_one_line_without_control_characters(text: Any, read_as: str) -> None:
    assert read({"type": "search", "search": {"text": text}}).view.search == read_as


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\u00a0\u2003", "\x00", "\x00 \x1b", "\u200b", "\u2060\ufeff \u00ad"]
)
def test_search_without_visible_characters_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match=r"^search\.text: string_too_short$"):
        read({"type": "search", "search": {"text": text, "found": False}})


@pytest.mark.parametrize(
    ("search", "error"),
    [
        ({"text": "x" * 256}, "search.text: string_too_long"),
        ({"text": "x" * 20_000}, "search.text: string_too_long"),
        ({"text": None}, "search.text: string_type"),
        ({"text": True}, "search.text: string_type"),
        ({"text": ["mug"]}, "search.text: string_type"),
        ({"found": False}, "search.text: missing"),
        ("mug", "search: model_type"),
    ],
)
def test_search_without_a_short_text_is_unreadable(search: Any, error: str) -> None:
    with pytest.raises(Unreadable, match=f"^{error}$"):
        read({"type": "search", "search": search})


@pytest.mark.parametrize("found", [0, 1, 12, 0.0, "true", "0", "", [], {}])
def test_found_must_be_true_or_false(found: Any) -> None:
    with pytest.raises(Unreadable, match=r"^search\.found: bool_type$"):
        read({"type": "search", "search": {"text": "mug", "found": found}})


@pytest.mark.parametrize("price", ["NaN", "12,50", None, "1e400"])
def test_price_that_is_not_an_amount_is_unreadable_by_its_field(price: Any) -> None:
    body = json.loads(BODIES["product"])
    body["product"]["price"] = price
    with pytest.raises(Unreadable, match=r"^product.price"):
        read(body)
