"""BigCommerce: customers, subscribers, and the people of orders and carts."""

from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import Address, Consent, Contact, ContactChange, Entity, Nothing, Reason
from tests.support.bigcommerce import ANSWERS, PLAIN, Api, customer, fetch, order

HOME = ANSWERS["store/customer/address/created"]["customer"]["data"][0]["addresses"][0]
CREATED = 1_788_256_800_000
OLEH = ANSWERS["store/customer/created"]["customer"]


def test_whole_customer() -> None:
    address = Address(region="Тернопільська область", town="Тернопіль", street="вул. Вишнева, 3", postcode="46001")
    contact = Contact(
        email="oleh.synytsia@example.com",
        phone="380675550117",
        customer_id="58",
        first_name="Олег",
        last_name="Синиця",
        address=address,
    )
    assert customer(addresses=[HOME]) == ContactChange(contact, "58", CREATED, CREATED)


def test_consent_to_reviews_and_abandoned_carts_is_none_to_marketing() -> None:
    for accepts in (True, False, None):
        assert customer(accepts_product_review_abandoned_cart_emails=accepts).contact.consent is None


def test_phone_of_the_address_book_is_read_by_its_country() -> None:
    polish = HOME | {"phone": "512 345 678", "country_code": "PL"}
    assert customer(phone="", addresses=[HOME | {"phone": ""}, polish]).contact.phone == "48512345678"
    assert customer(phone="512 345 678", addresses=[polish]).contact.phone == "48512345678"


def test_customer_without_anything_but_a_number() -> None:
    bare = dict.fromkeys(("email", "phone", "first_name", "last_name", "addresses", "date_created"))
    assert customer(**bare) == ContactChange(Contact(customer_id="58"), "58", CREATED, None)


def test_customer_who_is_gone() -> None:
    nothing = Nothing(Reason.NOT_AT_PLATFORM, Entity("contact", "58"))
    for answer in ({"data": [], "meta": {}}, None, b""):
        assert fetch("store/customer/updated", Api(customer=answer)) == nothing


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ([OLEH["data"][0]], "body: model_type"),
        ({"data": OLEH["data"][0]}, "data: list_type"),
        (
            {"data": [OLEH["data"][0] | {"date_modified": "yesterday"}]},
            "data.0.date_modified: datetime_from_date_parsing",
        ),
        (b"<html>", "body: json_invalid"),
    ],
)
def test_other_answer_is_unreadable(answer: Any, problem: str) -> None:
    with pytest.raises(Unreadable, match=f"^{problem}$"):
        fetch("store/customer/updated", Api(customer=answer))


# Subscribers.


def subscriber(**changes: Any) -> Any:
    data = ANSWERS["store/subscriber/created"]["subscriber"]["data"] | changes
    return fetch("store/subscriber/updated", Api(subscriber={"data": data, "meta": {}}))


SUBSCRIBED_AT, CHANGED_AT = 1_788_602_400_000, 1_788_688_800_000


def test_subscriber_to_the_newsletter_says_nothing_but_the_consent() -> None:
    contact = Contact(
        email="nadia.vesna@example.com",
        first_name="Надія",
        last_name="Весна",
        consent=Consent(subscribed=True, at=SUBSCRIBED_AT),
    )
    assert subscriber() == ContactChange(contact, "subscriber-5", None, SUBSCRIBED_AT)


@pytest.mark.parametrize("consents", [[], ["abandoned_cart"]])
def test_person_without_the_newsletter_that_they_had_is_unsubscribed(consents: list[str]) -> None:
    changed = subscriber(consents=consents, date_modified="2026-09-06T10:00:00+00:00")
    assert changed.contact.consent == Consent(subscribed=False, at=CHANGED_AT)


def test_box_that_was_never_ticked_is_no_unsubscription() -> None:
    assert subscriber(consents=[]).contact.consent == Consent(subscribed=False, at=0, is_implied=True)


def test_subscriber_without_consents_or_without_a_record() -> None:
    entity = Entity("contact", "subscriber-5")
    assert subscriber(consents=None) == Nothing(Reason.CONSENT_NOT_SAID, entity)
    assert fetch("store/subscriber/updated", Api(subscriber=None)) == Nothing(Reason.NOT_AT_PLATFORM, entity)


# Buyers.


def test_guest_has_no_customer_id() -> None:
    for id in (0, "0", "", None, "x"):
        assert order(customer_id=id).contact.customer_id is None


def test_box_of_the_checkout_that_was_not_ticked_is_implied() -> None:
    assert order(is_email_opt_in=False).contact.consent == Consent(subscribed=False, at=0, is_implied=True)
    assert order(is_email_opt_in=None).contact.consent is None


def billing(**changes: Any) -> dict[str, Any]:
    return {**PLAIN["order"]["billing_address"], **changes}


def test_phone_and_name_come_from_the_billing_then_the_shipping_address() -> None:
    (shipping,) = PLAIN["order"]["consignments"]["shipping"]
    whole = PLAIN["order"]["consignments"] | {"shipping": [shipping | {"phone": "512 345 678", "country_iso2": "PL"}]}
    found = order(billing_address=billing(phone="", first_name=""), consignments=whole).contact
    assert (found.phone, found.first_name, found.last_name) == ("48512345678", "Тарас", "Дзвінка")


def test_phone_is_read_by_the_country_of_its_address() -> None:
    assert order(billing_address=billing(phone="(207) 555-0143", country_iso2="US")).contact.phone == "12075550143"
    assert order(billing_address=billing(country_iso2="")).contact.phone == "380675550162"


def test_customer_is_asked_only_for_an_order_without_an_address_or_a_phone() -> None:
    api = Api(**PLAIN | {"order": PLAIN["order"] | {"customer_id": 58, "billing_address": billing(email="", phone="")}})
    fetch("store/order/created", api)
    assert api.paths[-1] == "/v3/customers?id:in=58&include=addresses"
    for changes in ({"customer_id": 58}, {"customer_id": 0, "billing_address": billing(email="")}):
        api = Api(**PLAIN | {"order": PLAIN["order"] | changes})
        fetch("store/order/created", api)
        assert not any("customers" in path for path in api.paths)


def test_address_of_the_customer_completes_the_order() -> None:
    changes = {"customer_id": 58, "billing_address": billing(email=" ", phone="", first_name="")}
    found = order(answers={"customer": OLEH}, **changes).contact
    assert (found.email, found.phone, found.customer_id) == ("oleh.synytsia@example.com", "380675550117", "58")
    assert (found.first_name, found.last_name) == ("Олег", "Дзвінка")
    # A filter that does not filter must not give the order to another person.
    other = order(answers={"customer": {"data": [OLEH["data"][0] | {"id": 59}]}}, **changes).contact
    assert (other.email, other.phone, other.customer_id) == (None, None, "58")


def test_order_without_any_person() -> None:
    assert order(customer_id=0, billing_address=None, consignments=None).contact == Contact()
