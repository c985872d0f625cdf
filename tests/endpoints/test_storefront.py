"""The storefront URL: every status of the contract, which pages may call it, and how often."""

import hashlib
import io
import json
from typing import Any

import pytest

from shopwire import platforms
from shopwire.endpoints import storefront
from shopwire.mapper import recycle_state_id
from shopwire.models import NOBODY, Contact, Reason
from shopwire.models.base import milliseconds
from shopwire.platforms.storefront import Storefront, _Visit, sign_contact
from tests.support.changes import DAY_MS, OTHER_SHOP, SHOP, START, cart, order
from tests.support.delivery_world import Context, World

SECRET = "the storefront secret of the tests"
NOW = milliseconds(START)
ORIGIN = "https://shop.example"
PAGE: dict[str, Any] = {"type": "page", "url": "https://shop.example/about"}
ITEMS = [{"id": "55", "quantity": 2, "price": 125, "name": "Tea"}]
CART: dict[str, Any] = {"type": "cart", "currency": "UAH", "cart": {"token": "cart-a", "items": ITEMS}}


@pytest.fixture
def front(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A shop with a storefront. Its webhooks are read by the stub platform."""
    adapter = Storefront()
    monkeypatch.setattr(platforms, "get", lambda name: adapter if name == "storefront" else world.platform)
    world.put_shop(SHOP, storefront_secret=SECRET, origins=[ORIGIN, "https://www.shop.example/", "null"])
    return world


def signature(email: str = "anna@example.com", secret: str = SECRET, *, days: int = 0) -> str:
    """Return the signature that is made `days` days after the test begins."""
    return sign_contact(secret, SHOP, "email", email, NOW + days * DAY_MS)


def signed(email: str = "anna@example.com", days: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a visit with a signed contact."""
    return {**PAGE, **fields, "contact": {"email": email}, "signature": signature(email, days=days)}


def serve(
    world: World,
    body: Any = PAGE,
    *,
    origin: str | None = ORIGIN,
    method: str = "POST",
    path: str = f"/storefront/{SHOP}",
    type: str | None = "text/plain;charset=UTF-8",
) -> dict[str, Any]:
    headers = {"Origin": origin, "Content-Type": type}
    event = {
        "rawPath": path,
        "headers": {name: value for name, value in headers.items() if value is not None},
        "requestContext": {"http": {"method": method}, "timeEpoch": world.clock.now},
        "isBase64Encoded": False,
        "body": body if isinstance(body, str) else json.dumps(body),
    }
    return storefront.serve(event, Context(world.request_id()), world.webhook)


def call(world: World, body: Any = PAGE, **how: Any) -> tuple[int, dict[str, Any]]:
    """Return the status and the content of the response."""
    answer = serve(world, body, **how)
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


def test_body_of_a_visit_is_parsed_once(front: World, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = _Visit.model_validate_json

    def record_and_parse(body: bytes) -> _Visit:
        parsed.append(body)
        return parse(body)

    monkeypatch.setattr(_Visit, "model_validate_json", record_and_parse)
    assert call(front, signed("once@example.com"))[0] == 200
    assert len(parsed) == 1


# --- 200


def test_visit_with_a_signed_contact_is_delivered(front: World) -> None:
    status, content = call(front, signed())
    assert (status, content["status"]) == (200, "delivered")
    assert front.api.sent == ["contact", "pageViewed"]
    assert front.api.events[0]["email"] == "anna@example.com"


@pytest.mark.parametrize(
    ("visit", "event"),
    [
        (signed(), "pageViewed"),
        (signed(type="product", product={"id": "55", "price": "125.00"}), "productViewed"),
        (signed(type="category", category={"id": "tea"}), "productCategoryViewed"),
        (signed(**CART), "cartUpdated"),
        (signed(type="wishlist", product={"id": "55", "price": "125.00"}), "productAddedToWishlist"),
        (signed(type="search", search={"text": "tea", "found": False}), "searchRequest"),
        (signed(type="search", search={"text": "tea", "found": True}), "searchRequest"),
    ],
)
def test_each_type_of_visit_causes_its_event(front: World, visit: dict[str, Any], event: str) -> None:
    assert call(front, visit)[1]["status"] == "delivered"
    assert front.api.sent == ["contact", event]


WISH: dict[str, Any] = {"type": "wishlist", "product": {"id": "55", "price": 125}}
SEARCH: dict[str, Any] = {"type": "search", "search": {"text": "tea", "found": False}}


@pytest.mark.parametrize("visit", [WISH, SEARCH])
def test_wish_or_search_without_a_known_contact_is_ignored(front: World, visit: dict[str, Any]) -> None:
    for body in (visit, visit | {"cart_token": "cart-a"}):
        status, content = call(front, body)
        assert (status, content["status"], content["reason"]) == (200, "ignored", Reason.ANONYMOUS)
    assert front.api.request_count == 0


@pytest.mark.parametrize("visit", [WISH, SEARCH])
def test_wish_or_search_belongs_to_the_contact_of_its_cart(front: World, visit: dict[str, Any]) -> None:
    front.send(cart())
    assert call(front, visit | {"cart_token": "cart-a"})[1]["status"] == "delivered"
    assert front.api.events[-1]["keyValue"] == "anna@example.com"


@pytest.mark.parametrize("visit", [WISH, SEARCH])
@pytest.mark.parametrize("proof", [{}, {"signature": "0" * 64}, {"signature": signature(days=-3)}])
def test_wish_or_search_needs_a_valid_signature(front: World, visit: dict[str, Any], proof: dict[str, str]) -> None:
    assert call(front, {**visit, "contact": {"email": "anna@example.com"}, **proof})[0] == 401
    assert front.api.request_count == 0


@pytest.mark.parametrize("visit", [WISH, SEARCH])
def test_wish_or_search_waits_while_the_api_is_down(front: World, visit: dict[str, Any]) -> None:
    front.api.next_answers = [503]
    assert call(front, {**signed(), **visit})[1]["status"] == "queued"
    assert front.run_until_idle() == ["delivered"]


def test_wishes_and_searches_count_for_the_limit(front: World) -> None:
    flood(front, 499)
    assert [call(front, visit)[0] for visit in (WISH, SEARCH)] == [200, 429]


@pytest.mark.parametrize("type", ["application/json", "text/plain;charset=UTF-8", "application/octet-stream", None])
def test_content_type_does_not_matter(front: World, type: str | None) -> None:
    assert call(front, signed(), type=type)[0] == 200


def test_anonymous_visit_is_ignored_and_not_stored(front: World) -> None:
    status, content = call(front)
    assert (status, content["status"], content["reason"]) == (200, "ignored", Reason.ANONYMOUS)
    assert front.calls == ["ssm.get_parameter", "dynamodb.update_item"], "the only write counts the visit"
    assert front.api.request_count == 0
    assert PAGE["url"] not in front.stored_text()


def test_visit_with_an_anonymous_cart_is_ignored_and_not_stored(front: World) -> None:
    assert call(front, PAGE | {"cart_token": "cart-a"})[1]["status"] == "ignored"
    assert "cart-a" not in front.stored_text()


def test_queued_visit_is_parsed_by_the_storefront_platform(front: World) -> None:
    front.api.next_answers = [503]
    assert call(front, signed(**CART))[1]["status"] == "queued"
    assert front.run_until_idle() == ["delivered"]
    assert front.api.sent == ["contact", "cartUpdated"]


def test_visit_in_the_outbox_is_parsed_by_the_storefront_platform(front: World) -> None:
    front.api.next_answers = [503]
    with front.outage("sqs"):
        assert call(front, signed())[1]["status"] == "queued"
    assert front.run_until_idle() == ["delivered"]


# --- the contact of a cart


def test_anonymous_cart_belongs_to_the_contact_of_a_visit_with_its_token(front: World) -> None:
    assert front.send(cart(contact=NOBODY)) == "ignored"
    assert call(front, signed(cart_token="cart-a"))[1]["status"] == "delivered"
    assert front.send(cart(minutes=1, units=2, contact=NOBODY)) == "delivered"
    assert front.send(cart(minutes=2, units=3, contact=NOBODY)) == "delivered"
    assert front.api.sent == ["contact", "pageViewed", "cartUpdated", "cartUpdated"]
    assert front.api.events[-1]["email"] == "anna@example.com"


def test_cart_belongs_to_the_contact_of_the_last_signed_visit(front: World) -> None:
    for email in ("anna@example.com", "borys@example.org"):
        call(front, signed(email, cart_token="cart-a"))
    assert front.send(cart(contact=NOBODY)) == "delivered"
    assert front.api.events[-1]["email"] == "borys@example.org"


def test_visitors_cart_does_not_fix_its_contact_as_the_platforms_does(front: World) -> None:
    assert call(front, signed(**CART))[1]["status"] == "delivered"
    front.clock.advance(60_000)
    assert call(front, signed("borys@example.org", **CART))[1]["status"] == "delivered"
    assert front.api.events[-1]["keyValue"] == "borys@example.org"


def test_second_visit_of_the_same_contact_does_not_write_to_the_cart(front: World) -> None:
    call(front, signed(cart_token="cart-a"))
    before = front.entry("cart", "cart-a")
    front.clock.advance(1000)
    call(front, signed(cart_token="cart-a"))
    assert front.entry("cart", "cart-a") == before


def test_cart_of_the_storefront_names_the_contact_of_the_platforms_cart(front: World) -> None:
    assert call(front, signed(**CART))[1]["status"] == "delivered"
    assert front.send(cart(minutes=9, units=5, contact=NOBODY)) == "delivered"


def test_anonymous_cart_of_the_storefront_belongs_to_the_recorded_contact(front: World) -> None:
    front.send(cart())
    front.clock.advance(60_000)
    assert call(front, CART)[1]["status"] == "delivered"
    assert front.api.events[-1]["email"] == "anna@example.com"


def test_visit_with_a_bought_cart_belongs_to_the_buyer(front: World) -> None:
    front.send(order(cart_token="cart-a"))
    assert call(front, PAGE | {"cart_token": "cart-a"})[1]["status"] == "delivered"
    assert front.api.events[-1]["keyValue"] == "anna@example.com"


def test_order_has_the_recycle_state_id_of_a_cart_named_by_a_visit(front: World) -> None:
    call(front, signed(cart_token="cart-a"))
    front.send(cart(minutes=1, contact=NOBODY))
    front.send(order(cart_token="cart-a", minutes=2))
    assert front.api.events[-1]["recycleStateId"] == recycle_state_id(cart(minutes=1, contact=NOBODY).cart)


def test_visit_with_an_expired_cart_revives_nothing_of_it(front: World) -> None:
    front.send(order(cart_token="cart-a"))
    front.clock.advance(61 * DAY_MS)
    call(front, signed(days=61, cart_token="cart-a"))
    entry = front.entry("cart", "cart-a")
    assert "converted" not in entry
    assert int(entry["expires"]["N"]) > front.clock.now // 1000


# --- the contact that the platform named

BORYS = "borys@example.org"


def assert_cart_is_annas(world: World) -> None:
    """The platform's next change of the cart, which names no contact, goes to Anna."""
    world.clock.advance(60_000)
    assert world.send(cart(minutes=50, units=7, contact=NOBODY)) == "delivered"
    assert world.api.events[-1]["keyValue"] == "anna@example.com"
    assert call(world, {**PAGE, "cart_token": "cart-a"})[1]["status"] == "delivered"
    assert world.api.events[-1]["keyValue"] == "anna@example.com"


def test_view_does_not_take_over_a_cart_whose_contact_the_platform_named(front: World) -> None:
    front.send(cart())
    assert call(front, signed(BORYS, cart_token="cart-a"))[1]["status"] == "delivered"
    assert front.api.events[-1]["keyValue"] == BORYS, "the visitor saw the page"
    assert_cart_is_annas(front)


def test_visitors_cart_is_ignored_if_the_platform_named_another_contact(front: World) -> None:
    front.send(cart())
    status, content = call(front, signed(BORYS, **CART))
    assert (status, content["status"], content["reason"]) == (200, "ignored", Reason.CART_OF_ANOTHER_CONTACT)
    assert BORYS not in [event["keyValue"] for event in front.api.events]
    assert_cart_is_annas(front)


def test_ignored_cart_of_a_visitor_does_not_make_the_platforms_changes_stale(front: World) -> None:
    front.send(cart())
    front.clock.advance(10 * 60_000)
    call(front, signed(BORYS, **CART))
    assert front.send(cart(minutes=5, units=3, contact=NOBODY)) == "delivered"


def test_queued_cart_of_a_visitor_is_ignored_once_the_platform_named_the_contact(front: World) -> None:
    front.api.next_answers = [503]
    assert front.send(cart()) == "queued"
    assert call(front, signed(BORYS, **CART))[1]["status"] == "queued"
    assert front.run_until_idle() == ["delivered", "ignored"]
    assert_cart_is_annas(front)


def test_visitors_cart_is_sent_if_the_platform_named_the_same_contact(front: World) -> None:
    front.send(cart())
    front.clock.advance(60_000)
    assert call(front, signed(**CART))[1]["status"] == "delivered"
    assert front.api.events[-1]["keyValue"] == "anna@example.com"


def test_visitor_known_by_another_identity_is_the_same_contact(front: World) -> None:
    front.send(cart(contact=Contact(email="anna@example.com", customer_id="7")))
    front.clock.advance(60_000)
    visit = {**CART, "contact": {"id": "7"}, "signature": sign_contact(SECRET, SHOP, "id", "7", NOW)}
    assert call(front, visit)[1]["status"] == "delivered"
    assert front.api.events[-1]["keyValue"] == "anna@example.com"


def test_buyer_of_a_cart_is_not_replaced_by_a_visitor(front: World) -> None:
    front.send(order(cart_token="cart-a"))
    assert call(front, signed(BORYS, cart_token="cart-a"))[1]["status"] == "delivered"
    assert call(front, signed(BORYS, **CART))[1]["reason"] == Reason.CART_CONVERTED
    assert call(front, PAGE | {"cart_token": "cart-a"})[1]["status"] == "delivered"
    assert front.api.events[-1]["keyValue"] == "anna@example.com"


def test_platform_replaces_the_contact_that_a_visitor_named(front: World) -> None:
    assert call(front, signed(BORYS, cart_token="cart-a"))[1]["status"] == "delivered"
    assert front.send(cart()) == "delivered"
    call(front, signed(BORYS, cart_token="cart-a"))
    assert_cart_is_annas(front)


def test_platform_confirms_the_contact_that_a_visitor_named(front: World) -> None:
    assert call(front, signed(cart_token="cart-a"))[1]["status"] == "delivered"
    assert front.send(cart(contact=NOBODY)) == "delivered"
    front.api.accepted.clear()
    assert front.send(cart(minutes=1)) == "delivered"
    assert front.api.sent == ["contact"], "the cart is unchanged, and names more of the person"
    call(front, signed(BORYS, cart_token="cart-a"))
    assert_cart_is_annas(front)


def test_platforms_cart_without_a_contact_does_not_fix_the_visitors_contact(front: World) -> None:
    call(front, signed(cart_token="cart-a"))
    assert front.send(cart(contact=NOBODY)) == "delivered"
    call(front, signed(BORYS, cart_token="cart-a"))
    assert front.send(cart(minutes=1, units=2, contact=NOBODY)) == "delivered"
    assert front.api.events[-1]["keyValue"] == BORYS


def test_contact_of_an_expired_cart_is_replaced(front: World) -> None:
    front.send(cart())
    front.clock.advance(61 * DAY_MS)
    call(front, signed(BORYS, days=61, cart_token="cart-a"))
    assert front.send(cart(minutes=61 * 24 * 60, contact=NOBODY)) == "delivered"
    assert front.api.events[-1]["keyValue"] == BORYS


# --- the cart's token, which speaks for its owner


def test_no_log_line_and_no_key_contains_a_cart_token(front: World, log: io.StringIO) -> None:
    front.api.next_answers = [503]
    call(front, signed(**CART))
    call(front, signed(cart_token="cart-a"))
    front.send(cart(minutes=9, units=5))
    front.send(order(cart_token="cart-a"))
    front.run_until_idle()
    keys = [item["pk"]["S"] + item["sk"]["S"] for item in front.items()]
    named = hashlib.sha256(b"cart-a").hexdigest()[:16]
    assert [key for key in keys if named in key], "the cart has an entry"
    assert "cart-a" not in log.getvalue() + "".join(keys) + str(front.reports)


# --- 4xx


@pytest.mark.parametrize("signature", ["0" * 64, "", None, "é", signature(secret="another")])
def test_contact_without_a_valid_signature_is_401_and_not_stored(front: World, signature: str | None) -> None:
    status, content = call(front, signed() | {"signature": signature})
    assert (status, list(content)) == (401, ["error"])
    assert "anna" not in front.stored_text() + str(front.reports) + content["error"]
    assert front.api.request_count == 0


def test_settings_are_read_again_after_the_secret_is_replaced(front: World) -> None:
    call(front)
    front.put_shop(SHOP, storefront_secret="a new storefront secret", origins=[ORIGIN])
    visit = signed() | {"signature": signature(secret="a new storefront secret")}
    assert call(front, visit)[0] == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "body: json_invalid"),
        ("cart_token=x", "body: json_invalid"),
        ("[]", "body: model_type"),
        ('{"type": "order"}', "type: literal_error"),
        ('{"type": "page"}', "url: missing"),
        ('{"type": "page", "url": "javascript:alert(1)"}', "url: string_pattern_mismatch"),
        ('{"type": "cart", "cart": {"token": "a", "items": [{"id": "1"}]}}', "cart.items.0.quantity: missing"),
        ('{"type": "page", "url": "https://a.example/", "contact": {"push": "x"}}', "contact: extra_forbidden"),
        ('{"type": "wishlist", "product": {"price": 1}}', "product.id: missing"),
        ('{"type": "wishlist", "search": {"text": "a"}}', "product: missing"),
        ('{"type": "search", "product": {"id": "1", "price": 1}}', "search: missing"),
        ('{"type": "search", "search": {"text": " \\n\\u0000"}}', "search.text: string_too_short"),
        ('{"type": "search", "search": {"text": "' + "x" * 15_000 + '"}}', "search.text: string_too_long"),
        ('{"type": "search", "search": {"text": "a", "found": 1}}', "search.found: bool_type"),
        ('{"type": "search", "search": {"text": "\\ud800"}}', "body: json_invalid"),
    ],
)
def test_unreadable_visit_is_400_with_the_field_and_is_not_parked(front: World, body: str, error: str) -> None:
    assert call(front, body) == (400, {"error": error})
    assert front.parked_reasons() == []


