"""Which URLs a visit may name: pages, products and images of the shop itself.

Anyone can send a visit, and its URLs end up in messages to the visitor. So a URL counts only if the setting `origins`
lists where it leads to.
"""

import re
from collections.abc import Iterable, Iterator

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#\\@\s]*)(?=[/?#]|$)", re.IGNORECASE)
"""Scheme, and host with port. A name before the host is no match, because it only serves to hide the host."""
_WEB_PORTS = {"http": ":80", "https": ":443"}
_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")  # browsers remove some of them before they read a URL
# What a browser or a mail program follows: another scheme's address, an address without its scheme, or a script. In an
# address of the web the slashes may be missing.
_LEADS_AWAY = re.compile(
    r"[\s\x00-\x20]*(?:[a-z][a-z0-9+.-]*:[/\\]|[/\\]{2}|https?:\S|(?:java|vb)script:|data:\S*,)", re.I
)
_REMOVED_BY_BROWSERS = str.maketrans("", "", "\t\n\r")  # wherever they are in a URL (WHATWG, "URL", 4.4)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_NAMES = frozenset({"url", "link", "href", "src", "image", "imageurl", "imagelink"})


def is_url_field(name: str, text: str) -> bool:
    """Return whether a property of a product is a URL, by its name or by what it contains."""
    return name.lower().replace("_", "").replace("-", "") in _NAMES or bool(
        _LEADS_AWAY.match(text.translate(_REMOVED_BY_BROWSERS))
    )


def urls_in_text(text: str) -> Iterator[str]:
    """Yield what a mail program may make a link of: each word that is a URL, and what begins inside of a word."""
    for word in text.split():
        if is_url_field("", word):
            yield word
        yield from (word[scheme.start() :] for scheme in _SCHEME.finditer(word))


def is_of_origins(url: str, origins: Iterable[str]) -> bool:
    """Return whether a URL belongs to one of the origins.

    Args:
        origins: as the setting has them: "https://shop.example", or the scheme of an app ("shopapp://"), which allows
            all its URLs. "null", the origin of a sandbox, allows none.
    """
    found = _address(url)
    if found is None or _SPACE_OR_CONTROL.search(url):
        return False
    scheme, host = found
    if scheme in _WEB_PORTS:
        return bool(host) and found in map(_address, origins)
    return any(allowed in (found, (scheme, "")) for allowed in map(_address, origins))


def _address(url: str) -> tuple[str, str] | None:
    """Return scheme and host of a URL in lower case, with the port unless it is the scheme's own."""
    match = _ADDRESS.match(url)
    if match is None:
        return None
    scheme, host = match[1].lower(), match[2].lower()
    return scheme, host.removesuffix(_WEB_PORTS.get(scheme, "\0"))
