"""JSON as people read it: indented, with every number as it was written.

Parsing a number and writing it again would show 25.0 for 25.00, and an amount must not change by looking at it.
"""

import json
import re
import secrets
from typing import Any


def indent_json(body: bytes) -> str | None:
    """Return the JSON of a body as indented text; None if the body is no JSON."""
    mark = secrets.token_hex(8)
    try:
        value = json.loads(body, parse_float=lambda number: f"{mark}{number}")
        text = json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return None
    return re.sub(rf'"{mark}([^"]*)"', r"\1", text)


def parse_json(body: bytes) -> Any:
    """Return the JSON of a body; None if the body is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
