"""The storefront: what a browser says, and what of it is believed."""

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopwire import platforms
from shopwire.errors import NotVerified, Unreadable
from shopwire.models import Cart, CartChange, CartItem, Contact, Shop, View, ViewChange, Webhook
from shopwire_testkit.samples import samples

FRONT = platforms.get("storefront")
SECRET = "demo-shopify-storefront"
SHOP = Shop(
    id="front-shop",
    platform="shopify",
    secrets=("platform's",),
    esputnik_key="key",
    region="UA",
    storefront_secret=SECRET,
)
NOW = 1_790_000_000_000
SEEN = datetime.fromtimestamp(NOW / 1000, UTC)
BODIES = {sample.name: sample.body for sample in samples("storefront")}
IRYNA = Contact(email="iryna.bondar@example.com")


def webhook(body: bytes | dict[str, Any], **headers: str) -> Webhook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Webhook(headers, raw, NOW)


def read(body: bytes | dict[str, Any]) -> Any:
    (delivery,) = FRONT.read(webhook(body), SHOP)
    return delivery.change


def visit(**changes: Any) -> dict[str, Any]:
    return {**json.loads(BODIES["page--anonymous"]), **changes}


def test_a_page_becomes_the_exact_model() -> None:
    change = read(BODIES["page"])
    assert isinstance(change, ViewChange)
    assert change.view == View(type="page", seen_at=SEEN, contact=IRYNA, url="https://shop.example/about?lang=uk")


def test_a_product_becomes_the_exact_model() -> None:
    assert read(BODIES["product"]).view == View(
        type="product",
        seen_at=SEEN,
        contact=IRYNA,
        currency="UAH",
        product_id="40001",
        price=Decimal("499.5"),
        in_stock=True,
        extra={"color": ("зелений", "red"), "brand": ("Ранок",)},
    )


def test_a_category_becomes_the_exact_model() -> None:
    assert read(BODIES["category"]).view == View(type="category", seen_at=SEEN, contact=IRYNA, category_id="Чашки")


def test_a_cart_becomes_the_exact_model() -> None:
    assert read(BODIES["cart"]) == CartChange(
        Cart(
            token="c-5b1f0a77",
            updated_at=SEEN,
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
        )
    )


def test_an_empty_cart_is_a_cart() -> None:
    assert read(BODIES["cart--empty"]).cart.items == ()


def test_a_deep_link_is_a_page_and_a_phone_is_a_person() -> None:
    view = read(BODIES["page--deep_link"]).view
    assert (view.url, view.contact.phone) == ("shopapp://catalog/7", "380670001122")


@pytest.mark.parametrize(
    "url", ["no link", "", "https://a b", "//host/path", "javascript:alert(1)", "mailto:a", "https://a/" + "x" * 3000]
)
def test_what_is_no_link_is_unreadable(url: str) -> None:
    with pytest.raises(Unreadable, match=r"^url"):
        read(visit(url=url))


@pytest.mark.parametrize("name", sorted(BODIES))
def test_every_sample_verifies_and_reads(name: str) -> None:
    FRONT.verify(webhook(BODIES[name]), SHOP)
    read(BODIES[name])


