"""WooCommerce: how a delivery is named, and what the bodies mean that are not orders."""

import json
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import (
    AccountDeleted,
    Address,
    Contact,
    ContactChange,
    Entity,
    Nothing,
    OrderDeleted,
    Reason,
    Webhook,
)
from tests.support.woocommerce import BODIES, PLAIN, SHOP, WOO, deliver, read, shop

# The delivery key. The Delivery-ID of two orders of the same second is the same.

SAME_ID = {"x-wc-webhook-delivery-id": "0" * 32}


def test_two_orders_with_the_same_delivery_id_have_different_keys() -> None:
    first = deliver("order.updated", PLAIN | {"id": 1}, SHOP, **SAME_ID)
    second = deliver("order.updated", PLAIN | {"id": 2}, SHOP, **SAME_ID)
    assert first.key != second.key


def test_two_states_of_an_order_with_the_same_time_have_different_keys() -> None:
    before = deliver("order.updated", PLAIN, SHOP, **SAME_ID)
    after = deliver("order.updated", PLAIN | {"total": "1.00"}, SHOP, **SAME_ID)
    assert before.key != after.key


def test_repeated_delivery_has_the_same_key() -> None:
    body = BODIES["order.updated"]
    assert deliver("order.updated", body).key == deliver("order.updated", body).key


def test_time_of_arrival_is_no_part_of_the_key() -> None:
    # A customer whom WP-CLI or an import made has no dates.
    body, keys = json.dumps({"id": 7, "email": "ann@example.com", "role": "customer"}).encode(), set()
    headers = WOO.sign("customer.updated", body, SHOP, 0).headers
    for received_at in (1_795_780_800_000, 1_795_780_860_000):
        (delivery,) = WOO.read(Webhook(headers, body, received_at), SHOP)
        keys.add(delivery.key)
    assert len(keys) == 1


def test_created_and_updated_with_the_same_body_are_two_deliveries() -> None:
    created, updated = (deliver(topic, BODIES["order.updated"]) for topic in ("order.created", "order.updated"))
    assert created.change == updated.change
    assert created.key != updated.key


def test_second_deletion_of_an_order_has_another_key() -> None:
    # An order may be restored in between, and both bodies are only the id.
    body = BODIES["order.deleted"]
    assert deliver("order.deleted", body).key != deliver("order.deleted", body).key


# The meaning of a topic.


def test_order_in_the_trash_is_deleted() -> None:
    assert read("order.deleted", BODIES["order.deleted"]) == OrderDeleted("2117")


def test_restored_order_takes_the_deletion_back() -> None:
    assert read("order.restored", BODIES["order.restored"]).order.restored
    assert not read("order.updated", BODIES["order.restored"]).order.restored


def test_customer_becomes_the_exact_change() -> None:
    change = read("customer.created", BODIES["customer.created"])
    assert isinstance(change, ContactChange)
    assert change.contact == Contact(
        email="petro.kovalenko@example.org",
        phone="380931112233",
        customer_id="71",
        first_name="Петро",
        last_name="Коваленко",
        address=Address(region="UA53", town="Полтава", street="вул. Садова, 7, кв. 12", postcode="36000"),
    )
    assert change.version == 10 * 1_788_249_605_000


def test_staff_account_is_not_a_contact() -> None:
    body = BODIES["customer.created--staff"]
    assert read("customer.created", body) == Nothing(Reason.STAFF_ACCOUNT, Entity("contact", "72"))
    subscriber = json.loads(body) | {"role": "subscriber"}
    assert isinstance(read("customer.created", subscriber), ContactChange)


def test_deleted_account_is_not_an_erasure_request() -> None:
    change = read("customer.deleted", BODIES["customer.deleted"])
    assert isinstance(change, Nothing)
    assert change.reason is Reason.ACCOUNT_DELETED


def test_account_is_deleted_with_its_contact_if_the_shop_says_so() -> None:
    deleting = shop(deleted_accounts="delete")
    assert read("customer.deleted", BODIES["customer.deleted"], deleting) == AccountDeleted("71")
    with pytest.raises(Unreadable) as error:
        read("customer.deleted", {"id": 71, "email": "anna@example.com"}, deleting)
    assert error.value.reason is Reason.TOPIC_MISMATCH
    assert isinstance(read("customer.deleted", BODIES["order.created--error_body"], deleting), Nothing)


@pytest.mark.parametrize("topic", ["order.created", "customer.updated", "order.deleted"])
def test_error_in_place_of_the_resource_is_ignored(topic: str) -> None:
    expected = Nothing(Reason.ERROR_BODY, details={"error_code": "woocommerce_rest_cannot_view"})
    assert read(topic, BODIES["order.created--error_body"]) == expected


def test_text_of_an_error_body_is_not_repeated() -> None:
    assert read("order.created", {"code": "mail anna@example.com", "message": "x"}) == Nothing(Reason.ERROR_BODY)


@pytest.mark.parametrize("topic", ["product.created", "action.woocommerce_add_to_cart", "coupon.updated"])
def test_other_topics_are_ignored(topic: str) -> None:
    assert read(topic, {"action": "x", "arg": 1}) == Nothing(Reason.UNKNOWN_TOPIC)


def test_empty_topic_headers_are_an_unknown_topic() -> None:
    body = BODIES["order.updated"]
    headers = dict.fromkeys(WOO.sign("order.updated", body, SHOP, 0).headers, "") | {"x-wc-webhook-id": "0"}
    (delivery,) = WOO.read(Webhook(headers, body, 0), SHOP)
    assert (delivery.topic, delivery.change) == ("none", Nothing(Reason.UNKNOWN_TOPIC))


# What is unreadable.


@pytest.mark.parametrize("topic", WOO.topic_names())
def test_body_without_an_id_is_unreadable(topic: str) -> None:
    with pytest.raises(Unreadable):
        read(topic, b'{"id": null}')


def test_meta_data_nested_a_thousand_deep_is_unreadable() -> None:
    body = b'{"id": 1, "meta_data": ' + b"[" * 1000 + b"]" * 1000 + b"}"
    with pytest.raises(Unreadable):
        read("order.updated", body)


def test_id_above_2_to_53_or_as_text_keeps_every_digit() -> None:
    def id_of(id: Any) -> str:
        found: str = read("order.updated", PLAIN | {"id": id}).order.id
        return found

    assert id_of(820982911946154508) == "820982911946154508"
    assert id_of("12345678901234567890123") == "12345678901234567890123"
