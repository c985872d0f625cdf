"""Orders to v1/event, to the letter: bodies, money, exact numbers, and which events follow from what is known."""

import copy
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shopwire.errors import Unmappable
from shopwire.mapper import ApiRequest, SentOrder, fact_event, order_reference, order_steps, sent_with_another_status
from shopwire.mapper.params import dump, json_text, plain, rounded
from shopwire.models import Contact, Item, Order, Parcel, Rank, Status
from tests.support.delivery_world import ANNA, cancelled, order, paid, shipped, shop


def said(request: ApiRequest) -> dict[str, Any]:
    return json.loads(request.body)  # type: ignore[no-any-return]


def params(request: ApiRequest) -> dict[str, str]:
    pairs = [(param["name"], param["value"]) for param in said(request)["params"]]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def events(one: Order, known: SentOrder | None = None, *, recent: bool = True, **settings: Any) -> list[str]:
    return [said(step.request)["eventTypeKey"] for step in order_steps(one, shop(**settings), known, recent=recent)]


def first(one: Order, **settings: Any) -> dict[str, str]:
    return params(order_steps(one, shop(**settings), None, recent=True)[0].request)


def known(one: Order) -> SentOrder:
    return order_steps(one, shop(), None, recent=True)[-1].known


def test_the_whole_body_of_a_first_order() -> None:
    whole = order(
        shipping=Decimal("30.00"),
        discount=Decimal("10"),
        taxes=Decimal("0.00"),
        url="https://shop.example/o/1",
        coupons=("SPRING", "TEA"),
        note="ring twice",
        source="online",
        status_words="pending",
    ).order
    (step,) = order_steps(whole, shop(), None, recent=True, recycle_state_id="abc")
    assert step.request.path == "v1/event"
    assert step.request.method == "POST"
    assert said(step.request) == {
        "eventTypeKey": "orderCreated",
        "keyValue": "anna@example.com",
        "params": [
            {"name": name, "value": value}
            for name, value in (
                ("email", "anna@example.com"),
                ("phone", "380501112233"),
                ("externalOrderId", "1001"),
                ("externalCustomerId", "77"),
                ("totalCost", "250.00"),
                ("status", "INITIALIZED"),
                ("date", "2026-03-02T09:00:00+00:00"),
                ("currency", "UAH"),
                ("firstName", "Anna"),
                ("lastName", "Kovalenko"),
                ("shipping", "30.00"),
                ("discount", "10"),
                ("taxes", "0.00"),
                ("restoreUrl", "https://shop.example/o/1"),
                ("statusDescription", "pending"),
                ("source", "online"),
                ("additionalInfo", "ring twice"),
                ("items", '[{"externalItemId":"55","name":"Tea","quantity":2,"cost":125}]'),
                ("orderNumber", "#1001"),
                ("couponCode", "SPRING, TEA"),
                ("recycleStateId", "abc"),
            )
        ],
    }


# --- which events


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (order(), ["orderCreated"]),
        (paid(), ["orderCreated"]),
        (order(rank=Rank.DELIVERED), ["orderCreated", "orderDelivered"]),
        (cancelled(), ["orderCreated", "orderCancelled"]),
    ],
)
def test_an_unknown_order_is_opened_first(one: Any, expected: list[str]) -> None:
    assert events(one.order) == expected
    assert events(one.order, recent=False) == ["orderUpdated", *expected[1:]]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (order(), order(minutes=9), []),
        (order(), paid(), ["orderUpdated"]),
        (paid(), paid(note="x"), ["orderUpdated"]),
        (paid(), cancelled(), ["orderCancelled"]),
        (paid(), cancelled(cancel_reason="customer"), ["orderCancelled"]),
        (paid(), cancelled(total=Decimal(1)), ["orderUpdated", "orderCancelled"]),
        (paid(), order(rank=Rank.DELIVERED), ["orderDelivered"]),
        (cancelled(), cancelled(note="x"), ["orderUpdated"]),
        (cancelled(), paid(), ["orderUpdated"]),
        (order(rank=Rank.DELIVERED), cancelled(), ["orderCancelled"]),
        (order(rank=Rank.DELIVERED), cancelled(items=()), ["orderUpdated", "orderCancelled"]),
    ],
)
def test_a_known_order_is_brought_from_what_is_known(before: Any, after: Any, expected: list[str]) -> None:
    assert events(after.order, known(before.order)) == expected


def test_what_is_known_after_each_step_leads_on_from_there() -> None:
    plan = order_steps(cancelled(total=Decimal(1)).order, shop(), known(paid().order), recent=True)
    for number, step in enumerate(plan, start=1):
        rest = order_steps(cancelled(total=Decimal(1)).order, shop(), step.known, recent=True)
        assert [one.request for one in rest] == [one.request for one in plan[number:]]


def test_an_order_known_otherwise_has_another_status_and_the_same_content() -> None:
    assert events(paid().order, sent_with_another_status(paid().order)) == ["orderUpdated"]
    assert events(cancelled().order, sent_with_another_status(cancelled().order)) == ["orderCancelled"]


# --- who


def test_a_guest_is_his_own_customer_id() -> None:
    assert first(order(contact=Contact(email="g@example.com")).order)["externalCustomerId"] == "g@example.com"
    assert first(order(contact=Contact(phone="380501112233")).order)["externalCustomerId"] == "380501112233"


def test_who_is_only_an_id_goes_by_contact_key() -> None:
    one = first(order(contact=Contact(customer_id="77")).order)
    assert (one["contactKey"], one["externalCustomerId"]) == ("77", "77")
    assert not {"email", "phone"} & one.keys()