@pytest.mark.parametrize(("size", "status"), [(16 << 10, 200), ((16 << 10) + 1, 413)])
def test_body_over_16_kilobytes_is_413(front: World, size: int, status: int) -> None:
    body = json.dumps(PAGE)
    assert call(front, body + " " * (size - len(body)))[0] == status


@pytest.mark.parametrize(
    "path", ["/storefront/ab", "/storefront/Shop", "/storefront/", "/storefront", "/webhooks/shop"]
)
def test_path_without_a_shop_id_is_404_without_a_lookup(front: World, path: str) -> None:
    assert call(front, path=path) == (404, {"error": "no such shop"})
    assert front.calls == []


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
@pytest.mark.parametrize("origin", [None, ORIGIN])
def test_shop_without_origins_and_secret_is_403(front: World, method: str, origin: str | None) -> None:
    front.put_shop(OTHER_SHOP)
    answer = serve(front, path=f"/storefront/{OTHER_SHOP}", method=method, origin=origin)
    assert (answer["statusCode"], front.api.request_count) == (403, 0)
    assert set(answer["headers"]) == {"content-type"}


def test_shop_with_origins_alone_accepts_visits_without_a_contact(front: World) -> None:
    front.put_shop(OTHER_SHOP, origins=[ORIGIN])
    assert call(front, path=f"/storefront/{OTHER_SHOP}")[0] == 200
    assert call(front, signed(), path=f"/storefront/{OTHER_SHOP}")[0] == 401


