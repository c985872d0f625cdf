"""Events of at most 20,000 bytes: what is shortened or left out, in which order, and that it always fits."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.mapper import SentOrder, cart_steps, fact_steps, order_reference, order_steps, view_steps
from shopwire.models import Cart, CartItem, Item, Order, Parcel, Status, View
from tests.support.api_requests import params
from tests.support.changes import ANNA, START, cart, order, paid, shop

LIMIT = 20_000


def line(number: int, **fields: Any) -> Item:
    whole = {
        "name": f"Чай листовий чорний великий {number}",
        "category": "Напої",
        "description": "Збирають навесні. " * 5,
        "url": f"https://shop.example/products/{number}?variant={number}",
        "image_url": f"https://cdn.shop.example/images/{number}.jpg",
    }
    return Item(id=str(number), quantity=Decimal(1), cost=Decimal("10.50"), **whole | fields)


def sent(of: Order, cart_state: str | None = "0" * 32) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the params of the order's first event, and the items in it."""
    requests = [step.request for step in order_steps(of, shop(), None, recent=True, recycle_state_id=cart_state)]
    request = next(request for request in requests if request.path == "v1/event")
    assert len(request.body) <= LIMIT
    found = params(request)
    return found, json.loads(found.get("items", "[]"))


def fields_of(count: int) -> set[str]:
    """Return the names of the fields that each of these items has in an event."""
    _, items = sent(order(items=tuple(map(line, range(count)))).order)
    assert len(items) in (0, count)
    return set(items[0]) if items else set()


def test_items_lose_description_then_links_then_category_then_names_then_all() -> None:
    needed = {"externalItemId", "quantity", "cost"}
    steps = list(dict.fromkeys(frozenset(fields_of(count)) for count in range(10, 400, 10)))
    assert steps == [
        needed | {"name", "category", "url", "imageUrl", "description"},
        needed | {"name", "category", "url", "imageUrl"},
        needed | {"name", "category"},
        needed | {"name"},
        needed,
        set(),
    ]


def test_long_names_are_shortened_before_they_are_left_out() -> None:
    items = tuple(line(number, name="Чай" * 80) for number in range(100))
    _, found = sent(order(items=items).order)
    assert {len(item["name"]) for item in found} == {50}


def test_event_uses_the_bytes_that_the_api_accepts() -> None:
    """Nothing is left out of an event that fits, to the last byte."""

    def length(characters: int) -> int:
        of = order(items=(line(1, description="x" * characters),)).order
        request = order_steps(of, shop(), None, recent=True, recycle_state_id="0" * 32)[0].request
        return len(request.body)

    longest = next(count for count in range(18_500, 20_000) if length(count + 1) < LIMIT - 1_000)
    assert LIMIT - 10 < length(longest) <= LIMIT


@pytest.mark.parametrize("text", ['"', "\\", "\n", "ї", "🌸", "\0"])
def test_bytes_are_measured_after_both_escapes(text: str) -> None:
    items = tuple(line(number, name=text * 60, description=None) for number in range(40))
    found, _ = sent(order(items=items, note=text * 30_000).order)
    assert found["externalOrderId"] == "1001"


def test_500_lines_with_cyrillic_names_and_long_links_are_sent() -> None:
    items = tuple(line(number, url="https://shop.example/" + "a" * 300) for number in range(500))
    found, _ = sent(order(items=items).order)
    assert found["totalCost"] == "250.00"


def test_long_note_is_shortened_before_links_of_items() -> None:
    found, items = sent(order(items=(line(1),), note="ї" * 30_000).order)
    assert found["additionalInfo"] == "ї" * 1_000
    assert items[0].keys() >= {"url", "imageUrl", "category", "name"}


def test_long_link_or_number_is_left_out_and_never_cut() -> None:
    parcels = (Parcel(id="1", tracking_number="N" * 30_000, tracking_url="https://x.example/" + "a" * 9_000),)
    found, items = sent(paid(items=(line(1),), parcels=parcels, url="https://shop.example/o/1").order)
    assert items
    assert found["restoreUrl"] == "https://shop.example/o/1"
    assert not {"trackingNumber", "trackingUrl"} & found.keys()


