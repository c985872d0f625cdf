"""The params by which the API finds the contact of an event. Everything here is pure.

The vendor's first page also lists ContactKey. That is a contact field of its own and finds no contact by External ID
(docs.yespo.io/docs/validating-event-parameters names the identifiers and their priority).
"""

from collections.abc import Iterator, Mapping
from typing import Any

_EMAIL_NAMES = frozenset({"email", "emailaddress", "useremail", "contactemail"})
_PHONE_NAMES = frozenset({"phone", "sms", "phonenumber"})
KINDS: Mapping[str, str] = {
    **dict.fromkeys(("contactid", "contact_id"), "id"),
    "externalcustomerid": "externalCustomerId",
    **dict.fromkeys(_EMAIL_NAMES, "email"),
    **dict.fromkeys(_PHONE_NAMES, "phone"),
    "pushtoken": "pushToken",
}
"""Lower-case name of a param -> what it identifies a contact by."""
_PRIORITY = tuple(dict.fromkeys(KINDS.values()))
PERSONAL_PARAMS = _EMAIL_NAMES | _PHONE_NAMES | {"firstname", "lastname", "deliveryaddress"}
"""Lower-case names of the params that an erasure removes."""


def identities(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield kind and value of each param that identifies a contact, in the order in which the API searches.

    Names are compared without regard to case, and so are e-mail addresses.
    """
    found = [(KINDS[name.lower()], value) for name, value in params.items() if name.lower() in KINDS]
    for kind, value in sorted(found, key=lambda identity: _PRIORITY.index(identity[0])):
        yield kind, value.lower() if kind == "email" else value
