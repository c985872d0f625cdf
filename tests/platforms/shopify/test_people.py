"""Shopify: address, language and consent of customers and buyers, and the topics of consent."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import Address, CartChange, Consent, Contact, ContactChange, Entity, Nothing, Reason
from shopwire.models.base import milliseconds
from tests.support.shopify import BODIES, RECEIVED_AT, order, read

EMAIL_TOPIC, SMS_TOPIC = "customers_email_marketing_consent/update", "customers_marketing_consent/update"
CUSTOMER, CHECKOUT = json.loads(BODIES["customers/update"]), json.loads(BODIES["checkouts/create"])
EMAIL_BODY, SMS_BODY = json.loads(BODIES[EMAIL_TOPIC]), json.loads(BODIES[SMS_TOPIC])
AT = "2026-10-01T12:00:00Z"
AT_MS = milliseconds(datetime(2026, 10, 1, 12, tzinfo=UTC))
UPDATED_MS = milliseconds(datetime.fromisoformat(CUSTOMER["updated_at"]))
HOME = {"address1": "вул. Вигадана, 1", "city": "Рені", "province": None, "zip": "68800"}


def state(word: Any, at: Any = AT) -> dict[str, Any]:
    """Return the object of a consent."""
    return {"state": word, "opt_in_level": "single_opt_in", "consent_updated_at": at}


def customer(**changes: Any) -> Contact:
    """Return the contact of the sample customer with other fields."""
    change = read("customers/update", CUSTOMER | changes)
    assert isinstance(change, ContactChange)
    return change.contact


def buyer(**changes: Any) -> Contact:
    """Return the buyer of the plain order without its customer and with other fields."""
    return order(**{"customer": None, "buyer_accepts_marketing": None} | changes).contact


def cart_contact(**changes: Any) -> Contact:
    """Return the contact of the sample checkout without its customer and with other fields."""
    change = read("checkouts/create", CHECKOUT | {"customer": None, "buyer_accepts_marketing": None} | changes)
    assert isinstance(change, CartChange)
    return change.cart.contact


# --- consent of customers


@pytest.mark.parametrize(
    ("word", "subscribed"),
    [("subscribed", True), ("not_subscribed", False), ("unsubscribed", False), (" SUBSCRIBED ", True)],
)
def test_state_of_a_customer_is_the_consent(word: str, subscribed: bool) -> None:
    assert customer(email_marketing_consent=state(word)).consent == Consent(subscribed=subscribed, at=AT_MS)


SAYS_NOTHING = [
    state("pending"),
    state("redacted"),
    state("invalid"),
    state("example string"),
    state(None),
    state(""),
    state(1),
    state({}),
    {},
    [],
    None,
    "subscribed",
    True,
]


@pytest.mark.parametrize("consent", SAYS_NOTHING)
def test_other_state_or_shape_says_nothing(consent: Any) -> None:
    assert customer(email_marketing_consent=consent).consent is None
    assert read(EMAIL_TOPIC, EMAIL_BODY | {"email_marketing_consent": consent}) == Nothing(
        Reason.CONSENT_NOT_SAID, Entity("contact", "7421900553010")
    )


@pytest.mark.parametrize("at", [None, "", "soon", 5.5, [], "0000-00-00"])
def test_consent_without_a_time_is_as_old_as_the_customers_change(at: Any) -> None:
    contact = customer(email_marketing_consent=state("unsubscribed", at))
    if at == 5.5:  # seconds since 1970
        assert contact.consent == Consent(subscribed=False, at=5_500)
    else:
        assert contact.consent == Consent(subscribed=False, at=UPDATED_MS)


def test_customer_who_never_subscribed_decided_at_no_time() -> None:
    """Otherwise each change of the customer would send the contact again."""
    contact = customer(email_marketing_consent=state("not_subscribed", None))
    assert contact.consent == Consent(subscribed=False, at=0)


def test_consent_of_the_future_is_as_old_as_the_webhook() -> None:
    contact = customer(email_marketing_consent=state("subscribed", "2647-01-01T00:00:00Z"))
    assert contact.consent == Consent(subscribed=True, at=RECEIVED_AT)
    change = read(EMAIL_TOPIC, EMAIL_BODY | {"email_marketing_consent": state("subscribed", "2647-01-01T00:00:00Z")})
    assert change.contact.consent == Consent(subscribed=True, at=RECEIVED_AT)


def test_consent_to_text_messages_counts_only_without_an_email() -> None:
    consents = {"email_marketing_consent": state("unsubscribed"), "sms_marketing_consent": state("subscribed")}
    assert customer(**consents).consent == Consent(subscribed=False, at=AT_MS)
    assert customer(**consents, email=None).consent == Consent(subscribed=True, at=AT_MS, channel="sms")
    assert customer(email_marketing_consent=None, sms_marketing_consent=state("subscribed")).consent is None


def test_customer_of_a_newer_api_version_says_no_consent() -> None:
    """Changelog of 2025-01-01: consent comes only in its own topics."""
    change = read("customers/create", BODIES["customers/create--without_consent"])
    assert change.contact.consent is None


# --- the topics of consent


def test_consent_without_a_time_never_counts_before_another() -> None:
    change = read(EMAIL_TOPIC, EMAIL_BODY | {"email_marketing_consent": state("not_subscribed", None)})
    assert change.contact.consent == Consent(subscribed=False, at=0)
    assert (change.version, change.created_at) == (None, None)


def test_consent_may_name_only_the_customer() -> None:
    change = read(EMAIL_TOPIC, EMAIL_BODY | {"email_address": None})
    assert change.contact == Contact(
        customer_id="7421900553010", consent=Consent(subscribed=False, at=change.created_at)
    )


@pytest.mark.parametrize("id", [0, "0", "null", None, "", {}])
def test_consent_without_an_id_is_parked(id: Any) -> None:
    for topic, body, field in ((EMAIL_TOPIC, EMAIL_BODY, "customer_id"), (SMS_TOPIC, SMS_BODY, "id")):
        with pytest.raises(Unreadable):
            read(topic, body | {field: id})


@pytest.mark.parametrize("id", [0, "0", "null"])
def test_customer_without_an_id_is_parked(id: Any) -> None:
    with pytest.raises(Unreadable):
        read("customers/update", CUSTOMER | {"id": id})


def test_customer_may_have_neither_email_nor_phone() -> None:
    contact = customer(email=None, phone=None, default_address=None, addresses=[], first_name=None, last_name=None)
    assert contact == Contact(customer_id="7421900553010")


def test_sms_consent_may_name_the_customer_as_the_other_topic_does() -> None:
    body = {name: value for name, value in SMS_BODY.items() if name != "id"} | {"customer_id": 5}
    assert read(SMS_TOPIC, body).contact.customer_id == "5"


def test_bodies_of_the_two_topics_are_not_mistaken() -> None:
    for topic, body in ((SMS_TOPIC, EMAIL_BODY), (EMAIL_TOPIC, SMS_BODY), (SMS_TOPIC, CUSTOMER)):
        with pytest.raises(Unreadable):
            read(topic, body)


# --- consent of orders and checkouts


def test_buyer_who_ticked_the_box_agreed_when_the_order_was_made() -> None:
    created = milliseconds(datetime.fromisoformat("2026-10-05T10:12:30+03:00"))
    assert buyer(buyer_accepts_marketing=True).consent == Consent(subscribed=True, at=created)
    assert cart_contact(buyer_accepts_marketing=True).consent == Consent(
        subscribed=True, at=milliseconds(datetime.fromisoformat(CHECKOUT["created_at"]))
    )


def test_box_that_was_not_ticked_is_an_implied_refusal() -> None:
    refusal = Consent(subscribed=False, at=0, is_implied=True)
    assert buyer(buyer_accepts_marketing=False).consent == refusal
    assert cart_contact(buyer_accepts_marketing=False).consent == refusal


@pytest.mark.parametrize("accepts", [None, {}, "maybe"])
def test_order_that_does_not_say_it_says_no_consent(accepts: Any) -> None:
    assert buyer(buyer_accepts_marketing=accepts).consent is None


def test_customers_own_consent_counts_before_the_box() -> None:
    nested = {"id": 5, "updated_at": "2026-09-01T00:00:00Z", "email_marketing_consent": state("unsubscribed")}
    assert buyer(buyer_accepts_marketing=True, customer=nested).consent == Consent(subscribed=False, at=AT_MS)
    nested["email_marketing_consent"] = state("unsubscribed", None)
    september = milliseconds(datetime(2026, 9, 1, tzinfo=UTC))
    assert buyer(buyer_accepts_marketing=True, customer=nested).consent == Consent(subscribed=False, at=september)
    nested["email_marketing_consent"] = state("pending")
    assert buyer(buyer_accepts_marketing=False, customer=nested).consent == Consent(
        subscribed=False, at=0, is_implied=True
    )


def test_checkout_with_a_phone_has_the_consent_to_text_messages() -> None:
    contact = cart_contact(
        email=None, phone="+380635550142", buyer_accepts_marketing=True, buyer_accepts_sms_marketing=False
    )
    assert contact.consent == Consent(subscribed=False, at=0, channel="sms", is_implied=True)


# --- address and language


def test_address_is_that_of_the_bill_then_the_customers_then_the_recipients() -> None:
    billing, home, shipping = (HOME | {"city": town} for town in ("Рені", "Ізмаїл", "Болград"))
    nested = {"id": 5, "default_address": home}

    def town(**parts: Any) -> str | None:
        found = buyer(**{"billing_address": None, "shipping_address": None} | parts).address
        return found.town if found else None

    assert town(billing_address=billing, customer=nested, shipping_address=shipping) == "Рені"
    assert town(customer=nested, shipping_address=shipping) == "Ізмаїл"
    assert town(billing_address={"country": "Ukraine"}, shipping_address=shipping) == "Болград"
    assert town(billing_address=[], shipping_address="text") is None


def test_address_of_a_checkout() -> None:
    assert cart_contact(shipping_address=HOME).address == Address(
        town="Рені", street="вул. Вигадана, 1", postcode="68800"
    )


@pytest.mark.parametrize("odd", [[], {}, False, 5.5, "null"])
@pytest.mark.parametrize("field", ["address1", "city", "province", "zip", "first_name"])
def test_odd_part_of_an_address_costs_neither_the_others_nor_the_phone(field: str, odd: Any) -> None:
    written = HOME | {"phone": "+380635550142"} | {field: odd}
    contact = customer(phone=None, default_address=written)
    assert contact.phone == "380635550142"
    assert contact.address


def test_language_is_the_orders_then_the_customers() -> None:
    assert buyer(customer_locale="en_US", customer={"id": 5, "locale": "uk"}).language == "en-US"
    assert buyer(customer_locale="example string", customer={"id": 5, "locale": "uk"}).language == "uk"
    assert buyer(customer_locale=None).language is None
    assert cart_contact(customer_locale="pl").language == "pl"
    assert customer(locale="uk-UA").language == "uk-UA"
