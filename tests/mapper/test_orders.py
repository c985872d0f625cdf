"""Orders to v1/event: exact bodies, and which events follow from what was sent before (numbers: test_numbers.py)."""

import copy
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.errors import Unmappable
from shopwire.mapper import SentOrder, Step, fact_steps, order_reference, order_steps, sent_with_another_status
from shopwire.models import Contact, Item, Order, OrderChange, Parcel, Rank, Reason, Status
from shopwire.models.base import usable_id
from tests.support.api_requests import body_of, params
from tests.support.changes import ANNA, cancelled, order, paid, shipped, shop


def event_types(of: Order, sent: SentOrder | None = None, *, recent: bool = True, **settings: Any) -> list[str]:
    steps = order_steps(of, shop(**settings), sent, recent=recent)
    return [body_of(step.request)["eventTypeKey"] for step in steps]


def first_params(of: Order, **settings: Any) -> dict[str, str]:
    return params(order_steps(of, shop(**settings), None, recent=True)[0].request)


def sent_after(step: Step) -> SentOrder | None:
    assert step.sent is not None
    return SentOrder.of(step.sent)


def wholly_sent(of: Order) -> SentOrder | None:
    return sent_after(order_steps(of, shop(), None, recent=True)[-1])


def test_first_order_has_the_exact_body() -> None:
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
    assert body_of(step.request) == {
        "eventTypeKey": "orderCreated",
        "keyValue": "anna@example.com",
        "params": [
            {"name": name, "value": value}
            for name, value in (
                ("email", "anna@example.com"),
                ("phone", "380501112233"),
                ("externalCustomerId", "77"),
                ("externalOrderId", "1001"),
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


# Which events follow.


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (order(), ["orderCreated"]),
        (paid(), ["orderCreated"]),
        (order(rank=Rank.DELIVERED), ["orderCreated", "orderDelivered"]),
        (cancelled(), ["orderCreated", "orderCancelled"]),
    ],
)
def test_order_that_was_never_sent_starts_with_an_opening_event(change: OrderChange, expected: list[str]) -> None:
    assert event_types(change.order) == expected
    assert event_types(change.order, recent=False) == ["orderUpdated", *expected[1:]]


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
def test_events_follow_from_what_was_sent(before: OrderChange, after: OrderChange, expected: list[str]) -> None:
    assert event_types(after.order, wholly_sent(before.order)) == expected


def test_remaining_steps_follow_after_each_step() -> None:
    final = cancelled(total=Decimal(1)).order
    plan = order_steps(final, shop(), wholly_sent(paid().order), recent=True)
    for number, step in enumerate(plan, start=1):
        rest = order_steps(final, shop(), sent_after(step), recent=True)
        assert [later.request for later in rest] == [later.request for later in plan[number:]]


def test_order_with_another_status_sent_causes_only_the_status_event() -> None:
    assert event_types(paid().order, sent_with_another_status(paid().order)) == ["orderUpdated"]
    assert event_types(cancelled().order, sent_with_another_status(cancelled().order)) == ["orderCancelled"]


# The contact.


@pytest.mark.parametrize("contact", [Contact(email="g@example.com"), Contact(phone="380501112233")])
def test_guest_has_no_external_customer_id(contact: Contact) -> None:
    whole = paid(contact=contact).order
    assert "externalCustomerId" not in first_params(whole)
    sent = sent_with_another_status(whole)
    (step,) = fact_steps(
        Status.CANCELLED, "1001", replace(contact, customer_id="77"), order_reference(whole), sent, shop()
    )
    assert "externalCustomerId" not in params(step.request)


def test_contact_is_found_by_email_phone_and_customer_id() -> None:
    found = first_params(order().order)
    assert (found["email"], found["phone"]) == ("anna@example.com", "380501112233")
    assert found["externalCustomerId"] == "77"


def test_contact_with_only_an_id_is_found_by_it() -> None:
    found = first_params(order(contact=Contact(customer_id="77")).order)
    assert found["externalCustomerId"] == "77"
    assert not {"email", "phone", "contactKey"} & found.keys()


@pytest.mark.parametrize(
    ("contact", "key"),
    [
        (ANNA, "anna@example.com"),
        (Contact(phone="380501112233", customer_id="77"), "380501112233"),
        (Contact(customer_id="77"), "77"),
        (Contact(email="o'brien@example.com", phone="380501112233"), "380501112233"),
        (Contact(email="o'brien@example.com", customer_id="77"), "77"),
        (Contact(email="o'brien@example.com"), "51a228e25e7c90b9ea59784be16db963"),
        (Contact(customer_id="a/b"), "c14cddc033f64b9dea80ea675cf280a0"),
        (Contact(customer_id="7" * 301), "26e5776ba8c148a8371823fafd9a1709"),
    ],
)
def test_key_value_is_the_first_identifier_that_the_api_accepts(contact: Contact, key: str) -> None:
    (step,) = order_steps(order(contact=contact).order, shop(), None, recent=True)
    assert body_of(step.request)["keyValue"] == key


def test_order_without_a_contact_is_unmappable() -> None:
    with pytest.raises(Unmappable) as error:
        event_types(order(contact=Contact()).order)
    assert error.value.reason is Reason.ANONYMOUS


def test_key_value_is_the_order_if_the_shop_says_so() -> None:
    steps = order_steps(cancelled().order, shop(key_value="order"), None, recent=True)
    assert {body_of(step.request)["keyValue"] for step in steps} == {"1001"}
    assert params(steps[0].request)["externalCustomerId"] == "77"
    (step,) = order_steps(order("INV/7?").order, shop(key_value="order"), None, recent=True)
    assert re.fullmatch("[0-9a-f]{32}", body_of(step.request)["keyValue"])


# Amounts, parcels and facts.


@pytest.mark.parametrize(("total", "sent"), [("-16.11", "0"), ("-0.00", "0.00"), ("0.00", "0.00")])
def test_total_cost_is_never_negative(total: str, sent: str) -> None:
    assert first_params(paid(total=Decimal(total)).order)["totalCost"] == sent


def test_last_parcel_with_tracking_is_shown() -> None:
    parcels = (Parcel(id="1", tracking_number="A", carrier="NP"), Parcel(id="2", tracking_number="B"), Parcel(id="3"))
    found = first_params(paid(parcels=parcels).order)
    assert found["trackingNumber"] == "B"
    assert "carrier" not in found


def test_fact_is_no_event_before_the_orders_first_one() -> None:
    """v1/orders has the order, and its snapshot waits to send orderCreated."""
    sent = SentOrder(None, "", "", stored="IN_PROGRESS 0123")
    (step,) = fact_steps(Status.DELIVERED, "1001", ANNA, order_reference(paid().order), sent, shop(orders="both"))
    assert step.request.path == "v1/orders"
    assert SentOrder.of(step.sent or {}) == SentOrder(None, "", "", stored="DELIVERED 0123")


def test_event_of_a_fact_repeats_the_orders_reference() -> None:
    sent = sent_with_another_status(paid().order)
    (step,) = fact_steps(Status.CANCELLED, "1001", ANNA, order_reference(paid().order), sent, shop())
    assert sent_after(step) == replace(sent, status=Status.CANCELLED)
    assert params(step.request) == {
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


def test_reference_of_an_order_contains_no_address() -> None:
    reference = order_reference(shipped().order)
    assert reference.keys() == {"externalCustomerId", "totalCost", "date", "currency", "orderNumber"}
    assert "anna" not in str(reference)
    assert "externalCustomerId" not in order_reference(order(contact=Contact(email="g@example.com")).order)


# Properties of any order.

# A coupon may be named "None". Then it is the shop's word, not Python's.
WORDS = st.text(max_size=20).filter(lambda text: text.strip() != "None")
TEXT = st.none() | WORDS
ORDERS = st.builds(
    lambda total, number, note, url, coupons, first_name, id: (
        order(
            id,
            total=total,
            number=usable_id(number),
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
def test_every_param_has_a_text_and_the_required_ones_exist(of: Order) -> None:
    (step,) = order_steps(of, shop(), None, recent=True)
    values = params(step.request)
    assert all(isinstance(value, str) and value.strip() and value != "None" for value in values.values())
    assert {"externalOrderId", "externalCustomerId", "totalCost", "status", "date", "currency"} <= values.keys()


@given(ORDERS)
def test_same_order_maps_to_the_same_bytes(of: Order) -> None:
    same = copy.deepcopy(of)
    assert order_steps(same, shop(), None, recent=True) == order_steps(of, shop(), None, recent=True)
    assert event_types(of, wholly_sent(of)) == []


def test_texts_are_as_people_read_them_and_links_can_be_opened() -> None:
    item = Item(
        id="55",
        name="Cup &#8211; Salt &amp; Co",
        category="<b>Cups</b>",
        description="null",
        url="//shop.example/cup",
        image_url="javascript:alert(1)",
        quantity=Decimal(1),
        cost=Decimal(5),
    )
    found = first_params(
        order(
            items=(item,),
            note="ring\n twice\u200b",
            delivery_address="1 &lt; 2",
            payment_method='Card <img src="x">',
            delivery_method="\u200b",
            coupons=("TEA &amp; CUP",),
            cancel_reason="null",
            url="http://a b",
        ).order
    )
    assert found["items"] == (
        '[{"externalItemId":"55","name":"Cup – Salt & Co","category":"Cups","quantity":1,'
        '"url":"https://shop.example/cup","cost":5}]'
    )
    assert (found["additionalInfo"], found["deliveryAddress"]) == ("ring twice", "1 < 2")
    assert (found["paymentMethod"], found["couponCode"]) == ("Card", "TEA & CUP")
    assert found.keys().isdisjoint({"deliveryMethod", "cancelReason", "restoreUrl"})


def test_shortened_name_is_cut_after_it_is_made_readable() -> None:
    items = tuple(
        Item(id=str(number), name="&amp;" * 30 + "x" * 300, quantity=Decimal(1), cost=Decimal(5))
        for number in range(90)
    )
    name = json.loads(first_params(order(items=items).order)["items"])[0]["name"]
    assert name == "&" * 30 + "x" * 20
