"""The storefront's URL: every status of the contract, who may call it from where, and how often."""

import io
import json
from typing import Any

import pytest

from shopwire import platforms
from shopwire.endpoints import storefront
from shopwire.mapper import recycle_state_id
from shopwire.models import Contact
from shopwire.platforms.storefront import Storefront, _Visit, sign_contact
from tests.support.delivery_world import DAY, OTHER, SHOP, Context, World, cart, order

SECRET = "front-secret"
ORIGIN = "https://shop.example"
PAGE = {"type": "page", "url": "https://shop.example/about"}
ITEMS = [{"id": "55", "quantity": 2, "price": 125, "name": "Tea"}]
CART = {"type": "cart", "currency": "UAH", "cart": {"token": "cart-a", "items": ITEMS}}


@pytest.fixture
def front(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The shop has a storefront; webhooks are the stub platform's as ever."""
    real = Storefront()
    monkeypatch.setattr(platforms, "get", lambda name: real if name == "storefront" else world.platform)
    world.put_shop(SHOP, storefront_secret=SECRET, origins=[ORIGIN, "https://www.shop.example/", "null"])
    return world


def signed(email: str = "anna@example.com", **fields: Any) -> dict[str, Any]:
    return {**PAGE, **fields, "contact": {"email": email}, "signature": sign_contact(SECRET, "email", email)}


def call(
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
    return storefront.serve(event, Context(world.owner(), 10_000), world.webhook)


def ask(world: World, body: Any = PAGE, **how: Any) -> tuple[int, dict[str, Any]]:
    answer = call(world, body, **how)
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


def test_a_visits_body_is_parsed_once(front: World, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = _Visit.model_validate_json

    def counting(body: bytes) -> _Visit:
        parsed.append(body)
        return parse(body)

    monkeypatch.setattr(_Visit, "model_validate_json", counting)
    assert ask(front, signed("once@example.com"))[0] == 200
    assert len(parsed) == 1


# --- 200


def test_a_visit_with_a_signed_person_is_delivered(front: World) -> None:
    status, said = ask(front, signed())
    assert (status, said["status"]) == (200, "delivered")
    assert front.api.story == ["contact", "pageViewed"]
    assert front.api.events[0]["email"] == "anna@example.com"


@pytest.mark.parametrize(
    ("visit", "event"),
    [
        (signed(), "pageViewed"),
        (signed(type="product", product={"id": "55", "price": "125.00"}), "productViewed"),
        (signed(type="category", category={"id": "tea"}), "productCategoryViewed"),
        (signed(**CART), "cartUpdated"),
    ],
)
def test_each_type_is_its_event(front: World, visit: dict[str, Any], event: str) -> None:
    assert ask(front, visit)[1]["status"] == "delivered"
    assert front.api.story == ["contact", event]


@pytest.mark.parametrize("type", ["application/json", "text/plain;charset=UTF-8", "application/octet-stream", None])
def test_whatever_type_a_beacon_says_its_body_decides(front: World, type: str | None) -> None:
    assert ask(front, signed(), type=type)[0] == 200


def test_a_visit_of_nobody_is_ignored_and_nothing_is_kept_of_it(front: World) -> None:
    status, said = ask(front)
    assert (status, said["status"], said["reason"]) == (200, "ignored", "anonymous")
    assert front.calls == ["ssm.get_parameter", "dynamodb.update_item"], "but for the count of visits"
    assert front.api.asked == 0
    assert PAGE["url"] not in front.stored()


def test_a_visit_of_nobodys_cart_is_ignored_and_nothing_is_kept_of_it(front: World) -> None:
    assert ask(front, PAGE | {"cart_token": "cart-a"})[1]["status"] == "ignored"
    assert "cart-a" not in front.stored()


def test_what_the_api_cannot_take_now_waits_in_the_queue_and_is_read_as_a_storefronts_then(front: World) -> None:
    front.api.answers = [503]
    assert ask(front, signed(**CART))[1]["status"] == "queued"
    assert front.drain() == ["delivered"]
    assert front.api.story == ["contact", "cartUpdated"]


def test_a_queued_visit_is_read_as_a_storefronts_also_out_of_the_outbox(front: World) -> None:
    front.api.answers = [503]
    with front.outage("sqs"):
        assert ask(front, signed())[1]["status"] == "queued"
    assert front.drain() == ["delivered"]


# --- whose the cart is


def test_a_cart_without_a_person_is_his_whom_a_visit_named_and_from_then_on_every_change_of_it(front: World) -> None:
    nobody = Contact()
    assert front.send(cart(contact=nobody)) == "ignored"
    assert ask(front, signed(cart_token="cart-a"))[1]["status"] == "delivered"
    assert front.send(cart(minutes=1, units=2, contact=nobody)) == "delivered"
    assert front.send(cart(minutes=2, units=3, contact=nobody)) == "delivered"
    assert front.api.story == ["contact", "pageViewed", "cartUpdated", "cartUpdated"]
    assert front.api.events[-1]["email"] == "anna@example.com"


def test_the_one_who_named_himself_last_has_the_cart(front: World) -> None:
    for email in ("anna@example.com", "borys@example.org"):
        ask(front, signed(email, cart_token="cart-a"))
    assert front.send(cart(contact=Contact())) == "delivered"
    assert front.api.events[-1]["email"] == "borys@example.org"


def test_naming_the_same_person_again_writes_nothing_to_the_cart(front: World) -> None:
    ask(front, signed(cart_token="cart-a"))
    before = front.entry("cart", "cart-a")
    front.clock.pass_(1000)
    ask(front, signed(cart_token="cart-a"))
    assert front.entry("cart", "cart-a") == before


def test_a_storefronts_cart_names_the_person_of_the_platforms(front: World) -> None:
    assert ask(front, signed(**CART))[1]["status"] == "delivered"
    assert front.send(cart(minutes=9, units=5, contact=Contact())) == "delivered"


def test_a_cart_named_on_its_token_alone_is_the_known_persons(front: World) -> None:
    front.send(cart())
    front.clock.pass_(60_000)
    assert ask(front, CART)[1]["status"] == "delivered"
    assert front.api.events[-1]["email"] == "anna@example.com"


def test_whoever_bought_a_cart_is_who_looks_round_with_it_afterwards(front: World) -> None:
    front.send(order(cart_token="cart-a"))
    assert ask(front, PAGE | {"cart_token": "cart-a"})[1]["status"] == "delivered"
    assert front.api.events[-1]["keyValue"] == "anna@example.com"


def test_the_order_takes_the_state_of_a_cart_that_a_visit_named(front: World) -> None:
    ask(front, signed(cart_token="cart-a"))
    front.send(cart(minutes=1, contact=Contact()))
    front.send(order(cart_token="cart-a", minutes=2))
    assert front.api.events[-1]["recycleStateId"] == recycle_state_id(cart(minutes=1, contact=Contact()).cart)


def test_a_cart_that_is_named_again_after_its_time_was_over_has_nothing_of_the_old_one(front: World) -> None:
    front.send(order(cart_token="cart-a"))
    front.clock.pass_(61 * DAY)
    ask(front, signed(cart_token="cart-a"))
    entry = front.entry("cart", "cart-a")
    assert "converted" not in entry
    assert int(entry["expires"]["N"]) > front.clock.now // 1000


# --- 4xx


@pytest.mark.parametrize("signature", ["0" * 64, "", None, "é", sign_contact("another", "email", "anna@example.com")])
def test_a_person_without_his_hmac_is_401_and_nothing_is_kept(front: World, signature: str | None) -> None:
    status, said = ask(front, signed() | {"signature": signature})
    assert (status, list(said)) == (401, ["error"])
    assert "anna" not in front.stored() + str(front.reports) + said["error"]
    assert front.api.asked == 0


def test_a_secret_that_was_replaced_is_read_anew(front: World) -> None:
    ask(front)
    front.put_shop(SHOP, storefront_secret="a new one", origins=[ORIGIN])
    visit = signed() | {"signature": sign_contact("a new one", "email", "anna@example.com")}
    assert ask(front, visit)[0] == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "body: json_invalid"),
        ("cart_token=x", "body: json_invalid"),
        ("[]", "body: model_type"),
        ('{"type": "order"}', "type: literal_error"),
        ('{"type": "page"}', "url: missing"),
        ('{"type": "page", "url": "javascript:alert(1)"}', "url: string_pattern_mismatch"),
        ('{"type": "cart", "cart": {"token": "a", "items": [{"id": "1"}]}}', "cart.items.0.quantity: missing"),
        ('{"type": "page", "url": "https://a.example/", "contact": {"push": "x"}}', "contact: extra_forbidden"),
    ],
)
def test_bad_input_is_400_says_which_field_and_is_not_parked(front: World, body: str, says: str) -> None:
    assert ask(front, body) == (400, {"error": says})
    assert front.parked() == []


