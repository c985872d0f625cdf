"""WooCommerce: who the buyer of an order is."""

from typing import Any

import pytest

from shopwire.models import Contact
from tests.support.woocommerce import PLAIN, order


def test_erased_buyer_has_no_key() -> None:
    assert order("order.updated--erased").contact.key is None


def test_email_and_phone_are_normalised() -> None:
    contact = order().contact
    assert (contact.email, contact.phone) == ("olesia.honchar@example.com", "380501234567")


def test_phone_of_the_recipient_is_not_the_buyers() -> None:
    billing = PLAIN["billing"] | {"phone": "", "email": ""}
    assert order(billing=billing).contact.key is None


@pytest.mark.parametrize("billing", [None, [], {}, "text"])
def test_billing_data_may_be_empty_as_php_writes_it(billing: Any) -> None:
    assert order(billing=billing, customer_id=5).contact == Contact(customer_id="5")


@pytest.mark.parametrize("field", ["first_name", "phone", "state", "country"])
@pytest.mark.parametrize("odd", [[], {}, False])
def test_odd_field_of_billing_does_not_cost_the_email(field: str, odd: Any) -> None:
    billing = PLAIN["billing"] | {field: odd}
    assert order(billing=billing).contact.email == "olesia.honchar@example.com"


def test_customer_0_is_a_guest() -> None:
    assert order(customer_id=0).contact.customer_id is None
