"""A person becomes v1/contact: created or updated for a change, deleted with an account, erased for an erasure request.

A new contact of v1/contact is confirmed, which means that bulk messages may be sent to it. One of v1/contact/subscribe
is not. Sources: docs.yespo.io/docs/api-methods-adding-contacts and the reference of each resource.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from shopwire.errors import Unmappable
from shopwire.mapper.api_rules import check_contact
from shopwire.mapper.params import ApiRequest, contact_with, dump, prefixed, present
from shopwire.models import Contact

CONTACT_ID = "{id}"
"""In the path of a request: the API's id of the contact, which the answer to the request before it gives."""
_MOST_ORDERS = 1_000


def contact_requests(
    contact: Contact,
    *,
    at_the_api: Contact | None = None,
    sent_consent: bool | None = None,
    is_first: bool = True,
    may_exist: bool = False,
    has_moved: bool = False,
    id_prefix: str = "",
) -> list[ApiRequest]:
    """Return the requests that create or update the contact and its consent.

    Args:
        contact: what the API should have. If its consent is None, the platform says nothing about it.
        at_the_api: what it has, if that is known. Then only what differs is sent, so perhaps nothing: within a minute
            the API answers 409 to a request that it had.
        sent_consent: which consent the API accepted last; None: none.
        is_first: no request for the contact was ever recorded as accepted.
        may_exist: it may have been created all the same.
        has_moved: it had another e-mail address or phone before.
        id_prefix: of the shop.

    Raises:
        Unmappable: the contact has neither e-mail address nor phone, without which the API creates no contact.
    """
    wants = contact.consent.subscribed if contact.consent else None
    refuses = wants is False
    requests: list[ApiRequest] = []
    if at_the_api is None or replace(contact, consent=None) != replace(at_the_api, consent=None):
        prefixed_contact = prefixed(contact, id_prefix)
        requests = [_subscription(prefixed_contact) if refuses and is_first else contact_request(prefixed_contact)]
        if refuses and is_first and may_exist and has_moved:
            # A subscription leaves the addresses of a contact that exists as they are.
            requests.append(contact_request(prefixed_contact))
    if contact.email and wants is not None and wants != sent_consent:
        if refuses:
            # A contact that was created as unconfirmed is in no list of those that unsubscribed.
            if may_exist or not is_first:
                requests.append(_unsubscribed("add", contact.email))
        # The address may be in the list since it was another contact's.
        elif sent_consent is False or has_moved:
            requests.append(_unsubscribed("delete", contact.email))
    return requests


def contact_request(contact: Contact) -> ApiRequest:
    """Return the request that creates the contact as confirmed, or updates it. Raises as `contact_requests`."""
    return contact_with(_body(contact))


def _subscription(contact: Contact) -> ApiRequest:
    body = _body(contact)
    check_contact(body)
    return ApiRequest("v1/contact/subscribe", dump({"contact": body}))


def _unsubscribed(change: str, email: str) -> ApiRequest:
    return ApiRequest(f"v1/emails/unsubscribed/{change}", dump({"emails": [email]}))


def _body(contact: Contact) -> dict[str, Any]:
    if not contact.reachable:
        raise Unmappable(contact.unreachable_reason)
    channels = present((("email", contact.email), ("sms", contact.phone)))
    fields = present(
        (
            ("firstName", contact.first_name),
            ("lastName", contact.last_name),
            ("externalCustomerId", contact.customer_id),
            ("languageCode", contact.language),
        )
    )
    body: dict[str, Any] = dict(fields) | {"channels": [{"type": kind, "value": value} for kind, value in channels]}
    if home := contact.address:
        parts = (("region", home.region), ("town", home.town), ("address", home.street), ("postcode", home.postcode))
        body["address"] = dict(present(parts))
    return body


def delete_request(customer_id: str, id_prefix: str = "") -> ApiRequest:
    """Return the request that deletes the contact of a customer. The API can restore it."""
    return _deletion(f"v1/contact?externalCustomerId={quote(id_prefix + customer_id, safe='')}", erase=False)


def erase_requests(
    contact: Contact,
    recorded: Sequence[tuple[Contact, int | None]] = (),
    order_ids: Iterable[str] = (),
    id_prefix: str = "",
) -> list[ApiRequest]:
    """Return the requests that erase a person and their orders.

    The API erases a contact by the platform's customer id or by its own id. Of an address for which neither is
    recorded, a request for the contact of that address gives the API's id. If the API has no such contact any more, it
    creates one and erases it.

    Args:
        contact: the contact that the erasure request names.
        recorded: the contacts that are recorded, each with the API's id if that is known.
        order_ids: the orders that the erasure request names.
        id_prefix: of the shop.
    """
    people = [contact, *(person for person, _ in recorded)]
    ids = dict.fromkeys(person.customer_id for person in people if person.customer_id)
    api_ids = dict.fromkeys(id for _, id in recorded if id)
    requests = [_deletion(f"v1/contact?externalCustomerId={quote(id_prefix + id, safe='')}", erase=True) for id in ids]
    requests += [_deletion(f"v1/contact/{id}?", erase=True) for id in api_ids]
    # The contact of a customer id or of an API's id is erased with all its addresses.
    erased = {value for person, id in recorded if id or person.customer_id for value in (person.email, person.phone)}
    addresses = [("email", person.email) for person in people] + [("sms", person.phone) for person in people]
    for kind, value in dict.fromkeys(addresses):
        if value and value not in erased:
            requests += [
                contact_with({"channels": [{"type": kind, "value": value}]}),
                _deletion(f"v1/contact/{CONTACT_ID}?", erase=True),
            ]
    ids_of_orders = [id_prefix + id for id in dict.fromkeys(order_ids)]
    for start in range(0, len(ids_of_orders), _MOST_ORDERS):
        body = dump({"externalOrderIds": ids_of_orders[start : start + _MOST_ORDERS]})
        requests.append(ApiRequest("v1/orders", body, method="DELETE"))
    return requests


def _deletion(path: str, *, erase: bool) -> ApiRequest:
    joint = "" if path.endswith("?") else "&"
    return ApiRequest(f"{path}{joint}erase={'true' if erase else 'false'}", b"", method="DELETE")
