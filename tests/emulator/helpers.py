"""Helpers of these tests: post contacts and events to the emulator."""

import json
from typing import Any

from shopwire_emulator.emulator import Emulator

KEY = "demo-key"
PAGE = '{"location":"https://shop.example"}'
ORDER = {
    "email": "anna@example.com",
    "externalOrderId": "7",
    "externalCustomerId": "3",
    "totalCost": "25.00",
    "status": "INITIALIZED",
    "date": "2026-10-05T09:20:30+03:00",
    "currency": "UAH",
}


def contact(api: Emulator, email: str | None = None, sms: str | None = None, **fields: Any) -> Any:
    """Create or update a contact and return the response."""
    channels = [{"type": kind, "value": value} for kind, value in (("email", email), ("sms", sms)) if value]
    return post(api, "v1/contact", {"channels": channels, **fields})


def post(api: Emulator, path: str, body: Any, key: str | None = KEY) -> Any:
    """Post a body and return the response."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.handle(key, "POST", path, {}, raw)


def delete(api: Emulator, path: str, **query: str) -> int:
    """Send DELETE and return the status."""
    status: int = api.handle(KEY, "DELETE", path, query, b"").status
    return status


def event_body(type_: str, params: dict[str, Any], key: str = "anna@example.com") -> dict[str, Any]:
    """Return the body of v1/event."""
    listed = [{"name": name, "value": value} for name, value in params.items()]
    return {"eventTypeKey": type_, "keyValue": key, "params": listed}


def event(api: Emulator, type_: str, params: dict[str, Any], key: str = "anna@example.com") -> str | None:
    """Send an event and return the reason why it was not saved, or None."""
    response = post(api, "v1/event", event_body(type_, params, key))
    assert response.status == 200, response.body
    last = api.last_event(KEY)
    assert last["saved"] == (last["reason"] is None)
    reason: str | None = last["reason"]
    return reason


def without(name: str) -> dict[str, str]:
    return {other: value for other, value in ORDER.items() if other != name}
