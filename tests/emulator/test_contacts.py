"""Contacts: creation, update and erasure."""

import json
from typing import Any

import pytest

from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import KEY, ORDER, PAGE, contact, delete, event, post


def test_contact_is_created_once_and_updated_by_any_of_its_keys(api: Emulator) -> None:
    first = contact(api, email="b@example.com", externalCustomerId="9").body["id"]
    assert contact(api, email="B@example.com", firstName="Борис").body["id"] == first
    assert contact(api, sms="380670000000", externalCustomerId="9").body["id"] == first
    assert api.state()["contacts"][1] == {
        "id": first,
        "confirmed": True,
        "unsubscribed": False,
        "email": "b@example.com",
        "externalCustomerId": "9",
        "firstName": "Борис",
        "phone": "380670000000",
    }


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"channels": 5}, "channels is not a list"),
        ({"channels": [5]}, "channels: each needs a type (email or sms) and a value"),
        ({"channels": [{"type": "sms", "value": ""}]}, "channels: each needs a type (email or sms) and a value"),
        (
            {"channels": [{"type": "sms", "value": "380990000000"}], "firstName": ""},
            "firstName is not a non-empty string",
        ),
        (
            {"channels": [{"type": "fax", "value": "1"}]},
            "channels: each needs a type (email or sms) and a value",
        ),
        ({"externalCustomerId": "77"}, "channels: a new contact needs an e-mail address or a phone"),
        (
            {"channels": [], "externalCustomerId": "77"},
            "channels: a new contact needs an e-mail address or a phone",
        ),
    ],
)
def test_malformed_contact_is_rejected(api: Emulator, body: Any, error: str) -> None:
    response = post(api, "v1/contact", body)
    assert (response.status, response.body) == (400, {"error": error})


def test_address_belongs_to_its_last_holder(api: Emulator) -> None:
    contact(api, email="b@example.com")
    contact(api, email="b@example.com", sms="380501112233")
    assert [each.get("phone") for each in api.state()["contacts"]] == [None, "380501112233"]
    contact(api, email="b@example.com", sms="380507777777")
    assert event(api, "pageViewed", {"phone": "380501112233", "page": PAGE}) == "unknown contact"


def test_erasure_leaves_other_contacts_unchanged(api: Emulator) -> None:
    # The erased contact has the id 1. An order and a param of the other contact have the same value.
    contact(api, email="b@example.com", externalCustomerId="9", firstName="Борис")
    other = ORDER | {"email": "b@example.com", "externalOrderId": "1", "externalCustomerId": "9", "firstName": "1"}
    event(api, "orderCreated", other)
    api.handle(KEY, "DELETE", "v1/contact", {"externalCustomerId": "3", "erase": "true"}, b"")
    state = api.state()
    assert state["orders"] == {"1": other}
    assert [(event["keyValue"], len(event["params"])) for event in state["events"]] == [
        ("anna@example.com", len(other))
    ]


def test_erasure_removes_the_contact_and_its_personal_data(api: Emulator) -> None:
    event(api, "orderCreated", ORDER)
    erase = {"externalCustomerId": "3", "erase": "true"}
    assert api.handle(KEY, "DELETE", "v1/contact", erase, b"").status == 200
    state = api.state()
    assert state["contacts"] == []
    assert "anna@example.com" not in json.dumps(state)
    assert api.handle(KEY, "DELETE", "v1/contact", erase, b"").status == 404


def test_contact_is_searched_by_external_id_then_email_then_phone(api: Emulator) -> None:
    by_email = contact(api, email="b@example.com").body["id"]
    by_phone = contact(api, sms="380670000000").body["id"]
    assert contact(api, email="b@example.com", sms="380670000000", externalCustomerId="3").body["id"] == 1
    contact(api, email="b@example.com")
    assert contact(api, email="c@example.com", sms="380670000000").body["id"] == 1  # it has all three now
    assert [each["id"] for each in api.state()["contacts"]] == [1, by_email, by_phone]


def test_contact_shows_address_language_and_time_zone(api: Emulator) -> None:
    address = {"region": "Київська область", "town": "Київ", "address": "Хрещатик 1", "postcode": "01001"}
    contact(api, email="b@example.com", address=address, languageCode="uk-UA", timeZone="Europe/Kyiv")
    contact(api, email="b@example.com", address={"town": "Львів"}, fields=[{"id": 5, "value": "x"}], groups=["VIP"])
    shown = api.state()["contacts"][1]
    assert shown["address"] == address | {"town": "Львів"}
    assert (shown["language"], shown["timeZone"]) == ("uk-UA", "Europe/Kyiv")
    assert (shown["fields"], shown["groups"]) == ([{"id": 5, "value": "x"}], ["VIP"])


# -- consent


def subscribe(api: Emulator, body: Any) -> Any:
    return post(api, "v1/contact/subscribe", body)


def test_subscribed_contact_is_not_confirmed_and_causes_an_event(api: Emulator) -> None:
    body = {"contact": {"channels": [{"type": "email", "value": "B@example.com"}]}, "groups": ["News"]}
    response = subscribe(api, body)
    assert (response.status, response.body) == (200, {"id": 2, "emailStatus": "NEED_CONFIRMATION", "new": True})
    assert api.state()["contacts"][1] == {
        "id": 2,
        "confirmed": False,
        "unsubscribed": False,
        "email": "b@example.com",
        "groups": ["News"],
    }
    assert api.last_event(KEY) == {
        "eventTypeKey": "subscribeFromApi",
        "keyValue": "2",
        "params": [{"name": "ContactId", "value": "2"}, {"name": "EmailAddress", "value": "b@example.com"}],
        "contactId": 2,
        "saved": True,
        "reason": None,
    }


