"""The rules for a contact's names, addresses and other fields."""

from typing import Any

import pytest

from shopwire_emulator.contact_fields import find_name_error
from shopwire_emulator.emulator import Emulator
from tests.emulator.helpers import contact


@pytest.mark.parametrize(
    "name",
    [
        "Anna",
        "Анна-Марія",
        "Мар'яна",
        "Мар\u2019яна",  # the typographic apostrophe
        "Мар\u02bcяна",  # the Ukrainian apostrophe, which is a letter
        "O'Brien Jr.",
        "Dr. Anna",
        "И\u0306осип",  # й may be a letter and a mark
        "王小明",
        "محمد",
        "Анна2",
        "A1b2c3",
        "x" * 40,
        "Anna Maria Luisa de la van",
    ],
)
def test_name_of_any_alphabet_is_accepted(name: str) -> None:
    assert find_name_error(name, is_first_name=True) is None


CHARACTER = "has a character that is not allowed there"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("x" * 41, "has more than 40 characters"),
        ("Anna1234", "has more than 3 digits"),
        ("12", "has no letter"),
        ("+-", "has no letter"),
        ("Anna (work)", CHARACTER),
        ("Anna \U0001f600", CHARACTER),
        ("Anna,", CHARACTER),
        ("anna@example.com", CHARACTER),
        ("'Anna", CHARACTER),
        ("Anna-", CHARACTER),
        ("Anna- Maria", CHARACTER),
        ("An--na", CHARACTER),
        ("Anna.", CHARACTER),  # a dot only after a word of up to three letters
        ("J.R.", CHARACTER),
        (".", "has no letter"),
        ("Anna  Maria", CHARACTER),
        (" Anna", CHARACTER),
        ("Anna\u00a0Maria", CHARACTER),
        ("Anna\nMaria", CHARACTER),
        ("Anna Maria Luisa Clara", "has too many words"),
        ("a b c d", "has too many words"),
    ],
)
def test_name_that_breaks_a_rule_is_recognised(name: str, error: str) -> None:
    assert find_name_error(name, is_first_name=True) == error


def test_last_name_may_have_any_number_of_words(api: Emulator) -> None:
    assert find_name_error("Anna Maria Luisa Clara a b c d", is_first_name=False) is None
    assert contact(api, email="b@example.com", lastName="Anna Maria Luisa Clara").status == 200


@pytest.mark.parametrize("name", ["firstName", "lastName"])
def test_contact_with_a_wrong_name_is_rejected(api: Emulator, name: str) -> None:
    response = contact(api, email="b@example.com", **{name: "Anna (work)"})
    assert (response.status, response.body) == (400, {"error": f"{name} {CHARACTER}"})
    assert len(api.state()["contacts"]) == 1


@pytest.mark.parametrize("email", ["anna", "@example.com", "a b@example.com", "a@b@example.com"])
def test_email_that_is_no_address_is_rejected(api: Emulator, email: str) -> None:
    response = contact(api, email=email)
    assert (response.status, response.body) == (400, {"error": "the e-mail address is not valid"})


@pytest.mark.parametrize("phone", ["1234", "1" * 16, "+380501112233", "050 111 22 33", "\u0663" * 10])
def test_phone_that_is_not_5_to_15_digits_is_rejected(api: Emulator, phone: str) -> None:
    response = contact(api, sms=phone)
    assert (response.status, response.body) == (400, {"error": "the phone is not 5 to 15 digits"})


@pytest.mark.parametrize(
    "email", ["o'brien@example.com", "a!b@example.com", "a?b@example.com", "a/b@example.com", "x" * 39 + "@example.com"]
)
def test_setting_says_whether_unusual_addresses_are_accepted(api: Emulator, email: str) -> None:
    assert contact(api, email=email).status == 200
    api.change_account({"strict_addresses": True})
    assert contact(api, email=email, firstName="Anna").status == 400
    assert contact(api, email="x" * 38 + "@example.com").status == 200


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"phone": "380501112233"}, "phone: not a field of a contact"),
        ({"languageCode": "en_US"}, "languageCode is not a language tag of RFC 5646"),
        ({"languageCode": "Ukrainian"}, "languageCode is not a language tag of RFC 5646"),
        ({"timeZone": "+03:00"}, "timeZone is not a name of the tz database"),
        ({"address": {"city": "Kyiv"}}, "address is not an object with region, town, address, postcode"),
        ({"address": "Kyiv"}, "address is not an object with region, town, address, postcode"),
        ({"address": {"town": ""}}, "address.town is not a non-empty string"),
        (
            {"fields": [{"id": "5", "value": "x"}]},
            "fields is not a list of objects with the whole number id and the string value",
        ),
        ({"groups": "VIP"}, "groups is not a list of names"),
        ({"groups": [{"id": 1}]}, "groups is not a list of names"),
        ({"externalCustomerId": 7}, "externalCustomerId is not a non-empty string"),
    ],
)
def test_contact_with_an_invalid_field_is_rejected(api: Emulator, fields: dict[str, Any], error: str) -> None:
    response = contact(api, email="b@example.com", **fields)
    assert (response.status, response.body) == (400, {"error": error})