def test_order_that_was_shortened_is_not_sent_again() -> None:
    """What the API has is recorded as it was sent, so a change of what was left out changes nothing."""
    items = tuple(map(line, range(100)))
    whole = order(items=items).order
    record = order_steps(whole, shop(), None, recent=True)[-1].sent
    assert record is not None
    other = replace(whole, items=tuple(replace(item, description="other") for item in items))
    assert order_steps(other, shop(), SentOrder.of(record), recent=True) == []


def test_cart_keeps_the_products_that_fit() -> None:
    items = tuple(
        CartItem(id=str(10**12 + n), quantity=Decimal(1), price=Decimal("10.50"), name="Чай" * 40, category="Ї" * 90)
        for n in range(500)
    )
    (step,) = cart_steps(replace(cart().cart, items=items), ANNA)
    assert LIMIT - 100 < len(step.request.body) <= LIMIT
    products = json.loads(params(step.request)["products"])
    assert [product["productId"] for product in products] == [item.id for item in items[: len(products)]]
    assert set(products[0]) == {"productId", "quantity", "price"}


def test_cart_loses_properties_then_categories_then_names() -> None:
    def fields(count: int = 20, **more: Any) -> set[str]:
        whole: dict[str, Any] = {"name": "Tea", "category": "Drinks", "extra": {"colour": ("green",)}}
        items = tuple(CartItem(id=str(n), quantity=Decimal(1), price=Decimal(1), **whole | more) for n in range(count))
        (step,) = cart_steps(replace(cart().cart, items=items), ANNA)
        return set(json.loads(params(step.request)["products"])[0]) - {"productId", "quantity", "price"}

    assert fields() == {"name", "category", "colour"}
    assert fields(extra={"colour": ("ї" * 999,)}) == {"name", "category"}
    assert fields(category="ї" * 999) == {"name"}
    assert fields(category="ї" * 999, name="\0" * 999, count=80) == set()


def test_view_loses_its_properties() -> None:
    seen = View(type="product", seen_at=START, product_id="5", price=Decimal(1), extra={"a": ('"' * 9_000,)})
    (step,) = view_steps(seen, ANNA)
    assert params(step.request)["product"] == '{"productId":"5","price":1}'


def test_event_of_a_fact_with_a_long_link_fits() -> None:
    parcel = Parcel(id="1", tracking_number="TN", tracking_url="https://x.example/" + "a" * 30_000, carrier="ї" * 9_000)
    reference, before = order_reference(paid().order), SentOrder(Status.IN_PROGRESS, "", "")
    (step,) = fact_steps(Status.DELIVERED, "1001", ANNA, reference, before, shop(), parcel)
    assert params(step.request)["trackingNumber"] == "TN"
    assert "trackingUrl" not in params(step.request)


TEXT = st.text(max_size=40) | st.builds(
    str.__mul__, st.text('a\0"\\ї🌸', min_size=1, max_size=3), st.integers(1, 9_000)
)
LINES = st.builds(
    lambda name, category, description, url: line(1, name=name, category=category, description=description, url=url),
    TEXT,
    TEXT,
    TEXT,
    TEXT,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=4), st.integers(1, 300), st.lists(TEXT, min_size=8, max_size=8))
def test_event_of_any_order_fits(lines: list[Item], times: int, texts: list[str]) -> None:
    note, address, words, coupon, carrier, number, link, store = texts
    whole = paid(
        items=tuple(lines * times),
        note=note,
        delivery_address=address,
        status_words=words,
        coupons=(coupon,),
        parcels=(Parcel(id="1", carrier=carrier, tracking_number=number, tracking_url=link),),
        store_id=store,
        contact=replace(ANNA, customer_id="\0" * 255),
    )
    sent(whole.order)


def test_cart_of_any_size_has_products() -> None:
    for count in (0, 1, 300, 5_000):
        items = tuple(CartItem(id=str(n), quantity=Decimal(1), price=Decimal(1)) for n in range(count))
        whole = Cart(token="t", updated_at=START, items=items)
        (step,) = cart_steps(whole, ANNA)
        assert len(step.request.body) <= LIMIT
        assert ("products" in params(step.request)) is bool(count)