@pytest.mark.parametrize(("total", "said"), [("-16.11", "0"), ("-0.00", "0.00"), ("0.00", "0.00")])
def test_an_order_costs_nothing_at_least(total: str, said: str) -> None:
    assert first(paid(total=Decimal(total)).order)["totalCost"] == said


def test_nobody_is_unmappable() -> None:
    with pytest.raises(Unmappable, match=r"^anonymous$"):
        events(order(contact=Contact()).order)


def test_the_key_is_the_order_where_the_shop_says_so() -> None:
    plan = order_steps(cancelled().order, shop(key_value="order"), None, recent=True)
    assert {said(step.request)["keyValue"] for step in plan} == {"1001"}
    assert params(plan[0].request)["externalCustomerId"] == "77"
    guest = order(contact=Contact(email="g@example.com")).order
    assert first(guest, key_value="order")["externalCustomerId"] == "g@example.com"


# --- parcels and facts


def test_the_last_parcel_that_can_be_followed_is_shown() -> None:
    parcels = (Parcel(id="1", tracking_number="A", carrier="NP"), Parcel(id="2", tracking_number="B"), Parcel(id="3"))
    one = first(paid(parcels=parcels).order)
    assert one["trackingNumber"] == "B"
    assert "carrier" not in one


def test_a_facts_event_repeats_the_orders_reference() -> None:
    request = fact_event(Status.CANCELLED, "1001", ANNA, order_reference(paid().order), shop())
    assert params(request) == {
        "email": "anna@example.com",
        "phone": "380501112233",
        "externalOrderId": "1001",
        "externalCustomerId": "77",
        "status": "CANCELLED",
        "totalCost": "250.00",
        "date": "2026-03-02T09:00:00+00:00",
        "currency": "UAH",
        "orderNumber": "#1001",
    }


def test_a_reference_holds_ids_and_nobodys_address() -> None:
    reference = order_reference(shipped().order)
    assert reference.keys() == {"externalCustomerId", "totalCost", "date", "currency", "orderNumber"}
    assert "anna" not in str(reference)
    assert "externalCustomerId" not in order_reference(order(contact=Contact(email="g@example.com")).order)


# --- money and numbers


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("25.00", "25.00"),
        ("25", "25"),
        ("0.00", "0.00"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        ("-3.50", "-3.50"),
        ("1E+3", "1000"),
        ("1E-7", "0.0000001"),
        ("123456789012345678901234567890.12", "123456789012345678901234567890.12"),
    ],
)
def test_money_is_plain_text_with_the_digits_given(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("currency", "cost", "text"),
    [
        ("UAH", "33.335", "33.34"),
        ("UAH", "33.3333333333", "33.33"),
        ("JPY", "1000.5", "1001"),
        ("KWD", "1.23456", "1.235"),
        ("UAH", "-0.004", "0"),
        ("UAH", "12345678901234567890123456789.015", "12345678901234567890123456789.02"),
    ],
)
def test_costs_are_rounded_to_the_currencys_digits(currency: str, cost: str, text: str) -> None:
    items = (Item(id="1", quantity=Decimal(1), cost=Decimal(cost)),)
    assert first(order(currency=currency, items=items).order)["items"] == (
        f'[{{"externalItemId":"1","quantity":1,"cost":{text}}}]'
    )


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
@example(Decimal("443689210265776.5157353157582855713390822076919954882642424471"))
def test_numbers_in_json_are_exact(amount: Decimal) -> None:
    written = json_text(amount)
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == amount
    assert "E" not in written.upper()


JSON = st.recursive(
    st.text() | st.integers(-(10**30), 10**30) | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_text_is_the_json_that_it_says(value: Any) -> None:
    assert json.loads(json_text(value)) == value


@given(st.decimals(allow_nan=False, min_value=-(10**30), max_value=10**30, places=6))
def test_rounding_is_never_off_by_more_than_half_a_step(amount: Decimal) -> None:
    assert abs(rounded(amount, Decimal("0.01")) - amount) <= Decimal("0.005")


# Somebody may call a coupon "None": that would be the shop's word, not Python's.
WORDS = st.text(max_size=20).filter(lambda text: text.strip() != "None")
TEXT = st.none() | WORDS
ORDERS = st.builds(
    lambda total, number, note, url, coupons, first_name, id: (
        order(
            id,
            total=total,
            number=number,
            note=note,
            url=url,
            coupons=tuple(coupons),
            contact=replace(ANNA, first_name=first_name),
        ).order
    ),
    st.decimals(allow_nan=False, min_value=0, max_value=10**20, places=2),
    TEXT,
    TEXT,
    TEXT,
    st.lists(WORDS.map(lambda text: text[:5]), max_size=3),
    TEXT,
    st.integers(1, 10**30).map(str),
)


@given(ORDERS)
def test_every_value_is_a_non_empty_string_and_nothing_is_named_twice(one: Order) -> None:
    (step,) = order_steps(one, shop(), None, recent=True)
    values = params(step.request)
    assert all(isinstance(value, str) and value.strip() and value != "None" for value in values.values())
    assert {"externalOrderId", "externalCustomerId", "totalCost", "status", "date", "currency"} <= values.keys()


@given(ORDERS)
def test_the_same_order_maps_to_the_same_bytes(one: Order) -> None:
    again = copy.deepcopy(one)
    assert order_steps(again, shop(), None, recent=True) == order_steps(one, shop(), None, recent=True)
    assert events(one, known(one)) == []


def test_bytes_are_utf_8_and_compact() -> None:
    assert dump({"ж": ["ї", 1]}) == '{"ж":["ї",1]}'.encode()