def test_shop_with_a_secret_alone_accepts_calls_of_servers_and_apps(front: World) -> None:
    front.put_shop(OTHER_SHOP, storefront_secret=SECRET)
    visit = {**signed(type="category", category={"id": "tea"}), "url": None}
    visit["signature"] = sign_contact(SECRET, OTHER_SHOP, "email", "anna@example.com", NOW)
    assert call(front, visit, path=f"/storefront/{OTHER_SHOP}", origin=None)[1]["status"] == "delivered"
    assert call(front, visit, path=f"/storefront/{OTHER_SHOP}")[0] == 403


FOREIGN = "https://evil.example/mug"


@pytest.mark.parametrize(
    ("visit", "field"),
    [
        ({"url": FOREIGN}, "url"),
        ({"url": "shopapp://cart"}, "url"),
        ({"type": "product", "product": {"id": "1", "price": 1, "url": FOREIGN}}, "product"),
        ({"type": "product", "product": {"id": "1", "price": 1, "imageUrl": "//evil.example/a.png"}}, "product"),
        ({"type": "product", "product": {"id": "1", "price": 1, "photos": ["x", FOREIGN]}}, "product"),
        ({"type": "wishlist", "product": {"id": "1", "price": 1, "url": FOREIGN}}, "product"),
        ({"type": "search", "search": {"text": f"win: {FOREIGN}"}}, "search"),
        ({"type": "cart", "cart": {"token": "a", "items": [ITEMS[0], ITEMS[0] | {"url": FOREIGN}]}}, "cart.items.1"),
        ({"type": "cart", "cart": {"token": "a", "items": [ITEMS[0] | {"name": FOREIGN}]}}, "cart.items.0"),
        ({"type": "cart", "cart": {"token": "a", "items": [ITEMS[0] | {"image": "javascript:x"}]}}, "cart.items.0"),
    ],
)
def test_visit_with_a_url_of_another_origin_is_400_and_has_no_effect(
    front: World, visit: dict[str, Any], field: str
) -> None:
    assert call(front, signed(**visit)) == (400, {"error": f"{field}: not_in_origins"})
    assert (front.api.request_count, front.parked_reasons()) == (0, [])


