"""What `shopwire map` printed, played to the API's emulator: would the real one save all of it?"""

import json
from typing import Any

from shopwire_emulator.emulator import DEMO_KEY, Emulator

Request = dict[str, Any]

_IDENTIFIERS = ("email", "phone", "contactKey")
# What must be in every order event that a whole order stands behind.
_OF_AN_ORDER = {"externalOrderId", "externalCustomerId", "totalCost", "status", "date", "currency"}


def params(request: Request) -> dict[str, str]:
    """An event's params by name."""
    return {param["name"]: param["value"] for param in request["body"].get("params", ())}


def saved(requests: list[Request], *, known: bool, fact: bool = False) -> list[str]:
    """Why the API would not save a request, one line each; none is how it should be.

    Args:
        known: the API knows the person, and of a transition its order.
        fact: an event of a fact says less of its order.
    """
    api = Emulator(lambda: 0.0)
    wrong = []
    for request in requests:
        if known and request["path"] == "v1/event":
            _introduce(api, request)
        reply = _post(api, request)
        if reply.status != 200:
            wrong.append(f"{request['path']}: {reply.body}")
        if request["path"] == "v1/event":
            missing = set() if fact else _order_params_missing(request)
            event = api.state()["events"][-1]
            if missing or event["reason"]:
                wrong.append(f"{event['eventTypeKey']}: {event['reason']}, without {sorted(missing)}")
    return wrong


def _order_params_missing(request: Request) -> set[str]:
    return _OF_AN_ORDER - params(request).keys() if request["body"]["eventTypeKey"].startswith("order") else set()


def _introduce(api: Emulator, request: Request) -> None:
    given = params(request)
    known = {name: given[name] for name in _IDENTIFIERS if name in given}
    channels = [
        {"type": "email", "value": known.get("email", "who@example.com")},
        *({"type": "sms", "value": known[name]} for name in ("phone",) if name in known),
    ]
    contact = {"channels": channels, "externalCustomerId": known.get("contactKey", "who")}
    assert _post(api, {"path": "v1/contact", "body": contact}).status == 200
    if request["body"]["eventTypeKey"] in ("orderDelivered", "orderCancelled"):
        standing = {"totalCost": "1", "date": "2026-01-01T00:00:00+00:00", "currency": "UAH", **given}
        created = [{"name": name, "value": value} for name, value in standing.items()]
        body = {"eventTypeKey": "orderCreated", "keyValue": request["body"]["keyValue"], "params": created}
        assert _post(api, {"path": "v1/event", "body": body}).status == 200


def _post(api: Emulator, request: Request) -> Any:
    return api.handle_without_faults(DEMO_KEY, "POST", request["path"], {}, json.dumps(request["body"]).encode())
