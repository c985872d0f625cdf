"""Shopify: how deliveries are named, what their bodies mean, what must never be believed.

Their money: test_shopify_money.py; what proves them: test_shopify_verify.py; bodies that are none:
test_shopify_unreadable.py.
"""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from shopwire import platforms
from shopwire.errors import Unreadable
from shopwire.models import (
    Contact,
    ContactChange,
    Delivery,
    Entity,
    Item,
    Nothing,
    Order,
    OrderChange,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Rank,
    Redaction,
    Shop,
    ShopRedaction,
    Status,
    Webhook,
)
from shopwire_testkit.samples import samples

SHOPIFY = platforms.get("shopify")
SHOP = Shop(id="shop", platform="shopify", secrets=("secret",), esputnik_key="key", region="UA")
SAMPLES = samples("shopify")
BODIES = {sample.name: sample.body for sample in SAMPLES}
PLAIN = json.loads(BODIES["orders/create"])
KYIV = timezone(timedelta(hours=3))


def deliver(topic: str, body: bytes | Any, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"x-shopify-topic": topic} | {name.replace("_", "-"): value for name, value in headers.items()}
    (delivery,) = SHOPIFY.read(Webhook(named, raw, 0), SHOP)
    return delivery


def read(topic: str, body: bytes | Any) -> Any:
    return deliver(topic, body).change


def sample(name: str) -> Any:
    return read(name.partition("--")[0], BODIES[name])


def order(**changes: Any) -> Order:
    change = read("orders/updated", PLAIN | changes)
    assert isinstance(change, OrderChange)
    return change.order


def test_a_whole_order_becomes_the_exact_model() -> None:
    assert sample("orders/fulfilled") == OrderChange(
        Order(
            id="6120431591701",
            number="#1042",
            created_at=datetime(2026, 10, 5, 10, 12, 30, tzinfo=KYIV),
            updated_at=datetime(2026, 10, 8, 15, 5, 1, tzinfo=KYIV),
            status=Status.IN_PROGRESS,
            rank=Rank.SHIPPED,
            status_words="paid, fulfilled",
            currency="UAH",
            total=Decimal("2219.00"),
            shipping=Decimal("80.00"),
            discount=Decimal("0.00"),
            taxes=Decimal("0.00"),
            contact=Contact(
                email="oksana.hrytsenko@example.com",
                phone="380501234567",
                customer_id="7421900553001",
                first_name="Оксана",
                last_name="Гриценко",
            ),
            items=(
                Item(id="44903100227001", name="Куртка «Карпати» - M / синя", quantity=Decimal(1), cost=Decimal(1899)),
                Item(id="44903100227002", name="Шкарпетки вовняні - 38-40", quantity=Decimal(2), cost=Decimal(120)),
            ),
            parcels=(
                Parcel(
                    id="5480431591701",
                    delivered=True,
                    tracking_number="20450000010421",
                    tracking_url="https://tracking.example.com/np/20450000010421",
                    carrier="Nova Poshta",
                ),
                Parcel(
                    id="5480431591702",
                    tracking_number="20450000010422",
                    tracking_url="https://tracking.example.com/np/20450000010422",
                    carrier="Nova Poshta",
                ),
            ),
            wholly_shipped=True,
            url="https://demo.myshopify.com/81230045/orders/6120431591701/authenticate?key=invented",
            payment_method="shopify_payments",
            delivery_method="Нова Пошта, відділення",
            delivery_address="вул. Городоцька, 15, кв. 8, Львів, Львівська область, 79016, Ukraine",
            note=PLAIN["note"],
            source="online",
            cart_token="Z2NwLWV1cm9wZS13ZXN0MTowMUs2U0hPUFdJUkVERU1PQ0FSVDE",
        )
    )


# How a delivery is named.


def test_every_topic_has_a_sample() -> None:
    assert {one.topic for one in SAMPLES} == set(SHOPIFY.topics)


def test_the_event_id_names_it_together_with_the_topic_since_one_event_has_several() -> None:
    ids = {"x_shopify_event_id": "e-1", "x_shopify_webhook_id": "w-1"}
    assert deliver("orders/create", PLAIN, **ids).key == "orders/create:e-1"
    assert deliver("orders/paid", PLAIN, **ids).key == "orders/paid:e-1"
    assert deliver("orders/paid", PLAIN, shopify_event_id="e-2", **ids).key == "orders/paid:e-2"