def test_search_for_a_url_of_the_shop_is_accepted(front: World) -> None:
    assert call(front, signed(type="search", search={"text": "see https://shop.example/mug"}))[0] == 200


def test_search_of_20_000_characters_is_413(front: World) -> None:
    assert call(front, signed(type="search", search={"text": "x" * 20_000}))[0] == 413


def test_url_of_an_app_is_accepted_if_its_scheme_is_listed(front: World) -> None:
    front.put_shop(SHOP, storefront_secret=SECRET, origins=[ORIGIN, "shopapp://"])
    assert call(front, signed(url="shopapp://catalog/7"))[1]["status"] == "delivered"


def test_waiting_visit_is_not_verified_again(front: World) -> None:
    front.api.next_answers = [503, 503]
    assert call(front, signed(url="https://shop.example/a"))[1]["status"] == "queued"
    assert call(front, signed(**CART))[1]["status"] == "queued"
    front.put_shop(SHOP, storefront_secret="quite another secret", origins=["https://elsewhere.example"])
    front.restart()
    assert front.run_until_idle() == ["delivered", "delivered"]


def test_parked_visit_is_replayed_after_its_signature_expired(front: World) -> None:
    front.api.next_answers = [400]
    assert call(front, signed(**CART))[1]["status"] == "parked"
    front.clock.advance(5 * DAY_MS)
    (parked,) = front.upkeep.parked.list(SHOP)
    front.upkeep.replay(parked)
    assert front.run_until_idle() == ["delivered"]


