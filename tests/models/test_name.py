"""Names of contacts: what the API refuses is cleaned, or the name is left out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.models.contact import person
from shopwire.models.name import clean_name, is_name


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("Anna", "Anna"),
        ("  Anna  Maria ", "Anna Maria"),
        ("Ганна-Марія", "Ганна-Марія"),
        ("O’Brien", "O'Brien"),
        ("Лук'янова", "Лук'янова"),
        ("Anna (VIP)", "Anna VIP"),
        ("Anna 🌸 Maria", "Anna Maria"),
        ("🌸", None),
        ("-Anna-", "Anna"),
        ("Anna--Maria", "Anna-Maria"),
        ("Anna-'Maria", "Anna-Maria"),
        ("Anna-'-Maria", "Anna-Maria"),
        ("-.-", None),
        ("Louis 14", "Louis 14"),
        ("Anna1985", "Anna"),
        ("380501112233", None),
        ("123", None),
        ("...", None),
        ("St. John", "St. John"),
        ("Smith.", "Smith"),
        ("J.R. Smith", "JR Smith"),
        ("An\u200bna", "Anna"),
        ("Anna\nMaria", "Anna Maria"),
        ("<b>Anna</b>", "Anna"),
        ("O&#039;Connor", "O'Connor"),
        ("null", None),
        ("José", "José"),
        ("Jose\u0301", "José"),
        ("प्रिया", None),
        ("", None),
        (None, None),
    ],
)
def test_name_is_cleaned_by_the_rules_of_the_api_or_left_out(written: str | None, clean: str | None) -> None:
    assert clean_name(written, is_first=False) == clean


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("a" * 40, "a" * 40),
        ("a" * 41, None),
        ("a" * 30 + " " + "b" * 9, "a" * 30 + " " + "b" * 9),
        ("a" * 30 + " " + "b" * 10, "a" * 30),
    ],
)
def test_name_of_41_characters_loses_its_last_word(written: str, clean: str | None) -> None:
    assert clean_name(written, is_first=False) == clean


def test_first_name_has_at_most_three_long_and_three_short_words() -> None:
    assert clean_name("Anna Maria Olha Vira", is_first=True) == "Anna Maria Olha"
    assert clean_name("Anna de la le von Lind", is_first=True) == "Anna de la le"
    assert clean_name("Mrs. Anna Maria Olha", is_first=True) == "Mrs. Anna Maria"
    assert clean_name("Mr. de la le", is_first=True) == "Mr. de la"
    assert clean_name("Anna Maria Olha Vira", is_first=False) == "Anna Maria Olha Vira"


NAMES = st.text(max_size=60) | st.text("Aя1.'’- (🌸", max_size=60)


@given(NAMES, st.booleans())
def test_cleaned_name_of_any_text_keeps_every_rule(written: str, is_first: bool) -> None:
    clean = clean_name(written, is_first=is_first)
    if clean is None:
        return
    assert is_name(clean, is_first=is_first)
    assert len(clean) <= 40
    assert sum(char.isascii() and char.isdigit() for char in clean) <= 3
    assert any(map(str.isalpha, clean))
    for word in clean.split(" "):
        letters = word.removesuffix(".")
        assert letters == word or len(letters) <= 3
        assert all(part and re.fullmatch(r"[^\W_]+", part) for part in re.split("[-']", letters))


def test_name_that_cannot_be_cleaned_gives_way_to_the_next_one() -> None:
    found = person(emails=["a@example.com"], phones=[], region=None, first_names=["🌸", "Anna"], last_names=["12345"])
    assert (found.first_name, found.last_name) == ("Anna", None)
