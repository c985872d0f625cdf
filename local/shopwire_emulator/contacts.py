"""The resources of contacts: create, subscribe, search, delete, and the list of unsubscribed addresses.

Sources: docs.yespo.io/docs/api-methods-adding-contacts, docs.yespo.io/docs/external-id-creating-and-updating-users and
the reference of each resource.
"""

from collections.abc import Mapping
from typing import Any

from shopwire_emulator.account import Account, JsonObject
from shopwire_emulator.contact_fields import check_email, group_names, parse_contact
from shopwire_emulator.errors import BadRequest
from shopwire_emulator.identifiers import PERSONAL_PARAMS, identities

KEYS = ("externalCustomerId", "email", "phone")
"""Fields that identify a contact, in the order of the search."""
_SUBSCRIBE_FIELDS = frozenset({"contact", "groups", "subscriptions", "formType"})
_MAX_FOUND = 500


def find_contact(account: Account, keys: Mapping[str, Any], *, deleted: bool = False) -> int | None:
    """Return the id of the contact that the API finds by these keys, or None.

    Args:
        keys: externalCustomerId, email and phone, those that are known.
        deleted: also find deleted contacts.
    """
    for kind in KEYS:
        id = account.contact_ids.get((kind, keys[kind])) if kind in keys else None
        if id is not None and (deleted or id not in account.deleted):
            return id
    return None


def create_contact(account: Account, fields: Mapping[str, Any], *, confirmed: bool) -> int:
    """Create a contact and return its id.

    Args:
        fields: as returned by `parse_contact`.
        confirmed: whether bulk marketing messages may be sent to it.
    """
    id, account.next_contact_id = account.next_contact_id, account.next_contact_id + 1
    account.contacts[id] = {"id": id, "confirmed": confirmed}
    update_contact(account, id, fields)
    return id


def update_contact(account: Account, id: int, fields: Mapping[str, Any]) -> None:
    """Set fields of a contact, which is restored if it was deleted.

    A value of a key leads to one contact at a time, so the contact loses its old value and another contact loses this
    one. The vendor allows one e-mail address in several contacts and then uses the one that was updated last, which is
    the one that the value leads to here. If a contact is found by its address and the request has another
    externalCustomerId, the contact gets that one; for v1/contacts the vendor says that a new contact is created.
    """
    contact = account.contacts[id]
    account.deleted.discard(id)
    for kind in KEYS:
        if kind not in fields:
            continue
        if old := contact.get(kind):
            account.contact_ids.pop((kind, old), None)
        holder = account.contact_ids.get((kind, fields[kind]))
        if holder is not None and holder != id and account.contacts[holder].get(kind) == fields[kind]:
            del account.contacts[holder][kind]
        account.contact_ids[kind, fields[kind]] = id
    contact.update({name: value for name, value in fields.items() if name not in ("address", "fields", "groups")})
    if "address" in fields:
        contact["address"] = contact.get("address", {}) | fields["address"]
    if "fields" in fields:
        values = {field["id"]: field for field in (*contact.get("fields", ()), *fields["fields"])}
        contact["fields"] = list(values.values())
    if "groups" in fields:
        add_to_groups(contact, group_names("groups", fields["groups"]))


def add_to_groups(contact: JsonObject, names: list[str]) -> None:
    """Add a contact to static segments."""
    if names:
        contact["groups"] = list(dict.fromkeys((*contact.get("groups", ()), *names)))


def bind_customer(account: Account, id: int, customer_id: str) -> None:
    """Let the externalCustomerId of an order lead to the contact that was found by e-mail address or phone.

    From now on orders with it go to that contact, whatever their address (docs.yespo.io/docs/orders-automation,
    "Checking Event Parameters"). The vendor does not say what happens if the contact has another External ID. Here it
    keeps its own, and both lead to it.
    """
    holder = account.contact_ids.get(("externalCustomerId", customer_id))
    if holder is None or holder in account.deleted:
        if holder is not None and account.contacts[holder].get("externalCustomerId") == customer_id:
            del account.contacts[holder]["externalCustomerId"]
        account.contact_ids["externalCustomerId", customer_id] = id
        account.contacts[id].setdefault("externalCustomerId", customer_id)


def save_contact(account: Account, body: JsonObject) -> int:
    """Create or update a contact (POST v1/contact) and return its id. A deleted contact is restored.

    Raises:
        BadRequest.
    """
    fields = parse_contact(body, plugin_addresses=account.settings.strict_addresses)
    id = find_contact(account, fields, deleted=True)
    if id is None:
        _require_channel(fields)
        return create_contact(account, fields, confirmed=True)
    update_contact(account, id, fields)
    if account.settings.update_confirms:
        account.contacts[id]["confirmed"] = True
    return id


