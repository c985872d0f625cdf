"""A contact: which e-mail addresses and phones count, and what an odd one costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.models import Contact
from shopwire.models.contact import acceptable_email, clean_email, clean_phone, person


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        (" Anna@Example.COM ", "anna@example.com"),
        ("deleted@site.invalid", None),
        ("X@Example.Invalid", None),
        ("no address", None),
        ("", None),
        (None, None),
    ],
)
def test_email_is_trimmed_and_lower_case_or_missing(written: str | None, clean: str | None) -> None:
    assert clean_email(written) == clean


@pytest.mark.parametrize(
    ("written", "region", "clean"),
    [
        ("+38 (050) 111-22-33", None, "380501112233"),
        ("0038 050 111 22 33", None, "380501112233"),
        ("+44 (0)20 7946 0018", None, "442079460018"),
        ("050 111 22 33", "UA", "380501112233"),
        ("380501112233", "UA", "380501112233"),
        ("380501112233", None, "380501112233"),
        ("(212) 555-0123", "US", "12125550123"),
        ("050 111 22 33", None, None),
        ("0000000000", "UA", None),
        ("+000000000", None, None),
        ("12", "UA", None),
        ("+1234", None, None),
        ("+1234567890123456", None, None),
        ("call me", "UA", None),
        ("", "UA", None),
        (None, "UA", None),
    ],
)
def test_phone_is_international_digits_or_missing(written: str | None, region: str | None, clean: str | None) -> None:
    assert clean_phone(written, region) == clean


@given(st.text(max_size=30), st.sampled_from([None, "UA", "US", "ZZ"]))
def test_phone_of_any_text_is_digits_or_missing(written: str, region: str | None) -> None:
    clean = clean_phone(written, region)
    assert clean is None or (clean.isascii() and clean.isdigit() and 5 <= len(clean) <= 15)


@given(st.text(max_size=60))
def test_acceptable_email_is_ascii_with_one_at_and_a_dot(written: str) -> None:
    clean = clean_email(written)
    if clean and acceptable_email(clean):
        assert clean.isascii()
        assert clean.count("@") == 1
        assert "." in clean.partition("@")[2]


def test_first_acceptable_address_counts() -> None:
    contact = person(
        emails=[None, "odd address@x", "b@example.com", "c@example.com"], phones=["x", "+380501112233"], region=None
    )
    assert (contact.email, contact.phone) == ("b@example.com", "380501112233")


def test_phone_takes_the_place_of_an_odd_email() -> None:
    long = "a" * 60 + "@example.com"
    assert person(emails=[long], phones=["+380501112233"], region=None).key == "380501112233"


@pytest.mark.parametrize("customer_id", [None, "77"])
@pytest.mark.parametrize("email", ["ганна@example.com", "o'neil@example.com", "a" * 60 + "@example.com"])
def test_odd_email_is_kept_if_there_is_no_other_address(email: str, customer_id: str | None) -> None:
    assert person(emails=[email], phones=[], region=None, customer_id=customer_id).key == email


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
