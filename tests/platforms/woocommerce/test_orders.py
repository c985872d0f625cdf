"""WooCommerce: what the body of an order means, except its amounts (test_money.py) and buyer (test_contacts.py)."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import (
    Address,
    Contact,
    Item,
    Order,
    OrderChange,
    OrderSkipped,
    Parcel,
    Rank,
    Reason,
    Status,
)
from tests.support.woocommerce import BODIES, PLAIN, line, order, read, shop


def test_order_becomes_the_exact_model() -> None:
    assert read("order.updated", BODIES["order.updated--completed"]) == OrderChange(
        Order(
            id="2107",
            number="2107",
            created_at=datetime(2026, 10, 5, 9, 20, 30, tzinfo=UTC),
            updated_at=datetime(2026, 10, 7, 15, 2, 44, tzinfo=UTC),
            status=Status.DELIVERED,
            rank=Rank.DELIVERED,
            status_words="completed",
            currency="UAH",
            total=Decimal("1260.00"),
            shipping=Decimal("60.00"),
            discount=Decimal("0.00"),
            taxes=Decimal("0.00"),
            contact=Contact(
                email="olesia.honchar@example.com",
                phone="380501234567",
                first_name="Олеся",
                last_name="Гончар",
                address=Address(region="UA53", town="Полтава", street="вул. Садова, 7, кв. 12", postcode="36000"),
            ),
            items=(
                Item(
                    id="311",
                    name='Чайник "Ранок" - червоний',
                    quantity=Decimal(2),
                    cost=Decimal(500),
                    image_url="https://shop.example/wp-content/uploads/kettle.jpg",
                ),
                Item(id="320", name="Ложка/виделка", quantity=Decimal(4), cost=Decimal(50)),
            ),
            parcels=(
                Parcel(
                    id="b7a0c1d2e3f4",
                    tracking_number="20450000000001",
                    tracking_url="https://tracking.example/20450000000001",
                    carrier="Nova Poshta",
                ),
            ),
            payment_method="Оплата при отриманні",
            delivery_method="Нова пошта",
            delivery_address="вул. Садова, 7, кв. 12, Полтава, UA53, 36000, UA",
            note="Подзвоніть перед доставкою 🙏",
            source="online",
        )
    )


# Status.


@pytest.mark.parametrize(
    ("word", "status", "rank"),
    [
        ("pending", Status.INITIALIZED, Rank.CREATED),
        ("processing", Status.IN_PROGRESS, Rank.PAID),
        ("on-hold", Status.IN_PROGRESS, Rank.PAID),
        ("completed", Status.DELIVERED, Rank.DELIVERED),
        ("delivered", Status.DELIVERED, Rank.DELIVERED),
        ("wc-delivered", Status.DELIVERED, Rank.DELIVERED),
        ("cancelled", Status.CANCELLED, Rank.CLOSED),
        ("failed", Status.CANCELLED, Rank.CLOSED),
        ("refunded", Status.CANCELLED, Rank.CLOSED),
        ("trash", Status.CANCELLED, Rank.CLOSED),
        ("shipped", Status.IN_PROGRESS, Rank.PAID),
        ("wc-completed", Status.DELIVERED, Rank.DELIVERED),
    ],
)
def test_status_follows_the_table(word: str, status: Status, rank: Rank) -> None:
    found = order(status=word)
    assert (found.status, found.rank, found.status_words) == (status, rank, word.removeprefix("wc-"))


@pytest.mark.parametrize("word", ["shipped", "wc-shipped"])
def test_setting_decides_the_status_of_a_plugin(word: str) -> None:
    assert order(of=shop(statuses={word: "DELIVERED"}), status="shipped").status is Status.DELIVERED


def test_cash_on_delivery_is_in_progress_although_it_is_not_paid() -> None:
    found = order(status="processing", payment_method="cod", date_paid=None, date_paid_gmt=None)
    assert found.status is Status.IN_PROGRESS


@pytest.mark.parametrize("status", ["", " ", "wc-", None])
def test_order_without_a_status_is_unreadable(status: Any) -> None:
    with pytest.raises(Unreadable, match=r"^status: missing"):
        order(status=status)


@pytest.mark.parametrize("word", ["checkout-draft", "auto-draft", "new", "draft"])
def test_draft_is_recorded_and_not_sent(word: str) -> None:
    assert read("order.updated", PLAIN | {"status": word}) == OrderSkipped("2107", Reason.DRAFT)


@pytest.mark.parametrize("setting", ["quote", "wc-quote"])
def test_status_may_be_ignored(setting: str) -> None:
    body, of = PLAIN | {"status": "quote"}, shop(statuses={setting: "ignore"})
    assert read("order.updated", body, of) == OrderSkipped("2107", Reason.STATUS_IGNORED)
    assert order(of=of, status="processing").status is Status.IN_PROGRESS


@pytest.mark.parametrize("parent", [7010, "7010"])
def test_part_of_another_order_is_skipped_unless_the_shop_wants_it(parent: Any) -> None:
    body = PLAIN | {"parent_id": parent}
    assert read("order.created", body) == OrderSkipped("2107", Reason.SUB_ORDER)
    assert read("order.created", body, shop(sub_orders="send")).order.id == "2107"
    for none in (0, "0", "", None, False):
        assert order(parent_id=none).id == "2107"


@pytest.mark.parametrize(
    ("paid", "expected"),
    [
        ("2026-10-06T15:20:30", datetime(2026, 10, 6, 15, 20, 30, tzinfo=UTC)),
        ("2026-10-09T09:20:31", None),  # no draft lives that long: it was paid after the order was made
        ("2026-10-05T09:20:30", None),
        (None, None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_draft_is_bought_when_it_is_paid(paid: Any, expected: Any) -> None:
    dates = {"date_created_gmt": "2026-10-05T09:20:30", "date_paid": None, "date_paid_gmt": paid}
    assert order(status="processing", **dates).bought_at == expected
    assert order(status="completed", **dates).bought_at is None  # cash on delivery


def test_created_and_updated_mean_the_same() -> None:
    trashed = PLAIN | {"status": "trash"}
    assert read("order.created", trashed) == read("order.updated", trashed)


def test_payment_link_is_sent_only_while_the_order_is_pending() -> None:
    assert (order(status="pending").url, order(status="processing").url) == (PLAIN["payment_url"], None)


@pytest.mark.parametrize(
    ("created_via", "source"),
    [
        ("checkout", "online"),
        ("store-api", "online"),
        ("admin", "online"),
        ("", "online"),
        (None, "online"),
        ("point-of-sale", "offline"),
        ("pos-rest-api", "offline"),
    ],
)
def test_only_the_point_of_sale_is_offline(created_via: Any, source: str) -> None:
    assert order(created_via=created_via).source == source


# Items.


@pytest.mark.parametrize(
    ("rule", "fields", "id"),
    [
        ("variant", {}, "311"),
        ("variant", {"variation_id": 0}, "310"),
        ("variant", {"variation_id": 0, "product_id": 0}, 'Чайник "Ранок" - червоний'),
        ("product", {}, "310"),
        ("sku", {}, "KETTLE-RED"),
        ("sku", {"sku": 4711}, "4711"),
        ("sku", {"sku": None}, "311"),
        ("sku", {"sku": ""}, "311"),
    ],
)
def test_item_id_follows_the_setting(rule: str, fields: dict[str, Any], id: str) -> None:
    (item,) = order(of=shop(item_id=rule), line_items=[line(**fields)]).items
    assert item.id == id


def test_deleted_product_is_listed_under_its_name() -> None:
    (item,) = order("order.updated--deleted_product").items
    assert (item.id, item.image_url) == ("Знята з продажу чашка", None)


@pytest.mark.parametrize("image", [{"id": "", "src": ""}, {"id": 88, "src": False}, [], None, "x"])
def test_image_of_any_shape_is_accepted(image: Any) -> None:
    (item,) = order(line_items=[line(image=image)]).items
    assert item.image_url is None


def test_order_may_have_150_lines() -> None:
    lines = [line(id=number, variation_id=number + 1) for number in range(150)]
    assert len(order(line_items=lines).items) == 150


def test_order_may_have_no_lines() -> None:
    assert order(line_items=[]).items == ()


@pytest.mark.parametrize("quantity", [0, -1, "0", -1.5])
def test_line_without_a_positive_quantity_is_not_listed(quantity: Any) -> None:
    assert order(line_items=[line(quantity=quantity)]).items == ()


# Parcels, which a plugin stores.


@pytest.mark.parametrize(
    ("entry", "parcel"),
    [
        (
            {"tracking_id": "t1", "tracking_number": 20450000000001, "tracking_provider": "nova-poshta"},
            Parcel(id="t1", tracking_number="20450000000001", carrier="nova-poshta"),
        ),
        (
            {"tracking_number": " 77 ", "tracking_provider": None, "custom_tracking_provider": "Новий світ"},
            Parcel(id="77", tracking_number="77", carrier="Новий світ"),
        ),
        ({"tracking_id": " ", "tracking_number": " "}, None),
        ({"tracking_id": {"deep": 1}, "tracking_number": True}, None),
        ({}, None),
        ("20450000000001", None),
        (None, None),
    ],
)
def test_tracking_data_of_a_plugin_is_read_as_far_as_possible(entry: Any, parcel: Parcel | None) -> None:
    found = order(meta_data=[{"key": "_wc_shipment_tracking_items", "value": [entry]}])
    assert found.parcels == ((parcel,) if parcel else ())
    assert not found.wholly_shipped


@pytest.mark.parametrize("value", [None, "", "text", 7, {}, {"tracking_number": "1"}])
def test_tracking_data_that_is_not_a_list_is_skipped(value: Any) -> None:
    assert order(meta_data=[{"key": "_wc_shipment_tracking_items", "value": value}]).parcels == ()


# Shapes, dates and spellings.


@pytest.mark.parametrize("part", ["shipping_lines", "coupon_lines", "meta_data", "shipping"])
@pytest.mark.parametrize("odd", [None, [], {}, [None], "x", 7])
def test_optional_part_of_any_shape_is_accepted(part: str, odd: Any) -> None:
    assert order(**{part: odd}).total == Decimal("1260.00")


def test_number_that_people_see_may_differ_from_the_id() -> None:
    assert order("order.updated--sequential_number").number == "2026-00042"


def test_body_of_the_legacy_api_is_read() -> None:
    legacy = {
        "order": {
            "id": 118,
            "order_number": 118,
            "created_at": "2026-05-03T18:10:00Z",
            "updated_at": "2026-05-16T03:30:30Z",
            "status": "completed",
            "currency": "BRL",
            "total": "14.00",
            "total_shipping": "10.00",
            "total_discount": "0.00",
            "billing_address": {"email": "joana@example.com"},
            "line_items": [{"name": "Caneca", "product_id": 99, "quantity": 2, "total": "4.00"}],
        }
    }
    found = read("order.updated", legacy).order
    assert (found.number, found.shipping, found.contact.email) == ("118", Decimal("10.00"), "joana@example.com")
    assert found.updated_at == datetime(2026, 5, 16, 3, 30, 30, tzinfo=UTC)


@pytest.mark.parametrize("date", ["", "0000-00-00T00:00:00", False, []])
def test_date_that_says_nothing_is_missing(date: Any) -> None:
    assert order(date_created_gmt=date) == order(date_created_gmt=None)
    assert order(date_modified_gmt=date, date_modified=date).updated_at == order().created_at


@pytest.mark.parametrize("date", ["yesterday", "2026-02-30T00:00:00", 10**30])
def test_value_that_is_not_a_date_is_unreadable(date: Any) -> None:
    with pytest.raises(Unreadable, match=r"^date_created_gmt: "):
        order(date_created_gmt=date)


def test_local_time_counts_only_if_utc_is_missing() -> None:
    assert order(date_created_gmt=None).created_at == datetime(2026, 10, 5, 12, 20, 30, tzinfo=UTC)
    with pytest.raises(Unreadable, match=r"^date_created_gmt: missing"):
        order(date_created_gmt=None, date_created=None)


def test_order_of_1899_is_read() -> None:
    assert order(date_created_gmt="1899-12-30T00:00:00").created_at.year == 1899


@pytest.mark.parametrize("field", ["date_created_gmt", "date_modified_gmt"])
@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_date_outside_the_calendar_is_unreadable(field: str, date: str) -> None:
    changes: dict[str, Any] = {field: date}
    with pytest.raises(Unreadable, match=rf"^{field}: "):
        order(**changes)


def test_field_order_escapes_and_unknown_fields_do_not_matter() -> None:
    rewritten = {"unknown_field": {"deep": [1]}, **dict(reversed(list(PLAIN.items())))}
    unescaped = json.dumps(rewritten, ensure_ascii=False, indent=3).encode()
    assert read("order.updated", BODIES["order.updated"]) == read("order.updated", unescaped)


def test_optional_number_that_is_too_long_does_not_cost_the_order() -> None:
    found = order(number="9" * 256, customer_id="9" * 256)
    assert (found.number, found.contact.customer_id) == (None, None)
    assert found.contact.email == order().contact.email


def test_currency_is_in_capitals_without_blanks() -> None:
    assert order(currency=" uah ").currency == "UAH"


@pytest.mark.parametrize("currency", ["UAHX", "₴"])
def test_currency_that_is_no_code_makes_the_order_unreadable(currency: str) -> None:
    with pytest.raises(Unreadable, match=r"^currency: not_three_capital_letters$"):
        order(currency=currency)


def test_title_in_place_of_an_id_is_as_people_read_it() -> None:
    custom = line(product_id=0, variation_id=0, name="Підпис &amp; <b>бант</b>")
    assert [item.id for item in order(line_items=[custom]).items] == ["Підпис & бант"]
