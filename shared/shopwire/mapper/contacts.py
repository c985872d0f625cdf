"""A person becomes v1/contact: created or updated for a change, erased for an erasure request."""

from urllib.parse import quote

from shopwire.errors import Unmappable
from shopwire.mapper.params import ApiRequest, digest, dump, present
from shopwire.models import Contact, Reason


def contact_request(contact: Contact) -> ApiRequest:
    """Return the request that creates or updates the contact.

    Raises:
        Unmappable: the contact has neither e-mail address nor phone, without which the API creates no contact.
    """
    if not contact.reachable:
        raise Unmappable(Reason.ANONYMOUS)
    channels = present((("email", contact.email), ("sms", contact.phone)))
    fields = present(
        (
            ("firstName", contact.first_name),
            ("lastName", contact.last_name),
            ("externalCustomerId", contact.customer_id or contact.key),
        )
    )
    body = dict(fields) | {"channels": [{"type": kind, "value": value} for kind, value in channels]}
    return ApiRequest("v1/contact", dump(body))


def contact_digest(contact: Contact) -> str:
    """Return a digest of what `contact_request` would send."""
    return digest([("body", contact_request(contact).body.decode())])


def erase_requests(*contacts: Contact) -> list[ApiRequest]:
    """Return the requests that erase these contacts at the API.

    A contact is erased by the customer id, and by what took its place while the person bought as a guest (the e-mail
    address or phone).
    """
    ids = dict.fromkeys(id for contact in contacts for id in (contact.customer_id, contact.email, contact.phone) if id)
    return [
        ApiRequest(f"v1/contact?externalCustomerId={quote(id, safe='')}&erase=true", b"", method="DELETE") for id in ids
    ]
