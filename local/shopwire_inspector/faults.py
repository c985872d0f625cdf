"""The parts of `shopwire dev` that can be made to fail, in words, and for how long each fails."""

from collections.abc import Mapping
from dataclasses import dataclass

API_MODES = {
    "ok": "works",
    "down": "breaks every connection",
    "error": "responds with 500",
    "throttle": "responds with 429",
    "unauthorized": "responds with 401",
    "bad_request": "responds with 400",
    "repeated": "responds with 409, as to a repeated request",
    "slow": "responds after 30 s",
    "lost_answer": "processes the request, then breaks the connection",
}
PART_MODES = {"ok": "works", "down": "responds with 503", "hang": "does not respond"}
PARTS = {
    "api": ("The API", API_MODES),
    "queue": ("Queue (SQS)", PART_MODES),
    "ledger": ("Ledger (DynamoDB)", PART_MODES),
    "settings": ("Settings (SSM)", PART_MODES),
}
"""Part -> (title, fault mode -> what the part does in this mode)."""


@dataclass(frozen=True, slots=True)
class FaultLimit:
    """When an active fault ends by itself: in a number of seconds, after a number of requests, or never (None)."""

    seconds: float | None = None
    requests: int | None = None


def describe_faults(modes: Mapping[str, str]) -> list[str]:
    """Return a sentence for each active fault."""
    return [f"{PARTS[part][0]} {PARTS[part][1][mode]}" for part, mode in modes.items() if mode != "ok"]
