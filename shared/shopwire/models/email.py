"""E-mail addresses as people write them, and as the API may accept them.

What the API refuses is not documented. So every address is tried that a browser's form accepts (HTML, "Valid e-mail
address"), and letters of other alphabets before the "@" (RFC 6531). Dots may stand anywhere there, as in addresses of
Japanese providers. Domains are sent in their ASCII form (RFC 3492, RFC 5891).
"""

import re
import unicodedata

from shopwire.models.text import decoded

_MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
_MAX_LOCAL_LENGTH = 64  # 4.5.3.1.1
_MAX_LABEL_LENGTH = 63
# The vendor's own plugins for WooCommerce and OpenCart send only such addresses, of at most 50 characters.
_plain = re.compile(r"[a-z0-9+_-]+(?:\.[a-z0-9+_-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}").fullmatch
_PLAIN_LENGTH = 50
_local = re.compile(
    r"[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,\"\u2000-\u200f\u2028-\u202f\ud800-\udfff\ufeff\ufffd]+"
).fullmatch
_label = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?").fullmatch  # the vendor's plugins send a "_" too
_top_level = re.compile(r"[a-z]{2,}|xn--[a-z0-9-]+").fullmatch
_gaps = re.compile(r"[\s,;:<>()\[\]]+")
_slashes = re.compile(r"[/|]+")
_around_at = re.compile(r"\s*@\s*")
# Shops write these domains for a person who was erased, or who never gave an address. RFC 2606: no such domain exists.
_PLACEHOLDER = ".invalid"
_PLACEHOLDER_DOMAINS = ("@invalid", _PLACEHOLDER)
_QUOTES = "'`\"*"


def clean_email(value: str | None) -> str | None:
    """Return the first address of a text, lower case, with its domain in ASCII; None if there is none, or a placeholder
    (`deleted@site.invalid`)."""
    if not value:
        return None
    text = value.strip().lower()
    if len(text) <= _PLAIN_LENGTH and _plain(text):
        return None if text.endswith(_PLACEHOLDER) else text
    return next((address for address in _candidates(value) if not address.endswith(_PLACEHOLDER)), None)


def is_nobodys_email(value: str) -> bool:
    """Return whether a field is empty but for signs, or holds only placeholders."""
    text = value.strip().lower()
    return text.endswith(_PLACEHOLDER_DOMAINS) or not any(char.isalnum() for char in text)


def is_doubtful(email: str) -> bool:
    """Return whether the API may refuse this clean address. The vendor's plugins do not send it."""
    return len(email) > _PLAIN_LENGTH or _plain(email) is None


def _candidates(value: str) -> list[str]:
    text = "".join(char for char in decoded(value[:1_000]) if unicodedata.category(char) != "Cf")
    # The lower case of this letter is "i" and a dot above. Turkish keyboards write it for the "i" of an address.
    text = _around_at.sub("@", unicodedata.normalize("NFKC", text).replace("İ", "i").strip().lower())
    parts: list[str] = []
    for part in _gaps.split(text):
        # A slash may be part of an address, but not of two.
        parts += _slashes.split(part) if part.count("@") > 1 else [part]
    return [address for part in parts if (address := _address(part))]


def _address(text: str) -> str | None:
    local, _, domain = text.strip(_QUOTES).rstrip(".").rpartition("@")
    if not _local(local) or len(local.encode("utf-8", "replace")) > _MAX_LOCAL_LENGTH:
        return None
    labels = [_ascii_label(label) for label in domain.split(".")]
    address = f"{local}@{'.'.join(labels)}"
    is_domain = len(labels) > 1 and all(map(_is_label, labels)) and _top_level(labels[-1])
    return address if is_domain and len(address) <= _MAX_LENGTH else None


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    try:
        return f"xn--{label.encode('punycode').decode()}"
    except UnicodeError:
        return ""


def _is_label(label: str) -> bool:
    return len(label) <= _MAX_LABEL_LENGTH and _label(label) is not None