def test_unknown_shop_is_404(front: World) -> None:
    assert call(front, path="/storefront/unknown-shop")[0] == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_405(front: World, method: str) -> None:
    assert call(front, method=method)[0] == 405


def test_visit_is_503_while_queue_and_ledger_are_down(front: World) -> None:
    call(front)
    with front.outage("sqs", "dynamodb"):
        answer = serve(front, signed())
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "30")
    assert answer["headers"]["access-control-allow-origin"] == ORIGIN


# --- origins of pages


@pytest.mark.parametrize("origin", [ORIGIN, "https://www.shop.example", "null"])
def test_page_of_the_shop_may_read_the_response(front: World, origin: str) -> None:
    headers = serve(front, origin=origin)["headers"]
    assert headers["access-control-allow-origin"] == origin
    assert headers["vary"] == "origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example:444",
        "https://shop.example.evil.example",
        "",
    ],
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_page_of_another_origin_is_403_and_has_no_effect(front: World, origin: str, method: str) -> None:
    answer = serve(front, signed(), origin=origin, method=method)
    assert answer["statusCode"] == 403
    assert set(answer["headers"]) == {"content-type"}
    assert front.api.request_count == 0


def test_call_without_an_origin_is_accepted_without_cors_headers(front: World) -> None:
    assert call(front, signed(), origin=None)[1]["status"] == "delivered"
    assert "access-control-allow-origin" not in serve(front, origin=None)["headers"]


