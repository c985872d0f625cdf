"""Shopify: what the body of an order means, except its amounts (test_money.py)."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import Address, Consent, Contact, Entity, Item, Order, OrderChange, Parcel, Rank, Status
from tests.support.shopify import BODIES, PLAIN, SHOP, buyer, order, read, read_sample

KYIV = timezone(timedelta(hours=3))


def test_order_becomes_the_exact_model() -> None:
    assert read_sample("orders/fulfilled") == OrderChange(
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
                address=Address(
                    region="Львівська область", town="Львів", street="вул. Городоцька, 15, кв. 8", postcode="79016"
                ),
                language="uk-UA",
                consent=Consent(subscribed=True, at=1_773_480_005_000),
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


# Status and rank.


def test_status_and_version_grow_during_the_life_of_an_order() -> None:
    names = ("orders/create", "orders/paid", "orders/partially_fulfilled", "orders/fulfilled")
    states = [read_sample(name) for name in (*names, "orders/updated--delivered")]
    assert {state.entity for state in states} == {Entity("order", "6120431591701")}
    assert [state.version for state in states] == sorted({state.version for state in states})
    assert [(state.order.status, state.order.rank) for state in states] == [
        (Status.INITIALIZED, Rank.CREATED),
        (Status.IN_PROGRESS, Rank.PAID),
        (Status.IN_PROGRESS, Rank.PARTLY_SHIPPED),
        (Status.IN_PROGRESS, Rank.SHIPPED),
        (Status.DELIVERED, Rank.DELIVERED),
    ]


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
def test_status_follows_from_payment_and_parcels(changes: dict[str, Any], status: Status, rank: Rank) -> None:
    found = order(**changes)
    assert (found.status, found.rank) == (status, rank)


FULFILLED: dict[str, Any] = {"fulfillment_status": "fulfilled", "shipping_lines": []}


def _lines(*ships: bool | None, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": number, "variant_id": number, "price": "5.00", "quantity": 1, "requires_shipping": flag} | more
        for number, flag in enumerate(ships, 1)
    ]


def _parcel(*ships: bool | None, **more: Any) -> dict[str, Any]:
    return {"id": 60, "status": "success", "line_items": [{"requires_shipping": flag} for flag in ships]} | more


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        # Picked up in the shop.
        ({"fulfillments": [_parcel(True, shipment_status="picked_up")]}, Status.DELIVERED),
        ({"fulfillments": [_parcel(True, shipment_status="ready_for_pickup")]}, Status.IN_PROGRESS),
        ({"fulfillments": [_parcel(True, shipment_status="carrier_picked_up")]}, Status.IN_PROGRESS),
        (
            {"fulfillments": [_parcel(True, shipment_status="picked_up"), _parcel(True, shipment_status="delivered")]},
            Status.DELIVERED,
        ),
        (
            {"fulfillments": [_parcel(True, shipment_status="picked_up"), _parcel(True, shipment_status=None)]},
            Status.IN_PROGRESS,
        ),
        # Nothing to ship: downloads, gift cards, services.
        ({"line_items": _lines(False, False), "fulfillments": [_parcel(False)]}, Status.DELIVERED),
        ({"line_items": _lines(False), "fulfillments": []}, Status.DELIVERED),
        ({"line_items": _lines(False, True), "fulfillments": [_parcel(False)]}, Status.IN_PROGRESS),
        ({"line_items": _lines(None), "fulfillments": []}, Status.IN_PROGRESS),
        ({"line_items": [], "fulfillments": []}, Status.IN_PROGRESS),
        (
            {"line_items": [*_lines(False), *_lines(True, id=9, current_quantity=0)], "fulfillments": [_parcel(False)]},
            Status.DELIVERED,
        ),
        ({"line_items": _lines(False), "fulfillments": [], "fulfillment_status": "partial"}, Status.IN_PROGRESS),
        # A sale at the counter, and one there that is sent to the customer.
        ({"source_name": "pos", "fulfillments": [_parcel(True)]}, Status.DELIVERED),
        ({"source_name": "pos", "fulfillments": []}, Status.DELIVERED),
        (
            {"source_name": "pos", "shipping_lines": [{"title": "Post", "price": "0.00"}], "fulfillments": []},
            Status.IN_PROGRESS,
        ),
        ({"source_name": "pos", "fulfillments": [_parcel(True, tracking_number="59")]}, Status.IN_PROGRESS),
        ({"source_name": "pos", "fulfillment_status": None, "fulfillments": []}, Status.INITIALIZED),
        ({"source_name": "web", "line_items": _lines(True), "fulfillments": [_parcel(True)]}, Status.IN_PROGRESS),
    ],
)
def test_order_is_delivered_when_it_is_picked_up_or_handed_over(changes: dict[str, Any], status: Status) -> None:
    assert order(**FULFILLED | changes).status is status


def test_date_is_when_the_order_was_made_and_not_when_it_was_imported() -> None:
    made = "2021-05-06T07:08:09+03:00"
    assert order(processed_at=made).created_at == datetime(2021, 5, 6, 7, 8, 9, tzinfo=KYIV)
    for missing in (None, "", "0000-00-00"):
        assert order(processed_at=missing).created_at == datetime(2026, 10, 5, 10, 12, 30, tzinfo=KYIV)


def test_status_words_are_shopifys_own() -> None:
    assert order(financial_status=None, fulfillment_status=None).status_words is None
    assert order(cancelled_at="2026-10-06T00:00:00Z", financial_status="refunded").status_words == "cancelled, refunded"


def test_shipped_order_is_delivered_if_the_shop_says_so() -> None:
    shop = SHOP.model_copy(update={"shipped_is_delivered": True})
    assert read_sample("orders/fulfilled", shop).order.status is Status.DELIVERED


def test_last_parcel_to_arrive_delivers_the_shipped_order() -> None:
    shipped, arrived = read_sample("orders/fulfilled"), read_sample("fulfillment_events/create--delivered")
    assert shipped.entity == arrived.entity
    assert shipped.order.with_facts({arrived.parcel.id}, deleted=False).status is Status.DELIVERED


def test_gift_card_has_no_parcel() -> None:
    assert read_sample("orders/updated--gift_card_and_custom_line").order.parcels == ()


def test_parcel_of_an_old_fulfillment_has_the_first_number_and_link() -> None:
    parcel = {"id": 1, "status": "success", "tracking_number": None, "tracking_numbers": ["A", "B"]}
    (found,) = order(fulfillments=[parcel | {"tracking_url": "", "tracking_urls": ["https://a.example.com"]}]).parcels
    assert (found.tracking_number, found.tracking_url) == ("A", "https://a.example.com")


# The buyer.


def test_guest_at_the_point_of_sale_has_only_a_phone() -> None:
    found = read_sample("orders/create--guest_pos").order
    assert buyer(found) == Contact(phone="380670001122")
    assert (found.source, found.store_id, found.cart_token) == ("offline", "81230045", None)


NOBODY = dict.fromkeys(("email", "contact_email", "phone", "customer", "billing_address", "shipping_address"))


@pytest.mark.parametrize(
    ("changes", "contact"),
    [
        ({"email": "", "contact_email": " Second@Example.com "}, Contact(email="second@example.com")),
        ({"phone": "0501112233"}, Contact(phone="380501112233")),
        (
            {"email": "", "customer": {"id": 9, "email": "third@example.com"}},
            Contact(email="third@example.com", customer_id="9"),
        ),
        ({"email": "removed@site.invalid"}, Contact()),
        ({"billing_address": {"phone": "00380501112233"}}, Contact(phone="380501112233")),
        ({"billing_address": {"phone": "501 112 233", "country_code": "PL"}}, Contact(phone="48501112233")),
        ({"phone": "501 112 233", "billing_address": {"country_code": "PL"}}, Contact(phone="48501112233")),
        ({"phone": "501 112 233", "shipping_address": {"country_code": "PL"}}, Contact(phone="48501112233")),
        (
            {"shipping_address": {"phone": "0501112233", "first_name": "Anna", "country_code": "UA"}},
            Contact(phone="380501112233", first_name="Anna"),
        ),
        ({"shipping_lines": [{"title": "Post", "phone": "0501112233"}]}, Contact(phone="380501112233")),
    ],
)
def test_buyer_is_the_first_that_the_order_names(changes: dict[str, Any], contact: Contact) -> None:
    assert buyer(order(**NOBODY | changes)) == contact


def test_buyers_phone_is_of_the_order_then_billing_then_customer_then_shipping() -> None:
    phones: dict[str, Any] = {
        **NOBODY,
        "email": "olha@example.com",
        "phone": "+380505550001",
        "billing_address": {"phone": "+380505550002"},
        "customer": {"id": 5, "phone": "+380505550003", "default_address": {"phone": "+380505550004"}},
        "shipping_address": {"phone": "+380505550005"},
    }
    assert order(**phones).contact.phone == "380505550001"
    assert order(**phones | {"phone": None}).contact.phone == "380505550002"
    assert buyer(order(**phones | {"phone": None, "billing_address": None})) == Contact(
        email="olha@example.com", phone="380505550003", customer_id="5"
    )
    assert buyer(order(**phones | {"phone": None, "billing_address": None, "customer": None})) == Contact(
        email="olha@example.com", phone="380505550005"
    )


@pytest.mark.parametrize("nothing", [None, [], {}, "", 0])
def test_missing_person_or_address_may_have_any_shape(nothing: Any) -> None:
    found = order(customer=nothing, billing_address=nothing, shipping_address=nothing)
    assert buyer(found) == Contact(email="oksana.hrytsenko@example.com", phone="380501234567")
    assert found.delivery_address is None


# Shapes, dates and spellings.


def test_missing_list_is_an_empty_list() -> None:
    names = ("line_items", "fulfillments", "refunds", "shipping_lines", "discount_codes", "payment_gateway_names")
    assert order(**dict.fromkeys(names)) == order(**{name: [] for name in names})
    rest = {name: value for name, value in PLAIN.items() if name not in names}
    assert read("orders/updated", rest).order == order(**dict.fromkeys(names))


def test_null_among_the_payment_methods_is_skipped() -> None:
    assert order(payment_gateway_names=["gift_card", None, "cash"]).payment_method == "gift_card, cash"
    assert order(payment_gateway_names=[None]).payment_method is None


def test_refund_without_a_line_takes_nothing_from_a_line_without_an_id() -> None:
    line = {"id": None, "variant_id": 11, "title": "Tea", "quantity": 2, "price": "19.99"}
    refunds = [{"refund_line_items": [{"line_item_id": None, "quantity": 2}]}]
    assert [str(item.quantity) for item in order(line_items=[line], refunds=refunds).items] == ["2"]


@pytest.mark.parametrize("name", ["created_at", "updated_at", "cancelled_at"])
@pytest.mark.parametrize("date", ["2026-10-05T10:12:30", "2026-02-30T00:00:00Z", "soon"])
def test_date_without_an_offset_or_without_sense_is_unreadable(name: str, date: str) -> None:
    with pytest.raises(Unreadable, match=rf"^{name}: "):
        order(**{name: date})


@pytest.mark.parametrize("date", ["", " ", "0000-00-00", "0000-00-00T00:00:00Z", False, [], {}])
def test_date_that_says_nothing_is_missing(date: Any) -> None:
    assert order(updated_at=date, cancelled_at=date) == order(updated_at=None, cancelled_at=None)
    with pytest.raises(Unreadable, match=r"^created_at: missing$"):
        order(created_at=date)


def test_dates_before_1970_have_versions_in_order() -> None:
    old, older = (read("orders/updated", PLAIN | {"updated_at": f"{year}-12-30T00:00:00Z"}) for year in (1899, 1898))
    assert older.version < old.version < 0


def test_order_without_updated_at_changed_when_it_was_created() -> None:
    assert order(updated_at=None).updated_at == datetime(2026, 10, 5, 10, 12, 30, tzinfo=KYIV)


def test_field_order_escapes_and_unknown_fields_do_not_matter() -> None:
    expected = read_sample("orders/create")
    reversed_body = {name: PLAIN[name] for name in reversed(PLAIN)}
    assert read("orders/create", reversed_body) == expected
    assert read("orders/create", json.dumps(PLAIN, ensure_ascii=False).encode()) == expected
    assert read("orders/create", json.dumps(PLAIN).replace("/", "\\/").encode()) == expected
    assert read("orders/create", PLAIN | {"brand_new": [{"deep": {"er": [1, None]}}]}) == expected


def test_shopifys_escapes_are_decoded() -> None:
    assert rb"\u0026" in BODIES["orders/cancelled"]
    assert rb"\/" in BODIES["orders/cancelled"]
    assert read_sample("orders/cancelled").order.note == '"R&D" <офіс>, 2/3 поверх'


def test_note_keeps_its_lines_and_its_emoji() -> None:
    expected = "Подзвоніть, будь ласка, перед доставкою 🙏\nДомофон не працює"
    assert read_sample("orders/create").order.note == expected


def test_draft_order_of_the_admin_has_no_cart() -> None:
    assert read_sample("orders/create--draft").order.cart_token is None


@pytest.mark.parametrize("endless", ["9" * 256, "anna@example.com " * 20])
def test_optional_field_that_is_too_long_does_not_cost_the_order(endless: str) -> None:
    customer = PLAIN["customer"] | {"id": endless}
    found = order(name=endless, cart_token=endless, checkout_token=endless, customer=customer)
    assert (found.number, found.cart_token, found.contact.customer_id) == (str(PLAIN["order_number"]), None, None)
    assert found.contact.email == order().contact.email


def test_cart_token_with_an_address_in_it_is_no_token() -> None:
    assert order(cart_token="anna@example.com").cart_token is None


def test_currency_is_in_capitals_without_blanks() -> None:
    assert order(currency=" uah ").currency == "UAH"


@pytest.mark.parametrize("currency", ["UAHX", "гривня", "x" * 5000])
def test_currency_that_is_no_code_makes_the_order_unreadable(currency: str) -> None:
    with pytest.raises(Unreadable, match=r"^currency: not_three_capital_letters$"):
        order(currency=currency)