def subscribe_contact(account: Account, body: JsonObject) -> JsonObject:
    """Create an unconfirmed contact, or update one except its channels (POST v1/contact/subscribe). Generate its event.

    Raises:
        BadRequest.
    """
    if unknown := body.keys() - _SUBSCRIBE_FIELDS:
        raise BadRequest(f"{', '.join(sorted(unknown))}: unknown field")
    fields = parse_contact(body.get("contact"), plugin_addresses=account.settings.strict_addresses)
    groups = group_names("groups", body["groups"]) if "groups" in body else []
    form = body.get("formType", "")
    if not isinstance(form, str):
        raise BadRequest("formType is not a string")
    id = find_contact(account, fields, deleted=True)
    is_new = id is None
    if id is None:
        _require_channel(fields)
        id = create_contact(account, fields, confirmed=False)
    else:
        contact = account.contacts[id]
        update_contact(
            account,
            id,
            {name: fields[name] for name in fields if name not in ("email", "phone") or name not in contact},
        )
    contact = account.contacts[id]
    add_to_groups(contact, groups)
    event_type = ("subscribeFromApi" if is_new else "subscribeUpdateFromApi") + (f"-{form}" if form else "")
    params = {"ContactId": str(id)} | ({"EmailAddress": contact["email"]} if "email" in contact else {})
    account.record_event(event_type, str(id), params, id)
    return {"id": id, "emailStatus": _email_status(account, contact), "new": is_new}


def _email_status(account: Account, contact: JsonObject) -> str:
    if contact.get("email") in account.unsubscribed:
        return "BLACKLISTED"
    return "ALREADY_SUBSCRIBED" if contact["confirmed"] else "NEED_CONFIRMATION"


def _require_channel(fields: Mapping[str, Any]) -> None:
    if "email" not in fields and "phone" not in fields:
        raise BadRequest("channels: a new contact needs an e-mail address or a phone")


def search_contacts(account: Account, query: Mapping[str, str]) -> list[JsonObject]:
    """Return the contacts with an externalCustomerId, email or sms (GET v1/contacts).

    Raises:
        BadRequest: the query has none of them, or others besides externalCustomerId.
    """
    wanted = {
        "phone" if name == "sms" else name: query[name]
        for name in ("externalCustomerId", "email", "sms")
        if query.get(name)
    }
    if not wanted or ("externalCustomerId" in wanted and len(wanted) > 1):
        raise BadRequest("search by externalCustomerId alone, or by email and sms")
    if "email" in wanted:
        wanted["email"] = wanted["email"].lower()
    found = [
        account.contacts[id]
        for id in account.contacts
        if id not in account.deleted and wanted.items() <= account.contacts[id].items()
    ]
    return [_api_contact(contact) for contact in found[:_MAX_FOUND]]


def _api_contact(contact: JsonObject) -> JsonObject:
    channels = [
        {"type": kind, "value": contact[name]}
        for kind, name in (("email", "email"), ("sms", "phone"))
        if name in contact
    ]
    names = ("id", "firstName", "lastName", "externalCustomerId", "contactKey")
    return {"channels": channels, **{name: contact[name] for name in names if name in contact}}


def delete_contact(account: Account, id: int | None, query: Mapping[str, str]) -> bool:
    """Delete a contact (DELETE v1/contact).

    With `erase=true` its personal data is removed from orders and events too, and it cannot be restored.

    Returns:
        False if there is no such contact.

    Raises:
        BadRequest: `erase` is neither true nor false.
    """
    erase = query.get("erase", "false")
    if erase not in ("true", "false"):
        raise BadRequest("erase must be true or false")
    if id not in account.contacts or (id in account.deleted and erase == "false"):
        return False
    if erase == "false":
        account.deleted.add(id)
    else:
        _erase_contact(account, id)
    return True


def find_customer(account: Account, query: Mapping[str, str]) -> int | None:
    """Return the id of the contact that DELETE v1/contact?externalCustomerId= names, also if it is deleted."""
    return account.contact_ids.get(("externalCustomerId", query.get("externalCustomerId", "")))


def _erase_contact(account: Account, id: int) -> None:
    keys = {key for key, other in account.contact_ids.items() if other == id}
    account.contact_ids = {key: other for key, other in account.contact_ids.items() if other != id}
    account.deleted.discard(id)
    del account.contacts[id]
    for order in account.orders.values():
        if not keys.isdisjoint(identities(order)):
            for name in [name for name in order if name.lower() in PERSONAL_PARAMS]:
                del order[name]
    for event in account.events:
        if not keys.isdisjoint(identities({param["name"]: param["value"] for param in event["params"]})):
            event["keyValue"] = "erased"
            event["params"] = [param for param in event["params"] if param["name"].lower() not in PERSONAL_PARAMS]


def change_unsubscribed(account: Account, body: JsonObject, *, add: bool) -> None:
    """Add e-mail addresses to the list of those that unsubscribed, or remove them (POST v1/emails/unsubscribed/...).

    Raises:
        BadRequest.
    """
    emails = body.get("emails")
    if not isinstance(emails, list) or not emails or not all(isinstance(email, str) for email in emails):
        raise BadRequest("emails is not a list of e-mail addresses")
    addresses = [check_email(email) for email in emails]
    if add:
        account.unsubscribed.update(addresses)
    else:
        account.unsubscribed.difference_update(addresses)
