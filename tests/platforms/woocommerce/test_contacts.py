"""WooCommerce: who the buyer of an order is, and which accounts are customers."""

import json
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import Contact, ContactChange, Entity, Nothing, Reason, Webhook
from tests.support.woocommerce import BODIES, PLAIN, SHOP, WOO, order, read


def test_erased_buyer_has_no_key() -> None:
    found = order("order.updated--erased")
    assert (found.contact.key, found.erased) == (None, True)
    assert not order(billing=None).erased


def test_email_and_phone_are_normalised() -> None:
    contact = order().contact
    assert (contact.email, contact.phone) == ("olesia.honchar@example.com", "380501234567")


def test_recipient_counts_last() -> None:
    shipping = PLAIN["shipping"] | {"first_name": "Ганна", "last_name": "Коваль", "phone": "0501112233"}
    assert order(shipping=shipping).contact == order().contact
    contact = order(billing=PLAIN["billing"] | {"phone": "", "email": "", "first_name": ""}, shipping=shipping).contact
    assert (contact.key, contact.first_name, contact.last_name) == ("380501112233", "Ганна", "Гончар")


@pytest.mark.parametrize(
    ("billing", "shipping", "phone"),
    [("PL", "UA", "48501112233"), ("", "PL", "48501112233"), ("", "", "380501112233"), ("US", "PL", None)],
)
def test_local_phone_belongs_to_the_country_of_its_address(billing: str, shipping: str, phone: str | None) -> None:
    found = order(
        billing=PLAIN["billing"] | {"phone": "501 112 233", "country": billing},
        shipping=PLAIN["shipping"] | {"phone": "", "country": shipping},
    )
    assert found.contact.phone == phone


@pytest.mark.parametrize("billing", [None, [], {}, "text"])
def test_billing_data_may_be_empty_as_php_writes_it(billing: Any) -> None:
    assert order(billing=billing, shipping=[], customer_id=5).contact == Contact(customer_id="5")


@pytest.mark.parametrize("field", ["first_name", "phone", "state", "country"])
@pytest.mark.parametrize("odd", [[], {}, False])
def test_odd_field_of_billing_does_not_cost_the_email(field: str, odd: Any) -> None:
    billing = PLAIN["billing"] | {field: odd}
    assert order(billing=billing).contact.email == "olesia.honchar@example.com"


def test_customer_0_is_a_guest() -> None:
    assert order(customer_id=0).contact.customer_id is None


ACCOUNT = json.loads(BODIES["customer.updated"])


@pytest.mark.parametrize("role", ["customer", "subscriber", "wholesale_customer", "premium_member", "wcfm_vendor", ""])
def test_account_with_a_role_of_a_plugin_is_a_customer(role: str) -> None:
    assert isinstance(read("customer.updated", ACCOUNT | {"role": role}), ContactChange)


@pytest.mark.parametrize("role", ["administrator", "editor", "author", "contributor", "shop_manager", " Editor "])
def test_account_of_the_staff_is_no_contact(role: str) -> None:
    expected = Nothing(Reason.STAFF_ACCOUNT, Entity("contact", str(ACCOUNT["id"])))
    assert read("customer.updated", ACCOUNT | {"role": role}) == expected


def test_account_without_dates_is_as_old_as_its_webhook() -> None:
    names = ("date_created", "date_created_gmt", "date_modified", "date_modified_gmt")
    body = json.dumps(ACCOUNT | dict.fromkeys(names)).encode()
    (delivery,) = WOO.read(Webhook({"x-wc-webhook-topic": "customer.created"}, body, 1_790_000_000_123), SHOP)
    assert isinstance(delivery.change, ContactChange)
    assert (delivery.change.updated_at, delivery.change.created_at) == (1_790_000_000_123, None)
    with pytest.raises(Unreadable, match=r"^date_modified_gmt: missing$"):
        read("customer.created", {"id": 5})


def test_email_of_the_shipping_address_counts_last() -> None:
    """WooCommerce has none there, but plugins of checkout fields add it."""
    shipping = {"email": "recipient@example.com"}
    assert order(billing={"email": ""}, shipping=shipping).contact.email == "recipient@example.com"
    assert order(billing={"email": "buyer@example.com"}, shipping=shipping).contact.email == "buyer@example.com"
