"""The resources v1/contacts and v1/importstatus."""

from typing import Any

import pytest

from shopwire_emulator.account import JOB_SECONDS
from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import KEY, contact, delete, event, post
from tests.support.clock import SecondsClock


def person(email: str, **fields: Any) -> dict[str, Any]:
    return {"channels": [{"type": "email", "value": email}], **fields}


def start(api: Emulator, *contacts: Any, dedupe: str = "email", **options: Any) -> Any:
    response = post(api, "v1/contacts", {"contacts": list(contacts), "dedupeOn": dedupe, **options})
    assert response.status == 200, response.body
    return response.body


def status(api: Emulator, session: str) -> Any:
    return api.handle(KEY, "GET", f"v1/importstatus/{session}", {}, b"").body


def test_import_is_done_some_seconds_later(api: Emulator, clock: SecondsClock) -> None:
    session = start(api, person("b@example.com", firstName="Богдан"))["asyncSessionId"]
    assert status(api, session) == {"status": "IMPORTING"}
    assert event(api, "birthday", {"email": "b@example.com"}) == "unknown contact"
    clock.now = JOB_SECONDS
    assert status(api, session) == {
        "status": "FINISHED",
        "mapping": [{"dedupeValue": "b@example.com", "contactId": 2}],
    }
    assert event(api, "birthday", {"email": "b@example.com", "n": "2"}) is None
    assert api.state()["contacts"][1]["confirmed"] is True


def test_unknown_session_is_not_found(api: Emulator) -> None:
    assert api.handle(KEY, "GET", "v1/importstatus/x", {}, b"").status == 404


def test_import_finds_contacts_by_external_id_before_dedupe_on(api: Emulator, clock: SecondsClock) -> None:
    contact(api, email="b@example.com")
    start(api, person("b@example.com", externalCustomerId="3", firstName="Анна"))
    clock.now = JOB_SECONDS
    shown = api.state()["contacts"]
    assert [each.get("firstName") for each in shown] == ["Анна", None]
    assert shown[0]["email"] == "anna@example.com"  # what dedupeOn names is not updated


def test_import_removes_what_it_does_not_give(api: Emulator, clock: SecondsClock) -> None:
    contact(api, email="anna@example.com", firstName="Анна", lastName="Коваль", address={"town": "Київ"})
    start(api, person("anna@example.com", lastName="Мельник"), contactFields=["firstName", "lastName", "town"])
    clock.now = JOB_SECONDS
    shown = api.state()["contacts"][0]
    assert (shown.get("firstName"), shown["lastName"], shown.get("address")) == (None, "Мельник", None)
    assert (shown["externalCustomerId"], shown["phone"]) == ("3", "380501112233")
    start(api, person("anna@example.com"))  # without contactFields: every field
    clock.now += JOB_SECONDS
    assert api.state()["contacts"] == [{"id": 1, "confirmed": True, "unsubscribed": False, "email": "anna@example.com"}]
    assert event(api, "birthday", {"externalCustomerId": "3"}) == "unknown contact"


@pytest.mark.parametrize("restore", [False, True])
def test_import_restores_deleted_contacts_only_if_asked(api: Emulator, clock: SecondsClock, restore: bool) -> None:
    delete(api, "v1/contact", externalCustomerId="3")
    start(api, person("anna@example.com"), restoreDeleted=restore)
    clock.now = JOB_SECONDS
    assert len(api.state()["contacts"]) == restore


def test_import_causes_an_event_only_for_new_contacts(api: Emulator, clock: SecondsClock) -> None:
    start(api, person("anna@example.com"), person("b@example.com"), eventKeyForNewContacts="newContact")
    clock.now = JOB_SECONDS
    events = api.state()["events"]
    assert [(event["eventTypeKey"], event["keyValue"], event["contactId"]) for event in events] == [
        ("newContact", "b@example.com", 2)
    ]


def test_import_adds_contacts_to_segments_and_removes_them(api: Emulator, clock: SecondsClock) -> None:
    contact(api, email="anna@example.com", groups=["Old", "VIP"])
    start(api, person("anna@example.com"), groupNames=["New"], groupNamesExclude=["Old"])
    clock.now = JOB_SECONDS
    assert api.state()["contacts"][0]["groups"] == ["VIP", "New"]


def test_failed_contacts_are_an_object_if_there_is_one_and_a_list_if_there_are_more(
    api: Emulator, clock: SecondsClock
) -> None:
    wrong = person("b@example.com", firstName="1")
    failed = wrong | {"error": "firstName has no letter"}
    assert "failedContacts" not in start(api, person("c@example.com"))
    assert start(api, wrong, person("d@example.com"))["failedContacts"] == failed
    unidentified = {"error": "the contact has neither externalCustomerId nor what dedupeOn names"}
    assert start(api, wrong, {})["failedContacts"] == [failed, unidentified]
    clock.now = JOB_SECONDS
    assert [each["email"] for each in api.state()["contacts"]] == ["anna@example.com", "c@example.com", "d@example.com"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"contacts": [{}]}, "dedupeOn must be one of email, sms, email_or_sms, externalCustomerId"),
        (
            {"contacts": [{}], "dedupeOn": "phone"},
            "dedupeOn must be one of email, sms, email_or_sms, externalCustomerId",
        ),
        ({"dedupeOn": "email"}, "contacts is not a list with contacts"),
        ({"contacts": [{}] * 3_001, "dedupeOn": "email"}, "more than 3000 contacts"),
        ({"contacts": [{}], "dedupeOn": "email", "group": 1}, "group: unknown field"),
        (
            {"contacts": [{}], "dedupeOn": "email", "eventKeyForNewContacts": "a b"},
            "eventKeyForNewContacts is not a text of Latin letters and digits",
        ),
        ({"contacts": [{}], "dedupeOn": "email", "restoreDeleted": "true"}, "restoreDeleted must be true or false"),
    ],
)
def test_malformed_import_is_rejected(api: Emulator, body: Any, error: str) -> None:
    response = post(api, "v1/contacts", body)
    assert (response.status, response.body) == (400, {"error": error})


def test_import_with_an_unknown_field_to_update_is_rejected(api: Emulator) -> None:
    body = {"contacts": [{}], "dedupeOn": "email", "contactFields": ["phone"]}
    assert post(api, "v1/contacts", body).status == 400
