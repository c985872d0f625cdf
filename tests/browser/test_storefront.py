"""The storefront end to end: a shop's page in a real Chromium, the script in it, and what the API holds afterwards."""

import json

import pytest
from playwright.sync_api import Browser

from shopwire_dev.stack import DevStack
from tests.browser.storefront import SHOP, Pages, Shop
from tests.browser.storefront import more_shops as more_shops
from tests.browser.storefront import pages as pages
from tests.browser.storefront import shop as shop

ITEMS = [{"id": "40001", "quantity": 2, "price": 499.5, "name": "Чашка"}]


def test_a_page_arrives_with_its_contact(shop: Shop) -> None:
    shop.show(page="")
    (event,) = shop.events(1)
    assert (event["type"], event["keyValue"], event["email"]) == ("pageViewed", shop.visitor, shop.visitor)
    assert json.loads(event["page"]) == {"location": f"{shop.pages.own}/shop"}
    assert [one["email"] for one in shop.stack.emulator.state()["contacts"]] == [shop.visitor]


def test_a_product_and_a_category_arrive_from_data_attributes_and_from_calls(shop: Shop) -> None:
    shop.show(product='{"id": "40001", "price": 499.5, "in_stock": true, "color": "red"}', currency="UAH")
    (product,) = shop.events(1)
    assert (product["type"], product["currencyCode"], product["email"]) == ("productViewed", "UAH", shop.visitor)
    said = {"productId": "40001", "price": 499.5, "isInStock": 1, "color": ["red"]}
    assert json.loads(product["product"]) == said
    shop.run("shopwire.category('cups')")
    category = shop.events(2)[1]
    assert category["type"] == "productCategoryViewed"
    assert json.loads(category["category"]) == {"productCategoryId": "cups"}


def test_of_quick_changes_of_a_cart_the_last_arrives(shop: Shop) -> None:
    shop.show()
    shop.run(
        f"""for (const quantity of [1, 2, 3]) shopwire.cart({{token: "c-1", items: {json.dumps(ITEMS)}.map(
            item => ({{...item, quantity}}))}})"""
    )
    (cart,) = shop.events(1)
    assert (cart["type"], cart["email"]) == ("cartUpdated", shop.visitor)
    assert json.loads(cart["products"]) == [{"productId": "40001", "quantity": 3, "price": 499.5, "name": "Чашка"}]


def test_a_cart_changed_a_moment_before_the_page_is_left_arrives_all_the_same(shop: Shop) -> None:
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
def test_either_sign_of_leaving_sends_the_cart_at_once(shop: Shop, leaving: str) -> None:
    shop.page.add_init_script("window.setTimeout = () => 0")  # it would rest for ever
    shop.show()
    shop.run(f'shopwire.cart({{token: "c-7-{shop.visitor}", items: {json.dumps(ITEMS)}}})')
    shop.run(leaving)
    assert [event["type"] for event in shop.events(1)] == ["cartUpdated"]


def test_calls_made_before_the_script_was_there_count(shop: Shop, stack: DevStack) -> None:
    shop.pages.html["/early"] = f"""<!doctype html>
        <script>window.shopwire = window.shopwire || []; shopwire.push(["category", "cups"]);</script>
        <script defer src="{stack.url}/shopwire.js" data-url="{stack.url}/storefront/{SHOP}" data-email="{shop.visitor}"
            data-signature="{shop.signature}"></script>"""
    shop.page.goto(f"{shop.pages.own}/early")
    assert [event["type"] for event in shop.events(1)] == ["productCategoryViewed"]


def test_a_visitor_who_is_known_by_his_cart_alone_arrives_and_one_who_is_not_sends_nothing(shop: Shop) -> None:
    cart = json.dumps({"token": "c-3", "items": ITEMS})
    assert shop.answered(lambda: shop.show(cart=cart)).status == 200
    shop.show(known=False, page="", cart_token="c-3")
    assert [(event["type"], event["email"]) for event in shop.events(2)][1] == ("pageViewed", shop.visitor)
    sent: list[str] = []
    shop.page.on("request", lambda request: sent.append(request.url))
    shop.show("<script>shopwire.page(); shopwire.category('cups')</script>", known=False, page="")
    shop.page.wait_for_timeout(200)
    assert not [url for url in sent if "/storefront/" in url]


def test_where_sendbeacon_refuses_fetch_takes_its_place(shop: Shop) -> None:
    shop.page.add_init_script("navigator.sendBeacon = () => false")
    shop.show(page="")
    assert [event["type"] for event in shop.events(1)] == ["pageViewed"]