def test_without_an_event_id_the_webhook_id_names_it_and_without_both_its_bytes() -> None:
    assert deliver("orders/create", PLAIN, x_shopify_webhook_id="w-1").key == "orders/create:w-1"
    assert deliver("orders/create", PLAIN).key == deliver("orders/create", PLAIN).key
    assert deliver("orders/create", PLAIN).key != deliver("orders/create", PLAIN | {"note": "x"}).key


@pytest.mark.parametrize(("topic", "named"), [("products/update", "products/update"), ("", "none")])
def test_an_unknown_topic_is_ignored_unread(topic: str, named: str) -> None:
    delivery = deliver(topic, b"not even JSON")
    assert (delivery.topic, delivery.change) == (named, Nothing("unknown topic"))


# What the topics mean.

OF_ORDER = Entity("order", "6120431591701")
SIGNAL = "signal: orders/updated brings the state"
SECOND = Parcel(id="5480431591702", delivered=True)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("orders/edited", Nothing(SIGNAL, Entity("order", "6120431591900"))),
        ("refunds/create", Nothing(SIGNAL, Entity("order", "6120431592000"))),
        ("fulfillments/create", Nothing(SIGNAL, OF_ORDER)),
        ("fulfillments/update", Nothing(SIGNAL, OF_ORDER)),
        ("fulfillment_events/create", Nothing("signal: not delivered yet", OF_ORDER)),
        ("fulfillment_events/create--delivered", ParcelArrived("6120431591701", SECOND)),
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
                ),
                "7421900553010",
                1_791_477_067_000,
                1_791_350_100_000,
            ),
        ),
    ],
)
def test_a_topic_that_is_no_order(name: str, change: Any) -> None:
    assert sample(name) == change


@pytest.mark.parametrize("name", ["app/uninstalled", "checkouts/delete", "customers/delete", "customers/data_request"])
def test_topics_that_no_event_follows_from_say_why(name: str) -> None:
    change = sample(name)
    assert isinstance(change, Nothing)
    assert change.reason


def test_the_life_of_one_order_only_ever_goes_forward() -> None:
    names = ("orders/create", "orders/paid", "orders/partially_fulfilled", "orders/fulfilled")
    lives = [sample(name) for name in (*names, "orders/updated--delivered")]
    assert {life.entity for life in lives} == {OF_ORDER}
    assert [life.version for life in lives] == sorted({life.version for life in lives})
    assert [(life.order.status, life.order.rank) for life in lives] == [
        (Status.INITIALIZED, Rank.CREATED),
        (Status.IN_PROGRESS, Rank.PAID),
        (Status.IN_PROGRESS, Rank.PARTLY_SHIPPED),
        (Status.IN_PROGRESS, Rank.SHIPPED),
        (Status.DELIVERED, Rank.DELIVERED),
    ]


def test_the_carriers_word_on_the_last_parcel_delivers_the_shipped_order() -> None:
    shipped, arrived = sample("orders/fulfilled"), sample("fulfillment_events/create--delivered")
    assert shipped.entity == arrived.entity
    assert shipped.order.with_facts({arrived.parcel.id}, deleted=False).status is Status.DELIVERED


