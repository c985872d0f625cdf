"""What the owner of an emulated account can switch (POST /esputnik/account).

The first two settings exist at the vendor. The others choose between readings of facts that the vendor's pages leave
open; their defaults are what shopwire relies on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from shopwire_emulator.errors import BadRequest

_MAX_EVENT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The settings of one account."""

    segmentation: bool = True
    """Segmentation by events, which depends on the tariff. Without it the API answers 200 to an event and keeps
    nothing (docs.yespo.io/docs/how-to-use-event-segmentation)."""
    validation: bool = False
    """Parameter validation of every event type. With it an event that lacks a required param is answered 400
    (docs.yespo.io/docs/validating-event-parameters)."""
    contact_rights: bool = True
    """Whether the key may use contacts and orders."""
    event_rights: bool = True
    """Whether the key may use events."""
    event_bytes: int = 20_000
    """Longest body of v1/event. The vendor says 20 KB, which can mean 20,480 bytes, and raises it on request."""
    repeated_events: bool = True
    """Whether a repeated v1/event is answered 409 too. The vendor documents it for contacts, and others report it for
    events."""
    update_confirms: bool = False
    """Whether v1/contact confirms an unconfirmed contact that exists. The vendor says only that it creates contacts as
    confirmed."""
    strict_addresses: bool = False
    """Refuse e-mail addresses that the vendor's plugins do not send, and identifiers in events with the characters
    that keyValue must not have (docs.yespo.io/docs/validating-event-parameters, "eventParams")."""


def change_settings(current: AccountSettings, wanted: Mapping[str, Any]) -> AccountSettings:
    """Return the settings with the wanted ones replaced.

    Raises:
        BadRequest: the text names the setting.
    """
    known = {field.name: type(getattr(current, field.name)) for field in fields(current)}
    if unknown := wanted.keys() - known:
        raise BadRequest(f"{', '.join(sorted(unknown))}: unknown field")
    for name, value in wanted.items():
        if type(value) is not known[name]:
            raise BadRequest(f"{name} must be {'true or false' if known[name] is bool else 'a whole number'}")
        if known[name] is int and not 1 <= value <= _MAX_EVENT_BYTES:
            raise BadRequest(f"{name} must be a whole number from 1 to {_MAX_EVENT_BYTES}")
    return replace(current, **wanted)
