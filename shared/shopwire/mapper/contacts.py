"""A person to v1/contact: created or updated on a change, erased on a redaction. Pure."""

from urllib.parse import quote

from shopwire.mapper.params import ApiRequest, Unmappable, digest, dump, present
from shopwire.models import Contact


def contact_request(contact: Contact) -> ApiRequest:
    """The request that makes the API know this person.

    Raises:
        Unmappable: neither an e-mail address nor a phone, without which the API makes no contact.
    """
    if not contact.reachable:
        raise Unmappable("anonymous")
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
    """Stands for what `contact_request` would say."""
    return digest([("body", contact_request(contact).body.decode())])


def erase_requests(*contacts: Contact) -> list[ApiRequest]:
    """The requests after which the API has forgotten these persons: by the customer id, and by what stood for the id
    while one bought as a guest (his e-mail address or phone)."""
    ids = dict.fromkeys(id for one in contacts for id in (one.customer_id, one.email, one.phone) if id)
    return [
        ApiRequest(f"v1/contact?externalCustomerId={quote(id, safe='')}&erase=true", b"", method="DELETE") for id in ids
    ]
