"""Views to v1/event: exact bodies."""

from decimal import Decimal
from typing import Any

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
    ("fields", "missing"),
    [
        ({"type": "page"}, "location"),
        ({"type": "product", "product_id": "5"}, "price"),
        ({"type": "category"}, "productCategoryId"),
    ],
)
def test_view_without_what_was_seen_is_unmappable(fields: dict[str, Any], missing: str) -> None:
    with pytest.raises(Unmappable) as error:
        view_steps(View(seen_at=START, **fields), BORYS)
    assert (error.value.reason, error.value.field) == (Reason.INCOMPLETE, missing)
