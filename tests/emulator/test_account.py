"""What the owner of an account can switch (POST /esputnik/account)."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from shopwire_emulator.emulator import BadRequest, Emulator
from shopwire_emulator.settings import AccountSettings
from tests.emulator.helpers import KEY, ORDER, contact, delete, event, event_body, post, without


def test_event_is_answered_200_and_not_kept_without_segmentation(api: Emulator) -> None:
    api.change_account({"segmentation": False})
    assert event(api, "orderCreated", ORDER) == "segmentation by events is off"
    assert api.state()["orders"] == {}
    api.change_account({"segmentation": True})
    assert event(api, "orderCreated", ORDER, key="another") is None


def test_validation_lists_the_expected_params(api: Emulator) -> None:
    api.change_account({"validation": True})
    response = post(api, "v1/event", event_body("orderCreated", without("currency")))
    assert response.status == 400
    text, _, expected = response.body.partition(": ")
    assert text == "The event should have the following params"
    required = [param["name"] for param in json.loads(expected) if param["required"]]
    assert required == ["externalOrderId", "totalCost", "status", "date", "currency"]
    assert [param["name"] for param in json.loads(expected) if not param["required"]] == [
        "externalCustomerId",
        "email",
        "phone",
    ]
    assert api.state()["events"] == []


def test_validation_rejects_an_event_without_an_identifier(api: Emulator) -> None:
    api.change_account({"validation": True})
    assert post(api, "v1/event", event_body("birthday", {"contactKey": "3"})).status == 400


def test_validation_does_not_look_for_the_contact(api: Emulator) -> None:
    api.change_account({"validation": True})
    assert event(api, "birthday", {"email": "eve@example.com"}) == "unknown contact"


def test_key_may_lose_its_rights_for_contacts_but_not_for_events(api: Emulator) -> None:
    api.change_account({"contact_rights": False})
    assert contact(api, email="b@example.com").status == 401
    assert delete(api, "v1/contact", externalCustomerId="3") == 401
    assert post(api, "v1/orders", {"orders": []}).status == 401
    assert event(api, "orderCreated", ORDER) is None
    api.change_account({"contact_rights": True, "event_rights": False})
    assert contact(api, email="b@example.com").status == 200
    assert post(api, "v1/event", event_body("birthday", {"email": "b@example.com"})).status == 401


def test_support_may_raise_the_size_of_events(api: Emulator) -> None:
    api.change_account({"event_bytes": 50_000})
    assert event(api, "birthday", {"email": "anna@example.com", "note": "x" * 40_000}) is None


def test_setting_says_whether_identifiers_may_have_any_character(api: Emulator) -> None:
    contact(api, email="o'brien@example.com")
    assert event(api, "birthday", {"email": "o'brien@example.com"}) is None
    api.change_account({"strict_addresses": True})
    response = post(api, "v1/event", event_body("name_day", {"email": "o'brien@example.com"}))
    assert (response.status, response.body) == (400, {"error": "email has a forbidden character"})


def test_each_account_has_its_own_settings(api: Emulator) -> None:
    api.change_account({"segmentation": False}, "another")
    assert event(api, "orderCreated", ORDER) is None
    assert api.change_account({}, KEY) == asdict(AccountSettings())
    api.reset()
    assert api.change_account({}, "another") == asdict(AccountSettings())


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (None, "the body must be an object with settings"),
        ({"segments": True}, "segments: unknown field"),
        ({"segmentation": 1}, "segmentation must be true or false"),
        ({"validation": "true"}, "validation must be true or false"),
        ({"event_bytes": True}, "event_bytes must be a whole number"),
        ({"event_bytes": 0}, "event_bytes must be a whole number from 1 to 1000000"),
    ],
)
def test_invalid_setting_is_rejected(api: Emulator, wanted: Any, error: str) -> None:
    with pytest.raises(BadRequest) as raised:
        api.change_account(wanted)
    assert str(raised.value) == error
    assert api.change_account({}) == asdict(AccountSettings())
