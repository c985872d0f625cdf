"""How the inspector answers: headers, templates, redirects, and the error that becomes a page."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from shopwire_wsgi import StartResponse, respond

_HERE = Path(__file__).parent

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class HttpError(Exception):
    """An error page instead of the requested page."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


def render(start_response: StartResponse, template: str, view: Mapping[str, Any], status: int = 200) -> Iterable[bytes]:
    """Respond with a page. Its template escapes every value."""
    text = _templates().get_template(template).render(view)
    return respond(start_response, status, text.encode(), HEADERS | {"Content-Type": "text/html; charset=utf-8"})


def redirect(start_response: StartResponse, location: str) -> Iterable[bytes]:
    """Respond to a form with the page to open."""
    return respond(start_response, 303, b"", HEADERS | {"Location": location})


def download(start_response: StartResponse, name: str, body: bytes) -> Iterable[bytes]:
    """Respond with a file to save. The browser never shows it, so that no script in it can run.

    Args:
        name: characters other than letters, digits, dots and dashes become dashes.
    """
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign in ".-") else "-" for sign in name)
    headers = {"Content-Type": "application/octet-stream", "Content-Disposition": f'attachment; filename="{safe}"'}
    return respond(start_response, 200, body, HEADERS | headers)


def parse_number(text: str) -> int | None:
    """Return the number that a part of an address or a form contains; None if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # loaded when the first page opens

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["query"] = urlencode
    return environment
