"""Text as people read it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.models.base import first
from shopwire.models.text import readable, usable_link


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Tea", "Tea"),
        ("Cup &#8211; Salt &amp; Co", "Cup – Salt & Co"),
        ("Salt &amp;amp; Co", "Salt & Co"),
        ("5 &lt; 6", "5 < 6"),
        ("&lt;b&gt;Cup&lt;/b&gt;", "Cup"),
        ('Card <img src="https://x.example/l.png">', "Card"),
        ("Line<br/>two", "Line two"),
        ("H<sub>2</sub>O", "H2O"),
        ("a<!-- note -->b<style>p {}</style>c", "a b c"),
        ("I <3 tea, a < b, Anna <anna@example.com>, size <M>", "I <3 tea, a < b, Anna <anna@example.com>, size <M>"),
        ("R&D, AT&T, x&copy", "R&D, AT&T, x&copy"),
        ("  a   b\t\r\nc ", "a b c"),
        ("a\xa0b\u3000", "a b"),
        ("Anna\xadMaria\u200b\ufeff", "AnnaMaria"),
        ("\u202eevil\x07", "evil"),
        ("👩‍👩‍👧 نمی‌خواهم", "👩‍👩‍👧 نمی‌خواهم"),
        ("a\ud800b", "a\ufffdb"),
        ("Null", "Null"),
        *((nothing, None) for nothing in ("", " ", "\u200b", "\u200d", "&nbsp;", "<br>", "null", "undefined", None)),
    ],
)
def test_text_is_what_people_read(written: str | None, read: str | None) -> None:
    assert readable(written) == read


@given(st.text(max_size=40))
def test_read_text_stays_as_it_is_or_is_missing(text: str) -> None:
    once = readable(text)
    assert once is None or (once == " ".join(once.split()) and readable(once.replace("&", "").replace("<", "")) != "")


@pytest.mark.parametrize("piece", ["<!--", "<script", "<b", "&amp;", "&#", "<script></script", "\u200b", " \t"])
def test_long_text_takes_no_long_time(piece: str) -> None:
    started = time.process_time()
    readable(piece * 200_000)
    assert time.process_time() - started < 0.25


def test_first_text_of_which_people_can_read_something_counts() -> None:
    assert first((None, " ", "\u200b", "null", "<br>", " Tea ", "Cup")) == "Tea"
    assert first(("", None)) is None


@pytest.mark.parametrize(
    ("written", "link"),
    [
        (" https://shop.example/a?b=1&amp=2 ", "https://shop.example/a?b=1&amp=2"),
        ("//cdn.shop.example/чашка.png", "https://cdn.shop.example/чашка.png"),
        ("HTTP://shop.example", "HTTP://shop.example"),
        *(
            (no, None)
            for no in ("javascript:alert(1)", "ftp://a", "a.png", "http://x y", 'https://a"b', "https://", None)
        ),
    ],
)
def test_link_is_one_that_a_message_can_open(written: str | None, link: str | None) -> None:
    assert usable_link(written) == link
