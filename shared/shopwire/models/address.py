"""The postal address and the language of a contact, as the API accepts them.

The fields are those of v1/contact (docs.yespo.io/reference/addcontact-1). It documents no lengths of an address, so the
longest text is what the platforms themselves store. The language is a tag of RFC 5646.
"""

import re
from collections.abc import Iterable

from shopwire.models.contact import Address
from shopwire.models.text import readable

_MAX_LENGTH = 255
_MAX_POSTCODE_LENGTH = 20
# What programs write for a missing value, and WordPress for an erased one (wp_privacy_anonymize_data).
_NO_VALUE = frozenset({"null", "undefined", "none", "n/a", "-", ".", "[deleted]"})

# ISO 639-1: the second letters of the codes of two letters, by their first letter.
_SECOND_LETTERS = {
    "a": "abefkmnrsvyz",
    "b": "aeghimnors",
    "c": "aehorsuvy",
    "d": "aevz",
    "e": "elnostu",
    "f": "afijory",
    "g": "adlnuv",
    "h": "aeiortuyz",
    "i": "adegikostuw",
    "j": "av",
    "k": "agijklmnorsuvwy",
    "l": "abginotuv",
    "m": "ghiklnrsty",
    "n": "abdeglnorvy",
    "o": "cjmrs",
    "p": "ailst",
    "q": "u",
    "r": "mnouw",
    "s": "acdeghiklmnoqrstuvw",
    "t": "aeghiklnorstwy",
    "u": "gkrz",
    "v": "eio",
    "w": "ao",
    "x": "h",
    "y": "io",
    "z": "ahu",
}
_LANGUAGES = frozenset(first + second for first, letters in _SECOND_LETTERS.items() for second in letters)
# Codes of three letters that name no language (ISO 639-2).
_NO_LANGUAGE = frozenset({"mis", "mul", "und", "zxx"})
# Shops write the country in place of the language. No language has this code.
_MEANT = {"ua": "uk"}
# What follows the region ("de_DE_formal", "uk_UA.UTF-8") names a variant of WordPress or of an operating system.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?(?:[-.@].*)?", re.IGNORECASE
)
_MAX_TAG_LENGTH = 35  # RFC 5646, section 4.4.1


def clean_address(
    *, region: str | None, town: str | None, street: Iterable[str | None], postcode: str | None
) -> Address | None:
    """Return the address; None if nothing of it is left.

    Args:
        street: the lines with street, house and flat. They become one.
    """
    code = _text(postcode)
    address = Address(
        region=_text(region),
        town=_text(town),
        street=_cut(", ".join(dict.fromkeys(line for part in street if (line := _text(part))))) or None,
        postcode=code if code and len(code) <= _MAX_POSTCODE_LENGTH else None,
    )
    return address if address != _NOWHERE else None


_NOWHERE = Address()


def clean_language(value: str | None) -> str | None:
    """Return the language, with its script and region, as a tag of RFC 5646 ("uk", "en-US", "zh-Hant-TW").

    None if it is no language. What the tag says about a variant is left out.
    """
    if not value:
        return None
    found = _TAG.fullmatch(value.strip().replace("_", "-")) if len(value) <= _MAX_TAG_LENGTH else None
    if not found:
        return None
    code = found["language"].lower()
    language = _MEANT.get(code, code)
    if language in _NO_LANGUAGE or (len(language) == 2 and language not in _LANGUAGES):
        return None
    script, region = found["script"], found["region"]
    parts = (language, script.title() if script else None, region.upper() if region else None)
    return "-".join(part for part in parts if part)


def _text(value: str | None) -> str | None:
    """Return the text as people read it; None if it says nothing."""
    text = readable(value)
    return _cut(text) if text and text.lower() not in _NO_VALUE else None


def _cut(value: str) -> str:
    if len(value) <= _MAX_LENGTH:
        return value
    return value[: _MAX_LENGTH + 1].rpartition(" ")[0].rstrip(",") or value[:_MAX_LENGTH]
