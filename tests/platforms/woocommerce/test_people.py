"""WooCommerce: address, language and consent of customers and buyers, as plugins store them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import Address, Consent, Contact, ContactChange
from shopwire.models.base import milliseconds
from tests.support.woocommerce import BODIES, PLAIN, RECEIVED_AT, order, read

CUSTOMER = json.loads(BODIES["customer.updated"])
ORDERED = milliseconds(datetime(2026, 10, 5, 9, 20, 30, tzinfo=UTC))
CHANGED = milliseconds(datetime(2026, 9, 20, 7, tzinfo=UTC))
IMPLIED_REFUSAL = Consent(subscribed=False, at=0, is_implied=True)
MAILCHIMP = "mailchimp_woocommerce_is_subscribed"


def meta(**values: Any) -> list[dict[str, Any]]:
    """Return meta data as the REST resource contains them."""
    return [{"id": 1, "key": "is_vat_exempt", "value": "no"}] + [
        {"id": n, "key": key, "value": value} for n, (key, value) in enumerate(values.items(), 2)
    ]


def buyer(**values: Any) -> Contact:
    """Return the buyer of the plain order with these meta data."""
    return order(meta_data=meta(**values)).contact


def customer(**changes: Any) -> Contact:
    """Return the contact of the sample customer with other fields."""
    change = read("customer.updated", CUSTOMER | changes)
    assert isinstance(change, ContactChange)
    return change.contact


@pytest.mark.parametrize(
    "key",
    [
        MAILCHIMP,
        "ws_opt_in",
        "_wc_other/SendinblueWoocommerce/newsletter_opt_in",
        "_wc_order/SendinblueWoocommerce/newsletter_opt_in",
        "_woo_ml_subscribe",
    ],
)
@pytest.mark.parametrize("value", ["1", 1, True, "yes", " Yes ", "true"])
def test_box_of_a_newsletter_plugin_is_the_consent(key: str, value: Any) -> None:
    assert buyer(**{key: value}).consent == Consent(subscribed=True, at=ORDERED)


@pytest.mark.parametrize("value", ["0", 0, False, "no", "unsubscribed"])
def test_box_that_was_not_ticked_is_an_implied_refusal(value: Any) -> None:
    assert buyer(ws_opt_in=value).consent == IMPLIED_REFUSAL


@pytest.mark.parametrize("value", ["", None, "pending", [], {}, ["1"], 7, 1.0, "archived"])
def test_other_value_says_nothing(value: Any) -> None:
    assert buyer(ws_opt_in=value).consent is None


def test_first_answer_of_several_plugins_counts() -> None:
    assert buyer(**{MAILCHIMP: "", "ws_opt_in": "yes", "_woo_ml_subscribe": "0"}).consent == Consent(
        subscribed=True, at=ORDERED
    )


@pytest.mark.parametrize("meta_data", [None, [], {}, "text", [None, {"value": "1"}, {"key": None, "value": "1"}]])
def test_shop_without_a_plugin_says_no_consent(meta_data: Any) -> None:
    assert order(meta_data=meta_data).contact.consent is None
    assert customer(meta_data=meta_data).consent is None


def test_customers_own_state_is_explicit() -> None:
    assert customer(meta_data=meta(**{MAILCHIMP: "0"})).consent == Consent(subscribed=False, at=CHANGED)
    assert customer(meta_data=meta(**{MAILCHIMP: "1"})).consent == Consent(subscribed=True, at=CHANGED)


def test_consent_of_the_future_is_as_old_as_the_webhook() -> None:
    contact = customer(meta_data=meta(**{MAILCHIMP: "1"}), date_modified_gmt="2647-01-01T00:00:00")
    assert contact.consent == Consent(subscribed=True, at=RECEIVED_AT)


def test_language_is_that_of_the_order() -> None:
    assert buyer(wpml_language="uk").language == "uk"
    assert buyer(trp_language="en_US").language == "en-US"
    assert buyer(wpml_language="nonsense", trp_language="pl_PL").language == "pl-PL"
    assert buyer(wpml_language=["uk"]).language is None
    assert order(lang="de").contact.language == "de"
    assert order(lang={"slug": "de"}).contact.language is None
    assert customer(meta_data=meta(trp_language="uk")).language == "uk"


def test_address_is_that_of_the_bill_then_the_recipients() -> None:
    shipping = {"address_1": "вул. Вигадана, 1", "city": "Рені", "state": "", "postcode": "68800", "country": "UA"}
    nowhere = dict.fromkeys(("address_1", "address_2", "city", "state", "postcode"), "") | {"country": "UA"}
    recipients = Address(town="Рені", street="вул. Вигадана, 1", postcode="68800")
    of_bill = Address(region="UA53", town="Полтава", street="вул. Садова, 7, кв. 12", postcode="36000")
    assert order(shipping=shipping).contact.address == of_bill
    assert order(billing=PLAIN["billing"] | nowhere, shipping=shipping).contact.address == recipients
    assert customer(billing=CUSTOMER["billing"] | nowhere, shipping=shipping).address == recipients
    assert order(billing=PLAIN["billing"] | nowhere, shipping=[]).contact.address is None


@pytest.mark.parametrize("id", [0, "0", "null"])
def test_customer_without_an_id_is_parked(id: Any) -> None:
    with pytest.raises(Unreadable):
        read("customer.updated", CUSTOMER | {"id": id})


def test_customer_may_have_neither_email_nor_phone() -> None:
    contact = customer(email="", billing=[], shipping=[], first_name="", last_name="")
    assert contact == Contact(customer_id="71")
