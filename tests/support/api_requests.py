"""Read the API requests that the mapper made."""

import json
from typing import Any

from shopwire.mapper import ApiRequest


def body_of(request: ApiRequest) -> dict[str, Any]:
    """Return the parsed body."""
    return json.loads(request.body)  # type: ignore[no-any-return]


def params(request: ApiRequest) -> dict[str, str]:
    """Return the params of an event by name. No two may have the same name."""
    pairs = [(param["name"], param["value"]) for param in body_of(request)["params"]]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