def test_shop_without_origins_accepts_no_page(front: World) -> None:
    front.put_shop(OTHER_SHOP, storefront_secret=SECRET)
    assert call(front, path=f"/storefront/{OTHER_SHOP}")[0] == 403


def test_preflight_is_cacheable_for_a_day_and_reads_only_the_settings(front: World) -> None:
    answer = serve(front, method="OPTIONS")
    assert (answer["statusCode"], answer["body"]) == (204, "")
    assert answer["headers"] == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": "86400",
        "vary": "origin",
    }
    assert front.calls == ["ssm.get_parameter"]


# --- the rate limit


def flood(world: World, count: int) -> list[int]:
    """Call the URL `count` times. Return the statuses."""
    return [call(world)[0] for _ in range(count)]


def test_limit_is_500_visits_in_10_seconds(front: World) -> None:
    front.clock.now -= front.clock.now % 10_000
    assert flood(front, 502) == [200] * 500 + [429] * 2
    front.clock.advance(10_000)
    assert flood(front, 1) == [200]


def test_limit_holds_for_all_environments_together(front: World) -> None:
    flood(front, 500)
    front.restart()
    assert flood(front, 1) == [429]


def test_flood_of_one_shop_does_not_limit_another(front: World) -> None:
    front.put_shop(OTHER_SHOP, storefront_secret=SECRET, origins=[ORIGIN])
    flood(front, 501)
    assert call(front, path=f"/storefront/{OTHER_SHOP}")[0] == 200


