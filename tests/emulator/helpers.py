"""Helpers of these tests: post contacts and events to the emulator."""

import json
from typing import Any

from shopwire_emulator.emulator import Emulator

KEY = "demo-key"
ORDER = {
    "email": "anna@example.com",
    "externalOrderId": "7",
    "externalCustomerId": "3",
    "totalCost": "25.00",
    "status": "INITIALIZED",
    "date": "2026-10-05T09:20:30+03:00",
    "currency": "UAH",
}


def contact(api: Emulator, email: str | None = None, sms: str | None = None, **fields: str) -> Any:
    channels = [{"type": kind, "value": value} for kind, value in (("email", email), ("sms", sms)) if value]
    return post(api, "v1/contact", {"channels": channels, **fields})


def post(api: Emulator, path: str, body: Any, key: str | None = KEY) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.handle(key, "POST", path, {}, raw)


def event(api: Emulator, type_: str, params: dict[str, Any], key: str = "anna@example.com") -> str | None:
    """Send an event and return the reason why it was not saved, or None."""
    listed = [{"name": name, "value": value} for name, value in params.items()]
    response = post(api, "v1/event", {"eventTypeKey": type_, "keyValue": key, "params": listed})
    assert response.status == 200, response.body
    last = api.last_event(KEY)
    assert last["saved"] == (last["reason"] is None)
    reason: str | None = last["reason"]
    return reason


def without(name: str) -> dict[str, str]:
    return {other: value for other, value in ORDER.items() if other != name}
