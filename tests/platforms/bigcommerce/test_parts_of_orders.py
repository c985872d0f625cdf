"""BigCommerce: parts of an order that the order itself does not announce, or announces in an older way."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import RetryLater
from shopwire.models import Status
from tests.support.bigcommerce import ANSWERS, PLAIN, Api, cart, customer, fetch, given_back, order, refund

SHIPPING = PLAIN["order"]["consignments"]["shipping"][0]
OLEH = ANSWERS["store/customer/created"]["customer"]


def asked(api: Api) -> list[str]:
    return [path.partition("?")[0].rpartition("/")[2] for path in api.paths[2:]]


def fetched(**changes: Any) -> list[str]:
    api = Api(order=PLAIN["order"] | {"coupon_discount": "0.0000"} | changes, products=PLAIN["products"])
    fetch("store/order/updated", api)
    return asked(api)


# Refunds.


def test_refund_of_a_payment_outside_stays_when_the_status_moves_on() -> None:
    # 162 of the 1710 were given back. Then the order was completed, and nothing of it says so any more.
    back = refund(4, "162.00", given_back("ORDER", "162.00", 1184))
    found = order(answers={"refunds": {"data": [back]}}, status_id=10, payment_status="")
    assert (found.status, found.total, found.refunded) == (Status.DELIVERED, 1548, Decimal("162.00"))


def test_refunds_of_payments_outside_are_asked_for_once_there_can_be_some() -> None:
    for status in (1, 6, 7, 11):
        assert fetched(status_id=status, payment_status="") == []
    for status in (5, 8, 9, 10, 12, 13):
        assert fetched(status_id=status, payment_status=None) == ["refunds"]
    for payment in ("captured", "paid", "authorized"):
        assert fetched(status_id=10, payment_status=payment) == []


# Coupons.


def test_coupon_for_free_shipping_takes_nothing_off_the_lines() -> None:
    coupon = {"id": 7, "code": "FREESHIP", "type": 4, "amount": "0.0000", "discount": 0}
    free = {"shipping_cost_inc_tax": "0.0000", "shipping_cost_ex_tax": "0.0000", "total_inc_tax": "1620.0000"}
    found = order(answers={"coupons": [coupon]}, coupon_discount="0.0000", **free)
    assert (found.total, found.shipping, found.coupons) == (1620, 0, ("FREESHIP", "OSIN10"))
    assert fetched(**free) == ["coupons"]
    assert fetched(**free, consignments={"pickups": [], "shipping": []}) == []
    assert fetched() == []


# Addresses.


@pytest.mark.parametrize("consignments", [None, [], {"url": "https://api.bigcommerce.com/stores/demo/v2/x"}])
def test_addresses_are_asked_for_if_the_order_does_not_contain_them(consignments: Any) -> None:
    older = {"consignments": consignments, "shipping_address_count": 2}
    found = order(answers={"addresses": [SHIPPING, SHIPPING | {"city": "Київ"}]}, **older)
    assert (found.delivery_method, found.delivery_address) == (order().delivery_method, order().delivery_address)
    assert fetched(**older) == ["shipping_addresses"]
    assert fetched(**older | {"shipping_address_count": 0}) == []
    assert order(answers={"addresses": {"status": 500}}, **older).delivery_address is None


def test_what_may_be_missing_is_no_reason_to_wait() -> None:
    may_be = {"payment_status": "", "status_id": 10, "shipping_cost_inc_tax": "0.0000", "total_inc_tax": "1620.0000"}
    none = dict.fromkeys(("refunds", "coupons", "addresses", "customer"))
    found = order(answers=none, coupon_discount="0.0000", **may_be)
    assert (found.total, found.refunded, found.coupons) == (1620, None, ("OSIN10",))
    with pytest.raises(RetryLater):
        order(answers=none, **may_be | {"status_id": 14})


def test_order_that_was_made_without_a_shipping_method_names_none() -> None:
    found = order(consignments={"shipping": [SHIPPING | {"shipping_method": "None"}]})
    assert (found.delivery_method, found.delivery_address) == (None, order().delivery_address)


# People.


def test_phone_of_the_customer_goes_before_that_of_the_shipping_address() -> None:
    billing = PLAIN["order"]["billing_address"] | {"phone": " "}
    consignments = {"shipping": [SHIPPING | {"phone": "067 000 11 22"}]}
    changes = {"customer_id": 58, "billing_address": billing, "consignments": consignments}
    assert order(answers={"customer": OLEH}, **changes).contact.phone == "380675550117"
    assert order(answers={"customer": {"data": []}}, **changes).contact.phone == "380670001122"
    assert fetched(customer_id=0, billing_address=billing) == []


# Parcels.


def test_parcels_are_in_the_order_of_their_numbers() -> None:
    (shipment,) = ANSWERS["store/shipment/created"]["shipments"]
    found = order("store/shipment/created", answers={"shipments": [shipment | {"id": 10}, shipment | {"id": 9}]})
    assert [parcel.id for parcel in found.parcels] == ["9", "10"]


# Dates.


@pytest.mark.parametrize("written", ["2026-10-05T09:12:40", "2026-10-05 09:12:40.000", "2026-10-05T09:12"])
def test_date_without_an_offset_is_in_utc(written: str) -> None:
    moment = datetime.fromisoformat(written).replace(tzinfo=UTC)
    assert order(date_created=written).created_at == moment
    assert cart(updated_time=written).cart.updated_at == moment
    assert customer(date_modified=written).updated_at == int(moment.timestamp() * 1000)
