"""Checks that each visit becomes the event that it means."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shopwire_testkit.announcements import Visit

_IDENTIFIERS = frozenset({"email", "phone", "externalCustomerId"})


def visit_problem(visit: Visit, event: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the event of a visit; None if it is what the visit means.

    Args:
        event: as the emulator recorded it.
    """
    if event["eventTypeKey"] != visit.event_type:
        return f"sent as {event['eventTypeKey']} instead of {visit.event_type}"
    sent = {param["name"]: param["value"] for param in event["params"] if param["name"] not in _IDENTIFIERS}
    for name in sent.keys() | visit.params.keys():
        expected = visit.params.get(name)
        value = sent.get(name)
        if isinstance(expected, Mapping) and value is not None:
            value = json.loads(value, parse_float=Decimal, parse_int=Decimal)
        if value != expected:
            return f"{visit.event_type} with another {name} than that of the visit"
    return None