@pytest.mark.parametrize(
    ("changes", "status", "rank"),
    [
        ({"financial_status": "pending"}, Status.INITIALIZED, Rank.CREATED),
        ({"financial_status": "authorized"}, Status.INITIALIZED, Rank.CREATED),
        ({"financial_status": None}, Status.INITIALIZED, Rank.CREATED),
        ({"financial_status": "partially_paid"}, Status.IN_PROGRESS, Rank.PAID),
        ({"financial_status": "paid"}, Status.IN_PROGRESS, Rank.PAID),
        ({"financial_status": "partially_refunded"}, Status.IN_PROGRESS, Rank.PAID),
        ({"financial_status": "refunded"}, Status.CANCELLED, Rank.CLOSED),
        ({"financial_status": "voided"}, Status.CANCELLED, Rank.CLOSED),
        ({"cancelled_at": "2026-10-06T00:00:00Z", "financial_status": "paid"}, Status.CANCELLED, Rank.CLOSED),
        ({"fulfillment_status": "partial"}, Status.IN_PROGRESS, Rank.PARTLY_SHIPPED),
        ({"fulfillment_status": "fulfilled"}, Status.IN_PROGRESS, Rank.SHIPPED),
        ({"fulfillments": [{"id": 1, "status": "success"}]}, Status.IN_PROGRESS, Rank.PARTLY_SHIPPED),
        ({"fulfillments": [{"id": 1, "status": "cancelled"}]}, Status.INITIALIZED, Rank.CREATED),
        (
            {"fulfillment_status": "partial", "fulfillments": [{"id": 1, "shipment_status": "delivered"}]},
            Status.IN_PROGRESS,
            Rank.PARTLY_SHIPPED,
        ),
    ],
)
def test_a_status_follows_from_money_and_parcels_together(changes: dict[str, Any], status: Status, rank: Rank) -> None:
    found = order(**changes)
    assert (found.status, found.rank) == (status, rank)


def test_a_shop_may_say_that_shipped_is_delivered() -> None:
    trusting = SHOP.model_copy(update={"shipped_is_delivered": True})
    webhook = Webhook({"x-shopify-topic": "orders/fulfilled"}, BODIES["orders/fulfilled"], 0)
    (delivery,) = SHOPIFY.read(webhook, trusting)
    assert isinstance(delivery.change, OrderChange)
    assert delivery.change.order.status is Status.DELIVERED


def test_a_gift_card_is_fulfilled_without_a_parcel() -> None:
    assert sample("orders/updated--gift_card_and_custom_line").order.parcels == ()


def test_an_old_fulfillment_lists_its_numbers_only() -> None:
    parcel = {"id": 1, "status": "success", "tracking_number": None, "tracking_numbers": ["A", "B"]}
    (found,) = order(fulfillments=[parcel | {"tracking_url": "", "tracking_urls": ["https://a.example.com"]}]).parcels
    assert (found.tracking_number, found.tracking_url) == ("A", "https://a.example.com")


# Who it was.


def test_a_guest_at_the_till_is_known_by_his_phone() -> None:
    found = sample("orders/create--guest_pos").order
    assert found.contact == Contact(phone="380670001122")
    assert (found.source, found.store_id, found.cart_token) == ("offline", "81230045", None)


def test_a_note_keeps_its_lines_and_its_emoji() -> None:
    assert sample("orders/create").order.note == "Подзвоніть, будь ласка, перед доставкою 🙏\nДомофон не працює"  # noqa: RUF001


def test_a_draft_of_the_admin_has_no_cart() -> None:
    assert sample("orders/create--draft").order.cart_token is None


@pytest.mark.parametrize(
    ("changes", "contact"),
    [
        ({"email": "", "contact_email": " Second@Example.com "}, Contact(email="second@example.com")),
        ({"email": None, "contact_email": None, "phone": "0501112233"}, Contact(phone="380501112233")),
        ({"email": "", "customer": {"id": 9, "email": "third@example.com"}}, None),
        ({"email": "removed@site.invalid"}, Contact()),
        ({"billing_address": {"phone": "00380501112233"}}, None),
    ],
)
def test_the_buyer_is_who_the_order_names_first(changes: dict[str, Any], contact: Contact | None) -> None:
    nobody = {"email": None, "contact_email": None, "phone": None, "customer": None, "billing_address": None}
    expected = (
        contact
        or {
            "customer": Contact(email="third@example.com", customer_id="9"),
            "billing_address": Contact(phone="380501112233"),
        }[list(changes)[-1]]
    )
    assert order(**nobody | changes).contact == expected


@pytest.mark.parametrize("nothing", [None, [], {}, "", 0])
def test_an_absent_person_or_address_comes_in_many_forms(nothing: Any) -> None:
    found = order(customer=nothing, billing_address=nothing, shipping_address=nothing)
    assert found.contact == Contact(email="oksana.hrytsenko@example.com", phone="380501234567")
    assert found.delivery_address is None


