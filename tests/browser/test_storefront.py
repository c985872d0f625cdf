"""The storefront end to end: a shop's page in Chromium includes the script, and the tests read the API's state."""

import json

import pytest
from playwright.sync_api import Browser

from shopwire_dev.stack import DevStack
from tests.browser.shop_page import SHOP, PageServer, Shop
from tests.browser.shop_page import more_shops as more_shops
from tests.browser.shop_page import server as server
from tests.browser.shop_page import shop as shop

ITEMS = [{"id": "40001", "quantity": 2, "price": 499.5, "name": "Чашка"}]


def test_page_view_arrives_with_its_contact(shop: Shop) -> None:
    shop.show(page="")
    (event,) = shop.events(1)
    assert (event["type"], event["keyValue"], event["email"]) == ("pageViewed", shop.visitor, shop.visitor)
    assert json.loads(event["page"]) == {"location": f"{shop.server.shop_origin}/shop"}
    assert [contact["email"] for contact in shop.stack.emulator.state()["contacts"]] == [shop.visitor]


def test_product_and_category_views_arrive_from_attributes_and_calls(shop: Shop) -> None:
    shop.show(product='{"id": "40001", "price": 499.5, "in_stock": true, "color": "red"}', currency="UAH")
    (product,) = shop.events(1)
    assert (product["type"], product["currencyCode"], product["email"]) == ("productViewed", "UAH", shop.visitor)
    expected = {"productId": "40001", "price": 499.5, "isInStock": 1, "color": ["red"]}
    assert json.loads(product["product"]) == expected
    shop.run("shopwire.category('cups')")
    category = shop.events(2)[1]
    assert category["type"] == "productCategoryViewed"
    assert json.loads(category["category"]) == {"productCategoryId": "cups"}


WISH = {"id": "40001", "price": 499.5, "in_stock": False, "name": "Чашка"}
WISHED = {"productId": "40001", "price": 499.5, "isInStock": 0, "name": ["Чашка"]}


def test_additions_to_a_wish_list_arrive_from_an_attribute_and_calls(shop: Shop) -> None:
    shop.create_contact()
    shop.show(wishlist=json.dumps([WISH, WISH | {"id": "40002"}]), currency="UAH")
    wishes = shop.events(3)[1:]
    shop.wait_for_responses()
    shop.run(f"shopwire.wishlist({json.dumps(WISH | {'id': '40003'})})")
    wishes.append(shop.events(4)[3])
    assert {wish["type"] for wish in wishes} == {"productAddedToWishlist"}
    assert {(wish["email"], wish["currencyCode"]) for wish in wishes} == {(shop.visitor, "UAH")}
    products = sorted((json.loads(wish["product"]) for wish in wishes), key=lambda product: str(product["productId"]))
    assert products == [WISHED | {"productId": id} for id in ("40001", "40002", "40003")]


def test_searches_arrive_from_an_attribute_and_calls(shop: Shop) -> None:
    shop.show(search='{"text": "  синя \\n чашка\\" ", "found": false}')
    (first,) = shop.events(1)
    assert first == {
        "type": "searchRequest",
        "keyValue": shop.visitor,
        "email": shop.visitor,
        "search": 'синя чашка"',
        "isFound": "0",
    }
    shop.run("shopwire.search({text: 'mug', found: true})")
    assert shop.events(2)[1]["isFound"] == "1"
    shop.run("shopwire.search({text: 'cup'})")
    assert "isFound" not in shop.events(3)[2]


def test_script_cuts_a_long_search_and_sends_no_empty_one(shop: Shop) -> None:
    shop.show(search='{"text": " ", "found": false}')
    shop.run("shopwire.search({}); shopwire.search({text: '\\n'})")
    shop.run("shopwire.search({text: '☕'.repeat(150) + '🍵'.repeat(10_000)})")
    (event,) = shop.events(1)
    assert event["search"] == "☕" * 150 + "🍵" * 105


def test_only_the_last_of_quick_cart_changes_arrives(shop: Shop) -> None:
    shop.show()
    shop.run(
        f"""for (const quantity of [1, 2, 3]) shopwire.cart({{token: "c-1", items: {json.dumps(ITEMS)}.map(
            item => ({{...item, quantity}}))}})"""
    )
    (cart,) = shop.events(1)
    assert (cart["type"], cart["email"]) == ("cartUpdated", shop.visitor)
    assert json.loads(cart["products"]) == [{"productId": "40001", "quantity": 3, "price": 499.5, "name": "Чашка"}]


def test_cart_changed_just_before_leaving_the_page_arrives(shop: Shop) -> None:
    shop.show()
    shop.run(f'shopwire.cart({{token: "c-2", items: {json.dumps(ITEMS)}}})')
    shop.page.goto("about:blank")
    assert [event["type"] for event in shop.events(1)] == ["cartUpdated"]


