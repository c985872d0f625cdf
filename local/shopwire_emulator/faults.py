"""Injected faults: what POST /esputnik/faults may ask for."""

from dataclasses import dataclass
from typing import Any

from shopwire_emulator.errors import BadRequest

REJECTING_MODES = {
    "down": 0,
    "error": 500,
    "throttle": 429,
    "unauthorized": 401,
    "bad_request": 400,
    "repeated": 409,
}
"""Fault mode -> status of each response. The request is not processed."""
MODES = ("ok", *REJECTING_MODES, "slow", "lost_answer")
_SLOW_SECONDS = 30.0
_NUMBER_FIELDS = {"retry_after": (int,), "requests": (int,), "seconds": (int, float), "delay": (int, float)}
"""Numeric field of a fault -> accepted types."""
_MAX_NUMBER = 1_000_000


@dataclass(slots=True)
class Fault:
    """An injected fault. None in `until` or `requests_left` means no such limit."""

    mode: str
    until: float | None
    """Seconds of the emulator's clock."""
    requests_left: int | None
    retry_after: int | None
    """Seconds, for the Retry-After header."""
    delay_seconds: float


def parse_fault(wanted: Any, now: float) -> tuple[str | None, Fault | None]:
    """Return the API key (None for all keys) and its new fault (None to end the fault).

    Args:
        wanted: the request's body.
        now: seconds of the emulator's clock.

    Raises:
        BadRequest: the text names the field.
    """
    if not isinstance(wanted, dict):
        raise BadRequest("the body must be an object with the field mode")
    if unknown := wanted.keys() - {"mode", "key", *_NUMBER_FIELDS}:
        raise BadRequest(f"{', '.join(sorted(unknown))}: unknown field")
    mode, key = wanted.get("mode"), wanted.get("key")
    if mode not in MODES:
        raise BadRequest(f"mode must be one of {', '.join(MODES)}")
    if key is not None and not (isinstance(key, str) and key):
        raise BadRequest("key must be a non-empty string")
    numbers = {name: wanted[name] for name in _NUMBER_FIELDS if wanted.get(name) is not None}
    for name, value in numbers.items():
        types = _NUMBER_FIELDS[name]
        if type(value) not in types or not 0 <= value <= _MAX_NUMBER:
            kind = "number" if float in types else "whole number"
            raise BadRequest(f"{name} must be a {kind} from 0 to {_MAX_NUMBER}")
    if mode == "ok":
        return key, None
    return key, Fault(
        mode=mode,
        until=now + numbers["seconds"] if "seconds" in numbers else None,
        requests_left=numbers.get("requests"),
        retry_after=numbers.get("retry_after"),
        delay_seconds=numbers.get("delay", _SLOW_SECONDS),
    )
