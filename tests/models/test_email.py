"""E-mail addresses as people write them: what the standard allows is tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.models.email import clean_email, is_doubtful, is_nobodys_email


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        (" Anna@Example.COM ", "anna@example.com"),
        # What the vendor's plugins do not send.
        ("m.o'hara@example.com", "m.o'hara@example.com"),
        ("anna&borys@example.com", "anna&borys@example.com"),
        ("anna/office@example.com", "anna/office@example.com"),
        ("a" * 60 + "@example.com", "a" * 60 + "@example.com"),
        ("anna..lee.@example.com", "anna..lee.@example.com"),
        # Other alphabets: the domain as punycode.
        ("anna@приклад.укр", "anna@xn--80aikifvh.xn--j1amh"),
        ("ганна@приклад.укр", "ганна@xn--80aikifvh.xn--j1amh"),
        ("anna@straße.example.de", "anna@xn--strae-oqa.example.de"),
        ("ａnna@example.com", "anna@example.com"),
        ("AYŞE.İNCİ@EXAMPLE.COM", "ayşe.inci@example.com"),
        # Signs around it, and several.
        ("Anna <anna@example.com>", "anna@example.com"),
        ("mailto:anna@example.com", "anna@example.com"),
        ("Email:anna@example.com", "anna@example.com"),
        ("'anna@example.com'", "anna@example.com"),
        ("anna@example.com.", "anna@example.com"),
        ("anna @ example.com", "anna@example.com"),
        ("anna@example.com\u200b", "anna@example.com"),
        ("anna&amp;borys@example.com", "anna&borys@example.com"),
        ("anna@example.com, borys@example.com", "anna@example.com"),
        ("anna@example.com;borys@example.com", "anna@example.com"),
        ("anna@example.com/borys@example.com", "anna@example.com"),
        ("anna@example.com або borys@example.com", "anna@example.com"),
        ("anna@example, borys@example.com", "borys@example.com"),
        ("deleted@site.invalid, borys@example.com", "borys@example.com"),
        # No address.
        ("deleted@site.invalid", None),
        ("X@Example.Invalid", None),
        ("anna@shop.example.invalid", None),
        ("no address", None),
        ("anna@example", None),
        ("anna@", None),
        ("@example.com", None),
        ("anna@@example.com", None),
        ('"anna lee"@example.com', None),
        ("anna@exa mple.com", None),
        ("anna@-example.com", None),
        ("a" * 65 + "@example.com", None),
        ("a@" + "b" * 64 + ".example.com", None),
        ("a@" + ".".join(["b" * 60] * 5) + ".com", None),
        ("an\ufffdna@example.com", None),
        ("", None),
        (None, None),
    ],
)
def test_email_is_the_first_address_that_the_standard_allows(written: str | None, clean: str | None) -> None:
    assert clean_email(written) == clean


@given(st.text(max_size=60), st.text(max_size=20))
def test_email_of_any_text_is_one_address_or_missing(before: str, after: str) -> None:
    clean = clean_email(f"{before}@{after}.com")
    if clean is not None:
        local, _, domain = clean.rpartition("@")
        assert local
        assert domain.isascii()
        assert "." in domain
        assert len(clean) <= 254
        assert clean == clean.lower().strip()
        assert clean_email(clean) == clean


@pytest.mark.parametrize(
    ("email", "expected"),
    [("anna.lee+1@example.com", False), ("m.o'hara@example.com", True), ("a" * 60 + "@example.com", True)],
)
def test_address_that_the_vendors_plugins_do_not_send_is_doubtful(email: str, expected: bool) -> None:
    assert is_doubtful(email) is expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("deleted@site.invalid", True), (" - ", True), ("", True), ("anna@example", False), ("none", False)],
)
def test_placeholder_is_nobodys_address(written: str, expected: bool) -> None:
    assert is_nobodys_email(written) is expected