@pytest.mark.parametrize(
    "leaving",
    [
        "dispatchEvent(new Event('pagehide'))",
        "Object.defineProperty(document, 'visibilityState', {value: 'hidden'});"
        "document.dispatchEvent(new Event('visibilitychange'))",
    ],
    ids=["pagehide", "hidden"],
)
def test_each_event_of_leaving_sends_the_cart_at_once(shop: Shop, leaving: str) -> None:
    shop.page.add_init_script("window.setTimeout = () => 0")  # without a timer, only leaving the page sends the cart
    shop.show()
    shop.run(f'shopwire.cart({{token: "c-7-{shop.visitor.partition("@")[0]}", items: {json.dumps(ITEMS)}}})')
    shop.run(leaving)
    assert [event["type"] for event in shop.events(1)] == ["cartUpdated"]


def test_calls_before_the_script_is_loaded_are_processed(shop: Shop, stack: DevStack) -> None:
    shop.server.html["/early"] = f"""<!doctype html>
        <script>window.shopwire = window.shopwire || []; shopwire.push(["category", "cups"]);</script>
        <script defer src="{stack.url}/shopwire.js" data-url="{stack.url}/storefront/{SHOP}" data-email="{shop.visitor}"
            data-signature="{shop.signature}"></script>"""
    shop.page.goto(f"{shop.server.shop_origin}/early")
    assert [event["type"] for event in shop.events(1)] == ["productCategoryViewed"]


def test_visit_needs_a_contact_or_a_cart_token(shop: Shop) -> None:
    cart = json.dumps({"token": "c-3", "items": ITEMS})
    assert shop.response_to(lambda: shop.show(cart=cart)).status == 200
    shop.show(known=False, page="", cart_token="c-3")
    assert [(event["type"], event["email"]) for event in shop.events(2)][1] == ("pageViewed", shop.visitor)
    sent: list[str] = []
    shop.page.on("request", lambda request: sent.append(request.url))
    shop.show("<script>shopwire.page(); shopwire.category('cups')</script>", known=False, page="")
    shop.page.wait_for_timeout(200)
    assert not [url for url in sent if "/storefront/" in url]


def test_fetch_is_used_when_sendbeacon_refuses(shop: Shop) -> None:
    shop.page.add_init_script("navigator.sendBeacon = () => false")
    shop.show(page="")
    assert [event["type"] for event in shop.events(1)] == ["pageViewed"]


@pytest.mark.parametrize("type", ["text/plain", "application/json"])
def test_custom_requests_may_have_either_content_type_and_read_the_response(shop: Shop, type: str) -> None:
    shop.show()
    body = {"type": "page", "url": "https://shop.example/x", "contact": {"email": shop.visitor}}
    body["signature"] = shop.signature
    url, text = json.dumps(f"{shop.stack.url}/storefront/{SHOP}"), json.dumps(json.dumps(body))
    shop.run(f"navigator.sendBeacon({url}, new Blob([{text}], {{type: '{type}'}}))")
    shop.events(1)
    # The API answers 409 if an event is repeated within a minute, so this is the view of another page.
    text = json.dumps(json.dumps(body | {"url": "https://shop.example/y"}))
    response = shop.run(
        f"fetch({url}, {{method: 'POST', body: {text}, headers: {{'content-type': '{type}'}}}})"
        ".then(response => response.json())"
    )
    assert response["status"] == "delivered"


# --- rejected visits


def test_page_of_another_origin_is_refused(shop: Shop) -> None:
    response = shop.response_to(lambda: shop.show(page="", origin=shop.server.other_origin))
    assert response.status == 403
    assert shop.events(0) == []


def test_forged_contact_is_refused(shop: Shop) -> None:
    assert shop.response_to(lambda: shop.show(page="", signature="0" * 64)).status == 401
    victim = "victim@example.com"
    forged = f"shopwire.contact({{email: '{victim}'}}, '{shop.signature}'); shopwire.page()"
    assert shop.response_to(lambda: shop.run(forged)).status == 401
    assert shop.events(0) == []
    assert shop.stack.emulator.state()["contacts"] == []


def test_cart_over_16_kilobytes_is_refused_and_a_smaller_one_is_accepted(shop: Shop) -> None:
    shop.show()
    cart = '{token: "c-4", items: [{id: "1", quantity: 1, price: 1, name: "x".repeat(%d)}]}'
    assert shop.response_to(lambda: shop.run(f"shopwire.cart({cart % 20_480})")).status == 413
    assert shop.events(0) == []
    assert shop.response_to(lambda: shop.run(f"shopwire.cart({cart % 15_000})")).status == 200
    shop.events(1)


# --- consent


