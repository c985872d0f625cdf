"""Requests per second, and the same request again within a minute."""

from typing import Any

import pytest

from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import KEY, contact, delete, event_body, post
from tests.support.clock import SecondsClock

CONTACT = {"channels": [{"type": "email", "value": "b@example.com"}]}
EVENT = event_body("birthday", {"email": "anna@example.com"})


@pytest.mark.parametrize(
    ("path", "body"),
    [("v1/contact", CONTACT), ("v1/contact/subscribe", {"contact": CONTACT}), ("v1/event", EVENT)],
)
def test_same_body_within_a_minute_is_a_repeated_request(
    api: Emulator, clock: SecondsClock, path: str, body: Any
) -> None:
    assert post(api, path, body).status == 200
    clock.now = 59.9
    response = post(api, path, body)
    assert (response.status, response.body) == (409, {"error": "the same request came less than a minute ago"})
    clock.now += 60
    assert post(api, path, body).status == 200


def test_repeated_request_is_not_processed(api: Emulator) -> None:
    post(api, "v1/event", EVENT)
    post(api, "v1/event", EVENT)
    assert len(api.state()["events"]) == 1


def test_each_repetition_begins_the_minute_again(api: Emulator, clock: SecondsClock) -> None:
    statuses = []
    for clock.now in (0, 30, 60, 90, 150):
        statuses.append(post(api, "v1/event", EVENT).status)
    assert statuses == [200, 409, 409, 409, 200]


def test_repetition_does_not_prolong_the_minute_of_other_requests(api: Emulator, clock: SecondsClock) -> None:
    other, statuses = event_body("name_day", {"email": "anna@example.com"}), []
    for clock.now, body in ((0, EVENT), (1, other), (59, EVENT), (61, other)):
        statuses.append(post(api, "v1/event", body).status)
    assert statuses == [200, 200, 409, 200]


def test_another_body_or_account_is_no_repetition(api: Emulator) -> None:
    assert post(api, "v1/contact", CONTACT).status == 200
    assert post(api, "v1/contact", CONTACT | {"firstName": "Anna"}).status == 200
    assert post(api, "v1/contact", CONTACT, key="another").status == 200


def test_rejected_request_is_remembered_too(api: Emulator) -> None:
    assert [post(api, "v1/contact", {"channels": 5}).status for _ in range(2)] == [400, 409]


def test_request_with_a_lost_response_is_remembered(api: Emulator) -> None:
    api.set_fault({"mode": "lost_answer", "requests": 1})
    assert [post(api, "v1/event", EVENT).status for _ in range(2)] == [0, 409]


def test_request_that_a_fault_rejects_is_not_remembered(api: Emulator) -> None:
    api.set_fault({"mode": "error", "requests": 1})
    assert [post(api, "v1/event", EVENT).status for _ in range(2)] == [500, 200]


def test_orders_and_imports_may_be_repeated(api: Emulator) -> None:
    for path, body in (("v1/orders", {"orders": []}), ("v1/emails/unsubscribed/add", {"emails": ["a@example.com"]})):
        assert [post(api, path, body).status for _ in range(2)] == [200, 200]


def test_setting_says_whether_events_may_be_repeated(api: Emulator) -> None:
    api.change_account({"repeated_events": False})
    assert [post(api, "v1/event", EVENT).status for _ in range(2)] == [200, 200]
    assert [post(api, "v1/contact", CONTACT).status for _ in range(2)] == [200, 409]


def test_fault_repeated_answers_409_and_does_not_process_the_request(api: Emulator) -> None:
    api.set_fault({"mode": "repeated", "requests": 1})
    assert [contact(api, email="b@example.com").status for _ in range(2)] == [409, 200]


def test_350_events_a_second_are_accepted_and_no_more(api: Emulator, clock: SecondsClock) -> None:
    clock.now = 7.2

    def send(number: int) -> int:
        status: int = post(
            api, "v1/event", event_body("birthday", {"email": "anna@example.com", "n": str(number)})
        ).status
        return status

    assert [send(number) for number in range(352)] == [200] * 350 + [429] * 2
    clock.now = 7.999
    assert send(1_000) == 429
    clock.now = 8
    assert [send(number) for number in (2_000, 2_001)] == [200, 200]


def test_200_requests_a_second_are_shared_by_the_other_resources(api: Emulator, clock: SecondsClock) -> None:
    clock.now = 1
    statuses = [post(api, "v1/orders", {"orders": []}).status for _ in range(150)]
    statuses += [delete(api, "v1/contact", externalCustomerId="7") for _ in range(50)]
    assert 429 not in statuses
    response = contact(api, email="b@example.com")
    assert (response.status, response.body) == (429, {"error": "too many requests in this second"})
    assert "Retry-After" not in response.headers  # none is documented
    assert post(api, "v1/event", EVENT).status == 200
    assert post(api, "v1/contact", CONTACT, key="another").status == 200


def test_throttled_request_is_not_remembered(api: Emulator, clock: SecondsClock) -> None:
    for _ in range(200):
        post(api, "v1/orders", {"orders": []})
    assert post(api, "v1/contact", CONTACT).status == 429
    clock.now = 1
    assert post(api, "v1/contact", CONTACT).status == 200


def test_100_requests_with_past_events_a_second_are_accepted(api: Emulator) -> None:
    assert [post(api, "v1/past_events", {"events": []}).status for _ in range(101)] == [200] * 100 + [429]


def test_50_searches_a_second_are_accepted(api: Emulator) -> None:
    searches = [api.handle(KEY, "GET", "v1/contacts", {"externalCustomerId": "3"}, b"").status for _ in range(51)]
    assert searches == [200] * 50 + [429]
