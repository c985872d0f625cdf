"""By hand: a person with access to the installation asks for an erasure (`shopwire person erase`).

It is read like a platform's webhook, so that an erasure by hand goes the way of the platforms' erasure requests: it
waits, is tried again and is parked in the same way. Nothing that comes over HTTP is read here.
"""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from shopwire.errors import NotVerified
from shopwire.models import Change, Contact, Delivery, Reason, Redaction, Shop, Webhook
from shopwire.models.base import Id
from shopwire.models.contact import person
from shopwire.models.phone import Phone
from shopwire.platforms.base import Kind, Platform, Retries, SampleFields, Secret, Signature, SignedCall, Topic
from shopwire.platforms.parts import ExactBody
from shopwire.platforms.signatures import short_hash

NAME = "by_hand"
_TOPIC = "person/erase"


class _Erasure(ExactBody):
    request: Id
    email: str | None = None
    phone: str | None = None
    id: str | None = None
    orders: list[Id] = []


def named_person(shop: Shop, *, email: str | None = None, phone: str | None = None, id: str | None = None) -> Contact:
    """Return the contact that these name, cleaned as those of webhooks are."""
    return person(emails=(email,), phones=(Phone(phone),), region=shop.region, customer_id=id)


def erasure_request(contact: Contact, order_ids: Iterable[str], now: int) -> Webhook:
    """Return a new request to erase the person and these orders. `now` is UTC milliseconds."""
    named: dict[str, Any] = {"email": contact.email, "phone": contact.phone, "id": contact.customer_id}
    body = {name: value for name, value in named.items() if value}
    # Each request has an id of its own, so that it does not count as the repetition of an executed one.
    body |= {"request": uuid.uuid4().hex, "orders": list(order_ids)}
    return Webhook({}, json.dumps(body).encode(), now)


def _erasure(webhook: Webhook, shop: Shop) -> Change:
    body = _Erasure.model_validate_json(webhook.body)
    contact = named_person(shop, email=body.email, phone=body.phone, id=body.id)
    # The id is in keys and log lines, so it is never an address.
    return Redaction(contact, contact.customer_id or f"by-hand-{short_hash(webhook.body)}", tuple(body.orders))


class ByHand(Platform):
    """Requests of the command line."""

    name = NAME
    title = "By hand"
    documentation = "docs/operate.md"
    topics = (Topic(_TOPIC, Kind.FACT, _erasure, connect=False, destroys=True),)
    kept_headers = ()
    shown_headers = ()
    signature = Signature(covers_body=False)
    secret = Secret(made_by="shop", where="access to the installation")
    retries = Retries(delays_seconds=(), timeout_seconds=60)
    sample_fields = SampleFields(ids=("request",), changed=(), every_call_is_new=True)

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        raise NotVerified(Reason.SIGNATURE_MISSING, "requests by hand do not come over HTTP")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        return [Delivery(_TOPIC, short_hash(webhook.body), self.change(_TOPIC, webhook, shop))]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        return SignedCall({}, body)
