"""The files that docs/storefront.md recommends, in Chromium: the visits that they send arrive.

The platforms' side (Liquid objects, the pixel's sandbox, WordPress functions) is imitated as its documentation says.
"""

import html
import json
import re
import time
import tomllib
from datetime import UTC, datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from liquid import Environment
from liquid.filter import string_filter
from playwright.sync_api import BrowserContext

from shopwire import platforms
from shopwire.models import Webhook
from shopwire.platforms.signatures import hmac_sha256
from shopwire.platforms.storefront import sign_contact
from shopwire.shops import parse_shop
from shopwire_testkit.samples import sample_shop
from tests.browser.shop_page import SECRET, SHOP, Shop
from tests.browser.shop_page import more_shops as more_shops
from tests.browser.shop_page import server as server
from tests.browser.shop_page import shop as shop
from tests.php.interpreter import render

RECIPES = Path(__file__).parents[2] / "storefront"
ADDRESS = "https://API.execute-api.REGION.amazonaws.com/storefront/SHOP"
HOUR_MS = 3_600_000
TOKEN = "Z2NwLWV1cm9wZS13ZXN0MTowMUhFWEFNUExF"
PRODUCT = {
    "title": 'Чашка "Ранок"',
    "selected_or_first_available_variant": {"id": 44903100227001, "price": 49950, "available": True},
}


@string_filter
def _hmac(text: str, secret: str) -> str:
    return hmac_sha256(secret, text.encode()).hex()


def _date(zone: ZoneInfo, now: int, moment: str | int, form: str) -> str:
    seconds = now if moment == "now" else int(moment)
    return str(seconds) if form == "%s" else datetime.fromtimestamp(seconds, zone).strftime(form)


def liquid(
    address: str,
    asset: str,
    page_type: str,
    *,
    consent: bool = False,
    zone: str = "Europe/Kyiv",
    now: float | None = None,
    **objects: Any,
) -> str:
    """Return the theme's snippet as Shopify renders it.

    Args:
        zone: the time zone of the shop, in which Shopify's filter `date` writes.
        now: when it is rendered, in UTC seconds; None for now.
    """
    source = (RECIPES / "shopify.liquid").read_text(encoding="utf-8")
    for placeholder, value in (
        (ADDRESS, address),
        ("the storefront_secret of this shop", SECRET),
        ("shopwire_asks_consent = true", f"shopwire_asks_consent = {str(consent).lower()}"),
    ):
        assert placeholder in source
        source = source.replace(placeholder, value)
    environment = Environment()
    environment.filters["hmac_sha256"] = _hmac
    environment.filters["date"] = partial(_date, ZoneInfo(zone), int(time.time() if now is None else now))
    environment.filters["asset_url"] = lambda name: f"{asset}/{name}"
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    cart = {"currency": {"iso_code": "UAH"}}
    return environment.from_string(source).render(request={"page_type": page_type}, cart=cart, **objects)


class _ScriptTag(HTMLParser):
    """Finds the attributes of the last script tag with a source."""

    attributes: dict[str, str | None]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and "src" in dict(attrs):
            self.attributes = dict(attrs)


def attributes(page: str) -> dict[str, str | None]:
    parser = _ScriptTag()
    parser.feed(page)
    return parser.attributes


# --- plain HTML


