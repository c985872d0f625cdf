"""The resources v1/contacts and v1/importstatus: many contacts at once, asynchronously.

Sources: docs.yespo.io/docs/api-methods-adding-contacts ("Add/Update Contacts") and the schemas ContactsBulkUpdate,
ContactBulkUpdateResult and ImportSessionStatus of the reference.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shopwire_emulator.account import Account, JsonObject
from shopwire_emulator.contact_fields import group_names, parse_contact
from shopwire_emulator.contacts import add_to_groups, create_contact, find_contact, update_contact
from shopwire_emulator.errors import BadRequest

_MAX_CONTACTS = 3_000
_DEDUPE_KEYS: Mapping[str, tuple[str, ...]] = {
    "email": ("email",),
    "sms": ("phone",),
    "email_or_sms": ("email", "phone"),
    "externalCustomerId": ("externalCustomerId",),
}
"""dedupeOn -> keys by which existing contacts are found. `id`, `fieldId` and `push` are not emulated."""
_COLUMNS: Mapping[str, str] = {
    **{name: name for name in ("firstName", "lastName", "contactKey", "timeZone", "externalCustomerId", "email")},
    **{name: f"address.{name}" for name in ("address", "town", "region", "postcode")},
    "languageCode": "language",
    "sms": "phone",
}
"""contactFields -> field of the contact."""
_EVENT_KEY = re.compile(r"[A-Za-z0-9]{1,100}", re.ASCII)
_LISTS = ("groupNames", "groupNamesExclude")
_KNOWN = frozenset(
    {"contacts", "dedupeOn", "contactFields", "customFieldsIDs", "restoreDeleted", "eventKeyForNewContacts", *_LISTS}
)


@dataclass(frozen=True, slots=True)
class _Options:
    """What a request says about all its contacts."""

    keys: tuple[str, ...]
    columns: frozenset[str]
    """Fields that are replaced, and removed if a contact has none."""
    restore: bool
    event_type: str | None
    groups: list[str]
    groups_to_leave: list[str]


def import_contacts(account: Account, body: Mapping[str, Any], now: float) -> JsonObject:
    """Start an import of contacts (POST v1/contacts). They are created as confirmed some seconds from now.

    Returns:
        asyncSessionId, and failedContacts if there are any: an object if it is one, as the reference says.

    Raises:
        BadRequest.
    """
    contacts, options = body.get("contacts"), _parse_options(body)
    if not isinstance(contacts, list) or not contacts:
        raise BadRequest("contacts is not a list with contacts")
    if len(contacts) > _MAX_CONTACTS:
        raise BadRequest(f"more than {_MAX_CONTACTS} contacts")
    parsed, failed = [], []
    for contact in contacts:
        try:
            fields = parse_contact(contact, plugin_addresses=account.settings.strict_addresses)
            if not any(key in fields for key in ("externalCustomerId", *options.keys)):
                raise BadRequest("the contact has neither externalCustomerId nor what dedupeOn names")
            parsed.append(fields)
        except BadRequest as error:
            failed.append({**(contact if isinstance(contact, dict) else {}), "error": str(error)})
    session = account.start_job(
        now, lambda: [mapped for fields in parsed for mapped in _import(account, fields, options)]
    )
    return {"asyncSessionId": session} | (
        {"failedContacts": failed if len(failed) > 1 else failed[0]} if failed else {}
    )


def _parse_options(body: Mapping[str, Any]) -> _Options:
    if unknown := body.keys() - _KNOWN:
        raise BadRequest(f"{', '.join(sorted(unknown))}: unknown field")
    dedupe = body.get("dedupeOn")
    if not isinstance(dedupe, str) or dedupe not in _DEDUPE_KEYS:
        raise BadRequest(f"dedupeOn must be one of {', '.join(_DEDUPE_KEYS)}")
    columns = body.get("contactFields", list(_COLUMNS))
    if not isinstance(columns, list) or not all(isinstance(name, str) and name in _COLUMNS for name in columns):
        raise BadRequest(f"contactFields must be some of {', '.join(_COLUMNS)}")
    event_type, restore = body.get("eventKeyForNewContacts"), body.get("restoreDeleted", False)
    if event_type is not None and not (isinstance(event_type, str) and _EVENT_KEY.fullmatch(event_type)):
        raise BadRequest("eventKeyForNewContacts is not a text of Latin letters and digits")
    if not isinstance(restore, bool):
        raise BadRequest("restoreDeleted must be true or false")
    groups, groups_to_leave = (group_names(name, body[name]) if name in body else [] for name in _LISTS)
    keys = _DEDUPE_KEYS[dedupe]
    # "The field set as dedupeOn will not be updated."
    replaced = frozenset(_COLUMNS[name] for name in columns) - set(keys)
    return _Options(keys, replaced, restore, event_type, groups, groups_to_leave)


def _import(account: Account, fields: dict[str, Any], options: _Options) -> list[JsonObject]:
    """Create or update one contact, and return its line of the mapping. None for one that is skipped."""
    search = ("externalCustomerId", *options.keys)
    keys = {kind: fields[kind] for kind in search if kind in fields}
    id = find_contact(account, keys, deleted=True)
    if id is None:
        id = create_contact(account, fields, confirmed=True)
        if options.event_type:
            email, phone = fields.get("email"), fields.get("phone")
            params = {"contactId": str(id), "EmailAddress": email or "", "SMS": phone or ""}
            account.record_event(options.event_type, email or phone or str(id), params, id)
    elif id in account.deleted and not options.restore:
        return []
    else:
        _replace_fields(account, id, fields, options.columns)
    contact = account.contacts[id]
    add_to_groups(contact, options.groups)
    if "groups" in contact:
        contact["groups"] = [group for group in contact["groups"] if group not in options.groups_to_leave]
    return [{"dedupeValue": next(iter(keys.values())), "contactId": id}]


def _replace_fields(account: Account, id: int, fields: Mapping[str, Any], columns: frozenset[str]) -> None:
    """Set the columns of a contact. One that the import does not give is removed ("updated with the 'null' value")."""
    contact = account.contacts[id]
    for column in columns:
        name, _, part = column.partition(".")
        if part:
            contact.get("address", {}).pop(part, None)
        elif name not in fields:
            old = contact.pop(name, None)
            account.contact_ids.pop((name, old), None)
    address = {part: text for part, text in fields.get("address", {}).items() if f"address.{part}" in columns}
    given = {name: value for name, value in fields.items() if name in columns or name in ("fields", "groups")}
    update_contact(account, id, given | ({"address": address} if address else {}))
    if not contact.get("address"):
        contact.pop("address", None)


def import_status(account: Account, session: str) -> JsonObject | None:
    """Return the state of an import (GET v1/importstatus/...), or None if there is no such session."""
    job = account.jobs.get(session)
    if job is None:
        return None
    return {"status": "IMPORTING"} if job.mapping is None else {"status": "FINISHED", "mapping": job.mapping}