def signed(kind: str, value: str, secret: str = SECRET) -> dict[str, Any]:
    signature = hmac.new(secret.encode(), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()
    return visit(contact={kind: value}, signature=signature)


PEOPLE = [("email", " Anna@Example.com "), ("phone", "+380 50"), ("id", "7"), ("id", "я")]


@pytest.mark.parametrize(("kind", "value"), PEOPLE)
def test_the_hmac_of_kind_and_value_as_they_stand_proves_the_person(kind: str, value: str) -> None:
    FRONT.verify(webhook(signed(kind, value)), SHOP)


@pytest.mark.parametrize(
    "forged",
    [
        signed("email", "anna@example.com", "another secret"),
        signed("email", "anna@example.com") | {"contact": {"email": "eve@example.com"}},
        signed("email", "anna@example.com") | {"contact": {"id": "anna@example.com"}},
        signed("email", "anna@example.com") | {"signature": ""},
        signed("email", "anna@example.com") | {"signature": None},
        signed("email", "anna@example.com") | {"signature": "é"},
    ],
)
def test_a_forged_person_is_refused(forged: dict[str, Any]) -> None:
    with pytest.raises(NotVerified):
        FRONT.verify(webhook(forged), SHOP)


def test_the_same_person_by_another_spelling_is_not_proved() -> None:
    proved = signed("email", "anna@example.com")
    with pytest.raises(NotVerified):
        FRONT.verify(webhook(proved | {"contact": {"email": "Anna@example.com"}}), SHOP)


def test_what_cannot_be_read_proves_nobody_since_it_is_not_read_either() -> None:
    forged = webhook(signed("email", "anna@example.com", "another secret") | {"url": "no link"})
    FRONT.verify(forged, SHOP)
    with pytest.raises(Unreadable):
        FRONT.read(forged, SHOP)


@pytest.mark.parametrize("topic", ["page", "product", "category", "cart"])
def test_a_signed_call_says_no_more_than_what_it_is(topic: str) -> None:
    assert FRONT.sign(topic, b"{}", SHOP, 0) == {"content-type": "application/json", "x-shopwire-topic": topic}


def test_without_a_secret_nobody_can_be_proved() -> None:
    bare = SHOP.model_copy(update={"storefront_secret": None})
    with pytest.raises(NotVerified, match="storefront_secret"):
        FRONT.verify(webhook(signed("id", "7")), bare)


def test_whoever_names_nobody_needs_no_proof() -> None:
    FRONT.verify(webhook(visit()), SHOP)
    assert read(visit()).view.contact.key is None


@pytest.mark.parametrize("contact", [{}, {"email": "a@example.com", "id": "7"}, {"push": "x"}, "anna"])
def test_a_person_is_named_in_exactly_one_way(contact: Any) -> None:
    with pytest.raises(Unreadable, match=r"^contact"):
        read(visit(contact=contact))


def test_the_topic_and_the_bodys_type_agree() -> None:
    with pytest.raises(Unreadable, match=r"^type"):
        FRONT.read(webhook(visit(), **{"x-shopwire-topic": "cart"}), SHOP)


@pytest.mark.parametrize("type_", ["page", "product", "category", "cart"])
def test_what_was_seen_must_be_said(type_: str) -> None:
    with pytest.raises(Unreadable, match="missing"):
        read({"type": type_})


def test_properties_deeper_than_a_list_are_dropped() -> None:
    body = json.loads(BODIES["product"])
    body["product"] |= {"deep": {"a": 1}, "mixed": ["x", 2, {"a": 1}, None, True], "size": 42, "blank": " "}
    extra = read(body).view.extra
    assert extra["mixed"] == ("x", "2", "true")
    assert extra["size"] == ("42",)
    assert extra.keys().isdisjoint({"deep", "blank"})


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
def test_a_property_that_is_no_finite_number_is_dropped(number: str) -> None:
    raw = BODIES["product"].replace(b'"brand"', f'"odd": {number}, "brand"'.encode())
    assert "odd" not in read(raw).view.extra
    assert read(raw).view.extra["brand"] == ("Ранок",)


@pytest.mark.parametrize("price", ["NaN", "12,50", None, "1e400"])
def test_a_price_that_is_none_names_its_field(price: Any) -> None:
    body = json.loads(BODIES["product"])
    body["product"]["price"] = price
    with pytest.raises(Unreadable, match=r"^product.price"):
        read(body)


def test_lines_with_none_are_not_in_the_cart() -> None:
    body = json.loads(BODIES["cart"])
    for item, quantity in zip(body["cart"]["items"], (0, -1), strict=True):
        item["quantity"] = quantity
    assert read(body).cart.items == ()


def test_the_same_visit_sent_twice_in_a_moment_is_one() -> None:
    (one,), (other,) = FRONT.read(webhook(visit()), SHOP), FRONT.read(webhook(visit()), SHOP)
    assert one == other


# How long an example takes tells of the machine, not of the code.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIELDS = st.sampled_from(["type", "url", "contact", "cart", "product"])
VALUES = st.text() | st.none() | st.lists(st.integers(), max_size=2)


@PATIENT
@given(raw=st.binary(max_size=60) | st.dictionaries(FIELDS, VALUES).map(lambda one: json.dumps(one).encode()))
def test_nothing_but_unreadable_and_unproved_is_raised(raw: bytes) -> None:
    with suppress(NotVerified):
        FRONT.verify(webhook(raw), SHOP)
    with suppress(Unreadable):
        FRONT.read(webhook(raw), SHOP)
