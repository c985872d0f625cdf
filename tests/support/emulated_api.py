"""Send requests of the mapper to the API's emulator, and find what the real API would not save."""

import json
from typing import Any

from shopwire_emulator.emulator import DEMO_KEY, Emulator
from tests.support.clock import minutes_clock

Request = dict[str, Any]

_IDENTIFIERS = ("email", "phone", "externalCustomerId")
# The params of every event of an order whose whole state is known.
_ORDER_PARAMS = {"externalOrderId", "totalCost", "status", "date", "currency"}


def params(request: Request) -> dict[str, str]:
    """Return an event's params by name."""
    return {param["name"]: param["value"] for param in request["body"].get("params", ())}


def problems(requests: list[Request], *, known: bool, fact: bool = False) -> list[str]:
    """Return one line for each request that the API would not save.

    Args:
        known: the API knows the contact, and the order if the event changes its status.
        fact: the events are of a fact, which repeats only a part of its order.
    """
    api = Emulator(minutes_clock())
    found = []
    for request in requests:
        if known and request["path"] == "v1/event":
            _create_contact_and_order(api, request)
        reply = _post(api, request)
        if reply.status != 200:
            found.append(f"{request['path']}: {reply.body}")
        elif request["path"] == "v1/orders":
            found += [f"v1/orders: {failed['error']}" for failed in reply.body["failedOrders"]]
        if request["path"] == "v1/event":
            missing = set() if fact else _missing_order_params(request)
            event = api.state()["events"][-1]
            if missing or event["reason"]:
                found.append(f"{event['eventTypeKey']}: {event['reason']}, without {sorted(missing)}")
    return found


def _missing_order_params(request: Request) -> set[str]:
    is_order = request["body"]["eventTypeKey"].startswith("order")
    return _ORDER_PARAMS - params(request).keys() if is_order else set()


def _create_contact_and_order(api: Emulator, request: Request) -> None:
    given = params(request)
    known = {name: given[name] for name in _IDENTIFIERS if name in given}
    channels = [{"type": "email", "value": known.get("email", "unnamed@example.com")}]
    if "phone" in known:
        channels.append({"type": "sms", "value": known["phone"]})
    contact = {"channels": channels, "externalCustomerId": known.get("externalCustomerId", "unnamed")}
    assert _post(api, {"path": "v1/contact", "body": contact}).status == 200
    if request["body"]["eventTypeKey"] in ("orderDelivered", "orderCancelled"):
        order = {"totalCost": "1", "date": "2026-01-01T00:00:00+00:00", "currency": "UAH", **given}
        order_params = [{"name": name, "value": value} for name, value in order.items()]
        body = {"eventTypeKey": "orderCreated", "keyValue": request["body"]["keyValue"], "params": order_params}
        assert _post(api, {"path": "v1/event", "body": body}).status == 200


def _post(api: Emulator, request: Request) -> Any:
    return api.handle_without_faults(DEMO_KEY, "POST", request["path"], {}, json.dumps(request["body"]).encode())
