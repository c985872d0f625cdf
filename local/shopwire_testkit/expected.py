"""What each sample becomes: the API requests, or the reason why there are none.

The result is in a file beside the sample (`Sample.expected_path`), so that a reviewer sees what a change of a platform
or of the mapper does. `make expected` writes the files, and tests/platforms/test_conformance.py compares.

Each delivery of a body is decided for two situations, as `shopwire map` does:
- new: the API has neither the contact nor the order, and the order is recent.
- known: the API has the contact, and the order with another status and the same content otherwise. A cart or a consent
  that names no person, and the order of a fact, belong to `OWNER`. The order of a fact was sent in one parcel. If a
  webhook says nothing but the consent, the API has the opposite one.
"""

import json
from dataclasses import replace
from typing import Any

from pydantic_core import from_json

from shopwire import platforms
from shopwire.delivery.decide import DeleteContact, Done, Erase, Fetch, Park, Send, SyncContact, decide
from shopwire.delivery.task import DAY_MS, Policy
from shopwire.errors import Unmappable, Unreadable
from shopwire.mapper import ApiRequest, SentOrder, contact_requests, sent_with_another_status
from shopwire.models import (
    CartChange,
    Change,
    Contact,
    OrderChange,
    OrderDeleted,
    ParcelArrived,
    Reason,
    Shop,
    Status,
)
from shopwire.stores.entry import Entry
from shopwire_testkit.fetched import CannedApi, with_state
from shopwire_testkit.samples import Sample, sample_shop, signed_webhook

OWNER = Contact(email="owner@example.com")
# How the assumed entry refers to the contact. The store of contacts refers to one by a hash.
_CONTACT_REF = "contact"
_RECEIVED_AT = 1_798_761_600_000  # 2027-01-01T00:00:00Z, later than all samples
_POLICY = Policy(new_order_ms=100 * 365 * DAY_MS)
_LINE_LENGTH = 120

Result = list[ApiRequest] | dict[str, Any]
"""The requests in sending order, or the outcome and its reason."""


def expected_text(sample: Sample) -> str:
    """Return the content of the file beside the sample."""
    platform = platforms.get(sample.platform)
    shop = sample_shop(platform)
    webhook = signed_webhook(platform, sample.topic, sample.body, shop, _RECEIVED_AT)
    try:
        deliveries = [
            replace(delivery, change=with_state(delivery.change, platform, shop, CannedApi(sample.answers)))
            for delivery in platform.read(webhook, shop)
        ]
    except Unreadable as error:
        return _text([{"unreadable": str(error)}])
    return _text(
        [
            {
                "topic": delivery.topic,
                "entity": str(delivery.entity or "none"),
                "version": delivery.change.version,
                "new": _shown(result(delivery.change, shop, known=False, contact=None)),
                "known": _shown(result(delivery.change, shop, known=True, contact=OWNER)),
            }
            for delivery in deliveries
        ]
    )


def result(change: Change, shop: Shop, *, known: bool, contact: Contact | None) -> Result:
    """Return what follows from a change: the requests in sending order, or the outcome and its reason.

    Args:
        known: the API has the contact, and the order with another status and the same content otherwise. Otherwise it
            has neither, and the order is recent.
        contact: the contact that the cart's token is known to belong to; for a fact, the contact of the order, which
            the API knows and which was sent in one parcel. None if neither is known.
    """
    contact_ref = _CONTACT_REF if contact else None
    entry = _entry(change, contact_ref, shop, known=known)
    cart_contact_ref = contact_ref if change.cart_token else None
    match decide(change, entry, shop, _POLICY, _RECEIVED_AT, cart_contact_ref):
        case Done() as done:
            return _outcome(done.outcome.status, done.outcome.reason, done.outcome.details)
        case Park() as park:
            return _outcome("parked", park.reason, park.details)
        case DeleteContact() | Erase():
            return {"outcome": "erased"}
        case SyncContact():
            try:
                return _contact_requests(change, contact, shop, known=known)
            except Unmappable as error:
                return _unmappable(error)
        case Send() as send:
            return _requests(send, contact, shop, known=known)
        case Fetch():
            raise ValueError("the state of a thin change must be fetched first (`fetched.with_state`)")


def _contact_requests(change: Change, contact: Contact | None, shop: Shop, *, known: bool) -> list[ApiRequest]:
    named = change.contact
    if not known:
        return contact_requests(named, id_prefix=shop.id_prefix)
    if contact and not named.reachable:
        named = replace(contact, customer_id=named.customer_id, consent=named.consent)
    other_consent = None if change.version is not None or named.consent is None else not named.consent.subscribed
    return contact_requests(named, sent_consent=other_consent, is_first=False, id_prefix=shop.id_prefix)


def _entry(change: Change, contact_ref: str | None, shop: Shop, *, known: bool) -> Entry:
    match change:
        case OrderChange() if known:
            order = change.order.with_facts(frozenset(), deleted=False)
            return Entry(sent=sent_with_another_status(order, shop.id_prefix).record)
        case ParcelArrived() if contact_ref:
            return Entry(sent=_IN_PROGRESS.record, contact_ref=contact_ref, open_parcels=(change.parcel.id,))
        case OrderDeleted() if contact_ref:
            return Entry(sent=_IN_PROGRESS.record, contact_ref=contact_ref)
        case CartChange():
            return Entry(contact_ref=contact_ref)
    return Entry()


_IN_PROGRESS = SentOrder(Status.IN_PROGRESS, digest="", content="")


def _requests(send: Send, contact: Contact | None, shop: Shop, *, known: bool) -> Result:
    named = send.contact
    # A customer id alone identifies only a contact that the API has already.
    if named.reachable or (known and named.key) or contact is None:
        contact = named
    try:
        # A missing contact is created first, and only if the API can create it.
        created = [] if known or send.is_fact else contact_requests(contact, id_prefix=shop.id_prefix)
        return [*created, *(step.request for step in send.plan(contact, None))]
    except Unmappable as error:
        return _unmappable(error)


def _unmappable(error: Unmappable) -> dict[str, Any]:
    details = {"field": error.field} if error.field else {}
    return _outcome("ignored" if error.reason is Reason.ANONYMOUS else "parked", error.reason, details)


def _outcome(status: str, reason: Reason | None, details: Any) -> dict[str, Any]:
    return {"outcome": status, "reason": reason} | dict(details)


def _shown(of: Result) -> Any:
    if isinstance(of, dict):
        return of
    return [{"path": request.path, "body": from_json(request.body)} for request in of]


def _text(value: Any) -> str:
    return _indented(value, 0) + "\n"


def _indented(value: Any, depth: int) -> str:
    """Return JSON with each value that fits, and each param of an event, on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    is_param = isinstance(value, dict) and value.keys() == {"name", "value"}
    if depth + len(flat) <= _LINE_LENGTH or is_param or not isinstance(value, dict | list):
        return flat
    inner = " " * (depth + 2)
    if isinstance(value, list):
        lines = [inner + _indented(part, depth + 2) for part in value]
        return "[\n" + ",\n".join(lines) + "\n" + " " * depth + "]"
    lines = [f"{inner}{json.dumps(name)}: {_indented(part, depth + 2)}" for name, part in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
