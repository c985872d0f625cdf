"""The checkers of visits and carts find each difference between an event and what it means."""

from decimal import Decimal
from typing import Any

import pytest

from shopwire_simulation.checkers.carts import cart_problem
from shopwire_simulation.checkers.identities import contact_problem
from shopwire_simulation.checkers.visits import visit_problem
from shopwire_testkit.announcements import CartState, Person, Visit

WISH = Visit(
    "t",
    None,
    event_type="productAddedToWishlist",
    params={"product": {"productId": "5", "price": Decimal("9.90"), "isInStock": 0}, "currencyCode": "UAH"},
)
SEARCH = Visit("t", None, event_type="searchRequest", params={"search": "mug", "isFound": "0"})
WISHED = '{"productId":"5","price":9.9,"isInStock":0}'


def problem(visit: Visit, type: str, **params: str) -> str | None:
    pairs: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in params.items()]
    return visit_problem(visit, {"eventTypeKey": type, "params": pairs})


def test_event_that_the_visit_means_has_no_problem() -> None:
    assert problem(WISH, "productAddedToWishlist", email="a@example.com", product=WISHED, currencyCode="UAH") is None
    assert problem(SEARCH, "searchRequest", phone="380501112233", search="mug", isFound="0") is None


@pytest.mark.parametrize(
    ("visit", "type", "params", "text"),
    [
        (WISH, "productViewed", {"product": WISHED, "currencyCode": "UAH"}, "sent as productViewed"),
        (WISH, "productAddedToWishlist", {"product": WISHED}, "another currencyCode"),
        (WISH, "productAddedToWishlist", {"currencyCode": "UAH"}, "another product"),
        (WISH, "productAddedToWishlist", {"product": WISHED.replace("9.9", "9"), "currencyCode": "UAH"}, "product"),
        (SEARCH, "searchRequest", {"search": "mug", "isFound": "1"}, "another isFound"),
        (SEARCH, "searchRequest", {"search": "mug"}, "another isFound"),
        (SEARCH, "searchRequest", {"search": "mugs", "isFound": "0"}, "another search"),
        (SEARCH, "searchRequest", {"search": "mug", "isFound": "0", "page": "{}"}, "another page"),
    ],
)
def test_event_of_another_type_or_content_is_a_problem(
    visit: Visit, type: str, params: dict[str, str], text: str
) -> None:
    found = problem(visit, type, **params)
    assert found
    assert text in found


def test_event_of_a_visit_names_the_visitor_only() -> None:
    visit = Visit("t", Person("a@example.com", None, None, "", ""))
    of_story = {"a@example.com", "380501112233"}
    assert contact_problem(visit, "a@example.com", {"email": "a@example.com"}, of_story) is None
    assert contact_problem(visit, "b@example.com", {"email": "b@example.com"}, of_story)
    assert contact_problem(visit, "a@example.com", {"email": "a@example.com", "phone": "380501112233"}, of_story)
    both = {"email": "a@example.com", "phone": "380501112233"}
    assert "not the first" in (contact_problem(visit, "380501112233", both, of_story) or "")
    assert contact_problem(Visit("t", None), "b@example.com", {"email": "b@example.com"}, of_story)


def test_event_of_a_cart_has_the_content_of_the_cart() -> None:
    product = {"productId": "5", "quantity": 2, "price": "9.90", "name": "Mug"}
    cart = CartState("t", (1, 0), None, (product,), params={"currencyCode": "UAH"})
    mug = '[{"productId":"5","quantity":2,"price":9.9,"name":"Mug"}]'
    params = {"products": mug, "recycleStateId": "s", "currencyCode": "UAH"}
    assert cart_problem(cart, "cartUpdated", params) is None
    assert cart_problem(cart, "cartUpdated", params | {"products": "[]"})
    assert cart_problem(cart, "cartUpdated", params | {"products": mug.replace("Mug", "Cup")})
    assert cart_problem(cart, "cartUpdated", params | {"products": mug.replace(',"name":"Mug"', "")})
    assert cart_problem(cart, "cartUpdated", params | {"currencyCode": "EUR"}) == "another currencyCode"
    assert cart_problem(cart, "cartUpdated", params | {"restoreUrl": "https://a"}) == "another restoreUrl"
    assert cart_problem(cart, "cartUpdated", {"products": params["products"], "currencyCode": "UAH"})
    assert cart_problem(cart, "orderUpdated", params)
