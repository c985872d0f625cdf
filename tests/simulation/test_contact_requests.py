"""The checker of contacts sees phones that change their owner, and contacts that are wrongly deleted or kept."""

import json
from typing import Any

import pytest

from shopwire_simulation.checkers.contact_requests import ContactRequestChecker
from shopwire_simulation.checkers.observations import AcceptedRequest, EntityKey
from shopwire_simulation.scheduler import Invocation
from shopwire_simulation.senders import SendRecord
from shopwire_testkit.announcements import AccountDeletion, Announcement, CustomerState, OrderState, Person, Story

START = 1_790_000_000_000
SHOP, PHONE = "sim-shopify-1", "380501112233"
DELETION = Announcement(9, START, SHOP, "customers/delete", b"{}", "contact 7", fact=True, version=None)
CHANGE = Announcement(1, START, SHOP, "customers/update", b"{}", "contact 7", fact=False, version=(START, 0))
ORDER = Announcement(2, START, SHOP, "orders/create", b"{}", "order 42", fact=False, version=(START, 0))


def order_of(email: str) -> OrderState:
    return OrderState(email, (START, 0), "IN_PROGRESS", {}, Person(email, PHONE, None, "", ""))


class Requests:
    """The accepted requests of one story."""

    def __init__(self, *, erasure: bool = False, deleted: bool = True) -> None:
        self.texts: list[str] = []
        self.accepted: dict[EntityKey, list[AcceptedRequest]] = {}
        meanings = {1: order_of("a@example.com"), 2: order_of("b@example.com"), 9: AccountDeletion("7")}
        story = Story(SHOP, [CHANGE, ORDER, DELETION], frozenset(), meanings)
        records = {9: SendRecord(DELETION, accepted_at=START + 5, attempted_at=[START] if deleted else [])}
        self.checker = ContactRequestChecker(
            {0: story}, records, lambda number: erasure, lambda kind, announcement, text: self.texts.append(text)
        )

    def accept(self, announcement: Announcement, path: str, at: int = 0, body: Any = None) -> None:
        self.checker.on_accepted(announcement, 0, path, json.dumps(body).encode())
        request = AcceptedRequest(
            START + at, Invocation("retry", 0, ""), announcement, path, b"", None, None, True, announcement
        )
        self.accepted.setdefault((SHOP, announcement.entity), []).append(request)

    def send_contact(self, email: str, phone: str = PHONE, **fields: str) -> None:
        channels = [{"type": "email", "value": email}, {"type": "sms", "value": phone}]
        contact = {"channels": channels, **fields}
        self.accept(ORDER, "POST v1/contact", body=contact)
        self.accept(ORDER, "POST v1/contact/subscribe", body={"contact": contact})

    def finish(self, *, exists: bool = False, abandoned: bool = False) -> list[str]:
        contacts = [{"id": 1}] if exists else []
        entities = {(SHOP, "contact 7")} if abandoned else set()
        self.checker.finish(lambda shop, identity: contacts, self.accepted, entities)
        return self.texts


DELETE = "DELETE v1/contact?externalCustomerId=7&erase=false"
ERASE = "DELETE v1/contact?externalCustomerId=7&erase=true"


def test_phone_stays_at_the_contact_that_was_sent_with_it_first() -> None:
    requests = Requests()
    requests.send_contact("a@example.com")
    requests.send_contact("b@example.com", "380679998877")
    assert requests.texts == []
    requests.send_contact("b@example.com")
    assert set(requests.texts) == {"a contact takes the phone of another one"}


def test_phone_stays_with_a_customer_who_has_another_address_now() -> None:
    requests = Requests()
    requests.send_contact("a@example.com", externalCustomerId="7")
    requests.send_contact("b@example.com", externalCustomerId="7")
    assert requests.texts == []
    requests.send_contact("a@example.com")
    assert set(requests.texts) == {"a contact takes the phone of another one"}


@pytest.mark.parametrize(
    ("announcement", "path", "erasure", "texts"),
    [
        (DELETION, DELETE, False, []),
        (ORDER, DELETE, False, []),  # it names an earlier address of the account
        (DELETION, ERASE, False, ["a contact is erased without an erasure request"]),
        (CHANGE, ERASE, True, []),
    ],
)
def test_contact_is_deleted_with_its_account_and_erased_by_request(
    announcement: Announcement, path: str, erasure: bool, texts: list[str]
) -> None:
    requests = Requests(erasure=erasure)
    requests.accept(announcement, path)
    assert requests.texts == texts


def test_contact_is_not_deleted_before_its_account() -> None:
    requests = Requests(deleted=False)
    requests.accept(ORDER, DELETE)
    assert requests.texts == ["a contact is deleted that the shop keeps"]


def test_contact_of_a_deleted_account_is_deleted() -> None:
    assert Requests().finish() == ["the contact of a deleted account was not deleted"]
    assert Requests().finish(abandoned=True) == []
    requests = Requests()
    requests.accept(DELETION, DELETE)
    assert requests.finish() == []
    assert requests.finish(exists=True) == ["the contact of a deleted account exists"]


def test_order_restores_the_contact_and_an_earlier_change_of_the_account_does_not() -> None:
    requests = Requests()
    requests.accept(ORDER, "POST v1/contact", at=1, body={"channels": []})
    assert requests.finish(exists=True) == []
    requests.accept(DELETION, DELETE, at=2)
    requests.accept(DELETION, "POST v1/contact", at=3, body={"channels": []})
    assert requests.finish(exists=True) == []
    requests.accept(CHANGE, "POST v1/contact", at=4, body={"channels": []})
    assert requests.finish(exists=True) == ["an earlier change of a deleted account restored it"]


@pytest.mark.parametrize(
    ("order_at", "texts"),
    [
        (None, ["the contact of a deleted account was not deleted", "the deletion of an account sent its contact"]),
        (1, []),
        (3, ["the deletion of an account sent its contact"]),
    ],
)
def test_deletion_sends_the_contact_only_after_an_order(order_at: int | None, texts: list[str]) -> None:
    requests = Requests()
    requests.accept(DELETION, "POST v1/contact", at=2, body={"channels": []})
    if order_at:
        requests.accept(ORDER, "POST v1/contact", at=order_at, body={"channels": []})
    assert requests.finish(exists=True) == texts


@pytest.mark.parametrize(
    ("id", "language", "texts"),
    [
        ("7", "uk", []),
        ("7", "en", ["another languageCode than the account has"]),
        ("8", "en", []),
    ],
)
def test_request_of_an_account_has_its_language_and_address(id: str, language: str, texts: list[str]) -> None:
    person, home = Person("a@example.com", None, "7", "", ""), {"town": "Вигадгород"}
    account = CustomerState("7", (START, 0), person, details={"languageCode": "uk", "address": home})
    seen: list[str] = []
    checker = ContactRequestChecker(
        {0: Story(SHOP, [CHANGE], frozenset(), {1: account})}, {}, bool, lambda *problem: seen.append(problem[2])
    )
    contact = {"externalCustomerId": id, "languageCode": language, "address": home, "channels": []}
    checker.on_accepted(CHANGE, 0, "POST v1/contact", json.dumps(contact).encode())
    assert seen == texts
