"""A contact's postal address and language: what is left of what people and plugins write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.models import Address
from shopwire.models.address import clean_address, clean_language


def address(**fields: str | None) -> Address | None:
    """Return the clean address of some fields. The others are missing."""
    street = (fields.pop("street", None), fields.pop("flat", None))
    return clean_address(**{"region": None, "town": None, "postcode": None, **fields}, street=street)


def test_lines_of_the_street_become_one() -> None:
    written = address(region="Одеська область", town="Рені", street="вул. Вигадана, 1", flat="кв. 2", postcode="68800")
    assert written == Address(region="Одеська область", town="Рені", street="вул. Вигадана, 1, кв. 2", postcode="68800")


def test_line_that_is_written_twice_is_there_once() -> None:
    written = address(street="вул. Вигадана, 1", flat=" вул.  Вигадана, 1 ")
    assert written == Address(street="вул. Вигадана, 1")


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("  Рені  ", "Рені"),
        ("Нова\nОдеса", "Нова Одеса"),
        ("Ре\u200bні\x00", "Рені"),
        ("Івано\u2011Франківськ", "Івано\u2011Франківськ"),
        ("\t", None),
        ("", None),
        (None, None),
        ("null", None),
        ("N/A", None),
        ("-", None),
        ("[deleted]", None),  # an erased customer of WooCommerce
    ],
)
def test_text_is_one_visible_line_or_missing(written: str | None, clean: str | None) -> None:
    assert address(town=written) == (Address(town=clean) if clean else None)


def test_long_text_is_cut_between_words() -> None:
    cut = address(street="слово, " * 60)
    assert cut
    assert cut.street
    assert len(cut.street) <= 255
    assert cut.street.endswith("слово")
    assert address(town="ї" * 300) == Address(town="ї" * 255)


def test_text_that_is_too_long_is_no_postcode() -> None:
    assert address(town="Рені", postcode="0" * 20) == Address(town="Рені", postcode="0" * 20)
    assert address(town="Рені", postcode="0" * 21) == Address(town="Рені")


@given(st.text(max_size=300))
def test_any_text_becomes_one_line_that_fits(written: str) -> None:
    clean = address(region=written, street=written, flat=written)
    for text in (clean.region, clean.street) if clean else ():
        assert text
        assert len(text) <= 255
        assert text == " ".join(text.split())


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("uk", "uk"),
        ("uk-UA", "uk-UA"),
        ("fr-Fr", "fr-FR"),  # as Shopify's changelog of 2021-12-10 writes it
        ("en_US", "en-US"),
        (" EN-us ", "en-US"),
        ("zh-TW", "zh-TW"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("ckb", "ckb"),
        ("de_DE_formal", "de-DE"),
        ("pt_PT_ao90", "pt-PT"),
        ("uk_UA.UTF-8", "uk-UA"),
        ("ua", "uk"),
        ("example string", None),
        ("Ukrainian", None),
        ("українська", None),
        ("null", None),
        ("xx", None),
        ("und", None),
        ("C", None),
        ("-UA", None),
        ("", None),
        (None, None),
        ("uk" + "-x" * 40, None),
    ],
)
def test_language_is_a_tag_or_missing(written: str | None, clean: str | None) -> None:
    assert clean_language(written) == clean


@given(st.text(max_size=20))
def test_language_of_any_text_is_a_tag_or_missing(written: str) -> None:
    clean = clean_language(written)
    assert clean is None or re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", clean)