@pytest.mark.parametrize("type", ["text/plain", "application/json"])
def test_a_beacon_of_ones_own_may_be_of_either_type_and_a_page_may_read_the_answer(shop: Shop, type: str) -> None:
    shop.show()
    body = {"type": "page", "url": "https://shop.example/x", "contact": {"email": shop.visitor}}
    body["signature"] = shop.signature
    url, said = json.dumps(f"{shop.stack.url}/storefront/{SHOP}"), json.dumps(json.dumps(body))
    shop.run(f"navigator.sendBeacon({url}, new Blob([{said}], {{type: '{type}'}}))")
    shop.events(1)
    read = shop.run(
        f"fetch({url}, {{method: 'POST', body: {said}, headers: {{'content-type': '{type}'}}}}).then(it => it.json())"
    )
    assert read["status"] == "delivered"


# --- what does not arrive


def test_a_page_of_a_foreign_origin_is_turned_away(shop: Shop) -> None:
    answered = shop.answered(lambda: shop.show(page="", origin=shop.pages.strange))
    assert answered.status == 403
    assert shop.events(0) == []


def test_a_forged_contact_is_turned_away(shop: Shop) -> None:
    assert shop.answered(lambda: shop.show(page="", signature="0" * 64)).status == 401
    victim = "victim@example.com"
    forged = f"shopwire.contact({{email: '{victim}'}}, '{shop.signature}'); shopwire.page()"
    assert shop.answered(lambda: shop.run(forged)).status == 401
    assert shop.events(0) == []
    assert shop.stack.emulator.state()["contacts"] == []


def test_a_cart_of_twenty_kilobytes_is_turned_away_and_smaller_ones_are_taken(shop: Shop) -> None:
    shop.show()
    cart = '{token: "c-4", items: [{id: "1", quantity: 1, price: 1, name: "x".repeat(%d)}]}'
    assert shop.answered(lambda: shop.run(f"shopwire.cart({cart % 20_480})")).status == 413
    assert shop.events(0) == []
    assert shop.answered(lambda: shop.run(f"shopwire.cart({cart % 15_000})")).status == 200
    shop.events(1)


# --- consent


def requests_of(shop: Shop) -> list[str]:
    sent: list[str] = []
    shop.page.on("request", lambda request: sent.append(request.url) if "/storefront/" in request.url else None)
    return sent


def test_nothing_is_sent_before_consent_and_all_of_it_after(shop: Shop) -> None:
    sent = requests_of(shop)
    shop.show(consent="", page="", category="cups")
    shop.run(f'shopwire.cart({{token: "c-5", items: {json.dumps(ITEMS)}}})')
    shop.page.wait_for_timeout(1_500)  # longer than a cart rests
    assert sent == []
    assert shop.run("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    shop.run("shopwire.consent(true)")
    assert sorted(event["type"] for event in shop.events(3)) == ["cartUpdated", "pageViewed", "productCategoryViewed"]


def test_what_waited_for_a_consent_that_was_refused_is_never_sent(shop: Shop) -> None:
    sent = requests_of(shop)
    shop.show(consent="", page="")
    shop.run(f'shopwire.cart({{token: "c-6", items: {json.dumps(ITEMS)}}})')
    shop.run("shopwire.consent(false)")
    shop.run("shopwire.category('cups')")
    shop.run("shopwire.consent(true)")
    assert sent == []
    shop.run("shopwire.category('plates')")
    (event,) = shop.events(1)
    assert json.loads(event["category"]) == {"productCategoryId": "plates"}


def test_a_consent_taken_back_stops_a_shop_that_did_not_ask_for_it(shop: Shop) -> None:
    sent = requests_of(shop)
    shop.show()
    shop.run("shopwire.consent(false); shopwire.page()")
    shop.page.wait_for_timeout(100)
    assert sent == []


# --- the page's peace


BAD_CALLS = """
    const ring = {}; ring.ring = ring;
    const bomb = {get id() { throw new Error("bomb") }, toJSON() { throw new Error("bomb") }};
    for (const bad of [undefined, null, 0, "", ring, bomb, Symbol("x"), 10n, () => {}]) {
        for (const name of Object.keys(shopwire)) shopwire[name](bad, bad);
    }
"""


def test_no_error_of_the_script_reaches_the_page(shop: Shop) -> None:
    shop.show(f"<script>{BAD_CALLS}</script>", product="no JSON", cart="[", page="")
    shop.page.add_init_script("navigator.sendBeacon = () => { throw new Error('blocked') }; window.fetch = undefined")
    shop.show(f"<script>{BAD_CALLS}; shopwire.consent(true); shopwire.page()</script>", page="")
    shop.page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert shop.page.title() == "A shop"


def test_with_shopwire_down_or_its_address_missing_the_page_is_as_ever(
    browser: Browser, pages: Pages, stack: DevStack
) -> None:
    with browser.new_context() as context:
        errors: list[str] = []
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        for url in ("http://127.0.0.1:9/storefront/x", "no address", None):
            attribute = f'data-url="{url}"' if url else ""
            pages.html["/down"] = f"""<script src="{stack.url}/shopwire.js" {attribute} data-email="a" data-page>
                </script><script>document.title = "fine"</script>"""
            page.goto(f"{pages.own}/down")
            assert page.title() == "fine"
        assert errors == []
