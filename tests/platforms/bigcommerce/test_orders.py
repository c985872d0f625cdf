"""BigCommerce: what an order says besides its amounts, and what is asked for it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import RetryLater, Unreadable
from shopwire.models import (
    Address,
    Consent,
    Contact,
    Entity,
    Item,
    Nothing,
    Order,
    OrderSkipped,
    Parcel,
    Rank,
    Reason,
    Status,
)
from tests.support.bigcommerce import ANSWERS, PLAIN, Api, fetch, order, product, shop


def test_whole_order() -> None:
    assert order() == Order(
        id="1184",
        number="1184",
        created_at=datetime(2026, 10, 5, 9, 12, 40, tzinfo=UTC),
        updated_at=datetime(2026, 10, 5, 9, 12, 41, tzinfo=UTC),
        status=Status.IN_PROGRESS,
        rank=Rank.PAID,
        status_words="Awaiting Fulfillment",
        currency="UAH",
        total=Decimal("1710.0000"),
        shipping=Decimal("90.0000"),
        discount=Decimal("180.0000"),
        contact=Contact(
            email="myroslava.dzvinka@example.com",
            phone="380675550162",
            customer_id="57",
            first_name="Мирослава",
            last_name="Дзвінка",
            address=Address(
                region="Львівська область", town="Львів", street="вул. Зелена, 14, кв. 7", postcode="79005"
            ),
            language="uk",
            consent=Consent(subscribed=True, at=1_791_191_560_000),
        ),
        items=(
            Item(id="301", name="Лляний рушник", quantity=Decimal(2), cost=Decimal(486)),
            Item(id="315", name="Чайник", quantity=Decimal(1), cost=Decimal(648)),
        ),
        coupons=("OSIN10",),
        payment_method="Credit Card",
        delivery_method="Нова Пошта",
        delivery_address="Відділення № 5, Стрий, Львівська область, 82400, Ukraine",
        note="Подзвоніть перед доставкою",
        source="online",
        cart_token="0f2f4c1e-6a55-4f0e-9a3d-6a1f0a7c5b21",
    )


# The statuses of the reference, "Order statuses".
STATUSES = [
    (1, Status.INITIALIZED, Rank.CREATED),
    (2, Status.IN_PROGRESS, Rank.SHIPPED),
    (3, Status.IN_PROGRESS, Rank.PARTLY_SHIPPED),
    (4, Status.CANCELLED, Rank.CLOSED),
    (5, Status.CANCELLED, Rank.CLOSED),
    (6, Status.CANCELLED, Rank.CLOSED),
    (7, Status.INITIALIZED, Rank.CREATED),
    (8, Status.IN_PROGRESS, Rank.PAID),
    (9, Status.IN_PROGRESS, Rank.PAID),
    (10, Status.DELIVERED, Rank.DELIVERED),
    (11, Status.IN_PROGRESS, Rank.PAID),
    (12, Status.IN_PROGRESS, Rank.PAID),
    (13, Status.IN_PROGRESS, Rank.PAID),
    (14, Status.IN_PROGRESS, Rank.PAID),
    (99, Status.IN_PROGRESS, Rank.PAID),
]


@pytest.mark.parametrize(("number", "status", "rank"), STATUSES)
def test_number_of_the_status_decides(number: int, status: Status, rank: Rank) -> None:
    found = order(status_id=number, status="Completed", custom_status="Наш статус")
    assert (found.status, found.rank, found.status_words) == (status, rank, "Наш статус")


@pytest.mark.parametrize("name", ["12", "Manual Verification Required", "перевіряємо ", "ПЕРЕВІРЯЄМО"])
def test_setting_may_name_the_number_or_either_name_of_a_status(name: str) -> None:
    words = {"status_id": 12, "status": "Manual Verification Required", "custom_status": "Перевіряємо"}
    found = order(of=shop(statuses={name: "INITIALIZED"}), **words)
    assert (found.status, found.rank) == (Status.INITIALIZED, Rank.CREATED)
    assert order(of=shop(statuses={"11": "INITIALIZED"}), **words).status is Status.IN_PROGRESS


def test_ignored_status_and_incomplete_order_are_skipped_without_another_request() -> None:
    api = Api(order=PLAIN["order"])
    ignoring = shop(statuses={"awaiting fulfillment": "ignore"})
    assert fetch("store/order/created", api, ignoring) == OrderSkipped("1184", Reason.STATUS_IGNORED)
    assert len(api.paths) == 1
    incomplete = Api(**ANSWERS["store/order/created--incomplete"])
    assert fetch("store/order/created--incomplete", incomplete) == OrderSkipped("1184", Reason.DRAFT)
    assert len(incomplete.paths) == 1
    assert order(of=shop(statuses={"0": "INITIALIZED"}), status_id=0).status is Status.INITIALIZED


def test_order_that_is_gone() -> None:
    assert fetch("store/order/updated--gone", Api(order=None)) == Nothing(
        Reason.NOT_AT_PLATFORM, Entity("order", "1185")
    )


def test_archived_order_is_cancelled_until_it_comes_back() -> None:
    found = order(is_deleted=True)
    assert (found.status, found.rank, found.total) == (Status.CANCELLED, Rank.CLOSED, Decimal("1710.0000"))
    assert order(of=shop(statuses={"11": "DELIVERED"}), is_deleted=True).status is Status.CANCELLED
    assert order(is_deleted=False).status is Status.IN_PROGRESS


# What is asked for.


def test_paths_and_their_order() -> None:
    api = Api(**ANSWERS["store/order/refund/created"])
    fetch("store/order/refund/created", api)
    assert api.paths == [
        "/v2/orders/1184?include=consignments,fees&consignment_structure=object",
        "/v2/orders/1184/products?limit=250&page=1",
        "/v2/orders/1184/coupons?limit=250",
        "/v3/orders/1184/payment_actions/refunds",
    ]


@pytest.mark.parametrize(
    ("order_changes", "product_changes", "asked"),
    [
        ({"coupon_discount": "0.0000"}, {}, []),
        ({"coupon_discount": "0.0000", "items_shipped": 1}, {}, ["shipments"]),
        ({"coupon_discount": "0.0000", "status_id": 2}, {}, ["shipments"]),
        ({"coupon_discount": "0.0000"}, {"quantity_shipped": 1}, ["shipments"]),
        ({"coupon_discount": "0.0000", "status_id": 14}, {}, ["refunds"]),
        ({"coupon_discount": "0.0000", "payment_status": "partially refunded"}, {}, ["refunds"]),
        ({"coupon_discount": "0.0000"}, {"quantity_refunded": 1}, ["refunds"]),
        ({}, {}, ["coupons"]),
    ],
)
def test_only_what_there_is_is_asked_for(
    order_changes: dict[str, Any], product_changes: dict[str, Any], asked: list[str]
) -> None:
    api = Api(order=PLAIN["order"] | order_changes, products=[product(**product_changes)])
    fetch("store/order/updated", api)
    assert [path.partition("?")[0].rpartition("/")[2] for path in api.paths[2:]] == asked


def test_webhook_of_a_refund_asks_for_it_whatever_the_order_says() -> None:
    api = Api(**PLAIN)
    fetch("store/order/refund/created", api)
    assert api.paths[-1] == "/v3/orders/1184/payment_actions/refunds"


def test_all_pages_of_the_products_are_fetched() -> None:
    def page(path: str) -> list[dict[str, Any]]:
        number = int(path.rpartition("page=")[2])
        return [product(id=number * 1000 + line, variant_id=number) for line in range(250 if number < 3 else 7)]

    found = fetch("store/order/created", Api(order=PLAIN["order"], products=page))
    assert len(found.order.items) == 507  # type: ignore[union-attr]


def test_order_that_never_ends_is_unreadable() -> None:
    api = Api(order=PLAIN["order"], products=[product()] * 250)
    with pytest.raises(Unreadable, match="products: too_many"):
        fetch("store/order/created", api)
    assert len(api.paths) == 21


def test_empty_lists_may_have_no_body() -> None:
    found = order(answers={"products": b"", "coupons": b"", "shipments": b"", "refunds": b""}, status_id=4)
    assert (found.items, found.parcels, found.coupons, found.refunded) == ((), (), (), None)


@pytest.mark.parametrize("name", ["products", "shipments", "coupons", "refunds"])
def test_part_of_an_order_that_does_not_exist_comes_from_a_copy_that_is_behind(name: str) -> None:
    whole = PLAIN["order"] | {"status_id": 14, "items_shipped": 1}
    with pytest.raises(RetryLater) as error:
        fetch("store/order/updated", Api(**PLAIN | {"order": whole, name: None}))
    assert (error.value.reason, error.value.details) == (Reason.FETCHED_OLD_STATE, {"fetched": name})


# Items.


def test_item_id_is_the_variant_the_product_or_the_sku() -> None:
    chosen: list[Any] = ["variant", "product", "sku"]
    assert [order(of=shop(item_id=choice)).items[0].id for choice in chosen] == ["301", "77", "LIN-TOW-M"]
    without = [product(variant_id=None), product(variant_id=0, sku="")]
    found = [order(of=shop(item_id=choice), answers={"products": without}).items for choice in chosen]
    assert [[item.id for item in items] for items in found] == [["77", "77"], ["77", "77"], ["LIN-TOW-M", "77"]]


def test_bundle_digital_product_and_gift_certificate_are_items() -> None:
    found = order("store/order/created--bundle_and_digital")
    assert [(item.id, item.cost) for item in found.items] == [
        ("410", Decimal("600.0000")),
        ("411", Decimal("0.0000")),
        ("412", Decimal("400.0000")),
        ("Подарунковий сертифікат", Decimal("500.0000")),
    ]


# Parcels.


def test_parcels_of_an_order() -> None:
    found = order("store/order/updated--shipped")
    assert found.parcels[1:] == (
        Parcel(
            id="62",
            tracking_number="20450000000162",
            tracking_url="https://track.example/20450000000162",
            carrier="Нова Пошта",
        ),
    )
    assert (found.wholly_shipped, found.status, found.rank) == (True, Status.IN_PROGRESS, Rank.SHIPPED)


def test_own_tracking_link_goes_first_and_the_carriers_code_last() -> None:
    (shipment,) = ANSWERS["store/shipment/created"]["shipments"]
    own = shipment | {
        "tracking_link": "https://own.example/1",
        "shipping_provider_display_name": "",
        "shipping_provider": "usps",
    }
    found = order("store/shipment/created", answers={"shipments": [own]})
    assert [(parcel.tracking_url, parcel.carrier) for parcel in found.parcels] == [("https://own.example/1", "usps")]
    code = order("store/shipment/created", answers={"shipments": [own | {"shipping_provider": ""}]})
    assert code.parcels[0].carrier == "nova-poshta"


@pytest.mark.parametrize(
    ("shipped", "refunded", "types", "whole"),
    [
        ((2, 1), (0, 0), ("physical", "physical"), True),
        ((1, 1), (0, 0), ("physical", "physical"), False),
        # What was given back need not be shipped, nor what is downloaded.
        ((1, 1), (1, 0), ("physical", "physical"), True),
        ((2, 0), (0, 0), ("physical", "digital"), True),
        ((0, 0), (0, 0), ("digital", "giftcertificate"), False),
    ],
)
def test_order_is_wholly_shipped_by_its_quantities(
    shipped: tuple[int, int], refunded: tuple[int, int], types: tuple[str, str], whole: bool
) -> None:
    lines = [
        product(number, quantity_shipped=shipped[number], quantity_refunded=refunded[number], type=types[number])
        for number in (0, 1)
    ]
    back = [{"id": 1, "total_amount": 486, "items": [{"item_type": "PRODUCT", "item_id": 11, "quantity": refunded[0]}]}]
    answers = {"products": lines, "refunds": {"data": back if refunded[0] else []}}
    found = order(answers=answers, status_id=14)
    assert found.wholly_shipped is whole
    assert (found.rank is Rank.SHIPPED) is whole
    delivered = order(of=shop(shipped_is_delivered=True), answers=answers, status_id=14)
    assert (delivered.status is Status.DELIVERED) is whole


def test_dispute_of_an_order_does_not_take_its_shipping_back() -> None:
    found = order("store/order/updated--partly_shipped", status_id=13)
    assert (found.status, found.rank) == (Status.IN_PROGRESS, Rank.PARTLY_SHIPPED)


# The rest.


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Tue, 05 Mar 2019 21:40:11 +0000", datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)),
        ("5 Mar 2019 21:40 GMT", datetime(2019, 3, 5, 21, 40, tzinfo=UTC)),
        ("Tue, 05 Mar 2019 23:40:11 +0200", datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)),
        ("Tue, 05 Mar 2019 17:10:11 -0430", datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)),
        ("2019-03-05T21:40:11+00:00", datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)),
    ],
)
def test_dates_of_rfc_2822(written: str, moment: datetime) -> None:
    assert order(date_created=written).created_at == moment


@pytest.mark.parametrize("written", ["", "Tue, 35 Mar 2019 21:40:11 +0000", "Tue, 05 Foo 2019 21:40:11 +0000", "soon"])
def test_order_without_a_readable_date_is_unreadable(written: str) -> None:
    with pytest.raises(Unreadable, match="date_created"):
        order(date_created=written)


def test_order_that_never_changed_has_its_own_date_as_version() -> None:
    assert order(date_modified="").updated_at == datetime(2026, 10, 5, 9, 12, 40, tzinfo=UTC)


def test_cart_of_an_order_is_that_of_the_order_or_of_the_webhook() -> None:
    assert order("store/cart/converted", cart_id="").cart_token == "0f2f4c1e-6a55-4f0e-9a3d-6a1f0a7c5b21"
    assert order("store/cart/converted", cart_id="another-cart").cart_token == "another-cart"
    assert order(cart_id="").cart_token is None


def test_point_of_sale_and_test_gateway() -> None:
    assert order(external_source="POS (Square)").source == "offline"
    assert order(external_source="ERP").source == "online"
    assert (order(payment_method="Test Payment Gateway").test, order().test) == (True, False)


def test_order_that_is_collected_has_no_address() -> None:
    found = order("store/order/created--guest_tax_on_top")
    assert (found.delivery_method, found.delivery_address) == ("Pick up in store", None)


def test_order_without_its_consignments_is_still_an_order() -> None:
    reference = {"url": "https://api.bigcommerce.com/stores/demo/v2/orders/1184/consignments"}
    for consignments in (None, [], reference):
        found = order(consignments=consignments)
        assert (found.delivery_method, found.delivery_address) == (None, None)


def test_coupons_of_the_lines_and_of_the_order_are_named_once() -> None:
    free_shipping = PLAIN["coupons"][0] | {"code": "FREESHIP", "type": 4, "discount": 0}
    found = order(answers={"coupons": [*PLAIN["coupons"], free_shipping]})
    assert found.coupons == ("OSIN10", "FREESHIP")
    assert order(answers={"coupons": []}).coupons == ("OSIN10",)


# Answers that are not what the reference documents.


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"order": [PLAIN["order"]]}, "body: model_type"),
        ({"order": {}}, "id: missing"),
        ({"order": PLAIN["order"] | {"total_inc_tax": "much"}}, "total_inc_tax: decimal_parsing"),
        ({"order": PLAIN["order"] | {"total_inc_tax": None}}, "total_inc_tax: decimal_type"),
        (
            {"order": PLAIN["order"] | {"default_currency_code": "", "currency_code": "?"}},
            "default_currency_code: missing",
        ),
        ({"order": PLAIN["order"] | {"status_id": "Shipped"}}, "status_id: int_parsing"),
        ({"order": b"<html><body>Down for maintenance</body></html>"}, "body: json_invalid"),
        ({"products": b'[{"id": 11, "quantity": 1, "total_inc'}, "body: json_invalid"),
        ({"products": [product(quantity=None)]}, "products.0.quantity: decimal_type"),
        ({"products": [product(total_inc_tax="many")]}, "products.0.total_inc_tax: decimal_parsing"),
        ({"products": {"products": []}}, "products: list_type"),
        ({"coupons": {"status": 500}}, "coupons: list_type"),
    ],
)
def test_other_answer_is_unreadable(answers: dict[str, Any], problem: str) -> None:
    with pytest.raises(Unreadable, match=f"^{problem}$"):
        fetch("store/order/created", Api(**PLAIN | answers))
