"""Contacts to v1/contact: exact bodies, and the requests that erase a person."""

from dataclasses import replace

import pytest

from shopwire.errors import Unmappable
from shopwire.mapper import contact_digest, contact_request, erase_requests
from shopwire.models import Contact, Reason
from tests.support.api_requests import body_of
from tests.support.changes import ANNA


def test_contact_has_the_exact_body() -> None:
    request = contact_request(ANNA)
    assert (request.method, request.path) == ("POST", "v1/contact")
    assert body_of(request) == {
        "firstName": "Anna",
        "lastName": "Kovalenko",
        "externalCustomerId": "77",
        "channels": [{"type": "email", "value": "anna@example.com"}, {"type": "sms", "value": "380501112233"}],
    }


def test_customer_id_of_a_guest_is_the_address() -> None:
    guest = Contact(email="g@example.com")
    assert body_of(contact_request(guest)) == {
        "externalCustomerId": "g@example.com",
        "channels": [{"type": "email", "value": "g@example.com"}],
    }


@pytest.mark.parametrize("contact", [Contact(), Contact(customer_id="77"), Contact(first_name="Anna")])
def test_contact_without_an_address_is_unmappable(contact: Contact) -> None:
    with pytest.raises(Unmappable) as error:
        contact_request(contact)
    assert error.value.reason is Reason.ANONYMOUS


def test_digest_covers_every_field() -> None:
    assert contact_digest(ANNA) == contact_digest(replace(ANNA))
    assert contact_digest(ANNA) != contact_digest(replace(ANNA, last_name="Bondar"))


def test_person_is_erased_by_customer_id_and_by_address() -> None:
    requests = erase_requests(Contact(email="a+b@example.com", customer_id="7&8"))
    assert [(request.method, request.path, request.body) for request in requests] == [
        ("DELETE", "v1/contact?externalCustomerId=7%268&erase=true", b""),
        ("DELETE", "v1/contact?externalCustomerId=a%2Bb%40example.com&erase=true", b""),
    ]
