"""Text as people read it: without HTML, invisible characters and surplus white space.

Shops store text as HTML ("Salt &amp; Co", "LiqPay <img ...>"), and forms add invisible characters. Messages to people
show what is sent, so each text is cleaned once where a request is made of it.
"""

import re

# What programs write for a missing value. "Null" is a surname.
_MISSING = frozenset({"null", "NULL", "undefined", "[object Object]"})
# The tags of HTML. "<3", "a < b" and "<ann@example.com>" are text.
_TAGS = (
    "a abbr address article audio b big blockquote br button caption center cite code col dd del div dl dt em embed "
    "figcaption figure font footer form h1 h2 h3 h4 h5 h6 header hr i iframe img input ins label li link main mark "
    "meta nav object ol option p path picture pre q s script section select small source span strike strong style sub "
    "sup svg table tbody td template textarea tfoot th thead time tr tt u ul var video"
)
_tags = re.compile(rf"</?(?:{_TAGS.replace(' ', '|')})(?:[\s/][^<>]*)?>", re.IGNORECASE)
# A comment, or a script with its content. To look for the ends of many of them takes long in a long text.
_blocks = re.compile(r"<(?:!--.*?-->|(script|style)\b.*?</\1\s*>)", re.IGNORECASE | re.DOTALL)
_MAX_LENGTH_WITH_BLOCKS = 2_000
_starts_line = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|h[1-6]|hr|table|section)\b", re.IGNORECASE).match
_entities = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
# Controls, soft hyphen, spaces and joiners without width, marks of direction, byte-order mark. The joiners of Persian
# and of emoji (U+200C, U+200D) stay within a text.
_INVISIBLE = "\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
_invisible = re.compile(rf"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f{_INVISIBLE}]")
_surrogates = re.compile("[\ud800-\udfff]")
_is_link = re.compile(r"https?://[^\s\"<>\\\x00-\x1f\x7f]+", re.IGNORECASE).fullmatch
_EDGES = " \u200c\u200d"
_MAX_PASSES = 2
_MAX_HTML_LENGTH = 20_000  # a request has no room for more


def readable(value: str | None) -> str | None:
    """Return a text as people read it; None if it says nothing.

    - HTML entities are decoded and tags removed, also where a shop encoded them twice.
    - Control and invisible characters are removed, white space is collapsed, a lone surrogate becomes U+FFFD.
    - "null" and "undefined" say nothing.
    """
    if not value:
        return None
    if "&" in value or "<" in value:
        value = _without_html(value[:_MAX_HTML_LENGTH])
    if not value.isprintable():  # it has something else than visible characters and plain spaces
        value = _surrogates.sub("\ufffd", _invisible.sub("", value))
        value = " ".join(value.split()).strip(_EDGES)
    elif "  " in value or value.startswith(" ") or value.endswith(" "):
        value = " ".join(value.split())
    return value if value and value not in _MISSING else None


def usable_link(value: str | None) -> str | None:
    """Return a link that a message can open: http or https, without blanks; None if it is none."""
    link = value.strip() if value else ""
    if link.startswith("//"):  # of the page's own protocol, as themes write it
        link = f"https:{link}"
    return link if _is_link(link) else None


def decoded(value: str) -> str:
    """Return a text with its HTML entities decoded, once. What is no entity of HTML stays."""
    if "&" not in value:
        return value
    import html  # takes 2 ms, and few texts need it

    return _entities.sub(lambda match: html.unescape(match[0]), value)


def _without_html(value: str) -> str:
    for _ in range(_MAX_PASSES):
        before = value
        value = decoded(_without_tags(value))
        if value == before:
            return value
    return _without_tags(value)


def _without_tags(value: str) -> str:
    if "<" not in value:
        return value
    if len(value) <= _MAX_LENGTH_WITH_BLOCKS:
        value = _blocks.sub(" ", value)
    return _tags.sub(_space_or_nothing, value)


def _space_or_nothing(tag: re.Match[str]) -> str:
    return " " if _starts_line(tag[0]) else ""
