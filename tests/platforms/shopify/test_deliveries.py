"""Shopify: how a delivery is named, and what the topics that are not orders or carts mean."""

import json
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import (
    AccountDeleted,
    Address,
    Consent,
    Contact,
    ContactChange,
    Entity,
    Nothing,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Reason,
    Redaction,
    ShopRedaction,
    Webhook,
)
from tests.support.shopify import BODIES, PLAIN, SHOP, SHOPIFY, deliver, read, read_sample

# The delivery key.


def test_key_is_the_topic_the_event_id_and_the_body() -> None:
    # One event causes deliveries of several topics with the same event id.
    ids = {"x_shopify_event_id": "e-1", "x_shopify_webhook_id": "w-1"}
    created, paid = deliver("orders/create", PLAIN, **ids), deliver("orders/paid", PLAIN, **ids)
    other = deliver("orders/paid", PLAIN, shopify_event_id="e-2", **ids)
    (body,) = {created.key.removeprefix("orders/create:e-1:"), paid.key.removeprefix("orders/paid:e-1:")}
    assert other.key == f"orders/paid:e-2:{body}"


def test_other_body_under_the_same_event_id_is_another_delivery() -> None:
    first, again = (deliver("orders/updated", PLAIN, x_shopify_event_id="e-1") for _ in range(2))
    changed = deliver("orders/updated", PLAIN | {"note": "other"}, x_shopify_event_id="e-1")
    assert first.key == again.key != changed.key


def test_time_of_arrival_is_no_part_of_the_key() -> None:
    # Not of a cart without a time of its own, and not if the change has the very time of arrival.
    changed_at = "2026-11-27T12:00:00.250Z"
    for body in ({"token": "t"}, {"token": "t", "updated_at": changed_at}):
        keys = set()
        for received_at in (1_795_780_800_250, 1_795_780_860_000):
            headers = {"x-shopify-topic": "carts/update", "x-shopify-event-id": "e-1"}
            (delivery,) = SHOPIFY.read(Webhook(headers, json.dumps(body).encode(), received_at), SHOP)
            keys.add(delivery.key)
        assert len(keys) == 1


def test_key_without_an_event_id_has_the_webhook_id() -> None:
    by_webhook_id = deliver("orders/create", PLAIN, x_shopify_webhook_id="w-1").key
    assert by_webhook_id.startswith("orders/create:w-1:")
    assert by_webhook_id != deliver("orders/create", PLAIN, x_shopify_webhook_id="w-2").key
    assert deliver("orders/create", PLAIN).key == deliver("orders/create", PLAIN).key
    assert deliver("orders/create", PLAIN).key != deliver("orders/create", PLAIN | {"note": "x"}).key


@pytest.mark.parametrize(("topic", "name"), [("products/update", "products/update"), ("", "none")])
def test_body_of_an_unknown_topic_is_not_read(topic: str, name: str) -> None:
    delivery = deliver(topic, b"not even JSON")
    assert (delivery.topic, delivery.change) == (name, Nothing(Reason.UNKNOWN_TOPIC))


# The meaning of a topic.

OF_ORDER = Entity("order", "6120431591701")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("orders/edited", Nothing(Reason.SIGNAL, Entity("order", "6120431591900"))),
        ("refunds/create", Nothing(Reason.SIGNAL, Entity("order", "6120431592000"))),
        ("fulfillments/create", Nothing(Reason.SIGNAL, OF_ORDER)),
        ("fulfillments/update", Nothing(Reason.SIGNAL, OF_ORDER)),
        ("fulfillment_events/create", Nothing(Reason.NOT_DELIVERED_YET, OF_ORDER)),
        (
            "fulfillment_events/create--delivered",
            ParcelArrived("6120431591701", Parcel(id="5480431591702", delivered=True)),
        ),
        (
            "fulfillments/update--delivered",
            ParcelArrived(
                "6120431591701",
                Parcel(
                    id="5480431591701",
                    delivered=True,
                    tracking_number="20450000010421",
                    tracking_url="https://tracking.example.com/np/20450000010421",
                    carrier="Nova Poshta",
                ),
            ),
        ),
        ("orders/delete", OrderDeleted("6120431591800")),
        (
            "customers/redact",
            Redaction(
                Contact(email="oksana.hrytsenko@example.com", phone="380501234567", customer_id="7421900553001"),
                "7421900553001",
                ("6120431591701",),
            ),
        ),
        ("shop/redact", ShopRedaction()),
        (
            "customers/update",
            ContactChange(
                Contact(
                    email="ivan.shevchuk@example.org",
                    phone="380972223344",
                    customer_id="7421900553010",
                    first_name="Іван",
                    last_name="Шевчук",
                    address=Address(
                        region="Вінницька область", town="Вінниця", street="вул. Соборна, 7", postcode="21000"
                    ),
                    consent=Consent(subscribed=True, at=1_773_480_005_000),
                ),
                "7421900553010",
                1_791_477_067_000,
                1_791_350_100_000,
            ),
        ),
        (
            "customers_email_marketing_consent/update",
            ContactChange(
                Contact(
                    email="ivan.shevchuk@example.org",
                    customer_id="7421900553010",
                    consent=Consent(subscribed=False, at=1_791_527_400_000),
                ),
                "7421900553010",
                None,
                1_791_527_400_000,
            ),
        ),
        (
            "customers_email_marketing_consent/update--pending",
            Nothing(Reason.CONSENT_NOT_SAID, Entity("contact", "7421900553010")),
        ),
        (
            "customers_marketing_consent/update",
            ContactChange(
                Contact(
                    phone="380635550142",
                    customer_id="7421900554027",
                    consent=Consent(subscribed=True, at=1_791_731_100_000, channel="sms"),
                ),
                "7421900554027",
                None,
                1_791_731_100_000,
            ),
        ),
        ("app/uninstalled", Nothing(Reason.APP_UNINSTALLED)),
        ("checkouts/delete", Nothing(Reason.CHECKOUT_DELETED)),
        ("customers/delete", Nothing(Reason.ACCOUNT_DELETED)),
        ("customers/data_request", Nothing(Reason.DATA_REQUEST)),
    ],
)
def test_sample_becomes_the_exact_change(name: str, change: Any) -> None:
    assert read_sample(name) == change


