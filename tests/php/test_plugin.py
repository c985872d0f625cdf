"""The WooCommerce plugin, the very file, run by PHP: what its page says is what shopwire believes, and stays text.

WordPress's and WooCommerce's side of it is a stand-in (tests/php/wordpress.php). In a browser it is tried with the
other recipes (tests/browser/test_storefront_recipes.py).
"""

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from shopwire import platforms
from shopwire.models import CartChange, Webhook
from shopwire.platforms.storefront import sign_contact
from shopwire.shops import parse_shop
from tests.php.interpreter import HOW_TO_GET_ONE, PLUGIN, lint, php, render

SECRET = "front-secret"
ADDRESS = "https://api.example/storefront/my-shop"
CONSTANTS = {"SHOPWIRE_URL": ADDRESS, "SHOPWIRE_SECRET": SECRET}
SHOP = parse_shop(
    "my-shop", {"platform": "woocommerce", "secrets": ["s"], "esputnik_key": "k", "storefront_secret": SECRET}
)
LINE = {
    "product_id": 7,
    "variation_id": 0,
    "quantity": 3,
    "line_total": 100.0,
    "line_tax": 20.0,
    "name": "Tea",
}


class Script(HTMLParser):
    """The page's script tag as a browser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.said = {name.removeprefix("data-"): value or "" for name, value in attrs}


def page(**scene: Any) -> dict[str, Any]:
    return render({"constants": CONSTANTS, "asset": "https://shop.example/plugins"} | scene)


def said(**scene: Any) -> dict[str, str]:
    """The tag's attributes, without data-."""
    script = Script(page(**scene)["tag"])
    assert script.tags == ["script"], "one tag, whatever the shop's texts hold"
    return script.said


def visit(body: dict[str, Any]) -> Any:
    """What shopwire makes of it, once it has believed it."""
    call = Webhook({}, json.dumps(body).encode(), 1_790_000_000_000)
    platform = platforms.get("storefront")
    platform.verify(call, SHOP)
    (delivery,) = platform.read(call, SHOP)
    return delivery.change


def test_php_finds_nothing_wrong_with_the_plugin() -> None:
    assert "No syntax errors" in lint(PLUGIN)


@pytest.mark.parametrize(
    "email", ["olena@example.com", "Олена@Example.com", "o'neil+a&b@example.com", 'a"><b>&amp;"@example.com']
)
def test_the_address_on_the_page_is_the_one_that_was_signed(email: str) -> None:
    found = said(email=email)
    assert found["email"] == email
    assert found["signature"] == sign_contact(SECRET, "email", email)
    contact = {"contact": {"email": found["email"]}, "signature": found["signature"]}
    assert visit({"type": "page", "url": "https://shop.example/", **contact})


def test_a_page_of_nobodys_names_nobody() -> None:
    assert said() == {"url": ADDRESS, "currency": "UAH", "page": "", "defer": "", "id": "shopwire-js"} | {
        "src": "https://shop.example/plugins/shopwire.js"
    }


@pytest.mark.parametrize("name", ['Чашка "Ранок"', "A &quot;B&quot; &amp; C", "</script><img src=x>", "' onload='a"])
def test_a_product_is_told_whatever_its_name_holds(name: str) -> None:
    found = said(product={"id": 44, "price": 1499.5, "in_stock": True, "name": name})
    assert json.loads(found["product"]) == {"id": "44", "price": "1499.50", "in_stock": True, "name": name}
    assert "page" not in found
    view = visit({"type": "product", "product": json.loads(found["product"])}).view
    assert (view.product_id, str(view.price), view.in_stock) == ("44", "1499.50", True)


def test_a_category_is_told() -> None:
    found = said(category=12)
    assert found["category"] == "12"
    assert "page" not in found


def test_a_cart_is_told_under_a_token_that_does_not_open_the_session() -> None:
    variant = LINE | {"variation_id": 9, "quantity": 1, "name": 'Cup "&quot;"'}
    shown = page(session={}, cart=[LINE, variant])
    found = Script(shown["tag"]).said
    cart = json.loads(found["cart"])
    assert cart["token"] == found["cart-token"]
    assert "5e55104" not in shown["tag"]
    change = visit({"type": "cart", "cart": cart})
    assert isinstance(change, CartChange)
    told = [(one.id, str(one.quantity), str(one.price), one.name) for one in change.cart.items]
    assert told == [("7", "3", "40.00", "Tea"), ("9", "1", "120.00", 'Cup "&quot;"')]


def test_a_cart_is_told_once_and_again_when_it_changed_and_when_it_is_emptied() -> None:
    first = page(session={}, cart=[LINE])
    again = page(session=first["session"], cart=[LINE])
    more = page(session=again["session"], cart=[LINE | {"quantity": 4}])
    emptied = page(session=more["session"])
    shown = [Script(one["tag"]).said for one in (first, again, more, emptied)]
    assert ["cart" in one for one in shown] == [True, False, True, True]
    assert len({one["cart-token"] for one in shown}) == 1
    assert json.loads(shown[3]["cart"])["items"] == []


def test_an_empty_cart_that_never_held_anything_is_not_told() -> None:
    assert "cart" not in said(session={})
    assert not {"cart", "cart-token"} & said(cart=[LINE], session=None).keys()


def test_where_consent_is_asked_the_cart_is_told_on_every_page() -> None:
    constants = CONSTANTS | {"SHOPWIRE_CONSENT": True}
    first = page(constants=constants, session={}, cart=[LINE])
    second = Script(page(constants=constants, session=first["session"], cart=[LINE])["tag"]).said
    assert second["consent"] == ""
    assert "cart" in second


@pytest.mark.parametrize("missing", list(CONSTANTS))
def test_a_shop_whose_plugin_is_not_set_up_has_no_script(missing: str) -> None:
    shown = page(constants={name: value for name, value in CONSTANTS.items() if name != missing})
    assert not shown["enqueued"]


def test_the_secret_is_on_no_page_and_other_scripts_stay_as_they_are() -> None:
    shown = page(email="olena@example.com", session={}, cart=[LINE])
    assert SECRET not in shown["tag"]
    assert shown["other"] == '<script src="/a.js"></script>'


def test_without_php_the_error_says_how_to_get_one() -> None:
    with pytest.raises(RuntimeError) as error:
        php(lambda name: None, lambda package: False)
    assert str(error.value) == HOW_TO_GET_ONE
