"""Phones as people write them: the number, its country, and what is none."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.models import phone
from shopwire.models.phone import clean_phone, country_code, is_nobodys_phone


@pytest.mark.parametrize(
    ("written", "country", "clean"),
    [
        # The number names its country.
        ("+38 (050) 111-22-33", None, "380501112233"),
        ("0038 050 111 22 33", None, "380501112233"),
        ("+380 (050) 111-22-33", "PL", "380501112233"),
        ("+44 (0)20 7946 0018", None, "442079460018"),
        ("+39 (0)6 1234 5678", None, "390612345678"),
        ("+351 (0)21 123 4567", None, "351211234567"),
        ("+44 07700 900118", None, "447700900118"),
        ("(+380) 50 111 22 33", None, "380501112233"),
        ("tel:+380501112233", None, "380501112233"),
        ("380501112233", None, "380501112233"),
        # The address of the number names the country.
        ("501 112 233", "PL", "48501112233"),
        ("06 11 22 33 44", "FR", "33611223344"),
        ("(212) 555-0123", "US", "12125550123"),
        ("030/1234567", "DE", "49301234567"),
        ("050 111 22 33", "UA", "380501112233"),
        ("050 111 22 33", "PL", None),
        ("+1234", "UA", None),
        ("+1234567890123456", "UA", None),
        # Prefixes that belong to no number, or that were written twice.
        ("8 050 111 22 33", "UA", "380501112233"),
        ("+8 050 111 22 33", "UA", "380501112233"),
        ("8 (495) 111-22-33", "RU", "74951112233"),
        ("06 20 111 2233", "HU", "36201112233"),
        ("+0501112233", "UA", "380501112233"),
        ("+380380501112233", "UA", "380501112233"),
        ("+48 48 501 112 233", "UA", "48501112233"),
        ("0 380 50 111 22 33", "UA", "380501112233"),
        ("380380501112233", "UA", "380501112233"),
        ("+671112233", "UA", "380671112233"),  # no country has 671
        ("+671112233", "US", None),
        ("050_111_22_33", "UA", "380501112233"),
        ("380501112233.0", "UA", "380501112233"),
        # Extensions and words.
        ("+1 212-555-0123 ext. 4471", None, "12125550123"),
        ("+1 212 555 0123x99", None, "12125550123"),
        ("+1 212 555 0123, 99", None, "12125550123"),
        ("+380501112233;ext=12", None, "380501112233"),
        ("050 111 22 33 дод. 12", "UA", "380501112233"),
        ("0501112233 доб 5", "UA", "380501112233"),
        ("+380501112233 Viber 24/7", None, "380501112233"),
        ("Ганна: 050 111 22 33 (після 18)", "UA", "380501112233"),
        # Two numbers: the first good one.
        ("050 111 22 33, 067 444 55 66", "UA", "380501112233"),
        ("0501112233/0674445566", "UA", "380501112233"),
        ("050 111 22 33 або 067 444 55 66", "UA", "380501112233"),
        ("050 111 22 33 067 444 55 66", "UA", "380501112233"),
        ("+380501112233+380674445566", "UA", "380501112233"),
        ("111, 067 444 55 66", "UA", "380674445566"),
        ("044 111-22-33 / 34", "UA", "380441112233"),
        ("+1 212*****23, +380501112233", "UA", "380501112233"),
        # Digits of other scripts, and invisible characters.
        ("٠٥٠١١١٢٢٣٣", "UA", "380501112233"),
        ("＋３８０５０１１１２２３３", None, "380501112233"),
        ("\u202a+380501112233\u202c", None, "380501112233"),
        ("050\u00a0111\u00a022\u00a033", "UA", "380501112233"),
        ("'+380501112233", None, "380501112233"),
        # No number.
        ("+1 212*****23", "US", None),
        ("+49 151*****23", "DE", None),  # the digits that are left would be a possible number
        ("12 ext. 44710", "DE", None),
        ("+1 212 XXX XX23", "US", None),
        ("+38 (050) ___-__-__", "UA", None),
        ("3.80501E+11", "DE", None),
        ("+380 00 000 00 00", "UA", None),
        ("+000 00 000 00 00", "UA", None),
        ("0000000000", "UA", None),
        ("+380999999999", "UA", None),
        ("+48 111 111 111", "PL", None),
        ("1-800-FLOWERS", "US", None),
        ("12", "UA", None),
        ("112", "UA", None),
        ("call me", "UA", None),
        ("", "UA", None),
        (None, "UA", None),
    ],
)
def test_phone_is_the_digits_of_the_first_possible_number(
    written: str | None, country: str | None, clean: str | None
) -> None:
    assert clean_phone(written, country) == clean


@pytest.mark.parametrize(
    ("written", "country", "clean"),
    [
        ("050 111 22 33", None, "380501112233"),  # nothing else says the country
        ("050 111 22 33", "PL", None),
        ("501 112 233", "PL", "48501112233"),
        ("601 234 567 89", "PL", None),  # one digit too many, and a number of Malaysia
        ("380501112233", "PL", "380501112233"),  # international, of the shop's country
        ("380501112233", "DE", "380501112233"),  # has a possible length in Germany too
        ("60123456789", None, "60123456789"),
    ],
)
def test_region_counts_only_if_no_address_names_a_country(written: str, country: str | None, clean: str | None) -> None:
    assert clean_phone(written, country, "UA") == clean


def test_number_without_any_country_must_exist() -> None:
    assert clean_phone("050 111 22 33", None) is None
    assert clean_phone("0001112233445", None) is None


@given(st.text(max_size=30), st.sampled_from([None, "UA", "US", "ZZ"]), st.sampled_from([None, "UA", "PL"]))
def test_phone_of_any_text_is_digits_or_missing(written: str, country: str | None, region: str | None) -> None:
    clean = clean_phone(written, country, region)
    assert clean is None or (clean.isascii() and clean.isdigit() and 5 <= len(clean) <= 15)


@pytest.mark.parametrize(("code", "length"), [("380", 9), ("48", 9), ("1", 10)])
def test_well_formed_number_is_what_the_library_says(code: str, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is not asked for such a number."""
    numbers = random.Random(code)
    written = [f"+{code}{numbers.randrange(10 ** (length - 1), 10**length)}" for _ in range(200)]
    written += [f"+{code}{digit * length}" for digit in "123456789"]
    fast = [clean_phone(number, None) for number in written]
    monkeypatch.setattr(phone, "_well_formed", lambda number: None)
    assert fast == [clean_phone(number, None) for number in written]


def test_long_field_is_read_from_its_beginning_and_in_no_time() -> None:
    assert clean_phone("+380501112233, " + "1 2 " * 50_000, None) == "380501112233"
    assert clean_phone("1 " * 100_000, "UA") is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("+000 00 000 00 00", True),
        ("+380 00 000 00 00", True),
        ("0000", True),
        ("-", True),
        ("", True),
        ("+380 99 999 99 99", False),
        ("+1 212*****23", False),
        ("call me", False),
    ],
)
def test_only_zeros_and_signs_are_nobodys_phone(written: str, expected: bool) -> None:
    assert is_nobodys_phone(written) is expected


@pytest.mark.parametrize(
    ("written", "code"), [(" pl ", "PL"), ("UK", "GB"), ("Poland", None), ("П1", None), ("", None), (None, None)]
)
def test_country_is_two_letters(written: str | None, code: str | None) -> None:
    assert country_code(written) == code
