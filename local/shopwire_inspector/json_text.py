"""JSON as people read it: indented, with every number as it was written.

Parsing a number and writing it again would show 25.0 for 25.00, and an amount must not change by looking at it.
"""

import json
import re
import secrets
from decimal import Decimal
from typing import Any


def parse_json(body: bytes | str) -> Any:
    """Return the JSON of a body, with each fraction as Decimal; None if the body is no JSON."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def indented(value: Any) -> str:
    """Return what `parse_json` returned as indented text."""
    mark = secrets.token_hex(8)

    def marked(number: Any) -> str:
        assert isinstance(number, Decimal)
        return f"{mark}{number}"

    text = json.dumps(value, ensure_ascii=False, indent=2, default=marked)
    return re.sub(rf'"{mark}([^"]*)"', r"\1", text)


def indent_json(body: bytes) -> str | None:
    """Return the JSON of a body as indented text; None if the body is no JSON."""
    value = parse_json(body)
    return indented(value) if value is not None else None