def test_flood_is_logged_once(front: World, log: io.StringIO) -> None:
    flood(front, 520)
    assert log.getvalue().count('"outcome":"throttled"') == 1


def test_visits_are_accepted_while_the_table_is_down(front: World) -> None:
    with front.outage("dynamodb"):
        assert call(front, signed())[1]["status"] == "queued"


def test_each_environment_counts_alone_while_the_table_is_down(front: World) -> None:
    front.clock.now -= front.clock.now % 10_000
    assert flood(front, 15) == [200] * 15
    with front.outage("dynamodb"):
        statuses = flood(front, 490)
    assert (statuses.index(429), statuses[-1]) == (485, 429)


def test_unreadable_visits_are_counted(front: World) -> None:
    flood(front, 499)
    assert [call(front, "not JSON")[0] for _ in range(2)] == [400, 429]


def test_preflights_and_pages_of_other_origins_are_not_counted(front: World) -> None:
    for _ in range(30):
        serve(front, method="OPTIONS")
        serve(front, origin="https://evil.example")
    assert "dynamodb.update_item" not in front.calls


NUMBERS = ["1e-40", '"1e-40"', '"0e-100000000"', "1e400", "NaN", '"Infinity"', "9" * 5000, "[1]"]


@pytest.mark.parametrize("field", ["cart.price", "cart.quantity", "cart.discount", "product.price", "wishlist.price"])
def test_hostile_number_of_a_visit_is_answered_400_or_written_out(front: World, field: str) -> None:
    type, _, name = field.partition(".")
    part = {"id": "1", "quantity": 1, "price": 1} | {name: "number"}
    viewed = {"cart": {"token": "cart-a", "items": [part]}} if type == "cart" else {"product": part}
    visit = json.dumps(signed(type=type, **viewed))
    for number in NUMBERS:
        assert serve(front, visit.replace('"number"', number))["statusCode"] in (200, 400), number
    assert len(str(front.api.accepted)) < 2_000
