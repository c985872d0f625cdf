"""BigCommerce: what a webhook announces, its key, and the few webhooks that say all there is."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import (
    AccountDeleted,
    Cart,
    CartChange,
    Entity,
    Nothing,
    OrderDeleted,
    Reason,
    ThinChange,
    Webhook,
)
from tests.support.bigcommerce import BIG, BODIES, deliver, envelope, read, shop

CART = "7c3c9f3e-52b1-4c0a-8a37-3f3b5b1f6d90"
ORDER_SCOPES = [
    "store/order/created",
    "store/order/updated",
    "store/order/statusUpdated",
    "store/order/refund/created",
    "store/order/transaction/created",
    "store/order/transaction/updated",
    "store/shipment/created",
    "store/shipment/updated",
    "store/shipment/deleted",
]


@pytest.mark.parametrize("scope", ORDER_SCOPES)
def test_whatever_changes_an_order_announces_the_order(scope: str) -> None:
    change = read(BODIES[scope])
    assert (change.entity, change.topic, change.ids) == (Entity("order", "1184"), scope, {"order": "1184"})


@pytest.mark.parametrize(
    "scope",
    [
        *("store/cart/created", "store/cart/updated", "store/cart/couponApplied", "store/cart/abandoned"),
        *("store/cart/lineItem/created", "store/cart/lineItem/updated", "store/cart/lineItem/deleted"),
    ],
)
def test_whatever_changes_a_cart_announces_the_cart(scope: str) -> None:
    change = read(BODIES[scope])
    assert (change.entity, change.topic, change.ids) == (Entity.of_cart(CART), scope, {"cart": CART})


def test_customer_address_and_subscriber() -> None:
    for scope in ("store/customer/created", "store/customer/updated", "store/customer/address/created"):
        assert (read(BODIES[scope]).entity, read(BODIES[scope]).ids) == (Entity("contact", "58"), {"customer": "58"})
    subscriber = read(BODIES["store/subscriber/created"])
    assert (subscriber.entity, subscriber.ids) == (Entity("contact", "subscriber-5"), {"subscriber": "5"})


def test_time_of_the_webhook_is_when_it_was_announced() -> None:
    assert read(envelope(created_at=1_791_191_561)).announced_at == 1_791_191_561_000
    # "HTTPS Webhooks Overview" shows a body without it.
    for written in (None, 0, -5, "soon", 10**15, [], "1.5"):
        assert read(envelope(created_at=written)).announced_at == 1_798_761_600_000


def test_converted_cart_announces_its_order() -> None:
    cart = "0f2f4c1e-6a55-4f0e-9a3d-6a1f0a7c5b21"
    change = read(BODIES["store/cart/converted"])
    assert (change.entity, change.ids) == (Entity("order", "1184"), {"order": "1184", "cart": cart})
    channel = read(BODIES["store/cart/converted--channel"])
    assert channel == Nothing(Reason.CART_CONVERTED, Entity.of_cart(CART))


def test_deleted_cart_is_empty_at_the_end_of_its_second() -> None:
    at = datetime(2026, 10, 4, 19, 0, 0, 999000, tzinfo=UTC)
    assert read(BODIES["store/cart/deleted"]) == CartChange(Cart(token=CART, updated_at=at))
    without = read(envelope("store/cart/deleted", created_at=None))
    assert without.cart.updated_at == datetime(2027, 1, 1, tzinfo=UTC)


def test_archived_order_is_deleted() -> None:
    for name in ("store/order/archived", "store/order/archived--channel"):
        assert read(BODIES[name]) == OrderDeleted("1184")


def test_deleted_customer() -> None:
    body = BODIES["store/customer/deleted"]
    assert read(body, shop(deleted_accounts="delete")) == AccountDeleted("58")
    assert read(body) == Nothing(Reason.ACCOUNT_DELETED, Entity("contact", "58"))


def test_report_of_failed_webhooks_names_its_code() -> None:
    body = BODIES["store/hook/deliveryException"]
    assert read(body) == Nothing(Reason.WEBHOOKS_FAIL, details={"error_code": "90002"})
    odd = envelope("store/hook/deliveryException", data={"type": "webhook", "error_code": "text of a person"})
    assert read(odd) == Nothing(Reason.WEBHOOKS_FAIL)


@pytest.mark.parametrize(
    ("scope", "topic", "data"),
    [
        ("store/channel/1/order/updated", "store/order/updated", {"order_id": 1184}),
        ("store/channel/27/order/created", "store/order/created", {"order_id": "1184"}),
        ("store/channel/1/cart/updated", "store/cart/updated", {"cart_id": CART}),
        (
            "store/channel/1/cart/lineItems/created",
            "store/cart/lineItem/created",
            {"cart_id": CART, "cart_item_id": "a"},
        ),
        ("store/channel/1/cart/lineItem/deleted", "store/cart/lineItem/deleted", {"cart_id": CART}),
        ("store/order/updated/", "store/order/updated", {"type": "order", "id": 1184}),
    ],
)
def test_scope_of_a_channel_is_that_of_the_store(scope: str, topic: str, data: dict[str, Any]) -> None:
    delivery = deliver(envelope(scope=scope, data=data))
    entity = Entity.of_cart(CART) if "cart_id" in data else Entity("order", "1184")
    assert (delivery.topic, delivery.entity) == (topic, entity)
    assert isinstance(delivery.change, ThinChange)


@pytest.mark.parametrize(
    "scope",
    [
        "store/channel/created",
        "store/channel/metafield/created",
        "store/product/updated",
        "store/order/message/created",
    ],
)
def test_other_events_of_a_wildcard_are_ignored(scope: str) -> None:
    delivery = deliver(envelope(scope=scope, data={"type": "channel", "id": 2}))
    assert (delivery.topic, delivery.change) == (scope, Nothing(Reason.UNKNOWN_TOPIC))


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("store/order/created", None, "data"),
        ("store/order/created", [], "data"),
        ("store/order/created", {}, "data.id"),
        # An id becomes part of a path of the API.
        ("store/order/created", {"id": "1184/../../v3/customers"}, "data.id"),
        ("store/order/created", {"id": "1184?x=1"}, "data.id"),
        ("store/order/created", {"id": 0}, "data.id"),
        ("store/order/created", {"id": -1}, "data.id"),
        ("store/order/created", {"id": {"a": 1}}, "data.id"),
        ("store/order/created", {"id": "9" * 20}, "data.id"),
        ("store/shipment/created", {"type": "shipment", "id": 61}, "data.orderId"),
        ("store/order/transaction/created", {"type": "transaction", "id": 1184}, "data.orderId"),
        ("store/cart/updated", {"id": "../customers"}, "data.id"),
        ("store/cart/updated", {"id": ""}, "data.id"),
        ("store/customer/address/created", {"type": "customer", "id": 60}, "data.address.customer_id"),
        ("store/subscriber/created", {"id": "5 "}, ""),
    ],
)
def test_body_without_a_usable_id_is_unreadable(name: str, data: Any, field: str) -> None:
    if not field:
        assert read(envelope(name, data=data)).ids == {"subscriber": "5"}
        return
    with pytest.raises(Unreadable) as error:
        read(envelope(name, data=data))
    assert error.value.field == field


def test_scope_that_is_no_text_is_unreadable() -> None:
    for scope in (None, {"a": 1}):
        with pytest.raises(Unreadable, match=r"^scope: "):
            read(envelope(scope=scope))
    assert BIG.topic_of(Webhook({}, b"[", 0)) == ""


# The key: what is a duplicate.

SECOND = 1_791_191_561
LATE = (SECOND + 60) * 1000
EARLY = SECOND * 1000 + 900


def key(at: int = LATE, id: str = "msg_1", **changes: Any) -> str:
    return deliver(envelope(created_at=SECOND, **changes), at=at, **{"webhook-id": id}).key


def test_same_hash_of_the_same_second_is_a_duplicate() -> None:
    # A retry, also one that BigCommerce made of another message.
    assert key() == key(at=LATE + 7_200_000) == key(id="msg_2")


def test_other_hash_topic_or_second_is_no_duplicate() -> None:
    others = [
        key(hash="another"),
        key(scope="store/order/updated"),
        deliver(envelope(created_at=SECOND + 1), at=LATE, **{"webhook-id": "msg_1"}).key,
    ]
    assert len({key(), *others}) == 4
    # The same event, announced for the store and for its channel.
    assert key(scope="store/channel/1/order/created", data={"order_id": 1184}) == key()


def test_second_change_within_one_second_is_no_duplicate() -> None:
    # The hash is that of the content. What arrived before the second was over may have been fetched between the two.
    first, second = key(at=EARLY), key(at=EARLY + 50, id="msg_2")
    assert first != second
    assert key(at=EARLY) == key(at=EARLY + 100)
    # What arrives afterwards is fetched after both.
    assert key(id="msg_2") == key(id="msg_3") not in (first, second)


def test_body_without_time_or_hash_has_the_key_of_its_message() -> None:
    body = envelope(created_at=None, hash=None)
    first = deliver(body, **{"webhook-id": "msg_1"})
    assert first.key == deliver(body, **{"webhook-id": "msg_1"}).key != deliver(body, **{"webhook-id": "msg_2"}).key
    assert deliver(json.dumps(body).encode()).key == deliver(json.dumps(body).encode()).key


# What the platform class says.


def test_first_names_of_what_is_fetched() -> None:
    assert BIG.fetched_names("store/cart/converted")[0] == "order"
    assert BIG.fetched_names("store/cart/updated") == ("cart", "customer")
    assert BIG.fetched_names("store/shipment/created") == BIG.fetched_names("store/order/created")
    assert BIG.fetched_names("store/app/uninstalled") == ()


def test_address_of_the_api_is_that_of_the_store() -> None:
    for store in ("stores/abc123", "abc123", "https://store-abc123.mybigcommerce.com/", "ABC123"):
        access = BIG.api_access(shop(store=store))
        assert access.url == "https://api.bigcommerce.com/stores/abc123"
        assert access.headers == {"X-Auth-Token": "a-token"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"store": None}, "`store` must be"),
        ({"store": ["a1", "b2"]}, "`store` must be"),
        ({"store": "my-shop.example/../x"}, "`store` must be"),
        ({"api": {}}, "`api.token` must be"),
        ({"api": {"token": ""}}, "`api.token` must be"),
        ({"api": {"token": 5}}, "`api.token` must be"),
        ({"api": {"token": "two\r\nX-Other: lines"}}, "`api.token` must be"),
    ],
)
def test_access_needs_one_store_and_a_token(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        BIG.api_access(shop(**settings))
