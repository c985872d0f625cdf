"""What the bodies mean: one whole order with its exact model, then what is particular to each type."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shopwire.models import (
    Address,
    CartChange,
    CartItem,
    Consent,
    Contact,
    ContactChange,
    Item,
    Order,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Rank,
    Redaction,
    Status,
)
from shopwire.models.base import milliseconds
from tests.support.generic import BODIES, NOW, PLAIN, order, read, shop

CREATED = datetime.fromisoformat("2026-11-26T18:05:00+02:00")
HOME = Address(region="Львівська", town="Львів", street="вул. Зелена, 12", postcode="79005")


def test_whole_order() -> None:
    assert order() == Order(
        id="1042",
        number="A-1042",
        created_at=CREATED,
        updated_at=CREATED + timedelta(milliseconds=2480),
        status=Status.INITIALIZED,
        rank=Rank.CREATED,
        status_words="Нове",
        currency="UAH",
        total=Decimal("1085.00"),
        shipping=Decimal("85.00"),
        discount=Decimal("20.00"),
        contact=Contact(
            email="olena.koval@example.com",
            phone="380671234567",
            customer_id="77",
            first_name="Олена",
            last_name="Коваль",
            address=HOME,
            language="uk",
            consent=Consent(subscribed=True, at=milliseconds(CREATED) + 2480),
        ),
        items=(
            Item(
                id="501-red",
                name="Чайник червоний",
                category="Посуд",
                quantity=Decimal(1),
                cost=Decimal("700.00"),
                url="https://shop.example/teapot-red",
                image_url="https://shop.example/images/teapot-red.jpg",
                description="1,5 л",
            ),
            Item(id="733", name="Кухоль & блюдце", quantity=Decimal(2), cost=Decimal("150.00")),
        ),
        url="https://shop.example/order/1042/pay",
        payment_method="LiqPay",
        delivery_method="Нова пошта",
        delivery_address="Львів, відділення 7 на вул. Зеленій",
        note="Зателефонуйте, будь ласка, заздалегідь",
        source="online",
        cart_token="c-8f14e45fceea167a",
    )


@pytest.mark.parametrize(
    ("item_id", "ids"),
    [("variant", ["501-red", "733"]), ("product", ["501", "733"]), ("sku", ["TEA-RED", "MUG"])],
)
def test_id_of_an_item_is_the_one_that_the_shop_chose(item_id: str, ids: list[str]) -> None:
    assert [item.id for item in order(shop(item_id=item_id)).items] == ids


PARCEL = {"id": "p1"}


@pytest.mark.parametrize(
    ("changes", "settings", "expected"),
    [
        ({"status": "INITIALIZED", "shipped": True}, {}, (Status.INITIALIZED, Rank.CREATED)),
        ({"status": "IN_PROGRESS"}, {}, (Status.IN_PROGRESS, Rank.PAID)),
        ({"status": "IN_PROGRESS", "parcels": [PARCEL]}, {}, (Status.IN_PROGRESS, Rank.PARTLY_SHIPPED)),
        ({"status": "IN_PROGRESS", "shipped": True}, {}, (Status.IN_PROGRESS, Rank.SHIPPED)),
        (
            {"status": "IN_PROGRESS", "shipped": True},
            {"shipped_is_delivered": True},
            (Status.DELIVERED, Rank.DELIVERED),
        ),
        ({"status": "DELIVERED"}, {}, (Status.DELIVERED, Rank.DELIVERED)),
        ({"status": "CANCELLED", "shipped": True}, {}, (Status.CANCELLED, Rank.CLOSED)),
    ],
)
def test_rank_follows_from_status_and_parcels(
    changes: dict[str, Any], settings: dict[str, Any], expected: tuple[Status, Rank]
) -> None:
    found = order(shop(**settings), **changes)
    assert (found.status, found.rank) == expected


def test_main_store_of_an_engine_may_have_the_id_0() -> None:
    assert order(store_id=0).store_id == "0"
    assert order(store_id=" ").store_id is None


def test_parcels_are_those_of_the_body() -> None:
    (parcel,) = order(sample="order--shipped").parcels
    assert parcel == Parcel(
        id="20450000000001",
        tracking_number="20450000000001",
        tracking_url="https://carrier.example/20450000000001",
        carrier="Нова пошта",
    )
    assert order(sample="order--shipped").wholly_shipped


def contact(**fields: Any) -> Contact:
    return order(contact={"email": "ann@example.com", **fields}).contact


def test_country_of_the_address_completes_the_phone() -> None:
    assert contact(phone="601 234 567", address={"country": "PL"}).phone == "48601234567"
    assert contact(phone="067 123 45 67").phone == "380671234567"


def test_buyer_who_did_not_tick_the_box_did_not_unsubscribe() -> None:
    refused = {"subscribed": False, "at": "2026-11-26T18:05:00Z"}
    assert contact(consent=refused).consent == Consent(subscribed=False, at=0, is_implied=True)
    body = BODIES["contact"]
    change = read(body | {"contact": body["contact"] | {"consent": refused}})
    assert change.contact.consent == Consent(subscribed=False, at=1_795_716_300_000)


def test_consent_without_a_time_is_as_old_as_the_state_and_none_is_later_than_its_receipt() -> None:
    assert contact(consent={"subscribed": True, "channel": "sms"}).consent == Consent(
        subscribed=True, at=milliseconds(CREATED) + 2480, channel="sms"
    )
    late = contact(consent={"subscribed": True, "at": "2999-01-01T00:00:00Z"}).consent
    assert late == Consent(subscribed=True, at=NOW)


def test_whole_cart() -> None:
    change = read(BODIES["cart"])
    assert isinstance(change, CartChange)
    assert (change.by_visitor, change.cart.token, change.cart.currency) == (False, "c-8f14e45fceea167a", "UAH")
    assert change.contact == Contact(email="olena.koval@example.com", customer_id="77", first_name="Олена")
    links = {
        "url": ("https://shop.example/teapot-red",),
        "imageUrl": ("https://shop.example/images/teapot-red.jpg",),
    }
    first = CartItem(
        id="501-red",
        quantity=Decimal(1),
        price=Decimal("700.00"),
        name="Чайник червоний",
        category="Посуд",
        extra=links,
    )
    assert change.cart.items[0] == first
    assert change.cart.items[1].discount == 10


def test_customer_has_the_time_at_which_the_account_was_made() -> None:
    change = read(BODIES["contact"])
    assert isinstance(change, ContactChange)
    assert (change.id, change.created_at, change.updated_at) == ("77", 1_795_708_800_000, 1_795_708_800_000)
    assert change.contact.address == Address(town="Львів", street="вул. Зелена, 12")


def test_facts() -> None:
    assert read(BODIES["order_deleted"]) == OrderDeleted("1042")
    assert read(BODIES["parcel_delivered"]) == ParcelArrived("1043", Parcel(id="20450000000001", delivered=True))
    person = Contact(email="olena.koval@example.com", phone="380671234567", customer_id="77")
    assert read(BODIES["erase"]) == Redaction(person, "77", ("1042",))


def test_entity_of_an_erased_guest_contains_no_address() -> None:
    change = read(BODIES["erase"] | {"contact": {"email": "ann@example.com"}})
    assert change.entity.id.startswith("guest-")
    assert "ann" not in change.entity.id


def test_order_that_was_deleted_can_be_restored() -> None:
    assert order(restored=True) == replace(order(), restored=True)
    assert order(test=True).test
    assert PLAIN.get("restored") is None