@pytest.mark.parametrize(("size", "status"), [(16 << 10, 200), ((16 << 10) + 1, 413)])
def test_a_body_has_at_most_16_kilobytes(front: World, size: int, status: int) -> None:
    body = json.dumps(PAGE)
    assert ask(front, body + " " * (size - len(body)))[0] == status


@pytest.mark.parametrize(
    "path", ["/storefront/ab", "/storefront/Shop", "/storefront/", "/storefront", "/webhooks/shop"]
)
def test_what_names_no_shop_is_404_without_a_look_up(front: World, path: str) -> None:
    assert ask(front, path=path) == (404, {"error": "no such shop"})
    assert front.calls == []


def test_an_unknown_shop_is_404(front: World) -> None:
    assert ask(front, path="/storefront/nobodys-shop")[0] == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_405(front: World, method: str) -> None:
    assert ask(front, method=method)[0] == 405


def test_with_nothing_durable_in_reach_it_is_503(front: World) -> None:
    ask(front)
    with front.outage("sqs", "dynamodb"):
        answer = call(front, signed())
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "30")
    assert answer["headers"]["access-control-allow-origin"] == ORIGIN


# --- which pages


@pytest.mark.parametrize("origin", [ORIGIN, "https://www.shop.example", "null"])
def test_a_page_of_the_shops_may_read_the_answer(front: World, origin: str) -> None:
    headers = call(front, origin=origin)["headers"]
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
def test_a_page_of_another_origin_is_403_may_read_nothing_and_does_nothing(
    front: World, origin: str, method: str
) -> None:
    answer = call(front, signed(), origin=origin, method=method)
    assert answer["statusCode"] == 403
    assert set(answer["headers"]) == {"content-type"}
    assert front.api.asked == 0