def test_an_absent_list_is_an_empty_one() -> None:
    names = ("line_items", "fulfillments", "refunds", "shipping_lines", "discount_codes", "payment_gateway_names")
    assert order(**dict.fromkeys(names)) == order(**{name: [] for name in names})
    rest = {name: value for name, value in PLAIN.items() if name not in names}
    assert read("orders/updated", rest).order == order(**dict.fromkeys(names))


def test_cart_checkout_and_order_share_one_token() -> None:
    names = ("carts/create", "carts/update", "carts/update--empty", "checkouts/create", "checkouts/update")
    (token,) = {sample(name).cart.token for name in names}
    assert sample("orders/create").order.cart_token == token


def test_a_cart_names_nobody_and_its_checkout_does() -> None:
    assert sample("carts/create").cart.contact == Contact()
    assert sample("checkouts/create--anonymous").cart.contact == Contact()
    assert sample("checkouts/create").cart.contact == Contact(email="oksana.hrytsenko@example.com")
    assert sample("checkouts/update").cart.contact.phone == "380501234567"


def test_an_emptied_cart_is_a_cart_without_items() -> None:
    cart = sample("carts/update--empty").cart
    assert cart.items == ()
    assert cart.updated_at == datetime(2026, 10, 5, 7, 13, 0, 20_000, tzinfo=UTC)


def test_a_completed_checkout_leaves_the_word_to_its_order() -> None:
    body = json.loads(BODIES["checkouts/update"]) | {"completed_at": "2026-10-05T10:12:30+03:00"}
    assert read("checkouts/update", body) == Nothing("completed: the order tells", Entity("cart", PLAIN["cart_token"]))


# Ids, dates, shapes.


@pytest.mark.parametrize("id", ["9007199254740993", "820982911946154508", "18446744073709551615"])
def test_ids_above_2_to_53_keep_every_digit_as_number_and_as_text(id: str) -> None:
    assert read("orders/delete", f'{{"id":{id}}}'.encode()) == OrderDeleted(id)
    assert read("orders/delete", f'{{"id":"{id}"}}'.encode()) == OrderDeleted(id)


@pytest.mark.parametrize("id", [None, "", " ", [], {}, True, "9" * 256])
def test_what_is_no_id_is_refused(id: Any) -> None:
    with pytest.raises(Unreadable, match=r"^id: "):
        read("orders/delete", {"id": id})


@pytest.mark.parametrize("name", ["created_at", "updated_at", "cancelled_at"])
@pytest.mark.parametrize(
    "date", ["2026-10-05T10:12:30", "0000-00-00", "0000-00-00T00:00:00Z", "2026-02-30T00:00:00Z", "", "soon"]
)
def test_a_date_that_is_none_or_has_no_offset_is_refused(name: str, date: str) -> None:
    with pytest.raises(Unreadable, match=rf"^{name}: "):
        order(**{name: date})


def test_a_date_before_1970_still_has_its_place_in_the_order_of_versions() -> None:
    old, older = (read("orders/updated", PLAIN | {"updated_at": f"{year}-12-30T00:00:00Z"}) for year in (1899, 1898))
    assert older.version < old.version < 0


def test_an_order_without_updated_at_is_as_old_as_the_order() -> None:
    assert order(updated_at=None).updated_at == datetime(2026, 10, 5, 10, 12, 30, tzinfo=KYIV)


def test_key_order_escapes_and_unknown_fields_change_nothing() -> None:
    expected = sample("orders/create")
    turned = {name: PLAIN[name] for name in reversed(PLAIN)}
    assert read("orders/create", turned) == expected
    assert read("orders/create", json.dumps(PLAIN, ensure_ascii=False).encode()) == expected
    assert read("orders/create", json.dumps(PLAIN).replace("/", "\\/").encode()) == expected
    assert read("orders/create", PLAIN | {"brand_new": [{"deep": {"er": [1, None]}}]}) == expected


def test_shopifys_escapes_are_read_as_what_they_stand_for() -> None:
    assert rb"\u0026" in BODIES["orders/cancelled"]
    assert rb"\/" in BODIES["orders/cancelled"]
    assert sample("orders/cancelled").order.note == '"R&D" <офіс>, 2/3 поверх'
