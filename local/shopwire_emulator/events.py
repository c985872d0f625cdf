"""The resources of events: v1/event and v1/past_events.

Sources: see `event_params`, docs.yespo.io/docs/validating-event-parameters and docs.yespo.io/docs/how-send-past-events.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shopwire_emulator.account import Account, JsonObject
from shopwire_emulator.contacts import bind_customer, find_contact
from shopwire_emulator.errors import BadRequest, MissingParam, NotKept, NotValidated
from shopwire_emulator.event_params import (
    ORDER_IDENTIFIERS,
    ORDER_TYPES,
    TRANSITIONS,
    Params,
    check_required,
    check_values,
    required_params,
)
from shopwire_emulator.identifiers import KINDS, identities

_FORBIDDEN = frozenset("<;'\u2019\\/|\"`^?!,>")
"""Characters that eventTypeKey and keyValue must not have. The reference lists U+2019 beside the apostrophe."""
_MAX_EVENT_TYPE_LENGTH = 100
_MAX_KEY_LENGTH = 300
_MAX_PARAM_NAME_LENGTH = 100
_MAX_PAST_EVENTS = 500
_NOT_SEGMENTED = "segmentation by events is off"
_OCCURRED_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


def process_event(account: Account, event: JsonObject, *, validation: bool) -> JsonObject:
    """Apply an event if the API would keep it, and return it as recorded (POST v1/event).

    Args:
        validation: whether an event that lacks a required param is refused instead of ignored.

    Raises:
        BadRequest.
    """
    event_type, key, params = _parse_event(event, strict=account.settings.strict_addresses)
    contact_id = reason = None
    try:
        _check_structure(account, event_type, params)
        if not account.settings.segmentation:
            raise NotKept(_NOT_SEGMENTED)
        contact_id = _find_contact(account, params)
        check_values(event_type, params)
        _check_state(account, event_type, params)
        _apply(account, event_type, params, contact_id)
    except MissingParam as missing:
        if validation:
            raise NotValidated(_expected_params(event_type, order_exists=_order_exists(account, params))) from None
        reason = str(missing)
    except NotKept as ignored:
        reason = str(ignored)
    return account.record_event(event_type, key, params, contact_id, reason)


def _parse_event(event: JsonObject, *, strict: bool) -> tuple[str, str, dict[str, str]]:
    event_type = _check_key("eventTypeKey", event.get("eventTypeKey"), _MAX_EVENT_TYPE_LENGTH)
    key = _check_key("keyValue", event.get("keyValue"), _MAX_KEY_LENGTH)
    params = event.get("params")
    if not isinstance(params, list):
        raise BadRequest("params is not a list")
    named: dict[str, str] = {}
    seen: set[str] = set()
    for param in params:
        if not isinstance(param, dict) or not isinstance(param.get("name"), str) or not param["name"]:
            raise BadRequest("a param has no name")
        name, value = param["name"], param.get("value")
        if len(name) > _MAX_PARAM_NAME_LENGTH:
            raise BadRequest(f"the name of a param has more than {_MAX_PARAM_NAME_LENGTH} characters")
        if not isinstance(value, str) or not value:
            raise BadRequest(f"param {name}: the value is not a non-empty string")
        # The pages do not say whether names that differ only in their case are unique. The API finds identifiers
        # without regard to case, so here they are not.
        if name.lower() in seen:
            raise BadRequest(f"param {name} is given twice")
        if strict and name.lower() in KINDS:
            _check_key(name, value, _MAX_KEY_LENGTH)
        seen.add(name.lower())
        named[name] = value
    return event_type, key, named


def _check_key(name: str, value: Any, max_length: int) -> str:
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} is missing")
    if len(value) > max_length:
        raise BadRequest(f"{name} has more than {max_length} characters")
    if not _FORBIDDEN.isdisjoint(value):
        raise BadRequest(f"{name} has a forbidden character")
    return value


def _check_structure(account: Account, event_type: str, params: Params) -> None:
    if not any(identities(params)):
        raise MissingParam("no identifying param")
    check_required(event_type, params, order_exists=_order_exists(account, params))


def _order_exists(account: Account, params: Params) -> bool:
    return params.get("externalOrderId") in account.orders


def _expected_params(event_type: str, *, order_exists: bool) -> str:
    """Return the text of the answer to an event that lacks a required param."""
    required = required_params(event_type, order_exists=order_exists)
    optional = [name for name in ORDER_IDENTIFIERS if name not in required]
    expected = [{"name": name, "required": True} for name in required]
    expected += [{"name": name, "required": False} for name in optional]
    return f"The event should have the following params: {json.dumps(expected)}"


def _find_contact(account: Account, params: Params) -> int:
    for kind, value in identities(params):
        if kind == "id":
            id = next((id for id in account.contacts if str(id) == value and id not in account.deleted), None)
        else:
            id = find_contact(account, {kind: value})
        if id is not None:
            return id
    raise NotKept("unknown contact")


def _check_state(account: Account, event_type: str, params: Params) -> None:
    """Check an event against what the account holds.

    Raises:
        NotKept.
    """
    if event_type in TRANSITIONS and not _order_exists(account, params):
        raise NotKept("unknown order")
    if event_type == "cartUpdated":
        content = params.get("products", "")
        if account.cart_states.setdefault(params["recycleStateId"], content) != content:
            raise NotKept("recycleStateId was used for another state")


def _apply(account: Account, event_type: str, params: Params, contact_id: int) -> None:
    if event_type not in ORDER_TYPES:
        return
    for kind, value in identities(params):
        if kind == "externalCustomerId":
            bind_customer(account, contact_id, value)
    order = account.orders.setdefault(params["externalOrderId"], {})
    order.update(params)
    if event_type in TRANSITIONS:
        order["status"] = TRANSITIONS[event_type]


def process_past_events(account: Account, body: Mapping[str, Any]) -> JsonObject:
    """Apply events of the past, which start no workflow, and return one result for each (POST v1/past_events).

    An accepted event may still be ignored, as by v1/event. The limits for how old it may be are not documented, and one
    in the future is accepted too, because the emulator's clock has no date.

    Raises:
        BadRequest.
    """
    events = body.get("events")
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise BadRequest("events is not a list of objects")
    if len(events) > _MAX_PAST_EVENTS:
        raise BadRequest(f"more than {_MAX_PAST_EVENTS} events")
    for event in events:
        _parse_event(event, strict=account.settings.strict_addresses)
    statuses = [_process_past_event(account, event) for event in events]
    accepted = statuses.count("ACCEPTED")
    return {
        "results": [{"status": status} for status in statuses],
        "successCount": accepted,
        "errorCount": len(statuses) - accepted,
    }


def _process_past_event(account: Account, event: JsonObject) -> str:
    occurred = event.get("occurred")
    if not occurred:
        return "OCCURRED_DATE_IS_REQUIRED"
    if not _is_moment(occurred):
        return "INCORRECT_OCCURRED_DATE_FORMAT"
    if not account.settings.segmentation:
        return "EVENT_SEGMENTATION_DISABLED"
    # Whether parameter validation applies to events of the past is not documented.
    process_event(account, event, validation=False)["occurred"] = occurred
    return "ACCEPTED"


def _is_moment(text: Any) -> bool:
    for format in _OCCURRED_FORMATS:
        try:
            datetime.strptime(text, format)
        except (TypeError, ValueError):
            continue
        return True
    return False
