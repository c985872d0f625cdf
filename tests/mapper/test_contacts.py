"""Contacts to v1/contact: exact bodies, and the requests that erase a person."""

from dataclasses import replace

import pytest

from shopwire.errors import Unmappable
from shopwire.mapper import contact_request, contact_requests, delete_request, erase_requests
from shopwire.models import Address, Consent, Contact, Reason
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


def test_address_and_language_have_the_names_of_the_api() -> None:
    home = Address(region="Kyivska", town="Bucha", street="Vyhadana 1, 2", postcode="08292")
    body = body_of(contact_request(replace(ANNA, address=home, language="uk")))
    assert body["address"] == {
        "region": "Kyivska", "town": "Bucha", "address": "Vyhadana 1, 2", "postcode": "08292"
    }  # fmt: skip
    assert body["languageCode"] == "uk"


YES, NO = Consent(subscribed=True, at=1), Consent(subscribed=False, at=2)
CONTACT, SUBSCRIBE = "v1/contact", "v1/contact/subscribe"
ADD, DELETE = "v1/emails/unsubscribed/add", "v1/emails/unsubscribed/delete"


@pytest.mark.parametrize(
    ("consent", "sent_consent", "is_first", "may_exist", "expected"),
    [
        (None, None, True, False, [CONTACT]),
        (YES, None, True, False, [CONTACT]),
        (NO, None, True, False, [SUBSCRIBE]),
        (NO, None, True, True, [SUBSCRIBE, ADD]),
        (NO, None, False, False, [CONTACT, ADD]),
        (NO, True, False, False, [CONTACT, ADD]),
        (NO, False, False, False, [CONTACT]),
        (YES, False, False, False, [CONTACT, DELETE]),
        (YES, True, False, False, [CONTACT]),
        (YES, None, False, False, [CONTACT]),
        (None, False, False, False, [CONTACT]),
    ],
)
def test_consent_decides_the_requests(
    consent: Consent | None, sent_consent: bool | None, is_first: bool, may_exist: bool, expected: list[str]
) -> None:
    contact = replace(ANNA, consent=consent)
    requests = contact_requests(contact, sent_consent=sent_consent, is_first=is_first, may_exist=may_exist)
    assert [request.path for request in requests] == expected
    for request in requests[1:]:
        assert body_of(request) == {"emails": ["anna@example.com"]}
    if expected[0] == SUBSCRIBE:
        assert body_of(requests[0]) == {"contact": body_of(contact_request(ANNA))}


def test_refusing_contact_that_may_exist_with_another_address_is_updated_too() -> None:
    contact = replace(ANNA, consent=NO)
    assert [request.path for request in contact_requests(contact, has_moved=True)] == [SUBSCRIBE]
    created, updated, unsubscribed = contact_requests(contact, may_exist=True, has_moved=True)
    assert (created.path, updated, unsubscribed.path) == (SUBSCRIBE, contact_request(ANNA), ADD)


def test_refusal_of_a_contact_with_a_phone_only_is_sent_without_the_list_of_addresses() -> None:
    contact = Contact(phone="380501112233", consent=NO)
    assert [request.path for request in contact_requests(contact, is_first=False)] == [CONTACT]
    assert [request.path for request in contact_requests(contact)] == [SUBSCRIBE]


def test_deleted_account_can_be_restored() -> None:
    request = delete_request("7&8")
    assert (request.method, request.body) == ("DELETE", b"")
    assert request.path == "v1/contact?externalCustomerId=7%268&erase=false"


def test_customer_is_erased_by_the_customer_id() -> None:
    (request,) = erase_requests(Contact(customer_id="7&8"))
    assert (request.method, request.body) == ("DELETE", b"")
    assert request.path == "v1/contact?externalCustomerId=7%268&erase=true"


def test_recorded_contact_is_erased_by_the_ids_of_both_sides() -> None:
    found = erase_requests(ANNA, [(ANNA, 5001), (Contact(email="a@example.com"), 5002)], ["1001", "1001", "1002"])
    assert [(request.method, request.path) for request in found] == [
        ("DELETE", "v1/contact?externalCustomerId=77&erase=true"),
        ("DELETE", "v1/contact/5001?erase=true"),
        ("DELETE", "v1/contact/5002?erase=true"),
        ("DELETE", "v1/orders"),
    ]
    assert body_of(found[-1]) == {"externalOrderIds": ["1001", "1002"]}


def test_contact_of_an_address_is_found_by_a_request_and_erased_by_the_id_in_its_answer() -> None:
    guest = Contact(email="a@example.com", phone="380501112233")
    found = erase_requests(guest, [(Contact(email="a@example.com"), None)])
    assert [request.method for request in found] == ["POST", "DELETE", "POST", "DELETE"]
    channels = [{"type": "email", "value": "a@example.com"}, {"type": "sms", "value": "380501112233"}]
    for (named, erased), channel in zip(zip(found[::2], found[1::2], strict=True), channels, strict=True):
        assert (named.path, body_of(named)) == ("v1/contact", {"channels": [channel]})
        assert erased.path == "v1/contact/{id}?erase=true"


def test_path_of_an_erasure_contains_no_address() -> None:
    found = erase_requests(Contact(email="a@example.com", phone="380501112233"))
    assert not any(text in request.path for request in found for text in ("a@", "a%40", "380501112233"))
