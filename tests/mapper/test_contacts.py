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


def test_guest_has_no_external_customer_id() -> None:
    guest = Contact(email="g@example.com")
    assert body_of(contact_request(guest)) == {"channels": [{"type": "email", "value": "g@example.com"}]}


@pytest.mark.parametrize("contact", [Contact(), Contact(customer_id="77"), Contact(first_name="Anna")])
def test_contact_without_an_address_is_unmappable(contact: Contact) -> None:
    with pytest.raises(Unmappable) as error:
        contact_request(contact)
    assert error.value.reason is Reason.ANONYMOUS


def test_digest_covers_every_field() -> None:
    assert contact_digest(ANNA) == contact_digest(replace(ANNA))
    assert contact_digest(ANNA) != contact_digest(replace(ANNA, last_name="Bondar"))


def test_customer_is_erased_by_the_customer_id() -> None:
    (request,) = erase_requests(Contact(customer_id="7&8"))
    assert (request.method, request.body) == ("DELETE", b"")
    assert request.path == "v1/contact?externalCustomerId=7%268&erase=true"


def test_contact_of_an_address_gets_an_id_and_is_erased_by_it() -> None:
    guests = (Contact(email="a@example.com", phone="380501112233"), Contact(email="a@example.com"))
    found = erase_requests(*guests)
    assert [request.method for request in found] == ["POST", "DELETE", "POST", "DELETE"]
    channels = [{"type": "email", "value": "a@example.com"}, {"type": "sms", "value": "380501112233"}]
    for (named, erased), channel in zip(zip(found[::2], found[1::2], strict=True), channels, strict=True):
        body = body_of(named)
        assert (named.path, body["channels"]) == ("v1/contact", [channel])
        assert erased.path == f"v1/contact?externalCustomerId={body['externalCustomerId']}&erase=true"


def test_path_of_an_erasure_contains_no_address() -> None:
    found = erase_requests(Contact(email="a@example.com", phone="380501112233"))
    assert not any(text in request.path for request in found for text in ("a@", "a%40", "380501112233"))
