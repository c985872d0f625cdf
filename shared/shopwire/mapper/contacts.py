"""A person becomes v1/contact: created or updated for a change, erased for an erasure request."""

from urllib.parse import quote

from shopwire.errors import Unmappable
from shopwire.mapper.params import ApiRequest, contact_with, digest, hashed_key, present
from shopwire.models import Contact


def contact_request(contact: Contact) -> ApiRequest:
    """Return the request that creates or updates the contact.

    Raises:
        Unmappable: the contact has neither e-mail address nor phone, without which the API creates no contact.
    """
    if not contact.reachable:
        raise Unmappable(contact.unreachable_reason)
    channels = present((("email", contact.email), ("sms", contact.phone)))
    fields = present(
        (
            ("firstName", contact.first_name),
            ("lastName", contact.last_name),
            ("externalCustomerId", contact.customer_id),
        )
    )
    body = dict(fields) | {"channels": [{"type": kind, "value": value} for kind, value in channels]}
    return contact_with(body)


def contact_digest(contact: Contact) -> str:
    """Return a digest of what `contact_request` would send."""
    return digest([("body", contact_request(contact).body.decode())])


def erase_requests(*contacts: Contact) -> list[ApiRequest]:
    """Return the requests that erase these contacts at the API.

    A customer is erased by the customer id. The contact of a guest has no id of the platform, and the API erases only
    by an id, so the contact that it finds by the address gets one first, and is erased by that. If the API has no such
    contact any more, it creates one and erases it.
    """
    ids = dict.fromkeys(contact.customer_id for contact in contacts if contact.customer_id)
    emails = dict.fromkeys(contact.email for contact in contacts if contact.email)
    phones = dict.fromkeys(contact.phone for contact in contacts if contact.phone)
    requests = [_erasure(id) for id in ids]
    for kind, value in (*(("email", email) for email in emails), *(("sms", phone) for phone in phones)):
        id = f"erased-{hashed_key(value)}"
        named = {"externalCustomerId": id, "channels": [{"type": kind, "value": value}]}
        requests += [contact_with(named), _erasure(id)]
    return requests


def _erasure(id: str) -> ApiRequest:
    return ApiRequest(f"v1/contact?externalCustomerId={quote(id, safe='')}&erase=true", b"", method="DELETE")
