"""A contact: which e-mail addresses and phones count, and what an odd one costs."""

import pytest

from shopwire.models import Contact, Reason
from shopwire.models.contact import fallbacks, person, refused_reason
from shopwire.models.phone import Phone

PHONE = Phone("+380501112233")


def test_first_usable_address_counts() -> None:
    contact = person(
        emails=[None, "odd address@x", "b@example.com", "c@example.com"], phones=[Phone("x"), PHONE], region=None
    )
    assert (contact.email, contact.phone) == ("b@example.com", "380501112233")


@pytest.mark.parametrize(
    ("phones", "countries", "phone"),
    [
        ([Phone("501 112 233", "PL")], ["UA"], "48501112233"),
        ([Phone("501 112 233")], [None, "", "pl", "UA"], "48501112233"),
        ([Phone("501 112 233")], [], "380501112233"),
        ([Phone("050 111 22 33", "PL"), Phone("06 11 22 33 44", "FR")], [], "33611223344"),
        ([Phone("050 111 22 33", "PL")], ["UA"], None),
    ],
)
def test_phone_belongs_to_the_country_beside_it_then_of_another_address_then_the_region(
    phones: list[Phone], countries: list[str | None], phone: str | None
) -> None:
    assert person(emails=[], phones=phones, countries=countries, region="UA").phone == phone


@pytest.mark.parametrize(
    ("email", "phone", "reason"),
    [
        ("anna@example", None, Reason.ADDRESS_UNUSABLE),
        ("anna", None, Reason.ADDRESS_UNUSABLE),
        (None, "+1 212*****23", Reason.ADDRESS_UNUSABLE),
        (None, "call me", Reason.ADDRESS_UNUSABLE),
        (None, None, Reason.ANONYMOUS),
        ("", " ", Reason.ANONYMOUS),
        ("deleted@site.invalid", "+000 00 000 00 00", Reason.ANONYMOUS),
        (None, "+380 00 000 00 00", Reason.ANONYMOUS),
        ("null", "-", Reason.ANONYMOUS),
        ("N/A", "0", Reason.ANONYMOUS),
    ],
)
def test_address_that_cannot_be_used_is_not_the_same_as_none(
    email: str | None, phone: str | None, reason: Reason
) -> None:
    contact = person(emails=[email], phones=[Phone(phone)], region="UA", customer_id="77")
    assert not contact.reachable
    assert contact.unreachable_reason is reason


def test_usable_address_beside_an_unusable_one_is_enough() -> None:
    contact = person(emails=["anna@example"], phones=[PHONE], region=None)
    assert contact == Contact(phone="380501112233")
    assert contact.unreachable_reason is Reason.ANONYMOUS


@pytest.mark.parametrize("customer_id", ["0", "null", " ", None])
def test_no_id_is_no_customer_id(customer_id: str | None) -> None:
    assert person(emails=["b@example.com"], phones=[], region=None, customer_id=customer_id).customer_id is None


@pytest.mark.parametrize("customer_id", ["anna@example.com", "+380501112233"])
def test_address_is_no_customer_id(customer_id: str) -> None:
    """All later orders with it would go to one contact (docs.yespo.io, externalCustomerId)."""
    assert person(emails=["b@example.com"], phones=[], region=None, customer_id=customer_id).customer_id is None


def test_first_name_that_is_not_blank_counts() -> None:
    contact = person(emails=["a@example.com"], phones=[], region=None, first_names=["", " Anna "], last_names=[None])
    assert (contact.first_name, contact.last_name) == ("Anna", None)


def test_key_is_the_email_or_the_phone_or_the_id() -> None:
    assert Contact(email="e@example.com", phone="1", customer_id="2").key == "e@example.com"
    assert Contact(phone="1", customer_id="2").key == "1"
    assert Contact(customer_id="2").key == "2"
    assert Contact().key is None


ODD = "m.o'hara@example.com"


@pytest.mark.parametrize(
    ("contact", "tried", "reason"),
    [
        (
            Contact(email=ODD, phone="380501112233"),
            (Contact(phone="380501112233"), Contact(email=ODD)),
            Reason.ADDRESS_UNUSABLE,
        ),
        (Contact(email=ODD, customer_id="7"), (Contact(customer_id="7"),), Reason.ADDRESS_UNUSABLE),
        (Contact(email=ODD), (), Reason.ADDRESS_UNUSABLE),
        (
            Contact(email="anna@example.com", phone="380501112233"),
            (Contact(email="anna@example.com"),),
            Reason.API_REJECTED,
        ),
        (Contact(email="anna@example.com", customer_id="7"), (), Reason.API_REJECTED),
        (Contact(phone="380501112233"), (), Reason.API_REJECTED),
    ],
)
def test_refused_contact_is_tried_without_the_address_that_may_be_the_cause(
    contact: Contact, tried: tuple[Contact, ...], reason: Reason
) -> None:
    assert fallbacks(contact) == tried
    assert refused_reason(contact) is reason