def test_subscription_updates_a_contact_except_its_channels(api: Emulator) -> None:
    channels = [{"type": "email", "value": "new@example.com"}]
    body = {"contact": {"channels": channels, "externalCustomerId": "3", "firstName": "Анна"}, "formType": "footer"}
    assert subscribe(api, body).body == {"id": 1, "emailStatus": "ALREADY_SUBSCRIBED", "new": False}
    shown = api.state()["contacts"][0]
    assert (shown["email"], shown["firstName"], shown["confirmed"]) == ("anna@example.com", "Анна", True)
    assert api.last_event(KEY)["eventTypeKey"] == "subscribeUpdateFromApi-footer"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "a contact is not an object"),
        ({"contact": {"channels": []}}, "channels: a new contact needs an e-mail address or a phone"),
        ({"contact": {}, "groups": [7]}, "groups is not a list of names"),
        ({"contact": {}, "formType": 7}, "formType is not a string"),
        ({"channels": []}, "channels: unknown field"),
    ],
)
def test_malformed_subscription_is_rejected(api: Emulator, body: Any, error: str) -> None:
    response = subscribe(api, body)
    assert (response.status, response.body) == (400, {"error": error})


@pytest.mark.parametrize("update_confirms", [False, True])
def test_setting_says_whether_an_update_confirms_a_contact(api: Emulator, update_confirms: bool) -> None:
    api.change_account({"update_confirms": update_confirms})
    subscribe(api, {"contact": {"channels": [{"type": "email", "value": "b@example.com"}]}})
    contact(api, email="b@example.com")
    assert api.state()["contacts"][1]["confirmed"] is update_confirms


def test_unsubscribed_address_stays_on_the_list_until_it_is_removed(api: Emulator) -> None:
    emails = {"emails": ["Anna@example.com", "b@example.com"]}
    assert post(api, "v1/emails/unsubscribed/add", emails).status == 200
    contact(api, email="b@example.com")
    assert [each["unsubscribed"] for each in api.state()["contacts"]] == [True, True]
    body = {"contact": {"channels": [{"type": "email", "value": "b@example.com"}]}}
    assert subscribe(api, body).body["emailStatus"] == "BLACKLISTED"
    assert post(api, "v1/emails/unsubscribed/delete", {"emails": ["b@example.com"]}).status == 200
    assert [each["unsubscribed"] for each in api.state()["contacts"]] == [True, False]


@pytest.mark.parametrize("body", [{}, {"emails": []}, {"emails": "a@example.com"}, {"emails": [7]}])
def test_unsubscription_without_addresses_is_rejected(api: Emulator, body: Any) -> None:
    response = post(api, "v1/emails/unsubscribed/add", body)
    assert (response.status, response.body) == (400, {"error": "emails is not a list of e-mail addresses"})


# -- deletion


def test_deleted_contact_is_restored_with_what_it_had(api: Emulator) -> None:
    contact(api, email="anna@example.com", firstName="Анна")
    assert delete(api, "v1/contact", externalCustomerId="3", erase="false") == 200
    assert api.state()["contacts"] == []
    assert delete(api, "v1/contact", externalCustomerId="3") == 404
    assert contact(api, externalCustomerId="3", lastName="Коваль").body == {"id": 1}
    shown = api.state()["contacts"][0]
    assert (shown["email"], shown["firstName"], shown["lastName"]) == ("anna@example.com", "Анна", "Коваль")


def test_contact_without_an_external_id_is_found_and_erased_by_its_id(api: Emulator) -> None:
    contact(api, email="b@example.com", sms="380670000000")
    event(api, "orderCreated", ORDER | {"email": "b@example.com", "externalOrderId": "8", "externalCustomerId": "9"})
    found = api.handle(KEY, "GET", "v1/contacts", {"email": "B@example.com"}, b"")
    assert (found.status, [each["id"] for each in found.body]) == (200, [2])
    assert delete(api, "v1/contact/2", erase="true") == 200
    state = api.state()
    assert [each["id"] for each in state["contacts"]] == [1]
    assert "b@example.com" not in json.dumps(state)
    assert delete(api, "v1/contact/2", erase="true") == 404


def test_deleted_contact_can_still_be_erased(api: Emulator) -> None:
    delete(api, "v1/contact", externalCustomerId="3")
    assert delete(api, "v1/contact", externalCustomerId="3", erase="true") == 200
    assert contact(api, email="anna@example.com").body == {"id": 2}


def test_deletion_is_rejected_unless_erase_is_true_or_false(api: Emulator) -> None:
    assert delete(api, "v1/contact", externalCustomerId="3", erase="1") == 400
    assert len(api.state()["contacts"]) == 1


@pytest.mark.parametrize("query", [{}, {"firstname": "Anna"}, {"externalCustomerId": "3", "email": "a@example.com"}])
def test_search_without_one_kind_of_key_is_rejected(api: Emulator, query: dict[str, str]) -> None:
    assert api.handle(KEY, "GET", "v1/contacts", query, b"").status == 400