def sent_visits(shop: Shop) -> list[str]:
    """Return a list to which the URL of each later visit is added."""
    sent: list[str] = []
    shop.page.on("request", lambda request: sent.append(request.url) if "/storefront/" in request.url else None)
    return sent


def test_visits_wait_for_consent_and_are_sent_after_it(shop: Shop) -> None:
    shop.create_contact()
    sent = sent_visits(shop)
    shop.show(consent="", page="", category="cups", search='{"text": "mug"}', wishlist=json.dumps(WISH))
    shop.run(f'shopwire.cart({{token: "c-5", items: {json.dumps(ITEMS)}}})')
    shop.page.wait_for_timeout(1_500)  # longer than the script waits for more changes of a cart
    assert sent == []
    assert shop.run("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    shop.run("shopwire.consent(true)")
    assert sorted(event["type"] for event in shop.events(6)[1:]) == [
        "cartUpdated",
        "pageViewed",
        "productAddedToWishlist",
        "productCategoryViewed",
        "searchRequest",
    ]


def test_visits_that_waited_for_a_refused_consent_are_never_sent(shop: Shop) -> None:
    sent = sent_visits(shop)
    shop.show(consent="", page="")
    shop.run(f'shopwire.cart({{token: "c-6", items: {json.dumps(ITEMS)}}})')
    shop.run("shopwire.consent(false)")
    shop.run("shopwire.category('cups')")
    shop.run("shopwire.consent(true)")
    assert sent == []
    shop.run("shopwire.category('plates')")
    (event,) = shop.events(1)
    assert json.loads(event["category"]) == {"productCategoryId": "plates"}


def test_withdrawn_consent_stops_visits_also_if_it_was_not_required(shop: Shop) -> None:
    sent = sent_visits(shop)
    shop.show()
    shop.run("shopwire.consent(false); shopwire.page()")
    shop.page.wait_for_timeout(100)
    assert sent == []


# --- elements that imitate the script's own


@pytest.mark.parametrize(
    "element",
    [
        '<img name="currentScript" alt="" {data}>',
        '<img name="currentScript" alt="" {data}><img name="currentScript" alt="" {data}>',
        '<form name="currentScript" {data}></form>',
        '<iframe name="currentScript" {data}></iframe>',
        '<embed name="currentScript" {data}>',
        '<object name="currentScript" {data}></object>',
        '<form name="currentScript"><input name="dataset" {data}></form>',
    ],
)
def test_script_takes_its_settings_only_from_a_script_element(shop: Shop, element: str) -> None:
    thief = f"{shop.server.shop_origin}/thief"
    data = f'data-url="{thief}" data-email="{shop.visitor}" data-page data-cart-token="c-1"'
    script = f'<script src="{shop.stack.url}/shopwire.js" data-url="{shop.stack.url}/storefront/{SHOP}"></script>'
    call = f"<script>shopwire.contact({{email: '{shop.visitor}'}}, '{shop.signature}'); shopwire.page()</script>"
    shop.server.html["/imitated"] = f"<!doctype html><title>A shop</title>{element.format(data=data)}{script}{call}"
    sent: list[str] = []
    shop.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    shop.page.goto(f"{shop.server.shop_origin}/imitated")
    shop.page.wait_for_timeout(200)
    assert sent == []


# --- errors never reach the page


BAD_CALLS = """
    const cycle = {}; cycle.cycle = cycle;
    const throwing = {get id() { throw new Error("test") }, toJSON() { throw new Error("test") }};
    for (const bad of [undefined, null, 0, "", cycle, throwing, Symbol("x"), 10n, () => {}]) {
        for (const name of Object.keys(shopwire)) shopwire[name](bad, bad);
    }
"""


def test_script_errors_do_not_reach_the_page(shop: Shop) -> None:
    shop.show(f"<script>{BAD_CALLS}</script>", product="no JSON", cart="[", page="")
    shop.page.add_init_script("navigator.sendBeacon = () => { throw new Error('blocked') }; window.fetch = undefined")
    shop.show(f"<script>{BAD_CALLS}; shopwire.consent(true); shopwire.page()</script>", page="")
    shop.page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert shop.page.title() == "A shop"


def test_page_works_when_shopwire_is_down_or_its_url_is_invalid(
    browser: Browser, server: PageServer, stack: DevStack
) -> None:
    with browser.new_context() as context:
        errors: list[str] = []
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        for url in ("http://127.0.0.1:9/storefront/x", "no address", None):
            attribute = f'data-url="{url}"' if url else ""
            server.html["/down"] = f"""<script src="{stack.url}/shopwire.js" {attribute} data-email="a" data-page>
                </script><script>document.title = "fine"</script>"""
            page.goto(f"{server.shop_origin}/down")
            assert page.title() == "fine"
        assert errors == []
