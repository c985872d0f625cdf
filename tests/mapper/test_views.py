"""Views to v1/event: exact bodies."""

from decimal import Decimal
from typing import Any, Literal

import pytest

from shopwire.errors import Unmappable
from shopwire.mapper import view_steps
from shopwire.models import Reason, View
from tests.support.api_requests import body_of, params
from tests.support.changes import BORYS, START


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
        (
            {
                "type": "wishlist",
                "product_id": "5",
                "price": Decimal("9.90"),
                "in_stock": False,
                "extra": {"c": ("r",)},
            },
            "productAddedToWishlist",
            "product",
            '{"c":["r"],"productId":"5","price":9.9,"isInStock":0}',
        ),
    ],
)
def test_view_has_the_exact_body(fields: dict[str, Any], event: str, name: str, text: str) -> None:
    (step,) = view_steps(View(seen_at=START, currency="UAH", **fields), BORYS)
    assert step.sent is None
    assert body_of(step.request)["eventTypeKey"] == event
    assert params(step.request) == {
        "email": "borys@example.org",
        "externalCustomerId": "78",
        name: text,
        "currencyCode": "UAH",
    }


@pytest.mark.parametrize(
    ("found", "expected"), [(None, {}), (False, {"isFound": "0"}), (True, {"isFound": "1"})], ids=str
)
def test_search_has_the_exact_body(found: bool | None, expected: dict[str, str]) -> None:
    view = View(type="search", seen_at=START, currency="UAH", search='чашка "Ранок"', found=found)
    (step,) = view_steps(view, BORYS)
    assert step.sent is None
    assert body_of(step.request)["eventTypeKey"] == "searchRequest"
    person = {"email": "borys@example.org", "externalCustomerId": "78"}
    assert params(step.request) == {**person, "search": 'чашка "Ранок"', **expected}


@pytest.mark.parametrize("type", ["product", "wishlist"])
def test_product_too_large_for_an_event_is_sent_without_its_properties(type: Literal["product", "wishlist"]) -> None:
    view = View(type=type, seen_at=START, product_id="5", price=Decimal(9), extra={"note": ("x" * 20_000,)})
    (step,) = view_steps(view, BORYS)
    assert params(step.request)["product"] == '{"productId":"5","price":9}'


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"type": "page"}, "location"),
        ({"type": "product", "product_id": "5"}, "price"),
        ({"type": "category"}, "productCategoryId"),
        ({"type": "wishlist", "product_id": "5"}, "price"),
        ({"type": "wishlist", "price": Decimal(5)}, "productId"),
        ({"type": "search"}, "search"),
        ({"type": "search", "search": " ", "found": False}, "search"),
    ],
)
def test_view_without_what_was_seen_is_unmappable(fields: dict[str, Any], missing: str) -> None:
    with pytest.raises(Unmappable) as error:
        view_steps(View(seen_at=START, **fields), BORYS)
    assert (error.value.reason, error.value.field) == (Reason.INCOMPLETE, missing)
