"""The API's rules: no request can be made that the API would refuse or ignore."""

from typing import Any

import pytest

from shopwire.errors import Unmappable
from shopwire.mapper import ApiRequest
from shopwire.mapper.api_rules import MAX_BODY_BYTES, is_key
from shopwire.mapper.params import contact_with
from shopwire.mapper.params import event as make_event
from shopwire.models import Reason

ORDER = {
    "email": "a@example.com",
    "externalOrderId": "1",
    "totalCost": "1",
    "status": "INITIALIZED",
    "date": "2026-03-02T09:00:00+00:00",
    "currency": "UAH",
}


def event(params: dict[str, str], *, type: str = "orderCreated", key: str = "k") -> ApiRequest:
    return made(type, key, list(params.items()))


def made(type: str, key: str, pairs: list[tuple[str, str]]) -> ApiRequest:
    return make_event(type, key, pairs)


def contact(**fields: Any) -> ApiRequest:
    return contact_with({"channels": [{"type": "email", "value": "a@example.com"}], **fields})


def refusal(call: Any, *arguments: Any, **named: Any) -> tuple[Reason, str]:
    with pytest.raises(Unmappable) as error:
        call(*arguments, **named)
    return error.value.reason, error.value.field


def test_request_that_keeps_every_rule_can_be_made() -> None:
    assert event(ORDER).body
    assert event({"email": "a@example.com", "externalOrderId": "1"}, type="orderDelivered").body
    assert contact(firstName="Anna").body


def test_event_of_20_000_bytes_is_the_largest() -> None:
    left = MAX_BODY_BYTES - len(event(ORDER | {"additionalInfo": "x"}).body)
    assert len(event(ORDER | {"additionalInfo": "x" * (left + 1)}).body) == 20_000
    assert refusal(event, ORDER | {"additionalInfo": "x" * (left + 2)}) == (Reason.TOO_LARGE, "body")


@pytest.mark.parametrize("name", ["externalOrderId", "totalCost", "status", "date", "currency"])
def test_order_without_a_required_param_is_refused(name: str) -> None:
    params = {other: value for other, value in ORDER.items() if other != name}
    assert refusal(event, params) == (Reason.INCOMPLETE, name)


def test_contact_key_finds_no_contact() -> None:
    params = {name: value for name, value in ORDER.items() if name != "email"}
    assert refusal(event, params | {"contactKey": "77"}) == (Reason.INCOMPLETE, "email")
    assert event(params | {"externalCustomerId": "77"}).body


@pytest.mark.parametrize("value", ["", *"<;'\\/|\"`^?!,>", "k" * 301])
def test_key_value_with_forbidden_characters_is_refused(value: str) -> None:
    assert not is_key(value)
    assert refusal(event, ORDER, key=value) == (Reason.BREAKS_API_RULE, "keyValue")


@pytest.mark.parametrize("value", ["a+b@example.com", "380501112233", "k" * 300, "ганна"])
def test_key_value_of_300_characters_is_accepted(value: str) -> None:
    assert is_key(value)


@pytest.mark.parametrize(
    "pairs", [[("note", "a"), ("note", "b")], [("n" * 101, "a")], [("note", "")], [("note", " \n")]]
)
def test_param_given_twice_or_empty_or_with_a_long_name_is_refused(pairs: list[tuple[str, str]]) -> None:
    assert refusal(made, "orderCreated", "k", [*ORDER.items(), *pairs]) == (Reason.BREAKS_API_RULE, pairs[0][0])


def test_event_type_that_the_api_does_not_have_is_refused() -> None:
    assert refusal(event, ORDER, type="orderShipped") == (Reason.BREAKS_API_RULE, "eventTypeKey")


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("cartUpdated", "recycleStateId"),
        ("pageViewed", "page"),
        ("productViewed", "product"),
        ("productCategoryViewed", "category"),
        ("productAddedToWishlist", "product"),
        ("searchRequest", "search"),
    ],
)
def test_visit_without_its_param_is_refused(type: str, name: str) -> None:
    assert refusal(event, {"email": "a@example.com"}, type=type) == (Reason.INCOMPLETE, name)


def test_contact_whose_name_breaks_a_rule_is_refused() -> None:
    assert refusal(contact, firstName="Anna (VIP)") == (Reason.BREAKS_API_RULE, "firstName")
    assert refusal(contact, lastName="12345") == (Reason.BREAKS_API_RULE, "lastName")
    assert refusal(contact, channels=[]) == (Reason.ANONYMOUS, "")


@pytest.mark.parametrize("phone", ["1234", "1" * 16, "+380501112233", "٣٨٠٥٠١١١٢٢"])
def test_contact_whose_phone_is_not_5_to_15_digits_is_refused(phone: str) -> None:
    assert refusal(contact, channels=[{"type": "sms", "value": phone}]) == (Reason.BREAKS_API_RULE, "phone")