def test_who_is_no_page_is_told_the_same_as_pages(front: World) -> None:
    assert ask(front, signed(), origin=None)[1]["status"] == "delivered"
    assert "access-control-allow-origin" not in call(front, origin=None)["headers"]


def test_a_shop_without_origins_has_no_pages(front: World) -> None:
    front.put_shop(OTHER, storefront_secret=SECRET)
    assert ask(front, path=f"/storefront/{OTHER}")[0] == 403


def test_a_preflight_is_answered_once_a_day_and_asks_no_store(front: World) -> None:
    answer = call(front, method="OPTIONS")
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


# --- how often


def flood(world: World, count: int) -> list[int]:
    return [ask(world)[0] for _ in range(count)]


def test_a_shop_has_fifty_calls_a_second_counted_over_ten_seconds_and_writes_for_each_ten(front: World) -> None:
    front.clock.now -= front.clock.now % 10_000
    assert flood(front, 502) == [200] * 500 + [429] * 2
    assert front.calls.count("dynamodb.update_item") == 51
    front.clock.pass_(10_000)
    assert flood(front, 1) == [200]


def test_the_limit_holds_for_all_environments_together(front: World) -> None:
    flood(front, 500)
    front.webhook = front.new_environment()
    assert flood(front, 1) == [429]


def test_one_shops_flood_is_no_other_shops(front: World) -> None:
    front.put_shop(OTHER, storefront_secret=SECRET, origins=[ORIGIN])
    flood(front, 501)
    assert ask(front, path=f"/storefront/{OTHER}")[0] == 200


def test_a_flood_is_one_line_in_the_log(front: World, log: io.StringIO) -> None:
    flood(front, 520)
    assert log.getvalue().count('"outcome":"throttled"') == 1


def test_while_nobody_can_count_visits_are_taken(front: World) -> None:
    with front.outage("dynamodb"):
        assert ask(front, signed())[1]["status"] == "queued"


def test_preflights_and_other_peoples_pages_are_not_counted(front: World) -> None:
    for _ in range(30):
        call(front, method="OPTIONS")
        call(front, origin="https://evil.example")
    assert "dynamodb.update_item" not in front.calls
