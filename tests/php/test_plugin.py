"""storefront/woocommerce.php, run by PHP: shopwire accepts what its pages contain, and every text is escaped.

tests/php/wordpress.php imitates WordPress and WooCommerce. tests/browser/test_storefront_recipes.py runs the plugin's
page in a browser.
"""

import hmac
import json
import re
import subprocess
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from shopwire import platforms
from shopwire.models import CartChange, Webhook
from shopwire.shops import parse_shop
from tests.php import interpreter
from tests.php.interpreter import HOW_TO_INSTALL, PLUGIN, lint, php, render

SECRET = "a storefront secret of the tests"
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


class ScriptTag(HTMLParser):
    """The page's script tag as a browser parses it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes = {name.removeprefix("data-"): value or "" for name, value in attrs}


def page(**page_input: Any) -> dict[str, Any]:
    return render({"constants": CONSTANTS, "asset": "https://shop.example/plugins"} | page_input)


def attributes(**page_input: Any) -> dict[str, str]:
    """Return the attributes of the script tag without the prefix data-."""
    script = ScriptTag(page(**page_input)["tag"])
    assert script.tags == ["script"], "texts of the shop must not add tags"
    return script.attributes


def visit(body: dict[str, Any]) -> Any:
    """Verify and parse a visit, and return its change."""
    webhook = Webhook({}, json.dumps(body).encode(), time.time_ns() // 1_000_000)
    platform = platforms.get("storefront")
    platform.verify(webhook, SHOP)
    (delivery,) = platform.read(webhook, SHOP)
    return delivery.change


def test_php_finds_no_syntax_error_in_the_plugin() -> None:
    assert "No syntax errors" in lint(PLUGIN)


@pytest.mark.parametrize(
    "email", ["olena@example.com", "Олена@Example.com", "o'neil+a&b@example.com", 'a"><b>&amp;"@example.com']
)
def test_email_on_the_page_is_the_signed_one(email: str) -> None:
    script = attributes(email=email)
    assert script["email"] == email
    assert re.fullmatch(r"[0-9a-f]{64}", script["signature"])
    contact = {"contact": {"email": script["email"]}, "signature": script["signature"]}
    assert visit({"type": "page", "url": "https://shop.example/", **contact})


def test_page_without_a_logged_in_visitor_names_no_contact() -> None:
    assert attributes() == {"url": ADDRESS, "currency": "UAH", "page": "", "defer": "", "id": "shopwire-js"} | {
        "src": "https://shop.example/plugins/shopwire.js"
    }


@pytest.mark.parametrize("name", ['Чашка "Ранок"', "A &quot;B&quot; &amp; C", "</script><img src=x>", "' onload='a"])
def test_product_is_passed_whatever_its_name_contains(name: str) -> None:
    script = attributes(product={"id": 44, "price": 1499.5, "in_stock": True, "name": name})
    assert json.loads(script["product"]) == {"id": "44", "price": "1499.50", "in_stock": True, "name": name}
    assert "page" not in script
    view = visit({"type": "product", "product": json.loads(script["product"])}).view
    assert (view.product_id, str(view.price), view.in_stock) == ("44", "1499.50", True)


def test_category_is_passed() -> None:
    script = attributes(category=12)
    assert script["category"] == "12"
    assert "page" not in script


@pytest.mark.parametrize("text", ["чашка", 'Чашка "Ранок"', "a&quot;b", "</script><img src=x>", "' onload='a"])
def test_search_that_found_nothing_is_passed_whatever_its_text_contains(text: str) -> None:
    script = attributes(search={"text": text, "found": 0})
    assert json.loads(script["search"]) == {"text": text, "found": False}
    assert "page" not in script
    view = visit({"type": "search", "search": json.loads(script["search"])}).view
    assert (view.search, view.found) == (text, False)


def test_search_that_found_something_is_a_page() -> None:
    script = attributes(search={"text": "чашка", "found": 3})
    assert "search" not in script
    assert script["page"] == ""


MUG = {"id": 44, "price": 499.5, "in_stock": False, "name": 'Чашка "Ранок"'}
RED_MUG = {"id": 45, "price": 510, "in_stock": True, "name": "Чашка, red"}
WISHES = [
    ["yith_wcwl_added_to_wishlist", [44, 7, 1]],
    ["tinvwl_product_added", [{"product_id": 44, "variation_id": 45, "wishlist_id": 7}]],
    ["tinvwl_product_added", [{"product_id": 44, "variation_id": 0, "wishlist_id": 7}]],
]


def test_each_product_added_to_a_wish_list_is_passed_once_with_the_next_page() -> None:
    products = {"44": MUG, "45": RED_MUG}
    first = page(session={}, actions=WISHES, products=products)
    second = page(session=first["session"], products=products)
    mug = {"id": "44", "price": "499.50", "in_stock": False, "name": 'Чашка "Ранок"'}
    red_mug = {"id": "45", "price": "510.00", "in_stock": True, "name": "Чашка, red"}
    script = ScriptTag(first["tag"]).attributes
    assert json.loads(script["wishlist"]) == [red_mug, mug]
    assert script["page"] == ""
    assert "wishlist" not in ScriptTag(second["tag"]).attributes
    change = visit({"type": "wishlist", "product": red_mug})
    assert (change.view.type, change.view.product_id) == ("wishlist", "45")


def test_addition_to_a_wish_list_without_a_session_or_product_is_not_passed() -> None:
    assert "wishlist" not in attributes(session=None, actions=WISHES, products={"44": MUG})
    assert json.loads(attributes(session={}, actions=WISHES, products={"45": RED_MUG})["wishlist"]) == [
        {"id": "45", "price": "510.00", "in_stock": True, "name": "Чашка, red"}
    ]


def test_last_20_additions_to_a_wish_list_are_passed() -> None:
    wishes = [["yith_wcwl_added_to_wishlist", [n]] for n in range(1, 31)]
    products = {str(n): MUG | {"id": n} for n in range(1, 31)}
    passed = json.loads(attributes(session={}, actions=wishes, products=products)["wishlist"])
    assert [product["id"] for product in passed] == [str(n) for n in range(11, 31)]


def test_cart_token_does_not_reveal_the_session_id() -> None:
    variant = LINE | {"variation_id": 9, "quantity": 1, "name": 'Cup "&quot;"'}
    rendered = page(session={}, cart=[LINE, variant])
    script = ScriptTag(rendered["tag"]).attributes
    cart = json.loads(script["cart"])
    assert cart["token"] == script["cart-token"]
    assert "5e55104" not in rendered["tag"]
    another = page(session={}, cart=[LINE], constants=CONSTANTS | {"SHOPWIRE_SECRET": "another secret of the tests"})
    assert ScriptTag(another["tag"]).attributes["cart-token"] != cart["token"], "the session may be a small number"
    change = visit({"type": "cart", "cart": cart})
    assert isinstance(change, CartChange)
    items = [(item.id, str(item.quantity), str(item.price), item.name) for item in change.cart.items]
    assert items == [("7", "3", "40.00", "Tea"), ("9", "1", "120.00", 'Cup "&quot;"')]


def test_cart_is_passed_once_and_again_after_each_change() -> None:
    first = page(session={}, cart=[LINE])
    again = page(session=first["session"], cart=[LINE])
    more = page(session=again["session"], cart=[LINE | {"quantity": 4}])
    emptied = page(session=more["session"])
    scripts = [ScriptTag(each["tag"]).attributes for each in (first, again, more, emptied)]
    assert ["cart" in script for script in scripts] == [True, False, True, True]
    assert len({script["cart-token"] for script in scripts}) == 1
    assert json.loads(scripts[3]["cart"])["items"] == []


def test_cart_that_was_always_empty_is_not_passed() -> None:
    assert "cart" not in attributes(session={})
    assert not {"cart", "cart-token"} & attributes(cart=[LINE], session=None).keys()


def test_cart_is_passed_on_every_page_if_consent_is_required() -> None:
    constants = CONSTANTS | {"SHOPWIRE_CONSENT": True}
    first = page(constants=constants, session={}, cart=[LINE])
    second = ScriptTag(page(constants=constants, session=first["session"], cart=[LINE])["tag"]).attributes
    assert second["consent"] == ""
    assert "cart" in second


@pytest.mark.parametrize("missing", list(CONSTANTS))
def test_unconfigured_plugin_adds_no_script(missing: str) -> None:
    rendered = page(constants={name: value for name, value in CONSTANTS.items() if name != missing})
    assert not rendered["enqueued"]


def test_secret_is_on_no_page_and_other_scripts_are_unchanged() -> None:
    rendered = page(email="olena@example.com", session={}, cart=[LINE])
    assert SECRET not in rendered["tag"]
    assert rendered["other"] == '<script src="/a.js"></script>'


def test_error_without_php_says_how_to_install_it() -> None:
    with pytest.raises(RuntimeError) as error:
        php(lambda name: None, lambda package: False)
    assert str(error.value) == HOW_TO_INSTALL


def test_servers_of_the_guide_sign_as_shopwire_verifies() -> None:
    email, guide = "o'neil@example.com", (PLUGIN.parents[1] / "docs" / "storefront.md").read_text(encoding="utf-8")
    (in_php,), (in_python,) = (re.findall(rf"^```{name}\n(.*?)^```$", guide, re.M | re.S) for name in ("php", "python"))
    code = f"$email = {json.dumps(email)}; $storefront_secret = {json.dumps(SECRET)}; {in_php} echo $signature;"
    process = subprocess.run([interpreter.php(), "-r", code], capture_output=True, text=True, timeout=60, check=True)
    variables = {"hmac": hmac, "datetime": datetime, "UTC": UTC, "email": email, "storefront_secret": SECRET}
    exec(in_python, variables)
    for signature in (process.stdout, variables["signature"]):
        assert visit({"type": "page", "url": "https://x.example", "contact": {"email": email}, "signature": signature})
