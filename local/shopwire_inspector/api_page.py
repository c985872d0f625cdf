"""What the emulated API holds for a shop's key: contacts, orders and events, and why an event was not saved."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from shopwire_inspector.exchanges import json_text, parse_nested

_SHOWN = 200
"""The number of contacts, orders and events that are shown. The search finds the others."""
_CONTACT_COLUMNS = ("email", "phone", "externalCustomerId")
_ORDER_COLUMNS = ("status", "totalCost", "currency", "date")


def api_view(held: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return the content of the page.

    Args:
        held: what GET /esputnik/state returns.
        text: show only what contains it.
    """
    contacts = _matching(reversed(held["contacts"]), text)
    orders = _matching(({"id": id, **order} for id, order in reversed(held["orders"].items())), text)
    events = _matching(reversed(held["events"]), text)
    return {
        "text": text,
        "revision": revision_of(held),
        "requests": held["requests"],
        "contacts": _part(contacts, [_contact(contact) for contact in contacts[:_SHOWN]]),
        "orders": _part(orders, [_order(order) for order in orders[:_SHOWN]]),
        "events": _part(events, [_event(event) for event in events[:_SHOWN]]),
        "not_saved": sum(not event["saved"] for event in events),
    }


def revision_of(held: Mapping[str, Any]) -> int:
    """Return a number that changes with each request to the API."""
    requests: int = held["requests"]
    return requests


def _matching(entries: Iterable[Mapping[str, Any]], text: str) -> list[Mapping[str, Any]]:
    wanted = text.lower()
    return [
        entry for entry in entries if not wanted or wanted in json.dumps(entry, ensure_ascii=False, default=str).lower()
    ]


def _part(found: list[Mapping[str, Any]], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(found), "rows": rows}


def _contact(contact: Mapping[str, Any]) -> dict[str, Any]:
    names = (contact.get("firstName"), contact.get("lastName"))
    return {
        "id": contact["id"],
        "columns": [contact.get(name, "") for name in _CONTACT_COLUMNS],
        "name": " ".join(filter(None, names)),
        "state": _state_of(contact),
        "text": json_text(contact, masked=False),
    }


def _state_of(contact: Mapping[str, Any]) -> str:
    if contact.get("unsubscribed"):
        return "unsubscribed"
    return "confirmed" if contact["confirmed"] else "not confirmed"


def _order(order: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": order["id"],
        "columns": [order.get(name, "") for name in _ORDER_COLUMNS],
        "contact": order.get("email") or order.get("phone") or order.get("externalCustomerId") or "",
        "text": json_text(_with_nested(order), masked=False),
    }


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    params = {param["name"]: param["value"] for param in event["params"]}
    return {
        "type": event["eventTypeKey"],
        "key": event["keyValue"],
        "order": params.get("externalOrderId", ""),
        "saved": event["saved"],
        "reason": event["reason"] or "",
        "text": json_text(_with_nested(params), masked=False),
    }


def _with_nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, with JSON in a value parsed."""
    return {name: parse_nested(value) for name, value in values.items()}