def block(language: str) -> str:
    """Return the guide's first code block in this language."""
    guide = (RECIPES.parent / "docs" / "storefront.md").read_text(encoding="utf-8")
    match = re.search(rf"^```{language}\b[^\n]*\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert match
    return match[1]


def test_example_page_of_the_guide_is_signed_and_its_visits_arrive(shop: Shop) -> None:
    settings = tomllib.loads(block("toml"))["my-shop"]
    parse_shop("my-shop", settings)
    page = block("html")
    assert settings["storefront_secret"] == SECRET, "the page must be signed with the secret of the test's shop"
    signature = sign_contact(SECRET, SHOP, "email", "anna@example.com", time.time_ns() // 1_000_000)
    assert "SIGNATURE" in page
    page = page.replace("SIGNATURE", signature)
    shop.server.html["/guide"] = page.replace("http://127.0.0.1:8787", shop.stack.url).replace("my-shop", SHOP)
    shop.page.goto(f"{shop.server.shop_origin}/guide")
    (event,) = shop.events(1)
    assert (event["type"], event["email"], event["currencyCode"]) == ("productViewed", "anna@example.com", "UAH")
    shop.page.get_by_role("button").click()
    assert shop.events(2)[1]["type"] == "cartUpdated"


# --- Shopify's theme


@pytest.mark.parametrize("email", ["olena@example.com", 'o"neil+<b>&amp;@example.com', "Олена@Example.com"])
def test_liquid_signs_the_email_that_the_page_names(email: str) -> None:
    script = attributes(liquid(ADDRESS, "", "index", customer={"email": email}))
    assert script["data-email"] == email
    now = time.time_ns() // 1_000_000
    # In the first hour of a day in UTC, the snippet signs with the day before.
    assert script["data-signature"] in [sign_contact(SECRET, "SHOP", "email", email, now - ms) for ms in (0, HOUR_MS)]


@pytest.mark.parametrize("hour", [*range(-2, 3), 12, 23])
@pytest.mark.parametrize("day", ["2026-03-29", "2026-04-05", "2026-10-04", "2026-11-01", "2026-12-31"])
@pytest.mark.parametrize(
    "zone",
    [
        "UTC",
        "Europe/Kyiv",
        "Asia/Kolkata",
        "Australia/Sydney",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
        "America/St_Johns",
    ],
)
def test_liquid_signs_a_day_in_utc_whatever_the_shops_time_zone_is(zone: str, day: str, hour: int) -> None:
    now = datetime.fromisoformat(f"{day}T00:30:00+00:00") + timedelta(hours=hour)
    address = ADDRESS.replace("SHOP", "my-shop")
    script = attributes(liquid(address, "", "index", customer={"email": "a@b.example"}, zone=zone, now=now.timestamp()))
    body = {"type": "page", "contact": {"email": "a@b.example"}, "signature": script["data-signature"]}
    settings = {"storefront_secret": SECRET, "id": "my-shop"}
    shop = sample_shop(platforms.get("storefront"), **settings)
    for days in (0, 1):
        received_at = int((now + timedelta(days=days)).timestamp() * 1000)
        platforms.get("storefront").verify(Webhook({}, json.dumps(body).encode(), received_at), shop)


def test_liquid_names_only_logged_in_visitors_and_never_the_secret() -> None:
    page = liquid(ADDRESS, "", "product", customer=None, product=PRODUCT)
    assert not {"data-email", "data-signature", "data-consent", "data-page"} & attributes(page).keys()
    assert SECRET not in page
    assert SECRET not in liquid(ADDRESS, "", "index", customer={"email": "olena@example.com"})


def test_liquid_names_the_product_collection_or_page() -> None:
    script = attributes(liquid(ADDRESS, "", "product", product=PRODUCT))
    assert json.loads(script["data-product"] or "") == {
        "id": "44903100227001",
        "price": 499.5,
        "in_stock": True,
        "name": 'Чашка "Ранок"',
    }
    assert attributes(liquid(ADDRESS, "", "collection", collection={"id": 77}))["data-category"] == "77"
    assert "data-page" in attributes(liquid(ADDRESS, "", "index"))


NOTHING_FOUND = {"performed": True, "results_count": 0, "terms": 'чашка "Ранок" <b>&amp;'}


def test_liquid_names_the_search_that_found_nothing() -> None:
    script = attributes(liquid(ADDRESS, "", "search", search=NOTHING_FOUND))
    assert json.loads(script["data-search"] or "") == {"text": 'чашка "Ранок" <b>&amp;', "found": False}
    assert "data-page" not in script


@pytest.mark.parametrize("search", [{"results_count": 3}, {"performed": False, "terms": ""}])
def test_liquid_reports_any_other_search_as_a_page(search: dict[str, Any]) -> None:
    script = attributes(liquid(ADDRESS, "", "search", search=NOTHING_FOUND | search))
    assert "data-page" in script
    assert "data-search" not in script


def open_theme(shop: Shop, context: BrowserContext, page_type: str, *, consent: bool = False, **objects: Any) -> None:
    context.add_cookies(
        [
            {
                "name": "cart",
                "value": f"{TOKEN}-{shop.visitor.partition('@')[0]}%3Fkey%3D0a1b",
                "url": shop.server.shop_origin,
            }
        ]
    )
    address, asset = f"{shop.stack.url}/storefront/{SHOP}", shop.stack.url
    rendered = liquid(address, asset, page_type, consent=consent, **objects)
    shop.server.html["/theme"] = f"<!doctype html><title>A shop</title>{rendered}"
    shop.page.goto(f"{shop.server.shop_origin}/theme")


def test_theme_names_the_contact_of_a_cart_and_cart_webhooks_are_sent(shop: Shop, context: BrowserContext) -> None:
    token = f"{TOKEN}-{shop.visitor.partition('@')[0]}"
    now = datetime.now(UTC)
    cart = {"id": token, "token": token, "updated_at": now.isoformat(), "line_items": []}
    line = {"id": 5, "variant_id": 5, "product_id": 1, "quantity": 1, "price": "25.00", "title": "Tea"}
    later = cart | {"updated_at": (now + timedelta(seconds=1)).isoformat(), "line_items": [line]}
    assert webhook(shop, "carts/create", cart) == "ignored"
    open_theme(shop, context, "product", customer={"email": shop.visitor}, product=PRODUCT)
    assert [(event["type"], event["email"]) for event in shop.events(1)] == [("productViewed", shop.visitor)]
    shop.wait_for_responses()
    assert webhook(shop, "carts/update", later) == "delivered"
    event = shop.events(2)[1]
    assert (event["type"], event["email"]) == ("cartUpdated", shop.visitor)


def test_theme_sends_the_search_that_found_nothing(shop: Shop, context: BrowserContext) -> None:
    open_theme(shop, context, "search", customer={"email": shop.visitor}, search=NOTHING_FOUND)
    (event,) = shop.events(1)
    assert (event["type"], event["email"]) == ("searchRequest", shop.visitor)
    assert (event["search"], event["isFound"]) == ('чашка "Ранок" &', "0")


def webhook(shop: Shop, topic: str, body: dict[str, Any]) -> str:
    """Post a Shopify webhook and return its outcome."""
    raw = json.dumps(body).encode()
    headers = dict(platforms.get("shopify").sign(topic, raw, shop.stack.shops[SHOP], 0).headers)
    response = shop.page.request.post(f"{shop.stack.url}/webhooks/{SHOP}", data=raw, headers=headers)
    outcome: str = response.json()["status"]
    return outcome


def test_theme_sends_visits_after_the_consent_event_of_shopify(shop: Shop, context: BrowserContext) -> None:
    shop.page.add_init_script("window.Shopify = {loadFeatures: (wanted, then) => then(new Error('not here'))}")
    open_theme(shop, context, "index", consent=True, customer={"email": shop.visitor})
    assert shop.run("document.readyState") == "complete"
    assert shop.stack.emulator.state()["events"] == []
    event = "new CustomEvent('visitorConsentCollected', {detail: {marketingAllowed: true}})"
    shop.run(f"document.dispatchEvent({event})")
    assert [event["type"] for event in shop.events(1)] == ["pageViewed"]


def test_theme_uses_consent_given_on_an_earlier_page(shop: Shop, context: BrowserContext) -> None:
    allowed = "customerPrivacy: {marketingAllowed: () => true}"
    shop.page.add_init_script(f"window.Shopify = {{loadFeatures: (wanted, then) => then(), {allowed}}}")
    open_theme(shop, context, "index", consent=True, customer={"email": shop.visitor})
    assert [event["type"] for event in shop.events(1)] == ["pageViewed"]


# --- WooCommerce's plugin


def test_plugin_sends_the_product_view_and_the_cart(shop: Shop) -> None:
    constants = {"SHOPWIRE_URL": f"{shop.stack.url}/storefront/{SHOP}", "SHOPWIRE_SECRET": SECRET}
    name = 'Чашка "Ранок" &quot;</script>'
    product = {"id": 44, "price": 499.5, "in_stock": True, "name": name}
    line = {"product_id": 44, "variation_id": 45, "quantity": 2, "line_total": 800.0, "line_tax": 199.0, "name": name}
    page_input = {"constants": constants, "asset": shop.stack.url, "email": shop.visitor, "product": product}
    tag = render(page_input | {"session": {}, "cart": [line]})["tag"]
    shop.server.html["/plugin"] = f"<!doctype html><title>A shop</title>{tag}"
    shop.page.goto(f"{shop.server.shop_origin}/plugin")
    view, cart = shop.events(2)
    assert [(event["type"], event["email"]) for event in (view, cart)] == [
        ("productViewed", shop.visitor),
        ("cartUpdated", shop.visitor),
    ]
    assert json.loads(view["product"])["name"] == [name]
    assert [(item["productId"], item["quantity"], item["price"]) for item in json.loads(cart["products"])] == [
        ("45", 2, 499.5)
    ]


def test_plugin_sends_the_search_and_the_additions_to_a_wish_list(shop: Shop) -> None:
    constants = {"SHOPWIRE_URL": f"{shop.stack.url}/storefront/{SHOP}", "SHOPWIRE_SECRET": SECRET}
    product = {"id": 44, "price": 499.5, "in_stock": False, "name": "Чашка"}
    page_input = {
        "constants": constants,
        "asset": shop.stack.url,
        "email": shop.visitor,
        "search": {"text": 'синя "чашка"', "found": 0},
        "session": {},
        "actions": [["yith_wcwl_added_to_wishlist", [44, 1, 1]]],
        "products": {"44": product},
    }
    shop.create_contact()
    shop.server.html["/plugin"] = f"<!doctype html><title>A shop</title>{render(page_input)['tag']}"
    shop.page.goto(f"{shop.server.shop_origin}/plugin")
    events = {event["type"]: event for event in shop.events(3)[1:]}
    assert {event["email"] for event in events.values()} == {shop.visitor}
    assert (events["searchRequest"]["search"], events["searchRequest"]["isFound"]) == ('синя "чашка"', "0")
    assert json.loads(events["productAddedToWishlist"]["product"]) == {
        "productId": "44",
        "price": 499.5,
        "isInStock": 0,
        "name": ["Чашка"],
    }


# --- Shopify's pixel

_SANDBOX = """<script>
    const subscribed = {};
    const analytics = {subscribe: (name, then) => { subscribed[name] = then }};
    const browser = {cookie: {get: async (name) => name === "cart" ? "TOKEN?key=0a1b" : ""}};
</script><script>PIXEL</script><script>
    const event = (name, data) => subscribed[name]({name, data, context: {document: {location: {href: "https://shop.example/a"}}}});
    event("page_viewed", {});
    event("collection_viewed", {collection: {id: "77", title: "Cups"}});
    event("product_viewed", {productVariant: {id: "5", sku: "", price: {amount: 499.5, currencyCode: "UAH"},
        product: {id: "1", title: "Чашка"}}});
    event("search_submitted", {searchResult: {query: "чайник", productVariants: []}});
    event("search_submitted", {searchResult: {query: "чашка", productVariants: [{id: "5"}]}});
    subscribed["shopwire:wishlist"]({customData: {currency: "UAH", id: "5", price: 499.5, in_stock: false}});
</script>"""


def test_pixel_sends_visits_of_the_contact_that_owns_the_cart(shop: Shop) -> None:
    token = f"pixel-{shop.visitor.partition('@')[0]}"
    cart = json.dumps({"token": token, "items": []})
    assert shop.response_to(lambda: shop.show(cart=cart)).status == 200
    pixel = (RECIPES / "shopify-pixel.js").read_text(encoding="utf-8")
    pixel = pixel.replace(ADDRESS, f"{shop.stack.url}/storefront/{SHOP}")
    sandbox = _SANDBOX.replace("TOKEN", token).replace("PIXEL", pixel)
    frame = f'<iframe sandbox="allow-scripts allow-forms" srcdoc="{html.escape(sandbox)}"></iframe>'
    shop.server.html["/pixel"] = f"<!doctype html><title>A shop</title>{frame}"
    shop.page.goto(f"{shop.server.shop_origin}/pixel")
    events = {event["type"]: event for event in shop.events(6)}
    assert json.loads(events["pageViewed"]["page"]) == {"location": "https://shop.example/a"}
    assert json.loads(events["productCategoryViewed"]["category"]) == {"productCategoryId": "77"}
    assert json.loads(events["productViewed"]["product"]) == {"productId": "5", "price": 499.5, "name": ["Чашка"]}
    assert (events["searchRequest"]["search"], events["searchRequest"]["isFound"]) == ("чайник", "0")
    wish = events["productAddedToWishlist"]
    assert (json.loads(wish["product"]), wish["currencyCode"]) == (
        {"productId": "5", "price": 499.5, "isInStock": 0},
        "UAH",
    )
    assert {event["email"] for event in events.values()} == {shop.visitor}
