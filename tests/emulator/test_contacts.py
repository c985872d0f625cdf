"""Contacts: creation, update and erasure."""

import json
from typing import Any

import pytest

from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import KEY, ORDER, contact, event, post, without


def test_contact_is_created_once_and_updated_by_any_of_its_keys(api: Emulator) -> None:
    first = contact(api, email="b@example.com", externalCustomerId="9").body["id"]
    assert contact(api, email="B@example.com", firstName="Борис").body["id"] == first
    assert contact(api, sms="380670000000", externalCustomerId="9").body["id"] == first
    assert api.state()["contacts"][1] == {
        "id": first,
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
    assert event(api, "orderCreated", {"phone": "380501112233", **without("email")}) == "unknown contact"


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
