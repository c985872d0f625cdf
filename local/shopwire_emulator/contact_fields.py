"""The rules for a contact's own fields. Everything here is pure.

Sources: docs.yespo.io/docs/how-import-and-match-contact-fields-in-the-system and the schema Contact of the reference.
The import drops a field that breaks a rule. What v1/contact does is not documented, so here it refuses the request.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from shopwire_emulator.errors import BadRequest

_MAX_NAME_LENGTH = 40
_MAX_NAME_DIGITS = 3
_SHORT_WORD_LENGTH = 3
_MAX_FIRST_NAME_WORDS = 3
"""Of more than `_SHORT_WORD_LENGTH` characters, and as many shorter ones."""
_INSIDE_WORD = frozenset("'\u2019-")
"""Apostrophes and hyphen. U+02BC, the Ukrainian apostrophe, is a letter."""

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
"""What the API refuses is not documented. This is the least that every API refuses."""
_PLUGIN_EMAIL = re.compile(r"[a-zA-Z0-9.+_@-]{1,50}", re.ASCII)
_PHONE = re.compile(r"\d{5,15}", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", re.ASCII)
_ADDRESS_FIELDS = ("region", "town", "address", "postcode")


def find_name_error(name: str, *, is_first_name: bool) -> str | None:
    """Return which of the API's rules for names a name breaks, or None."""
    if len(name) > _MAX_NAME_LENGTH:
        return f"has more than {_MAX_NAME_LENGTH} characters"
    if sum(unicodedata.category(character) == "Nd" for character in name) > _MAX_NAME_DIGITS:
        return f"has more than {_MAX_NAME_DIGITS} digits"
    if not any(map(_is_letter, name)):
        return "has no letter"
    words = name.split(" ")
    if not all(map(_is_word, words)):
        return "has a character that is not allowed there"
    long_words = sum(len(word) > _SHORT_WORD_LENGTH for word in words)
    if is_first_name and max(long_words, len(words) - long_words) > _MAX_FIRST_NAME_WORDS:
        return "has too many words"
    return None


def _is_word(word: str) -> bool:
    """Return True for letters and digits, with apostrophes and hyphens between them and a dot after a short word."""
    if word.endswith(".") and len(word) - 1 <= _SHORT_WORD_LENGTH:
        word = word[:-1]
    return bool(word) and all(
        _is_letter_or_digit(character)
        or (
            character in _INSIDE_WORD
            and 0 < position < len(word) - 1
            and _is_letter_or_digit(word[position - 1])
            and _is_letter_or_digit(word[position + 1])
        )
        for position, character in enumerate(word)
    )


def _is_letter(character: str) -> bool:
    """Return True for a letter of any alphabet, and for a mark that belongs to one (й may be two characters)."""
    return unicodedata.category(character)[0] in "LM"


def _is_letter_or_digit(character: str) -> bool:
    return _is_letter(character) or unicodedata.category(character) == "Nd"


def parse_contact(body: Any, *, plugin_addresses: bool = False) -> dict[str, Any]:
    """Return the fields of a contact by the names that GET /esputnik/state shows.

    Args:
        body: the object that v1/contact takes.
        plugin_addresses: refuse e-mail addresses that the vendor's plugins do not send.

    Raises:
        BadRequest: the text names the field.
    """
    if not isinstance(body, dict):
        raise BadRequest("a contact is not an object")
    # The API ignores a field that it does not know, so that it is lost without a word.
    if unknown := body.keys() - _FIELDS.keys() - {"channels"}:
        raise BadRequest(f"{', '.join(sorted(unknown))}: not a field of a contact")
    fields = _parse_channels(body.get("channels") or [], plugin_addresses=plugin_addresses)
    for name, check in _FIELDS.items():
        if name in body:
            check(name, body[name])
            fields[_SHOWN_NAMES.get(name, name)] = body[name]
    return fields


def _parse_channels(channels: Any, *, plugin_addresses: bool) -> dict[str, Any]:
    if not isinstance(channels, list):
        raise BadRequest("channels is not a list")
    addresses: dict[str, Any] = {}
    for channel in channels:
        kind, value = (channel.get("type"), channel.get("value")) if isinstance(channel, dict) else (None, None)
        if kind not in ("email", "sms") or not isinstance(value, str) or not value:
            raise BadRequest("channels: each needs a type (email or sms) and a value")
        shown = "email" if kind == "email" else "phone"
        if shown in addresses:
            raise BadRequest(f"channels: {kind} is given twice")
        addresses[shown] = check_email(value, plugin=plugin_addresses) if kind == "email" else check_phone(value)
    return addresses


def check_email(value: str, *, plugin: bool = False) -> str:
    """Return the address as the API compares it.

    Raises:
        BadRequest: the value is not an address, or `plugin` is set and the vendor's plugins would not send it.
    """
    if not _EMAIL.fullmatch(value) or (plugin and not _PLUGIN_EMAIL.fullmatch(value)):
        raise BadRequest("the e-mail address is not valid")
    return value.lower()


def check_phone(value: str) -> str:
    """Return the phone number.

    Raises:
        BadRequest: it is not 5 to 15 digits.
    """
    if not _PHONE.fullmatch(value):
        raise BadRequest("the phone is not 5 to 15 digits")
    return value


def check_name(name: str, value: Any) -> None:
    """Check firstName or lastName.

    Raises:
        BadRequest.
    """
    _check_text(name, value)
    if error := find_name_error(value, is_first_name=name == "firstName"):
        raise BadRequest(f"{name} {error}")


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} is not a non-empty string")


def _check_address(name: str, value: Any) -> None:
    if not isinstance(value, dict) or not value or not value.keys() <= set(_ADDRESS_FIELDS):
        raise BadRequest(f"{name} is not an object with {', '.join(_ADDRESS_FIELDS)}")
    for part, text in value.items():
        _check_text(f"{name}.{part}", text)


def _check_language(name: str, value: Any) -> None:
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise BadRequest(f"{name} is not a language tag of RFC 5646")


def _check_time_zone(name: str, value: Any) -> None:
    if not isinstance(value, str) or not _TIME_ZONE.fullmatch(value):
        raise BadRequest(f"{name} is not a name of the tz database")


def _check_extra_fields(name: str, value: Any) -> None:
    if not isinstance(value, list) or not all(
        isinstance(field, dict)
        and field.keys() == {"id", "value"}
        and type(field["id"]) is int
        and isinstance(field["value"], str)
        for field in value
    ):
        raise BadRequest(f"{name} is not a list of objects with the whole number id and the string value")


def group_names(name: str, value: Any) -> list[str]:
    """Return the names of static segments: texts in v1/contact/subscribe, objects with a name in v1/contact.

    Raises:
        BadRequest.
    """
    groups = value if isinstance(value, list) else []
    names: list[Any] = [group.get("name") if isinstance(group, dict) else group for group in groups]
    if not names or not all(isinstance(group, str) and group for group in names):
        raise BadRequest(f"{name} is not a list of names")
    return names


_FIELDS: Mapping[str, Callable[[str, Any], object]] = {
    "firstName": check_name,
    "lastName": check_name,
    "externalCustomerId": _check_text,
    "contactKey": _check_text,
    "address": _check_address,
    "languageCode": _check_language,
    "timeZone": _check_time_zone,
    "fields": _check_extra_fields,
    "groups": group_names,
}
_SHOWN_NAMES = {"languageCode": "language"}
"""Field of the API -> its name in GET /esputnik/state."""
