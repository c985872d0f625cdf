"""Requests to the API as the pages show them."""

from collections.abc import Iterator
from typing import Any

from shopwire_inspector.curl import MAX_BODY_BYTES, api_command
from shopwire_inspector.json_text import indented, parse_json
from shopwire_inspector.masking import mask
from shopwire_inspector.recorded import Exchange
from shopwire_inspector.times import format_moment, format_time


def exchange_view(exchange: Exchange, *, masked: bool, api_url: str) -> dict[str, Any]:
    """Return a request to the API with its response. `api_url` is where the API's paths begin."""
    result = parse_json((exchange.emulator_result or "").encode())
    has_command = not masked and len(exchange.body) <= MAX_BODY_BYTES
    return {
        "time": format_time(exchange.at),
        "moment": format_moment(exchange.at),
        "method": exchange.method,
        "path": shown_path(exchange, masked=masked),
        "title": exchange.name or "",
        "body": json_text(request_body(exchange.body), masked=masked) if exchange.body else "",
        "raw": "" if masked else exchange.body.decode("utf-8", "backslashreplace"),
        "curl": api_command(exchange.method, api_url + exchange.path, exchange.body) if has_command else "",
        "has_response": exchange.status is not None,
        "status": exchange.status,
        "good": exchange.accepted and exchange.not_saved is None,
        "result": _format_result(result),
        "duration_ms": exchange.duration_ms,
    }


def request_body(body: bytes) -> Any:
    """Return the JSON of a request's body, or its text.

    The params of v1/event become an object of names and values, and JSON in a param's value is parsed.
    """
    value = parse_json(body)
    if not isinstance(value, dict) or not isinstance(value.get("params"), list):
        return value if value is not None else body.decode("utf-8", "replace")
    params = {param["name"]: parse_nested(param["value"]) for param in value["params"]}
    return value | {"params": params}


def request_lines(exchange: Exchange, *, masked: bool) -> Iterator[str]:
    """Yield the lines of a request, with which a diff compares it."""
    yield f"{exchange.method} {shown_path(exchange, masked=masked)}"
    yield from json_text(request_body(exchange.body), masked=masked).splitlines()
    yield ""


def shown_path(exchange: Exchange, *, masked: bool) -> str:
    """Return the path. Its query may hold an address."""
    return exchange.path.partition("?")[0] if masked else exchange.path


def json_text(value: Any, *, masked: bool) -> str:
    """Return a JSON value as indented text, with personal data hidden if `masked`."""
    return indented(mask(value) if masked else value)


def parse_nested(value: Any) -> Any:
    """Return the JSON in a param's value; the value itself if it is no list and no object."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        parsed = parse_json(value)
        return value if parsed is None else parsed
    return value


def _format_result(result: Any) -> str:
    """Return what the emulator says about a request as text."""
    if not isinstance(result, dict):
        return ""
    if "saved" in result:
        return "saved" if result["saved"] else f"not saved: {result['reason']}"
    return ", ".join(f"{name}: {value}" for name, value in result.items())
