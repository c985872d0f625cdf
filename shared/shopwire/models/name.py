"""First and last names as the API accepts them. It refuses a contact whose name breaks one of its rules.

Source: https://docs.yespo.io, the names of contacts. Where a rule can be read in two ways, the stricter one is taken.
"""

import re
import unicodedata

from shopwire.models.text import readable

_MAX_LENGTH = 40
_MAX_DIGITS = 3
_SHORT_WORD = 3
_MAX_WORDS = 3
_DIGITS = frozenset("0123456789")
# The quotation marks, the letter and the accents that people write as an apostrophe.
_APOSTROPHES = dict.fromkeys((0x2019, 0x2018, 0x02BC, 0x0060, 0x00B4), "'")
_LINKS = "'-"
_several_links = re.compile("(['-])['-]+")


def clean_name(value: str | None, *, is_first: bool) -> str | None:
    """Return the name without what the API refuses; None if no name is left.

    - Letters of any alphabet, and at most 3 digits in all. A name with more digits loses all of them.
    - An apostrophe or a hyphen between two letters, a dot after a word of at most 3 letters.
    - At most 40 characters, and in a first name 3 words of more than 3 letters and 3 shorter ones: the words at the end
      are left out. A word of more than 40 letters is none that can be shortened.
    - A letter that is written with a separate mark, as in Hindi, is not known to be accepted. Without its marks it
      would be another name, so the whole name is left out.
    """
    value = readable(value)
    if not value:
        return None
    if value.isalpha() and len(value) <= _MAX_LENGTH:
        return value  # most names
    text = unicodedata.normalize("NFC", value).translate(_APOSTROPHES)
    if any(unicodedata.category(char).startswith("M") for char in text if not char.isascii()):
        return None
    if sum(char in _DIGITS for char in text) > _MAX_DIGITS:
        text = "".join(char for char in text if char not in _DIGITS)
    words = [word for part in "".join(map(_accepted, text)).split() if (word := _clean_word(part))]
    name = " ".join(_first_words(words) if is_first else words)
    while len(name) > _MAX_LENGTH:
        name = name.rpartition(" ")[0]
    return name if any(char.isalpha() for char in name) else None


def is_name(value: str, *, is_first: bool) -> bool:
    """Return whether the API accepts this first or last name."""
    return clean_name(value, is_first=is_first) == value


def _accepted(char: str) -> str:
    """Return the character if a word may have it, otherwise a space; nothing if it is invisible."""
    if char.isalpha() or char in _DIGITS or char in _LINKS or char == ".":
        return char
    return "" if unicodedata.category(char) == "Cf" else " "


def _clean_word(part: str) -> str:
    dot = "." if part.find(".") == len(part) - 1 <= _SHORT_WORD else ""
    word = _several_links.sub(r"\1", part.replace(".", "").strip(_LINKS))
    return word + dot if word else ""


def _first_words(words: list[str]) -> list[str]:
    """Return the words of a first name up to the first one that is too many."""
    long = short = 0
    for place, word in enumerate(words):
        # Whether the dot counts is not documented, so "Mrs." counts as a long word and as a short one.
        long += len(word) > _SHORT_WORD
        short += len(word.removesuffix(".")) <= _SHORT_WORD
        if max(long, short) > _MAX_WORDS:
            return words[:place]
    return words