DELETING = SHOP.model_copy(update={"deleted_accounts": "delete"})
LONG_BODY = {
    "id": 7421900553010,
    "phone": None,
    "addresses": [],
    "accepts_marketing": False,
    "accepts_marketing_updated_at": None,
    "marketing_opt_in_level": None,
    "tax_exemptions": [],
    "email_marketing_consent": None,
    "sms_marketing_consent": None,
    "admin_graphql_api_id": "gid://shopify/Customer/7421900553010",
}


@pytest.mark.parametrize("body", [json.loads(BODIES["customers/delete"]), LONG_BODY])
def test_account_is_deleted_with_its_contact_if_the_shop_says_so(body: dict[str, Any]) -> None:
    assert read("customers/delete", body, DELETING) == AccountDeleted("7421900553010")
    assert read("customers/delete", body) == Nothing(Reason.ACCOUNT_DELETED)


@pytest.mark.parametrize(
    "change",
    [{"email": "anna@example.com"}, {"addresses": [{}]}, {"admin_graphql_api_id": "gid://shopify/Order/7421900553010"}],
)
def test_another_body_deletes_no_contact(change: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as error:
        read("customers/delete", LONG_BODY | change, DELETING)
    assert error.value.reason is Reason.TOPIC_MISMATCH


def test_destroying_topics_and_those_whose_body_names_the_store() -> None:
    assert {topic.name for topic in SHOPIFY.topics if topic.destroys} == {
        "orders/delete",
        "customers/delete",
        "customers/redact",
        "shop/redact",
    }
    assert {topic.name for topic in SHOPIFY.topics if topic.store_of} == {
        "customers/redact",
        "customers/data_request",
        "shop/redact",
    }


@pytest.mark.parametrize(
    ("customer", "contact"),
    [
        ({"id": None, "email": "Daryna.Koval@Example.com"}, Contact(email="daryna.koval@example.com")),
        ({"email": None, "phone": "+380 50 111 22 33"}, Contact(phone="380501112233")),
    ],
)
def test_guest_is_erased_by_the_address(customer: dict[str, Any], contact: Contact) -> None:
    request = json.loads(BODIES["customers/redact"]) | {"customer": customer, "orders_to_redact": [5]}
    change = read("customers/redact", request)
    assert (change.contact, change.order_ids) == (contact, ("5",))
    # The entity is named in log lines, so it must not contain the address.
    assert change.entity == read("customers/redact", request).entity
    assert (contact.key or "") not in str(change.entity)


@pytest.mark.parametrize("status", ["delivered", "picked_up"])
def test_order_has_arrived_at_the_door_or_in_the_shop(status: str) -> None:
    parcel = json.loads(BODIES["fulfillments/update"]) | {"shipment_status": status, "status": "success"}
    event = json.loads(BODIES["fulfillment_events/create"]) | {"status": status}
    for topic, body in (("fulfillments/update", parcel), ("fulfillment_events/create", event)):
        change = read(topic, body)
        assert isinstance(change, ParcelArrived)
        assert change.parcel.delivered


@pytest.mark.parametrize("customer", [{}, {"email": ""}, {"id": None, "phone": None}, {"id": ""}, None])
def test_erasure_request_that_names_no_person_is_parked(customer: Any) -> None:
    request = json.loads(BODIES["customers/redact"])
    with pytest.raises(Unreadable) as error:
        read("customers/redact", request | {"customer": customer})
    assert error.value.reason is Reason.TOPIC_MISMATCH


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("orders/create", "OrderTransaction"),
        ("customers/create", "CustomerPaymentMethod"),
        ("fulfillments/create", "FulfillmentEvent"),
        ("refunds/create", "RefundAgreement"),
        ("carts/create", "CartTransform"),
    ],
)
def test_resource_whose_name_only_begins_like_that_of_the_topic_is_another(name: str, resource: str) -> None:
    body = json.loads(BODIES[name]) | {"admin_graphql_api_id": f"gid://shopify/{resource}/1"}
    with pytest.raises(Unreadable) as error:
        read(name, body)
    assert error.value.reason is Reason.TOPIC_MISMATCH


def test_error_names_the_field_but_not_the_value() -> None:
    body = PLAIN | {"line_items": [PLAIN["line_items"][0] | {"quantity": "hrytsenko@example.com"}]}
    with pytest.raises(Unreadable) as error:
        read("orders/create", body)
    assert str(error.value) == "line_items.0.quantity: decimal_parsing"


# Ids.


@pytest.mark.parametrize("id", ["9007199254740993", "820982911946154508", "18446744073709551615"])
def test_id_above_2_to_53_keeps_every_digit(id: str) -> None:
    assert read("orders/delete", f'{{"id":{id}}}'.encode()) == OrderDeleted(id)
    assert read("orders/delete", f'{{"id":"{id}"}}'.encode()) == OrderDeleted(id)


@pytest.mark.parametrize("id", [None, "", " ", [], {}, True, "9" * 256])
def test_value_that_is_not_an_id_is_unreadable(id: Any) -> None:
    with pytest.raises(Unreadable, match=r"^id: "):
        read("orders/delete", {"id": id})
