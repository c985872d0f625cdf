"""WooCommerce: how deliveries are named, what their bodies mean, what its documentation warns of."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

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
    Rank,
    Shop,
    Status,
    Webhook,
)
from tests.support.woocommerce import BODIES, SHOP, WOO, shop


def deliver(topic: str, body: bytes | dict[str, Any], of: Shop = SHOP, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (delivery,) = WOO.read(Webhook(WOO.sign(topic, raw, of, 0) | headers, raw, 0), of)
    return delivery


def read(topic: str, body: bytes | dict[str, Any], of: Shop = SHOP) -> Any:
    return deliver(topic, body, of).change


def order(name: str = "order.updated", of: Shop = SHOP, **changes: Any) -> Order:
    change = read("order.updated", {**json.loads(BODIES[name]), **changes}, of)
    assert isinstance(change, OrderChange), change
    return change.order


def line(**changes: Any) -> dict[str, Any]:
    return {**json.loads(BODIES["order.updated"])["line_items"][0], **changes}


def test_a_whole_order_becomes_the_exact_model() -> None:
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
                email="olesia.honchar@example.com", phone="380501234567", first_name="Олеся", last_name="Гончар"
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


@pytest.mark.parametrize(
    ("word", "status", "rank"),
    [
        ("pending", Status.INITIALIZED, Rank.CREATED),
        ("processing", Status.IN_PROGRESS, Rank.PAID),
        ("on-hold", Status.IN_PROGRESS, Rank.PAID),
        ("completed", Status.DELIVERED, Rank.DELIVERED),
        ("cancelled", Status.CANCELLED, Rank.CLOSED),
        ("failed", Status.CANCELLED, Rank.CLOSED),
        ("refunded", Status.CANCELLED, Rank.CLOSED),
        ("trash", Status.CANCELLED, Rank.CLOSED),
        ("shipped", Status.IN_PROGRESS, Rank.PAID),
        ("wc-completed", Status.DELIVERED, Rank.DELIVERED),
    ],
)
def test_statuses_are_read_as_the_table_says(word: str, status: Status, rank: Rank) -> None:
    found = order(status=word)
    assert (found.status, found.rank, found.status_words) == (status, rank, word.removeprefix("wc-"))


def test_a_shop_says_what_its_own_status_means() -> None:
    assert order(of=shop(statuses={"shipped": "DELIVERED"}), status="shipped").status is Status.DELIVERED
    assert order(of=shop(statuses={"wc-shipped": "DELIVERED"}), status="shipped").status is Status.DELIVERED


def test_cash_on_delivery_is_in_progress_without_ever_having_been_paid() -> None:
    found = order(status="processing", payment_method="cod", date_paid=None, date_paid_gmt=None)
    assert found.status is Status.IN_PROGRESS


@pytest.mark.parametrize("status", ["", " ", "wc-", None])
def test_an_order_without_a_status_names_the_field(status: Any) -> None:
    with pytest.raises(Unreadable, match=r"^status: missing"):
        order(status=status)


def test_the_order_is_paid_for_at_its_link_only_while_it_is_pending() -> None:
    link = json.loads(BODIES["order.updated"])["payment_url"]
    assert (order(status="pending").url, order(status="processing").url) == (link, None)


@pytest.mark.parametrize(
    ("made_by", "source"),
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
def test_only_a_till_is_no_online_shop(made_by: Any, source: str) -> None:
    assert order(created_via=made_by).source == source


@pytest.mark.parametrize("word", ["checkout-draft", "auto-draft", "new", "draft"])
def test_a_draft_is_nobodys_order_yet(word: str) -> None:
    body = json.loads(BODIES["order.updated"]) | {"status": word}
    assert read("order.updated", body) == Nothing("draft", Entity("order", "2107"))


def test_created_updated_and_a_status_of_trash_at_creation_are_one_snapshot_each() -> None:
    trashed = json.loads(BODIES["order.updated"]) | {"status": "trash"}
    assert read("order.created", trashed) == read("order.updated", trashed)


def test_a_restored_order_says_that_it_is_back() -> None:
    change = read("order.restored", BODIES["order.restored"])
    assert change.order.restored
    assert not read("order.updated", BODIES["order.restored"]).order.restored


def test_trashing_counts_as_deleting_and_names_only_the_id() -> None:
    assert read("order.deleted", BODIES["order.deleted"]) == OrderDeleted("2117")


# -- the delivery's key --


def test_the_delivery_id_is_not_unique_two_orders_of_one_second_share_it() -> None:
    shared = {"x-wc-webhook-delivery-id": "0" * 32}
    one = deliver("order.updated", {**json.loads(BODIES["order.updated"]), "id": 1}, SHOP, **shared)
    other = deliver("order.updated", {**json.loads(BODIES["order.updated"]), "id": 2}, SHOP, **shared)
    assert one.key != other.key


def test_two_versions_of_one_order_share_delivery_id_and_modified_time() -> None:
    shared = {"x-wc-webhook-delivery-id": "0" * 32}
    body = json.loads(BODIES["order.updated"])
    assert (
        deliver("order.updated", body, SHOP, **shared).key
        != deliver("order.updated", body | {"total": "1.00"}, SHOP, **shared).key
    )


def test_a_repeated_delivery_has_the_same_key() -> None:
    raw = BODIES["order.updated"]
    assert deliver("order.updated", raw).key == deliver("order.updated", raw).key


def test_created_and_updated_of_one_order_may_be_byte_identical_and_are_two_deliveries_of_one_state() -> None:
    created, updated = (deliver(topic, BODIES["order.updated"]) for topic in ("order.created", "order.updated"))
    assert created.change == updated.change
    assert created.key != updated.key


def test_a_second_deletion_after_a_restore_is_another_delivery() -> None:
    raw = BODIES["order.deleted"]
    assert deliver("order.deleted", raw).key != deliver("order.deleted", raw).key


# -- money, by hand --


def test_a_units_cost_is_never_taken_from_the_noisy_price() -> None:
    # 374.99 without tax and 75.00 tax: the shopper paid 449.99; shipping 50.00 and 10.00 tax.
    found = order("order.updated--prices_with_tax")
    assert [item.cost for item in found.items] == [Decimal("449.99")]
    assert (found.total, found.shipping, found.taxes) == (Decimal("509.99"), Decimal("60.00"), None)


def test_without_tax_in_the_prices_the_tax_stands_beside() -> None:
    found = order("order.updated--prices_with_tax", prices_include_tax=False)
    assert [item.cost for item in found.items] == [Decimal("374.99")]
    assert (found.shipping, found.taxes) == (Decimal("50.00"), Decimal("85.00"))


def fee(total: Any, total_tax: Any = "0.00", name: Any = "Підйом на поверх") -> dict[str, Any]:
    return {"id": 1, "name": name, "tax_class": "", "tax_status": "taxable", "total": total, "total_tax": total_tax}


def test_a_fee_is_a_line_under_its_name_so_that_the_items_add_up_to_the_total() -> None:
    # 2 x 500.00 + 4 x 50.00 + 60.00 shipping + 45.50 fee
    found = order(total="1305.50", fee_lines=[fee("45.50")])
    assert found.items[2:] == (
        Item(id="Підйом на поверх", name="Підйом на поверх", quantity=Decimal(1), cost=Decimal("45.50")),
    )
    costs = sum(item.cost * item.quantity for item in found.items)
    assert costs + (found.shipping or 0) == found.total == Decimal("1305.50")


def test_a_fee_has_its_tax_in_it_where_prices_have() -> None:
    taxed = [fee("100.00", "20.00")]
    with_tax = order("order.updated--prices_with_tax", total="629.99", total_tax="105.00", fee_lines=taxed)
    assert (with_tax.items[-1].cost, with_tax.taxes) == (Decimal("120.00"), None)
    on_top = order(
        "order.updated--prices_with_tax",
        prices_include_tax=False,
        total="629.99",
        total_tax="105.00",
        fee_lines=taxed,
    )
    # 374.99 + 100.00 + 50.00 shipping + 105.00 tax = 629.99
    assert (on_top.items[-1].cost, on_top.taxes) == (Decimal("100.00"), Decimal("105.00"))
    assert sum(item.cost * item.quantity for item in on_top.items) + 155 == on_top.total


def test_a_negative_fee_is_a_plugins_discount_and_an_empty_one_is_not_listed() -> None:
    fees = [fee("-100.00", name="Знижка"), fee("0.00"), fee("", ""), fee(None, None), fee("1.00", name=None)]
    found = order(fee_lines=fees).items[2:]
    assert [(item.id, item.cost) for item in found] == [("Знижка", Decimal(-100)), ("Fee", Decimal(1))]


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name in BODIES
        if name.startswith("order.updated") and name.partition("--")[2] not in ("draft", "refunded")
    ),
)
def test_items_shipping_and_taxes_add_up_to_what_the_order_costs(name: str) -> None:
    found = order(name)
    costs = sum(item.cost * item.quantity for item in found.items)
    assert costs + (found.shipping or 0) + (found.taxes or 0) == found.total + (found.refunded or 0)


def test_the_total_never_falls_after_refunds_so_they_are_taken_off() -> None:
    found = order("order.updated--partly_refunded")  # 1260.00 - 50.00 - 125.50
    assert (found.total, found.refunded) == (Decimal("1084.50"), Decimal("175.50"))


def test_of_a_wholly_refunded_order_the_total_is_what_it_cost_before() -> None:
    found = order("order.updated--refunded")
    assert (found.total, found.refunded, found.status) == (Decimal("1260.00"), Decimal("1260.00"), Status.CANCELLED)


def test_a_cancelled_order_costs_what_was_left_of_it_before() -> None:
    found = order("order.updated--partly_refunded", status="cancelled")
    assert found.total == Decimal("1084.50")


def test_a_coupons_share_is_in_the_lines_cost() -> None:
    found = order("order.updated--coupon")
    assert [item.cost for item in found.items] == [Decimal(450), Decimal(45)]
    assert (found.coupons, found.discount) == (("autumn-10", "friend"), Decimal("120.00"))


def test_a_quantity_may_be_a_float() -> None:
    (item,) = order("order.updated--float_quantity").items
    assert (item.quantity, item.cost) == (Decimal("1.5"), Decimal(180))


@pytest.mark.parametrize("total", ["828", "828.00"])
def test_decimals_follow_the_shops_setting_of_the_day(total: str) -> None:
    assert str(order("order.updated--jpy", total=total).total) == total


@pytest.mark.parametrize("quantity", [0, -1, "0", -1.5])
def test_a_line_with_none_left_is_not_listed(quantity: Any) -> None:
    assert order(line_items=[line(quantity=quantity)]).items == ()


def test_empty_line_items_are_an_order_all_the_same() -> None:
    assert order(line_items=[]).items == ()


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "12,50", "", "1e400", "money"])
def test_an_amount_that_is_none_names_its_field_and_not_its_value(amount: str) -> None:
    with pytest.raises(Unreadable, match=r"^total: ") as error:
        order(total=amount)
    assert not amount or amount not in str(error.value)


MONEY = [
    ("shipping_total", lambda value: {"shipping_total": value}),
    ("discount_total", lambda value: {"discount_total": value}),
    ("total_tax", lambda value: {"total_tax": value}),
    ("refunds.0.total", lambda value: {"refunds": [{"id": 1, "total": value}]}),
    ("fee_lines.0.total", lambda value: {"fee_lines": [fee(value)]}),
    ("line_items.0.total_tax", lambda value: {"line_items": [line(total_tax=value)]}),
]
EACH_AMOUNT = pytest.mark.parametrize(("field", "put"), MONEY, ids=[field for field, _ in MONEY])


@EACH_AMOUNT
@pytest.mark.parametrize("amount", ["NaN", "-Infinity", "12,50", "1e400", False, [], "money"])
def test_an_optional_amount_that_is_none_is_not_taken_for_nothing(field: str, put: Any, amount: Any) -> None:
    with pytest.raises(Unreadable) as error:
        order(**put(amount))
    assert str(error.value).startswith(field)
    assert not isinstance(amount, str) or amount not in str(error.value)


@EACH_AMOUNT
@pytest.mark.parametrize("amount", ["", None])
def test_an_optional_amount_may_be_empty(field: str, put: Any, amount: Any) -> None:
    assert order(**put(amount)).total == Decimal("1260.00")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("total", {"total": "9" * 40, "refunds": [{"total": "9" * 40}]}),
        ("total", {"total": "9" * 40, "refunds": [{"total": "0." + "1" * 39}]}),
        ("shipping", {"prices_include_tax": True, "shipping_total": "9" * 40, "shipping_tax": "9" * 40}),
        ("line_items.0.quantity", {"total": "1e39", "line_items": [line(quantity="1e-39", total="1e39")]}),
    ],
)
def test_figures_that_make_one_of_too_many_digits_name_their_field(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match=rf"^{field}: "):
        order(**changes)


def test_the_currency_is_its_code_and_not_its_symbol() -> None:
    assert order(currency="AED", currency_symbol="د.إ").currency == "AED"
    for currency in ("", " ", None):
        with pytest.raises(Unreadable, match=r"^currency: missing"):
            order(currency=currency)


def test_thirty_digits_stay_thirty_digits() -> None:
    assert str(order(total="123456789012345678901234567.890").total) == "123456789012345678901234567.890"


def test_minus_zero_is_an_amount() -> None:
    assert order(total="-0").total == 0


# -- products --


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
def test_products_are_called_by_the_shops_rule(rule: str, fields: dict[str, Any], id: str) -> None:
    (item,) = order(of=shop(item_id=rule), line_items=[line(**fields)]).items
    assert item.id == id


def test_a_deleted_product_is_listed_under_its_name() -> None:
    (item,) = order("order.updated--deleted_product").items
    assert (item.id, item.image_url) == ("Знята з продажу чашка", None)


@pytest.mark.parametrize("image", [{"id": "", "src": ""}, {"id": 88, "src": False}, [], None, "x"])
def test_an_image_may_be_anything(image: Any) -> None:
    (item,) = order(line_items=[line(image=image)]).items
    assert item.image_url in (None, "x")


def test_an_order_of_150_lines_reads() -> None:
    body = json.loads(BODIES["order.updated"])
    body["line_items"] = [line(id=n, variation_id=n + 1) for n in range(150)]
    raw = json.dumps(body).encode()
    assert len(read("order.updated", raw).order.items) == 150


# -- people --


def test_an_erased_person_is_nobody() -> None:
    assert order("order.updated--erased").contact.key is None


def test_capitals_and_free_text_phones_are_cleaned() -> None:
    contact = order().contact
    assert (contact.email, contact.phone) == ("olesia.honchar@example.com", "380501234567")


def test_the_recipients_phone_is_somebody_elses() -> None:
    billing = json.loads(BODIES["order.updated"])["billing"] | {"phone": "", "email": ""}
    assert order(billing=billing).contact.key is None


@pytest.mark.parametrize("billing", [None, [], {}, "nobody"])
def test_billing_data_may_be_empty_in_php_ways(billing: Any) -> None:
    assert order(billing=billing, customer_id=5).contact == Contact(customer_id="5")


@pytest.mark.parametrize("field", ["first_name", "phone", "state", "country"])
@pytest.mark.parametrize("odd", [[], {}, False])
def test_an_odd_field_of_billing_does_not_cost_the_person(field: str, odd: Any) -> None:
    billing = json.loads(BODIES["order.updated"])["billing"] | {field: odd}
    assert order(billing=billing).contact.email == "olesia.honchar@example.com"


@pytest.mark.parametrize("part", ["shipping_lines", "coupon_lines", "meta_data", "shipping"])
@pytest.mark.parametrize("odd", [None, [], {}, [None], "x", 7])
def test_a_part_that_is_not_needed_may_be_anything(part: str, odd: Any) -> None:
    assert order(**{part: odd}).total == Decimal("1260.00")


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
def test_tracking_is_a_plugins_and_read_as_far_as_it_can_be(entry: Any, parcel: Parcel | None) -> None:
    found = order(meta_data=[{"key": "_wc_shipment_tracking_items", "value": [entry]}])
    assert found.parcels == ((parcel,) if parcel else ())
    assert not found.wholly_shipped


@pytest.mark.parametrize("value", [None, "", "text", 7, {}, {"tracking_number": "1"}])
def test_tracking_that_is_no_list_is_none(value: Any) -> None:
    assert order(meta_data=[{"key": "_wc_shipment_tracking_items", "value": value}]).parcels == ()


def test_customer_0_is_a_guest() -> None:
    assert order(customer_id=0).contact.customer_id is None


def test_a_customer_becomes_a_contact_with_his_version() -> None:
    change = read("customer.created", BODIES["customer.created"])
    assert isinstance(change, ContactChange)
    assert change.contact == Contact(
        email="petro.kovalenko@example.org",
        phone="380931112233",
        customer_id="71",
        first_name="Петро",
        last_name="Коваленко",
    )
    assert change.version == 10 * 1_788_249_605_000


def test_staff_accounts_are_no_contacts() -> None:
    body = BODIES["customer.created--staff"]
    assert read("customer.created", body) == Nothing("staff account", Entity("contact", "72"))
    subscriber = json.loads(body) | {"role": "subscriber"}
    assert isinstance(read("customer.created", subscriber), ContactChange)


def test_a_deleted_account_is_no_wish_to_be_forgotten() -> None:
    assert isinstance(read("customer.deleted", BODIES["customer.deleted"]), Nothing)


# -- what else comes --


def test_a_signed_error_body_is_ignored_whatever_its_topic() -> None:
    for topic in ("order.created", "customer.updated", "order.deleted"):
        change = read(topic, BODIES["order.created--error_body"])
        assert change == Nothing("error body: woocommerce_rest_cannot_view")


def test_an_error_bodys_text_is_never_repeated() -> None:
    assert read("order.created", {"code": "mail anna@example.com", "message": "x"}) == Nothing("error body")


@pytest.mark.parametrize("topic", ["product.created", "action.woocommerce_add_to_cart", "coupon.updated"])
def test_other_topics_are_ignored(topic: str) -> None:
    assert read(topic, {"action": "x", "arg": 1}) == Nothing("unknown topic")


def test_empty_topic_headers_are_ignored() -> None:
    raw = BODIES["order.updated"]
    headers = dict.fromkeys(WOO.sign("order.updated", raw, SHOP, 0), "") | {"x-wc-webhook-id": "0"}
    (delivery,) = WOO.read(Webhook(headers, raw, 0), SHOP)
    assert delivery.change == Nothing("unknown topic")


def test_the_number_that_people_see_need_not_be_the_id() -> None:
    assert order("order.updated--sequential_number").number == "2026-00042"


def test_a_legacy_body_reads_too() -> None:
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


def test_ids_beyond_doubles_stay_exact_and_may_be_text() -> None:
    assert order(id=820982911946154508).id == "820982911946154508"
    assert order(id="12345678901234567890123").id == "12345678901234567890123"


@pytest.mark.parametrize("date", ["0000-00-00T00:00:00", "yesterday", "", 10**30])
def test_a_date_that_is_none_names_its_field(date: Any) -> None:
    with pytest.raises(Unreadable, match=r"^date_created_gmt: "):
        order(date_created_gmt=date)


def test_local_time_serves_only_where_utc_is_missing() -> None:
    assert order(date_created_gmt=None).created_at == datetime(2026, 10, 5, 12, 20, 30, tzinfo=UTC)
    with pytest.raises(Unreadable, match=r"^date_created_gmt: missing"):
        order(date_created_gmt=None, date_created=None)


def test_an_order_of_1899_is_an_old_order() -> None:
    assert order(date_created_gmt="1899-12-30T00:00:00").created_at.year == 1899


@pytest.mark.parametrize("field", ["date_created_gmt", "date_modified_gmt"])
@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_date_outside_the_calendar_names_its_field(field: str, date: str) -> None:
    changes: dict[str, Any] = {field: date}
    with pytest.raises(Unreadable, match=rf"^{field}: "):
        order(**changes)


def test_two_bodies_that_say_the_same_differently_read_alike() -> None:
    raw = BODIES["order.updated"]
    shuffled = {"unknown_field": {"deep": [1]}, **dict(reversed(list(json.loads(raw).items())))}
    unescaped = json.dumps(shuffled, ensure_ascii=False, indent=3).encode()
    assert read("order.updated", raw) == read("order.updated", unescaped)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_every_sample_reads(name: str) -> None:
    read(name.partition("--")[0], BODIES[name])
